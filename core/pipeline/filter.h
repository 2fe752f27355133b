#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace headgate {

// The filter language of records and tails (admin API, 4.2), over records in the native rendering:
//
//   filter := term { ("and" | "or") term } | "not" filter | "(" filter ")"      and binds tighter than or
//   term   := path op value | path "in" "(" value {"," value} ")" | value       a bare value searches the whole record
//   op     := = != < <= > >= ~
//   path   := after.status, before.x, op, source.table, after."Odd name"
//   value  := 'text' "text" 12.5 true false null word
//
// Numbers are compared as numbers, also with numbers that the record holds as text (decimals); everything else as text,
// times by their RFC 3339 form. A path that the record lacks is null: it equals only null, and no order holds. `~` is
// an RE2 expression that may match anywhere, any case; so is the search. Linear in the record's size. Immutable; any
// thread.
class Filter {
 public:
  // Config error with the column (from 1) where it goes wrong.
  static Result<Filter> Parse(std::string_view text);
  Filter(Filter&&) noexcept;
  Filter& operator=(Filter&&) noexcept;
  ~Filter();

  // The columns whose values in before and after decide; nothing if other parts of the record may that depend on its
  // columns: a search, its key.
  std::optional<std::set<std::string>> Columns() const;

  // False also for what is not a JSON object.
  bool Matches(std::string_view native_json) const;

 private:
  struct Node;
  friend class FilterParser;
  explicit Filter(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

// A key as people write it: a JSON object by column, or the plain value of a key of one column.
class KeyFilter {
 public:
  explicit KeyFilter(std::string_view text);
  // Of a key as the native rendering has it.
  bool Matches(std::string_view key_json) const;

 private:
  std::string text_;
  std::string canonical_;  // of an object, members sorted; "" for a plain value
};

}  // namespace headgate
