#include <algorithm>
#include <charconv>

#include "connectors/postgres/chunk_reader.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/source.h"

// What snapshots by chunks ask of this source (core/pipeline/chunk_reader.h): tables that are read again while the
// stream goes on. The first reading of a table is that at the slot's point (snapshot.h).
namespace headgate::postgres {
namespace {

// Others see a transaction soon after it is in the WAL; with synchronous replication, after the standby has it.
constexpr std::size_t kBroughtMax = 65'536;
constexpr const char* kNotYet = "The connector reads its tables for the first time. Ask again when it streams.";

}  // namespace

Status PostgresSource::PlanChunks() {
  ChunkSnapshots::Settings settings;
  settings.connector = options_.name;
  settings.component = "postgres";
  settings.workers = options_.snapshot_workers;
  settings.stream_ends = options_.snapshot == SnapshotMode::kOnly;
  ChunkHost& host = *this;
  chunks_ = std::make_unique<ChunkSnapshots>(settings, host, resume_.ledger(), *desk_, clock_);
  brought_.clear();
  return chunks_->Plan(headgate::SnapshotMode::kFull, {});
}

// Beside the stream, that is between the phases that need it for themselves.
Status PostgresSource::ReadChunks(SourceBatch& batch, std::stop_token stop) {
  if (stream_ == nullptr || (phase_ != Phase::kStreaming && phase_ != Phase::kAwait)) {
    if (phase_ == Phase::kSnapshot) desk_->RefuseWaiting(kNotYet);
    return phase_ == Phase::kIdle ? chunks_->TakeCommands() : Ok();
  }
  chunks_->Note(batch.transactions);
  if (chunks_->overrun()) {
    return Transient(
        "a transaction that is too large for memory changed tables that are being read; their last chunks are read "
        "again");
  }
  NoteBrought(batch.transactions);
  chunks_->StartOnce();
  HG_RETURN_IF_ERROR(chunks_->Read(batch, clock_.Now(), stop));
  HG_RETURN_IF_ERROR(chunks_->TakeCommands());
  resume_changed_ = chunks_->TakeChanged() || resume_changed_;
  std::ranges::move(chunks_->TakeEvents(), std::back_inserter(events_));
  chunks_->PublishStream();
  return Ok();
}

void PostgresSource::NoteBrought(const std::vector<Transaction>& transactions) {
  for (const Transaction& tx : transactions) {
    std::uint32_t xid = 0;
    std::from_chars(tx.info.id.data(), tx.info.id.data() + tx.info.id.size(), xid);
    if (xid != 0) brought_.push_back({xid, chunks_->now()});
  }
  while (brought_.size() > kBroughtMax) brought_.pop_front();
}

// A transaction is in the WAL before others see it. What the stream brought of one that the chunk does not see counts
// as brought later.
ChangeWatch::Moment PostgresSource::Shown(const Chunk& chunk, ChangeWatch::Moment asked) {
  const auto& place = std::any_cast<const ChunkPlace&>(chunk.seen);
  ChangeWatch::Moment shown = asked;
  for (const auto& [xid, moment] : brought_) {
    if (!place.Sees(xid)) shown = std::min(shown, moment - 1);
  }
  std::erase_if(brought_, [&](const Brought& b) { return static_cast<std::int32_t>(b.xid - place.xmin) < 0; });
  return shown;
}

Result<std::vector<std::string>> PostgresSource::ListCaptured() {
  std::vector<std::string> names;
  for (const CapturedTable& captured : tables_) names.push_back(captured.table.Id().Text());
  return names;
}

Result<bool> PostgresSource::HasTable(const std::string& table) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  HG_ASSIGN_OR_RETURN(const auto all, catalog_->ReadTables(stop_));
  return std::ranges::any_of(all, [&](const CatalogTable& known) { return known.Id().Text() == table; });
}

Result<std::optional<ChunkTable>> PostgresSource::PlanTable(const std::string& table) {
  const auto found =
      std::ranges::find_if(tables_, [&](const CapturedTable& captured) { return captured.table.Id().Text() == table; });
  if (found == tables_.end()) return std::optional<ChunkTable>();
  HG_RETURN_IF_ERROR(FreeCatalog());
  // The columns may have changed since the tables were looked at.
  CapturedTable captured = *found;
  CatalogTable* const one = &captured.table;
  HG_RETURN_IF_ERROR(catalog_->LoadColumns(std::span(&one, 1), stop_));
  // The stream may have brought columns that the last look at the tables did not find.
  const StreamNo stream = writer_->OpenStream(captured.table.schema, captured.table.name);
  if (const auto newest = writer_->NewestSchema(stream)) {
    captured.columns.clear();
    for (const Column& column : newest->columns) captured.columns.push_back(column.name);
  }
  std::erase_if(captured.columns, [&](const std::string& name) { return captured.table.Find(name) == nullptr; });
  HG_ASSIGN_OR_RETURN(Catalog::Shape shape,
                      catalog_->Describe(RelationOf(captured.table, captured.columns), nullptr, stop_));
  auto plan = std::make_shared<ChunkPlan>();
  plan->stream = stream;
  const auto newest = writer_->NewestSchema(stream);
  HG_ASSIGN_OR_RETURN(plan->transform, Compile(options_.transforms, shape.schema, newest ? &*newest : nullptr));
  plan->schema =
      writer_->DefineSchema(plan->stream, plan->transform != nullptr ? plan->transform->schema() : shape.schema,
                            stream_ == nullptr ? 0 : stream_->read_end(), clock_.NowUs());
  ChunkTable made;
  std::vector<std::pair<int, std::size_t>> key;
  bool logged = true;  // with old rows
  for (std::size_t i = 0; i < shape.schema.columns.size(); ++i) {
    const Column& column = shape.schema.columns[i];
    plan->columns.push_back(column.name);
    if (column.key_position == 0) continue;
    key.emplace_back(column.key_position, i);
    logged = logged && column.identity;
  }
  std::ranges::sort(key);
  for (const auto& [position, column] : key) {
    if (logged) plan->key.push_back(column);
  }
  plan->types = std::move(shape.types);
  plan->captured = std::move(captured);
  HG_ASSIGN_OR_RETURN(made.rows_estimate, EstimateRows(*query_, plan->captured.table.oid, stop_));
  made.name = table;
  made.stream = plan->stream;
  made.schema = plan->schema;
  made.key = plan->key;
  made.key_is_hidden = std::ranges::any_of(
      plan->key, [&](std::size_t column) { return plan->transform != nullptr && plan->transform->changes(column); });
  made.plan = std::move(plan);
  return std::optional(std::move(made));
}

std::string PostgresSource::Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const {
  const auto& plan = *static_cast<const ChunkPlan*>(table.plan.get());
  if (table.key.empty()) {
    return "Table " + table.name +
           " has no primary key that is logged with old rows, so its rows cannot be told apart: give it one, with "
           "REPLICA IDENTITY DEFAULT or FULL. A new connector under another name reads it as it is.";
  }
  if (where && std::ranges::find(plan.columns, where->column) == plan.columns.end())
    return "There is no column " + where->column + " among those that are captured.";
  return "";
}

std::unique_ptr<ChunkReader> PostgresSource::NewReader(std::stop_token stop) {
  return MakeChunkReader(options_, client_encoding_, std::move(stop));
}

bool PostgresSource::Covers(const std::any& seen) const {
  const auto& place = std::any_cast<const ChunkPlace&>(seen);
  if (stream_->read_end() >= place.lsn) return true;
  return telemetry_.asked_position != 0 && telemetry_.asked_us > place.written_us &&
         stream_->read_end() >= telemetry_.asked_position;
}

void PostgresSource::Stamp(TransactionInfo& info) const { info.consistent_at = stream_->read_end(); }

}  // namespace headgate::postgres
