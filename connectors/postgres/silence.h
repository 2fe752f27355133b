#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/options.h"
#include "core/base/result.h"
#include "core/pipeline/source.h"

// A read of the snapshot to which nothing arrives. One that waits for a lock of somebody else is legal and is told; one
// whose bytes do not come through is a lost connection. Pure.
namespace headgate::postgres {

struct Silence {
  int pid = 0;        // the server's process for the reading session
  std::string table;  // schema.table
  std::chrono::milliseconds lasted{0};
};

// The id of such findings.
constexpr std::string_view kSnapshotWaiting = "snapshot_waiting";

// That a wait began at `since` for a lock that those processes hold (as pg_blocking_pids names them; 0: a prepared
// transaction). `reading`: what waits.
Finding TellLock(const std::string& reading, const std::string& since, std::string_view blockers);

// Asks what those processes do; the rows are for JudgeSilence.
std::string SilenceSql(const std::vector<Silence>& silences);

struct SilenceVerdict {
  std::vector<Finding> findings;  // "snapshot_waiting"
  std::optional<Error> lost;      // kTransient: one of them is to be given up
};
// `now_us`: Unix time, to say since when. A process that waits for us has sent what it has: it is given up after
// stale_after. One that works may look at rows for long before it has one to send, and gets ten times as long.
SilenceVerdict JudgeSilence(const Options& options, const std::vector<Silence>& silences, const Rows& rows,
                            std::int64_t now_us);

}  // namespace headgate::postgres
