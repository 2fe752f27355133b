#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/channel.h"
#include "core/base/result.h"
#include "core/base/signal.h"

namespace headgate {

// Has jobs done one after the other on a thread of its own, while the sink's thread prepares the next: for targets
// whose client library blocks. A job may have a question for the sink's thread in the middle, and waits for the answer.
template <class Job, class Question>
class WriteThread {
 public:
  struct Finished {
    Status status;
    Job job;
    double ms = 0;
  };
  // Asks the sink's thread, and gives its answer; not Ok ends the job.
  using Ask = std::function<Status(Question)>;
  using Do = std::function<Status(Job&, const Ask&, const std::stop_token&)>;

  // `wake` and `interrupt` are called on the thread, whenever there is news, and on the caller's, to end a call that
  // waits for the server. What they use must outlive it.
  WriteThread(Do work, std::function<void()> wake, std::function<void()> interrupt)
      : do_(std::move(work)),
        wake_(std::move(wake)),
        interrupt_(std::move(interrupt)),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}
  ~WriteThread() {
    thread_.request_stop();
    while (under_way() > 0) {  // between two calls there is nothing to interrupt
      interrupt_();
      news_.WaitUntil(std::chrono::steady_clock::now() + kInterruptEvery, {});
    }
  }

  // The sink's thread. After a job that failed no other is begun: they end with its error.
  void Push(Job job) {
    ++pushed_;
    CHECK(jobs_.TryPush(std::move(job)));
  }
  // Has to be called before many more jobs have ended: see unread.
  std::optional<Finished> Pop() {
    auto finished = finished_.TryPop();
    if (finished) ++popped_;
    return finished;
  }
  // Of the job that is being done: it goes on when this is answered.
  std::optional<Question> PopQuestion() { return questions_.TryPop(); }
  void Answer(Status status) { CHECK(answers_.TryPush(std::move(status))); }
  // Until a job has ended or something is asked. With nothing under way the target may be used by the caller until the
  // next Push.
  void WaitForNews() { news_.WaitUntil(std::chrono::steady_clock::time_point::max(), {}); }
  std::size_t under_way() const { return pushed_ - ended_; }
  std::size_t unread() const { return ended_ - popped_; }  // jobs that have ended, and wait for Pop

 private:
  static constexpr std::size_t kJobsMax = 16;  // more than a sink ever pushes before one ends, or leaves unread
  static constexpr auto kInterruptEvery = std::chrono::milliseconds(100);

  void Tell() {
    news_.Raise();
    wake_();
  }
  void Run(const std::stop_token& stop) {
    const Ask ask = [&](Question question) {
      CHECK(questions_.TryPush(std::move(question)));
      Tell();
      return answers_.Pop(stop).value_or(Stopped());
    };
    Status status = Ok();
    while (auto job = jobs_.Pop(stop)) {
      const auto begin = std::chrono::steady_clock::now();
      if (status.ok() && stop.stop_requested()) status = Stopped();
      if (status.ok()) status = do_(*job, ask, stop);
      const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      CHECK(finished_.TryPush({status, *std::move(job), ms}));
      ++ended_;
      Tell();
    }
  }

  const Do do_;
  const std::function<void()> wake_;
  const std::function<void()> interrupt_;
  Channel<Job> jobs_{kJobsMax};
  Channel<Finished> finished_{kJobsMax};
  Channel<Question> questions_{1};
  Channel<Status> answers_{1};
  std::size_t pushed_ = 0;  // of the sink's thread, as the next
  std::size_t popped_ = 0;
  std::atomic<std::size_t> ended_ = 0;
  Signal news_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace headgate
