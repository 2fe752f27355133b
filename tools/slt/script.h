#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace headgate::slt {

// One record of a sqllogictest script.
struct Record {
  enum class Kind : std::uint8_t { kStatement, kQuery, kHalt };
  enum class Sort : std::uint8_t { kNone, kRows, kValues };
  Kind kind = Kind::kStatement;
  std::size_t line = 0;  // of its first line, from 1
  std::string sql;
  bool fails = false;   // statement error, query error
  std::string pattern;  // what the error has to match; empty: anything
  std::string types;    // query: a letter a column
  Sort sort = Sort::kNone;
  std::vector<std::string> expected;  // lines behind ----
};

// Records are separated by blank lines; # starts a comment line. Records behind `skipif headgate` and behind `onlyif`
// of another engine are left out. An error names the line.
Result<std::vector<Record>> ParseScript(std::string_view text);

}  // namespace headgate::slt
