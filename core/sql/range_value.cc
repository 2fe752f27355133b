#include "core/sql/range_value.h"

#include <algorithm>
#include <limits>

#include "core/base/ascii.h"
#include "core/sql/function.h"
#include "core/sql/key.h"
#include "core/sql/text_forms.h"
#include "core/sql/time_value.h"

namespace headgate::sql {
namespace {

// The literal taken apart; bounds are texts still.
struct RangeLiteral {
  bool empty = false;
  bool low_inclusive = false;
  bool high_inclusive = false;
  std::optional<std::string> low;
  std::optional<std::string> high;
};

class RangeReader {
 public:
  explicit RangeReader(std::string_view text) : text_(text) {}

  std::optional<RangeLiteral> Read() {
    RangeLiteral out;
    SkipBlanks();
    if (TakeEmpty()) {
      out.empty = true;
      SkipBlanks();
      return at_ == text_.size() ? std::optional(out) : std::nullopt;
    }
    out.low_inclusive = Take('[');
    if (!out.low_inclusive && !Take('(')) return std::nullopt;
    if (!Bound(out.low) || !Take(',') || !Bound(out.high)) return std::nullopt;
    out.high_inclusive = Take(']');
    if (!out.high_inclusive && !Take(')')) return std::nullopt;
    SkipBlanks();
    return at_ == text_.size() ? std::optional(std::move(out)) : std::nullopt;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeEmpty() {
    constexpr std::string_view kEmpty = "empty";
    const std::string_view word = text_.substr(at_, kEmpty.size());
    if (!std::ranges::equal(word, kEmpty, {}, [](char c) { return static_cast<char>(c | 0x20); })) return false;
    at_ += kEmpty.size();
    return true;
  }
  // Up to the comma or bracket; parts of it may be quoted. Nothing at all is no bound.
  bool Bound(std::optional<std::string>& out) {
    if (at_ < text_.size() && std::string_view(",)]").find(text_[at_]) != std::string_view::npos) return true;
    std::string bound;
    bool quoted = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!quoted && (c == ',' || c == ')' || c == ']' || c == '(' || c == '[')) break;
      ++at_;
      if (c == '\\') {
        if (at_ == text_.size()) return false;
        bound.push_back(text_[at_++]);
      } else if (c == '"') {
        if (quoted && Take('"')) {
          bound.push_back('"');
        } else {
          quoted = !quoted;
        }
      } else {
        bound.push_back(c);
      }
    }
    if (quoted || at_ == text_.size()) return false;
    out = std::move(bound);
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

void AppendBound(std::string& out, TypeId element, const RangeBound& bound, std::string_view zone) {
  if (bound.infinite) return;
  const std::string text = ToText(element, bound.value, zone);
  const bool quotes = text.empty() || std::ranges::any_of(text, [](char c) {
                        return IsSpace(c) || std::string_view("\"\\()[],").find(c) != std::string_view::npos;
                      });
  if (!quotes) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('"');
}

void AppendText(std::string& out, TypeId type, const RangeValue& range, std::string_view zone) {
  if (range.empty) {
    out += "empty";
    return;
  }
  const TypeId element = RangeElement(type);
  out.push_back(range.low.inclusive ? '[' : '(');
  AppendBound(out, element, range.low, zone);
  out.push_back(',');
  AppendBound(out, element, range.high, zone);
  out.push_back(range.high.inclusive ? ']' : ')');
}

std::string KeyOf(TypeId element, const Datum& value) {
  std::string key;
  AppendKey(key, element, value);
  return key;
}

// A place between the elements, so that bounds compare as bytes: a low bound that is exclusive lies behind its element,
// a high one before.
std::string PlaceOfBound(TypeId element, const RangeBound& bound, bool low) {
  std::string key;
  if (bound.infinite) {
    key.push_back(low ? 0 : 2);
    return key;
  }
  key.push_back(1);
  AppendKey(key, element, bound.value);
  key.push_back(bound.inclusive ? 1 : (low ? 2 : 0));
  return key;
}

// The next whole number or day; false: there is none.
bool Step(TypeId type, Datum& value, EvalContext& context) {
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (type == TypeId::kInt4Range) most = std::numeric_limits<std::int32_t>::max();
  if (type == TypeId::kDateRange) {
    if (IsInfinite(value.i)) return true;
    most = kDateEnd - 1;
  }
  if (value.i >= most) {
    if (type == TypeId::kDateRange) {
      context.Fail("22008", "date out of range");
    } else {
      context.Fail("22003", type == TypeId::kInt4Range ? "integer out of range" : "bigint out of range");
    }
    return false;
  }
  ++value.i;
  return true;
}

// Infinite days are as far as there is: they stay as they are.
bool HasSteps(TypeId type, const Datum& value) { return type != TypeId::kDateRange || !IsInfinite(value.i); }

void EmptyIfNothing(RangeValue& range, TypeId element) {
  if (range.low.infinite || range.high.infinite) return;
  if (KeyOf(element, range.low.value) == KeyOf(element, range.high.value) &&
      !(range.low.inclusive && range.high.inclusive))
    range.empty = true;
}

}  // namespace

RangeValue ReadRange(TypeId type, std::string_view stored) {
  RangeValue out;
  const auto literal = RangeReader(stored).Read();
  if (!literal || literal->empty) {
    out.empty = true;
    return out;
  }
  EvalContext context;
  const auto bound = [&](const std::optional<std::string>& text, bool inclusive) {
    RangeBound b;
    if (!text) return b;
    b.value = FromText(RangeElement(type), *text, context);
    b.infinite = b.value.null;
    b.inclusive = inclusive && !b.infinite;
    return b;
  };
  out.low = bound(literal->low, literal->low_inclusive);
  out.high = bound(literal->high, literal->high_inclusive);
  return out;
}

Datum MakeRange(TypeId type, RangeValue range, EvalContext& context) {
  const TypeId element = RangeElement(type);
  if (range.low.infinite) range.low.inclusive = false;
  if (range.high.infinite) range.high.inclusive = false;
  if (!range.empty && !range.low.infinite && !range.high.infinite &&
      KeyOf(element, range.low.value) > KeyOf(element, range.high.value)) {
    context.Fail("22000", "range lower bound must be less than or equal to range upper bound");
    return Datum::Null();
  }
  if (!range.empty) EmptyIfNothing(range, element);
  const bool discrete = type == TypeId::kInt4Range || type == TypeId::kInt8Range || type == TypeId::kDateRange;
  if (discrete && !range.empty) {
    if (!range.low.infinite && !range.low.inclusive && HasSteps(type, range.low.value)) {
      if (!Step(type, range.low.value, context)) return Datum::Null();
      range.low.inclusive = true;
    }
    if (!range.high.infinite && range.high.inclusive && HasSteps(type, range.high.value)) {
      if (!Step(type, range.high.value, context)) return Datum::Null();
      range.high.inclusive = false;
    }
    EmptyIfNothing(range, element);
  }
  std::string text;
  AppendText(text, type, range, "UTC");
  return Datum::Of(std::move(text));
}

Datum RangeFromText(Type type, std::string_view text, EvalContext& context) {
  const auto literal = RangeReader(text).Read();
  if (!literal) {
    context.Fail("22P02", "malformed range literal: \"" + std::string(text) + "\"");
    return Datum::Null();
  }
  RangeValue range;
  range.empty = literal->empty;
  for (const bool low : {true, false}) {
    const auto& from = low ? literal->low : literal->high;
    if (!from) continue;
    RangeBound& bound = low ? range.low : range.high;
    bound.infinite = false;
    bound.inclusive = low ? literal->low_inclusive : literal->high_inclusive;
    bound.value = FromText(RangeElement(type.id), *from, context);
    if (bound.value.null) return Datum::Null();
  }
  return MakeRange(type.id, std::move(range), context);
}

void AppendRangeText(std::string& out, TypeId type, std::string_view stored, std::string_view zone) {
  if (type == TypeId::kTsTzRange && zone != "UTC") {
    AppendText(out, type, ReadRange(type, stored), zone);
  } else {
    out += stored;
  }
}

bool RangeContains(TypeId type, const RangeValue& range, const Datum& element) {
  if (range.empty) return false;
  const std::string place = PlaceOfBound(RangeElement(type), {false, true, element}, true);
  return PlaceOfBound(RangeElement(type), range.low, true) <= place &&
         place <= PlaceOfBound(RangeElement(type), range.high, false);
}

bool RangeContains(TypeId type, const RangeValue& all, const RangeValue& part) {
  if (part.empty || all.empty) return part.empty;
  const TypeId element = RangeElement(type);
  return PlaceOfBound(element, all.low, true) <= PlaceOfBound(element, part.low, true) &&
         PlaceOfBound(element, part.high, false) <= PlaceOfBound(element, all.high, false);
}

bool RangeBefore(TypeId type, const RangeValue& a, const RangeValue& b) {
  if (a.empty || b.empty) return false;
  const TypeId element = RangeElement(type);
  return PlaceOfBound(element, a.high, false) < PlaceOfBound(element, b.low, true);
}

bool RangesOverlap(TypeId type, const RangeValue& a, const RangeValue& b) {
  return !a.empty && !b.empty && !RangeBefore(type, a, b) && !RangeBefore(type, b, a);
}

void AppendRangeKey(std::string& out, TypeId type, std::string_view stored) {
  const RangeValue range = ReadRange(type, stored);
  out.push_back(range.empty ? 0 : 1);
  if (range.empty) return;
  out += PlaceOfBound(RangeElement(type), range.low, true);
  out += PlaceOfBound(RangeElement(type), range.high, false);
}

}  // namespace headgate::sql
