#pragma once

#include <string>
#include <vector>

#include "connectors/mysql/column.h"
#include "connectors/mysql/statement.h"
#include "core/pipeline/chunk_reader.h"

// The statements that a snapshot reads a table with. Pure.
namespace headgate::mysql {

// The rows behind `range.next` in the order of the key, `range.rows_max` of them. `next` has texts as the server gave
// them, the values of `where` are as people write them. Without a key: all rows, in no order.
std::string ChunkSql(const TableName& table, const std::vector<ColumnReader>& columns,
                     const std::vector<std::size_t>& key, const ChunkReader::Range& range);

// Why rows cannot be chosen by this column, "" if they can.
std::string WhereProblem(const std::vector<ColumnReader>& columns, const SnapshotWhere& where);

}  // namespace headgate::mysql
