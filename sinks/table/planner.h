#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"
#include "sinks/table/dialect.h"
#include "sinks/table/options.h"
#include "sinks/table/plan.h"

// Which table the rows of a stream go to, and how. Pure.
namespace headgate::table {

// What a stream needs of its table.
struct Wanted {
  TableName name;
  std::string stream;
  std::vector<Column> columns;   // of the stream's schema, and behind them what append adds
  std::vector<std::size_t> key;  // of columns
};

// kConfig if the stream has no key and needs one (F-33). The event's schema is set.
Result<Wanted> WantedOf(const Options& options, const Event& event);

// kConfig if a type has no counterpart.
Result<std::string> CreateTable(const Dialect& dialect, const Wanted& wanted);
// The statement that adds what the table lacks; "" if it lacks nothing.
Result<std::string> AddColumns(const Dialect& dialect, const Wanted& wanted, const TargetTable& table);

// kConfig with everything that is wrong with the table, one sentence each. It has every column that is wanted.
Result<std::shared_ptr<const TablePlan>> PlanFor(const Options& options, const Dialect& dialect, const Wanted& wanted,
                                                 const TargetTable& table);

}  // namespace headgate::table
