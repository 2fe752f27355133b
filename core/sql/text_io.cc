#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/ascii.h"
#include "core/base/encoding.h"
#include "core/sql/cast.h"
#include "core/sql/function.h"
#include "core/sql/numeric.h"
#include "core/sql/range_value.h"
#include "core/sql/text_forms.h"

namespace headgate::sql {
namespace {

// The character at the start, however many bytes it has.
std::string_view FirstCharacter(std::string_view text) {
  std::size_t end = 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return text.substr(0, end);
}

// Any beginning of true, false, yes, no that is long enough to be one of them; on, off, 1, 0.
Datum BoolFromText(std::string_view text, EvalContext& context) {
  std::string word(StripSpace(text));
  std::ranges::transform(word, word.begin(), LowerAscii);
  const auto begins = [&word](std::string_view whole, std::size_t least) {
    return word.size() >= least && whole.starts_with(word);
  };
  if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") return Datum::Of(true);
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") return Datum::Of(false);
  return InvalidSyntax(TypeId::kBool, text, context);
}

template <class I>
Datum IntegerFromText(Type type, std::string_view text, EvalContext& context) {
  std::string_view digits = StripSpace(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  I value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    return Refused(context, "22003", "value \"" + std::string(text) + "\" is out of range for type " + Name(type));
  }
  if (error != std::errc() || end != digits.data() + digits.size()) return InvalidSyntax(type, text, context);
  return Datum::Of(static_cast<std::int64_t>(value));
}

Datum NumericFromText(std::string_view text, EvalContext& context) {
  bool overflow = false;
  if (const auto value = Numeric::Parse(text, &overflow)) return Datum::Of(value->Encode());
  if (overflow) return Refused(context, "22003", "value overflows numeric format");
  return InvalidSyntax(TypeId::kNumeric, text, context);
}

Datum HexBytes(std::string_view text, EvalContext& context) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r') {
      ++at;
      continue;
    }
    int byte = 0;
    for (int half = 0; half < 2; ++half, ++at) {
      if (at == text.size()) return Refused(context, "22023", "invalid hexadecimal data: odd number of digits");
      const int digit = HexDigit(text[at]);
      if (digit < 0) {
        const std::string shown(FirstCharacter(text.substr(at)));
        return Refused(context, "22023", "invalid hexadecimal digit: \"" + shown + "\"");
      }
      byte = byte * 16 + digit;
    }
    bytes.push_back(static_cast<char>(byte));
  }
  return Datum::Of(std::move(bytes));
}

// Hexadecimal after \x, else the older form: \\ is a backslash, \101 a byte in octal.
Datum BytesFromText(std::string_view text, EvalContext& context) {
  if (text.starts_with("\\x")) return HexBytes(text.substr(2), context);
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes.push_back(text[at]);
      continue;
    }
    const std::string_view rest = text.substr(at + 1, 3);
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    if (rest.starts_with('\\')) {
      bytes.push_back('\\');
      at += 1;
    } else if (rest.size() == 3 && rest[0] <= '3' && std::ranges::all_of(rest, octal)) {
      bytes.push_back(static_cast<char>((rest[0] - '0') * 64 + (rest[1] - '0') * 8 + (rest[2] - '0')));
      at += 3;
    } else {
      return Refused(context, "22P02", "invalid input syntax for type bytea");
    }
  }
  return Datum::Of(std::move(bytes));
}

// 32 hexadecimal digits; a hyphen may follow every fourth, braces may stand around.
Datum UuidFromText(std::string_view text, EvalContext& context) {
  std::string_view rest = text;
  const bool braces = rest.starts_with('{');
  if (braces) rest.remove_prefix(1);
  std::string bytes;
  while (bytes.size() < 16) {
    if (rest.size() < 2 || HexDigit(rest[0]) < 0 || HexDigit(rest[1]) < 0) {
      return InvalidSyntax(TypeId::kUuid, text, context);
    }
    bytes.push_back(static_cast<char>(HexDigit(rest[0]) * 16 + HexDigit(rest[1])));
    rest.remove_prefix(2);
    if (bytes.size() % 2 == 0 && bytes.size() < 16 && rest.starts_with('-')) rest.remove_prefix(1);
  }
  if (rest != (braces ? "}" : "")) return InvalidSyntax(TypeId::kUuid, text, context);
  return Datum::Of(std::move(bytes));
}

Datum BitsFromText(std::string_view text, EvalContext& context) {
  const bool hex = text.starts_with('x') || text.starts_with('X');
  if (hex || text.starts_with('b') || text.starts_with('B')) text.remove_prefix(1);
  std::string bits;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int digit = HexDigit(text[at]);
    if (digit < 0 || (!hex && digit > 1)) {
      return Refused(context, "22P02",
                     "\"" + std::string(FirstCharacter(text.substr(at))) + "\" is not a valid " +
                         (hex ? "hexadecimal" : "binary") + " digit");
    }
    for (int bit = hex ? 3 : 0; bit >= 0; --bit) bits.push_back((digit >> bit & 1) != 0 ? '1' : '0');
  }
  return Datum::Of(std::move(bits));
}

void AppendUuid(std::string& out, std::string_view bytes) {
  const std::string hex = Hex(bytes);
  std::size_t at = 0;
  for (const std::size_t group : {8U, 4U, 4U, 4U, 12U}) {
    if (at != 0) out.push_back('-');
    if (at < hex.size()) out.append(hex, at, group);
    at += group;
  }
}

void AppendPadded(std::string& out, std::string_view text, std::int32_t length) {
  out += text;
  const auto characters =
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  if (length > characters) out.append(static_cast<std::size_t>(length - characters), ' ');
}

Datum ReadUnmodified(Type type, std::string_view text, EvalContext& context) {
  switch (type.id) {
    case TypeId::kBool:
      return BoolFromText(text, context);
    case TypeId::kInt2:
      return IntegerFromText<std::int16_t>(type, text, context);
    case TypeId::kInt4:
      return IntegerFromText<std::int32_t>(type, text, context);
    case TypeId::kInt8:
      return IntegerFromText<std::int64_t>(type, text, context);
    case TypeId::kFloat4:
      return FloatFromText(text, context);
    case TypeId::kFloat8:
      return DoubleFromText(text, context);
    case TypeId::kNumeric:
      return NumericFromText(text, context);
    case TypeId::kBpchar:
      return Datum::Of(std::string(text.substr(0, text.find_last_not_of(' ') + 1)));
    case TypeId::kBytea:
      return BytesFromText(text, context);
    case TypeId::kUuid:
      return UuidFromText(text, context);
    case TypeId::kBit:
    case TypeId::kVarbit:
      return BitsFromText(text, context);
    default:
      return Datum::Of(std::string(text));
  }
}

}  // namespace

Datum InvalidSyntax(Type type, std::string_view text, EvalContext& context) {
  return Refused(context, "22P02",
                 "invalid input syntax for type " + Name(type.Bare()) + ": \"" + std::string(text) + "\"");
}

void AppendText(std::string& out, Type type, const Datum& value, std::string_view zone) {
  if (value.null) return;
  if (type.array) return AppendArrayText(out, type, value, zone);
  switch (type.id) {
    case TypeId::kBool:
      out.push_back(value.b ? 't' : 'f');
      return;
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8: {
      char buffer[24];
      const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value.i).ptr;
      out.append(buffer, end);
      return;
    }
    case TypeId::kFloat4:
      return AppendFloat(out, static_cast<float>(value.d));
    case TypeId::kFloat8:
      return AppendDouble(out, value.d);
    case TypeId::kNumeric:
      return Numeric::Decode(value.s).AppendText(out);
    case TypeId::kBpchar:
      return AppendPadded(out, value.s, type.mod);
    case TypeId::kBytea:
      out += "\\x";
      return AppendHex(out, value.s);
    case TypeId::kUuid:
      return AppendUuid(out, value.s);
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimeTz:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kInterval:
      return AppendTimeText(out, type, value, zone);
    default:
      if (IsRange(type.id)) return AppendRangeText(out, type.id, value.s, zone);
      out += value.s;
  }
}

std::string ToText(Type type, const Datum& value, std::string_view zone) {
  std::string out;
  AppendText(out, type, value, zone);
  return out;
}

Datum FromText(Type type, std::string_view text, EvalContext& context) {
  if (type.array) return ArrayFromText(type, text, context);
  switch (type.id) {
    case TypeId::kDate:
    case TypeId::kTime:
    case TypeId::kTimeTz:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kInterval:
      return TimeFromText(type, text, context);
    case TypeId::kJson:
    case TypeId::kJsonb:
    case TypeId::kJsonPath:
      return JsonFromText(type, text, context);
    case TypeId::kInet:
    case TypeId::kCidr:
      return NetworkFromText(type, text, context);
    default:
      break;
  }
  if (IsRange(type.id)) return RangeFromText(type, text, context);
  return ApplyModifier(type, ReadUnmodified(type, text, context), true, context);
}

}  // namespace headgate::sql
