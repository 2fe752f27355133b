#include "connectors/mysql/snapshot.h"

#include <algorithm>
#include <utility>

#include "connectors/mysql/catalog.h"
#include "connectors/mysql/chunk_query.h"
#include "connectors/mysql/connection.h"
#include "core/model/value.h"

namespace headgate::mysql {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kWaitingBytes = 16U << 20;
constexpr std::size_t kChunkBytes = 2U << 20;
constexpr std::size_t kFirstRows = 1'000;
constexpr std::size_t kRowsMax = 100'000;
constexpr milliseconds kLookAgain{2};

void PutRow(Transaction& tx, const TablePlan& plan, const std::vector<std::string_view>& row, ValueReader& values) {
  tx.StartChange(Op::kRead, plan.stream, plan.schema, 0);
  std::string& out = tx.StartRow(RowImage::kAfter);
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (row[i].data() == nullptr) {
      PutNull(out);
    } else {
      values.AppendText(out, plan.columns[i], row[i]);
    }
  }
  tx.EndRow();
  tx.EndChange();
}

}  // namespace

bool Covers(const BinlogPosition& read, const BinlogPosition& target, const Options& options, bool by_gtid) {
  if (options.flavor == Flavor::kMysql && by_gtid) return read.executed.Contains(target.executed);
  return read.place.Number() >= target.place.Number();
}

// One session for rows, one for questions beside them.
class Snapshot::Worker {
 public:
  Worker(Snapshot& owner, std::stop_token stop) : owner_(owner), stop_(std::move(stop)) {}

  void Run() {
    Status status = Open();
    while (status.ok()) {
      const std::size_t table = owner_.next_table_++;
      if (table >= owner_.tables_.size()) return;
      status = owner_.tables_[table].plan.key.empty() ? ReadWhole(table) : ReadByKey(table);
    }
    if (status.error().kind == ErrorKind::kStopped) return;
    SnapshotItem item;
    item.kind = SnapshotItem::Kind::kFailed;
    item.error = std::move(status).error();
    owner_.items_.Push(std::move(item), stop_);
  }

 private:
  using Kind = SnapshotItem::Kind;

  bool mariadb() const { return owner_.options_.flavor == Flavor::kMariadb; }

  Status Open() {
    HG_ASSIGN_OR_RETURN(rows_, Connection::Open(owner_.options_, Connection::Texts::kAsStored, owner_.host_));
    HG_ASSIGN_OR_RETURN(facts_, Connection::Open(owner_.options_, Connection::Texts::kUtf8, owner_.host_));
    if (rows_->host() != owner_.host_ || facts_->host() != owner_.host_)
      return Transient("the server changed while a snapshot was to begin");
    return Ok();
  }

  bool Push(SnapshotItem item, std::size_t bytes = 0) { return owner_.items_.Push(std::move(item), stop_, bytes); }
  Status PushMark(std::size_t table, Kind kind) {
    SnapshotItem item;
    item.kind = kind;
    item.table = table;
    return Push(std::move(item)) ? Ok() : Status(Stopped());
  }

  Status Pause() {
    never_.WaitUntil(std::chrono::steady_clock::now() + kLookAgain, stop_);
    return stop_.stop_requested() ? Status(Stopped()) : Ok();
  }

  // Until queries see everything that the stream has brought: an event may come before its commit is visible.
  // MariaDB: the session that reads rows is then inside of a snapshot at exactly `seen`.
  Status AwaitVisible(const TablePlan& plan, const BinlogPosition& brought, BinlogPosition& seen) {
    if (!mariadb() && !owner_.by_gtid_) {  // waits for whoever is about to commit
      const std::string tried = "waiting for writers of " + plan.name.database + "." + plan.name.table;
      HG_RETURN_IF_ERROR(facts_->Execute(
          "LOCK TABLES " + QuoteName(plan.name.database) + "." + QuoteName(plan.name.table) + " READ", tried));
      return facts_->Execute("UNLOCK TABLES", tried);
    }
    while (true) {
      if (mariadb()) {
        HG_ASSIGN_OR_RETURN(seen, OpenMariadbSnapshot());
      } else {
        Catalog catalog(*facts_, owner_.options_.flavor);
        HG_ASSIGN_OR_RETURN(seen, catalog.CurrentPosition());
      }
      if (Covers(seen, brought, owner_.options_, owner_.by_gtid_)) return Ok();
      HG_RETURN_IF_ERROR(Pause());
    }
  }

  Result<BinlogPosition> OpenMariadbSnapshot() {
    constexpr std::string_view kTried = "opening a consistent snapshot";
    HG_RETURN_IF_ERROR(rows_->Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", kTried));
    return ReadSnapshotPlace(*rows_);
  }

  Status ReadByKey(std::size_t index) {
    const SnapshotTable& table = owner_.tables_[index];
    std::vector<std::string> next = table.next;
    if (table.chunks == 0) HG_RETURN_IF_ERROR(PushMark(index, Kind::kBegun));
    std::size_t rows_max = kFirstRows;
    for (bool last = false; !last;) {
      const auto view = owner_.view_.Get();
      SnapshotItem item;
      item.table = index;
      item.asked = view->moment;
      HG_RETURN_IF_ERROR(AwaitVisible(table.plan, view->position, item.seen));
      HG_RETURN_IF_ERROR(ReadChunk(table.plan, rows_max, next, item));
      if (mariadb()) HG_RETURN_IF_ERROR(rows_->Execute("ROLLBACK", "ending a consistent snapshot"));
      if (!mariadb()) {
        Catalog catalog(*facts_, owner_.options_.flavor);
        HG_ASSIGN_OR_RETURN(item.seen, catalog.CurrentPosition());
      }
      last = item.last;
      item.next = next;
      const std::size_t bytes = item.rows.bytes();
      const std::size_t count = item.rows.changes();
      if (count > 0) rows_max = std::clamp(kChunkBytes / (bytes / count + 1), kFirstRows / 10, kRowsMax);
      if (!Push(std::move(item), bytes)) return Stopped();
    }
    return Ok();
  }

  Status ReadChunk(const TablePlan& plan, std::size_t rows_max, std::vector<std::string>& next, SnapshotItem& item) {
    const std::string sql = ChunkSql(plan.name, plan.columns, plan.key, next, rows_max);
    std::size_t count = 0;
    HG_RETURN_IF_ERROR(
        rows_->Stream(sql, "reading table " + plan.name.database + "." + plan.name.table, [&](const auto& row) {
          PutRow(item.rows, plan, row, values_);
          if (++count == rows_max) {
            next.clear();
            for (const std::size_t column : plan.key) next.emplace_back(KeyText(plan.columns[column], row[column]));
          }
          return !stop_.stop_requested();
        }));
    if (stop_.stop_requested()) return Stopped();
    item.last = count < rows_max;
    return Ok();
  }

  // Labels are kept as UTF-8, as the reader has them.
  std::string KeyText(const ColumnReader& column, std::string_view text) {
    std::string out;
    const bool label = column.form == Form::kEnum || column.form == Form::kSet;
    if (!label || !values_.decoder().Append(out, column.charset, text)) out = text;
    return out;
  }

  // Nothing can tell which of its rows the stream changed meanwhile, so the stream stands still at the very place that
  // the rows are read at.
  Status ReadWhole(std::size_t index) {
    const SnapshotTable& table = owner_.tables_[index];
    HG_RETURN_IF_ERROR(PushMark(index, Kind::kBegun));
    ++owner_.holds_;  // until the ingest thread has its last row
    return ReadHeld(index, table.plan);
  }

  Status ReadHeld(std::size_t index, const TablePlan& plan) {
    auto view = owner_.view_.Get();
    for (; !view->held; view = owner_.view_.Get()) HG_RETURN_IF_ERROR(Pause());
    BinlogPosition place;
    HG_RETURN_IF_ERROR(mariadb() ? AwaitVisible(plan, view->position, place) : Freeze(plan, view->position, place));
    SnapshotItem hold;
    hold.kind = Kind::kHold;
    hold.table = index;
    hold.seen = place;
    if (!Push(std::move(hold))) return Stopped();
    SnapshotItem item;
    const auto begin = [&] {
      item = {};
      item.table = index;
      item.seen = place;
      item.asked = std::numeric_limits<ChangeWatch::Moment>::max();
    };
    begin();
    bool stopped = false;
    HG_RETURN_IF_ERROR(rows_->Stream(ChunkSql(plan.name, plan.columns, plan.key, {}, 0),
                                     "reading table " + plan.name.database + "." + plan.name.table,
                                     [&](const auto& row) {
                                       PutRow(item.rows, plan, row, values_);
                                       if (item.rows.bytes() < kChunkBytes) return !stop_.stop_requested();
                                       const std::size_t bytes = item.rows.bytes();
                                       stopped = !Push(std::exchange(item, {}), bytes);
                                       begin();
                                       return !stopped;
                                     }));
    if (stopped || stop_.stop_requested()) return Stopped();
    item.last = true;
    const std::size_t bytes = item.rows.bytes();
    if (!Push(std::move(item), bytes)) return Stopped();
    return rows_->Execute("ROLLBACK", "ending a consistent snapshot");
  }

  // MySQL has no way to open a snapshot at a known place without a lock, so it is tried until nobody commits meanwhile.
  Status Freeze(const TablePlan& plan, const BinlogPosition& brought, BinlogPosition& place) {
    constexpr std::string_view kTried = "opening a consistent snapshot";
    constexpr int kTries = 200;
    Catalog catalog(*facts_, owner_.options_.flavor);
    for (int i = 0; i < kTries; ++i) {
      HG_RETURN_IF_ERROR(AwaitVisible(plan, brought, place));
      HG_ASSIGN_OR_RETURN(const BinlogPosition before, catalog.CurrentPosition());
      HG_RETURN_IF_ERROR(rows_->Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", kTried));
      HG_ASSIGN_OR_RETURN(place, catalog.CurrentPosition());
      if (place == before) return Ok();
      HG_RETURN_IF_ERROR(rows_->Execute("ROLLBACK", kTried));
    }
    return Transient("table " + plan.name.database + "." + plan.name.table +
                     " has no key and could not be read: the server was never still for a moment. Give it a primary "
                     "key, or read it at a quiet time");
  }

  Snapshot& owner_;
  const std::stop_token stop_;
  std::unique_ptr<Connection> rows_;
  std::unique_ptr<Connection> facts_;
  ValueReader values_;
  Signal never_;
};

Snapshot::Snapshot(const Options& options, std::size_t host, bool by_gtid, std::vector<SnapshotTable> tables)
    : options_(options),
      host_(host),
      by_gtid_(by_gtid),
      tables_(std::move(tables)),
      items_(options.snapshot_workers * 2 + 2, kWaitingBytes) {}

Snapshot::~Snapshot() {
  for (std::jthread& thread : threads_) thread.request_stop();
  items_.Close();
}

void Snapshot::Start() {
  const std::size_t count = std::min(options_.snapshot_workers, tables_.size());
  for (std::size_t i = 0; i < count; ++i)
    threads_.emplace_back([this](std::stop_token stop) { Worker(*this, std::move(stop)).Run(); });
}

void Snapshot::Publish(StreamView view) { view_.Set(std::move(view)); }

std::optional<SnapshotItem> Snapshot::Next(std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
  return items_.Pop(std::move(stop), deadline);
}

}  // namespace headgate::mysql
