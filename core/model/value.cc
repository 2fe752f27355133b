#include "core/model/value.h"

#include <bit>
#include <cmath>

#include "core/base/check.h"

namespace headgate {
namespace {

constexpr std::uint8_t kMarkedJson = 22;

void PutKind(std::string& out, ValueKind kind) { out.push_back(static_cast<char>(kind)); }
void PutNumber(std::string& out, ValueKind kind, std::uint64_t v) {
  char buffer[1 + kVarintBytesMax];
  buffer[0] = static_cast<char>(kind);
  out.append(buffer, 1 + WriteVarint(buffer + 1, v));
}

}  // namespace

void PutNull(std::string& out) { PutKind(out, ValueKind::kNull); }
void PutAbsent(std::string& out) { PutKind(out, ValueKind::kAbsent); }
void PutBool(std::string& out, bool v) {
  PutKind(out, ValueKind::kBool);
  out.push_back(v ? 1 : 0);
}
void PutInt(std::string& out, std::int64_t v) { PutNumber(out, ValueKind::kInt, ZigZag(v)); }
void PutUint(std::string& out, std::uint64_t v) { PutNumber(out, ValueKind::kUint, v); }
void PutFloat(std::string& out, float v) {
  PutKind(out, ValueKind::kFloat);
  PutFixed(out, v);
}
void PutDouble(std::string& out, double v) {
  PutKind(out, ValueKind::kDouble);
  PutFixed(out, v);
}
void PutDate(std::string& out, std::int64_t days) {
  PutKind(out, ValueKind::kDate);
  PutSigned(out, days);
}
void PutTime(std::string& out, std::int64_t us) {
  PutKind(out, ValueKind::kTime);
  PutSigned(out, us);
}
void PutTimeTz(std::string& out, std::int64_t us, std::int32_t offset_seconds) {
  PutKind(out, ValueKind::kTimeTz);
  PutSigned(out, us);
  PutSigned(out, offset_seconds);
}
void PutTimestamp(std::string& out, std::int64_t us_since_2000) {
  PutKind(out, ValueKind::kTimestamp);
  PutFixed(out, us_since_2000);
}
void PutTimestampTz(std::string& out, std::int64_t us_since_2000) {
  PutKind(out, ValueKind::kTimestampTz);
  PutFixed(out, us_since_2000);
}
void PutInterval(std::string& out, std::int32_t months, std::int32_t days, std::int64_t us) {
  PutKind(out, ValueKind::kInterval);
  PutSigned(out, months);
  PutSigned(out, days);
  PutSigned(out, us);
}
void PutUuid(std::string& out, std::string_view sixteen_bytes) {
  CHECK(sixteen_bytes.size() == 16);
  PutKind(out, ValueKind::kUuid);
  out.append(sixteen_bytes);
}
void PutBlob(std::string& out, ValueKind kind, std::string_view bytes) {
  PutNumber(out, kind, bytes.size());
  out.append(bytes);
}
void PutMarkedJson(std::string& out, std::string_view text, std::string_view marked) {
  out.push_back(static_cast<char>(kMarkedJson));
  PutVarint(out, marked.size());
  PutBytes(out, text);
  out.append(marked);
}

namespace {

Value ReadMarkedJson(ByteReader& in) {
  Value v;
  v.kind = ValueKind::kJson;
  const std::uint64_t marked = in.Varint();
  v.text = in.Bytes();
  if (marked > in.remaining() || marked > std::numeric_limits<std::int32_t>::max()) in.Fail();
  v.aux = static_cast<std::int32_t>(in.Take(static_cast<std::size_t>(marked)).size());
  return in.failed() ? Value{} : v;
}

}  // namespace

Value ReadValue(ByteReader& in) {
  Value v;
  const std::uint8_t kind = in.Byte();
  if (kind == kMarkedJson) return ReadMarkedJson(in);
  v.kind = static_cast<ValueKind>(kind);
  switch (v.kind) {
    case ValueKind::kNull:
    case ValueKind::kAbsent:
      break;
    case ValueKind::kBool:
      v.b = in.Byte() != 0;
      break;
    case ValueKind::kInt:
    case ValueKind::kDate:
    case ValueKind::kTime:
      v.i = in.Signed();
      break;
    case ValueKind::kUint:
      v.u = in.Varint();
      break;
    case ValueKind::kFloat:
      v.d = static_cast<double>(in.Fixed<float>());
      break;
    case ValueKind::kDouble:
      v.d = in.Fixed<double>();
      break;
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      v.i = in.Fixed<std::int64_t>();
      break;
    case ValueKind::kTimeTz:
      v.i = in.Signed();
      v.aux = static_cast<std::int32_t>(in.Signed());
      break;
    case ValueKind::kInterval:
      v.aux = static_cast<std::int32_t>(in.Signed());
      v.i2 = static_cast<std::int32_t>(in.Signed());
      v.i = in.Signed();
      break;
    case ValueKind::kUuid:
      v.text = in.Take(16);
      break;
    case ValueKind::kDecimal:
    case ValueKind::kText:
    case ValueKind::kBytes:
    case ValueKind::kRawText:
    case ValueKind::kJson:
    case ValueKind::kBits:
    case ValueKind::kArray:
    case ValueKind::kComposite:
      v.text = in.Bytes();
      break;
    default:
      in.Fail();
      break;
  }
  if (in.failed()) return Value{};
  return v;
}

bool SameValue(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case ValueKind::kNull:
    case ValueKind::kAbsent:
      return true;
    case ValueKind::kBool:
      return a.b == b.b;
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return std::bit_cast<std::uint64_t>(a.d) == std::bit_cast<std::uint64_t>(b.d) ||
             (std::isnan(a.d) && std::isnan(b.d));
    case ValueKind::kUint:
      return a.u == b.u;
    case ValueKind::kInt:
    case ValueKind::kDate:
    case ValueKind::kTime:
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      return a.i == b.i;
    case ValueKind::kTimeTz:
      return a.i == b.i && a.aux == b.aux;
    case ValueKind::kInterval:
      return a.i == b.i && a.aux == b.aux && a.i2 == b.i2;
    default:
      return a.text == b.text;
  }
}

// PostgreSQL's bounds are four-byte integers.
constexpr std::int64_t kLowerBoundMin = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kLowerBoundMax = std::numeric_limits<std::int32_t>::max();

ArrayReader::ArrayReader(std::string_view payload) : in_(payload) {
  const std::uint64_t n = in_.Varint();
  if (n > 16) {  // PostgreSQL allows 6
    in_.Fail();
    return;
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto length = static_cast<std::int64_t>(in_.Varint());
    dimensions_.push_back({length, in_.Signed()});
  }
  // An element takes a byte at least, so the bytes bound every walk over the dimensions.
  const auto room = static_cast<std::int64_t>(in_.remaining());
  std::int64_t elements = 1;
  for (const ArrayDimension& d : dimensions_) {
    const bool sound = d.length >= 1 && d.length <= room / elements && d.lower_bound >= kLowerBoundMin &&
                       d.lower_bound <= kLowerBoundMax;
    if (!sound) {
      in_.Fail();
      return;
    }
    elements *= d.length;
  }
}

void PutArrayHeader(std::string& payload, const std::vector<ArrayDimension>& dimensions) {
  PutVarint(payload, dimensions.size());
  for (const ArrayDimension& d : dimensions) {
    PutVarint(payload, static_cast<std::uint64_t>(d.length));
    PutSigned(payload, d.lower_bound);
  }
}

}  // namespace headgate
