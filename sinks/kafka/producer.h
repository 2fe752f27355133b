#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/kafka/client.h"
#include "core/pipeline/sink.h"
#include "sinks/kafka/batch.h"
#include "sinks/kafka/options.h"
#include "sinks/kafka/progress.h"

namespace headgate::kafka::sink {

// A record that the brokers do not take.
struct Refusal {
  std::size_t record = 0;  // of the batch
  std::string what;
};

// Writes batches of records: in Kafka's transactions, with the sink's progress, or with an idempotent producer alone.
// For one thread at a time but for Interrupt. After an error it is of no more use: another one takes over from what the
// cluster holds.
class Producer {
 public:
  static Result<std::unique_ptr<Producer>> Open(const Options& options);

  // Ends what another producer of the same transactional id has begun, and tells where the topics stand: behind this no
  // other process can write for the sink. `letter` is one that is delivered, 0: none. Of exactly_once alone.
  Result<Progress> TakeOver(std::string_view log_id, const SinkContext::Stand& stand);

  // Called with the records of a batch that are not taken, in their order, before it is written without them.
  using OnRefused = std::function<Status(const Batch&, std::vector<Refusal>)>;
  // Adds to the transaction, which it begins if there is none. With the progress that Commit will name it is the last
  // part of it (nullptr: there is no more), and waits until the brokers have all; without, it is on its way. If
  // something is refused where others of the same transaction came before, all of it is to be written again:
  // kTransient.
  Status Write(std::shared_ptr<const Batch> batch, const std::optional<Progress>& progress, const OnRefused& refused);
  // Everything that was written, behind the last part. Its outcome may be unknown after an error.
  Status Commit(const Progress& progress);
  // Gives up what is not committed.
  Status Abort();

  // Any thread: the call that waits ends soon, with kStopped.
  void Interrupt() { interrupted_ = true; }

  const std::string& place() const { return client().place(); }

 private:
  // What the library reads until it has told of each of its records.
  struct Part {
    std::shared_ptr<const Batch> batch;
    std::uint32_t number = 0;  // in the order of writing; goes with each record. 0: none
    std::size_t under_way = 0;
  };
  struct Failed {
    std::uint32_t part;  // 0: the progress
    std::uint32_t record;
    rd_kafka_resp_err_t code;
    // Given up because of another one: whether it would be taken is not known.
    bool is_purged() const {
      return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    }
    friend auto operator<=>(const Failed&, const Failed&) = default;
  };
  // Transactions take turns between two: while the brokers still write the markers of one, the next one begins. Only
  // one is open at a time, so what is in a partition has the order of the log.
  struct Lane {
    std::string transactional_id;
    std::unique_ptr<Client> client;
    std::map<std::string, Owned<rd_kafka_topic_t>, std::less<>> topics;
    std::chrono::steady_clock::time_point committed_at{};  // the last one
  };
  static constexpr std::size_t kLanes = 2;  // of exactly_once; else one

  explicit Producer(const Options& options) : options_(options) {}
  Client& client() const { return *lane_->client; }

  Status InitTransactions();
  Status Begin();
  Status Prepare(const Batch& batch);
  Result<rd_kafka_topic_t*> TopicHandle(const std::string& name);
  Status EnsureTopic(const std::string& name);
  Status CheckLimit(const std::string& name);
  Owned<rd_kafka_error_t> Enqueue(std::span<const rd_kafka_vu_t> units);
  void Told(const rd_kafka_message_t& message);
  Part* Find(std::uint32_t number);
  void Release();
  Result<bool> Produce(Part& part, std::size_t record);
  Status ProduceProgress(const Progress& progress);
  Status ProduceAll(Part* part, std::span<const Refusal> without, const std::optional<Progress>& progress);
  Status Flush();
  void AwaitMarkers();
  Error WhyPurged();
  Status Anew(const std::function<Status()>& produce);
  // producer_refusals.cc
  Result<Part*> Refused(std::vector<Refusal>& refused);
  Status Narrow(Part& part, std::span<const std::size_t> records, std::vector<Refusal>& refused);
  Error NotOneIsRefused(const Batch& batch) const;
  Error TransactionError(Owned<rd_kafka_error_t> error, std::string_view tried);

  const Options options_;
  // Before the clients, which read them and tell of them.
  std::deque<Part> parts_under_way_;
  std::vector<Failed> failed_;  // and not yet dealt with
  std::uint32_t last_number_ = 0;
  std::array<Lane, kLanes> lanes_;
  Lane* lane_ = &lanes_.front();             // of the transaction that is open, or of the next one
  std::vector<rd_kafka_topic_t*> of_batch_;  // of the batch at hand, by its numbers
  std::vector<Batch::Header> headers_;
  bool only_purged_ = false;    // at the last flush nothing failed but what was given up for another
  bool open_ = false;           // a transaction is
  std::size_t parts_ = 0;       // in it
  bool progress_sent_ = false;  // its progress is in it, too
  std::size_t refused_in_row_ = 0;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace headgate::kafka::sink
