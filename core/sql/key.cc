#include "core/sql/key.h"

#include <bit>
#include <cmath>

#include "core/base/bytes.h"
#include "core/sql/array_value.h"
#include "core/sql/json.h"
#include "core/sql/network.h"
#include "core/sql/numeric.h"
#include "core/sql/range_value.h"

namespace headgate::sql {
namespace {

constexpr char kNullFirst = 0;
constexpr char kPresent = 1;
constexpr char kNullLast = 2;

std::uint64_t OrderedInt(std::int64_t v) { return static_cast<std::uint64_t>(v) ^ (std::uint64_t{1} << 63); }

// NaN is greater than every number; -0.0 is 0.0.
std::uint64_t OrderedDouble(double v) {
  if (std::isnan(v)) return ~std::uint64_t{0};
  if (v == 0) v = 0;
  const auto bits = std::bit_cast<std::uint64_t>(v);
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

// A zero byte is 00 FF, the end is 00 00: shorter texts come first.
void AppendText(std::string& out, std::string_view text) {
  for (const char c : text) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xFF');
  }
  out.append(2, '\0');
}

// Class (0 -infinity, 1 negative, 2 zero, 3 positive, 4 infinity, 5 NaN), then of a number its count of integer digits
// and its digits without trailing zeros; of a negative one all bits turned.
void AppendNumeric(std::string& out, std::string_view stored) {
  const Numeric value = Numeric::Decode(stored);
  if (!value.finite()) {
    out.push_back(value.kind() == Numeric::Kind::kNaN ? 5 : (value.negative() ? 0 : 4));
    return;
  }
  if (value.zero()) {
    out.push_back(2);
    return;
  }
  std::string digits = value.Abs().Trimmed().Text();
  std::int32_t exponent = 0;
  if (const auto point = digits.find('.'); point != std::string::npos) {
    exponent = static_cast<std::int32_t>(point);
    digits.erase(point, 1);
  } else {
    exponent = static_cast<std::int32_t>(digits.size());
  }
  const auto leading = digits.find_first_not_of('0');
  digits.erase(0, leading);
  exponent -= static_cast<std::int32_t>(leading);
  while (digits.back() == '0') digits.pop_back();
  const std::size_t start = out.size();
  out.push_back(value.negative() ? 1 : 3);
  PutBigEndian(out, static_cast<std::uint32_t>(exponent) ^ 0x8000'0000U);
  out.append(digits);
  out.push_back('\0');
  if (value.negative()) {
    for (std::size_t i = start + 1; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
  }
}

void AppendIntervalKey(std::string& out, Wide v) {
  constexpr std::int64_t kDay = 86'400'000'000;
  const Int128 total = (static_cast<Int128>(v.months) * 30 + v.days) * kDay + v.us;
  const auto ordered = static_cast<Uint128>(total) ^ (static_cast<Uint128>(1) << 127);
  PutBigEndian(out, static_cast<std::uint64_t>(ordered >> 64));
  PutBigEndian(out, static_cast<std::uint64_t>(ordered));
}

// By the moment, then by the zone: more to the west is greater.
void AppendTimeTz(std::string& out, Wide v) {
  PutBigEndian(out, OrderedInt(v.us - std::int64_t{v.days} * 1'000'000));
  PutBigEndian(out, OrderedInt(-std::int64_t{v.days}));
}

void AppendArray(std::string& out, std::string_view payload, Type element) {
  const ArrayValue array = ArrayValue::Read(payload, element);
  for (const Datum& item : array.elements) AppendKey(out, element, item);
  out.push_back('\0');  // less than any element's first byte
  PutBigEndian(out, static_cast<std::uint32_t>(array.dimensions.size()));
  for (const auto& dimension : array.dimensions) {
    PutBigEndian(out, OrderedInt(dimension.length));
    PutBigEndian(out, OrderedInt(dimension.lower_bound));
  }
}

void AppendString(std::string& out, Type type, std::string_view text) {
  if (type.array) {
    AppendArray(out, text, type.Element());
  } else if (type.id == TypeId::kNumeric) {
    AppendNumeric(out, text);
  } else if (type.id == TypeId::kUuid) {
    out.append(text);
  } else if (type.id == TypeId::kJsonb) {
    AppendJsonbKey(out, text);
  } else if (IsRange(type.id)) {
    AppendRangeKey(out, type.id, text);
  } else if (type.id == TypeId::kInet || type.id == TypeId::kCidr) {
    AppendNetworkKey(out, text);
  } else {
    AppendText(out, text);
  }
}

// Not the order of the bytes that stand for the value.
bool HasOwnOrder(TypeId id) {
  return id == TypeId::kJsonb || id == TypeId::kInet || id == TypeId::kCidr || IsRange(id);
}

void Invert(std::string& out, std::size_t from) {
  for (std::size_t i = from; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

// False if the value is NULL and done.
bool AppendPresence(std::string& out, bool null, KeyOrder order) {
  out.push_back(null ? (order.nulls_first ? kNullFirst : kNullLast) : kPresent);
  return !null;
}

}  // namespace

void AppendKey(std::string& out, Type type, const Vector& values, std::size_t row, KeyOrder order) {
  const std::size_t at = values.Index(row);
  if (!AppendPresence(out, !values.nulls.empty() && values.nulls[at] != 0, order)) return;
  const std::size_t start = out.size();
  switch (values.physical) {
    case Physical::kBool:
      out.push_back(static_cast<char>(values.bools[at]));
      break;
    case Physical::kInt:
      PutBigEndian(out, OrderedInt(values.ints[at]));
      break;
    case Physical::kDouble:
      PutBigEndian(out, OrderedDouble(values.doubles[at]));
      break;
    case Physical::kWide:
      type.id == TypeId::kInterval ? AppendIntervalKey(out, values.wides[at]) : AppendTimeTz(out, values.wides[at]);
      break;
    case Physical::kString:
      AppendString(out, type, values.strings[at]);
      break;
  }
  if (order.descending) Invert(out, start);
}

void AppendKey(std::string& out, Type type, const Datum& value, KeyOrder order) {
  if (!AppendPresence(out, value.null, order)) return;
  const std::size_t start = out.size();
  switch (PhysicalOf(type)) {
    case Physical::kBool:
      out.push_back(value.b ? 1 : 0);
      break;
    case Physical::kInt:
      PutBigEndian(out, OrderedInt(value.i));
      break;
    case Physical::kDouble:
      PutBigEndian(out, OrderedDouble(value.d));
      break;
    case Physical::kWide:
      type.id == TypeId::kInterval ? AppendIntervalKey(out, value.w) : AppendTimeTz(out, value.w);
      break;
    case Physical::kString:
      AppendString(out, type, value.s);
      break;
  }
  if (order.descending) Invert(out, start);
}

std::strong_ordering Compare(Type type, const Vector& a, std::size_t a_row, const Vector& b, std::size_t b_row) {
  const std::size_t i = a.Index(a_row);
  const std::size_t j = b.Index(b_row);
  switch (a.physical) {
    case Physical::kBool:
      return a.bools[i] <=> b.bools[j];
    case Physical::kInt:
      return a.ints[i] <=> b.ints[j];
    case Physical::kDouble:
      return OrderedDouble(a.doubles[i]) <=> OrderedDouble(b.doubles[j]);
    case Physical::kString:
      if (type.id == TypeId::kNumeric && !type.array)
        return Numeric::Decode(a.strings[i]) <=> Numeric::Decode(b.strings[j]);
      if (!type.array && !HasOwnOrder(type.id)) return a.strings[i] <=> b.strings[j];
      [[fallthrough]];
    case Physical::kWide: {
      std::string left;
      std::string right;
      AppendKey(left, type, a, i);
      AppendKey(right, type, b, j);
      return left <=> right;
    }
  }
  return std::strong_ordering::equal;
}

}  // namespace headgate::sql
