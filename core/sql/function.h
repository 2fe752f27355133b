#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/eval_context.h"
#include "core/sql/type.h"

namespace headgate::sql {

// What a call site knows of itself besides the arguments' values.
struct CallSite {
  std::span<const Type> arguments;
  Type result;
};

// Computes `out` for the given rows; `out` has the result's physical form and room for every row of the batch. An
// argument may be constant. Rows that are not listed must not be touched. Strings in `out` may point into arguments
// (their owners are taken over by the caller) or into the context's arena.
using Kernel = void (*)(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments,
                        const Rows& rows, Vector& out);

enum class Volatility : std::uint8_t {
  kImmutable,
  kStable,    // depends on the time zone, fixed for a view
  kClock,     // now(): only pull queries and temporal filters
  kVolatile,  // random(): refused
};

// One overload of a function or operator; operators are functions named by their symbol. The tables are constant arrays
// in functions/*.cc, put together by functions/all.cc.
struct Function {
  std::string_view name;
  std::vector<Type> arguments;
  Type result;
  Kernel kernel = nullptr;
  bool variadic = false;  // the last argument may come any number of times (0 for kAny)
  Volatility volatility = Volatility::kImmutable;
  // Set-returning functions give an array here, one row an element (Kernel result is result.ArrayOf()). If `result` is
  // an array itself, the kernel's has one dimension more, and each slice is a row.
  bool returns_set = false;
};

// Every overload of this name, in declaration order; empty if there is none.
std::span<const Function> FindFunctions(std::string_view name);
// The nearest known name within a small edit distance, or "", for hints.
std::string_view SimilarFunction(std::string_view name);

// The columns of a set-returning function that names them, in FROM. If there are several, each is a function of its
// own: "jsonb_each key", "jsonb_each value".
std::span<const std::string_view> OutputColumns(std::string_view function);

// The value as the type's text, as PostgreSQL prints it (extra_float_digits 1, DateStyle ISO, intervalstyle postgres).
void AppendText(std::string& out, Type type, const Datum& value, std::string_view zone);
std::string ToText(Type type, const Datum& value, std::string_view zone);
// The value that the text stands for, as the type's input function reads it; the modifier of the type is applied as an
// explicit cast does. On failure the context has the error (22P02 invalid input syntax for type ...) and the datum is
// null.
Datum FromText(Type type, std::string_view text, EvalContext& context);

}  // namespace headgate::sql
