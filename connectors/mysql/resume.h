#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/binlog_connection.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/statement.h"
#include "core/model/change.pb.h"
#include "core/pipeline/chunk_ledger.h"

namespace headgate::mysql {

// What the source keeps with its transactions: how far it read, and what its snapshots have read. Everything in it is
// durable with the transactions of the same write, or not at all.
class ResumeState {
 public:
  static Result<ResumeState> Decode(std::string_view bytes);
  std::string Encode() const { return stored_.SerializeAsString(); }

  bool known() const { return !stored_.file().empty(); }
  const BinlogPosition& position() const { return position_; }
  void SetPosition(const BinlogPosition& position);
  // Where the stream begins, if not at the position.
  const BinlogPosition& restart() const { return restart_; }
  void SetRestart(const BinlogPosition& restart);
  const std::string& server() const { return stored_.server_uuid(); }
  bool by_gtid() const { return stored_.by_gtid(); }
  void Attach(const std::string& server, bool by_gtid);

  // What is added to places so that they ascend over a change of server.
  std::uint64_t base() const { return stored_.base(); }
  void SetBase(std::uint64_t base) { stored_.set_base(base); }
  // The position as a number (telemetry, load gates).
  std::uint64_t Number() const { return stored_.base() + position_.place.Number(); }

  // What its snapshots have read. Holds as long as the state stays where it is.
  ChunkLedger ledger() { return ChunkLedger(*stored_.mutable_ledger()); }

  // Tables with changes that cannot be read, until the gap is declared: changed by statements without rows; with rows
  // whose columns nobody knows.
  void AddUnlogged(const std::set<TableName>& tables);
  std::vector<TableName> TakeUnlogged();
  void AddDoubtful(const std::set<TableName>& tables);
  std::vector<TableName> TakeDoubtful();
  bool has_gaps() const { return stored_.unlogged_size() > 0 || stored_.doubtful_size() > 0; }

  // Tables::waiting().
  const std::set<TableName>& waiting() const { return waiting_; }
  void SetWaiting(const std::set<TableName>& tables);

 private:
  stored::MysqlResume stored_;
  BinlogPosition position_;
  BinlogPosition restart_;
  std::set<TableName> waiting_;
};

}  // namespace headgate::mysql
