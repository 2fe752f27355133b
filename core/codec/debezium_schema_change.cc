#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/ascii.h"
#include "core/base/encoding.h"
#include "core/codec/debezium.h"
#include "core/codec/debezium_shape.h"
#include "core/codec/json_text.h"

// The schema-change topic of MySQL and MariaDB (3.8): statements that change a schema, and what the table is then.
namespace headgate::codec {
namespace {

using Kind = SchemaExtra::Kind;

// A type as a statement or the catalogue writes it: int(10) unsigned zerofill.
struct WrittenType {
  std::string name;                    // INT UNSIGNED ZEROFILL
  std::string base;                    // INT
  std::vector<std::string> arguments;  // labels with their quotes
};

std::string Upper(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(UpperAscii(c));
  return out;
}

// To the comma or parenthesis behind the argument; quotes in a label are doubled.
std::string_view TakeArgument(std::string_view& rest) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '\'') quoted = !quoted;
    if (!quoted && (rest[i] == ',' || rest[i] == ')')) break;
  }
  const std::string_view argument = rest.substr(0, i);
  rest.remove_prefix(i);
  return argument;
}

WrittenType SplitWritten(std::string_view text) {
  WrittenType type;
  const std::size_t end = std::min(text.find_first_of(" ("), text.size());
  type.base = Upper(text.substr(0, end));
  std::string_view rest = text.substr(end);
  if (rest.starts_with('(')) {
    do {
      rest.remove_prefix(1);
      type.arguments.emplace_back(TakeArgument(rest));
    } while (rest.starts_with(','));
  }
  const std::string words = Upper(rest);
  type.name = type.base;
  if (words.find(" UNSIGNED") != std::string::npos) type.name += " UNSIGNED";
  if (words.find(" ZEROFILL") != std::string::npos) type.name += " ZEROFILL";
  return type;
}

// java.sql.Types.
int JdbcType(std::string_view base) {
  constexpr int kOther = 1111;
  constexpr std::array<std::pair<std::string_view, int>, 31> kTypes = {{
      {"BIGINT", -5},     {"BINARY", -2},   {"BIT", -7},          {"BLOB", 2004},    {"BOOL", 16},
      {"BOOLEAN", 16},    {"CHAR", 1},      {"DATE", 91},         {"DATETIME", 93},  {"DECIMAL", 3},
      {"DOUBLE", 8},      {"ENUM", 1},      {"FLOAT", 6},         {"INT", 4},        {"INTEGER", 4},
      {"LONGBLOB", 2004}, {"LONGTEXT", 12}, {"MEDIUMBLOB", 2004}, {"MEDIUMINT", 4},  {"MEDIUMTEXT", 12},
      {"SET", 1},         {"SMALLINT", 5},  {"TEXT", 12},         {"TIME", 92},      {"TIMESTAMP", 2014},
      {"TINYBLOB", 2004}, {"TINYINT", 5},   {"TINYTEXT", 12},     {"VARBINARY", -3}, {"VARCHAR", 12},
      {"YEAR", 4},
  }};
  for (const auto& [name, type] : kTypes) {
    if (name == base) return type;
  }
  return kOther;
}

// In quotes, or a number, or bits as b'101'. A clock stands for the beginning of its time.
std::string DefaultText(std::string_view expression) {
  if (expression.starts_with("b'")) expression.remove_prefix(1);
  if (expression.starts_with('\'') && expression.size() >= 2) {
    const std::string_view inner = expression.substr(1, expression.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < inner.size(); ++i) {
      const bool pair = i + 1 < inner.size() && (inner[i] == '\'' || inner[i] == '\\') && inner[i + 1] == inner[i];
      out.push_back(inner[pair ? ++i : i]);
    }
    return out;
  }
  const std::string upper = Upper(expression);
  for (const std::string_view clock : {"CURRENT_TIMESTAMP", "NOW(", "LOCALTIME"}) {
    if (upper.starts_with(clock)) return "1970-01-01 00:00:00";
  }
  return std::string(expression);
}

// What a BINARY column has, padded to its length; the catalogue may show it as 0x6162. Zeros as SQL writes them.
std::string BytesText(std::string text, const DataType& type) {
  if (text.starts_with("0x")) {
    if (auto bytes = FromHex(std::string_view(text).substr(2))) text = std::move(*bytes);
  }
  if (type.base == "binary") text.resize(std::max(text.size(), static_cast<std::size_t>(type.length)), '\0');
  std::string out;
  for (const char c : text) out += c == '\0' ? std::string("\\0") : std::string(1, c);
  return out;
}

void AppendTextOrNull(std::string& out, const std::optional<std::string>& text) {
  if (text) {
    AppendJsonString(out, *text);
  } else {
    out += "null";
  }
}

// A comment as SQL writes it between its quotes.
std::optional<std::string> CommentText(const std::string& comment, const DebeziumOptions& options) {
  if (!options.schema_comments || comment.empty()) return std::nullopt;
  std::string out;
  for (const char c : comment) {
    if (c == '\'') out.push_back(c);
    out.push_back(c);
  }
  return out;
}

// ,"length":8,"scale":3
void AppendLength(std::string& out, const WrittenType& type) {
  out += ",\"length\":";
  if (type.base == "ENUM") {
    out += "1";
  } else if (type.base == "SET") {
    AppendUint(out, type.arguments.empty() ? 0 : 2 * type.arguments.size() - 1);
  } else {
    out += type.arguments.empty() ? "null" : type.arguments[0];
  }
  const bool scaled = type.arguments.size() == 2 && type.base != "ENUM" && type.base != "SET";
  out += ",\"scale\":" + (scaled ? type.arguments[1] : "null");
}

void AppendColumn(std::string& out, const Column& column, std::size_t position, const DebeziumOptions& options) {
  const WrittenType type = SplitWritten(column.written.empty() ? column.type.declared : column.written);
  out += "{\"name\":";
  AppendJsonString(out, column.name);
  out += ",\"jdbcType\":";
  AppendInt(out, JdbcType(type.base));
  out += ",\"nativeType\":null,\"typeName\":";
  AppendJsonString(out, type.name);
  out += ",\"typeExpression\":";
  AppendJsonString(out, type.name);
  out += ",\"charsetName\":";
  AppendTextOrNull(out, column.charset.empty() ? std::nullopt : std::optional(column.charset));
  AppendLength(out, type);
  out += ",\"position\":";
  AppendUint(out, position);
  out += column.nullable ? ",\"optional\":true" : ",\"optional\":false";
  out += column.auto_increment ? ",\"autoIncremented\":true,\"generated\":true"
                               : ",\"autoIncremented\":false,\"generated\":false";
  out += ",\"comment\":";
  AppendTextOrNull(out, CommentText(column.comment, options));
  out += ",\"defaultValueExpression\":";
  std::optional<std::string> fallback = column.written_default;
  if (!fallback && column.default_expression) fallback = DefaultText(*column.default_expression);
  if (fallback && column.type.kind == TypeKind::kBytes) fallback = BytesText(std::move(*fallback), column.type);
  AppendTextOrNull(out, fallback);
  out += ",\"enumValues\":";
  if (type.base == "ENUM" || type.base == "SET") {
    char separator = '[';
    for (const std::string& label : type.arguments) {
      out.push_back(std::exchange(separator, ','));
      AppendJsonString(out, label);
    }
    out.push_back(']');
  } else {
    out += "null";
  }
  out.push_back('}');
}

void AppendTable(std::string& out, const TableSchema& schema, bool like, const DebeziumOptions& options) {
  out += "{\"defaultCharsetName\":";
  AppendTextOrNull(out, schema.charset.empty() ? std::nullopt : std::optional(schema.charset));
  out += ",\"primaryKeyColumnNames\":[";
  bool first = true;
  for (const std::size_t i : schema.Key()) {
    if (!std::exchange(first, false)) out.push_back(',');
    AppendJsonString(out, schema.columns[i].name);
  }
  out += "],\"columns\":[";
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendColumn(out, schema.columns[i], i + 1, options);
  }
  out += "],\"comment\":";
  AppendTextOrNull(out, like ? std::nullopt : CommentText(schema.comment, options));
  out.push_back('}');
}

// "\"db\".\"table\"", a JSON string.
void AppendTableId(std::string& out, const SchemaExtra& change) {
  std::string id;
  for (const std::string* name : {&change.database, &change.table}) {
    id += id.empty() ? "\"" : ".\"";
    for (const char c : *name) {
      if (c == '"') id.push_back(c);
      id.push_back(c);
    }
    id.push_back('"');
  }
  AppendJsonString(out, id);
}

void AppendTableChanges(std::string& out, const SchemaExtra& change, const TableSchema* schema,
                        const DebeziumOptions& options) {
  const bool drop = change.kind == Kind::kDrop;
  const bool shown = change.kind == Kind::kCreate || change.kind == Kind::kAlter;
  out += ",\"tableChanges\":[";
  if (drop || (shown && schema != nullptr)) {
    out += drop ? "{\"type\":\"DROP\"" : change.kind == Kind::kCreate ? "{\"type\":\"CREATE\"" : "{\"type\":\"ALTER\"";
    out += ",\"id\":";
    AppendTableId(out, change);
    out += ",\"table\":";
    if (drop) {
      out += "null";
    } else {
      AppendTable(out, *schema, change.like, options);
    }
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

Status DebeziumEncoder::RenderSchemaChange(const EventContext& e, RecordList& out) {
  HG_ASSIGN_OR_RETURN(const SchemaExtra change, DecodeSchemaChange(e.change->extra));
  SourceNames names(change.database, "", change.kind == Kind::kIndex ? "" : change.table);
  if (change.kind == Kind::kDatabase) names.table = ",\"table\":null";
  Record& record = out.Add();
  record.topic = TopicName(e.source_name);
  record.has_key = record.has_value = true;
  record.key = "{\"databaseName\":";
  AppendJsonString(record.key, change.database);
  record.key.push_back('}');

  std::string source;
  AppendSource(source, e, names);
  std::string& value = record.value;
  value = "{" + source.substr(1);
  value += ",\"ts_ms\":";
  AppendInt(value, e.tx->stored_us / 1000);
  value += ",\"databaseName\":";
  AppendJsonString(value, change.database);
  value += ",\"schemaName\":null,\"ddl\":";
  AppendJsonString(value, change.ddl);
  AppendTableChanges(value, change, e.schema, *options_);
  value.push_back('}');
  Wrap(record, ServiceRecord::kSchemaChange, e.connector);
  return Ok();
}

}  // namespace headgate::codec
