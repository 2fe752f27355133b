#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/log/log.h"
#include "core/pipeline/topics.h"

namespace headgate {

// Where a sink stands: published by its loop, or found from its stored cursor.
struct SinkPlace {
  At cursor;
  Count passed;                               // what it reads, in front of the cursor, ever
  std::int64_t oldest_pending_commit_us = 0;  // of the first change at or behind the cursor; 0: none known
};

// What `selection` takes of sums over the log.
Count SelectedOf(const LogCounts& counts, const Registry& registry, StreamSelection& selection);
// The same of everything that is in the log.
Count SelectedOf(const Registry& registry, StreamSelection& selection);

}  // namespace headgate
