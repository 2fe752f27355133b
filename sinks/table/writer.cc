#include "sinks/table/writer.h"

#include <chrono>

#include "core/base/failpoint.h"

namespace headgate::table {
namespace {

constexpr std::size_t kJobsMax = 16;  // more than a sink ever pushes before one ends

constexpr auto kInterruptEvery = std::chrono::milliseconds(100);

}  // namespace

Writer::Writer(Target& target, std::function<void()> wake)
    : target_(target),
      salvage_(target),
      wake_(std::move(wake)),
      jobs_(kJobsMax),
      finished_(kJobsMax),
      refused_(1),
      answers_(1),
      thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}

Writer::~Writer() {
  thread_.request_stop();
  while (under_way() > 0) {  // between two statements there is nothing to interrupt
    target_.Interrupt();
    news_.WaitUntil(std::chrono::steady_clock::now() + kInterruptEvery, {});
  }
}

void Writer::Push(Job job) {
  ++pushed_;
  CHECK(jobs_.TryPush(std::move(job)));
}

void Writer::Tell() {
  news_.Raise();
  wake_();
}

// What is rejected has to be kept elsewhere before anything is committed without it.
Status Writer::Write(const Batch& batch, const std::stop_token& stop) {
  std::vector<Refusal> refused;
  HG_RETURN_IF_ERROR(salvage_.Write(batch, refused));
  if (refused.empty()) return Ok();
  HG_FAILPOINT("table.refused");
  CHECK(refused_.TryPush(std::move(refused)));
  Tell();
  return answers_.Pop(stop).value_or(Stopped());
}

void Writer::Run(std::stop_token stop) {
  Status status = Ok();
  while (auto job = jobs_.Pop(stop)) {
    const auto begin = std::chrono::steady_clock::now();
    if (status.ok() && stop.stop_requested()) status = Stopped();
    if (status.ok() && job->batch != nullptr) {
      status = Write(*job->batch, stop);
      HG_FAILPOINT("table.written");
    }
    if (status.ok() && job->commit) {
      status = target_.Commit(*job->commit);
      HG_FAILPOINT("table.committed");
    }
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    CHECK(finished_.TryPush({status, *std::move(job), ms}));
    ++ended_;
    Tell();
  }
}

}  // namespace headgate::table
