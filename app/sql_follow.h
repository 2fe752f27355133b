#pragma once

#include <string>
#include <variant>

#include "core/sql/statement.h"

namespace headgate {

// The path of the tail that SELECT ... EMIT CHANGES asks for, or what of it a tail cannot do: a whole view, conditions
// on its columns by =, >= and <= joined by AND.
struct NotFollowed {
  std::string message;
  std::size_t offset = 0;  // in the statement's text
};
std::variant<std::string, NotFollowed> TailOf(const sql::Statement& statement);

}  // namespace headgate
