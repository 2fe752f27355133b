#pragma once

#include <memory>

#include "core/base/clock.h"
#include "web/http.h"
#include "web/records.h"

namespace headgate::web {

// A tail of the log as server-sent events (admin API, 4.8): record, schema, progress, dropped, gap. It is pulled, so a
// slow reader waits in the log and holds up nobody.
struct StreamFeedOptions {
  RecordFilter filter;
  At start;          // inclusive
  bool all = false;  // mode=all: complete; else at most 50 records a second, the rest counted in `dropped`
};
std::unique_ptr<Feed> MakeStreamFeed(Log& log, const Clock& clock, StreamFeedOptions options);

// One server-sent event. `id` may be "".
void AppendEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data);

}  // namespace headgate::web
