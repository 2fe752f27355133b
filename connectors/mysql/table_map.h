#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::mysql {

enum class Flavor : std::uint8_t { kMysql, kMariadb };

inline constexpr std::size_t kColumnsMax = 4096;  // of both servers

// Column types as a table map has them. Those from 140 on up to 141 are MariaDB's own, for COMPRESSED columns.
enum class ColumnType : std::uint8_t {
  kDecimal = 0,  // before 5.0: not decoded
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNull = 6,
  kTimestamp = 7,  // as tables made before 5.6 have it
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,      // likewise
  kDatetime = 12,  // likewise
  kYear = 13,
  kNewDate = 14,
  kVarchar = 15,
  kBit = 16,
  kTimestamp2 = 17,
  kDatetime2 = 18,
  kTime2 = 19,
  kTypedArray = 20,
  kBlobCompressed = 140,
  kVarcharCompressed = 141,
  kVector = 242,
  kJson = 245,
  kNewDecimal = 246,
  kEnum = 247,
  kSet = 248,
  kTinyBlob = 249,
  kMediumBlob = 250,
  kLongBlob = 251,
  kBlob = 252,
  kVarString = 253,
  kString = 254,
  kGeometry = 255,
};

// One column. What comes from binlog_row_metadata=FULL is empty under MINIMAL: see TableMap::full.
struct MapColumn {
  ColumnType type = ColumnType::kNull;  // ENUM and SET as such, where the server says STRING
  std::uint16_t meta = 0;  // bytes of a length, of an ENUM or a SET; most bytes of a text; precision; fraction digits
  std::uint8_t scale = 0;  // of a decimal; of BIT(n) n % 8, the bytes before are in meta
  bool nullable = true;
  bool is_unsigned = false;   // also under MINIMAL; see TableMap::signs
  std::uint16_t charset = 0;  // collation number: texts, ENUM, SET; 63 is binary. Also under MINIMAL; 0: not told
  std::string name;
  std::vector<std::string> labels;  // ENUM, SET: bytes in their charset
  std::uint8_t geometry = 0;        // 0 any, 1 point, 2 linestring, ...
  bool visible = true;              // MySQL alone tells
  std::uint32_t dimensions = 0;     // VECTOR; MySQL alone tells

  bool operator==(const MapColumn&) const = default;
};

// TABLE_MAP: what the rows of a table that follow are made of.
struct TableMap {
  std::uint64_t id = 0;
  std::string database;
  std::string table;
  std::vector<MapColumn> columns;
  std::vector<std::size_t> key;  // columns of the primary key, in its order
  bool full = false;             // columns have names: binlog_row_metadata=FULL
  bool signs = false;            // it tells which are unsigned: not under MariaDB's NO_LOG

  bool operator==(const TableMap&) const = default;
};
// Nothing if the body makes no sense. (MySQL source documentation, Table_map_event. MariaDB sends the same, but counts
// geometry among the columns that have a character set.)
std::optional<TableMap> ParseTableMap(std::string_view body, Flavor flavor);
// The number of the table alone: a table map that was parsed before says the rest again.
std::optional<std::uint64_t> ReadTableId(std::string_view body);

}  // namespace headgate::mysql
