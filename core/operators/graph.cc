#include "core/operators/graph.h"

#include <algorithm>
#include <limits>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/operators/aggregate.h"
#include "core/operators/delta_join.h"
#include "core/operators/distinct.h"
#include "core/operators/expire.h"
#include "core/operators/join.h"
#include "core/operators/state.h"
#include "core/operators/stateless.h"
#include "core/operators/temporal.h"
#include "core/operators/top_k.h"
#include "core/sql/multi_join.h"

namespace headgate::operators {
namespace {

// Rows of constants: there from the first step on.
class Values : public Operator {
 public:
  Values(const sql::Plan& plan, const StatePlace& place) : done_(place.Part(0)) {
    types_ = TypesOf(plan.columns);
    for (const auto& row : plan.rows) {
      auto& out = rows_.emplace_back();
      for (const sql::ExprPtr& expr : row) out.push_back(Clone(*expr));
    }
  }
  void Process(std::size_t, const Delta&, StepContext&, const Emit&) override { CHECK(false); }
  void Finish(StepContext& step, const Emit& emit) override {
    if (done_.Find("") != nullptr) return;
    done_.Change("") = "1";
    DeltaBuilder builder(types_);
    for (const auto& row : rows_) {
      std::vector<sql::Datum> values;
      for (const sql::ExprPtr& expr : row) values.push_back(sql::EvaluateConstant(*expr, step.eval));
      const bool failed = step.eval.failed();
      if (failed) step.failed.push_back({{}, 1, step.eval.errors()[0].code, step.eval.errors()[0].message});
      if (failed) step.eval.Reset();
      if (!failed || step.null_on_error) builder.AddDatums(values, 1, {});
      if (builder.full()) emit(builder.Take());
    }
    if (builder.rows() > 0) emit(builder.Take());
  }

 private:
  std::vector<sql::Type> types_;
  std::vector<std::vector<sql::ExprPtr>> rows_;
  KeyedState<std::string> done_;  // one entry once the rows are out
};

OperatorPtr Make(const sql::Plan& plan, const StatePlace& place, const StatePlace& rows) {
  switch (plan.kind) {
    case sql::PlanKind::kValues:
      return std::make_unique<Values>(plan, place);
    case sql::PlanKind::kFilter:
      return MakeFilter(plan);
    case sql::PlanKind::kExpire:
      return MakeExpire(plan, place);
    case sql::PlanKind::kProject:
      return MakeProject(plan);
    case sql::PlanKind::kJoin:
    case sql::PlanKind::kDeltaJoin:
      return IsConnectedJoin(plan) ? MakeDeltaJoin(plan, place) : MakeJoin(plan, place);
    case sql::PlanKind::kTemporal:
      return MakeTemporal(plan, place);
    case sql::PlanKind::kAggregate:
      return MakeAggregate(plan, place, rows);
    case sql::PlanKind::kDistinct:
      return MakeDistinct(plan, place);
    case sql::PlanKind::kTopK:
      return MakeTopK(plan, place);
    case sql::PlanKind::kSetOp:
      return plan.set_op == sql::SetOpKind::kUnionAll ? MakeUnionAll() : MakeSetOp(plan, place);
    case sql::PlanKind::kWindow:
      return IsAppendOnly(plan) ? MakeLogLag(plan, place) : MakeWindow(plan, place);
    case sql::PlanKind::kUnnest:
      return MakeUnnest(plan);
    case sql::PlanKind::kScan:
      break;
  }
  CHECK(false);  // a scan is no operator
  return nullptr;
}

}  // namespace

Graph::Graph(const sql::Plan& plan, Emit sink, StatePlace place, StatePlace rows)
    : sink_(std::move(sink)),
      place_(std::move(place)),
      rows_(std::move(rows)),
      null_on_error_(plan.null_on_error),
      with_rows_(rows_.space == nullptr ? nullptr : LastGroupingOf(plan).aggregate) {
  Add(plan, {});
}

void Graph::Add(const sql::Plan& plan, Edge consumer) {
  StatePlace place = place_;
  CHECK(numbered_ < std::numeric_limits<std::uint16_t>::max());
  PutBigEndian(place.prefix, numbered_++);
  if (plan.kind == sql::PlanKind::kScan) {
    scans_.push_back({plan.relation, consumer});
    if (std::ranges::find(relations_, plan.relation) == relations_.end()) relations_.push_back(plan.relation);
    return;
  }
  auto node = std::make_unique<Node>();
  node->op = Make(plan, place, &plan == with_rows_ ? rows_ : StatePlace{});
  node->consumer = consumer;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) Add(*plan.inputs[i], {node.get(), i});
  nodes_.push_back(std::move(node));
}

bool Graph::Failed() const {
  return (place_.space != nullptr && place_.space->failure()) || (rows_.space != nullptr && rows_.space->failure());
}

void Graph::Deliver(const Edge& edge, const Delta& delta, StepContext& step) {
  if (Failed()) return;
  if (edge.node == nullptr) {
    sink_(delta);
    return;
  }
  edge.node->op->Process(edge.input, delta, step, [&](const Delta& out) { Deliver(edge.node->consumer, out, step); });
}

void Graph::Push(const sql::Relation& relation, const Delta& delta, StepContext& step) {
  step.null_on_error = null_on_error_;
  for (const Scan& scan : scans_) {
    if (scan.relation == &relation) Deliver(scan.consumer, delta, step);
  }
}

void Graph::Finish(StepContext& step) {
  step.null_on_error = null_on_error_;
  for (const auto& node : nodes_) {
    if (Failed()) return;
    node->op->Finish(step, [&](const Delta& out) { Deliver(node->consumer, out, step); });
  }
}

std::optional<std::int64_t> Graph::Due() const {
  std::optional<std::int64_t> first;
  for (const auto& node : nodes_) {
    const auto due = node->op->Due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

}  // namespace headgate::operators
