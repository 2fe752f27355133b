#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/batch_sink.h"
#include "sinks/table/dialect.h"
#include "sinks/table/plan.h"

// The changes of transactions, folded to one write a row. Pure.
namespace headgate::table {

// A value of a row: a piece of its table's text, or none.
struct Cell {
  static constexpr std::int32_t kNull = -1;
  static constexpr std::int32_t kAbsent = -2;  // stays as it is at the target
  std::size_t start = 0;
  std::int32_t size = kAbsent;

  bool absent() const { return size == kAbsent; }
  bool null() const { return size == kNull; }
};

struct Row {
  bool remove = false;
  bool whole = true;      // no cell is absent; else the row is at the target already
  std::size_t first = 0;  // of its cells, one a column of the plan; of a removal only the key's have something
  At at;                  // of the last change that it comes from
};

// A row that changes its key and is not known whole: it is found under the old one, before everything else.
struct Move {
  std::size_t from = 0;  // first cell of the old key's row
  std::size_t to = 0;
  At at;
};

class Batch final : public SinkBatch {
 public:
  struct Table {
    std::shared_ptr<const TablePlan> plan;
    bool truncate = false;  // before everything else
    std::string text;
    std::vector<Cell> cells;
    std::vector<Row> rows;
    std::vector<Move> moves;
    std::unordered_map<std::string, std::size_t> by_key;  // in rows

    std::string_view TextOf(const Cell& cell) const {
      return std::string_view(text).substr(cell.start, static_cast<std::size_t>(cell.size));
    }
    const Cell& At(std::size_t first, std::size_t column) const { return cells[first + column]; }
  };
  enum class Taken : std::uint8_t { kYes, kBatchFirst };
  // One thing that is done to a table.
  struct Unit {
    enum class Kind : std::uint8_t { kTruncate, kMove, kRemoval, kWrite };
    const Table* table = nullptr;
    Kind kind = Kind::kWrite;
    std::size_t index = 0;  // in moves or rows

    At at() const;            // of a truncate: nothing
    std::string row() const;  // which row is behind it, for Replaces; "" of a table that rows are added to
  };

  explicit Batch(const Dialect& dialect) : dialect_(dialect) {}

  // A row's change, or a truncate. kBatchFirst: what is in here has to be written before it; never of an empty batch.
  // kRejected if the target has no such value; kCorrupt if the log is damaged. After an error the batch is as it was.
  Result<Taken> Take(const Event& event, const std::shared_ptr<const TablePlan>& plan);

  // What is done, in the order in which targets do it: removals first, in the reverse order of the tables; then what is
  // written, in their order. Holds until the batch changes.
  std::vector<Unit> Units() const;
  // A batch of these units of this one, in their order.
  std::unique_ptr<Batch> Part(std::span<const Unit> units) const;
  // Whether it leaves nothing of what was done to this row before.
  bool Replaces(const RefusedChange& refused) const override;
  // The table of the plan, for its maker to fill: as a letter that is tried again does.
  Table& Add(const std::shared_ptr<const TablePlan>& plan);

  // In the order in which they were first used.
  const std::vector<std::unique_ptr<Table>>& tables() const { return tables_; }
  std::size_t size() const override { return rows_; }
  std::size_t bytes() const override { return bytes_; }
  bool empty() const override { return tables_.empty(); }

 private:
  struct Rendered {
    std::size_t first = 0;
    bool whole = true;
  };

  Table* TableFor(const std::shared_ptr<const TablePlan>& plan);
  void Count(const Table& table, std::size_t text_before, std::size_t cells_before);
  Result<Rendered> Render(Table& table, const Event& event, const std::vector<Value>& row);
  Result<Taken> AddRow(Table& table, const Event& event);
  Result<Taken> Remove(Table& table, const Event& event);
  Result<Taken> Upsert(Table& table, const Event& event);
  Result<Taken> Rekey(Table& table, At at, Rendered row, const Rendered& old, const std::string& old_key,
                      const std::string& key);
  static void Complete(const Table& from, std::size_t from_first, Table& table, Rendered& row);
  static bool KeyOf(const Table& table, std::size_t first, std::string& key);
  static void Put(Table& table, const std::string& key, Row row);

  const Dialect& dialect_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Value> before_;
  std::vector<Value> after_;
};

}  // namespace headgate::table
