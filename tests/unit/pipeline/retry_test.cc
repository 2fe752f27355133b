#include "core/pipeline/retry.h"

#include <gtest/gtest.h>

#include "core/pipeline/status.h"

namespace headgate {
namespace {

TEST(Retry, EveryKindOfErrorHasItsAction) {
  EXPECT_EQ(ActionFor(ErrorKind::kTransient), Action::kRetry);
  EXPECT_EQ(ActionFor(ErrorKind::kRejected), Action::kDeadLetter);
  EXPECT_EQ(ActionFor(ErrorKind::kConfig), Action::kWaitForPerson);
  EXPECT_EQ(ActionFor(ErrorKind::kCorrupt), Action::kWaitForPerson);
  EXPECT_EQ(ActionFor(ErrorKind::kStopped), Action::kEnd);
}

TEST(BackOff, GrowsToItsLimitAndStartsAgainAfterAReset) {
  BackOff wait(500, 30'000);
  for (int round = 0; round < 2; ++round) {
    for (const std::int64_t full : {500, 1000, 2000, 4000, 8000, 16'000, 30'000, 30'000}) {
      const std::int64_t ms = wait.NextMs();
      EXPECT_GE(ms, full / 2);
      EXPECT_LE(ms, full);
    }
    wait.Reset();
    EXPECT_EQ(wait.attempts(), 0U);
  }
  for (int i = 0; i < 10'000; ++i) EXPECT_LE(wait.NextMs(), 30'000);
}

TEST(State, NamesAreThoseOfConnect_KC10) {
  EXPECT_EQ(Name(State::kUnassigned), "UNASSIGNED");
  EXPECT_EQ(Name(State::kRunning), "RUNNING");
  EXPECT_EQ(Name(State::kPaused), "PAUSED");
  EXPECT_EQ(Name(State::kStopped), "STOPPED");
  EXPECT_EQ(Name(State::kFailed), "FAILED");
  EXPECT_EQ(Name(State::kRestarting), "RESTARTING");
  EXPECT_EQ(Name(TargetState::kRunning), "RUNNING");
  EXPECT_EQ(Name(TargetState::kPaused), "PAUSED");
  EXPECT_EQ(Name(TargetState::kStopped), "STOPPED");
}

}  // namespace
}  // namespace headgate
