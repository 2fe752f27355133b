#include "connectors/postgres/snapshot.h"

#include "connectors/postgres/copy_text.h"
#include "connectors/postgres/errors.h"

namespace headgate::postgres {
namespace {

constexpr std::size_t kChunkBytes = 1U << 20;
constexpr std::uint64_t kChunkRows = 4096;
constexpr auto kCopyWait = std::chrono::seconds(5);  // a silent COPY is SilentFor's affair

std::string ColumnNames(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + QuoteIdentifier(column);
  return list;
}

// What must be the same for every session.
struct Pinned {
  std::string snapshot;
  std::string system_identifier;
};

Result<Pinned> PinSession(Connection& connection, const std::string& snapshot_name, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows none,
                      connection.Query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
                                           QuoteLiteral(snapshot_name),
                                       "taking over the exported snapshot", stop));
  HG_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT pg_current_snapshot(), (SELECT system_identifier FROM pg_control_system())",
                       "verifying the exported snapshot", stop));
  if (rows.empty() || rows[0].size() < 2)
    return Transient("verifying the exported snapshot on " + Place(connection.options()) + " gave no answer");
  return Pinned{rows[0][0].value_or(""), rows[0][1].value_or("")};
}

}  // namespace

std::string CopySql(const CapturedTable& captured, const std::vector<std::string>& columns) {
  const std::string table = QuoteTable(captured.table.schema, captured.table.name);
  // COPY of a plain table leaves inheritance children out, as the publication does; it cannot name a partitioned one.
  if (captured.table.kind != 'p' && captured.row_filter.empty() && !columns.empty()) {
    return "COPY " + table + " (" + ColumnNames(columns) + ") TO STDOUT";
  }
  return "COPY (SELECT " + ColumnNames(columns) + " FROM " + (captured.table.kind == 'p' ? "" : "ONLY ") + table +
         (captured.row_filter.empty() ? "" : " WHERE " + captured.row_filter) + ") TO STDOUT";
}

std::string TypesSql(const CatalogTable& table, const std::vector<std::string>& columns) {
  std::string list;  // in an array: a function takes no more than 100 arguments
  for (const std::string& column : columns) {
    list += (list.empty() ? "" : ", ") + std::string("pg_typeof((NULL::") + QuoteTable(table.schema, table.name) +
            ")." + QuoteIdentifier(column) + ")::oid";
  }
  return "array_to_string(ARRAY[" + list + "]::oid[], ',')";
}

std::string TypesOf(const CatalogTable& table, const std::vector<std::string>& columns) {
  std::string types;
  for (const std::string& column : columns) {
    const CatalogColumn* known = table.Find(column);
    types += (types.empty() ? "" : ",") + std::to_string(known == nullptr ? 0 : known->type_oid);
  }
  return types;
}

std::string LockSql(const CatalogTable& table) {
  return "LOCK TABLE " + std::string(table.kind == 'p' ? "" : "ONLY ") + QuoteTable(table.schema, table.name) +
         " IN ACCESS SHARE MODE";
}

Result<std::unique_ptr<Snapshot>> Snapshot::Pin(const Options& options, const std::string& client_encoding,
                                                const std::string& snapshot_name, const std::string& system_identifier,
                                                std::size_t workers, std::stop_token stop) {
  std::unique_ptr<Snapshot> snapshot(new Snapshot(options));
  std::string seen;
  for (std::size_t i = 0; i < workers; ++i) {
    HG_ASSIGN_OR_RETURN(auto connection,
                        Connection::Open(options, Connection::Use::kQuery, client_encoding, true, stop));
    HG_ASSIGN_OR_RETURN(const Pinned pinned, PinSession(*connection, snapshot_name, stop));
    if (pinned.system_identifier != system_identifier || (i > 0 && pinned.snapshot != seen)) {
      return ConfigError("the sessions of the snapshot on " + Place(options) +
                         " do not see the same server: something in between spreads connections over several. Connect "
                         "to the primary directly.");
    }
    seen = pinned.snapshot;
    snapshot->connections_.push_back(std::move(connection));
  }
  // xmin:xmax:xip_list
  const auto colon = seen.find(':');
  snapshot->xid_ = colon == std::string::npos ? "" : seen.substr(colon + 1, seen.find(':', colon + 1) - colon - 1);
  return snapshot;
}

Snapshot::~Snapshot() {
  for (std::jthread& thread : threads_) thread.request_stop();
  items_.Close();
  threads_.clear();  // joins
}

void Snapshot::Start(std::vector<SnapshotTable> tables, const SnapshotRun& run) {
  tables_ = std::move(tables);
  run_ = run;
  for (auto& connection : connections_) {
    Watch& watch = watches_.emplace_back();
    watch.pid = connection->backend_pid();
    threads_.emplace_back([this, &watch, session = std::move(connection)](std::stop_token stop) mutable {
      Work(std::move(session), watch, std::move(stop));
    });
  }
  connections_.clear();
}

std::vector<Silence> Snapshot::SilentFor(std::chrono::milliseconds at_least) const {
  std::vector<Silence> silences;
  const Time now = std::chrono::steady_clock::now();
  for (const Watch& watch : watches_) {
    const Time since = watch.since;
    if (since == Time::min()) continue;
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(now - since);
    if (lasted >= at_least) silences.push_back({watch.pid, tables_[watch.table].name, lasted});
  }
  return silences;
}

std::optional<SnapshotItem> Snapshot::Next(Connection::Deadline deadline, std::stop_token stop) {
  if (auto item = items_.TryPop()) return item;
  if (deadline <= std::chrono::steady_clock::now()) return std::nullopt;
  return items_.Pop(std::move(stop), deadline);
}

// Owns its session: the transaction on the server ends with the work, not with the whole snapshot.
void Snapshot::Work(std::unique_ptr<Connection> connection, Watch& watch, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const std::size_t index = next_table_.fetch_add(1);
    if (index >= tables_.size()) break;
    const auto done = ReadTable(*connection, index, watch, stop);
    if (done.ok()) continue;
    SnapshotItem item;
    item.table = index;
    item.error = done.error();
    items_.Push(std::move(item), stop);
    return;
  }
}

Transaction Snapshot::NewTransaction(std::size_t index, std::uint64_t chunk) const {
  Transaction tx;
  tx.info.position = {PositionKind::kChunk, run_.run, tables_[index].stream, chunk, {}};
  tx.info.commit_us = run_.started_us;
  tx.info.consistent_at = run_.consistent_at;
  tx.info.id = xid_;
  return tx;
}

bool Snapshot::PushMarker(std::size_t index, std::uint64_t chunk, bool completed, std::uint64_t rows,
                          std::stop_token stop) {
  SnapshotItem item;
  item.table = index;
  item.completed = completed;
  item.rows = rows;
  item.transaction = NewTransaction(index, chunk);
  item.transaction.first_ordinal = 0;
  item.transaction.StartChange(Op::kSnapshot, tables_[index].stream, tables_[index].schema, run_.consistent_at);
  item.transaction.EndChange(Encode(SnapshotExtra{completed, rows}));
  if (!completed && tables_[index].stale_rows) {
    item.transaction.StartChange(Op::kTruncate, tables_[index].stream, tables_[index].schema, run_.consistent_at);
    item.transaction.EndChange(Encode(TruncateExtra{false, false}));
  }
  return items_.Push(std::move(item), std::move(stop));
}

// Locks the table against changes of its form and verifies that it still is what it was before the snapshot: to a
// snapshot from before, a table that was rewritten or truncated since looks empty.
Status Snapshot::HoldTable(Connection& connection, const SnapshotTable& table, std::stop_token stop) {
  const std::string tried = "locking table " + table.name;
  const auto now = connection.Query("SAVEPOINT one_table; " + table.lock_sql + "; SELECT " + table.storage_sql, tried,
                                    std::move(stop), Connection::Deadline::max());
  if (!now.ok()) {
    // Undefined table or column: it was dropped after it was looked at. A new attempt looks again.
    const bool gone = connection.sqlstate() == "42P01" || connection.sqlstate() == "42703";
    return gone ? Transient(now.error().what) : now.error();
  }
  if (!now->empty() && (*now)[0][0].value_or("") == table.storage) return Ok();
  return Transient(
      "table " + table.name + " on " + Place(options_) +
      " was rewritten, truncated or altered while the snapshot waited to read it. The snapshot of the tables that "
      "are not read yet begins anew.");
}

// A chunk is handed over when the next row is known or known to be missing, so that the last one says that it is.
Status Snapshot::ReadTable(Connection& connection, std::size_t index, Watch& watch, std::stop_token stop) {
  const SnapshotTable& table = tables_[index];
  const std::string tried = "reading table " + table.name;
  watch.table = index;
  watch.since = std::chrono::steady_clock::now();
  HG_RETURN_IF_ERROR(HoldTable(connection, table, stop));
  if (auto started = connection.StartCopy(table.copy_sql, tried, stop); !started.ok()) {
    // Undefined column: the table was altered after it was looked at.
    return connection.sqlstate() == "42703" ? Transient(started.error().what) : std::move(started).error();
  }
  watch.since = Time::min();
  if (!PushMarker(index, 0, false, 0, stop)) return Stopped();
  CopyRowDecoder decoder;
  std::uint64_t chunks = 0;
  std::uint64_t rows = 0;
  bool waiting = false;  // for the server
  SnapshotItem chunk;
  const auto hand_over = [&](bool last) {
    if (chunk.rows == 0) return true;
    chunk.table = index;
    chunk.data = true;
    chunk.last = last;
    chunk.transaction.info.flags =
        static_cast<std::uint8_t>((chunks == 1 ? kFirstOfStream : 0) | (last ? kLastOfStream : 0));
    chunk.transaction.info.total = chunk.transaction.changes();
    const std::size_t bytes = chunk.transaction.bytes();
    return items_.Push(std::exchange(chunk, {}), stop, bytes);
  };
  for (;;) {
    std::string_view line;
    HG_ASSIGN_OR_RETURN(const auto state, connection.NextCopy(line, tried));
    if (state == Connection::Copy::kNothingYet) {
      const Time now = std::chrono::steady_clock::now();
      if (!std::exchange(waiting, true)) watch.since = now;
      HG_RETURN_IF_ERROR(connection.WaitReadable(now + kCopyWait, stop));
      HG_RETURN_IF_ERROR(connection.Receive(tried));
      watch.since = std::max(watch.since.load(), connection.last_arrival());  // parts of a large row count
      continue;
    }
    if (std::exchange(waiting, false)) watch.since = Time::min();
    if (state == Connection::Copy::kEnd) break;
    if (chunk.rows >= kChunkRows || chunk.transaction.bytes() >= kChunkBytes) {
      if (!hand_over(false)) return Stopped();
    }
    if (chunk.rows == 0) chunk.transaction = NewTransaction(index, ++chunks);
    chunk.transaction.StartChange(Op::kRead, table.stream, table.schema, run_.consistent_at);
    std::string& row = chunk.transaction.StartRow(RowImage::kAfter);
    const std::size_t start = row.size();
    if (!decoder.Append(row, line, table.types)) {
      return Corrupt("table " + table.name + " on " + Place(options_) + " sent a row that does not fit its columns");
    }
    if (table.transform != nullptr) HG_RETURN_IF_ERROR(table.transform->Apply(row, start));
    chunk.transaction.EndRow();
    chunk.transaction.EndChange();
    ++chunk.rows;
    ++rows;
  }
  // Gives the lock back; the snapshot stays.
  HG_ASSIGN_OR_RETURN(const Rows none,
                      connection.Query("ROLLBACK TO SAVEPOINT one_table", "unlocking table " + table.name, stop));
  if (!hand_over(true) || !PushMarker(index, chunks + 1, true, rows, stop)) return Stopped();
  return Ok();
}

}  // namespace headgate::postgres
