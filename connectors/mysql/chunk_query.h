#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/column.h"
#include "connectors/mysql/statement.h"

// The statements that a snapshot reads a table with. Pure.
namespace headgate::mysql {

// The rows behind `next` in the order of the key, `rows_max` of them. `next` has texts as the server gave them, or
// nothing: from the start. Without a key: all rows, in no order.
std::string ChunkSql(const TableName& table, const std::vector<ColumnReader>& columns,
                     const std::vector<std::size_t>& key, const std::vector<std::string>& next, std::size_t rows_max);

}  // namespace headgate::mysql
