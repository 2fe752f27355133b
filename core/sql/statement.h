#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/sql/ast.h"
#include "core/sql/problem.h"
#include "core/sql/relation.h"

namespace headgate::sql {

// One statement of a text, read by PostgreSQL's grammar after the pre-pass took out what that grammar does not know
// (stream-SQL reference 8.3). What was taken out is blank in `text`, so places stay true.
struct Statement {
  std::string text;
  std::size_t offset = 0;                // of `text` in the text given
  Node tree;                             // the wrapped statement node; empty if the statement is
  bool or_replace = false;               // CREATE OR REPLACE MATERIALIZED VIEW
  bool emit_changes = false;             // EMIT CHANGES
  std::vector<SystemTime> system_times;  // FOR SYSTEM_TIME AS OF; places in `text`
};

// Splits the text at its semicolons. A problem's place is one of the whole text.
Parsed<std::vector<Statement>> ReadStatements(const std::string& text);

}  // namespace headgate::sql
