#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "core/pipeline/sink.h"

namespace headgate {

// A latency histogram over kLatencyBoundsMs.
class Histogram {
 public:
  void Add(double ms) {
    std::size_t bucket = 0;
    while (bucket < std::size(kLatencyBoundsMs) && ms > kLatencyBoundsMs[bucket]) ++bucket;
    ++counts_[bucket];
    sum_ms_ += ms;
  }
  double sum_ms() const { return sum_ms_; }
  // Each bucket with all below it; the last one is the number of all.
  std::vector<std::uint64_t> Cumulative() const {
    std::vector<std::uint64_t> sums(counts_.begin(), counts_.end());
    for (std::size_t i = 1; i < sums.size(); ++i) sums[i] += sums[i - 1];
    return sums;
  }

 private:
  std::array<std::uint64_t, std::size(kLatencyBoundsMs) + 1> counts_{};
  double sum_ms_ = 0;
};

// What a sink counts. For its thread.
struct Meter {
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;
  std::uint64_t attempts_ok = 0;
  std::uint64_t attempts_failed = 0;
  std::int64_t last_success_us = 0;
  std::map<std::string, std::uint64_t, std::less<>> retries;  // failed attempts that are made again, by class
  Histogram request_ms;
  Histogram end_to_end_ms;
  std::string last_class;  // of the last failure; "" after a success
  int last_status = 0;
  std::string last_error;
  std::string last_failure;  // class and status, kept after a success

  void Failed(std::string_view error_class, int status, std::string_view message) {
    ++attempts_failed;
    last_class = error_class;
    last_status = status;
    last_error = message;
    last_failure.assign(error_class).append(status == 0 ? "" : " " + std::to_string(status));
  }
  void WillRetry(std::string_view error_class) {
    const auto it = retries.find(error_class);
    if (it != retries.end()) {
      ++it->second;
    } else {
      retries.emplace(error_class, 1);
    }
  }
  void Succeeded(std::int64_t now_us) {
    ++attempts_ok;
    last_success_us = now_us;
    last_class.clear();
    last_status = 0;
    last_error.clear();
  }
  void Tell(SinkTelemetry& t) const {
    t.delivered = delivered;
    t.filtered = filtered;
    t.attempts_ok = attempts_ok;
    t.attempts_failed = attempts_failed;
    t.last_success_us = last_success_us;
    t.last_error = last_error;
    t.last_error_class = last_class;
    t.last_error_status = last_status;
    t.last_failure = last_failure;
    t.retries.insert(retries.begin(), retries.end());
    t.request_ms_buckets = request_ms.Cumulative();
    t.end_to_end_ms_buckets = end_to_end_ms.Cumulative();
    t.request_ms_sum = request_ms.sum_ms();
    t.end_to_end_ms_sum = end_to_end_ms.sum_ms();
  }
};

}  // namespace headgate
