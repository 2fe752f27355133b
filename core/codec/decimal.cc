#include "core/codec/decimal.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

// Two's complement of an unsigned magnitude given as big-endian bytes, minimal length.
void AppendTwosComplement(std::string& out, std::string magnitude, bool negative) {
  if (negative) {
    bool carry = true;
    for (std::size_t i = magnitude.size(); i-- > 0;) {
      const unsigned v = (static_cast<unsigned char>(~magnitude[i])) + (carry ? 1u : 0u);
      carry = v > 0xFF;
      magnitude[i] = static_cast<char>(v);
    }
  }
  // One sign byte more than needed, then cut what repeats the sign.
  magnitude.insert(magnitude.begin(), negative ? '\xFF' : '\0');
  std::size_t start = 0;
  while (start + 1 < magnitude.size() && magnitude[start] == (negative ? '\xFF' : '\0') &&
         ((magnitude[start + 1] & '\x80') != 0) == negative) {
    ++start;
  }
  out.append(magnitude, start);
}

void AppendInt64Bytes(std::string& out, std::int64_t v) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<std::uint64_t>(v) >> (56 - 8 * i));
  int start = 0;
  const char sign = v < 0 ? '\xFF' : '\0';
  while (start < 7 && bytes[start] == sign && ((bytes[start + 1] & '\x80') != 0) == (v < 0)) ++start;
  out.append(bytes + start, static_cast<std::size_t>(8 - start));
}

}  // namespace

std::optional<Decimal> ParseDecimal(std::string_view text) {
  Decimal d;
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) d.negative = text[i++] == '-';
  bool point = false;
  bool any = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      any = true;
      if (point) ++d.scale;
      if (!d.digits.empty() || c != '0') d.digits.push_back(c);
    } else {
      break;
    }
  }
  if (!any) return std::nullopt;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    if (++i < text.size() && text[i] == '+') ++i;
    int exponent = 0;
    const auto [end, ec] = std::from_chars(text.data() + i, text.data() + text.size(), exponent);
    if (ec != std::errc() || end != text.data() + text.size() || exponent > 200'000 || exponent < -200'000)
      return std::nullopt;
    d.scale -= exponent;
  }
  if (d.digits.empty()) {
    d.digits = "0";
    d.negative = false;
  }
  return d;
}

void StripZeros(Decimal& d) {
  while (d.scale > 0 && d.digits.back() == '0' && d.digits.size() > 1) {
    d.digits.pop_back();
    --d.scale;
  }
  if (d.digits == "0") d.scale = 0;
  if (d.scale < 0) SetScale(d, 0);
}

void SetScale(Decimal& d, int scale) {
  if (scale >= d.scale) {
    if (d.digits != "0") d.digits.append(static_cast<std::size_t>(scale - d.scale), '0');
    d.scale = scale;
    return;
  }
  const auto drop = static_cast<std::size_t>(d.scale - scale);
  d.scale = scale;
  if (drop > d.digits.size()) {
    d.digits.clear();
  } else {
    const bool up = d.digits[d.digits.size() - drop] >= '5';
    d.digits.resize(d.digits.size() - drop);
    if (up) {
      std::size_t i = d.digits.size();
      while (i > 0 && d.digits[i - 1] == '9') d.digits[--i] = '0';
      if (i > 0) {
        ++d.digits[i - 1];
      } else {
        d.digits.insert(d.digits.begin(), '1');
      }
    }
  }
  if (d.digits.empty()) {
    d.digits = "0";
    d.negative = false;
  }
}

void AppendUnscaled(std::string& out, const Decimal& d) {
  if (d.digits.size() <= 18) {
    std::int64_t v = 0;
    for (const char c : d.digits) v = v * 10 + (c - '0');
    AppendInt64Bytes(out, d.negative ? -v : v);
    return;
  }
  std::vector<std::uint32_t> limbs;  // least significant first
  for (std::size_t i = 0; i < d.digits.size();) {
    const std::size_t n = i == 0 && d.digits.size() % 9 != 0 ? d.digits.size() % 9 : 9;
    std::uint64_t carry = 0;
    for (std::size_t k = 0; k < n; ++k) carry = carry * 10 + static_cast<std::uint64_t>(d.digits[i + k] - '0');
    for (std::uint32_t& limb : limbs) {
      const std::uint64_t v = static_cast<std::uint64_t>(limb) * 1'000'000'000 + carry;
      limb = static_cast<std::uint32_t>(v);
      carry = v >> 32;
    }
    if (carry != 0) limbs.push_back(static_cast<std::uint32_t>(carry));
    i += n;
  }
  std::string magnitude;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    for (int shift = 24; shift >= 0; shift -= 8) magnitude.push_back(static_cast<char>(limbs[i] >> shift));
  }
  AppendTwosComplement(out, std::move(magnitude), d.negative);
}

void AppendUnscaledBase64(std::string& out, const Decimal& d) {
  std::string bytes;
  AppendUnscaled(bytes, d);
  AppendBase64(out, bytes);
}

Decimal FromUnscaled(std::string_view bytes, int scale) {
  Decimal d;
  d.scale = scale;
  d.negative = !bytes.empty() && (bytes.front() & '\x80') != 0;
  // Digits in groups of nine, least significant first; of a negative number the complement is read, and one added.
  std::vector<std::uint32_t> groups;
  const auto add = [&groups](std::uint64_t carry) {
    for (std::uint32_t& group : groups) {
      const std::uint64_t v = static_cast<std::uint64_t>(group) * 256 + carry;
      group = static_cast<std::uint32_t>(v % 1'000'000'000);
      carry = v / 1'000'000'000;
    }
    if (carry != 0) groups.push_back(static_cast<std::uint32_t>(carry));
  };
  for (const char c : bytes) add(static_cast<unsigned char>(d.negative ? ~c : c));
  if (d.negative) {
    bool carry = true;
    for (std::size_t i = 0; i < groups.size() && carry; ++i) {
      carry = ++groups[i] == 1'000'000'000;
      if (carry) groups[i] = 0;
    }
    if (carry) groups.push_back(1);
  }
  for (std::size_t i = groups.size(); i-- > 0;) {
    if (d.digits.empty()) {
      AppendUint(d.digits, groups[i]);
    } else {
      AppendPadded(d.digits, groups[i], 9);
    }
  }
  if (d.digits.empty()) d.digits = "0";
  return d;
}

void AppendPlainDecimal(std::string& out, const Decimal& d) {
  if (d.negative) out.push_back('-');
  const auto size = static_cast<int>(d.digits.size());
  if (d.scale <= 0) {
    out += d.digits;
    if (d.digits != "0") out.append(static_cast<std::size_t>(-d.scale), '0');
  } else if (size > d.scale) {
    out.append(d.digits, 0, static_cast<std::size_t>(size - d.scale));
    out.push_back('.');
    out.append(d.digits, static_cast<std::size_t>(size - d.scale));
  } else {
    out += "0.";
    out.append(static_cast<std::size_t>(d.scale - size), '0');
    out += d.digits;
  }
}

void AppendJavaDecimal(std::string& out, const Decimal& d) {
  const int adjusted = static_cast<int>(d.digits.size()) - 1 - d.scale;
  if (d.scale >= 0 && adjusted >= -6) {
    AppendPlainDecimal(out, d);
    return;
  }
  if (d.negative) out.push_back('-');
  out.push_back(d.digits[0]);
  if (d.digits.size() > 1) {
    out.push_back('.');
    out.append(d.digits, 1);
  }
  out.push_back('E');
  if (adjusted > 0) out.push_back('+');
  AppendInt(out, adjusted);
}

bool AppendSmallUnscaledBase64(std::string& out, std::string_view text, int scale) {
  std::string bytes;
  if (!AppendSmallUnscaled(bytes, text, scale)) return false;
  AppendBase64(out, bytes);
  return true;
}

bool AppendSmallUnscaled(std::string& out, std::string_view text, int scale) {
  if (text.empty() || text.size() > 18 || text == "-") return false;
  const bool negative = text[0] == '-';
  std::int64_t v = 0;
  int fraction = -1;
  for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
    if (text[i] == '.' && fraction < 0) {
      fraction = 0;
      continue;
    }
    const auto digit = static_cast<unsigned>(text[i] - '0');
    if (digit > 9) return false;
    v = v * 10 + digit;
    if (fraction >= 0) ++fraction;
  }
  if ((fraction < 0 ? 0 : fraction) != scale) return false;
  AppendInt64Bytes(out, negative ? -v : v);
  return true;
}

double DecimalToDouble(std::string_view text) {
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc::result_out_of_range) return v;
  const auto d = ParseDecimal(text);
  if (!d || static_cast<int>(d->digits.size()) - d->scale < 0) return text.front() == '-' ? -0.0 : 0.0;
  return text.front() == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

}  // namespace headgate::codec
