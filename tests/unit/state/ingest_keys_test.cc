#include "core/state/ingest_keys.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;

class IngestKeys : public test::LogTest {
 protected:
  void Put(std::string_view stream, std::string_view key, Seq seq) {
    StoreBatch batch;
    PutIngestKey(batch, stream, key, clock_.now_us, {"print", seq, 3});
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  Seq Find(std::string_view stream, std::string_view key) {
    const auto found = FindIngestKey(*store_, stream, key, clock_.now_us);
    EXPECT_TRUE(found.ok());
    return found.ok() && *found ? (*found)->seq : 0;
  }
  void Trim(std::size_t most = 100) {
    StoreBatch batch;
    ASSERT_TRUE(TrimIngestKeys(*store_, batch, clock_.now_us, most).ok());
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  std::size_t Records() {
    std::size_t n = 0;
    const auto count = [&](std::string_view, std::string_view) { return ++n, true; };
    EXPECT_TRUE(store_->Scan(Family::kMeta, "ingest_key", "ingest_kez", count).ok());
    return n;
  }
};

TEST_F(IngestKeys, AreThereForADayAndBelongToTheirStream) {
  Put("readings", "a/b", 7);
  Reopen();
  const auto found = FindIngestKey(*store_, "readings", "a/b", clock_.now_us);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ((*found)->fingerprint, "print");
  EXPECT_EQ((*found)->seq, 7U);
  EXPECT_EQ((*found)->events, 3U);
  EXPECT_EQ(Find("readings", "a"), 0U);
  EXPECT_EQ(Find("others", "a/b"), 0U);
  clock_.now_us += 24 * kHourUs - 1;
  EXPECT_EQ(Find("readings", "a/b"), 7U);
  Trim();
  EXPECT_EQ(Find("readings", "a/b"), 7U);
  clock_.now_us += 1;
  EXPECT_EQ(Find("readings", "a/b"), 0U) << "also before it is dropped";
  Trim();
  EXPECT_EQ(Records(), 0U);
}

TEST_F(IngestKeys, AreDroppedTheOldestFirstAndSoManyAtOnce) {
  for (int i = 0; i < 5; ++i) {
    clock_.now_us += 1;
    Put("readings", "k" + std::to_string(i), 1);
  }
  clock_.now_us += 25 * kHourUs;
  Trim(2);
  EXPECT_EQ(Records(), 6U);
  Trim(10);
  EXPECT_EQ(Records(), 0U);
}

TEST_F(IngestKeys, OneThatIsUsedAgainAfterADayStays) {
  Put("readings", "k", 1);
  clock_.now_us += 25 * kHourUs;
  Put("readings", "k", 2);
  Trim();
  EXPECT_EQ(Find("readings", "k"), 2U);
  EXPECT_EQ(Records(), 2U);
}

}  // namespace
}  // namespace headgate
