#include "core/pipeline/chunk_ledger.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

constexpr auto kDone = static_cast<std::uint32_t>(SnapshotState::kCompleted);
constexpr auto kFailed = static_cast<std::uint32_t>(SnapshotState::kFailed);

class ChunkLedgerTest : public ::testing::Test {
 protected:
  stored::ChunkLedger stored_;
  ChunkLedger ledger_{stored_};
};

TEST_F(ChunkLedgerTest, RunsAreNumberedAndFoundByTableUntilTheyEnd) {
  auto& first = ledger_.Begin(SnapshotMode::kInitial, {"a.x", "a.y"}, 10);
  EXPECT_EQ(first.run(), 1U);
  EXPECT_TRUE(ledger_.IsPlanned("a.x"));
  EXPECT_FALSE(ledger_.IsRead("a.x"));
  EXPECT_NE(ledger_.FindUnfinished("a.y"), nullptr);
  first.mutable_tables(0)->set_state(kDone);
  EXPECT_FALSE(ledger_.EndIfDone(first, 20));
  EXPECT_FALSE(ledger_.IsPlanned("a.x"));
  first.mutable_tables(1)->set_state(kDone);
  EXPECT_TRUE(ledger_.EndIfDone(first, 20));
  EXPECT_EQ(StateOf(first), SnapshotState::kCompleted);
  EXPECT_EQ(first.ended_us(), 20);
  EXPECT_TRUE(ledger_.Unfinished().empty());
  EXPECT_EQ(ledger_.TakeRun(), 2U);
  EXPECT_EQ(ledger_.Begin(SnapshotMode::kFull, {"a.x"}, 30).run(), 3U);
  EXPECT_FALSE(ledger_.IsPlanned("a.x")) << "what is read beside a stream that goes on is no first reading";
}

TEST_F(ChunkLedgerTest, OneTableThatFailedFailsTheWhole) {
  auto& snapshot = ledger_.Begin(SnapshotMode::kFull, {"a.x", "a.y"}, 1);
  snapshot.mutable_tables(0)->set_state(kFailed);
  snapshot.mutable_tables(1)->set_state(kDone);
  EXPECT_TRUE(ledger_.EndIfDone(snapshot, 2));
  EXPECT_EQ(StateOf(snapshot), SnapshotState::kFailed);
}

TEST_F(ChunkLedgerTest, BehindAGapATableIsUnreadAndItsReadingsEnd) {
  ledger_.SetRead("a.x");
  ledger_.SetRead("a.x");
  EXPECT_EQ(stored_.read_size(), 1);
  auto& snapshot = ledger_.Begin(SnapshotMode::kFull, {"a.x"}, 1);
  ledger_.Forget("a.x", 5);
  EXPECT_FALSE(ledger_.IsRead("a.x"));
  EXPECT_EQ(StateOf(snapshot), SnapshotState::kCancelled);
}

TEST_F(ChunkLedgerTest, ATableThatBeginsAnewDoesSoInARunOfItsOwn) {
  auto& snapshot = ledger_.Begin(SnapshotMode::kInitial, {"a.x", "a.y"}, 1);
  snapshot.mutable_tables(0)->set_chunks(3);
  ledger_.Restart(snapshot, *snapshot.mutable_tables(0), 2);
  EXPECT_EQ(StateOf(snapshot.tables(0)), SnapshotState::kCancelled);
  const auto unfinished = ledger_.Unfinished();
  ASSERT_EQ(unfinished.size(), 2U);
  EXPECT_EQ(unfinished[1]->run(), 2U);
  EXPECT_EQ(unfinished[1]->tables(0).table(), "a.x");
  EXPECT_TRUE(unfinished[1]->tables(0).stale_rows()) << "rows were sent that nothing else takes back";
  EXPECT_TRUE(ledger_.IsPlanned("a.x"));
}

TEST_F(ChunkLedgerTest, ATimeOfPauseIsCounted) {
  auto& snapshot = ledger_.Begin(SnapshotMode::kFull, {"a.x"}, 1);
  ledger_.SetState(snapshot, SnapshotState::kPaused, 100);
  ledger_.SetState(snapshot, SnapshotState::kPending, 130);
  ledger_.SetState(snapshot, SnapshotState::kPaused, 200);
  ledger_.SetState(snapshot, SnapshotState::kCancelled, 205);
  EXPECT_EQ(snapshot.paused_us(), 35);
  EXPECT_EQ(snapshot.paused_since_us(), 0);
}

TEST_F(ChunkLedgerTest, OldOnesAreDroppedButNoneThatHasNotEnded) {
  ledger_.Begin(SnapshotMode::kFull, {"a.open"}, 1);
  for (int i = 0; i < 100; ++i) {
    auto& snapshot = ledger_.Begin(SnapshotMode::kFull, {"a.x"}, 1);
    snapshot.mutable_tables(0)->set_state(kDone);
    ledger_.EndIfDone(snapshot, 2);
  }
  EXPECT_LT(stored_.snapshots_size(), 30);
  EXPECT_NE(ledger_.Find(1), nullptr);
  EXPECT_NE(ledger_.Find(101), nullptr);
  EXPECT_EQ(ledger_.Find(2), nullptr);
}

TEST(SnapshotStates, HaveNamesBothWays) {
  for (const auto state : {SnapshotState::kPending, SnapshotState::kRunning, SnapshotState::kPaused,
                           SnapshotState::kCompleted, SnapshotState::kCancelled, SnapshotState::kFailed})
    EXPECT_EQ(ParseSnapshotState(Name(state)), state);
  EXPECT_FALSE(ParseSnapshotState("done"));
}

}  // namespace
}  // namespace headgate
