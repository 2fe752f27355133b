#pragma once

#include <any>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/channel.h"
#include "core/base/clock.h"
#include "core/base/diag.h"
#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/pipeline/change_watch.h"
#include "core/pipeline/chunk_ledger.h"
#include "core/pipeline/chunk_reader.h"
#include "core/pipeline/snapshot_desk.h"
#include "core/pipeline/source.h"

namespace headgate {

// The snapshots of one source: rows are read in chunks by key, by some workers, without a lock, while the stream goes
// on. A chunk goes into the log when the stream covers what it shows, without the rows that the stream changed since it
// was asked for (docs/adr/0020). What is read and what is to be read is in the ledger. Lives on the ingest thread.
class ChunkSnapshots {
 public:
  struct Settings {
    std::string connector;            // its name
    diag::Area component = "ingest";  // of the lines that tell of snapshots: "mysql"
    std::size_t workers = 1;
    bool stream_ends = false;  // with the first snapshot: no others are taken then
  };
  // All must outlive it, also what the ledger is of: part of the source's state, stored when TakeChanged says so.
  ChunkSnapshots(Settings settings, ChunkHost& host, ChunkLedger ledger, SnapshotDesk& desk, const Clock& clock)
      : settings_(std::move(settings)), host_(host), ledger_(ledger), desk_(desk), clock_(clock) {}
  ~ChunkSnapshots();

  // Tables that have to be read are planned as one snapshot. Then, and after each change of what is to be read:
  // gets ready to read what the ledger tells. What was asked of workers before is void.
  Status Plan(SnapshotMode mode, const std::vector<std::string>& tables);
  // The workers begin. The stream has to be where it goes on by now.
  void Start();
  void StartOnce() {
    if (!started_) Start();
  }
  // Ends the workers; nothing is lost, what they had read is read again.
  void Stop();

  // Called with what the stream brought, then to take what workers have read.
  void Note(const std::vector<Transaction>& transactions) { watch_.Note(transactions); }
  Status Read(SourceBatch& batch, std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);
  // Whenever the stream has moved.
  void PublishStream();
  ChangeWatch::Moment now() const { return watch_.now(); }

  // Commands of the desk. Their answers wait until Acknowledge: then they are durable.
  Status TakeCommands();
  void Acknowledge();

  bool finished() { return ledger_.Unfinished().empty(); }  // nothing is planned, not even a paused one
  bool reading() const { return tables_left_ > 0; }
  bool never() const { return ledger_.stored().snapshots().empty(); }  // was any asked for
  bool waits() const { return !waiting_.empty(); }                     // for the stream to cover what was read
  bool loading() const { return loads_left_ > 0 || plan_at_; }         // tables whose rows replace what consumers have
  // The stream waits while a table without a key is read at the place where it stands.
  bool holds_stream() const;
  // A transaction that was too large for memory changed rows of what is being read: Plan anew.
  bool overrun() const { return watch_.overrun(); }

  // Once: the ledger differs from what is stored.
  bool TakeChanged() { return std::exchange(changed_, false); }
  std::vector<ServiceEvent> TakeEvents() { return std::exchange(events_, {}); }
  void Report(SourceTelemetry& telemetry) const;

 private:
  class Worker;
  // A table that a snapshot is reading.
  struct Job {
    ChunkTable table;
    std::uint64_t run = 0;
    ChunkReader::Range range;
    bool load = false;
  };
  struct Item {
    enum class Kind : std::uint8_t { kBegun, kRows, kHold, kChanged, kFailed };
    Kind kind = Kind::kRows;
    std::size_t job = 0;
    Chunk chunk;                    // kHold: `seen`
    ChangeWatch::Moment asked = 0;  // it shows everything that the stream had brought by then
    std::optional<Error> error;
  };
  // What workers share; made anew by each Plan.
  struct Work {
    Work(std::vector<Job> all, std::size_t workers);
    const std::vector<Job> jobs;
    std::atomic<std::size_t> next_job = 0;
    std::atomic<int> holds = 0;  // tables that wait for the stream to stand still
    Published<StreamView> view;
    Channel<Item> items;
    std::vector<std::jthread> threads;
  };

  std::string Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const;
  Status PlanJobs(std::vector<Job>& jobs);
  Status PlanJob(ChunkLedger::Snapshot& snapshot, ChunkLedger::Table& entry, std::vector<Job>& jobs);
  void BeginSnapshot(ChunkLedger::Snapshot& snapshot);
  Status TakeItem(Item item, SourceBatch& batch);
  Status EmitReady(SourceBatch& batch);
  // False: the table has to be planned anew.
  bool Emit(Item item, SourceBatch& batch);
  void EmitBegin(const Job& job, ChunkLedger::Table& entry, SourceBatch& batch);
  void EmitMark(const Job& job, ChunkLedger::Table& entry, bool completed, SourceBatch& batch);
  void EndTable(const Job& job, ChunkLedger::Table& entry, SnapshotState state, std::string error);
  void TellEnd(const ChunkLedger::Snapshot& snapshot);
  void Tell(std::string summary, const ChunkLedger::Snapshot& snapshot, const std::string& actor = "");
  ChunkLedger::Table& EntryOf(const Job& job);

  Result<SnapshotAnswer> Handle(const SnapshotRequest& request, const std::string& actor);
  Result<SnapshotAnswer> Handle(const SnapshotChange& change, const std::string& actor);
  Result<SnapshotAnswer> Handle(const TablesToAdd& tables, const std::string& actor);

  const Settings settings_;
  ChunkHost& host_;
  ChunkLedger ledger_;
  SnapshotDesk& desk_;
  const Clock& clock_;
  std::unique_ptr<Work> work_;
  bool started_ = false;
  ChangeWatch watch_;
  ChangeWatch::Moment watched_from_ = 0;
  std::size_t tables_left_ = 0;
  std::size_t loads_left_ = 0;
  std::vector<ChunkTable> muted_;                     // also while nobody reads: until they are read, or will not be
  std::vector<Item> waiting_;                         // chunks that the stream does not cover yet
  std::optional<std::any> hold_at_;                   // where the stream stands still
  std::optional<Clock::Steady::time_point> plan_at_;  // chunks were void: planned anew then
  bool changed_ = false;
  std::vector<ServiceEvent> events_;
  // To be given with Acknowledge.
  std::vector<std::pair<std::function<void(SnapshotAnswer)>, SnapshotAnswer>> answers_;
};

}  // namespace headgate
