#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "core/codec/native.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/state/dead_letters.h"

namespace headgate {

// The records of one stream, for a consumer group: forward through the log, and one by its place. Markers are no
// records. For one thread; the log outlives it.
class GroupReader {
 public:
  GroupReader(const Log& log, std::string stream) : log_(log), stream_(std::move(stream)), reader_(log.NewReader()) {}

  // Looks at what is at or behind `from` until `visit` returns false, the end of the log, or `deadline`. `next` is
  // where to go on.
  struct Scanned {
    At next;
    bool at_end = false;
  };
  using Visit = std::function<Result<bool>(At at)>;  // it may call lane() and Append() of this very record
  Result<Scanned> Scan(At from, Clock::Steady::time_point deadline, const Visit& visit);

  // Of the record that Scan or Find stands at.
  std::uint64_t lane();             // a hash of its key, 0 if nothing identifies the row
  Status Append(std::string& out);  // as /api/v1 shows it
  DeadLetter Letter();

  // False if the log has no such record (any more).
  Result<bool> Find(At at);

 private:
  Result<bool> Next();  // the next change of the stream's; false at the end of the log
  void SeekTo(At from);

  const Log& log_;
  const std::string stream_;
  std::unique_ptr<LogReader> reader_;
  std::shared_ptr<const Registry> registry_;
  LogReader::Block block_;
  std::optional<ChangeReader> changes_;  // of block_, while it has more
  Change change_;
  At next_{0, 0};  // where Next goes on
  codec::NativeEncoder encoder_;
};

}  // namespace headgate
