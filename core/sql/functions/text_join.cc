#include <optional>

#include "core/sql/array_value.h"
#include "core/sql/characters.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Texts out of several values and arrays out of texts: ||, concat, concat_ws, array_to_string, string_to_array; and how
// many of several values are NULL.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Text = std::string_view;

std::string ConcatenateTexts(Text a, Text b) {
  std::string out(a);
  out += b;
  return out;
}

// The value as its cast to text has it, which differs from its output in two types.
void AppendCast(std::string& out, EvalContext& context, Type type, const Datum& value) {
  if (type.Is(TypeId::kBool)) {
    out += value.b ? "true" : "false";
  } else {
    AppendText(out, type.Bare(), value, context.zone);
  }
}

// text || value and value || text.
void ConcatenateAny(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments,
                    const Rows& rows, Vector& out) {
  std::string text;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    if (arguments[0]->IsNull(row) || arguments[1]->IsNull(row)) {
      out.SetNull(row);
      continue;
    }
    text.clear();
    AppendCast(text, context, site.arguments[0], arguments[0]->At(row));
    AppendCast(text, context, site.arguments[1], arguments[1]->At(row));
    out.strings[row] = context.arena().Keep(text);
  }
}

// The values that are not NULL, as texts, with a separator between them.
class Joiner {
 public:
  Joiner(EvalContext& context, Text separator) : context_(context), separator_(separator) {}
  void Add(Type type, const Datum& value) {
    if (value.null) return;
    AddSeparator();
    AppendText(text_, type, value, context_.zone);
  }
  void Add(Text text) {
    AddSeparator();
    text_ += text;
  }
  const std::string& text() const { return text_; }

 private:
  void AddSeparator() {
    if (!std::exchange(first_, false)) text_ += separator_;
  }

  EvalContext& context_;
  Text separator_;
  std::string text_;
  bool first_ = true;
};

// concat: kSeparator false; concat_ws, whose first argument is the separator: true.
template <bool kSeparator>
void Join(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
          Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    if (kSeparator && arguments[0]->IsNull(row)) {
      out.SetNull(row);
      continue;
    }
    Joiner joiner(context, kSeparator ? arguments[0]->strings[arguments[0]->Index(row)] : Text{});
    for (std::size_t i = kSeparator ? 1 : 0; i < arguments.size(); ++i)
      joiner.Add(site.arguments[i], arguments[i]->At(row));
    out.strings[row] = context.arena().Keep(joiner.text());
  }
}

std::string JoinElements(EvalContext& context, Type element, Text array, Text separator,
                         const std::optional<Text>& for_null) {
  Joiner joiner(context, separator);
  for (const Datum& value : ArrayValue::Read(array, element).elements) {
    if (value.null && for_null) joiner.Add(*for_null);
    joiner.Add(element, value);
  }
  return joiner.text();
}
std::string ConcatArray(EvalContext& context, const CallSite& site, Text array) {
  return JoinElements(context, site.arguments[0].Element(), array, "", std::nullopt);
}
std::string ConcatArrayBy(EvalContext& context, const CallSite& site, Text separator, Text array) {
  return JoinElements(context, site.arguments[1].Element(), array, separator, std::nullopt);
}
std::string ArrayToString(EvalContext& context, const CallSite& site, Text array, Text separator) {
  return JoinElements(context, site.arguments[0].Element(), array, separator, std::nullopt);
}
std::optional<std::string> ArrayToStringWithNulls(EvalContext& context, const CallSite& site, std::optional<Text> array,
                                                  std::optional<Text> separator, std::optional<Text> for_null) {
  if (!array || !separator) return std::nullopt;
  return JoinElements(context, site.arguments[0].Element(), *array, *separator, for_null);
}

// Without a separator every character is an element.
std::vector<Text> SplitText(Text s, const std::optional<Text>& separator) {
  std::vector<Text> parts;
  if (s.empty()) return parts;
  if (!separator) {
    for (std::size_t at = 0; at < s.size();) {
      const std::size_t start = at;
      NextCharacter(s, at);
      parts.push_back(s.substr(start, at - start));
    }
    return parts;
  }
  while (!separator->empty()) {
    const std::size_t found = s.find(*separator);
    if (found == Text::npos) break;
    parts.push_back(s.substr(0, found));
    s = s.substr(found + separator->size());
  }
  parts.push_back(s);
  return parts;
}
std::optional<std::string> StringToArrayWithNulls(std::optional<Text> s, std::optional<Text> separator,
                                                  std::optional<Text> for_null) {
  if (!s) return std::nullopt;
  std::vector<Datum> elements;
  for (const Text part : SplitText(*s, separator))
    elements.push_back(for_null == part ? Datum::Null() : Datum::Of(std::string(part)));
  return ArrayValue::OneDimension(std::move(elements)).Payload(TypeId::kText);
}
std::optional<std::string> StringToArray(std::optional<Text> s, std::optional<Text> separator) {
  return StringToArrayWithNulls(s, separator, std::nullopt);
}

template <bool kNulls>
void CountNulls(EvalContext&, const CallSite&, std::span<const Vector* const> arguments, const Rows& rows,
                Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    I count = 0;
    for (const Vector* argument : arguments) count += argument->IsNull(row) == kNulls ? 1 : 0;
    out.ints[row] = count;
  }
}
template <bool kNulls>
I CountNullElements(EvalContext&, const CallSite& site, Text array) {
  I count = 0;
  for (const Datum& value : ArrayValue::Read(array, site.arguments[0].Element()).elements)
    count += value.null == kNulls ? 1 : 0;
  return count;
}

// "NAME variadic" is the call NAME(VARIADIC array).
const Function kTextJoinFunctions[] = {
    {"||", {kText, kText}, kText, kLift<ConcatenateTexts>},
    {"||", {kText, kAnyNonArray}, kText, ConcatenateAny, false, kStable},
    {"||", {kAnyNonArray, kText}, kText, ConcatenateAny, false, kStable},
    {"concat", {kAny}, kText, Join<false>, true, kStable},
    {"concat variadic", {kAnyArray}, kText, kLift<ConcatArray>, false, kStable},
    {"concat_ws", {kText, kAny}, kText, Join<true>, true, kStable},
    {"concat_ws variadic", {kText, kAnyArray}, kText, kLift<ConcatArrayBy>, false, kStable},
    {"array_to_string", {kAnyArray, kText}, kText, kLift<ArrayToString>, false, kStable},
    {"array_to_string", {kAnyArray, kText, kText}, kText, kLiftNull<ArrayToStringWithNulls>, false, kStable},
    {"string_to_array", {kText, kText}, kTexts, kLiftNull<StringToArray>},
    {"string_to_array", {kText, kText, kText}, kTexts, kLiftNull<StringToArrayWithNulls>},
    {"string_to_table", {kText, kText}, kText, kLiftNull<StringToArray>, false, kImmutable, true},
    {"string_to_table", {kText, kText, kText}, kText, kLiftNull<StringToArrayWithNulls>, false, kImmutable, true},
    {"num_nulls", {kAny}, kI4, CountNulls<true>, true},
    {"num_nulls variadic", {kAnyArray}, kI4, kLift<CountNullElements<true>>},
    {"num_nonnulls", {kAny}, kI4, CountNulls<false>, true},
    {"num_nonnulls variadic", {kAnyArray}, kI4, kLift<CountNullElements<false>>},
};

}  // namespace

std::span<const Function> TextJoinFunctions() { return kTextJoinFunctions; }

}  // namespace headgate::sql
