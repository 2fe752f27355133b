#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/kafka/offsets.h"
#include "connectors/kafka/options.h"
#include "core/base/result.h"
#include "core/kafka/client.h"

namespace headgate::kafka::source {

// Reads partitions from places that the caller knows: no consumer group has a say. All calls from one thread; those
// that ask the cluster wait at most about 250 ms at once, so that a stop is seen.
class Consumer {
 public:
  // Connects to nobody yet. kConfig: a setting that the library does not take.
  static Result<std::unique_ptr<Consumer>> Open(const Options& options);

  const std::string& place() const { return client_->place(); }
  // "": the cluster did not tell.
  std::string ClusterId();

  // How many partitions a topic has, at least one. Tries until the deadline. kConfig: no right to see it; kTransient:
  // it is not there, or nobody answers.
  using Deadline = std::chrono::steady_clock::time_point;
  Result<int> Partitions(const std::string& topic, Deadline deadline, std::stop_token stop);

  // The offsets of the first record that is kept and behind the last one that can be read.
  struct Ends {
    std::int64_t first = 0;
    std::int64_t end = 0;
  };
  Result<Ends> EndsOf(const std::string& topic, std::int32_t partition, Deadline deadline, std::stop_token stop);
  // The end as the last answer to a fetch told it, -1 if none did.
  std::int64_t SeenEnd(const std::string& topic, std::int32_t partition) const;

  // From now on these are read, from these offsets on. What was fetched before is dropped.
  Status Assign(const Offsets& offsets);

  // Commits offsets for the group of the settings, for people who look at it. Does not wait, and may fail unseen.
  void TellGroup(const Offsets& offsets);

  // Appends what is there: records, ends of partitions, and errors of them (`err`). Waits at most so long for the
  // first.
  using Message = Owned<rd_kafka_message_t>;
  void Poll(int timeout_ms, std::vector<Message>& messages);
  // What such an error comes to.
  Error ErrorOf(const rd_kafka_message_t& message) const;

 private:
  explicit Consumer(std::unique_ptr<Client> client);
  Error Denied(Error error, const std::string& topic) const;

  std::unique_ptr<Client> client_;
  Owned<rd_kafka_queue_t> queue_;  // in front of client_; nullptr: messages are taken one by one
};

}  // namespace headgate::kafka::source
