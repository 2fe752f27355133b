#include <algorithm>
#include <charconv>

#include "core/sql/array_value.h"
#include "core/sql/functions/json_steps.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/json.h"
#include "core/sql/lift.h"
#include "core/sql/over_datums.h"

// Functions and operators that read JSON: members, elements, paths, containment.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using View = std::string_view;
using Arguments = std::span<const Datum>;
template <class T>
using Maybe = std::optional<T>;

Maybe<View> Member(EvalContext& context, View value, View key) { return JsonMember(StripJson(value), key, context); }
// jsonb takes a scalar for an array of one element here, as PostgreSQL does.
Maybe<View> ElementOfJsonb(View value, I index) {
  if (IsJsonScalar(value)) return index == 0 || index == -1 ? Maybe<View>(value) : std::nullopt;
  return JsonElement(value, index);
}
Maybe<View> ElementOfJson(View value, I index) { return JsonElement(StripJson(value), index); }

// null is NULL, a string its text, everything else as it is written.
Maybe<std::string> ElementText(EvalContext& context, Maybe<View> value) {
  if (!value || JsonKindOf(*value) == JsonKind::kNull) return std::nullopt;
  if (JsonKindOf(*value) == JsonKind::kString) return JsonUnquoted(*value, context);
  return std::string(*value);
}
Maybe<std::string> MemberText(EvalContext& context, View value, View key) {
  return ElementText(context, Member(context, value, key));
}
Maybe<std::string> ElementTextOfJsonb(EvalContext& context, View value, I index) {
  return ElementText(context, ElementOfJsonb(value, index));
}
Maybe<std::string> ElementTextOfJson(EvalContext& context, View value, I index) {
  return ElementText(context, ElementOfJson(value, index));
}

// One step: the name of a member, or the number of an element.
Maybe<View> Step(EvalContext& context, View value, View step) {
  if (JsonKindOf(value) == JsonKind::kObject) return JsonMember(value, step, context);
  const auto index = ElementNumber(step);
  return index ? JsonElement(value, *index) : std::nullopt;
}
Maybe<View> Walk(EvalContext& context, View value, std::span<const Datum> path) {
  Maybe<View> at = StripJson(value);
  for (const Datum& step : path) {
    if (step.null || !at) return std::nullopt;
    at = Step(context, *at, step.s);
  }
  return at;
}
Maybe<View> At(EvalContext& context, View value, View path) {
  const ArrayValue steps = ArrayValue::Read(path, TypeId::kText);
  return Walk(context, value, steps.elements);
}
Maybe<std::string> TextAt(EvalContext& context, View value, View path) {
  return ElementText(context, At(context, value, path));
}

// jsonb_extract_path(value, 'a', 'b'): the steps are arguments.
Datum ExtractPath(EvalContext& context, const CallSite&, Arguments arguments) {
  const auto value = Walk(context, arguments[0].s, arguments.subspan(1));
  return value ? Datum::Of(std::string(*value)) : Datum::Null();
}
Datum ExtractPathText(EvalContext& context, const CallSite&, Arguments arguments) {
  auto text = ElementText(context, Walk(context, arguments[0].s, arguments.subspan(1)));
  return text ? Datum::Of(*std::move(text)) : Datum::Null();
}
// value['a'][1]
Datum JsonbSubscript(EvalContext& context, const CallSite& site, Arguments arguments) {
  Maybe<View> at = arguments[0].s;
  for (std::size_t i = 1; i < arguments.size() && at; ++i) {
    at = PhysicalOf(site.arguments[i]) == Physical::kInt ? Step(context, *at, std::to_string(arguments[i].i))
                                                         : Step(context, *at, arguments[i].s);
  }
  return at ? Datum::Of(std::string(*at)) : Datum::Null();
}

bool JsonbContains(View all, View part);

bool ArrayHas(View all, View part) {
  for (JsonItems items(all); items.Next();) {
    if (IsJsonScalar(part) ? IsJsonScalar(items.value()) && SameJsonScalar(items.value(), part)
                           : JsonKindOf(items.value()) == JsonKindOf(part) && JsonbContains(items.value(), part))
      return true;
  }
  return false;
}
// Containers of one kind.
bool JsonbContains(View all, View part) {
  EvalContext context;
  for (JsonItems items(part); items.Next();) {
    if (JsonKindOf(all) == JsonKind::kArray) {
      if (!ArrayHas(all, items.value())) return false;
      continue;
    }
    const auto found = JsonMember(all, JsonbUnquoted(items.key()), context);
    if (!found || JsonKindOf(*found) != JsonKindOf(items.value())) return false;
    if (IsJsonScalar(*found) ? !SameJsonScalar(*found, items.value()) : !JsonbContains(*found, items.value()))
      return false;
  }
  return true;
}
// An array contains a scalar that stands alone, but no scalar contains an array.
bool ContainsValue(View all, View part) {
  if (IsJsonScalar(part)) {
    if (IsJsonScalar(all)) return SameJsonScalar(all, part);
    return JsonKindOf(all) == JsonKind::kArray && ArrayHas(all, part);
  }
  return JsonKindOf(all) == JsonKindOf(part) && JsonbContains(all, part);
}
bool JsonbContainedBy(View part, View all) { return ContainsValue(all, part); }

bool HasKey(View value, View key) {
  std::string quoted;
  AppendJsonQuoted(quoted, key);
  if (IsJsonScalar(value)) return value == quoted;
  const bool object = JsonKindOf(value) == JsonKind::kObject;
  for (JsonItems items(value); items.Next();) {
    if ((object ? items.key() : items.value()) == quoted) return true;
  }
  return false;
}
bool HasAnyKey(View value, View keys) {
  const ArrayValue all = ArrayValue::Read(keys, TypeId::kText);
  return std::ranges::any_of(all.elements, [&](const Datum& key) { return !key.null && HasKey(value, key.s); });
}
bool HasAllKeys(View value, View keys) {
  const ArrayValue all = ArrayValue::Read(keys, TypeId::kText);
  return std::ranges::all_of(all.elements, [&](const Datum& key) { return key.null || HasKey(value, key.s); });
}

View TypeName(View value) { return JsonKindName(JsonKindOf(StripJson(value))); }

I JsonArrayLength(EvalContext& context, View text) {
  const View value = StripJson(text);
  if (JsonKindOf(value) == JsonKind::kArray) return static_cast<I>(JsonLength(value));
  context.Fail("22023",
               IsJsonScalar(value) ? "cannot get array length of a scalar" : "cannot get array length of a non-array");
  return 0;
}

const Function kJsonReadFunctions[] = {
    {"->", {kJsonb, kText}, kJsonb, kLift<Member>},
    {"->", {kJsonb, kI4}, kJsonb, kLift<ElementOfJsonb>},
    {"->", {kJson, kText}, kJson, kLift<Member>},
    {"->", {kJson, kI4}, kJson, kLift<ElementOfJson>},
    {"->>", {kJsonb, kText}, kText, kLift<MemberText>},
    {"->>", {kJsonb, kI4}, kText, kLift<ElementTextOfJsonb>},
    {"->>", {kJson, kText}, kText, kLift<MemberText>},
    {"->>", {kJson, kI4}, kText, kLift<ElementTextOfJson>},
    {"#>", {kJsonb, kTexts}, kJsonb, kLift<At>},
    {"#>", {kJson, kTexts}, kJson, kLift<At>},
    {"#>>", {kJsonb, kTexts}, kText, kLift<TextAt>},
    {"#>>", {kJson, kTexts}, kText, kLift<TextAt>},
    {"jsonb_extract_path", {kJsonb, kText}, kJsonb, kOverDatums<ExtractPath>, true},
    {"json_extract_path", {kJson, kText}, kJson, kOverDatums<ExtractPath>, true},
    {"jsonb_extract_path_text", {kJsonb, kText}, kText, kOverDatums<ExtractPathText>, true},
    {"json_extract_path_text", {kJson, kText}, kText, kOverDatums<ExtractPathText>, true},
    {"array subscript", {kJsonb, kAny}, kJsonb, kOverDatums<JsonbSubscript>, true},
    {"@>", {kJsonb, kJsonb}, kBool, kLift<ContainsValue>},
    {"<@", {kJsonb, kJsonb}, kBool, kLift<JsonbContainedBy>},
    {"?", {kJsonb, kText}, kBool, kLift<HasKey>},
    {"?|", {kJsonb, kTexts}, kBool, kLift<HasAnyKey>},
    {"?&", {kJsonb, kTexts}, kBool, kLift<HasAllKeys>},
    {"jsonb_typeof", {kJsonb}, kText, kLift<TypeName>},
    {"json_typeof", {kJson}, kText, kLift<TypeName>},
    {"jsonb_array_length", {kJsonb}, kI4, kLift<JsonArrayLength>},
    {"json_array_length", {kJson}, kI4, kLift<JsonArrayLength>},
};

}  // namespace

std::span<const Function> JsonReadFunctions() { return kJsonReadFunctions; }

}  // namespace headgate::sql
