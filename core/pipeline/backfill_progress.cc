#include <algorithm>

#include "core/base/encoding.h"
#include "core/pipeline/backfills.h"

// How far the snapshots of a sink are: in the ledger, and at a target that keeps the cursor.
namespace headgate {
namespace {

// The place behind a table's last piece, as the ledger keeps it: cursor, form, rows.
void SetPlace(stored::ChunkedTable& table, const StatePlace& place, std::uint64_t rows) {
  table.clear_next();
  table.add_next(place.cursor);
  table.add_next(std::to_string(place.form));
  table.add_next(std::to_string(rows));
}

// The table in a ledger of what is ahead; as it is so far, if that says nothing of it yet.
stored::ChunkedTable& TableIn(stored::ChunkLedger& ahead, const stored::ChunkedSnapshot& of,
                              const stored::ChunkedTable& table) {
  auto& snapshots = *ahead.mutable_snapshots();
  auto snapshot = std::ranges::find(snapshots, of.run(), &stored::ChunkedSnapshot::run);
  if (snapshot == snapshots.end()) {
    ahead.add_snapshots()->set_run(of.run());
    snapshot = std::prev(snapshots.end());
    snapshot->set_requested_us(of.requested_us());
  }
  auto& tables = *snapshot->mutable_tables();
  const auto known = std::ranges::find(tables, table.table(), &stored::ChunkedTable::table);
  if (known != tables.end()) return *known;
  *snapshot->add_tables() = table;
  return *std::prev(tables.end());
}

}  // namespace

void Backfills::Advance(Table& table, const Piece& piece) {
  SetPlace(table, piece.rows.place, piece.before + piece.rows.times.size());
  if (piece.rows.anew) table.set_rows(0);
  table.set_rows(table.rows() + piece.sent);
  table.set_chunks(table.chunks() + 1);
  table.set_low(std::to_string(piece.rows.at));
  table.set_high(std::to_string(piece.rows.at));
}

bool Backfills::inside() const {
  return std::ranges::any_of(pieces_, [](const Piece& p) { return p.looked_at > 0 && p.taken < p.rows.times.size(); });
}

std::string Backfills::Ahead() const {
  stored::ChunkLedger ahead = unsaved_;
  for (const Piece& piece : pieces_) {
    if (piece.taken < piece.rows.times.size()) break;
    const auto snapshot = std::ranges::find(stored_.snapshots(), piece.run, &Snapshot::run);
    if (snapshot == stored_.snapshots().end()) continue;
    const auto table = std::ranges::find(snapshot->tables(), piece.stream, &Table::table);
    if (table == snapshot->tables().end() || HasEnded(StateOf(*table))) continue;
    Table& moved = TableIn(ahead, *snapshot, *table);
    Advance(moved, piece);
    if (piece.rows.last) moved.set_state(static_cast<std::uint32_t>(SnapshotState::kCompleted));
  }
  return ahead.snapshots().empty() ? std::string() : Base64(ahead.SerializeAsString());
}

// What the ledger knows already has as many pieces or more; a run that it does not know was never answered for.
Status Backfills::TakeAhead(std::string_view text) {
  if (text.empty()) return Ok();
  const auto bytes = FromBase64(text);
  stored::ChunkLedger ahead;
  if (!bytes || !ahead.ParseFromString(*bytes))
    return Corrupt(
        "how far the states of sink " + sink_ +
        " have come cannot be read at its target: empty `states` of its row there, and some rows come twice");
  for (const Snapshot& there : ahead.snapshots()) {
    Snapshot* const snapshot = ledger_.Find(there.run());
    if (snapshot == nullptr || snapshot->requested_us() != there.requested_us()) continue;
    for (const Table& moved : there.tables()) {
      const auto table = std::ranges::find(*snapshot->mutable_tables(), moved.table(), &Table::table);
      if (table == snapshot->mutable_tables()->end() || HasEnded(StateOf(*table)) || HasEnded(StateOf(*snapshot)) ||
          table->chunks() >= moved.chunks())
        continue;
      *table = moved;
      changed_ = true;
      if (StateOf(moved) == SnapshotState::kCompleted) End(*snapshot, *table, SnapshotState::kCompleted, "");
    }
  }
  return Ok();
}

void Backfills::Settle(const Piece& piece) {
  Snapshot* const snapshot = ledger_.Find(piece.run);
  if (snapshot == nullptr) return;
  for (Table& table : *snapshot->mutable_tables()) {
    if (table.table() != piece.stream || HasEnded(StateOf(table))) continue;
    Advance(table, piece);
    changed_ = true;
    Table& moved = TableIn(unsaved_, *snapshot, table);
    moved = table;
    if (!piece.rows.last) return;
    moved.set_state(static_cast<std::uint32_t>(SnapshotState::kCompleted));
    return End(*snapshot, table, SnapshotState::kCompleted, "");
  }
}

}  // namespace headgate
