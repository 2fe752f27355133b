// Text forms of PostgreSQL values: the first byte chooses the type, the rest is the text. Also a line of COPY.
#include <array>
#include <vector>

#include "connectors/postgres/copy_text.h"
#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/model/change.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/pg_types.h"

namespace headgate::postgres {
namespace {

struct Named {
  std::uint32_t oid;
  const char* name;
};
constexpr std::array<Named, 24> kScalars = {{
    {16, "bool"},       {17, "bytea"},    {20, "int8"},   {21, "int2"},      {23, "int4"},        {25, "text"},
    {26, "oid"},        {114, "json"},    {600, "point"}, {603, "box"},      {700, "float4"},     {701, "float8"},
    {790, "money"},     {869, "inet"},    {1082, "date"}, {1083, "time"},    {1114, "timestamp"}, {1184, "timestamptz"},
    {1186, "interval"}, {1266, "timetz"}, {1560, "bit"},  {1700, "numeric"}, {2950, "uuid"},      {3904, "int4range"},
}};

// All scalars, an array of each, a composite of some, an array of that.
std::vector<TypePtr> MakeTypes() {
  std::vector<TypePtr> types;
  for (const Named& named : kScalars) types.push_back(fuzz::BuiltIn(named.oid, named.name));
  for (std::size_t i = 0; i < kScalars.size(); ++i) types.push_back(fuzz::ArrayOf(types[i]));
  types.push_back(fuzz::Pair({types[5], types[4], types[kScalars.size() + 5]}));
  types.push_back(fuzz::ArrayOf(types.back()));
  return types;
}

}  // namespace
}  // namespace headgate::postgres

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  static const std::vector<postgres::TypePtr> types = postgres::MakeTypes();
  static postgres::ValueEncoder encoder;
  static postgres::CopyRowDecoder copy;
  std::string_view text = fuzz::Bytes(data, size);
  const std::size_t choice = fuzz::Choose(text, types.size());
  std::vector<Value> values;
  std::string row;
  encoder.Append(row, *types[choice], text);
  CHECK(ReadRow(row, values).ok() && values.size() == 1);
  if (values[0].kind == ValueKind::kText) CHECK(IsUtf8(values[0].text));
  std::string again;
  encoder.Append(again, *types[choice], text);
  CHECK(again == row);

  const std::array<postgres::TypePtr, 3> columns = {types[choice], types[5], types[0]};
  std::string line;
  if (copy.Append(line, text, columns)) CHECK(ReadRow(line, values).ok() && values.size() == columns.size());
  return 0;
}
