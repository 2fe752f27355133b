// A sink's places stream by stream, as Kafka Connect's offsets have them (admin API, KC22, KC23).
#include "core/pipeline/sink_offsets.h"

#include "core/state/cursors.h"
#include "tests/unit/log/log_support.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::Commit;

const std::string kOrders = "shop.public.orders";
const std::string kCustomers = "shop.public.customers";
const std::vector<std::string> kBoth = {kOrders, kCustomers};

// seq 1 and 2 are schemas, 3 to 12 commits in turn.
class SinkOffsets : public test::LogTest {
 protected:
  SinkOffsets() {
    LogWriter& writer = OpenWriter();
    const StreamNo orders = Define(writer);
    const StreamNo customers = Define(writer, "customers");
    for (std::uint64_t lsn = 10; lsn < 60; lsn += 10) {
      Append(writer, Commit(lsn, orders, 1));
      Append(writer, Commit(lsn + 5, customers, 1));
    }
    events_ = std::move(*Events::Open(*store_, clock_));
    StandAtSeq(log_->last_seq() + 1);
  }
  void StandAtSeq(Seq seq) {
    StoreBatch batch;
    PutCursor(batch, "hook", {seq, 0});
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  Result<PlacedSink> Place(const std::map<std::string, Seq>& to) {
    return PlaceSink("hook", kBoth, to, *store_, *log_, *events_, Caller("api test", "r1"));
  }
  StreamPlaces Stored() { return PlacesOf(*ReadStand(*store_, *log_, "hook"), kBoth); }

  std::unique_ptr<Events> events_;
};

TEST_F(SinkOffsets, KC22_EachStreamHasAPlaceOfItsOwn) {
  const auto placed = Place({{kOrders, 5}});
  ASSERT_TRUE(placed.ok()) << placed.error().what;
  EXPECT_EQ(placed->before.at(kOrders), (At{13, 0}));
  EXPECT_EQ(Stored(), (StreamPlaces{{kOrders, {5, 0}}, {kCustomers, {13, 0}}}));
  EXPECT_EQ((*ReadCursor(*store_, "hook"))->seq, 5U);
  EXPECT_TRUE(*IsCursorGiven(*store_, "hook"));

  // A second change keeps the first, and what is the same again needs no list.
  ASSERT_TRUE(Place({{kCustomers, 9}}).ok());
  EXPECT_EQ(Stored(), (StreamPlaces{{kOrders, {5, 0}}, {kCustomers, {9, 0}}}));
  ASSERT_TRUE(Place({{kOrders, 11}, {kCustomers, 11}}).ok());
  EXPECT_TRUE(ReadReplays(*store_, "hook")->empty());
  EXPECT_EQ((*ReadCursor(*store_, "hook"))->seq, 11U);
}

TEST_F(SinkOffsets, KC22_ZeroIsTheOldestAndWhatLiesBehindTheEndIsTheEnd) {
  ASSERT_TRUE(Place({{kOrders, 0}, {kCustomers, 4711}}).ok());
  EXPECT_EQ(Stored(), (StreamPlaces{{kOrders, {1, 0}}, {kCustomers, {13, 0}}}));
}

TEST_F(SinkOffsets, KC23_OneThatCannotBeLeavesAllAsTheyWere) {
  const auto unknown = Place({{kOrders, 5}, {"shop.public.none", 5}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().what.find(kCustomers), std::string::npos) << unknown.error().what;
  EXPECT_EQ(Stored(), (StreamPlaces{{kOrders, {13, 0}}, {kCustomers, {13, 0}}}));

  RetentionPolicy two;
  two.bytes_max = 1;
  ASSERT_TRUE(log_->Trim(two, 0).ok());
  ASSERT_GT(log_->first_seq(), 5U);
  const auto dropped = Place({{kOrders, 5}});
  ASSERT_FALSE(dropped.ok());
  EXPECT_NE(dropped.error().what.find("from " + std::to_string(log_->first_seq()) + " to 13"), std::string::npos)
      << dropped.error().what;
  EXPECT_EQ((*ReadCursor(*store_, "hook"))->seq, 13U);
  ASSERT_TRUE(Place({{kOrders, 0}}).ok()) << "a reset goes as far as there is something";
}

TEST_F(SinkOffsets, KC23_RecordsOfSingleKeysAreNotForgotten) {
  StoreBatch batch;
  PutCursor(batch, "hook", {3, 0});
  PutReplays(batch, "hook", {{13, 0}, {{{3, 0}, {kOrders}, "7"}}});
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto placed = Place({{kOrders, 5}});
  ASSERT_FALSE(placed.ok());
  EXPECT_NE(placed.error().what.find("13-0"), std::string::npos) << placed.error().what;
}

TEST_F(SinkOffsets, KC23_ALetterWhoseRecordGoesOutAgainGoes) {
  auto letters = *DeadLetters::Open(*store_, "hook");
  StoreBatch batch;
  for (const Seq seq : {Seq{3}, Seq{7}}) {
    DeadLetter letter;
    letter.at = {seq, 1};
    letter.stream = kOrders;
    letters->Add(batch, letter);
  }
  ASSERT_TRUE(store_->Write(batch, true).ok());
  ASSERT_TRUE(Place({{kOrders, 5}}).ok());
  const auto left = *DeadLetters::Open(*store_, "hook");
  EXPECT_TRUE(left->Contains(1));
  EXPECT_FALSE(left->Contains(2));
}

TEST_F(SinkOffsets, KC24_AnEventTellsBeforeAndAfter) {
  ASSERT_TRUE(Place({{kOrders, 5}}).ok());
  std::vector<ServiceEvent> events;
  ASSERT_TRUE(events_
                  ->Read(0,
                         [&](ServiceEvent&& event) {
                           events.push_back(std::move(event));
                           return true;
                         })
                  .ok());
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "offsets_altered");
  EXPECT_EQ(events[0].details.at("before." + kOrders), "13-0");
  EXPECT_EQ(events[0].details.at("after." + kOrders), "5-0");
  EXPECT_EQ(events[0].details.at("request_id"), "r1");
}

}  // namespace
}  // namespace headgate
