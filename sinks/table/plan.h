#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/model/schema.h"

// What is known of a table of the target, and how rows of a stream go into it.
namespace headgate::table {

struct TableName {
  std::string schema;  // of PostgreSQL; of MySQL the database
  std::string table;

  std::string Text() const { return schema + "." + table; }
  auto operator<=>(const TableName&) const = default;
};

// A table as the server describes it.
struct TargetColumn {
  std::string name;
  std::string type;        // with its limits: "character varying(5)", "int unsigned"
  std::string base;        // without: "character varying", "int"
  std::string collation;   // MySQL: of text
  bool own_type = false;   // PostgreSQL: an enumeration, which judges its values itself
  bool required = false;   // NOT NULL without a default
  bool generated = false;  // takes no values
};
struct TargetTable {
  std::vector<TargetColumn> columns;
  std::vector<std::vector<std::string>>
      unique;  // columns of each index that says rows are different, whole and at once
};

// How a value stands in a statement.
enum class Literal : std::uint8_t { kPlain, kQuoted, kHex, kBits };

struct PlannedColumn {
  std::string name;
  std::size_t source = 0;  // in the row; of the columns that append adds: behind the row's last
  DataType type;
  std::string base;  // the target column's, see above
  Literal literal = Literal::kQuoted;

  bool operator==(const PlannedColumn&) const = default;
};

// Rows of one schema version of one stream into one table. Immutable.
struct TablePlan {
  TableName name;
  std::vector<PlannedColumn> columns;
  std::vector<std::size_t> key;  // of columns; empty of append
  bool append = false;
  // A row is removed and written anew: the table has a second index of different rows, by which the server would take
  // another row for this one (MySQL).
  bool replaces = false;

  bool IsKey(std::size_t column) const {
    for (const std::size_t k : key) {
      if (k == column) return true;
    }
    return false;
  }
  bool operator==(const TablePlan&) const = default;
};

// What append puts beside the columns of the stream.
inline constexpr std::string_view kEventIdColumn = "_event_id";
inline constexpr std::string_view kOpColumn = "_op";
inline constexpr std::string_view kCommitColumn = "_commit_at";

}  // namespace headgate::table
