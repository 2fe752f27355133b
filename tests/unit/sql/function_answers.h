#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/function.h"

// Calls of functions and what PostgreSQL 15 answered, or '!' with its SQLSTATE and words.
namespace headgate::sql {

struct Answer {
  const char* zone;  // of the session
  const char* function;
  std::string_view arguments;  // type=value | type=value
  std::string_view result;
};

inline std::string Call(const Answer& call) {
  EvalContext context;
  context.zone = call.zone;
  std::vector<Type> types;
  std::vector<Vector> values;
  std::string_view rest = call.arguments;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(" | "));
    rest.remove_prefix(std::min(rest.size(), one.size() + 3));
    Type type;
    if (!FindType(one.substr(0, one.find('=')), type.id)) return "no type in " + std::string(one);
    const std::string_view text = one.substr(one.find('=') + 1);
    types.push_back(type);
    values.push_back(Vector::Constant(type, text == "NULL" ? Datum::Null() : FromText(type, text, context)));
  }
  const auto overloads = FindFunctions(call.function);
  const auto found = std::ranges::find(overloads, types, &Function::arguments);
  if (found == overloads.end()) return "no such function";
  std::vector<const Vector*> arguments;
  for (const Vector& value : values) arguments.push_back(&value);
  Vector out(PhysicalOf(found->result), 1);
  if (!context.failed()) found->kernel(context, CallSite{types, found->result}, arguments, Rows(1), out);
  if (context.failed()) return "!" + context.errors()[0].code + " " + context.errors()[0].message;
  return out.IsNull(0) ? "NULL" : ToText(found->result, out.At(0), context.zone);
}

inline void ExpectAnswers(std::span<const Answer> answers) {
  for (const Answer& answer : answers)
    EXPECT_EQ(Call(answer), answer.result) << answer.function << "(" << answer.arguments << ") in " << answer.zone;
}

}  // namespace headgate::sql
