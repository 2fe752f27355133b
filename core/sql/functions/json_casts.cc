#include <array>

#include "core/sql/cast.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/json.h"
#include "core/sql/over_datums.h"

// Casts of json and jsonb. From and to text they go by their texts.
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

bool HasKind(EvalContext& context, const CallSite& site, std::string_view value, JsonKind wanted) {
  const JsonKind kind = JsonKindOf(value);
  if (kind == wanted) return true;
  const std::string_view name = kind == JsonKind::kNumber ? "numeric" : JsonKindName(kind);
  context.Fail("22023", "cannot cast jsonb " + std::string(name) + " to type " + Name(site.result.Bare()));
  return false;
}

Datum BoolOfJsonb(EvalContext& context, const CallSite& site, Arguments arguments) {
  return HasKind(context, site, arguments[0].s, JsonKind::kBool) ? Datum::Of(arguments[0].s == "true") : Datum::Null();
}

// By way of numeric, with the rules and errors of the cast from there.
Datum NumberOfJsonb(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (!HasKind(context, site, arguments[0].s, JsonKind::kNumber)) return Datum::Null();
  Datum number = FromText(TypeId::kNumeric, arguments[0].s, context);
  const Cast* cast = FindCast(TypeId::kNumeric, site.result);
  if (number.null || cast->kernel == nullptr) return number;
  const Type numeric = TypeId::kNumeric;
  const Vector argument = Vector::Constant(numeric, number);
  const std::array<const Vector*, 1> vectors = {&argument};
  Vector out(PhysicalOf(site.result), 1);
  EvalContext inner;
  cast->kernel(inner, {std::span(&numeric, 1), site.result}, vectors, Rows(1), out);
  if (inner.failed()) context.Fail(inner.errors()[0].code, inner.errors()[0].message);
  return out.At(0);
}

Datum JsonbOfJson(EvalContext& context, const CallSite&, Arguments arguments) {
  std::string out;
  return ReadJsonb(out, arguments[0].s, context) ? Datum::Of(std::move(out)) : Datum::Null();
}

const Cast kJsonCasts[] = {
    {kJsonb, kJson, kAssignment, nullptr},
    {kJson, kJsonb, kAssignment, kOverDatums<JsonbOfJson>},
    {kJsonb, kBool, kExplicit, kOverDatums<BoolOfJsonb>},
    {kJsonb, kNum, kExplicit, kOverDatums<NumberOfJsonb>},
    {kJsonb, kI2, kExplicit, kOverDatums<NumberOfJsonb>},
    {kJsonb, kI4, kExplicit, kOverDatums<NumberOfJsonb>},
    {kJsonb, kI8, kExplicit, kOverDatums<NumberOfJsonb>},
    {kJsonb, kF4, kExplicit, kOverDatums<NumberOfJsonb>},
    {kJsonb, kF8, kExplicit, kOverDatums<NumberOfJsonb>},
};

}  // namespace

std::span<const Cast> JsonCasts() { return kJsonCasts; }

}  // namespace headgate::sql
