#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/native.h"
#include "core/pipeline/meter.h"
#include "core/pipeline/retry.h"
#include "core/pipeline/sink.h"
#include "sinks/search/bulk.h"
#include "sinks/search/document.h"
#include "sinks/search/index_setup.h"
#include "sinks/search/options.h"

namespace headgate::search {

// The rules of the sink (search.md 1, 4): what is sent when, what an outcome leads to, what is stored. It knows no
// sockets; the time is the context's clock. One request is under way at a time. For one thread.
//
//   Write ─► queue_ ─► Next: the index is brought up to date, then as many from the front as fit ─► Answered
//                ▲                                                                                    │
//                └──────────── what is neither done nor a dead letter stays where it is ◄─────────────┘
class Delivery {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // All must outlive it.
  Delivery(const Options& options, const Identity& identity, SinkContext& context);
  ~Delivery();

  bool Room() const;
  Status Write(const Event& event);
  Status Retry(const DeadLetter& letter);
  // A person asked for something: whatever is waited for ends now.
  void Hurry() { held_until_ = {}; }

  // What is to be sent now, if anything; its answer comes to Answered or Unanswered before Next is called again.
  std::optional<Call> Next();
  void Answered(int status, std::string_view body);
  void Unanswered(std::string_view error_class, std::string_view text);
  // When Next may have something without news.
  Time NextWake() const;

  // Not ok once a person has to change something: nothing is sent any more.
  const Status& state() const { return state_; }
  SinkTelemetry Telemetry() const;

 private:
  // A change, or a stored letter, from the time it is taken over until it is done or stored.
  struct Entry {
    At at;
    std::uint64_t version = 0;
    IndexSetup* target = nullptr;
    std::vector<Document> documents;
    std::vector<bool> done;  // of documents, the rejected one too
    std::optional<std::size_t> rejected;
    ItemResult rejection;
    std::string lines;  // of a letter: what is sent, instead of documents
    std::size_t bytes = 0;
    Time added;
    DeadLetter letter;  // as it would be, or is
    bool stored = false;
    bool settled = false;
  };
  // One line pair of the request under way.
  struct Sent {
    Entry* entry = nullptr;
    std::size_t document = 0;
    std::optional<std::size_t> behind;  // not sent itself: a later one of this id is (Q4)
  };

  IndexSetup& Target(const std::string& alias);
  IndexSetup* TargetOf(const Event& event);
  DeadLetter LetterOf(const Event& event);
  std::optional<Call> NextSetup();
  bool BatchIsDue(Time now) const;
  static void AppendLines(std::string& body, const Entry& entry, std::size_t index);
  Call Batch();
  void Settle(const std::vector<ItemResult>& results);
  // True if it has to be sent again.
  bool SettleOne(const Sent& sent, const ItemResult& result);
  void SettleDocument(const Sent& sent);
  void Reject(const Sent& sent, const ItemResult& result);
  void Finish(Entry& entry);
  void Kill(Entry& entry, std::string_view error_class, int status, std::string_view message);
  void Smaller(int status, std::string_view body);
  void HalveBatch() { batch_docs_ = std::max<std::size_t>(1, batch_docs_ / 2); }
  void Hold(std::string_view error_class, int status, std::string_view message);
  void DropSettled();

  const Options& options_;
  const Identity& identity_;
  SinkContext& context_;
  DocumentEncoder documents_;
  codec::NativeEncoder native_;
  Meter meter_;
  BackOff back_off_;
  Status state_ = Ok();

  std::map<std::string, std::unique_ptr<IndexSetup>> targets_;  // by alias
  std::map<std::uint64_t, IndexSetup*> target_of_;              // by stream and schema version
  std::deque<std::unique_ptr<Entry>> queue_;                    // in the order of the log
  std::size_t bytes_ = 0;                                       // of queue_
  std::vector<Sent> sent_;                                      // of the request under way
  IndexSetup* setting_up_ = nullptr;                            // or this is
  bool under_way_ = false;
  std::size_t batch_docs_;  // most in a request, for the time being
  Time held_until_{};
  Time sent_at_{};
  std::size_t rejected_in_row_ = 0;  // Q20
};

}  // namespace headgate::search
