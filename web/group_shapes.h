#pragma once

#include <optional>

#include "core/catalog/control.h"
#include "core/pipeline/group_desk.h"
#include "web/json.h"

// What is shown of consumer groups.
namespace headgate::web {

// What of the stream the group has not acknowledged. Nothing if the log cannot tell at the moment.
struct GroupLag {
  std::optional<std::uint64_t> records;
  std::optional<double> seconds;
};
// API thread: no look-up for a group that has everything, else about Log::CountsBefore.
GroupLag LagOfGroup(Control& control, const GroupName& name, const GroupStatus& status);

// Of its settings, for If-Match.
std::string GroupETag(const GroupRecord& record);
Json GroupJson(Control& control, const GroupName& name, const GroupStatus& status);
// The answer of a poll; records are JSON already.
std::string PolledJson(const GroupDesk::Polled& polled);

}  // namespace headgate::web
