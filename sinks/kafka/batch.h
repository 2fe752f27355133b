#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/record.h"
#include "core/model/change.h"
#include "core/pipeline/batch_sink.h"

// Records on their way to the producer, packed. Pure.
namespace headgate::kafka::sink {

class Batch final : public SinkBatch {
 public:
  // Positions in the text of the batch.
  struct Packed {
    std::size_t topic = 0;  // of topics()
    std::size_t start = 0;  // of the key, behind it the value, behind that the headers
    std::size_t key = 0;
    std::size_t value = 0;
    std::uint32_t headers = 0;
    bool has_key = false;
    bool has_value = false;
    std::int64_t timestamp_ms = 0;
    At at;  // of the change that it comes of
  };
  struct Header {
    std::string_view name;
    std::string_view value;
  };

  // `id` is the event's, the value of header `id_header` unless one of the two is empty.
  void Add(const codec::Record& record, std::string_view id_header, std::string_view id, std::int64_t timestamp_ms,
           At at);

  // Room for what that one has, and a little more.
  void Reserve(const Batch& like);

  const std::vector<std::string>& topics() const { return topics_; }
  const std::vector<Packed>& records() const { return records_; }
  std::size_t size() const override { return records_.size(); }
  std::size_t bytes() const override { return text_.size(); }
  bool empty() const override { return records_.empty(); }

  std::string_view KeyOf(const Packed& r) const { return std::string_view(text_).substr(r.start, r.key); }
  std::string_view ValueOf(const Packed& r) const { return std::string_view(text_).substr(r.start + r.key, r.value); }
  // In their order; the vector is kept between calls.
  void HeadersOf(const Packed& r, std::vector<Header>& out) const;

 private:
  void AddHeader(Packed& packed, std::string_view name, std::string_view value, std::string_view suffix = "");

  std::vector<std::string> topics_;
  std::string text_;
  std::vector<Packed> records_;
};

}  // namespace headgate::kafka::sink
