#include "core/pipeline/backlog.h"

namespace headgate {
namespace {

bool Takes(std::size_t stream_index, const Registry& registry, StreamSelection& selection) {
  const StreamInfo* stream = registry.Stream(static_cast<StreamNo>(stream_index + 1));
  return stream != nullptr && selection.Selected(stream->number, stream->source, registry);
}

}  // namespace

Count SelectedOf(const LogCounts& counts, const Registry& registry, StreamSelection& selection) {
  Count sum;
  for (std::size_t i = 0; i < counts.streams.size(); ++i) {
    if (Takes(i, registry, selection)) sum += counts.streams[i];
  }
  for (std::size_t i = 0; i < counts.loose.size(); ++i) {
    if (selection.Selected(0, static_cast<SourceNo>(i + 1), registry)) sum += counts.loose[i];
  }
  return sum;
}

Count SelectedOf(const Registry& registry, StreamSelection& selection) {
  Count sum;
  for (std::size_t i = 0; i < registry.counters.size(); ++i) {
    const auto& c = registry.counters[i];
    if (c != nullptr && Takes(i, registry, selection)) sum += {c->records, c->bytes};
  }
  for (std::size_t i = 0; i < registry.source_counters.size(); ++i) {
    const auto& c = registry.source_counters[i];
    if (c != nullptr && selection.Selected(0, static_cast<SourceNo>(i + 1), registry))
      sum += {c->loose_records, c->loose_bytes};
  }
  return sum;
}

}  // namespace headgate
