#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/meter.h"
#include "core/pipeline/sink.h"
#include "sinks/webhook/breaker.h"
#include "sinks/webhook/encode.h"
#include "sinks/webhook/hints.h"
#include "sinks/webhook/lanes.h"
#include "sinks/webhook/letters.h"
#include "sinks/webhook/options.h"
#include "sinks/webhook/outcome.h"
#include "sinks/webhook/request.h"
#include "sinks/webhook/retry.h"

namespace headgate::webhook {

// One event, or one stored letter, from the time it is taken over until it is delivered or stored.
struct Entry : Waiting {
  At at;
  Op op = Op::kInsert;
  const std::string* stream_name = nullptr;
  std::int64_t commit_us = 0;
  std::uint64_t stream_lane = 0;
  Rendered event;
  std::uint32_t part = 0;  // of event.parts: delivered ones
  std::size_t bytes = 0;
  std::size_t run_max = 0;  // most events in its batch, after a 413; 0: as configured
  std::chrono::steady_clock::time_point added;
  std::unique_ptr<DeadLetter> letter;  // set: this is a stored one
  bool asked_for = false;              // a letter that a person wants tried now

  // What is sent next: the event, or one of its parts, whose bodies stand one a line.
  std::string PartId() const;
  std::string_view PartBody() const;
};

// One request: what is sent, and sent again, as a unit. An event, a batch, or a letter.
struct Job {
  std::vector<Entry*> entries;
  std::string id;              // webhook-id
  std::uint32_t attempts = 0;  // failed and counted
  bool failing = false;        // an attempt failed, counted or not
  bool refused = false;        // the endpoint judged it (4xx): it is a poor probe
  bool probe = false;          // sent as the probe of an open breaker
  std::chrono::steady_clock::time_point due;
  std::chrono::steady_clock::duration failing_since{0};  // first counted failure, on the clock without breaker pauses
  std::int64_t sent_us = 0;
  std::chrono::steady_clock::time_point sent_at;
  DeadLetter trail;  // attempts, error and history so far
};

// Who gets a request to the endpoint.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual bool CanSend() const = 0;
  // The answer comes to Delivery::Answered or Delivery::Unanswered, never within Send.
  virtual void Send(std::string request, Job& job) = 0;
};

// An answer as far as it matters here.
struct Answer {
  int status = 0;
  std::optional<std::chrono::seconds> retry_after;
  std::string_view header_lines;
  std::string_view body;
};

// The rules of the sink (W2 to W7): what is sent when, what an outcome leads to, what is stored. It knows no sockets;
// the time is the context's clock. For one thread.
//
//   Write ─► lanes ─► Dispatch ─► Transport ─► Answered, Unanswered ─► Done
//                        ▲                            │ retry in memory, until memory_retry_ms
//                        └────────── retrying ◄───────┤
//   Retry(letter) ─► lanes                            └► Store: a dead letter; the lane goes on behind it in the store
class Delivery {
 public:
  // All must outlive it.
  Delivery(const Options& options, SinkContext& context, RequestWriter& writer, Transport& transport,
           std::uint64_t seed);
  ~Delivery();

  bool Room() const;
  Status Write(const Event& event);
  Status Retry(const DeadLetter& letter);
  // A person asked for these letters: no wait of the endpoint holds any longer, and one of them goes first.
  void Hurry(std::span<const std::uint64_t> letters);
  // Another bound of requests a second than that of the settings; 0: none.
  void SetRate(double per_second) { rate_.Set(per_second); }
  // Sends whatever may be sent now.
  void Dispatch();
  void Answered(Job& job, const Answer& answer);
  void Unanswered(Job& job, Trouble trouble, std::string_view text);
  // When Dispatch may have something to do without news from the transport.
  std::chrono::steady_clock::time_point NextWake();

  // Not ok once the endpoint is disabled (410) or the configuration turned out to be wrong: nothing is sent any more.
  const Status& state() const { return state_; }
  bool idle() const { return lanes_.size() == 0; }
  std::size_t in_flight() const { return in_flight_; }
  SinkTelemetry Telemetry();
  const Meter& meter() const { return meter_; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // delivery.cc: what comes in, what goes out.
  Entry& NewEntry();
  void Release(Entry& entry);
  Job& NewJob();
  void Drop(Job& job);
  Job* Next(Time now);
  Job* NextProbe(Time now);
  Job* Fresh(Time now, bool at_once);
  Job* FreshLetter(bool asked_for = false);
  Job* NextAskedFor();
  bool BatchIsDue(Time now);
  Job& JobOf(std::vector<Waiting*>& run);
  void Queue(Job& job, Time due);
  Job* TakeQueued(std::size_t index);
  bool Blocked() const;
  bool Rogue() const { return breaker_.failures_in_row() > context_.failures_max(); }
  Time Gate(Time now) const;
  void Send(Job& job, Time now);
  std::string_view BodyOf(const Job& job);
  std::string Shown(const Job& job) const;
  // For whoever looks at deliveries (AP22).
  bool IsTraced() const {
    DeliveryTrace* const trace = context_.trace();
    return trace != nullptr && trace->on(context_.clock().NowUs());
  }
  void Trace(const Job& job, const Failed& failed);
  void TraceFiltered(const Entry& entry);

  // settle.cc: what an outcome leads to, what is stored.
  void Judge(Job& job, const Verdict& verdict, const Failed& failed);
  void Delivered(Job& job, std::string_view body, std::int64_t now_us);
  void DeliveredEntry(Entry& entry, std::int64_t now_us);
  void ItemResults(Job& job, std::string_view body, std::int64_t now_us);
  void Fail(Job& job, const Failed& failed, bool counted);
  void FailUnsendable(DeadLetter letter);
  void FailLetter(Job& job, const Failed& failed, bool counted, bool dead);
  void Split(Job& job);
  void GiveBack(Entry& entry);
  void Kill(Job& job, const Failed& failed);
  void WaitInMemory(Job& job);
  bool StoreAll(Job& job, DeadLetter::State state);
  void StoreOverdue(Time now);
  bool StoreIsFull();
  void StoreEntry(Entry& entry, const DeadLetter& trail, DeadLetter::State state);
  enum class Turn : std::uint8_t { kSend, kStored, kHeld, kNotYet };
  Turn Settle(Entry& entry);
  void SettleRun();
  void SettleHeld();
  std::vector<LetterLane> LanesOf(const Entry& entry) const;
  bool IsBehindStored(const Entry& entry) const;
  std::chrono::steady_clock::duration ClosedClock(Time now) const {
    return now.time_since_epoch() - breaker_.OpenFor(now);
  }

  const Options& options_;
  SinkContext& context_;
  RequestWriter& writer_;
  Transport& transport_;
  Encoder encoder_;
  Lanes lanes_;
  Breaker breaker_;
  RateLimit rate_;
  Jitter jitter_;
  Meter meter_;
  Status state_;
  bool disabled_ = false;

  std::uint64_t next_order_ = 1;
  std::size_t entries_ = 0;  // taken over and not released
  std::size_t bytes_ = 0;    // of their bodies and records
  std::size_t waiting_ = 0;  // of entries_: not in a job
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;  // jobs
  std::size_t failing_ = 0;    // jobs of events with a failed attempt
  bool store_full_ = false;
  bool hurry_ = false;          // a letter that was asked for is next
  Time held_until_{};           // by Retry-After
  Time slowed_until_{};         // rogue (core/pipeline/retry.h), where the breaker does not set the pace
  std::vector<Job*> retrying_;  // a heap by due
  std::vector<Entry*> held_;    // first of their lanes, but before a full store
  std::unordered_map<std::string, std::unique_ptr<const std::string>> stream_names_;

  std::vector<std::unique_ptr<Entry>> all_entries_;
  std::vector<Entry*> free_entries_;
  std::size_t free_bytes_ = 0;  // capacity kept in free entries
  std::vector<std::unique_ptr<Job>> all_jobs_;
  std::vector<Job*> free_jobs_;
  std::vector<Waiting*> run_;
  std::vector<std::uint64_t> cut_;  // lanes of the run in which something stays behind
  std::string body_;                // of a batch
};

}  // namespace headgate::webhook
