#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/channel.h"
#include "core/base/signal.h"
#include "core/pipeline/trace.h"
#include "sinks/table/batch.h"
#include "sinks/table/salvage.h"
#include "sinks/table/target.h"

namespace headgate::table {

// Writes batches at the target on a thread of its own, while the sink's thread fills the next.
class Writer {
 public:
  struct Job {
    std::shared_ptr<const Batch> batch;
    std::optional<Seq> commit;  // then, with the cursor there
    // What the sink wants to know when it is done.
    std::uint64_t delivered = 0;
    std::uint64_t filtered = 0;
    std::vector<At> states;                  // rows of the state that go with it
    std::int64_t commit_us = 0;              // of the last change
    std::shared_ptr<TracedDelivery> traced;  // what is told of it, if somebody looks
  };
  struct Finished {
    Status status;
    Job job;
    double ms = 0;
  };

  // `wake` is called on the writer's thread whenever there is news. Both must outlive it.
  Writer(Target& target, std::function<void()> wake);
  // Ends a call that waits for the server.
  ~Writer();

  // The sink's thread. After a job that failed no other is begun: they end with its error.
  void Push(Job job);
  std::optional<Finished> Pop() { return finished_.TryPop(); }
  // What was rejected of the batch that is being written: nothing goes on before it is answered. Not Ok ends the job.
  std::optional<std::vector<Refusal>> PopRefused() { return refused_.TryPop(); }
  void Answer(Status status) { CHECK(answers_.TryPush(std::move(status))); }
  // Until a job has ended or something was rejected. With nothing under way the target may be used by the caller until
  // the next Push.
  void WaitForNews() { news_.WaitUntil(std::chrono::steady_clock::time_point::max(), {}); }
  std::size_t under_way() const { return pushed_ - ended_; }

 private:
  void Run(std::stop_token stop);
  Status Write(const Batch& batch, const std::stop_token& stop);
  void Tell();

  Target& target_;
  Salvage salvage_;
  const std::function<void()> wake_;
  Channel<Job> jobs_;
  Channel<Finished> finished_;
  Channel<std::vector<Refusal>> refused_;
  Channel<Status> answers_;
  std::size_t pushed_ = 0;  // of the sink's thread
  std::atomic<std::size_t> ended_ = 0;
  Signal news_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace headgate::table
