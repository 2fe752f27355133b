// Places of connectors over Kafka Connect's offsets (KC21 to KC24): only while stopped, all of it or nothing, and what
// is skipped is told.
#include <sstream>

#include "tests/e2e/api.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Offsets : public Api {
 protected:
  json OffsetsOf(const std::string& name) { return Call("GET", "/connectors/" + name + "/offsets", 200)["offsets"]; }
  json OffsetOf(const std::string& name) {
    const json list = OffsetsOf(name);
    return list.empty() ? json() : list[0]["offset"];
  }
  void StopIt(const std::string& name) {
    Call("PUT", "/connectors/" + name + "/stop", 204);
    EXPECT_TRUE(WaitFor([&] { return StateOf(name) == "STOPPED"; })) << headgate_->Stderr();
  }
  void Resume(const std::string& name) {
    Call("PUT", "/connectors/" + name + "/resume", 202);
    EXPECT_TRUE(WaitFor([&] { return StateOf(name) == "RUNNING"; }, seconds(30))) << headgate_->Stderr();
  }
  // The answer's text.
  std::string Alter(const std::string& name, const json& partition, const json& offset, int status = 200) {
    const json one = {{"partition", partition}, {"offset", offset}};
    const json answer = Call("PATCH", "/connectors/" + name + "/offsets", status, {{"offsets", json::array({one})}});
    return answer["message"].get<std::string>();
  }
  json Altered(const std::string& name) {
    return Call("GET", "/api/v1/events?kind=offsets_altered&connector=" + name, 200)["items"];
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::uint64_t Records(const std::string& stream) {
    const auto answer = headgate_->Call("GET", "/api/v1/streams/" + stream);
    const json told = answer.ok() ? json::parse(answer->body, nullptr, false) : json();
    return told.is_object() && told.contains("records") ? told["records"].get<std::uint64_t>() : 0;
  }
  bool Has(const std::string& stream, const std::string& text) {
    const auto found = headgate_->Call("GET", "/api/v1/streams/" + stream + "/records?limit=1000");
    return found.ok() && found->body.find(text) != std::string::npos;
  }
};

TEST_F(Offsets, KC23_APostgresSourceSkipsForwardAndTellsTheGap) {
  Create("shop", shop_->Source());
  EXPECT_TRUE(WaitFor([&] { return Records("shop.public.orders") == 200; }, seconds(20)));
  Exec("UPDATE public.customers SET city = 'before' WHERE id = 1");
  EXPECT_TRUE(WaitFor([&] { return Has("shop.public.customers", "before"); }));
  EXPECT_THAT(Alter("shop", {{"server", "shop"}}, {{"lsn", 1}}, 400), HasSubstr("PUT /connectors/shop/stop"));
  StopIt("shop");
  const json shown = OffsetOf("shop");
  ASSERT_TRUE(shown["lsn"].is_number()) << shown;
  EXPECT_TRUE(shown["txid"].is_number()) << shown;

  // What cannot be is refused with what can, and nothing has changed.
  for (const json& lsn : {json(1), json("FFFFFFF/0")}) {
    const std::string text = Alter("shop", {{"server", "shop"}}, {{"lsn", lsn}}, 400);
    EXPECT_THAT(text, testing::AllOf(HasSubstr("It can be from"), HasSubstr("lsn"))) << text;
  }
  EXPECT_THAT(Alter("shop", {{"server", "other"}}, shown, 400), HasSubstr(R"({"server":"shop"})"));
  EXPECT_THAT(Alter("shop", {{"server", "shop"}, {"table", "public.orders"}}, nullptr, 400), HasSubstr("/snapshots"));
  for (const json& bad : {json{{"lsn", "x"}}, json{{"txid", 7}}, json{{"lsn", 1}, {"kafka_offset", 1}}, json::object()})
    Alter("shop", {{"server", "shop"}}, bad, 400);
  EXPECT_EQ(OffsetOf("shop"), shown);
  EXPECT_TRUE(Altered("shop").empty());

  Exec("UPDATE public.customers SET city = 'skipped' WHERE id = 2");
  const auto end = shop_->database().Value("SELECT pg_current_wal_insert_lsn()");
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(Alter("shop", {{"server", "shop"}}, {{"lsn", *end}}), HasSubstr("slot has a position of its own"));
  const json events = Altered("shop");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_THAT(events[0]["details"]["before"].get<std::string>(), HasSubstr(shown["lsn"].dump()));
  EXPECT_EQ(events[0]["details"]["after"], "lsn " + OffsetOf("shop")["lsn"].dump());
  EXPECT_THAT(events[0]["details"]["skipped"].get<std::string>(), HasSubstr("are skipped"));
  Resume("shop");
  Exec("UPDATE public.customers SET city = 'after' WHERE id = 3");
  EXPECT_TRUE(WaitFor([&] { return Has("shop.public.customers", "\"after\""); }, seconds(20))) << headgate_->Stderr();
  EXPECT_FALSE(Has("shop.public.customers", "skipped"));
  const auto metrics = headgate_->Call("GET", "/metrics");
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(metrics->body, HasSubstr("headgate_source_gaps_total{connector=\"shop\"} 1"));
}

TEST_F(Offsets, KC23_ThePlaceThatIsShownChangesNothingAndAServerThatIsAwayIsSaidSo) {
  auto settings = shop_->Source();
  Create("shop", settings);
  EXPECT_TRUE(WaitFor([&] { return Records("shop.public.orders") == 200; }, seconds(20)));
  Exec("UPDATE public.customers SET city = 'once' WHERE id = 1");
  EXPECT_TRUE(WaitFor([&] { return Has("shop.public.customers", "once"); }));
  StopIt("shop");
  const json shown = OffsetsOf("shop");
  Call("PATCH", "/connectors/shop/offsets", 200, {{"offsets", shown}});
  Resume("shop");
  Exec("UPDATE public.customers SET city = 'twice' WHERE id = 2");
  EXPECT_TRUE(WaitFor([&] { return Has("shop.public.customers", "twice"); }, seconds(20))) << headgate_->Stderr();
  EXPECT_EQ(Records("shop.public.customers"), 52U) << "neither skipped nor read again";

  StopIt("shop");
  settings["port"] = "1";
  Call("PUT", "/connectors/shop/config", 200, settings);
  const json before = OffsetOf("shop");
  EXPECT_THAT(Alter("shop", {{"server", "shop"}}, {{"lsn", before["lsn"].get<std::uint64_t>() + 8}}, 503),
              HasSubstr("nothing was changed"));
  EXPECT_EQ(OffsetOf("shop"), before);
}

TEST_F(Offsets, KC23_AResetReadsTheTablesAgainInTheNextEpoch) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20))) << headgate_->Stderr();
  EXPECT_THAT(Call("DELETE", "/connectors/shop/offsets", 400)["message"].get<std::string>(), HasSubstr("/stop"));
  StopIt("shop");
  EXPECT_THAT(Call("DELETE", "/connectors/shop/offsets", 200)["message"].get<std::string>(), HasSubstr("read again"));
  EXPECT_TRUE(OffsetsOf("shop").empty());
  ASSERT_EQ(Altered("shop").size(), 1U);
  EXPECT_EQ(Altered("shop")[0]["details"]["after"], "none");
  Exec("UPDATE public.customers SET city = 'while away' WHERE id = 1");
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(OffsetsOf("shop").empty()) << "a reset is durable";
  Resume("shop");
  ASSERT_TRUE(receiver_.WaitForDistinct(500, seconds(30))) << headgate_->Stderr();
  EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(30)), testing::IsEmpty());
  EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
}

TEST_F(Offsets, KC22_ASinkGoesBackByStreams) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/lag", 200)["records"] == 0; }));
  StopIt("hook");
  const json orders = {{"kafka_topic", "shop.public.orders"}, {"kafka_partition", 0}};
  const json customers = {{"kafka_topic", "shop.public.customers"}, {"kafka_partition", "0"}};
  const json shown = OffsetsOf("hook");
  ASSERT_EQ(shown.size(), 2U);

  // Trap 15, and what is not there: none of it is applied.
  for (const json& bad : {json(-1), json("x"), json(nullptr), json(true), json(1.5)})
    Alter("hook", orders, {{"kafka_offset", bad}}, 400);
  Alter("hook", orders, json::object(), 400);
  Alter("hook", {{"kafka_topic", "shop.public.orders"}}, {{"kafka_offset", 1}}, 400);
  Alter("hook", {{"kafka_topic", "shop.public.orders"}, {"kafka_partition", 1}}, {{"kafka_offset", 1}}, 400);
  const json one = {{"partition", orders}, {"offset", {{"kafka_offset", 1}}}};
  const json none = {{"partition", {{"kafka_topic", "nowhere"}, {"kafka_partition", 0}}},
                     {"offset", {{"kafka_offset", 1}}}};
  const json refused = Call("PATCH", "/connectors/hook/offsets", 400, {{"offsets", {one, none}}});
  EXPECT_THAT(refused["message"].get<std::string>(), HasSubstr("shop.public.customers"));
  EXPECT_EQ(OffsetsOf("hook"), shown);

  // A number as text; one beyond the end is the end.
  const json away = {{"partition", customers}, {"offset", {{"kafka_offset", "99999999"}}}};
  Call("PATCH", "/connectors/hook/offsets", 200, {{"offsets", {{{"partition", orders}, {"offset", nullptr}}, away}}});
  for (const json& entry : OffsetsOf("hook")) {
    const bool of_orders = entry["partition"]["kafka_topic"] == "shop.public.orders";
    EXPECT_EQ(entry["offset"]["kafka_offset"] == 1, of_orders) << entry;
  }
  ASSERT_EQ(Altered("hook").size(), 1U);
  EXPECT_TRUE(Altered("hook")[0]["details"].contains("before.shop.public.orders"));
  const std::uint64_t events = receiver_.events();
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  Resume("hook");
  EXPECT_TRUE(WaitFor([&] { return receiver_.events() == events + 200; }, seconds(20))) << receiver_.events();
  Exec("UPDATE public.customers SET city = 'x' WHERE id = 1");
  EXPECT_TRUE(receiver_.WaitForDistinct(251, seconds(20)));
  EXPECT_EQ(receiver_.events(), events + 201) << "customers did not go out again";
  const auto together = [&] {
    const json now = OffsetsOf("hook");
    return now.size() == 2 && now[0]["offset"] == now[1]["offset"];
  };
  EXPECT_TRUE(WaitFor(together)) << OffsetsOf("hook");
  StopIt("hook");
  Call("DELETE", "/connectors/hook/offsets", 200);
  Resume("hook");
  EXPECT_TRUE(WaitFor([&] { return receiver_.events() == events + 201 + 251; }, seconds(20))) << receiver_.events();
  EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
}

TEST_F(Offsets, KC23_EventsThatClientsSendHaveOnePlaceOnly) {
  Create("readings", {{"connector.class", "http"}, {"stream", "readings"}, {"columns", "id bigint PRIMARY KEY"}});
  EXPECT_TRUE(WaitFor([&] { return StateOf("readings") == "RUNNING"; }));
  EXPECT_TRUE(OffsetsOf("readings").empty());
  Call("POST", "/api/v1/streams/readings/events", 200, {{"id", 1}});
  EXPECT_EQ(OffsetOf("readings"), json({{"seq", 1}}));
  StopIt("readings");
  EXPECT_THAT(Alter("readings", {{"server", "readings"}}, {{"seq", 7}}, 400), HasSubstr("clients send"));
  Call("DELETE", "/connectors/readings/offsets", 200);
  Resume("readings");
  Call("POST", "/api/v1/streams/readings/events", 200, {{"id", 2}});
  EXPECT_EQ(Records("readings"), 2U);
}

class MysqlOffsets : public Offsets, public ::testing::WithParamInterface<MyServer> {
 protected:
  void SetUp() override {
    Offsets::SetUp();
    if (IsSkipped()) return;
    HG_WITH_SERVER(NameOf(GetParam()), server_, PrivateMysql::Start(GetParam()));
    My("CREATE DATABASE d");
    My("CREATE TABLE d.t (id INT PRIMARY KEY, name VARCHAR(20))");
    Create("my", {{"connector.class", NameOf(GetParam())},
                  {"host", server_->host()},
                  {"port", std::to_string(server_->port())},
                  {"username", "hg"},
                  {"password", "pw"},
                  {"tables", "d.*"}});
    EXPECT_TRUE(WaitFor([&] { return StateOf("my") == "RUNNING"; }, seconds(30))) << headgate_->Stderr();
    My("INSERT INTO d.t VALUES (1, 'before')");
    EXPECT_TRUE(WaitFor([&] { return Has("my.d.t", "before"); }, seconds(20)));
  }
  void My(const std::string& sql) {
    const Status done = server_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::string Gtids() {
    const bool maria = GetParam() == MyServer::kMariadb;
    const auto value = server_->Value(maria ? "SELECT @@gtid_binlog_pos" : "SELECT @@global.gtid_executed");
    return value.ok() ? *value : value.error().what;
  }
  std::unique_ptr<PrivateMysql> server_;
};

// "101" of "...:1-3:5-101\n".
std::string LastNumber(std::string text) {
  constexpr const char* kDigits = "0123456789";
  text.resize(text.find_last_of(kDigits) + 1);
  return text.substr(text.find_last_not_of(kDigits) + 1);
}

TEST_P(MysqlOffsets, S4_5_TheLagTellsTheTransactionsThatWereNotRead) {
  const auto missing = [&] { return Call("GET", "/api/v1/connectors/my/lag", 200)["gtid_missing"]; };
  ASSERT_TRUE(OffsetOf("my")["gtids"].is_string()) << OffsetOf("my");
  EXPECT_TRUE(WaitFor([&] { return missing() == ""; }, seconds(30))) << missing();
  Call("PUT", "/connectors/my/pause", 202);
  EXPECT_TRUE(WaitFor([&] { return StateOf("my") == "PAUSED"; }));
  // What was about to be read when it was paused is read.
  int id = 2;
  EXPECT_TRUE(WaitFor(
      [&] {
        My("INSERT INTO d.t VALUES (" + std::to_string(id++) + ", 'later')");
        return missing().is_string() && missing() != "";
      },
      seconds(30)))
      << missing();
  // Of the servers that the set tells of, one is this one.
  const std::string all = Gtids();
  const auto told = [&] {
    const std::string last = LastNumber(missing().get<std::string>());
    std::istringstream sets(all);
    for (std::string set; std::getline(sets, set, ',');) {
      if (LastNumber(set) == last) return true;
    }
    return false;
  };
  EXPECT_TRUE(WaitFor(told, seconds(30))) << missing() << " of " << all;
  Resume("my");
  EXPECT_TRUE(WaitFor([&] { return missing() == ""; }, seconds(30))) << missing();
}

TEST_P(MysqlOffsets, KC23_TheyGoForwardOverAGapAndBack) {
  StopIt("my");
  const json shown = OffsetOf("my");
  EXPECT_TRUE(shown["file"].is_string() && shown["pos"].is_number() && shown["row"] == 0) << shown;
  const bool by_gtid = shown["gtids"].is_string();
  My("INSERT INTO d.t VALUES (2, 'skipped')");
  const json partition = {{"server", "my"}};
  EXPECT_THAT(Alter("my", partition, {{"row", 3}}, 400), HasSubstr("row"));
  EXPECT_THAT(Alter("my", partition, {{"lsn", 3}}, 400), HasSubstr("file"));
  Alter("my", partition, {{"file", "nowhere.000001"}, {"pos", 4}}, 400);
  EXPECT_EQ(OffsetOf("my"), shown);
  if (!by_gtid) return;
  const std::string ahead = GetParam() == MyServer::kMariadb ? "0-1-99999" : "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9";
  EXPECT_THAT(Alter("my", partition, {{"gtids", ahead}}, 400), HasSubstr("They can be from"));
  Alter("my", partition, {{"gtids", "nonsense"}}, 400);
  EXPECT_EQ(OffsetOf("my"), shown);

  EXPECT_THAT(Alter("my", partition, {{"gtids", Gtids()}}), HasSubstr("binary log"));
  ASSERT_EQ(Altered("my").size(), 1U);
  EXPECT_THAT(Altered("my")[0]["details"]["before"].get<std::string>(), HasSubstr(shown["gtids"].get<std::string>()));
  Resume("my");
  My("INSERT INTO d.t VALUES (3, 'after')");
  EXPECT_TRUE(WaitFor([&] { return Has("my.d.t", "\"after\""); }, seconds(20))) << headgate_->Stderr();
  EXPECT_FALSE(Has("my.d.t", "skipped"));

  StopIt("my");
  Alter("my", partition, {{"gtids", shown["gtids"]}});
  Resume("my");
  EXPECT_TRUE(WaitFor([&] { return Has("my.d.t", "skipped"); }, seconds(20)))
      << "back to where it was: " << headgate_->Stderr();
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlOffsets, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& tested) { return NameOf(tested.param); });

}  // namespace
}  // namespace headgate::test
