#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/codec/native.h"
#include "core/pipeline/meter.h"
#include "core/pipeline/retry.h"
#include "core/pipeline/sink.h"
#include "sinks/search/bulk.h"
#include "sinks/search/document.h"
#include "sinks/search/entry.h"
#include "sinks/search/index_setup.h"
#include "sinks/search/options.h"
#include "sinks/search/outbox.h"
#include "sinks/search/rebuild.h"
#include "sinks/search/server.h"
#include "sinks/search/stale_watch.h"
#include "sinks/search/truncation.h"

namespace headgate::search {

// The rules of the sink (search.md 1, 4): what is sent when, what an outcome leads to, what is stored. It knows no
// sockets; the time is the context's clock. For one thread.
//
//   Write ─► outbox_ ─► Next: what the server is; the index is brought up to date; then batches ─► Answered
//               ▲                                                                                     │
//               └──────────────── what is neither done nor a dead letter waits again ◄────────────────┘
//
// Files: delivery.cc what is sent when, settle.cc what an outcome leads to.
class Delivery {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // All must outlive it.
  Delivery(const Options& options, const Identity& identity, SinkContext& context);
  ~Delivery();

  bool Room() const;  // not before it is known what the server is
  Status Write(const Event& event);
  Status Retry(const DeadLetter& letter);
  // A person asked for something: whatever is waited for ends now.
  void Hurry() { held_until_ = {}; }

  // What is to be sent now, if anything. The answer comes to Answered or Unanswered under the call's number.
  std::optional<Call> Next();
  void Answered(std::uint64_t number, const Answer& answer);
  void Unanswered(std::uint64_t number, std::string_view error_class, std::string_view text);
  // When Next may have something without news.
  Time NextWake() const;

  // Which changes a request under way is about, if somebody looks (admin API, AP22) for one of them; the rest is the
  // caller's to fill in. Nothing of a call that writes no documents.
  std::optional<TracedDelivery> Traced(std::uint64_t number);

  // The index as it is made anew.
  Rebuilder* rebuilder() { return &rebuild_; }

  // Not ok once a person has to change something: nothing is sent any more.
  const Status& state() const { return state_; }
  SinkTelemetry Telemetry() const;

 private:
  // A call that is no batch: one at a time, and no other begins meanwhile.
  struct Preparing {
    std::uint64_t number = 0;
    IndexSetup* target = nullptr;  // neither: it asks what the server is
    bool truncation = false;
    std::uint64_t rebuild = 0;  // the target is of this run, and may be gone by now
    std::string alias;          // of that one
  };

  IndexSetup* Target(const std::string& alias, const std::string& stream);
  const Route* RouteOf(const Event& event);
  Status WriteTruncate(const Event& event);
  std::unique_ptr<Entry> NewEntry(const Event& event, const Route& route);
  DeadLetter LetterOf(const Entry& entry);
  void AddNext(const Event& event, Entry& entry) const;
  void FollowRebuild();
  void FollowConflicts();
  bool IsQuiet() const { return outbox_.size() == 0 && !preparing_; }
  std::optional<Call> NextPreparation();
  Time NextWrite() const;
  Time BatchDue() const;  // something waits
  bool BatchIsDue(Time now) const;
  std::optional<Call> Batch(Time now);

  void SettleNext(const Outbox::Sent& sent, Verdict verdict, const ItemResult& result);
  void TruncationAnswered(const Answer& answer, Status& status);
  void RebuildAnswered(const Answer& answer);
  void PreparationAnswered(const Preparing& preparing, const Answer& answer);
  void Settle(std::uint64_t number, Outbox::Request& request, const std::vector<ItemResult>& results);
  // True if it has to be sent again.
  bool SettleOne(const Outbox::Sent& sent, const ItemResult& result);
  void SettleDocument(const Outbox::Sent& sent);
  void Reject(const Outbox::Sent& sent, const ItemResult& result);
  void End(Entry& entry);
  void Finish(Entry& entry);
  void Kill(Entry& entry);
  void Smaller(Outbox::Request& request, int status, std::string_view body);
  void UsePressure();
  void Block(std::string_view reason, int status);
  void Hold(std::string_view error_class, int status, std::string_view message,
            std::optional<std::chrono::seconds> at_least = {});
  void Stop(int status, std::string_view said, Status state);

  const Options& options_;
  const Identity& identity_;
  SinkContext& context_;
  DocumentEncoder documents_;
  Documents encoded_;
  codec::NativeEncoder native_;
  Meter meter_;
  BackOff back_off_;
  Status state_ = Ok();

  std::optional<Server> server_;
  std::map<std::string, std::unique_ptr<IndexSetup>> targets_;  // by alias
  std::map<std::uint64_t, std::unique_ptr<Route>> routes_;      // by stream and schema version
  std::shared_ptr<const TransactionInfo> transaction_;          // of the last change
  Seq transaction_seq_ = 0;
  Outbox outbox_;
  std::optional<Preparing> preparing_;
  Rebuild rebuild_;
  std::uint64_t rebuild_call_ = 0;        // under way; 0: none
  std::uint64_t followed_run_ = 0;        // the next indices of this run know what documents look like
  std::uint64_t relied_run_ = 0;          // what does not fit an index that is read waits for this run
  bool conflict_ = false;                 // there is such an index
  bool stands_still_ = false;             // and no next one yet
  bool has_next_ = false;                 // there may be documents of a next index in the outbox
  std::optional<Truncation> truncation_;  // of the first that waits
  std::uint64_t last_number_ = 0;         // of a call
  bool stuck_ = false;                    // nothing can go before an answer comes

  std::size_t batch_docs_;  // most in a request, for the time being
  std::size_t parallelism_;
  std::string blocked_;  // why the index takes no writes; "" if it does. One change is tried now and then
  Time held_until_{};
  const std::int64_t began_us_;
  std::size_t rejected_in_row_ = 0;  // Q20
  StaleWatch stale_;
};

}  // namespace headgate::search
