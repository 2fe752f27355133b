// A silent read of the snapshot: who waits for a lock, who is given up, and what people are told.
#include "connectors/postgres/silence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::postgres {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Row Activity(int pid, const std::string& state, const std::string& wait_type, const std::string& event,
             const std::string& blockers) {
  return {std::to_string(pid), state, wait_type, event, blockers};
}

SilenceVerdict Judge(const Row& row, int lasted_ms) {
  Options options;
  options.host = "db";
  options.port = "5432";
  options.dbname = "shop";
  options.stale_after = milliseconds(1'000);
  return JudgeSilence(options, {{7, "public.t", milliseconds(lasted_ms)}}, {row}, 1'700'000'000'000'000);
}

TEST(Silence, ALockIsWaitedForHoweverLong) {
  const auto verdict = Judge(Activity(7, "active", "Lock", "relation", "12,0"), 3'600'000);
  EXPECT_FALSE(verdict.lost.has_value());
  ASSERT_EQ(verdict.findings.size(), 1U);
  const Finding& finding = verdict.findings[0];
  EXPECT_EQ(finding.summary,
            "reading table public.t has waited since 2023-11-14T21:13:20.000000Z for a lock of process 12 and a "
            "prepared transaction");
  EXPECT_EQ(finding.fix, "SELECT pg_terminate_backend(12);");
  EXPECT_THAT(finding.hint, HasSubstr("pg_prepared_xacts"));
}

TEST(Silence, AProcessThatWaitsForUsIsGivenUpAfterStaleAfter) {
  EXPECT_FALSE(Judge(Activity(7, "active", "Client", "ClientWrite", ""), 999).lost.has_value());
  const auto verdict = Judge(Activity(7, "active", "Client", "ClientWrite", ""), 1'000);
  ASSERT_TRUE(verdict.lost.has_value());
  EXPECT_EQ(verdict.lost->kind, ErrorKind::kTransient);
  EXPECT_THAT(verdict.lost->what, HasSubstr("table public.t on db:5432/shop got nothing for 1000 ms (stale_after_ms)"));
  EXPECT_TRUE(Judge(Activity(7, "idle in transaction", "Client", "ClientRead", ""), 1'000).lost.has_value());
}

TEST(Silence, AProcessThatWorksGetsTenTimesAsLongAndIsTold) {
  const auto verdict = Judge(Activity(7, "active", "IO", "DataFileRead", ""), 9'999);
  EXPECT_FALSE(verdict.lost.has_value());
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_THAT(verdict.findings[0].summary, HasSubstr("process 7 is active, IO DataFileRead"));
  EXPECT_TRUE(Judge(Activity(7, "active", "", "", ""), 10'000).lost.has_value());
}

TEST(Silence, AProcessThatIsGoneIsGivenUpAtOnce) {
  EXPECT_TRUE(Judge(Activity(8, "active", "", "", ""), 1).lost.has_value());
  EXPECT_TRUE(Judge({"7"}, 1).lost.has_value()) << "an answer that makes no sense";
}

TEST(Silence, TheQuestionNamesEveryProcess) {
  EXPECT_THAT(SilenceSql({{7, "a", {}}, {9, "b", {}}}), HasSubstr("pid IN (7, 9)"));
}

}  // namespace
}  // namespace headgate::postgres
