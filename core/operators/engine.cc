#include "core/operators/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/operators/engine_stored.h"

namespace headgate::operators {

using sql::Datum;
using sql::Node;
using sql::Statement;
using sql::Type;
using sql::TypeId;

Engine::Engine() = default;
Engine::~Engine() = default;

const sql::Relation* Engine::Find(const std::vector<std::string>& name) const {
  std::string joined;
  for (const std::string& part : name) joined += (joined.empty() ? "" : ".") + part;
  const Stored* stored = FindStored(joined);
  return stored == nullptr ? nullptr : &stored->relation;
}

std::vector<std::string> Engine::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, stored] : stored_) names.push_back(name);
  return names;
}

Engine::Stored* Engine::FindStored(const std::string& name) const {
  auto found = stored_.find(name);
  if (found == stored_.end() && name.starts_with("public.")) found = stored_.find(name.substr(7));
  return found == stored_.end() ? nullptr : found->second.get();
}

SqlResult<Outcome> Engine::Execute(const std::string& text) {
  auto statements = sql::ReadStatements(text);
  if (!statements.ok())
    return SqlError{"42601", statements.error().message, statements.error().offset, statements.error().hint};
  Outcome last;
  for (const Statement& statement : *statements) {
    HG_ASSIGN_OR_RETURN(last, Do(statement));
  }
  return last;
}

SqlResult<Outcome> Engine::Do(const Statement& statement) {
  const Node& body = statement.tree.body();
  const std::string_view tag = statement.tree.tag();
  if (statement.connector.verb != sql::ConnectorStatement::Verb::kNone)
    return SqlError{"0A000", "sources and sinks need a running service", statement.offset, ""};
  if (aborted_ && tag != "TransactionStmt")
    return SqlError{"25P02", "current transaction is aborted, commands ignored until end of transaction block",
                    statement.offset, ""};
  if (tag == "SelectStmt" || tag == "ExplainStmt") {
    auto outcome = Query(statement, tag == "SelectStmt" ? statement.tree : body["query"], tag == "ExplainStmt");
    aborted_ = in_block_ && !outcome.ok();
    return outcome;
  }
  const std::size_t before = changes_.size();
  const SqlStatus done = [&]() -> SqlStatus {
    if (tag == "CreateStmt") return CreateTable(statement, body);
    if (tag == "CreateTableAsStmt") return CreateView(statement, body);
    if (tag == "ViewStmt") return CreatePlainView(statement, body);
    if (tag == "DropStmt") return Drop(body);
    if (tag == "InsertStmt") return Insert(statement, body);
    if (tag == "UpdateStmt") return Update(statement, body);
    if (tag == "DeleteStmt") return Delete(statement, body);
    if (tag == "TruncateStmt") return Truncate(body);
    if (tag == "TransactionStmt") return Transaction(body);
    if (tag == "VariableSetStmt") return Set(body);
    if (tag == "IndexStmt" && body["unique"].flag())
      return Failed("0A000", "CREATE UNIQUE INDEX is not supported", "Write UNIQUE in CREATE TABLE.");
    if (tag == "IndexStmt" || tag == "CommentStmt") return {};  // nothing to do in memory
    return SqlError{"0A000", "this statement is not supported", statement.offset, ""};
  }();
  if (!done.ok()) {
    Undo(before);
    aborted_ = in_block_;
    return done.error();
  }
  if (!in_block_) Commit();
  return Outcome{};
}

// Text of times is UTC here; another zone would change answers silently. Other settings change nothing.
SqlStatus Engine::Set(const Node& set) {
  const Node& value = set["args"].at(0).body()["sval"]["sval"];
  const std::string_view zone = value.text();
  if (set["name"].text() != "timezone" || zone.empty() || zone == "UTC" || zone == "utc") return {};
  return Failed("0A000", "times are UTC here",
                "Write AT TIME ZONE '" + std::string(zone) + "' where another zone is wanted.");
}

SqlStatus Engine::Transaction(const Node& transaction) {
  const std::string_view kind = transaction["kind"].text();
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") {
    in_block_ = true;
  } else if (kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_ROLLBACK") {
    if (aborted_ || kind == "TRANS_STMT_ROLLBACK") Undo(0);
    in_block_ = aborted_ = false;
  } else {
    return Failed("0A000", "savepoints and two-phase commit are not supported");
  }
  return {};
}

SqlResult<sql::BoundQuery> Engine::Bind(const Statement& statement, const Node& select,
                                        sql::BindOptions options) const {
  options.text = statement.text;
  options.system_times = statement.system_times;
  auto query = sql::BindQuery(select, *this, options);
  if (!query.ok()) return Wrong(query.error(), statement);
  auto plan = sql::Unnest(std::move(query->plan));
  if (!plan.ok()) return Wrong(plan.error(), statement, "0A000");
  query->plan = sql::PruneColumns(sql::Rewrite(std::move(*plan)));
  return std::move(*query);
}

void Engine::Undo(std::size_t to) {
  while (changes_.size() > to) {
    const Change& change = changes_.back();
    Row& row = change.table->rows[change.key];
    row.bytes = change.bytes;
    row.weight -= change.weight;
    MarkUnique(*change.table, change.bytes, change.weight < 0);
    if (row.weight == 0) change.table->rows.erase(change.key);
    changes_.pop_back();
  }
}

void Engine::Commit() {
  if (changes_.empty()) return;
  ++seq_;
  ordinal_ = 0;
  Step(std::exchange(changes_, {}));
}

// Log time is the time of the statement; nothing happens between statements.
std::shared_ptr<const LogTimes> Engine::NextTimes() {
  LogTimes times{seq_ - 1, log_us_, {}};
  log_us_ = std::max(log_us_, SystemClock().NowUs() - kEpoch2000Us);
  times.steps.push_back({seq_, log_us_});
  return std::make_shared<const LogTimes>(std::move(times));
}

void Engine::Step(const std::vector<Change>& changes) {
  StepContext step;
  step.times = NextTimes();
  std::vector<std::pair<Stored*, std::vector<Delta>>> inputs;
  for (const Change& change : changes) {
    if (std::ranges::find(inputs, change.table, &decltype(inputs)::value_type::first) == inputs.end())
      inputs.emplace_back(change.table, std::vector<Delta>());
  }
  for (auto& [table, deltas] : inputs) {
    DeltaBuilder builder(table->types);
    for (const Change& change : changes) {
      if (change.table != table) continue;
      builder.Add(change.bytes, change.weight, {seq_, change.ordinal});
      if (builder.full()) deltas.push_back(builder.Take());
    }
    if (builder.rows() > 0) deltas.push_back(builder.Take());
  }
  for (Stored* view : views_) {
    for (const auto& [source, deltas] : inputs) {
      for (const Delta& delta : deltas) view->graph->Push(source->relation, delta, step);
    }
    view->graph->Finish(step);
    inputs.emplace_back(view, Settle(*view));
    for (const FailedRow& failed : step.failed) view->errors += failed.weight;
    step.failed.clear();
  }
}

// Puts a view's output into its rows; what is left of it after equal rows of opposite sign is what changed.
std::vector<Delta> Engine::Settle(Stored& view) {
  struct Net {
    std::int64_t weight = 0;
    At at;
  };
  std::map<std::string, Net> net;
  for (const Delta& delta : view.output) {
    for (std::size_t row = 0; row < delta.rows(); ++row) {
      Net& entry = net[sql::EncodeRow(view.types, delta.batch, row)];
      entry.weight += delta.weights[row];
      entry.at = std::max(entry.at, delta.at[row]);
    }
  }
  view.output.clear();
  std::vector<Delta> out;
  DeltaBuilder builder(view.types);
  for (const auto& [bytes, entry] : net) {
    if (entry.weight == 0) continue;
    Row& row = view.rows[bytes];
    row.bytes = bytes;
    row.weight += entry.weight;
    CHECK(row.weight >= 0);  // a view never takes back what it did not give
    if (row.weight == 0) view.rows.erase(bytes);
    builder.Add(bytes, entry.weight, entry.at);
    if (builder.full()) out.push_back(builder.Take());
  }
  if (builder.rows() > 0) out.push_back(builder.Take());
  return out;
}

void Engine::Feed(Graph& graph, const sql::Relation& relation, StepContext& step) const {
  const Stored* stored = FindStored(relation.name);
  DeltaBuilder builder(stored->types);
  for (const auto& [key, row] : stored->rows) {
    builder.Add(row.bytes, row.weight, {});
    if (builder.full()) graph.Push(relation, builder.Take(), step);
  }
  if (builder.rows() > 0) graph.Push(relation, builder.Take(), step);
}

void Engine::Backfill(Stored& view) {
  StepContext step;
  const std::int64_t now_us = NextTimes()->Now();
  step.times = std::make_shared<const LogTimes>(LogTimes{seq_, now_us, {}});
  for (const sql::Relation* relation : view.graph->relations()) Feed(*view.graph, *relation, step);
  view.graph->Finish(step);
  Settle(view);
  for (const FailedRow& failed : step.failed) view.errors += failed.weight;
}

SqlResult<Outcome> Engine::Query(const Statement& statement, const Node& select, bool explain) {
  sql::BindOptions options;
  options.clock = true;
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, select, options));
  if (!explain) return Run(std::move(query));
  Outcome outcome;
  outcome.has_rows = true;
  outcome.columns.push_back({"QUERY PLAN", TypeId::kText});
  std::string text = Describe(*query.plan);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    outcome.rows.push_back({Datum::Of(text.substr(at, end - at))});
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return outcome;
}

SqlResult<Outcome> Engine::Run(sql::BoundQuery query) {
  std::map<std::string, std::pair<std::string, std::int64_t>> net;  // order key and row -> row, weight
  std::vector<Type> types;
  for (const sql::PlanColumn& column : query.plan->columns) types.push_back(column.type);
  std::size_t arrival = 0;
  std::map<std::string, std::string> keys;  // row -> its key: rows without an order keep that of their arrival
  Graph graph(*query.plan, [&](const Delta& delta) {
    for (std::size_t row = 0; row < delta.rows(); ++row) {
      const std::string bytes = sql::EncodeRow(types, delta.batch, row);
      auto [known, added] = keys.try_emplace(bytes);
      if (added) {
        std::string& key = known->second;
        for (const sql::SortKey& sort : query.order)
          AppendKey(key, types[sort.column], *delta.batch.columns[sort.column], row, sort.order);
        AppendKey(key, TypeId::kInt8, Datum::Of(static_cast<std::int64_t>(arrival++)));
      }
      auto& entry = net[known->second];
      entry.first = bytes;
      entry.second += delta.weights[row];
      if (entry.second == 0) {
        net.erase(known->second);
        keys.erase(bytes);
      }
    }
  });
  StepContext step;
  step.eval.has_now = true;
  step.eval.now_us = log_us_ = std::max(log_us_, SystemClock().NowUs() - kEpoch2000Us);
  for (const sql::Relation* relation : graph.relations()) Feed(graph, *relation, step);
  graph.Finish(step);
  std::int64_t failures = 0;
  for (const FailedRow& failed : step.failed) failures += failed.weight;
  if (failures > 0) return Failed(step.failed[0].code, step.failed[0].message);
  Outcome outcome;
  outcome.has_rows = true;
  outcome.columns.assign(query.plan->columns.begin(),
                         query.plan->columns.begin() + static_cast<std::ptrdiff_t>(query.visible));
  for (const auto& [key, entry] : net) {
    sql::RowBuilder builder(types);
    CHECK(builder.Add(entry.first));
    const sql::Batch batch = builder.Take();
    std::vector<Datum> row;
    for (std::size_t c = 0; c < query.visible; ++c) row.push_back(batch.columns[c]->At(0));
    for (std::int64_t n = 0; n < entry.second; ++n) outcome.rows.push_back(row);
  }
  return outcome;
}

}  // namespace headgate::operators
