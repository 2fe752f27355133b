#include "core/sql/functions/number_pattern.h"

#include <optional>

#include "core/sql/functions/time_pattern.h"

namespace headgate::sql {
namespace {

struct Word {
  std::string_view upper;
  std::string_view lower;
  NumberField field;
};
// Longer words before those they begin with.
constexpr Word kNumberWords[] = {
    {",", ",", NumberField::kComma},      {".", ".", NumberField::kPoint},
    {"9", "9", NumberField::kDigit},      {"0", "0", NumberField::kZero},
    {"B", "b", NumberField::kBlank},      {"C", "c", NumberField::kNothing},
    {"D", "d", NumberField::kLocalPoint}, {"EEEE", "eeee", NumberField::kExponent},
    {"FM", "fm", NumberField::kFillMode}, {"G", "g", NumberField::kGroup},
    {"L", "l", NumberField::kCurrency},   {"MI", "mi", NumberField::kMinus},
    {"PL", "pl", NumberField::kPlus},     {"PR", "pr", NumberField::kBrackets},
    {"RN", "rn", NumberField::kRoman},    {"SG", "sg", NumberField::kSignChar},
    {"SP", "sp", NumberField::kNothing},  {"S", "s", NumberField::kSign},
    {"TH", "th", NumberField::kOrdinal},  {"V", "v", NumberField::kShift},
};

class NumberPatternParser {
 public:
  explicit NumberPatternParser(std::string_view text) : text_(text) {}

  // The message of what does not go together, if anything.
  std::optional<std::string> Parse(NumberPattern& out) {
    out_ = &out;
    while (!text_.empty()) {
      if (const Word* word = WordAt(); word != nullptr) {
        const bool lower = !text_.starts_with(word->upper);
        text_.remove_prefix(word->upper.size());
        out.nodes.push_back({word->field, lower, ""});
        if (auto error = Check(word->field)) return error;
      } else if (text_[0] == '"') {
        AddQuoted();
      } else {
        if (text_.starts_with("\\\"")) text_.remove_prefix(1);
        AddCharacter();
      }
    }
    return std::nullopt;
  }

 private:
  const Word* WordAt() const {
    for (const Word& word : kNumberWords) {
      if (text_.starts_with(word.upper) || text_.starts_with(word.lower)) return &word;
    }
    return nullptr;
  }
  void AddQuoted() {
    text_.remove_prefix(1);
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\' && text_.size() > 1) text_.remove_prefix(1);
      AddCharacter();
    }
    if (!text_.empty()) text_.remove_prefix(1);
  }
  void AddCharacter() {
    const std::size_t size = CharacterSize(text_);
    out_->nodes.push_back({NumberField::kText, false, std::string(text_.substr(0, size))});
    text_.remove_prefix(size);
  }

  // What a digit adds; `zero` is one that is always shown.
  std::optional<std::string> CheckDigit(bool zero) {
    NumberPattern& p = *out_;
    if (p.brackets) return std::string(zero ? "\"0\"" : "\"9\"") + " must be ahead of \"PR\"";
    if (!zero && p.shifted) {
      ++p.shift;
      return std::nullopt;
    }
    if (zero && !p.zero && !p.point) {
      p.zero = true;
      p.zero_start = p.before + 1;
    }
    ++(p.point ? p.after : p.before);
    if (zero) p.zero_end = p.before + p.after;
    return std::nullopt;
  }

  std::optional<std::string> Check(NumberField field) {
    NumberPattern& p = *out_;
    if (p.exponent && field != NumberField::kExponent) return "\"EEEE\" must be the last pattern used";
    const bool any_sign = p.plus || p.minus || p.brackets;
    const bool anchored = p.sign != SignPlace::kNone;
    switch (field) {
      case NumberField::kDigit:
      case NumberField::kZero:
        return CheckDigit(field == NumberField::kZero);
      case NumberField::kBlank:
        if (p.before == 0 && p.after == 0 && !p.zero) p.blank = true;
        return std::nullopt;
      case NumberField::kLocalPoint:
      case NumberField::kPoint:
        if (p.point) return "multiple decimal points";
        if (p.shifted) return "cannot use \"V\" and decimal point together";
        p.point = true;
        return std::nullopt;
      case NumberField::kFillMode:
        p.fill_mode = true;
        return std::nullopt;
      case NumberField::kSign:
        if (anchored) return "cannot use \"S\" twice";
        if (any_sign) return "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together";
        p.sign = p.point ? SignPlace::kAfter : SignPlace::kBefore;
        if (!p.point) p.digits_at_sign = p.before;
        return std::nullopt;
      case NumberField::kMinus:
        if (anchored) return "cannot use \"S\" and \"MI\" together";
        p.minus = true;
        return std::nullopt;
      case NumberField::kPlus:
        if (anchored) return "cannot use \"S\" and \"PL\" together";
        p.plus = true;
        return std::nullopt;
      case NumberField::kSignChar:
        if (anchored) return "cannot use \"S\" and \"SG\" together";
        p.minus = p.plus = true;
        return std::nullopt;
      case NumberField::kBrackets:
        if (anchored || p.plus || p.minus) return "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together";
        p.brackets = true;
        return std::nullopt;
      case NumberField::kRoman:
        p.roman = true;
        return std::nullopt;
      case NumberField::kShift:
        if (p.point) return "cannot use \"V\" and decimal point together";
        p.shifted = true;
        return std::nullopt;
      case NumberField::kExponent:
        if (p.exponent) return "cannot use \"EEEE\" twice";
        if (p.blank || p.fill_mode || anchored || any_sign || p.roman || p.shifted)
          return "\"EEEE\" is incompatible with other formats";
        p.exponent = true;
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  std::string_view text_;
  NumberPattern* out_ = nullptr;
};

}  // namespace

const NumberPattern* FindNumberPattern(EvalContext& context, std::string_view pattern) {
  thread_local std::string last;
  thread_local NumberPattern parsed;
  thread_local bool known = false;
  if (known && last == pattern) return &parsed;
  known = false;
  parsed = {};
  if (auto error = NumberPatternParser(pattern).Parse(parsed)) {
    context.Fail("42601", *error);
    return nullptr;
  }
  last = pattern;
  known = true;
  return &parsed;
}

}  // namespace headgate::sql
