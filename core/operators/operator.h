#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/operators/delta.h"
#include "core/operators/log_time.h"
#include "core/sql/eval_context.h"

namespace headgate::operators {

// Rows whose expression failed: they give no output, or NULL in its place (sql::SetNullOnError). A Z-set like any
// other, so that a later deletion takes the error back.
struct FailedRow {
  At at;
  std::int64_t weight = 0;
  std::string code;
  std::string message;
};

// What one step shares among its operators.
struct StepContext {
  sql::EvalContext eval;
  std::vector<FailedRow> failed;
  std::shared_ptr<const LogTimes> times = std::make_shared<const LogTimes>();
  bool null_on_error = false;  // of the plan (Graph)
  bool gated = false;          // rows are not to be looked up in this step, those whose grace is over either
  // What the step did: rows that their time took, rows that wait for the end of their grace now (or, if negative, not
  // any more).
  std::int64_t expired = 0;
  std::int64_t waiting = 0;
};

// Where an operator's output goes; called at once for each piece.
using Emit = std::function<void(const Delta&)>;

// Keeps one node of a plan in step with its inputs. Deterministic: the output depends on the input and the state alone.
// No clock but log time (log_time.h), no I/O besides its state, no threads.
//
// A step calls Process for every piece of every input, in any order between the inputs, and then Finish once, after all
// nodes above the inputs are finished. Linear operators emit at once; the others emit the step's net change in Finish.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual void Process(std::size_t input, const Delta& delta, StepContext& step, const Emit& emit) = 0;
  virtual void Finish(StepContext& step, const Emit& emit) {
    (void)step;
    (void)emit;
  }
  // The log time at which a step has something to do for it, also one without input; nothing if there is none. Between
  // steps.
  virtual std::optional<std::int64_t> Due() { return std::nullopt; }
};
using OperatorPtr = std::unique_ptr<Operator>;

// Notes the errors of an evaluation over `delta` and tells which rows go on; without errors, and if what fails is NULL,
// all of them, and `kept` stays empty. Clears the context's errors.
bool TakeErrors(StepContext& step, const Delta& delta, std::vector<std::uint32_t>& kept);

}  // namespace headgate::operators
