#include <algorithm>

#include "core/sql/binder.h"

// Calls: functions, operators, aggregates, window functions.
namespace headgate::sql {
namespace {

std::string Signature(std::string_view name, const std::vector<ExprPtr>& arguments) {
  std::string out(name);
  out += "(";
  for (std::size_t i = 0; i < arguments.size(); ++i) out += (i > 0 ? ", " : "") + Name(arguments[i]->type);
  return out + ")";
}

bool IsOperatorName(std::string_view name) {
  return name.find_first_not_of("+-*/<>=~!@#%^&|`?") == std::string_view::npos;
}

std::vector<Type> TypesOf(const std::vector<ExprPtr>& arguments) {
  std::vector<Type> types;
  for (const ExprPtr& argument : arguments) types.push_back(argument->type);
  return types;
}

Problem NoFunction(std::string_view name, const std::vector<ExprPtr>& arguments, std::uint32_t location,
                   NoOverload why) {
  if (IsOperatorName(name)) {
    std::string text = arguments.size() == 1
                           ? std::string(name) + " " + Name(arguments[0]->type)
                           : Name(arguments[0]->type) + " " + std::string(name) + " " + Name(arguments.back()->type);
    if (why == NoOverload::kAmbiguous) return {"operator is not unique: " + text, location, "Cast the arguments."};
    return {"operator does not exist: " + text, location, "Cast the arguments to types that it takes."};
  }
  if (why == NoOverload::kAmbiguous)
    return {"function " + Signature(name, arguments) + " is not unique", location, "Cast the arguments."};
  Problem problem{"function " + Signature(name, arguments) + " does not exist", location, ""};
  if (const std::string_view near = SimilarFunction(name); near == name) {
    problem.hint = "It takes arguments of other types; cast them.";
  } else if (!near.empty()) {
    problem.hint = "Perhaps you meant " + std::string(near) + ".";
  }
  return problem;
}

// Functions whose arguments are more than values.
struct Refusal {
  std::string_view name;
  std::string_view message;
  std::string_view hint;
};
constexpr Refusal kRefusals[] = {
    {"tumble", "TUMBLE windows are not supported yet", "Group by date_bin(interval, time, origin) instead."},
    {"hop", "HOP windows are not supported yet", ""},
    {"session", "SESSION windows are not supported yet", ""},
    {"segment", "segment() is not supported yet", ""},
    {"rank", "rank() is not supported yet", "Use row_number()."},
    {"dense_rank", "dense_rank() is not supported yet", "Use row_number()."},
    {"random", "random() gives another value each time", "Compute it where the rows are made."},
    {"gen_random_uuid", "gen_random_uuid() gives another value each time", "Compute it where the rows are made."},
};

}  // namespace

void VisitOuter(Plan& plan, std::size_t level, const std::function<void(Expr&)>& visit) {
  const auto each = [&](ExprPtr& root) {
    if (!root) return;
    WalkMutable(root, [&](ExprPtr& expr) {
      if (expr->kind == ExprKind::kOuter && expr->level == level) visit(*expr);
      return true;
    });
  };
  each(plan.condition);
  for (ExprPtr& expr : plan.expressions) each(expr);
  for (auto& row : plan.rows) {
    for (ExprPtr& expr : row) each(expr);
  }
  for (AggregateCall& call : plan.aggregates) {
    for (ExprPtr& expr : call.arguments) each(expr);
    each(call.filter);
    for (AggregateOrder& key : call.order) each(key.expr);
  }
  for (std::size_t i = 0; i < plan.inputs.size(); ++i)
    VisitOuter(*plan.inputs[i], level + (plan.dependent && i == 1 ? 1 : 0), visit);
}

KeyOrder OrderOf(const Node& sort_by) {
  KeyOrder order;
  order.descending = sort_by["sortby_dir"].text() == "SORTBY_DESC";
  order.nulls_first = order.descending;
  if (sort_by["sortby_nulls"].text() == "SORTBY_NULLS_FIRST") order.nulls_first = true;
  if (sort_by["sortby_nulls"].text() == "SORTBY_NULLS_LAST") order.nulls_first = false;
  return order;
}

Checked Binder::Defaults(ExprPtr& expr) {
  if (!expr->type.Is(TypeId::kUnknown)) return {};
  HG_ASSIGN_OR_RETURN(expr, CastTo(std::move(expr), TypeId::kText, CastContext::kImplicit, options_.zone));
  return {};
}

Parsed<ExprPtr> Binder::CallOf(std::string_view name, std::vector<ExprPtr> arguments, std::uint32_t location) {
  const auto types = TypesOf(arguments);
  const auto overload = ChooseOverload(FindFunctions(name), types);
  if (!overload.ok()) return NoFunction(name, arguments, location, overload.error());
  const Function& function = *overload->function;
  if (function.volatility == Volatility::kClock && !options_.clock && !in_expiry_)
    return Problem{std::string(name) + " changes by itself: a view cannot use it", location, std::string(kExpiryHint)};
  if (function.volatility == Volatility::kVolatile)
    return Problem{std::string(name) + " gives another value each time", location,
                   "Compute it where the rows are made."};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    HG_ASSIGN_OR_RETURN(arguments[i], CastTo(std::move(arguments[i]), overload->arguments[i].Bare(),
                                             CastContext::kImplicit, options_.zone));
  }
  const Type result = function.returns_set ? overload->result.ArrayOf() : overload->result;
  return MakeCall(function, result, std::move(arguments), location);
}

Parsed<ExprPtr> Binder::BinaryOf(std::string_view op, ExprPtr a, ExprPtr b, std::uint32_t location) {
  std::vector<ExprPtr> both;
  both.push_back(std::move(a));
  both.push_back(std::move(b));
  return CallOf(op == "!=" ? "<>" : op, std::move(both), location);
}

Parsed<ExprPtr> Binder::Call(const Node& call, Level& level) {
  const auto& names = call["funcname"].items();
  const std::string name(names.empty() ? "" : names.back().name());
  const std::uint32_t location = call.location();
  for (const Refusal& refusal : kRefusals) {
    if (refusal.name == name) return Problem{std::string(refusal.message), location, std::string(refusal.hint)};
  }
  if (call["over"]) return WindowOf(call, name, level);
  if (IsAggregate(name)) return AggregateOf(call, name, level);
  if (call["agg_distinct"].flag() || call["agg_order"] || call["agg_filter"] || call["agg_within_group"].flag())
    return Problem{name + " is not an aggregate function", location, ""};
  if (call["agg_star"].flag()) return Problem{name + "(*) does not exist", location, ""};
  // The whole row as an argument: to_jsonb(t) takes an object of its columns.
  HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> arguments, All(call["args"], level));
  if (call["func_variadic"].flag()) return CallOf(name + " variadic", std::move(arguments), location);
  return CallOf(name, std::move(arguments), location);
}

Parsed<std::vector<AggregateOrder>> Binder::SortList(const Node& sort, Level& level) {
  std::vector<AggregateOrder> keys;
  for (const Node& item : sort.items()) {
    HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(item.body()["node"], level));
    HG_RETURN_IF_ERROR(Defaults(expr));
    keys.push_back({std::move(expr), OrderOf(item.body())});
  }
  return keys;
}

// What an aggregate of JSON takes is JSON already when it comes, and names are texts.
Checked Binder::AsJson(std::string_view name, std::vector<ExprPtr>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::uint32_t location = arguments[i]->location;
    std::vector<ExprPtr> one;
    one.push_back(std::move(arguments[i]));
    const std::string_view key = i + 1 < arguments.size() ? "json key" : "";
    HG_ASSIGN_OR_RETURN(arguments[i], CallOf(!key.empty() ? key : (name.starts_with("jsonb") ? "to_jsonb" : "to_json"),
                                             std::move(one), location));
  }
  return {};
}

// WITHIN GROUP: the argument is the same for all rows, the result is what is ordered.
Checked Binder::OrderedSet(std::string_view name, AggregateCall& aggregate) {
  if (aggregate.distinct) return Problem{"cannot use DISTINCT with WITHIN GROUP", aggregate.location, ""};
  bool constant = true;
  for (const ExprPtr& argument : aggregate.arguments) {
    Walk(*argument, [&](const Expr& expr) {
      constant = constant && expr.kind != ExprKind::kColumn && expr.kind != ExprKind::kOuter;
      return true;
    });
  }
  if (!constant)
    return Problem{"direct arguments of an ordered-set aggregate must be constants here", aggregate.location,
                   "Write the number into " + std::string(name) + "(...)."};
  ExprPtr& ordered = aggregate.order[0].expr;
  if (aggregate.kind == AggregateKind::kPercentileCont && !ordered->type.Is(TypeId::kInterval)) {
    HG_ASSIGN_OR_RETURN(ordered, CastTo(std::move(ordered), TypeId::kFloat8, CastContext::kImplicit, options_.zone));
  }
  const bool array = !aggregate.arguments.empty() && aggregate.arguments[0]->type.array;
  aggregate.result = array ? ordered->type.ArrayOf() : ordered->type;
  return {};
}

Parsed<ExprPtr> Binder::AggregateOf(const Node& call, std::string_view name, Level& level) {
  const std::uint32_t location = call.location();
  if (!level.no_aggregates.empty())
    return Problem{"aggregate functions are not allowed in " + level.no_aggregates, location, ""};
  if (level.inside_aggregate)
    return Problem{"aggregate function calls cannot be nested", location, "Use a subquery in FROM."};
  level.inside_aggregate = true;
  auto arguments = All(call["args"], level);
  Parsed<std::vector<AggregateOrder>> order = std::vector<AggregateOrder>{};
  if (arguments.ok()) order = SortList(call["agg_order"], level);
  Parsed<ExprPtr> filter = ExprPtr{};
  if (order.ok() && call["agg_filter"]) filter = Condition(call["agg_filter"], level, "argument of FILTER");
  level.inside_aggregate = false;
  HG_RETURN_IF_ERROR(arguments);
  HG_RETURN_IF_ERROR(order);
  HG_RETURN_IF_ERROR(filter);
  if (name.starts_with("json")) {
    for (ExprPtr& argument : *arguments) HG_RETURN_IF_ERROR(Defaults(argument));
    if (call["agg_distinct"].flag() && order->empty() && arguments->size() == 1)
      order->push_back({Clone(*(*arguments)[0]), {}});  // DISTINCT sorts by the value, not by its JSON
    HG_RETURN_IF_ERROR(AsJson(name, *arguments));
  }

  AggregateCall aggregate;
  aggregate.location = location;
  aggregate.distinct = call["agg_distinct"].flag();
  aggregate.filter = std::move(*filter);
  aggregate.order = std::move(*order);
  if (call["agg_star"].flag() && name != "count")
    return Problem{std::string(name) + "(*) does not exist", location, ""};
  if (!call["agg_star"].flag() && name == "count" && arguments->empty())
    return Problem{"count(*) must be used to call a parameterless aggregate function", location, ""};
  std::vector<const Function*> overloads;
  for (const AggregateFunction& f : AggregateFunctions()) {
    if (f.signature.name == name) overloads.push_back(&f.signature);
  }
  const auto overload = ChooseOverload(std::span<const Function* const>(overloads), TypesOf(*arguments));
  if (!overload.ok()) return NoFunction(name, *arguments, location, overload.error());
  for (const AggregateFunction& f : AggregateFunctions()) {
    if (&f.signature == overload->function) aggregate.kind = f.kind;
  }
  for (std::size_t i = 0; i < arguments->size(); ++i) {
    HG_ASSIGN_OR_RETURN(ExprPtr argument, CastTo(std::move((*arguments)[i]), overload->arguments[i].Bare(),
                                                 CastContext::kImplicit, options_.zone));
    aggregate.arguments.push_back(std::move(argument));
  }
  aggregate.result = overload->result;
  const bool ordered_set = aggregate.kind == AggregateKind::kPercentileCont ||
                           aggregate.kind == AggregateKind::kPercentileDisc || aggregate.kind == AggregateKind::kMode;
  if (ordered_set != call["agg_within_group"].flag() || (ordered_set && aggregate.order.size() != 1))
    return Problem{ordered_set ? "WITHIN GROUP is required for ordered-set aggregate " + std::string(name)
                               : std::string(name) + " is not an ordered-set aggregate",
                   location, ""};
  if (ordered_set) HG_RETURN_IF_ERROR(OrderedSet(name, aggregate));
  const Type result = aggregate.result;
  for (std::size_t i = 0; i < level.aggregates.size(); ++i) {
    if (!Same(level.aggregates[i], aggregate)) continue;
    ExprPtr same = MakeNode(ExprKind::kAggregate, result, {}, location);
    same->column = i;
    return same;
  }
  ExprPtr reference = MakeNode(ExprKind::kAggregate, result, {}, location);
  reference->column = level.aggregates.size();
  level.aggregates.push_back(std::move(aggregate));
  return reference;
}

Parsed<ExprPtr> Binder::WindowOf(const Node& call, std::string_view name, Level& level) {
  const std::uint32_t location = call.location();
  if (!level.no_windows.empty())
    return Problem{"window functions are not allowed in " + level.no_windows, location, "Use a subquery in FROM."};
  PendingWindow window;
  if (name == "row_number") {
    window.kind = WindowKind::kRowNumber;
  } else if (name == "lag" || name == "lead") {
    window.kind = name == "lag" ? WindowKind::kLag : WindowKind::kLead;
  } else {
    return Problem{"window function " + std::string(name) + " is not supported", location,
                   "row_number, lag and lead are; a group's total needs GROUP BY and a join."};
  }
  const Node* over = &call["over"];
  if (const std::string_view reference = (*over)["name"].text(); !reference.empty()) {
    const Node* named = nullptr;
    if (level.named_windows != nullptr) {
      for (const Node& item : level.named_windows->items()) {
        if (item.body()["name"].text() == reference) named = &item.body();
      }
    }
    if (named == nullptr) return Problem{"window \"" + std::string(reference) + "\" does not exist", location, ""};
    over = named;
  }
  const std::string no_windows = std::exchange(level.no_windows, "window definitions");
  auto arguments = All(call["args"], level);
  auto partition =
      arguments.ok() ? All((*over)["partitionClause"], level) : Parsed<std::vector<ExprPtr>>(arguments.error());
  auto order =
      partition.ok() ? SortList((*over)["orderClause"], level) : Parsed<std::vector<AggregateOrder>>(partition.error());
  level.no_windows = no_windows;
  HG_RETURN_IF_ERROR(arguments);
  HG_RETURN_IF_ERROR(partition);
  HG_RETURN_IF_ERROR(order);
  window.partition = std::move(*partition);
  for (ExprPtr& expr : window.partition) HG_RETURN_IF_ERROR(Defaults(expr));
  window.order = std::move(*order);
  if (window.kind == WindowKind::kRowNumber) {
    if (!arguments->empty()) return NoFunction(name, *arguments, location, NoOverload::kNone);
    window.type = TypeId::kInt8;
  } else {
    if (arguments->empty() || arguments->size() > 3) return NoFunction(name, *arguments, location, NoOverload::kNone);
    if (arguments->size() > 1) {
      const Expr& offset = *(*arguments)[1];
      if (offset.kind != ExprKind::kConstant || PhysicalOf(offset.type) != Physical::kInt || offset.constant.null)
        return Problem{"the offset of " + std::string(name) + " must be a constant", offset.location, ""};
      window.offset = offset.constant.i;
    }
    HG_RETURN_IF_ERROR(Defaults((*arguments)[0]));
    window.type = (*arguments)[0]->type.Bare();
    if (arguments->size() > 2) {
      HG_ASSIGN_OR_RETURN(window.fallback,
                          CastTo(std::move((*arguments)[2]), window.type, CastContext::kImplicit, options_.zone));
    }
    window.argument = std::move((*arguments)[0]);
  }
  ExprPtr reference = MakeNode(ExprKind::kWindow, window.type, {}, location);
  reference->column = level.windows.size();
  level.windows.push_back(std::move(window));
  return reference;
}

}  // namespace headgate::sql
