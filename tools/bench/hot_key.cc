#include "tools/bench/hot_key.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "core/sql/column_type.h"
#include "tools/bench/measure.h"
#include "tools/bench/shard.h"

namespace headgate::bench {
namespace {

constexpr const char* kView =
    "CREATE MATERIALIZED VIEW v AS SELECT o.id, o.x, s.name FROM s.public.orders o JOIN s.public.s AS s ON s.id = "
    "o.s_id";
constexpr std::int64_t kHot = 7;
constexpr std::size_t kBatch = 50;  // transactions that are appended at once

Column KeyOr(const char* name, sql::Type type, int key) {
  Column column;
  column.name = name;
  column.type = sql::ToColumn(type);
  column.key_position = key;
  column.nullable = key == 0;
  return column;
}

// Both tables, of one source.
class Tables {
 public:
  explicit Tables(Log& log) : writer_(Must(log.OpenWriter("s", "s", "postgresql"))) {
    orders_ = Define("orders", {KeyOr("id", sql::TypeId::kInt8, 1), KeyOr("s_id", sql::TypeId::kInt4, 0),
                                KeyOr("x", sql::TypeId::kInt4, 0)});
    controls_ = Define("s", {KeyOr("id", sql::TypeId::kInt4, 1), KeyOr("name", sql::TypeId::kText, 0)});
  }

  void PutControl(Op op, std::string_view name) {
    Transaction tx = Begin();
    tx.StartChange(op, controls_.stream, controls_.version, 1);
    std::string& row = tx.StartRow(RowImage::kAfter);
    PutInt(row, kHot);
    PutBlob(row, ValueKind::kText, name);
    tx.EndRow();
    tx.EndChange();
    Must(writer_->Append(std::span(&tx, 1), std::nullopt));
  }
  void InsertOrders(long rows) {
    std::vector<Transaction> batch;
    for (long at = 0; at < rows;) {
      Transaction& tx = batch.emplace_back(Begin());
      for (long i = 0; i < kPerTransaction && at < rows; ++i, ++at) {
        tx.StartChange(Op::kInsert, orders_.stream, orders_.version, 1);
        std::string& row = tx.StartRow(RowImage::kAfter);
        PutInt(row, next_order_++);
        PutInt(row, kHot);
        PutInt(row, at % 1'000);
        tx.EndRow();
        tx.EndChange();
      }
      if (batch.size() < kBatch && at < rows) continue;
      Must(writer_->Append(batch, std::nullopt));
      batch.clear();
    }
  }

 private:
  struct Table {
    StreamNo stream = 0;
    std::uint32_t version = 0;
  };
  Table Define(const char* name, std::vector<Column> columns) {
    TableSchema schema;
    schema.schema = "public";
    schema.table = name;
    schema.columns = std::move(columns);
    Table table;
    table.stream = writer_->OpenStream("public", name);
    table.version = writer_->DefineSchema(table.stream, schema, 0, 0);
    Must(writer_->Append({}, std::nullopt));
    return table;
  }
  Transaction Begin() {
    Transaction tx;
    tx.info.position = {PositionKind::kPgCommit, ++position_, 0, 0, {}};
    return tx;
  }

  std::unique_ptr<LogWriter> writer_;
  std::uint64_t position_ = 0;
  std::int64_t next_order_ = 1;
  Table orders_;
  Table controls_;
};

void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

void Applied(Shard& shard) {
  if (!shard.Apply(3'600)) Must(Transient("the views did not come to the end"));
}

void Run(const HotKeyOptions& options) {
  Shard shard;
  Tables tables(shard.log());
  tables.PutControl(Op::kInsert, "before");
  tables.InsertOrders(1);
  const auto memory = static_cast<std::size_t>(options.memory_mib) << 20;
  shard.Open(memory);
  if (const auto refused = shard.Define(kView)) Must(ConfigError(*refused));
  tables.InsertOrders(options.rows);
  Applied(shard);
  PeakMemoryLine(::getpid(), memory);
  const double rest = ResidentMiB(::getpid(), "VmRSS");
  Line("  resident memory, at rest", rest, "MiB", "");
  ForgetPeak();
  const double cpu = CpuSeconds(::getpid());
  const double begin = Seconds();
  tables.PutControl(Op::kUpdate, "after");
  Applied(shard);
  const double took = Seconds() - begin;
  Line("  the row is updated, applied in", took, "s", "");
  Line("    rows of the view that change", static_cast<double>(options.rows) / took, "rows/s", "");
  Line("    CPU", CpuSeconds(::getpid()) - cpu, "s", "");
  Line("    resident memory, above that at rest", ResidentMiB(::getpid(), "VmHWM") - rest, "MiB", "");
  PeakMemoryLine(::getpid(), memory);
}

}  // namespace

void HotKey(const HotKeyOptions& options) {
  std::printf("one row of a control table, and %ld rows that refer to it\n", options.rows);
  RunApart([&] { Run(options); });
}

}  // namespace headgate::bench
