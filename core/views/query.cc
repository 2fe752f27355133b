#include "core/views/query.h"

#include <algorithm>
#include <map>

#include "core/operators/graph.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"
#include "core/views/access.h"
#include "core/views/declared.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"
#include "core/views/shape.h"

namespace headgate::views {
namespace {

using operators::Delta;
using sql::Datum;

// Feeds what a plan reads into its operators.
class Feeder {
 public:
  Feeder(const StoreView& view, const Log& log, const QueryLimits& limits, std::stop_token stop)
      : view_(view),
        registry_(log.registry()),
        limits_(limits),
        deadline_(std::chrono::steady_clock::now() + limits.time),
        stop_(std::move(stop)) {}

  // True if it looked at every row.
  SqlResult<bool> Feed(const Input& input, const DefinitionPtr& definition, const Conditions& conditions,
                       operators::Graph& graph, operators::StepContext& step) {
    switch (input.kind) {
      case Input::Kind::kTable:
        return FeedTable(input, graph, step);
      case Input::Kind::kView:
        return FeedView(input, *definition, conditions, graph, step);
      case Input::Kind::kEvents:
        break;
    }
    return Failed("0A000", "\"" + input.relation->name + "\" is a stream of events: it has no content to read",
                  "Make a materialised view of it and read that, or follow its records.");
  }

 private:
  // False: enough.
  bool Count() {
    ++scanned_;
    if (scanned_ > limits_.scanned_rows) problem_ = "more than " + std::to_string(limits_.scanned_rows) + " rows";
    if (scanned_ % 1024 == 0) {
      if (stop_.stop_requested()) problem_ = "the service stops";
      if (std::chrono::steady_clock::now() > deadline_)
        problem_ = "it took longer than " + std::to_string(limits_.time.count()) + " ms";
    }
    return problem_.empty();
  }
  SqlResult<bool> Done(const Status& scanned, bool whole = true) {
    if (!scanned.ok()) return Failed(scanned.error());
    if (problem_.empty()) return whole;
    return Failed("57014", "the query was ended: " + problem_,
                  "Read by key, or make a materialised view of what is asked often.");
  }

  SqlResult<bool> FeedTable(const Input& input, operators::Graph& graph, operators::StepContext& step) {
    const StreamInfo* stream = registry_->FindStream(input.stream_name);
    if (stream == nullptr) return Failed("55000", "there is no stream \"" + input.stream_name + "\" yet");
    const auto state = Base::StoredState(view_, stream->number);
    if (!state.ok()) return Failed(state.error());
    if (state->shown == 0)
      return Failed("55000", "table \"" + input.relation->name + "\" is not loaded yet",
                    "It is there once its snapshot is complete and a view or a query has asked for it.");
    StreamRows rows(*input.relation, input.needed);
    std::optional<Checks> checks;
    if (input.declared != nullptr) checks.emplace(*input.declared);
    const Status scanned =
        Base::ScanTable(view_, stream->number, state->shown, "", [&](std::string_view key, const Image& image) {
          std::optional<Image> shown = image;
          if (checks) {
            auto found = ShownIn(view_, *checks, input.declared->record.form, key, image,
                                 *registry_->Schema(stream->number, image.version));
            if (!found.ok()) problem_ = found.error().what;
            if (!found.ok()) return false;
            shown = std::move(*found);
          }
          if (shown) {
            rows.Add(shown->row, shown->version, *registry_->Schema(stream->number, shown->version), shown->origin,
                     static_cast<std::int64_t>(image.copies), {});
          }
          if (rows.full()) graph.Push(*input.relation, rows.Take(), step);
          return Count();
        });
    if (rows.rows() > 0) graph.Push(*input.relation, rows.Take(), step);
    return Done(scanned);
  }

  SqlResult<bool> FeedView(const Input& input, const Definition& definition, const Conditions& conditions,
                           operators::Graph& graph, operators::StepContext& step) {
    const auto complete = CompleteProgress(view_, input.form);
    if (!complete.ok()) return Failed(complete.error());
    if (!*complete) return Incomplete(input.relation->name);
    operators::DeltaBuilder rows(TypesOf(*input.relation));
    const auto visit = [&](const ViewRows::Stored& stored) {
      rows.Add(stored.row, stored.copies, {});
      if (rows.full()) graph.Push(*input.relation, rows.Take(), step);
      return Count();
    };
    const Access access = AccessOf(definition, **complete, conditions);
    const Status scanned = ScanBy(access, view_, definition, visit);
    if (rows.rows() > 0) graph.Push(*input.relation, rows.Take(), step);
    return Done(scanned, access.by == Access::By::kAll);
  }

  const StoreView& view_;
  std::shared_ptr<const Registry> registry_;
  const QueryLimits& limits_;
  std::chrono::steady_clock::time_point deadline_;
  std::stop_token stop_;
  std::size_t scanned_ = 0;
  std::string problem_;
};

// The net rows of a result, in the order asked for; without one in that of their arrival.
class Collector {
 public:
  explicit Collector(const sql::BoundQuery& query) : query_(query) {
    for (const sql::PlanColumn& column : query.plan->columns) types_.push_back(column.type);
  }

  void Take(const Delta& delta) {
    for (std::size_t row = 0; row < delta.rows(); ++row) {
      std::string bytes = sql::EncodeRow(types_, delta.batch, row);
      const auto [known, added] = keys_.try_emplace(bytes);
      if (added) {
        std::string& key = known->second;
        for (const sql::SortKey& sort : query_.order)
          AppendKey(key, types_[sort.column], *delta.batch.columns[sort.column], row, sort.order);
        AppendKey(key, sql::TypeId::kInt8, Datum::Of(static_cast<std::int64_t>(arrival_++)));
      }
      Entry& entry = net_[known->second];
      entry.weight += delta.weights[row];
      entry.bytes = std::move(bytes);
      if (entry.weight == 0) {
        net_.erase(known->second);
        keys_.erase(known);
      }
    }
  }

  void Give(Table& table, std::size_t limit) const {
    for (const auto& [key, entry] : net_) {
      sql::RowBuilder builder(types_);
      CHECK(builder.Add(entry.bytes));
      const sql::Batch batch = builder.Take();
      std::vector<Datum> row;
      for (std::size_t c = 0; c < query_.visible; ++c) row.push_back(batch.columns[c]->At(0));
      for (std::int64_t n = 0; n < entry.weight; ++n) {
        if (table.rows.size() == limit) {
          table.more = true;
          return;
        }
        table.rows.push_back(row);
      }
    }
  }

 private:
  struct Entry {
    std::string bytes;
    std::int64_t weight = 0;
  };
  const sql::BoundQuery& query_;
  std::vector<sql::Type> types_;
  std::size_t arrival_ = 0;
  std::map<std::string, std::string> keys_;
  std::map<std::string, Entry> net_;
};

}  // namespace

SqlError Incomplete(const std::string& view) {
  return {"55000", "view \"" + view + "\" has no complete content at the moment", 0,
          "GET /api/v1/views/" + view + " says why."};
}

SqlResult<Table> RunSelect(const StoreView& view, const Log& log, const NameTable& names,
                           const sql::Statement& statement, const sql::Node& select, const QueryLimits& limits,
                           std::stop_token stop) {
  sql::BindOptions options;
  options.clock = true;
  HG_ASSIGN_OR_RETURN(const sql::BoundQuery query, BindSelect(statement, select, names, options));
  const auto applied = AppliedOf(view);
  if (!applied.ok()) return Failed(applied.error());
  Collector collector(query);
  operators::Graph graph(*query.plan, [&](const Delta& delta) { collector.Take(delta); });
  operators::StepContext step;
  step.eval.has_now = true;
  step.eval.now_us = SystemClock().NowUs() - kEpoch2000Us;
  Feeder feeder(view, log, limits, stop);
  Table table;
  for (const Input& input : InputsOf(*query.plan, names)) {
    const Conditions conditions = ConditionsOf(*query.plan, *input.relation);
    const DefinitionPtr definition = names.FindDefinition(input.relation->name);
    HG_ASSIGN_OR_RETURN(const bool scanned, feeder.Feed(input, definition, conditions, graph, step));
    table.scanned = table.scanned || scanned;
  }
  graph.Finish(step);
  std::int64_t failures = 0;
  for (const operators::FailedRow& failed : step.failed) failures += failed.weight;
  if (failures > 0) return Failed(step.failed[0].code, step.failed[0].message);
  table.columns.assign(query.plan->columns.begin(),
                       query.plan->columns.begin() + static_cast<std::ptrdiff_t>(query.visible));
  table.seq = *applied;
  collector.Give(table, limits.rows);
  return table;
}

SqlResult<std::string> Explain(const NameTable& names, const sql::Statement& statement, const sql::Node& select) {
  sql::BindOptions options;
  options.clock = true;
  HG_ASSIGN_OR_RETURN(const sql::BoundQuery query, BindSelect(statement, select, names, options));
  return Describe(*query.plan);
}

}  // namespace headgate::views
