#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/log/store.h"
#include "core/operators/delta.h"
#include "core/sql/type.h"

// What a form that stands still has not been given: the changes of its inputs, step by step, in the store under the
// form's own state (they go with it). The views' thread writes and reads it.
namespace headgate::views {

class Backlog {
 public:
  enum class Kind : std::uint8_t {
    kPaused,  // all that came while the view stood still
    kHeld,    // the events that came while a source of its tables was silent
  };
  explicit Backlog(std::uint32_t form, Kind kind = Kind::kPaused);

  // Adds a piece of input number `input` of a step to the step's write. `piece` is larger for each one; there is one
  // last piece of a step.
  static constexpr std::uint64_t kLastPiece = ~std::uint64_t{0};
  void Add(Seq step, std::uint64_t piece, std::uint32_t input, const std::vector<sql::Type>& types,
           const operators::Delta& delta, StoreBatch& batch) const;

  // The step by which about `rows_max` rows have come, of the oldest steps; kAll if there are no more than that.
  static constexpr Seq kAll = ~Seq{0};
  Result<Seq> StepAt(const StoreView& view, std::size_t rows_max) const;
  // The changes of all steps up to and with `step`, by input, in their order; taken out by the same write.
  using Changes = std::map<std::uint32_t, std::vector<operators::Delta>>;
  Result<Changes> Take(const StoreView& view, Seq step, const std::vector<std::vector<sql::Type>>& types_of_inputs,
                       StoreBatch& batch) const;

 private:
  std::string prefix_;
};

}  // namespace headgate::views
