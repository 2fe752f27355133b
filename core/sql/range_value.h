#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/sql/datum.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

namespace headgate::sql {

// A range taken apart. Ranges are kept as their output text, of tstzrange in UTC; those of int4, int8 and date have an
// inclusive low and an exclusive high bound always.
struct RangeBound {
  bool infinite = true;
  bool inclusive = false;
  Datum value;  // of the element type
};
struct RangeValue {
  bool empty = false;
  RangeBound low;
  RangeBound high;
};

RangeValue ReadRange(TypeId type, std::string_view stored);
// Brings the bounds into their one form and gives the text; NULL: the context has the error.
Datum MakeRange(TypeId type, RangeValue range, EvalContext& context);
void AppendRangeText(std::string& out, TypeId type, std::string_view stored, std::string_view zone);

bool RangeContains(TypeId type, const RangeValue& range, const Datum& element);
bool RangeContains(TypeId type, const RangeValue& all, const RangeValue& part);
bool RangesOverlap(TypeId type, const RangeValue& a, const RangeValue& b);
// Whether the one ends before the other begins.
bool RangeBefore(TypeId type, const RangeValue& a, const RangeValue& b);

// key.h: the empty range first, then by the low, then by the high bound.
void AppendRangeKey(std::string& out, TypeId type, std::string_view stored);

}  // namespace headgate::sql
