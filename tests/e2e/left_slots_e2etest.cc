// Replication slots and deletions over the admin API (KC26): dropped if asked, else told until they are gone.
#include "core/log/store.h"
#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using LeftSlots = Api;

TEST_F(LeftSlots, KC26_DropSlotLeavesNothingOnTheServer) {
  Create("shop", shop_->Source());
  const std::string slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  EXPECT_EQ(*shop_->database().Value(slots), "1");
  Call("DELETE", "/connectors/shop?drop_slot=true", 204);
  EXPECT_TRUE(WaitFor([&] { return *shop_->database().Value(slots) == "0"; }));
}

TEST_F(LeftSlots, KC26_ASlotThatADeletedSourceLeftIsAWarningUntilItIsGone) {
  const auto warnings = [&] { return Call("GET", "/api/v1/health", 200)["warnings"].dump(); };
  const std::string slot = "hg_" + shop_->database().name();
  Create("shop", shop_->Source());
  const std::string slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
  EXPECT_TRUE(WaitFor([&] { return *shop_->database().Value(slots) == "1" && StateOf("shop") == "RUNNING"; }));
  Call("PUT", "/connectors/shop/stop", 204);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(headgate_->Start().ok());
  Call("DELETE", "/connectors/shop", 204);
  const std::string sql = "SELECT pg_drop_replication_slot('" + slot + "')";
  EXPECT_THAT(warnings(), testing::HasSubstr(sql));
  EXPECT_THAT(Call("GET", "/api/v1/events?kind=connector_deleted", 200).dump(), testing::HasSubstr(sql));
  ASSERT_TRUE(shop_->database().Exec(sql).ok());
  EXPECT_TRUE(WaitFor([&] { return warnings() == "[]"; }) || WaitFor([&] { return warnings() == "[]"; })) << warnings();
  EXPECT_THAT(Call("GET", "/api/v1/events?kind=slot_dropped", 200).dump(), testing::HasSubstr(slot));
}

TEST_F(LeftSlots, KC26_OfTheSettingsOfADeletedSourceOnlyTheConnectionIsKeptAndNoSecret) {
  const auto warnings = [&] { return Call("GET", "/api/v1/health", 200)["warnings"].dump(); };
  const std::string slot = "hg_" + shop_->database().name();
  auto source = shop_->Source();
  source["password"] = "unforgettable-4711";
  source["columns_exclude"] = "public.customers.nickname_4711";
  Create("shop", source);
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  Call("DELETE", "/connectors/shop", 204);
  const std::string sql = "SELECT pg_drop_replication_slot('" + slot + "')";
  EXPECT_THAT(warnings(), testing::AllOf(testing::HasSubstr(sql), testing::Not(testing::HasSubstr("was not kept"))));
  ASSERT_TRUE(headgate_->Terminate().has_value());
  {
    auto store = Store::Open(headgate_->data_dir());
    ASSERT_TRUE(store.ok()) << store.error().what;
    std::string kept;
    const auto add = [&](std::string_view, std::string_view value) { return kept += value, true; };
    ASSERT_TRUE((*store)->Scan(Family::kMeta, "left_slot/", "left_slot0", add).ok());
    EXPECT_THAT(kept, testing::AllOf(testing::HasSubstr(slot), testing::HasSubstr(source["host"]),
                                     testing::Not(testing::HasSubstr("4711"))));
  }
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_THAT(warnings(), testing::AllOf(testing::HasSubstr(sql), testing::HasSubstr("was not kept")));
  Create("shop", source);
  EXPECT_EQ(warnings(), "[]");
}

TEST_F(LeftSlots, KC26_ASlotThatCouldNotBeDroppedIsNamedWithItsSql) {
  auto source = shop_->Source();
  source["port"] = "1";
  source["slot_name"] = "left_alone";
  Create("shop", source, "STOPPED");
  Call("DELETE", "/connectors/shop?drop_slot=true", 204);
  const auto left = [&] { return Call("GET", "/api/v1/events?kind=slot_left", 200)["items"]; };
  ASSERT_TRUE(WaitFor([&] { return left().size() == 1; }));
  EXPECT_EQ(left()[0]["details"]["slot"], "left_alone");
  EXPECT_EQ(left()[0]["details"]["drop_slot_sql"], "SELECT pg_drop_replication_slot('left_alone');");
  EXPECT_THAT(Call("GET", "/api/v1/health", 200).dump(), testing::HasSubstr("left_alone"));
}

}  // namespace
}  // namespace headgate::test
