#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/support/fold.h"
#include "tests/support/http_receiver.h"
#include "tests/support/pg_client.h"

namespace headgate::test {

// A webhook endpoint that folds what it is given (fold.h) and checks that `webhook-id` always goes with the same body.
// Its own thread receives; every member may be called from any thread. It survives the program under test: make it
// once, then start and kill Headgate as often as the test likes. Requests are recorded too (http().Requests()), so
// memory grows with them.
class CountingReceiver {
 public:
  using Reply = testing_support::HttpReceiver::Reply;
  using Request = testing_support::HttpReceiver::Request;

  // Decides on the answer to a request; by default 200. Only events that are answered with 2xx are folded: any other
  // answer says that we did not take them.
  using Policy = std::function<Reply(const Request&)>;

  explicit CountingReceiver(Policy policy = nullptr);

  std::string url() const { return receiver_.url(); }
  testing_support::HttpReceiver& http() { return receiver_; }
  void SetPolicy(Policy policy);

  std::uint64_t events() const;
  std::uint64_t distinct() const;
  std::uint64_t duplicates() const;
  std::vector<std::string> Violations() const;
  Fold Snapshot() const;  // a copy of the fold as it is now

  // False if the time passed first.
  bool WaitForDistinct(std::uint64_t count, std::chrono::milliseconds limit) const;
  // Waits until what was delivered equals the tables ("schema.table"; the stream has that name) and no promise is
  // broken. Returns what differs at the end of the time; empty: equal. The tables must be at rest.
  std::vector<std::string> WaitForTables(PgClient& source, const std::vector<std::string>& tables,
                                         std::chrono::milliseconds limit) const;

 private:
  Reply Take(const Request& request);

  mutable std::mutex mutex_;
  mutable std::condition_variable news_;
  Policy policy_;                                            // guarded by mutex_
  Fold fold_;                                                // guarded by mutex_
  std::unordered_map<std::string, std::size_t> body_by_id_;  // webhook-id -> hash of the body, guarded by mutex_
  std::vector<std::string> id_violations_;                   // guarded by mutex_
  testing_support::HttpReceiver receiver_;                   // last: its thread uses the others
};

}  // namespace headgate::test
