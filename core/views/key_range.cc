#include "core/views/key_range.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "core/sql/key.h"

namespace headgate::views {
namespace {

using sql::Expr;
using sql::ExprKind;
using sql::Plan;
using sql::PlanKind;
using sql::TypeId;

// The beginning of the keys that the conditions fix: those of the first columns.
std::string Prefix(const sql::Relation& view, const std::vector<std::size_t>& columns,
                   const std::vector<Condition>& conditions, std::size_t& used) {
  std::string prefix;
  used = 0;
  for (const std::size_t column : columns) {
    const auto found = std::ranges::find(conditions, column, &Condition::column);
    if (found == conditions.end()) break;
    AppendKey(prefix, view.columns[column].type, found->value);
    ++used;
  }
  return prefix;
}

// The smallest text behind all that begin with `prefix`; "" if there is none.
std::string Behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

bool Fits(std::int64_t value, sql::Type type) {
  if (type.id == TypeId::kInt8) return true;
  if (type.id == TypeId::kInt4)
    return value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max();
  return value >= std::numeric_limits<std::int16_t>::min() && value <= std::numeric_limits<std::int16_t>::max();
}

// A cast that changes nothing but the type stands for what is in it.
const Expr& Bare(const Expr& expr) {
  const Expr* bare = &expr;
  while (bare->kind == ExprKind::kCall && bare->kernel == nullptr && bare->arguments.size() == 1)
    bare = bare->arguments[0].get();
  return *bare;
}

// The value of an expression that has one whatever the row and the time, as one of `type`.
std::optional<sql::Datum> ValueAs(const Expr& expr, sql::Type type) {
  bool fixed = true;
  Walk(expr, [&](const Expr& part) {
    const bool call = part.kind == ExprKind::kCall && part.function != nullptr &&
                      part.function->volatility == sql::Volatility::kImmutable;
    fixed = fixed && (call || part.kind == ExprKind::kConstant);
    return fixed;
  });
  if (!fixed) return std::nullopt;
  sql::EvalContext context;
  sql::Datum value = EvaluateConstant(expr, context);
  if (context.failed() || value.null) return std::nullopt;
  if (expr.type == type) return value;
  if (IsInteger(type) && IsInteger(expr.type) && Fits(value.i, type)) return value;
  const auto is_text = [](sql::Type of) { return of.Is(TypeId::kText) || of.Is(TypeId::kVarchar); };
  if (is_text(type) && is_text(expr.type)) return value;
  return std::nullopt;
}

// `columns`: what the columns of the condition's input are in the relation.
void Take(const Expr& condition, const sql::Relation& view, const std::vector<std::optional<std::size_t>>& columns,
          Conditions& out) {
  if (condition.kind == ExprKind::kAnd) {
    for (const sql::ExprPtr& part : condition.arguments) Take(*part, view, columns, out);
    return;
  }
  if (condition.kind != ExprKind::kCall || condition.function == nullptr || condition.arguments.size() != 2) return;
  const std::string_view name = condition.function->name;
  for (const bool turned : {false, true}) {
    const Expr& mine = Bare(*condition.arguments[turned ? 1 : 0]);
    const Expr& other = Bare(*condition.arguments[turned ? 0 : 1]);
    if (mine.kind != ExprKind::kColumn || !columns[mine.column]) continue;
    const std::size_t column = *columns[mine.column];
    const sql::Type type = view.columns[column].type;
    auto value = ValueAs(other, type);
    if (!value) continue;
    const bool low = turned ? name == "<" || name == "<=" : name == ">" || name == ">=";
    const bool high = turned ? name == ">" || name == ">=" : name == "<" || name == "<=";
    std::vector<Condition>* const list = name == "=" ? &out.equal : low ? &out.from : high ? &out.to : nullptr;
    if (list != nullptr) list->push_back({column, type, std::move(*value)});
    return;
  }
}

// A scan of the view with what stands on it: filters, and projections that pick columns.
bool IsScanOf(const Plan& plan, const sql::Relation& view, Conditions& out,
              std::vector<std::optional<std::size_t>>& columns) {
  if (plan.kind == PlanKind::kScan) {
    for (std::size_t c = 0; plan.relation == &view && c < plan.columns.size(); ++c) columns.emplace_back(c);
    return plan.relation == &view;
  }
  if (plan.kind != PlanKind::kFilter && plan.kind != PlanKind::kProject) return false;
  if (!IsScanOf(*plan.inputs[0], view, out, columns)) return false;
  if (plan.kind == PlanKind::kFilter) {
    if (plan.condition) Take(*plan.condition, view, columns, out);
    return true;
  }
  std::vector<std::optional<std::size_t>> projected;
  for (const sql::ExprPtr& expr : plan.expressions)
    projected.push_back(expr->kind == ExprKind::kColumn ? columns[expr->column] : std::nullopt);
  columns = std::move(projected);
  return true;
}

void FindScans(const Plan& plan, const sql::Relation& view, std::size_t& scans, Conditions& out) {
  Conditions conditions;
  std::vector<std::optional<std::size_t>> columns;
  if (IsScanOf(plan, view, conditions, columns)) {
    ++scans;
    out = std::move(conditions);
    return;
  }
  for (const sql::PlanPtr& input : plan.inputs) FindScans(*input, view, scans, out);
}

}  // namespace

Conditions ConditionsOf(const sql::Plan& plan, const sql::Relation& view) {
  std::size_t scans = 0;
  Conditions conditions;
  FindScans(plan, view, scans, conditions);
  return scans == 1 ? std::move(conditions) : Conditions{};
}

KeyRange RangeOf(const sql::Relation& view, const std::vector<std::size_t>& columns, const Conditions& conditions) {
  const auto with = [&](const std::vector<Condition>& bounds, std::size_t& used) {
    std::vector<Condition> all = conditions.equal;
    all.insert(all.end(), bounds.begin(), bounds.end());
    return Prefix(view, columns, all, used);
  };
  std::size_t low = 0;
  std::size_t high = 0;
  KeyRange range;
  range.begin = with(conditions.from, low);
  range.end = Behind(with(conditions.to, high));
  range.whole = low == 0 && high == 0;
  with({}, range.fixed);
  range.bounded = std::max(low, high) > range.fixed;
  return range;
}

}  // namespace headgate::views
