#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "core/sql/functions/number_pattern.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_pattern.h"
#include "core/sql/lift.h"

// to_char of numbers: digits laid into a pattern, in the locale "C".
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;

// A number ready to be laid out: its digits with a point, without sign.
struct Digits {
  std::string text;
  bool negative = false;
  int blanks = 0;  // digits of the pattern that the number does not reach
};

// Writes the digits from left to right as the fields of the pattern ask for them.
class Layout {
 public:
  Layout(NumberPattern& pattern, Digits digits) : p_(pattern), digits_(std::move(digits)) {
    if (p_.zero_start > 0) --p_.zero_start;
    sign_ = p_.roman ? '\0' : digits_.negative ? '-' : '+';
    PrepareSign();
    last_field_ = p_.after + p_.before - 1;
    if (p_.fill_mode && p_.point) PrepareRelevant();
    if (!sign_written_ && digits_.blanks == 0) ++last_field_;
  }

  std::string Run() {
    for (const NumberNode& node : p_.nodes) {
      Add(node);
      if (ended_) break;
    }
    return std::move(out_);
  }

 private:
  bool fill() const { return p_.fill_mode; }
  char Current() const { return at_ < digits_.text.size() ? digits_.text[at_] : '\0'; }
  bool NothingRelevant() const { return relevant_ && digits_.text[*relevant_] == '.'; }
  // The 0 before the point, where the pattern has no digit that must be shown: it gives way to the fraction.
  bool AtLeadingZero() const { return !p_.zero && at_ == 0 && Current() == '0' && p_.after != 0; }

  void PrepareSign() {
    if (p_.plus || p_.minus) {
      sign_written_ = !(p_.plus && !p_.minus);
      return;
    }
    if (sign_ != '-' && fill()) p_.brackets = false;
    sign_written_ = sign_ == '+' && fill() && p_.sign == SignPlace::kNone;
    if (p_.sign == SignPlace::kBefore && p_.before == p_.digits_at_sign) p_.sign = SignPlace::kAfter;
  }

  // The last digit that is not a trailing zero of the fraction; the pattern's zeros keep theirs.
  void PrepareRelevant() {
    const std::size_t point = digits_.text.find('.');
    if (point == std::string::npos) return;
    std::size_t last = point;
    for (std::size_t i = point + 1; i < digits_.text.size(); ++i) {
      if (digits_.text[i] != '0') last = i;
    }
    if (p_.zero_end > digits_.blanks) {
      const auto kept = static_cast<std::size_t>(p_.zero_end - digits_.blanks);
      last = std::max(last, std::min(digits_.text.size() - 1, kept));
    }
    relevant_ = last;
  }

  void Add(const NumberNode& node) {
    switch (node.field) {
      case NumberField::kText:
        out_ += node.text;
        return;
      case NumberField::kDigit:
      case NumberField::kZero:
      case NumberField::kPoint:
      case NumberField::kLocalPoint:
        if (!p_.roman) AddDigit(node.field);
        return;
      case NumberField::kComma:
      case NumberField::kGroup:
        if (in_number_) {
          out_.push_back(',');
        } else if (!fill()) {
          out_.push_back(' ');
        }
        return;
      case NumberField::kCurrency:
        out_.push_back(' ');
        return;
      case NumberField::kRoman: {
        std::string roman = digits_.text;
        if (node.lower)
          std::ranges::transform(roman, roman.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
        if (!fill() && roman.size() < 15) out_.append(15 - roman.size(), ' ');
        out_ += roman;
        return;
      }
      case NumberField::kOrdinal:
        if (p_.roman || digits_.text.starts_with('#') || sign_ == '-' || p_.point) return;
        out_ += OrdinalSuffix(digits_.text, !node.lower);
        return;
      case NumberField::kMinus:
        AddSign('-');
        return;
      case NumberField::kPlus:
        AddSign('+');
        return;
      case NumberField::kSignChar:
        if (p_.roman) ended_ = true;
        if (!p_.roman) out_.push_back(sign_);
        return;
      default:
        return;
    }
  }
  void AddSign(char which) {
    if (sign_ == which) {
      out_.push_back(which);
    } else if (!fill()) {
      out_.push_back(' ');
    }
  }

  // The sign that stands where the number begins.
  void AddLeadingSign() {
    const bool begins = field_ >= digits_.blanks || (p_.zero && p_.zero_start == field_);
    if (sign_written_ || !begins || (AtLeadingZero() && !NothingRelevant())) return;
    if (p_.sign != SignPlace::kNone) {
      if (p_.sign != SignPlace::kBefore) return;
      out_.push_back(sign_);
    } else if (p_.brackets) {
      out_.push_back(sign_ == '+' ? ' ' : '<');
    } else if (sign_ == '-') {
      out_.push_back('-');
    } else if (!fill()) {
      out_.push_back(' ');
    }
    sign_written_ = true;
  }

  void AddDigit(NumberField field) {
    in_number_ = false;
    AddLeadingSign();
    if (field_ < digits_.blanks && (p_.zero_start > field_ || !p_.zero)) {
      if (!fill()) out_.push_back(' ');
    } else if (p_.zero && field_ < digits_.blanks && p_.zero_start <= field_) {
      out_.push_back('0');
      in_number_ = true;
    } else {
      AddOwnDigit(field);
    }
    if (!ended_) AddTrailingSign();
    ++field_;
  }

  void AddOwnDigit(NumberField field) {
    if (Current() == '.') {
      if (!NothingRelevant() || fill()) out_.push_back('.');
    } else if (relevant_ && at_ > *relevant_ && field != NumberField::kZero) {
      // a zero that says nothing
    } else if (AtLeadingZero()) {
      if (!fill()) {
        out_.push_back(' ');
      } else if (NothingRelevant()) {
        out_.push_back('0');
      }
    } else if (Current() != '\0') {
      out_.push_back(Current());
      in_number_ = true;
    } else {
      ended_ = true;  // what has no digits left ends here, whatever the pattern goes on with
    }
    if (Current() != '\0') ++at_;
  }

  void AddTrailingSign() {
    int end = last_field_ + (digits_.blanks != 0 ? 1 : 0) + (p_.point ? 1 : 0);
    if (relevant_ && *relevant_ == at_) end = field_;
    if (field_ + 1 != end) return;
    if (sign_written_ && p_.brackets) {
      out_.push_back(sign_ == '+' ? ' ' : '>');
    } else if (p_.sign == SignPlace::kAfter) {
      out_.push_back(sign_);
    }
  }

  NumberPattern& p_;
  Digits digits_;
  char sign_;
  bool sign_written_ = false;
  bool in_number_ = false;
  bool ended_ = false;
  std::optional<std::size_t> relevant_;
  int last_field_ = 0;
  int field_ = 0;
  std::size_t at_ = 0;
  std::string out_;
};

std::string Roman(I v) {
  constexpr std::size_t kWidth = 15;
  if (v < 1 || v > 3999) return std::string(kWidth, '#');
  constexpr std::pair<int, const char*> kParts[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                                                    {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                                                    {5, "V"},    {4, "IV"},   {1, "I"}};
  std::string out;
  for (const auto& [value, letters] : kParts) {
    for (; v >= value; v -= value) out += letters;
  }
  return out;
}

// What a number that is none looks like in exponent form.
std::string NoExponent(const NumberPattern& p) {
  std::string out(static_cast<std::size_t>(p.before + p.after + 6), '#');
  out[0] = ' ';
  out[static_cast<std::size_t>(p.before) + 1] = '.';
  return out;
}

std::string Print(const char* format, int precision, double v) {
  const int size = std::snprintf(nullptr, 0, format, precision, v);
  std::string out(static_cast<std::size_t>(size), '\0');
  std::snprintf(out.data(), out.size() + 1, format, precision, v);
  return out;
}

std::string ExponentOf(const NumberPattern& p, double v) {
  std::string out = Print("%+.*e", p.after, v);
  if (out[0] == '+') out[0] = ' ';
  return out;
}

// Digits are cut as exactly as they are kept: a carry shows as two digits before the point.
std::string ExponentOf(const NumberPattern& p, const Numeric& v) {
  if (!v.finite()) return NoExponent(p);
  const int exponent = v.zero() ? 0 : v.FirstDigitPlace() - 1;
  const int scale = p.after - exponent;
  std::string digits = v.Abs().Rounded(scale).Text();
  std::erase(digits, '.');
  if (scale < 0) digits.resize(digits.size() - std::min(digits.size(), static_cast<std::size_t>(-scale)));
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  const auto after = static_cast<std::size_t>(p.after);
  if (digits.size() < after + 1) digits.insert(0, after + 1 - digits.size(), '0');
  if (after > 0) digits.insert(digits.size() - after, ".");
  char text[16];
  std::snprintf(text, sizeof text, "e%+03d", exponent);
  return (v.negative() ? "-" : " ") + digits + text;
}

// Puts the digits into the pattern's room, or number signs if they do not fit.
Digits Fitted(const NumberPattern& p, std::string text) {
  Digits out;
  out.negative = text.starts_with('-');
  if (out.negative) text.erase(0, 1);
  const auto before = static_cast<int>(std::min(text.find('.'), text.size()));
  if (before < p.before) {
    out.blanks = p.before - before;
  } else if (before > p.before) {
    text.assign(static_cast<std::size_t>(p.before + p.after + 1), '#');
    text[static_cast<std::size_t>(p.before)] = '.';
  }
  out.text = std::move(text);
  return out;
}

// Of a Roman number all that counts is whether it is padded.
NumberPattern RomanPattern(const NumberPattern& p) {
  NumberPattern out;
  out.nodes = p.nodes;
  out.roman = true;
  out.fill_mode = p.fill_mode;
  return out;
}

std::string Show(EvalContext& context, NumberPattern pattern, Digits digits) {
  if (pattern.roman) pattern = RomanPattern(pattern);
  const bool whole = !pattern.roman && !pattern.point && !digits.negative && !digits.text.starts_with('#');
  const bool ordinal =
      std::ranges::any_of(pattern.nodes, [](const auto& n) { return n.field == NumberField::kOrdinal; });
  if (whole && ordinal && std::isdigit(static_cast<unsigned char>(digits.text.back())) == 0)
    context.Fail("22P02", "\"" + digits.text + "\" is not a number");
  return Layout(pattern, std::move(digits)).Run();
}

std::string FormatNumeric(EvalContext& context, const Numeric& v, Text text) {
  if (text.empty()) return "";
  const NumberPattern* found = FindNumberPattern(context, text);
  if (found == nullptr) return "";
  if (found->roman) {
    if (!v.finite()) {
      context.Fail("0A000", v.nan() ? "cannot convert NaN to integer" : "cannot convert infinity to integer");
      return "";
    }
    const auto whole = v.ToInt64();
    if (!whole || *whole != static_cast<std::int32_t>(*whole)) {
      context.Fail("22003", "integer out of range");
      return "";
    }
    return Show(context, *found, {Roman(*whole), false, 0});
  }
  if (found->exponent) return ExponentOf(*found, v);
  NumberPattern pattern = *found;
  Numeric value = v;
  if (pattern.shifted) {
    const auto power = Numeric::Parse("1" + std::string(static_cast<std::size_t>(pattern.shift), '0'));
    if (const auto product = Multiply(value, *power)) value = *product;
    pattern.before += pattern.shift;
  }
  std::string digits = value.Rounded(pattern.after).Text();
  return Show(context, pattern, Fitted(pattern, std::move(digits)));
}

std::string FormatInteger(EvalContext& context, I v, Text text, bool wide) {
  if (text.empty()) return "";
  const NumberPattern* found = FindNumberPattern(context, text);
  if (found == nullptr) return "";
  if (found->roman && v != static_cast<std::int32_t>(v)) {
    context.Fail("22003", "integer out of range");
    return "";
  }
  if (found->roman) return Show(context, *found, {Roman(v), false, 0});
  if (found->exponent) return wide ? ExponentOf(*found, Numeric(v)) : ExponentOf(*found, static_cast<double>(v));
  NumberPattern pattern = *found;
  if (pattern.shifted) {
    // An integer keeps its low 32 bits, as it does there; a bigint that overflows is an error.
    for (int i = 0; i < pattern.shift; ++i) {
      if (!wide) v = static_cast<std::int32_t>(v * 10);
      if (wide && __builtin_mul_overflow(v, 10, &v)) {
        context.Fail("22003", "bigint out of range");
        return "";
      }
    }
    pattern.before += pattern.shift;
  }
  std::string digits = std::to_string(v);
  if (pattern.after > 0) digits += "." + std::string(static_cast<std::size_t>(pattern.after), '0');
  return Show(context, pattern, Fitted(pattern, std::move(digits)));
}
std::string FormatInt4(EvalContext& context, I v, Text text) { return FormatInteger(context, v, text, false); }
std::string FormatInt8(EvalContext& context, I v, Text text) { return FormatInteger(context, v, text, true); }

// No more digits than the type keeps.
std::string FormatFloating(EvalContext& context, double v, Text text, int digits_max, bool single) {
  if (text.empty()) return "";
  const NumberPattern* found = FindNumberPattern(context, text);
  if (found == nullptr) return "";
  if (found->roman)
    return Show(context, *found, {Roman(std::fabs(v) < 1e6 ? static_cast<I>(std::rint(v)) : 0), false, 0});
  if (found->exponent) return std::isfinite(v) ? ExponentOf(*found, v) : NoExponent(*found);
  NumberPattern pattern = *found;
  if (pattern.shifted) {
    v *= std::pow(10, pattern.shift);
    if (single) v = static_cast<float>(v);
    pattern.before += pattern.shift;
  }
  std::string digits;
  if (std::isfinite(v)) {
    const auto before = static_cast<int>(Print("%.*f", 0, std::fabs(v)).size());
    pattern.after = before >= digits_max ? 0 : std::min(pattern.after, digits_max - before);
    digits = Print("%.*f", pattern.after, v);
  } else {
    digits = std::isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";
    const auto before = static_cast<int>(std::isnan(v) ? 3 : 8);
    pattern.after = before >= digits_max ? 0 : std::min(pattern.after, digits_max - before);
  }
  return Show(context, pattern, Fitted(pattern, std::move(digits)));
}
std::string FormatFloat4(EvalContext& context, double v, Text text) {
  return FormatFloating(context, v, text, std::numeric_limits<float>::digits10, true);
}
std::string FormatFloat8(EvalContext& context, double v, Text text) {
  return FormatFloating(context, v, text, std::numeric_limits<double>::digits10, false);
}

const Function kNumberFormatFunctions[] = {
    {"to_char", {kI4, kText}, kText, kLift<FormatInt4>},     {"to_char", {kI8, kText}, kText, kLift<FormatInt8>},
    {"to_char", {kF4, kText}, kText, kLift<FormatFloat4>},   {"to_char", {kF8, kText}, kText, kLift<FormatFloat8>},
    {"to_char", {kNum, kText}, kText, kLift<FormatNumeric>},
};

}  // namespace

std::span<const Function> NumberFormatFunctions() { return kNumberFormatFunctions; }

}  // namespace headgate::sql
