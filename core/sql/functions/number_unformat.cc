#include <algorithm>

#include "core/base/ascii.h"
#include "core/sql/functions/number_pattern.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/functions/time_pattern.h"
#include "core/sql/lift.h"

// to_number: a number read by a pattern, in the locale "C".
namespace headgate::sql {
namespace {

using Text = std::string_view;

// Takes the digits out of a text, each where the pattern has one.
class Extraction {
 public:
  Extraction(const NumberPattern& pattern, Text text) : p_(pattern), text_(text) {}

  void Run() {
    for (const NumberNode& node : p_.nodes) {
      if (Done()) break;
      Take(node);
    }
    if (number_.ends_with('.')) number_.pop_back();
  }
  std::string Number() const { return sign_ + number_; }
  int after() const { return after_; }

 private:
  bool Done() const { return at_ >= text_.size(); }
  char Current() const { return Done() ? '\0' : text_[at_]; }

  void Take(const NumberNode& node) {
    switch (node.field) {
      case NumberField::kText:
        at_ += CharacterSize(text_.substr(at_));
        return;
      case NumberField::kDigit:
      case NumberField::kZero:
      case NumberField::kPoint:
      case NumberField::kLocalPoint:
        TakeDigit(node.field);
        ++at_;
        return;
      case NumberField::kComma:
      case NumberField::kGroup:
        if (!p_.fill_mode && Current() == ',') ++at_;
        return;
      case NumberField::kCurrency:
        return SkipWords(1);
      case NumberField::kOrdinal:
        if (!p_.point) SkipWords(2);
        return;
      case NumberField::kMinus:
        return TakeSign("-");
      case NumberField::kPlus:
        return TakeSign("+");
      case NumberField::kSignChar:
        return TakeSign("+-");
      default:
        return;
    }
  }

  // What is no part of a number.
  void SkipWords(int characters) {
    for (; characters > 0 && !Done(); --characters) {
      if (Text("0123456789.,+-").find(Current()) != Text::npos) return;
      at_ += CharacterSize(text_.substr(at_));
    }
  }
  void TakeSign(Text signs) {
    if (signs.find(Current()) == Text::npos) return SkipWords(1);
    sign_ = Current();
    ++at_;
  }

  void TakeDigit(NumberField field) {
    if (Done()) return;
    if (Current() == ' ') ++at_;
    if (Done()) return;
    if (sign_ == ' ' && before_ + after_ == 0 && (field == NumberField::kDigit || field == NumberField::kZero)) {
      const char c = Current();
      const bool anchored_before = p_.sign == SignPlace::kBefore;
      if (c == '-' || c == '+' || (c == '<' && p_.brackets && !anchored_before)) {
        sign_ = c == '+' ? '+' : '-';
        ++at_;
      }
    }
    if (Done()) return;
    bool taken = false;
    if (IsDigit(Current())) {
      if (point_ && after_ == p_.after) return;
      number_.push_back(Current());
      ++(point_ ? after_ : before_);
      taken = true;
    } else if (p_.point && !point_ && Current() == '.') {
      number_.push_back('.');
      point_ = true;
      taken = true;
    }
    if (!Done() && sign_ == ' ' && before_ + after_ > 0) TakeTrailingSign(taken);
  }

  // A sign behind the number: anchored to its last digit by S, or anywhere if the pattern has MI or its kin.
  void TakeTrailingSign(bool taken) {
    if (p_.sign != SignPlace::kNone) {
      if (!taken || at_ + 1 >= text_.size()) return;
      const char next = text_[at_ + 1];
      if (next != '-' && next != '+') return;
      sign_ = next;
      ++at_;
    } else if (!taken && (p_.plus || p_.minus) && (Current() == '-' || Current() == '+')) {
      sign_ = Current();
    }
  }

  const NumberPattern& p_;
  Text text_;
  std::size_t at_ = 0;
  char sign_ = ' ';
  std::string number_;
  int before_ = 0, after_ = 0;
  bool point_ = false;
};

std::optional<Numeric> ToNumber(EvalContext& context, Text text, Text format) {
  if (format.empty()) return std::nullopt;
  const NumberPattern* pattern = FindNumberPattern(context, format);
  if (pattern == nullptr) return std::nullopt;
  if (pattern->exponent || pattern->roman) {
    context.Fail("0A000", pattern->exponent ? "\"EEEE\" not supported for input" : "\"RN\" not supported for input");
    return std::nullopt;
  }
  Extraction extraction(*pattern, text);
  extraction.Run();
  const std::string digits = extraction.Number();
  auto number = Numeric::Parse(digits);
  if (!number) {
    context.Fail("22P02", "invalid input syntax for type numeric: \"" + digits + "\"");
    return std::nullopt;
  }
  number = number->Rounded(extraction.after());
  if (number->IntegerDigits() > pattern->before + pattern->shift) {
    context.Fail("22003", "numeric field overflow");
    return std::nullopt;
  }
  if (!pattern->shifted) return number;
  const auto power = Power(Numeric(10), Numeric(-pattern->shift));
  return power ? Multiply(*number, *power) : number;
}

const Function kNumberUnformatFunctions[] = {
    {"to_number", {kText, kText}, kNum, kLift<ToNumber>},
};

}  // namespace

std::span<const Function> NumberUnformatFunctions() { return kNumberUnformatFunctions; }

}  // namespace headgate::sql
