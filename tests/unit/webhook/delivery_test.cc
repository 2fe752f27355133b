#include <gtest/gtest.h>

#include "tests/unit/webhook/delivery_rig.h"

namespace headgate::webhook {
namespace {

using State = DeadLetter::State;

TEST_F(WebhookDelivery, W2OneRequestPerKeyAndKeysInParallelUpToTheLimit) {
  Use({{"parallelism", "3"}});
  Write(events_.Insert(1));
  Write(events_.Update(1));
  Write(events_.Insert(2));
  Write(events_.Insert(3));
  Write(events_.Insert(4));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1), IdOf(3), IdOf(4)}));
  Answer(200);
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(3), IdOf(4), IdOf(2)}))
      << "the key's next event goes before later keys";
}

TEST_F(WebhookDelivery, W3AnEventIsDoneOnlyAfterA2xx) {
  Use({});
  const At at = Write(events_.Insert(1));
  EXPECT_FALSE(IsDone(at));
  Answer(204);
  EXPECT_EQ(context_.done.at(at), Outcome::kDelivered);
  EXPECT_TRUE(delivery_->idle());
}

TEST_F(WebhookDelivery, W13OpsThatAreNotListedAreFiltered) {
  Use({{"ops", "insert"}});
  const At at = Write(events_.Delete(1));
  EXPECT_EQ(context_.done.at(at), Outcome::kFiltered);
  EXPECT_EQ(transport_.sent, 0);
  EXPECT_EQ(delivery_->meter().filtered, 1U);
}

TEST_F(WebhookDelivery, AMarkerThatIsNotSentIsNoFilteredRecord) {
  Use({});
  Event event = events_.Insert(1);
  Change marker = *event.change;
  marker.op = Op::kSchema;
  event.change = &marker;
  EXPECT_EQ(context_.done.at(Write(event)), Outcome::kFiltered);
  EXPECT_EQ(delivery_->Telemetry().filtered, 0U);
}

TEST_F(WebhookDelivery, TheFilterIsAppliedBeforeAnythingIsAnAttempt) {
  Use({{"filter", "after.status = paid"}});
  const At open = Write(events_.Insert(1, "open"));
  const At paid = Write(events_.Insert(2, "paid"));
  EXPECT_EQ(context_.done.at(open), Outcome::kFiltered);
  EXPECT_FALSE(IsDone(paid));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(2)}));
}

TEST_F(WebhookDelivery, AnEventThatIsTooLargeIsFilteredLikeAnyOther) {
  Use({{"filter", "after.status = paid"}, {"event_bytes_max", "1000"}});
  const At large = Write(events_.Insert(1, std::string(1000, 'x')));
  EXPECT_EQ(context_.done.at(large), Outcome::kFiltered);
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(WebhookDelivery, W1EveryAttemptHasTheSameIdAndBodyAndANewTimestamp) {
  Use({});
  Write(events_.Insert(1));
  const std::string first = transport_.under_way.front().request;
  Answer(500);
  Pass(seconds(2));
  ASSERT_EQ(UnderWay(), 1U);
  const std::string second = transport_.under_way.front().request;
  EXPECT_EQ(transport_.under_way.front().Id(), IdOf(1));
  EXPECT_EQ(second.substr(second.find("\r\n\r\n")), first.substr(first.find("\r\n\r\n")));
  EXPECT_NE(first, second);
}

TEST_F(WebhookDelivery, W5AFailedEventIsNotSentAgainAtOnceButWithinItsWait) {
  Use({});
  Write(events_.Insert(1));
  Answer(500);
  EXPECT_EQ(UnderWay(), 0U);
  EXPECT_LE(delivery_->NextWake(), clock_.Now() + seconds(1));
  Pass(milliseconds(1001));
  EXPECT_EQ(UnderWay(), 1U);
}

TEST_F(WebhookDelivery, W2BlockKeyLetsOtherKeysFlowWhileOneFails) {
  Use({});
  Write(events_.Insert(1));
  Answer(500);
  const At second = Write(events_.Update(1));
  const At other = Write(events_.Insert(2));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(3)}));
  Answer(200);
  EXPECT_TRUE(IsDone(other));
  EXPECT_FALSE(IsDone(second));
}

TEST_F(WebhookDelivery, W3AfterMemoryRetryTheEventIsStoredAndLaterOnesOfItsKeyGoBehindIt) {
  Use({{"memory_retry_ms", "3000"}, {"breaker_failures", "1000"}, {"auth", "bearer"}, {"auth_token", "t0k"}});
  const At first = Write(events_.Insert(1));
  const At second = Write(events_.Update(1));
  FailUntilStored(first, 503, seconds(10));
  ASSERT_EQ(context_.stored, (std::vector<At>{first, second}));
  const At third = Write(events_.Update(1, "late"));
  EXPECT_EQ(context_.stored.back(), third);
  const DeadLetter& letter = Letter(1);
  EXPECT_EQ(letter.state, State::kWaiting);
  EXPECT_EQ(letter.event_id, IdOf(1));
  EXPECT_EQ(letter.stream, "shop.public.orders");
  EXPECT_EQ(letter.op, "insert");
  EXPECT_EQ(letter.key, R"({"id":1})");
  EXPECT_EQ(letter.source_position, R"({"commit_lsn":"0/16E9F01","lsn":"0/16E9F28"})");
  EXPECT_EQ(letter.body, letter.record);
  EXPECT_EQ(letter.error_class, "status_5xx");
  EXPECT_EQ(letter.error_status, 503);
  EXPECT_GE(letter.attempts, 2U);
  EXPECT_EQ(letter.history.size(), letter.attempts);
  EXPECT_NE(letter.response.find("HTTP 503\r\nX-Answer: yes"), std::string::npos);
  EXPECT_NE(letter.request.find("Authorization: [hidden]"), std::string::npos);
  EXPECT_EQ(letter.request.find("t0k"), std::string::npos);
  EXPECT_NEAR(static_cast<double>(letter.next_try_us - letter.last_failed_us), 5e6, 0.5e6)
      << "the first entry of the schedule";
  EXPECT_EQ(Letter(2).state, State::kParked);
  EXPECT_EQ(Letter(2).lanes, letter.lanes);
  EXPECT_EQ(Letter(3).attempts, 0U);
  const At other = Write(events_.Insert(2));
  EXPECT_EQ(UnderWay(), 1U) << "another key is not concerned";
  Answer(200);
  EXPECT_TRUE(IsDone(other));
}

TEST_F(WebhookDelivery, W3WithoutTimeInMemoryTheFirstFailureStores) {
  Use({{"memory_retry_ms", "0"}});
  const At at = Write(events_.Insert(1));
  Break();
  EXPECT_EQ(context_.stored, (std::vector<At>{at}));
  EXPECT_EQ(Letter(1).error_class, "connect");
}

TEST_F(WebhookDelivery, W3AStoredLetterThatIsDeliveredIsGoneAndItsKeyFlowsAgain) {
  Use({{"memory_retry_ms", "0"}});
  Write(events_.Insert(1));
  Answer(500);
  ASSERT_EQ(context_.letters.size(), 1U);
  ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
  delivery_->Dispatch();
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)}));
  Answer(200);
  EXPECT_TRUE(context_.letters.empty());
  const At next = Write(events_.Update(1));
  Answer(200);
  EXPECT_TRUE(IsDone(next));
}

TEST_F(WebhookDelivery, W5LettersFollowTheScheduleAndDieAfterItsEnd) {
  Use({{"memory_retry_ms", "0"}, {"retry_schedule", "5s,5m"}, {"breaker_failures", "1000"}});
  Write(events_.Insert(1));
  Answer(500);
  EXPECT_EQ(Letter(1).attempts, 1U);
  const auto retry = [&] {
    ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
    delivery_->Dispatch();
    Answer(500);
  };
  retry();
  EXPECT_EQ(Letter(1).state, State::kWaiting);
  EXPECT_EQ(Letter(1).attempts, 2U);
  EXPECT_NEAR(static_cast<double>(Letter(1).next_try_us - clock_.NowUs()), 300e6, 30e6);
  retry();
  EXPECT_EQ(Letter(1).state, State::kDead);
  EXPECT_EQ(Letter(1).next_try_us, 0);
  EXPECT_EQ(Letter(1).attempts, 3U);
  EXPECT_EQ(Letter(1).history.size(), 3U);
}

TEST_F(WebhookDelivery, W5AParkedLetterMakesItsFirstAttemptBeforeTheSchedule) {
  Use({{"memory_retry_ms", "0"}, {"retry_schedule", "5s,5m"}, {"breaker_failures", "1000"}});
  Write(events_.Insert(1));
  Write(events_.Update(1));
  Answer(500);
  ASSERT_EQ(Letter(2).state, State::kParked);
  ASSERT_TRUE(delivery_->Retry(Letter(2)).ok());
  delivery_->Dispatch();
  Answer(500);
  EXPECT_EQ(Letter(2).state, State::kWaiting);
  EXPECT_NEAR(static_cast<double>(Letter(2).next_try_us - clock_.NowUs()), 5e6, 0.5e6);
}

TEST_F(WebhookDelivery, W2AfterADeadLetterLaterEventsFollow) {
  Use({{"non_retryable", "422"}});
  Write(events_.Insert(1));
  const At second = Write(events_.Update(1));
  Answer(422);
  EXPECT_EQ(Letter(1).state, State::kDead);
  EXPECT_EQ(Letter(1).error_class, "status_4xx");
  EXPECT_FALSE(delivery_->Telemetry().retries.contains("status_4xx")) << "AP27: it is not tried again";
  Answer(200);
  EXPECT_TRUE(IsDone(second));
}

TEST_F(WebhookDelivery, W2AfterADeadLetterLaterEventsAreParked) {
  Use({{"non_retryable", "422"}, {"after_dead_letter", "park"}});
  Write(events_.Insert(1));
  const At second = Write(events_.Update(1));
  Answer(422);
  EXPECT_EQ(Letter(1).state, State::kDead);
  EXPECT_EQ(Letter(2).state, State::kParked);
  EXPECT_EQ(context_.stored.back(), second);
  EXPECT_EQ(UnderWay(), 0U);
}

TEST_F(WebhookDelivery, W2DeadLetterModeStoresAsDeadAfterTheAttemptsInMemory) {
  Use({{"on_failure", "dead_letter"}, {"memory_retry_ms", "2000"}, {"breaker_failures", "1000"}});
  const At at = Write(events_.Insert(1));
  FailUntilStored(at, 500, seconds(10));
  ASSERT_EQ(context_.letters.size(), 1U);
  EXPECT_EQ(Letter(1).state, State::kDead);
  const At next = Write(events_.Update(1));
  Answer(200);
  EXPECT_TRUE(IsDone(next)) << "follow";
}

TEST_F(WebhookDelivery, W2BlockAllLetsNothingPassAndStoresNothing) {
  Use({{"on_failure", "block_all"}, {"memory_retry_ms", "1000"}, {"breaker_failures", "100000"}});
  const At failing = Write(events_.Insert(1));
  Answer(500);
  const At other = Write(events_.Insert(2));
  for (int i = 0; i < 200; ++i) {
    for (const std::string& id : Ids()) EXPECT_EQ(id, IdOf(1)) << "something passed";
    while (UnderWay() > 0) Answer(500);
    Pass(seconds(10));
  }
  EXPECT_TRUE(context_.stored.empty());
  Pass(minutes(6));
  Answer(200);
  EXPECT_TRUE(IsDone(failing));
  Answer(200);
  EXPECT_TRUE(IsDone(other));
}

TEST_F(WebhookDelivery, W3AFullStoreActsLikeBlockAllAndIsAnError) {
  Use({{"memory_retry_ms", "0"}, {"store_bytes_max", "1"}, {"breaker_failures", "1000"}});
  const At first = Write(events_.Insert(1));
  Answer(500);
  const At second = Write(events_.Insert(2));
  Answer(500);  // stored the first one; the store is full now
  EXPECT_EQ(context_.stored, (std::vector<At>{first}));
  Write(events_.Insert(3));
  EXPECT_EQ(UnderWay(), 0U) << "nothing passes";
  const auto findings = delivery_->Telemetry().findings;
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& f) {
    return f.id == "dead_letters" && f.level == Finding::Level::kError;
  }));
  // The letters still go out, and that ends it.
  ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
  delivery_->Dispatch();
  Answer(200);
  EXPECT_TRUE(context_.letters.empty());
  for (int i = 0; i < 20 && !IsDone(second); ++i) {
    Pass(seconds(1));
    while (UnderWay() > 0) Answer(200);
  }
  EXPECT_TRUE(IsDone(second));
  EXPECT_TRUE(delivery_->idle());
}

TEST_F(WebhookDelivery, W6AnOpenBreakerBeforeAFullStoreIsProbedWithALetter) {
  Use({{"memory_retry_ms", "0"}, {"store_bytes_max", "1"}, {"breaker_failures", "1"}});
  const At first = Write(events_.Insert(1));
  Answer(500);  // stored; the store is full and the breaker open
  ASSERT_EQ(context_.stored, (std::vector<At>{first}));
  const At second = Write(events_.Update(1, "later"));
  ASSERT_TRUE(delivery_->Retry(Letter(1)).ok());
  for (int i = 0; i < 20 && !IsDone(second); ++i) {
    Pass(seconds(5));
    while (UnderWay() > 0) Answer(200);
  }
  EXPECT_TRUE(context_.letters.empty());
  EXPECT_TRUE(IsDone(second));
}

TEST_F(WebhookDelivery, W3AFullStoreHoldsNothingOnceNoEventFails) {
  Use({{"memory_retry_ms", "0"}, {"store_bytes_max", "1"}, {"breaker_failures", "1000"}});
  Write(events_.Insert(1));
  Answer(500);
  const At second = Write(events_.Insert(2));
  Answer(500);  // the store is full: it is kept in memory
  const At third = Write(events_.Insert(3));
  EXPECT_EQ(UnderWay(), 0U);
  Pass(seconds(2));
  Answer(200);
  EXPECT_TRUE(IsDone(second));
  ASSERT_EQ(context_.letters.size(), 1U) << "the store is as full as before";
  Answer(200);
  EXPECT_TRUE(IsDone(third));
}

TEST_F(WebhookDelivery, W2ATruncateWaitsForItsStreamAndHoldsIt) {
  Use({});
  Write(events_.Insert(1));
  Write(events_.Truncate());
  Write(events_.Insert(2));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(1)}));
  Answer(200);
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(2)}));
  Answer(200);
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(3)}));
}

}  // namespace
}  // namespace headgate::webhook
