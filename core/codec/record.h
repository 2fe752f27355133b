#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headgate::codec {

struct ConnectSchema;  // connect_schema.h

// One record of a topic.
struct Record {
  std::string topic;
  bool has_key = false;
  std::string key;  // has_key false: the null key
  bool has_value = false;
  std::string value;  // has_value false: the null value of a tombstone. An empty value is none
  std::vector<std::pair<std::string, std::string>> headers;  // of `debezium` the values are JSON text
  // Of who writes schemas apart (DebeziumOptions::schemas_apart): what key and value fit. The encoder has them.
  const ConnectSchema* key_schema = nullptr;
  const ConnectSchema* value_schema = nullptr;
  std::string_view id_suffix;  // to be put behind the event id: -d, -t, -c, -begin, -end; "" if it is the only record
};

// Records whose strings keep their memory over Clear.
class RecordList {
 public:
  Record& Add();
  void Clear() { size_ = 0; }
  void Truncate(std::size_t size) { size_ = size; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Record& operator[](std::size_t i) const { return records_[i]; }
  Record& operator[](std::size_t i) { return records_[i]; }
  auto begin() const { return records_.begin(); }
  auto end() const { return records_.begin() + static_cast<std::ptrdiff_t>(size_); }

 private:
  std::vector<Record> records_;
  std::size_t size_ = 0;
};

// As upstream names topics: characters outside A-Z a-z 0-9 . _ - become one _ each.
std::string TopicName(std::string_view name);

}  // namespace headgate::codec
