#include <algorithm>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/preflight.h"
#include "connectors/postgres/source.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"

// How a source opens: connect, look, find or make the slot, decide where to begin. The publication is
// source_publication.cc's.
namespace headgate::postgres {

Status PostgresSource::Open(LogWriter& writer, std::stop_token stop) {
  Close();
  writer_ = &writer;
  stop_ = stop;
  findings_.clear();
  telemetry_.phase = "connecting";
  telemetry_.slot_name = options_.snapshot == SnapshotMode::kOnly ? "" : options_.slot_name;
  Publish(true);
  Status opened = DoOpen(std::move(stop));
  // What the checks of a connector that does not run are made of.
  if (!opened.ok() && opened.error().kind != ErrorKind::kStopped &&
      std::ranges::none_of(findings_, [](const Finding& f) { return f.level == Finding::Level::kError; })) {
    findings_.push_back(FindingOf(options_, opened.error()));
  }
  Publish(true);
  return opened;
}

Status PostgresSource::DoOpen(std::stop_token stop) {
  resume_ = ResumeState::Decode(writer_->progress().resume);
  resume_changed_ = false;
  stored_end_ = 0;
  tables_mark_.clear();
  tables_changed_ = false;
  HG_RETURN_IF_ERROR(ConnectQuery(stop));
  HG_RETURN_IF_ERROR(PreparePublication(stop));
  HG_RETURN_IF_ERROR(Attach(stop));
  if (resume_.losing()) HG_RETURN_IF_ERROR(DeclareLoss(stop));
  HG_RETURN_IF_ERROR(PlanChunks());
  telemetry_.connected = true;
  telemetry_.durable_position = std::max(resume_.confirmed(), writer_->progress().last_end);
  return Ok();
}

Status PostgresSource::ConnectQuery(std::stop_token stop) {
  slot_poll_running_ = false;
  catalog_.reset();
  HG_ASSIGN_OR_RETURN(query_, Connection::Open(options_, Connection::Use::kQuery, "UTF8", false, stop));
  catalog_ = std::make_unique<Catalog>(*query_);
  HG_ASSIGN_OR_RETURN(server_, catalog_->ReadServer(stop));
  client_encoding_ = server_.encoding == "SQL_ASCII" ? "SQL_ASCII" : "UTF8";
  return ClaimSlot(*query_, std::move(stop));
}

Status PostgresSource::PreparePublication(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const auto slot, options_.snapshot == SnapshotMode::kOnly
                                           ? catalog_->ReadSlot(stop)
                                           : AwaitIdleSlot(*query_, *catalog_, stop));
  findings_ = JudgeServer(options_, server_, slot);
  HG_RETURN_IF_ERROR(FirstError(options_, findings_));
  HG_ASSIGN_OR_RETURN(CaptureLook look, LookAtTables(options_, *catalog_, server_, stop));
  findings_.insert(findings_.end(), look.plan.findings.begin(), look.plan.findings.end());
  HG_RETURN_IF_ERROR(FollowSettings(look.plan));
  HG_RETURN_IF_ERROR(NoteLoss(look));
  HG_RETURN_IF_ERROR(FirstError(options_, findings_));
  HG_RETURN_IF_ERROR(FitPublication(look, stop));
  tables_ = std::move(look.plan.tables);
  to_read_.clear();
  if (options_.snapshot == SnapshotMode::kNever) return Ok();
  for (const CapturedTable& captured : tables_) {
    if (!resume_.IsRead(captured.table.Id())) to_read_.push_back(captured);
  }
  return Ok();
}

bool PostgresSource::IsCaptured(std::uint32_t oid) const {
  return std::ranges::any_of(tables_, [&](const CapturedTable& captured) { return captured.table.oid == oid; });
}

Result<std::unique_ptr<Connection>> PostgresSource::OpenReplication(std::stop_token stop) {
  return Connection::Open(options_, Connection::Use::kReplication, client_encoding_, true, std::move(stop));
}

Status PostgresSource::Attach(std::stop_token stop) {
  if (options_.snapshot == SnapshotMode::kOnly && to_read_.empty()) {
    phase_ = Phase::kIdle;
    return Ok();
  }
  HG_ASSIGN_OR_RETURN(auto replication, OpenReplication(stop));
  HG_ASSIGN_OR_RETURN(const Identity now, IdentifySystem(*replication, stop));
  if (options_.snapshot == SnapshotMode::kOnly) return AttachOnly(std::move(replication), now, stop);
  HG_ASSIGN_OR_RETURN(auto slot, catalog_->ReadSlot(stop));
  GapVerdict verdict;
  if (resume_.known()) {
    HG_ASSIGN_OR_RETURN(verdict, CheckHistory(*replication, now, slot, stop));
  }
  if (slot && slot->wal_status == "lost") {
    HG_RETURN_IF_ERROR(DropSlot(*query_, options_.slot_name, stop));
    slot.reset();
  }
  if (!slot) return AttachNewSlot(std::move(replication), now, verdict, stop);
  return AttachOldSlot(std::move(replication), now, verdict, *slot, stop);
}

Result<GapVerdict> PostgresSource::CheckHistory(Connection& replication, const Identity& now,
                                                const std::optional<SlotFacts>& slot, std::stop_token stop) {
  const LastSeen last{resume_.stored().system_identifier(), resume_.stored().timeline(),
                      std::max(resume_.confirmed(), writer_->progress().last_end)};
  std::optional<std::uint64_t> switched_at;
  if (now.system_identifier == last.system_identifier && now.timeline != last.timeline) {
    HG_ASSIGN_OR_RETURN(switched_at, ReadTimelineSwitch(replication, last.timeline, now.timeline, stop));
  }
  return Compare(last, now, slot, switched_at);
}

Status PostgresSource::AttachOnly(std::unique_ptr<Connection> replication, const Identity& now, std::stop_token stop) {
  HG_RETURN_IF_ERROR(BeginTemporarySlot(std::move(replication), stop));
  HG_ASSIGN_OR_RETURN(const NewSlot point, AwaitSlot(
                                               *creation_, [this] { Publish(false); }, stop));
  resume_.Attach(now.system_identifier, now.timeline, "", options_.dbname);
  HG_RETURN_IF_ERROR(PinSnapshot(point, stop));
  creation_.reset();
  return StartSnapshot(stop);
}

Status PostgresSource::AttachNewSlot(std::unique_ptr<Connection> replication, const Identity& now,
                                     const GapVerdict& verdict, std::stop_token stop) {
  diag::Info("postgres", "creating the replication slot", {{"connector", options_.name}, {"slot", options_.slot_name}});
  HG_ASSIGN_OR_RETURN(creation_,
                      SlotCreation::Begin(std::move(replication), options_.slot_name, false, !to_read_.empty()));
  HG_ASSIGN_OR_RETURN(const NewSlot created, AwaitSlot(
                                                 *creation_, [this] { Publish(false); }, stop));
  HG_FAILPOINT("pg.slot_created");
  const std::uint64_t from = resume_.confirmed();
  resume_.Attach(now.system_identifier, now.timeline, options_.slot_name, options_.dbname);
  if (!to_read_.empty()) HG_RETURN_IF_ERROR(PinSnapshot(created, stop));
  replication = creation_->TakeSession();
  creation_.reset();
  resume_.SlotCreated(created.consistent_point);
  resume_changed_ = true;
  if (!verdict.reason.empty()) HG_RETURN_IF_ERROR(DeclareGap(verdict, std::max(from, writer_->progress().last_end)));
  if (to_read_.empty()) return StartStreaming(std::move(replication), stop);
  parked_ = std::move(replication);
  return StartSnapshot(stop);
}

Status PostgresSource::AttachOldSlot(std::unique_ptr<Connection> replication, const Identity& now,
                                     const GapVerdict& verdict, const SlotFacts& slot, std::stop_token stop) {
  const std::uint64_t from = resume_.confirmed();
  const bool known = resume_.known();
  resume_.Attach(now.system_identifier, now.timeline, options_.slot_name, options_.dbname);
  if (!known || !verdict.reason.empty()) {
    resume_.SlotCreated(slot.confirmed_lsn);
    resume_changed_ = true;
  }
  if (!verdict.reason.empty()) HG_RETURN_IF_ERROR(DeclareGap(verdict, std::max(from, writer_->progress().last_end)));
  HG_RETURN_IF_ERROR(StartStreaming(std::move(replication), stop));
  return to_read_.empty() ? Ok() : BeginAwait(stop);
}

Status PostgresSource::PinSnapshot(const NewSlot& point, std::stop_token stop) {
  HG_FAILPOINT("pg.snapshot_exported");
  const std::size_t workers = std::min(options_.snapshot_workers, to_read_.size());
  HG_ASSIGN_OR_RETURN(snapshot_, Snapshot::Pin(options_, client_encoding_, point.snapshot,
                                               resume_.stored().system_identifier(), workers, std::move(stop)));
  point_ = point;
  return Ok();
}

// The new epoch begins where the slot stands now (resume_ says so already).
Status PostgresSource::DeclareGap(const GapVerdict& verdict, std::uint64_t from) {
  GapExtra gap;
  gap.reason = verdict.reason;
  gap.from = from;
  gap.to = resume_.confirmed();
  gap.action = "none";
  gap.text = "changes between " + LsnText(gap.from) + " and " + LsnText(gap.to) + " are missing (" + gap.reason +
             "): " + verdict.text;
  for (const CapturedTable& captured : tables_) gap.streams.push_back(captured.table.Id().Text());
  resume_.EndLoss();  // it is part of this
  return Declare(std::move(gap));
}

Status PostgresSource::Declare(GapExtra gap) {
  diag::Warn("postgres", "gap declared", {{"connector", options_.name}, {"gap", gap.text}});
  findings_.push_back(
      {"gap", Finding::Level::kError, gap.text,
       "Compare the tables with what was delivered; a new connector under another name reads them again.", "", ""});
  HG_RETURN_IF_ERROR(writer_->DeclareGap(gap, clock_.NowUs(), resume_.Encode()));
  resume_changed_ = false;
  Publish(true);
  return Ok();
}

}  // namespace headgate::postgres
