#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/log/store.h"
#include "core/model/change.h"

// What an Idempotency-Key stands for that came with events: where they are in the log. Written in one step with them,
// so a key is there exactly when its events are; durable for a day. Keys belong to a stream.
namespace headgate {

struct IngestKey {
  std::string fingerprint;  // of the body
  Seq seq = 0;
  std::uint64_t events = 0;
};

// Nothing if there is none that is younger than a day.
Result<std::optional<IngestKey>> FindIngestKey(const Store& store, std::string_view stream, std::string_view key,
                                               std::int64_t now_us);
void PutIngestKey(StoreBatch& batch, std::string_view stream, std::string_view key, std::int64_t now_us,
                  const IngestKey& kept);
// Adds to the batch what drops those that are a day old, the oldest `most` of them.
Status TrimIngestKeys(const Store& store, StoreBatch& batch, std::int64_t now_us, std::size_t most = 100'000);

}  // namespace headgate
