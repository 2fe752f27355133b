#include "core/codec/debezium_shape.h"

#include "core/codec/debezium_schema.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"

namespace headgate::codec {

DebeziumEncoder::SourceNames::SourceNames(std::string_view db, std::string_view schema_name,
                                          std::string_view table_name) {
  database = ",\"db\":";
  AppendJsonString(database, db);
  schema = ",\"schema\":";
  AppendJsonString(schema, schema_name);
  table = ",\"table\":";
  AppendJsonString(table, table_name);
}

std::string SchemaHead(const ConnectSchema& schema) {
  std::string head = "{\"schema\":";
  AppendJson(head, schema);
  return head + ",\"payload\":";
}

DebeziumEncoder::Shape::Shape(const TableSchema& schema, std::string_view source_name, std::string_view connector,
                              const DebeziumOptions& options)
    : table(schema.schema.empty() ? schema.table : schema.schema + "." + schema.table),
      topic(TopicName(std::string(source_name) + "." + table)),
      names(schema.database, schema.schema, schema.table),
      columns(schema.columns.size()) {
  std::vector<std::size_t> field_of(columns, columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const Column& column = schema.columns[i];
    auto type = MakeDebeziumType(column.type, options);
    if (!type) continue;
    field_of[i] = fields.size();
    Field& field = fields.emplace_back();
    field.column = i;
    AppendJsonString(field.name, AdjustName(column.name, options.field_names));
    field.name.push_back(':');
    field.plain_name = column.name;
    field.nullable = column.nullable;
    const auto fallback = DefaultOf(*type, column.default_expression);
    field.default_json = fallback.value_or("");
    field.null = options.null_with_default && fallback ? *fallback : "null";
    if (column.nullable) {
      field.absent = field.null;
    } else {
      field.absent = fallback ? fallback : ZeroOf(*type);
    }
    field.unavailable = UnavailableOf(*type, column.nullable);
    if (IsMysql(column.type)) {  // images lack columns on either side (DM49)
      field.absent = field.unavailable;
      type->nullable = column.nullable;
      type->zero_date = fallback.value_or("");
    }
    field.type = std::move(*type);
  }

  std::vector<std::size_t> key_columns = schema.Key();
  if (const auto* chosen = options.KeyColumnsOf(schema.schema, schema.table)) {
    key_columns.clear();
    for (const std::string& name : chosen->columns) {
      for (std::size_t i = 0; i < columns; ++i) {
        if (schema.columns[i].name == name) key_columns.push_back(i);
      }
    }
  }
  for (const std::size_t column : key_columns) {
    if (field_of[column] < columns) key.push_back(field_of[column]);
  }
  if (!options.schemas && !options.schemas_apart) return;
  value_schema = EnvelopeSchema(topic, RowSchema(schema, options), connector, options);
  if (!key.empty()) key_schema = KeySchema(schema, options);
  if (options.schemas_apart) return;
  value_head = SchemaHead(*value_schema);
  if (key_schema) key_head = SchemaHead(*key_schema);
}

ConnectSchema DebeziumEncoder::Shape::SchemaOf(const Field& field, const Column& column,
                                               const DebeziumOptions& options) {
  ConnectSchema schema = SchemaOfType(field.type);
  schema.optional = schema.optional || field.nullable;
  schema.default_json = field.default_json;
  if (options.schema_comments) schema.doc = schema.doc.empty() || !column.comment.empty() ? column.comment : schema.doc;
  return std::move(schema).Field(AdjustName(column.name, options.field_names));
}

ConnectSchema DebeziumEncoder::Shape::RowSchema(const TableSchema& schema, const DebeziumOptions& options) const {
  std::vector<ConnectSchema> members;
  for (const Field& field : fields) members.push_back(SchemaOf(field, schema.columns[field.column], options));
  ConnectSchema row = StructOf(AdjustSchemaName(topic + ".Value", options.schema_names), 0, std::move(members));
  return std::move(row).Optional();
}

ConnectSchema DebeziumEncoder::Shape::KeySchema(const TableSchema& schema, const DebeziumOptions& options) const {
  std::vector<ConnectSchema> members;
  for (const std::size_t i : key) members.push_back(SchemaOf(fields[i], schema.columns[fields[i].column], options));
  return StructOf(AdjustSchemaName(topic + ".Key", options.schema_names), 0, std::move(members));
}

Status DebeziumEncoder::Shape::AppendField(std::string& out, const Field& field, const Value& value,
                                           Image image) const {
  const char* why = nullptr;
  if (value.is_null()) {
    out += field.null;
    return Ok();
  }
  if (value.is_absent()) {
    const auto& stand_in = image == Image::kBefore ? field.absent : field.unavailable;
    if (stand_in) {
      out += *stand_in;
      return Ok();
    }
    why = "the source did not send its value and this rendering has no placeholder for its type";
  } else {
    why = field.type.write(out, field.type, value);
    if (why == nullptr) return Ok();
    if (why == kAsNull && field.nullable) {
      out += "null";
      return Ok();
    }
  }
  return Rejected("column " + field.plain_name + " of " + table + ": " + why);
}

Status DebeziumEncoder::Shape::AppendRow(std::string& out, const std::vector<Value>& row, Image image) const {
  char separator = '{';
  for (const Field& field : fields) {
    out.push_back(separator);
    separator = ',';
    out += field.name;
    HG_RETURN_IF_ERROR(AppendField(out, field, row[field.column], image));
  }
  if (separator == '{') out.push_back('{');
  out.push_back('}');
  return Ok();
}

Status DebeziumEncoder::Shape::AppendKey(std::string& out, const std::vector<Value>& row, Image image) const {
  if (key.empty()) return Ok();
  char separator = '{';
  for (const std::size_t i : key) {
    const Field& field = fields[i];
    out.push_back(separator);
    separator = ',';
    out += field.name;
    HG_RETURN_IF_ERROR(AppendField(out, field, row[field.column], image));
  }
  out.push_back('}');
  return Ok();
}

}  // namespace headgate::codec
