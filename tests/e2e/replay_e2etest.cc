// What has gone out goes out again: a sink that goes back, one key alone, and the state of tables and views for one
// sink. Ids, bytes and order are those that receivers were promised.
#include <map>
#include <set>

#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Replays : public Api {
 protected:
  // A shop at rest, delivered to its end.
  void Deliver(const std::string& topics = "shop\\.public\\.customers") {
    Create("shop", shop_->Source());
    Create("hook", Shop::Hook(receiver_.url(), topics));
    AwaitAll();
  }
  void AwaitAll() {
    ASSERT_THAT(receiver_.WaitForTables(shop_->database().session(), {"public.customers"}, seconds(60)),
                testing::IsEmpty());
    ASSERT_TRUE(WaitFor([&] { return CaughtUp("hook"); }, seconds(60)));
  }
  bool CaughtUp(const std::string& sink) {
    const auto lag = headgate_->Call("GET", "/api/v1/connectors/" + sink + "/lag");
    const json told = lag.ok() ? json::parse(lag->body, nullptr, false) : json();
    return told.is_object() && told.value("caught_up", false) && told.value("records", -1) == 0;
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::string Rewind(const json& body, int status = 200, const std::string& sink = "hook") {
    return Call("POST", "/api/v1/connectors/" + sink + "/rewind", status, body).dump();
  }
  // Bodies by id, of requests from `first` on.
  std::map<std::string, std::string> Bodies(std::size_t first) {
    std::map<std::string, std::string> bodies;
    const auto requests = receiver_.http().Requests();
    for (std::size_t i = first; i < requests.size(); ++i) bodies[*requests[i].Header("webhook-id")] = requests[i].body;
    return bodies;
  }
  bool Ended(const std::string& path, const std::string& state) {
    return WaitFor([&] { return Call("GET", path, 200)["state"] == state; }, seconds(60));
  }
};

TEST_F(Replays, ASinkGoesBackInAnyStateWithTheSameIdsAndBytes_OP15) {
  Deliver();
  for (int id = 1; id <= 10; ++id)
    Exec("UPDATE public.customers SET city = 'Town " + std::to_string(id) + "' WHERE id = " + std::to_string(id));
  AwaitAll();
  const auto before = Bodies(0);
  const json page = Call("GET", "/api/v1/streams/shop.public.customers/records?order=desc&limit=7", 200);
  const std::string fourth = page["items"][6]["at"];
  EXPECT_THAT(Rewind({{"to", fourth}, {"dry_run", true}}), HasSubstr("\"records\":7")) << "U24";
  std::set<std::string> last_seven;
  for (const json& item : page["items"]) last_seven.insert(item["id"]);
  for (const char* state : {"running", "pause", "stop"}) {
    if (std::string(state) != "running")
      Call("PUT", std::string("/connectors/hook/") + state, std::string(state) == "stop" ? 204 : 202);
    const std::size_t first = receiver_.http().request_count();
    Rewind({{"to", fourth}});
    if (std::string(state) != "running") Call("PUT", "/connectors/hook/resume", 202);
    ASSERT_TRUE(WaitFor([&] { return receiver_.http().request_count() >= first + 7 && CaughtUp("hook"); }, seconds(30)))
        << state << headgate_->Stderr();
    const auto again = Bodies(first);
    EXPECT_EQ(again.size(), 7U) << state;
    for (const auto& [id, body] : again) {
      EXPECT_TRUE(last_seven.contains(id)) << id;
      EXPECT_EQ(before.at(id), body);
    }
  }
  const std::size_t first = receiver_.http().request_count();
  Rewind({{"to", "beginning"}, {"key", 3}});
  ASSERT_TRUE(WaitFor([&] { return receiver_.http().request_count() >= first + 2 && CaughtUp("hook"); }, seconds(30)));
  for (const auto& [id, body] : Bodies(first)) EXPECT_THAT(body, HasSubstr(R"("key":{"id":3})"));
  const json events = Call("GET", "/api/v1/events?kind=rewind&connector=hook", 200);
  EXPECT_EQ(events["items"].size(), 4U);
  EXPECT_THAT(events["items"][0]["details"].dump(), HasSubstr("\"key\":\"3\""));
  EXPECT_THAT(Rewind({{"to", "999999-1"}}, 422), HasSubstr("The log ends"));
}

TEST_F(Replays, AKillAtTheRewindLeavesItWholeOrUndone_OP15) {
  Deliver();
  const std::size_t all = receiver_.distinct();
  for (const char* point : {"rewind.before_write", "rewind.written"}) {
    const bool done = std::string(point) == "rewind.written";
    headgate_->Terminate();
    headgate_->set_failpoints(std::string(point) + "=kill");
    ASSERT_TRUE(headgate_->Start().ok());
    ASSERT_TRUE(WaitFor([&] { return CaughtUp("hook"); }));
    const std::size_t first = receiver_.http().request_count();
    const auto answer = headgate_->Call("POST", "/api/v1/connectors/hook/rewind", R"({"to":"beginning"})");
    EXPECT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
    EXPECT_FALSE(answer.ok() && answer->status == 200);
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
    ASSERT_TRUE(WaitFor([&] { return CaughtUp("hook"); }, seconds(60)));
    EXPECT_EQ(Bodies(first).size(), done ? all : 0U) << point;
  }
  EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
}

TEST_F(Replays, TheStateOfATableGoesToOneSinkWhileItsStreamGoesOn_S4_6) {
  Exec("INSERT INTO public.orders SELECT 10000 + g, 1, g, '{}' FROM generate_series(1, 9000) g");
  Deliver("shop\\.public\\..*");
  CountingReceiver late;
  Create("late", Shop::Hook(late.url(), "shop\\.public\\..*"));
  Rewind({{"to", "end"}}, 200, "late");  // it has missed everything
  shop_->StartLoad(11, 150);
  headgate_->Terminate();
  headgate_->set_failpoints("backfill.save=kill:4");
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(WaitFor([&] { return StateOf("late") == "RUNNING"; }));
  const json made = Call("POST", "/api/v1/connectors/late/snapshots", 201, {{"mode", "full"}});
  const std::string path = "/api/v1/connectors/late/snapshots/" + made["id"].get<std::string>();
  ASSERT_TRUE(headgate_->WaitEnd(seconds(60)).has_value());
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(Ended(path, "completed")) << Call("GET", path, 200) << headgate_->Stderr();
  const json ended = Call("GET", path, 200);
  EXPECT_EQ(ended["tables"].size(), 2U);
  EXPECT_GT(ended["rows_done"].get<int>(), 9000);
  shop_->StopLoad();
  EXPECT_THAT(late.WaitForTables(shop_->database().session(), shop_->tables(), seconds(90)), testing::IsEmpty());
  EXPECT_THAT(late.Violations(), testing::IsEmpty()) << "in the order of its stream, no id with two bodies";
  EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(90)), testing::IsEmpty());
  EXPECT_EQ(receiver_.Snapshot().by_op().count("gap"), 0U);
}

TEST_F(Replays, OneSinksStateIsOfViewsTooAndByARangeOfAColumn_S4_6) {
  Deliver();
  Call("POST", "/api/v1/views", 201,
       {{"name", "towns"}, {"sql", "SELECT city, count(*) AS n FROM shop.public.customers GROUP BY city"}});
  CountingReceiver towns;
  Create("towns-hook", Shop::Hook(towns.url(), "towns"));
  ASSERT_TRUE(WaitFor([&] { return towns.distinct() > 0 && CaughtUp("towns-hook"); }, seconds(30)));
  const json rows = Call("GET", "/api/v1/views/towns/rows?limit=1000", 200);
  const std::size_t first = towns.http().request_count();
  const json made = Call("POST", "/api/v1/connectors/towns-hook/snapshots", 201, {{"mode", "full"}});
  ASSERT_TRUE(Ended("/api/v1/connectors/towns-hook/snapshots/" + made["id"].get<std::string>(), "completed"))
      << headgate_->Stderr();
  EXPECT_EQ(towns.http().request_count() - first, rows["items"].size());
  EXPECT_THAT(towns.http().Requests().back().body, HasSubstr(R"("op":"read")"));

  const std::size_t before = receiver_.http().request_count();
  const json some = Call(
      "POST", "/api/v1/connectors/hook/snapshots", 201,
      {{"mode", "partial"}, {"tables", {"public.customers"}}, {"where", {{"column", "id"}, {"from", 5}, {"to", 9}}}});
  ASSERT_TRUE(Ended("/api/v1/connectors/hook/snapshots/" + some["id"].get<std::string>(), "completed"));
  EXPECT_EQ(receiver_.http().request_count() - before, 4U);
  EXPECT_THAT(Call("POST", "/api/v1/connectors/hook/snapshots", 422, {{"mode", "full"}, {"tables", {"towns"}}}).dump(),
              HasSubstr("reads no stream towns"));
  EXPECT_THAT(Call("POST", "/api/v1/connectors/hook/snapshots", 422, {{"mode", "rebuild"}}).dump(),
              HasSubstr("take full or partial"));
  Call("PUT", "/connectors/hook/stop", 204);
  EXPECT_THAT(Call("POST", "/api/v1/connectors/hook/snapshots", 409, {{"mode", "full"}}).dump(),
              HasSubstr("Resume it"));
}

}  // namespace
}  // namespace headgate::test
