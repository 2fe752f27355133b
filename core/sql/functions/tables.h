#pragma once

#include <span>

#include "core/sql/function.h"

// The tables of functions and operators, one file a group. functions/all.cc puts them together.
namespace headgate::sql {

std::span<const Function> ArrayFunctions();
std::span<const Function> BytesFunctions();
std::span<const Function> ComparisonFunctions();
std::span<const Function> DegreeFunctions();
std::span<const Function> EncodeFunctions();
std::span<const Function> FloatFunctions();
std::span<const Function> FormatFunctions();
std::span<const Function> IntegerFunctions();
std::span<const Function> JsonChangeFunctions();
std::span<const Function> JsonMakeFunctions();
std::span<const Function> JsonPathFunctions();
std::span<const Function> JsonReadFunctions();
std::span<const Function> JsonSetFunctions();
std::span<const Function> LikeFunctions();
std::span<const Function> NetworkFunctions();
std::span<const Function> NumberFormatFunctions();
std::span<const Function> NumberUnformatFunctions();
std::span<const Function> NumericFunctions();
std::span<const Function> QuoteFunctions();
std::span<const Function> RangeFunctions();
std::span<const Function> RegexpFunctions();
std::span<const Function> RegexpPlaceFunctions();
std::span<const Function> SeriesFunctions();
std::span<const Function> SimilarFunctions();
std::span<const Function> TextFunctions();
std::span<const Function> TextJoinFunctions();
std::span<const Function> TimeFormatFunctions();
std::span<const Function> TimeFunctions();
std::span<const Function> TimeOperatorFunctions();
std::span<const Function> TimeOverlapsFunctions();
std::span<const Function> TimePartFunctions();
std::span<const Function> TimeTruncFunctions();
std::span<const Function> TimeUnformatFunctions();

}  // namespace headgate::sql
