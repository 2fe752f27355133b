#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/operators/delta.h"
#include "core/sql/eval_context.h"

namespace headgate::operators {

// Rows whose expression failed: they give no output. A Z-set like any other, so that a later deletion takes the error
// back.
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
};

// Where an operator's output goes; called at once for each piece.
using Emit = std::function<void(const Delta&)>;

// Keeps one node of a plan in step with its inputs. Deterministic: the output depends on the input and the state alone.
// No clock, no I/O besides its state, no threads.
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
};
using OperatorPtr = std::unique_ptr<Operator>;

// Notes the errors of an evaluation over `delta` and tells which rows go on; without errors all of them, and `kept`
// stays empty. Clears the context's errors.
bool TakeErrors(StepContext& step, const Delta& delta, std::vector<std::uint32_t>& kept);

}  // namespace headgate::operators
