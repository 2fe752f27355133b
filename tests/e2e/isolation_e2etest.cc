// One sink stands still for 100 000 changes: the other is not slowed, the slot advances, the stopped one catches up in
// order.
#include "core/base/signal.h"
#include "tests/e2e/shop.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;

// 100 000 events take a few seconds; under a sanitizer on a busy machine minutes.
constexpr seconds kSlowestCatchUp = seconds(300);

TEST(Isolation, CG09_AStoppedSinkSlowsNobodyAndCatchesUpInOrder) {
  std::unique_ptr<Shop> shop;
  HG_WITH_SERVER("postgres", shop, Shop::Create());
  CountingReceiver fast;
  CountingReceiver slow;
  HeadgateOptions options;
  options.connectors["shop"] = shop->Source();
  options.connectors["shop"]["status_interval_ms"] = "500";
  options.connectors["fast"] = Shop::Hook(fast.url());
  options.connectors["fast"]["batch_events_max"] = "500";
  options.connectors["slow"] = Shop::Hook(slow.url());
  options.connectors["slow"]["batch_events_max"] = "500";
  HeadgateProcess headgate(options);
  const Status started = headgate.Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  ASSERT_TRUE(slow.WaitForDistinct(250, seconds(20))) << headgate.Stderr();
  auto answer = headgate.Call("PUT", "/connectors/slow/stop");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 204);
  const auto before = slow.distinct();

  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(shop->database()
                    .Exec("INSERT INTO public.orders SELECT " + std::to_string(1'000'000 + i * 2000) +
                          " + g, 1, g, '{}' FROM generate_series(1, 2000) g")
                    .ok());
  }
  ASSERT_TRUE(fast.WaitForDistinct(250 + 100'000, kSlowestCatchUp)) << fast.distinct();
  EXPECT_LE(slow.distinct(), before + 16);

  // The slot advances although one sink has not read anything of it.
  const std::string lag =
      "SELECT pg_current_wal_lsn() - confirmed_flush_lsn < 1000000 FROM pg_replication_slots WHERE slot_name = 'hg_" +
      shop->database().name() + "'";
  bool advanced = false;
  Signal never;
  for (int i = 0; i < 100 && !advanced; ++i) {
    const auto small = shop->database().Value(lag);
    advanced = small.ok() && *small == "t";
    if (!advanced) never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(100), {});
  }
  EXPECT_TRUE(advanced);

  answer = headgate.Call("PUT", "/connectors/slow/resume");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 202);
  EXPECT_THAT(slow.WaitForTables(shop->database().session(), shop->tables(), kSlowestCatchUp), testing::IsEmpty());
  EXPECT_THAT(slow.Violations(), testing::IsEmpty());
  EXPECT_THAT(fast.Violations(), testing::IsEmpty());
}

}  // namespace
}  // namespace headgate::test
