// A rebuild from phase to phase: what is stored, what the sink is told, and the comparison of rows and documents.
#include "core/pipeline/rebuilds.h"

#include <gmock/gmock.h>

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Phase = RebuildPhase;

class ScriptedTarget final : public Rebuilder {
 public:
  Status CanRebuild() const override { return can; }
  void Take(RebuildPlan plan) override {
    told_ = {plan.run, plan.phase, plan.notes, "", plan.due_us};
    plans.push_back(std::move(plan));
  }
  RebuildTold told() const override { return told_; }
  std::vector<std::string> wanted() const override { return wants; }
  void Count(const std::string& stream) override { counts.push_back(stream); }
  std::optional<std::uint64_t> counted() const override { return documents; }

  Status can = Ok();
  RebuildTold told_;
  std::vector<RebuildPlan> plans;
  std::vector<std::string> wants;
  std::vector<std::string> counts;
  void Check(const Event& event) override {
    EXPECT_EQ(event.number, 1U);
    EXPECT_EQ(event.stream->name, "shop.public.orders");
    EXPECT_EQ(event.schema->columns.size(), 2U);
    ++checks;
  }
  std::optional<RebuildChecked> checked() const override { return found; }

  std::optional<std::uint64_t> documents;
  std::optional<RebuildChecked> found = RebuildChecked();
  int checks = 0;
};

// Of four rows, counted one at a time, as of the entry 2.
class FourRows final : public StateReader {
 public:
  Status HasState(const StreamInfo&) override { return Ok(); }
  Result<std::optional<StateRows>> Read(const StreamInfo&, const StatePlace&, Seq) override {
    return std::optional<StateRows>();
  }
  Result<std::unique_ptr<StateCount>> Count(const StreamInfo& stream, Seq not_before, std::uint64_t) override {
    if (not_before > 2 || later) return std::unique_ptr<StateCount>();
    struct Counted final : StateCount {
      explicit Counted(StreamNo number) {
        at_ = 2;
        picked_.StartChange(Op::kRead, number, 1, 0);
        std::string& row = picked_.StartRow(RowImage::kAfter);
        PutInt(row, 5);
        PutBlob(row, ValueKind::kText, "x");
        picked_.EndRow();
        picked_.EndChange();
      }
      Result<bool> Step() override { return ++rows_ == 4; }
    };
    return std::unique_ptr<StateCount>(std::make_unique<Counted>(stream.number));
  }
  std::string trouble() const override { return ""; }
  bool later = false;
};

class RebuildPhases : public test::LogTest {
 protected:
  RebuildPhases() {
    LogWriter& writer = OpenWriter();
    Append(writer, test::Commit(10, Define(writer), 1));
    Start();
  }
  void Start() {
    stored_.Clear();
    sink_ = {};
    rebuilds_ = std::make_unique<Rebuilds>(
        *log_, &rows_, stored_, clock_, [this](const std::string&) -> Result<std::uint64_t> { return letters_; },
        [this](const stored::ChunkedSnapshot&, std::string text) { events_.push_back(std::move(text)); });
    rebuilds_->SetSink(&sink_);
  }
  stored::ChunkedSnapshot& Begin() {
    auto& snapshot = ChunkLedger(stored_).Begin(SnapshotMode::kRebuild, {"shop.public.orders"}, clock_.NowUs());
    rebuilds_->Begin(snapshot);
    rebuilds_->Stored();
    return snapshot;
  }
  bool Step(Seq handed = 2) {
    const auto changed = rebuilds_->Step(handed);
    EXPECT_TRUE(changed.ok());
    return changed.ok() && *changed;
  }
  // The sink has done what the phase is about, and that is stored.
  void Done(Phase next) {
    sink_.told_.phase = next;
    EXPECT_TRUE(Step());
    rebuilds_->Stored();
  }
  stored::ChunkedSnapshot& BeginComparing() {
    stored::ChunkedSnapshot& snapshot = Begin();
    Done(Phase::kDual);
    Done(Phase::kLoad);
    snapshot.mutable_tables(0)->set_state(static_cast<std::uint32_t>(SnapshotState::kCompleted));
    rebuilds_->Loaded(snapshot, true);
    rebuilds_->Stored();
    Done(Phase::kCompare);
    return snapshot;
  }
  void CompareWith(std::uint64_t documents) {
    EXPECT_FALSE(Step());
    EXPECT_TRUE(rebuilds_->HoldsBefore(3));
    rebuilds_->Hold(1);
    EXPECT_FALSE(Step());
    EXPECT_THAT(sink_.counts, ElementsAre("shop.public.orders"));
    EXPECT_TRUE(rebuilds_->HoldsBefore(3));
    sink_.documents = documents;
    for (int i = 0; i < 6 && !Step(); ++i) EXPECT_FALSE(rebuilds_->HoldsBefore(3)) << "only for the documents";
  }

  test::ManualClock clock_;
  FourRows rows_;
  ScriptedTarget sink_;
  stored::ChunkLedger stored_;
  std::uint64_t letters_ = 0;
  std::vector<std::string> events_;
  std::unique_ptr<Rebuilds> rebuilds_;
};

TEST_F(RebuildPhases, TheSinkIsToldOfAPhaseOnceItIsStored) {
  stored::ChunkedSnapshot& snapshot = Begin();
  ASSERT_EQ(sink_.plans.size(), 1U);
  EXPECT_EQ(sink_.plans[0].phase, Phase::kCreate);
  EXPECT_EQ(sink_.plans[0].streams.at(0).stream.name, "shop.public.orders");
  EXPECT_EQ(sink_.plans[0].streams.at(0).version, 1U);
  EXPECT_FALSE(Step());
  sink_.told_.notes = "n";
  sink_.told_.phase = Phase::kDual;
  EXPECT_TRUE(Step());
  EXPECT_EQ(PhaseOf(snapshot), Phase::kDual);
  EXPECT_EQ(sink_.plans.size(), 1U) << "not yet";
  EXPECT_FALSE(Step());
  rebuilds_->Stored();
  ASSERT_EQ(sink_.plans.size(), 2U);
  EXPECT_EQ(sink_.plans[1].notes, "n");
  EXPECT_EQ(sink_.plans[1].tag, sink_.plans[0].tag);
  rebuilds_->Stored();
  EXPECT_EQ(sink_.plans.size(), 2U) << "once";
}

TEST_F(RebuildPhases, EqualItGoesOnAndThenTheOldTargetIsKeptUntilItIsDue) {
  stored::ChunkedSnapshot& snapshot = BeginComparing();
  CompareWith(4);
  EXPECT_EQ(PhaseOf(snapshot), Phase::kSwap);
  rebuilds_->Stored();
  EXPECT_EQ(Rebuilds::Refusal(snapshot, SnapshotState::kCancelled)->kind, SnapshotAnswer::Kind::kConflict);
  sink_.told_.due_us = clock_.NowUs() + 1'000;
  Done(Phase::kRetire);
  EXPECT_EQ(StateOf(snapshot), SnapshotState::kCompleted);
  EXPECT_EQ(snapshot.swapped_at(), "2-1");
  EXPECT_EQ(sink_.plans.back().phase, Phase::kSwap) << "nothing to do yet";
  clock_.now_us += 1'000;
  rebuilds_->Stored();
  EXPECT_EQ(sink_.plans.back().phase, Phase::kRetire);
  Done(Phase::kEnded);
  EXPECT_EQ(PhaseOf(snapshot), Phase::kEnded);
  EXPECT_THAT(events_, ElementsAre(HasSubstr("completed")));
}

TEST_F(RebuildPhases, RowsThatAreDeadLettersMayLackADocumentAndNoOthers) {
  for (const auto& [documents, letters, ends] :
       {std::tuple{3, 0, Phase::kDrop}, {5, 9, Phase::kDrop}, {3, 1, Phase::kSwap}, {2, 1, Phase::kDrop}}) {
    Start();
    letters_ = static_cast<std::uint64_t>(letters);
    stored::ChunkedSnapshot& snapshot = BeginComparing();
    CompareWith(static_cast<std::uint64_t>(documents));
    EXPECT_EQ(PhaseOf(snapshot), ends) << documents << " " << letters;
    if (ends != Phase::kDrop) continue;
    EXPECT_EQ(StateOf(snapshot), SnapshotState::kFailed);
    EXPECT_THAT(snapshot.error(), HasSubstr("which has 4 rows"));
  }
}

TEST_F(RebuildPhases, PickedRowsAreCheckedAndOneThatDiffersFailsIt) {
  stored::ChunkedSnapshot& snapshot = BeginComparing();
  sink_.found.reset();
  CompareWith(4);
  EXPECT_EQ(PhaseOf(snapshot), Phase::kCompare) << "it is not known yet";
  EXPECT_EQ(sink_.checks, 1);
  EXPECT_FALSE(rebuilds_->HoldsBefore(3));
  sink_.found = {1, "field total differs"};
  EXPECT_TRUE(Step());
  EXPECT_EQ(StateOf(snapshot), SnapshotState::kFailed);
  EXPECT_THAT(snapshot.error(), HasSubstr("field total differs; 1 of those"));
}

TEST_F(RebuildPhases, ADocumentMayBeOlderThanARowThatIsADeadLetter) {
  for (const std::uint64_t differ : {1, 2}) {
    Start();
    letters_ = 1;
    stored::ChunkedSnapshot& snapshot = BeginComparing();
    sink_.found = {differ, "field total differs"};
    CompareWith(4);
    EXPECT_EQ(PhaseOf(snapshot), differ == 1 ? Phase::kSwap : Phase::kDrop);
  }
}

TEST_F(RebuildPhases, TheSinkIsHeldForTenSecondsAtMostAndNotForever) {
  stored::ChunkedSnapshot& snapshot = BeginComparing();
  int held = 0;
  for (; PhaseOf(snapshot) == Phase::kCompare && held < 100; ++held) {
    EXPECT_FALSE(Step());
    ASSERT_TRUE(rebuilds_->HoldsBefore(3));
    rebuilds_->Hold(1);
    EXPECT_FALSE(Step());
    clock_.ahead_us += 10'000'000;
    Step();
    EXPECT_FALSE(rebuilds_->HoldsBefore(3));
    clock_.ahead_us += 5'000'000;
  }
  EXPECT_EQ(held, 20);
  EXPECT_THAT(snapshot.error(), HasSubstr("could not be counted"));
}

TEST_F(RebuildPhases, RowsThatCannotBeCountedNowAreCountedLater) {
  rows_.later = true;
  BeginComparing();
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Step());
  EXPECT_FALSE(rebuilds_->HoldsBefore(99));
  rows_.later = false;
  clock_.ahead_us += 1'000'000;
  CompareWith(4);
}

TEST_F(RebuildPhases, WhatTheSinkSaysFailedIsAndItsTargetIsDropped) {
  stored::ChunkedSnapshot& snapshot = Begin();
  Done(Phase::kDual);
  sink_.told_.error = "no room";
  EXPECT_TRUE(Step());
  EXPECT_EQ(StateOf(snapshot), SnapshotState::kFailed);
  EXPECT_EQ(StateOf(snapshot.tables(0)), SnapshotState::kFailed);
  EXPECT_EQ(snapshot.error(), "no room");
  rebuilds_->Stored();
  EXPECT_EQ(sink_.plans.back().phase, Phase::kDrop);
  Done(Phase::kEnded);
  EXPECT_THAT(events_, ElementsAre(HasSubstr("the old target stays: no room")));
}

TEST_F(RebuildPhases, OneAtATimeAndOnlyItsLoadPauses) {
  EXPECT_FALSE(rebuilds_->Refusal().has_value());
  stored::ChunkedSnapshot& snapshot = Begin();
  EXPECT_THAT(rebuilds_->Refusal()->text, HasSubstr("Rebuild 1 has not ended"));
  EXPECT_THAT(Rebuilds::Refusal(snapshot, SnapshotState::kPaused)->text, HasSubstr("phase create"));
  EXPECT_FALSE(Rebuilds::Refusal(snapshot, SnapshotState::kCancelled).has_value());
  Done(Phase::kDual);
  Done(Phase::kLoad);
  EXPECT_FALSE(Rebuilds::Refusal(snapshot, SnapshotState::kPaused).has_value());
  rebuilds_->SetSink(nullptr);
  EXPECT_EQ(rebuilds_->Refusal()->kind, SnapshotAnswer::Kind::kInvalid);
}

TEST_F(RebuildPhases, WhatTheSinkWantsIsBegunWhenNoOtherIsUnderWay) {
  stored::ChunkedSnapshot& first = Begin();
  sink_.wants = {"shop.public.orders"};
  EXPECT_FALSE(Step());
  sink_.told_.error = "made for an older shape";
  EXPECT_TRUE(Step());
  EXPECT_EQ(StateOf(first), SnapshotState::kFailed);
  EXPECT_TRUE(Step());
  rebuilds_->Stored();
  EXPECT_EQ(sink_.plans.back().run, 2U);
  EXPECT_EQ(sink_.plans.back().phase, Phase::kCreate);
}

TEST_F(RebuildPhases, AfterARestartTheSinkIsToldFirst) {
  Begin();
  Done(Phase::kDual);
  ScriptedTarget again;
  Rebuilds later(
      *log_, &rows_, stored_, clock_, [](const std::string&) -> Result<std::uint64_t> { return 0; },
      [](const stored::ChunkedSnapshot&, const std::string&) {});
  later.SetSink(&again);
  ASSERT_EQ(again.plans.size(), 1U);
  EXPECT_EQ(again.plans[0].phase, Phase::kDual);
  EXPECT_THAT(events_, IsEmpty());
}

}  // namespace
}  // namespace headgate
