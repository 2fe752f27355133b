#include "sinks/webhook/delivery.h"

#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "core/base/encoding.h"
#include "tests/unit/webhook/sample_events.h"

namespace headgate::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = DeadLetter::State;

// Requests under way; the test answers them.
class FakeTransport final : public Transport {
 public:
  struct Sent {
    std::string request;
    Job* job;
    std::string Id() const {
      const std::size_t at = request.find("webhook-id: ") + 12;
      return request.substr(at, request.find("\r\n", at) - at);
    }
    std::string Body() const { return request.substr(request.find("\r\n\r\n") + 4); }
  };
  bool CanSend() const override { return true; }
  void Send(std::string request, Job& job) override {
    under_way.push_back({std::move(request), &job});
    ++sent;
  }
  std::deque<Sent> under_way;
  int sent = 0;
};

class WebhookDelivery : public testing::Test {
 protected:
  void Use(config::FlatConfig settings) {
    settings_ = ReadSettings(std::move(settings));
    ASSERT_TRUE(settings_.errors.empty()) << settings_.errors.front().text;
    auto writer = RequestWriter::Create(settings_.options);
    ASSERT_TRUE(writer.ok());
    writer_.emplace(std::move(*writer));
    delivery_ = std::make_unique<Delivery>(settings_.options, context_, *writer_, transport_, 1);
  }
  At Write(const Event& event) {
    const Status status = delivery_->Write(event);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return event.at;
  }
  // Answers the oldest request under way.
  void Answer(int status, std::optional<seconds> retry_after = {}, std::string_view body = "") {
    ASSERT_FALSE(transport_.under_way.empty()) << "nothing was sent";
    const FakeTransport::Sent sent = std::move(transport_.under_way.front());
    transport_.under_way.pop_front();
    delivery_->Answered(*sent.job, {status, retry_after, "X-Answer: yes\r\n", body});
    delivery_->Dispatch();
  }
  void Break(Trouble trouble = Trouble::kConnect) {
    ASSERT_FALSE(transport_.under_way.empty()) << "nothing was sent";
    const FakeTransport::Sent sent = std::move(transport_.under_way.front());
    transport_.under_way.pop_front();
    delivery_->Unanswered(*sent.job, trouble, "connect to 127.0.0.1:9000: refused");
    delivery_->Dispatch();
  }
  void Pass(std::chrono::microseconds time) {
    clock_.Pass(time);
    delivery_->Dispatch();
  }
  // Lets time pass, answering every request with `status`, until the event is stored or the time is over.
  void FailUntilStored(At at, int status, std::chrono::microseconds at_most) {
    for (std::chrono::microseconds passed{0}; passed < at_most; passed += milliseconds(500)) {
      while (!transport_.under_way.empty()) Answer(status);
      if (std::count(context_.stored.begin(), context_.stored.end(), at) > 0) return;
      Pass(milliseconds(500));
    }
  }
  std::size_t UnderWay() const { return transport_.under_way.size(); }
  bool IsDone(At at) const { return context_.done.contains(at); }
  const DeadLetter& Letter(std::uint64_t id) { return context_.letters.at(id); }
  // Ids of the requests under way, in the order they were sent.
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const auto& sent : transport_.under_way) ids.push_back(sent.Id());
    return ids;
  }
  static std::string IdOf(Seq seq) { return "shop:0-" + Hex16(0x16e9f00 + seq) + ":1"; }

  FakeClock clock_;
  FakeContext context_{clock_};
  FakeTransport transport_;
  SampleEvents events_;
  ReadOptions settings_;
  std::optional<RequestWriter> writer_;
  std::unique_ptr<Delivery> delivery_;
};

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

TEST_F(WebhookDelivery, TheFilterIsAppliedBeforeAnythingIsAnAttempt) {
  Use({{"filter", "after.status = paid"}});
  const At open = Write(events_.Insert(1, "open"));
  const At paid = Write(events_.Insert(2, "paid"));
  EXPECT_EQ(context_.done.at(open), Outcome::kFiltered);
  EXPECT_FALSE(IsDone(paid));
  EXPECT_EQ(Ids(), (std::vector<std::string>{IdOf(2)}));
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
  EXPECT_EQ(Letter(2).lane, letter.lane);
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
    return f.id == "dead_letter_store" && f.level == Finding::Level::kError;
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

TEST_F(WebhookDelivery, W2AChangedKeyIsStoredBehindItsOldKeyAndTheNewKeyGoesBehindIt) {
  Use({{"memory_retry_ms", "0"}, {"breaker_failures", "1000"}});
  Write(events_.Insert(1));
  Answer(500);
  Write(events_.Update(2, "moved", 1));
  Write(events_.Update(2, "later"));
  EXPECT_EQ(UnderWay(), 0U);
  ASSERT_EQ(context_.letters.size(), 3U);
  EXPECT_EQ(Letter(2).lane, Letter(1).lane);
  EXPECT_EQ(Letter(3).lane, Letter(1).lane);
}

TEST_F(WebhookDelivery, W2AChangedKeyBetweenTwoStoredKeysWaitsInMemory) {
  Use({{"memory_retry_ms", "0"}, {"breaker_failures", "1000"}});
  Write(events_.Insert(1));
  Answer(500);
  Write(events_.Insert(2));
  Answer(500);
  const At moved = Write(events_.Update(2, "moved", 1));
  EXPECT_EQ(context_.stored.size(), 2U);
  for (const std::uint64_t id : {1, 2}) {
    EXPECT_FALSE(IsDone(moved));
    ASSERT_TRUE(delivery_->Retry(Letter(id)).ok());
    delivery_->Dispatch();
    Answer(200);
    EXPECT_EQ(context_.stored.back(), moved) << "behind the one that is left";
  }
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

// Random answers, random keys, restarts of letters: per key the first successes are in order, nothing is lost.
TEST_F(WebhookDelivery, W2RandomFailuresNeverReorderAKeyAndLoseNothing) {
  for (const std::string batch : {"1", "7"}) {
    context_.done.clear();
    context_.stored.clear();
    transport_.under_way.clear();
    Use({{"batch_events_max", batch},
         {"memory_retry_ms", "300"},
         {"retry_schedule", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"}});
    std::mt19937 random(4711);
    std::map<std::string, std::vector<std::string>> sent_keys;  // key -> ids in order of success
    const Seq first_seq = events_.last_seq() + 1;
    Seq written = 0;
    std::set<std::string> succeeded;
    std::set<std::uint64_t> in_sink;
    for (int round = 0; round < 200'000; ++round) {
      if (written < 3000 && delivery_->Room() && random() % 3 != 0) {
        const int id = static_cast<int>(random() % 12);
        Write(random() % 10 == 0 ? events_.Update(id, "m", (id + 1) % 12) : events_.Insert(id));
        ++written;
      }
      if (!transport_.under_way.empty() && random() % 2 == 0) {
        std::swap(transport_.under_way.front(), transport_.under_way[random() % transport_.under_way.size()]);
        const bool bad_times = round / 500 % 5 == 0;
        const bool good = random() % 10 >= (bad_times ? 9U : 1U);
        const auto body = nlohmann::json::parse(transport_.under_way.front().Body());
        if (good) {
          for (const auto& event : body.is_array() ? body : nlohmann::json::array({body})) {
            if (!succeeded.insert(event["id"]).second) continue;
            sent_keys[event["key"].dump()].push_back(event["id"]);
            if (event.contains("previous_key")) sent_keys[event["previous_key"].dump()].push_back(event["id"]);
          }
        }
        if (random() % 5 == 0 && !good) {
          Break(Trouble::kTimeout);
        } else {
          Answer(good ? 200 : 503);
        }
      }
      Pass(milliseconds(random() % 20));
      // The deliver loop: the first letter of a lane, when it is due.
      std::set<std::string> lanes;
      std::erase_if(in_sink, [&](std::uint64_t id) {
        return !context_.letters.contains(id) || context_.letters[id].next_try_us > clock_.NowUs();
      });
      for (auto& [id, letter] : context_.letters) {
        if (!lanes.insert(letter.lane).second || in_sink.contains(id)) continue;
        if (letter.state == State::kDead) letter.state = State::kRetrying;  // a person
        if (letter.state == State::kWaiting && letter.next_try_us > clock_.NowUs()) continue;
        letter.next_try_us = 0;
        in_sink.insert(id);
        ASSERT_TRUE(delivery_->Retry(DeadLetter(letter)).ok());
        break;
      }
      if (written == 3000 && succeeded.size() == 3000) break;
    }
    EXPECT_EQ(succeeded.size(), 3000U) << "batch " << batch << ", first seq " << first_seq;
    EXPECT_FALSE(context_.stored.empty()) << "the store was never needed";
    for (const auto& [key, ids] : sent_keys) EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << key;
  }
}

}  // namespace
}  // namespace headgate::webhook
