#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"
#include "core/model/change.h"

// What a sink that was set back sends again, where that is not everything. Written with its cursor.
namespace headgate {

// Records from `from` on go out again.
struct Replay {
  At from;
  std::vector<std::string> streams;  // none: of all that the sink reads
  std::string key;                   // as KeyFilter (filter.h) takes it; "": of any key
};

struct Replays {
  At until;  // where the sink stood when it was first set back: from there on everything goes out
  std::vector<Replay> list;

  bool empty() const { return list.empty(); }
};

Result<Replays> ReadReplays(const Store& store, std::string_view sink);
void PutReplays(StoreBatch& batch, std::string_view sink, const Replays& replays);
void DeleteReplays(StoreBatch& batch, std::string_view sink);

}  // namespace headgate
