#pragma once

#include "core/sql/cast.h"
#include "core/sql/function.h"
#include "core/sql/type.h"

// The words that the tables of functions and casts are written in.
namespace headgate::sql {
// Inline: in the outer namespace GCC takes kText, kBool, ... of other scoped enumerations for shadows of these.
inline namespace table_words {

inline constexpr TypeId kBool = TypeId::kBool;
inline constexpr TypeId kI2 = TypeId::kInt2;
inline constexpr TypeId kI4 = TypeId::kInt4;
inline constexpr TypeId kI8 = TypeId::kInt8;
inline constexpr TypeId kF4 = TypeId::kFloat4;
inline constexpr TypeId kF8 = TypeId::kFloat8;
inline constexpr TypeId kNum = TypeId::kNumeric;
inline constexpr TypeId kText = TypeId::kText;
inline constexpr TypeId kVarchar = TypeId::kVarchar;
inline constexpr TypeId kBpchar = TypeId::kBpchar;
inline constexpr TypeId kBytea = TypeId::kBytea;
inline constexpr TypeId kBit = TypeId::kBit;
inline constexpr TypeId kVarbit = TypeId::kVarbit;
inline constexpr TypeId kDate = TypeId::kDate;
inline constexpr TypeId kTime = TypeId::kTime;
inline constexpr TypeId kTimeTz = TypeId::kTimeTz;
inline constexpr TypeId kTs = TypeId::kTimestamp;
inline constexpr TypeId kTsTz = TypeId::kTimestampTz;
inline constexpr TypeId kInterval = TypeId::kInterval;
inline constexpr TypeId kJson = TypeId::kJson;
inline constexpr TypeId kJsonb = TypeId::kJsonb;
inline constexpr TypeId kInet = TypeId::kInet;
inline constexpr TypeId kCidr = TypeId::kCidr;

inline constexpr TypeId kAny = TypeId::kAny;
inline constexpr TypeId kAnyElement = TypeId::kAnyElement;
inline constexpr TypeId kAnyArray = TypeId::kAnyArray;
inline constexpr TypeId kAnyNonArray = TypeId::kAnyNonArray;
inline constexpr TypeId kAnyRange = TypeId::kAnyRange;
inline constexpr TypeId kCompatible = TypeId::kAnyCompatible;
inline constexpr TypeId kCompatibleArray = TypeId::kAnyCompatibleArray;

inline constexpr Type kI4Array{kI4, true};
inline constexpr Type kTexts{kText, true};

inline constexpr Volatility kImmutable = Volatility::kImmutable;
inline constexpr Volatility kStable = Volatility::kStable;
inline constexpr Volatility kClock = Volatility::kClock;

inline constexpr CastContext kImplicit = CastContext::kImplicit;
inline constexpr CastContext kAssignment = CastContext::kAssignment;
inline constexpr CastContext kExplicit = CastContext::kExplicit;

}  // namespace table_words
}  // namespace headgate::sql
