#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/signal.h"
#include "core/sql/array_value.h"
#include "core/sql/column_type.h"
#include "core/sql/function.h"
#include "core/sql/statement.h"
#include "core/views/views.h"
#include "tests/support/wait_for.h"
#include "tests/unit/log/log_support.h"

namespace headgate::test {

// A shard with views, and sources that are written by hand.
class Shard {
 public:
  explicit Shard(std::size_t memory_bytes = 64 << 20, std::size_t step_bytes = 0)
      : memory_bytes_(memory_bytes), step_bytes_(step_bytes) {
    Open();
  }
  ~Shard() { Close(); }

  void Open() {
    auto store = Store::Open(dir_.path());
    CHECK(store.ok());
    store_ = std::move(*store);
    auto log = Log::Open(*store_, *clock);
    CHECK(log.ok());
    log_ = std::move(*log);
    views::Runtime::Parts parts;
    parts.store = store_.get();
    parts.log = log_.get();
    parts.clock = clock;
    parts.memory_bytes = memory_bytes_;
    parts.step_bytes = step_bytes_;
    parts.sight = sight;
    parts.read = read;
    parts.follow_wait = follow_wait;
    auto views = views::Views::Start(parts);
    CHECK(views.ok());
    views_ = std::move(*views);
  }
  void Close() {
    if (views_ != nullptr) views_->Stop();
    views_.reset();
    writers_.clear();
    log_.reset();
    store_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }

  // "" if all statements were done, else the first problem.
  std::string Sql(const std::string& text) {
    const auto statements = sql::ReadStatements(text);
    if (!statements.ok()) return statements.error().message;
    for (const sql::Statement& statement : *statements) {
      const auto made = statement.tree.Is("IndexStmt") ? views_->CreateIndex(statement, false, {})
                                                       : views_->Create(statement, false, {});
      if (!made.ok()) return made.error().message;
    }
    return "";
  }
  // The rows, values joined by |, sorted.
  std::vector<std::string> Select(const std::string& text) {
    const auto statements = sql::ReadStatements(text);
    if (!statements.ok()) return {statements.error().message};
    const auto table = views_->Select((*statements)[0], (*statements)[0].tree, {}, {});
    if (!table.ok()) return {table.error().message};
    std::vector<std::string> rows;
    for (const auto& row : table->rows) {
      std::string& line = rows.emplace_back();
      for (std::size_t c = 0; c < row.size(); ++c) {
        if (c > 0) line += '|';
        line += row[c].null ? "NULL" : sql::ToText(table->columns[c].type, row[c], "UTC");
      }
    }
    std::ranges::sort(rows);
    return rows;
  }
  // Waits, for a while.
  static bool Until(const std::function<bool()>& holds) {
    return WaitFor(holds, std::chrono::seconds(20), std::chrono::milliseconds(1));
  }
  // Until the runtime has taken in everything that is in the log, whatever stands still.
  bool Applied() {
    return Until([&] {
      views_->Attend({});
      return views_->applied() >= log_->last_seq();
    });
  }
  // Until the views are in step with everything that is in the log, and run.
  bool Settle() {
    return Until([&] {
      views_->Attend({});
      bool running = views_->applied() >= log_->last_seq();
      const auto names = views_->names();
      for (const auto& [name, definition] : names->definitions) {
        if (definition->record.kind != views::ObjectKind::kView) continue;
        const auto status = views_->Status(name);
        running = running && status != nullptr && status->state == "running";
      }
      return running;
    });
  }
  bool SettleReplaced(const std::string& view) {
    const bool replaced = Until([&] {
      const auto status = views_->Status(view);
      return status != nullptr && status->replacing == nullptr && status->serving == views_->Find(view);
    });
    return replaced && Settle();
  }

  LogWriter& Writer(const std::string& source, const std::string& connector) {
    auto& writer = writers_[source];
    if (writer == nullptr) {
      auto opened = log_->OpenWriter(source, source, connector);
      CHECK(opened.ok());
      writer = std::move(*opened);
    }
    return *writer;
  }
  Store& store() { return *store_; }
  Log& log() { return *log_; }
  views::Views& views() { return *views_; }

  std::function<views::SourceSight(SourceNo, std::int64_t)> sight;
  std::function<bool(std::string_view)> read;  // by sinks
  // From the next Reopen on.
  const Clock* clock = &SystemClock();
  std::chrono::milliseconds follow_wait = std::chrono::seconds(20);

 private:
  DataDir dir_;
  std::size_t memory_bytes_;
  std::size_t step_bytes_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::map<std::string, std::unique_ptr<LogWriter>> writers_;
  std::unique_ptr<views::Views> views_;
};

// One stream of a shard with columns of the given types, written row by row. Values are in SQL's text form.
class TestStream {
 public:
  // "" for `schema`: a stream of events.
  TestStream(Shard& shard, std::string source, std::string schema, std::string table,
             std::vector<std::pair<std::string, sql::Type>> columns, std::size_t keys)
      : shard_(shard), source_(std::move(source)), schema_name_(std::move(schema)), table_(std::move(table)) {
    schema_.schema = schema_name_;
    schema_.table = table_;
    for (const auto& [name, type] : columns) {
      Column& column = schema_.columns.emplace_back();
      column.name = name;
      column.type = sql::ToColumn(type);
      if (schema_.columns.size() <= keys) column.key_position = static_cast<std::int32_t>(schema_.columns.size());
      types_.push_back(type);
    }
  }

  // What rows have in the column that are older than it.
  TestStream& ValueBefore(std::size_t column, const std::string& value) {
    schema_.columns[column].value_before = value;
    return *this;
  }

  using Row = std::vector<std::optional<std::string>>;
  inline static const std::string kAbsent = "(absent)";  // the source did not send it
  void Insert(const Row& row) { Add(Op::kInsert, {}, row); }
  void Update(const Row& row, const Row& before = {}) { Add(Op::kUpdate, before, row); }
  void Delete(const Row& row) { Add(Op::kDelete, row, {}); }
  void Truncate() {
    Begin();
    tx().StartChange(Op::kTruncate, stream(), version_, 0);
    tx().EndChange(Encode(TruncateExtra{false, false}));
  }
  // The transaction that was begun with the first change, also by other streams of the source.
  Seq Commit() {
    LogWriter& writer = shard_.Writer(source_, connector());
    const auto done = writer.Append(std::span(&tx(), 1), std::nullopt);
    CHECK(done.ok());
    tx().Clear();
    return done->last_seq;
  }
  void Snapshot(const std::vector<Row>& rows) {
    Marker(false, 0);
    for (const Row& row : rows) Add(Op::kRead, {}, row);
    if (!rows.empty()) {
      tx().info.position = {PositionKind::kChunk, 1, stream(), 1, {}};
      Commit();
    }
    Marker(true, rows.size());
  }
  void BeginSnapshot() { Marker(false, 0); }
  void EndSnapshot() { Marker(true, 0); }

 private:
  std::string connector() const { return schema_name_.empty() ? "http" : "postgresql"; }
  Transaction& tx() { return transactions_[&shard_][source_]; }
  StreamNo stream() { return shard_.Writer(source_, connector()).OpenStream(schema_name_, table_); }
  void Begin() {
    version_ = shard_.Writer(source_, connector()).DefineSchema(stream(), schema_, 0, 0);
    if (!tx().empty()) return;
    const auto last = shard_.Writer(source_, connector()).progress().last;
    const PositionKind kind = schema_name_.empty() ? PositionKind::kIngest : PositionKind::kPgCommit;
    tx().info.position = {kind, (last ? last->a : 0) + 1, 0, 0, {}};
    tx().info.commit_us = SystemClock().NowUs();
  }
  void Add(Op op, const Row& before, const Row& after) {
    Begin();
    tx().StartChange(op, stream(), version_, 0);
    if (!before.empty()) Put(RowImage::kBefore, before);
    if (!after.empty()) Put(RowImage::kAfter, after);
    tx().EndChange();
  }
  void Put(RowImage image, const Row& row) {
    std::string& out = tx().StartRow(image);
    for (std::size_t c = 0; c < types_.size(); ++c) {
      if (c >= row.size() || !row[c]) {
        PutNull(out);
        continue;
      }
      if (*row[c] == kAbsent) {
        PutAbsent(out);
        continue;
      }
      sql::EvalContext context;
      sql::PutDatum(out, types_[c], sql::FromText(types_[c], *row[c], context));
      CHECK(!context.failed());
    }
    tx().EndRow();
  }
  void Marker(bool completed, std::uint64_t rows) {
    Begin();
    Transaction marker;
    marker.info.position = {PositionKind::kChunk, 1, stream(), completed ? 2U : 0U, {}};
    marker.first_ordinal = 0;
    marker.StartChange(Op::kSnapshot, stream(), version_, 0);
    marker.EndChange(Encode(SnapshotExtra{completed, rows}));
    CHECK(shard_.Writer(source_, connector()).Append(std::span(&marker, 1), std::nullopt).ok());
  }

  inline static std::map<Shard*, std::map<std::string, Transaction>> transactions_;
  Shard& shard_;
  std::string source_;
  std::string schema_name_;
  std::string table_;
  TableSchema schema_;
  std::vector<sql::Type> types_;
  std::uint32_t version_ = 0;
};

// Settings in a table, and readings.
class ThermostatTest : public ::testing::Test {
 protected:
  Shard shard_;
  TestStream settings_{
      shard_, "bms", "public", "settings", {{"sensor_id", sql::TypeId::kInt4}, {"desired", sql::TypeId::kFloat8}}, 1};
  TestStream readings_{
      shard_, "readings", "", "readings", {{"sensor_id", sql::TypeId::kInt4}, {"temperature", sql::TypeId::kFloat8}},
      0};
};

}  // namespace headgate::test
