#include "core/sql/expr.h"

#include <algorithm>
#include <utility>

namespace headgate::sql {

ExprPtr MakeColumn(std::size_t column, Type type, std::uint32_t location) {
  auto expr = std::make_unique<Expr>();
  expr->kind = ExprKind::kColumn;
  expr->column = column;
  expr->type = type;
  expr->location = location;
  return expr;
}

ExprPtr MakeConstant(Type type, Datum value, std::uint32_t location) {
  auto expr = std::make_unique<Expr>();
  expr->kind = ExprKind::kConstant;
  expr->type = type;
  expr->constant = std::move(value);
  expr->location = location;
  return expr;
}

ExprPtr MakeBool(bool value) { return MakeConstant(TypeId::kBool, Datum::Of(value)); }

ExprPtr MakeNode(ExprKind kind, Type type, std::vector<ExprPtr> arguments, std::uint32_t location) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->type = type;
  expr->arguments = std::move(arguments);
  expr->location = location;
  return expr;
}

ExprPtr MakeCall(const Function& function, Type result, std::vector<ExprPtr> arguments, std::uint32_t location) {
  ExprPtr expr = MakeNode(ExprKind::kCall, result, std::move(arguments), location);
  expr->function = &function;
  expr->kernel = function.kernel;
  for (const ExprPtr& argument : expr->arguments) expr->argument_types.push_back(argument->type);
  return expr;
}

ExprPtr MakeCast(Kernel kernel, Volatility volatility, Type result, ExprPtr argument) {
  static const Function immutable{"cast", {TypeId::kAny}, TypeId::kAny, nullptr};
  static const Function stable{"cast", {TypeId::kAny}, TypeId::kAny, nullptr, false, Volatility::kStable};
  const std::uint32_t location = argument->location;
  std::vector<ExprPtr> arguments;
  arguments.push_back(std::move(argument));
  ExprPtr expr =
      MakeCall(volatility == Volatility::kImmutable ? immutable : stable, result, std::move(arguments), location);
  expr->kernel = kernel;
  return expr;
}

ExprPtr Clone(const Expr& expr) {
  auto copy = std::make_unique<Expr>();
  copy->kind = expr.kind;
  copy->type = expr.type;
  copy->location = expr.location;
  for (const ExprPtr& argument : expr.arguments) copy->arguments.push_back(Clone(*argument));
  copy->column = expr.column;
  copy->level = expr.level;
  copy->constant = expr.constant;
  copy->function = expr.function;
  copy->kernel = expr.kernel;
  copy->argument_types = expr.argument_types;
  copy->all = expr.all;
  return copy;
}

namespace {

bool SameConstant(Type type, const Datum& a, const Datum& b) {
  if (a.null || b.null) return a.null == b.null;
  switch (PhysicalOf(type)) {
    case Physical::kBool:
      return a.b == b.b;
    case Physical::kInt:
      return a.i == b.i;
    case Physical::kDouble:
      return a.d == b.d;
    case Physical::kWide:
      return a.w == b.w;
    case Physical::kString:
      return a.s == b.s;
  }
  return false;
}

}  // namespace

bool Same(const Expr& a, const Expr& b) {
  if (a.kind != b.kind || !(a.type == b.type) || a.type.mod != b.type.mod || a.function != b.function ||
      a.kernel != b.kernel || a.arguments.size() != b.arguments.size() || a.all != b.all)
    return false;
  if (a.kind == ExprKind::kColumn && a.column != b.column) return false;
  if (a.kind == ExprKind::kOuter && (a.column != b.column || a.level != b.level)) return false;
  if (a.kind == ExprKind::kConstant && !SameConstant(a.type, a.constant, b.constant)) return false;
  return std::ranges::equal(a.arguments, b.arguments, [](const ExprPtr& x, const ExprPtr& y) { return Same(*x, *y); });
}

}  // namespace headgate::sql
