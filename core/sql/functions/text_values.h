#pragma once

#include <string>
#include <string_view>

#include "core/sql/characters.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

namespace headgate::sql {

// Blanks that a char(n) value lacks in memory (datum.h); 0 for other types and where n is not known.
inline std::size_t MissingBlanks(Type type, std::string_view value) {
  if (!type.Is(TypeId::kBpchar) || type.mod < 0) return 0;
  const std::size_t own = CountCharacters(value);
  const auto wanted = static_cast<std::size_t>(type.mod);
  return own < wanted ? wanted - own : 0;
}

// The value of char(n) with its blanks, as the functions see it that do not drop them.
inline std::string_view WithBlanks(EvalContext& context, Type type, std::string_view value) {
  const std::size_t missing = MissingBlanks(type, value);
  return missing == 0 ? value : context.arena().Keep(std::string(value) + std::string(missing, ' '));
}

}  // namespace headgate::sql
