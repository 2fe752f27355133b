#include <algorithm>
#include <bit>
#include <limits>

#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// bytea and bit strings: lengths, parts, places, single bytes and bits. The two are alike: elements are bytes, or '0'
// and '1' (datum.h).
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Bytes = std::string_view;

I Length(Bytes s) { return static_cast<I>(s.size()); }
I BitsOfBytes(Bytes s) { return static_cast<I>(s.size()) * 8; }
I OctetsOfBits(Bytes s) { return (static_cast<I>(s.size()) + 7) / 8; }
std::string Concatenate(Bytes a, Bytes b) {
  std::string out(a);
  out += b;
  return out;
}

enum class Side : std::uint8_t { kBoth, kLeft, kRight };
template <Side kSide>
Bytes Trim(Bytes s, Bytes set) {
  const auto holds = [set](char byte) { return set.find(byte) != Bytes::npos; };
  if constexpr (kSide != Side::kRight) {
    while (!s.empty() && holds(s.front())) s.remove_prefix(1);
  }
  if constexpr (kSide != Side::kLeft) {
    while (!s.empty() && holds(s.back())) s.remove_suffix(1);
  }
  return s;
}

// From position `from`, from 1, which may lie before the value, up to position `to`.
Bytes Between(Bytes s, I from, I to) {
  const I start = std::max<I>(from, 1) - 1;
  const I end = std::min(to - 1, Length(s));
  return end <= start ? Bytes{} : s.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
}
Bytes SubstringFrom(Bytes s, I from) { return Between(s, from, std::numeric_limits<I>::max()); }
Bytes Substring(EvalContext& context, Bytes s, I from, I length) {
  if (length >= 0) return Between(s, from, from + length);
  context.Fail("22011", "negative substring length not allowed");
  return {};
}
std::string OverlayFor(EvalContext& context, Bytes s, Bytes with, I from, I length) {
  if (from <= 0) {
    context.Fail("22011", "negative substring length not allowed");
    return {};
  }
  const I behind = from + length;
  if (behind > std::numeric_limits<std::int32_t>::max()) {
    context.Fail("22003", "integer out of range");
    return {};
  }
  return std::string(Between(s, 1, from)) + std::string(with) + std::string(SubstringFrom(s, behind));
}
std::string Overlay(EvalContext& context, Bytes s, Bytes with, I from) {
  return OverlayFor(context, s, with, from, Length(with));
}
I Position(Bytes s, Bytes part) { return static_cast<I>(s.find(part) + 1); }  // npos + 1 is 0
// An empty bit string stands nowhere in an empty one.
I PositionOfBits(Bytes s, Bytes part) { return s.empty() ? 0 : Position(s, part); }

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
  return InRange(context, index, Length(s)) ? static_cast<unsigned char>(s[static_cast<std::size_t>(index)]) : 0;
}
std::string SetByte(EvalContext& context, Bytes s, I index, I value) {
  std::string out(s);
  if (InRange(context, index, Length(s))) out[static_cast<std::size_t>(index)] = static_cast<char>(value);
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
  return InBits(context, index, Length(bits)) && bits[static_cast<std::size_t>(index)] == '1' ? 1 : 0;
}
std::string SetBitOfBits(EvalContext& context, Bytes bits, I index, I bit) {
  std::string out(bits);
  if (InBits(context, index, Length(bits)) && IsBit(context, bit))
    out[static_cast<std::size_t>(index)] = bit == 1 ? '1' : '0';
  return out;
}
I CountBitsOfBits(Bytes bits) { return std::ranges::count(bits, '1'); }

enum class BitOperation : std::uint8_t { kAnd, kOr, kXor };
template <BitOperation kOperation>
std::string Combine(EvalContext& context, Bytes a, Bytes b) {
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
std::string Not(Bytes bits) {
  std::string out(bits);
  for (char& bit : out) bit = bit == '1' ? '0' : '1';
  return out;
}
// To the left by `by`, to the right if it is negative; the length stays.
std::string ShiftLeft(Bytes bits, I by) {
  const auto distance = static_cast<std::size_t>(std::min<I>(by < 0 ? -by : by, Length(bits)));
  const std::string zeros(distance, '0');
  if (by < 0) return zeros + std::string(bits.substr(0, bits.size() - distance));
  return std::string(bits.substr(distance)) + zeros;
}
std::string ShiftRight(Bytes bits, I by) { return ShiftLeft(bits, -by); }

constexpr TypeId kB = TypeId::kBytea;
constexpr TypeId kBit = TypeId::kBit;
constexpr TypeId kVarbit = TypeId::kVarbit;
constexpr TypeId kI4 = TypeId::kInt4;
constexpr TypeId kI8 = TypeId::kInt8;

const Function kTable[] = {
    {"||", {kB, kB}, kB, kLift<Concatenate>},
    {"||", {kVarbit, kVarbit}, kVarbit, kLift<Concatenate>},
    {"length", {kB}, kI4, kLift<Length>},
    {"length", {kBit}, kI4, kLift<Length>},
    {"octet_length", {kB}, kI4, kLift<Length>},
    {"octet_length", {kBit}, kI4, kLift<OctetsOfBits>},
    {"bit_length", {kB}, kI4, kLift<BitsOfBytes>},
    {"bit_length", {kBit}, kI4, kLift<Length>},
    {"btrim", {kB, kB}, kB, kLift<Trim<Side::kBoth>>},
    {"ltrim", {kB, kB}, kB, kLift<Trim<Side::kLeft>>},
    {"rtrim", {kB, kB}, kB, kLift<Trim<Side::kRight>>},
    {"substr", {kB, kI4}, kB, kLift<SubstringFrom>},
    {"substr", {kB, kI4, kI4}, kB, kLift<Substring>},
    {"substring", {kB, kI4}, kB, kLift<SubstringFrom>},
    {"substring", {kB, kI4, kI4}, kB, kLift<Substring>},
    {"substring", {kBit, kI4}, kBit, kLift<SubstringFrom>},
    {"substring", {kBit, kI4, kI4}, kBit, kLift<Substring>},
    {"overlay", {kB, kB, kI4}, kB, kLift<Overlay>},
    {"overlay", {kB, kB, kI4, kI4}, kB, kLift<OverlayFor>},
    {"overlay", {kBit, kBit, kI4}, kBit, kLift<Overlay>},
    {"overlay", {kBit, kBit, kI4, kI4}, kBit, kLift<OverlayFor>},
    {"position", {kB, kB}, kI4, kLift<Position>},
    {"position", {kBit, kBit}, kI4, kLift<PositionOfBits>},
    {"get_byte", {kB, kI4}, kI4, kLift<GetByte>},
    {"set_byte", {kB, kI4, kI4}, kB, kLift<SetByte>},
    {"get_bit", {kB, kI8}, kI4, kLift<GetBit>},
    {"set_bit", {kB, kI8, kI4}, kB, kLift<SetBit>},
    {"get_bit", {kBit, kI4}, kI4, kLift<GetBitOfBits>},
    {"set_bit", {kBit, kI4, kI4}, kBit, kLift<SetBitOfBits>},
    {"bit_count", {kB}, kI8, kLift<CountBits>},
    {"bit_count", {kBit}, kI8, kLift<CountBitsOfBits>},
    {"&", {kBit, kBit}, kBit, kLift<Combine<BitOperation::kAnd>>},
    {"|", {kBit, kBit}, kBit, kLift<Combine<BitOperation::kOr>>},
    {"#", {kBit, kBit}, kBit, kLift<Combine<BitOperation::kXor>>},
    {"~", {kBit}, kBit, kLift<Not>},
    {"<<", {kBit, kI4}, kBit, kLift<ShiftLeft>},
    {">>", {kBit, kI4}, kBit, kLift<ShiftRight>},
};

}  // namespace

std::span<const Function> BytesFunctions() { return kTable; }

}  // namespace headgate::sql
