#include <algorithm>

#include "core/sql/binder.h"
#include "core/sql/time_value.h"

// Temporal filters: conditions that a row meets until a moment that the row itself says (stream-SQL reference, 6.3).
// They are the only place for now() in a view. All of them become "log time < the moment of the row + so many us".
namespace headgate::sql {
namespace {

constexpr std::string_view kWrite = "Write ts > now() - INTERVAL '1 hour'.";

bool IsClock(const Expr& expr) {
  return expr.kind == ExprKind::kCall && expr.function->volatility == Volatility::kClock;
}

// The first call in it whose value changes by itself.
const Expr* ClockOf(const Expr& root) {
  const Expr* clock = nullptr;
  Walk(root, [&](const Expr& expr) {
    if (clock == nullptr && IsClock(expr)) clock = &expr;
    return clock == nullptr;
  });
  return clock;
}

bool IsNow(const Expr& expr) {
  return IsClock(expr) && (std::string_view(expr.function->name) == "now" ||
                           std::string_view(expr.function->name) == "current_timestamp");
}

bool IsCallOf(const Expr& expr, std::string_view name) {
  return expr.kind == ExprKind::kCall && expr.function->name == name && expr.arguments.size() == 2;
}

bool IsConstant(const Expr& root) {
  bool constant = true;
  Walk(root, [&](const Expr& expr) {
    constant = constant && (expr.kind == ExprKind::kConstant || expr.kind == ExprKind::kCall) && !IsClock(expr);
    return constant;
  });
  return constant;
}

// An interval longer than nothing and of one length, in us.
Parsed<std::int64_t> LengthOf(const Expr& interval, const std::string& zone) {
  EvalContext context;
  context.zone = zone;
  const Datum value = EvaluateConstant(interval, context);
  if (context.failed()) return Problem{context.errors()[0].message, interval.location, std::string(kWrite)};
  if (value.null) return Problem{"the interval of a temporal filter is NULL", interval.location, std::string(kWrite)};
  if (value.w.months != 0)
    return Problem{"a temporal filter cannot count months: they differ in length", interval.location,
                   "Write days: INTERVAL '30 days'."};
  const Int128 us = static_cast<Int128>(value.w.days) * kDayUs + value.w.us;
  if (us <= 0)
    return Problem{
        "the interval of a temporal filter must be longer than nothing", interval.location,
        "It says how long a row stays behind its ts. " + std::string(kWrite) + " To keep rows until ts: ts > now()."};
  if (us > kTimestampEnd) return Problem{"the interval of a temporal filter is too long", interval.location, ""};
  return static_cast<std::int64_t>(us);
}

// now(), now() - interval, now() + interval, as us behind now(); nothing if it is something else.
Parsed<std::optional<std::int64_t>> BehindNow(const Expr& expr, const std::string& zone) {
  if (IsNow(expr)) return std::optional<std::int64_t>(0);
  const bool minus = IsCallOf(expr, "-");
  if (!minus && !IsCallOf(expr, "+")) return std::optional<std::int64_t>();
  const std::size_t interval = expr.arguments[0]->type.Is(TypeId::kInterval) ? 0 : 1;
  const Expr& length = *expr.arguments[interval];
  if (!IsNow(*expr.arguments[1 - interval]) || !length.type.Is(TypeId::kInterval) || !IsConstant(length))
    return std::optional<std::int64_t>();
  HG_ASSIGN_OR_RETURN(const std::int64_t us, LengthOf(length, zone));
  return std::optional<std::int64_t>(minus ? -us : us);
}

// row > now() + us, or >=.
struct Lifetime {
  ExprPtr row;
  std::int64_t us = 0;
};

// `later > sooner`, of which one side has the clock. Nothing: it is none of the forms that are known.
Parsed<std::optional<Lifetime>> LifetimeOf(ExprPtr& later, ExprPtr& sooner, const std::string& zone) {
  HG_ASSIGN_OR_RETURN(const auto behind, BehindNow(*sooner, zone));
  if (behind && ClockOf(*later) == nullptr) return std::optional(Lifetime{std::move(later), *behind});
  // INTERVAL > now() - row
  if (later->type.Is(TypeId::kInterval) && IsConstant(*later) && IsCallOf(*sooner, "-") &&
      IsNow(*sooner->arguments[0]) && ClockOf(*sooner->arguments[1]) == nullptr) {
    HG_ASSIGN_OR_RETURN(const std::int64_t us, LengthOf(*later, zone));
    return std::optional(Lifetime{std::move(sooner->arguments[1]), -us});
  }
  return std::optional<Lifetime>();
}

}  // namespace

bool Binder::NamesClock(const Node& node) const {
  if (!options_.expiry || node.Is("SubLink")) return false;
  if (node.Is("SQLValueFunction")) {
    const std::string_view op = node.body()["op"].text();
    return op.find("TIME") != std::string_view::npos || op.find("DATE") != std::string_view::npos;
  }
  if (node.Is("FuncCall") && node.body()["funcname"].size() > 0) {
    for (const Function& function : FindFunctions(node.body()["funcname"].items().back().name())) {
      if (function.volatility == Volatility::kClock) return true;
    }
  }
  for (const auto& [name, field] : node.fields()) {
    if (NamesClock(field)) return true;
  }
  return std::ranges::any_of(node.items(), [this](const Node& item) { return NamesClock(item); });
}

Checked Binder::Expiry(const Node& condition, Level& level, PlanPtr& plan) {
  in_expiry_ = true;
  auto bound = Condition(condition, level, "argument of WHERE");
  in_expiry_ = false;
  HG_RETURN_IF_ERROR(bound);
  ExprPtr expr = std::move(*bound);
  Attach(level, plan, expr);
  for (ExprPtr& part : Conjuncts(std::move(expr))) {  // BETWEEN is two
    if (ClockOf(*part) == nullptr) {
      plan = MakeFilter(std::move(plan), std::move(part));
    } else {
      HG_RETURN_IF_ERROR(AddExpiry(std::move(part), plan));
    }
  }
  return {};
}

Checked Binder::AddExpiry(ExprPtr condition, PlanPtr& plan) {
  const Expr& clock = *ClockOf(*condition);
  const Problem refused{std::string(clock.function->name) + " changes by itself: a view cannot use it here",
                        clock.location, std::string(kExpiryHint)};
  const bool greater = IsCallOf(*condition, ">") || IsCallOf(*condition, ">=");
  if (!greater && !IsCallOf(*condition, "<") && !IsCallOf(*condition, "<=")) return refused;
  const bool inclusive = std::string_view(condition->function->name).size() == 2;
  ExprPtr& later = condition->arguments[greater ? 0 : 1];
  ExprPtr& sooner = condition->arguments[greater ? 1 : 0];
  HG_ASSIGN_OR_RETURN(auto lifetime, LifetimeOf(later, sooner, options_.zone));
  if (!lifetime) {
    HG_ASSIGN_OR_RETURN(const auto ahead, BehindNow(*later, options_.zone));
    const bool age = sooner->type.Is(TypeId::kInterval) && IsCallOf(*later, "-") && IsNow(*later->arguments[0]);
    if ((!ahead && !age) || ClockOf(*sooner) != nullptr) return refused;
    return Problem{"rows that are to appear once their time has come are not supported", clock.location,
                   "A temporal filter says until when a row is there. " + std::string(kWrite)};
  }
  HG_ASSIGN_OR_RETURN(ExprPtr moment,
                      CastTo(std::move(lifetime->row), TypeId::kTimestampTz, CastContext::kImplicit, options_.zone));
  PlanPtr expire = MakePlan(PlanKind::kExpire);
  expire->columns = plan->columns;
  expire->expressions.push_back(std::move(moment));
  expire->offset = (inclusive ? 1 : 0) - lifetime->us;
  expire->inputs.push_back(std::move(plan));
  plan = std::move(expire);
  return {};
}

}  // namespace headgate::sql
