#pragma once

#include <memory>

#include "web/log_feed.h"
#include "web/records.h"

namespace headgate::web {

// A tail of the log as server-sent events (admin API, 4.8): record, schema, progress, dropped, gap.
struct StreamFeedOptions {
  RecordFilter filter;
  At start;          // inclusive
  bool all = false;  // mode=all: complete; else at most 50 records a second, the rest counted in `dropped`
};
std::unique_ptr<Feed> MakeStreamFeed(Log& log, const Clock& clock, StreamFeedOptions options);

}  // namespace headgate::web
