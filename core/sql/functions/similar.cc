#include <optional>

#include "core/sql/characters.h"
#include "core/sql/functions/regexp.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// SIMILAR TO: patterns of SQL:2008 as regular expressions.
namespace headgate::sql {
namespace {

using Text = std::string_view;

class Translator {
 public:
  Translator(EvalContext& context, Text pattern, Text escape) : context_(context), pattern_(pattern), escape_(escape) {}

  std::string Run() {
    out_ = "^(?:";
    for (std::size_t at = 0; at < pattern_.size() && !failed_;) {
      const std::size_t start = at;
      NextCharacter(pattern_, at);
      Translate(pattern_.substr(start, at - start));
    }
    return out_ + ")$";
  }

 private:
  void Translate(Text character) {
    if (escaped_) {
      if (character == "\"" && depth_ == 0) {
        Separator();
      } else {
        out_ += '\\';
        out_ += character;
      }
      escaped_ = at_start_ = false;
    } else if (!escape_.empty() && character == escape_) {
      escaped_ = true;
    } else if (depth_ > 0) {
      InBrackets(character);
    } else if (character == "[") {
      out_ += character;
      depth_ = 1;
      at_start_ = may_negate_ = true;
    } else if (character == "%") {
      out_ += ".*";
    } else if (character == "_") {
      out_ += '.';
    } else if (character == "(") {
      out_ += "(?:";
    } else {
      if (character == "\\" || character == "." || character == "^" || character == "$") out_ += '\\';
      out_ += character;
    }
  }

  // A "]" in front, behind "^" if there is one, is a character; a "[" opens a bracket within the bracket.
  void InBrackets(Text character) {
    if (character == "\\") out_ += '\\';
    out_ += character;
    if (character == "]" && !at_start_) --depth_;
    if (character == "[") ++depth_;
    at_start_ = at_start_ && may_negate_ && character == "^";
    may_negate_ = false;
  }

  // Two of them mark the part that substring() gives; what stands before it takes as little as it can.
  void Separator() {
    if (++separators_ == 1) {
      out_ += "){1,1}?(";
    } else if (separators_ == 2) {
      out_ += "){1,1}(?:";
    } else {
      context_.Fail("2200C", "SQL regular expression may not contain more than two escape-double-quote separators");
      failed_ = true;
    }
  }

  EvalContext& context_;
  Text pattern_;
  Text escape_;
  std::string out_;
  bool escaped_ = false;
  int depth_ = 0;          // of brackets
  bool at_start_ = false;  // of the outer one
  bool may_negate_ = false;
  int separators_ = 0;
  bool failed_ = false;
};

std::string SimilarToEscape(EvalContext& context, Text pattern) { return FromSimilar(context, pattern, "\\"); }

const Function kSimilarFunctions[] = {
    {"similar_to_escape", {kText}, kText, kLift<SimilarToEscape>},
    {"similar_to_escape", {kText, kText}, kText, kLift<FromSimilar>},
};

}  // namespace

std::string FromSimilar(EvalContext& context, std::string_view pattern, std::string_view escape) {
  if (CountCharacters(escape) > 1) {
    context.Fail("22025", "invalid escape string");
    return {};
  }
  return Translator(context, pattern, escape).Run();
}

std::span<const Function> SimilarFunctions() { return kSimilarFunctions; }

}  // namespace headgate::sql
