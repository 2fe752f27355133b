#include "connectors/postgres/resume.h"

#include <algorithm>
#include <map>

namespace headgate::postgres {
namespace {

bool IsSameOid(const stored::StreamSnapshot& entry, const TableId& table) {
  return table.oid == 0 || entry.relation() == 0 || entry.relation() == table.oid;
}

// Whether the entry is of a table of this name, whatever its oid. `text`: table.Text(). Entries once had names without
// quotes, where "a.b".c and a."b.c" are one: there the oid tells.
bool IsOf(const stored::StreamSnapshot& entry, const TableId& table, const std::string& text) {
  return entry.table() == text || (entry.table() == table.schema + "." + table.name && IsSameOid(entry, table));
}

}  // namespace

ResumeState ResumeState::Decode(std::string_view bytes) {
  ResumeState state;
  if (!state.stored_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) state.stored_.Clear();
  auto& ledger = *state.stored_.mutable_ledger();  // formerly there was none, and one more count of runs
  ledger.set_run(std::max(ledger.run(), state.stored_.snapshot().run()));
  return state;
}

void ResumeState::Attach(const std::string& system_identifier, std::uint32_t timeline, const std::string& slot,
                         const std::string& database) {
  stored_.set_system_identifier(system_identifier);
  stored_.set_timeline(timeline);
  stored_.set_slot(slot);
  stored_.set_database(database);
}

void ResumeState::SlotCreated(std::uint64_t at) {
  stored_.set_slot_created_at(at);
  stored_.set_confirmed(at);
  PublishedUntil(at);
}

void ResumeState::Advance(std::uint64_t confirmed) {
  stored_.set_confirmed(std::max<std::uint64_t>(stored_.confirmed(), confirmed));
}

void ResumeState::PublishedUntil(std::uint64_t lsn) {
  stored_.set_published_until(std::max<std::uint64_t>(stored_.published_until(), lsn));
}

bool ResumeState::BeginLoss(const std::vector<std::string>& tables, const std::string& cause, std::uint64_t from) {
  auto& losing = *stored_.mutable_losing();
  bool news = false;
  for (const std::string& table : tables) {
    if (std::ranges::find(losing.tables(), table) != losing.tables().end()) continue;
    losing.add_tables(table);
    news = true;
  }
  if (!news) return false;
  losing.set_cause(losing.cause().empty() ? cause : losing.cause() + "; " + cause);
  if (from == 0) from = stored_.published_until() != 0 ? stored_.published_until() : stored_.confirmed();
  losing.set_from(losing.from() == 0 ? from : std::min<std::uint64_t>(losing.from(), from));
  return true;
}

stored::StreamSnapshot* ResumeState::Find(std::uint32_t stream) {
  for (auto& entry : *stored_.mutable_snapshot()->mutable_streams()) {
    if (entry.stream() == stream) return &entry;
  }
  return nullptr;
}

bool ResumeState::IsRead(const TableId& table) const {
  const std::string text = table.Text();
  if (std::ranges::find(stored_.ledger().read(), text) != stored_.ledger().read().end()) return true;
  return std::ranges::any_of(stored_.snapshot().streams(), [&](const auto& entry) {
    return entry.completed() && IsOf(entry, table, text) && IsSameOid(entry, table);
  });
}

bool ResumeState::HasRead(std::string_view table) const {
  return std::ranges::any_of(stored_.snapshot().streams(),
                             [&](const auto& entry) { return entry.completed() && entry.table() == table; });
}

void ResumeState::FollowSettings(const std::vector<TableId>& selected) {
  std::vector<std::string> texts;
  for (const TableId& table : selected) texts.push_back(table.Text());
  for (auto& entry : *stored_.mutable_snapshot()->mutable_streams()) {
    if (!entry.completed()) continue;
    bool in = false;
    for (std::size_t i = 0; i < selected.size() && !in; ++i)
      in = IsOf(entry, selected[i], texts[i]) && IsSameOid(entry, selected[i]);
    if (!in && entry.left_at() == 0) {
      entry.set_left_at(std::max<std::uint64_t>(stored_.confirmed(), 1));
    } else if (in && entry.left_at() != 0) {
      BeginLoss({entry.table()}, "the settings had left tables out", entry.left_at());
      entry.set_left_at(0);
      entry.set_completed(false);
    }
  }
}

std::uint64_t ResumeState::BeginRun(std::uint64_t consistent_at) {
  auto& snapshot = *stored_.mutable_snapshot();
  snapshot.set_run(ledger().TakeRun());
  snapshot.set_completed(false);
  snapshot.set_consistent_at(consistent_at);
  return snapshot.run();
}

void ResumeState::BeginTable(const TableId& table, std::uint32_t stream, bool stream_goes_on) {
  const std::string text = table.Text();
  auto& entries = *stored_.mutable_snapshot()->mutable_streams();
  auto entry = std::ranges::find(entries, stream, &stored::StreamSnapshot::stream);
  if (entry == entries.end())
    entry = std::ranges::find_if(entries, [&](const auto& e) { return IsOf(e, table, text); });
  if (entry == entries.end()) {
    entries.Add();
    entry = entries.end() - 1;
  }
  const bool replaced = entry->relation() != 0 && table.oid != 0 && entry->relation() != table.oid;
  if (replaced || (!stream_goes_on && entry->rows() > 0)) entry->set_stale_rows(true);
  entry->set_table(text);
  entry->set_relation(table.oid);
  entry->set_stream(stream);
  entry->set_run(stored_.snapshot().run());
  entry->set_chunks(0);
  entry->set_rows(0);
  entry->set_completed(false);
  entry->set_left_at(0);
}

bool ResumeState::HasStaleRows(std::uint32_t stream) const {
  return std::ranges::any_of(stored_.snapshot().streams(),
                             [&](const auto& entry) { return entry.stream() == stream && entry.stale_rows(); });
}

void ResumeState::TableBegun(std::uint32_t stream) {
  if (auto* entry = Find(stream)) entry->set_stale_rows(false);
}

void ResumeState::ChunkRead(std::uint32_t stream, std::uint64_t rows) {
  if (auto* entry = Find(stream)) {
    entry->set_chunks(entry->chunks() + 1);
    entry->set_rows(entry->rows() + rows);
  }
}

void ResumeState::TableRead(std::uint32_t stream) {
  if (auto* entry = Find(stream)) entry->set_completed(true);
}

stored::ChunkLedger ResumeState::Snapshots() const {
  const auto state = [](bool completed) {
    return static_cast<std::uint32_t>(completed ? SnapshotState::kCompleted : SnapshotState::kRunning);
  };
  std::map<std::uint64_t, stored::ChunkedSnapshot> by_run;
  for (const stored::StreamSnapshot& stream : stored_.snapshot().streams()) {
    const std::uint64_t run = stream.run() != 0 ? stream.run() : stored_.snapshot().run();
    stored::ChunkedSnapshot& told = by_run[run];
    told.set_run(run);
    told.set_mode(static_cast<std::uint32_t>(headgate::SnapshotMode::kInitial));
    told.set_state(state(run != stored_.snapshot().run() || stored_.snapshot().completed()));
    stored::ChunkedTable& table = *told.add_tables();
    table.set_table(stream.table());
    table.set_state(state(stream.completed()));
    table.set_chunks(stream.chunks());
    table.set_rows(stream.rows());
  }
  for (const stored::ChunkedSnapshot& snapshot : stored_.ledger().snapshots()) by_run[snapshot.run()] = snapshot;
  stored::ChunkLedger all;
  all.set_run(stored_.ledger().run());
  for (auto& [run, snapshot] : by_run) *all.add_snapshots() = std::move(snapshot);
  return all;
}

void ResumeState::SnapshotRead() { stored_.mutable_snapshot()->set_completed(true); }

}  // namespace headgate::postgres
