#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/log/log.h"
#include "core/model/change.h"

namespace headgate {

// Where a reader of a stream is in its state. Opaque to all but the StateReader.
struct StatePlace {
  std::string cursor;      // behind the last row; "": before the first
  std::uint64_t form = 0;  // of what the cursor is a place in
};

// Some rows of a stream's state: what all changes up to the entry `at` of the log, and no later one, have made.
struct StateRows {
  Seq at = 0;
  StatePlace place;   // behind them
  bool last = false;  // there are no more
  bool anew = false;  // the place that was given is void: these are the first rows
  Transaction rows;   // reads of the stream, from ordinal 1; its info tells the source, and its position at `at`
  struct Times {      // of each: of the change that made it
    std::int64_t commit_us = 0;
    std::int64_t stored_us = 0;
  };
  std::vector<Times> times;
};

// Counts the rows of a stream's state as of one entry, which stays as it was while it counts, and picks some of them.
class StateCount {
 public:
  virtual ~StateCount() = default;
  // Some rows more; true: these were all.
  virtual Result<bool> Step() = 0;
  Seq at() const { return at_; }
  std::uint64_t rows() const { return rows_; }
  // Reads of the stream; whole once Step was true.
  const Transaction& picked() const { return picked_; }

 protected:
  Seq at_ = 0;
  std::uint64_t rows_ = 0;
  Transaction picked_;
};

// The state of streams: of captured tables, and of views. On the thread of whoever calls.
class StateReader {
 public:
  virtual ~StateReader() = default;
  // kRejected with the reason if the stream has none: its records are events.
  virtual Status HasState(const StreamInfo& stream) = 0;
  // Rows behind `place`, as of an entry at or behind `not_before`; waits some moments for that. Nothing: not now, try
  // again.
  virtual Result<std::optional<StateRows>> Read(const StreamInfo& stream, const StatePlace& place, Seq not_before) = 0;
  // As of an entry at or behind `not_before`; picks about one row in `every`, always the same ones. nullptr: not now,
  // try again.
  virtual Result<std::unique_ptr<StateCount>> Count(const StreamInfo& stream, Seq not_before, std::uint64_t every) = 0;
  // Why nothing comes, "" if nothing is wrong.
  virtual std::string trouble() const = 0;
};

}  // namespace headgate
