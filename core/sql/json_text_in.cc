#include <algorithm>

#include "core/base/ascii.h"
#include "core/sql/json.h"
#include "core/sql/json_path.h"
#include "core/sql/numeric.h"
#include "core/sql/text_forms.h"

// JSON from text, as PostgreSQL 15 reads it.
namespace headgate::sql {
namespace {

constexpr std::size_t kJsonDepthMax = 6000;   // about where the server's stack ends
constexpr std::size_t kPlainDigitsMax = 100;  // of a number that is surely no overflow

void AppendUtf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

// Reads by descent. With `kept` null the text is only checked.
class JsonReader {
 public:
  JsonReader(std::string_view text, EvalContext& context) : text_(text), context_(context) {}

  bool Document(std::string* kept) {
    SkipBlanks();
    if (!Value(kept, 0)) return false;
    SkipBlanks();
    return at_ == text_.size() || Invalid();
  }

  // A string; its text is appended to `plain` unless that is null.
  bool String(std::string* plain) {
    if (!Take('"')) return Invalid();
    std::uint32_t high = 0;  // the first half of a surrogate pair
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (static_cast<unsigned char>(c) < 0x20) return Invalid();
      if (c == '\\') {
        if (!Escape(plain, high)) return false;
        continue;
      }
      if (high != 0) return Invalid();
      if (c == '"') return true;
      if (plain != nullptr) plain->push_back(c);
    }
    return Invalid();
  }

 private:
  bool Invalid() {
    context_.Fail("22P02", "invalid input syntax for type json");
    return false;
  }
  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool Value(std::string* kept, std::size_t depth) {
    if (depth > kJsonDepthMax) {
      context_.Fail("54001", "stack depth limit exceeded");
      return false;
    }
    if (at_ == text_.size()) return Invalid();
    switch (text_[at_]) {
      case '{':
        return Object(kept, depth);
      case '[':
        return Array(kept, depth);
      case '"': {
        if (kept == nullptr) return String(nullptr);
        std::string plain;
        if (!String(&plain)) return false;
        AppendJsonQuoted(*kept, plain);
        return true;
      }
      case 't':
        return Word("true", kept);
      case 'f':
        return Word("false", kept);
      case 'n':
        return Word("null", kept);
      default:
        return Number(kept);
    }
  }

  bool Word(std::string_view word, std::string* kept) {
    if (text_.substr(at_, word.size()) != word || !EndsHere(at_ + word.size())) return Invalid();
    at_ += word.size();
    if (kept != nullptr) *kept += word;
    return true;
  }
  // No word or number goes on at this place.
  bool EndsHere(std::size_t at) const {
    if (at == text_.size()) return true;
    const char c = text_[at];
    return !IsDigit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' &&
           (static_cast<unsigned char>(c) & 0x80) == 0;
  }

  bool Digits() {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return at_ > start;
  }
  bool Number(std::string* kept) {
    const std::size_t start = at_;
    const bool negative = Take('-');
    const bool zero = Take('0');
    if (!zero && !Digits()) return Invalid();
    if (Take('.') && !Digits()) return Invalid();
    bool plain = !(negative && zero);
    if (Take('e') || Take('E')) {
      plain = false;
      if (!Take('-')) Take('+');
      if (!Digits()) return Invalid();
    }
    if (!EndsHere(at_)) return Invalid();
    const std::string_view number = text_.substr(start, at_ - start);
    if (kept == nullptr) return true;
    if (plain && number.size() <= kPlainDigitsMax) {
      *kept += number;
      return true;
    }
    const auto value = Numeric::Parse(number);
    if (!value) {
      context_.Fail("22003", "value overflows numeric format");
      return false;
    }
    value->AppendText(*kept);
    return true;
  }

  bool Array(std::string* kept, std::size_t depth) {
    ++at_;
    if (kept != nullptr) kept->push_back('[');
    SkipBlanks();
    if (!Take(']')) {
      do {
        SkipBlanks();
        if (!Value(kept, depth + 1)) return false;
        SkipBlanks();
        if (kept != nullptr && at_ < text_.size() && text_[at_] == ',') *kept += ", ";
      } while (Take(','));
      if (!Take(']')) return Invalid();
    }
    if (kept != nullptr) kept->push_back(']');
    return true;
  }

  bool Object(std::string* kept, std::size_t depth) {
    ++at_;
    JsonMembers members;
    SkipBlanks();
    if (!Take('}')) {
      do {
        SkipBlanks();
        std::string key;
        std::string value;
        if (!String(kept == nullptr ? nullptr : &key)) return false;
        SkipBlanks();
        if (!Take(':')) return Invalid();
        SkipBlanks();
        if (!Value(kept == nullptr ? nullptr : &value, depth + 1)) return false;
        if (kept != nullptr) members.emplace_back(std::move(key), std::move(value));
        SkipBlanks();
      } while (Take(','));
      if (!Take('}')) return Invalid();
    }
    if (kept != nullptr) AppendJsonbObject(*kept, std::move(members));
    return true;
  }

  bool Escape(std::string* plain, std::uint32_t& high) {
    if (at_ == text_.size()) return Invalid();
    const char c = text_[at_++];
    if (c == 'u') return Unicode(plain, high);
    if (plain != nullptr && high != 0) return Invalid();
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const std::size_t which = kFrom.find(c);
    if (which == std::string_view::npos) return Invalid();
    if (plain != nullptr) plain->push_back(kTo[which]);
    return true;
  }

  bool Unicode(std::string* plain, std::uint32_t& high) {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      if (at_ == text_.size()) return Invalid();
      const char c = text_[at_++];
      const auto lower = static_cast<char>(c | 0x20);
      if (IsDigit(c)) {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(lower - 'a' + 10);
      } else {
        return Invalid();
      }
    }
    if (plain == nullptr) return true;
    const bool is_high = code >= 0xD800 && code < 0xDC00;
    const bool is_low = code >= 0xDC00 && code < 0xE000;
    if (is_low != (high != 0)) return Invalid();
    if (is_high) {
      high = code;
      return true;
    }
    if (is_low) {
      code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00);
      high = 0;
    }
    if (code == 0) {
      context_.Fail("22P05", "unsupported Unicode escape sequence");
      return false;
    }
    AppendUtf8(*plain, code);
    return true;
  }

  const std::string_view text_;
  EvalContext& context_;
  std::size_t at_ = 0;
};

}  // namespace

bool ReadJsonb(std::string& out, std::string_view text, EvalContext& context) {
  return JsonReader(text, context).Document(&out);
}
bool CheckJson(std::string_view text, EvalContext& context) { return JsonReader(text, context).Document(nullptr); }

std::optional<std::string> JsonUnquoted(std::string_view quoted, EvalContext& context) {
  std::string plain;
  if (!JsonReader(quoted, context).String(&plain)) return std::nullopt;
  return plain;
}

Datum JsonFromText(Type type, std::string_view text, EvalContext& context) {
  if (type.id == TypeId::kJsonb) {
    std::string canonical;
    return ReadJsonb(canonical, text, context) ? Datum::Of(std::move(canonical)) : Datum::Null();
  }
  if (type.id == TypeId::kJson && !CheckJson(text, context)) return Datum::Null();
  if (type.id == TypeId::kJsonPath && ParseJsonPath(text, context) == nullptr) return Datum::Null();
  return Datum::Of(std::string(text));
}

}  // namespace headgate::sql
