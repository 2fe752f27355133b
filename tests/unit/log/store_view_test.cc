// What is read of several families is of one moment, whatever is written meanwhile.
#include <gtest/gtest.h>

#include <thread>

#include "core/log/store.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

constexpr Family kTogether[] = {Family::kMeta, Family::kBase, Family::kState, Family::kRows};
using Hold = StoreView::Hold;

class StoreViews : public ::testing::TestWithParam<Hold> {
 protected:
  void SetUp() override {
    auto store = Store::Open(directory_.path());
    ASSERT_TRUE(store.ok());
    store_ = std::move(*store);
    Write(0, false);
  }
  // The number goes under two keys of each family in one write.
  void Write(int number, bool spill) {
    StoreBatch batch;
    if (spill) batch.SpillBeyond(1, *store_);
    for (const Family family : kTogether) {
      for (const char* key : {"a", "b"}) batch.Put(family, key, std::to_string(number));
    }
    ASSERT_TRUE(store_->Write(batch, false).ok());
  }
  static std::vector<std::string> Values(const StoreView& view) {
    std::vector<std::string> values;
    for (const Family family : kTogether) {
      values.push_back(view.Get(family, "a")->value());
      const Status scanned = view.Scan(family, "a", "c", [&](std::string_view, std::string_view value) {
        values.emplace_back(value);
        return true;
      });
      EXPECT_TRUE(scanned.ok());
    }
    return values;
  }

  test::DataDir directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreViews, ShowOneMomentOfAllFamiliesWhileOthersWrite) {
  std::jthread writer([&](std::stop_token stop) {
    for (int number = 1; !stop.stop_requested(); ++number) {
      Write(number, number % 50 == 0);
      if (number % 300 == 0) {
        for (const Family family : kTogether) ASSERT_TRUE(store_->Flush(family).ok());
      }
    }
  });
  for (int i = 0; i < 3000; ++i) {
    const StoreView view(*store_, GetParam());
    const std::vector<std::string> values = Values(view);
    ASSERT_EQ(values, std::vector<std::string>(3 * std::size(kTogether), values[0]));
  }
}

TEST_P(StoreViews, StayAsTheyAreWhatComesInTheirPlace) {
  const StoreView view(*store_, GetParam());
  Write(1, false);
  Write(2, true);
  StoreBatch gone;
  for (const Family family : kTogether) gone.DeleteRange(family, "a", "c");
  ASSERT_TRUE(store_->Write(gone, false).ok());
  for (const Family family : kTogether) {
    ASSERT_TRUE(store_->Flush(family).ok());
    store_->Compact(family, "a", "c");
  }
  EXPECT_EQ(Values(view), std::vector<std::string>(3 * std::size(kTogether), "0"));
  EXPECT_FALSE(StoreView(*store_, GetParam()).Get(Family::kRows, "a")->has_value());
}

TEST_P(StoreViews, AScanEndsWhereItIsAskedToAndMayReadOtherFamilies) {
  StoreBatch batch;
  for (const char* key : {"c", "c2", "d", "\xff\xff"}) batch.Put(Family::kRows, key, key);
  ASSERT_TRUE(store_->Write(batch, false).ok());
  const StoreView view(*store_, GetParam());
  const auto keys = [&](std::string_view from, std::string_view to, std::size_t most) {
    std::string found;
    std::size_t seen = 0;
    const Status scanned = view.Scan(Family::kRows, from, to, [&](std::string_view key, std::string_view) {
      EXPECT_EQ(view.Get(Family::kBase, "a")->value(), "0");
      found.append(key).append(" ");
      return ++seen < most;
    });
    EXPECT_TRUE(scanned.ok());
    return found;
  };
  EXPECT_EQ(keys("b", "d", 9), "b c c2 ");
  EXPECT_EQ(keys("c2", "", 9), "c2 d \xff\xff ");
  EXPECT_EQ(keys("", "", 2), "a b ");
  EXPECT_EQ(keys("c3", "d", 9), "");
  EXPECT_EQ(view.Get(Family::kRows, "c")->value(), "c");
  EXPECT_FALSE(view.Get(Family::kRows, "c1")->has_value());
}

INSTANTIATE_TEST_SUITE_P(Holds, StoreViews, ::testing::Values(Hold::kBriefly, Hold::kLong));

}  // namespace
}  // namespace headgate
