#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/sql/eval_context.h"

namespace headgate::sql {

// The tokens of an SQL/JSON path.
struct PathToken {
  enum class Kind : std::uint8_t { kEnd, kMark, kWord, kString, kNumber, kVariable };
  Kind kind = Kind::kEnd;
  std::string text;    // escapes replaced, quotes gone
  std::string source;  // as it is written
};

class PathScanner {
 public:
  PathScanner(std::string_view text, EvalContext& context) : text_(text), context_(context) {}
  PathToken Next();
  bool failed() const { return failed_; }  // the context has the error

 private:
  PathToken Refuse(std::string message);
  bool SkipBlanks();
  PathToken Number();
  PathToken Quoted(PathToken token);
  PathToken Word(PathToken token);
  bool Escape(std::string& out);
  bool Unicode(std::string& out);
  bool Hex(std::size_t most, bool braces, std::uint32_t& code);

  const std::string_view text_;
  EvalContext& context_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace headgate::sql
