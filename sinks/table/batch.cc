#include "sinks/table/batch.h"

namespace headgate::table {
namespace {

Error NoRow() { return Corrupt("a change does not say which row it is about"); }

Value TextValue(std::string_view text) {
  Value value;
  value.kind = ValueKind::kText;
  value.text = text;
  return value;
}

}  // namespace

// Nothing if rows of another shape are in here for the same table.
Batch::Table* Batch::TableFor(const std::shared_ptr<const TablePlan>& plan) {
  for (const auto& table : tables_) {
    if (table->plan->name != plan->name) continue;
    return table->plan == plan || *table->plan == *plan ? table.get() : nullptr;
  }
  tables_.push_back(std::make_unique<Table>());
  tables_.back()->plan = plan;
  return tables_.back().get();
}

Result<Batch::Taken> Batch::Take(const Event& event, const std::shared_ptr<const TablePlan>& plan) {
  Table* const table = TableFor(plan);
  if (table == nullptr) return Taken::kBatchFirst;
  const Change& change = *event.change;
  if (change.op == Op::kTruncate) {
    auto emptied = std::make_unique<Table>();
    emptied->plan = table->plan;
    emptied->truncate = true;
    *table = std::move(*emptied);
    return Taken::kYes;
  }
  before_.clear();
  after_.clear();
  if (change.has_before) HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
  if (change.has_after) HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  const std::size_t text = table->text.size();
  const std::size_t cells = table->cells.size();
  auto taken = plan->append               ? AddRow(*table, event)
               : change.op == Op::kDelete ? Remove(*table, event)
                                          : Upsert(*table, event);
  if (taken.ok() && *taken == Taken::kYes) {
    ++rows_;
    bytes_ += table->text.size() - text + (table->cells.size() - cells) * sizeof(Cell);
  } else {
    table->text.resize(text);
    table->cells.resize(cells);
  }
  return taken;
}

Result<Batch::Rendered> Batch::Render(Table& table, const Event& event, const std::vector<Value>& row) {
  Rendered out{table.cells.size(), true};
  for (const PlannedColumn& column : table.plan->columns) {
    Cell& cell = table.cells.emplace_back();
    if (column.source >= row.size() || row[column.source].is_absent()) {
      out.whole = false;
      continue;
    }
    const Value& value = row[column.source];
    cell = {table.text.size(), Cell::kNull};
    if (value.is_null()) continue;
    if (!dialect_.AppendCell(table.text, value, column.type)) {
      return Rejected("Column " + column.name + " of stream " + std::string(event.stream->name) +
                      " has a value that table " + table.plan->name.Text() + " has no form for.");
    }
    cell.size = static_cast<std::int32_t>(table.text.size() - cell.start);
  }
  return out;
}

// False if a part of the key is missing.
bool Batch::KeyOf(const Table& table, std::size_t first, std::string& key) {
  key.clear();
  for (const std::size_t column : table.plan->key) {
    const Cell& cell = table.At(first, column);
    if (cell.size < 0) return false;
    PutVarint(key, static_cast<std::uint64_t>(cell.size));
    key += table.TextOf(cell);
  }
  return true;
}

void Batch::Put(Table& table, const std::string& key, Row row) {
  const auto [it, is_new] = table.by_key.try_emplace(key, table.rows.size());
  if (is_new) {
    table.rows.push_back(row);
  } else {
    table.rows[it->second] = row;
  }
}

Result<Batch::Taken> Batch::AddRow(Table& table, const Event& event) {
  std::vector<Value>& row = event.change->has_after ? after_ : before_;
  const std::string id = EventId(event.source->id, event.tx->epoch, event.tx->position, event.change->ordinal);
  row.resize(event.schema->columns.size());
  row.push_back(TextValue(id));
  row.push_back(TextValue(Name(event.change->op)));
  Value& commit = row.emplace_back();
  commit.kind = ValueKind::kTimestampTz;
  commit.i = event.tx->commit_us - kEpoch2000Us;
  HG_ASSIGN_OR_RETURN(const Rendered rendered, Render(table, event, row));
  if (!rendered.whole && event.change->has_after) {
    return Rejected("The database did not send every column of a changed row of stream " +
                    std::string(event.stream->name) +
                    ". Set its table to REPLICA IDENTITY FULL, or the row image to FULL.");
  }
  table.rows.push_back({false, true, rendered.first, event.at});
  return Taken::kYes;
}

Result<Batch::Taken> Batch::Remove(Table& table, const Event& event) {
  HG_ASSIGN_OR_RETURN(const Rendered rendered, Render(table, event, before_));
  std::string key;
  if (!KeyOf(table, rendered.first, key)) return NoRow();
  Put(table, key, {true, false, rendered.first, event.at});
  return Taken::kYes;
}

// Cells that are not known are taken from an earlier state of the row.
void Batch::Complete(const Table& from, std::size_t from_first, Table& table, Rendered& row) {
  row.whole = true;
  for (std::size_t i = 0; i < table.plan->columns.size(); ++i) {
    Cell& cell = table.cells[row.first + i];
    if (cell.absent()) cell = from.At(from_first, i);
    row.whole = row.whole && !cell.absent();
  }
}

Result<Batch::Taken> Batch::Upsert(Table& table, const Event& event) {
  HG_ASSIGN_OR_RETURN(Rendered row, Render(table, event, after_));
  std::string old_key;
  std::string key;
  Rendered old;
  bool had = false;
  if (!before_.empty()) {
    HG_ASSIGN_OR_RETURN(old, Render(table, event, before_));
    had = KeyOf(table, old.first, old_key);
    // An image with nothing but what has changed has no key in it.
    for (const std::size_t column : table.plan->key) {
      Cell& cell = table.cells[row.first + column];
      if (had && cell.absent()) cell = table.At(old.first, column);
    }
  }
  if (!KeyOf(table, row.first, key)) return NoRow();
  if (had && old_key != key) return Rekey(table, event.at, row, old, old_key, key);
  const auto earlier = table.by_key.find(key);
  if (!row.whole && earlier != table.by_key.end() && !table.rows[earlier->second].remove)
    Complete(table, table.rows[earlier->second].first, table, row);
  Put(table, key, {false, row.whole, row.first, event.at});
  return Taken::kYes;
}

Result<Batch::Taken> Batch::Rekey(Table& table, At at, Rendered row, const Rendered& old, const std::string& old_key,
                                  const std::string& key) {
  if (!row.whole) Complete(table, old.first, table, row);  // a full old row may tell
  const auto earlier = table.by_key.find(old_key);
  if (!row.whole && earlier != table.by_key.end()) {
    const Row& known = table.rows[earlier->second];
    if (known.remove || !known.whole) return Taken::kBatchFirst;
    Complete(table, known.first, table, row);
  }
  if (!row.whole) {
    if (table.truncate || table.by_key.contains(key)) return Taken::kBatchFirst;
    table.moves.push_back({old.first, row.first, at});
  } else {
    Put(table, old_key, {true, false, old.first, at});
  }
  Put(table, key, {false, row.whole, row.first, at});
  return Taken::kYes;
}

Batch::Table& Batch::Add(const std::shared_ptr<const TablePlan>& plan) {
  Table* const table = TableFor(plan);
  CHECK(table != nullptr);
  return *table;
}

At Batch::Unit::at() const {
  if (kind == Kind::kTruncate) return {};
  return kind == Kind::kMove ? table->moves[index].at : table->rows[index].at;
}

namespace {

// Of its rows, as Unit::row has them. No name has a zero in it.
std::string RowsOf(const TableName& name) {
  std::string rows = name.schema;
  rows.push_back('\0');
  rows.append(name.table).push_back('\0');
  return rows;
}

}  // namespace

std::string Batch::Unit::row() const {
  if (table->plan->append) return "";
  std::string key;
  if (kind != Kind::kTruncate)
    KeyOf(*table, kind == Kind::kMove ? table->moves[index].to : table->rows[index].first, key);
  return RowsOf(table->plan->name) + key;
}

bool Batch::Replaces(const RefusedChange& refused) const {
  for (const auto& table : tables_) {
    const std::string rows = RowsOf(table->plan->name);
    if (!refused.row.starts_with(rows)) continue;
    const auto row = table->by_key.find(refused.row.substr(rows.size()));
    return table->truncate ||
           (row != table->by_key.end() && (table->rows[row->second].remove || table->rows[row->second].whole));
  }
  return false;
}

std::vector<Batch::Unit> Batch::Units() const {
  using Kind = Unit::Kind;
  std::vector<Unit> units;
  for (auto it = tables_.rbegin(); it != tables_.rend(); ++it) {
    const Table& table = **it;
    if (table.truncate) units.push_back({&table, Kind::kTruncate, 0});
    for (std::size_t i = 0; i < table.moves.size(); ++i) units.push_back({&table, Kind::kMove, i});
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      if (table.rows[i].remove) units.push_back({&table, Kind::kRemoval, i});
    }
  }
  for (const auto& table : tables_) {
    for (std::size_t i = 0; i < table->rows.size(); ++i) {
      if (!table->rows[i].remove) units.push_back({table.get(), Kind::kWrite, i});
    }
  }
  return units;
}

std::unique_ptr<Batch> Batch::Part(std::span<const Unit> units) const {
  auto part = std::make_unique<Batch>(dialect_);
  for (const Unit& unit : units) {
    const Table& from = *unit.table;
    Table& to = part->Add(from.plan);
    const auto copy = [&](std::size_t first) {
      const std::size_t start = to.cells.size();
      for (std::size_t i = 0; i < from.plan->columns.size(); ++i) {
        Cell cell = from.At(first, i);
        const std::string_view text = cell.size > 0 ? from.TextOf(cell) : std::string_view();
        cell.start = to.text.size();
        to.text += text;
        to.cells.push_back(cell);
      }
      return start;
    };
    ++part->rows_;
    if (unit.kind == Unit::Kind::kTruncate) {
      to.truncate = true;
    } else if (unit.kind == Unit::Kind::kMove) {
      const Move& move = from.moves[unit.index];
      const std::size_t old = copy(move.from);
      to.moves.push_back({old, copy(move.to), move.at});
    } else {
      Row row = from.rows[unit.index];
      row.first = copy(row.first);
      to.rows.push_back(row);
    }
  }
  return part;
}

}  // namespace headgate::table
