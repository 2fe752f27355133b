#pragma once

#include <string>
#include <string_view>

namespace headgate::sql {

// A name as SQL takes it: in double quotes unless it is a plain word in lower case and no keyword of PostgreSQL 15.
std::string QuotedIdentifier(std::string_view name);
// A string constant, E'...' if it holds a backslash.
std::string QuotedLiteral(std::string_view text);

}  // namespace headgate::sql
