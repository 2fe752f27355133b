#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Where a text is not JSON: the parser of events only says that it is not. Slow; for answers.
namespace headgate::http {

// The byte, from 0, at which `text` stops to be JSON; nothing if it is JSON.
std::optional<std::size_t> FindMalformed(std::string_view text);

// For people: what is wrong with the part of `all` that could not be read, by line and column of `all`.
std::string DescribeMalformed(std::string_view all, std::string_view part);

}  // namespace headgate::http
