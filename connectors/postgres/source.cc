#include "connectors/postgres/source.h"

#include <algorithm>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/offsets.h"
#include "connectors/postgres/spec.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/base/wildcard.h"

namespace headgate::postgres {
namespace {

using std::chrono::milliseconds;

constexpr auto kReadWait = milliseconds(200);
constexpr auto kPublishInterval = milliseconds(200);
constexpr auto kSlotPollInterval = milliseconds(5'000);
constexpr auto kChunkPollInterval = milliseconds(200);  // while chunks wait for the stream
constexpr auto kProdInterval = milliseconds(50);
constexpr auto kSlotPollAgain = milliseconds(500);  // over a new session, when the old one was lost
constexpr auto kSilenceLook = milliseconds(2'000);  // between questions why a read of the snapshot is silent
constexpr auto kSilenceTold = milliseconds(5'000);
constexpr int kIdleStoreFactor = 5;  // an idle slot's position is stored each five status intervals

std::string_view PhaseName(bool snapshot) { return snapshot ? "snapshot" : "streaming"; }

}  // namespace

PostgresSource::PostgresSource(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

PostgresSource::~PostgresSource() {
  Close();
  desk_->Close("The connector has ended.");
}

Status PostgresSource::Read(SourceBatch& batch, std::stop_token stop) {
  stop_ = stop;
  if (stop.stop_requested()) return Stopped();
  const Connection::Deadline deadline = clock_.Now() + (resume_changed_ ? milliseconds(0) : milliseconds(kReadWait));
  Status status;
  if (phase_ == Phase::kAwait) status = AwaitPoint(stop);
  if (status.ok() && phase_ == Phase::kCatchUp && stream_->reached()) status = EndCatchUp(stop);
  const bool follows = phase_ == Phase::kStreaming || phase_ == Phase::kAwait;
  if (status.ok() && follows && std::exchange(tables_changed_, false)) status = FollowTables(stop);
  if (!status.ok()) return Tell(std::move(status));
  switch (phase_) {
    case Phase::kAwait:
    case Phase::kCatchUp:
    case Phase::kStreaming:
      status = ReadStream(batch, deadline, stop);
      break;
    case Phase::kSnapshot:
      status = ReadSnapshot(batch, deadline, stop);
      break;
    case Phase::kIdle:
      status = query_->WaitReadable(deadline, stop);
      if (status.ok())
        status = query_->Receive("waiting after the snapshot");  // a closed connection is always readable
      break;
    case Phase::kClosed:
      return Transient("connector " + options_.name + " is not open");
  }
  if (status.ok()) status = ReadChunks(batch, stop);
  if (!status.ok()) return Tell(std::move(status));
  if (resume_changed_) StoreWith(batch);
  PollSlot();
  Publish(false);
  return Ok();
}

void PostgresSource::StoreWith(SourceBatch& batch) {
  batch.resume = resume_.Encode();
  resume_changed_ = false;
  batch.events = std::exchange(events_, {});
  stored_end_ = resume_.confirmed();
  stored_at_ = clock_.Now();
}

Status PostgresSource::Acknowledge() {
  if (chunks_unacknowledged_) HG_FAILPOINT("pg.chunk_appended");
  chunks_unacknowledged_ = false;
  if (chunks_ != nullptr) chunks_->Acknowledge();
  telemetry_.oldest_pending_commit_us = 0;
  telemetry_.durable_position = std::max(telemetry_.durable_position, stored_end_);
  if (stream_ == nullptr) return Ok();
  telemetry_.read_position = stream_->read_end();
  return Tell(stream_->Confirm(stored_end_, stop_));
}

// The server keeps WAL for a source that is paused or cannot write: that is looked at too. What it wrote
// meanwhile is not read, so whether it concerns us is not known: from the moment it is seen we are behind.
Status PostgresSource::KeepAlive() {
  desk_->RefuseWaiting(
      "The connector does not read at the moment: it is paused, or its log cannot be written. Resume it, then ask "
      "again.");
  PollSlot();
  const std::uint64_t read = std::max(stored_end_, stream_ == nullptr ? 0 : stream_->read_end());
  if ((phase_ == Phase::kStreaming || phase_ == Phase::kAwait) && telemetry_.server_position > read) {
    if (telemetry_.oldest_pending_commit_us == 0) telemetry_.oldest_pending_commit_us = clock_.NowUs();
    telemetry_.caught_up = false;
  }
  Publish(false);
  return stream_ == nullptr ? Ok() : Tell(stream_->KeepAlive(stop_));
}

// Whichever call meets the failure, the telemetry shows it.
Status PostgresSource::Tell(Status status) {
  if (status.ok()) return status;
  telemetry_.connected = false;
  Publish(true);
  return status;
}

void PostgresSource::Close() {
  chunks_.reset();
  if (stream_ != nullptr) stream_->End();
  stream_.reset();
  EndCreation();
  snapshot_.reset();
  held_.clear();
  parked_.reset();
  catalog_.reset();
  query_.reset();
  slot_poll_running_ = false;
  phase_ = Phase::kClosed;
  telemetry_.connected = false;
  Publish(true);
}

// --- snapshot

Status PostgresSource::StartSnapshot(std::stop_token stop) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  const std::int64_t now = clock_.NowUs();
  SnapshotRun run;
  run.run = resume_.BeginRun(point_.consistent_point);
  run.consistent_at = point_.consistent_point;
  run.started_us = now;
  reading_.clear();
  for (const CapturedTable& captured : to_read_) {
    HG_ASSIGN_OR_RETURN(Catalog::Shape shape,
                        catalog_->Describe(RelationOf(captured.table, captured.columns), nullptr, stop));
    SnapshotTable& table = reading_.emplace_back();
    table.name = captured.table.QualifiedName();
    table.stream = writer_->OpenStream(captured.table.schema, captured.table.name);
    std::vector<std::string> columns;
    for (const Column& column : shape.schema.columns) columns.push_back(column.name);
    const auto newest = writer_->NewestSchema(table.stream);
    HG_ASSIGN_OR_RETURN(table.transform, Compile(options_.transforms, shape.schema, newest ? &*newest : nullptr));
    if (table.transform != nullptr) shape.schema = table.transform->schema();
    table.schema = writer_->DefineSchema(table.stream, shape.schema, run.consistent_at, now);
    table.copy_sql = CopySql(captured, columns);
    table.lock_sql = LockSql(captured.table);
    table.storage_sql = StorageSql(std::to_string(captured.table.oid), captured.table.kind == 'p') + " || ' ' || " +
                        TypesSql(captured.table, columns);
    table.storage = captured.table.storage + " " + TypesOf(captured.table, columns);
    table.types = std::move(shape.types);
    resume_.BeginTable(captured.table.Id(), table.stream, options_.snapshot != SnapshotMode::kOnly);
    table.stale_rows = resume_.HasStaleRows(table.stream);
  }
  tables_left_ = reading_.size();
  first_chunk_ = true;
  resume_changed_ = true;
  telemetry_.snapshot_rows = 0;
  telemetry_.snapshot_tables = reading_.size();
  telemetry_.snapshot_tables_done = 0;
  phase_ = Phase::kSnapshot;
  telemetry_.phase = PhaseName(true);
  diag::Info("postgres", "snapshot started",
             {{"connector", options_.name},
              {"run", run.run},
              {"tables", reading_.size()},
              {"at", LsnText(run.consistent_at)}});
  ServiceEvent event;
  event.kind = "snapshot";
  event.summary = "snapshot of " + std::to_string(reading_.size()) + " tables begun";
  event.details["run"] = std::to_string(run.run);
  event.details["at"] = LsnText(run.consistent_at);
  for (const SnapshotTable& table : reading_) {
    std::string& list = event.details["tables"];
    list += (list.empty() ? "" : ", ") + table.name;
  }
  events_.push_back(std::move(event));
  snapshot_->Start(reading_, run);
  return Ok();
}

Status PostgresSource::ReadSnapshot(SourceBatch& batch, Connection::Deadline deadline, std::stop_token stop) {
  std::size_t bytes = 0;
  bool first = true;
  while (tables_left_ > 0 && bytes < options_.batch_bytes_max) {
    auto item = snapshot_->Next(first ? deadline : Connection::Deadline::min(), stop);
    if (!item) break;
    first = false;
    if (item->error) return std::move(*item->error);
    bytes += item->transaction.bytes();
    TakeItem(std::move(*item), batch);
  }
  if (stop.stop_requested()) return Stopped();
  if (tables_left_ == 0) {
    EndSnapshot(batch);
    return Ok();
  }
  return WatchSnapshot(std::move(stop));
}

// A read without an answer waits for somebody's lock, or is dead. Both look the same from here, so the server is asked.
Status PostgresSource::WatchSnapshot(std::stop_token stop) {
  const auto now = clock_.Now();
  if (now - snapshot_watched_at_ < std::min(kSilenceLook, options_.stale_after / 4)) return Ok();
  snapshot_watched_at_ = now;
  DropFinding(kSnapshotWaiting);
  const auto silences = snapshot_->SilentFor(std::min(kSilenceTold, options_.stale_after / 2));
  if (silences.empty()) return Ok();
  HG_RETURN_IF_ERROR(FreeCatalog());
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      query_->Query(SilenceSql(silences), "asking what the snapshot waits for", std::move(stop)));
  SilenceVerdict verdict = JudgeSilence(options_, silences, rows, clock_.NowUs());
  if (verdict.lost) return std::move(*verdict.lost);
  findings_.insert(findings_.end(), verdict.findings.begin(), verdict.findings.end());
  return Ok();
}

// The snapshot's very last chunk says that it is. So a table's last chunk, and what comes after it, waits until the
// next chunk of rows shows that it was not.
void PostgresSource::TakeItem(SnapshotItem item, SourceBatch& batch) {
  if (item.completed) --tables_left_;
  if (item.data) {
    HG_FAILPOINT("pg.chunk_read");
    if (std::exchange(first_chunk_, false)) item.transaction.info.flags |= kFirstOfSnapshot;
    ReleaseHeld(batch);
  }
  if (item.last || !held_.empty()) {
    held_.push_back(std::move(item));
  } else {
    Emit(std::move(item), batch);
  }
}

// The ledger moves with what is handed out, never before it.
void PostgresSource::Emit(SnapshotItem item, SourceBatch& batch) {
  const StreamNo stream = reading_[item.table].stream;
  if (item.data) {
    resume_.ChunkRead(stream, item.rows);
    telemetry_.snapshot_rows += item.rows;
    chunks_unacknowledged_ = true;
  }
  if (!item.data && !item.completed) resume_.TableBegun(stream);
  if (item.completed) {
    resume_.TableRead(stream);
    ++telemetry_.snapshot_tables_done;
  }
  resume_changed_ = true;
  batch.transactions.push_back(std::move(item.transaction));
}

void PostgresSource::ReleaseHeld(SourceBatch& batch) {
  for (SnapshotItem& item : held_) Emit(std::move(item), batch);
  held_.clear();
}

void PostgresSource::EndSnapshot(SourceBatch& batch) {
  HG_FAILPOINT("pg.last_chunk");
  if (!held_.empty()) held_.front().transaction.info.flags |= kLastOfSnapshot;
  ReleaseHeld(batch);
  resume_.SnapshotRead();
  resume_changed_ = true;
  snapshot_.reset();
  DropFinding(kSnapshotWaiting);
  to_read_.clear();
  ServiceEvent event;
  event.kind = "snapshot";
  event.summary = "snapshot of " + std::to_string(reading_.size()) + " tables completed";
  event.details["rows"] = std::to_string(telemetry_.snapshot_rows);
  event.details["at"] = LsnText(point_.consistent_point);
  events_.push_back(std::move(event));
  diag::Info("postgres", "snapshot completed", {{"connector", options_.name}, {"rows", telemetry_.snapshot_rows}});
  phase_ = options_.snapshot == SnapshotMode::kOnly ? Phase::kIdle : Phase::kStreaming;
  telemetry_.phase = PhaseName(false);
}

// --- stream

Status PostgresSource::StartStreaming(std::unique_ptr<Connection> replication, std::stop_token stop) {
  StreamDecoder::Limits limits;
  limits.transaction_memory_max = options_.transaction_memory_max;
  limits.spools = writer_;
  limits.messages_prefixes = options_.messages_prefixes;
  const std::uint64_t start = std::max(resume_.confirmed(), writer_->progress().last_end);
  HG_ASSIGN_OR_RETURN(stream_, ReplicationStream::Start(std::move(replication), options_, clock_, *this,
                                                        std::move(limits), start, std::move(stop)));
  stored_end_ = resume_changed_ ? 0 : start;
  stored_at_ = clock_.Now();
  phase_ = Phase::kStreaming;
  telemetry_.phase = PhaseName(false);
  return Ok();
}

Status PostgresSource::ReadStream(SourceBatch& batch, Connection::Deadline deadline, std::stop_token stop) {
  if (stream_ == nullptr) {
    if (parked_ == nullptr) {
      HG_ASSIGN_OR_RETURN(parked_, OpenReplication(stop));
    }
    HG_RETURN_IF_ERROR(StartStreaming(std::move(parked_), stop));
  }
  HG_RETURN_IF_ERROR(stream_->Read(batch.transactions, deadline, stop));
  const std::uint64_t end = stream_->read_end();
  if (!batch.transactions.empty()) {
    telemetry_.oldest_pending_commit_us = batch.transactions.front().info.commit_us;
    resume_.Advance(end);
    resume_changed_ = true;
  } else if (end > stored_end_) {
    // Nothing for us, yet the position moved (P1). It is made durable first, like any other, only less often.
    const bool due = stream_->reply_due() || stream_->reached() ||
                     clock_.Now() - stored_at_ >= options_.status_interval * kIdleStoreFactor;
    if (due) {
      resume_.Advance(end);
      resume_changed_ = true;
    }
  }
  if (batch.transactions.empty()) HG_RETURN_IF_ERROR(Prod(end, stop));
  telemetry_.caught_up = batch.transactions.empty() && !stream_->in_transaction() && !stream_->held_back();
  if (phase_ == Phase::kAwait && batch.transactions.empty()) return AwaitNews(deadline, stop);
  if (phase_ == Phase::kCatchUp && batch.transactions.empty() && !stream_->reached())
    return stream_->RequestKeepAlive(stop);
  return Ok();
}

// A quiet server says only when it is asked that it has nothing more for us up to a place.
Status PostgresSource::Prod(std::uint64_t read_to, std::stop_token stop) {
  telemetry_.read_position = read_to;
  looking_ = looking_ && (telemetry_.asked_us < asked_us_ || read_to < telemetry_.asked_position);
  if ((!looking_ && !chunks_->waits()) || clock_.Now() - prodded_at_ < kProdInterval) return Ok();
  prodded_at_ = clock_.Now();
  return stream_->RequestKeepAlive(std::move(stop));
}

Result<Binding> PostgresSource::Bind(const pgoutput::Relation& relation, std::uint64_t at, std::int64_t commit_us) {
  Binding binding;
  const std::string name = relation.schema + "." + relation.table;
  if (!MatchesAnyWildcard(options_.tables, name) || MatchesAnyWildcard(options_.tables_exclude, name)) return binding;
  HG_RETURN_IF_ERROR(FreeCatalog());
  catalog_->ForgetTypes();
  binding.stream = writer_->OpenStream(relation.schema, relation.table);
  const auto newest = writer_->NewestSchema(binding.stream);
  const TableSchema* const previous = newest ? &*newest : nullptr;
  auto described = catalog_->Describe(relation, previous, stop_);
  if (!described.ok() && described.error().kind == ErrorKind::kTransient) {  // an idle session may have been ended
    HG_RETURN_IF_ERROR(ConnectQuery(stop_));
    described = catalog_->Describe(relation, previous, stop_);
  }
  if (!described.ok()) return std::move(described).error();
  Catalog::Shape shape = std::move(described).value();
  TableSchema schema = shape.schema;
  schema.columns.clear();
  for (std::size_t i = 0; i < shape.types.size(); ++i) {
    Column& column = shape.schema.columns[i];
    const bool excluded = IsExcluded(options_, relation.schema, relation.table, column.name);
    binding.fields.push_back({std::move(shape.types[i]), column.identity, excluded});
    if (!excluded) schema.columns.push_back(std::move(column));
  }
  HG_ASSIGN_OR_RETURN(binding.transform, Compile(options_.transforms, schema, previous));
  if (binding.transform != nullptr) schema = binding.transform->schema();
  binding.schema = writer_->DefineSchema(binding.stream, schema, at, commit_us);
  return binding;
}

// --- telemetry

void PostgresSource::DropFinding(std::string_view id) {
  std::erase_if(findings_, [&](const Finding& finding) { return finding.id == id; });
}

// Asked without waiting for the answer: the stream goes on meanwhile.
void PostgresSource::PollSlot() {
  if (options_.snapshot == SnapshotMode::kOnly) return;
  if (slot_poll_running_) {
    auto rows = query_->Poll("reading the replication slot");
    if (!rows.ok()) {
      catalog_.reset();
      query_.reset();
      slot_poll_running_ = false;
      slot_polled_at_ = clock_.Now() - kSlotPollInterval + kSlotPollAgain;
      return;
    }
    if (!*rows) return;
    slot_poll_running_ = false;
    telemetry_.slot_seen_us = clock_.NowUs();
    const auto slot = Catalog::ParseSlot(**rows);
    telemetry_.slot_retained_bytes = slot ? slot->retained_bytes : -1;
    telemetry_.slot_safe_bytes = slot ? slot->safe_bytes : -1;
    if (!slot) return;
    telemetry_.server_position = std::max(telemetry_.server_position, slot->server_lsn);
    telemetry_.asked_position = slot->server_lsn;
    telemetry_.asked_us = asked_us_;
    // The first look counts too: a table may have come since Open read the list.
    if (slot->retained_bytes >= 0) looked_at_ = slot->restart_lsn + static_cast<std::uint64_t>(slot->retained_bytes);
    if (tables_mark_ != slot->tables_mark) {
      tables_changed_ = true;
    } else if (!tables_changed_ && !resume_.losing()) {
      resume_.PublishedUntil(looked_at_);
    }
    tables_mark_ = slot->tables_mark;
    return;
  }
  const auto interval = chunks_ != nullptr && chunks_->waits() ? kChunkPollInterval : kSlotPollInterval;
  if (!look_ && clock_.Now() - slot_polled_at_ < interval) return;
  looking_ = looking_ || look_.exchange(false);
  slot_polled_at_ = clock_.Now();
  asked_us_ = clock_.NowUs();
  if (catalog_ == nullptr && !ConnectQuery(stop_).ok()) return;  // lost; the stream need not be
  slot_poll_running_ = query_->Send(catalog_->SlotQuery(), "reading the replication slot").ok();
  if (slot_poll_running_) return;
  catalog_.reset();
  query_.reset();
}

// The query session, ready for a question: without an answer that is still on its way.
Status PostgresSource::FreeCatalog() {
  const auto deadline = clock_.Now() + options_.connect_timeout;
  while (slot_poll_running_ && clock_.Now() < deadline && query_ != nullptr) {
    PollSlot();
    if (slot_poll_running_ && !query_->WaitReadable(deadline, stop_).ok()) break;
  }
  if (slot_poll_running_) {
    catalog_.reset();
    query_.reset();
    slot_poll_running_ = false;
  }
  return query_ == nullptr ? ConnectQuery(stop_) : Ok();
}

void PostgresSource::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < kPublishInterval) return;
  published_at_ = now;
  if (stream_ != nullptr) {
    telemetry_.server_position = std::max(telemetry_.server_position, stream_->server_position());
    telemetry_.confirmed_position = stream_->confirmed();
    telemetry_.last_heard_us = stream_->last_heard_us();
  }
  if (chunks_ != nullptr && phase_ != Phase::kSnapshot && !chunks_->never()) chunks_->Report(telemetry_);
  telemetry_.published_us = clock_.NowUs();
  telemetry_.findings = findings_;
  for (const auto& [name, finding] : kept_back_) telemetry_.findings.push_back(finding);
  for (const auto& [name, finding] : gone_) telemetry_.findings.push_back(finding);
  published_.Set(telemetry_);
}

// --- factory

const SourceFactory& Factory() {
  static const SourceFactory factory = {
      &Spec(),
      "postgresql",
      CheckOptions,
      [](const std::string& name, const config::Bound& bound, const Clock& clock) -> std::unique_ptr<Source> {
        return std::make_unique<PostgresSource>(MakeOptions(name, bound), clock);
      },
      [](const std::string& name, const config::Bound& bound) { return Preflight(MakeOptions(name, bound)); },
      [](const std::string& name, const config::Bound& bound) { return DropUpstream(MakeOptions(name, bound)); },
      [](const std::string& name, const config::Bound& bound, const Clock& clock, std::stop_token stop) {
        return LookUpstream(MakeOptions(name, bound), clock, std::move(stop));
      },
      [](const std::string& name, const config::Bound& bound) { return LeftBehind(MakeOptions(name, bound)); },
      [](const SourceProgress& progress) {
        return std::max(ResumeState::Decode(progress.resume).confirmed(), progress.last_end);
      },
      [](const std::string& name, const config::Bound& bound, std::stop_token stop) {
        return SlotIsThere(MakeOptions(name, bound), std::move(stop));
      },
      [](const SourceProgress& progress) { return ResumeState::Decode(progress.resume).Snapshots(); },
      nullptr,
      nullptr,
      OffsetOf,
      [](const std::string& name, const config::Bound& bound, const SourceProgress& progress, const SourceOffset& to,
         std::stop_token stop) { return Move(MakeOptions(name, bound), progress, to, std::move(stop)); },
      "The replication slot has a position of its own: going back behind it is impossible, and going forward skips "
      "changes, which the log tells as a gap. After a reset the tables are read again, and changes from the slot's "
      "position on.",
      [](const std::string& name, const config::Bound& bound) { return ListTables(MakeOptions(name, bound)); },
  };
  return factory;
}

}  // namespace headgate::postgres
