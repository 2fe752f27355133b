#include "core/codec/json_decoder.h"

#include <charconv>
#include <deque>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/codec/decimal.h"
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
    compact_.clear();
    bad_text_ = false;
    // Walk may rely on what follows from this: every bracket is closed, every token is whole, no blanks between.
    if (!IsUtf8(bytes) || !AppendCompactJson(compact_, bytes))
      return Rejected("the record is no JSON document: " + std::to_string(bytes.size()) + " bytes");
    rest_ = compact_;
    Walk(wanted_, values);
    if (!bad_text_) return Ok();
    values.assign(columns_, absent);
    return Rejected("the record is JSON with a string that is no text: half a surrogate pair");
  }

 private:
  // Takes the next value off.
  std::string_view Take() {
    const std::string_view start = rest_;
    int depth = 0;
    do {
      switch (rest_.front()) {
        case '{':
        case '[':
          ++depth;
          rest_.remove_prefix(1);
          break;
        case '}':
        case ']':
          --depth;
          rest_.remove_prefix(1);
          break;
        case '"':
          TakeString();
          break;
        case ',':
        case ':':
          rest_.remove_prefix(1);
          break;
        default:
          rest_.remove_prefix(std::min(rest_.find_first_of(",]}"), rest_.size()));
      }
    } while (depth > 0);
    return start.substr(0, start.size() - rest_.size());
  }

  // With its quotes.
  std::string_view TakeString() {
    std::size_t end = 1;
    while (rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    const std::string_view token = rest_.substr(0, end + 1);
    rest_.remove_prefix(end + 1);
    return token;
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
    if (const auto read = std::from_chars(token.data(), end, v.i); read.ec == std::errc() && read.ptr == end) {
      v.kind = ValueKind::kInt;
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

  Value ValueOf(std::string_view token) {
    Value v;
    switch (token.front()) {
      case '{':
      case '[':
        v.kind = ValueKind::kJson;
        v.text = token;
        return v;
      case '"':
        v.kind = ValueKind::kText;
        v.text = TextOf(token);
        return v;
      case 't':
      case 'f':
        v.kind = ValueKind::kBool;
        v.b = token.front() == 't';
        return v;
      default:
        return NumberOf(token);
    }
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

  void Walk(const WantedFields& wanted, std::vector<Value>& values) {
    const char first = rest_.front();
    if (first == 'n') {
      Take();
      return wanted.SetNull(values);
    }
    if (wanted.type_column >= 0) {
      Value& name = values[static_cast<std::size_t>(wanted.type_column)];
      name = Value{};
      name.kind = ValueKind::kText;
      name.text = TypeOf(first);
    }
    const std::string_view whole = rest_;
    if (first != '{' || wanted.fields.empty()) {
      const std::string_view token = Take();
      if (wanted.column >= 0) values[static_cast<std::size_t>(wanted.column)] = ValueOf(token);
      return;
    }
    rest_.remove_prefix(1);
    while (rest_.front() != '}') {
      if (rest_.front() == ',') rest_.remove_prefix(1);
      const std::string_view name = TextOf(TakeString());
      rest_.remove_prefix(1);  // the colon
      if (const WantedFields* below = wanted.Find(name)) {
        Walk(*below, values);
      } else {
        Take();
      }
    }
    rest_.remove_prefix(1);
    if (wanted.column >= 0)
      values[static_cast<std::size_t>(wanted.column)] = ValueOf(whole.substr(0, whole.size() - rest_.size()));
  }

  const WantedFields wanted_;
  const std::size_t columns_;
  std::string compact_;
  std::string_view rest_;  // of compact_: what is not read yet
  std::deque<std::string> kept_;
  bool bad_text_ = false;
};

}  // namespace

Result<std::unique_ptr<RecordDecoder>> MakeJsonDecoder(const std::vector<FieldPath>& paths) {
  HG_ASSIGN_OR_RETURN(WantedFields wanted, WantedOf(paths));
  return std::unique_ptr<RecordDecoder>(std::make_unique<JsonDecoder>(std::move(wanted), paths.size()));
}

}  // namespace headgate::codec
