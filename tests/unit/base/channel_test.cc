#include "core/base/channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace headgate {
namespace {

TEST(Channel, HoldsNoMoreThanItsCapacity) {
  Channel<int> channel(2);
  EXPECT_TRUE(channel.TryPush(1));
  EXPECT_TRUE(channel.TryPush(2));
  EXPECT_FALSE(channel.TryPush(3));
  EXPECT_EQ(channel.TryPop(), 1);
  EXPECT_TRUE(channel.TryPush(3));
}

TEST(Channel, HoldsNoMoreBytesThanItMayHoweverFewTheItems) {
  Channel<int> channel(10, 100);
  EXPECT_TRUE(channel.TryPush(1, 60));
  EXPECT_FALSE(channel.TryPush(2, 41));
  EXPECT_TRUE(channel.TryPush(2, 40));
  EXPECT_FALSE(channel.TryPush(3, 1));
  EXPECT_TRUE(channel.TryPush(3)) << "what holds nothing counts as an item only";
  EXPECT_EQ(channel.TryPop(), 1);
  EXPECT_TRUE(channel.TryPush(4, 60));
}

TEST(Channel, AnItemLargerThanAllBytesPassesAlone) {
  Channel<int> channel(10, 100);
  EXPECT_TRUE(channel.TryPush(1, 1));
  std::jthread producer([&] { EXPECT_TRUE(channel.Push(2, {}, 500)); });
  EXPECT_EQ(channel.Pop({}), 1);
  producer.join();
  EXPECT_FALSE(channel.TryPush(3, 1));
  EXPECT_EQ(channel.TryPop(), 2);
  EXPECT_TRUE(channel.TryPush(3, 1));
}

TEST(Channel, StopEndsABlockedProducerAndABlockedConsumer) {
  Channel<int> channel(1);
  std::stop_source stop;
  std::jthread consumer([&] { EXPECT_EQ(channel.Pop(stop.get_token()), std::nullopt); });
  stop.request_stop();
  consumer.join();

  EXPECT_TRUE(channel.TryPush(1));
  std::stop_source stop2;
  std::jthread producer([&] { EXPECT_FALSE(channel.Push(2, stop2.get_token())); });
  stop2.request_stop();
}

TEST(Channel, ClosedGivesOutWhatIsInside) {
  Channel<int> channel(4);
  EXPECT_TRUE(channel.TryPush(7));
  channel.Close();
  EXPECT_FALSE(channel.TryPush(8));
  EXPECT_EQ(channel.Pop({}), 7);
  EXPECT_EQ(channel.Pop({}), std::nullopt);
}

TEST(Channel, ItemsKeepTheirOrderAcrossThreads) {
  Channel<int> channel(8);
  std::jthread producer([&] {
    for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(channel.Push(i, {}));
  });
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(channel.Pop({}), i);
}

}  // namespace
}  // namespace headgate
