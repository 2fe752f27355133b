#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/webhook/delivery_rig.h"

namespace headgate::webhook {
namespace {

using State = DeadLetter::State;

TEST_F(WebhookDelivery, W4A410DisablesTheEndpointAndLeavesTheEventUndelivered) {
  Use({});
  const At at = Write(events_.Insert(1));
  Write(events_.Insert(2));
  Answer(410);
  ASSERT_FALSE(delivery_->state().ok());
  EXPECT_EQ(delivery_->state().error().kind, ErrorKind::kConfig);
  EXPECT_NE(delivery_->state().error().what.find("ndpoint disabled"), std::string::npos);
  EXPECT_FALSE(IsDone(at));
  EXPECT_TRUE(context_.stored.empty());
  const int sent = transport_.sent;
  Pass(minutes(60));
  EXPECT_EQ(transport_.sent, sent);
  EXPECT_FALSE(delivery_->Room());
  EXPECT_EQ(delivery_->Telemetry().phase, "disabled");
}

TEST_F(WebhookDelivery, W4TheGuardsRefusalIsAConfigurationErrorAndCountsAgainstNoEvent) {
  Use({{"memory_retry_ms", "0"}});
  Write(events_.Insert(1));
  Break(Trouble::kGuard);
  EXPECT_EQ(delivery_->state().error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(WebhookDelivery, W4RetryAfterHoldsTheWholeEndpointUpToTheCap) {
  Use({{"retry_after_cap_ms", "60000"}});
  const At first = Write(events_.Insert(1));
  Answer(429, seconds(7200));
  Write(events_.Insert(2));
  EXPECT_EQ(UnderWay(), 0U);
  Pass(seconds(59));
  EXPECT_EQ(UnderWay(), 0U);
  EXPECT_EQ(delivery_->Telemetry().phase, "waiting");
  Pass(seconds(2));
  EXPECT_EQ(UnderWay(), 2U);
  Answer(200);
  EXPECT_TRUE(IsDone(first));
}

TEST_F(WebhookDelivery, W5ARetryByAPersonEndsTheHoldOfRetryAfter) {
  Use({{"memory_retry_ms", "0"}, {"on_failure", "dead_letter"}, {"parallelism", "1"}});
  for (int id = 1; id <= 3; ++id) {
    Write(events_.Insert(id));
    Answer(503, seconds(id));
    Pass(seconds(id));
  }
  ASSERT_EQ(context_.letters.size(), 3U);
  Write(events_.Insert(4));
  Answer(429, seconds(3600));
  EXPECT_EQ(UnderWay(), 0U);
  AskFor({1, 2});
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)}));
  Answer(429, seconds(3600));
  EXPECT_EQ(UnderWay(), 0U) << "the endpoint asked anew; one request of the person does not end that too";
  EXPECT_EQ(Letter(1).attempts, 2U);
  AskFor({3});
  ASSERT_EQ(UnderWay(), 1U);
  Answer(200);
  EXPECT_EQ(UnderWay(), 1U) << "nothing holds any longer";
}

TEST_F(WebhookDelivery, W5ARetryByAPersonIsTheProbeOfAnOpenBreakerAtOnce) {
  Use({{"memory_retry_ms", "0"}, {"on_failure", "dead_letter"}, {"breaker_failures", "2"}});
  Write(events_.Insert(1));
  Answer(500);
  Write(events_.Insert(2));
  Break();
  ASSERT_EQ(context_.letters.size(), 2U);
  ASSERT_TRUE(delivery_->Telemetry().breaker_open);
  const At waits = Write(events_.Insert(3));
  Pass(seconds(1));
  EXPECT_EQ(UnderWay(), 0U);
  AskFor({1});
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)})) << "before what waits for longer";
  Answer(500);
  EXPECT_EQ(UnderWay(), 0U) << "the endpoint is still down";
  delivery_->Hurry(std::vector<std::uint64_t>{1});  // the sink has it already
  delivery_->Dispatch();
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)}));
  Answer(200);
  EXPECT_FALSE(context_.letters.contains(1));
  EXPECT_FALSE(delivery_->Telemetry().breaker_open);
  while (UnderWay() > 0) Answer(200);
  EXPECT_TRUE(IsDone(waits));
}

TEST_F(WebhookDelivery, W5ARetryByAPersonGoesAtOnceWhereARogueSinkIsSlowed) {
  Use({{"memory_retry_ms", "0"}, {"on_failure", "dead_letter"}, {"parallelism", "1"}, {"breaker_failures", "1000"}});
  context_.failures_max_in_row = 1;
  for (int id = 1; id <= 3; ++id) Write(events_.Insert(id));
  Answer(500);
  Answer(500);
  ASSERT_EQ(context_.letters.size(), 2U);
  EXPECT_EQ(UnderWay(), 0U) << "one a minute";
  AskFor({2});
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(2)}));
}

TEST_F(WebhookDelivery, W3WhileRetryAfterHoldsTheEndpointWhatWasRetriedLongEnoughIsStored) {
  Use({{"memory_retry_ms", "10000"}});
  const At at = Write(events_.Insert(1));
  Answer(503, seconds(600));
  Pass(seconds(9));
  EXPECT_TRUE(context_.stored.empty());
  Pass(seconds(2));
  EXPECT_EQ(context_.stored, (std::vector<At>{at}));
}

TEST_F(WebhookDelivery, W6WhileTheBreakerIsOpenNothingIsCountedOrStoredAndOneProbeGoesOut) {
  Use({{"memory_retry_ms", "60000"}});
  for (int id = 1; id <= 30; ++id) Write(events_.Insert(id));
  for (int i = 0; i < 200 && delivery_->Telemetry().phase != "breaker_open"; ++i) {
    while (UnderWay() > 0 && delivery_->Telemetry().phase != "breaker_open") Break();
    Pass(milliseconds(200));
  }
  ASSERT_TRUE(delivery_->Telemetry().breaker_open);
  while (UnderWay() > 0) Break();
  for (int i = 0; i < 100; ++i) {
    Pass(minutes(6));
    ASSERT_EQ(UnderWay(), 1U) << "one probe";
    EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)})) << "the oldest";
    Break();
  }
  EXPECT_TRUE(context_.stored.empty()) << "an outage made dead letters";
  EXPECT_TRUE(context_.done.empty());
  Pass(minutes(6));
  Answer(200);
  EXPECT_FALSE(delivery_->Telemetry().breaker_open);
  for (int i = 0; i < 100 && !delivery_->idle(); ++i) {
    while (UnderWay() > 0) Answer(200);
    Pass(seconds(1));
  }
  EXPECT_EQ(context_.done.size(), 30U);
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(WebhookDelivery, W6ARequestThatTimesOutBesideTheProbeBringsNoSecondProbe) {
  Use({{"breaker_failures", "1"}});
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  Break();  // opens the breaker; the other request is still under way
  Pass(seconds(6));
  ASSERT_EQ(UnderWay(), 2U) << "the probe beside it";
  Break(Trouble::kTimeout);
  Pass(minutes(10));
  EXPECT_EQ(UnderWay(), 1U) << "only the probe";
}

TEST_F(WebhookDelivery, AP14MoreFailuresInARowThanTheLimitSlowAttemptsToOneAMinute) {
  Use({{"memory_retry_ms", "86400000"}, {"parallelism", "1"}, {"breaker_failures", "1000"}});
  for (int id = 1; id <= 30; ++id) Write(events_.Insert(id));
  context_.failures_max_in_row = 4;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(UnderWay(), 1U) << "fresh events go out at once";
    Answer(500);
  }
  EXPECT_EQ(delivery_->Telemetry().failures_in_row, 5U);
  EXPECT_FALSE(delivery_->Telemetry().breaker_open);
  EXPECT_EQ(UnderWay(), 0U);
  EXPECT_EQ(delivery_->NextWake(), clock_.Now() + minutes(1));
  EXPECT_EQ(delivery_->Telemetry().next_probe_us, clock_.NowUs() + 60'000'000);
  for (int i = 0; i < 3; ++i) {
    Pass(seconds(59));
    EXPECT_EQ(UnderWay(), 0U);
    Pass(seconds(1));
    ASSERT_EQ(UnderWay(), 1U);
    Answer(500);
  }
  EXPECT_EQ(UnderWay(), 0U);
  context_.failures_max_in_row = 100;  // a person raised the limit
  delivery_->Dispatch();
  ASSERT_EQ(UnderWay(), 1U);
  context_.failures_max_in_row = 4;
  Answer(200);
  EXPECT_EQ(delivery_->Telemetry().failures_in_row, 0U);
  EXPECT_EQ(UnderWay(), 1U) << "a success ends it";
}

TEST_F(WebhookDelivery, AP14WhileTheBreakerIsOpenItsProbesAreThePace) {
  Use({{"parallelism", "1"}});
  for (int id = 1; id <= 30; ++id) Write(events_.Insert(id));
  for (int i = 0; i < 10; ++i) Answer(500);
  ASSERT_TRUE(delivery_->Telemetry().breaker_open);
  for (const int wait : {5, 10, 20, 40, 80}) {
    Pass(seconds(wait) - milliseconds(1));
    EXPECT_EQ(UnderWay(), 0U);
    Pass(milliseconds(1));
    ASSERT_EQ(UnderWay(), 1U) << "the probe after " << wait << " s";
    Answer(500);
    EXPECT_GT(delivery_->Telemetry().failures_in_row, context_.failures_max());
  }
}

TEST_F(WebhookDelivery, W6AnEventThatIsRefusedItselfDoesNotKeepTheBreakerOpenForOthers) {
  Use({});
  Write(events_.Insert(1));
  for (int i = 0; i < 2000 && !delivery_->Telemetry().breaker_open; ++i) {
    while (UnderWay() > 0) Answer(400);
    Pass(seconds(1));
  }
  ASSERT_TRUE(delivery_->Telemetry().breaker_open);
  const At good = Write(events_.Insert(2));
  for (int i = 0; i < 3 && !IsDone(good); ++i) {
    Pass(minutes(6));
    while (UnderWay() > 0) Answer(transport_.under_way.front().Id() == IdOf(1) ? 400 : 200);
  }
  EXPECT_TRUE(IsDone(good));
}

TEST_F(WebhookDelivery, W7ABatchGoesOutWhenItIsFullOrOldEnough) {
  Use({{"batch_events_max", "3"}});
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  delivery_->Dispatch();
  EXPECT_EQ(UnderWay(), 0U);
  EXPECT_LE(delivery_->NextWake(), clock_.Now() + milliseconds(50));
  Write(events_.Update(1));
  delivery_->Dispatch();
  ASSERT_EQ(UnderWay(), 1U);
  const auto json = nlohmann::json::parse(transport_.under_way.front().Body());
  ASSERT_EQ(json.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(json[i]["id"], IdOf(i + 1)) << "log order";
  Write(events_.Update(1, "behind"));
  Pass(milliseconds(60));
  EXPECT_EQ(UnderWay(), 1U) << "two batches in flight share a key";
  Write(events_.Insert(9));
  Pass(milliseconds(60));
  EXPECT_EQ(UnderWay(), 2U);
  Answer(200);
  EXPECT_EQ(context_.done.size(), 3U);
}

TEST_F(WebhookDelivery, W7TheIdOfABatchIsMadeOfItsFirstAndLastEvent) {
  Use({{"batch_events_max", "2"}});
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  delivery_->Dispatch();
  // printf 'shop:0-00000000016e9f01:1\nshop:0-00000000016e9f02:1' | sha256sum
  EXPECT_EQ(Ids(), (std::vector<std::string>{"batch:fabd92d7265afb383bafc2e9b4be3f78"}));
}

TEST_F(WebhookDelivery, W7BatchesRespectTheirBytes) {
  Use({{"batch_events_max", "100"}, {"batch_bytes_max", "2000"}});
  for (int id = 1; id <= 3; ++id) Write(events_.Insert(id, std::string(600, 'x')));
  Write(events_.Insert(4, std::string(5000, 'x')));
  Pass(milliseconds(60));
  ASSERT_GE(UnderWay(), 3U);
  for (const auto& sent : transport_.under_way) {
    const auto json = nlohmann::json::parse(sent.Body());
    EXPECT_TRUE(sent.Body().size() <= 2000 || json.size() == 1) << "a batch of several over the limit";
  }
}

TEST_F(WebhookDelivery, W7A413SplitsTheBatchInHalvesUntilItFits) {
  Use({{"batch_events_max", "8"}, {"parallelism", "1"}});
  for (int id = 1; id <= 8; ++id) Write(events_.Insert(id % 2));  // two keys
  std::vector<std::string> delivered;
  for (int i = 0; i < 100 && !delivery_->idle(); ++i) {
    Pass(milliseconds(60));
    while (UnderWay() > 0) {
      const auto json = nlohmann::json::parse(transport_.under_way.front().Body());
      if (json.size() <= 2) {
        for (const auto& event : json) delivered.push_back(event["id"]);
      }
      Answer(json.size() > 2 ? 413 : 200);
    }
  }
  std::vector<std::string> expected;
  for (Seq seq = 1; seq <= 8; ++seq) expected.push_back(IdOf(seq));
  EXPECT_EQ(delivered, expected);
  EXPECT_EQ(context_.done.size(), 8U);
  EXPECT_EQ(transport_.sent, 1 + 2 + 4) << "8, then two of 4, then four of 2";
}

TEST_F(WebhookDelivery, W7SingleResultsFailSingleEvents) {
  Use({{"batch_events_max", "4"}, {"batch_item_results", "true"}, {"memory_retry_ms", "1000"}});
  std::vector<At> at;
  for (int id = 1; id <= 4; ++id) at.push_back(Write(events_.Insert(id)));
  delivery_->Dispatch();
  Answer(200, {},
         R"({"failures":[{"id":")" + IdOf(2) + R"(","retry":true},{"id":")" + IdOf(3) +
             R"(","retry":false},{"id":"unknown"}]})");
  EXPECT_TRUE(IsDone(at[0]));
  EXPECT_TRUE(IsDone(at[3]));
  EXPECT_FALSE(IsDone(at[1]));
  EXPECT_EQ(context_.stored, (std::vector<At>{at[2]}));
  EXPECT_EQ(Letter(1).state, State::kDead);
  Pass(seconds(2));
  ASSERT_EQ(UnderWay(), 1U);
  EXPECT_EQ(nlohmann::json::parse(transport_.under_way.front().Body())[0]["id"], IdOf(2));
  Answer(200);
  EXPECT_TRUE(IsDone(at[1]));
}

TEST_F(WebhookDelivery, W7AFailedBatchIsStoredEventByEvent) {
  Use({{"batch_events_max", "2"}, {"memory_retry_ms", "0"}});
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  delivery_->Dispatch();
  Answer(500);
  ASSERT_EQ(context_.letters.size(), 2U);
  EXPECT_EQ(Letter(2).event_id, IdOf(2));
  EXPECT_EQ(nlohmann::json::parse(Letter(2).body)["id"], IdOf(2));
  ASSERT_TRUE(delivery_->Retry(Letter(2)).ok());
  delivery_->Dispatch();
  EXPECT_EQ(nlohmann::json::parse(transport_.under_way.front().Body()).size(), 1U)
      << "still an array, as the receiver expects";
}

TEST_F(WebhookDelivery, W13ATooLargeEventIsADeadLetterInItsTurn) {
  Use({{"event_bytes_max", "1000"}, {"after_dead_letter", "park"}});
  const At first = Write(events_.Insert(1));
  const At large = Write(events_.Update(1, std::string(1000, 'x')));
  const At last = Write(events_.Update(1));
  EXPECT_TRUE(context_.stored.empty()) << "before its turn";
  Answer(200);
  EXPECT_TRUE(IsDone(first));
  EXPECT_EQ(context_.stored, (std::vector<At>{large, last}));
  EXPECT_EQ(Letter(1).state, State::kDead);
  EXPECT_EQ(Letter(1).error_class, "too_large");
  ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
  EXPECT_EQ(Letter(1).state, State::kDead) << "still too large";
  EXPECT_EQ(Letter(1).attempts, 1U);
}

TEST_F(WebhookDelivery, W14ADebeziumKeyChangeGoesOutAsDeleteThenCreate) {
  Use({{"format", "debezium"}, {"memory_retry_ms", "0"}, {"breaker_failures", "1000"}});
  const At at = Write(events_.Update(2, "x", 1));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1) + "-d"}));
  Answer(200);
  EXPECT_FALSE(IsDone(at));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1) + "-c"}));
  Answer(500);
  ASSERT_EQ(context_.letters.size(), 1U);
  EXPECT_EQ(Letter(1).event_id, IdOf(1) + "-c") << "what is left";
  ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
  delivery_->Dispatch();
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1) + "-c"}));
  EXPECT_NE(transport_.under_way.front().Body().find(R"("op":"c")"), std::string::npos);
}

TEST_F(WebhookDelivery, TheQueueIsBoundedInEventsAndBytes) {
  Use({{"parallelism", "1"}});
  int taken = 0;
  for (; delivery_->Room() && taken < 20'000; ++taken) Write(events_.Insert(taken));
  EXPECT_EQ(taken, 10'000);
  Answer(200);
  EXPECT_TRUE(delivery_->Room());
  Use({{"parallelism", "1"}});
  transport_.under_way.clear();
  for (taken = 0; delivery_->Room() && taken < 10'000; ++taken) Write(events_.Insert(taken, std::string(100'000, 'x')));
  EXPECT_GT(taken, 150);
  EXPECT_LT(taken, 180);
}

TEST_F(WebhookDelivery, TheRateIsAnUpperBound) {
  Use({{"request_rate_max", "10"}});
  for (int id = 0; id < 200; ++id) Write(events_.Insert(id));
  for (int ms = 0; ms < 3000; ms += 10) {
    while (UnderWay() > 0) Answer(200);
    Pass(milliseconds(10));
  }
  EXPECT_GE(transport_.sent, 29);
  EXPECT_LE(transport_.sent, 32);
}

TEST_F(WebhookDelivery, TelemetryTellsWhatHappens) {
  Use({});
  EXPECT_EQ(delivery_->Telemetry().phase, "delivering");
  Write(events_.Insert(1));
  SinkTelemetry t = delivery_->Telemetry();
  EXPECT_EQ(t.in_flight, 1U);
  EXPECT_GT(t.queue_bytes, 0U);
  EXPECT_EQ(t.oldest_pending_commit_us, events_.commit_us);
  clock_.Pass(milliseconds(3));
  Answer(401);
  t = delivery_->Telemetry();
  EXPECT_EQ(t.phase, "waiting");
  EXPECT_EQ(t.failures_in_row, 1U);
  EXPECT_EQ(t.retries.at("status_4xx"), 1U);
  EXPECT_EQ(t.last_error, "HTTP 401");
  EXPECT_NE(t.last_error_hint.find("credentials"), std::string::npos);
  EXPECT_EQ(t.request_ms_buckets.size(), std::size(kLatencyBoundsMs) + 1);
  EXPECT_EQ(t.request_ms_buckets[2], 0U);
  EXPECT_EQ(t.request_ms_buckets[3], 1U);
  Pass(seconds(1));
  Answer(200);
  t = delivery_->Telemetry();
  EXPECT_EQ(t.delivered, 1U);
  EXPECT_EQ(t.oldest_pending_commit_us, 0);
  EXPECT_EQ(t.failures_in_row, 0U);
  EXPECT_TRUE(t.last_error.empty());
  EXPECT_EQ(t.end_to_end_ms_buckets.back(), 1U);
  EXPECT_GT(t.last_success_us, 0);
}

}  // namespace
}  // namespace headgate::webhook
