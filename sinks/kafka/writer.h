#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/pipeline/trace.h"
#include "core/pipeline/write_thread.h"
#include "sinks/kafka/batch.h"
#include "sinks/kafka/producer.h"

namespace headgate::kafka::sink {

struct WriteJob {
  std::shared_ptr<const Batch> batch;  // nullptr: nothing to write
  std::optional<Progress> commit;      // then, with this progress
  // What the sink wants to know when it is done.
  std::uint64_t delivered = 0;             // changes
  std::uint64_t filtered = 0;              // changes
  std::vector<At> ats;                     // those that are done with it, where not the target keeps the cursor
  std::vector<At> states;                  // rows of the state that go with it
  std::int64_t commit_us = 0;              // of the last change
  std::shared_ptr<TracedDelivery> traced;  // what is told of it, if somebody looks
};

// Writes batches on a thread of its own. What is refused of one is its question.
class Writer : public WriteThread<WriteJob, std::vector<Refusal>> {
 public:
  // The producer must outlive it.
  Writer(Producer& producer, std::function<void()> wake)
      : WriteThread(
            [&producer](WriteJob& job, const Ask& ask, const std::stop_token&) -> Status {
              if (job.batch != nullptr) HG_RETURN_IF_ERROR(producer.Write(job.batch, job.commit, ask));
              return job.commit ? producer.Commit(*job.commit) : Ok();
            },
            std::move(wake), [&producer] { producer.Interrupt(); }) {}
};

}  // namespace headgate::kafka::sink
