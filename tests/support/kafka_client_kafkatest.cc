#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/require.h"
#include "tests/support/shared_kafka.h"

namespace headgate::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::string> ReadValues(const TestTopics& topics, const std::string& topic, KafkaIsolation isolation) {
  const auto records = topics.client().Read(topic, isolation);
  if (!records.ok()) return {records.error().what};
  std::vector<std::string> values;
  for (const KafkaRecord& record : *records) values.push_back(record.value.value_or("(none)"));
  return values;
}

TEST(KafkaClient, RecordsComeBackAsTheyWere) {
  HG_WITH_SERVER("kafka", auto topics, TestTopics::Create());
  const std::string topic = topics->Name("whole");
  ASSERT_TRUE(topics->client().CreateTopic(topic, 2, {{"cleanup.policy", "compact"}}).ok());
  const std::string bytes("a\0b", 3);
  const Status produced =
      topics->client().Produce(topic, {{.partition = 1,
                                        .timestamp_ms = 1'700'000'000'123,
                                        .key = bytes,
                                        .value = "v",
                                        .headers = {{"h", "1"}, {"h", bytes}, {"none", std::nullopt}, {"empty", ""}}},
                                       {.partition = 0, .key = "gone", .value = std::nullopt},
                                       {.partition = 0, .key = "", .value = ""}});
  ASSERT_TRUE(produced.ok()) << produced.error().what;
  const auto records = topics->client().Read(topic);
  ASSERT_TRUE(records.ok()) << records.error().what;
  ASSERT_EQ(records->size(), 3U);
  const KafkaRecord& tombstone = (*records)[0];
  EXPECT_EQ(tombstone.partition, 0);
  EXPECT_EQ(tombstone.offset, 0);
  EXPECT_EQ(tombstone.key, "gone");
  EXPECT_EQ(tombstone.value, std::nullopt);
  EXPECT_TRUE(tombstone.headers.empty());
  EXPECT_GT(tombstone.timestamp_ms, 1'700'000'000'123);
  const KafkaRecord& empty = (*records)[1];
  EXPECT_EQ(empty.offset, 1);
  EXPECT_EQ(empty.key, "");
  EXPECT_EQ(empty.value, "");
  const KafkaRecord& whole = (*records)[2];
  EXPECT_EQ(whole.partition, 1);
  EXPECT_EQ(whole.key, bytes);
  EXPECT_EQ(whole.value, "v");
  EXPECT_EQ(whole.timestamp_ms, 1'700'000'000'123);
  EXPECT_THAT(whole.headers,
              ElementsAre(Pair("h", "1"), Pair("h", bytes), Pair("none", std::nullopt), Pair("empty", "")));
}

TEST(KafkaClient, AnEmptyTopicIsReadToItsEnd) {
  HG_WITH_SERVER("kafka", auto topics, TestTopics::Create());
  ASSERT_TRUE(topics->client().CreateTopic(topics->Name("empty"), 3).ok());
  const auto records = topics->client().Read(topics->Name("empty"));
  ASSERT_TRUE(records.ok()) << records.error().what;
  EXPECT_TRUE(records->empty());
}

TEST(KafkaClient, WhatIsOpenOrAbortedIsSeenOnlyUncommitted) {
  HG_WITH_SERVER("kafka", auto topics, TestTopics::Create());
  const std::string topic = topics->Name("transactions");
  ASSERT_TRUE(topics->client().CreateTopic(topic).ok());
  const auto transactions = KafkaTransactions::Open(topics->settings(), topic);
  ASSERT_TRUE(transactions.ok()) << transactions.error().what;
  ASSERT_TRUE(transactions->Begin().ok());
  ASSERT_TRUE(transactions->Produce(topic, {{.value = "aborted"}}).ok());
  ASSERT_TRUE(transactions->Abort().ok());
  ASSERT_TRUE(transactions->Begin().ok());
  ASSERT_TRUE(transactions->Produce(topic, {{.value = "committed"}, {.value = "too"}}).ok());
  ASSERT_TRUE(transactions->Commit().ok());
  ASSERT_TRUE(transactions->Begin().ok());
  ASSERT_TRUE(transactions->Produce(topic, {{.value = "open"}}).ok());
  EXPECT_THAT(ReadValues(*topics, topic, KafkaIsolation::kCommitted), ElementsAre("committed", "too"));
  EXPECT_THAT(ReadValues(*topics, topic, KafkaIsolation::kUncommitted),
              ElementsAre("aborted", "committed", "too", "open"));
}

TEST(KafkaClient, WhoTakesATransactionalIdFencesTheOneBefore) {
  HG_WITH_SERVER("kafka", auto topics, TestTopics::Create());
  const std::string topic = topics->Name("fenced");
  ASSERT_TRUE(topics->client().CreateTopic(topic).ok());
  const auto first = KafkaTransactions::Open(topics->settings(), topic);
  ASSERT_TRUE(first.ok()) << first.error().what;
  ASSERT_TRUE(first->Begin().ok());
  ASSERT_TRUE(first->Produce(topic, {{.value = "lost"}}).ok());
  const auto second = KafkaTransactions::Open(topics->settings(), topic);
  ASSERT_TRUE(second.ok()) << second.error().what;
  EXPECT_FALSE(first->Commit().ok());
  EXPECT_THAT(ReadValues(*topics, topic, KafkaIsolation::kCommitted), ElementsAre());
}

TEST(KafkaClient, ATopicThatIsNotThereIsNotMade) {
  HG_WITH_SERVER("kafka", auto topics, TestTopics::Create());
  const std::string topic = topics->Name("nowhere");
  EXPECT_EQ(topics->client().Read(topic).error().kind, ErrorKind::kRejected);
  EXPECT_FALSE(topics->client().CreateTopic(topic, 1, {{"no.such.setting", "1"}}).ok());
  EXPECT_EQ(topics->client().PartitionsOf(topic).error().kind, ErrorKind::kRejected);
}

}  // namespace
}  // namespace headgate::test
