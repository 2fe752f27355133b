#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/private_kafka.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using ::testing::IsSupersetOf;

std::vector<std::string> ValuesOf(const Result<std::vector<KafkaRecord>>& records) {
  std::vector<std::string> values;
  if (!records.ok()) return values;
  for (const KafkaRecord& record : *records) values.push_back(record.value.value_or(""));
  return values;
}

// What was refused while too few were left may be there or not: the leader may have it before it knows.
TEST(PrivateKafkaCluster, WritesOnWhenTheLeaderDiesAndRefusesWhenTooFewAreLeft) {
  HG_WITH_SERVER("kafka", auto cluster, PrivateKafkaCluster::Start());
  HG_WITH_SERVER("kafka", auto client, cluster->Connect());
  Status done = client.CreateTopic("replicated", 1, {}, PrivateKafkaCluster::kNodes);
  ASSERT_TRUE(done.ok()) << done.error().what;
  done = client.Produce("replicated", {{.value = "three"}});
  ASSERT_TRUE(done.ok()) << done.error().what;

  HG_WITH_SERVER("kafka", const int leader, client.LeaderOf("replicated"));
  ASSERT_GE(leader, 1);
  const int first = leader - 1;
  cluster->KillNode(first);
  done = client.Produce("replicated", {{.value = "two"}});
  ASSERT_TRUE(done.ok()) << done.error().what << cluster->OutputEnd((first + 1) % 3);
  EXPECT_TRUE(WaitFor([&] {  // a broker may learn of the new leader later
    const auto now = client.LeaderOf("replicated");
    return now.ok() && *now >= 1 && *now != leader;
  }));

  const int second = (first + 1) % PrivateKafkaCluster::kNodes;
  cluster->KillNode(second);
  HG_WITH_SERVER("kafka", const auto alone,
                 KafkaClient::Connect({{"bootstrap.servers", cluster->address()}, {"message.timeout.ms", "5000"}}));
  EXPECT_FALSE(alone.Produce("replicated", {{.value = "one"}}).ok());

  for (const int node : {first, second}) {
    done = cluster->StartNode(node);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  done = cluster->AwaitBrokers(PrivateKafkaCluster::kNodes);
  ASSERT_TRUE(done.ok()) << done.error().what;
  done = client.Produce("replicated", {{.value = "again"}});
  ASSERT_TRUE(done.ok()) << done.error().what;
  EXPECT_TRUE(WaitFor(
      [&] {
        const auto in_sync = client.InSync("replicated");
        return in_sync.ok() && *in_sync == PrivateKafkaCluster::kNodes;
      },
      std::chrono::seconds(60)));
  EXPECT_THAT(ValuesOf(client.Read("replicated")), IsSupersetOf({"three", "two", "again"}));
}

}  // namespace
}  // namespace headgate::test
