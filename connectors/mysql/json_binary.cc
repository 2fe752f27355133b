#include "connectors/mysql/json_binary.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "connectors/mysql/decimal.h"
#include "connectors/mysql/table_map.h"
#include "connectors/mysql/temporal.h"
#include "core/base/bytes.h"
#include "core/base/encoding.h"
#include "core/codec/mysql_text.h"

namespace headgate::mysql {
namespace {

// Lengths in seven bits a byte, lowest first, five bytes at most.
bool TakeLength(ByteReader& in, std::size_t& length) {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const std::uint8_t b = in.Byte();
    v |= static_cast<std::uint64_t>(b & 0x7F) << shift;
    if (b < 0x80) {
      length = static_cast<std::size_t>(v);
      return !in.failed() && v <= in.remaining();
    }
  }
  return false;
}

// Nothing in the text tells it from a double, and upstream would write that in another way.
bool LooksLikeOddDouble(std::string_view decimal) {
  if (decimal.find('.') == std::string_view::npos || codec::IsSurelyDecimal(decimal)) return false;
  double v = 0;
  std::from_chars(decimal.data(), decimal.data() + decimal.size(), v);
  v = std::fabs(v);
  return (v != 0 && v < 1e-3) || v >= 1e7;
}

bool AppendOpaqueDecimal(std::string& out, std::string_view data, JsonForm form, bool& marks) {
  ByteReader in(data);
  const int precision = in.Byte();
  const int scale = in.Byte();
  const std::size_t start = out.size();
  AppendDecimal(out, in, precision, scale);
  if (in.failed()) return false;
  if (LooksLikeOddDouble(std::string_view(out).substr(start))) marks = true;
  if (form == JsonForm::kMarked) out.push_back('m');
  return true;
}

void DropZeros(std::string& out) {
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
}

bool AppendOpaqueTime(std::string& out, ColumnType type, std::string_view data, JsonForm form, bool& marks) {
  constexpr int kDigits = 6;
  ByteReader in(data);
  const auto packed = in.Fixed<std::int64_t>();
  if (in.failed()) return false;
  out.push_back('"');
  if (type == ColumnType::kTime) {
    AppendTimeText(out, UnpackTime(packed), kDigits);
  } else {
    const StoredMoment at = UnpackMoment(packed);
    AppendDateText(out, at);
    if (type != ColumnType::kDate) {
      out.push_back(' ');
      AppendClockText(out, at.hour, at.minute, at.second, at.us, kDigits);
    }
  }
  if (type != ColumnType::kDate && out.back() == '0') {
    marks = true;
    if (form == JsonForm::kMarked) DropZeros(out);
  }
  out.push_back('"');
  return true;
}

bool AppendOpaque(std::string& out, std::string_view bytes, JsonForm form, bool& marks) {
  ByteReader in(bytes);
  const auto type = static_cast<ColumnType>(in.Byte());
  std::size_t length = 0;
  if (!TakeLength(in, length)) return false;
  const std::string_view data = in.Take(length);
  switch (type) {
    case ColumnType::kNewDecimal:
      return AppendOpaqueDecimal(out, data, form, marks);
    case ColumnType::kDate:
    case ColumnType::kTime:
    case ColumnType::kDatetime:
    case ColumnType::kTimestamp:
      return AppendOpaqueTime(out, type, data, form, marks);
    default:
      break;
  }
  constexpr std::size_t kLine = 76;
  const std::string base64 = Base64(data);
  out += "\"base64:type" + std::to_string(static_cast<unsigned>(type)) + ":";
  for (std::size_t i = 0; i < base64.size(); i += kLine) {
    if (i > 0) out += "\\n";
    out.append(base64, i, kLine);
  }
  out.push_back('"');
  return true;
}

template <class T>
bool AppendNumber(std::string& out, std::string_view bytes) {
  ByteReader in(bytes);
  const T v = in.Fixed<T>();
  if (in.failed()) return false;
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof digits, v).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
  return true;
}

bool AppendLiteral(std::string& out, std::string_view bytes) {
  constexpr std::string_view kWords[] = {"null", "true", "false"};
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) > 2) return false;
  out += kWords[static_cast<unsigned char>(bytes[0])];
  return true;
}

bool AppendScalar(std::string& out, const JsonValue& value, JsonForm form, bool& marks) {
  ByteReader in(value.bytes);
  switch (value.type) {
    case kJsonLiteral:
      return AppendLiteral(out, value.bytes);
    case kJsonInt16:
      return AppendNumber<std::int16_t>(out, value.bytes);
    case kJsonUint16:
      return AppendNumber<std::uint16_t>(out, value.bytes);
    case kJsonInt32:
      return AppendNumber<std::int32_t>(out, value.bytes);
    case kJsonUint32:
      return AppendNumber<std::uint32_t>(out, value.bytes);
    case kJsonInt64:
      return AppendNumber<std::int64_t>(out, value.bytes);
    case kJsonUint64:
      return AppendNumber<std::uint64_t>(out, value.bytes);
    case kJsonDouble: {
      const auto v = in.Fixed<double>();
      if (in.failed() || !std::isfinite(v)) return false;
      codec::AppendMysqlDouble(out, v);
      return true;
    }
    case kJsonString: {
      std::size_t length = 0;
      if (!TakeLength(in, length)) return false;
      const std::string_view text = in.Take(length);
      if (!IsUtf8(text)) return false;
      AppendJsonText(out, text);
      return true;
    }
    case kJsonOpaque:
      return AppendOpaque(out, value.bytes, form, marks);
    default:
      return false;
  }
}

}  // namespace

JsonContainer::JsonContainer(const JsonValue& value)
    : bytes_(value.bytes),
      width_(value.type == kJsonLargeObject || value.type == kJsonLargeArray ? 4 : 2),
      object_(IsJsonObject(value.type)) {
  good_ = (object_ || IsJsonArray(value.type)) && bytes_.size() >= 2 * width_;
  if (!good_) return;
  count_ = Number(0);
  const std::size_t size = Number(width_);
  const std::size_t entry = 1 + width_ + (object_ ? width_ + 2 : 0);
  good_ = size <= bytes_.size() && 2 * width_ + count_ * entry <= size;
  bytes_ = good_ ? bytes_.substr(0, size) : std::string_view();
  if (!good_) count_ = 0;
}

std::uint32_t JsonContainer::Number(std::size_t at) const {
  std::uint32_t v = 0;
  std::memcpy(&v, bytes_.data() + at, width_);
  return v;
}

std::string_view JsonContainer::Key(std::size_t i) {
  const std::size_t entry = 2 * width_ + i * (width_ + 2);
  const std::size_t offset = Number(entry);
  std::uint16_t length = 0;
  std::memcpy(&length, bytes_.data() + entry + width_, 2);
  if (offset > bytes_.size() || length > bytes_.size() - offset) {
    good_ = false;
    return {};
  }
  return bytes_.substr(offset, length);
}

JsonValue JsonContainer::At(std::size_t i) {
  const std::size_t entry = 2 * width_ + (object_ ? count_ * (width_ + 2) : 0) + i * (width_ + 1);
  JsonValue value;
  value.type = static_cast<std::uint8_t>(bytes_[entry]);
  const bool inlined = value.type == kJsonLiteral || value.type == kJsonInt16 || value.type == kJsonUint16 ||
                       (width_ == 4 && (value.type == kJsonInt32 || value.type == kJsonUint32));
  if (inlined) {
    value.bytes = bytes_.substr(entry + 1, width_);
    return value;
  }
  const std::size_t offset = Number(entry + 1);
  if (offset >= bytes_.size() || offset <= entry) {
    good_ = false;
    return {};
  }
  value.bytes = bytes_.substr(offset);
  return value;
}

namespace {

struct Walk {
  std::string& out;
  const JsonForm form;
  bool& marks;
  // Entries may name the same bytes over and over; no document that a server made becomes so long.
  const std::size_t size_max;
};

bool AppendAny(const Walk& walk, const JsonValue& value, int depth) {
  const bool object = IsJsonObject(value.type);
  if (!object && !IsJsonArray(value.type)) return AppendScalar(walk.out, value, walk.form, walk.marks);
  JsonContainer container(value);
  if (!container.good() || depth > kJsonDepthMax) return false;
  walk.out.push_back(object ? '{' : '[');
  for (std::size_t i = 0; i < container.size(); ++i) {
    if (walk.out.size() > walk.size_max) return false;
    if (i > 0) walk.out.push_back(',');
    if (object) {
      const std::string_view key = container.Key(i);
      if (!container.good() || !IsUtf8(key)) return false;
      AppendJsonText(walk.out, key);
      walk.out.push_back(':');
    }
    const JsonValue element = container.At(i);
    if (!container.good() || !AppendAny(walk, element, depth + 1)) return false;
  }
  walk.out.push_back(object ? '}' : ']');
  return true;
}

}  // namespace

bool AppendJsonValue(std::string& out, const JsonValue& value, JsonForm form, bool& marks) {
  constexpr std::size_t kGrowth = 16;
  return AppendAny({out, form, marks, out.size() + kGrowth * value.bytes.size() + 64}, value, 0);
}

bool AppendJsonDocument(std::string& out, std::string_view document, JsonForm form, bool& marks) {
  if (document.empty()) {  // what is put into a NOT NULL column by default
    out += "null";
    return true;
  }
  return AppendJsonValue(out, {static_cast<std::uint8_t>(document[0]), document.substr(1)}, form, marks);
}

void AppendJsonText(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out.push_back('\\');
    constexpr std::string_view kShort = "\b\t\n\f\r";
    if (c == '"' || c == '\\') {
      out.push_back(static_cast<char>(c));
    } else if (const std::size_t at = kShort.find(static_cast<char>(c)); at != std::string_view::npos) {
      out.push_back("btnfr"[at]);
    } else {
      out += "u00";
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    }
  }
  out.append(text, plain);
  out.push_back('"');
}

}  // namespace headgate::mysql
