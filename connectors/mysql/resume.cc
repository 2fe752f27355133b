#include "connectors/mysql/resume.h"

#include <algorithm>

namespace headgate::mysql {
namespace {

using StoredTables = google::protobuf::RepeatedPtrField<std::string>;

void AddTables(const std::set<TableName>& tables, StoredTables& stored) {
  for (const TableName& table : tables) stored.Add(table.database + '\0' + table.table);
}

std::vector<TableName> TakeTables(StoredTables& stored) {
  std::vector<TableName> tables;
  for (const std::string& text : stored) {
    const std::size_t zero = std::min(text.find('\0'), text.size());
    tables.push_back({text.substr(0, zero), zero < text.size() ? text.substr(zero + 1) : ""});
  }
  stored.Clear();
  return tables;
}

}  // namespace

Result<ResumeState> ResumeState::Decode(std::string_view bytes) {
  ResumeState state;
  if (!state.stored_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Corrupt("the stored position of the source cannot be read");
  state.position_.place = {state.stored_.file(), state.stored_.offset()};
  HG_ASSIGN_OR_RETURN(state.position_.executed, GtidSet::Parse(state.stored_.executed()));
  HG_ASSIGN_OR_RETURN(state.position_.domains, MariadbPosition::Parse(state.stored_.domains()));
  state.restart_ = state.position_;
  const std::vector<TableName> waiting = TakeTables(*state.stored_.mutable_waiting());
  state.SetWaiting({waiting.begin(), waiting.end()});
  if (state.stored_.restart_file().empty()) return state;
  state.restart_.place = {state.stored_.restart_file(), state.stored_.restart_offset()};
  HG_ASSIGN_OR_RETURN(state.restart_.executed, GtidSet::Parse(state.stored_.restart_executed()));
  HG_ASSIGN_OR_RETURN(state.restart_.domains, MariadbPosition::Parse(state.stored_.restart_domains()));
  return state;
}

void ResumeState::SetPosition(const BinlogPosition& position) {
  if (position_.executed != position.executed || stored_.executed().empty())
    stored_.set_executed(position.executed.ToText());
  if (position_.domains != position.domains || stored_.domains().empty())
    stored_.set_domains(position.domains.ToText());
  stored_.set_file(position.place.file);
  stored_.set_offset(position.place.offset);
  position_ = restart_ = position;
  stored_.clear_restart_file();
}

void ResumeState::SetRestart(const BinlogPosition& restart) {
  if (restart == position_) return;
  stored_.set_restart_file(restart.place.file);
  stored_.set_restart_offset(restart.place.offset);
  stored_.set_restart_executed(restart.executed.ToText());
  stored_.set_restart_domains(restart.domains.ToText());
  restart_ = restart;
}

void ResumeState::Attach(const std::string& server, bool by_gtid) {
  stored_.set_server_uuid(server);
  stored_.set_by_gtid(by_gtid);
}

void ResumeState::AddUnlogged(const std::set<TableName>& tables) { AddTables(tables, *stored_.mutable_unlogged()); }
std::vector<TableName> ResumeState::TakeUnlogged() { return TakeTables(*stored_.mutable_unlogged()); }
void ResumeState::AddDoubtful(const std::set<TableName>& tables) { AddTables(tables, *stored_.mutable_doubtful()); }
std::vector<TableName> ResumeState::TakeDoubtful() { return TakeTables(*stored_.mutable_doubtful()); }

void ResumeState::SetWaiting(const std::set<TableName>& tables) {
  waiting_ = tables;
  stored_.clear_waiting();
  AddTables(tables, *stored_.mutable_waiting());
}

}  // namespace headgate::mysql
