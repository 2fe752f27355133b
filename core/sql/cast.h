#pragma once

#include <cstdint>
#include <span>

#include "core/sql/function.h"

namespace headgate::sql {

// Where a cast may be used; each includes those before it.
enum class CastContext : std::uint8_t { kImplicit, kAssignment, kExplicit };

// One way from a type to another, after pg_cast. `function` is named "cast", takes `from` and gives `to`; modifiers do
// not count here. Casts between types of one physical form and meaning (int4 to int8, varchar to text) have a kernel
// too.
struct Cast {
  TypeId from;
  TypeId to;
  CastContext context;
  Function function;
};

// The cast between two different types, or null. Knows, beyond the table: every type to text types (assignment) and
// from text types (explicit) by way of the value's text, and arrays element by element.
const Cast* FindCast(Type from, Type to);

// Brings a value of a type to its modifier (varchar(5), numeric(10,2), timestamp(3)): a function named "modifier" from
// the type to itself; CallSite.result carries the modifier. Null for a type that has none. Assignment and explicit
// casts differ for text: too long a text is cut by an explicit one (22001 otherwise; blanks may always go).
const Function* ModifierFunction(Type type, CastContext context);

// The tables, put together by cast.cc as functions/all.cc does.
std::span<const Cast> ValueCasts();  // cast.cc or functions/casts.cc: bool, numbers, texts
std::span<const Cast> TimeCasts();   // functions/time_casts.cc

}  // namespace headgate::sql
