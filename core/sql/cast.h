#pragma once

#include <span>

#include "core/sql/function.h"

namespace headgate::sql {

enum class CastContext : std::uint8_t {
  kImplicit,    // anywhere
  kAssignment,  // into a column of the type, and explicitly
  kExplicit,    // CAST and ::
};

// How a value of one type becomes one of another; after pg_cast. A kernel takes one argument; it reads both types from
// its call site (for arrays and for casts by way of text they differ from call to call). Without a kernel the value is
// the other type's as it stands.
struct Cast {
  Type from;  // kAny: by way of text, or of arrays by their elements
  Type to;
  CastContext context = CastContext::kExplicit;
  Kernel kernel = nullptr;
  Volatility volatility = Volatility::kImmutable;
};

// The cast between two types, whatever their modifiers; nullptr if there is none, one
// without a kernel between equal types. Beside those of the tables there are
// casts to text types (assignment) and from them (explicit) by way of text, and between arrays whose elements have one
// (in the same context). The result has to be brought to the modifier of its type afterwards; from text an
// explicit cast has done so.
const Cast* FindCast(Type from, Type to);

// The tables of casts, one file a group (functions/); cast.cc puts them together.
std::span<const Cast> BasicCasts();
std::span<const Cast> TimeCasts();
std::span<const Cast> JsonCasts();
std::span<const Cast> NetworkCasts();

// Brings a value to the modifier of its type: varchar(n), char(n), numeric(p,s), bit(n), times of fewer digits. What
// does not fit is cut by an explicit cast and refused by assignment, save that blanks may go; numeric rounds and
// refuses what is too large in both. On failure the context has the error and the datum is null.
Datum ApplyModifier(Type type, Datum value, bool is_explicit, EvalContext& context);
// The same over vectors: the argument is of the result's type. nullptr if the type has no modifier.
Kernel ModifierKernel(Type type, bool is_explicit);

}  // namespace headgate::sql
