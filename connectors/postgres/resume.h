#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/table_id.h"
#include "core/model/change.pb.h"
#include "core/pipeline/chunk_ledger.h"

namespace headgate::postgres {

// The source's own durable state: which server and slot it left, how far it came, and the ledger of its snapshot. It is
// stored with every append, in the same write (PostgresResume of change.proto).
class ResumeState {
 public:
  // Empty or unreadable bytes are a source that never ran.
  static ResumeState Decode(std::string_view bytes);
  std::string Encode() const { return stored_.SerializeAsString(); }

  bool known() const { return !stored_.system_identifier().empty(); }
  const stored::PostgresResume& stored() const { return stored_; }
  std::uint64_t confirmed() const { return stored_.confirmed(); }

  // A slot on a server, from which we read after `confirmed`.
  void Attach(const std::string& system_identifier, std::uint32_t timeline, const std::string& slot,
              const std::string& database);
  void SlotCreated(std::uint64_t at);
  // A person sets it to another place.
  void MoveTo(std::uint64_t confirmed) { stored_.set_confirmed(confirmed); }
  // Never goes back but by these two.
  void Advance(std::uint64_t confirmed);

  // Up to here the publication is known to have published what it should.
  void PublishedUntil(std::uint64_t lsn);
  // Changes of these tables are being lost, since PublishedUntil at the earliest. False if that is noted already.
  // `from`: known to be later than that.
  bool BeginLoss(const std::vector<std::string>& tables, const std::string& cause, std::uint64_t from = 0);
  bool losing() const { return stored_.has_losing(); }
  void EndLoss() { stored_.clear_losing(); }

  // The snapshot's ledger. A table of another oid that took over the name was not read (oid 0: any).
  bool IsRead(const TableId& table) const;
  bool HasRead(std::string_view table) const;  // by TableId::Text
  // Compares the ledger with what the settings select now. A table that they leave out is noted with our place in the
  // stream; one that they name again is no longer read, and its loss begins at that place.
  void FollowSettings(const std::vector<TableId>& selected);
  std::uint64_t BeginRun(std::uint64_t consistent_at);  // returns the run's number
  // `stream_goes_on`: a change stream tells what became of rows that an earlier run sent, unless they are another
  // table's. Else they are stale until the run has begun with the table (TableBegun).
  void BeginTable(const TableId& table, std::uint32_t stream, bool stream_goes_on = true);
  bool HasStaleRows(std::uint32_t stream) const;
  void TableBegun(std::uint32_t stream);
  void ChunkRead(std::uint32_t stream, std::uint64_t rows);
  void TableRead(std::uint32_t stream);
  void SnapshotRead();  // all of the run's tables

  // Of snapshots by chunks. Holds as long as the state stays where it is.
  ChunkLedger ledger() { return ChunkLedger(*stored_.mutable_ledger()); }
  // For people: these, and that at the slot's point before them.
  stored::ChunkLedger Snapshots() const;

 private:
  stored::StreamSnapshot* Find(std::uint32_t stream);
  stored::PostgresResume stored_;
};

}  // namespace headgate::postgres
