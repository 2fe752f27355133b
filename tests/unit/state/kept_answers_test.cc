#include "core/state/kept_answers.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

constexpr std::int64_t kHour = 3600LL * 1'000'000;

class Answers : public test::LogTest {
 protected:
  Answers() { Load(); }

  void Load() {
    auto kept = KeptAnswers::Open(*store_, clock_);
    ASSERT_TRUE(kept.ok());
    kept_ = std::move(*kept);
  }
  void Put(std::string_view key, std::string_view answer) {
    StoreBatch batch;
    kept_->Put(batch, key, answer);
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  void Trim(std::size_t most = 10'000) {
    StoreBatch batch;
    ASSERT_TRUE(kept_->Trim(batch, most).ok());
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  std::string Find(std::string_view key) {
    const auto answer = kept_->Find(key);
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer->value_or("none") : "error";
  }
  std::size_t Records() {
    std::size_t n = 0;
    EXPECT_TRUE(store_
                    ->Scan(Family::kMeta, "answer", "answes",
                           [&](std::string_view, std::string_view) {
                             ++n;
                             return true;
                           })
                    .ok());
    return n;
  }

  std::unique_ptr<KeptAnswers> kept_;
};

TEST_F(Answers, AP4_TheyAreThereAfterARestartForADay) {
  Put("k1", std::string("\0yes", 4));
  Reopen();
  Load();
  EXPECT_EQ(Find("k1"), std::string("\0yes", 4));
  EXPECT_EQ(Find("k"), "none");
  clock_.now_us += 24 * kHour - 1;
  EXPECT_EQ(Find("k1"), std::string("\0yes", 4));
  clock_.now_us += 1;
  EXPECT_EQ(Find("k1"), "none") << "also before it is dropped";
  Trim();
  EXPECT_EQ(Records(), 0U);
}

TEST_F(Answers, AP4_TheOldestGoWhenThereAreTooMany) {
  for (int i = 0; i < 5; ++i) {
    clock_.now_us += 1;
    Put("k" + std::to_string(i), "a");
  }
  Reopen();
  Load();
  Trim(3);
  EXPECT_EQ(Find("k1"), "none");
  EXPECT_EQ(Find("k2"), "a");
  EXPECT_EQ(Records(), 6U);
  Trim(3);
  EXPECT_EQ(Records(), 6U);
}

TEST_F(Answers, AKeyThatIsUsedAgainAfterADayKeepsItsNewAnswer) {
  Put("k", "old");
  clock_.now_us += 25 * kHour;
  Put("k", "new");
  Trim();
  EXPECT_EQ(Find("k"), "new");
  EXPECT_EQ(Records(), 2U);
}

}  // namespace
}  // namespace headgate
