#include <algorithm>
#include <functional>
#include <limits>

#include "core/config/spec.h"
#include "core/sql/binder.h"

// Expressions: names, literals, operators, CASE and the like.
namespace headgate::sql {
namespace {

constexpr std::size_t kExpressionDepthMax = 400;  // nodes deep; evaluation recurses as the expression does

std::vector<std::string> NamesOf(const Node& list) {
  std::vector<std::string> names;
  for (const Node& item : list.items()) names.emplace_back(item.name());
  return names;
}

// The tree leaves out the value of 0 and, in this version of the parser, of negative numbers: the text has it.
std::int64_t SmallNumber(std::string_view text, std::size_t at) {
  bool negative = false;
  for (; at < text.size() && (text[at] < '0' || text[at] > '9'); ++at) negative = negative || text[at] == '-';
  std::int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && value <= INT32_MAX; ++at)
    value = value * 10 + (text[at] - '0');
  return negative ? -value : value;
}

bool Qualifies(const ScopeColumn& column, const std::vector<std::string>& qualifier) {
  if (qualifier.size() == 1) return column.table == qualifier[0];
  return column.qualifiers == qualifier;
}

}  // namespace

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ".") + part;
  return out;
}

Parsed<ExprPtr> Binder::Condition(const Node& node, Level& level, const std::string& what) {
  HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(node, level));
  if (expr->type.Is(TypeId::kUnknown))
    return CastTo(std::move(expr), TypeId::kBool, CastContext::kImplicit, options_.zone);
  if (!expr->type.Is(TypeId::kBool))
    return Problem{what + " must be type boolean, not type " + sql::Name(expr->type), expr->location, ""};
  return expr;
}

Parsed<ExprPtr> Binder::Expression(const Node& node, Level& level) {
  struct Depth {
    explicit Depth(std::size_t& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    std::size_t& depth;
  } depth(depth_);
  const Node& body = node.body();
  const std::string_view tag = node.tag();
  if (depth_ > kExpressionDepthMax)
    return Problem{"the expression is nested too deeply", body.location(), "Split it into views."};
  if (tag == "ColumnRef") return Column(body, level);
  if (tag == "A_Const") return Literal(body);
  if (tag == "A_Expr") return Operator(body, level);
  if (tag == "BoolExpr") return Boolean(body, level);
  if (tag == "FuncCall") return Call(body, level);
  if (tag == "TypeCast") return CastOf(body, level);
  if (tag == "CaseExpr") return CaseOf(body, level);
  if (tag == "SubLink") return SubLink(body, level);
  if (tag == "A_ArrayExpr") return ArrayOf(body, level);
  if (tag == "A_Indirection") return Subscript(body, level);
  if (tag == "SQLValueFunction") return ClockValue(body);
  if (tag == "CoalesceExpr") return OfCommonType(ExprKind::kCoalesce, body["args"], level, body.location(), "COALESCE");
  if (tag == "MinMaxExpr") {
    const bool least = body["op"].text() == "IS_LEAST";
    return OfCommonType(least ? ExprKind::kLeast : ExprKind::kGreatest, body["args"], level, body.location(),
                        least ? "LEAST" : "GREATEST");
  }
  if (tag == "NullTest") {
    const bool is_null = body["nulltesttype"].text() == "IS_NULL";
    HG_ASSIGN_OR_RETURN(ExprPtr argument, Expression(body["arg"], level));
    std::vector<ExprPtr> arguments;
    arguments.push_back(std::move(argument));
    return MakeNode(is_null ? ExprKind::kIsNull : ExprKind::kIsNotNull, TypeId::kBool, std::move(arguments),
                    body.location());
  }
  if (tag == "BooleanTest") {
    const std::string_view test = body["booltesttype"].text();
    if (test == "IS_TRUE") return Test(ExprKind::kIsTrue, body["arg"], level, body.location());
    if (test == "IS_FALSE") return Test(ExprKind::kIsFalse, body["arg"], level, body.location());
    if (test == "IS_UNKNOWN") return Test(ExprKind::kIsNull, body["arg"], level, body.location());
    if (test == "IS_NOT_UNKNOWN") return Test(ExprKind::kIsNotNull, body["arg"], level, body.location());
    HG_ASSIGN_OR_RETURN(ExprPtr inner, Test(test == "IS_NOT_TRUE" ? ExprKind::kIsTrue : ExprKind::kIsFalse, body["arg"],
                                            level, body.location()));
    std::vector<ExprPtr> arguments;
    arguments.push_back(std::move(inner));
    return MakeNode(ExprKind::kNot, TypeId::kBool, std::move(arguments), body.location());
  }
  if (tag == "CollateClause") {
    const auto names = NamesOf(body["collname"]);
    if (!names.empty() && (names.back() == "C" || names.back() == "POSIX")) return Expression(body["arg"], level);
    return Problem{"text is compared by its bytes here", body.location(), "Leave COLLATE out, or write COLLATE \"C\"."};
  }
  if (tag == "RowExpr")
    return Problem{"a row has no place here", body.location(), "Compare rows, or name their columns one by one."};
  if (tag == "ParamRef") return Problem{"parameters ($1) are not supported", body.location(), "Write the value."};
  if (tag == "GroupingFunc") return Problem{"GROUPING is not supported", body.location(), "Use one query a grouping."};
  return Problem{"this kind of expression is not supported", body.location(), ""};
}

Parsed<ExprPtr> Binder::Test(ExprKind kind, const Node& argument, Level& level, std::uint32_t location) {
  std::vector<ExprPtr> arguments;
  HG_ASSIGN_OR_RETURN(ExprPtr condition, Condition(argument, level, "argument of IS"));
  arguments.push_back(std::move(condition));
  return MakeNode(kind, TypeId::kBool, std::move(arguments), location);
}

Parsed<ExprPtr> Binder::Column(const Node& ref, Level& level) {
  std::vector<std::string> qualifier = NamesOf(ref["fields"]);
  if (ref["fields"].items().empty() || ref["fields"].items().back().Is("A_Star"))
    return Problem{"* has no place here", ref.location(), "Name the columns."};
  const std::string name = qualifier.back();
  qualifier.pop_back();
  std::size_t out = 0;
  for (Level* at = &level; at != nullptr; at = at->parent, ++out) {
    const ScopeColumn* found = nullptr;
    for (const ScopeColumn& column : at->scope) {
      if (column.added || column.name != name) continue;
      if (qualifier.empty() ? column.merged : !Qualifies(column, qualifier)) continue;
      if (found != nullptr && found->column != column.column)
        return Problem{"column reference \"" + name + "\" is ambiguous", ref.location(),
                       "Put the relation's name before it: " + found->table + "." + name + "."};
      found = &column;
    }
    if (found == nullptr && qualifier.empty()) {
      const auto whole = std::ranges::find_if(
          at->scope, [&](const ScopeColumn& column) { return column.whole && column.table == name; });
      if (whole != at->scope.end()) found = &*whole;
    }
    if (found == nullptr) continue;
    ExprPtr expr = MakeColumn(found->column, at->columns[found->column].type, ref.location());
    if (out > 0) {
      expr->kind = ExprKind::kOuter;
      expr->level = out;
    }
    return expr;
  }
  std::vector<std::string> known;
  bool qualifier_known = qualifier.empty();
  for (Level* at = &level; at != nullptr; at = at->parent) {
    for (const ScopeColumn& column : at->scope) {
      if (!qualifier.empty() && !Qualifies(column, qualifier)) continue;
      qualifier_known = true;
      known.push_back(column.name);
    }
  }
  if (!qualifier_known)
    return Problem{"missing FROM-clause entry for table \"" + Joined(qualifier) + "\"", ref.location(), ""};
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view near = config::Nearest(name, views);
  const std::string full = (qualifier.empty() ? "" : Joined(qualifier) + ".") + name;
  return Problem{"column " + (qualifier.empty() ? "\"" + full + "\"" : full) + " does not exist", ref.location(),
                 near.empty() ? "" : "Perhaps you meant \"" + std::string(near) + "\"."};
}

Parsed<ExprPtr> Binder::Literal(const Node& constant) {
  const std::uint32_t location = constant.location();
  if (constant["isnull"].flag()) return MakeConstant(TypeId::kUnknown, Datum::Null(), location);
  if (constant["sval"])
    return MakeConstant(TypeId::kUnknown, Datum::Of(std::string(constant["sval"]["sval"].text())), location);
  if (constant["boolval"])
    return MakeConstant(TypeId::kBool, Datum::Of(constant["boolval"]["boolval"].flag()), location);
  if (constant["ival"]) {
    const std::int64_t value =
        constant["ival"]["ival"] ? constant["ival"]["ival"].number() : SmallNumber(options_.text, location);
    return MakeConstant(TypeId::kInt4, Datum::Of(value), location);
  }
  EvalContext context;
  if (constant["fval"]) {
    const std::string text(constant["fval"]["fval"].text());
    const bool digits = std::ranges::all_of(text, [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
    if (digits) {
      Datum value = FromText(TypeId::kInt8, text, context);
      if (!context.failed()) {  // -2147483648 is an integer after all
        const TypeId type = value.i >= INT32_MIN && value.i <= INT32_MAX ? TypeId::kInt4 : TypeId::kInt8;
        return MakeConstant(type, std::move(value), location);
      }
      context.Reset();
    }
    Datum value = FromText(TypeId::kNumeric, text, context);
    if (context.failed()) return Problem{context.errors()[0].message, location, ""};
    return MakeConstant(TypeId::kNumeric, std::move(value), location);
  }
  if (constant["bsval"]) {  // b'101', x'1F': the first character says which
    const std::string text(constant["bsval"]["bsval"].text());
    Datum value = FromText(TypeId::kVarbit, text, context);
    if (context.failed()) return Problem{context.errors()[0].message, location, ""};
    return MakeConstant(TypeId::kBit, std::move(value), location);
  }
  return Problem{"this literal is not supported", location, ""};
}

Parsed<std::vector<ExprPtr>> Binder::All(const Node& items, Level& level) {
  std::vector<ExprPtr> all;
  for (const Node& item : items.items()) {
    HG_ASSIGN_OR_RETURN(ExprPtr expr, Expression(item, level));
    all.push_back(std::move(expr));
  }
  return all;
}

Checked Binder::Unify(std::vector<ExprPtr>& values, std::string_view what) {
  std::vector<Type> types;
  for (const ExprPtr& value : values) types.push_back(value->type);
  const auto common = CommonType(types);
  if (!common) {
    for (std::size_t i = 1; i < values.size(); ++i) {
      const Type pair[] = {values[0]->type, values[i]->type};
      if (!CommonType(pair))
        return Problem{
            std::string(what) + " types " + sql::Name(pair[0]) + " and " + sql::Name(pair[1]) + " cannot be matched",
            values[i]->location, "Cast one of them."};
    }
    return Problem{std::string(what) + " types cannot be matched", values[0]->location, "Cast them to one type."};
  }
  for (ExprPtr& value : values) {
    HG_ASSIGN_OR_RETURN(value, CastTo(std::move(value), *common, CastContext::kImplicit, options_.zone));
    value->type.mod = value->type.mod == common->mod ? common->mod : -1;
  }
  return {};
}

Parsed<ExprPtr> Binder::OfCommonType(ExprKind kind, const Node& items, Level& level, std::uint32_t location,
                                     std::string_view what) {
  HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> values, All(items, level));
  HG_RETURN_IF_ERROR(Unify(values, what));
  const Type type = values[0]->type;
  return MakeNode(kind, type, std::move(values), location);
}

Parsed<ExprPtr> Binder::Boolean(const Node& expr, Level& level) {
  const std::string_view op = expr["boolop"].text();
  const ExprKind kind = op == "AND_EXPR" ? ExprKind::kAnd : (op == "OR_EXPR" ? ExprKind::kOr : ExprKind::kNot);
  const char* what =
      kind == ExprKind::kAnd ? "argument of AND" : (kind == ExprKind::kOr ? "argument of OR" : "argument of NOT");
  std::vector<ExprPtr> arguments;
  for (const Node& item : expr["args"].items()) {
    HG_ASSIGN_OR_RETURN(ExprPtr argument, Condition(item, level, what));
    arguments.push_back(std::move(argument));
  }
  return MakeNode(kind, TypeId::kBool, std::move(arguments), expr.location());
}

Parsed<ExprPtr> Binder::Operator(const Node& expr, Level& level) {
  const std::string_view kind = expr["kind"].text();
  const std::string name(expr["name"].items().empty() ? "" : expr["name"].items().back().name());
  const std::uint32_t location = expr.location();
  if (kind == "AEXPR_IN") return InList(expr, level);
  if (kind.find("BETWEEN") != std::string_view::npos) return Between(expr, level);
  if (kind == "AEXPR_OP_ANY") return Quantified(expr, level, false);
  if (kind == "AEXPR_OP_ALL") return Quantified(expr, level, true);
  if (expr["lexpr"].Is("RowExpr") || expr["rexpr"].Is("RowExpr"))
    return Rows(expr, level, kind == "AEXPR_OP" ? name : "");
  ExprPtr left;
  if (expr["lexpr"]) {
    HG_ASSIGN_OR_RETURN(left, Expression(expr["lexpr"], level));
  }
  HG_ASSIGN_OR_RETURN(ExprPtr right, Expression(expr["rexpr"], level));
  if (!left) {
    std::vector<ExprPtr> one;
    one.push_back(std::move(right));
    return CallOf(name, std::move(one), location);
  }
  if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT" || kind == "AEXPR_NULLIF") {
    HG_ASSIGN_OR_RETURN(ExprPtr equal, BinaryOf("=", Clone(*left), Clone(*right), location));
    std::vector<ExprPtr> arguments;
    if (kind == "AEXPR_NULLIF") {
      // The result has the type of the first argument as the comparison sees it.
      ExprPtr first = left->type.Is(TypeId::kUnknown) ? Clone(*equal->arguments[0]) : std::move(left);
      const Type type = first->type;
      arguments.push_back(std::move(first));
      arguments.push_back(std::move(equal));
      return MakeNode(ExprKind::kNullIf, type, std::move(arguments), location);
    }
    arguments.push_back(std::move(left));
    arguments.push_back(std::move(right));
    arguments.push_back(std::move(equal));
    return MakeNode(kind == "AEXPR_DISTINCT" ? ExprKind::kDistinct : ExprKind::kNotDistinct, TypeId::kBool,
                    std::move(arguments), location);
  }
  return BinaryOf(name, std::move(left), std::move(right), location);
}

Parsed<ExprPtr> Binder::CaseOf(const Node& expr, Level& level) {
  ExprPtr subject;
  if (expr["arg"]) {
    HG_ASSIGN_OR_RETURN(subject, Expression(expr["arg"], level));
  }
  std::vector<ExprPtr> conditions;
  std::vector<ExprPtr> results;
  for (const Node& item : expr["args"].items()) {
    const Node& when = item.body();
    if (subject) {
      HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(when["expr"], level));
      HG_ASSIGN_OR_RETURN(ExprPtr equal, BinaryOf("=", Clone(*subject), std::move(value), when.location()));
      conditions.push_back(std::move(equal));
    } else {
      HG_ASSIGN_OR_RETURN(ExprPtr condition, Condition(when["expr"], level, "argument of CASE/WHEN"));
      conditions.push_back(std::move(condition));
    }
    HG_ASSIGN_OR_RETURN(ExprPtr result, Expression(when["result"], level));
    results.push_back(std::move(result));
  }
  if (expr["defresult"]) {
    HG_ASSIGN_OR_RETURN(ExprPtr otherwise, Expression(expr["defresult"], level));
    results.push_back(std::move(otherwise));
  } else {
    results.push_back(MakeConstant(TypeId::kUnknown, Datum::Null(), expr.location()));
  }
  HG_RETURN_IF_ERROR(Unify(results, "CASE"));
  const Type type = results.back()->type;
  std::vector<ExprPtr> arguments;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    arguments.push_back(std::move(conditions[i]));
    arguments.push_back(std::move(results[i]));
  }
  arguments.push_back(std::move(results.back()));
  return MakeNode(ExprKind::kCase, type, std::move(arguments), expr.location());
}

Parsed<ExprPtr> Binder::CastOf(const Node& expr, Level& level) {
  HG_ASSIGN_OR_RETURN(const Type type,
                      BindType(expr["typeName"].Is("TypeName") ? expr["typeName"].body() : expr["typeName"]));
  // ARRAY[...]::type[] types the elements, as PostgreSQL does; an empty ARRAY[] has a type only so.
  if (type.array && expr["arg"].Is("A_ArrayExpr") && !expr["arg"].body()["elements"].items().empty() &&
      !expr["arg"].body()["elements"].at(0).Is("A_ArrayExpr")) {
    HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> elements, All(expr["arg"].body()["elements"], level));
    for (ExprPtr& element : elements) {
      HG_ASSIGN_OR_RETURN(element, CastTo(std::move(element), type.Element(), CastContext::kExplicit, options_.zone));
    }
    return MakeNode(ExprKind::kArray, type, std::move(elements), expr.location());
  }
  if (type.array && expr["arg"].Is("A_ArrayExpr") && expr["arg"].body()["elements"].items().empty())
    return MakeNode(ExprKind::kArray, type, {}, expr.location());
  HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(expr["arg"], level));
  HG_ASSIGN_OR_RETURN(ExprPtr cast, CastTo(std::move(value), type, CastContext::kExplicit, options_.zone));
  cast->type.mod = type.mod;
  return cast;
}

Parsed<ExprPtr> Binder::ArrayOf(const Node& expr, Level& level) {
  HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> elements, All(expr["elements"], level));
  if (elements.empty())
    return Problem{"cannot determine type of empty array", expr.location(), "Cast it: ARRAY[]::integer[]."};
  HG_RETURN_IF_ERROR(Unify(elements, "ARRAY"));
  const Type element = elements[0]->type;
  return MakeNode(ExprKind::kArray, element.Bare().ArrayOf(), std::move(elements), expr.location());
}

Parsed<ExprPtr> Binder::Subscript(const Node& expr, Level& level) {
  HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(expr["arg"], level));
  const std::uint32_t location = value->location;
  const bool array = value->type.array;
  std::vector<ExprPtr> arguments;
  bool slice = false;
  for (const Node& item : expr["indirection"].items())
    slice = slice || (item.Is("A_Indices") && item.body()["is_slice"].flag());
  arguments.push_back(std::move(value));
  for (const Node& item : expr["indirection"].items()) {
    if (!item.Is("A_Indices"))
      return Problem{"fields of composite values are not supported", location, "Name the columns of the source."};
    const Node& index = item.body();
    for (const char* side : {"lidx", "uidx"}) {
      const bool low = std::string_view(side) == "lidx";
      if (!slice && low) continue;
      if (!index[side]) {  // [:2] is as far as there is; among slices [2] is [1:2]
        constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();
        const std::int64_t end = !low ? kFar : (index["is_slice"].flag() ? -kFar : 1);
        arguments.push_back(MakeConstant(TypeId::kInt4, Datum::Of(end), location));
        continue;
      }
      HG_ASSIGN_OR_RETURN(ExprPtr place, Expression(index[side], level));
      if (array) {
        HG_ASSIGN_OR_RETURN(place, CastTo(std::move(place), TypeId::kInt4, CastContext::kAssignment, options_.zone));
      }
      arguments.push_back(std::move(place));
    }
  }
  return CallOf(slice ? "array slice" : "array subscript", std::move(arguments), location);
}

Parsed<ExprPtr> Binder::ClockValue(const Node& expr) {
  const std::string_view op = expr["op"].text();
  struct Entry {
    std::string_view op;
    std::string_view function;
  };
  constexpr Entry kEntries[] = {{"SVFOP_CURRENT_DATE", "current_date"},      {"SVFOP_CURRENT_TIME", "current_time"},
                                {"SVFOP_CURRENT_TIME_N", "current_time"},    {"SVFOP_CURRENT_TIMESTAMP", "now"},
                                {"SVFOP_CURRENT_TIMESTAMP_N", "now"},        {"SVFOP_LOCALTIME", "localtime"},
                                {"SVFOP_LOCALTIME_N", "localtime"},          {"SVFOP_LOCALTIMESTAMP", "localtimestamp"},
                                {"SVFOP_LOCALTIMESTAMP_N", "localtimestamp"}};
  for (const Entry& entry : kEntries) {
    if (entry.op == op) return CallOf(entry.function, {}, expr.location());
  }
  return Problem{"the names of users, catalogs and schemas have no meaning here", expr.location(), ""};
}

Parsed<Type> BindType(const Node& type_name) {
  const auto names = NamesOf(type_name["names"]);
  const std::uint32_t location = type_name.location();
  const std::string name = names.empty() ? "" : names.back();
  Type type;
  if ((names.size() == 2 && names[0] != "pg_catalog") || names.size() > 2 || !FindType(name, type.id))
    return Problem{"type \"" + Joined(names) + "\" does not exist", location, "Types of its own kind are text here."};
  if (type_name["setof"].flag()) return Problem{"SETOF has no place here", location, ""};
  std::vector<std::int64_t> modifiers;
  for (const Node& item : type_name["typmods"].items()) modifiers.push_back(item.body()["ival"]["ival"].number());
  switch (type.id) {
    case TypeId::kNumeric:
      if (modifiers.empty()) break;
      if (modifiers[0] < 1 || modifiers[0] > 1000)
        return Problem{"NUMERIC precision " + std::to_string(modifiers[0]) + " must be between 1 and 1000", location,
                       ""};
      type.mod = NumericMod(static_cast<int>(modifiers[0]), modifiers.size() > 1 ? static_cast<int>(modifiers[1]) : 0);
      break;
    case TypeId::kBpchar:
    case TypeId::kBit:
      type.mod = modifiers.empty() ? (names.size() > 1 || type.id == TypeId::kBit ? 1 : -1)
                                   : static_cast<std::int32_t>(modifiers[0]);
      break;
    case TypeId::kVarchar:
    case TypeId::kVarbit:
    case TypeId::kTime:
    case TypeId::kTimeTz:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      if (!modifiers.empty()) type.mod = static_cast<std::int32_t>(modifiers[0]);
      break;
    case TypeId::kInterval:
      if (modifiers.size() > 1) type.mod = static_cast<std::int32_t>(modifiers[1]);
      break;
    default:
      if (!modifiers.empty()) return Problem{"type " + sql::Name(type) + " takes no modifier", location, ""};
  }
  type.array = !type_name["arrayBounds"].items().empty();
  return type;
}

}  // namespace headgate::sql
