#include <gtest/gtest.h>

#include "core/sql/characters.h"
#include "tests/unit/sql/call.h"

// What the scripts in tests/sql cannot see: SQLSTATEs, char(n) of known length.
namespace headgate::sql {
namespace {

using test::Call;

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kI4 = TypeId::kInt4;
constexpr TypeId kI8 = TypeId::kInt8;
constexpr TypeId kBytea = TypeId::kBytea;

TEST(TextFunctions, FailWithTheCodesOfPostgres) {
  EXPECT_EQ(Call("substr", {{kText, "a"}, {kI4, "1"}, {kI4, "-1"}}), "22011 negative substring length not allowed");
  EXPECT_EQ(Call("split_part", {{kText, "a"}, {kText, ","}, {kI4, "0"}}), "22023 field position must not be zero");
  EXPECT_EQ(Call("chr", {{kI4, "0"}}), "54000 null character not permitted");
  EXPECT_EQ(Call("chr", {{kI4, "-1"}}), "54000 character number must be positive");
  EXPECT_EQ(Call("repeat", {{kText, "abc"}, {kI4, "2147483647"}}), "54000 requested length too large");
  EXPECT_EQ(Call("lpad", {{kText, "abc"}, {kI4, "2147483647"}}), "54000 requested length too large");
  EXPECT_EQ(Call("~~", {{kText, "ab"}, {kText, "a\\"}}), "22025 LIKE pattern must not end with escape character");
  EXPECT_EQ(Call("like_escape", {{kText, "a"}, {kText, "ab"}}), "22025 invalid escape string");
  EXPECT_EQ(Call("get_byte", {{kBytea, "\\x01"}, {kI4, "1"}}), "2202E index 1 out of valid range, 0..0");
  EXPECT_EQ(Call("set_bit", {{kBytea, "\\x01"}, {kI8, "1"}, {kI4, "2"}}), "22023 new bit must be 0 or 1");
  EXPECT_EQ(Call("decode", {{kText, "a"}, {kText, "hex"}}), "22023 invalid hexadecimal data: odd number of digits");
  EXPECT_EQ(Call("decode", {{kText, "\\1"}, {kText, "escape"}}), "22P02 invalid input syntax for type bytea");
  EXPECT_EQ(Call("similar_to_escape", {{kText, "#\"#\"#\""}, {kText, "#"}}),
            "2200C SQL regular expression may not contain more than two escape-double-quote separators");
}

TEST(TextFunctions, KnowTheBlanksOfCharN) {
  const Type char5{TypeId::kBpchar, false, 5};
  EXPECT_EQ(Call("length", {{char5, "ä "}}), "1");
  EXPECT_EQ(Call("octet_length", {{char5, "ä"}}), "6");
  EXPECT_EQ(Call("~~", {{char5, "ab"}, {kText, "ab"}}), "f");
  EXPECT_EQ(Call("~~", {{char5, "ab"}, {kText, "ab   "}}), "t");
  EXPECT_EQ(Call("~", {{char5, "ab"}, {kText, "^ab   $"}}), "t");
}

TEST(TextFunctions, TakeBytesThatAreNoUtf8AsCharacters) {
  EXPECT_EQ(Characters("a\xFF"
                       "b\xC3"),
            (std::u32string{'a', 0xFF, 'b', 0xC3}));
  EXPECT_EQ(CountCharacters("\xE2\x82\xAC"), 1U);
  EXPECT_EQ(ByteOfCharacter("äöü", 2), 4U);
  EXPECT_EQ(ByteOfCharacter("äöü", 7), 6U);
}

}  // namespace
}  // namespace headgate::sql
