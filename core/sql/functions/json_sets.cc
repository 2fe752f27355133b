#include <algorithm>

#include "core/sql/array_value.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/json.h"
#include "core/sql/over_datums.h"

// Set-returning functions of JSON. Those of two columns are two functions each (OutputColumns).
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

enum class Of : std::uint8_t { kKeys, kElements, kElementTexts, kEachKey, kEachValue, kEachText };

// null is NULL, a string its text, everything else as it is written.
Datum ItemText(std::string_view value, EvalContext& context) {
  if (JsonKindOf(value) == JsonKind::kNull) return Datum::Null();
  if (JsonKindOf(value) != JsonKind::kString) return Datum::Of(std::string(value));
  auto text = JsonUnquoted(value, context);
  return text ? Datum::Of(*std::move(text)) : Datum::Null();
}

// Why the value has no such rows; each pair of words is PostgreSQL's.
std::string WhyNoRows(std::string_view name, Of of, bool binary, bool scalar) {
  const std::string function(name.substr(0, name.find(' ')));
  switch (of) {
    case Of::kKeys:
      return "cannot call " + function + (scalar ? " on a scalar" : " on an array");
    case Of::kElements:
    case Of::kElementTexts:
      if (binary) return std::string("cannot extract elements from ") + (scalar ? "a scalar" : "an object");
      return "cannot call " + function + (scalar ? " on a scalar" : " on a non-array");
    default:
      if (binary) return "cannot call " + function + " on a non-object";
      return scalar ? "cannot deconstruct a scalar" : "cannot deconstruct an array as an object";
  }
}

Datum RowsOf(EvalContext& context, const CallSite& site, std::string_view text, std::string_view name, Of of) {
  const std::string_view value = StripJson(text);
  const bool binary = site.arguments[0].Is(TypeId::kJsonb);
  const bool elements = of == Of::kElements || of == Of::kElementTexts;
  if (JsonKindOf(value) != (elements ? JsonKind::kArray : JsonKind::kObject)) {
    context.Fail("22023", WhyNoRows(name, of, binary, IsJsonScalar(value)));
    return Datum::Null();
  }
  std::vector<Datum> rows;
  for (JsonItems items(value); items.Next();) {
    if (of == Of::kKeys || of == Of::kEachKey) {
      rows.push_back(ItemText(items.key(), context));
    } else if (of == Of::kElementTexts || of == Of::kEachText) {
      rows.push_back(ItemText(items.value(), context));
    } else {
      rows.push_back(Datum::Of(std::string(items.value())));
    }
  }
  return Datum::Of(ArrayValue::OneDimension(std::move(rows)).Payload(site.result.Element()));
}

// The names are template arguments of the kernels, for what errors say.
template <std::size_t N>
struct FunctionName {
  char chars[N];
  constexpr FunctionName(const char (&text)[N]) { std::copy_n(text, N, chars); }  // NOLINT: implicit on purpose
};
template <FunctionName kName, Of kOf>
Datum SetRows(EvalContext& context, const CallSite& site, Arguments arguments) {
  return RowsOf(context, site, arguments[0].s, kName.chars, kOf);
}
template <FunctionName kName, Of kOf>
Function SetFunction(TypeId argument, TypeId result) {
  return {kName.chars, {argument}, result, kOverDatums<SetRows<kName, kOf>>, false, Volatility::kImmutable, true};
}

}  // namespace

std::span<const Function> JsonSetFunctions() {
  static const Function table[] = {
      SetFunction<"jsonb_object_keys", Of::kKeys>(kJsonb, kText),
      SetFunction<"json_object_keys", Of::kKeys>(kJson, kText),
      SetFunction<"jsonb_array_elements", Of::kElements>(kJsonb, kJsonb),
      SetFunction<"json_array_elements", Of::kElements>(kJson, kJson),
      SetFunction<"jsonb_array_elements_text", Of::kElementTexts>(kJsonb, kText),
      SetFunction<"json_array_elements_text", Of::kElementTexts>(kJson, kText),
      SetFunction<"jsonb_each key", Of::kEachKey>(kJsonb, kText),
      SetFunction<"jsonb_each value", Of::kEachValue>(kJsonb, kJsonb),
      SetFunction<"json_each key", Of::kEachKey>(kJson, kText),
      SetFunction<"json_each value", Of::kEachValue>(kJson, kJson),
      SetFunction<"jsonb_each_text key", Of::kEachKey>(kJsonb, kText),
      SetFunction<"jsonb_each_text value", Of::kEachText>(kJsonb, kText),
      SetFunction<"json_each_text key", Of::kEachKey>(kJson, kText),
      SetFunction<"json_each_text value", Of::kEachText>(kJson, kText),
  };
  return table;
}

}  // namespace headgate::sql
