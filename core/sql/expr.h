#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/sql/function.h"

namespace headgate::sql {

// A bound expression: every name is a column, every call one function, every type known.
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : std::uint8_t {
  kColumn,    // column `column` of the input
  kOuter,     // column `column` of the query `level` levels out; gone once the subquery is unnested (unnest.h)
  kConstant,  // `constant`
  kCall,      // function(arguments)
  kAnd,       // any number of arguments, the later ones only where the earlier do not decide
  kOr,
  kNot,
  kIsNull,
  kIsNotNull,
  kIsTrue,  // never NULL; NULL is false
  kIsFalse,
  kDistinct,     // a IS DISTINCT FROM b: arguments (a, b, a = b)
  kNotDistinct,  // likewise
  kCase,         // when, then, when, then, ..., else
  kCoalesce,
  kNullIf,    // arguments (a, a = b)
  kGreatest,  // of one type
  kLeast,
  kArray,       // ARRAY[...] of one type
  kQuantified,  // a op ANY|ALL (array): arguments (a, array), `function` compares, `all`

  // Only while a query is bound (bind.h): entry `column` of a list of the query's level.
  kSubquery,
  kAggregate,
  kWindow,
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  Type type;
  std::uint32_t location = 0;  // byte offset in the statement
  std::vector<ExprPtr> arguments;
  std::size_t column = 0;
  std::size_t level = 0;
  Datum constant;
  const Function* function = nullptr;
  Kernel kernel = nullptr;           // of a call; of a cast that changes nothing but the type there is none
  std::vector<Type> argument_types;  // of a call, as CallSite wants them
  bool all = false;
};

ExprPtr MakeColumn(std::size_t column, Type type, std::uint32_t location = 0);
ExprPtr MakeConstant(Type type, Datum value, std::uint32_t location = 0);
ExprPtr MakeBool(bool value);
ExprPtr MakeNode(ExprKind kind, Type type, std::vector<ExprPtr> arguments, std::uint32_t location = 0);
ExprPtr MakeCall(const Function& function, Type result, std::vector<ExprPtr> arguments, std::uint32_t location = 0);
// A call named "cast" of a kernel that has no entry among the functions.
ExprPtr MakeCast(Kernel kernel, Volatility volatility, Type result, ExprPtr argument);
ExprPtr Clone(const Expr& expr);
// Same shape, same columns, same constants: equal for every input.
bool Same(const Expr& a, const Expr& b);

// Calls visit on every node, parents first; return false from it to leave out a node's children.
template <class F>
void Walk(const Expr& expr, F&& visit) {
  if (!visit(expr)) return;
  for (const ExprPtr& argument : expr.arguments) Walk(*argument, visit);
}
template <class F>
void WalkMutable(ExprPtr& expr, F&& visit) {
  if (!visit(expr)) return;
  for (ExprPtr& argument : expr->arguments) WalkMutable(argument, visit);
}

// The values for the rows asked for; other rows of the result are undefined. Rows with an error are NULL and listed in
// the context. What the value of an argument decides (AND, OR, CASE, coalesce) keeps the others from being computed.
Column Evaluate(const Expr& expr, const Batch& input, const Rows& rows, EvalContext& context);
// The rows of `rows` where the condition is true.
std::vector<std::uint32_t> Matching(const Expr& condition, const Batch& input, const Rows& rows, EvalContext& context);
// Of an expression without columns.
Datum EvaluateConstant(const Expr& expr, EvalContext& context);

}  // namespace headgate::sql
