#pragma once

#include <memory>
#include <optional>

#include "core/views/views.h"
#include "web/log_feed.h"

namespace headgate::web {

// A tail of a view as server-sent events (admin API, 4.8; stream-SQL reference, 6.2): snapshot, insert, update, delete,
// schema, progress, dropped, gap. All changes of a step come together and end with `progress`, whose seq is its id: who
// applied everything up to a progress has the view as it was at that seq, and who comes back with it gets what follows,
// none missing and none twice.
struct ViewFeedOptions {
  views::DefinitionPtr view;
  views::RowsRequest filter;  // equal, from, to
  bool snapshot = false;      // from=beginning
  std::optional<Seq> resume;  // after the progress of this seq; without it and `snapshot`: from now on
  bool all = false;
};
// What it refers to must outlive the feed.
Result<std::unique_ptr<Feed>> MakeViewFeed(Log& log, views::Views& views, const Clock& clock, ViewFeedOptions options);

}  // namespace headgate::web
