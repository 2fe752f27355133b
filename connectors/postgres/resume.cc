#include "connectors/postgres/resume.h"

#include <algorithm>

namespace headgate::postgres {

ResumeState ResumeState::Decode(std::string_view bytes) {
  ResumeState state;
  if (!state.stored_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) state.stored_.Clear();
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

stored::StreamSnapshot* ResumeState::Find(const std::string& table) {
  for (auto& stream : *stored_.mutable_snapshot()->mutable_streams()) {
    if (stream.table() == table) return &stream;
  }
  return nullptr;
}

bool ResumeState::IsRead(const std::string& table, std::uint32_t oid) const {
  const auto& streams = stored_.snapshot().streams();
  return std::any_of(streams.begin(), streams.end(), [&](const auto& stream) {
    return stream.table() == table && stream.completed() &&
           (oid == 0 || stream.relation() == 0 || stream.relation() == oid);
  });
}

void ResumeState::FollowSettings(const std::function<bool(const std::string& table, std::uint32_t oid)>& selected) {
  for (auto& stream : *stored_.mutable_snapshot()->mutable_streams()) {
    if (!stream.completed()) continue;
    const bool in = selected(stream.table(), stream.relation());
    if (!in && stream.left_at() == 0) {
      stream.set_left_at(std::max<std::uint64_t>(stored_.confirmed(), 1));
    } else if (in && stream.left_at() != 0) {
      BeginLoss({stream.table()}, "the settings had left tables out", stream.left_at());
      stream.set_left_at(0);
      stream.set_completed(false);
    }
  }
}

std::uint64_t ResumeState::BeginRun(std::uint64_t consistent_at) {
  auto& snapshot = *stored_.mutable_snapshot();
  snapshot.set_run(snapshot.run() + 1);
  snapshot.set_completed(false);
  snapshot.set_consistent_at(consistent_at);
  return snapshot.run();
}

void ResumeState::BeginTable(const std::string& table, std::uint32_t stream, std::uint32_t oid) {
  auto* entry = Find(table);
  if (entry == nullptr) entry = stored_.mutable_snapshot()->add_streams();
  entry->set_table(table);
  entry->set_relation(oid);
  entry->set_stream(stream);
  entry->set_chunks(0);
  entry->set_rows(0);
  entry->set_completed(false);
  entry->set_left_at(0);
}

void ResumeState::ChunkRead(const std::string& table, std::uint64_t rows) {
  if (auto* entry = Find(table)) {
    entry->set_chunks(entry->chunks() + 1);
    entry->set_rows(entry->rows() + rows);
  }
}

void ResumeState::TableRead(const std::string& table) {
  if (auto* entry = Find(table)) entry->set_completed(true);
}

void ResumeState::SnapshotRead() { stored_.mutable_snapshot()->set_completed(true); }

}  // namespace headgate::postgres
