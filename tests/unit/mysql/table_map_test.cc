// What tables are made of, as both servers tell with binlog_row_metadata=FULL: MY-15.
#include "connectors/mysql/table_map.h"

#include <gtest/gtest.h>

#include "tests/unit/mysql/captured.h"

namespace headgate::mysql {
namespace {

using test::Captured;

constexpr std::uint16_t kBinary = 63;
constexpr std::uint16_t kLatin1 = 8;
constexpr std::uint16_t kUcs2 = 35;

class TableMaps : public ::testing::Test {
 protected:
  const Captured mysql_{"mysql-9.7", Flavor::kMysql};
  const Captured mariadb_{"mariadb-10.11", Flavor::kMariadb};

  static MapColumn Column(const TableMap& map, const std::string& name) {
    for (const MapColumn& column : map.columns) {
      if (column.name == name) return column;
    }
    ADD_FAILURE() << "no column " << name;
    return {};
  }
};

TEST_F(TableMaps, OfBothServersHaveNamesTypesAndKeys_MY15) {
  for (const Captured* log : {&mysql_, &mariadb_}) {
    const TableMap map = log->Map("kinds");
    EXPECT_EQ(map.database, "s");
    EXPECT_TRUE(map.full);
    EXPECT_EQ(map.columns.size(), 25U);
    ASSERT_EQ(map.key.size(), 2U);
    EXPECT_EQ(map.columns[map.key[0]].name, "b");
    EXPECT_EQ(map.columns[map.key[1]].name, "vc");
    const std::vector<std::pair<std::string, ColumnType>> types = {
        {"year_of", ColumnType::kYear},  {"a", ColumnType::kTiny},       {"b", ColumnType::kShort},
        {"c", ColumnType::kInt24},       {"d", ColumnType::kLong},       {"e", ColumnType::kLongLong},
        {"f", ColumnType::kFloat},       {"g", ColumnType::kDouble},     {"dec_of", ColumnType::kNewDecimal},
        {"bits", ColumnType::kBit},      {"en", ColumnType::kEnum},      {"st", ColumnType::kSet},
        {"day", ColumnType::kDate},      {"ti", ColumnType::kTime2},     {"dt", ColumnType::kDatetime2},
        {"ts", ColumnType::kTimestamp2}, {"ch", ColumnType::kString},    {"bi", ColumnType::kString},
        {"vc", ColumnType::kVarchar},    {"vb", ColumnType::kVarchar},   {"tx", ColumnType::kBlob},
        {"bl", ColumnType::kBlob},       {"geo", ColumnType::kGeometry}, {"po", ColumnType::kGeometry}};
    for (const auto& [name, type] : types) EXPECT_EQ(Column(map, name).type, type) << name;
    EXPECT_EQ(Column(map, "js").type, log == &mysql_ ? ColumnType::kJson : ColumnType::kBlob);
    EXPECT_EQ(log->Map("ordered").key, (std::vector<std::size_t>{1, 0}));
  }
}

TEST_F(TableMaps, HaveSignsLengthsCharactersAndLabels) {
  for (const Captured* log : {&mysql_, &mariadb_}) {
    const TableMap map = log->Map("kinds");
    for (const char* name : {"a", "c", "e", "f", "dec_of", "year_of"})
      EXPECT_TRUE(Column(map, name).is_unsigned) << name;
    for (const char* name : {"b", "d", "g"}) EXPECT_FALSE(Column(map, name).is_unsigned) << name;
    for (const char* name : {"a", "b", "vc"}) EXPECT_FALSE(Column(map, name).nullable) << name;
    EXPECT_TRUE(Column(map, "day").nullable);
    EXPECT_EQ(Column(map, "dec_of").meta, 10);
    EXPECT_EQ(Column(map, "dec_of").scale, 3);
    EXPECT_EQ(8 * Column(map, "bits").meta + Column(map, "bits").scale, 11);
    EXPECT_EQ(Column(map, "ti").meta, 3);
    EXPECT_EQ(Column(map, "dt").meta, 6);
    EXPECT_EQ(Column(map, "ts").meta, 2);
    EXPECT_EQ(Column(map, "ch").meta, 800);
    EXPECT_EQ(Column(map, "bi").meta, 16);
    EXPECT_EQ(Column(map, "vb").meta, 300);
    EXPECT_EQ(Column(map, "bl").meta, 3);
    EXPECT_EQ(Column(map, "bi").charset, kBinary);
    EXPECT_EQ(Column(map, "vb").charset, kBinary);
    EXPECT_EQ(Column(map, "vc").charset, kLatin1);
    EXPECT_EQ(Column(map, "tx").charset, kUcs2);
    EXPECT_EQ(Column(map, "bl").charset, kBinary);
    EXPECT_EQ(Column(map, "en").charset, kLatin1);
    EXPECT_EQ(Column(map, "en").labels, (std::vector<std::string>{"x", "\xfc,y"}));
    EXPECT_EQ(Column(map, "st").labels, (std::vector<std::string>{"p", "q"}));
    EXPECT_EQ(Column(map, "geo").geometry, 0);
    EXPECT_EQ(Column(map, "po").geometry, 1);
  }
}

TEST_F(TableMaps, OfMysqlTellWhatIsInvisibleAndTheSizeOfVectors) {
  const TableMap map = mysql_.Map("docs");
  EXPECT_TRUE(Column(map, "id").visible);
  EXPECT_FALSE(Column(map, "hidden").visible);
  EXPECT_EQ(Column(map, "v").type, ColumnType::kVector);
  EXPECT_EQ(Column(map, "v").dimensions, 3U);
  EXPECT_EQ(Column(map, "j").type, ColumnType::kJson);
}

TEST_F(TableMaps, OfMariadbTellWhatIsCompressed) {
  const TableMap map = mariadb_.Map("packed");
  EXPECT_EQ(Column(map, "v").type, ColumnType::kVarcharCompressed);
  EXPECT_EQ(Column(map, "b").type, ColumnType::kBlobCompressed);
}

TEST_F(TableMaps, ThatAreCutShortMakeNoSenseButBetweenTwoFieldsOfTheMetadata) {
  constexpr std::size_t kFieldsMax = 13;
  for (const Captured* log : {&mysql_, &mariadb_}) {
    for (const Event& event : log->Of(EventType::kTableMap)) {
      const auto whole = ParseTableMap(event.body, log->flavor);
      ASSERT_TRUE(whole.has_value());
      EXPECT_EQ(ReadTableId(event.body), whole->id);
      std::size_t accepted = 0;
      for (std::size_t size = 0; size < event.body.size(); ++size) {
        const auto map = ParseTableMap(event.body.substr(0, size), log->flavor);
        if (!map) continue;
        ++accepted;
        EXPECT_EQ(map->columns.size(), whole->columns.size());
      }
      EXPECT_LE(accepted, kFieldsMax);
    }
  }
}

}  // namespace
}  // namespace headgate::mysql
