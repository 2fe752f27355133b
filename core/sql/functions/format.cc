#include <algorithm>
#include <limits>
#include <optional>

#include "core/sql/array_value.h"
#include "core/sql/characters.h"
#include "core/sql/functions/quote.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// format(): a text with places for values, after C's printf.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;

struct Value {
  Type type;
  Datum datum;
};

// One call. After a failure the context has the error.
class Formatter {
 public:
  Formatter(EvalContext& context, Text pattern, std::span<const Value> values)
      : context_(context), pattern_(pattern), values_(values) {}

  std::string Run() {
    while (at_ < pattern_.size() && !failed_) {
      const char c = pattern_[at_++];
      if (c != '%') {
        out_.push_back(c);
      } else if (More() && pattern_[at_] == '%') {
        ++at_;
        out_.push_back('%');
      } else if (!failed_) {
        Place();
      }
    }
    return std::move(out_);
  }

 private:
  void Fail(std::string_view code, std::string message) {
    if (!failed_) context_.Fail(code, std::move(message));
    failed_ = true;
  }
  bool More() {
    if (at_ < pattern_.size()) return true;
    Fail("22023", "unterminated format() type specifier");
    return false;
  }
  bool AtDigit() const { return at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9'; }

  // Digits and what follows them; nothing if there are none.
  std::optional<I> Number() {
    if (!AtDigit()) return std::nullopt;
    I number = 0;
    for (; AtDigit(); ++at_) {
      number = number * 10 + (pattern_[at_] - '0');
      if (number > std::numeric_limits<std::int32_t>::max()) {
        Fail("22003", "number is out of range");
        return std::nullopt;
      }
    }
    return More() ? std::optional<I>(number) : std::nullopt;
  }
  void CheckPosition(I position) {
    if (position == 0) Fail("22023", "format specifies argument 0, but arguments are numbered from 1");
  }

  // %[position$][-][width]type
  void Place() {
    I position = -1;
    I width = 0;
    bool left = false;
    std::optional<I> width_position;  // 0: the next value
    const auto first = Number();
    if (failed_) return;
    if (first && pattern_[at_] != '$') {
      width = *first;
    } else {
      if (first) {
        ++at_;
        position = *first;
        CheckPosition(position);
        if (!More()) return;
      }
      for (; !failed_ && pattern_[at_] == '-'; More()) {
        left = true;
        ++at_;
      }
      if (failed_) return;
      if (pattern_[at_] == '*') {
        ++at_;
        if (!More()) return;
        width_position = WidthPosition();
      } else {
        width = Number().value_or(0);
      }
    }
    if (!failed_) Convert(position, width, width_position, left);
  }

  I WidthPosition() {
    const auto number = Number();
    if (!number) return 0;
    CheckPosition(*number);
    if (pattern_[at_] != '$') Fail("22023", "width argument position must be ended by \"$\"");
    ++at_;
    More();
    return *number;
  }

  void Convert(I position, I width, std::optional<I> width_position, bool left) {
    const std::size_t start = at_;
    const char kind = pattern_[at_];
    NextCharacter(pattern_, at_);
    if (kind != 's' && kind != 'I' && kind != 'L') {
      const std::string shown(pattern_.substr(start, at_ - start));
      return Fail("22023", "unrecognized format() type specifier \"" + shown + "\"");
    }
    if (width_position) {
      const Value* value = Next(*width_position);
      if (value == nullptr) return;
      width = WidthOf(*value);
      left = left || width < 0;
      if (width == std::numeric_limits<std::int32_t>::min()) Fail("22003", "number is out of range");
      width = width < 0 ? -width : width;
    }
    const Value* value = failed_ ? nullptr : Next(position);
    if (value != nullptr) Append(*value, kind, width, left);
  }

  // The value at a position from 1, else the one behind that of the last place.
  const Value* Next(I position) {
    if (position > 0) next_ = position - 1;
    if (next_ >= static_cast<I>(values_.size())) {
      Fail("22023", "too few arguments for format()");
      return nullptr;
    }
    return &values_[static_cast<std::size_t>(next_++)];
  }

  I WidthOf(const Value& value) {
    if (value.datum.null) return 0;
    EvalContext inner;
    const Datum width = FromText(TypeId::kInt4, ToText(value.type, value.datum, context_.zone), inner);
    if (inner.failed()) Fail(inner.errors()[0].code, inner.errors()[0].message);
    return inner.failed() ? 0 : width.i;
  }

  void Append(const Value& value, char kind, I width, bool left) {
    std::string text;
    if (value.datum.null) {
      if (kind == 'I') return Fail("22004", "null values cannot be formatted as an SQL identifier");
      if (kind == 'L') text = "NULL";
    } else {
      text = ToText(value.type, value.datum, context_.zone);
      if (kind == 'I') text = QuotedIdentifier(text);
      if (kind == 'L') text = QuotedLiteral(text);
    }
    const auto length = static_cast<I>(CountCharacters(text));
    const std::string blanks(static_cast<std::size_t>(std::max<I>(width - length, 0)), ' ');
    out_ += left ? text + blanks : blanks + text;
  }

  EvalContext& context_;
  Text pattern_;
  std::span<const Value> values_;
  std::size_t at_ = 0;
  I next_ = 0;
  bool failed_ = false;
  std::string out_;
};

void Format(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
            Vector& out) {
  std::vector<Value> values(arguments.size() - 1);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    context.row = row;
    if (arguments[0]->IsNull(row)) {
      out.SetNull(row);
      continue;
    }
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = {site.arguments[i + 1], arguments[i + 1]->At(row)};
    const std::size_t failures = context.errors().size();
    out.strings[row] =
        context.arena().Keep(Formatter(context, arguments[0]->strings[arguments[0]->Index(row)], values).Run());
    if (context.errors().size() != failures) out.SetNull(row);
  }
}

// A NULL array is one without elements.
std::optional<std::string> FormatArray(EvalContext& context, const CallSite& site, std::optional<Text> pattern,
                                       std::optional<Text> array) {
  if (!pattern) return std::nullopt;
  const Type element = site.arguments[1].Element();
  std::vector<Value> values;
  if (array) {
    for (Datum& value : ArrayValue::Read(*array, element).elements) values.push_back({element, std::move(value)});
  }
  return Formatter(context, *pattern, values).Run();
}

const Function kFormatFunctions[] = {
    {"format", {kText, kAny}, kText, Format, true, kStable},
    {"format variadic", {kText, kAnyArray}, kText, kLiftNull<FormatArray>, false, kStable},
};

}  // namespace

std::span<const Function> FormatFunctions() { return kFormatFunctions; }

}  // namespace headgate::sql
