#include "core/sql/problem.h"

#include <algorithm>

namespace headgate::sql {

Place PlaceOf(std::string_view text, std::size_t offset) {
  Place place;
  for (std::size_t i = 0; i < std::min(offset, text.size()); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((byte & 0xC0) != 0x80) {  // not inside a character
      ++place.column;
    }
  }
  return place;
}

std::string Describe(std::string_view text, const Problem& problem) {
  const Place place = PlaceOf(text, problem.offset);
  std::string out =
      "line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " + problem.message + ".";
  if (!problem.hint.empty()) out += " Hint: " + problem.hint;
  return out;
}

}  // namespace headgate::sql
