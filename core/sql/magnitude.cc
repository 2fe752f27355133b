#include "core/sql/magnitude.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace headgate::sql {
namespace {

constexpr unsigned kSmallPowers = 39;  // 10^38 is the last in 128 bits
constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000U;
constexpr unsigned kChunkDigits = 19;

constexpr std::array<Uint128, kSmallPowers> kPowers = [] {
  std::array<Uint128, kSmallPowers> powers{};
  Uint128 power = 1;
  for (Uint128& p : powers) {
    p = power;
    power *= 10;
  }
  return powers;
}();

unsigned Width(Uint128 v) {
  const auto high = static_cast<std::uint64_t>(v >> 64);
  return static_cast<unsigned>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<std::uint64_t>(v)));
}

// The platform is little-endian (core/base/bytes.h). Loads overlap, so that there is no loop over the bytes: sums over
// stored numbers spend much of their time here.
std::uint64_t LoadUpTo8(const char* bytes, std::size_t n) {
  if (n >= 4) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + n - 4, 4);
    return low | static_cast<std::uint64_t>(high) << (n - 4) * 8;
  }
  if (n == 0) return 0;
  const auto at = [bytes](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << i * 8;
  };
  return at(0) | at(n / 2) | at(n - 1);
}

}  // namespace

Uint128 SmallPowerOfTen(unsigned n) { return kPowers[n]; }

struct Magnitude::Parts {
  explicit Parts(const Magnitude& m) {
    if (!m.wide_.empty()) {
      view = m.wide_;
      return;
    }
    two = {static_cast<std::uint64_t>(m.small_), static_cast<std::uint64_t>(m.small_ >> 64)};
    view = View(two.data(), m.small_ == 0 ? 0 : (two[1] == 0 ? 1 : 2));
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  std::array<std::uint64_t, 2> two{};
  View view;
};

Magnitude Magnitude::OfLimbs(Limbs limbs) {
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  Magnitude out;
  if (limbs.size() > 2) {
    out.wide_ = std::move(limbs);
    return out;
  }
  if (!limbs.empty()) out.small_ = limbs[0];
  if (limbs.size() == 2) out.small_ |= static_cast<Uint128>(limbs[1]) << 64;
  return out;
}

Magnitude Magnitude::PowerOfTen(unsigned n) {
  if (n < kSmallPowers) return kPowers[n];
  Magnitude power = 1;
  for (unsigned bit = std::bit_floor(n); bit != 0; bit >>= 1) {
    power = power * power;
    if ((n & bit) != 0) power = power * Magnitude(10);
  }
  return power;
}

Magnitude Magnitude::FromDigits(std::string_view decimal) {
  if (decimal.size() < kSmallPowers) {
    Uint128 v = 0;
    for (const char c : decimal) v = v * 10 + static_cast<unsigned>(c - '0');
    return v;
  }
  Limbs limbs;
  for (std::size_t at = 0; at < decimal.size();) {
    const std::size_t end = std::min(decimal.size(), at + kChunkDigits);
    const auto factor = static_cast<std::uint64_t>(kPowers[end - at]);
    std::uint64_t carry = 0;
    for (; at < end; ++at) carry = carry * 10 + static_cast<unsigned>(decimal[at] - '0');
    for (std::uint64_t& limb : limbs) {
      const Uint128 product = static_cast<Uint128>(limb) * factor + carry;
      limb = static_cast<std::uint64_t>(product);
      carry = static_cast<std::uint64_t>(product >> 64);
    }
    if (carry != 0) limbs.push_back(carry);
  }
  return OfLimbs(std::move(limbs));
}

Magnitude Magnitude::FromBytes(std::string_view little_endian) {
  if (little_endian.size() <= sizeof(Uint128)) {
    const std::size_t low = std::min<std::size_t>(little_endian.size(), 8);
    const Uint128 high = LoadUpTo8(little_endian.data() + low, little_endian.size() - low);
    return high << 64 | LoadUpTo8(little_endian.data(), low);
  }
  Limbs limbs((little_endian.size() + 7) / 8);
  for (std::size_t i = 0; i < little_endian.size(); ++i) {
    limbs[i / 8] |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(little_endian[i])) << (i % 8 * 8);
  }
  return OfLimbs(std::move(limbs));
}

void Magnitude::AppendBytes(std::string& out) const {
  const unsigned bytes = (Bits() + 7) / 8;
  if (small()) {
    out.append(reinterpret_cast<const char*>(&small_), bytes);
    return;
  }
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<char>(wide_[i / 8] >> (i % 8 * 8)));
}

unsigned Magnitude::Bits() const {
  if (small()) return Width(small_);
  return static_cast<unsigned>((wide_.size() - 1) * 64) + static_cast<unsigned>(std::bit_width(wide_.back()));
}

unsigned Magnitude::Digits() const {
  if (small()) {
    if (small_ == 0) return 0;
    const unsigned guess = Width(small_) * 1233 >> 12;  // 1233 / 4096 is just below log10(2)
    return small_ >= kPowers[std::min(guess, kSmallPowers - 1)] ? guess + 1 : guess;
  }
  const auto least = static_cast<unsigned>((Bits() - 1) * 0.30102999566398119521);  // 10^least is not above it
  return *this >= PowerOfTen(least + 1) ? least + 2 : least + 1;
}

// Writes `digits` digits, zeros in front included. Wide numbers are halved: a division of wide numbers by wide ones is
// cheaper than many by narrow ones.
void Magnitude::AppendDigits(std::string& out, unsigned digits) const {
  constexpr std::size_t kHalvedFrom = 24;  // limbs
  if (wide_.size() >= kHalvedFrom) {
    Magnitude high;
    Magnitude low;
    Divide(*this, PowerOfTen(digits / 2), high, low);
    high.AppendDigits(out, digits - digits / 2);
    low.AppendDigits(out, digits / 2);
    return;
  }
  const std::size_t start = out.size();
  out.resize(start + digits, '0');
  std::size_t at = out.size();
  const auto put = [&](std::uint64_t v) {  // a chunk, or what is left of it
    for (std::size_t end = at; v != 0; v /= 10) out[--end] = static_cast<char>('0' + v % 10);
    at -= std::min<std::size_t>(kChunkDigits, at - start);
  };
  Limbs limbs = wide_;
  while (!limbs.empty()) put(DivideInPlace(limbs, kChunk));
  Uint128 v = small_;
  for (; v >= kChunk; v /= kChunk) put(static_cast<std::uint64_t>(v % kChunk));
  put(static_cast<std::uint64_t>(v));
}

std::string Magnitude::Text() const {
  if (zero()) return "0";
  std::string out;
  AppendDigits(out, Digits());
  return out;
}

std::strong_ordering Magnitude::operator<=>(const Magnitude& other) const {
  if (wide_.size() != other.wide_.size()) return wide_.size() <=> other.wide_.size();
  for (std::size_t i = wide_.size(); i-- > 0;) {
    if (wide_[i] != other.wide_[i]) return wide_[i] <=> other.wide_[i];
  }
  if (small_ == other.small_) return std::strong_ordering::equal;
  return small_ < other.small_ ? std::strong_ordering::less : std::strong_ordering::greater;
}

Magnitude Magnitude::operator+(const Magnitude& other) const {
  if (Uint128 sum; small() && other.small() && !__builtin_add_overflow(small_, other.small_, &sum)) return sum;
  const Parts a(*this);
  const Parts b(other);
  const View longer = a.view.size() >= b.view.size() ? a.view : b.view;
  const View shorter = a.view.size() >= b.view.size() ? b.view : a.view;
  Limbs sum(longer.begin(), longer.end());
  bool carry = false;
  for (std::size_t i = 0; i < sum.size() && (carry || i < shorter.size()); ++i) {
    const std::uint64_t add = i < shorter.size() ? shorter[i] : 0;
    const bool first = __builtin_add_overflow(sum[i], add, &sum[i]);
    const bool second = __builtin_add_overflow(sum[i], static_cast<std::uint64_t>(carry), &sum[i]);
    carry = first || second;
  }
  if (carry) sum.push_back(1);
  return OfLimbs(std::move(sum));
}

Magnitude Magnitude::operator-(const Magnitude& smaller) const {
  if (small()) return small_ - smaller.small_;
  const Parts b(smaller);
  Limbs difference = wide_;
  bool borrow = false;
  for (std::size_t i = 0; i < difference.size() && (borrow || i < b.view.size()); ++i) {
    const std::uint64_t take = i < b.view.size() ? b.view[i] : 0;
    const bool first = __builtin_sub_overflow(difference[i], take, &difference[i]);
    const bool second = __builtin_sub_overflow(difference[i], static_cast<std::uint64_t>(borrow), &difference[i]);
    borrow = first || second;
  }
  return OfLimbs(std::move(difference));
}

Magnitude::Limbs Magnitude::MultiplyLimbs(View a, View b) {
  Limbs product(a.size() + b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const Uint128 sum = static_cast<Uint128>(a[i]) * b[j] + product[i + j] + carry;
      product[i + j] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    product[i + b.size()] = carry;
  }
  return product;
}

Magnitude Magnitude::operator*(const Magnitude& other) const {
  if (Uint128 product; small() && other.small() && !__builtin_mul_overflow(small_, other.small_, &product)) {
    return product;
  }
  return OfLimbs(MultiplyLimbs(Parts(*this).view, Parts(other).view));
}

Magnitude Magnitude::operator<<(unsigned bits) const {
  if (zero() || bits == 0) return *this;
  if (small() && Width(small_) + bits <= 128) return small_ << bits;
  const Parts a(*this);
  const std::size_t whole = bits / 64;
  const unsigned part = bits % 64;
  Limbs out(a.view.size() + whole + 1);
  for (std::size_t i = 0; i < a.view.size(); ++i) {
    out[i + whole] |= a.view[i] << part;
    if (part != 0) out[i + whole + 1] = a.view[i] >> (64 - part);
  }
  return OfLimbs(std::move(out));
}

Magnitude Magnitude::operator>>(unsigned bits) const {
  if (small()) return bits >= 128 ? Uint128{0} : small_ >> bits;
  const std::size_t whole = bits / 64;
  const unsigned part = bits % 64;
  if (whole >= wide_.size()) return {};
  Limbs out(wide_.size() - whole);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = wide_[i + whole] >> part;
    if (part != 0 && i + whole + 1 < wide_.size()) out[i] |= wide_[i + whole + 1] << (64 - part);
  }
  return OfLimbs(std::move(out));
}

std::uint64_t Magnitude::DivideInPlace(Limbs& limbs, std::uint64_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    const Uint128 part = static_cast<Uint128>(rest) << 64 | limbs[i];
    limbs[i] = static_cast<std::uint64_t>(part / divisor);
    rest = static_cast<std::uint64_t>(part % divisor);
  }
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  return rest;
}

// Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D. `a` is not shorter than `b`, which has two limbs or
// more.
Magnitude::Limbs Magnitude::DivideLimbs(View a, View b, Limbs& rest) {
  const auto shift = static_cast<unsigned>(std::countl_zero(b.back()));
  const auto shifted = [shift](View from) {
    Limbs out(from.size() + 1);
    for (std::size_t i = 0; i < from.size(); ++i) {
      out[i] |= from[i] << shift;
      if (shift != 0) out[i + 1] = from[i] >> (64 - shift);
    }
    return out;
  };
  Limbs u = shifted(a);
  const Limbs v = shifted(b);
  const std::size_t n = b.size();
  Limbs quotient(a.size() - n + 1);
  for (std::size_t j = quotient.size(); j-- > 0;) {
    const Uint128 top = static_cast<Uint128>(u[j + n]) << 64 | u[j + n - 1];
    Uint128 guess = u[j + n] >= v[n - 1] ? static_cast<Uint128>(~std::uint64_t{0}) : top / v[n - 1];
    Uint128 left = top - guess * v[n - 1];
    while ((left >> 64) == 0 && guess * v[n - 2] > (left << 64 | u[j + n - 2])) {
      --guess;
      left += v[n - 1];
    }
    std::uint64_t carry = 0;
    bool borrow = false;
    for (std::size_t i = 0; i <= n; ++i) {
      const Uint128 product = guess * (i < n ? v[i] : 0) + carry;
      carry = static_cast<std::uint64_t>(product >> 64);
      const bool first = __builtin_sub_overflow(u[i + j], static_cast<std::uint64_t>(product), &u[i + j]);
      const bool second = __builtin_sub_overflow(u[i + j], static_cast<std::uint64_t>(borrow), &u[i + j]);
      borrow = first || second;
    }
    if (borrow) {  // the guess was one too high
      --guess;
      bool over = false;
      for (std::size_t i = 0; i <= n; ++i) {
        const bool first = __builtin_add_overflow(u[i + j], i < n ? v[i] : 0, &u[i + j]);
        const bool second = __builtin_add_overflow(u[i + j], static_cast<std::uint64_t>(over), &u[i + j]);
        over = first || second;
      }
    }
    quotient[j] = static_cast<std::uint64_t>(guess);
  }
  rest.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    rest[i] = u[i] >> shift;
    if (shift != 0) rest[i] |= u[i + 1] << (64 - shift);
  }
  return quotient;
}

void Magnitude::Divide(const Magnitude& a, const Magnitude& b, Magnitude& quotient, Magnitude& rest) {
  if (a.small() && b.small()) {
    const Uint128 x = a.small_;
    const Uint128 y = b.small_;
    quotient = x / y;
    rest = x % y;
    return;
  }
  if (a < b) {
    rest = a;
    quotient = Magnitude();
    return;
  }
  const Parts divisor(b);
  if (divisor.view.size() == 1) {
    Limbs limbs = a.wide_;
    rest = static_cast<Uint128>(DivideInPlace(limbs, divisor.view[0]));
    quotient = OfLimbs(std::move(limbs));
    return;
  }
  Limbs left;
  Limbs result = DivideLimbs(Parts(a).view, divisor.view, left);
  quotient = OfLimbs(std::move(result));
  rest = OfLimbs(std::move(left));
}

Magnitude Magnitude::operator/(const Magnitude& divisor) const {
  Magnitude quotient;
  Magnitude rest;
  Divide(*this, divisor, quotient, rest);
  return quotient;
}

Magnitude Magnitude::operator%(const Magnitude& divisor) const {
  Magnitude quotient;
  Magnitude rest;
  Divide(*this, divisor, quotient, rest);
  return rest;
}

Magnitude Magnitude::DivideRounded(const Magnitude& a, const Magnitude& b) {
  Magnitude quotient;
  Magnitude rest;
  Divide(a, b, quotient, rest);
  return rest >= b - rest ? quotient + Magnitude(1) : quotient;
}

Magnitude Magnitude::TimesPowerOfTen(unsigned n) const { return n == 0 || zero() ? *this : *this * PowerOfTen(n); }

Magnitude Magnitude::OverPowerOfTen(unsigned n) const {
  if (n == 0) return *this;
  if (small() && n >= kSmallPowers) return {};
  return *this / PowerOfTen(n);
}

Magnitude Magnitude::OverPowerOfTenRounded(unsigned n) const {
  if (n == 0) return *this;
  if (small() && n > kSmallPowers) return {};
  return DivideRounded(*this, PowerOfTen(n));
}

unsigned Magnitude::TrailingZeros(unsigned limit) const {
  if (zero()) return limit;
  if (!small()) {  // text is decimal already; a wide number is rare
    const std::string text = Text();
    const std::size_t last = text.find_last_not_of('0');
    return std::min(limit, static_cast<unsigned>(text.size() - 1 - last));
  }
  unsigned zeros = 0;
  Uint128 v = small_;
  while (zeros < limit && v % 10 == 0) {
    v /= 10;
    ++zeros;
  }
  return zeros;
}

// Newton's iteration from above; it ends when it no longer falls.
Magnitude Magnitude::SquareRoot() const {
  if (zero()) return {};
  Magnitude root = Magnitude(1) << ((Bits() + 1) / 2);
  while (true) {
    Magnitude next = (root + *this / root) >> 1;
    if (next >= root) return root;
    root = std::move(next);
  }
}

}  // namespace headgate::sql
