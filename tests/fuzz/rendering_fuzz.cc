// Values down to the JSON that leaves, in both renderings: the first byte chooses the column's type, the second the
// options, the rest is the value as the server writes it and, behind the last NUL, the column's default expression. An
// odd third choice makes the rest a stored row, which a disk may have damaged: it may be refused, never misread.
#include <array>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/codec/debezium.h"
#include "core/codec/json_text.h"
#include "core/codec/native.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/pg_types.h"

namespace headgate::codec {
namespace {

using Setting = std::pair<std::string_view, std::string_view>;

constexpr std::array<std::array<Setting, 6>, 7> kDebeziumSettings = {{
    {{}},
    {{{"time.precision.mode", "structured"},
      {"decimal.format", "NUMERIC"},
      {"binary.handling.mode", "base64"},
      {"hstore.handling.mode", "map"},
      {"include.unknown.datatypes", "true"},
      {"interval.handling.mode", "string"}}},
    {{{"time.precision.mode", "isostring"},
      {"decimal.handling.mode", "string"},
      {"binary.handling.mode", "hex"},
      {"replace.null.with.default", "true"},
      {"include.unknown.datatypes", "true"},
      {"provide.transaction.metadata", "true"}}},
    {{{"time.precision.mode", "nanoseconds"},
      {"decimal.handling.mode", "double"},
      {"binary.handling.mode", "base64-url-safe"},
      {"replace.null.with.default", "true"},
      {"include.unknown.datatypes", "true"}}},
    {{{"time.precision.mode", "microseconds"}, {"field.name.adjustment.mode", "avro"}}},
    {{{"time.precision.mode", "connect"}, {"extended.headers.enabled", "true"}}},
    {{{"time.precision.mode", "adaptive_time_microseconds"}, {"compat.nonfinite_decimal", "null"}}},
}};
constexpr std::array<std::array<Setting, 3>, 2> kNativeSettings = {{
    {{}},
    {{{"decimal", "number"}, {"json", "text"}, {"geometry", "wkb"}}},
}};

template <class Options, class Settings>
Options With(const Settings& settings) {
  Options options;
  for (const auto& [name, value] : settings) {
    if (!name.empty()) CHECK(SetOption(options, name, value).ok());
  }
  return options;
}

std::vector<postgres::TypePtr> MakeTypes() {
  std::vector<postgres::TypePtr> types;
  const std::pair<std::uint32_t, const char*> built_in[] = {
      {16, "bool"},          {17, "bytea"},     {18, "char"},       {20, "int8"},       {21, "int2"},
      {22, "int2vector"},    {23, "int4"},      {25, "text"},       {26, "oid"},        {114, "json"},
      {3802, "jsonb"},       {600, "point"},    {601, "lseg"},      {602, "path"},      {603, "box"},
      {604, "polygon"},      {628, "line"},     {718, "circle"},    {700, "float4"},    {701, "float8"},
      {790, "money"},        {869, "inet"},     {1042, "bpchar"},   {1082, "date"},     {1083, "time"},
      {1114, "timestamp"},   {1266, "timetz"},  {1186, "interval"}, {1560, "bit"},      {1562, "varbit"},
      {1184, "timestamptz"}, {1700, "numeric"}, {2950, "uuid"},     {3614, "tsvector"}, {3904, "int4range"}};
  for (const auto& [oid, name] : built_in) types.push_back(fuzz::BuiltIn(oid, name));
  for (const char* name : {"hstore", "geometry", "geography", "vector", "halfvec", "sparsevec", "ltree", "citext"}) {
    types.push_back(fuzz::Extension(name));
  }
  types.push_back(fuzz::BuiltIn(1700, "numeric", (10 << 16 | 2) + 4));
  types.push_back(fuzz::BuiltIn(1700, "numeric", (5 << 16 | (-3 & 0x7FF)) + 4));
  types.push_back(fuzz::BuiltIn(1114, "timestamp", 3));
  types.push_back(fuzz::BuiltIn(1083, "time", 0));
  types.push_back(fuzz::BuiltIn(1560, "bit", 1));
  const std::size_t scalars = types.size();
  for (std::size_t i = 0; i < scalars; ++i) types.push_back(fuzz::ArrayOf(types[i]));
  types.push_back(fuzz::Pair({types[7], types[31], types[scalars + 6]}));
  types.push_back(fuzz::ArrayOf(types.back()));
  return types;
}

bool IsDocument(std::string_view json) {
  std::string compact;
  return IsUtf8(json) && AppendCompactJson(compact, json);
}

// Renders changes of a table (id bigint, v <type>).
class Bench {
 public:
  Bench(const DataType& type, std::string_view default_expression, std::size_t options)
      : native_(With<NativeOptions>(kNativeSettings[options % kNativeSettings.size()])),
        debezium_(With<DebeziumOptions>(kDebeziumSettings[options % kDebeziumSettings.size()])) {
    tx_.position = {PositionKind::kPgCommit, 77, 0, 0, {}};
    tx_.total = 1;
    schema_.schema = "public";
    schema_.table = "t";
    schema_.columns.resize(2);
    schema_.columns[0].name = "id";
    schema_.columns[0].type.kind = TypeKind::kInt64;
    schema_.columns[0].type.declared = "bigint";
    schema_.columns[0].type.base = "int8";
    schema_.columns[0].key_position = 1;
    schema_.columns[1].name = "v";
    schema_.columns[1].type = type;
    schema_.columns[1].nullable = options % 2 == 0;
    if (!default_expression.empty()) schema_.columns[1].default_expression = default_expression;
  }

  // `sound`: the bytes come from our own encoder, so only a value that the rendering has no form for may be refused.
  void Render(Op op, std::string_view value, bool sound) {
    std::string row;
    PutInt(row, 42);
    row += value;
    Change change;
    change.op = op;
    change.ordinal = 1;
    change.stream = 1;
    change.schema = 1;
    (op == Op::kDelete ? change.has_before : change.has_after) = true;
    (op == Op::kDelete ? change.before : change.after) = row;
    EventContext event;
    event.tx = &tx_;
    event.change = &change;
    event.schema = &schema_;
    event.schema_version = 1;
    event.source_id = event.source_name = event.database = "shop";
    event.connector = "postgresql";
    std::string json;
    const Status status = native_.Append(json, event);
    CHECK(status.ok() != json.empty());
    RecordList records;
    const Status also = debezium_.Render(event, records);
    if (!sound) return;
    CHECK(status.ok() && IsDocument(json));
    CHECK(also.ok() || also.error().kind == ErrorKind::kRejected);
    for (const Record& record : records) {
      CHECK(!record.has_key || IsDocument(record.key));
      CHECK(!record.has_value || IsDocument(record.value));
    }
  }

 private:
  NativeEncoder native_;
  DebeziumEncoder debezium_;
  TransactionInfo tx_;
  TableSchema schema_;
};

}  // namespace
}  // namespace headgate::codec

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  static const std::vector<postgres::TypePtr> types = codec::MakeTypes();
  static postgres::ValueEncoder encoder;
  std::string_view text = fuzz::Bytes(data, size);
  const postgres::Type& type = *types[fuzz::Choose(text, types.size())];
  const std::size_t options = fuzz::Choose(text, 256);
  if (fuzz::Choose(text, 2) == 1) {
    codec::Bench bench(type.data, {}, options);
    bench.Render(Op::kInsert, text, false);
    bench.Render(Op::kDelete, text, false);
    return 0;
  }
  const std::size_t nul = text.rfind('\0');
  std::string_view expression;
  if (nul != std::string_view::npos) expression = text.substr(nul + 1);
  codec::Bench bench(type.data, IsUtf8(expression) ? expression : std::string_view(), options);
  std::string value;
  encoder.Append(value, type, text.substr(0, nul));
  std::string absent;
  PutAbsent(absent);
  bench.Render(Op::kInsert, value, true);
  bench.Render(Op::kUpdate, absent, true);
  bench.Render(Op::kDelete, absent, true);
  bench.Render(Op::kDelete, value, true);
  return 0;
}
