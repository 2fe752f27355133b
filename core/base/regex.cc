#include "core/base/regex.h"

#include <limits>
#include <locale>

namespace headgate {
namespace {

bool KeepAllCharacters() {
  const auto& characters = std::use_facet<std::ctype<char>>(std::locale());
  for (int c = std::numeric_limits<char>::min(); c <= std::numeric_limits<char>::max(); ++c) {
    characters.narrow(static_cast<char>(c), '\0');
    characters.widen(static_cast<char>(c));
  }
  return true;
}

}  // namespace

std::regex CompileRegex(const std::string& pattern, std::regex::flag_type flags) {
  static const bool kept = KeepAllCharacters();
  static_cast<void>(kept);
  return std::regex(pattern, flags);
}

}  // namespace headgate
