#include "tests/unit/codec/sample.h"

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/base/time_text.h"

namespace headgate::testing {
namespace {

std::string Blob(ValueKind kind, std::string_view bytes) {
  std::string out;
  PutBlob(out, kind, bytes);
  return out;
}

template <class... A>
std::string Encoded(void (*put)(std::string&, A...), A... args) {
  std::string out;
  put(out, args...);
  return out;
}

std::string Failure(const Status& status) {
  return std::string(Name(status.error().kind)) + ": " + status.error().what;
}

// What stands between the two marks.
std::string Between(const std::string& text, std::string_view from, std::string_view to) {
  const std::size_t start = text.find(from);
  const std::size_t end = text.find(to, start);
  if (start == std::string::npos || end == std::string::npos) return "not found in " + text;
  return text.substr(start + from.size(), end - start - from.size());
}

std::string Rendered(const codec::EventContext& event, codec::DebeziumOptions options, std::string_view from,
                     std::string_view to) {
  codec::DebeziumEncoder encoder(std::move(options));
  codec::RecordList records;
  const Status status = encoder.Render(event, records);
  if (!status.ok()) return Failure(status);
  return Between(records[0].value, from, to);
}

}  // namespace

std::string Null() { return Encoded(PutNull); }
std::string Absent() { return Encoded(PutAbsent); }
std::string Bool(bool v) { return Encoded(PutBool, v); }
std::string Int(std::int64_t v) { return Encoded(PutInt, v); }
std::string Uint(std::uint64_t v) { return Encoded(PutUint, v); }
std::string Float(float v) { return Encoded(PutFloat, v); }
std::string Double(double v) { return Encoded(PutDouble, v); }
std::string Decimal(std::string_view text) { return Blob(ValueKind::kDecimal, text); }
std::string Text(std::string_view text) { return Blob(ValueKind::kText, text); }
std::string RawText(std::string_view bytes) { return Blob(ValueKind::kRawText, bytes); }
std::string Bytes(std::string_view bytes) { return Blob(ValueKind::kBytes, bytes); }
std::string Json(std::string_view text) { return Blob(ValueKind::kJson, text); }
std::string Bits(std::string_view text) { return Blob(ValueKind::kBits, text); }
std::string Uuid(std::string_view hex) {
  const std::string bytes = *FromHex(hex);
  return Encoded(PutUuid, std::string_view(bytes));
}
std::string Date(std::int64_t days) { return Encoded(PutDate, days); }
std::string Time(std::int64_t us) { return Encoded(PutTime, us); }
std::string TimeTz(std::int64_t us, std::int32_t offset) { return Encoded(PutTimeTz, us, offset); }
std::string Timestamp(std::int64_t us) { return Encoded(PutTimestamp, us); }
std::string TimestampTz(std::int64_t us) { return Encoded(PutTimestampTz, us); }
std::string Interval(std::int32_t months, std::int32_t days, std::int64_t us) {
  return Encoded(PutInterval, months, days, us);
}

std::string Array(const std::vector<ArrayDimension>& dimensions, const std::vector<std::string>& elements) {
  std::string payload;
  PutArrayHeader(payload, dimensions);
  for (const std::string& e : elements) payload += e;
  return Blob(ValueKind::kArray, payload);
}
std::string Array(const std::vector<std::string>& elements) {
  if (elements.empty()) return Array({}, {});
  return Array({{static_cast<std::int64_t>(elements.size()), 1}}, elements);
}
std::string Composite(const std::vector<std::string>& fields) {
  std::string payload;
  for (const std::string& f : fields) payload += f;
  return Blob(ValueKind::kComposite, payload);
}

std::int64_t Clock(int hours, int minutes, int seconds, int micros) {
  return ((hours * 60LL + minutes) * 60 + seconds) * 1'000'000 + micros;
}
std::int64_t Moment(std::int64_t year, int month, int day, int hours, int minutes, int seconds, int micros) {
  return (DaysFromCivil(year, month, day) - DaysFromCivil(2000, 1, 1)) * 86'400'000'000 +
         Clock(hours, minutes, seconds, micros);
}

DataType Type(TypeKind kind, std::string_view base) {
  DataType t;
  t.kind = kind;
  t.base = base;
  t.declared = base;
  return t;
}
DataType ArrayOf(DataType element) {
  DataType t = Type(TypeKind::kArray, "_" + element.base);
  t.children.push_back(std::move(element));
  return t;
}
DataType Numeric(int precision, int scale) {
  DataType t = Type(TypeKind::kDecimal, "numeric");
  t.precision = precision;
  t.scale = scale;
  return t;
}
DataType WithPrecision(DataType type, int digits) {
  type.precision = digits;
  return type;
}
DataType WithLength(DataType type, int length) {
  type.length = length;
  return type;
}
DataType Extension(std::string_view base) {
  DataType t = Type(TypeKind::kUnknown, base);
  t.extension = true;
  return t;
}

Table::Table() {
  schema.database = "shop";
  schema.schema = "public";
  schema.table = "t";
  Column& id = Add("id", Type(TypeKind::kInt64, "int8"), false);
  id.key_position = 1;
  id.identity = true;
}
Column& Table::Add(std::string name, DataType type, bool nullable) {
  Column& column = schema.columns.emplace_back();
  column.name = std::move(name);
  column.type = std::move(type);
  column.nullable = nullable;
  return column;
}

Sample::Sample(const TableSchema& schema) {
  tx.source = 1;
  tx.position = {.kind = PositionKind::kPgCommit, .a = 0x16E9FB0, .b = 0, .c = 0, .text = {}};
  tx.commit_us = 1'772'600'767'130'211;
  tx.stored_us = 1'772'600'767'230'456;
  tx.id = "556";
  tx.total = 1;
  tx.end = 0x16E9FE0;
  change.ordinal = 1;
  change.stream = 4;
  change.schema = 3;
  change.place = 0x16E9F28;
  event.tx = &tx;
  event.change = &change;
  event.schema = &schema;
  event.schema_version = 3;
  event.source_id = "shop";
  event.source_name = "shop";
  event.connector = "postgresql";
  event.database = "shop";
}

codec::EventContext Sample::Change(Op op, const std::vector<std::string>* old_row,
                                   const std::vector<std::string>* new_row) {
  before.clear();
  after.clear();
  change.op = op;
  change.has_before = old_row != nullptr;
  change.has_after = new_row != nullptr;
  if (old_row != nullptr) {
    for (const std::string& v : *old_row) before += v;
  }
  if (new_row != nullptr) {
    for (const std::string& v : *new_row) after += v;
  }
  change.before = before;
  change.after = after;
  return event;
}

std::string NativeOf(const DataType& type, const std::string& value, codec::NativeOptions options) {
  Table table;
  table.Add("v", type);
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(1), value};
  codec::NativeEncoder encoder(options);
  std::string out;
  const Status status = encoder.Append(out, sample.Change(Op::kInsert, nullptr, &row));
  if (!status.ok()) return Failure(status);
  std::string json = Between(out, "\"after\":{\"id\":1,\"v\":", ",\"position\"");
  const std::size_t null_names = json.find(",\"json_null\"");
  json.resize(null_names == std::string::npos ? json.size() : null_names);
  json.pop_back();  // the brace of after
  return json;
}

std::string DebeziumOf(const DataType& type, const std::string& value, codec::DebeziumOptions options, bool nullable) {
  Table table;
  table.Add("v", type, nullable);
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(1), value};
  return Rendered(sample.Change(Op::kInsert, nullptr, &row), std::move(options),
                  "\"after\":{\"id\":1,\"v\":", "},\"source\"");
}

std::string DebeziumUnlogged(const DataType& type, codec::DebeziumOptions options, bool nullable,
                             std::optional<std::string> expression) {
  Table table;
  table.Add("v", type, nullable).default_expression = std::move(expression);
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(1), Absent()};
  return Rendered(sample.Change(Op::kDelete, &row, nullptr), std::move(options),
                  "\"before\":{\"id\":1,\"v\":", "},\"after\":null");
}

std::string DebeziumUnsent(const DataType& type, codec::DebeziumOptions options, bool nullable) {
  Table table;
  table.Add("v", type, nullable);
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(1), Absent()};
  return Rendered(sample.Change(Op::kUpdate, nullptr, &row), std::move(options),
                  "\"after\":{\"id\":1,\"v\":", "},\"source\"");
}

codec::DebeziumOptions With(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  codec::DebeziumOptions options;
  for (const auto& [name, value] : pairs) {
    const auto known = SetOption(options, name, value);
    CHECK(known.ok() && *known);
  }
  return options;
}

}  // namespace headgate::testing
