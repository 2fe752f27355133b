#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/sql/ast.h"
#include "core/sql/problem.h"
#include "core/sql/relation.h"
#include "core/sql/scanner.h"

namespace headgate::sql {

struct Statement;

// CREATE, ALTER, DROP, SHOW of sources and sinks: connectors, spelt in SQL (reference 8.4).
struct ConnectorStatement {
  enum class Verb : std::uint8_t { kNone, kCreate, kAlter, kDrop, kShow };
  Verb verb = Verb::kNone;
  bool sink = false;
  std::string name;  // of SHOW "" for all
  bool if_exists = false;
  bool if_not_exists = false;
  std::vector<std::string> from;          // CREATE SINK n FROM relation
  std::shared_ptr<const Statement> view;  // CREATE SINK n AS SELECT: CREATE MATERIALIZED VIEW "n" AS SELECT
  std::size_t view_query = 0;             // where the SELECT begins in the text of `view`
  std::size_t query = 0;                  // and where in the text of the statement
  std::vector<Node> columns;              // CREATE SOURCE n (...): ColumnDef and Constraint nodes
  std::vector<std::pair<std::string, std::string>> options;  // WITH (...), SET (...)
};

// One statement of a text, read by PostgreSQL's grammar after the pre-pass took out what that grammar does not know
// (stream-SQL reference 8.3). What was taken out is blank in `text`, so places stay true.
struct Statement {
  std::string text;
  std::string written;                   // as the user wrote it
  std::size_t offset = 0;                // of `text` in the text given
  Node tree;                             // the wrapped statement node; empty if the statement is
  bool or_replace = false;               // CREATE OR REPLACE MATERIALIZED VIEW
  bool emit_changes = false;             // EMIT CHANGES
  ConnectorStatement connector;          // verb kNone: the statement is one of the tree alone
  std::vector<SystemTime> system_times;  // FOR SYSTEM_TIME AS OF; places in `text`
};

// Splits the text at its semicolons. A problem's place is one of the whole text.
Parsed<std::vector<Statement>> ReadStatements(const std::string& text);

// The name of a RangeVar node as it is written: a.b.c.
std::string RelationName(const Node& range);
// Of CREATE VIEW ... AS SELECT: the text of the query alone, at its place; what stands before it is blank.
std::string QueryText(const Statement& statement);

// The options of WITH (k = 'v', connector.class = x): values are strings, numbers or bare words.
Parsed<std::vector<std::pair<std::string, std::string>>> ReadOptions(const Node& list);

// The place in the text of CREATE SINK ... AS SELECT of a place in its view's; what is in front of the SELECT is the
// beginning.
std::size_t PlaceOfQuery(const ConnectorStatement& sink, std::size_t in_view);

// Reads the statement as one of a connector, if its first words say so; its text and tokens have places of their own.
// `tokens` begin with the statement. False: it is none.
Parsed<bool> ReadConnector(Statement& statement, const std::vector<Token>& tokens);

}  // namespace headgate::sql
