#pragma once

#include <chrono>
#include <functional>

#include "core/pipeline/state_reader.h"
#include "core/views/views.h"

namespace headgate {

// The state that the views keep: the base of captured tables, and their own rows. For any thread.
class ViewsState final : public StateReader {
 public:
  // All must outlive it; `views` gives nullptr as long as there are none.
  ViewsState(const Store& store, const Log& log, std::function<views::Views*()> views)
      : store_(store), log_(log), views_(std::move(views)) {}

  Status HasState(const StreamInfo& stream) override;
  Result<std::optional<StateRows>> Read(const StreamInfo& stream, const StatePlace& place, Seq not_before) override;
  Result<std::unique_ptr<StateCount>> Count(const StreamInfo& stream, Seq not_before, std::uint64_t every) override;
  std::string trouble() const override;

 private:
  Result<std::optional<StateRows>> ReadTable(const StreamInfo& stream, const StatePlace& place, Seq not_before);
  Result<std::optional<StateRows>> ReadView(const StreamInfo& stream, const StatePlace& place);
  Result<std::unique_ptr<StateCount>> CountView(const StreamInfo& stream, std::uint64_t every);
  Status Stamp(StateRows& rows, const SourceInfo& source) const;
  std::uint64_t ToldOfLog() const;

  const Store& store_;
  const Log& log_;
  const std::function<views::Views*()> views_;
};

}  // namespace headgate
