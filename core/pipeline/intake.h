#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/channel.h"
#include "core/model/change.h"

// How events that a client sends come to the source that writes them: the API hands a whole request in, the source
// takes what waits, appends it in one synced write, and answers.
namespace headgate {

// What is wrong with one event, by JSON pointer: "/0/temperature".
struct EventFault {
  std::string pointer;
  std::string detail;
};

struct IntakeAnswer {
  enum class Kind : std::uint8_t {
    kAppended,     // durable: `seq`, `events`
    kRepeated,     // was appended before, under the same key: `seq`, `events` of that time
    kKeyReused,    // the key was used for another body
    kMalformed,    // not JSON; `text`
    kRefused,      // `faults`, `text`
    kTooLarge,     // `text`
    kUnavailable,  // nothing was appended, the client may try again later; `text`
  };
  Kind kind = Kind::kUnavailable;
  Seq seq = 0;
  std::uint64_t events = 0;
  std::string text;
  std::vector<EventFault> faults;  // the first 100
};

// One request: all of its events become one transaction of the log, or none does.
struct IntakeRequest {
  std::string body;  // as it came; read with up to kBodyPadding bytes behind its end: reserve them
  bool gzip = false;
  bool lines = false;               // one object a line; else one object, or an array of objects
  std::size_t bytes_max = 1 << 20;  // of the body, unpacked
  std::string key;                  // Idempotency-Key, "" without one
  // Called once, by the thread of the source. Quick.
  std::function<void(IntakeAnswer)> done;

  // Of Intake::Prepare: the events of the body, which is empty then, or what is wrong with them.
  struct Prepared {
    std::optional<Transaction> transaction;
    IntakeAnswer refusal;
    std::string fingerprint;  // of the body, if there is a key
  };
  std::optional<Prepared> prepared;

  static constexpr std::size_t kBodyPadding = 64;
};

// The door of one source: bounded by requests and by their bytes.
class Intake {
 public:
  // `prepare` is called from any thread, by several at once.
  using Prepare = std::function<void(IntakeRequest&)>;
  explicit Intake(std::size_t requests_max = 1024, std::size_t bytes_max = 32 << 20)
      : waiting_(requests_max, bytes_max) {}

  // For the API, any thread. Reads the events of a request, as long as it takes. The source does so itself where it was
  // not done: for what is small that is quicker than to change threads once more.
  void PrepareNow(IntakeRequest& request) const { prepare_(request); }
  enum class Offered : std::uint8_t { kTaken, kFull, kClosed };
  // kTaken: `done` will be called; else it never is, and the request is gone.
  Offered Offer(std::unique_ptr<IntakeRequest> request);
  bool open() const { return open_.load(std::memory_order_acquire); }

  // For the source, on its thread.
  void Open(Prepare prepare);  // once
  // Waits until the deadline for a request.
  std::unique_ptr<IntakeRequest> Take(std::stop_token stop, std::chrono::steady_clock::time_point deadline);
  std::unique_ptr<IntakeRequest> TryTake();
  // Nothing is let in until Resume; what waits is answered kUnavailable with this text.
  void Hold(const std::string& text);
  void Resume() { held_.store(false, std::memory_order_relaxed); }
  // The same, for good.
  void Close(const std::string& text);

 private:
  void RefuseWaiting(const std::string& text);

  Prepare prepare_;  // set before open_
  std::atomic<bool> open_ = false;
  std::atomic<bool> held_ = false;
  Channel<std::unique_ptr<IntakeRequest>> waiting_;
};

}  // namespace headgate
