#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/operators/engine.h"
#include "core/sql/key.h"

// The insides of the engine, shared by its files.
namespace headgate::operators {

// A table or a view.
struct Engine::Stored {
  sql::Relation relation;
  std::vector<sql::Type> types;
  std::size_t visible = 0;
  Rows rows;
  bool is_view = false;

  struct Check {
    std::string name;
    sql::ExprPtr condition;
  };
  struct Unique {
    std::string name;
    std::vector<std::size_t> columns;
    std::set<std::string> taken;  // keys of the rows that are there; rows with a NULL in them have none
  };
  std::vector<Unique> unique;  // besides the key
  std::vector<Check> checks;
  std::vector<sql::Node> defaults;  // empty: NULL

  sql::PlanPtr plan;
  std::unique_ptr<Graph> graph;
  std::vector<Delta> output;  // of the step
  std::int64_t errors = 0;

  // The keys that the row takes under each of `unique`, "" where it has a NULL.
  std::vector<std::string> UniqueKeys(const std::string& bytes) const;

  std::string RowKey(std::span<const sql::Datum> row, const std::string& bytes) const {
    std::string key;
    if (relation.key.empty()) {
      for (std::size_t c = 0; c < visible; ++c) AppendKey(key, types[c], row[c]);
      return key + bytes;
    }
    for (const std::size_t c : relation.key) AppendKey(key, types[c], row[c]);
    return key;
  }
};

inline SqlError Wrong(const sql::Problem& problem, const sql::Statement& statement, std::string code = "42601") {
  return {std::move(code), problem.message, problem.offset + statement.offset, problem.hint};
}
inline SqlError Failed(std::string code, std::string message, std::string hint = "") {
  return {std::move(code), std::move(message), 0, std::move(hint)};
}

}  // namespace headgate::operators
