#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "sinks/table/batch.h"
#include "sinks/table/options.h"

// What a dead letter of this sink holds as its body: what was to be done to a table, as a line of JSON each.
//   {"schema":"public","table":"orders","write":"upsert","key":["id"],"row":{"id":"7","scan":{"hex":"00ff"}}}
// `write` is upsert, update (the columns that are known), insert (mode=append), remove or move (with the key that the
// row has there as "old"). Pure.
namespace headgate::table {

// With the line's end.
std::string BodyOf(const Batch::Unit& unit);

// As the database describes the table now.
using DescribeTable = std::function<Result<std::optional<TargetTable>>(const TableName&)>;

// What does it, one after the other. kRejected if the body says nothing that could be done, or the table has changed
// too much.
Result<std::vector<std::unique_ptr<Batch>>> ReadBody(std::string_view body, const Options& options,
                                                     const Dialect& dialect, const DescribeTable& describe);

}  // namespace headgate::table
