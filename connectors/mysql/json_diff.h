#pragma once

#include <string>
#include <string_view>

#include "connectors/mysql/json_binary.h"
#include "core/base/bytes.h"

// JSON that is logged as differences: binlog_row_value_options=PARTIAL_JSON (MySQL source documentation, json_diff.h).
namespace headgate::mysql {

// Takes the differences of one column. False if the bytes end.
bool TakeJsonDiffs(ByteReader& in, std::string_view& diffs);

// Appends the document that becomes of `before` (in binary form), as AppendJsonDocument does. False if the differences
// make no sense or do not fit the document: `out` is then undefined.
bool AppendJsonAfter(std::string& out, std::string_view before, std::string_view diffs, JsonForm form, bool& marks);

}  // namespace headgate::mysql
