#include <algorithm>
#include <charconv>
#include <limits>

#include "core/base/ascii.h"
#include "core/sql/array_value.h"
#include "core/sql/function.h"
#include "core/sql/text_forms.h"

// Array literals, as PostgreSQL 15 reads and writes them.
namespace headgate::sql {
namespace {

constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();

bool IsNull(std::string_view text) {
  return std::ranges::equal(text, std::string_view("null"), {}, [](char c) { return static_cast<char>(c | 0x20); });
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty() || IsNull(text)) return true;
  return std::ranges::any_of(
      text, [](char c) { return c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || IsSpace(c); });
}

class ArrayTextWriter {
 public:
  ArrayTextWriter(std::string& out, Type element, const ArrayValue& array, std::string_view zone)
      : out_(out), element_(element), array_(array), zone_(zone) {}

  void Write() {
    if (array_.dimensions.empty()) {
      out_ += "{}";
      return;
    }
    if (std::ranges::any_of(array_.dimensions, [](const ArrayDimension& d) { return d.lower_bound != 1; })) {
      for (const ArrayDimension& d : array_.dimensions) {
        out_ += "[" + std::to_string(d.lower_bound) + ":" + std::to_string(d.lower_bound + d.length - 1) + "]";
      }
      out_.push_back('=');
    }
    Level(0);
  }

 private:
  void Level(std::size_t depth) {
    out_.push_back('{');
    for (std::int64_t i = 0; i < array_.dimensions[depth].length; ++i) {
      if (i > 0) out_.push_back(',');
      if (depth + 1 < array_.dimensions.size()) {
        Level(depth + 1);
      } else {
        Element(array_.elements[next_++]);
      }
    }
    out_.push_back('}');
  }

  void Element(const Datum& value) {
    if (value.null) {
      out_ += "NULL";
      return;
    }
    text_.clear();
    AppendText(text_, element_, value, zone_);
    if (!NeedsQuotes(text_)) {
      out_ += text_;
      return;
    }
    out_.push_back('"');
    for (const char c : text_) {
      if (c == '"' || c == '\\') out_.push_back('\\');
      out_.push_back(c);
    }
    out_.push_back('"');
  }

  std::string& out_;
  const Type element_;
  const ArrayValue& array_;
  const std::string_view zone_;
  std::string text_;
  std::size_t next_ = 0;
};

// Reads by descent. The first array that is complete says how long the arrays of its depth are.
class ArrayTextReader {
 public:
  ArrayTextReader(Type type, std::string_view text, EvalContext& context)
      : type_(type), text_(text), context_(context) {}

  Datum Read() {
    ArrayValue array;
    if (!ReadLiteral(array.dimensions)) {
      if (!refused_) context_.Fail("22P02", "malformed array literal: \"" + std::string(text_) + "\"");
      return Datum::Null();
    }
    bool failed = false;
    for (const auto& element : elements_) {
      array.elements.push_back(element ? FromText(type_.Element(), *element, context_) : Datum::Null());
      failed = failed || (element && array.elements.back().null);
    }
    return failed ? Datum::Null() : Datum::Of(array.Payload(type_.Element()));
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Refuse(std::string_view code, std::string message) {
    context_.Fail(code, std::move(message));
    refused_ = true;
    return false;
  }
  bool RefuseDimensions(std::size_t dimensions) {
    return Refuse("54000", "number of array dimensions (" + std::to_string(dimensions) +
                               ") exceeds the maximum allowed (" + std::to_string(kArrayDimensionsMax) + ")");
  }

  bool ReadLiteral(std::vector<ArrayDimension>& dimensions) {
    if (!ReadBounds(dimensions)) return false;
    const bool given = !dimensions.empty();
    if (given && !Take('=')) return false;
    SkipBlanks();
    if (!Take('{') || !ReadLevel(0)) return false;
    SkipBlanks();
    if (at_ != text_.size()) return false;
    if (elements_.empty()) return !given;
    if (given) return std::ranges::equal(lengths_, dimensions, {}, {}, &ArrayDimension::length);
    for (const std::int64_t length : lengths_) dimensions.push_back({length, 1});
    return true;
  }

  bool ReadBound(std::int64_t& bound) {
    const std::size_t start = at_;
    while (at_ < text_.size() && (IsDigit(text_[at_]) || text_[at_] == '-' || text_[at_] == '+')) {
      ++at_;
    }
    if (at_ == start) return false;
    std::string_view digits = text_.substr(start, at_ - start);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), bound);
    bound = static_cast<std::int32_t>(bound);  // as far as the server looks
    return true;
  }

  bool ReadBounds(std::vector<ArrayDimension>& dimensions) {
    for (SkipBlanks(); Take('['); SkipBlanks()) {
      if (dimensions.size() == kArrayDimensionsMax) return RefuseDimensions(kArrayDimensionsMax + 1);
      std::int64_t lower = 1;
      std::int64_t upper = 0;
      if (!ReadBound(upper)) return false;
      if (Take(':')) {
        lower = upper;
        if (!ReadBound(upper)) return false;
      }
      if (!Take(']')) return false;
      if (upper < lower) return Refuse("2202E", "upper bound cannot be less than lower bound");
      dimensions.push_back({upper - lower + 1, lower});
      if (upper == kIntMax) return Refuse("54000", "array lower bound is too large: " + std::to_string(lower));
    }
    return true;
  }

  // Behind the brace that opens the level, up to and with the one that closes it.
  bool ReadLevel(std::size_t depth) {
    if (depth == kArrayDimensionsMax) return RefuseDimensions(depth + 1);
    if (lengths_.size() == depth) lengths_.push_back(-1);
    std::int64_t length = 0;
    SkipBlanks();
    if (depth == 0 && Take('}')) return true;
    do {
      SkipBlanks();
      if (Take('{')) {
        if (leaf_depth_ == depth + 1 || !ReadLevel(depth + 1)) return false;
      } else {
        if (leaf_depth_ == 0) leaf_depth_ = depth + 1;
        if (leaf_depth_ != depth + 1 || !ReadElement()) return false;
      }
      ++length;
      SkipBlanks();
    } while (Take(','));
    if (!Take('}')) return false;
    if (lengths_[depth] < 0) lengths_[depth] = length;
    return lengths_[depth] == length;
  }

  bool ReadElement() {
    std::string element;
    bool literal = false;  // quoted or escaped: not NULL
    if (Take('"')) {
      literal = true;
      while (!Take('"')) {
        if (Take('\\') && at_ == text_.size()) return false;
        if (at_ == text_.size()) return false;
        element.push_back(text_[at_++]);
      }
    } else if (!ReadUnquoted(element, literal)) {
      return false;
    }
    elements_.push_back(!literal && IsNull(element) ? std::nullopt : std::optional(std::move(element)));
    return true;
  }

  bool ReadUnquoted(std::string& element, bool& literal) {
    std::size_t kept = 0;  // blanks at the end do not count, unless escaped
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == ',' || c == '}') break;
      if (c == '"' || c == '{') return false;
      ++at_;
      if (c == '\\') {
        if (at_ == text_.size()) return false;
        literal = true;
        c = text_[at_++];
        element.push_back(c);
        kept = element.size();
        continue;
      }
      element.push_back(c);
      if (!IsSpace(c)) kept = element.size();
    }
    element.resize(kept);
    return kept > 0;
  }

  const Type type_;
  const std::string_view text_;
  EvalContext& context_;
  std::size_t at_ = 0;
  bool refused_ = false;               // the error is said
  std::vector<std::int64_t> lengths_;  // of each depth, -1: not known yet
  std::size_t leaf_depth_ = 0;         // how deep the elements lie, 0: not known yet
  std::vector<std::optional<std::string>> elements_;
};

}  // namespace

void AppendArrayText(std::string& out, Type type, const Datum& value, std::string_view zone) {
  const ArrayValue array = ArrayValue::Read(value.s, type.Element());
  ArrayTextWriter(out, type.Element(), array, zone).Write();
}

Datum ArrayFromText(Type type, std::string_view text, EvalContext& context) {
  return ArrayTextReader(type, text, context).Read();
}

}  // namespace headgate::sql
