#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/sql/cast.h"
#include "core/sql/expr.h"
#include "core/sql/problem.h"

namespace headgate::sql {

// PostgreSQL's rules for types: which overload a call means, what its arguments are cast to, which type several values
// share (PostgreSQL 15, chapter 10).

// Which overload of several is meant by arguments of these types; unknown types are literals without one.
struct Overload {
  const Function* function = nullptr;
  std::vector<Type> arguments;  // what each argument is cast to; polymorphic types replaced
  Type result;
};
enum class NoOverload : std::uint8_t { kNone, kAmbiguous };
Result<Overload, NoOverload> ChooseOverload(std::span<const Function> overloads, std::span<const Type> arguments);
Result<Overload, NoOverload> ChooseOverload(std::span<const Function* const> overloads,
                                            std::span<const Type> arguments);

// Casts an expression; a literal of unknown type is read now. The problem stands at the expression.
Parsed<ExprPtr> CastTo(ExprPtr expr, Type target, CastContext context, const std::string& zone);

// The type that all of them can be cast to implicitly (UNION, CASE, VALUES, ARRAY, coalesce); nothing if there is none.
std::optional<Type> CommonType(std::span<const Type> types);

}  // namespace headgate::sql
