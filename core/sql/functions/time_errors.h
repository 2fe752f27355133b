#pragma once

#include <optional>
#include <string>

#include "core/sql/eval_context.h"
#include "core/sql/time_value.h"
#include "core/sql/type.h"

namespace headgate::sql {

// The error of a value outside its range; what is returned does not count.
template <class T>
T TimeRange(EvalContext& context, std::string message) {
  context.Fail("22008", std::move(message));
  return T{};
}

// The value, or that error where it is beyond its type.
template <class T>
T OrTimeRange(EvalContext& context, const std::optional<T>& value, const char* message) {
  return value ? *value : TimeRange<T>(context, message);
}

// `unit "x" not recognized for type y`, or `not supported` if it is a unit of other types.
void BadTimeUnit(EvalContext& context, bool recognized, const std::string& unit, Type type);

// The zone that AT TIME ZONE and its kin name: an abbreviation, else a zone; the offset east of Greenwich of a moment
// in it, or of a local time. Nothing, and an error of the row, if it is none.
std::optional<std::int32_t> ZoneOffset(EvalContext& context, std::string_view zone, std::int64_t us, bool local);

// For functions that give the moment: an error if the context does not know it.
bool NeedsNow(EvalContext& context, std::string_view name);

}  // namespace headgate::sql
