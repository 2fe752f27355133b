#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/channel.h"
#include "core/base/signal.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/source.h"
#include "tests/unit/log/log_support.h"

namespace headgate::test {

// Waits until `holds` is true: looks again at every raise of `news` and now and then. False after 20 s.
inline bool Eventually(Signal& news, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    news.WaitUntil(std::min(deadline, now + std::chrono::milliseconds(20)), {});
  }
  return true;
}

// All events of a data directory, oldest first.
inline std::vector<ServiceEvent> ReadEvents(const Store& store) {
  std::vector<ServiceEvent> all;
  const auto events = Events::Open(store, SystemClock());
  EXPECT_TRUE(events.ok());
  EXPECT_TRUE((*events)
                  ->Read(0,
                         [&](ServiceEvent&& event) {
                           all.insert(all.begin(), std::move(event));
                           return true;
                         })
                  .ok());
  return all;
}

// A source that reads what the test pushes. The script outlives its runs, so that a run can be replaced by another.
struct SourceScript {
  struct Step {
    std::vector<std::uint64_t> lsns;  // one commit with one insert each
    std::optional<Error> error;
    std::optional<std::string> resume;
    std::vector<ServiceEvent> events = {};
    int write_until_reads = 0;  // the write of it lasts until Read was called so often
  };
  Channel<Step> steps{1000};
  Channel<Error> open_errors{1000};  // each fails one Open
  Signal news;                       // raised by every call
  std::atomic<bool> stuck = false;   // Read waits for nothing but a stop request
  std::atomic<bool> reads_ahead = false;
  std::atomic<bool> read_meanwhile = false;  // Read was called so often while that was being written
  std::atomic<int> opens = 0, reads = 0, keep_alives = 0, closes = 0, acknowledgements = 0;
  std::atomic<std::uint64_t> last_read = 0;      // LSN
  std::atomic<std::uint64_t> acknowledged = 0;   // LSN: read and durable
  std::atomic<std::uint64_t> resumed_after = 0;  // what the last Open found
  std::atomic<bool> acknowledged_early = false;  // told that something is durable when the log did not have it
};

class ScriptedSource final : public Source {
 public:
  explicit ScriptedSource(std::shared_ptr<SourceScript> script) : script_(std::move(script)) {}

  Status Open(LogWriter& writer, std::stop_token) override {
    ++script_->opens;
    script_->news.Raise();
    if (auto error = script_->open_errors.TryPop()) return std::move(*error);
    writer_ = &writer;
    script_->resumed_after = writer.progress().last ? writer.progress().last->a : 0;
    stream_ = writer.OpenStream("public", "orders");
    version_ = writer.DefineSchema(stream_, TwoColumns("orders"), 1, 1);
    return Ok();
  }
  Status Read(SourceBatch& batch, std::stop_token stop) override {
    ++script_->reads;
    script_->news.Raise();
    if (script_->stuck) {
      Signal never;
      while (!stop.stop_requested()) never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::seconds(60), stop);
      return Stopped();
    }
    auto step = script_->steps.Pop(stop, std::chrono::steady_clock::now() + std::chrono::milliseconds(250));
    if (stop.stop_requested()) return Stopped();
    if (step && step->error) return std::move(*step->error);
    for (const std::uint64_t lsn : step ? step->lsns : std::vector<std::uint64_t>()) {
      batch.transactions.push_back(Commit(lsn, stream_, version_));
      script_->last_read = lsn;
    }
    read_.push_back(script_->last_read);
    if (!step) return Ok();
    batch.resume = std::move(step->resume);
    batch.events = std::move(step->events);
    if (step->write_until_reads > 0) {
      batch.numbered = [script = script_, reads = step->write_until_reads](std::span<const Seq>, StoreBatch&) {
        script->read_meanwhile = Eventually(script->news, [&] { return script->reads >= reads; });
      };
    }
    return Ok();
  }
  bool ReadsAhead() const override { return script_->reads_ahead; }
  Status Acknowledge() override {
    const std::uint64_t durable = writer_->progress().last ? writer_->progress().last->a : 0;
    if (durable < read_.front()) script_->acknowledged_early = true;
    read_.pop_front();
    script_->acknowledged = durable;
    ++script_->acknowledgements;
    script_->news.Raise();
    return Ok();
  }
  Status KeepAlive() override {
    ++script_->keep_alives;
    script_->news.Raise();
    return Ok();
  }
  void Close() override {
    ++script_->closes;
    script_->news.Raise();
  }
  std::shared_ptr<const SourceTelemetry> telemetry() const override { return std::make_shared<SourceTelemetry>(); }

 private:
  const std::shared_ptr<SourceScript> script_;
  LogWriter* writer_ = nullptr;
  StreamNo stream_ = 0;
  std::uint32_t version_ = 0;
  std::deque<std::uint64_t> read_;  // the last LSN of each Read that is not acknowledged
};

// A sink that can be corked: it keeps what it gets until the test says how it ends, or ends all at once. What the test
// asks runs on the sink's thread, one request for each Poll, so the loop makes its round between two requests.
struct SinkScript {
  struct Got {
    At at;
    Op op = Op::kInsert;
    std::int64_t id = 0;
    std::string stream, source, database;
    std::uint32_t columns = 0;
    std::uint64_t number = 0;
  };
  class Hands {  // what a request may do
   public:
    SinkContext* context = nullptr;
    std::optional<Error> fail;  // Poll returns it
  };

  std::atomic<bool> corked = false;
  std::atomic<bool> breaker_open = false;  // what the telemetry says
  std::atomic<std::size_t> room = 1000;    // events it holds at most
  Channel<Error> open_errors{1000};
  Channel<std::function<void(Hands&)>> requests{1000};
  Signal news;  // raised by every call
  std::atomic<int> opens = 0, closes = 0;

  std::vector<Got> got() const {
    std::lock_guard lock(mutex);
    return got_;
  }
  std::vector<std::int64_t> ids() const {
    std::vector<std::int64_t> all;
    for (const Got& g : got()) {
      if (g.op == Op::kInsert) all.push_back(g.id);
    }
    return all;
  }
  std::vector<DeadLetter> retried() const {
    std::lock_guard lock(mutex);
    return retried_;
  }
  std::vector<std::uint64_t> hurried() const {
    std::lock_guard lock(mutex);
    return hurried_;
  }
  std::size_t retried_when_hurried() const {
    std::lock_guard lock(mutex);
    return retried_when_hurried_;
  }
  bool Await(std::size_t events) {
    return Eventually(news, [&] { return got().size() >= events; });
  }
  // Runs `request` on the sink's thread and waits for its end.
  void Do(const std::function<void(Hands&)>& request) {
    auto done = std::make_shared<Channel<bool>>(1);
    requests.TryPush([done, request](Hands& hands) {
      request(hands);
      done->TryPush(true);
    });
    EXPECT_TRUE(done->Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20)).has_value());
  }
  void Done(At at) {
    Do([at](Hands& hands) { hands.context->Done(at, Outcome::kDelivered); });
  }
  // The loop has made at least one whole round since the call.
  void Round() {
    for (int i = 0; i < 2; ++i) Do([](Hands&) {});
  }

  mutable std::mutex mutex;
  std::vector<Got> got_;                  // guarded by mutex
  std::vector<DeadLetter> retried_;       // guarded by mutex
  std::vector<std::uint64_t> hurried_;    // guarded by mutex
  std::size_t retried_when_hurried_ = 0;  // guarded by mutex
  std::atomic<std::size_t> held = 0;      // events not done
};

class CorkedSink final : public Sink {
 public:
  explicit CorkedSink(std::shared_ptr<SinkScript> script) : script_(std::move(script)) {}

  Status Open(SinkContext& context) override {
    ++script_->opens;
    script_->news.Raise();
    hands_.context = &context;
    if (auto error = script_->open_errors.TryPop()) return std::move(*error);
    return Ok();
  }
  bool Room() const override { return script_->held < script_->room; }
  Status Write(const Event& event) override {
    SinkScript::Got got{event.at,
                        event.change->op,
                        0,
                        event.stream != nullptr ? event.stream->name : "",
                        event.source->name,
                        std::string(event.database),
                        0,
                        event.number};
    std::vector<Value> values;
    EXPECT_TRUE(ReadRow(event.change->after, values).ok());
    if (!values.empty()) got.id = values[0].i;
    if (event.schema != nullptr) got.columns = static_cast<std::uint32_t>(event.schema->columns.size());
    {
      std::lock_guard lock(script_->mutex);
      script_->got_.push_back(std::move(got));
    }
    if (script_->corked) {
      ++script_->held;
    } else {
      hands_.context->Done(event.at, Outcome::kDelivered);
    }
    script_->news.Raise();
    return Ok();
  }
  Status Retry(const DeadLetter& letter) override {
    std::lock_guard lock(script_->mutex);
    script_->retried_.push_back(letter);
    script_->news.Raise();
    return Ok();
  }
  void Hurry(std::span<const std::uint64_t> letters) override {
    std::lock_guard lock(script_->mutex);
    script_->hurried_.insert(script_->hurried_.end(), letters.begin(), letters.end());
    script_->retried_when_hurried_ = script_->retried_.size();
    script_->news.Raise();
  }
  Status Poll(Clock::Steady::time_point deadline) override {
    if (auto request = script_->requests.Pop({}, deadline)) (*request)(hands_);
    if (hands_.fail) return *std::exchange(hands_.fail, std::nullopt);
    return Ok();
  }
  void Wake() override {
    script_->requests.TryPush([](SinkScript::Hands&) {});
  }
  void Close() override {
    ++script_->closes;
    script_->held = 0;
    script_->news.Raise();
  }
  std::shared_ptr<const SinkTelemetry> telemetry() const override {
    auto telemetry = std::make_shared<SinkTelemetry>();
    telemetry->breaker_open = script_->breaker_open;
    if (telemetry->breaker_open) telemetry->last_error = "HTTP 500";
    return telemetry;
  }

 private:
  const std::shared_ptr<SinkScript> script_;
  SinkScript::Hands hands_;
};

}  // namespace headgate::test
