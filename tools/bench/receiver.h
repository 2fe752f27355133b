#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace headgate::bench {

// An HTTP receiver that answers 200 at once: one epoll thread. Counts requests and events, and can keep, for each
// request, the time from the change's commit (its commit_ts) to the arrival of the whole request.
class Receiver {
 public:
  Receiver();
  ~Receiver();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t events() const { return events_; }  // bodies that are arrays count their "id" members
  void KeepLatencies(bool keep) { keep_ = keep; }
  // Only while nothing arrives.
  std::vector<std::int64_t> TakeLatenciesUs() { return std::move(latencies_us_); }

 private:
  struct Connection;
  void Run(std::stop_token stop);
  void Request(const char* body, std::size_t size);

  int listen_ = -1;
  int epoll_ = -1;
  int port_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> events_ = 0;
  std::atomic<bool> keep_ = false;
  std::vector<std::int64_t> latencies_us_;
  std::jthread thread_;
};

}  // namespace headgate::bench
