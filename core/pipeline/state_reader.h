#pragma once

#include <cstdint>
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

// The state of streams: of captured tables, and of views. On the thread of whoever calls.
class StateReader {
 public:
  virtual ~StateReader() = default;
  // kRejected with the reason if the stream has none: its records are events.
  virtual Status HasState(const StreamInfo& stream) = 0;
  // Rows behind `place`, as of an entry at or behind `not_before`; waits some moments for that. Nothing: not now, try
  // again.
  virtual Result<std::optional<StateRows>> Read(const StreamInfo& stream, const StatePlace& place, Seq not_before) = 0;
  // Why nothing comes, "" if nothing is wrong.
  virtual std::string trouble() const = 0;
};

}  // namespace headgate
