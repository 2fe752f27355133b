#include "connectors/kafka/moves.h"

#include <charconv>
#include <optional>

#include "connectors/kafka/consumer.h"
#include "connectors/kafka/offsets.h"
#include "connectors/kafka/options.h"

namespace headgate::kafka::source {
namespace {

constexpr auto kAnswerWait = std::chrono::seconds(10);

std::optional<std::int64_t> WholeNumber(const SourceOffset& members, std::string_view name) {
  const auto text = headgate::ValueOf(members, name);
  std::int64_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < 0) return std::nullopt;
  return number;
}

// The offset in `offsets` that an entry is about.
Result<std::int64_t*> PlaceOf(const OffsetEntry& entry, Offsets& offsets, std::string& topic) {
  topic = headgate::ValueOf(entry.partition, "topic").value_or("");
  const auto number = WholeNumber(entry.partition, "partition");
  if (topic.empty() || !number || entry.partition.size() != 2)
    return ConfigError(R"(The partition of this source is {"topic":"<name>","partition":<number>}.)");
  std::vector<std::int64_t>* const partitions = offsets.Find(topic);
  if (partitions == nullptr) return ConfigError("The source does not read a topic " + topic.substr(0, 249) + ".");
  if (*number >= static_cast<std::int64_t>(partitions->size())) {
    return ConfigError("Topic " + topic + " has " + std::to_string(partitions->size()) +
                       " partitions for the source, from 0 on.");
  }
  return &(*partitions)[static_cast<std::size_t>(*number)];
}

}  // namespace

std::vector<OffsetEntry> PlacesOf(const SourceProgress& progress) {
  std::vector<OffsetEntry> entries;
  const auto offsets = Offsets::Decode(progress.resume);
  if (!offsets.ok()) return entries;
  for (const auto& [topic, partitions] : offsets->topics()) {
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      entries.push_back({{{"topic", topic, false}, {"partition", std::to_string(p), true}},
                         SourceOffset{{"offset", std::to_string(partitions[p]), true}}});
    }
  }
  return entries;
}

Result<SourceMove> MoveTo(const std::string& name, const config::Bound& bound, const SourceProgress& progress,
                          const std::vector<OffsetEntry>& to, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(Offsets offsets, Offsets::Decode(progress.resume));
  HG_ASSIGN_OR_RETURN(const auto consumer, Consumer::Open(Read(name, bound).options));
  const auto deadline = std::chrono::steady_clock::now() + kAnswerWait;
  for (const OffsetEntry& entry : to) {
    std::string topic;
    HG_ASSIGN_OR_RETURN(std::int64_t* const next, PlaceOf(entry, offsets, topic));
    const auto number = static_cast<std::int32_t>(*WholeNumber(entry.partition, "partition"));
    HG_ASSIGN_OR_RETURN(const Consumer::Ends ends, consumer->EndsOf(topic, number, deadline, stop));
    const auto wanted = entry.offset ? WholeNumber(*entry.offset, "offset") : std::optional(ends.first);
    if (!wanted || (entry.offset && entry.offset->size() != 1))
      return ConfigError(R"(The offset of this source is {"offset":<number>}; or null, for the beginning.)");
    if (*wanted < ends.first || *wanted > ends.end) {
      return ConfigError("Offset " + std::to_string(*wanted) + " of " + topic + "/" + std::to_string(number) +
                         " is not there: the cluster has " + std::to_string(ends.first) + " to " +
                         std::to_string(ends.end) + ".");
    }
    *next = *wanted;
  }
  return SourceMove{offsets.Encode(), std::nullopt};
}

}  // namespace headgate::kafka::source
