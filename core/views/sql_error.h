#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"

namespace headgate::views {

// A problem of a statement: SQLSTATE, and a place in the user's text.
struct SqlError {
  std::string code;
  std::string message;
  std::size_t offset = 0;
  std::string hint;
};
template <class T>
using SqlResult = Result<T, SqlError>;

struct Definition;  // definition.h
using DefinitionPtr = std::shared_ptr<const Definition>;

}  // namespace headgate::views
