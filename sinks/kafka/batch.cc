#include "sinks/kafka/batch.h"

#include <algorithm>
#include <cstring>

namespace headgate::kafka::sink {

void Batch::AddHeader(Packed& packed, std::string_view name, std::string_view value, std::string_view suffix) {
  const std::uint32_t sizes[] = {static_cast<std::uint32_t>(name.size()),
                                 static_cast<std::uint32_t>(value.size() + suffix.size())};
  text_.append(reinterpret_cast<const char*>(sizes), sizeof sizes);
  text_.append(name).append(value).append(suffix);
  ++packed.headers;
}

void Batch::Add(const codec::Record& record, std::string_view id_header, std::string_view id, std::int64_t timestamp_ms,
                At at) {
  Packed packed;
  // Few topics, and mostly that of the record before.
  if (records_.empty() || topics_[records_.back().topic] != record.topic) {
    const auto it = std::ranges::find(topics_, record.topic);
    packed.topic = static_cast<std::size_t>(it - topics_.begin());
    if (it == topics_.end()) topics_.push_back(record.topic);
  } else {
    packed.topic = records_.back().topic;
  }
  packed.start = text_.size();
  packed.has_key = record.has_key;
  packed.has_value = record.has_value;
  packed.timestamp_ms = timestamp_ms;
  packed.at = at;
  if (record.has_key) {
    packed.key = record.key.size();
    text_ += record.key;
  }
  if (record.has_value) {
    packed.value = record.value.size();
    text_ += record.value;
  }
  for (const auto& [name, value] : record.headers) AddHeader(packed, name, value);
  if (!id_header.empty() && !id.empty()) AddHeader(packed, id_header, id, record.id_suffix);
  records_.push_back(packed);
}

void Batch::Reserve(const Batch& like) {
  text_.reserve(like.text_.size() + like.text_.size() / 16);
  records_.reserve(like.records_.size() + like.records_.size() / 16);
}

void Batch::HeadersOf(const Packed& r, std::vector<Header>& out) const {
  out.clear();
  const char* at = text_.data() + r.start + r.key + r.value;
  for (std::uint32_t i = 0; i < r.headers; ++i) {
    std::uint32_t sizes[2];
    std::memcpy(sizes, at, sizeof sizes);
    at += sizeof sizes;
    out.push_back({{at, sizes[0]}, {at + sizes[0], sizes[1]}});
    at += sizes[0] + sizes[1];
  }
}

}  // namespace headgate::kafka::sink
