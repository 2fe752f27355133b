#include "core/sql/array_value.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

TEST(ArrayValue, ValuesOfEveryTypeComeBackFromTheLog) {
  const Argument values[] = {{TypeId::kBool, "t"},        {TypeId::kInt4, "-7"},
                             {TypeId::kFloat4, "0.1"},    {TypeId::kFloat8, "0.1"},
                             {TypeId::kNumeric, "1.50"},  {TypeId::kText, "a b"},
                             {TypeId::kBytea, "\\x00ff"}, {TypeId::kUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                             {TypeId::kVarbit, "0101"},   {{TypeId::kNumeric, true}, "[2:3]={1.50,NULL}"}};
  for (const auto& [type, text] : values) {
    EvalContext context;
    std::string bytes;
    PutDatum(bytes, type, FromText(type, text, context));
    ByteReader reader(bytes);
    bool fits = false;
    const Datum back = FromValue(ReadValue(reader), type, fits);
    EXPECT_TRUE(fits && reader.done());
    EXPECT_EQ(ToText(type, back, "UTC"), text);
  }
}

TEST(ArrayValue, ValuesOfAnotherKindDoNotFit) {
  std::string bytes;
  PutBlob(bytes, ValueKind::kText, "soon");
  for (const Type type : {Type{TypeId::kDate}, Type{TypeId::kInt4}, Type{TypeId::kNumeric}, Type{TypeId::kText, true},
                          Type{TypeId::kInterval}, Type{TypeId::kBool}}) {
    ByteReader reader(bytes);
    bool fits = true;
    EXPECT_TRUE(FromValue(ReadValue(reader), type, fits).null);
    EXPECT_FALSE(fits);
  }
}

TEST(ArrayValue, UnsignedNumbersBeyondBigintAreNumeric) {
  std::string bytes;
  PutUint(bytes, ~std::uint64_t{0});
  ByteReader reader(bytes);
  const Value value = ReadValue(reader);
  bool fits = false;
  EXPECT_EQ(ToText(TypeId::kNumeric, FromValue(value, TypeId::kNumeric, fits), "UTC"), "18446744073709551615");
  EXPECT_TRUE(FromValue(value, TypeId::kInt8, fits).null);
  EXPECT_FALSE(fits);
}

TEST(ArrayValue, DamagedPayloadsAreRead) {
  EvalContext context;
  const std::string sound = FromText({TypeId::kText, true}, "{{a,NULL},{ccc,d}}", context).s;
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = sound.substr(0, random() % (sound.size() + 1));
    if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random());
    Datum value = Datum::Of(bytes);
    static_cast<void>(ToText({TypeId::kText, true}, value, "UTC"));
    static_cast<void>(ToText({TypeId::kNumeric, true}, value, "UTC"));
  }
}

}  // namespace
}  // namespace headgate::sql::test
