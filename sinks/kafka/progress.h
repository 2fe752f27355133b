#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/kafka/client.h"
#include "core/model/change.h"
#include "sinks/kafka/options.h"

// How far a sink has come, as a record of its progress topic (docs/adr/0028): key, the sink's name; value,
//   {"log":"7c0e...","seq":1234}   everything in front of place 1234 of that log is in the topics
// with "states" while rows of a state are on their way.
// It is written in the transaction that has the records.
namespace headgate::kafka::sink {

struct Progress {
  std::string log;  // the data directory's (SinkServices::log_id)
  Seq seq = 0;
  std::string states;        // SinkContext::states
  std::uint64_t letter = 0;  // the dead letter that went in the same transaction; 0: none
};

std::string TextOf(const Progress& progress);
// Nothing if it is no progress.
std::optional<Progress> ParseProgress(std::string_view text);

// The last one that was committed. Waits until all transactions on that topic are over which were open at the call; at
// most until `timeout_ms` have passed (kTransient). Nothing: the sink was never here, or the topic is not there.
Result<std::optional<Progress>> ReadProgress(const Options& options, int timeout_ms);

}  // namespace headgate::kafka::sink
