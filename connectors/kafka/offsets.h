#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace headgate::kafka::source {

// Which record of each partition is read next: what the source keeps with its transactions. A value.
//
// Stored form: varint version (1), bytes id of the cluster, varint topics, of each: bytes name, varint partitions, of
// each, from 0 on, varint offset.
class Offsets {
 public:
  // "" has none. kCorrupt: it is no stored form.
  static Result<Offsets> Decode(std::string_view stored);
  std::string Encode() const;

  bool empty() const { return topics_.empty(); }
  const std::map<std::string, std::vector<std::int64_t>>& topics() const { return topics_; }
  std::vector<std::string> Topics() const;
  // nullptr if the topic was never read.
  std::vector<std::int64_t>* Find(const std::string& topic);
  std::vector<std::int64_t>& Of(const std::string& topic) { return topics_[topic]; }
  void Forget(const std::string& topic) { topics_.erase(topic); }

  // How far all of it is, as one number that grows with each record: 1 + the sum of the offsets.
  std::uint64_t Sum() const;

  std::string cluster;  // "": not known

 private:
  std::map<std::string, std::vector<std::int64_t>> topics_;
};

}  // namespace headgate::kafka::source
