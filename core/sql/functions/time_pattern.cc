#include "core/sql/functions/time_pattern.h"

namespace headgate::sql {
namespace {

using Field = PatternField;
using Case = PatternCase;
using Calendar = PatternCalendar;

constexpr PatternWord kPatternWords[] = {
    {"A.D.", Field::kEraDots, Case::kUpper, false, Calendar::kAny},
    {"a.d.", Field::kEraDots, Case::kLower, false, Calendar::kAny},
    {"A.M.", Field::kAmPmDots, Case::kUpper, false, Calendar::kAny},
    {"a.m.", Field::kAmPmDots, Case::kLower, false, Calendar::kAny},
    {"AD", Field::kEra, Case::kUpper, false, Calendar::kAny},
    {"ad", Field::kEra, Case::kLower, false, Calendar::kAny},
    {"AM", Field::kAmPm, Case::kUpper, false, Calendar::kAny},
    {"am", Field::kAmPm, Case::kLower, false, Calendar::kAny},
    {"B.C.", Field::kEraDots, Case::kUpper, false, Calendar::kAny},
    {"b.c.", Field::kEraDots, Case::kLower, false, Calendar::kAny},
    {"BC", Field::kEra, Case::kUpper, false, Calendar::kAny},
    {"bc", Field::kEra, Case::kLower, false, Calendar::kAny},
    {"CC", Field::kCentury, Case::kUpper, true, Calendar::kAny},
    {"cc", Field::kCentury, Case::kLower, true, Calendar::kAny},
    {"DAY", Field::kDayName, Case::kUpper, false, Calendar::kAny},
    {"day", Field::kDayName, Case::kLower, false, Calendar::kAny},
    {"Day", Field::kDayName, Case::kCapital, false, Calendar::kAny},
    {"DDD", Field::kDayOfYear, Case::kUpper, true, Calendar::kGregorian},
    {"ddd", Field::kDayOfYear, Case::kLower, true, Calendar::kGregorian},
    {"DD", Field::kDay, Case::kUpper, true, Calendar::kGregorian},
    {"dd", Field::kDay, Case::kLower, true, Calendar::kGregorian},
    {"DY", Field::kDayShort, Case::kUpper, false, Calendar::kAny},
    {"dy", Field::kDayShort, Case::kLower, false, Calendar::kAny},
    {"Dy", Field::kDayShort, Case::kCapital, false, Calendar::kAny},
    {"D", Field::kDayOfWeek, Case::kUpper, true, Calendar::kGregorian},
    {"d", Field::kDayOfWeek, Case::kLower, true, Calendar::kGregorian},
    {"FF1", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff1", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FF2", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff2", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FF3", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff3", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FF4", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff4", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FF5", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff5", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FF6", Field::kFraction, Case::kUpper, true, Calendar::kAny},
    {"ff6", Field::kFraction, Case::kLower, true, Calendar::kAny},
    {"FX", Field::kFixed, Case::kUpper, false, Calendar::kAny},
    {"fx", Field::kFixed, Case::kLower, false, Calendar::kAny},
    {"HH24", Field::kHour24, Case::kUpper, true, Calendar::kAny},
    {"hh24", Field::kHour24, Case::kLower, true, Calendar::kAny},
    {"HH12", Field::kHour12, Case::kUpper, true, Calendar::kAny},
    {"hh12", Field::kHour12, Case::kLower, true, Calendar::kAny},
    {"HH", Field::kHour12, Case::kUpper, true, Calendar::kAny},
    {"hh", Field::kHour12, Case::kLower, true, Calendar::kAny},
    {"IDDD", Field::kIsoDayOfYear, Case::kUpper, true, Calendar::kIsoWeek},
    {"iddd", Field::kIsoDayOfYear, Case::kLower, true, Calendar::kIsoWeek},
    {"ID", Field::kIsoDayOfWeek, Case::kUpper, true, Calendar::kIsoWeek},
    {"id", Field::kIsoDayOfWeek, Case::kLower, true, Calendar::kIsoWeek},
    {"IW", Field::kIsoWeek, Case::kUpper, true, Calendar::kIsoWeek},
    {"iw", Field::kIsoWeek, Case::kLower, true, Calendar::kIsoWeek},
    {"IYYY", Field::kIsoYear, Case::kUpper, true, Calendar::kIsoWeek},
    {"iyyy", Field::kIsoYear, Case::kLower, true, Calendar::kIsoWeek},
    {"IYY", Field::kIsoYear, Case::kUpper, true, Calendar::kIsoWeek},
    {"iyy", Field::kIsoYear, Case::kLower, true, Calendar::kIsoWeek},
    {"IY", Field::kIsoYear, Case::kUpper, true, Calendar::kIsoWeek},
    {"iy", Field::kIsoYear, Case::kLower, true, Calendar::kIsoWeek},
    {"I", Field::kIsoYear, Case::kUpper, true, Calendar::kIsoWeek},
    {"i", Field::kIsoYear, Case::kLower, true, Calendar::kIsoWeek},
    {"J", Field::kJulian, Case::kUpper, true, Calendar::kAny},
    {"j", Field::kJulian, Case::kLower, true, Calendar::kAny},
    {"MI", Field::kMinute, Case::kUpper, true, Calendar::kAny},
    {"mi", Field::kMinute, Case::kLower, true, Calendar::kAny},
    {"MM", Field::kMonth, Case::kUpper, true, Calendar::kGregorian},
    {"mm", Field::kMonth, Case::kLower, true, Calendar::kGregorian},
    {"MONTH", Field::kMonthName, Case::kUpper, false, Calendar::kGregorian},
    {"month", Field::kMonthName, Case::kLower, false, Calendar::kGregorian},
    {"Month", Field::kMonthName, Case::kCapital, false, Calendar::kGregorian},
    {"MON", Field::kMonthShort, Case::kUpper, false, Calendar::kGregorian},
    {"mon", Field::kMonthShort, Case::kLower, false, Calendar::kGregorian},
    {"Mon", Field::kMonthShort, Case::kCapital, false, Calendar::kGregorian},
    {"MS", Field::kMillisecond, Case::kUpper, true, Calendar::kAny},
    {"ms", Field::kMillisecond, Case::kLower, true, Calendar::kAny},
    {"OF", Field::kOffset, Case::kUpper, false, Calendar::kAny},
    {"of", Field::kOffset, Case::kLower, false, Calendar::kAny},
    {"P.M.", Field::kAmPmDots, Case::kUpper, false, Calendar::kAny},
    {"p.m.", Field::kAmPmDots, Case::kLower, false, Calendar::kAny},
    {"PM", Field::kAmPm, Case::kUpper, false, Calendar::kAny},
    {"pm", Field::kAmPm, Case::kLower, false, Calendar::kAny},
    {"Q", Field::kQuarter, Case::kUpper, true, Calendar::kAny},
    {"q", Field::kQuarter, Case::kLower, true, Calendar::kAny},
    {"RM", Field::kRomanMonth, Case::kUpper, false, Calendar::kGregorian},
    {"rm", Field::kRomanMonth, Case::kLower, false, Calendar::kGregorian},
    {"SSSSS", Field::kSecondOfDay, Case::kUpper, true, Calendar::kAny},
    {"sssss", Field::kSecondOfDay, Case::kLower, true, Calendar::kAny},
    {"SSSS", Field::kSecondOfDay, Case::kUpper, true, Calendar::kAny},
    {"ssss", Field::kSecondOfDay, Case::kLower, true, Calendar::kAny},
    {"SS", Field::kSecond, Case::kUpper, true, Calendar::kAny},
    {"ss", Field::kSecond, Case::kLower, true, Calendar::kAny},
    {"TZH", Field::kZoneHour, Case::kUpper, false, Calendar::kAny},
    {"tzh", Field::kZoneHour, Case::kLower, false, Calendar::kAny},
    {"TZM", Field::kZoneMinute, Case::kUpper, true, Calendar::kAny},
    {"tzm", Field::kZoneMinute, Case::kLower, true, Calendar::kAny},
    {"TZ", Field::kZone, Case::kUpper, false, Calendar::kAny},
    {"tz", Field::kZone, Case::kLower, false, Calendar::kAny},
    {"US", Field::kMicrosecond, Case::kUpper, true, Calendar::kAny},
    {"us", Field::kMicrosecond, Case::kLower, true, Calendar::kAny},
    {"WW", Field::kWeek, Case::kUpper, true, Calendar::kGregorian},
    {"ww", Field::kWeek, Case::kLower, true, Calendar::kGregorian},
    {"W", Field::kWeekOfMonth, Case::kUpper, true, Calendar::kGregorian},
    {"w", Field::kWeekOfMonth, Case::kLower, true, Calendar::kGregorian},
    {"Y,YYY", Field::kYearComma, Case::kUpper, true, Calendar::kGregorian},
    {"y,yyy", Field::kYearComma, Case::kLower, true, Calendar::kGregorian},
    {"YYYY", Field::kYear, Case::kUpper, true, Calendar::kGregorian},
    {"yyyy", Field::kYear, Case::kLower, true, Calendar::kGregorian},
    {"YYY", Field::kYear, Case::kUpper, true, Calendar::kGregorian},
    {"yyy", Field::kYear, Case::kLower, true, Calendar::kGregorian},
    {"YY", Field::kYear, Case::kUpper, true, Calendar::kGregorian},
    {"yy", Field::kYear, Case::kLower, true, Calendar::kGregorian},
    {"Y", Field::kYear, Case::kUpper, true, Calendar::kGregorian},
    {"y", Field::kYear, Case::kLower, true, Calendar::kGregorian},
};

// The longest word that the text begins with.
const PatternWord* WordAt(std::string_view text) {
  const PatternWord* found = nullptr;
  for (const PatternWord& word : kPatternWords) {
    if (text.starts_with(word.name) && (found == nullptr || word.name.size() > found->name.size())) found = &word;
  }
  return found;
}

bool Take(std::string_view& text, std::string_view upper, std::string_view lower) {
  if (!text.starts_with(upper) && !text.starts_with(lower)) return false;
  text.remove_prefix(upper.size());
  return true;
}

class TimePatternParser {
 public:
  explicit TimePatternParser(std::string_view text) : text_(text) {}

  std::vector<PatternNode> Parse() {
    while (!text_.empty()) {
      PatternNode node;
      node.fill_mode = Take(text_, "FM", "fm");
      node.translated = !node.fill_mode && Take(text_, "TM", "tm");
      if (text_.empty()) break;
      if (const PatternWord* word = WordAt(text_); word != nullptr) {
        AddField(std::move(node), word);
      } else if (text_[0] == '"') {
        AddQuoted();
      } else {
        if (text_.starts_with("\\\"")) text_.remove_prefix(1);
        AddCharacter(IsPatternSeparator(text_[0]) ? PatternNode::Kind::kSeparator
                     : IsPatternSpace(text_[0])   ? PatternNode::Kind::kSpace
                                                  : PatternNode::Kind::kText);
      }
    }
    return std::move(nodes_);
  }

 private:
  void AddField(PatternNode node, const PatternWord* word) {
    node.kind = PatternNode::Kind::kField;
    node.word = word;
    text_.remove_prefix(word->name.size());
    if (text_.starts_with("TH")) {
      node.ordinal = PatternNode::Ordinal::kUpper;
    } else if (text_.starts_with("th")) {
      node.ordinal = PatternNode::Ordinal::kLower;
    }
    if (node.ordinal != PatternNode::Ordinal::kNone || text_.starts_with("SP")) text_.remove_prefix(2);
    nodes_.push_back(std::move(node));
  }
  void AddQuoted() {
    text_.remove_prefix(1);
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\' && text_.size() > 1) text_.remove_prefix(1);
      AddCharacter(PatternNode::Kind::kText);
    }
    if (!text_.empty()) text_.remove_prefix(1);
  }
  void AddCharacter(PatternNode::Kind kind) {
    PatternNode node;
    node.kind = kind;
    node.text = text_.substr(0, CharacterSize(text_));
    text_.remove_prefix(node.text.size());
    nodes_.push_back(std::move(node));
  }

  std::string_view text_;
  std::vector<PatternNode> nodes_;
};

}  // namespace

const std::vector<PatternNode>& TimePattern(std::string_view pattern) {
  thread_local std::string last;
  thread_local std::vector<PatternNode> nodes;
  if (last != pattern) {
    nodes = TimePatternParser(pattern).Parse();
    last = pattern;
  }
  return nodes;
}

std::string_view OrdinalSuffix(std::string_view number, bool upper) {
  const std::size_t size = number.size();
  const bool teen = size > 1 && number[size - 2] == '1';
  switch (teen || size == 0 ? '0' : number[size - 1]) {
    case '1':
      return upper ? "ST" : "st";
    case '2':
      return upper ? "ND" : "nd";
    case '3':
      return upper ? "RD" : "rd";
    default:
      return upper ? "TH" : "th";
  }
}

bool IsPatternSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsPatternSeparator(char c) {
  const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return c > ' ' && c < 0x7f && !letter && !(c >= '0' && c <= '9');
}
std::size_t CharacterSize(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) ++size;
  return size;
}

}  // namespace headgate::sql
