#include "connectors/kafka/offsets.h"

#include "core/base/bytes.h"

namespace headgate::kafka::source {
namespace {

constexpr std::uint64_t kVersion = 1;

}  // namespace

Result<Offsets> Offsets::Decode(std::string_view stored) {
  Offsets out;
  if (stored.empty()) return out;
  ByteReader in(stored);
  bool sound = in.Varint() == kVersion;
  out.cluster = in.Bytes();
  const std::uint64_t topics = in.Varint();
  for (std::uint64_t t = 0; sound && t < topics && !in.failed(); ++t) {
    std::vector<std::int64_t>& partitions = out.topics_[std::string(in.Bytes())];
    const std::uint64_t count = in.Varint();
    sound = count <= in.remaining();
    for (std::uint64_t p = 0; sound && p < count; ++p) partitions.push_back(static_cast<std::int64_t>(in.Varint()));
  }
  if (!sound || in.failed() || !in.done()) return Corrupt("the stored offsets of a source of topics are damaged");
  return out;
}

std::string Offsets::Encode() const {
  std::string out;
  PutVarint(out, kVersion);
  PutBytes(out, cluster);
  PutVarint(out, topics_.size());
  for (const auto& [topic, partitions] : topics_) {
    PutBytes(out, topic);
    PutVarint(out, partitions.size());
    for (const std::int64_t next : partitions) PutVarint(out, static_cast<std::uint64_t>(next));
  }
  return out;
}

std::vector<std::int64_t>* Offsets::Find(const std::string& topic) {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? nullptr : &found->second;
}

std::vector<std::string> Offsets::Topics() const {
  std::vector<std::string> names;
  for (const auto& [topic, partitions] : topics_) names.push_back(topic);
  return names;
}

std::uint64_t Offsets::Sum() const {
  std::uint64_t sum = 1;
  for (const auto& [topic, partitions] : topics_) {
    for (const std::int64_t next : partitions) sum += static_cast<std::uint64_t>(next);
  }
  return sum;
}

}  // namespace headgate::kafka::source
