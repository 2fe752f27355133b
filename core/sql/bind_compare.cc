#include <algorithm>

#include "core/sql/binder.h"

// Comparisons that are more than one operator: IN, BETWEEN, ANY and ALL, rows.
namespace headgate::sql {

Parsed<ExprPtr> Binder::InList(const Node& expr, Level& level) {
  const bool negated = expr["name"].at(0).name() == "<>";
  if (expr["lexpr"].Is("RowExpr")) {
    std::vector<ExprPtr> any;
    for (const Node& item : expr["rexpr"].body()["items"].items()) {
      const auto& left = expr["lexpr"].body()["args"].items();
      const auto& right = item.body()["args"].items();
      if (!item.Is("RowExpr") || left.size() != right.size())
        return Problem{"unequal number of entries in row expressions", expr.location(), ""};
      ExprPtr all;
      for (std::size_t i = 0; i < left.size(); ++i) {
        HG_ASSIGN_OR_RETURN(ExprPtr a, Expression(left[i], level));
        HG_ASSIGN_OR_RETURN(ExprPtr b, Expression(right[i], level));
        HG_ASSIGN_OR_RETURN(ExprPtr equal, BinaryOf("=", std::move(a), std::move(b), expr.location()));
        all = Conjunction(std::move(all), std::move(equal));
      }
      any.push_back(std::move(all));
    }
    ExprPtr either =
        any.size() == 1 ? std::move(any[0]) : MakeNode(ExprKind::kOr, TypeId::kBool, std::move(any), expr.location());
    if (!negated) return either;
    std::vector<ExprPtr> one;
    one.push_back(std::move(either));
    return MakeNode(ExprKind::kNot, TypeId::kBool, std::move(one), expr.location());
  }
  HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(expr["lexpr"], level));
  HG_ASSIGN_OR_RETURN(std::vector<ExprPtr> items, All(expr["rexpr"].body()["items"], level));
  // As PostgreSQL: one common type for the value and the list if there is one, else each item by itself.
  std::vector<Type> types = {value->type};
  for (const ExprPtr& item : items) types.push_back(item->type);
  if (const auto common = CommonType(types)) {
    for (ExprPtr& item : items) {
      HG_ASSIGN_OR_RETURN(item, CastTo(std::move(item), common->Bare(), CastContext::kImplicit, options_.zone));
    }
    HG_ASSIGN_OR_RETURN(value, CastTo(std::move(value), common->Bare(), CastContext::kImplicit, options_.zone));
  }
  std::vector<ExprPtr> tests;
  for (ExprPtr& item : items) {
    HG_ASSIGN_OR_RETURN(ExprPtr test, BinaryOf(negated ? "<>" : "=", Clone(*value), std::move(item), expr.location()));
    tests.push_back(std::move(test));
  }
  if (tests.size() == 1) return std::move(tests[0]);
  return MakeNode(negated ? ExprKind::kAnd : ExprKind::kOr, TypeId::kBool, std::move(tests), expr.location());
}

Parsed<ExprPtr> Binder::Between(const Node& expr, Level& level) {
  const std::string_view kind = expr["kind"].text();
  const auto& bounds = expr["rexpr"].body()["items"];
  const auto inside = [&](std::size_t low, std::size_t high) -> Parsed<ExprPtr> {
    HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(expr["lexpr"], level));
    HG_ASSIGN_OR_RETURN(ExprPtr from, Expression(bounds.at(low), level));
    HG_ASSIGN_OR_RETURN(ExprPtr to, Expression(bounds.at(high), level));
    HG_ASSIGN_OR_RETURN(ExprPtr above, BinaryOf(">=", Clone(*value), std::move(from), expr.location()));
    HG_ASSIGN_OR_RETURN(ExprPtr below, BinaryOf("<=", std::move(value), std::move(to), expr.location()));
    return Conjunction(std::move(above), std::move(below));
  };
  HG_ASSIGN_OR_RETURN(ExprPtr result, inside(0, 1));
  if (kind.find("SYM") != std::string_view::npos) {
    HG_ASSIGN_OR_RETURN(ExprPtr other, inside(1, 0));
    std::vector<ExprPtr> either;
    either.push_back(std::move(result));
    either.push_back(std::move(other));
    result = MakeNode(ExprKind::kOr, TypeId::kBool, std::move(either), expr.location());
  }
  if (kind.find("NOT") == std::string_view::npos) return result;
  std::vector<ExprPtr> one;
  one.push_back(std::move(result));
  return MakeNode(ExprKind::kNot, TypeId::kBool, std::move(one), expr.location());
}

Parsed<ExprPtr> Binder::Quantified(const Node& expr, Level& level, bool all) {
  const std::string_view op = expr["name"].items().back().name();
  HG_ASSIGN_OR_RETURN(ExprPtr value, Expression(expr["lexpr"], level));
  HG_ASSIGN_OR_RETURN(ExprPtr array, Expression(expr["rexpr"], level));
  if (array->type.Is(TypeId::kUnknown)) {
    const Type element = value->type.Is(TypeId::kUnknown) ? Type{TypeId::kText} : value->type;
    HG_ASSIGN_OR_RETURN(array, CastTo(std::move(array), element.ArrayOf(), CastContext::kImplicit, options_.zone));
  }
  if (!array->type.array) return Problem{"op ANY/ALL (array) requires array on right side", expr.location(), ""};
  // The comparison of the value with one element; the array is cast as a whole if the elements have to be.
  HG_ASSIGN_OR_RETURN(ExprPtr compare,
                      BinaryOf(op, std::move(value), MakeColumn(0, array->type.Element()), expr.location()));
  if (compare->kind != ExprKind::kCall || !compare->type.Is(TypeId::kBool))
    return Problem{"op ANY/ALL (array) requires operator to yield boolean", expr.location(), ""};
  const Type element = compare->arguments[1]->type;
  HG_ASSIGN_OR_RETURN(array, CastTo(std::move(array), element.Bare().ArrayOf(), CastContext::kImplicit, options_.zone));
  ExprPtr result = MakeNode(ExprKind::kQuantified, TypeId::kBool, {}, expr.location());
  result->function = compare->function;
  result->kernel = compare->kernel;
  result->argument_types = compare->argument_types;
  result->all = all;
  result->arguments.push_back(std::move(compare->arguments[0]));
  result->arguments.push_back(std::move(array));
  return result;
}

// (a, b) op (c, d): equality column by column, order by the first that differs.
Parsed<ExprPtr> Binder::Rows(const Node& expr, Level& level, std::string_view op) {
  const auto& left = expr["lexpr"].body()["args"].items();
  const auto& right = expr["rexpr"].body()["args"].items();
  const std::uint32_t location = expr.location();
  if (!expr["lexpr"].Is("RowExpr") || !expr["rexpr"].Is("RowExpr") || left.size() != right.size() || left.empty())
    return Problem{"unequal number of entries in row expressions", location, ""};
  const std::string_view kind = expr["kind"].text();
  const bool distinct = kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT";
  const auto side = [&](const std::vector<Node>& nodes, std::size_t i) { return Expression(nodes[i], level); };
  const auto compare = [&](std::string_view with, std::size_t i) -> Parsed<ExprPtr> {
    HG_ASSIGN_OR_RETURN(ExprPtr a, side(left, i));
    HG_ASSIGN_OR_RETURN(ExprPtr b, side(right, i));
    return BinaryOf(with, std::move(a), std::move(b), location);
  };
  std::vector<ExprPtr> parts;
  if (distinct) {
    for (std::size_t i = 0; i < left.size(); ++i) {
      HG_ASSIGN_OR_RETURN(ExprPtr a, side(left, i));
      HG_ASSIGN_OR_RETURN(ExprPtr b, side(right, i));
      HG_ASSIGN_OR_RETURN(ExprPtr equal, BinaryOf("=", Clone(*a), Clone(*b), location));
      std::vector<ExprPtr> three;
      three.push_back(std::move(a));
      three.push_back(std::move(b));
      three.push_back(std::move(equal));
      parts.push_back(MakeNode(kind == "AEXPR_DISTINCT" ? ExprKind::kDistinct : ExprKind::kNotDistinct, TypeId::kBool,
                               std::move(three), location));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    return MakeNode(kind == "AEXPR_DISTINCT" ? ExprKind::kOr : ExprKind::kAnd, TypeId::kBool, std::move(parts),
                    location);
  }
  if (op == "=" || op == "<>") {
    for (std::size_t i = 0; i < left.size(); ++i) {
      HG_ASSIGN_OR_RETURN(ExprPtr part, compare(op, i));
      parts.push_back(std::move(part));
    }
    if (parts.size() == 1) return std::move(parts[0]);
    return MakeNode(op == "=" ? ExprKind::kAnd : ExprKind::kOr, TypeId::kBool, std::move(parts), location);
  }
  if (op != "<" && op != "<=" && op != ">" && op != ">=")
    return Problem{"rows are compared with = <> < <= > >=", location, ""};
  // a < c OR (a = c AND (b < d ...)); the last column decides about equality.
  const std::string strict(op.substr(0, 1));
  HG_ASSIGN_OR_RETURN(ExprPtr result, compare(op, left.size() - 1));
  for (std::size_t i = left.size() - 1; i-- > 0;) {
    HG_ASSIGN_OR_RETURN(ExprPtr before, compare(strict, i));
    HG_ASSIGN_OR_RETURN(ExprPtr equal, compare("=", i));
    std::vector<ExprPtr> either;
    either.push_back(std::move(before));
    either.push_back(Conjunction(std::move(equal), std::move(result)));
    result = MakeNode(ExprKind::kOr, TypeId::kBool, std::move(either), location);
  }
  return result;
}

}  // namespace headgate::sql
