#include "connectors/http/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "connectors/http/json_number.h"
#include "core/base/ascii.h"
#include "core/base/encoding.h"
#include "core/sql/array_value.h"
#include "core/sql/cast.h"
#include "core/sql/function.h"
#include "core/sql/numeric.h"

namespace headgate::http {
namespace {

namespace ondemand = simdjson::ondemand;
using sql::TypeId;

constexpr std::size_t kDimensionsMax = 6;        // as PostgreSQL
constexpr std::size_t kRoundedDigitsMax = 2100;  // before the point, of a number that numeric(p,s) may hold

std::string_view TrimEnd(std::string_view token) {
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' || token.back() == '\r'))
    token.remove_suffix(1);
  return token;
}

// The text of a value as it stands in the document. False: it is not JSON. Brackets are only paired.
bool RawText(ondemand::value value, std::string_view& raw) {
  ondemand::json_type type;
  if (value.type().get(type)) return false;
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    return !value.get_object().get(object) && !object.raw_json().get(raw);
  }
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    return !value.get_array().get(array) && !array.raw_json().get(raw);
  }
  raw = TrimEnd(value.raw_json_token());
  return true;
}

int DepthOf(std::string_view json) {
  int depth = 0;
  int most = 0;
  bool inside = false;  // a string
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      if (c == '\\') ++i;
      if (c == '"') inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return most;
}

bool IsNumeric(const sql::Type& type) { return !type.array && type.id >= TypeId::kInt2 && type.id <= TypeId::kNumeric; }

}  // namespace

bool SkipValue(ondemand::value value, int depth) {
  ondemand::json_type type;
  if (depth > kJsonDepthMax || value.type().get(type)) return false;
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      if (value.get_object().get(object)) return false;
      for (auto item : object) {
        ondemand::field field;
        std::string_view name;
        if (std::move(item).get(field) || field.unescaped_key().get(name)) return false;
        if (!SkipValue(field.value(), depth + 1)) return false;
      }
      return true;
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      if (value.get_array().get(array)) return false;
      for (auto item : array) {
        ondemand::value element;
        if (std::move(item).get(element) || !SkipValue(element, depth + 1)) return false;
      }
      return true;
    }
    case ondemand::json_type::number:
      return IsJsonNumber(TrimEnd(value.raw_json_token()));
    case ondemand::json_type::string: {
      std::string_view text;
      return !value.get_string().get(text);
    }
    case ondemand::json_type::boolean: {
      bool flag = false;
      return !value.get_bool().get(flag);
    }
    case ondemand::json_type::null:
      return TrimEnd(value.raw_json_token()) == "null";
  }
  return false;
}

ValueReader::Outcome ValueReader::Refuse(const sql::Type& type, std::string_view got) {
  detail_ = "expected " + sql::Name(type) + ", got ";
  detail_ += got;
  return Outcome::kRefused;
}

ValueReader::Outcome ValueReader::Append(std::string& out, const sql::Type& type, ondemand::value value) {
  ondemand::json_type kind;
  if (value.type().get(kind)) return Outcome::kMalformed;
  if (kind == ondemand::json_type::null) {
    if (TrimEnd(value.raw_json_token()) != "null") return Outcome::kMalformed;
    PutNull(out);
    return Outcome::kNull;
  }
  if (type.Is(TypeId::kJson) || type.Is(TypeId::kJsonb)) return AppendJson(out, type, value);
  switch (kind) {
    case ondemand::json_type::number: {
      const std::string_view token = TrimEnd(value.raw_json_token());
      return IsJsonNumber(token) ? AppendNumber(out, type, token) : Outcome::kMalformed;
    }
    case ondemand::json_type::string: {
      std::string_view text;
      if (value.get_string().get(text)) return Outcome::kMalformed;
      return AppendString(out, type, text);
    }
    case ondemand::json_type::boolean: {
      bool flag = false;
      if (value.get_bool().get(flag)) return Outcome::kMalformed;
      if (!type.Is(TypeId::kBool)) return Refuse(type, flag ? "true" : "false");
      PutBool(out, flag);
      return Outcome::kOk;
    }
    case ondemand::json_type::array:
      if (type.array) return AppendArray(out, type, value);
      break;
    default:
      break;
  }
  if (!SkipValue(value)) return Outcome::kMalformed;
  return Refuse(type, kind == ondemand::json_type::array ? "an array" : "an object");
}

ValueReader::Outcome ValueReader::AppendNumber(std::string& out, const sql::Type& type, std::string_view token) {
  if (!IsNumeric(type)) return Refuse(type, "a number");
  switch (type.id) {
    case TypeId::kFloat4:
    case TypeId::kFloat8:
      return AppendFloat(out, type, token);
    case TypeId::kNumeric:
      return AppendDecimal(out, type, token, "a number");
    default:
      return AppendInteger(out, type, token);
  }
}

ValueReader::Outcome ValueReader::AppendDecimal(std::string& out, const sql::Type& type, std::string_view text,
                                                std::string_view got) {
  digits_.clear();
  switch (ExpandDecimal(text, digits_)) {
    case Expanded::kNoNumber:  // NaN and the infinities
      return AppendFromText(out, type, text, got);
    case Expanded::kOutOfRange:
      return Refuse(type, std::string(got) + " out of range");
    case Expanded::kOk:
      break;
  }
  if (type.mod < 0) {
    PutBlob(out, ValueKind::kDecimal, digits_);
    return Outcome::kOk;
  }
  // Rounding looks at one digit more than it keeps.
  const std::size_t point = std::min(digits_.find('.'), digits_.size());
  if (point > kRoundedDigitsMax) return Refuse(type, std::string(got) + " out of range");
  const auto scale = static_cast<std::size_t>(std::max(sql::NumericScale(type.mod), 0));
  if (digits_.size() > point + scale + 2) digits_.resize(point + scale + 2);
  return AppendFromText(out, type, digits_, got);
}

ValueReader::Outcome ValueReader::AppendInteger(std::string& out, const sql::Type& type, std::string_view token) {
  std::int64_t number = 0;
  const char* const end = token.data() + token.size();
  const auto read = std::from_chars(token.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) {  // 7.0, 7e2, or too large
    double about = 0;
    if (std::from_chars(token.data(), end, about).ec != std::errc() || std::abs(about) > 1e19)
      return Refuse(type, "a number out of range");
    const auto exact = token.size() < 100 ? sql::Numeric::Parse(token) : std::nullopt;
    if (!exact || !exact->Whole()) return Refuse(type, "a number with a fraction");
    const auto whole = exact->ToInt64();
    if (!whole) return Refuse(type, "a number out of range");
    number = *whole;
  }
  const bool fits =
      type.id == TypeId::kInt8 || (type.id == TypeId::kInt4 ? number == static_cast<std::int32_t>(number)
                                                            : number == static_cast<std::int16_t>(number));
  if (!fits) return Refuse(type, "a number out of range");
  PutInt(out, number);
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendFloat(std::string& out, const sql::Type& type, std::string_view token) {
  const char* const end = token.data() + token.size();
  if (type.id == TypeId::kFloat4) {
    float number = 0;
    if (std::from_chars(token.data(), end, number).ec != std::errc()) return Refuse(type, "a number out of range");
    PutFloat(out, number);
  } else {
    double number = 0;
    if (std::from_chars(token.data(), end, number).ec != std::errc()) return Refuse(type, "a number out of range");
    PutDouble(out, number);
  }
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendString(std::string& out, const sql::Type& type, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return Refuse(type, "a string with \\u0000");
  if (type.Is(TypeId::kText) || type.Is(TypeId::kVarchar) || type.Is(TypeId::kBpchar))
    return AppendText(out, type, text);
  if (type.Is(TypeId::kBool)) return Refuse(type, "a string");
  if (type.Is(TypeId::kBytea)) return AppendBytes(out, type, text);
  if (type.Is(TypeId::kNumeric)) return AppendDecimal(out, type, StripSpace(text), "a string");
  return AppendFromText(out, type, text, "a string");
}

ValueReader::Outcome ValueReader::AppendText(std::string& out, const sql::Type& type, std::string_view text) {
  if (type.mod >= 0 || type.id == TypeId::kBpchar) return AppendFromText(out, type, text, "a string");
  PutBlob(out, ValueKind::kText, text);
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendBytes(std::string& out, const sql::Type& type, std::string_view text) {
  if (text.starts_with("\\x")) return AppendFromText(out, type, text, "a string");
  const auto bytes = FromBase64(text);
  if (!bytes) return Refuse(type, "a string that is neither base64 nor \\x and hexadecimal digits");
  PutBlob(out, ValueKind::kBytes, *bytes);
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendJson(std::string& out, const sql::Type& type, ondemand::value value) {
  std::string_view raw;
  if (!RawText(value, raw)) return Outcome::kMalformed;
  if (DepthOf(raw) > kJsonDepthMax) return Outcome::kMalformed;
  const sql::Datum datum = sql::FromText(type, raw, context_);
  if (!context_.failed()) {
    sql::PutDatum(out, type, datum);
    return Outcome::kOk;
  }
  const bool unwritable = context_.errors()[0].code != "22P02";  // jsonb has no \u0000, and no number of any length
  context_.Reset();
  return unwritable ? Refuse(type, "JSON that it cannot hold") : Outcome::kMalformed;
}

ValueReader::Outcome ValueReader::AppendArray(std::string& out, const sql::Type& type, ondemand::value value) {
  dimensions_.clear();
  elements_.clear();
  const Outcome outcome = AppendElements(type.Element(), value, 0);
  if (outcome != Outcome::kOk) return outcome;
  const bool empty = dimensions_.size() == 1 && dimensions_[0].length == 0;
  const bool hole = std::ranges::find(dimensions_, 0, &ArrayDimension::length) != dimensions_.end();
  if (hole && !empty) return Refuse(type, "an array of empty arrays");
  if (empty) dimensions_.clear();
  std::string payload;
  PutArrayHeader(payload, dimensions_);
  payload += elements_;
  PutBlob(out, ValueKind::kArray, payload);
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendElements(const sql::Type& element, ondemand::value value, std::size_t depth) {
  const sql::Type whole = element.ArrayOf();
  ondemand::array array;
  if (value.get_array().get(array)) return Outcome::kMalformed;
  if (depth == kDimensionsMax) return Refuse(whole, "an array of more than 6 dimensions");
  const bool first = dimensions_.size() == depth;
  if (first) dimensions_.push_back({-1, 1});
  std::int64_t length = 0;
  for (auto item : array) {
    Value one;
    ondemand::json_type kind;
    if (std::move(item).get(one) || one.type().get(kind)) return Outcome::kMalformed;
    ++length;
    const bool nested = kind == ondemand::json_type::array && !element.Is(TypeId::kJson) && !element.Is(TypeId::kJsonb);
    const bool deepest = dimensions_.size() == depth + 1;  // as far as is known
    const bool leads = first && length == 1;               // it decides what the others have to be
    if (!leads && nested == deepest) return Refuse(whole, "an array whose parts are of different shapes");
    const Outcome outcome = nested ? AppendElements(element, one, depth + 1) : Append(elements_, element, one);
    if (outcome == Outcome::kMalformed || outcome == Outcome::kRefused) return outcome;
  }
  if (dimensions_[depth].length >= 0 && dimensions_[depth].length != length)
    return Refuse(whole, "an array whose parts are of different lengths");
  dimensions_[depth].length = length;
  return Outcome::kOk;
}

ValueReader::Outcome ValueReader::AppendFromText(std::string& out, const sql::Type& type, std::string_view text,
                                                 std::string_view got) {
  sql::Datum datum = sql::FromText(type.Bare(), text, context_);
  if (!context_.failed()) datum = sql::ApplyModifier(type, std::move(datum), false, context_);
  if (!context_.failed()) {
    if (type.Is(TypeId::kBpchar)) {  // the log has it as the server writes it
      PutBlob(out, ValueKind::kText, sql::ToText(type, datum, "UTC"));
    } else {
      sql::PutDatum(out, type, datum);
    }
    return Outcome::kOk;
  }
  const std::string code = context_.errors()[0].code;
  context_.Reset();
  std::string what(got);
  if (code == "22001") {
    what += " that is too long";
  } else if (code == "22003" || code == "22008") {
    what += " out of range";
  } else {
    what += " that is none";
  }
  return Refuse(type, what);
}

}  // namespace headgate::http
