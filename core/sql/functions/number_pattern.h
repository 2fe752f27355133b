#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/eval_context.h"

namespace headgate::sql {

// The patterns of to_char and to_number for numbers: "9,990.00", "FM9999", "S099", "RN".
enum class NumberField : std::uint8_t {
  kText,     // no field: a character of its own
  kNothing,  // C, SP
  kComma,
  kPoint,       // .
  kDigit,       // 9
  kZero,        // 0
  kBlank,       // B
  kLocalPoint,  // D
  kExponent,    // EEEE
  kFillMode,    // FM
  kGroup,       // G
  kCurrency,    // L
  kMinus,       // MI
  kPlus,        // PL
  kBrackets,    // PR
  kRoman,       // RN
  kSignChar,    // SG
  kSign,        // S
  kOrdinal,     // TH
  kShift,       // V
};

struct NumberNode {
  NumberField field = NumberField::kText;
  bool lower = false;  // rn, th
  std::string text;
};

enum class SignPlace : std::uint8_t { kNone, kBefore, kAfter };

// What a pattern says as a whole.
struct NumberPattern {
  std::vector<NumberNode> nodes;
  int before = 0;      // digits before the point
  int after = 0;       // and behind it
  int shift = 0;       // digits after V
  int zero_start = 0;  // the first digit that is shown as 0, counted from 1; 0: none
  int zero_end = 0;
  int digits_at_sign = 0;  // digits before the point that stand before S
  SignPlace sign = SignPlace::kNone;
  bool point = false, zero = false, blank = false, fill_mode = false, brackets = false, minus = false, plus = false,
       roman = false, shifted = false, exponent = false;
};

// Nothing, and an error of the row, if the fields do not go together. Parsed anew only if it is not the pattern that
// this thread asked for last; the caller copies what it changes.
const NumberPattern* FindNumberPattern(EvalContext& context, std::string_view pattern);

}  // namespace headgate::sql
