#include "core/sql/scanner.h"

#include <pg_query.h>

#include <memory>

#include "core/base/ascii.h"
#include "core/base/bytes.h"

namespace headgate::sql {
namespace {

// Numbers of pg_query.proto, enum Token.
constexpr std::uint64_t kIdent = 258;
constexpr std::uint64_t kUnicodeIdent = 259;
constexpr std::uint64_t kFloat = 260;
constexpr std::uint64_t kString = 261;
constexpr std::uint64_t kHexString = 264;
constexpr std::uint64_t kInteger = 266;
constexpr std::uint64_t kSqlComment = 275;
constexpr std::uint64_t kBlockComment = 276;
constexpr std::uint64_t kFirstKeyword = 277;  // what is left of the enumeration

struct Raw {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t token = 0;
  std::uint64_t keyword = 0;
};

// ScanToken: field numbers 1 start, 2 end, 4 token, 5 keyword kind, all varints.
Raw ReadRaw(std::string_view message) {
  Raw raw;
  ByteReader in(message);
  while (!in.done() && !in.failed()) {
    const std::uint64_t tag = in.Varint();
    const std::uint64_t value = in.Varint();
    switch (tag >> 3) {
      case 1:
        raw.start = value;
        break;
      case 2:
        raw.end = value;
        break;
      case 4:
        raw.token = value;
        break;
      case 5:
        raw.keyword = value;
        break;
      default:
        break;
    }
  }
  return raw;
}

std::string Unquote(std::string_view quoted) {
  std::string name;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    name.push_back(quoted[i]);
    if (quoted[i] == '"') ++i;  // doubled
  }
  return name;
}

Token::Kind KindOf(const Raw& raw, std::string_view text) {
  if (raw.token == kIdent || raw.token == kUnicodeIdent)
    return text.front() == '"' ? Token::Kind::kQuotedWord : Token::Kind::kWord;
  if (raw.token >= kString && raw.token <= kHexString) return Token::Kind::kString;
  if (raw.token == kFloat || raw.token == kInteger) return Token::Kind::kNumber;
  return raw.keyword != 0 && raw.token >= kFirstKeyword ? Token::Kind::kWord : Token::Kind::kSymbol;
}

struct FreeScan {
  void operator()(PgQueryScanResult* result) const {
    pg_query_free_scan_result(*result);
    delete result;
  }
};

}  // namespace

Parsed<std::vector<Token>> Scan(const std::string& text) {
  if (const auto zero = text.find('\0'); zero != std::string::npos)
    return Problem{"the text holds a zero byte", zero, "Remove it."};
  const std::unique_ptr<PgQueryScanResult, FreeScan> result(new PgQueryScanResult(pg_query_scan(text.c_str())));
  if (result->error != nullptr) {
    const auto at = result->error->cursorpos > 0 ? static_cast<std::size_t>(result->error->cursorpos - 1) : 0;
    return Problem{result->error->message, at, ""};
  }
  std::vector<Token> tokens;
  ByteReader in(std::string_view(result->pbuf.data, result->pbuf.len));
  while (!in.done() && !in.failed()) {
    const std::uint64_t tag = in.Varint();
    if (tag != ((2U << 3) | 2U)) {  // not a token: the version
      in.Varint();
      continue;
    }
    const Raw raw = ReadRaw(in.Bytes());
    if (raw.token == kSqlComment || raw.token == kBlockComment || raw.end <= raw.start || raw.end > text.size())
      continue;
    const auto bytes = std::string_view(text).substr(raw.start, raw.end - raw.start);
    Token token;
    token.kind = KindOf(raw, bytes);
    token.start = static_cast<std::uint32_t>(raw.start);
    token.end = static_cast<std::uint32_t>(raw.end);
    token.text = token.kind == Token::Kind::kQuotedWord ? Unquote(bytes) : std::string(bytes);
    if (token.kind == Token::Kind::kWord) {
      for (char& c : token.text) c = LowerAscii(c);
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace headgate::sql
