#include "connectors/postgres/chunk_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/copy_text.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/snapshot.h"

namespace headgate::postgres {
namespace {

constexpr auto kCopyWait = std::chrono::seconds(5);
constexpr std::int64_t kWalWriterCycles = 3;   // after which it has written every commit
constexpr std::int64_t kMicroseconds = 1'000;  // wal_writer_delay is in milliseconds
constexpr std::uint64_t kPage = 8192;          // XLOG_BLCKSZ
constexpr std::uint64_t kShortHeader = 24;     // of a page of the WAL
constexpr std::uint64_t kLongHeader = 40;      // of the first page of a segment
constexpr std::uint64_t kSegment = 1U << 20;   // the smallest size of one
constexpr std::string_view kUndefinedTable = "42P01";
constexpr std::string_view kUndefinedColumn = "42703";

const ChunkPlan& PlanOf(const ChunkTable& table) { return *static_cast<const ChunkPlan*>(table.plan.get()); }

// Transaction ids wrap around (TransactionIdPrecedes of PostgreSQL).
bool Precedes(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

class PostgresChunkReader final : public ChunkReader {
 public:
  PostgresChunkReader(const Options& options, std::string client_encoding, std::stop_token stop)
      : options_(options), client_encoding_(std::move(client_encoding)), stop_(std::move(stop)) {}

  Status Open() override {
    HG_ASSIGN_OR_RETURN(connection_,
                        Connection::Open(options_, Connection::Use::kQuery, client_encoding_, true, stop_));
    return Ok();
  }

  Status ReadChunk(const ChunkTable& table, const Range& range, const StreamView&, Chunk& chunk) override {
    const ChunkPlan& plan = PlanOf(table);
    const std::string tried = "reading table " + table.name;
    HG_RETURN_IF_ERROR(Begin(plan, tried, chunk));
    if (!chunk.changed) {
      Status read = ReadRows(plan, range, tried, chunk);
      if (!read.ok()) {
        chunk.changed = IsAboutChange();
        const std::string& state = connection_->sqlstate();
        const bool refused = state.starts_with("22") || state.starts_with("42");  // the value, or comparing with it
        if (!chunk.changed && range.where && refused) return Error{ErrorKind::kRejected, read.error().what};
        if (!chunk.changed) return read;
      }
    }
    HG_ASSIGN_OR_RETURN(const Rows none, connection_->Query("ROLLBACK", tried, stop_));
    return Ok();
  }

  // Tables without a key are refused before (PostgresSource::Problem).
  Status ReadWhole(const ChunkTable& table, const StreamView&, const Hold&, const Give&) override {
    return ConfigError("table " + table.name + " has no key and cannot be read again beside the stream");
  }

 private:
  bool IsAboutChange() const {
    return connection_->sqlstate() == kUndefinedTable || connection_->sqlstate() == kUndefinedColumn;
  }

  // A snapshot, where it is, and whether the columns are still of the types that the plan has.
  Status Begin(const ChunkPlan& plan, const std::string& tried, Chunk& chunk) {
    const std::string sql =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_current_snapshot(), CASE WHEN pg_is_in_recovery() "
        "THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, (SELECT setting FROM pg_settings WHERE "
        "name = "
        "'wal_writer_delay'), " +
        TypesSql(plan.captured.table, plan.columns);
    const auto rows = connection_->Query(sql, tried, stop_);
    if (!rows.ok()) {
      chunk.changed = IsAboutChange();
      return chunk.changed ? Ok() : Status(rows.error());
    }
    ChunkPlace place;
    if (rows->empty() || (*rows)[0].size() < 4 || !place.ParseSnapshot((*rows)[0][0].value_or("")))
      return Transient(tried + " on " + Place(options_) + ": the server did not tell its snapshot");
    place.lsn = EndOfWal(ParseLsn((*rows)[0][1].value_or("")));
    place.written_us =
        SystemClock().NowUs() + kWalWriterCycles * kMicroseconds * std::atol((*rows)[0][2].value_or("").c_str());
    chunk.low = chunk.high = LsnText(place.lsn);
    lsn_ = place.lsn;
    chunk.seen = std::move(place);
    chunk.changed = (*rows)[0][3].value_or("") != TypesOf(plan.captured.table, plan.columns);
    return Ok();
  }

  Status ReadRows(const ChunkPlan& plan, const Range& range, const std::string& tried, Chunk& chunk) {
    HG_RETURN_IF_ERROR(connection_->StartCopy(ChunkSql(plan, range), tried, stop_));
    std::size_t count = 0;
    for (;;) {
      std::string_view line;
      HG_ASSIGN_OR_RETURN(const auto state, connection_->NextCopy(line, tried));
      if (state == Connection::Copy::kEnd) break;
      if (state == Connection::Copy::kNothingYet) {
        HG_RETURN_IF_ERROR(connection_->WaitReadable(std::chrono::steady_clock::now() + kCopyWait, stop_));
        HG_RETURN_IF_ERROR(connection_->Receive(tried));
        continue;
      }
      Transaction& tx = chunk.rows;
      tx.StartChange(Op::kRead, plan.stream, plan.schema, lsn_);
      std::string& row = tx.StartRow(RowImage::kAfter);
      const std::size_t start = row.size();
      if (!decoder_.Append(row, line, plan.types))
        return Corrupt(tried + " on " + Place(options_) + ": a row does not fit its columns");
      if (plan.transform != nullptr) HG_RETURN_IF_ERROR(plan.transform->Apply(row, start));
      tx.EndRow();
      tx.EndChange();
      if (++count < range.rows_max) continue;
      for (const std::size_t column : plan.key) {
        if (!decoder_.Field(line, column, chunk.next.emplace_back()))
          return Corrupt(tried + " on " + Place(options_) + ": a row has no key");
      }
    }
    chunk.last = count < range.rows_max;
    return Ok();
  }

  const Options& options_;
  const std::string client_encoding_;
  const std::stop_token stop_;
  std::unique_ptr<Connection> connection_;
  CopyRowDecoder decoder_;
  std::uint64_t lsn_ = 0;  // of the snapshot
};

}  // namespace

bool ChunkPlace::Sees(std::uint32_t xid) const {
  if (Precedes(xid, xmin)) return true;
  if (!Precedes(xid, xmax)) return false;
  return std::ranges::find(open, xid) == open.end();
}

bool ChunkPlace::ParseSnapshot(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](std::uint32_t& xid) {  // of 64 bits there
    std::uint64_t full = 0;
    const auto [behind, error] = std::from_chars(at, end, full);
    at = behind;
    xid = static_cast<std::uint32_t>(full);
    return error == std::errc();
  };
  const auto colon = [&] { return at != end && *at++ == ':'; };
  if (!number(xmin) || !colon() || !number(xmax) || !colon()) return false;
  while (at != end) {
    if (!number(open.emplace_back())) return false;
    if (at != end && *at++ != ',') return false;
  }
  return true;
}

std::uint64_t EndOfWal(std::uint64_t insert_lsn) {
  if (insert_lsn % kSegment == kLongHeader) return insert_lsn - kLongHeader;
  return insert_lsn % kPage == kShortHeader ? insert_lsn - kShortHeader : insert_lsn;
}

std::string ChunkSql(const ChunkPlan& plan, const ChunkReader::Range& range) {
  const CatalogTable& table = plan.captured.table;
  std::string list;
  for (const std::string& column : plan.columns) list += (list.empty() ? "" : ", ") + QuoteIdentifier(column);
  std::string key;
  for (const std::size_t column : plan.key) key += (key.empty() ? "" : ", ") + QuoteIdentifier(plan.columns[column]);
  std::string conditions;
  const auto add = [&](const std::string& condition) {
    conditions += (conditions.empty() ? " WHERE " : " AND ") + condition;
  };
  if (!range.next.empty()) {
    std::string values;
    for (const std::string& text : range.next) values += (values.empty() ? "" : ", ") + QuoteLiteral(text);
    add("(" + key + ") > (" + values + ")");
  }
  if (range.where) {
    const std::string column = QuoteIdentifier(range.where->column);
    if (range.where->from) add(column + " >= " + QuoteLiteral(*range.where->from));
    if (range.where->to) add(column + " < " + QuoteLiteral(*range.where->to));
  }
  // Partitions are read through their root; what inherits from a plain table is not published with it.
  if (!plan.captured.row_filter.empty()) add("(" + plan.captured.row_filter + ")");
  return "COPY (SELECT " + list + " FROM " + (table.kind == 'p' ? "" : "ONLY ") + QuoteTable(table.schema, table.name) +
         conditions + " ORDER BY " + key + " LIMIT " + std::to_string(range.rows_max) + ") TO STDOUT";
}

// Partitions have their own; the planner's guess for a table that was never analysed is -1.
Result<std::uint64_t> EstimateRows(Connection& connection, std::uint32_t oid, std::stop_token stop) {
  const std::string id = std::to_string(oid);
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection.Query("SELECT sum(greatest(reltuples, 0))::bigint FROM pg_class WHERE oid = " + id +
                                           " OR oid IN (SELECT relid FROM pg_partition_tree(" + id + "))",
                                       "asking how many rows a table has", std::move(stop)));
  std::uint64_t count = 0;
  if (rows.empty()) return count;
  const std::string text = rows[0][0].value_or("");
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::unique_ptr<ChunkReader> MakeChunkReader(const Options& options, const std::string& client_encoding,
                                             std::stop_token stop) {
  return std::make_unique<PostgresChunkReader>(options, client_encoding, std::move(stop));
}

}  // namespace headgate::postgres
