#include "core/sql/array_value.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/json.h"
#include "core/sql/json_build.h"
#include "core/sql/over_datums.h"

// Functions that make JSON of other values.
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

Datum ToJson(EvalContext& context, const CallSite& site, Arguments arguments) {
  std::string out;
  AppendAsJson(out, site.arguments[0], arguments[0], context.zone);
  return Datum::Of(std::move(out));
}
Datum ToJsonb(EvalContext& context, const CallSite& site, Arguments arguments) {
  std::string out;
  AppendAsJsonb(out, site.arguments[0], arguments[0], context);
  return Datum::Of(std::move(out));
}

Datum BuildArray(EvalContext& context, const CallSite& site, Arguments arguments) {
  JsonbArray out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string value;
    AppendAsJson(value, site.arguments[i], arguments[i], context.zone);
    out.Add(value);
  }
  return Datum::Of(out.Take());
}
Datum BuildArrayB(EvalContext& context, const CallSite& site, Arguments arguments) {
  JsonbArray out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string value;
    AppendAsJsonb(value, site.arguments[i], arguments[i], context);
    out.Add(value);
  }
  return Datum::Of(out.Take());
}

// An object in the form that functions of json write; keys may come twice.
class JsonObject {
 public:
  void Add(std::string_view key, std::string_view value) {
    if (text_.size() > 1) text_ += ", ";
    AppendJsonQuoted(text_, key);
    text_.append(" : ").append(value);
  }
  std::string Take() { return std::move(text_ += '}'); }

 private:
  std::string text_ = "{";
};

bool EvenNumber(EvalContext& context, Arguments arguments) {
  if (arguments.size() % 2 == 0) return true;
  context.Fail("22023", "argument list must have even number of elements");
  return false;
}

Datum BuildObject(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (!EvenNumber(context, arguments)) return Datum::Null();
  JsonObject out;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (arguments[i].null) return Refused(context, "22023", "argument " + std::to_string(i + 1) + " cannot be null");
    std::string key;
    std::string value;
    if (!JsonKeyOf(key, site.arguments[i], arguments[i], context)) return Datum::Null();
    AppendAsJson(value, site.arguments[i + 1], arguments[i + 1], context.zone);
    out.Add(key, value);
  }
  return Datum::Of(out.Take());
}
Datum BuildObjectB(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (!EvenNumber(context, arguments)) return Datum::Null();
  JsonMembers members;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (arguments[i].null)
      return Refused(context, "22023", "argument " + std::to_string(i + 1) + ": key must not be null");
    auto& [key, value] = members.emplace_back();
    if (!JsonKeyOf(key, site.arguments[i], arguments[i], context)) return Datum::Null();
    AppendAsJsonb(value, site.arguments[i + 1], arguments[i + 1], context);
  }
  std::string out;
  AppendJsonbObject(out, std::move(members));
  return Datum::Of(std::move(out));
}

// Keys and values by turns, or pairs of them, or keys here and values there. False: the context has the error.
bool ReadPairs(EvalContext& context, Arguments arguments, std::vector<std::pair<Datum, Datum>>& pairs) {
  const ArrayValue keys = ArrayValue::Read(arguments[0].s, TypeId::kText);
  const auto refuse = [&context](const char* message) {
    context.Fail("2202E", message);
    return false;
  };
  if (arguments.size() > 1) {
    const ArrayValue values = ArrayValue::Read(arguments[1].s, TypeId::kText);
    if (keys.dimensions.size() > 1 || keys.dimensions.size() != values.dimensions.size())
      return refuse("wrong number of array subscripts");
    if (keys.elements.size() != values.elements.size()) return refuse("mismatched array dimensions");
    for (std::size_t i = 0; i < keys.elements.size(); ++i) pairs.emplace_back(keys.elements[i], values.elements[i]);
    return true;
  }
  if (keys.dimensions.size() > 2) return refuse("wrong number of array subscripts");
  if (keys.dimensions.size() == 1 && keys.elements.size() % 2 != 0)
    return refuse("array must have even number of elements");
  if (keys.dimensions.size() == 2 && keys.dimensions[1].length != 2) return refuse("array must have two columns");
  for (std::size_t i = 0; i + 1 < keys.elements.size(); i += 2)
    pairs.emplace_back(keys.elements[i], keys.elements[i + 1]);
  return true;
}

template <bool kBinary>
Datum ObjectOfTexts(EvalContext& context, const CallSite&, Arguments arguments) {
  std::vector<std::pair<Datum, Datum>> pairs;
  if (!ReadPairs(context, arguments, pairs)) return Datum::Null();
  JsonObject object;
  JsonMembers members;
  for (const auto& [key, value] : pairs) {
    if (key.null) return Refused(context, "22004", "null value not allowed for object key");
    std::string text = "null";
    if (!value.null) {
      text.clear();
      AppendJsonQuoted(text, value.s);
    }
    if constexpr (kBinary) {
      members.emplace_back(key.s, std::move(text));
    } else {
      object.Add(key.s, text);
    }
  }
  if constexpr (!kBinary) return Datum::Of(object.Take());
  std::string out;
  AppendJsonbObject(out, std::move(members));
  return Datum::Of(std::move(out));
}

// The name of a member, for json_object_agg.
Datum NameOf(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (arguments[0].null) return Refused(context, "22023", "field name must not be null");
  std::string key;
  return JsonKeyOf(key, site.arguments[0], arguments[0], context) ? Datum::Of(std::move(key)) : Datum::Null();
}

// f(VARIADIC array): the elements are the arguments.
template <DatumFunction kOf>
Datum OfArray(EvalContext& context, const CallSite& site, Arguments arguments) {
  const Type element = site.arguments[0].Element();
  const ArrayValue array = ArrayValue::Read(arguments[0].s, element);
  const std::vector<Type> types(array.elements.size(), element);
  return kOf(context, {types, site.result}, array.elements);
}

const Function kJsonMakeFunctions[] = {
    {"to_json", {kAnyElement}, kJson, kOverDatums<ToJson>, false, kStable},
    {"to_jsonb", {kAnyElement}, kJsonb, kOverDatums<ToJsonb>, false, kStable},
    {"json key", {kAnyElement}, kText, kOverNulls<NameOf>, false, kStable},
    {"array_to_json", {kAnyArray}, kJson, kOverDatums<ToJson>, false, kStable},
    {"json_build_array", {kAny}, kJson, kOverNulls<BuildArray>, true, kStable},
    {"jsonb_build_array", {kAny}, kJsonb, kOverNulls<BuildArrayB>, true, kStable},
    {"json_build_object", {kAny}, kJson, kOverNulls<BuildObject>, true, kStable},
    {"jsonb_build_object", {kAny}, kJsonb, kOverNulls<BuildObjectB>, true, kStable},
    {"json_build_array variadic", {kAnyArray}, kJson, kOverDatums<OfArray<BuildArray>>, false, kStable},
    {"jsonb_build_array variadic", {kAnyArray}, kJsonb, kOverDatums<OfArray<BuildArrayB>>, false, kStable},
    {"json_build_object variadic", {kAnyArray}, kJson, kOverDatums<OfArray<BuildObject>>, false, kStable},
    {"jsonb_build_object variadic", {kAnyArray}, kJsonb, kOverDatums<OfArray<BuildObjectB>>, false, kStable},
    {"json_object", {kTexts}, kJson, kOverDatums<ObjectOfTexts<false>>},
    {"json_object", {kTexts, kTexts}, kJson, kOverDatums<ObjectOfTexts<false>>},
    {"jsonb_object", {kTexts}, kJsonb, kOverDatums<ObjectOfTexts<true>>},
    {"jsonb_object", {kTexts, kTexts}, kJsonb, kOverDatums<ObjectOfTexts<true>>},
};

}  // namespace

std::span<const Function> JsonMakeFunctions() { return kJsonMakeFunctions; }

}  // namespace headgate::sql
