#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/views/definition.h"

// Reading: one view of the store, hence one seq (stream-SQL reference, 6.1).
namespace headgate::views {

struct Table {
  std::vector<sql::PlanColumn> columns;
  std::vector<std::vector<sql::Datum>> rows;
  Seq seq = 0;           // what the answer reflects
  bool more = false;     // there are rows behind the limit
  bool scanned = false;  // found by looking at every row
};

// The problem of a view that has no whole content at the moment: it is being loaded or replaced, or has failed.
SqlError Incomplete(const std::string& view);

struct QueryLimits {
  std::size_t rows = 10'000;
  std::size_t scanned_rows = 5'000'000;  // read of tables and views
  std::chrono::milliseconds time{10'000};
};

// Runs a SELECT over tables and views. Streams of events have no content to read. `log` must be the store's, `names`
// those of the forms whose rows `view` has.
SqlResult<Table> RunSelect(const StoreView& view, const Log& log, const NameTable& names,
                           const sql::Statement& statement, const sql::Node& select, const QueryLimits& limits,
                           std::stop_token stop);
// The lines of EXPLAIN.
SqlResult<std::string> Explain(const NameTable& names, const sql::Statement& statement, const sql::Node& select);

// Rows of one view by its key.
struct RowsRequest {
  std::vector<std::pair<std::string, std::string>> equal;  // key.<column>=
  std::vector<std::pair<std::string, std::string>> from;   // inclusive
  std::vector<std::pair<std::string, std::string>> to;     // inclusive
  bool count = false;
  std::size_t limit = 100;
  std::string cursor;  // of the answer before, "" for the first
};
struct RowsAnswer {
  Table table;
  std::uint64_t count = 0;
  std::string next_cursor;  // "" at the end
};
// Problems are of the request: an unknown column, text that is no value of the column's type.
SqlResult<RowsAnswer> ReadRows(const StoreView& snapshot, const Definition& view, const RowsRequest& request,
                               std::stop_token stop);

}  // namespace headgate::views
