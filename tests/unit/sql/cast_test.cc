#include <gtest/gtest.h>

#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

constexpr Type kVarchar3{TypeId::kVarchar, false, 3};
constexpr Type kChar3{TypeId::kBpchar, false, 3};

TEST(Cast, ContextsAreThoseOfTheServer) {
  EXPECT_EQ(FindCast(TypeId::kInt4, TypeId::kInt8)->context, CastContext::kImplicit);
  EXPECT_EQ(FindCast(TypeId::kInt8, TypeId::kInt4)->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast(TypeId::kInt4, TypeId::kBool)->context, CastContext::kExplicit);
  EXPECT_EQ(FindCast(TypeId::kNumeric, TypeId::kFloat8)->context, CastContext::kImplicit);
  EXPECT_EQ(FindCast(TypeId::kInt4, TypeId::kText)->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast(TypeId::kText, TypeId::kInt4)->context, CastContext::kExplicit);
  EXPECT_EQ(FindCast(TypeId::kText, TypeId::kVarchar)->context, CastContext::kImplicit);
  EXPECT_EQ(FindCast({TypeId::kInt4, true}, {TypeId::kInt2, true})->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast({TypeId::kInt4, true}, TypeId::kText)->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast(TypeId::kInt8, TypeId::kBool), nullptr);
  EXPECT_EQ(FindCast(TypeId::kBool, TypeId::kUuid), nullptr);
  EXPECT_EQ(FindCast({TypeId::kInt8, true}, {TypeId::kBool, true}), nullptr);
}

TEST(Cast, DoublesGoToEvenAndNumericsAwayFromZero) {
  EXPECT_EQ(CastText(TypeId::kFloat8, "2.5", TypeId::kInt4), "2");
  EXPECT_EQ(CastText(TypeId::kNumeric, "2.5", TypeId::kInt4), "3");
  EXPECT_EQ(CastText(TypeId::kFloat8, "2147483647.5", TypeId::kInt4), "22003 integer out of range");
  EXPECT_EQ(CastText(TypeId::kFloat8, "9223372036854775808", TypeId::kInt8), "22003 bigint out of range");
  EXPECT_EQ(CastText(TypeId::kNumeric, "-32768.49", TypeId::kInt2), "-32768");
  EXPECT_EQ(CastText(TypeId::kNumeric, "NaN", TypeId::kInt2), "0A000 cannot convert NaN to smallint");
  EXPECT_EQ(CastText(TypeId::kNumeric, "-inf", TypeId::kInt8), "0A000 cannot convert infinity to bigint");
}

TEST(Cast, AmongNumbers) {
  EXPECT_EQ(CastText(TypeId::kInt8, "9007199254740993", TypeId::kFloat8), "9.007199254740992e+15");
  EXPECT_EQ(CastText(TypeId::kFloat8, "1e39", TypeId::kFloat4), "22003 value out of range: overflow");
  EXPECT_EQ(CastText(TypeId::kFloat8, "0.1", TypeId::kNumeric), "0.1");
  EXPECT_EQ(CastText(TypeId::kFloat4, "123456789", TypeId::kNumeric), "123457000");
  EXPECT_EQ(CastText(TypeId::kInt4, "12345", {TypeId::kNumeric, false, NumericMod(4, 0)}),
            "22003 numeric field overflow");
  EXPECT_EQ(CastText(TypeId::kInt2, "7", TypeId::kFloat4), "7");
}

TEST(Cast, ToTextAndFromIt) {
  EXPECT_EQ(CastText(TypeId::kBool, "t", TypeId::kText), "true");
  EXPECT_EQ(CastText(TypeId::kFloat8, "1e20", TypeId::kText), "1e+20");
  EXPECT_EQ(CastText(TypeId::kText, "x", TypeId::kInt4), "22P02 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(CastText(TypeId::kText, "{1,2}", {TypeId::kInt4, true}), "{1,2}");
  EXPECT_EQ(CastText(TypeId::kText, "ab  ", TypeId::kBpchar), "ab");
}

TEST(Cast, AssignmentRefusesWhatAnExplicitCastCuts) {
  EXPECT_EQ(CastText(TypeId::kText, "abcd", kVarchar3), "abc");
  EXPECT_EQ(CastText(TypeId::kText, "abcd", kVarchar3, false), "22001 value too long for type character varying(3)");
  EXPECT_EQ(CastText(TypeId::kText, "abc  ", kVarchar3, false), "abc");
  EXPECT_EQ(CastText(TypeId::kText, "abcd", kChar3, false), "22001 value too long for type character(3)");
  EXPECT_EQ(CastText(TypeId::kInt4, "12345", kVarchar3, false), "22001 value too long for type character varying(3)");
  EXPECT_EQ(CastText(TypeId::kVarbit, "101", {TypeId::kBit, false, 5}, false),
            "22026 bit string length 3 does not match type bit(5)");
  EXPECT_EQ(CastText(TypeId::kVarbit, "101", {TypeId::kVarbit, false, 2}, false),
            "22001 bit string too long for type bit varying(2)");
}

TEST(Cast, BitsAndIntegers) {
  EXPECT_EQ(CastText(TypeId::kInt4, "5", {TypeId::kBit, false, 8}), "00000101");
  EXPECT_EQ(CastText(TypeId::kInt4, "-1", {TypeId::kBit, false, 40}), std::string(40, '1'));
  EXPECT_EQ(CastText({TypeId::kBit, false, 32}, "x80000000", TypeId::kInt4), "-2147483648");
  EXPECT_EQ(CastText({TypeId::kBit, false, 33}, "0", TypeId::kInt4), "22003 integer out of range");
}

TEST(Cast, ArraysElementByElement) {
  EXPECT_EQ(CastText({TypeId::kNumeric, true}, "{1.5,NULL,-2.5}", {TypeId::kInt4, true}), "{2,NULL,-3}");
  EXPECT_EQ(CastText({TypeId::kInt4, true}, "[2:3]={1,70000}", {TypeId::kInt2, true}), "22003 smallint out of range");
  EXPECT_EQ(CastText({TypeId::kText, true}, "{{abc},{d}}", {TypeId::kVarchar, true, 2}), "{{ab},{d}}");
  EXPECT_EQ(CastText({TypeId::kBool, true}, "{t,f}", {TypeId::kText, true}), "{true,false}");
}

TEST(Cast, ErrorsNameTheirRows) {
  EvalContext context;
  Vector texts(Physical::kString, 3);
  for (std::size_t i = 0; i < 3; ++i) texts.strings[i] = i == 1 ? "{1,x}" : "{1}";
  const std::array<const Vector*, 1> arguments = {&texts};
  const Type from = TypeId::kText;
  const Type to{TypeId::kInt4, true};
  Vector out(Physical::kString, 3);
  FindCast(from, to)->kernel(context, {std::span(&from, 1), to}, arguments, Rows(3), out);
  ASSERT_EQ(context.errors().size(), 1U);
  EXPECT_EQ(context.errors()[0].row, 1U);
  EXPECT_FALSE(out.IsNull(0));
  EXPECT_TRUE(out.IsNull(1));
  EXPECT_FALSE(out.IsNull(2));
}

}  // namespace
}  // namespace headgate::sql::test
