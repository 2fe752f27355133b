#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/log/store.h"

namespace headgate {

// Answers to requests with an Idempotency-Key (admin API, AP4): opaque bytes by key, durable for a day. Thread-safe.
class KeptAnswers {
 public:
  static Result<std::unique_ptr<KeptAnswers>> Open(const Store& store, const Clock& clock);

  // Nothing if there is none that is younger than a day.
  Result<std::optional<std::string>> Find(std::string_view key) const;
  // Adds to the batch: of the change that the answer tells of.
  void Put(StoreBatch& batch, std::string_view key, std::string_view answer);
  // Drops those that are a day old, and the oldest of more than `most`. For one thread at a time.
  Status Trim(StoreBatch& batch, std::size_t most = 10'000);

 private:
  KeptAnswers(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  const Store& store_;
  const Clock& clock_;
  std::atomic<std::size_t> size_ = 0;  // entries of the index by age
};

}  // namespace headgate
