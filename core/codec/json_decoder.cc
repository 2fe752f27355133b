#include "core/codec/json_decoder.h"

#include <charconv>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/encoding.h"
#include "core/codec/decimal.h"
#include "core/codec/json_scan.h"
#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

constexpr int kPlainDigitsMax = 1'000;

class JsonDecoder final : public RecordDecoder {
 public:
  JsonDecoder(WantedFields wanted, std::size_t columns) : wanted_(std::move(wanted)), columns_(columns) {}

  Status Decode(std::string_view bytes, std::vector<Value>& values) override {
    Value absent;
    absent.kind = ValueKind::kAbsent;
    values.assign(columns_, absent);
    kept_.clear();
    bad_text_ = false;
    p_ = bytes.data();
    end_ = p_ + bytes.size();
    const bool whole = IsUtf8(bytes) && Walk(wanted_, values) && !HasMore();
    if (whole && !bad_text_) return Ok();
    values.assign(columns_, absent);
    if (whole) return Rejected("the record is JSON with a string that is no text: half a surrogate pair");
    return Rejected("the record is no JSON document: " + std::to_string(bytes.size()) + " bytes");
  }

 private:
  // False at the end; else blanks are passed.
  bool HasMore() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\n' || *p_ == '\r')) ++p_;
    return p_ != end_;
  }
  bool TakeOne(char c) {
    if (!HasMore() || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!std::string_view(p_, static_cast<std::size_t>(end_ - p_)).starts_with(word)) return false;
    p_ += word.size();
    return true;
  }
  // The token up to `behind`; empty if that is nullptr.
  std::string_view TakeTo(const char* behind) {
    if (behind == nullptr) return {};
    return {std::exchange(p_, behind), behind};
  }

  std::string_view TextOf(std::string_view token) {
    const std::string_view inside = token.substr(1, token.size() - 2);
    if (inside.find('\\') == std::string_view::npos) return inside;
    const auto json = nlohmann::json::parse(token, nullptr, false);
    bad_text_ = bad_text_ || !json.is_string();
    return json.is_string() ? std::string_view(kept_.emplace_back(json.get<std::string>())) : std::string_view();
  }

  Value NumberOf(std::string_view token) {
    Value v;
    const char* const end = token.data() + token.size();
    v.kind = ValueKind::kInt;
    const auto whole = std::from_chars(token.data(), end, v.i);
    if (whole.ec == std::errc() && whole.ptr == end) return v;
    // As a rule, what is no integer is plain already.
    if (whole.ec == std::errc() && IsPlainFraction(token)) {
      v.kind = ValueKind::kDecimal;
      v.text = token;
      return v;
    }
    if (const auto read = std::from_chars(token.data(), end, v.u); read.ec == std::errc() && read.ptr == end) {
      v.kind = ValueKind::kUint;
      return v;
    }
    const auto decimal = ParseDecimal(token);
    const bool plain = decimal && decimal->scale <= kPlainDigitsMax && decimal->scale >= -kPlainDigitsMax &&
                       decimal->digits.size() <= kPlainDigitsMax;
    if (!plain) {
      v.kind = ValueKind::kText;
      v.text = token;
      return v;
    }
    std::string& text = kept_.emplace_back();
    AppendPlainDecimal(text, *decimal);
    v.kind = ValueKind::kDecimal;
    v.text = text;
    return v;
  }
  static bool IsPlainFraction(std::string_view token) {
    return token.size() <= kPlainDigitsMax && !token.starts_with("-0") &&
           token.find_first_of("eE") == std::string_view::npos;
  }

  static std::string_view TypeOf(char first) {
    switch (first) {
      case '{':
        return "object";
      case '[':
        return "array";
      case '"':
        return "string";
      case 't':
      case 'f':
        return "boolean";
      default:
        return "number";
    }
  }

  // Takes the next value off. False: there is none.
  bool Walk(const WantedFields& wanted, std::vector<Value>& values) {
    if (!HasMore()) return false;
    const char first = *p_;
    if (first == 'n') {
      wanted.SetNull(values);
      return TakeWord("null");
    }
    if (wanted.type_column >= 0) {
      Value& name = values[static_cast<std::size_t>(wanted.type_column)];
      name = Value{};
      name.kind = ValueKind::kText;
      name.text = TypeOf(first);
    }
    Value* const value = wanted.column >= 0 ? &values[static_cast<std::size_t>(wanted.column)] : nullptr;
    if (first != '{' && first != '[') return TakeScalar(value);
    if (first == '[' || wanted.fields.empty()) return TakeJson(value);
    if (value != nullptr) {
      const char* const start = p_;
      if (!TakeJson(value)) return false;
      p_ = start;
    }
    return TakeMembers(wanted, values);
  }

  bool TakeScalar(Value* value) {
    if (value != nullptr) *value = Value{};
    if (*p_ == '"') {
      const std::string_view token = TakeTo(SkipJsonString(p_, end_));
      if (token.empty() || value == nullptr) return !token.empty();
      value->kind = ValueKind::kText;
      value->text = TextOf(token);
      return true;
    }
    if (*p_ == 't' || *p_ == 'f') {
      const bool yes = *p_ == 't';
      if (!TakeWord(yes ? "true" : "false")) return false;
      if (value == nullptr) return true;
      value->kind = ValueKind::kBool;
      value->b = yes;
      return true;
    }
    const std::string_view token = TakeTo(SkipJsonNumber(p_, end_));
    if (!token.empty() && value != nullptr) *value = NumberOf(token);
    return !token.empty();
  }

  // An object or an array as it is.
  bool TakeJson(Value* value) {
    skipped_.clear();
    std::string& text = value != nullptr ? kept_.emplace_back() : skipped_;
    const std::size_t size = AppendCompactJsonValue(text, {p_, end_});
    p_ += size;
    if (size == 0 || value == nullptr) return size != 0;
    *value = Value{};
    value->kind = ValueKind::kJson;
    value->text = text;
    return true;
  }

  bool TakeMembers(const WantedFields& wanted, std::vector<Value>& values) {
    ++p_;
    if (!HasMore()) return false;
    if (*p_ == '}') return TakeOne('}');
    std::size_t next = 0;  // records have their fields in the same order, and often columns are declared in it
    do {
      if (!HasMore() || *p_ != '"') return false;
      const std::string_view token = TakeTo(SkipJsonString(p_, end_));
      if (token.empty() || !TakeOne(':')) return false;
      const std::string_view name = TextOf(token);
      const bool as_expected = next < wanted.fields.size() && wanted.fields[next].name == name;
      const WantedFields* const below = as_expected ? &wanted.fields[next++].wanted : wanted.Find(name);
      if (!Walk(below != nullptr ? *below : nothing_, values)) return false;
    } while (TakeOne(','));
    return TakeOne('}');
  }

  const WantedFields wanted_;
  const std::size_t columns_;
  const WantedFields nothing_;
  const char* p_ = nullptr;  // what is not read yet
  const char* end_ = nullptr;
  std::string skipped_;
  std::deque<std::string> kept_;
  bool bad_text_ = false;
};

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeJsonDecoder(const std::vector<FieldPath>& paths) {
  HG_ASSIGN_OR_RETURN(WantedFields wanted, WantedOf(paths));
  return std::unique_ptr<RecordDecoder>(std::make_unique<JsonDecoder>(std::move(wanted), paths.size()));
}

}  // namespace headgate::codec
