#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/encoding.h"
#include "core/config/text.h"
#include "core/net/digest.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Bytes as texts and back, and digests.
namespace headgate::sql {
namespace {

using Bytes = std::string_view;

constexpr std::size_t kLine =
    76;  // characters of a line of base64, which ends with a newline unless it ends with padding

std::string InLines(const std::string& base64) {
  std::string out;
  for (std::size_t at = 0; at < base64.size(); at += kLine) {
    out.append(base64, at, kLine);
    const bool full = at + kLine < base64.size() || (at + kLine == base64.size() && base64.back() != '=');
    if (full) out.push_back('\n');
  }
  return out;
}

// Zero bytes and those with the high bit as \ooo, a backslash doubled.
std::string Escaped(Bytes bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= 0x80) {
      out.push_back('\\');
      for (const int shift : {6, 3, 0}) out.push_back(static_cast<char>('0' + (byte >> shift & 7)));
    } else {
      if (c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out;
}

std::string NoBytes(EvalContext& context, std::string_view code, std::string message) {
  context.Fail(code, std::move(message));
  return {};
}

std::string CharacterInFront(Bytes text) {
  std::size_t end = 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return std::string(text.substr(0, end));
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Blanks may stand between bytes, not within one.
std::string FromHexText(EvalContext& context, Bytes text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (IsBlank(text[at])) {
      ++at;
      continue;
    }
    int byte = 0;
    for (int half = 0; half < 2; ++half, ++at) {
      if (at == text.size()) return NoBytes(context, "22023", "invalid hexadecimal data: odd number of digits");
      const int digit = HexDigit(text[at]);
      if (digit < 0)
        return NoBytes(context, "22023", "invalid hexadecimal digit: \"" + CharacterInFront(text.substr(at)) + "\"");
      byte = byte * 16 + digit;
    }
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// The first '=' says how many bytes this group of four and all behind it have; what follows it in the group is not
// looked at more closely, as in PostgreSQL.
std::string FromBase64Text(EvalContext& context, Bytes text) {
  std::string out;
  std::uint32_t group = 0;
  int digits = 0;
  int bytes = 3;
  bool ended = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (IsBlank(c)) continue;
    int digit = 0;
    if (c == '=') {
      if (!ended && digits < 2) return NoBytes(context, "22023", "unexpected \"=\" while decoding base64 sequence");
      if (!ended) bytes = digits - 1;
      ended = true;
    } else {
      digit = Base64Digit(c);
      if (digit < 0) {
        return NoBytes(
            context, "22023",
            "invalid symbol \"" + CharacterInFront(text.substr(at)) + "\" found while decoding base64 sequence");
      }
    }
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (++digits < 4) continue;
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(group >> (16 - 8 * i)));
    group = 0;
    digits = 0;
  }
  return digits == 0 ? out : NoBytes(context, "22023", "invalid base64 end sequence");
}

std::string FromEscapes(EvalContext& context, Bytes text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out.push_back(text[at]);
      continue;
    }
    const Bytes rest = text.substr(at + 1, 3);
    const bool octal = rest.size() == 3 && rest[0] >= '0' && rest[0] <= '3' && rest[1] >= '0' && rest[1] <= '7' &&
                       rest[2] >= '0' && rest[2] <= '7';
    if (octal) {
      out.push_back(static_cast<char>((rest[0] - '0') * 64 + (rest[1] - '0') * 8 + (rest[2] - '0')));
      at += 3;
    } else if (rest.starts_with('\\')) {
      out.push_back('\\');
      ++at;
    } else {
      return NoBytes(context, "22P02", "invalid input syntax for type bytea");
    }
  }
  return out;
}

std::string Encode(EvalContext& context, Bytes bytes, Bytes format) {
  const std::string name = config::ToLower(format);
  if (name == "hex") return Hex(bytes);
  if (name == "base64") return InLines(Base64(bytes));
  if (name == "escape") return Escaped(bytes);
  return NoBytes(context, "22023", "unrecognized encoding: \"" + std::string(format) + "\"");
}
std::string Decode(EvalContext& context, Bytes text, Bytes format) {
  const std::string name = config::ToLower(format);
  if (name == "hex") return FromHexText(context, text);
  if (name == "base64") return FromBase64Text(context, text);
  if (name == "escape") return FromEscapes(context, text);
  return NoBytes(context, "22023", "unrecognized encoding: \"" + std::string(format) + "\"");
}

// Every text is UTF-8 here.
bool IsUtf8Name(EvalContext& context, Bytes encoding) {
  std::string name;
  for (const char c : config::ToLower(encoding)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) name.push_back(c);
  }
  if (name == "utf8" || name == "unicode") return true;
  context.Fail("0A000", "texts are converted to and from UTF8 only, not \"" + std::string(encoding) + "\"");
  return false;
}
Bytes ConvertTo(EvalContext& context, Bytes text, Bytes encoding) {
  return IsUtf8Name(context, encoding) ? text : Bytes{};
}
Bytes ConvertFrom(EvalContext& context, Bytes bytes, Bytes encoding) {
  if (!IsUtf8Name(context, encoding)) return {};
  if (bytes.find('\0') != Bytes::npos || !IsUtf8(bytes))
    context.Fail("22021", "invalid byte sequence for encoding \"UTF8\"");
  return bytes;
}

using net::DigestKind;

std::string Md5(Bytes bytes) { return Hex(net::Digest(DigestKind::kMd5, bytes)); }
template <DigestKind kKind>
std::string Sha(Bytes bytes) {
  return net::Digest(kKind, bytes);
}

const Function kEncodeFunctions[] = {
    {"encode", {kBytea, kText}, kText, kLift<Encode>},
    {"decode", {kText, kText}, kBytea, kLift<Decode>},
    {"convert_to", {kText, kText}, kBytea, kLift<ConvertTo>},
    {"convert_from", {kBytea, kText}, kText, kLift<ConvertFrom>},
    {"md5", {kText}, kText, kLift<Md5>},
    {"md5", {kBytea}, kText, kLift<Md5>},
    {"sha224", {kBytea}, kBytea, kLift<Sha<DigestKind::kSha224>>},
    {"sha256", {kBytea}, kBytea, kLift<Sha<DigestKind::kSha256>>},
    {"sha384", {kBytea}, kBytea, kLift<Sha<DigestKind::kSha384>>},
    {"sha512", {kBytea}, kBytea, kLift<Sha<DigestKind::kSha512>>},
};

}  // namespace

std::span<const Function> EncodeFunctions() { return kEncodeFunctions; }

}  // namespace headgate::sql
