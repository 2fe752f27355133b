#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/codec/native.h"
#include "core/config/spec.h"
#include "core/pipeline/filter.h"
#include "core/pipeline/sink.h"
#include "core/transform/column_rules.h"

namespace headgate {

// The settings of a sink that say which changes it takes and what becomes of their columns (docs/adr/0031): those of
// column_options.h, and with kAll also `ops` and `filter`.
std::vector<config::Option> SinkTransformSpec(SinkTransforms offered);

struct EventTransformSettings {
  ColumnRules columns;
  std::array<bool, kOps> ops{};          // taken; markers always are
  std::shared_ptr<const Filter> filter;  // nullptr: everything

  bool empty() const;
};
// Errors are per key; values that still hold a placeholder pass.
EventTransformSettings ReadSinkTransforms(const config::Bound& bound, SinkTransforms offered,
                                          std::vector<config::KeyError>& errors);

// What happens to changes on their way from the log to one sink, before the sink sees them: columns are transformed,
// then what `ops` and `filter` do not take is left out. The filter sees records as they are sent. Lives on the sink's
// thread.
class EventTransforms {
 public:
  explicit EventTransforms(EventTransformSettings settings) : settings_(std::move(settings)) {}

  // True if the sink is to get the event, which then points to what holds until the next call. Without `selects` it
  // always is. A record that cannot be rendered for the filter is taken: what is wrong with it is the sink's to say.
  // kConfig if a rule cannot be obeyed in this schema.
  Result<bool> Apply(Event& event, bool selects = true);

 private:
  struct Shape {                                    // of one version of a stream
    std::shared_ptr<const RowTransform> transform;  // nullptr: none
    std::vector<bool> looked_at;                    // columns that the filter needs
    TableSchema narrow;                             // those alone
  };

  Result<const Shape*> ShapeOf(const Event& event);
  Status Transform(Event& event, const RowTransform& transform);
  Result<bool> Passes(const Event& event, const Shape* shape);

  const EventTransformSettings settings_;
  std::unordered_map<std::uint64_t, Shape> shapes_;  // by stream and version
  Change change_;                                    // as it becomes
  std::string before_;
  std::string after_;
  Change narrow_;  // what the filter looks at
  std::string narrow_before_;
  std::string narrow_after_;
  std::string record_;
  codec::NativeEncoder native_;
};

}  // namespace headgate
