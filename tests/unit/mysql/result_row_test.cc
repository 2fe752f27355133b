#include "connectors/mysql/result_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/mysql/packet.h"
#include "core/base/bytes.h"
#include "core/base/encoding.h"

namespace headgate::mysql {
namespace {

using ::testing::ElementsAre;

// A definition as servers send it: names, then the tail of fixed width.
std::string Definition(std::uint8_t type, bool is_unsigned = false) {
  std::string bytes = "\3def\1s\1t\1t\1c\1c\x0c";
  PutFixed<std::uint16_t>(bytes, 63);
  PutFixed<std::uint32_t>(bytes, 11);
  bytes.push_back(static_cast<char>(type));
  PutFixed<std::uint16_t>(bytes, is_unsigned ? 32 : 0);
  bytes.append(3, '\0');
  return bytes;
}

ResultColumn ColumnOf(std::uint8_t type, bool is_unsigned = false) {
  const auto column = ParseResultColumn(Definition(type, is_unsigned));
  EXPECT_TRUE(column.has_value());
  return column.value_or(ResultColumn());
}

std::string Bytes(const char* hex) { return FromHex(hex).value_or(""); }

std::string TextOf(std::uint8_t type, bool is_unsigned, const char* hex) {
  return TextOf(ColumnOf(type, is_unsigned), Bytes(hex));
}

TEST(ResultRow, ValuesOfEveryKindAreTakenApart) {
  const std::vector<ResultColumn> columns = {ColumnOf(3), ColumnOf(253), ColumnOf(8, true), ColumnOf(12), ColumnOf(10)};
  // The second is NULL: bit 3 of the map.
  const std::string row = Bytes(
      "00"
      "08"
      "ffffffff"
      "0100000000000080"
      "07e3070a0b0c0d0e"
      "04e3070a0b");
  std::vector<std::string_view> values;
  ASSERT_TRUE(SplitRow(row, columns, values));
  EXPECT_EQ(IntegerOf(columns[0], values[0]), -1);
  EXPECT_EQ(values[1].data(), nullptr);
  EXPECT_EQ(TextOf(columns[2], values[2]), "9223372036854775809");
  EXPECT_EQ(TextOf(columns[3], values[3]), "2019-10-11 12:13:14");
  EXPECT_EQ(TextOf(columns[4], values[4]), "2019-10-11");
  for (std::size_t size = 0; size < row.size(); ++size)
    EXPECT_FALSE(SplitRow(std::string_view(row).substr(0, size), columns, values)) << size;
  EXPECT_FALSE(SplitRow(row + "x", columns, values));
}

TEST(ResultRow, ATextOfNoBytesIsNotNull) {
  const std::vector<ResultColumn> columns = {ColumnOf(253), ColumnOf(253)};
  std::vector<std::string_view> values;
  ASSERT_TRUE(SplitRow(Bytes("00"
                             "00"
                             "00"
                             "0161"),
                       columns, values));
  EXPECT_NE(values[0].data(), nullptr);
  EXPECT_THAT(values, ElementsAre("", "a"));
}

// What is compared with in the next query has to be the very value.
TEST(ResultRow, TextsCompareEqualToWhatTheyAreOf) {
  EXPECT_EQ(TextOf(1, false, "80"), "-128");
  EXPECT_EQ(TextOf(1, true, "80"), "128");
  EXPECT_EQ(TextOf(2, false, "ff7f"), "32767");
  EXPECT_EQ(TextOf(9, false, "ffff7fff"), "-8388609");
  EXPECT_EQ(TextOf(4, false, "cdcccc3d"), "0.10000000149011612");
  EXPECT_EQ(TextOf(5, false, "9a9999999999b93f"), "0.1");
  EXPECT_EQ(TextOf(12, false, ""), "0000-00-00");
  EXPECT_EQ(TextOf(7, false, "e3070a0b0c0d0e07000000"), "2019-10-11 12:13:14.000007");
  EXPECT_EQ(TextOf(11, false, ""), "00:00:00");
  EXPECT_EQ(TextOf(11, false, "0122000000163b3b"), "-838:59:59");
  EXPECT_EQ(TextOf(11, false, "000000000001020304000000"), "01:02:03.000004");
  EXPECT_EQ(TextOf(253, false, "6162"), "ab");
}

TEST(ResultRow, DefinitionsThatMakeNoSenseAreRefused) {
  EXPECT_FALSE(ParseResultColumn("").has_value());
  std::string definition = Definition(3);
  definition[definition.size() - 13] = 11;
  EXPECT_FALSE(ParseResultColumn(definition).has_value());
}

TEST(Packets, ErrorsAndEnds) {
  const std::string packet = Bytes("ff7a04") + "#42S02" + "Table 's.t' doesn't exist";
  const auto error = ParseError(packet);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 1146);
  EXPECT_EQ(error->text, "Table 's.t' doesn't exist");
  EXPECT_FALSE(ParseError(Bytes("ff7a04")).has_value());
  EXPECT_FALSE(ParseError("\xff\x7a\x04without a state").has_value());
  EXPECT_FALSE(ParseError("").has_value());
  EXPECT_TRUE(IsEnd(Bytes("fe00000200")));
  EXPECT_FALSE(IsEnd(Bytes("fe0000020000000000")));
  EXPECT_FALSE(IsEnd(""));
}

}  // namespace
}  // namespace headgate::mysql
