#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/pipeline/trace.h"
#include "core/pipeline/write_thread.h"
#include "sinks/table/batch.h"
#include "sinks/table/salvage.h"
#include "sinks/table/target.h"

namespace headgate::table {

struct WriteJob {
  std::shared_ptr<const Batch> batch;
  std::optional<Target::Kept> commit;  // then, with this
  // What the sink wants to know when it is done.
  std::uint64_t delivered = 0;
  std::uint64_t filtered = 0;
  std::vector<At> states;                  // rows of the state that go with it
  std::int64_t commit_us = 0;              // of the last change
  std::shared_ptr<TracedDelivery> traced;  // what is told of it, if somebody looks
};

// Writes batches at the target. What is rejected of one is its question: nothing goes on before it is answered.
class Writer : public WriteThread<WriteJob, std::vector<Refusal>> {
 public:
  // The target must outlive it.
  Writer(Target& target, std::function<void()> wake);
};

}  // namespace headgate::table
