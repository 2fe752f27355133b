#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/published.h"
#include "core/base/result.h"
#include "core/log/counts.h"
#include "core/model/change.h"

// The log of one shard: every stream, durable, in one total order of transactions (`seq`). FORMAT.md has the stored
// form.
namespace headgate {

class Store;  // the shard's database, store.h
class StoreBatch;
class LogReader;  // log_reader.h
struct LogState;  // log_state.h

struct SourceInfo {
  SourceNo number = 0;
  std::string name;       // of the connector
  std::string id;         // in event ids
  std::string connector;  // "postgresql"
};

struct StreamInfo {
  StreamNo number = 0;
  std::string name;  // <source>.<schema>.<table>; without schema: <table>
  SourceNo source = 0;
  std::string schema;
  std::string table;
};

struct StreamStats {
  std::uint64_t records = 0;  // without markers
  std::uint64_t bytes = 0;
  Seq first_seq = 0;
  Seq last_seq = 0;
  std::int64_t last_commit_us = 0;
};

// How far a source is durable, and its own state. What LogWriter::progress() returns.
struct SourceProgress {
  std::uint32_t epoch = 0;
  std::optional<Position> last;  // the last ordered position of this epoch
  std::uint64_t last_end = 0;    // TransactionInfo.end of it
  std::string resume;            // the source's own state, opaque to the log
  std::uint64_t gaps = 0;        // declared ever
};

// Counters of one stream, kept by the log, read by anyone.
struct StreamCounters {
  std::atomic<std::uint64_t> records = 0;  // entries, markers among them
  std::atomic<std::uint64_t> markers = 0;
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<Seq> first_seq = 0;
  std::atomic<Seq> last_seq = 0;
  std::atomic<std::int64_t> last_commit_us = 0;
};

// Counters of one source, as durable as the streams': they go on over restarts and over the end of a connector.
struct SourceCounters {
  std::array<std::atomic<std::uint64_t>, kOps> records{};  // changes by op
  std::atomic<std::uint64_t> loose_records = 0;            // of those that belong to no stream: messages, gaps
  std::atomic<std::uint64_t> loose_bytes = 0;
  std::atomic<std::uint64_t> gaps = 0;  // declared
};

// Sources, streams and schema versions of the shard. Immutable; a newer one is published when something is added.
// Numbers of streams have holes (nullptr): of streams that were opened and never written.
struct Registry {
  std::vector<std::shared_ptr<const SourceInfo>> sources;                // by number - 1
  std::vector<std::shared_ptr<const StreamInfo>> streams;                // by number - 1
  std::vector<std::vector<std::shared_ptr<const TableSchema>>> schemas;  // by stream number - 1, version - 1
  std::vector<std::shared_ptr<StreamCounters>> counters;                 // by stream number - 1
  std::vector<std::shared_ptr<SourceCounters>> source_counters;          // by source number - 1

  const SourceInfo* Source(SourceNo number) const;
  const SourceInfo* FindSource(std::string_view name) const;
  const StreamInfo* Stream(StreamNo number) const;
  const StreamInfo* FindStream(std::string_view name) const;
  const TableSchema* Schema(StreamNo stream, std::uint32_t version) const;  // nullptr if there is none
  std::uint32_t LatestVersion(StreamNo stream) const;                       // 0 if there is none
  // The database that the source reads, as its tables say: for what belongs to no table. "" before the first of them.
  std::string_view DatabaseOf(SourceNo source) const;
};

struct RetentionPolicy {
  std::int64_t time_ms = 7LL * 24 * 3600 * 1000;  // 0: unlimited
  std::uint64_t bytes_max = 0;                    // 0: unlimited
  Seq keep_from = 0;  // what is at or behind it stays, whatever else is said; 0: no such place
};

// The name of a stream in the log and in topics.
std::string LogStreamName(std::string_view source, std::string_view schema, std::string_view table);

class LogWriter;

// Thread-safe. Outlives its writers and readers.
class Log {
 public:
  // Reads the registry and the end of the log. The store must outlive the log.
  static Result<std::unique_ptr<Log>> Open(Store& store, const Clock& clock);
  ~Log();

  // The writer of one source; creates the source's record when it is new. At most one writer a source at a time.
  // `source_id` is used only when the source is new; "" derives it from the name (admin API, KC4).
  Result<std::unique_ptr<LogWriter>> OpenWriter(std::string_view source_name, std::string_view source_id,
                                                std::string_view connector);

  // Durable progress of a source; nothing if it never wrote.
  std::optional<SourceProgress> progress(std::string_view source_name) const;
  // For a source that was deleted and comes again under its name, or is set to another place: its ids go on in the next
  // epoch. With `resume` its position is gone too, and its own state is this: "", as if it were new. `also` is part of
  // the write. No writer of it may be open.
  Status NextEpoch(std::string_view source_name, const std::optional<std::string>& resume, const StoreBatch& also);
  Status NextEpoch(std::string_view source_name, const std::optional<std::string>& resume);

  std::shared_ptr<const Registry> registry() const;
  std::unique_ptr<LogReader> NewReader() const;

  Seq last_seq() const;                // of the last durable transaction, 0 if empty
  Seq first_seq() const;               // of the oldest kept; last_seq() + 1 if nothing is kept
  std::uint64_t lost_records() const;  // dropped by retention before a cursor read them, ever
  std::uint64_t disk_bytes() const;
  StreamStats stats(StreamNo stream) const;
  // The sums of everything in front of `at`, exactly; of places that are still kept. Reads at most about kCountsEvery
  // changes and one append. Transient if retention takes the place meanwhile.
  Result<LogCounts> CountsBefore(At at) const;
  // Commit time of the first change at or behind `at` that `selected` takes; nothing if there is none. As much work as
  // CountsBefore, and one small record for every kCountsEvery changes in between.
  using Selected = std::function<bool(StreamNo, SourceNo)>;
  Result<std::optional<std::int64_t>> NextCommit(At at, const Selected& selected) const;
  // The first seq whose append was not before `unix_us`; last_seq() + 1 if all were.
  Seq SeekTime(std::int64_t unix_us) const;

  // `wake` is called after every append, on the appending thread: it must be quick and must not call the log.
  // The subscription ends when the returned handle is destroyed.
  std::shared_ptr<void> Subscribe(std::function<void()> wake);

  // Drops whole transactions from the old end, as far as the policy asks; by size the newest always stays.
  // `lowest_cursor` is the lowest seq a reader still needs (0: none): what falls off at or above it is a declared loss,
  // returned and counted.
  struct Trimmed {
    Seq first_kept = 0;
    std::uint64_t transactions = 0;
    std::uint64_t lost_transactions = 0;
    bool held = false;  // more would have gone but for keep_from
  };
  // `also` is called before anything is dropped and adds what is written with it, such as the event that tells of a
  // loss.
  Result<Trimmed> Trim(const RetentionPolicy& policy, Seq lowest_cursor,
                       const std::function<void(const Trimmed&, StoreBatch&)>& also = {});

 private:
  explicit Log(std::unique_ptr<LogState> state);
  std::unique_ptr<LogState> state_;
};

// Appends for one source. Lives on that source's ingest thread.
class LogWriter : public BlockSpools {
 public:
  virtual const SourceInfo& source() const = 0;
  virtual const SourceProgress& progress() const = 0;  // as of the last successful Append

  // The number of a stream of this source, registered if it is new. `schema` and `table` as the server names them;
  // without schema the stream has the table's name alone, which no other source may have.
  virtual StreamNo OpenStream(std::string_view schema, std::string_view table) = 0;
  // The version of the stream that has exactly this schema as its newest, else a new version. A new one is preceded in
  // the log by a `schema` event; all of that becomes durable with the next Append.
  // `at`: the source position of the change that made it necessary; `commit_us`: its commit time.
  virtual std::uint32_t DefineSchema(StreamNo stream, const TableSchema& schema, std::uint64_t at,
                                     std::int64_t commit_us) = 0;

  // The database of the shard: for what a source keeps beside the log (`also`, Numbered) and looks up again.
  virtual const Store& store() const = 0;

  // The newest schema of a stream, also one that is not durable yet; nothing if it has none.
  virtual std::optional<TableSchema> NewestSchema(StreamNo stream) const = 0;
  virtual std::uint32_t NewestVersion(StreamNo stream) const = 0;  // of it, 0 if there is none

  struct Outcome {
    std::uint32_t appended = 0;    // transactions
    std::uint32_t duplicates = 0;  // dropped: their position was durable already
    Seq last_seq = 0;
  };
  // Called during an append with the seq of each transaction, in their order (0: dropped as a repetition), to add to
  // the write what tells of them. Quick: the log is locked meanwhile. Called again if the append is repeated.
  using Numbered = std::function<void(std::span<const Seq> seqs, StoreBatch& batch)>;
  // One atomic, synced write: the transactions in this order, what DefineSchema left pending, and the source's own
  // state (`resume`; nothing: unchanged). Nothing is visible or durable if it fails; the same call may be repeated.
  // A transaction of an ordered kind whose position is not beyond the last durable one is dropped.
  // Of one that was spooled only the reference is written: its blocks are taken in before.
  // `also` is the rest of the step (design D4): state that the transactions are made of, or events that tell of them.
  // It is written with the others, also when all of them are repetitions.
  virtual Result<Outcome> Append(std::span<const Transaction> transactions, std::optional<std::string> resume,
                                 const StoreBatch& also, const Numbered& numbered) = 0;
  Result<Outcome> Append(std::span<const Transaction> transactions, std::optional<std::string> resume,
                         const StoreBatch& also);
  Result<Outcome> Append(std::span<const Transaction> transactions, std::optional<std::string> resume);

  // Begins the next epoch with a declared gap: a `gap` event, new ids, no memory of the last position. Synced.
  virtual Status DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume,
                            const StoreBatch& also) = 0;
  Status DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume);
};

}  // namespace headgate
