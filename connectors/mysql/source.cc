#include "connectors/mysql/source.h"

#include <algorithm>

#include "connectors/mysql/preflight.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/codec/native.h"

namespace headgate::mysql {
namespace {

using std::chrono::milliseconds;

constexpr auto kReadWait = milliseconds(200);
constexpr auto kSnapshotWait = milliseconds(5);
constexpr int kEventsPerLook = 16;
constexpr auto kPublishInterval = milliseconds(200);
constexpr auto kAskInterval = milliseconds(5'000);
constexpr auto kStoreInterval = milliseconds(5'000);  // of a position that moves without transactions of ours

constexpr const char* kWaits = "table_waits";
constexpr const char* kNotNow =
    "The connector does not read at the moment: it is paused, or its log cannot be written. Resume it, then ask again.";

}  // namespace

MysqlSource::MysqlSource(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
MysqlSource::~MysqlSource() {
  Close();
  desk_->Close("The connector has ended.");
}

// --- opening

Status MysqlSource::Open(LogWriter& writer, std::stop_token stop) {
  writer_ = &writer;
  stop_ = stop;
  telemetry_.phase = "connecting";
  telemetry_.connector = options_.flavor == Flavor::kMariadb ? "mariadb" : "mysql";
  Publish(true);
  if (stop.stop_requested()) return Stopped();
  return Tell(DoOpen());
}

Status MysqlSource::DoOpen() {
  if (!writer_->progress().resume.empty()) {
    HG_ASSIGN_OR_RETURN(resume_, ResumeState::Decode(writer_->progress().resume));
  }
  HG_RETURN_IF_ERROR(ConnectQuery());
  std::set<TableName> waiting = resume_.waiting();
  std::erase_if(waiting, [&](const TableName& table) { return !IsCaptured(options_, table); });
  resume_.SetWaiting(waiting);
  tables_ = std::make_unique<Tables>(
      options_, *writer_, [this](const TableName& table, bool altered) { return Describe(table, altered); },
      [this](const LogPlace& from) { return ReadAlterations(options_, host_, from, stop_); }, std::move(waiting));
  Catalog catalog(*query_, options_.flavor);
  HG_ASSIGN_OR_RETURN(const ServerFacts server, catalog.ReadServer());
  findings_ = JudgeServer(options_, server);
  HG_RETURN_IF_ERROR(FirstError(options_, findings_));
  HG_ASSIGN_OR_RETURN(auto captured, catalog.ListTables());
  std::erase_if(captured, [&](const TableName& table) { return !IsCaptured(options_, table); });
  HG_ASSIGN_OR_RETURN(const auto cascades, catalog.ListCascades(captured));
  std::ranges::move(JudgeCascades(options_, server, cascades), std::back_inserter(findings_));
  FindWaiting();
  HG_RETURN_IF_ERROR(Attach(server));
  HG_RETURN_IF_ERROR(PlanSnapshots());
  telemetry_.connected = true;
  if (idle_) return Ok();
  return StartStream();
}

Status MysqlSource::ConnectQuery() {
  HG_ASSIGN_OR_RETURN(query_, Connection::Open(options_, host_));
  host_ = query_->host();
  return Ok();
}

// Over a new session, if the old one has ended: it is idle for hours.
Result<std::optional<TableDeclaration>> MysqlSource::Describe(const TableName& table, bool altered) {
  if (altered) Catalog(*query_, options_.flavor).AwaitStatement(table);
  auto described = Catalog(*query_, options_.flavor).Describe(table);
  if (described.ok() || described.error().kind != ErrorKind::kTransient) return described;
  HG_RETURN_IF_ERROR(ConnectQuery());
  return Catalog(*query_, options_.flavor).Describe(table);
}

Status MysqlSource::Attach(const ServerFacts& server) {
  HG_ASSIGN_OR_RETURN(const BinlogPosition now, Catalog(*query_, options_.flavor).CurrentPosition());
  by_gtid_ = options_.flavor == Flavor::kMariadb ? !now.domains.empty() || !resume_.known() || resume_.by_gtid()
                                                 : server.gtid_mode == "ON";
  if (resume_.known()) {
    HG_RETURN_IF_ERROR(CheckHistory(server, now));
  } else {
    resume_.SetPosition(now);
    resume_changed_ = true;
  }
  if (resume_.has_gaps()) HG_RETURN_IF_ERROR(DeclareLost());
  resume_.Attach(server.uuid, by_gtid_);
  tables_->SetBase(resume_.base());
  return Ok();
}

// What this server cannot give any more is a declared gap (D3), and so is a server of which nothing tells that it has
// our history.
Status MysqlSource::CheckHistory(const ServerFacts& server, const BinlogPosition& now) {
  const BinlogPosition& ours = resume_.position();
  const bool same_server = server.uuid == resume_.server();
  if (!same_server) {
    // Places of another server say nothing about ours; the numbers go on ascending.
    const std::uint64_t files = (resume_.Number() >> kBinlogOffsetBits) + 1;
    const std::uint64_t first = now.place.FileNumber();
    if (files > first) resume_.SetBase((files - first) << kBinlogOffsetBits);
  }
  if (options_.flavor == Flavor::kMysql && by_gtid_ && resume_.by_gtid()) {
    HG_ASSIGN_OR_RETURN(GtidSet missing, GtidSet::Parse(server.gtid_purged));
    missing.Subtract(ours.executed);
    if (!missing.empty())
      return DeclareGap("binlog_purged", "the server has purged " + missing.ToText() + ", which were not read", now);
    GtidSet unknown = ours.executed;
    unknown.Subtract(now.executed);
    if (!unknown.empty()) {
      return DeclareGap("history_diverged", "the server does not know " + unknown.ToText() + ", which were read before",
                        now);
    }
    return Ok();
  }
  if (options_.flavor == Flavor::kMariadb && by_gtid_) return CheckMariadbHistory(now);
  if (!same_server) {
    return DeclareGap("server_changed", "the server is another one, and without GTIDs nothing tells where to go on",
                      now);
  }
  HG_ASSIGN_OR_RETURN(const auto logs, Catalog(*query_, options_.flavor).ListLogs());
  const bool kept = std::ranges::any_of(logs, [&](const auto& log) { return log.first == ours.place.file; });
  if (kept) return Ok();
  return DeclareGap("binlog_purged", "the server has purged " + ours.place.file + ", which was not read to its end",
                    now);
}

// Of each domain the numbers between ours and the last one that was purged are missing.
Status MysqlSource::CheckMariadbHistory(const BinlogPosition& now) {
  HG_ASSIGN_OR_RETURN(const MariadbPosition purged, Catalog(*query_, options_.flavor).ReadPurged());
  const MariadbPosition& ours = resume_.restart().domains;
  std::string missing;
  for (const auto& [domain, last] : purged.domains()) {
    const std::uint64_t read = ours.Of(domain) ? ours.Of(domain)->number : 0;
    if (last.number <= read) continue;
    missing += (missing.empty() ? "" : ", ") + std::to_string(domain) + "-*-" + std::to_string(read + 1) + " to " +
               std::to_string(last.number);
  }
  if (!missing.empty())
    return DeclareGap("binlog_purged", "the server has purged " + missing + ", which were not read", now);
  std::string unknown;
  for (const auto& [domain, last] : ours.domains()) {
    const auto theirs = now.domains.Of(domain);
    if (!theirs || theirs->number < last.number) unknown += (unknown.empty() ? "" : ", ") + ToText(last);
  }
  if (unknown.empty()) return Ok();
  return DeclareGap("history_diverged", "the server does not know " + unknown + ", which were read before", now);
}

Status MysqlSource::DeclareGap(std::string reason, std::string text, const BinlogPosition& to,
                               std::vector<TableName> lost) {
  GapExtra gap;
  gap.reason = std::move(reason);
  gap.from = resume_.Number();
  const std::string from = resume_.position().place.ToText();
  resume_.SetPosition(to);
  gap.to = resume_.Number();
  const bool again = options_.snapshot != SnapshotMode::kNever;
  gap.action = again ? "resync" : "none";
  const bool here = from == to.place.ToText();
  gap.text = "changes " + (here ? "behind " + from : "between " + from + " and " + to.place.ToText()) +
             " are missing (" + gap.reason + "): " + text;
  if (lost.empty()) {
    HG_ASSIGN_OR_RETURN(lost, Catalog(*query_, options_.flavor).ListTables());
    std::erase_if(lost, [&](const TableName& table) { return !IsCaptured(options_, table); });
  }
  for (const TableName& table : lost) gap.streams.push_back(table.database + "." + table.table);
  for (const TableName& table : lost) {
    if (again) resume_.ledger().Forget(codec::StreamName(table.database, table.table), clock_.NowUs());
  }
  again_ = again;
  diag::Warn("mysql", "gap declared", {{"connector", options_.name}, {"gap", gap.text}});
  findings_.push_back({"gap", Finding::Level::kError, gap.text,
                       again ? "The tables are read again; what consumers kept of rows that were deleted meanwhile is "
                               "theirs to compare."
                             : "Compare the tables with what was delivered; a new connector under another name reads "
                               "them again.",
                       "", ""});
  return writer_->DeclareGap(gap, clock_.NowUs(), resume_.Encode());
}

// After the batch that told of it is durable: a gap begins a new epoch. The tables are read again.
Status MysqlSource::DeclareLost() {
  if (std::vector<TableName> doubtful = resume_.TakeDoubtful(); !doubtful.empty()) {
    HG_RETURN_IF_ERROR(DeclareGap("columns_unknown",
                                  "rows were logged before their table was altered, without the names of its columns",
                                  resume_.position(), std::move(doubtful)));
  }
  std::vector<TableName> unlogged = resume_.TakeUnlogged();
  if (unlogged.empty()) return Ok();
  if (std::ranges::find(unlogged, TableName()) != unlogged.end()) unlogged.clear();
  return DeclareGap("statement_logged", "a session logged a statement instead of rows: its binlog_format is not ROW",
                    resume_.position(), std::move(unlogged));
}

Status MysqlSource::StartStream() {
  const auto mode = !by_gtid_                             ? BinlogConnection::Mode::kPlace
                    : options_.flavor == Flavor::kMariadb ? BinlogConnection::Mode::kMariadbGtid
                                                          : BinlogConnection::Mode::kMysqlGtid;
  awaited_.reset();
  HG_ASSIGN_OR_RETURN(connection_, BinlogConnection::Start(options_, host_, mode, resume_.restart()));
  BinlogDecoder::Limits limits;
  limits.transaction_memory_max = options_.transaction_memory_max;
  limits.spools = writer_;
  limits.statements = options_.statements;
  decoder_ = std::make_unique<BinlogDecoder>(*tables_, options_.flavor, resume_.restart(), resume_.position(), limits);
  stored_ = resume_.position();
  stored_at_ = heard_at_ = clock_.Now();
  snapshots_->Start();
  diag::Info("mysql", "streaming", {{"connector", options_.name}, {"from", resume_.position().place.ToText()}});
  return Ok();
}

// --- reading

Status MysqlSource::Read(SourceBatch& batch, std::stop_token stop) {
  if (stop.stop_requested()) return Stopped();
  const Deadline deadline = clock_.Now() + (resume_changed_         ? milliseconds(0)
                                            : snapshots_->reading() ? milliseconds(kSnapshotWait)
                                                                    : milliseconds(kReadWait));
  if (idle_) {
    Signal never;
    never.WaitUntil(deadline, stop);
    HG_RETURN_IF_ERROR(Tell(snapshots_->TakeCommands()));
    TakePosition(batch);
    Publish(false);
    return Ok();
  }
  if (resume_.has_gaps() && !resume_changed_)  // the declaration comes with opening
    return Tell(Transient("changes of captured tables cannot be read; their tables are read again"));
  if (snapshots_->overrun()) {
    return Tell(
        Transient("a transaction that is too large for memory changed tables that are being read; their last "
                  "chunks are read again"));
  }
  Status status = ReadStream(batch, deadline, stop);
  if (status.ok()) status = snapshots_->Read(batch, clock_.Now(), stop);
  if (status.ok()) status = snapshots_->TakeCommands();
  if (status.ok()) status = Ask();
  if (!status.ok()) return Tell(std::move(status));
  idle_ = options_.snapshot == SnapshotMode::kOnly && snapshots_->finished();
  TakePosition(batch);
  Publish(false);
  return Ok();
}

Status MysqlSource::ReadStream(SourceBatch& batch, Deadline deadline, const std::stop_token& stop) {
  std::size_t bytes = 0;
  std::size_t taken = 0;
  bool first = true;
  bool drained = false;
  // A large transaction fills no batch before its end.
  const Deadline enough = clock_.Now() + kReadWait;
  int events = 0;
  while (bytes < options_.batch_bytes_max && !snapshots_->holds_stream()) {
    if (++events % kEventsPerLook == 0 && clock_.Now() > enough) break;
    HG_ASSIGN_OR_RETURN(const bool ready, connection_->Wait(first ? deadline : Deadline(), stop));
    if (!ready) {
      if (clock_.Now() - heard_at_ > options_.stale_after)
        return Transient(Place(options_) + " has sent nothing for stale_after_ms, not even a heartbeat");
      drained = true;
      break;
    }
    if (std::exchange(first, false)) heard_at_ = clock_.Now();
    HG_ASSIGN_OR_RETURN(const std::string_view event, connection_->Next(stop));
    Status handled = decoder_->Handle(event, batch.transactions, connection_->rest());
    // A damaged event is not lost: the server has it, and is asked again.
    if (!handled.ok() && handled.error().kind == ErrorKind::kCorrupt) return Transient(handled.error().what);
    HG_RETURN_IF_ERROR(std::move(handled));
    if (connection_->awaited()) awaited_ = decoder_->reached();
    for (; taken < batch.transactions.size(); ++taken) {
      batch.transactions[taken].info.end += resume_.base();
      bytes += batch.transactions[taken].bytes();
    }
  }
  if (!first) telemetry_.last_heard_us = clock_.NowUs();
  if (!batch.transactions.empty()) {
    telemetry_.caught_up = false;
    telemetry_.oldest_pending_commit_us = batch.transactions.front().info.commit_us;
  } else if (drained && !decoder_->in_transaction()) {
    telemetry_.caught_up = true;
    telemetry_.oldest_pending_commit_us = 0;
  }
  snapshots_->Note(batch.transactions);
  TakeFromTables();
  return Ok();
}

void MysqlSource::TakeFromTables() {
  const auto unlogged = tables_->TakeUnlogged();
  const auto doubtful = tables_->TakeDoubtful();
  resume_.AddUnlogged(unlogged);
  resume_.AddDoubtful(doubtful);
  if (tables_->waiting() != resume_.waiting()) {
    resume_.SetWaiting(tables_->waiting());
    FindWaiting();
    resume_changed_ = true;
  }
  resume_changed_ = resume_changed_ || !unlogged.empty() || !doubtful.empty();
}

void MysqlSource::FindWaiting() {
  std::erase_if(findings_, [](const Finding& finding) { return finding.id == kWaits; });
  for (const TableName& table : resume_.waiting()) {
    findings_.push_back({kWaits, Finding::Level::kError,
                         "rows of " + table.database + "." + table.table +
                             " are left out: an ALTER TABLE lies ahead of them, and the binary log does not name "
                             "their columns",
                         "The table is read again, and goes on by itself once the stream has passed that statement. "
                         "Set binlog_row_metadata to FULL, and in the server's configuration too.",
                         "SET GLOBAL binlog_row_metadata = 'FULL';", ""});
  }
}

// The position goes with its transactions; of one that moves without any now and then.
void MysqlSource::TakePosition(SourceBatch& batch) {
  const auto now = clock_.Now();
  resume_changed_ = snapshots_->TakeChanged() || resume_changed_;
  std::ranges::move(snapshots_->TakeEvents(), std::back_inserter(events_));
  if (decoder_ != nullptr && decoder_->position() != resume_.position()) {
    resume_.SetPosition(decoder_->position());
    resume_.SetRestart(decoder_->restart());
    const bool due = now - stored_at_ > kStoreInterval;
    resume_changed_ = resume_changed_ || !batch.transactions.empty() || due;
    snapshots_->PublishStream();
  }
  telemetry_.read_position = batch.transactions.empty() ? resume_.Number() : telemetry_.read_position;
  if (!resume_changed_ && batch.transactions.empty()) return;
  batch.resume = resume_.Encode();
  batch.events = std::exchange(events_, {});
  resume_changed_ = false;
  stored_ = resume_.position();
  stored_at_ = now;
}

// Where the server is: for the lag, and when somebody waits until we are as far.
Status MysqlSource::Ask() {
  const auto now = clock_.Now();
  if (!look_.exchange(false) && now - asked_at_ < kAskInterval) return Ok();
  asked_at_ = now;
  const std::int64_t asked_us = clock_.NowUs();
  auto position = Catalog(*query_, options_.flavor).CurrentPosition();
  if (!position.ok()) {
    HG_RETURN_IF_ERROR(ConnectQuery());
    position = Catalog(*query_, options_.flavor).CurrentPosition();
  }
  if (!position.ok()) return std::move(position).error();
  telemetry_.asked_position = telemetry_.server_position = resume_.base() + position->place.Number();
  telemetry_.asked_us = asked_us;
  server_place_ = *std::move(position);
  Publish(true);
  return Ok();
}

Status MysqlSource::Acknowledge() {
  HG_FAILPOINT("mysql.acknowledged");
  if (snapshots_ != nullptr) snapshots_->Acknowledge();
  telemetry_.oldest_pending_commit_us = 0;
  telemetry_.durable_position = telemetry_.confirmed_position = resume_.Number();
  telemetry_.read_position = resume_.Number();
  if (!awaited_) return Ok();
  return Tell(connection_->Confirm(*std::exchange(awaited_, std::nullopt)));
}

// Paused: the server's heartbeats wait in the socket, and its dump thread with them. A pause that is too long for the
// server ends the connection, which is made anew then.
Status MysqlSource::KeepAlive() {
  heard_at_ = clock_.Now();
  desk_->RefuseWaiting(kNotNow);
  if (telemetry_.oldest_pending_commit_us == 0 && telemetry_.server_position > telemetry_.read_position)
    telemetry_.oldest_pending_commit_us = clock_.NowUs();
  HG_RETURN_IF_ERROR(Tell(Ask()));
  telemetry_.caught_up = telemetry_.caught_up && telemetry_.server_position <= telemetry_.read_position;
  Publish(false);
  return Ok();
}

Status MysqlSource::Tell(Status status) {
  if (status.ok()) return status;
  telemetry_.connected = false;
  if (status.error().kind == ErrorKind::kTransient && !options_.hosts.empty())
    host_ = (host_ + 1) % options_.hosts.size();
  Publish(true);
  return status;
}

void MysqlSource::Close() {
  snapshots_.reset();
  decoder_.reset();
  connection_.reset();
  awaited_.reset();
  tables_.reset();
  query_.reset();
  telemetry_.connected = false;
  Publish(true);
}

void MysqlSource::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < kPublishInterval) return;
  published_at_ = now;
  telemetry_.published_us = clock_.NowUs();
  telemetry_.server_position = std::max(telemetry_.server_position, telemetry_.read_position);
  telemetry_.findings = findings_;
  const bool by_gtid = options_.flavor == Flavor::kMariadb || resume_.by_gtid();
  if (by_gtid && server_place_) telemetry_.gtid_missing = MissingGtids(*server_place_, resume_.position());
  if (snapshots_ != nullptr) {
    snapshots_->Report(telemetry_);
    telemetry_.phase = snapshots_->loading() ? "snapshot" : "streaming";
  }
  published_.Set(telemetry_);
}

}  // namespace headgate::mysql
