#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/change.h"

// Places of sources in Kafka Connect's words (admin API, 1.6): {"lsn":"23"}, {"file":"binlog.000003","pos":"4",...}.
namespace headgate {

struct OffsetMember {
  std::string name;
  std::optional<std::string> value;  // as text; nothing: null
  bool number = false;               // shown as a number
};
using SourceOffset = std::vector<OffsetMember>;

// The value of a member; nothing if it is null or not there.
inline std::optional<std::string> ValueOf(const SourceOffset& offset, std::string_view name) {
  const auto found = std::ranges::find(offset, name, &OffsetMember::name);
  return found == offset.end() ? std::nullopt : found->value;
}

// Nothing, or a config error that says what such an offset has.
inline Status OnlyMembers(const SourceOffset& offset, const std::vector<std::string_view>& known) {
  for (const OffsetMember& member : offset) {
    if (std::ranges::find(known, member.name) != known.end()) continue;
    std::string text = "An offset of this source has no \"" + member.name.substr(0, 100) + "\"; it has";
    for (const std::string_view one : known) text.append(one == known.front() ? " " : ", ").append(one);
    return ConfigError(text + ".");
  }
  return Ok();
}

// A place in one partition of a source, as shown and in requests (admin API, 1.6); numbers of requests are text.
struct OffsetEntry {
  SourceOffset partition;
  std::optional<SourceOffset> offset;  // nothing: as if it were new
};

// What it comes to that a source goes on from another place.
struct SourceMove {
  std::string resume;           // its own state from then on
  std::optional<GapExtra> gap;  // what is skipped, if something is
};

}  // namespace headgate
