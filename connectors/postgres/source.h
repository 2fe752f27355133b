#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/options.h"
#include "connectors/postgres/preflight.h"
#include "connectors/postgres/publication.h"
#include "connectors/postgres/resume.h"
#include "connectors/postgres/slot.h"
#include "connectors/postgres/snapshot.h"
#include "connectors/postgres/stream.h"
#include "core/base/published.h"
#include "core/pipeline/chunk_snapshots.h"
#include "core/pipeline/source.h"

namespace headgate::postgres {

// A PostgreSQL database as a source. The phases, each entered from the one before it or directly by Open:
//
//   await      a snapshot has to be taken although the slot is older than it. Its point is that of a new, temporary
//              slot, which the server makes when the transactions of the moment are over. The stream is read
//              meanwhile, only never beyond what is known to lie before that point
//   catch-up   the point is known and its exported snapshot held: the stream is read up to there, so that nothing in
//              between is lost
//   snapshot   COPY of the tables that were not read yet, at exactly that point
//   streaming  after it, for ever
//   idle       after a snapshot with snapshot: only
class PostgresSource final : public Source, private Binder, private ChunkHost {
 public:
  PostgresSource(Options options, const Clock& clock);
  ~PostgresSource() override;

  Status Open(LogWriter& writer, std::stop_token stop) override;
  Status Read(SourceBatch& batch, std::stop_token stop) override;
  Status Acknowledge() override;
  Status KeepAlive() override;
  void Close() override;
  void Look() override { look_ = true; }
  std::shared_ptr<const SourceTelemetry> telemetry() const override { return published_.Get(); }
  std::shared_ptr<SnapshotDesk> desk() const override { return desk_; }

 private:
  enum class Phase : std::uint8_t { kClosed, kAwait, kCatchUp, kSnapshot, kStreaming, kIdle };

  // Opening, in this order.
  Status DoOpen(std::stop_token stop);
  Status ConnectQuery(std::stop_token stop);
  Status PreparePublication(std::stop_token stop);
  Status Attach(std::stop_token stop);
  Result<GapVerdict> CheckHistory(Connection& replication, const Identity& now, const std::optional<SlotFacts>& slot,
                                  std::stop_token stop);
  Status FollowTables(std::stop_token stop);
  Status FitPublication(const CaptureLook& look, std::stop_token stop);
  bool IsCaptured(std::uint32_t oid) const;
  bool WasCaptured(const CatalogTable& table) const;
  Status FollowSettings(const PublicationPlan& plan);
  void NoteGone(const PublicationPlan& plan);
  Status NoteLoss(const CaptureLook& look);
  Status DeclareLoss(std::stop_token stop);
  Status DeclareGap(const GapVerdict& verdict, std::uint64_t from);
  Status Declare(GapExtra gap);
  Status AttachOnly(std::unique_ptr<Connection> replication, const Identity& now, std::stop_token stop);
  Status AttachNewSlot(std::unique_ptr<Connection> replication, const Identity& now, const GapVerdict& verdict,
                       std::stop_token stop);
  Status AttachOldSlot(std::unique_ptr<Connection> replication, const Identity& now, const GapVerdict& verdict,
                       const SlotFacts& slot, std::stop_token stop);
  Status PinSnapshot(const NewSlot& point, std::stop_token stop);

  // From a running stream to a snapshot (source_await.cc).
  Status BeginTemporarySlot(std::unique_ptr<Connection> replication, std::stop_token stop);
  Status BeginAwait(std::stop_token stop);
  Status AwaitPoint(std::stop_token stop);
  Status TakePoint(const NewSlot& point, std::stop_token stop);
  Status RaiseLimit(std::stop_token stop);
  Status DoRaiseLimit(std::stop_token stop);
  Status AwaitNews(Connection::Deadline deadline, std::stop_token stop);
  void EndCreation();
  Status EndCatchUp(std::stop_token stop);
  Result<bool> LookAgain(std::stop_token stop);

  Status StartSnapshot(std::stop_token stop);
  Status StartStreaming(std::unique_ptr<Connection> replication, std::stop_token stop);
  Result<std::unique_ptr<Connection>> OpenReplication(std::stop_token stop);

  Status ReadSnapshot(SourceBatch& batch, Connection::Deadline deadline, std::stop_token stop);
  void TakeItem(SnapshotItem item, SourceBatch& batch);
  void Emit(SnapshotItem item, SourceBatch& batch);
  void ReleaseHeld(SourceBatch& batch);
  void EndSnapshot(SourceBatch& batch);
  Status WatchSnapshot(std::stop_token stop);
  void StoreWith(SourceBatch& batch);
  Status ReadStream(SourceBatch& batch, Connection::Deadline deadline, std::stop_token stop);

  // Tables that are read again while the stream goes on (source_chunks.cc).
  Status PlanChunks();
  Status ReadChunks(SourceBatch& batch, std::stop_token stop);
  void NoteBrought(const std::vector<Transaction>& transactions);
  Result<std::optional<ChunkTable>> PlanTable(const std::string& table) override;
  Result<bool> HasTable(const std::string& table) override;
  Result<std::vector<std::string>> ListCaptured() override;
  std::string Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const override;
  std::unique_ptr<ChunkReader> NewReader(std::stop_token stop) override;
  std::any StreamPosition() const override { return stream_->read_end(); }
  bool Covers(const std::any& seen) const override;
  bool InTransaction() const override { return stream_ != nullptr && stream_->in_transaction(); }
  std::uint32_t SchemaOf(StreamNo stream) const override { return writer_->NewestVersion(stream); }
  ChangeWatch::Moment Shown(const Chunk& chunk, ChangeWatch::Moment asked) override;
  void Stamp(TransactionInfo& info) const override;
  void SetMuted(const ChunkTable&, bool) override {}  // those that would be are not read

  Result<Binding> Bind(const pgoutput::Relation& relation, std::uint64_t at, std::int64_t commit_us) override;
  void PollSlot();
  Status Prod(std::uint64_t read_to, std::stop_token stop);
  Status FreeCatalog();
  Status Tell(Status status);
  void DropFinding(std::string_view id);
  void Publish(bool now);

  const Options options_;
  const Clock& clock_;
  LogWriter* writer_ = nullptr;
  std::stop_token stop_;  // of the call in progress, for Bind
  Phase phase_ = Phase::kClosed;
  ResumeState resume_;
  bool resume_changed_ = false;       // to be stored with the next batch
  std::vector<ServiceEvent> events_;  // to be written with it

  ServerFacts server_;
  std::string client_encoding_ = "UTF8";
  std::unique_ptr<Connection> query_;
  std::unique_ptr<Catalog> catalog_;
  std::vector<CapturedTable> tables_;
  std::vector<CapturedTable> to_read_;  // by the snapshot

  std::unique_ptr<SlotCreation> creation_;  // of the snapshot's point
  Clock::Steady::time_point creation_due_;  // kAwait without creation_: when it is tried again
  Clock::Steady::time_point limit_raised_;
  std::int64_t awaits_since_us_ = 0;

  std::unique_ptr<Connection> parked_;  // replication session that waits for the snapshot to end
  std::unique_ptr<Snapshot> snapshot_;
  NewSlot point_;  // of the snapshot
  std::vector<SnapshotTable> reading_;
  std::size_t tables_left_ = 0;
  bool first_chunk_ = true;
  std::vector<SnapshotItem> held_;  // from a table's last chunk on: it may be the snapshot's last
  bool chunks_unacknowledged_ = false;

  std::unique_ptr<ReplicationStream> stream_;

  // A transaction that the stream brought, and when.
  struct Brought {
    std::uint32_t xid;
    ChangeWatch::Moment moment;
  };
  const std::shared_ptr<SnapshotDesk> desk_ = std::make_shared<SnapshotDesk>();
  std::unique_ptr<ChunkSnapshots> chunks_;
  std::deque<Brought> brought_;  // in their order

  std::uint64_t stored_end_ = 0;  // read_end() as of the last batch that carried it
  Clock::Steady::time_point stored_at_;

  bool slot_poll_running_ = false;
  std::atomic<bool> look_ = false;  // Look was called
  bool looking_ = false;            // its position was not reached yet
  std::int64_t asked_us_ = 0;       // when the poll that runs was sent
  Clock::Steady::time_point prodded_at_;
  std::string tables_mark_;                   // SlotFacts::tables_mark as last seen
  std::uint64_t looked_at_ = 0;               // the server's end of WAL then
  bool tables_changed_ = false;               // since then
  std::map<std::string, Finding> kept_back_;  // what the publication kept from us, by name
  std::map<std::string, Finding> gone_;       // tables that were dropped or renamed while we streamed
  Clock::Steady::time_point slot_polled_at_;
  Clock::Steady::time_point snapshot_watched_at_;
  SourceTelemetry telemetry_;
  std::vector<Finding> findings_;
  Clock::Steady::time_point published_at_;
  Published<SourceTelemetry> published_;
};

}  // namespace headgate::postgres
