#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace headgate::sql {

// What is wrong with a statement: where in the user's text, and a way to write it (may be empty).
struct Problem {
  std::string message;
  std::size_t offset = 0;  // bytes, in the text given
  std::string hint;
};

template <class T>
using Parsed = Result<T, Problem>;
using Checked = Result<void, Problem>;

// Line and column, both from 1; columns count characters.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};
Place PlaceOf(std::string_view text, std::size_t offset);

// "line 2, column 7: message. Hint: hint"
std::string Describe(std::string_view text, const Problem& problem);

}  // namespace headgate::sql
