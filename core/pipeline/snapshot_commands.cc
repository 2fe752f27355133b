#include <algorithm>

#include "core/pipeline/chunk_snapshots.h"

// What people ask of snapshots (snapshot_desk.h). Nothing is changed by what is refused.
namespace headgate {

SnapshotAnswer ChangeState(ChunkLedger ledger, const SnapshotChange& change, std::int64_t now_us) {
  using Kind = SnapshotAnswer::Kind;
  ChunkLedger::Snapshot* const snapshot = ledger.Find(change.run);
  if (snapshot == nullptr && change.run != 0 && change.run <= ledger.stored().run()) {
    return {Kind::kConflict,
            "Snapshot " + std::to_string(change.run) +
                " ended long ago, or reads at one point of the server, which cannot wait.",
            0};
  }
  if (snapshot == nullptr) return {Kind::kUnknown, "There is no snapshot " + std::to_string(change.run) + ".", 0};
  const SnapshotState was = StateOf(*snapshot);
  const bool running = was == SnapshotState::kPending || was == SnapshotState::kRunning;
  const bool fits = (change.state == SnapshotState::kPaused && running) ||
                    (change.state == SnapshotState::kRunning && was == SnapshotState::kPaused) ||
                    (change.state == SnapshotState::kCancelled && !HasEnded(was));
  if (!fits) {
    return {Kind::kConflict,
            "The snapshot is " + std::string(Name(was)) + ", it cannot become " + std::string(Name(change.state)) + ".",
            0};
  }
  // What runs again is pending until it is its turn.
  const SnapshotState becomes = change.state == SnapshotState::kRunning ? SnapshotState::kPending : change.state;
  for (ChunkLedger::Table& entry : *snapshot->mutable_tables()) {
    if (HasEnded(StateOf(entry))) continue;
    entry.set_state(static_cast<std::uint32_t>(becomes));
    // The stream goes on with it: it is not read again after a restart.
    if (becomes == SnapshotState::kCancelled && IsLoad(*snapshot)) ledger.SetRead(entry.table());
  }
  ledger.SetState(*snapshot, becomes, now_us);
  return {Kind::kDone, "", change.run};
}

Status ChunkSnapshots::TakeCommands() {
  if (host_.InTransaction()) return Ok();
  while (auto command = desk_.Take()) {
    auto answer = std::visit([&](const auto& what) { return Handle(what, command->actor); }, command->what);
    if (!answer.ok()) {
      command->done({SnapshotAnswer::Kind::kUnavailable, answer.error().what, 0});
      return std::move(answer).error();
    }
    answers_.emplace_back(std::move(command->done), std::move(*answer));
  }
  return Ok();
}

void ChunkSnapshots::Acknowledge() {
  for (const auto& [done, answer] : std::exchange(answers_, {})) done(answer);
}

Result<SnapshotAnswer> ChunkSnapshots::Handle(const SnapshotRequest& request, const std::string& actor) {
  using Kind = SnapshotAnswer::Kind;
  for (const auto& snapshot : ledger_.stored().snapshots()) {
    if (request.key.empty() || snapshot.key() != request.key) continue;
    const bool same = snapshot.fingerprint() == request.fingerprint;
    return SnapshotAnswer{same ? Kind::kRepeated : Kind::kKeyReused, "", snapshot.run()};
  }
  if (request.mode == SnapshotMode::kRebuild)
    return SnapshotAnswer{Kind::kInvalid, "rebuild is for sinks, whose target it makes anew.", 0};
  if (settings_.stream_ends)
    return SnapshotAnswer{Kind::kConflict, "With snapshot=only the connector ends with its first snapshot.", 0};
  HG_ASSIGN_OR_RETURN(const std::vector<std::string> captured, host_.ListCaptured());
  const std::vector<std::string>& tables = request.tables.empty() ? captured : request.tables;
  if (tables.empty()) return SnapshotAnswer{Kind::kInvalid, "The connector captures no table.", 0};
  for (const std::string& table : tables) {
    if (std::ranges::find(captured, table) == captured.end())
      return SnapshotAnswer{Kind::kInvalid, "Table " + table + " is not captured, or the server has no such table.", 0};
    if (ledger_.FindUnfinished(table) != nullptr)
      return SnapshotAnswer{Kind::kConflict, "Table " + table + " is being read by a snapshot that has not ended.", 0};
    HG_ASSIGN_OR_RETURN(const auto plan, host_.PlanTable(table));
    if (!plan) return SnapshotAnswer{Kind::kInvalid, "The server has no table " + table + ".", 0};
    std::string problem = Problem(*plan, request.where);
    if (!problem.empty()) return SnapshotAnswer{Kind::kInvalid, std::move(problem), 0};
  }
  ChunkLedger::Snapshot& snapshot = ledger_.Begin(request.mode, tables, clock_.NowUs());
  snapshot.set_note(request.note);
  snapshot.set_key(request.key);
  snapshot.set_fingerprint(request.fingerprint);
  if (request.where) {
    snapshot.set_where_column(request.where->column);
    if (request.where->from) snapshot.set_where_from(*request.where->from);
    if (request.where->to) snapshot.set_where_to(*request.where->to);
  }
  changed_ = true;
  const std::uint64_t run = snapshot.run();
  Tell("of " + std::to_string(tables.size()) + " tables asked for", snapshot, actor);
  HG_RETURN_IF_ERROR(Plan(SnapshotMode::kFull, {}));
  return SnapshotAnswer{Kind::kDone, "", run};
}

Result<SnapshotAnswer> ChunkSnapshots::Handle(const SnapshotChange& change, const std::string& actor) {
  SnapshotAnswer answer = ChangeState(ledger_, change, clock_.NowUs());
  if (answer.kind != SnapshotAnswer::Kind::kDone) return answer;
  changed_ = true;
  Tell(std::string(Name(change.state)), *ledger_.Find(change.run), actor);
  HG_RETURN_IF_ERROR(Plan(SnapshotMode::kFull, {}));
  return answer;
}

Result<SnapshotAnswer> ChunkSnapshots::Handle(const TablesToAdd& tables, const std::string& actor) {
  using Kind = SnapshotAnswer::Kind;
  static_cast<void>(actor);
  HG_ASSIGN_OR_RETURN(const std::vector<std::string> captured, host_.ListCaptured());
  for (const std::string& table : tables.tables) {
    if (std::ranges::find(captured, table) != captured.end())
      return SnapshotAnswer{Kind::kConflict, "Table " + table + " is captured already.", 0};
    HG_ASSIGN_OR_RETURN(const bool there, host_.HasTable(table));
    if (!there)
      return SnapshotAnswer{Kind::kInvalid, "The server has no table " + table + ", or does not let us see it.", 0};
  }
  for (const std::string& table : tables.tables) {
    if (!tables.snapshot) ledger_.SetRead(table);
    changed_ = changed_ || !tables.snapshot;
  }
  return SnapshotAnswer{Kind::kDone, "", 0};
}

}  // namespace headgate
