#include "core/net/digest.h"
#include "tests/e2e/table_sink.h"

// What a table sink keeps of streams whose columns it transforms (OP-07, OP-08).
namespace headgate::test {
namespace {

using std::chrono::seconds;

class TableTransforms : public TableSink {};

TEST_P(TableTransforms, OP07_OP08_TheTableHasTransformedColumnsOfTheRowsThatTheFilterTakes) {
  const std::string key = "a key that only tests have";
  Exec("UPDATE public.customers SET city = 'SECRETTOWN'");
  Create("shop", shop_->Source());
  Create("out", Sink({{"topics.regex", "shop\\.public\\.customers"},
                      {"hash_columns", "public.customers.id"},
                      {"hash_key", key},
                      {"mask_columns", "public.customers.city"},
                      {"truncate_columns", "public.customers.name:10"},
                      {"rename_columns", "public.customers.name:title"},
                      {"filter", "after.vip = true or op = delete"}}));
  const std::string count = "SELECT count(*) FROM " + In("customers");
  ASSERT_TRUE(WaitFor([&] { return ValueAt(count) == "7"; }, seconds(30))) << ValueAt(count) << headgate_->Stderr();
  const std::string id = net::HmacSha256Hex(key, "14");
  EXPECT_EQ(ValueAt("SELECT title FROM " + In("customers") + " WHERE id = '" + id + "'"), "customer 1");
  EXPECT_EQ(ValueAt("SELECT city FROM " + In("customers") + " WHERE id = '" + id + "'"), "***");
  // A row is found again by its hashed key.
  Exec("DELETE FROM public.customers WHERE id = 14");
  EXPECT_TRUE(WaitFor([&] { return ValueAt(count) == "6"; }, seconds(30))) << ValueAt(count) << headgate_->Stderr();
}

INSTANTIATE_TEST_SUITE_P(Targets, TableTransforms, ::testing::Values(Warehouse::kPostgres, Warehouse::kMysql),
                         [](const auto& target) { return NameOf(target.param); });

}  // namespace
}  // namespace headgate::test
