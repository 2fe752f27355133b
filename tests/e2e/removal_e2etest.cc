// A deletion that the end of the process cuts short is ended at the next start: all of it, and nothing else.
#include <nlohmann/json.hpp>

#include "core/log/log.h"
#include "core/log/store.h"
#include "core/state/cursors.h"
#include "tests/e2e/shop.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class Removal : public testing::Test {
 protected:
  // Two sources on one database and a hook for each; those that stay are in the config file.
  void SetUp() override {
    HG_WITH_SERVER("postgres", shop_, Shop::Create());
    HeadgateOptions options;
    options.connectors["other"] = SourceNamed("other");
    options.connectors["other-hook"] = Shop::Hook(other_receiver_.url(), "other\\..*");
    headgate_ = std::make_unique<HeadgateProcess>(options);
  }
  ConnectorSettings SourceNamed(const std::string& name) {
    ConnectorSettings settings = shop_->Source();
    settings["slot_name"] = name + "_" + shop_->database().name();
    settings["publication_name"] = settings["slot_name"];
    return settings;
  }
  void Create(const std::string& name, const ConnectorSettings& settings) {
    const auto answer = headgate_->Call("POST", "/connectors", json{{"name", name}, {"config", settings}}.dump());
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    ASSERT_EQ(answer->status, 201) << answer->body;
  }
  // Runs until everything was delivered, then deletes `victim` and dies at the failpoint.
  void DieWhileDeleting(const std::string& failpoint, const std::string& victim) {
    headgate_->set_failpoints(failpoint + "=kill");
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    Create("shop", SourceNamed("shop"));
    Create("hook", Shop::Hook(receiver_.url()));
    ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20))) << headgate_->Stderr();
    ASSERT_TRUE(other_receiver_.WaitForDistinct(250, seconds(20))) << headgate_->Stderr();
    static_cast<void>(headgate_->Call("DELETE", "/connectors/" + victim + "?forget=true&drop_slot=true"));
    ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value()) << "the failpoint was not reached";
  }
  // The next start ends the deletion; then a change goes the way of those that are left.
  void StartAgain(const std::string& victim) {
    headgate_->set_failpoints("");
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    const auto gone = headgate_->Call("GET", "/connectors/" + victim);
    ASSERT_TRUE(gone.ok());
    EXPECT_EQ(gone->status, 404);
    const auto names = headgate_->Call("GET", "/connectors");
    ASSERT_TRUE(names.ok());
    EXPECT_EQ(json::parse(names->body).size(), 3U) << names->body;
    ASSERT_TRUE(shop_->database().Exec("UPDATE customers SET name = 'after the kill' WHERE id = 1").ok());
    EXPECT_THAT(other_receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(30)),
                testing::IsEmpty())
        << headgate_->Stderr();
    EXPECT_THAT(other_receiver_.Violations(), testing::IsEmpty());
  }
  std::string Count(const std::string& from_where) {
    const auto count = shop_->database().Value("SELECT count(*) FROM " + from_where);
    EXPECT_TRUE(count.ok()) << count.error().what;
    return count.ok() ? *count : "";
  }
  std::string Slots(const std::string& name) {
    return Count("pg_replication_slots WHERE slot_name = '" + SourceNamed(name)["slot_name"] + "'");
  }
  std::string Publications(const std::string& name) {
    return Count("pg_publication WHERE pubname = '" + SourceNamed(name)["slot_name"] + "'");
  }
  // What is in the data directory when nothing runs.
  void Look() {
    ASSERT_TRUE(headgate_->Terminate().has_value());
    auto store = Store::Open(headgate_->data_dir());
    ASSERT_TRUE(store.ok()) << store.error().what;
    store_ = std::move(*store);
    auto log = Log::Open(*store_, SystemClock());
    ASSERT_TRUE(log.ok()) << log.error().what;
    log_ = std::move(*log);
    const Status scanned = store_->Scan(Family::kMeta, "removing/", "removing0", [](std::string_view key, auto) {
      ADD_FAILURE() << key << " is still to be done";
      return true;
    });
    EXPECT_TRUE(scanned.ok());
  }
  void ExpectSourceForgotten() {
    EXPECT_EQ(Slots("shop"), "0");
    EXPECT_EQ(Publications("shop"), "0");
    EXPECT_EQ(Slots("other"), "1");
    EXPECT_EQ(Publications("other"), "1");
    Look();
    ASSERT_TRUE(log_->progress("shop").has_value());
    EXPECT_EQ(log_->progress("shop")->resume, "");
    EXPECT_GE(log_->progress("shop")->epoch, 1U);
    EXPECT_NE(log_->progress("other")->resume, "");
    EXPECT_EQ(log_->progress("other")->epoch, 0U);
  }

  std::unique_ptr<Shop> shop_;
  CountingReceiver receiver_;
  CountingReceiver other_receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
};

TEST_F(Removal, OfASourceThatDiedBeforeItStoppedIsEndedAtTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(DieWhileDeleting("removal.noted", "shop"));
  EXPECT_EQ(Slots("shop"), "1") << "nothing was done yet";
  ASSERT_NO_FATAL_FAILURE(StartAgain("shop"));
  ExpectSourceForgotten();
}

TEST_F(Removal, OfASourceThatDiedBeforeItsPositionWasForgottenIsEndedAtTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(DieWhileDeleting("removal.upstream_dropped", "shop"));
  EXPECT_EQ(Slots("shop"), "0");
  ASSERT_NO_FATAL_FAILURE(StartAgain("shop"));
  ExpectSourceForgotten();
}

TEST_F(Removal, OfASinkIsEndedAtTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(DieWhileDeleting("removal.noted", "hook"));
  ASSERT_NO_FATAL_FAILURE(StartAgain("hook"));
  EXPECT_EQ(Slots("shop"), "1");
  Look();
  const auto gone = ReadCursor(*store_, "hook");
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone->has_value());
  const auto kept = ReadCursor(*store_, "other-hook");
  ASSERT_TRUE(kept.ok());
  EXPECT_TRUE(kept->has_value());
}

}  // namespace
}  // namespace headgate::test
