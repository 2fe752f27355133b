#include "core/pipeline/recorded_writer.h"

#include "tests/unit/log/in_child.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::Commit;
using test::ReadEvents;
using test::TwoColumns;

struct RecordedHome : test::LogHome {
  RecordedHome() {
    events_ = std::move(*Events::Open(*store_, clock_));
    recorded_ = std::make_unique<RecordedWriter>(OpenWriter(), *events_);
    stream_ = recorded_->OpenStream("public", "orders");
  }
  Status Write(std::uint64_t lsn, std::uint32_t version) {
    const Transaction tx = Commit(lsn, stream_, version);
    const auto outcome = recorded_->Append(std::span(&tx, 1), std::nullopt);
    return outcome.ok() ? Ok() : Status(outcome.error());
  }
  Status DeclareGap() {
    GapExtra gap{"slot_missing", 0x500, 0x40, {"public.orders", "public.items"}, "none"};
    gap.text = "changes are missing";
    return recorded_->DeclareGap(gap, 77, "fresh");
  }

  std::unique_ptr<Events> events_;
  std::unique_ptr<RecordedWriter> recorded_;
  StreamNo stream_ = 0;
};

class Recording : public testing::Test, protected RecordedHome {};

TEST_F(Recording, ADeclaredGapIsAnEventWithItsRange_D3) {
  ASSERT_TRUE(DeclareGap().ok());
  EXPECT_EQ(log_->progress("shop")->gaps, 1U);
  const auto events = ReadEvents(*store_);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "gap");
  EXPECT_EQ(events[0].connector, "shop");
  EXPECT_EQ(events[0].actor, "service");
  EXPECT_EQ(events[0].summary, "changes are missing");
  EXPECT_EQ(events[0].details.at("from"), "0/500");
  EXPECT_EQ(events[0].details.at("to"), "0/40");
  EXPECT_EQ(events[0].details.at("tables"), "public.orders, public.items");
}

TEST_F(Recording, AChangedSchemaIsAnEventAndAFirstOneIsNot_4_11) {
  ASSERT_TRUE(Write(10, recorded_->DefineSchema(stream_, TwoColumns("orders"), 10, 1)).ok());
  EXPECT_TRUE(ReadEvents(*store_).empty());
  const std::uint32_t second = recorded_->DefineSchema(stream_, TwoColumns("orders", "title"), 20, 1);
  EXPECT_TRUE(ReadEvents(*store_).empty()) << "not before it is durable";
  ASSERT_TRUE(Write(20, second).ok());
  ASSERT_TRUE(Write(30, recorded_->DefineSchema(stream_, TwoColumns("orders", "title"), 30, 1)).ok());
  const auto events = ReadEvents(*store_);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "schema");
  EXPECT_EQ(events[0].details.at("stream"), "shop.public.orders");
  EXPECT_EQ(events[0].details.at("version"), "2");
  EXPECT_NE(events[0].summary.find("+title"), std::string::npos) << events[0].summary;
}

TEST_F(Recording, AfterARestartAKnownSchemaIsNoEvent) {
  ASSERT_TRUE(Write(10, recorded_->DefineSchema(stream_, TwoColumns("orders"), 10, 1)).ok());
  RecordedWriter again(OpenWriter(), *events_);
  const StreamNo stream = again.OpenStream("public", "orders");
  again.DefineSchema(stream, TwoColumns("orders"), 20, 1);
  ASSERT_TRUE(again.Append({}, "state").ok());
  EXPECT_TRUE(ReadEvents(*store_).empty());
}

TEST_F(Recording, AGapTakesTheEventsThatWaitWithIt) {
  ASSERT_TRUE(Write(10, recorded_->DefineSchema(stream_, TwoColumns("orders"), 10, 1)).ok());
  recorded_->DefineSchema(stream_, TwoColumns("orders", "title"), 20, 1);
  ASSERT_TRUE(DeclareGap().ok());
  const auto events = ReadEvents(*store_);
  ASSERT_EQ(events.size(), 2U) << "the schema is in the log with the gap, so its event is in the list";
  ASSERT_TRUE(recorded_->Append({}, "state").ok());
  EXPECT_EQ(ReadEvents(*store_).size(), 2U) << "told once";
}

TEST(DescribingAChange, NamesWhatCameWentAndChanged) {
  TableSchema before = TwoColumns("orders", "title");
  TableSchema after = TwoColumns("orders", "name");
  after.columns[0].type.declared = "bigint";
  const std::string text = DescribeChange(before, after);
  EXPECT_NE(text.find("+name"), std::string::npos) << text;
  EXPECT_NE(text.find("-title"), std::string::npos) << text;
  EXPECT_NE(text.find(" -> bigint"), std::string::npos) << text;
  EXPECT_EQ(DescribeChange(before, before), "the table changed, not its columns");
}

#if HEADGATE_FAILPOINTS
// Writes: 1 the directory's identity, 2 the source, 3 the gap.
void NoEventWithoutItsGap() {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:3", 1);
  RecordedHome home;
  ASSERT_FALSE(home.DeclareGap().ok());
  EXPECT_TRUE(ReadEvents(*home.store_).empty());
  ASSERT_TRUE(home.DeclareGap().ok());
  EXPECT_EQ(ReadEvents(*home.store_).size(), 1U);
}
TEST(RecordedFailedWrite, LeavesNeitherGapNorEvent_4_11) { HG_IN_CHILD(NoEventWithoutItsGap); }
#endif

}  // namespace
}  // namespace headgate
