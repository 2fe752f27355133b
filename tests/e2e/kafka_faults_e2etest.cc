#include <cstdlib>
#include <random>

#include "tests/e2e/api.h"
#include "tests/e2e/small_disk.h"
#include "tests/support/private_kafka.h"
#include "tests/support/require.h"
#include "tests/support/table_rows.h"
#include "tests/support/wait_for.h"

// A cluster that fails for real: brokers that die one after the other.
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KafkaFaults : public Api {
 protected:
  static ConnectorSettings Sink(const std::string& brokers) {
    return {{"connector.class", "kafka"}, {"topics.regex", "shop\\.public\\..*"},
            {"brokers", brokers},         {"tombstones", "false"},
            {"timeout_ms", "10000"},      {"transaction_timeout_ms", "15000"},
            {"topic_partitions", "1"}};
  }
  void Pause(std::chrono::milliseconds time) {
    Signal never;
    never.WaitUntil(std::chrono::steady_clock::now() + time, {});
  }
  // As a reader of committed records folds the topics.
  std::vector<std::string> Differences(const KafkaClient& client) {
    Fold fold;
    std::vector<std::string> differs;
    for (const std::string& table : shop_->tables()) {
      const auto records = client.Read("shop." + table);
      if (!records.ok()) return {records.error().what};
      for (const KafkaRecord& record : *records) fold.Accept(record.value.value_or("a null value"));
    }
    for (const std::string& table : shop_->tables()) {
      const auto rows = ReadTable(shop_->database().session(), table);
      if (!rows.ok()) return {rows.error().what};
      for (std::string& text : fold.Difference(table, *rows)) differs.push_back(std::move(text));
    }
    differs.insert(differs.end(), fold.violations().begin(), fold.violations().end());
    if (fold.duplicates() > 0) differs.push_back(std::to_string(fold.duplicates()) + " events are there twice");
    return differs;
  }
  void ExpectSame(const KafkaClient& client) {
    std::vector<std::string> differs;
    WaitFor(
        [&] {
          differs = Differences(client);
          return differs.empty();
        },
        seconds(120), std::chrono::milliseconds(500));
    EXPECT_THAT(differs, IsEmpty()) << headgate_->Stderr();
  }
};

// With HEADGATE_NIGHTLY set for two minutes.
TEST_F(KafkaFaults, OneOfThreeBrokersIsKilledAtRandomUnderLoadAndNothingIsLostOrThereTwice) {
  std::unique_ptr<PrivateKafkaCluster> cluster;
  HG_WITH_SERVER("kafka", cluster, PrivateKafkaCluster::Start());
  ASSERT_TRUE(cluster->AwaitBrokers(PrivateKafkaCluster::kNodes).ok());
  Create("shop", shop_->Source());
  Create("out", Sink(cluster->address()));
  shop_->StartLoad(41, 100);
  std::mt19937 random(41);
  const auto end = std::chrono::steady_clock::now() + seconds(std::getenv("HEADGATE_NIGHTLY") != nullptr ? 120 : 20);
  while (std::chrono::steady_clock::now() < end) {
    const int node = static_cast<int>(random() % PrivateKafkaCluster::kNodes);
    cluster->KillNode(node);
    Pause(std::chrono::milliseconds(500 + random() % 3'000));
    const Status started = cluster->StartNode(node);
    ASSERT_TRUE(started.ok()) << started.error().what;
    ASSERT_TRUE(cluster->AwaitBrokers(PrivateKafkaCluster::kNodes).ok());
    Pause(std::chrono::milliseconds(random() % 2'000));
  }
  shop_->StopLoad();
  const auto client = cluster->Connect();
  ASSERT_TRUE(client.ok()) << client.error().what;
  ExpectSame(*client);
}

// It ends with its only disk. What the sink has waits for it.
TEST_F(KafkaFaults, ABrokerWhoseDiskIsFullLosesNothingOfASinkThatGoesOnOnceThereIsRoom) {
  SmallDisk disk(160);
  if (!disk.mounted())
    HG_REQUIRE_MACHINE("root", "a small tmpfs cannot be mounted here, so nothing is known of a full disk");
  std::unique_ptr<PrivateKafka> kafka;
  HG_WITH_SERVER("kafka", kafka, PrivateKafka::Start({.data_dir = disk.path() + "/kafka"}));
  Create("shop", shop_->Source());
  Create("out", Sink(kafka->address()));
  shop_->StartLoad(7, 100);
  Pause(std::chrono::seconds(2));
  disk.Fill();
  ASSERT_TRUE(shop_->database()
                  .Exec("INSERT INTO public.orders SELECT 500000 + g, 1, 1, '{}', repeat(md5(g::text), 12) FROM "
                        "generate_series(1, 20000) g")
                  .ok());
  EXPECT_TRUE(headgate_->WaitForLine("connector lost its peer", seconds(60))) << headgate_->Stderr();
  EXPECT_THAT(kafka->OutputEnd(), HasSubstr("all log dirs"));
  shop_->StopLoad();
  kafka->KillHard();
  disk.Empty();
  ASSERT_TRUE(kafka->StartAgain().ok()) << kafka->OutputEnd();
  EXPECT_EQ(StateOf("out"), "RUNNING");
  const auto client = kafka->Connect();
  ASSERT_TRUE(client.ok()) << client.error().what;
  ExpectSame(*client);
}

}  // namespace
}  // namespace headgate::test
