#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/views/definition.h"

// Columns that come to a captured table flow to views that select *, and integers that become larger ones to views that
// read them (stream-SQL reference, 5.4): the view gets another form.
namespace headgate::views {

// A form that runs, and what its inputs have got that it may take in.
struct Wanted {
  std::string view;
  std::uint32_t form = 0;
  std::map<std::string, std::uint32_t> versions;  // of streams: the schema version
  std::map<std::string, std::uint32_t> widths;    // of views: how many columns
  bool operator==(const Wanted&) const = default;
};

// How a view comes by its new columns.
enum class Way : std::uint8_t {
  kNone,     // it does not: the statement is another one now, or its content cannot be told anew
  kAnew,     // it is made anew from its tables
  kCarried,  // what it has judged stays, with NULLs in the new columns; what it looks up is read anew
};
// `made` is the same statement over the inputs as they are now.
Way WayOf(const Definition& view, const Definition& made);

}  // namespace headgate::views
