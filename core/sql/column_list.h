#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/schema.h"
#include "core/sql/ast.h"
#include "core/sql/problem.h"
#include "core/sql/type.h"

// The columns of a stream, as the setting `columns` of sources without a catalogue declares them: the inside of a
// CREATE TABLE.
namespace headgate::sql {

struct InputColumn {
  std::string name;
  Type type;
  bool not_null = false;
  std::string fallback;       // the stored value where a record has none: DEFAULT, else NULL
  bool has_fallback = false;  // there is a DEFAULT
  std::string fallback_text;  // the same as SQL: 'new'::text
};

struct ColumnList {
  std::vector<InputColumn> columns;
  std::vector<std::size_t> key;  // PRIMARY KEY, in its order
};

// "sensor_id int NOT NULL, temperature float8 NOT NULL": names, types and constants as in SQL. Constraints: NOT NULL,
// NULL, PRIMARY KEY, DEFAULT constant. The error says where in the text, and what to write.
Result<ColumnList> ParseColumns(const std::string& text);

// The same of columns that are parsed already, those of CREATE SOURCE; places are in their text.
Parsed<ColumnList> ReadColumns(const std::vector<Node>& elements);

// As ParseColumns reads it: the same list comes of it.
std::string ToText(const ColumnList& list);

// Whether a text may be the name of such a stream: a word that SQL and topics take as it is.
bool IsStreamName(std::string_view text);

TableSchema MakeSchema(const ColumnList& list, std::string_view stream);

}  // namespace headgate::sql
