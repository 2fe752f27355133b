#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/sink_target.h"
#include "tests/support/private_kafka.h"

namespace headgate::test {

// Topics of its own for each object, on one broker for all. They are read as by a consumer of committed records: each
// event once, none of another order, and the fold of them equals the tables.
class KafkaTarget final : public SinkTarget {
 public:
  static constexpr const char* kServer = "kafka";
  static Result<std::unique_ptr<KafkaTarget>> Start();

  ConnectorSettings Settings() const override;
  std::vector<std::string> failpoints() const override;
  void SetFull(bool full) override;
  bool Spoil(std::string& bytes) const override;
  std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) override;
  std::uint64_t arrived() override;
  FaultProxy& proxy() override { return server_.proxy(); }

 private:
  KafkaTarget(PrivateKafka& server, KafkaClient client);
  std::string TopicOf(const std::string& table) const { return prefix_ + table; }
  struct Found {
    std::vector<std::string> missing;  // what the fold lacks: it may come
    std::vector<std::string> broken;   // promises: they stay so
  };
  Found Look(const std::vector<std::pair<std::string, TableRows>>& tables);

  PrivateKafka& server_;
  KafkaClient client_;
  std::string prefix_;
};

}  // namespace headgate::test
