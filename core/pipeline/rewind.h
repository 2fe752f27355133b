#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/native.h"
#include "core/log/log.h"
#include "core/pipeline/filter.h"
#include "core/pipeline/topics.h"
#include "core/state/dead_letters.h"
#include "core/state/events.h"
#include "core/state/replays.h"

// A sink is set to another place of the log (OP-15): what lies behind it goes out (again), the same bytes under the
// same ids.
namespace headgate {

struct Rewind {
  At to;                             // the first that goes out
  std::vector<std::string> streams;  // none: all that the sink reads
  std::string key;                   // as KeyFilter takes it; "": any

  bool whole() const { return streams.empty() && key.empty(); }
};

// Where a sink stands: its cursor, and which of what lies before `replays.until` goes out.
struct SinkStand {
  At cursor;
  Replays replays;

  // From here on everything goes out.
  At whole_from() const { return replays.empty() ? cursor : replays.until; }
};
Result<SinkStand> ReadStand(const Store& store, const Log& log, std::string_view sink);

// Where it stands afterwards. kConfig, with what is possible, if that cannot be: the log does not have the place (any
// more), or a part of the sink's records would be skipped.
Result<SinkStand> SetBack(const SinkStand& stand, const Rewind& rewind, const Log& log);

// Which changes go out of those that a sink reads. For one thread.
class ReplayFilter {
 public:
  explicit ReplayFilter(Replays replays);

  bool empty() const { return replays_.empty(); }
  At until() const { return replays_.until; }
  bool Wants(Seq seq, const TransactionInfo& tx, const Change& change, const Registry& registry);

 private:
  Replays replays_;
  std::vector<KeyFilter> keys_;  // of the list
  codec::NativeEncoder native_;
  std::string key_;
};

// What a rewind would do. Reads the log in between: blocks, for at most `time_max`.
struct RewindCount {
  std::uint64_t again = 0;    // records that went out and do so again: neither markers nor messages
  std::uint64_t skipped = 0;  // that did not, and will not
  std::uint64_t letters = 0;  // dead letters that go, because their records go out again
  bool complete = true;       // false: the time was over, there may be more
};
Result<RewindCount> CountRewind(const Rewind& rewind, const SinkStand& stand, const std::string& sink,
                                const TopicFilter& topics, const Store& store, const Log& log,
                                std::chrono::milliseconds time_max, std::stop_token stop);

// Carries it out on a sink that does not run: cursor, letters and the event that tells of it are one synced write.
struct Rewound {
  At before;
  At after;
  std::uint64_t letters = 0;
};
Result<Rewound> Execute(const Rewind& rewind, const std::string& sink, const TopicFilter& topics, Store& store,
                        const Log& log, Events& events, const Caller& caller);

}  // namespace headgate
