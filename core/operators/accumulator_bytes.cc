#include "core/operators/accumulator_bytes.h"

#include "core/sql/row_codec.h"

namespace headgate::operators {

using sql::Datum;
using sql::Int128;
using sql::Numeric;
using sql::Type;
using sql::Uint128;

void PutInt128(std::string& out, Int128 v) {
  auto bits = static_cast<Uint128>(v) << 1 ^ static_cast<Uint128>(v >> 127);
  for (; bits >= 0x80; bits >>= 7) out.push_back(static_cast<char>(bits | 0x80));
  out.push_back(static_cast<char>(bits));
}

Int128 ReadInt128(ByteReader& in) {
  Uint128 bits = 0;
  for (int shift = 0; shift < 128; shift += 7) {
    const std::uint8_t byte = in.Byte();
    bits |= static_cast<Uint128>(byte & 0x7F) << shift;
    if (byte < 0x80) return static_cast<Int128>(bits >> 1 ^ -(bits & 1));
  }
  in.Fail();
  return 0;
}

void PutScales(std::string& out, const ScaleCounts& scales) {
  PutVarint(out, scales.size());
  for (const auto& [scale, count] : scales) {
    PutVarint(out, static_cast<std::uint64_t>(scale));
    PutSigned(out, count);
  }
}

ScaleCounts ReadScales(ByteReader& in) {
  ScaleCounts scales;
  for (std::uint64_t left = in.Varint(); left > 0 && !in.failed(); --left) {
    const std::uint64_t scale = in.Varint();
    if (scale > Numeric::kScaleMax) in.Fail();
    scales[static_cast<int>(scale)] = in.Signed();
  }
  return scales;
}

void PutDatums(std::string& out, const std::vector<Type>& types, std::span<const Datum> values) {
  std::string row;
  sql::AppendRow(row, types, values);
  PutBytes(out, row);
}

std::vector<Datum> ReadDatums(ByteReader& in, const std::vector<Type>& types) {
  std::vector<Datum> values;
  if (!sql::ReadRow(in.Bytes(), types, values)) in.Fail();
  return values;
}

}  // namespace headgate::operators
