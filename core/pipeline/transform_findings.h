#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/pipeline/source.h"
#include "core/transform/column_rules.h"

namespace headgate {

// What is wrong with the rules for these tables, which are all that the source would read: a rule that cannot be obeyed
// is an error of its key, one that names no column a warning.
std::vector<Finding> JudgeTransforms(const ColumnRules& rules, std::span<const TableSchema> tables);

// Whether a rule may be about columns of the table; false: it need not be looked at.
bool MayConcern(const ColumnRules& rules, std::string_view schema, std::string_view table);

}  // namespace headgate
