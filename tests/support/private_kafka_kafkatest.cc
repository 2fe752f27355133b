#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/private_kafka.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Values(const std::vector<KafkaRecord>& records) {
  std::vector<std::string> values;
  for (const KafkaRecord& record : records) values.push_back(record.value.value_or("(none)"));
  return values;
}

std::vector<std::string> ValuesIn(const KafkaClient& client, const std::string& topic,
                                  KafkaIsolation isolation = KafkaIsolation::kCommitted) {
  const auto records = client.Read(topic, isolation);
  if (!records.ok()) return {records.error().what};
  return Values(*records);
}

TEST(PrivateKafka, AcknowledgedRecordsAreThereAfterKillAndStart) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start());
  HG_WITH_SERVER("kafka", auto client, server->Connect());
  ASSERT_TRUE(client.CreateTopic("kept").ok());
  ASSERT_TRUE(client.Produce("kept", {{.value = "1"}}).ok());
  server->KillHard();
  EXPECT_FALSE(KafkaClient::Connect({{"bootstrap.servers", server->address()}}, 1'000).ok());
  Status again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_THAT(ValuesIn(client, "kept"), ElementsAre("1"));
  ASSERT_TRUE(client.Produce("kept", {{.value = "2"}}).ok());
  ASSERT_TRUE(server->Stop().ok());
  again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_THAT(ValuesIn(client, "kept"), ElementsAre("1", "2"));
}

TEST(PrivateKafka, FrozenItAcceptsConnectionsAndNeverAnswers) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start());
  ASSERT_TRUE(server->Freeze().ok());
  EXPECT_FALSE(KafkaClient::Connect({{"bootstrap.servers", server->address()}}, 1'000).ok());
  ASSERT_TRUE(server->Thaw().ok());
  EXPECT_TRUE(server->Connect().ok());
}

TEST(PrivateKafka, SettingsOfATestWin) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start({.settings = {"message.max.bytes=2000"}}));
  HG_WITH_SERVER("kafka", auto client, server->Connect());
  ASSERT_TRUE(client.CreateTopic("small").ok());
  EXPECT_TRUE(client.Produce("small", {{.value = std::string(1'000, 'x')}}).ok());
  const Status large = client.Produce("small", {{.value = std::string(3'000, 'x')}});
  ASSERT_FALSE(large.ok());
  EXPECT_THAT(large.error().what, ::testing::HasSubstr("small"));
}

TEST(PrivateKafka, OwnIdentityDiffersFromTheOthers) {
  HG_WITH_SERVER("kafka", auto one, PrivateKafka::Start());
  HG_WITH_SERVER("kafka", auto two, PrivateKafka::Start({.own_identity = true}));
  HG_WITH_SERVER("kafka", auto first, one->Connect());
  HG_WITH_SERVER("kafka", auto second, two->Connect());
  HG_WITH_SERVER("kafka", const std::string id, first.ClusterId());
  HG_WITH_SERVER("kafka", const std::string other_id, second.ClusterId());
  EXPECT_NE(id, other_id);
}

}  // namespace
}  // namespace headgate::test
