#include "core/sql/cast.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/sql/array_value.h"
#include "core/sql/numeric.h"
#include "core/sql/time_value.h"

namespace headgate::sql {
namespace {

using CastKey = std::pair<TypeId, TypeId>;

const std::map<CastKey, Cast>& Table() {
  static const std::map<CastKey, Cast> table = [] {
    std::map<CastKey, Cast> all;
    for (const auto casts : {BasicCasts(), JsonCasts(), NetworkCasts(), TimeCasts()}) {
      for (const Cast& cast : casts) all.emplace(CastKey{cast.from.id, cast.to.id}, cast);
    }
    return all;
  }();
  return table;
}

bool IsText(Type type) { return CategoryOf(type) == Category::kString; }

void WriteText(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
               Vector& out) {
  std::string text;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    if (arguments[0]->IsNull(row)) {
      out.SetNull(row);
      continue;
    }
    text.clear();
    AppendText(text, site.arguments[0], arguments[0]->At(row), context.zone);
    if (site.result.id == TypeId::kBpchar) text.resize(text.find_last_not_of(' ') + 1);
    out.strings[row] = context.arena().Keep(text);
  }
}

void ReadText(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
              Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    context.row = row;
    if (arguments[0]->IsNull(row)) {
      out.SetNull(row);
      continue;
    }
    out.Set(row, FromText(site.result, arguments[0]->strings[arguments[0]->Index(row)], context), context.arena());
  }
}

// Casts the elements of one array, as one vector. The first element that fails speaks for the row.
Datum CastElements(EvalContext& context, const CallSite& site, const Datum& array) {
  const Type from = site.arguments[0].Element();
  const Type to = site.result.Element();
  const Cast* cast = FindCast(from, to);
  ArrayValue value = ArrayValue::Read(array.s, from);
  if (cast != nullptr && cast->kernel != nullptr) {
    EvalContext inner;
    inner.zone = context.zone;
    Vector elements(PhysicalOf(from), value.elements.size());
    Vector results(PhysicalOf(to), value.elements.size());
    for (std::size_t i = 0; i < value.elements.size(); ++i) elements.Set(i, value.elements[i], inner.arena());
    const Type arguments[] = {from};
    const std::array<const Vector*, 1> vectors = {&elements};
    cast->kernel(inner, {arguments, to}, vectors, Rows(value.elements.size()), results);
    if (inner.failed()) {
      context.Fail(inner.errors()[0].code, inner.errors()[0].message);
      return Datum::Null();
    }
    for (std::size_t i = 0; i < value.elements.size(); ++i) value.elements[i] = results.At(i);
  }
  return Datum::Of(value.Payload(to));
}

void CastArrays(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
                Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    context.row = row;
    const Datum value = arguments[0]->At(row);
    out.Set(row, value.null ? value : CastElements(context, site, value), context.arena());
  }
}

constexpr auto kContexts = {CastContext::kImplicit, CastContext::kAssignment, CastContext::kExplicit};

template <Kernel kKernel>
const Cast* Generic(CastContext context) {
  static const std::array<Cast, kContexts.size()> casts = [] {
    std::array<Cast, kContexts.size()> all;
    for (const CastContext c : kContexts) {
      all[static_cast<std::size_t>(c)] = {TypeId::kAny, TypeId::kAny, c, kKernel, Volatility::kStable};
    }
    return all;
  }();
  return &casts[static_cast<std::size_t>(context)];
}

// The byte behind the first `characters` characters; nothing if there are no more than that.
std::size_t EndOf(std::string_view text, std::int32_t characters) {
  if (text.size() <= static_cast<std::size_t>(characters)) return text.size();
  std::int32_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && seen++ == characters) return at;
  }
  return text.size();
}

Datum CutText(Type type, Datum value, bool is_explicit, EvalContext& context) {
  const std::size_t end = EndOf(value.s, type.mod);
  if (!is_explicit && value.s.find_first_not_of(' ', end) != std::string::npos) {
    return Refused(context, "22001", "value too long for type " + Name(type));
  }
  value.s.resize(end);
  if (type.id == TypeId::kBpchar) value.s.resize(value.s.find_last_not_of(' ') + 1);
  return value;
}

Datum FitNumeric(Type type, const Datum& value, EvalContext& context) {
  const Numeric number = Numeric::Decode(value.s);
  if (number.nan()) return value;
  if (number.infinite()) return Refused(context, "22003", "numeric field overflow");
  const int scale = NumericScale(type.mod);
  const Numeric rounded = number.Rounded(scale);
  if (!rounded.zero() && rounded.FirstDigitPlace() > NumericPrecision(type.mod) - scale) {
    return Refused(context, "22003", "numeric field overflow");
  }
  return Datum::Of(rounded.Encode());
}

Datum FitBits(Type type, Datum value, bool is_explicit, EvalContext& context) {
  const auto length = static_cast<std::size_t>(type.mod);
  const bool fixed = type.id == TypeId::kBit;
  if (fixed ? value.s.size() == length : value.s.size() <= length) return value;
  if (!is_explicit && fixed) {
    return Refused(context, "22026",
                   "bit string length " + std::to_string(value.s.size()) + " does not match type bit(" +
                       std::to_string(length) + ")");
  }
  if (!is_explicit) {
    return Refused(context, "22001", "bit string too long for type bit varying(" + std::to_string(length) + ")");
  }
  value.s.resize(length, '0');
  return value;
}

Datum FitElements(Type type, const Datum& array, bool is_explicit, EvalContext& context) {
  ArrayValue value = ArrayValue::Read(array.s, type.Element());
  for (Datum& element : value.elements) {
    if (element.null) continue;
    element = ApplyModifier(type.Element(), std::move(element), is_explicit, context);
    if (element.null) return Datum::Null();
  }
  return Datum::Of(value.Payload(type.Element()));
}

template <bool kExplicit>
void ApplyToRows(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
                 Vector& out) {
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    context.row = row;
    out.Set(row, ApplyModifier(site.result, arguments[0]->At(row), kExplicit, context), context.arena());
  }
}

}  // namespace

const Cast* FindCast(Type from, Type to) {
  static const Cast kSame{TypeId::kAny, TypeId::kAny, CastContext::kImplicit, nullptr};
  if (from == to) return &kSame;
  if (from.array && to.array) {
    const Cast* element = FindCast(from.Element(), to.Element());
    return element == nullptr ? nullptr : Generic<&CastArrays>(element->context);
  }
  if (!from.array && !to.array) {
    const auto found = Table().find({from.id, to.id});
    if (found != Table().end()) return &found->second;
  }
  if (IsText(to)) return Generic<&WriteText>(CastContext::kAssignment);
  if (IsText(from)) return Generic<&ReadText>(CastContext::kExplicit);
  return nullptr;
}

Datum ApplyModifier(Type type, Datum value, bool is_explicit, EvalContext& context) {
  if (value.null || type.mod < 0) return value;
  if (type.array) return FitElements(type, value, is_explicit, context);
  switch (type.id) {
    case TypeId::kVarchar:
    case TypeId::kBpchar:
      return CutText(type, std::move(value), is_explicit, context);
    case TypeId::kNumeric:
      return FitNumeric(type, value, context);
    case TypeId::kBit:
    case TypeId::kVarbit:
      return FitBits(type, std::move(value), is_explicit, context);
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      if (!IsInfinite(value.i)) value.i = RoundFraction(value.i, type.mod);
      return value;
    case TypeId::kTimeTz:
    case TypeId::kInterval:
      value.w.us = RoundFraction(value.w.us, type.mod);
      return value;
    default:
      return value;
  }
}

Kernel ModifierKernel(Type type, bool is_explicit) {
  if (type.mod < 0) return nullptr;
  return is_explicit ? &ApplyToRows<true> : &ApplyToRows<false>;
}

}  // namespace headgate::sql
