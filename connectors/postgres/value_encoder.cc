#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "connectors/postgres/temporal.h"
#include "connectors/postgres/types.h"
#include "core/base/ascii.h"
#include "core/base/encoding.h"

namespace headgate::postgres {
namespace {

constexpr std::size_t kNestingMax = 32;    // deeper values stay text
constexpr std::size_t kDimensionsMax = 6;  // MAXDIM of the server

void PutTextAs(std::string& out, ValueKind kind, std::string_view text) {
  PutBlob(out, IsUtf8(text) ? kind : ValueKind::kRawText, text);
}

template <class T>
bool ParseNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T>
bool ParseFloat(std::string_view text, T& value) {
  if (text.empty()) return false;
  if (IsDigit(text.back())) return ParseNumber(text, value);
  if (text == "NaN") {
    value = std::numeric_limits<T>::quiet_NaN();
  } else if (text == "Infinity") {
    value = std::numeric_limits<T>::infinity();
  } else if (text == "-Infinity") {
    value = -std::numeric_limits<T>::infinity();
  } else {
    return false;
  }
  return true;
}

bool IsNumeric(std::string_view text) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return true;
  std::size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t whole = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  if (i == whole || (text[whole] == '0' && i > whole + 1)) return false;  // as in JSON, where it may go as a number
  if (i == text.size()) return true;
  if (text[i++] != '.') return false;
  const std::size_t fraction = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  return i == text.size() && i > fraction;
}

// Under lc_monetary=C the server prints units of the smallest coin with two fraction digits, "-$1,234.11", whatever the
// database's own locale: the digits alone count, the point goes where that locale has it.
bool AppendMoney(std::string& out, std::string_view text, int digits) {
  char plain[48];
  std::size_t n = 0;
  const bool minus = !text.empty() && text[0] == '-';
  for (const char c : text) {
    if (IsDigit(c)) {
      if (n == 24) return false;
      plain[n++] = c;
    } else if (c != '-' && c != '$' && c != ',' && c != '.') {
      return false;
    }
  }
  if (n == 0) return false;
  const auto fraction = static_cast<std::size_t>(digits);
  std::string_view units(plain, n);
  while (units.size() > 1 && units.size() > fraction + 1 && units[0] == '0') units.remove_prefix(1);
  char number[80];
  std::size_t m = 0;
  if (minus) number[m++] = '-';
  if (units.size() <= fraction) number[m++] = '0';
  const std::size_t whole = units.size() > fraction ? units.size() - fraction : 0;
  std::memcpy(number + m, units.data(), whole);
  m += whole;
  if (fraction > 0) {
    number[m++] = '.';
    for (std::size_t i = units.size(); i < fraction; ++i) number[m++] = '0';
    std::memcpy(number + m, units.data() + whole, units.size() - whole);
    m += units.size() - whole;
  }
  PutBlob(out, ValueKind::kDecimal, {number, m});
  return true;
}

// \x0102 straight into the output.
bool AppendBytea(std::string& out, std::string_view text) {
  if (text.size() < 2 || text[0] != '\\' || text[1] != 'x' || text.size() % 2 != 0) return false;
  text.remove_prefix(2);
  const std::size_t start = out.size();
  out.push_back(static_cast<char>(ValueKind::kBytes));
  PutVarint(out, text.size() / 2);
  const std::size_t data = out.size();
  out.resize(data + text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) {
      out.resize(start);
      return false;
    }
    out[data + i / 2] = static_cast<char>(high * 16 + low);
  }
  return true;
}

bool AppendUuid(std::string& out, std::string_view text) {
  if (text.size() != 36) return false;
  char bytes[16];
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-') return false;
      continue;
    }
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[n++] = static_cast<char>(high * 16 + low);
    i += 2;
  }
  PutUuid(out, {bytes, sizeof bytes});
  return true;
}

bool AppendInterval(std::string& out, std::string_view text) {
  Interval interval;
  if (!ParseInterval(text, interval)) return false;
  PutInterval(out, interval.months, interval.days, interval.us);
  return true;
}

// Numbers; false leaves `out` as it was, as in all of these.
bool AppendNumber(std::string& out, Form form, std::string_view text) {
  std::int64_t i = 0;
  std::uint64_t u = 0;
  float f = 0;
  double d = 0;
  switch (form) {
    case Form::kInt:
      return ParseNumber(text, i) && (PutInt(out, i), true);
    case Form::kUint:
      return ParseNumber(text, u) && (PutUint(out, u), true);
    case Form::kFloat:
      return ParseFloat(text, f) && (PutFloat(out, f), true);
    case Form::kDouble:
      return ParseFloat(text, d) && (PutDouble(out, d), true);
    case Form::kNumeric:
      return IsNumeric(text) && (PutBlob(out, ValueKind::kDecimal, text), true);
    default:
      return false;
  }
}

bool AppendTemporal(std::string& out, Form form, std::string_view text) {
  std::int64_t v = 0;
  std::int32_t offset = 0;
  switch (form) {
    case Form::kDate:
      return ParseDate(text, v) && (PutDate(out, v), true);
    case Form::kTime:
      return ParseTime(text, v) && (PutTime(out, v), true);
    case Form::kTimeTz:
      return ParseTimeTz(text, v, offset) && (PutTimeTz(out, v, offset), true);
    case Form::kTimestamp:
      return ParseTimestamp(text, v) && (PutTimestamp(out, v), true);
    case Form::kTimestampTz:
      return ParseTimestampTz(text, v) && (PutTimestampTz(out, v), true);
    case Form::kInterval:
      return AppendInterval(out, text);
    default:
      return false;
  }
}

bool AppendBool(std::string& out, std::string_view text) {
  if (text != "t" && text != "f") return false;
  PutBool(out, text == "t");
  return true;
}

bool AppendBits(std::string& out, std::string_view text) {
  if (text.find_first_not_of("01") != std::string_view::npos) return false;
  PutBlob(out, ValueKind::kBits, text);
  return true;
}

bool IsNullWord(std::string_view text) {
  return text.size() == 4 && (text[0] | 32) == 'n' && (text[1] | 32) == 'u' && (text[2] | 32) == 'l' &&
         (text[3] | 32) == 'l';
}

// "[0:2][1:1]=" before the braces; lower bounds only, the lengths are counted.
bool TakeBounds(std::string_view& text, std::vector<std::int64_t>& lower) {
  while (!text.empty() && text[0] == '[') {
    const auto colon = text.find(':');
    const auto close = text.find(']');
    if (colon == std::string_view::npos || close == std::string_view::npos || colon > close) return false;
    std::int32_t bound = 0;
    if (!ParseNumber(text.substr(1, colon - 1), bound) || lower.size() == kDimensionsMax) return false;
    lower.push_back(bound);
    text.remove_prefix(close + 1);
  }
  if (lower.empty()) return true;
  if (text.empty() || text[0] != '=') return false;
  text.remove_prefix(1);
  return true;
}

// Walks the braces of an array literal; the elements come out one by one in row-major order.
class ArrayScanner {
 public:
  enum class Step : std::uint8_t { kElement, kEnd, kError };

  ArrayScanner(std::string_view text, char delimiter)
      : p_(text.data()), end_(p_ + text.size()), delimiter_(delimiter) {}

  // The next element: `quoted` or bare. `scratch` holds it if it had escapes.
  Step Next(std::string_view& element, bool& quoted, std::string& scratch) {
    while (p_ != end_) {
      const char c = *p_;
      if (c == '{') {
        if (!Open()) return Step::kError;
      } else if (c == '}') {
        if (!Close()) return Step::kError;
        if (depth_ == 0) return p_ == end_ ? Step::kEnd : Step::kError;
      } else if (c == delimiter_) {
        if (!after_item_) return Step::kError;
        after_item_ = false;
        ++p_;
      } else {
        return TakeElement(element, quoted, scratch) ? Step::kElement : Step::kError;
      }
    }
    return Step::kError;
  }

  // Lengths of the dimensions, known at the end. "{}" has none.
  const std::vector<std::int64_t>& lengths() const { return lengths_; }

 private:
  bool Open() {
    if (after_item_ || depth_ == kDimensionsMax || (leaf_depth_ != 0 && depth_ == leaf_depth_) ||
        (depth_ == 0 && opened_))
      return false;
    opened_ = true;
    counts_[depth_++] = 0;
    ++p_;
    return true;
  }

  bool Close() {
    if (depth_ == 0) return false;
    ++p_;
    const std::int64_t count = counts_[--depth_];
    if (count == 0) {  // only "{}" as a whole
      if (depth_ != 0 || leaf_depth_ != 0) return false;
      return true;
    }
    if (!after_item_) return false;
    if (lengths_.size() <= depth_) lengths_.resize(depth_ + 1, -1);
    if (lengths_[depth_] == -1) lengths_[depth_] = count;
    if (lengths_[depth_] != count) return false;
    if (depth_ > 0) ++counts_[depth_ - 1];
    after_item_ = true;
    return true;
  }

  bool TakeElement(std::string_view& element, bool& quoted, std::string& scratch) {
    if (depth_ == 0 || after_item_) return false;
    if (leaf_depth_ == 0) leaf_depth_ = depth_;
    if (depth_ != leaf_depth_) return false;
    quoted = *p_ == '"';
    if (!(quoted ? TakeQuoted(element, scratch) : TakeBare(element, scratch))) return false;
    ++counts_[depth_ - 1];
    after_item_ = true;
    return true;
  }

  bool TakeQuoted(std::string_view& element, std::string& scratch) {
    const char* start = ++p_;
    bool copied = false;
    for (; p_ != end_ && *p_ != '"'; ++p_) {
      if (*p_ != '\\') continue;
      if (!copied) scratch.clear();
      copied = true;
      scratch.append(start, p_);
      if (++p_ == end_) return false;
      start = p_;  // the escaped character goes along with what follows
    }
    if (p_ == end_) return false;
    if (copied) scratch.append(start, p_);
    element = copied ? std::string_view(scratch) : std::string_view(start, static_cast<std::size_t>(p_ - start));
    ++p_;
    return true;
  }

  bool TakeBare(std::string_view& element, std::string& scratch) {
    scratch.clear();
    bool copied = false;
    const char* start = p_;
    for (; p_ != end_ && *p_ != delimiter_ && *p_ != '}'; ++p_) {
      if (*p_ == '{' || *p_ == '"' || IsSpace(*p_)) return false;  // the server quotes these
      if (*p_ != '\\') continue;
      copied = true;
      scratch.append(start, p_);
      if (++p_ == end_) return false;
      start = p_;
    }
    if (copied) scratch.append(start, p_);
    element = copied ? std::string_view(scratch) : std::string_view(start, static_cast<std::size_t>(p_ - start));
    return !element.empty();
  }

  const char* p_;
  const char* end_;
  char delimiter_;
  std::size_t depth_ = 0;
  std::size_t leaf_depth_ = 0;  // where the elements are, 0 until the first
  bool opened_ = false;
  bool after_item_ = false;  // a delimiter or a closing brace has to come
  std::int64_t counts_[kDimensionsMax] = {};
  std::vector<std::int64_t> lengths_;
};

// One attribute of "(a,"b ""c""",)"; an empty one is NULL. `p` stands behind it afterwards.
bool TakeAttribute(const char*& p, const char* end, bool& is_null, std::string_view& value, std::string& scratch) {
  scratch.clear();
  is_null = p != end && (*p == ',' || *p == ')');
  bool inside = false;
  for (; p != end; ++p) {
    if (!inside && (*p == ',' || *p == ')')) {
      value = scratch;
      return true;
    }
    if (*p == '\\') {
      if (++p == end) return false;
      scratch.push_back(*p);
    } else if (*p == '"') {
      if (inside && p + 1 != end && p[1] == '"') {
        scratch.push_back('"');
        ++p;
      } else {
        inside = !inside;
      }
    } else {
      scratch.push_back(*p);
    }
  }
  return false;
}

}  // namespace

// One level deeper while it lives.
class ValueEncoder::Nesting {
 public:
  explicit Nesting(ValueEncoder& encoder) : encoder_(encoder) { ++encoder_.depth_; }
  ~Nesting() { --encoder_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ValueEncoder& encoder_;
};

ValueEncoder::Level& ValueEncoder::LevelAt(std::size_t depth) {
  while (levels_.size() <= depth) levels_.emplace_back();
  return levels_[depth];
}

void ValueEncoder::Append(std::string& out, const Type& type, std::string_view text) {
  bool done = false;
  switch (type.form) {
    case Form::kText:
      break;
    case Form::kJson:
      PutTextAs(out, ValueKind::kJson, text);
      return;
    case Form::kInt:
    case Form::kUint:
    case Form::kFloat:
    case Form::kDouble:
    case Form::kNumeric:
      done = AppendNumber(out, type.form, text);
      break;
    case Form::kBool:
      done = AppendBool(out, text);
      break;
    case Form::kMoney:
      done = AppendMoney(out, text, type.money_digits);
      break;
    case Form::kBytes:
      done = AppendBytea(out, text);
      break;
    case Form::kBits:
      done = AppendBits(out, text);
      break;
    case Form::kUuid:
      done = AppendUuid(out, text);
      break;
    case Form::kArray:
      done = AppendArray(out, type, text);
      break;
    case Form::kComposite:
      done = AppendComposite(out, type, text);
      break;
    default:
      done = AppendTemporal(out, type.form, text);
      break;
  }
  if (!done) PutTextAs(out, ValueKind::kText, text);
}

bool ValueEncoder::AppendArray(std::string& out, const Type& type, std::string_view text) {
  if (depth_ == kNestingMax) return false;
  Level& level = LevelAt(depth_);
  const Nesting deeper(*this);
  level.body.clear();
  const Type& element_type = *type.parts[0];
  std::vector<std::int64_t> lower;
  if (!TakeBounds(text, lower)) return false;
  ArrayScanner scanner(text, element_type.delimiter);
  for (;;) {
    std::string_view element;
    bool quoted = false;
    const auto step = scanner.Next(element, quoted, level.text);
    if (step == ArrayScanner::Step::kError) return false;
    if (step == ArrayScanner::Step::kEnd) break;
    if (!quoted && IsNullWord(element)) {
      PutNull(level.body);
    } else {
      Append(level.body, element_type, element);
    }
  }
  const auto& lengths = scanner.lengths();
  if (!lower.empty() && lower.size() != lengths.size()) return false;
  level.dimensions.clear();
  for (std::size_t i = 0; i < lengths.size(); ++i)
    level.dimensions.push_back({lengths[i], lower.empty() ? 1 : lower[i]});
  level.payload.clear();
  PutArrayHeader(level.payload, level.dimensions);
  level.payload += level.body;
  PutBlob(out, ValueKind::kArray, level.payload);
  return true;
}

bool ValueEncoder::AppendComposite(std::string& out, const Type& type, std::string_view text) {
  if (depth_ == kNestingMax || text.size() < 2 || text.front() != '(') return false;
  Level& level = LevelAt(depth_);
  const Nesting deeper(*this);
  level.body.clear();
  const char* p = text.data() + 1;
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < type.parts.size(); ++i) {
    bool is_null = false;
    std::string_view value;
    if (!TakeAttribute(p, end, is_null, value, level.text)) return false;
    if (is_null) {
      PutNull(level.body);
    } else {
      Append(level.body, *type.parts[i], value);
    }
    const bool last = i + 1 == type.parts.size();
    if (*p != (last ? ')' : ',')) return false;
    ++p;
  }
  if (type.parts.empty() && *p++ != ')') return false;
  if (p != end) return false;
  PutBlob(out, ValueKind::kComposite, level.body);
  return true;
}

}  // namespace headgate::postgres
