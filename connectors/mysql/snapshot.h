#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "connectors/mysql/options.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/tables.h"
#include "core/base/channel.h"
#include "core/base/clock.h"
#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/model/change.h"
#include "core/pipeline/change_watch.h"

// Reading the rows that are there while the stream goes on: in chunks by key, without a lock, each reconciled with what
// the stream brought meanwhile (MY-32 to MY-34; docs/adr/0020).
namespace headgate::mysql {

// A table to read, and where to go on.
struct SnapshotTable {
  TablePlan plan;
  std::vector<std::string> next;  // texts of the key's columns as the server gives them, behind which to go on
  std::uint64_t chunks = 0;       // that are in the log already
  bool stale_rows = false;        // rows of an earlier attempt are in the log that nothing else takes back
};

// How far the stream is, as workers see it.
struct StreamView {
  BinlogPosition position;
  ChangeWatch::Moment moment = 0;
  bool held = false;  // nothing is read beyond the position until Snapshot::Release
};

// What a worker hands over. Rows may go into the log once the stream has covered `seen`.
struct SnapshotItem {
  enum class Kind : std::uint8_t { kBegun, kRows, kDone, kHold, kFailed };
  Kind kind = Kind::kRows;
  std::size_t table = 0;
  Transaction rows;
  BinlogPosition seen;            // the chunk shows nothing that is behind it
  ChangeWatch::Moment asked = 0;  // it shows everything that the stream had brought by then
  std::vector<std::string> next;  // where the next chunk begins
  bool last = false;
  std::optional<Error> error;
};

// Whether what was read covers a position of the server it was read from.
bool Covers(const BinlogPosition& read, const BinlogPosition& target, const Options& options, bool by_gtid);

// Owns the workers. Lives on the ingest thread.
class Snapshot {
 public:
  Snapshot(const Options& options, std::size_t host, bool by_gtid, std::vector<SnapshotTable> tables);
  ~Snapshot();

  void Start();
  // What the stream brought so far; at once after it changed.
  void Publish(StreamView view);
  // A worker wants the stream to stand still at a place of its choice: for a table without a key.
  bool hold() const { return holds_ > 0; }
  // The table that it was for is in the log.
  void Release() { --holds_; }
  std::optional<SnapshotItem> Next(std::chrono::steady_clock::time_point deadline, std::stop_token stop);
  const std::vector<SnapshotTable>& tables() const { return tables_; }

 private:
  class Worker;

  const Options options_;
  const std::size_t host_;
  const bool by_gtid_;
  const std::vector<SnapshotTable> tables_;
  std::atomic<std::size_t> next_table_ = 0;
  std::atomic<int> holds_ = 0;
  Published<StreamView> view_;
  Channel<SnapshotItem> items_;
  std::vector<std::jthread> threads_;
};

}  // namespace headgate::mysql
