#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace headgate {

// What a type is, across databases. Stored by number: only add.
enum class TypeKind : std::uint8_t {
  kUnknown = 0,  // text form of the server
  kBool = 1,
  kInt16 = 2,
  kInt32 = 3,
  kInt64 = 4,
  kUint = 5,  // oid, xid, xid8, cid; MySQL UNSIGNED
  kFloat = 6,
  kDouble = 7,
  kDecimal = 8,  // precision and scale if declared
  kMoney = 9,
  kText = 10,  // text, varchar, citext, name, "char"
  kChar = 11,  // blank padded
  kBytes = 12,
  kDate = 13,
  kTime = 14,
  kTimeTz = 15,
  kTimestamp = 16,
  kTimestampTz = 17,
  kInterval = 18,
  kUuid = 19,
  kJson = 20,   // tokens as written
  kJsonb = 21,  // canonical form of the server
  kXml = 22,
  kBits = 23,     // length = declared bits, 0 for varbit
  kNetwork = 24,  // inet, cidr, macaddr, macaddr8
  kEnum = 25,
  kRange = 26,       // ranges and multiranges, as text
  kGeometric = 27,   // point, line, lseg, box, path, polygon, circle, as text
  kTextSearch = 28,  // tsvector, tsquery
  kHstore = 29,
  kArray = 30,      // element in children[0]
  kComposite = 31,  // attributes in children, names in field_names
  kGeometry = 32,   // MySQL's spatial types: SRID in four bytes, little-endian, then WKB
  kSet = 33,        // MySQL's SET: labels in the order of the definition, with commas between
};

// Whose names and rules a type follows. Stored by number: only add.
enum class TypeFamily : std::uint8_t { kPostgres = 0, kMysql = 1 };

// A column's type. A domain is its base type, with the domain's name in `declared`.
struct DataType {
  TypeKind kind = TypeKind::kUnknown;
  std::string declared;         // as the server prints it: "numeric(10,2)", "character varying(5)[]"
  std::string base;             // the server's plain type name without domain: "numeric", "bpchar", "_int4"
  std::uint32_t oid = 0;        // of the declared type (PostgreSQL)
  std::int32_t length = 0;      // characters or bits, 0 if undeclared
  std::int32_t precision = -1;  // digits of a decimal; fraction digits of a time; -1 if undeclared
  std::int32_t scale = 0;       // decimals only
  bool domain = false;          // declared through a domain
  bool extension = false;       // the type comes from an extension
  TypeFamily family = TypeFamily::kPostgres;
  std::vector<DataType> children;
  std::vector<std::string> field_names;

  bool operator==(const DataType&) const = default;
};

struct Column {
  std::string name;
  DataType type;
  bool nullable = true;
  bool generated = false;
  bool identity = false;                          // part of what the source logs to identify an old row
  std::int32_t key_position = 0;                  // place in the key from 1, 0 if not in it
  std::optional<std::string> default_expression;  // as the server prints it: 'x'::text, now()
  // What rows have in it that are older than the column and were not written since, as the server prints it. PostgreSQL
  // keeps that beside them (pg_attribute.attmissingval) and sends no change.
  std::optional<std::string> value_before;
  // MySQL and MariaDB. `written`: the type in the words of the statement that declared it, where the catalogue forgets
  // them ("BOOL", "INT"); `written_default`: a constant DEFAULT of that statement, without quotes.
  std::string written;
  std::optional<std::string> written_default;
  std::string charset;  // of text: "utf8mb4"
  bool auto_increment = false;
  std::string comment;

  bool operator==(const Column&) const = default;
};

// The shape of a stream's rows at one version. Immutable once stored.
struct TableSchema {
  std::string database;
  std::string schema;  // "public"; MySQL: the database
  std::string table;
  char replica_identity = 'd';    // PostgreSQL: d default, n nothing, f full, i index
  std::uint32_t relation_id = 0;  // the server's own number for the table, 0 if it has none
  std::vector<Column> columns;
  std::string charset;  // MySQL and MariaDB: what text columns have that say nothing else
  std::string comment;

  // Column indexes in key order; empty if nothing identifies a row.
  std::vector<std::size_t> Key() const;
  // The columns by which every change, a delete too, tells which row it is about: the key, unless old rows are logged
  // with the columns of another index (REPLICA IDENTITY USING INDEX), which are never null either. Those come in the
  // table's order, which the stream tells as well; the index's own it does not.
  std::vector<std::size_t> EventKey() const;
  bool operator==(const TableSchema&) const = default;
};

// The stored form: the protobuf message StoredSchema of change.proto.
std::string EncodeSchema(const TableSchema& schema);
Result<TableSchema> DecodeSchema(std::string_view bytes);

}  // namespace headgate
