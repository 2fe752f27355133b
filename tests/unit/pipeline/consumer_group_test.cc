// Which records a group of consumers has yet to do (reference of seeds, D-13 to D-18): the state machine alone.
#include "core/pipeline/consumer_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace headgate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kSecondUs = 1'000'000;

class ConsumerGroups : public testing::Test {
 protected:
  // Records 1 to n, with the lanes that are given.
  void Offer(std::initializer_list<std::uint64_t> lanes) {
    for (const std::uint64_t lane : lanes) {
      group_.Offer({++last_, 1}, lane);
      group_.Passed({last_ + 1, 0});
    }
  }
  std::vector<Seq> Take(std::size_t max, const std::string& consumer = "c1") {
    std::vector<Seq> seqs;
    for (const At at : group_.Take(consumer, max, ++serial_, now_us_)) seqs.push_back(at.seq);
    return seqs;
  }
  bool Ack(Seq seq) { return group_.Ack({seq, 1}, SerialOf(seq)); }
  bool Nack(Seq seq, std::int64_t not_before_us = 0) { return group_.Nack({seq, 1}, SerialOf(seq), not_before_us); }
  std::uint64_t SerialOf(Seq seq) const {
    const GroupItem* const item = group_.Find({seq, 1});
    return item == nullptr ? 0 : item->serial;
  }
  void After(std::int64_t seconds) { group_.Expire(now_us_ += seconds * kSecondUs); }

  ConsumerGroup group_{{}, {1, 0}};
  Seq last_ = 0;
  std::uint64_t serial_ = 0;
  std::int64_t now_us_ = 1'700'000'000 * kSecondUs;
};

TEST_F(ConsumerGroups, D13_EveryRecordGoesToOneConsumer) {
  Offer({0, 0, 0, 0});
  EXPECT_THAT(Take(2, "c1"), ElementsAre(1, 2));
  EXPECT_THAT(Take(5, "c2"), ElementsAre(3, 4));
  EXPECT_THAT(Take(5, "c3"), IsEmpty());
  EXPECT_EQ(group_.Find({3, 1})->consumer, "c2");
}

TEST_F(ConsumerGroups, D21_TheFloorMovesOverWhatIsDoneInOneRow) {
  Offer({0, 0, 0});
  Take(3);
  EXPECT_TRUE(Ack(2));
  EXPECT_EQ(group_.floor(), (At{1, 1}));
  EXPECT_EQ(group_.done(), 1U);
  EXPECT_TRUE(Ack(1));
  EXPECT_EQ(group_.floor(), (At{3, 1}));
  EXPECT_EQ(group_.done(), 0U);
  EXPECT_TRUE(Ack(3));
  EXPECT_EQ(group_.floor(), (At{4, 0}));
  EXPECT_TRUE(group_.items().empty());
}

TEST_F(ConsumerGroups, D16_WhatIsNotAcknowledgedInTimeGoesToAnother) {
  Offer({0, 0, 0, 0, 0});
  EXPECT_EQ(Take(5, "c1").size(), 5U);
  for (const Seq seq : {1, 3, 5}) EXPECT_TRUE(Ack(seq));
  After(29);
  EXPECT_THAT(Take(5, "c2"), IsEmpty());
  After(1);
  EXPECT_THAT(Take(5, "c2"), ElementsAre(2, 4));
  EXPECT_EQ(group_.Find({2, 1})->deliveries, 2U);
}

TEST_F(ConsumerGroups, AnAcknowledgementThatCameTooLateCountsOnlyWhileNobodyElseHasTheRecord) {
  Offer({0, 0});
  Take(2, "c1");
  const std::uint64_t old = SerialOf(1);
  After(30);
  EXPECT_TRUE(Ack(2)) << "nobody has it";
  EXPECT_THAT(Take(1, "c2"), ElementsAre(1));
  EXPECT_FALSE(group_.Ack({1, 1}, old));
  EXPECT_FALSE(group_.Nack({1, 1}, old, 0));
  EXPECT_EQ(group_.Find({1, 1})->state, GroupItem::State::kInFlight);
  EXPECT_TRUE(Ack(1));
  EXPECT_TRUE(group_.Ack({1, 1}, old)) << "it is done, whoever asks";
}

TEST_F(ConsumerGroups, WhatWasNeverHandedOutCannotBeAcknowledged) {
  Offer({7, 7});
  Take(1);
  EXPECT_FALSE(group_.Ack({2, 1}, 0)) << "held back behind its key";
  EXPECT_FALSE(group_.Ack({9, 1}, 1)) << "not known";
  EXPECT_FALSE(group_.Nack({9, 1}, 1, 0));
}

TEST_F(ConsumerGroups, D17_AKeyIsHeldBackWhileAnEarlierRecordOfItIsNotDone) {
  Offer({7, 8, 7, 8, 7});
  EXPECT_THAT(Take(5, "c1"), ElementsAre(1, 2));
  EXPECT_TRUE(Nack(1));
  EXPECT_THAT(Take(5, "c2"), ElementsAre(1)) << "before the later ones of its key";
  EXPECT_TRUE(Ack(2));
  EXPECT_THAT(Take(5, "c2"), ElementsAre(4));
  EXPECT_TRUE(Ack(1));
  EXPECT_THAT(Take(5, "c1"), ElementsAre(3));
  EXPECT_THAT(Take(5, "c1"), IsEmpty());
}

TEST_F(ConsumerGroups, D17_WithoutOrderingALaterRecordOvertakes) {
  group_.set_settings({.ordering = GroupSettings::Ordering::kNone});
  Offer({7, 7});
  EXPECT_THAT(Take(1, "c2"), ElementsAre(1));
  EXPECT_THAT(Take(1, "c1"), ElementsAre(2));
}

TEST_F(ConsumerGroups, ANackWithADelayComesWhenItsTimeHasCome) {
  Offer({0});
  Take(1);
  EXPECT_TRUE(Nack(1, now_us_ + 5 * kSecondUs));
  EXPECT_EQ(group_.next_due_us(), now_us_ + 5 * kSecondUs);
  EXPECT_THAT(Take(1), IsEmpty());
  After(5);
  EXPECT_THAT(Take(1), ElementsAre(1));
}

TEST_F(ConsumerGroups, D18_WhatFailsTooOftenIsBuriedAndTheRestOfItsKeyGoesOn) {
  group_.set_settings({.deliveries_max = 2});
  Offer({7, 7});
  Take(1);
  EXPECT_TRUE(Nack(1));
  EXPECT_THAT(group_.Exhausted(), IsEmpty());
  Take(1);
  After(30);
  EXPECT_THAT(group_.Exhausted(), ElementsAre(At{1, 1}));
  EXPECT_THAT(Take(5), IsEmpty()) << "nothing overtakes it before it is kept";
  group_.Bury({1, 1});
  EXPECT_THAT(group_.Exhausted(), IsEmpty());
  EXPECT_THAT(Take(5), ElementsAre(2));
}

TEST_F(ConsumerGroups, WhatWasBuriedComesBackAsIfItWereNewAndTheFloorStays) {
  group_.set_settings({.deliveries_max = 1});
  Offer({0});
  Take(1);
  EXPECT_TRUE(Nack(1));
  group_.Bury({1, 1});
  EXPECT_EQ(group_.floor(), (At{2, 0}));
  group_.Revive({1, 1}, 0);
  EXPECT_THAT(Take(1), ElementsAre(1));
  EXPECT_EQ(group_.floor(), (At{2, 0}));
  EXPECT_TRUE(Ack(1));
  EXPECT_TRUE(group_.items().empty());
}

TEST_F(ConsumerGroups, D06_NoMoreIsInFlightThanTheLimit) {
  group_.set_settings({.in_flight_max = 2});
  Offer({0, 0, 0});
  EXPECT_THAT(Take(3), ElementsAre(1, 2));
  EXPECT_THAT(Take(3), IsEmpty());
  Ack(1);
  EXPECT_THAT(Take(3), ElementsAre(3));
}

TEST_F(ConsumerGroups, D27_ASeekForgetsEverything) {
  Offer({7, 7, 0});
  Take(3);
  Ack(3);
  group_.Seek({1, 0});
  EXPECT_EQ(group_.floor(), (At{1, 0}));
  EXPECT_EQ(group_.in_flight() + group_.done() + group_.ready(), 0U);
  EXPECT_EQ(group_.next_due_us(), 0);
  last_ = 0;
  Offer({7, 7, 0});
  EXPECT_THAT(Take(3), ElementsAre(1, 3));
}

TEST_F(ConsumerGroups, D24_WhatRetentionTookIsNoLongerWaitedFor) {
  Offer({7, 7, 7});
  Take(1);
  group_.Lose({3, 0});
  EXPECT_EQ(group_.floor(), (At{3, 1}));
  EXPECT_EQ(group_.in_flight(), 0U);
  EXPECT_THAT(Take(3), ElementsAre(3)) << "its key is free";
}

// Whatever happens to a group, its stored items and its floor make the same group again.
TEST_F(ConsumerGroups, D07_ARestartLosesNothingThatWasDoneAndRepeatsNothingThatWas) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    const auto pick = [&](unsigned n) { return random() % n; };
    std::map<At, GroupItem> stored;
    std::map<Seq, int> acknowledged;
    auto group = std::make_unique<ConsumerGroup>(GroupSettings{.deliveries_max = 1'000}, At{1, 0});
    const auto lane_of = [](Seq seq) { return seq % 5; };
    const auto scan = [&](Seq until) {
      for (Seq seq = group->next().seq; seq <= until; ++seq) {
        group->Offer({seq, 1}, lane_of(seq));
        group->Passed({seq + 1, 0});
      }
    };
    const auto save = [&] {
      for (const At at : group->TakeChanged()) {
        const GroupItem* const item = group->Find(at);
        if (item != nullptr && ConsumerGroup::IsWorthKeeping(*item)) {
          stored[at] = *item;
        } else {
          stored.erase(at);
        }
      }
    };
    std::map<Seq, Seq> last_of_lane;
    const auto ack_some = [&](unsigned one_in) {
      std::vector<std::pair<At, std::uint64_t>> held;
      for (const auto& [at, item] : group->items()) {
        if (item.state == GroupItem::State::kInFlight) held.emplace_back(at, item.serial);
      }
      for (const auto& [at, serial] : held) {
        if (pick(one_in) != 0) continue;
        ASSERT_TRUE(group->Ack(at, serial));
        EXPECT_EQ(++acknowledged[at.seq], 1);
        if (lane_of(at.seq) == 0) continue;
        EXPECT_LT(last_of_lane[lane_of(at.seq)], at.seq) << "out of the order of its key, seed " << seed;
        last_of_lane[lane_of(at.seq)] = at.seq;
      }
    };
    for (int step = 0; step < 200; ++step) {
      if (pick(2) == 0) scan(std::min<Seq>(group->next().seq + pick(5), 60));
      group->Take("c", pick(4), ++serial_, now_us_);
      ack_some(3);
      if (pick(10) == 0) group->Expire(now_us_ += 31 * kSecondUs);
      save();
      if (pick(8) != 0) continue;
      auto again = std::make_unique<ConsumerGroup>(group->settings(), group->floor());
      for (const auto& [at, item] : stored) again->Restore(at, item);
      again->TakeChanged();
      ASSERT_EQ(again->in_flight(), group->in_flight());
      group = std::move(again);
    }
    scan(60);
    for (int round = 0; round < 200 && group->floor() < At{61, 0}; ++round) {
      group->Expire(now_us_ += 31 * kSecondUs);
      group->Take("c", 100, ++serial_, now_us_);
      ack_some(1);
    }
    EXPECT_EQ(group->floor(), (At{61, 0})) << "seed " << seed;
    EXPECT_EQ(acknowledged.size(), 60U);
    EXPECT_TRUE(group->items().empty());
  }
}

}  // namespace
}  // namespace headgate
