#include <algorithm>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/preflight.h"
#include "connectors/postgres/silence.h"
#include "connectors/postgres/source.h"
#include "core/base/diag.h"
#include "core/base/time_text.h"

// How a source that streams comes to the point of a snapshot, with the stream going on: of tables that came later, or
// of what an earlier run did not read to its end (docs/adr/0006).
namespace headgate::postgres {
namespace {

using std::chrono::milliseconds;

constexpr auto kTryAgain = milliseconds(5'000);  // to make the slot, after its session was lost
constexpr auto kRaise = milliseconds(100);       // between questions how far the stream may be read
constexpr auto kLook = milliseconds(2'000);      // the same while it has not come as far
constexpr auto kTold = milliseconds(5'000);      // a wait that lasts as long is told
constexpr auto kAnswer = milliseconds(200);      // for the query session to be free when the source closes

constexpr std::string_view kEndOfWal =
    "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END";

}  // namespace

Status PostgresSource::BeginTemporarySlot(std::unique_ptr<Connection> replication, std::stop_token stop) {
  const auto ended = query_->Query(EndLeftBehindSql(options_), "ending what an earlier run left behind", stop);
  if (!ended.ok()) HG_RETURN_IF_ERROR(ConnectQuery(std::move(stop)));  // another role's, say: then it stays
  HG_ASSIGN_OR_RETURN(
      creation_, SlotCreation::Begin(std::move(replication), TemporarySlotName(options_, clock_.NowUs()), true, true));
  return Ok();
}

// The point will not lie before the end of the WAL as of now.
Status PostgresSource::BeginAwait(std::stop_token stop) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  HG_ASSIGN_OR_RETURN(const Rows end, query_->Query(std::string(kEndOfWal), "reading the end of the WAL", stop));
  HG_ASSIGN_OR_RETURN(auto replication, OpenReplication(stop));
  HG_RETURN_IF_ERROR(BeginTemporarySlot(std::move(replication), std::move(stop)));
  stream_->SetUntil(std::max<std::uint64_t>(end.empty() ? 0 : ParseLsn(end[0][0].value_or("")), 1));
  limit_raised_ = clock_.Now();
  awaits_since_us_ = clock_.NowUs();
  phase_ = Phase::kAwait;
  telemetry_.phase = "snapshot";
  return Ok();
}

Status PostgresSource::AwaitPoint(std::stop_token stop) {
  if (creation_ == nullptr) return clock_.Now() < creation_due_ ? Ok() : BeginAwait(std::move(stop));
  const auto point = creation_->Poll();
  if (!point.ok() && point.error().kind != ErrorKind::kTransient) return point.error();
  if (!point.ok()) {
    diag::Warn("postgres", "the slot for a snapshot could not be made; it is tried again",
               {{"connector", options_.name}, {"cause", point.error().what}});
    creation_.reset();
    creation_due_ = clock_.Now() + kTryAgain;
    stream_->SetUntil(0);
    DropFinding(kSnapshotWaiting);
    return Ok();
  }
  return *point ? TakePoint(**point, std::move(stop)) : RaiseLimit(std::move(stop));
}

Status PostgresSource::TakePoint(const NewSlot& point, std::stop_token stop) {
  DropFinding(kSnapshotWaiting);
  HG_RETURN_IF_ERROR(PinSnapshot(point, stop));
  creation_.reset();
  stream_->SetUntil(point.consistent_point);
  phase_ = Phase::kCatchUp;
  return stream_->RequestKeepAlive(std::move(stop));
}

Status PostgresSource::RaiseLimit(std::stop_token stop) {
  if (clock_.Now() - limit_raised_ < (stream_->reached() ? kRaise : kLook)) return Ok();
  limit_raised_ = clock_.Now();
  HG_RETURN_IF_ERROR(FreeCatalog());
  Status raised = DoRaiseLimit(stop);
  if (raised.ok() || raised.error().kind != ErrorKind::kTransient) return raised;
  return ConnectQuery(std::move(stop));  // an idle session may have been ended; the next look asks over the new one
}

// The server goes on making the slot at the first list of running transactions in the WAL that lacks the one it waits
// for (SnapBuildFindSnapshot of PostgreSQL). While that one runs, the list is not written yet, and the point lies
// behind everything that is.
Status PostgresSource::DoRaiseLimit(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows end, query_->Query(std::string(kEndOfWal), "reading the end of the WAL", stop));
  HG_ASSIGN_OR_RETURN(const Rows waits, query_->Query(WaitsForSql(creation_->backend_pid()),
                                                      "asking what the snapshot waits for", std::move(stop)));
  DropFinding(kSnapshotWaiting);
  const std::uint64_t limit = end.empty() ? 0 : ParseLsn(end[0][0].value_or(""));
  if (waits.empty() || limit == 0) return Ok();
  stream_->SetUntil(limit);
  if (clock_.NowUs() - awaits_since_us_ < std::chrono::microseconds(kTold).count()) return Ok();
  std::string names;
  for (const CapturedTable& captured : to_read_) names += (names.empty() ? "" : ", ") + captured.table.QualifiedName();
  findings_.push_back(TellLock("the snapshot of " + names + " (the stream of other tables goes on)",
                               UtcText(awaits_since_us_), waits[0][0].value_or("")));
  return Ok();
}

// The stream may stand at its limit, which is nothing that one can wait for.
Status PostgresSource::AwaitNews(Connection::Deadline deadline, std::stop_token stop) {
  if (creation_ == nullptr || !stream_->reached()) return Ok();
  return creation_->Wait(std::min(deadline, limit_raised_ + kRaise), std::move(stop));
}

void PostgresSource::EndCreation() {
  if (creation_ == nullptr) return;
  const auto deadline = clock_.Now() + kAnswer;
  while (slot_poll_running_ && clock_.Now() < deadline) {
    if (!query_->WaitReadable(deadline, {}).ok()) break;
    const auto answer = query_->Poll("reading the replication slot");
    slot_poll_running_ = answer.ok() && !*answer;
  }
  // Whether it succeeds is of no account: the next run ends what is left behind.
  if (query_ != nullptr && !slot_poll_running_)
    static_cast<void>(query_->Send(EndWaitingSql(creation_->backend_pid()), "ending the wait for a slot"));
  creation_.reset();
}

Status PostgresSource::EndCatchUp(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const bool looked, LookAgain(stop));
  if (!looked) return Ok();
  stream_->End();
  stream_.reset();
  if (!to_read_.empty()) return StartSnapshot(std::move(stop));
  snapshot_.reset();
  phase_ = Phase::kStreaming;
  telemetry_.phase = "streaming";
  return Ok();
}

// Much may have happened to the tables while the slot was waited for. Their columns are read as they are now; their
// files must be the same as before it, or the snapshot does not see what is in them. False: somebody holds a lock that
// the look needs.
Result<bool> PostgresSource::LookAgain(std::stop_token stop) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  auto looked = LookAtTables(options_, *catalog_, server_, std::move(stop));
  if (!looked.ok() && query_->sqlstate() == kLockNotAvailable) return false;
  if (!looked.ok()) return std::move(looked).error();
  std::vector<CapturedTable> still;
  for (const CapturedTable& old : to_read_) {
    const auto now = std::ranges::find(looked->plan.tables, old.table.oid,
                                       [](const CapturedTable& captured) { return captured.table.oid; });
    if (now == looked->plan.tables.end()) continue;
    still.push_back(std::move(*now));
    still.back().table.storage = old.table.storage;
  }
  to_read_ = std::move(still);
  return true;
}

}  // namespace headgate::postgres
