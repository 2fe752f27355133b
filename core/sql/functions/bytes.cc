#include <algorithm>
#include <bit>
#include <limits>

#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// bytea and bit strings: lengths, parts, places, single bytes and bits. The two are alike: elements are bytes, or '0'
// and '1' (datum.h).
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Bytes = std::string_view;

I ByteCount(Bytes s) { return static_cast<I>(s.size()); }
I BitsOfBytes(Bytes s) { return static_cast<I>(s.size()) * 8; }
I OctetsOfBits(Bytes s) { return (static_cast<I>(s.size()) + 7) / 8; }
std::string ConcatenateBytes(Bytes a, Bytes b) {
  std::string out(a);
  out += b;
  return out;
}

enum class End : std::uint8_t { kBoth, kLeft, kRight };
template <End kEnd>
Bytes TrimBytes(Bytes s, Bytes set) {
  const auto holds = [set](char byte) { return set.find(byte) != Bytes::npos; };
  if constexpr (kEnd != End::kRight) {
    while (!s.empty() && holds(s.front())) s.remove_prefix(1);
  }
  if constexpr (kEnd != End::kLeft) {
    while (!s.empty() && holds(s.back())) s.remove_suffix(1);
  }
  return s;
}

// From position `from`, from 1, which may lie before the value, up to position `to`.
Bytes BytesBetween(Bytes s, I from, I to) {
  const I start = std::max<I>(from, 1) - 1;
  const I end = std::min(to - 1, ByteCount(s));
  return end <= start ? Bytes{} : s.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
}
Bytes BytesFrom(Bytes s, I from) { return BytesBetween(s, from, std::numeric_limits<I>::max()); }
Bytes SubstringOfBytes(EvalContext& context, Bytes s, I from, I length) {
  if (length >= 0) return BytesBetween(s, from, from + length);
  context.Fail("22011", "negative substring length not allowed");
  return {};
}
std::string OverlayBytesFor(EvalContext& context, Bytes s, Bytes with, I from, I length) {
  if (from <= 0) {
    context.Fail("22011", "negative substring length not allowed");
    return {};
  }
  const I behind = from + length;
  if (behind > std::numeric_limits<std::int32_t>::max()) {
    context.Fail("22003", "integer out of range");
    return {};
  }
  return std::string(BytesBetween(s, 1, from)) + std::string(with) + std::string(BytesFrom(s, behind));
}
std::string OverlayBytes(EvalContext& context, Bytes s, Bytes with, I from) {
  return OverlayBytesFor(context, s, with, from, ByteCount(with));
}
I PositionOfBytes(Bytes s, Bytes part) { return static_cast<I>(s.find(part) + 1); }  // npos + 1 is 0
// An empty bit string stands nowhere in an empty one.
I PositionOfBits(Bytes s, Bytes part) { return s.empty() ? 0 : PositionOfBytes(s, part); }

bool InRange(EvalContext& context, I index, I count) {
  if (index >= 0 && index < count) return true;
  context.Fail("2202E", "index " + std::to_string(index) + " out of valid range, 0.." + std::to_string(count - 1));
  return false;
}
bool IsBit(EvalContext& context, I bit) {
  if (bit == 0 || bit == 1) return true;
  context.Fail("22023", "new bit must be 0 or 1");
  return false;
}

I GetByte(EvalContext& context, Bytes s, I index) {
  return InRange(context, index, ByteCount(s)) ? static_cast<unsigned char>(s[static_cast<std::size_t>(index)]) : 0;
}
std::string SetByte(EvalContext& context, Bytes s, I index, I value) {
  std::string out(s);
  if (InRange(context, index, ByteCount(s))) out[static_cast<std::size_t>(index)] = static_cast<char>(value);
  return out;
}
// Bit 0 is the lowest of the first byte.
I GetBit(EvalContext& context, Bytes s, I index) {
  if (!InRange(context, index, BitsOfBytes(s))) return 0;
  return static_cast<unsigned char>(s[static_cast<std::size_t>(index / 8)]) >> (index % 8) & 1;
}
std::string SetBit(EvalContext& context, Bytes s, I index, I bit) {
  std::string out(s);
  if (!InRange(context, index, BitsOfBytes(s)) || !IsBit(context, bit)) return out;
  char& byte = out[static_cast<std::size_t>(index / 8)];
  const auto mask = static_cast<unsigned char>(1U << (index % 8));
  byte =
      static_cast<char>(bit == 1 ? static_cast<unsigned char>(byte) | mask : static_cast<unsigned char>(byte) & ~mask);
  return out;
}
I CountBits(Bytes s) {
  I count = 0;
  for (const char byte : s) count += std::popcount(static_cast<unsigned char>(byte));
  return count;
}

bool InBits(EvalContext& context, I index, I count) {
  if (index >= 0 && index < count) return true;
  context.Fail("2202E",
               "bit index " + std::to_string(index) + " out of valid range (0.." + std::to_string(count - 1) + ")");
  return false;
}
I GetBitOfBits(EvalContext& context, Bytes bits, I index) {
  return InBits(context, index, ByteCount(bits)) && bits[static_cast<std::size_t>(index)] == '1' ? 1 : 0;
}
std::string SetBitOfBits(EvalContext& context, Bytes bits, I index, I bit) {
  std::string out(bits);
  if (InBits(context, index, ByteCount(bits)) && IsBit(context, bit))
    out[static_cast<std::size_t>(index)] = bit == 1 ? '1' : '0';
  return out;
}
I CountBitsOfBits(Bytes bits) { return std::ranges::count(bits, '1'); }

enum class BitOperation : std::uint8_t { kAnd, kOr, kXor };
template <BitOperation kOperation>
std::string CombineBits(EvalContext& context, Bytes a, Bytes b) {
  std::string out(a);
  if (a.size() != b.size()) {
    constexpr const char* kNames[] = {"AND", "OR", "XOR"};
    context.Fail("22026",
                 std::string("cannot ") + kNames[static_cast<int>(kOperation)] + " bit strings of different sizes");
    return out;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool x = a[i] == '1';
    const bool y = b[i] == '1';
    const bool bit = kOperation == BitOperation::kAnd ? x && y : (kOperation == BitOperation::kOr ? x || y : x != y);
    out[i] = bit ? '1' : '0';
  }
  return out;
}
std::string NotBits(Bytes bits) {
  std::string out(bits);
  for (char& bit : out) bit = bit == '1' ? '0' : '1';
  return out;
}
// To the left by `by`, to the right if it is negative; the length stays.
std::string ShiftBitsLeft(Bytes bits, I by) {
  const auto distance = static_cast<std::size_t>(std::min<I>(by < 0 ? -by : by, ByteCount(bits)));
  const std::string zeros(distance, '0');
  if (by < 0) return zeros + std::string(bits.substr(0, bits.size() - distance));
  return std::string(bits.substr(distance)) + zeros;
}
std::string ShiftBitsRight(Bytes bits, I by) { return ShiftBitsLeft(bits, -by); }

const Function kBytesFunctions[] = {
    {"||", {kBytea, kBytea}, kBytea, kLift<ConcatenateBytes>},
    {"||", {kVarbit, kVarbit}, kVarbit, kLift<ConcatenateBytes>},
    {"length", {kBytea}, kI4, kLift<ByteCount>},
    {"length", {kBit}, kI4, kLift<ByteCount>},
    {"octet_length", {kBytea}, kI4, kLift<ByteCount>},
    {"octet_length", {kBit}, kI4, kLift<OctetsOfBits>},
    {"bit_length", {kBytea}, kI4, kLift<BitsOfBytes>},
    {"bit_length", {kBit}, kI4, kLift<ByteCount>},
    {"btrim", {kBytea, kBytea}, kBytea, kLift<TrimBytes<End::kBoth>>},
    {"ltrim", {kBytea, kBytea}, kBytea, kLift<TrimBytes<End::kLeft>>},
    {"rtrim", {kBytea, kBytea}, kBytea, kLift<TrimBytes<End::kRight>>},
    {"substr", {kBytea, kI4}, kBytea, kLift<BytesFrom>},
    {"substr", {kBytea, kI4, kI4}, kBytea, kLift<SubstringOfBytes>},
    {"substring", {kBytea, kI4}, kBytea, kLift<BytesFrom>},
    {"substring", {kBytea, kI4, kI4}, kBytea, kLift<SubstringOfBytes>},
    {"substring", {kBit, kI4}, kBit, kLift<BytesFrom>},
    {"substring", {kBit, kI4, kI4}, kBit, kLift<SubstringOfBytes>},
    {"overlay", {kBytea, kBytea, kI4}, kBytea, kLift<OverlayBytes>},
    {"overlay", {kBytea, kBytea, kI4, kI4}, kBytea, kLift<OverlayBytesFor>},
    {"overlay", {kBit, kBit, kI4}, kBit, kLift<OverlayBytes>},
    {"overlay", {kBit, kBit, kI4, kI4}, kBit, kLift<OverlayBytesFor>},
    {"position", {kBytea, kBytea}, kI4, kLift<PositionOfBytes>},
    {"position", {kBit, kBit}, kI4, kLift<PositionOfBits>},
    {"get_byte", {kBytea, kI4}, kI4, kLift<GetByte>},
    {"set_byte", {kBytea, kI4, kI4}, kBytea, kLift<SetByte>},
    {"get_bit", {kBytea, kI8}, kI4, kLift<GetBit>},
    {"set_bit", {kBytea, kI8, kI4}, kBytea, kLift<SetBit>},
    {"get_bit", {kBit, kI4}, kI4, kLift<GetBitOfBits>},
    {"set_bit", {kBit, kI4, kI4}, kBit, kLift<SetBitOfBits>},
    {"bit_count", {kBytea}, kI8, kLift<CountBits>},
    {"bit_count", {kBit}, kI8, kLift<CountBitsOfBits>},
    {"&", {kBit, kBit}, kBit, kLift<CombineBits<BitOperation::kAnd>>},
    {"|", {kBit, kBit}, kBit, kLift<CombineBits<BitOperation::kOr>>},
    {"#", {kBit, kBit}, kBit, kLift<CombineBits<BitOperation::kXor>>},
    {"~", {kBit}, kBit, kLift<NotBits>},
    {"<<", {kBit, kI4}, kBit, kLift<ShiftBitsLeft>},
    {">>", {kBit, kI4}, kBit, kLift<ShiftBitsRight>},
};

}  // namespace

std::span<const Function> BytesFunctions() { return kBytesFunctions; }

}  // namespace headgate::sql
