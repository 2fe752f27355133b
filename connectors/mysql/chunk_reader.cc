#include "connectors/mysql/chunk_reader.h"

#include <utility>

#include "connectors/mysql/catalog.h"
#include "connectors/mysql/chunk_query.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/row_session.h"
#include "connectors/mysql/tables.h"
#include "core/base/signal.h"
#include "core/model/value.h"

namespace headgate::mysql {
namespace {

constexpr std::chrono::milliseconds kLookAgain{2};
constexpr std::size_t kWholeChunkBytes = 2U << 20;
constexpr std::string_view kOpening = "opening a consistent snapshot";

const TablePlan& PlanOf(const ChunkTable& table) { return *static_cast<const TablePlan*>(table.plan.get()); }
const BinlogPosition& PositionOf(const std::any& position) { return std::any_cast<const BinlogPosition&>(position); }

std::string TriedToRead(const TablePlan& plan) { return "reading table " + plan.name.database + "." + plan.name.table; }

Status PutRow(Transaction& tx, const TablePlan& plan, const std::vector<ResultColumn>& columns,
              const std::vector<std::string_view>& row, ValueReader& values) {
  tx.StartChange(Op::kRead, plan.stream, plan.schema, 0);
  std::string& out = tx.StartRow(RowImage::kAfter);
  const std::size_t start = out.size();
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (row[i].data() == nullptr) {
      PutNull(out);
    } else {
      values.AppendSelected(out, plan.columns[i], columns[i], row[i]);
    }
  }
  if (plan.transform != nullptr) HG_RETURN_IF_ERROR(plan.transform->Apply(out, start));
  tx.EndRow();
  tx.EndChange();
  return Ok();
}

// No such table, no such column, a definition that changed since the snapshot of the transaction.
bool IsAboutChange(int error) { return error == 1146 || error == 1054 || error == 1412; }

// One session for rows, one for questions beside them.
class MysqlChunkReader final : public ChunkReader {
 public:
  MysqlChunkReader(const Options& options, std::size_t host, bool by_gtid, std::stop_token stop)
      : options_(options), host_(host), by_gtid_(by_gtid), stop_(std::move(stop)) {}

  Status Open() override {
    HG_ASSIGN_OR_RETURN(rows_, RowSession::Open(options_, host_, stop_));
    HG_ASSIGN_OR_RETURN(facts_, Connection::Open(options_, host_));
    if (facts_->host() != host_) return Transient("the server changed while a snapshot was to begin");
    return Ok();
  }

  Status ReadChunk(const ChunkTable& table, const Range& range, const StreamView& view, Chunk& chunk) override {
    const TablePlan& plan = PlanOf(table);
    BinlogPosition seen;
    HG_RETURN_IF_ERROR(AwaitVisible(plan, PositionOf(view.position), seen));
    chunk.low = seen.place.ToText();
    std::size_t count = 0;
    Status kept = Ok();
    Status read = rows_->Stream(ChunkSql(plan.name, plan.columns, plan.key, range), TriedToRead(plan),
                                [&](const auto& columns, const auto& row) {
                                  kept = PutRow(chunk.rows, plan, columns, row, values_);
                                  if (!kept.ok()) return false;
                                  if (++count == range.rows_max) SetNext(chunk, plan, columns, row);
                                  return !stop_.stop_requested();
                                });
    if (!kept.ok()) return kept;
    if (!read.ok()) {
      chunk.changed = IsAboutChange(rows_->error_code());
      if (chunk.changed) return Ok();
      if (range.where && rows_->error_code() != 0) return Error{ErrorKind::kRejected, read.error().what};
      return read;
    }
    if (stop_.stop_requested()) return Stopped();
    chunk.last = count < range.rows_max;
    if (mariadb()) {
      HG_RETURN_IF_ERROR(rows_->Execute("ROLLBACK", "ending a consistent snapshot"));
    } else {
      HG_ASSIGN_OR_RETURN(seen, Catalog(*facts_, options_.flavor).CurrentPosition());
      last_seen_ = seen;
    }
    chunk.high = seen.place.ToText();
    chunk.seen = std::move(seen);
    return Ok();
  }

  Status ReadWhole(const ChunkTable& table, const StreamView& view, const Hold& hold, const Give& give) override {
    const TablePlan& plan = PlanOf(table);
    const BinlogPosition& brought = PositionOf(view.position);
    BinlogPosition place;
    HG_RETURN_IF_ERROR(mariadb() ? AwaitVisible(plan, brought, place) : Freeze(plan, brought, place));
    if (!hold(place)) return Stopped();
    Chunk chunk;
    const auto hand_over = [&](bool last) {
      chunk.seen = place;
      chunk.low = chunk.high = place.place.ToText();
      chunk.last = last;
      return give(std::exchange(chunk, {}));
    };
    bool goes_on = true;
    Status kept = Ok();
    Status read = rows_->Stream(ChunkSql(plan.name, plan.columns, plan.key, {}), TriedToRead(plan),
                                [&](const auto& columns, const auto& row) {
                                  kept = PutRow(chunk.rows, plan, columns, row, values_);
                                  if (!kept.ok()) return false;
                                  if (chunk.rows.bytes() >= kWholeChunkBytes) goes_on = hand_over(false);
                                  return goes_on && !stop_.stop_requested();
                                });
    if (!kept.ok()) return kept;
    if (!read.ok()) {
      if (!IsAboutChange(rows_->error_code())) return read;
      chunk.changed = true;
      return hand_over(false) ? Ok() : Status(Stopped());
    }
    if (!goes_on || stop_.stop_requested() || !hand_over(true)) return Stopped();
    return rows_->Execute("ROLLBACK", "ending a consistent snapshot");
  }

 private:
  bool mariadb() const { return options_.flavor == Flavor::kMariadb; }

  Status Pause() {
    never_.WaitUntil(std::chrono::steady_clock::now() + kLookAgain, stop_);
    return stop_.stop_requested() ? Status(Stopped()) : Ok();
  }

  // Until queries see everything that the stream has brought: an event may come before its commit is visible.
  // MariaDB: the session that reads rows is then inside of a snapshot at exactly `seen`.
  Status AwaitVisible(const TablePlan& plan, const BinlogPosition& brought, BinlogPosition& seen) {
    if (!mariadb() && !by_gtid_) {  // waits for whoever is about to commit
      const std::string tried = "waiting for writers of " + plan.name.database + "." + plan.name.table;
      HG_RETURN_IF_ERROR(facts_->Execute(
          "LOCK TABLES " + QuoteName(plan.name.database) + "." + QuoteName(plan.name.table) + " READ", tried));
      return facts_->Execute("UNLOCK TABLES", tried);
    }
    if (last_seen_ && Covers(*last_seen_, brought, options_, by_gtid_)) {
      seen = *last_seen_;
      return Ok();
    }
    while (true) {
      if (mariadb()) {
        HG_ASSIGN_OR_RETURN(seen, OpenMariadbSnapshot());
      } else {
        HG_ASSIGN_OR_RETURN(seen, Catalog(*facts_, options_.flavor).CurrentPosition());
      }
      if (Covers(seen, brought, options_, by_gtid_)) return Ok();
      HG_RETURN_IF_ERROR(Pause());
    }
  }

  Result<BinlogPosition> OpenMariadbSnapshot() {
    HG_RETURN_IF_ERROR(rows_->Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", kOpening));
    return ReadSnapshotPlace(
        [this](const std::string& sql, std::string_view tried) { return rows_->Query(sql, tried); });
  }

  // MySQL has no way to open a snapshot at a known place without a lock, so it is tried until nobody commits meanwhile.
  Status Freeze(const TablePlan& plan, const BinlogPosition& brought, BinlogPosition& place) {
    constexpr int kTries = 200;
    Catalog catalog(*facts_, options_.flavor);
    for (int i = 0; i < kTries; ++i) {
      HG_RETURN_IF_ERROR(AwaitVisible(plan, brought, place));
      HG_ASSIGN_OR_RETURN(const BinlogPosition before, catalog.CurrentPosition());
      HG_RETURN_IF_ERROR(rows_->Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT", kOpening));
      HG_ASSIGN_OR_RETURN(place, catalog.CurrentPosition());
      if (place == before) return Ok();
      HG_RETURN_IF_ERROR(rows_->Execute("ROLLBACK", kOpening));
    }
    return Transient("table " + plan.name.database + "." + plan.name.table +
                     " has no key and could not be read: the server was never still for a moment. Give it a primary "
                     "key, or read it at a quiet time");
  }

  void SetNext(Chunk& chunk, const TablePlan& plan, const std::vector<ResultColumn>& columns,
               const std::vector<std::string_view>& row) {
    for (const std::size_t column : plan.key)
      chunk.next.emplace_back(KeyText(plan.columns[column], TextOf(columns[column], row[column])));
  }

  // Labels are kept as UTF-8, as the reader has them.
  std::string KeyText(const ColumnReader& column, std::string_view text) {
    std::string out;
    const bool label = column.form == Form::kEnum || column.form == Form::kSet;
    if (!label || !values_.decoder().Append(out, column.charset, text)) out = text;
    return out;
  }

  const Options& options_;
  const std::size_t host_;
  const bool by_gtid_;
  const std::stop_token stop_;
  std::unique_ptr<RowSession> rows_;
  std::unique_ptr<Connection> facts_;
  std::optional<BinlogPosition> last_seen_;  // MySQL: behind the chunk before
  ValueReader values_;
  Signal never_;
};

}  // namespace

bool Covers(const BinlogPosition& read, const BinlogPosition& target, const Options& options, bool by_gtid) {
  if (options.flavor == Flavor::kMysql && by_gtid) return read.executed.Contains(target.executed);
  return read.place.Number() >= target.place.Number();
}

std::unique_ptr<ChunkReader> MakeChunkReader(const Options& options, std::size_t host, bool by_gtid,
                                             std::stop_token stop) {
  return std::make_unique<MysqlChunkReader>(options, host, by_gtid, std::move(stop));
}

}  // namespace headgate::mysql
