#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/config/service_config.h"
#include "core/sql/statement.h"
#include "core/views/definition.h"

// The statements of the config file: views, named queries, declared tables and indexes (section `sql`).
namespace headgate {

struct FileStatement {
  sql::Statement statement;
  config::ServiceConfig::SqlText source;
  std::string name;  // of what it makes
  bool is_index() const { return statement.tree.Is("IndexStmt"); }

  // "file:line" of a place in the text that it came from; of the statement itself if the place is before it.
  std::string Where(std::size_t offset = 0) const;
};

struct FileSql {
  std::vector<FileStatement> statements;
  std::vector<std::string> errors;  // each "file:line: text"
  std::string AllErrors() const;    // one a line
};
// What the texts say, as far as grammar and the kinds of statements go.
FileSql ReadFileSql(const config::ServiceConfig& config);

// What binding the statements in their order gives, each over `names` and those before it.
struct FileSqlBound {
  std::vector<std::string> errors;
  std::vector<std::size_t> waiting;  // statements that read what a source of `sources` has not brought yet
  std::vector<std::string> unknown;  // "file:line: text": relations that nobody brings
  std::set<std::string> coming;      // what statements will make that wait, or are wrong

  void Add(std::size_t number, const FileStatement& one, const views::SqlError& error,
           const std::set<std::string>& sources);
};
FileSqlBound BindFileSql(const std::vector<FileStatement>& statements, views::NameTable names,
                         const std::set<std::string>& sources);

}  // namespace headgate
