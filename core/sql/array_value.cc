#include "core/sql/array_value.h"

#include <algorithm>

#include "core/sql/characters.h"
#include "core/sql/numeric.h"

namespace headgate::sql {
namespace {

Datum IntegerOf(const Value& value, bool& fits) {
  if (value.kind == ValueKind::kInt) return Datum::Of(value.i);
  fits = value.kind == ValueKind::kUint && value.u <= static_cast<std::uint64_t>(kInfinity);
  return fits ? Datum::Of(static_cast<std::int64_t>(value.u)) : Datum::Null();
}

Datum NumericOf(const Value& value, bool& fits) {
  if (value.kind == ValueKind::kInt) return Datum::Of(Numeric(value.i).Encode());
  if (value.kind == ValueKind::kUint) return Datum::Of(Numeric::OfInt128(static_cast<Int128>(value.u), 0).Encode());
  const auto parsed = value.kind == ValueKind::kDecimal ? Numeric::Parse(value.text) : std::nullopt;
  fits = parsed.has_value();
  return fits ? Datum::Of(parsed->Encode()) : Datum::Null();
}

Datum TextOf(const Value& value, std::initializer_list<ValueKind> kinds, bool& fits) {
  fits = std::ranges::find(kinds, value.kind) != kinds.end();
  return fits ? Datum::Of(std::string(value.text)) : Datum::Null();
}

Datum InstantOf(const Value& value, ValueKind kind, bool& fits) {
  fits = value.kind == kind;
  return fits ? Datum::Of(value.i) : Datum::Null();
}

Datum DoubleOf(const Value& value, bool& fits) {
  fits = value.kind == ValueKind::kFloat || value.kind == ValueKind::kDouble;
  return fits ? Datum::Of(value.d) : Datum::Null();
}

Datum WideOf(const Value& value, ValueKind kind, bool& fits) {
  fits = value.kind == kind;
  if (!fits) return Datum::Null();
  if (kind == ValueKind::kTimeTz) return Datum::Of(Wide{value.i, value.aux, 0});
  return Datum::Of(Wide{value.i, value.i2, value.aux});
}

Datum BoolOf(const Value& value, bool& fits) {
  fits = value.kind == ValueKind::kBool;
  return fits ? Datum::Of(value.b) : Datum::Null();
}

Datum ArrayOf(const Value& value, Type element, bool& fits) {
  fits = value.kind == ValueKind::kArray;
  if (!fits) return Datum::Null();
  ArrayReader reader(value.text);
  while (!reader.done() && fits) FromValue(reader.Next(), element, fits);
  fits = fits && !reader.failed();
  return fits ? Datum::Of(std::string(value.text)) : Datum::Null();
}

}  // namespace

Datum FromValue(const Value& value, Type type, bool& fits) {
  fits = true;
  if (value.is_null()) return Datum::Null();
  if (type.array) return ArrayOf(value, type.Element(), fits);
  switch (type.id) {
    case TypeId::kBool:
      return BoolOf(value, fits);
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8:
      return IntegerOf(value, fits);
    case TypeId::kFloat4:
    case TypeId::kFloat8:
      return DoubleOf(value, fits);
    case TypeId::kNumeric:
      return NumericOf(value, fits);
    case TypeId::kBpchar: {
      Datum out = TextOf(value, {ValueKind::kText}, fits);
      out.s.resize(WithoutTrailingBlanks(out.s).size());
      return out;
    }
    case TypeId::kBytea:
      return TextOf(value, {ValueKind::kBytes}, fits);
    case TypeId::kDate:
      return InstantOf(value, ValueKind::kDate, fits);
    case TypeId::kTime:
      return InstantOf(value, ValueKind::kTime, fits);
    case TypeId::kTimestamp:
      return InstantOf(value, ValueKind::kTimestamp, fits);
    case TypeId::kTimestampTz:
      return InstantOf(value, ValueKind::kTimestampTz, fits);
    case TypeId::kTimeTz:
      return WideOf(value, ValueKind::kTimeTz, fits);
    case TypeId::kInterval:
      return WideOf(value, ValueKind::kInterval, fits);
    case TypeId::kUuid:
      return TextOf(value, {ValueKind::kUuid}, fits);
    case TypeId::kJson:
    case TypeId::kJsonb:
      return TextOf(value, {ValueKind::kJson}, fits);
    case TypeId::kBit:
    case TypeId::kVarbit:
      return TextOf(value, {ValueKind::kBits}, fits);
    default:
      return TextOf(value, {ValueKind::kText}, fits);
  }
}

void PutDatum(std::string& out, Type type, const Datum& value) {
  if (value.null) return PutNull(out);
  if (type.array) return PutBlob(out, ValueKind::kArray, value.s);
  switch (type.id) {
    case TypeId::kBool:
      return PutBool(out, value.b);
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8:
      return PutInt(out, value.i);
    case TypeId::kFloat4:
      return PutFloat(out, static_cast<float>(value.d));
    case TypeId::kFloat8:
      return PutDouble(out, value.d);
    case TypeId::kNumeric:
      return PutBlob(out, ValueKind::kDecimal, Numeric::Decode(value.s).Text());
    case TypeId::kBytea:
      return PutBlob(out, ValueKind::kBytes, value.s);
    case TypeId::kDate:
      return PutDate(out, value.i);
    case TypeId::kTime:
      return PutTime(out, value.i);
    case TypeId::kTimeTz:
      return PutTimeTz(out, value.w.us, value.w.days);
    case TypeId::kTimestamp:
      return PutTimestamp(out, value.i);
    case TypeId::kTimestampTz:
      return PutTimestampTz(out, value.i);
    case TypeId::kInterval:
      return PutInterval(out, value.w.months, value.w.days, value.w.us);
    case TypeId::kUuid:
      return PutUuid(out, value.s);
    case TypeId::kJson:
    case TypeId::kJsonb:
      return PutBlob(out, ValueKind::kJson, value.s);
    case TypeId::kBit:
    case TypeId::kVarbit:
      return PutBlob(out, ValueKind::kBits, value.s);
    default:
      return PutBlob(out, ValueKind::kText, value.s);
  }
}

ArrayValue ArrayValue::Read(std::string_view payload, Type element) {
  ArrayValue out;
  ArrayReader reader(payload);
  if (reader.failed()) return out;
  out.dimensions = reader.dimensions();
  std::size_t wanted = out.dimensions.empty() ? 0 : 1;
  for (const ArrayDimension& d : out.dimensions) wanted *= static_cast<std::size_t>(d.length);
  while (!reader.done() && out.elements.size() < wanted) {
    bool fits = true;
    out.elements.push_back(FromValue(reader.Next(), element, fits));
  }
  out.elements.resize(wanted);  // damaged: what is missing is NULL
  return out;
}

ArrayValue ArrayValue::OneDimension(std::vector<Datum> elements) {
  ArrayValue out;
  if (!elements.empty()) out.dimensions.push_back({static_cast<std::int64_t>(elements.size()), 1});
  out.elements = std::move(elements);
  return out;
}

std::string ArrayValue::Payload(Type element) const {
  std::string out;
  PutArrayHeader(out, dimensions);
  for (const Datum& value : elements) PutDatum(out, element, value);
  return out;
}

std::vector<Datum> ArrayValue::Slices(Type element) const {
  std::vector<Datum> slices;
  if (elements.empty()) return slices;
  const auto count = static_cast<std::size_t>(dimensions.front().length);
  const auto width = static_cast<std::ptrdiff_t>(elements.size() / count);
  ArrayValue slice;
  slice.dimensions.assign(dimensions.begin() + 1, dimensions.end());
  for (auto at = elements.begin(); at != elements.end(); at += width) {
    slice.elements.assign(at, at + width);
    slices.push_back(Datum::Of(slice.Payload(element)));
  }
  return slices;
}

}  // namespace headgate::sql
