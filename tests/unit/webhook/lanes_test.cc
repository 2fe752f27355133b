#include "sinks/webhook/lanes.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace headgate::webhook {
namespace {

class WebhookLanes : public testing::Test {
 protected:
  Waiting& Add(std::vector<std::uint64_t> lanes, std::uint32_t stream = 1) {
    Waiting& item = items_.emplace_back();
    item.order = ++order_;
    item.lane_count = static_cast<std::uint8_t>(lanes.size());
    for (std::size_t i = 0; i < lanes.size(); ++i) item.lanes[i] = lanes[i];
    item.stream = stream;
    lanes_.Add(item);
    return item;
  }
  Waiting& AddBarrier(std::uint32_t stream = 1) {
    Waiting& item = items_.emplace_back();
    item.order = ++order_;
    item.barrier = true;
    item.stream = stream;
    lanes_.Add(item);
    return item;
  }
  std::vector<Waiting*> Run(std::size_t most = 100) {
    std::vector<Waiting*> run;
    lanes_.TakeRun(run, [&](const Waiting&) { return run.size() < most; });
    return run;
  }

  Lanes lanes_;
  std::deque<Waiting> items_;
  std::uint64_t order_ = 0;
};

TEST_F(WebhookLanes, W2OneLaneGoesOneByOne) {
  Waiting& a = Add({7});
  Waiting& b = Add({7});
  EXPECT_EQ(lanes_.Take(), &a);
  EXPECT_EQ(lanes_.Take(), nullptr) << "two of one key under way";
  lanes_.Release(a);
  EXPECT_EQ(lanes_.Take(), &b);
  lanes_.Release(b);
  EXPECT_EQ(lanes_.size(), 0U);
}

TEST_F(WebhookLanes, W2DifferentLanesGoInParallelOldestFirst) {
  Waiting& a = Add({1});
  Waiting& b = Add({2});
  Waiting& c = Add({1});
  Waiting& d = Add({3});
  EXPECT_EQ(lanes_.Take(), &a);
  EXPECT_EQ(lanes_.Take(), &b);
  lanes_.Release(a);
  EXPECT_EQ(lanes_.Take(), &c) << "older than the next fresh one";
  EXPECT_EQ(lanes_.Take(), &d);
}

TEST_F(WebhookLanes, W2AChangedKeyWaitsForBothItsLanesAndHoldsBoth) {
  Waiting& a = Add({1});
  Waiting& b = Add({2});
  Waiting& both = Add({2, 1});
  Waiting& later_1 = Add({1});
  Waiting& later_2 = Add({2});
  EXPECT_EQ(lanes_.Take(), &a);
  EXPECT_EQ(lanes_.Take(), &b);
  lanes_.Release(a);
  EXPECT_EQ(lanes_.Take(), nullptr);
  lanes_.Release(b);
  EXPECT_EQ(lanes_.Take(), &both);
  EXPECT_EQ(lanes_.Take(), nullptr);
  lanes_.Release(both);
  EXPECT_EQ(lanes_.Take(), &later_1);
  EXPECT_EQ(lanes_.Take(), &later_2);
}

TEST_F(WebhookLanes, W2UnorderedItemsNeverWait) {
  Waiting& a = Add({});
  Waiting& b = Add({});
  EXPECT_EQ(lanes_.Take(), &a);
  EXPECT_EQ(lanes_.Take(), &b);
  lanes_.Release(b);
  lanes_.Release(a);
}

TEST_F(WebhookLanes, W2ATruncateWaitsForItsStreamAndItsStreamWaitsForIt) {
  Waiting& before = Add({1}, 1);
  Waiting& truncate = AddBarrier(1);
  Waiting& after = Add({2}, 1);
  Waiting& second = AddBarrier(1);
  Waiting& last = Add({2}, 1);
  Waiting& other = Add({3}, 2);
  EXPECT_EQ(lanes_.Take(), &before);
  EXPECT_EQ(lanes_.Take(), &other) << "another stream is not concerned";
  EXPECT_EQ(lanes_.Take(), nullptr);
  lanes_.Release(before);
  EXPECT_EQ(lanes_.Take(), &truncate);
  EXPECT_EQ(lanes_.Take(), nullptr);
  lanes_.Release(truncate);
  EXPECT_EQ(lanes_.Take(), &after);
  EXPECT_EQ(lanes_.Take(), nullptr);
  lanes_.Release(after);
  EXPECT_EQ(lanes_.Take(), &second);
  lanes_.Release(second);
  EXPECT_EQ(lanes_.Take(), &last);
}

TEST_F(WebhookLanes, W7ABatchTakesSeveralOfOneLaneInOrder) {
  Waiting& a = Add({1});
  Waiting& b = Add({1});
  Waiting& c = Add({2});
  Waiting& d = Add({1, 2});
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&a, &b, &c, &d}));
  Waiting& e = Add({1});
  EXPECT_TRUE(Run().empty()) << "two batches that share a key";
  for (Waiting* item : {&a, &b, &c}) lanes_.Release(*item);
  EXPECT_TRUE(Run().empty());
  lanes_.Release(d);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&e}));
}

TEST_F(WebhookLanes, W7WhatDoesNotFitKeepsItsPlaceBehindTheBatch) {
  Waiting& a = Add({1});
  Waiting& b = Add({1});
  Waiting& c = Add({1});
  EXPECT_EQ(Run(2), (std::vector<Waiting*>{&a, &b}));
  EXPECT_TRUE(Run().empty());
  lanes_.Release(a);
  EXPECT_TRUE(Run().empty());
  lanes_.Release(b);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&c}));
}

TEST_F(WebhookLanes, W7ABarrierGoesAlone) {
  Waiting& a = AddBarrier(1);
  Waiting& b = Add({1}, 1);
  Waiting& c = Add({5}, 2);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&a}));
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&c}));
  lanes_.Release(a);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&b}));
}

TEST_F(WebhookLanes, W7AnItemGivenBackKeepsItsPlace) {
  Waiting& a = Add({1});
  Waiting& b = Add({1});
  Waiting& c = Add({2});
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&a, &b, &c}));
  for (Waiting* item : {&a, &b, &c}) lanes_.Untake(*item);
  EXPECT_EQ(Run(1), (std::vector<Waiting*>{&a}));
  EXPECT_EQ(Run(2), (std::vector<Waiting*>{&c})) << "b has to wait for a";
  lanes_.Release(a);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&b}));
}

TEST_F(WebhookLanes, W7AMemberOfABatchMayBeReleasedBeforeAnEarlierOne) {
  Waiting& a = Add({1});
  Waiting& b = Add({1});
  Waiting& c = Add({1});
  Waiting& d = Add({1});
  EXPECT_EQ(Run(3), (std::vector<Waiting*>{&a, &b, &c}));
  lanes_.Release(b);
  lanes_.Release(c);
  EXPECT_TRUE(Run().empty()) << "a is still under way";
  lanes_.Release(a);
  EXPECT_EQ(Run(), (std::vector<Waiting*>{&d}));
}

// Against a plain model: whoever is taken has no earlier, unreleased one in any of its lanes or across a barrier.
TEST_F(WebhookLanes, W2RandomWorkNeverOvertakesInALaneAndAllOfItIsDone) {
  std::mt19937 random(20260101);
  const auto pick = [&](unsigned n) { return random() % n; };
  std::vector<Waiting*> alive;
  std::vector<Waiting*> taken;
  std::size_t added = 0;
  std::size_t released = 0;
  const auto conflicts = [](const Waiting& a, const Waiting& b) {
    if ((a.barrier || b.barrier) && a.stream == b.stream) return true;
    for (std::size_t i = 0; i < a.lane_count; ++i) {
      for (std::size_t k = 0; k < b.lane_count; ++k) {
        if (a.lanes[i] == b.lanes[k]) return true;
      }
    }
    return false;
  };
  while (released < 20'000) {
    const unsigned action = pick(10);
    if (action < 4 && added < 20'000) {
      const std::uint32_t stream = 1 + pick(2);
      const std::uint64_t base = stream * 100;
      Waiting* item;
      if (pick(20) == 0) {
        item = &AddBarrier(stream);
      } else if (pick(4) == 0) {
        const std::uint64_t first = base + pick(6);
        item = &Add({first, base + (first - base + 1 + pick(4)) % 6}, stream);
      } else {
        item = &Add({base + pick(6)}, stream);
      }
      alive.push_back(item);
      ++added;
    } else if (action < 8) {
      const std::vector<Waiting*> run = pick(2) == 0 ? Run(1 + pick(5)) : Run(1);
      for (std::size_t i = 0; i < run.size(); ++i) {
        for (Waiting* other : alive) {
          const bool in_run = std::find(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(i), other) !=
                              run.begin() + static_cast<std::ptrdiff_t>(i);
          ASSERT_FALSE(other->order < run[i]->order && !in_run && conflicts(*other, *run[i])) << "overtaken";
        }
        taken.push_back(run[i]);
      }
    } else if (!taken.empty()) {
      const std::size_t i = pick(static_cast<unsigned>(taken.size()));
      Waiting* item = taken[i];
      taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(i));
      if (pick(8) == 0) {
        lanes_.Untake(*item);
        continue;
      }
      std::erase(alive, item);
      lanes_.Release(*item);
      ++released;
    } else if (added == 20'000 && taken.empty() && lanes_.Oldest() == nullptr) {
      ASSERT_EQ(released, added) << "stuck";
    }
  }
  EXPECT_EQ(lanes_.size(), 0U);
}

}  // namespace
}  // namespace headgate::webhook
