#include <gtest/gtest.h>

#include "sinks/webhook/breaker.h"
#include "sinks/webhook/outcome.h"
#include "sinks/webhook/retry.h"
#include "sinks/webhook/settings_text.h"

namespace headgate::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(WebhookOutcome, W4EveryRowOfTheTableLeadsToItsAction) {
  StatusSet non_retryable;
  non_retryable.set(422);
  struct Row {
    int status;
    bool retry_after;
    std::size_t events;
    Action action;
    std::string_view error_class;
    bool breaker;
    bool refused;
  };
  const Row rows[] = {
      {200, false, 1, Action::kDone, "", false, false},
      {204, false, 1, Action::kDone, "", false, false},
      {299, false, 1, Action::kDone, "", false, false},
      {301, false, 1, Action::kRetry, "status_4xx", true, true},
      {304, false, 1, Action::kRetry, "status_4xx", true, true},
      {400, false, 1, Action::kRetry, "status_4xx", true, true},
      {401, false, 1, Action::kRetry, "status_4xx", true, true},
      {404, false, 1, Action::kRetry, "status_4xx", true, true},
      {408, false, 1, Action::kRetry, "throttled", true, false},
      {410, false, 1, Action::kDisable, "status_4xx", false, false},
      {410, true, 5, Action::kDisable, "status_4xx", false, false},
      {413, false, 2, Action::kSplit, "status_4xx", false, false},
      {413, false, 1, Action::kRetry, "status_4xx", true, true},
      {422, false, 1, Action::kDeadLetter, "status_4xx", false, true},
      {425, false, 1, Action::kRetry, "throttled", true, false},
      {429, false, 1, Action::kRetry, "throttled", true, false},
      {429, true, 1, Action::kRetry, "throttled", false, false},
      {500, false, 1, Action::kRetry, "status_5xx", true, false},
      {503, true, 1, Action::kRetry, "status_5xx", true, false},
      {599, false, 1, Action::kRetry, "status_5xx", true, false},
      {600, false, 1, Action::kRetry, "broken", true, false},
      {999, false, 1, Action::kRetry, "broken", true, false},
      {0, false, 1, Action::kRetry, "broken", true, false},
      {101, false, 1, Action::kRetry, "broken", true, false},
  };
  for (const Row& row : rows) {
    const Verdict verdict = JudgeStatus(row.status, row.retry_after, row.events, non_retryable);
    EXPECT_EQ(verdict, (Verdict{row.action, row.error_class, row.breaker, row.refused})) << row.status;
  }
}

TEST(WebhookOutcome, W4NoAnswerIsRetriedAndTheGuardIsAMatterOfConfiguration) {
  for (const Trouble trouble :
       {Trouble::kResolve, Trouble::kConnect, Trouble::kTls, Trouble::kTimeout, Trouble::kBroken}) {
    EXPECT_EQ(JudgeTrouble(trouble).action, Action::kRetry);
    EXPECT_TRUE(JudgeTrouble(trouble).counts_for_breaker);
  }
  EXPECT_EQ(JudgeTrouble(Trouble::kGuard).action, Action::kConfigure);
  EXPECT_FALSE(JudgeTrouble(Trouble::kGuard).counts_for_breaker);
}

TEST(WebhookOutcome, W4OnlyRefusalsMayBeNonRetryable) {
  for (const int status : {300, 308, 400, 404, 422, 499}) EXPECT_TRUE(MayBeNonRetryable(status)) << status;
  for (const int status : {200, 299, 408, 410, 425, 429, 500, 503}) EXPECT_FALSE(MayBeNonRetryable(status)) << status;
}

TEST(WebhookRetry, W5MemoryWaitsHaveFullJitterUpToFiveMinutes) {
  Jitter jitter(7);
  for (std::uint32_t n = 0; n < 64; ++n) {
    const milliseconds bound = std::min<milliseconds>(minutes(5), n < 20 ? seconds(1LL << n) : seconds(1 << 20));
    milliseconds least = bound;
    milliseconds most{0};
    for (int i = 0; i < 200; ++i) {
      const milliseconds wait = MemoryWait(n, jitter);
      least = std::min(least, wait);
      most = std::max(most, wait);
    }
    EXPECT_GE(least.count(), 0);
    EXPECT_LT(least, bound / 10) << "the jitter does not reach down, n = " << n;
    EXPECT_LE(most, bound);
    EXPECT_GT(most, bound * 9 / 10) << "the jitter does not reach up, n = " << n;
  }
}

TEST(WebhookRetry, W5TheScheduleHasTenPercentOfJitterAndAnEnd) {
  const std::vector<milliseconds> schedule = {seconds(5), minutes(5)};
  Jitter jitter(7);
  milliseconds least = minutes(10);
  milliseconds most{0};
  for (int i = 0; i < 500; ++i) {
    const auto wait = StoreWait(schedule, 1, jitter);
    ASSERT_TRUE(wait);
    least = std::min(least, *wait);
    most = std::max(most, *wait);
  }
  EXPECT_GE(least, milliseconds(270'000));
  EXPECT_LT(least, milliseconds(275'000));
  EXPECT_LE(most, milliseconds(330'000));
  EXPECT_GT(most, milliseconds(325'000));
  EXPECT_FALSE(StoreWait(schedule, 2, jitter));
}

TEST(WebhookRate, AtMostTheGivenRequestsPerSecondPass) {
  RateLimit rate(10);
  RateLimit::Time now{};
  int passed = 0;
  for (int ms = 0; ms < 2000; ++ms, now += milliseconds(1)) passed += rate.Take(now);
  EXPECT_GE(passed, 20);
  EXPECT_LE(passed, 21);
  while (rate.Take(now)) {
  }
  EXPECT_GT(rate.Next(now), now);
  EXPECT_LE(rate.Next(now), now + milliseconds(101));
  RateLimit unlimited(0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(unlimited.Take(now));
}

class WebhookBreaker : public testing::Test {
 protected:
  Breaker breaker_{10, minutes(5)};
  Breaker::Time now_{std::chrono::hours(1)};

  void FailTimes(int count) {
    for (int i = 0; i < count; ++i) breaker_.Failed(now_, false);
  }
};

TEST_F(WebhookBreaker, W6OpensAfterTenFailuresInARow) {
  FailTimes(9);
  EXPECT_FALSE(breaker_.open());
  FailTimes(1);
  EXPECT_TRUE(breaker_.open());
  EXPECT_FALSE(breaker_.Admits(now_));
}

TEST_F(WebhookBreaker, W6ASuccessEndsTheRow) {
  FailTimes(9);
  breaker_.Succeeded(now_);
  FailTimes(9);
  EXPECT_FALSE(breaker_.open());
}

TEST_F(WebhookBreaker, W6OpensWhenHalfOfTwentyAttemptsWithinAMinuteFail) {
  for (int i = 0; i < 9; ++i) {
    breaker_.Succeeded(now_);
    breaker_.Failed(now_, false);
    now_ += seconds(3);
  }
  breaker_.Succeeded(now_);
  EXPECT_FALSE(breaker_.open()) << "19 attempts are too few";
  breaker_.Failed(now_, false);
  EXPECT_TRUE(breaker_.open());
}

TEST_F(WebhookBreaker, W6AttemptsOlderThanAMinuteDoNotCount) {
  for (int i = 0; i < 40; ++i) {
    breaker_.Succeeded(now_);
    breaker_.Failed(now_, false);
    now_ += seconds(7);
  }
  EXPECT_FALSE(breaker_.open());
}

TEST_F(WebhookBreaker, W6AdmitsOneProbeAfterFiveSecondsAndDoublesTheWaitUpToItsLimit) {
  FailTimes(10);
  seconds wait(5);
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(breaker_.probe_at() - now_, wait);
    now_ += wait - milliseconds(1);
    EXPECT_FALSE(breaker_.Admits(now_));
    now_ += milliseconds(1);
    ASSERT_TRUE(breaker_.Admits(now_));
    breaker_.Sent();
    EXPECT_FALSE(breaker_.Admits(now_)) << "a second probe";
    breaker_.Failed(now_, true);
    wait = std::min<seconds>(wait * 2, minutes(5));
  }
  now_ = breaker_.probe_at();
  breaker_.Sent();
  breaker_.Succeeded(now_);
  EXPECT_FALSE(breaker_.open());
  EXPECT_TRUE(breaker_.Admits(now_));
  FailTimes(10);
  EXPECT_EQ(breaker_.probe_at() - now_, seconds(5)) << "the wait starts anew";
}

TEST_F(WebhookBreaker, W6FailuresOfRequestsSentBeforeItOpenedDoNotMoveTheProbe) {
  FailTimes(10);
  const auto probe_at = breaker_.probe_at();
  FailTimes(7);
  EXPECT_EQ(breaker_.probe_at(), probe_at);
}

TEST_F(WebhookBreaker, W6AFailureOfARequestSentBeforeItOpenedDoesNotEndTheProbe) {
  FailTimes(10);
  now_ = breaker_.probe_at();
  breaker_.Sent();
  breaker_.Failed(now_, false);
  breaker_.Neutral(now_, false);
  EXPECT_TRUE(breaker_.probing());
  EXPECT_FALSE(breaker_.Admits(now_ + minutes(10))) << "a second probe";
  breaker_.Failed(now_, true);
  EXPECT_EQ(breaker_.probe_at() - now_, seconds(10)) << "doubled once";
}

TEST_F(WebhookBreaker, W5ARetryByAPersonEndsTheWaitForTheNextProbe) {
  breaker_.EndWait(now_);
  EXPECT_FALSE(breaker_.open());
  FailTimes(10);
  breaker_.EndWait(now_);
  ASSERT_TRUE(breaker_.Admits(now_));
  breaker_.Sent();
  breaker_.Failed(now_, true);
  EXPECT_EQ(breaker_.probe_at() - now_, seconds(10)) << "only the one";
  now_ = breaker_.probe_at();
  breaker_.Sent();
  breaker_.EndWait(now_);
  EXPECT_FALSE(breaker_.Admits(now_)) << "a probe is under way";
  breaker_.Failed(now_, true);
  EXPECT_TRUE(breaker_.Admits(now_)) << "it was asked for while the probe was under way";
  breaker_.Sent();
  breaker_.Failed(now_, true);
  EXPECT_FALSE(breaker_.Admits(now_));
}

TEST_F(WebhookBreaker, W6TimeSpentOpenIsCounted) {
  FailTimes(10);
  now_ += seconds(6);
  EXPECT_EQ(breaker_.OpenFor(now_), seconds(6));
  breaker_.Sent();
  breaker_.Succeeded(now_);
  now_ += seconds(100);
  EXPECT_EQ(breaker_.OpenFor(now_), seconds(6));
}

TEST(WebhookText, WaitsHaveUnits) {
  EXPECT_EQ(ParseWait("5s"), milliseconds(5000));
  EXPECT_EQ(ParseWait("250ms"), milliseconds(250));
  EXPECT_EQ(ParseWait("30m"), milliseconds(1'800'000));
  EXPECT_EQ(ParseWait("2h"), milliseconds(7'200'000));
  EXPECT_EQ(ParseWait("1d"), milliseconds(86'400'000));
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "5sec", "1.5s", "99999999999999999999s", "401d"})
    EXPECT_FALSE(ParseWait(bad)) << bad;
}

TEST(WebhookText, W12TimesAreRfc3339) {
  EXPECT_EQ(ParseTime("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(ParseTime("2026-03-04T05:06:07.123456Z"), 1'772'600'767'123'456);
  EXPECT_EQ(ParseTime("2026-03-04T07:06:07+02:00"), 1'772'600'767'000'000);
  EXPECT_EQ(ParseTime("2026-03-04T01:36:07-03:30"), 1'772'600'767'000'000);
  for (const char* bad : {"", "2026-03-04", "2026-03-04T05:06:07", "2026-02-31T00:00:00Z", "2026-13-01T00:00:00Z",
                          "2026-03-04T24:00:00Z", "2026-03-04T05:06:07.Z", "2026-03-04T05:06:07Zx"}) {
    EXPECT_FALSE(ParseTime(bad)) << bad;
  }
}

TEST(WebhookText, HeadersOfOursAndHopByHopOnesAreReserved) {
  for (const char* name : {"Host", "content-type", "Content-Length", "WEBHOOK-ID", "webhook-signature", "Connection",
                           "TE", "transfer-encoding", "Upgrade", "User-Agent", "Idempotency-Key"}) {
    EXPECT_TRUE(IsReservedHeader(name)) << name;
  }
  for (const char* name : {"X-Team", "Authorization", "Accept", "X-Content-Type"})
    EXPECT_FALSE(IsReservedHeader(name)) << name;
  EXPECT_TRUE(IsHeaderName("X-Team"));
  for (const char* name : {"", "X Team", "X:Team", "X\r\nTeam", "Ä"}) EXPECT_FALSE(IsHeaderName(name)) << name;
  EXPECT_TRUE(IsHeaderValue("a b"));
  for (const char* value : {"a\r\nb", "a\nb", " a", "a ", "a\x01"}) EXPECT_FALSE(IsHeaderValue(value)) << value;
}

TEST(WebhookText, JsonMembersAreFoundAtTheTopLevelOnly) {
  const std::string_view json = R"({"id":"a\"b","key":{"id":42,"n":"}"},"l":[1,{"key":2}],"t":true})";
  EXPECT_EQ(JsonMember(json, "key"), R"({"id":42,"n":"}"})");
  EXPECT_EQ(JsonMember(json, "id"), R"("a\"b")");
  EXPECT_EQ(JsonMember(json, "l"), R"([1,{"key":2}])");
  EXPECT_EQ(JsonMember(json, "t"), "true");
  EXPECT_EQ(JsonMember(json, "n"), "");
  for (const char* odd : {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "[]", "{\"a\":\"", "x"})
    EXPECT_EQ(JsonMember(odd, "k"), "") << odd;
}

}  // namespace
}  // namespace headgate::webhook
