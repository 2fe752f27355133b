// SQL as a person sends it: the pre-pass, the grammar and the binder end with a plan or with a problem that has a text
// and a place inside the statement. Nothing is run.
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/operators/engine.h"
#include "core/sql/bind.h"
#include "core/sql/statement.h"
#include "tests/fuzz/input.h"

namespace headgate {
namespace {

const operators::Engine& Relations() {
  static operators::Engine engine;
  static const bool made = engine
                               .Execute(
                                   "CREATE TABLE t (id int PRIMARY KEY, k int, name text, at timestamptz, n numeric);"
                                   "CREATE TABLE u (k int PRIMARY KEY, tags text[], doc jsonb, d float8, b bytea);"
                                   "CREATE VIEW v AS SELECT t.id, u.doc FROM t JOIN u ON u.k = t.k")
                               .ok();
  CHECK(made);
  return engine;
}

void CheckProblem(const sql::Problem& problem, std::string_view text) {
  CHECK(!problem.message.empty());
  CHECK(problem.offset <= text.size());
}

void BindStatement(const sql::Statement& statement) {
  if (!statement.tree.Is("SelectStmt")) return;
  for (const sql::BindOptions& options : {sql::BindOptions(), sql::BindOptions::ForView()}) {
    const auto bound = sql::BindQuery(statement.tree, Relations(), options);
    if (bound.ok()) {
      CHECK(bound->plan != nullptr);
    } else {
      CheckProblem(bound.error(), statement.text);
    }
  }
}

}  // namespace
}  // namespace headgate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(headgate::fuzz::Bytes(data, size));
  const auto statements = headgate::sql::ReadStatements(text);
  if (!statements.ok()) {
    headgate::CheckProblem(statements.error(), text);
    return 0;
  }
  for (const headgate::sql::Statement& statement : *statements) headgate::BindStatement(statement);
  return 0;
}
