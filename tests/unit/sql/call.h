#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/sql/cast.h"
#include "core/sql/function.h"

// Values as texts, and what comes of them: a text, "NULL", or the error as "22012 division by zero".
namespace headgate::sql::test {

struct Argument {
  Type type;
  std::string text;
};

inline std::string Outcome(const EvalContext& context, Type type, const Datum& value) {
  if (context.failed()) return context.errors()[0].code + " " + context.errors()[0].message;
  return value.null ? "NULL" : ToText(type, value, "UTC");
}

// The overload whose arguments have exactly these types.
inline std::string Call(std::string_view name, const std::vector<Argument>& arguments) {
  EvalContext context;
  std::vector<Type> types;
  std::vector<Vector> values;
  for (const auto& [type, text] : arguments) {
    types.push_back(type);
    values.push_back(Vector::Constant(type, FromText(type, text, context)));
  }
  std::vector<const Vector*> pointers;
  for (const Vector& value : values) pointers.push_back(&value);
  for (const Function& function : FindFunctions(name)) {
    if (function.arguments != types) continue;
    Vector out(PhysicalOf(function.result), 1);
    function.kernel(context, {types, function.result}, pointers, Rows(1), out);
    return Outcome(context, function.result, out.At(0));
  }
  return "no such function";
}

inline std::string ReadAndWrite(Type type, std::string_view text) {
  EvalContext context;
  const Datum value = FromText(type, text, context);
  return Outcome(context, type, value);
}

inline std::string CastText(Type from, std::string_view text, Type to, bool is_explicit = true) {
  EvalContext context;
  Datum value = FromText(from, text, context);
  const Cast* cast = FindCast(from, to);
  if (cast == nullptr) return "no such cast";
  if (cast->kernel != nullptr && !value.null) {
    const Vector argument = Vector::Constant(from, value);
    const std::array<const Vector*, 1> arguments = {&argument};
    Vector out(PhysicalOf(to), 1);
    cast->kernel(context, {std::span(&from, 1), to}, arguments, Rows(1), out);
    value = out.At(0);
  }
  if (!context.failed()) value = ApplyModifier(to, std::move(value), is_explicit, context);
  return Outcome(context, to, value);
}

}  // namespace headgate::sql::test
