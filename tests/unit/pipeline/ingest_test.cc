#include "core/pipeline/ingest.h"

#include <thread>

#include "tests/unit/log/in_child.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::InsertedIds;
using test::SourceScript;

using Ids = std::vector<std::int64_t>;

struct IngestLoop : test::LogHome {
  ~IngestLoop() { Stop(); }

  void Start() {
    source_ = std::make_unique<test::ScriptedSource>(script_);
    events_ = std::move(*Events::Open(*store_, clock_));
    ingest_ = std::make_unique<Ingest>(*log_, *events_, *source_, "shop", "", "postgresql");
    thread_ = std::jthread([this](std::stop_token stop) { ended_ = ingest_->Run(stop); });
  }
  void Stop() { thread_ = std::jthread(); }
  Error Join() {
    thread_.join();
    return ended_.ok() ? Error{} : ended_.error();
  }
  void Push(std::vector<std::uint64_t> lsns) { script_->steps.TryPush({std::move(lsns), std::nullopt, std::nullopt}); }
  bool AwaitAcknowledged(std::uint64_t lsn) {
    return test::Eventually(script_->news, [&] { return script_->acknowledged >= lsn; });
  }

  std::shared_ptr<SourceScript> script_ = std::make_shared<SourceScript>();
  std::unique_ptr<Events> events_;
  std::unique_ptr<test::ScriptedSource> source_;
  std::unique_ptr<Ingest> ingest_;
  Status ended_ = Ok();
  std::jthread thread_;
};

// Sources that are read while they are written, and such that are not.
class Ingesting : public testing::TestWithParam<bool>, protected IngestLoop {
 protected:
  void SetUp() override { script_->reads_ahead = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Sources, Ingesting, testing::Bool(),
                         [](const auto& one) { return one.param ? "ReadAhead" : "InTurn"; });

TEST_P(Ingesting, WhatIsReadIsDurableBeforeItIsAcknowledged_P2) {
  Start();
  Push({10, 20});
  Push({30});
  ASSERT_TRUE(AwaitAcknowledged(30));
  EXPECT_FALSE(script_->acknowledged_early);
  EXPECT_TRUE(ingest_->opened());
  Stop();
  EXPECT_EQ(ended_.error().kind, ErrorKind::kStopped);
  Reopen();
  EXPECT_EQ(InsertedIds(test::ReadAll(*log_)), (Ids{10'000, 20'000, 30'000}));
}

TEST_P(Ingesting, AfterARestartWhatIsDecodedAgainIsDropped_P2) {
  Start();
  Push({10, 20});
  ASSERT_TRUE(AwaitAcknowledged(20));
  Stop();
  Reopen();
  Start();
  Push({10, 20, 30});
  ASSERT_TRUE(AwaitAcknowledged(30));
  EXPECT_EQ(script_->resumed_after, 20U);
  EXPECT_EQ(InsertedIds(test::ReadAll(*log_)), (Ids{10'000, 20'000, 30'000}));
}

TEST_P(Ingesting, StateWithoutATransactionIsKept) {
  Start();
  script_->steps.TryPush({{}, std::nullopt, "keep-alive at 77"});
  EXPECT_TRUE(test::Eventually(script_->news,
                               [&] { return log_->progress("shop") && !log_->progress("shop")->resume.empty(); }));
  EXPECT_EQ(log_->progress("shop")->resume, "keep-alive at 77");
}

TEST_P(Ingesting, WhatTheSourceReportsIsAnEventOfTheSameWrite_4_11) {
  Start();
  ServiceEvent event;
  event.kind = "snapshot";
  event.summary = "snapshot begun";
  script_->steps.TryPush({{10}, std::nullopt, "at 10", {event}});
  ASSERT_TRUE(AwaitAcknowledged(10));
  Stop();
  const auto events = test::ReadEvents(*store_);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "snapshot");
  EXPECT_EQ(events[0].connector, "shop");
  EXPECT_EQ(events[0].actor, "service");
}

TEST_P(Ingesting, PauseStopsReadingAndKeepsTheConnectionAlive_KC13) {
  Start();
  Push({10});
  ASSERT_TRUE(AwaitAcknowledged(10));
  ingest_->SetPaused(true);
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->keep_alives > 0; }));
  const int reads = script_->reads;
  Push({20});
  const int alive = script_->keep_alives;
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->keep_alives >= alive + 2; }));
  EXPECT_EQ(script_->reads, reads);
  EXPECT_EQ(log_->progress("shop")->last->a, 10U);
  ingest_->SetPaused(false);
  EXPECT_TRUE(AwaitAcknowledged(20));
}

TEST_P(Ingesting, AnErrorEndsTheLoopWithItAndWhatWasReadBeforeIsKept) {
  Start();
  Push({10});
  script_->steps.TryPush({{}, Transient("connection lost"), std::nullopt});
  EXPECT_EQ(Join().what, "connection lost");
  EXPECT_EQ(log_->progress("shop")->last->a, 10U);
}

TEST_P(Ingesting, AnErrorOfOpenEndsItBeforeAnythingIsRead) {
  script_->open_errors.TryPush(ConfigError("no such database"));
  Start();
  EXPECT_EQ(Join().what, "no such database");
  EXPECT_FALSE(ingest_->opened());
  EXPECT_EQ(script_->reads, 0);
}

TEST_P(Ingesting, StopEndsAStuckReadAtOnce) {
  script_->stuck = true;
  Start();
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->reads == 1; }));
  Stop();
  EXPECT_EQ(ended_.error().kind, ErrorKind::kStopped);
}

class IngestingAhead : public testing::Test, protected IngestLoop {};

TEST_F(IngestingAhead, ASourceIsReadWhileWhatItGaveIsBeingWritten) {
  script_->reads_ahead = true;
  script_->steps.TryPush({{10}, std::nullopt, std::nullopt, {}, 2});
  Push({20});
  Start();
  ASSERT_TRUE(AwaitAcknowledged(20));
  EXPECT_TRUE(script_->read_meanwhile);
  EXPECT_FALSE(script_->acknowledged_early);
  Stop();
  EXPECT_EQ(InsertedIds(test::ReadAll(*log_)), (Ids{10'000, 20'000}));
}

#if HEADGATE_FAILPOINTS
// Writes: 1 the directory's identity, 2 the source, 3 the first append, 4 the second.
void IntakeWaitsForTheDisk(bool ahead) {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:4", 1);
  IngestLoop loop;
  loop.script_->reads_ahead = ahead;
  loop.Start();
  loop.Push({10});
  ASSERT_TRUE(loop.AwaitAcknowledged(10));
  loop.Push({20});
  ASSERT_TRUE(loop.AwaitAcknowledged(20));
  EXPECT_FALSE(loop.script_->acknowledged_early);
  EXPECT_GT(loop.script_->keep_alives, 0) << "the connection is kept meanwhile";
  EXPECT_EQ(loop.script_->opens, 1);
  EXPECT_EQ(InsertedIds(test::ReadAll(*loop.log_)), (Ids{10'000, 20'000}));
}
TEST(IngestFailedWrite, IsRepeatedUntilDurableAndNothingIsAcknowledgedBefore_CG08) {
  HG_IN_CHILD([] { IntakeWaitsForTheDisk(false); });
  HG_IN_CHILD([] { IntakeWaitsForTheDisk(true); });
}
#endif

}  // namespace
}  // namespace headgate
