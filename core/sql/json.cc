#include "core/sql/json.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/sql/key.h"
#include "core/sql/numeric.h"

namespace headgate::sql {
namespace {

bool IsJsonBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t SkipBlanks(std::string_view text, std::size_t at) {
  while (at < text.size() && IsJsonBlank(text[at])) ++at;
  return at;
}

// Behind the closing quote of the string that starts at `at`.
std::size_t EndOfString(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

std::size_t EndOfValue(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  if (text[at] == '"') return EndOfString(text, at);
  if (text[at] != '{' && text[at] != '[') {
    const std::size_t end = text.find_first_of(",]} \t\r\n", at);
    return std::min(end, text.size());
  }
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = EndOfString(text, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return text.size();
}

bool KeyLess(const std::pair<std::string, std::string>& a, const std::pair<std::string, std::string>& b) {
  return a.first.size() != b.first.size() ? a.first.size() < b.first.size() : a.first < b.first;
}

}  // namespace

JsonKind JsonKindOf(std::string_view value) {
  switch (value.empty() ? 'n' : value[0]) {
    case 'n':
      return JsonKind::kNull;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case '"':
      return JsonKind::kString;
    case '[':
      return JsonKind::kArray;
    case '{':
      return JsonKind::kObject;
    default:
      return JsonKind::kNumber;
  }
}

std::string_view JsonKindName(JsonKind kind) {
  constexpr std::string_view kNames[] = {"null", "string", "number", "boolean", "array", "object"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view StripJson(std::string_view text) {
  while (!text.empty() && IsJsonBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsJsonBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool JsonItems::Next() {
  at_ = SkipBlanks(text_, at_);
  if (at_ < text_.size() && text_[at_] == ',') at_ = SkipBlanks(text_, at_ + 1);
  if (at_ + 1 >= text_.size()) return false;
  if (text_[0] == '{') {
    const std::size_t end = EndOfString(text_, at_);
    key_ = text_.substr(at_, end - at_);
    at_ = SkipBlanks(text_, SkipBlanks(text_, end) + 1);  // the colon
  }
  const std::size_t end = EndOfValue(text_, at_);
  value_ = text_.substr(std::min(at_, text_.size()), end - std::min(at_, end));
  at_ = end;
  return true;
}

std::size_t JsonLength(std::string_view container) {
  std::size_t count = 0;
  for (JsonItems items(container); items.Next();) ++count;
  return count;
}

std::string JsonbUnquoted(std::string_view quoted) {
  EvalContext context;
  return JsonUnquoted(quoted, context).value_or("");
}

void AppendJsonQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out.push_back(kHex[c >> 4]);
          out.push_back(kHex[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void AppendJsonbObject(std::string& out, JsonMembers members) {
  std::ranges::stable_sort(members, KeyLess);
  out.push_back('{');
  bool first = true;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i].first == members[i + 1].first) continue;
    if (!first) out += ", ";
    first = false;
    AppendJsonQuoted(out, members[i].first);
    out += ": ";
    out += members[i].second;
  }
  out.push_back('}');
}

std::optional<std::string_view> JsonMember(std::string_view value, std::string_view key, EvalContext& context) {
  if (JsonKindOf(value) != JsonKind::kObject) return std::nullopt;
  std::string quoted;
  AppendJsonQuoted(quoted, key);
  std::optional<std::string_view> found;
  for (JsonItems items(value); items.Next();) {
    if (items.key() == quoted) {
      found = items.value();
    } else if (items.key().find('\\') != std::string_view::npos) {  // json: escapes that need not be
      const auto plain = JsonUnquoted(items.key(), context);
      if (!plain) return std::nullopt;
      if (*plain == key) found = items.value();
    }
  }
  return found;
}

std::optional<std::string_view> JsonElement(std::string_view value, std::int64_t index) {
  if (JsonKindOf(value) != JsonKind::kArray) return std::nullopt;
  if (index < 0) index += static_cast<std::int64_t>(JsonLength(value));
  if (index < 0) return std::nullopt;
  for (JsonItems items(value); items.Next();) {
    if (index-- == 0) return items.value();
  }
  return std::nullopt;
}

bool SameJsonScalar(std::string_view a, std::string_view b) {
  if (a == b) return true;
  return JsonKindOf(a) == JsonKind::kNumber && JsonKindOf(b) == JsonKind::kNumber &&
         Numeric::Parse(a) == Numeric::Parse(b);
}

namespace {

void AppendKeyText(std::string& out, std::string_view quoted) {
  std::string text;
  if (quoted.find('\\') == std::string_view::npos) {
    text = quoted.substr(1, quoted.size() - 2);
  } else {
    text = JsonbUnquoted(quoted);
  }
  AppendKey(out, TypeId::kText, Datum::Of(std::move(text)));
}

// What is behind the kind.
void AppendContent(std::string& out, std::string_view value) {
  switch (JsonKindOf(value)) {
    case JsonKind::kNull:
      return;
    case JsonKind::kBool:
      out.push_back(value == "true" ? 1 : 0);
      return;
    case JsonKind::kString:
      return AppendKeyText(out, value);
    case JsonKind::kNumber:
      return AppendKey(out, TypeId::kNumeric, Datum::Of(Numeric::Parse(value).value_or(Numeric()).Encode()));
    case JsonKind::kArray:
    case JsonKind::kObject:
      break;
  }
  PutBigEndian(out, static_cast<std::uint32_t>(JsonLength(value)));
  const bool object = JsonKindOf(value) == JsonKind::kObject;
  for (JsonItems items(value); items.Next();) {
    if (object) AppendKeyText(out, items.key());
    out.push_back(static_cast<char>(JsonKindOf(items.value())));
    AppendContent(out, items.value());
  }
}

}  // namespace

// PostgreSQL takes a scalar that stands alone for an array of one element which is less than any other of that length:
// so the empty array is less than null.
void AppendJsonbKey(std::string& out, std::string_view value) {
  const JsonKind kind = JsonKindOf(value);
  out.push_back(kind == JsonKind::kObject ? 1 : 0);
  if (kind == JsonKind::kObject) return AppendContent(out, value);
  if (kind == JsonKind::kArray) {
    PutBigEndian(out, static_cast<std::uint32_t>(JsonLength(value)));
    out.push_back(1);
    for (JsonItems items(value); items.Next();) {
      out.push_back(static_cast<char>(JsonKindOf(items.value())));
      AppendContent(out, items.value());
    }
    return;
  }
  PutBigEndian(out, std::uint32_t{1});
  out.push_back(0);
  out.push_back(static_cast<char>(kind));
  AppendContent(out, value);
}

}  // namespace headgate::sql
