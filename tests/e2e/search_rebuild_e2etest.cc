#include <fstream>

#include "tests/e2e/search_rebuild.h"
#include "tests/support/child_process.h"

// An index that is made anew while its stream goes on, and takes the place of the old one (the search page, section 7).
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

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

TEST_F(SearchRebuild, DocumentsWithOtherContentAreFoundByTheComparison) {
  BeginLarge();
  const std::string path = Ask({{"tables", {"public.orders"}}});
  json hits;
  ASSERT_TRUE(WaitFor([&] {
    if (!search_->Call("POST", "/orders-v2/_refresh").ok()) return false;
    const auto found = search_->Json("GET", "/orders-v2/_search?version=true&size=2000");
    if (found.ok()) hits = (*found)["hits"]["hits"];
    return hits.size() >= 500;
  })) << Told(path);
  std::string lines;
  for (json& hit : hits) {
    lines += json({{"index", {{"_id", hit["_id"]}, {"version", hit["_version"]}, {"version_type", "external_gte"}}}})
                 .dump() +
             "\n";
    hit["_source"]["total"] = 123'456;
    lines += hit["_source"].dump() + "\n";
  }
  ASSERT_TRUE(search_->Json("POST", "/orders-v2/_bulk", lines).ok());
  EXPECT_TRUE(Ends(path, "failed")) << Told(path);
  EXPECT_THAT(Call("GET", path, 200)["error"], HasSubstr("field total of a document of index orders-v2"));
  EXPECT_EQ(Behind("orders"), "orders-v1");
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

TEST_F(SearchRebuild, ARowThatNoIndexTakesIsADeadLetterAndHoldsNothingUp) {
  Exec("UPDATE public.orders SET state = '10.0.0.1'");
  ConnectorSettings sink = Settings();
  sink["mapping.state"] = R"({"type":"ip"})";
  Begin(sink);
  Exec("INSERT INTO public.orders (id, total, state) VALUES (5000, 1, 'nowhere')");
  const auto letters = [&] { return Call("GET", "/api/v1/connectors/docs/dead-letters", 200)["items"].size(); };
  ASSERT_TRUE(WaitFor([&] { return letters() == 1; }));
  const std::string path = Ask({{"tables", {"public.orders"}}});
  EXPECT_TRUE(Ends(path, "completed")) << Told(path);
  EXPECT_EQ(Behind("orders"), "orders-v2");
  EXPECT_FALSE(Documents("orders").contains("5000"));
  Exec("UPDATE public.orders SET state = '10.0.0.2' WHERE id = 5000");
  ExpectSame();
}

TEST_F(SearchRebuild, TheSearchServerDiesInTheMiddleAndItGoesOn) {
  BeginLarge();
  const std::string path = Ask();
  ASSERT_TRUE(WaitFor([&] { return Is(path, "phase", "load"); })) << Told(path);
  search_->KillHard();
  Exec("DELETE FROM public.orders WHERE id > 100000 AND id % 3 = 0");
  ASSERT_TRUE(search_->StartAgain().ok());
  EXPECT_TRUE(Ends(path, "completed", seconds(90))) << Told(path);
  Exec("DELETE FROM public.orders WHERE id > 100000");
  ExpectSame();
  EXPECT_EQ(Behind("orders"), "orders-v2");
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

TEST_F(SearchRebuild, TheIndexOfAViewIsMadeAnewToo_Q33) {
  Create("shop", shop_->Source());
  const json view = {
      {"name", "buyers"},
      {"sql", "SELECT customer AS id, count(*) AS n FROM shop.public.orders WHERE customer > 0 GROUP BY customer"}};
  ASSERT_TRUE(WaitFor([&] {  // as soon as the table is known
    const auto made = headgate_->Call("POST", "/api/v1/views", view.dump());
    return made.ok() && made->status == 201;
  }));
  ConnectorSettings sink = Settings();
  sink.erase("topics.regex");
  sink["topics"] = "buyers";
  sink["index"] = "buyers";
  Create("docs", sink);
  const auto is_same = [&] {
    const auto rows = shop_->database().Query(
        "SELECT customer::text, count(*)::text FROM public.orders WHERE customer > 0 GROUP BY customer");
    std::map<std::string, std::string> wanted, found;
    if (!rows.ok()) return false;
    for (const auto& row : *rows) wanted[*row[0]] = *row[1];
    for (const auto& [id, document] : Documents("buyers")) found[id] = document["n"].dump();
    return !wanted.empty() && wanted == found;
  };
  ASSERT_TRUE(WaitFor(is_same, seconds(40))) << headgate_->Stderr();
  shop_->StartLoad(10, 150);
  const std::string path = Ask();
  EXPECT_TRUE(Ends(path, "completed")) << Told(path);
  shop_->StopLoad();
  EXPECT_TRUE(WaitFor(is_same, seconds(40))) << headgate_->Stderr();
  EXPECT_EQ(Behind("buyers"), "buyers-v2");
}

TEST_F(SearchRebuild, IsAskedForAndFollowedOnTheCommandLine) {
  Begin(Settings());
  const auto run = [&](const std::vector<std::string>& arguments) {
    ChildOptions options;
    options.command = {HG_HEADGATE, "snapshot", "docs", "--api", headgate_->address()};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    const TempDir dir("headgate-snapshot-");
    options.output_file = dir.path() + "/out";
    auto child = Child::Start(options);
    EXPECT_TRUE(child.ok() && (*child)->Wait(seconds(60)).has_value());
    std::ifstream in(options.output_file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_THAT(run({"--start", "--rebuild", "--table", "public.orders", "--watch"}),
              ::testing::AllOf(HasSubstr("rebuild  completed"), HasSubstr("phase retire"), HasSubstr("200 of 200")));
  EXPECT_EQ(Behind("orders"), "orders-v2");
  EXPECT_EQ(Behind("customers"), "customers-v1");
  EXPECT_THAT(run({"--rebuild"}), HasSubstr("goes with --start"));
  EXPECT_THAT(run({"--start", "--rebuild", "--where", "id", "--from", "1"}), HasSubstr("whole tables"));
  EXPECT_THAT(run({"--start", "--rebuild", "--table", "public.nothing"}), HasSubstr("reads no stream public.nothing"));
}

// As docs/operations/search.md says it.
TEST_F(SearchRebuild, ReadersGoBackToTheOldIndexWhichGetsWhatItMissed_Q31) {
  Begin(Settings());
  const std::string path = Ask({{"tables", {"public.orders"}}});
  ASSERT_TRUE(Ends(path, "completed")) << Told(path);
  Exec("UPDATE public.orders SET total = total + 5 WHERE id < 60");
  Exec("DELETE FROM public.orders WHERE id BETWEEN 60 AND 80");
  Exec("INSERT INTO public.orders (id, total) VALUES (7000, 7)");
  ExpectSame();
  EXPECT_TRUE(Documents("orders-v1").contains("60")) << "nothing goes there any more";
  const json ended = Call("GET", path, 200);
  EXPECT_TRUE(ended["old_until"].is_string());
  Call("PUT", "/connectors/docs/stop", 204);
  Search("POST", "/_aliases",
         {{"actions",
           {{{"remove", {{"index", "orders-v2"}, {"alias", "orders"}}}},
            {{"add", {{"index", "orders-v1"}, {"alias", "orders"}, {"is_write_index", true}}}}}}});
  Call("POST", "/api/v1/connectors/docs/rewind", 200, {{"to", ended["swapped_at"]}});
  Call("PUT", "/connectors/docs/resume", 202);
  ExpectSame();
  Exec("DELETE FROM public.orders WHERE id BETWEEN 90 AND 99");
  ExpectSame();
  EXPECT_EQ(Behind("orders"), "orders-v1");
  EXPECT_EQ(Documents("orders-v1").size(), Orders().size());
}

TEST_F(SearchRebuild, AColumnOfAnotherTypeStopsTheSinkOrMakesTheIndexAnew_Q23) {
  Begin(Settings());
  Exec("ALTER TABLE public.orders ALTER COLUMN customer TYPE text USING 'c' || customer");
  Exec("UPDATE public.orders SET total = total + 1 WHERE id < 50");
  ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("on_schema_change=rebuild"));
  EXPECT_EQ(Behind("orders"), "orders-v1");
  ConnectorSettings sink = Settings();
  sink["on_schema_change"] = "rebuild";
  Call("PUT", "/connectors/docs/config", 200, sink);
  EXPECT_TRUE(WaitFor([&] { return Behind("orders") == "orders-v2"; }, seconds(60))) << headgate_->Stderr();
  Exec("UPDATE public.orders SET customer = 'all of them'");
  ExpectSame();
  const json fields = Search("GET", "/orders/_mapping")["orders-v2"]["mappings"]["properties"];
  EXPECT_EQ(fields["customer"]["type"], "text");
  EXPECT_EQ(Behind("customers"), "customers-v1") << "only what has changed";
}

TEST_F(SearchRebuild, AChangedMappingMakesTheIndexAnewOverAKill_Q23) {
  ConnectorSettings sink = Settings();
  sink["on_schema_change"] = "rebuild";
  Begin(sink);
  headgate_->Terminate();
  headgate_->set_failpoints("rebuild.stored=kill:4");
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "RUNNING"; }));
  shop_->StartLoad(9, 100);
  sink["mapping.state"] = R"({"type":"keyword"})";
  headgate_->Call("PUT", "/connectors/docs/config", json(sink).dump()).ok();
  ASSERT_TRUE(headgate_->WaitEnd(seconds(60)).has_value()) << headgate_->Stderr();
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return Behind("orders") == "orders-v2"; }, seconds(60))) << headgate_->Stderr();
  shop_->StopLoad();
  ExpectSame();
  EXPECT_EQ(Search("GET", "/orders/_mapping")["orders-v2"]["mappings"]["properties"]["state"]["type"], "keyword");
}

}  // namespace
}  // namespace headgate::test
