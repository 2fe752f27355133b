#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/published.h"
#include "core/pipeline/filter.h"

namespace headgate {

// One delivery of a sink as a person looks at it; secrets are hidden.
struct TracedDelivery {
  std::int64_t at_us = 0;
  std::vector<std::string> event_ids;  // the first of them
  std::size_t events = 0;
  std::string request;   // request line and headers; "" of a record that was filtered
  std::string body;      // its first 4 KiB
  int status = 0;        // 0: no answer
  std::string response;  // status line, headers and the first 4 KiB; "" without one
  double duration_ms = 0;
  std::string outcome;  // delivered, filtered, or the class of the error
  std::string error;
  std::string record;  // of a filtered one
};

// The last deliveries of a sink, for a time that somebody asked for (admin API, AP22). The sink adds on its thread; the
// rest is for any thread. Nobody waits for it, and off it costs one look at a number.
class DeliveryTrace {
 public:
  using Deliveries = std::vector<std::shared_ptr<const TracedDelivery>>;

  void Start(std::int64_t until_us, std::optional<Filter> q);
  void Stop() { until_us_ = 0; }
  std::int64_t until_us() const { return until_us_; }  // 0: it was ended
  // Oldest first; kept when the time is over, until the next Start.
  std::shared_ptr<const Deliveries> deliveries() const { return deliveries_.Get(); }

  bool on(std::int64_t now_us) const { return now_us < until_us_; }
  // Whether deliveries of that record, in the native rendering, are wanted.
  bool Wants(std::string_view record) const;
  void Add(TracedDelivery delivery);

 private:
  struct Question {
    std::optional<Filter> q;
  };
  std::atomic<std::int64_t> until_us_ = 0;
  std::atomic<std::uint64_t> starts_ = 0;
  std::uint64_t seen_starts_ = 0;  // of the sink's thread
  std::size_t bytes_ = 0;          // of deliveries_; of the sink's thread
  Published<Question> question_;
  Published<Deliveries> deliveries_;
};

}  // namespace headgate
