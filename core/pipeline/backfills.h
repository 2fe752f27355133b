#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/native.h"
#include "core/log/store.h"
#include "core/pipeline/filter.h"
#include "core/pipeline/rebuilds.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/snapshot_desk.h"
#include "core/pipeline/state_reader.h"
#include "core/pipeline/topics.h"
#include "core/state/events.h"

namespace headgate {

// Sends the state of a sink's streams to it alone, while its stream goes on (admin API, 4.6). A part of the deliver
// loop, on the sink's thread.
//
// Rows are read in pieces. Each goes out where its state belongs: behind all changes up to the entry that it is the
// state of, in front of all later ones, with the number of the last change up to there (search.md, Q10). How far it is
// moves over whole pieces, in one write with the dead letters of their rows: a crash costs the pieces under way. A
// target that keeps the cursor keeps with it how far they are beyond that write: there a crash costs nothing.
class Backfills {
 public:
  // All must outlive it; `state` may be nullptr: there is none.
  Backfills(const Store& store, const Log& log, Events& events, StateReader* state, const TopicFilter& topics,
            std::string sink, const Clock& clock);

  ~Backfills();  // what is not answered yet is told that it may not be durable

  // Reads what the last run left.
  Status Open();
  // Once the sink is open; nullptr: its target cannot be made anew.
  void SetRebuilder(Rebuilder* rebuilder) { rebuilds_.SetSink(rebuilder); }
  // Takes what was asked for. It is answered by Answer, once what Save has added is written.
  void TakeCommands();
  void Answer();
  const std::shared_ptr<SnapshotDesk>& desk() const { return desk_; }

  // True while rows are to be sent.
  bool active();
  // Reads another piece if there is room for one: the state at or behind the entry `handed`, of which the sink has been
  // given something.
  Status Look(Seq handed);
  // When Look may find what it did not find the last time, or has room; nothing if it need not be called.
  std::optional<Clock::Steady::time_point> look_at();

  // True if rows are in hand that go out before anything of the entry `next`.
  bool HasRowsBefore(Seq next) const;
  // Nothing more goes out before its target is looked at, rows or changes (Rebuilds): all that comes before `next` did.
  bool Holds(Seq next, std::uint64_t number);
  // Looks at the next of them; false if the snapshot does not mean it. The event is good until the next call. `number`:
  // of the last change before it.
  Result<bool> Next(Event& event, std::uint64_t number);
  void Took();  // the sink has it
  // A row needs no more work.
  void Done(At at);
  // For a target that keeps the cursor (SinkContext::states): the tables whose whole pieces the sink has, beyond what
  // is written here, as a ledger in base64; "": there are none. And whether it has a part of one.
  std::string Ahead() const;
  bool inside() const;
  // After Open, what the target has kept. kCorrupt if it cannot be read.
  Status TakeAhead(std::string_view text);
  // Adds what has changed since the last time, with whole pieces. True if there was something.
  bool Save(StoreBatch& batch);

 private:
  struct Piece {
    std::uint64_t run = 0;
    std::string stream;
    StateRows rows;
    std::uint64_t before = 0;         // rows of the stream's state in front of it
    std::uint32_t first_ordinal = 0;  // of its rows' At
    std::size_t looked_at = 0;        // rows
    std::size_t taken = 0;            // of those, by the sink or not meant
    std::uint64_t sent = 0;           // of those, given to the sink
    std::uint64_t done = 0;           // of those, over

    bool whole() const { return looked_at == rows.times.size() && done == sent; }
  };
  // Where the next piece begins.
  struct Reading {
    std::uint64_t run = 0;
    std::string stream;
    StatePlace place;
    std::uint64_t rows = 0;
    bool last = false;  // there is nothing behind
  };
  using Snapshot = ChunkLedger::Snapshot;
  using Table = ChunkLedger::Table;

  Result<std::uint64_t> LettersOf(const std::string& stream) const;
  SnapshotAnswer Handle(const SnapshotRequest& request, const std::string& actor);
  SnapshotAnswer Handle(const SnapshotChange& change, const std::string& actor);
  SnapshotAnswer Handle(const TablesToAdd& tables, const std::string& actor);
  Result<std::vector<std::string>> StreamsOf(const SnapshotRequest& request) const;
  std::pair<Snapshot*, Table*> Current();
  bool HasRoom();
  void Begin(Snapshot& snapshot, Table& table);
  void Add(StateRows rows);
  static void Advance(Table& table, const Piece& piece);
  void Settle(const Piece& piece);
  void End(Snapshot& snapshot, Table& table, SnapshotState state, const std::string& error);
  void Tell(const Snapshot& snapshot, std::string summary, const std::string& actor);
  void Drop(std::uint64_t run, bool ended);
  void NextChange(Piece& piece);
  Status IsMeant(const Event& event, bool& meant);

  const Store& store_;
  const Log& log_;
  Events& events_;
  StateReader* const state_;
  const TopicFilter& topics_;
  const std::string sink_;
  const Clock& clock_;
  const std::shared_ptr<SnapshotDesk> desk_ = std::make_shared<SnapshotDesk>();
  stored::ChunkLedger stored_;
  ChunkLedger ledger_{stored_};
  Rebuilds rebuilds_;
  bool changed_ = false;         // stored_, since the last Save
  stored::ChunkLedger unsaved_;  // of stored_, the tables that have moved since it was written
  std::vector<ServiceEvent> told_;
  std::vector<std::pair<std::function<void(SnapshotAnswer)>, SnapshotAnswer>> answers_;

  Reading reading_;
  std::deque<Piece> pieces_;  // in the order of the log
  Seq last_at_ = 0;           // of the last piece that was read
  std::uint32_t next_ordinal_ = kStateOrdinal;
  Clock::Steady::time_point look_at_{};

  // Of the piece whose rows are being looked at.
  std::size_t block_ = 0;
  std::optional<ChangeReader> changes_;
  Change change_;
  TransactionInfo info_;
  std::shared_ptr<const Registry> registry_;
  std::optional<Filter> where_;  // of the run that is read
  codec::NativeEncoder native_;
  std::string record_;
};

// What a sink's snapshots have sent and are to send, as stored.
Result<stored::ChunkLedger> ReadBackfills(const Store& store, std::string_view sink);
void DeleteBackfills(StoreBatch& batch, std::string_view sink);

}  // namespace headgate
