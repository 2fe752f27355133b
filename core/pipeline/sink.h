#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/config/spec.h"
#include "core/log/log.h"
#include "core/pipeline/source.h"
#include "core/pipeline/trace.h"
#include "core/state/dead_letters.h"

namespace headgate {

class ConsentDesk;  // consent_desk.h

// One change on its way out; everything it points to holds only during the call that hands it over.
struct Event {
  At at;
  // Of the change among all that the log ever had, from 1: the same whenever it is read, and larger than that of every
  // earlier change (search.md Q9). 0: not known, as the log's sums could not be read.
  std::uint64_t number = 0;
  const TransactionInfo* tx = nullptr;
  const Change* change = nullptr;
  const SourceInfo* source = nullptr;
  const StreamInfo* stream = nullptr;   // nullptr: message, gap
  const TableSchema* schema = nullptr;  // nullptr: message, gap, marker of a table not yet described
  std::string_view database;            // of the source, where there is no schema to say it; "" if not yet known
};

class Rebuilder;  // rebuild.h

// How an event ended.
enum class Outcome : std::uint8_t { kDelivered, kFiltered };

// What a sink tells about itself; published by its thread, read by the API.
struct SinkTelemetry {
  // Unix time of publication: about every second, whatever the sink does, unless its thread is stuck in a call.
  std::int64_t published_us = 0;
  std::string phase;  // "starting", "delivering", "waiting", "breaker_open", "disabled"
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;     // records: not markers, which nobody asked for
  std::uint64_t attempts_ok = 0;  // requests that succeeded; one may carry many records
  std::uint64_t attempts_failed = 0;
  std::uint32_t failures_in_row = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t queue_bytes = 0;
  std::int64_t last_success_us = 0;
  std::int64_t oldest_pending_commit_us = 0;
  std::string last_error;
  std::string last_error_hint;
  std::string last_error_class;                  // "connect", "tls", "status_4xx", ...; "" after a success
  int last_error_status = 0;                     // of HTTP, 0 without an answer
  std::string last_failure;                      // class and status of the last failed attempt, kept after a success
  std::map<std::string, std::uint64_t> retries;  // by reason: connect, tls, timeout, status_4xx, ...
  bool breaker_open = false;
  std::int64_t next_probe_us = 0;                 // of an open breaker or a slowed sink (AP14): no attempt before that
  std::vector<std::uint64_t> request_ms_buckets;  // cumulative histogram, bounds in kLatencyBoundsMs
  std::vector<std::uint64_t> end_to_end_ms_buckets;
  double request_ms_sum = 0;
  double end_to_end_ms_sum = 0;
  std::vector<Finding> findings;
};
// Upper bounds of the latency histograms, in milliseconds; one more bucket counts the rest.
inline constexpr double kLatencyBoundsMs[] = {0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30000};

// What the deliver loop offers its sink, on the sink's thread.
class SinkContext {
 public:
  virtual ~SinkContext() = default;
  // The event at `at` needs no more work. In any order, once each; the cursor is the lowest event not done.
  virtual void Done(At at, Outcome outcome) = 0;
  // For a sink that keeps the cursor at its target (Sink::cursor), instead of Done but for events of the state
  // (IsState): the target has everything in front of `at`, and its cursor is there.
  virtual void DoneBefore(At at, std::uint64_t delivered, std::uint64_t filtered) = 0;
  // What lies in front of it has been handed over or is not for this sink: behind the last change of a transaction the
  // seq after it, once that is known to be the last.
  virtual At handed_over() const = 0;
  // For a sink that keeps the cursor at its target: what the service itself has of it when the sink is opened.
  struct Stand {
    At at;                // where it begins, if the target knows of nothing
    bool stored = false;  // it was here before
    bool given = false;   // a person put it there since the last run: it counts, not the target's
  };
  virtual Stand stand() const = 0;
  // For such a sink: how far states have come with all of their rows that it was handed and the service may not know of
  // yet. Kept at the target with the cursor and given back by Sink::states, it sees to it that no row is sent again.
  // While rows of a piece are yet to come none of it may be committed.
  virtual std::string states() const { return {}; }
  virtual bool inside_states() const { return false; }
  // The event becomes a dead letter: stored in the same atomic write that lets the cursor pass it. Counts as done.
  virtual void Store(At at, DeadLetter letter) = 0;
  // For a sink that keeps the cursor at its target: letters have to be durable before it moves the cursor over their
  // events. kTransient if the database cannot be written.
  virtual Status SyncLetters() = 0;
  // Reads changes of the log once more, in the order of `ats`, which ascend and are not of a state. kCorrupt if one is
  // not there. The event's number is not told.
  virtual Status Reread(std::span<const At> ats, const std::function<Status(const Event&)>& each) = 0;
  // For a sink whose events replace what earlier ones of their lanes did. If this one `replaces`, letters of earlier
  // events that have no own lane but those of it, or that share one that it has alone, are dropped. True if an earlier
  // one in its lanes is left: the event has to go behind it.
  virtual Result<bool> Overtake(At at, std::span<const LetterLane> lanes, bool replaces) = 0;
  virtual bool HoldsLetter(std::uint64_t id) const = 0;
  // A stored letter was tried again: delivered and gone, or `letter` is its new form.
  virtual void LetterDelivered(std::uint64_t id) = 0;
  virtual void LetterFailed(DeadLetter letter) = 0;
  // Bytes held in the dead-letter store of this sink.
  virtual std::uint64_t stored_bytes() const = 0;
  // True if a letter in the store is before what has these lanes: a later event has to go behind it.
  virtual bool LanesAreStored(std::span<const LetterLane> lanes) const = 0;
  // More failures in a row than this are rogue: attempts that nothing else paces slow to one each kRogueWait
  // (retry.h, AP14). May change at any time.
  virtual std::uint32_t failures_max() const = 0;
  // The databases whose changes this sink reads, by the names of their sources.
  virtual std::vector<std::string> databases() const { return {}; }
  // A person has the sink stand still: it is given nothing.
  virtual bool paused() const = 0;
  virtual const Clock& clock() const = 0;
  // Where deliveries are told while somebody looks; nullptr: nobody can.
  virtual DeliveryTrace* trace() { return nullptr; }
  // Where its endpoint consents by calling back; nullptr: nowhere.
  virtual ConsentDesk* consents() { return nullptr; }
};

// Carries events out. Lives on its sink thread; the deliver loop (deliver.h) calls it:
//   Open; then again and again: Write while it has Room, Poll, and the loop moves the cursor over what is done.
// Must tolerate the same event twice, unless it keeps the cursor itself: the event id is the idempotency key.
class Sink {
 public:
  virtual ~Sink() = default;

  // Connects or checks what can be checked without sending. Config errors end the task with their text.
  virtual Status Open(SinkContext& context) = 0;
  // Of a sink whose target keeps the cursor and moves it in the transaction that has the changes: where the target
  // stands. After Open, and the same for as long as the sink runs: it starts there, whatever else is stored. Such a
  // sink answers with DoneBefore. Nothing: the service keeps the cursor.
  virtual std::optional<At> cursor() const { return std::nullopt; }
  // Of such a sink: what SinkContext::states said at that commit. After Open.
  virtual std::string_view states() const { return {}; }
  // True while the sink takes more events.
  virtual bool Room() const = 0;
  // Takes an event, in log order. The sink renders what it needs before it returns; it calls context.Done or
  // context.Store for the event now or later. An error here concerns the sink as a whole, not the event.
  virtual Status Write(const Event& event) = 0;
  // Takes a stored letter that is due. Same rules; ends in LetterDelivered or LetterFailed.
  virtual Status Retry(const DeadLetter& letter) = 0;
  // A person asked for these letters (W5, AP16): whatever the sink waits for before it sends ends now, and the first
  // attempt is one of theirs if it has them. Those it does not have yet come by Retry.
  virtual void Hurry(std::span<const std::uint64_t> letters) = 0;
  // Drives I/O until something completed, Wake() was called or the deadline passed. Errors end the task: kTransient
  // ones are retried by the supervisor, kConfig ones wait for a person (410: "endpoint disabled").
  virtual Status Poll(Clock::Steady::time_point deadline) = 0;
  // Any thread: makes a running Poll return soon.
  virtual void Wake() = 0;
  // What is in flight is given up (it will be sent again); no callbacks after this.
  virtual void Close() = 0;

  // Of a sink that can make its target anew beside the one that is read; after Open, on the sink's thread.
  virtual Rebuilder* rebuilder() { return nullptr; }

  // Any thread.
  virtual std::shared_ptr<const SinkTelemetry> telemetry() const = 0;
};

// An event that a person sends to see whether it arrives (admin API, AP25); it is of no stream.
struct TestEvent {
  std::string stream;   // that it names, or ""
  std::string payload;  // JSON, or ""
};
struct TestDelivery {
  std::string request;   // as sent, secrets hidden
  std::string response;  // status line, headers and the first 4 KiB of the body; "" without an answer
  int status = 0;
  double duration_ms = 0;
  std::string error;  // why there was no answer
};

// Which transforms a sink's settings offer (event_transforms.h); the deliver loop does them.
enum class SinkTransforms : std::uint8_t { kNone, kColumns, kAll };

struct SinkFactory {
  const config::ComponentSpec* spec;
  std::vector<config::KeyError> (*check)(const config::Bound&);  // as of a source
  std::unique_ptr<Sink> (*create)(const std::string& name, const config::Bound&, const struct SinkServices&);
  // Live checks against the endpoint, 10 s at most in all.
  std::vector<Finding> (*preflight)(const std::string& name, const config::Bound&, const struct SinkServices&);
  // Sends one test event past everything that waits; blocks for up to 10 s. nullptr: the target takes none.
  Result<TestDelivery> (*send_test)(const config::Bound&, const struct SinkServices&, const TestEvent&) = nullptr;
  bool traces = false;  // its sinks tell SinkContext::trace
  // Whether a sink with these settings takes only streams whose rows have a key; nullptr: none does.
  bool (*needs_key)(const config::Bound&) = nullptr;
  SinkTransforms transforms = SinkTransforms::kNone;
};

// What the service lends to every sink.
struct SinkServices {
  const Clock* clock = nullptr;
  std::string log_id;                     // of the data directory; another one has other change numbers
  std::vector<std::string> egress_allow;  // CIDR
  std::vector<std::string> egress_deny;
  std::vector<std::uint16_t> egress_deny_ports;
  std::vector<std::string> own_listeners;  // "address:port"
  std::string public_url;                  // of the admin API, as others reach it, without a slash at the end; or ""
};

}  // namespace headgate
