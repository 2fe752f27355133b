#pragma once

#include <string>
#include <vector>

#include "core/views/definition.h"

namespace headgate::views {

// CREATE INDEX, bound: over which view, and the index without its number.
struct IndexStatement {
  std::string view;
  ViewIndex index;
  bool if_not_exists = false;
};
// Refuses what indexes of views are not, and names and columns that are not there. One without a name gets one.
SqlResult<IndexStatement> ReadIndex(const sql::Statement& statement, const NameTable& names);
// The name in CREATE INDEX, "" if it has none.
std::string IndexName(const sql::Statement& statement);

// The view that has the index, nullptr if there is none of that name.
DefinitionPtr FindIndex(const NameTable& names, std::string_view name);

// One that no index of the view has, nor has had for tens of thousands of changes; below kIndexNumbers.
std::uint32_t FreeIndexNumber(const ViewRecord& record);
inline constexpr std::uint32_t kIndexNumbers = 0xFFFF;

// Why a view that has these indexes cannot be `made`, "" if it can.
std::string LacksForIndex(const std::vector<ViewIndex>& indexes, const Definition& made);

}  // namespace headgate::views
