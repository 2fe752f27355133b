#include <set>

#include "core/base/signal.h"
#include "tests/e2e/search_sink.h"

// An index that is made anew while its stream goes on, and takes the place of the old one (the search page, section 7).
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class SearchRebuild : public SearchSink {
 protected:
  ConnectorSettings Settings() const {
    ConnectorSettings sink = Sink();
    sink["keep_old_ms"] = "3600000";
    return sink;
  }
  void Begin(const ConnectorSettings& sink) {
    Create("shop", shop_->Source());
    Create("docs", sink);
    ExpectSame();
  }
  // So many rows that their load takes a while.
  void BeginLarge() {
    Exec("INSERT INTO public.orders (id, total) SELECT i, 1 FROM generate_series(100001, 140000) i");
    Create("shop", shop_->Source());
    Create("docs", Settings());
    ASSERT_TRUE(WaitFor(
        [&] {
          const auto counted = search_->Call("POST", "/orders/_refresh").ok() ? search_->Json("GET", "/orders/_count")
                                                                              : Transient("not yet");
          return counted.ok() && (*counted)["count"] == 40'200;
        },
        seconds(60)));
  }
  std::string Ask(const json& more = json::object()) {
    json body = {{"mode", "rebuild"}};
    body.update(more);
    const json made = Call("POST", "/api/v1/connectors/docs/snapshots", 201, body);
    return "/api/v1/connectors/docs/snapshots/" + made["id"].get<std::string>();
  }
  bool Is(const std::string& path, const std::string& member, const std::string& value) {
    const auto answer = headgate_->Call("GET", path);
    if (!answer.ok() || answer->status != 200) return false;
    const json told = json::parse(answer->body, nullptr, false);
    return told.is_object() && told.value(member, "") == value;
  }
  bool Ends(const std::string& path, const std::string& state, seconds within = seconds(60)) {
    return WaitFor([&] { return Is(path, "state", state); }, within);
  }
  std::string Told(const std::string& path) { return Call("GET", path, 200).dump() + headgate_->Stderr(); }
  // The index behind an alias; "" if there is none.
  std::string Behind(const std::string& alias) {
    const auto answer = search_->Call("GET", "/_alias/" + alias);
    if (!answer.ok() || answer->status != 200) return "";
    return json::parse(answer->body).begin().key();
  }
  std::set<std::string> Indices(const std::string& pattern) {
    std::set<std::string> indices;
    for (const json& one : Search("GET", "/_cat/indices/" + pattern + "?format=json")) indices.insert(one["index"]);
    return indices;
  }
};

TEST_F(SearchRebuild, ANewIndexTakesThePlaceOfTheOldOneUnderLoad_Q29) {
  Begin(Settings());
  const std::size_t customers = Documents("customers").size();
  shop_->StartLoad(5, 200);
  const std::string path = Ask();
  std::size_t least = customers;
  const bool completed = WaitFor(
      [&] {
        least = std::min(least, Documents("customers").size());
        return Is(path, "state", "completed");
      },
      seconds(60));
  EXPECT_TRUE(completed) << Told(path);
  EXPECT_EQ(Behind("orders"), "orders-v2");
  EXPECT_EQ(Behind("customers"), "customers-v2");
  EXPECT_EQ(Behind("orders--next"), "");
  EXPECT_GE(least + 5, customers) << "readers never saw an index that was being filled";
  shop_->StopLoad();
  ExpectSame();
  EXPECT_EQ(Call("GET", path, 200)["phase"], "retire");
  EXPECT_TRUE(Indices("orders-v*").contains("orders-v1")) << "it is kept";
  const json settings = Search("GET", "/orders-v2/_settings")["orders-v2"]["settings"]["index"];
  EXPECT_FALSE(settings.contains("refresh_interval"));
  EXPECT_EQ(settings["number_of_replicas"], "1");
  const std::string again = Ask({{"tables", {"public.orders"}}});
  EXPECT_TRUE(Ends(again, "completed")) << Told(again);
  EXPECT_EQ(Behind("orders"), "orders-v3");
  EXPECT_EQ(Behind("customers"), "customers-v2");
}

// Dies at the point while a rebuild goes on under load; started again it is completed, and no document is wrong.
class SearchRebuildKilled : public SearchRebuild, public testing::WithParamInterface<const char*> {};

TEST_P(SearchRebuildKilled, GoesOnWhereItWas_Q30) {
  Begin(Settings());
  headgate_->Terminate();
  headgate_->set_failpoints(GetParam());
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "RUNNING"; }));
  shop_->StartLoad(6, 150);
  headgate_->Call("POST", "/api/v1/connectors/docs/snapshots", R"({"mode":"rebuild"})").ok();
  ASSERT_TRUE(headgate_->WaitEnd(seconds(60)).has_value()) << "it never came to " << GetParam() << headgate_->Stderr();
  Exec("DELETE FROM public.orders WHERE id % 7 = 3");
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  const std::string path = "/api/v1/connectors/docs/snapshots/1";
  if (std::string(GetParam()) == "rebuild.phase=kill:1") {  // it was not answered, so it is not known
    ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "RUNNING"; }));
    Ask();
  }
  EXPECT_TRUE(Ends(path, "completed")) << Told(path);
  shop_->StopLoad();
  EXPECT_EQ(Behind("orders"), "orders-v2");
  EXPECT_EQ(Behind("orders--next"), "");
  ExpectSame();
  EXPECT_EQ(Search("GET", "/orders/_count")["count"], Orders().size());
}
// The N-th phase: create, dual, load, settle, compare, swap, retire.
INSTANTIATE_TEST_SUITE_P(AtEachPhase, SearchRebuildKilled,
                         testing::Values("rebuild.phase=kill:1", "rebuild.stored=kill:1", "rebuild.created=kill",
                                         "rebuild.phase=kill:2", "rebuild.stored=kill:2", "rebuild.stored=kill:3",
                                         "backfill.read=kill:1", "backfill.save=kill:5", "rebuild.phase=kill:4",
                                         "rebuild.stored=kill:4", "rebuild.stored=kill:5", "rebuild.phase=kill:6",
                                         "rebuild.stored=kill:6", "rebuild.before_swap=kill", "rebuild.swapped=kill",
                                         "rebuild.phase=kill:7"),
                         [](const auto& point) {
                           std::string name;
                           for (const char c : std::string(point.param)) name += std::isalnum(c) != 0 ? c : '_';
                           return name;
                         });

TEST_F(SearchRebuild, CancelledItLeavesTheOldIndexAndNothingElse_Q30) {
  BeginLarge();
  const std::string path = Ask();
  ASSERT_TRUE(WaitFor([&] { return Is(path, "phase", "load"); })) << Told(path);
  EXPECT_THAT(Call("POST", "/api/v1/connectors/docs/snapshots", 409, {{"mode", "rebuild"}}).dump(),
              HasSubstr("has not ended"));
  Call("PATCH", path, 200, {{"state", "paused"}});
  Exec("UPDATE public.orders SET total = 3 WHERE id < 20");
  Call("PATCH", path, 200, {{"state", "cancelled"}});
  EXPECT_TRUE(WaitFor([&] { return Is(path, "phase", "ended"); })) << Told(path);
  EXPECT_EQ(Call("GET", path, 200)["state"], "cancelled");
  EXPECT_EQ(Indices("orders-v*"), std::set<std::string>{"orders-v1"});
  EXPECT_EQ(Behind("orders"), "orders-v1");
  Exec("UPDATE public.orders SET total = 4 WHERE id < 20");
  Exec("DELETE FROM public.orders WHERE id > 100000");
  ExpectSame();
  EXPECT_EQ(StateOf("docs"), "RUNNING");
}

TEST_F(SearchRebuild, UnequalItFailsAndTheOldIndexStays) {
  Begin(Settings());
  headgate_->Terminate();
  headgate_->set_failpoints("rebuild.unequal=error");
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "RUNNING"; }));
  shop_->StartLoad(8, 100);
  const std::string path = Ask();
  EXPECT_TRUE(Ends(path, "failed")) << Told(path);
  EXPECT_THAT(Call("GET", path, 200)["error"], HasSubstr("documents of stream shop.public."));
  EXPECT_TRUE(WaitFor([&] { return Is(path, "phase", "ended"); })) << Told(path);
  shop_->StopLoad();
  EXPECT_EQ(Indices("orders-v*"), std::set<std::string>{"orders-v1"});
  ExpectSame();
}

TEST_F(SearchRebuild, ADocumentTooManyIsFoundByTheComparison) {
  BeginLarge();
  const std::string path = Ask({{"tables", {"public.orders"}}});
  ASSERT_TRUE(WaitFor([&] { return Is(path, "phase", "load"); })) << Told(path);
  Search("PUT", "/orders--next/_doc/mine", {{"id", 7}});
  EXPECT_TRUE(Ends(path, "failed")) << Told(path);
  EXPECT_THAT(Call("GET", path, 200)["error"], HasSubstr("dead letters at the same place"));
  EXPECT_EQ(Behind("orders"), "orders-v1");
  EXPECT_EQ(StateOf("docs"), "RUNNING");
}

TEST_F(SearchRebuild, TheNewIndexGoneItFailsAloneAndTheOldOneIsServed_Q30) {
  BeginLarge();
  const std::string path = Ask();
  ASSERT_TRUE(WaitFor([&] { return Is(path, "phase", "load"); })) << Told(path);
  Search("DELETE", "/orders-v2");
  EXPECT_TRUE(Ends(path, "failed")) << Told(path);
  EXPECT_EQ(StateOf("docs"), "RUNNING");
  Exec("DELETE FROM public.orders WHERE id > 100000");
  ExpectSame();
  EXPECT_EQ(Behind("orders"), "orders-v1");
  EXPECT_TRUE(WaitFor([&] { return Indices("*-v2").empty(); })) << Told(path);
}

TEST_F(SearchRebuild, TheOldIndexIsDeletedWhenItIsDueAndNotWhileItIsRead) {
  ConnectorSettings sink = Settings();
  sink["keep_old_ms"] = "0";
  Begin(sink);
  const std::string path = Ask({{"tables", {"public.orders"}}});
  EXPECT_TRUE(WaitFor([&] { return Is(path, "phase", "ended"); })) << Told(path);
  EXPECT_EQ(Call("GET", path, 200)["state"], "completed");
  EXPECT_EQ(Indices("orders-v*"), std::set<std::string>{"orders-v2"});
  ExpectSame();
}

}  // namespace
}  // namespace headgate::test
