#include "core/operators/split.h"

namespace headgate::operators {
namespace {

using sql::Expr;
using sql::ExprKind;
using sql::ExprPtr;

bool ReadsOnly(const Expr& root, bool left, std::size_t width) {
  bool only = true;
  Walk(root, [&](const Expr& expr) {
    if (expr.kind == ExprKind::kColumn) only = only && (expr.column < width) == left;
    return only;
  });
  return only;
}

bool ReadsSome(const Expr& root) {
  bool some = false;
  Walk(root, [&](const Expr& expr) {
    some = some || expr.kind == ExprKind::kColumn;
    return !some;
  });
  return some;
}

bool AddKey(const Expr& part, std::size_t width, Split& split) {
  const bool equal = part.kind == ExprKind::kCall && part.function->name == "=" && part.arguments.size() == 2;
  const bool null_safe = part.kind == ExprKind::kNotDistinct;
  if (!equal && !null_safe) return false;
  const Expr& a = *part.arguments[0];
  const Expr& b = *part.arguments[1];
  if (!ReadsSome(a) || !ReadsSome(b) || PhysicalOf(a.type) != PhysicalOf(b.type)) return false;
  // Keys are compared by their bytes, which only says something within one type (integers of any width are one).
  if (PhysicalOf(a.type) != sql::Physical::kInt && !(a.type == b.type)) return false;
  for (const bool swapped : {false, true}) {
    const Expr& l = swapped ? b : a;
    const Expr& r = swapped ? a : b;
    if (!ReadsOnly(l, true, width) || !ReadsOnly(r, false, width)) continue;
    JoinKey key;
    key.side = {Clone(l), Clone(r)};
    key.null_safe = null_safe;
    WalkMutable(key.side[kRight], [&](ExprPtr& expr) {
      if (expr->kind == ExprKind::kColumn) expr->column -= width;
      return true;
    });
    split.keys.push_back(std::move(key));
    return true;
  }
  return false;
}

}  // namespace

Split SplitCondition(const sql::ExprPtr& condition, std::size_t width) {
  Split split;
  if (!condition) return split;
  for (ExprPtr& part : sql::Conjuncts(Clone(*condition))) {
    if (!AddKey(*part, width, split)) split.residual = sql::Conjunction(std::move(split.residual), std::move(part));
  }
  return split;
}

}  // namespace headgate::operators
