#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/pipeline/backlog.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/source.h"
#include "core/pipeline/totals.h"

namespace headgate {

// Kafka Connect's states (KC10). A task never shows kStopped.
enum class State : std::uint8_t { kUnassigned, kRunning, kPaused, kStopped, kFailed, kRestarting };
std::string_view Name(State state);  // "RUNNING", ...

// What a person asked for; stored, survives a restart (KC11).
enum class TargetState : std::uint8_t { kRunning, kPaused, kStopped };
std::string_view Name(TargetState state);

struct TaskStatus {
  int id = 0;
  State state = State::kUnassigned;
  std::string trace;  // why it failed and what to do; "" if it did not
};

// Records that retention took from a sink before it had read them, since its thread started.
struct Lost {
  std::uint64_t transactions = 0;
  Seq first = 0;
  Seq last = 0;
};

// How a connector does right now. Immutable; replaced as a whole by the supervisor.
struct ConnectorStatus {
  std::string name;
  config::ComponentKind kind = config::ComponentKind::kSource;
  TargetState target = TargetState::kRunning;
  State state = State::kUnassigned;
  std::string trace;
  std::vector<TaskStatus> tasks;      // empty when stopped
  std::int64_t since_us = 0;          // of `state`
  std::uint32_t failures_in_row = 0;  // starts or runs that ended in an error since the last success
  std::int64_t next_attempt_us = 0;   // of the automatic retry, 0: none
  std::int64_t last_failure_us = 0;   // when `last_error` was met
  std::string last_error;             // also while it is being retried; "" after success
  bool last_error_transient = false;
  std::shared_ptr<const SourceTelemetry> source;  // sources only, may be null before the first start
  std::shared_ptr<const SinkTelemetry> sink;      // sinks only
  std::uint64_t durable_position = 0;             // sources, also when they do not run: what the log holds
  std::vector<Finding> standing;                  // what a person has to see to, whatever runs: a declared gap
  // What the last run left, until the next one has opened; of a source that stands still, what was seen of its server
  // since.
  std::shared_ptr<const SourceTelemetry> last_source;
  std::shared_ptr<const SinkTelemetry> last_sink;
  // Sinks: the cursor and what is behind it. `place` is of a running one only.
  Seq next_seq = 0;
  Lost lost;
  std::optional<SinkPlace> place;
  SinkTotals totals;
  std::vector<std::string> topics;  // sinks: streams it reads; sources: streams it has written
};

}  // namespace headgate
