#pragma once

#include <string_view>
#include <vector>

#include "core/config/spec.h"
#include "core/transform/column_rules.h"

// The settings of column rules, the same at sources and at sinks.
namespace headgate {

enum class TransformPlace : std::uint8_t { kSource, kSink };

// mask_columns, hash_columns, truncate_columns, mask_text, hash_key; at sinks rename_columns too. `column` is an
// example of how one is named there.
std::vector<config::Option> ColumnTransformSpec(TransformPlace place, std::string_view column);

// What was given of them. Errors are per key; values that still hold a placeholder pass.
ColumnRules ReadColumnRules(const config::Bound& bound, TransformPlace place, std::vector<config::KeyError>& errors);

}  // namespace headgate
