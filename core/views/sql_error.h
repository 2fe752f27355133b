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

// A problem without a place.
inline SqlError Failed(std::string code, std::string message, std::string hint = "") {
  return {std::move(code), std::move(message), 0, std::move(hint)};
}
inline SqlError Failed(const Error& error) { return Failed("58000", error.what); }

struct Definition;  // definition.h
using DefinitionPtr = std::shared_ptr<const Definition>;

}  // namespace headgate::views
