#include "tests/unit/operators/naive.h"

#include <algorithm>
#include <set>

#include "core/operators/ordered_rows.h"
#include "core/sql/array_value.h"
#include "core/sql/row_codec.h"

namespace headgate::test {
namespace {

using operators::Aggregation;
using sql::Datum;
using sql::Plan;
using sql::PlanKind;
using sql::Type;

// Expressions over rows, and the rows for which one of them has failed.
class Expressions {
 public:
  Expressions(const std::vector<Type>& types, const NaiveRows& rows) : failed(rows.size()) {
    sql::RowBuilder builder(types);
    for (const NaiveRow& row : rows) builder.AddDatums(row.values);
    batch_ = builder.Take();
    batch_.rows = rows.size();
  }
  std::vector<bool> failed;

  // Only the failures of rows that `counts` names are kept, if it is given.
  sql::Column Of(const sql::Expr& expr, const std::vector<bool>* counts = nullptr) {
    sql::EvalContext context;
    context.Begin();
    sql::Column column = Evaluate(expr, batch_, sql::Rows(batch_.rows), context);
    for (const sql::RowError& error : context.errors()) {
      if (counts == nullptr || (*counts)[error.row]) failed[error.row] = true;
    }
    return column;
  }
  std::vector<bool> True(const sql::Expr& condition) {
    const sql::Column column = Of(condition);
    std::vector<bool> out(failed.size());
    for (std::size_t row = 0; row < out.size(); ++row)
      out[row] = !failed[row] && !column->IsNull(row) && column->bools[column->Index(row)] != 0;
    return out;
  }

 private:
  sql::Batch batch_;
};

NaiveRows Matching(const std::vector<Type>& types, const NaiveRows& rows, const sql::Expr& condition) {
  const std::vector<bool> matches = Expressions(types, rows).True(condition);
  NaiveRows out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (matches[i]) out.push_back(rows[i]);
  }
  return out;
}

std::string KeyOf(const std::vector<Type>& types, const NaiveRow& row) {
  std::string key;
  for (std::size_t c = 0; c < types.size(); ++c) sql::AppendKey(key, types[c], row.values[c]);
  return key;
}

NaiveRow Beside(const NaiveRow& left, const NaiveRow& right) {
  NaiveRow row = left;
  row.values.insert(row.values.end(), right.values.begin(), right.values.end());
  row.weight *= right.weight;
  row.at = std::max(left.at, right.at);
  return row;
}
NaiveRow Nulls(std::size_t columns) { return {std::vector<Datum>(columns), 1, {}}; }

std::size_t ColumnsAskedFor(const sql::Expr& expr) {
  std::size_t columns = 0;
  Walk(expr, [&](const sql::Expr& node) {
    if (node.kind == sql::ExprKind::kColumn) columns = std::max(columns, node.column + 1);
    return true;
  });
  return columns;
}

NaiveRows Project(const Plan& plan, const NaiveRows& input) {
  Expressions values(TypesOf(plan.inputs[0]->columns), input);
  std::vector<sql::Column> columns;
  for (const sql::ExprPtr& expr : plan.expressions) columns.push_back(values.Of(*expr));
  NaiveRows out;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (values.failed[i]) continue;
    NaiveRow& row = out.emplace_back(NaiveRow{{}, input[i].weight, input[i].at});
    for (const sql::Column& column : columns) row.values.push_back(column->At(i));
  }
  return out;
}

NaiveRows Unnest(const Plan& plan, const NaiveRows& input) {
  Expressions values(TypesOf(plan.inputs[0]->columns), input);
  std::vector<sql::Column> arrays;
  for (const sql::ExprPtr& expr : plan.expressions) arrays.push_back(values.Of(*expr));
  NaiveRows out;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (values.failed[i]) continue;
    std::vector<std::vector<Datum>> elements;
    std::size_t longest = 0;
    for (std::size_t a = 0; a < arrays.size(); ++a) {
      elements.emplace_back();
      if (arrays[a]->IsNull(i)) continue;
      elements.back() = sql::ArrayValue::Read(arrays[a]->At(i).s, plan.expressions[a]->type.Element()).elements;
      longest = std::max(longest, elements.back().size());
    }
    for (std::size_t n = 0; n < longest; ++n) {
      NaiveRow& row = out.emplace_back(input[i]);
      for (const auto& array : elements) row.values.push_back(n < array.size() ? array[n] : Datum::Null());
      if (plan.numbered) row.values.push_back(Datum::Of(static_cast<std::int64_t>(n + 1)));
    }
  }
  return out;
}

// One aggregate over rows, each with a value a column.
class OneAggregate {
 public:
  OneAggregate(const sql::AggregateCall& call, Expressions& values, std::size_t rows)
      : of_(call, false), passes_(rows, true) {
    if (call.filter != nullptr) passes_ = values.True(*call.filter);
    for (const sql::ExprPtr& argument : call.arguments) columns_.push_back(values.Of(*argument, &passes_));
    for (const sql::AggregateOrder& key : call.order) columns_.push_back(values.Of(*key.expr, &passes_));
  }

  operators::AggregateResult Of(const NaiveRows& input, const std::vector<std::size_t>& rows) const {
    operators::WeightedRows kept;
    const auto accumulator = of_.ordered() ? nullptr : of_.Make();
    std::set<std::string> seen;
    for (const std::size_t i : rows) {
      if (!passes_[i]) continue;
      std::string key;
      if (!columns_.empty()) of_.AppendKeyOf(key, columns_, i);
      if (accumulator == nullptr) {
        if (operators::Skips(of_.call(), columns_, i)) continue;
        operators::WeightedRow& row = kept[key];
        operators::ReadArguments(columns_, i, row.row);
        row.weight += input[i].weight;
      } else if (!of_.distinct()) {
        accumulator->AddRow(columns_, i, input[i].weight);
      } else if (seen.insert(key).second) {
        accumulator->AddRow(columns_, i, 1);
      }
    }
    return accumulator == nullptr ? operators::OrderedRows(of_, kept).Result() : accumulator->Result();
  }

 private:
  Aggregation of_;
  std::vector<bool> passes_;
  std::vector<sql::Column> columns_;
};

NaiveRows Aggregate(const Plan& plan, const NaiveRows& input) {
  Expressions values(TypesOf(plan.inputs[0]->columns), input);
  std::vector<sql::Column> columns;
  for (const sql::ExprPtr& expr : plan.expressions) columns.push_back(values.Of(*expr));
  std::vector<OneAggregate> aggregates;
  for (const sql::AggregateCall& call : plan.aggregates) aggregates.emplace_back(call, values, input.size());
  std::map<std::string, std::vector<std::size_t>> groups;
  if (plan.expressions.empty()) groups[""];
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (values.failed[i]) continue;
    std::string key;
    for (std::size_t g = 0; g < columns.size(); ++g) AppendKey(key, plan.expressions[g]->type, *columns[g], i);
    groups[key].push_back(i);
  }
  NaiveRows out;
  for (const auto& [key, rows] : groups) {
    NaiveRow row;
    for (const sql::Column& column : columns) row.values.push_back(column->At(rows[0]));
    bool failed = false;
    for (const OneAggregate& aggregate : aggregates) {
      operators::AggregateResult result = aggregate.Of(input, rows);
      failed = failed || !result.code.empty();
      row.values.push_back(std::move(result.value));
    }
    if (!failed) out.push_back(std::move(row));
  }
  return out;
}

// Rows one by one, in the order asked for, by partition.
std::map<std::string, NaiveRows> Ordered(const Plan& plan, const std::vector<std::size_t>& partition,
                                         const std::vector<sql::SortKey>& order, const NaiveRows& input) {
  const std::vector<Type> types = TypesOf(plan.inputs[0]->columns);
  std::map<std::string, std::multimap<std::string, NaiveRow>> sorted;
  for (const NaiveRow& row : input) {
    std::string of;
    for (const std::size_t c : partition) sql::AppendKey(of, types[c], row.values[c]);
    std::string key;
    for (const sql::SortKey& sort : order) sql::AppendKey(key, types[sort.column], row.values[sort.column], sort.order);
    key += KeyOf(types, row);
    sql::AppendRow(key, types, row.values);  // of equal values that print differently
    for (std::int64_t n = 0; n < row.weight; ++n) sorted[of].emplace(key, row)->second.weight = 1;
  }
  std::map<std::string, NaiveRows> out;
  for (const auto& [of, rows] : sorted) {
    for (const auto& [key, row] : rows) out[of].push_back(row);
  }
  return out;
}

NaiveRows TopK(const Plan& plan, const NaiveRows& input) {
  NaiveRows out;
  for (const auto& [of, rows] : Ordered(plan, plan.partition, plan.order, input)) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t place = static_cast<std::int64_t>(i) - plan.offset;
      if (place >= 0 && (!plan.limit || place < *plan.limit)) out.push_back(rows[i]);
    }
  }
  return out;
}

NaiveRows Window(const Plan& plan, const NaiveRows& input) {
  const sql::WindowCall& call = plan.window;
  NaiveRows out;
  for (const auto& [of, rows] : Ordered(plan, call.partition, call.order, input)) {
    const auto size = static_cast<std::int64_t>(rows.size());
    for (std::int64_t i = 0; i < (call.first ? std::min(size, *call.first) : size); ++i) {
      NaiveRow row = rows[static_cast<std::size_t>(i)];
      const std::int64_t other = i + (call.kind == sql::WindowKind::kLag ? -call.offset : call.offset);
      if (call.kind == sql::WindowKind::kRowNumber) {
        row.values.push_back(Datum::Of(i + 1));
      } else if (other >= 0 && other < size) {
        row.values.push_back(rows[static_cast<std::size_t>(other)].values[call.argument]);
      } else {
        row.values.push_back(call.fallback ? row.values[*call.fallback] : Datum::Null());
      }
      out.push_back(std::move(row));
    }
  }
  return out;
}

// How often a row of two inputs shows.
std::int64_t Shown(sql::SetOpKind kind, std::int64_t left, std::int64_t right) {
  switch (kind) {
    case sql::SetOpKind::kUnionAll:  // as it is
    case sql::SetOpKind::kUnion:
      return left + right > 0 ? 1 : 0;
    case sql::SetOpKind::kIntersect:
      return left > 0 && right > 0 ? 1 : 0;
    case sql::SetOpKind::kIntersectAll:
      return std::min(left, right);
    case sql::SetOpKind::kExcept:
      return left > 0 && right == 0 ? 1 : 0;
    case sql::SetOpKind::kExceptAll:
      return std::max<std::int64_t>(0, left - right);
  }
  return 0;
}

}  // namespace

void Naive::Apply(const Step& step) {
  for (const auto& [relation, delta] : step) {
    for (std::size_t i = 0; i < delta.rows(); ++i) {
      NaiveRow row{{}, delta.weights[i], delta.at[i]};
      for (const sql::Column& column : delta.batch.columns) row.values.push_back(column->At(i));
      Take(*relation, std::move(row));
    }
  }
}

void Naive::Take(const sql::Relation& relation, NaiveRow row) {
  std::vector<Version>& versions = versions_[&relation];
  if (row.weight > 0) return versions.push_back({std::move(row), std::nullopt});
  std::vector<Type> types;
  for (const sql::RelationColumn& column : relation.columns) types.push_back(column.type);
  const std::string key = KeyOf(types, row);
  const auto found = std::ranges::find_if(
      versions, [&](const Version& version) { return !version.gone && KeyOf(types, version.row) == key; });
  ASSERT_NE(found, versions.end()) << "what goes was there";
  found->gone = row.at.seq;
}

NaiveRows Naive::Scan(const Plan& plan) const {
  NaiveRows out;
  const auto found = versions_.find(plan.relation);
  if (found == versions_.end()) return out;
  for (const Version& version : found->second) {
    const bool there =
        as_of_ ? version.row.at.seq <= *as_of_ && (!version.gone || *version.gone > *as_of_) : !version.gone;
    if (there) out.push_back(version.row);
  }
  return out;
}

// Every combination, as soon as all columns of a condition are there without those that it does not hold for.
NaiveRows Naive::Inner(const Plan& plan) {
  std::vector<sql::ExprPtr> conditions;
  if (plan.condition != nullptr) conditions = sql::Conjuncts(Clone(*plan.condition));
  NaiveRows rows = {{}};
  std::vector<Type> types;
  for (const sql::PlanPtr& input : plan.inputs) {
    const NaiveRows others = Rows(*input);
    NaiveRows both;
    for (const NaiveRow& row : rows) {
      for (const NaiveRow& other : others) both.push_back(Beside(row, other));
    }
    rows = std::move(both);
    for (const sql::PlanColumn& column : input->columns) types.push_back(column.type);
    for (const sql::ExprPtr& condition : conditions) {
      const std::size_t asked = ColumnsAskedFor(*condition);
      const std::size_t before = types.size() - input->columns.size();
      if (asked <= types.size() && (asked > before || before == 0)) rows = Matching(types, rows, *condition);
    }
  }
  return rows;
}

NaiveRows Naive::Outer(const Plan& plan) {
  const NaiveRows left = Rows(*plan.inputs[0]);
  const NaiveRows right = Rows(*plan.inputs[1]);
  std::vector<Type> types = TypesOf(plan.inputs[0]->columns);
  for (const sql::PlanColumn& column : plan.inputs[1]->columns) types.push_back(column.type);
  NaiveRows pairs;
  for (const NaiveRow& row : left) {
    for (const NaiveRow& other : right) pairs.push_back(Beside(row, other));
  }
  const std::vector<bool> matches = plan.condition == nullptr ? std::vector<bool>(pairs.size(), true)
                                                              : Expressions(types, pairs).True(*plan.condition);
  std::vector<bool> left_found(left.size());
  std::vector<bool> right_found(right.size());
  NaiveRows out;
  const bool halves = plan.join == sql::JoinKind::kSemi || plan.join == sql::JoinKind::kAnti;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!matches[i]) continue;
    left_found[i / right.size()] = true;
    right_found[i % right.size()] = true;
    if (!halves) out.push_back(pairs[i]);
  }
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (halves && left_found[i] == (plan.join == sql::JoinKind::kSemi)) out.push_back(left[i]);
    if ((plan.join == sql::JoinKind::kLeft || plan.join == sql::JoinKind::kFull) && !left_found[i])
      out.push_back(Beside(left[i], Nulls(plan.inputs[1]->columns.size())));
  }
  for (std::size_t i = 0; i < right.size(); ++i) {
    if ((plan.join == sql::JoinKind::kRight || plan.join == sql::JoinKind::kFull) && !right_found[i])
      out.push_back(Beside(Nulls(plan.inputs[0]->columns.size()), right[i]));
  }
  return out;
}

NaiveRows Naive::Temporal(const Plan& plan) {
  std::vector<Type> types = TypesOf(plan.inputs[0]->columns);
  for (const sql::PlanColumn& column : plan.inputs[1]->columns) types.push_back(column.type);
  NaiveRows out;
  for (const NaiveRow& row : Rows(*plan.inputs[0])) {
    NaiveRows pairs;
    for (const NaiveRow& other : RowsAsOf(*plan.inputs[1], row.at.seq)) pairs.push_back(Beside(row, other));
    if (plan.condition != nullptr) pairs = Matching(types, pairs, *plan.condition);
    if (pairs.empty() && plan.join == sql::JoinKind::kLeft)
      pairs.push_back(Beside(row, Nulls(plan.inputs[1]->columns.size())));
    out.insert(out.end(), pairs.begin(), pairs.end());
  }
  return out;
}

NaiveRows Naive::SetOp(const Plan& plan) {
  if (plan.kind == PlanKind::kSetOp && plan.set_op == sql::SetOpKind::kUnionAll) {
    NaiveRows rows = Rows(*plan.inputs[0]);
    std::ranges::move(Rows(*plan.inputs[1]), std::back_inserter(rows));
    return rows;
  }
  struct Sides {
    NaiveRow row;
    std::int64_t left = 0;
    std::int64_t right = 0;
  };
  std::map<std::string, Sides> all;
  const std::vector<Type> types = TypesOf(plan.columns);
  for (const NaiveRow& row : Rows(*plan.inputs[0])) {
    Sides& sides = all[KeyOf(types, row)];
    sides.row = row;
    sides.left += row.weight;
  }
  for (const NaiveRow& row : plan.kind == PlanKind::kSetOp ? Rows(*plan.inputs[1]) : NaiveRows()) {
    Sides& sides = all[KeyOf(types, row)];
    sides.row = row;
    sides.right += row.weight;
  }
  NaiveRows out;
  for (auto& [key, sides] : all) {
    sides.row.weight = plan.kind == PlanKind::kDistinct ? 1 : Shown(plan.set_op, sides.left, sides.right);
    if (sides.row.weight > 0) out.push_back(sides.row);
  }
  return out;
}

// The past does not change.
const NaiveRows& Naive::RowsAsOf(const Plan& plan, Seq seq) {
  const auto [known, first] = known_.try_emplace({&plan, seq});
  if (first) {
    const auto before = std::exchange(as_of_, seq);
    known->second = Rows(plan);
    as_of_ = before;
  }
  return known->second;
}

NaiveRows Naive::Rows(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return Scan(plan);
    case PlanKind::kValues: {
      NaiveRows out;
      sql::EvalContext context;
      for (const auto& row : plan.rows) {
        out.emplace_back();
        for (const sql::ExprPtr& expr : row) out.back().values.push_back(EvaluateConstant(*expr, context));
      }
      return out;
    }
    case PlanKind::kFilter:
      return Matching(TypesOf(plan.columns), Rows(*plan.inputs[0]), *plan.condition);
    case PlanKind::kProject:
      return Project(plan, Rows(*plan.inputs[0]));
    case PlanKind::kJoin:
      return plan.join == sql::JoinKind::kInner ? Inner(plan) : Outer(plan);
    case PlanKind::kDeltaJoin:
      return Inner(plan);
    case PlanKind::kTemporal:
      return Temporal(plan);
    case PlanKind::kAggregate:
      return Aggregate(plan, Rows(*plan.inputs[0]));
    case PlanKind::kDistinct:
    case PlanKind::kSetOp:
      return SetOp(plan);
    case PlanKind::kTopK:
      return TopK(plan, Rows(*plan.inputs[0]));
    case PlanKind::kWindow:
      return Window(plan, Rows(*plan.inputs[0]));
    case PlanKind::kUnnest:
      return Unnest(plan, Rows(*plan.inputs[0]));
    case PlanKind::kExpire:
      break;
  }
  ADD_FAILURE() << "not recomputed: " << sql::Describe(plan);
  return {};
}

Outputs Naive::Of(const Plan& plan) {
  Outputs out;
  for (const NaiveRow& row : Rows(plan)) out[TextOf(TypesOf(plan.columns), row.values)] += row.weight;
  return out;
}

}  // namespace headgate::test
