#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/operators/graph.h"
#include "core/sql/bind.h"
#include "core/sql/statement.h"

namespace headgate::operators {

// Why a statement was not done. `offset` is a place in its text.
struct SqlError {
  std::string code;  // SQLSTATE
  std::string message;
  std::size_t offset = 0;
  std::string hint;
};
template <class T>
using SqlResult = Result<T, SqlError>;
using SqlStatus = Result<void, SqlError>;

// What a statement gives.
struct Outcome {
  std::vector<sql::PlanColumn> columns;
  std::vector<std::vector<sql::Datum>> rows;  // in the order asked for
  bool has_rows = false;
};

// Tables, views over them, and statements that change and read them, in one process and in memory: every statement, or
// block from BEGIN to COMMIT, is one transaction, and views are in step with it before the next statement. One thread.
class Engine : public sql::RelationSource {
 public:
  Engine();
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Does the statements one by one; the outcome is the last one's. Stops at the first that fails.
  SqlResult<Outcome> Execute(const std::string& text);

  const sql::Relation* Find(const std::vector<std::string>& name) const override;
  std::vector<std::string> Names() const override;

 private:
  struct Row {
    std::string bytes;
    std::int64_t weight = 0;
  };
  using Rows = std::map<std::string, Row>;
  struct Stored;
  struct Change {
    Stored* table = nullptr;
    std::string key;
    std::string bytes;
    std::int64_t weight = 0;
    std::uint32_t ordinal = 0;
  };
  SqlResult<Outcome> Do(const sql::Statement& statement);
  SqlStatus CreateTable(const sql::Statement& statement, const sql::Node& create);
  SqlStatus AddConstraint(Stored& table, const sql::Node& constraint, std::optional<std::size_t> column);
  SqlStatus CreateView(const sql::Statement& statement, const sql::Node& create);
  static SqlStatus TakeOptions(const sql::Statement& statement, const sql::Node& written, sql::Plan& plan);
  SqlStatus CreatePlainView(const sql::Statement& statement, const sql::Node& create);
  SqlStatus Drop(const sql::Node& drop);
  SqlStatus Insert(const sql::Statement& statement, const sql::Node& insert);
  SqlStatus Update(const sql::Statement& statement, const sql::Node& update);
  SqlStatus Delete(const sql::Statement& statement, const sql::Node& del);
  SqlStatus Truncate(const sql::Node& truncate);
  SqlStatus Transaction(const sql::Node& transaction);
  static SqlStatus Set(const sql::Node& set);
  SqlResult<Outcome> Query(const sql::Statement& statement, const sql::Node& select, bool explain);

  SqlResult<sql::BoundQuery> Bind(const sql::Statement& statement, const sql::Node& select,
                                  sql::BindOptions options) const;
  SqlResult<Outcome> Run(sql::BoundQuery query);
  SqlResult<Stored*> Target(const sql::Node& range) const;
  Stored* FindStored(const std::string& name) const;

  // One statement's changes: all or none.
  SqlStatus Put(Stored& table, std::vector<sql::Datum> row);
  void Take(Stored& table, const std::string& key);
  void Log(Stored& table, const std::string& key, const std::string& bytes, std::int64_t weight);
  static void MarkUnique(Stored& table, const std::string& bytes, bool there);
  void Undo(std::size_t to);
  void Commit();
  // Brings the views in step with changes of one relation, in the order in which they were made.
  void Step(const std::vector<Change>& changes);
  std::vector<Delta> Settle(Stored& view);
  void Backfill(Stored& view);
  std::shared_ptr<const LogTimes> NextTimes();
  void Feed(Graph& graph, const sql::Relation& relation, StepContext& step) const;

  std::map<std::string, std::unique_ptr<Stored>> stored_;
  std::vector<Stored*> views_;  // inputs before those that read them
  std::vector<Change> changes_;
  bool in_block_ = false;
  bool aborted_ = false;  // a statement of the block failed: the block can only end
  Seq seq_ = 0;
  std::int64_t log_us_ = LogTimes::kNever;  // us since 2000
  std::uint32_t ordinal_ = 0;
};

}  // namespace headgate::operators
