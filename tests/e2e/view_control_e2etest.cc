// What a person does with views beside reading them: sinks of a query, fresh answers, the graph.
#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

class ViewControl : public ViewsFixture {
 protected:
  void Begin() {
    Create("shop", shop_->Source());
    Until("/api/v1/streams/shop.public.customers", [](const json&) { return true; });
  }
  std::string Hook(const std::string& more = "") {
    return "WITH (connector.class = 'webhook', url = '" + receiver_.url() + "'" + more + ")";
  }
  static const json* Find(const json& list, const char* member, const std::string& value) {
    for (const json& one : list) {
      if (one[member] == value) return &one;
    }
    return nullptr;
  }
};

TEST_F(ViewControl, ASinkOfAQueryComesAndGoesWithItsView) {
  Begin();
  const json made = Sql("CREATE SINK big AS SELECT id, name FROM shop.public.customers\n WHERE id > 1000 " + Hook());
  EXPECT_EQ(made["results"][0]["statement"], "CREATE SINK");
  UntilRunning("big");
  EXPECT_EQ(Call("GET", "/api/v1/views/big", 200)["sink"], "big");
  EXPECT_EQ(Call("GET", "/connectors/big/config", 200)["topics"], "big");
  Exec("INSERT INTO public.customers (id, name) VALUES (2001, 'a'), (2002, 'b')");
  EXPECT_TRUE(receiver_.WaitForDistinct(2, seconds(10))) << headgate_->Stderr();
  EXPECT_THAT(Sql("DROP MATERIALIZED VIEW big", 409)["detail"].get<std::string>(), testing::HasSubstr("DROP SINK big"));
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  UntilRunning("big");
  Exec("INSERT INTO public.customers (id, name) VALUES (2003, 'c')");
  EXPECT_TRUE(receiver_.WaitForDistinct(3, seconds(10))) << headgate_->Stderr();
  Sql("CREATE VIEW of_big AS SELECT count(*) AS n FROM big");
  EXPECT_THAT(Sql("DROP SINK big", 422)["detail"].get<std::string>(), testing::HasSubstr("of_big"));
  Call("GET", "/connectors/big", 200);
  Sql("DROP VIEW of_big; DROP SINK big");
  Call("GET", "/connectors/big", 404);
  Call("GET", "/api/v1/views/big", 404);
}

TEST_F(ViewControl, ASinkOfAQueryIsMadeWholeOrNotAtAll) {
  Begin();
  const json wrong = Sql("CREATE SINK s AS\nSELECT nothing FROM shop.public.customers " + Hook(), 422);
  EXPECT_EQ(wrong["errors"][0]["line"], 2);
  EXPECT_EQ(wrong["errors"][0]["column"], 8);
  Sql("CREATE SINK s AS SELECT id FROM shop.public.customers " + Hook(", order_bye = 'id'"), 422);
  Sql("CREATE SINK s AS SELECT id FROM shop.public.customers WITH (connector.class = 'postgres')", 422);
  Sql("CREATE MATERIALIZED VIEW taken AS SELECT id FROM shop.public.customers");
  Sql("CREATE SINK taken AS SELECT id FROM shop.public.customers " + Hook(), 409);
  Call("GET", "/connectors/s", 404);
  Call("GET", "/connectors/taken", 404);
  Call("GET", "/api/v1/views/s", 404);
  Sql("CREATE SINK s AS SELECT id FROM shop.public.customers " + Hook());
  Sql("CREATE SINK IF NOT EXISTS s AS SELECT id FROM shop.public.customers " + Hook());
  Sql("CREATE SINK s AS SELECT id FROM shop.public.customers " + Hook(), 422);
}

TEST_F(ViewControl, F33_ASinkKeyThatTheViewDoesNotGiveIsRefused) {
  Begin();
  const std::string query = "SELECT id, customer FROM shop.public.orders ";
  const json refused = Sql("CREATE SINK s AS " + query + Hook(", order_by = 'region'"), 422);
  EXPECT_THAT(refused["detail"].get<std::string>(),
              testing::HasSubstr("orders by region, which view s does not give; it has id, customer"));
  Call("GET", "/api/v1/views/s", 404);
  Sql("CREATE MATERIALIZED VIEW v AS " + query);
  Sql("CREATE SINK t FROM v " + Hook(", order_by = 'state'"), 422);
  Sql("CREATE SINK t FROM v " + Hook(", order_by = 'customer'"));
  EXPECT_THAT(Sql("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id FROM shop.public.orders", 409)["detail"]
                  .get<std::string>(),
              testing::HasSubstr("Sink t orders by customer"));
}

TEST_F(ViewControl, AQueryByKeySaysThatItDidNotScan) {
  Begin();
  Sql("CREATE MATERIALIZED VIEW people AS SELECT id, name FROM shop.public.customers");
  UntilRunning("people");
  const json one = Query("SELECT name FROM people WHERE id = 3");
  EXPECT_EQ(one["scanned"], false);
  EXPECT_EQ(one["rows"].size(), 1U);
  EXPECT_EQ(Query("SELECT id FROM people WHERE name <> ''")["scanned"], true);
}

TEST_F(ViewControl, D45_AnAnswerWaitsForAPositionOfTheSource) {
  Begin();
  Sql("CREATE SOURCE clicks (id int) WITH (connector.class = 'http')");
  Sql("CREATE MATERIALIZED VIEW people AS SELECT id, name FROM shop.public.customers");
  Sql("CREATE MATERIALIZED VIEW how_many AS SELECT count(*) AS n FROM people");
  UntilRunning("how_many");
  for (int i = 3000; i < 3020; ++i) {
    Exec("INSERT INTO public.customers (id, name) VALUES (" + std::to_string(i) + ", 'x')");
    const std::string position = One("SELECT pg_current_wal_lsn()");
    const json answer = Call("POST", "/api/v1/query", 200,
                             {{"sql", "SELECT name FROM people WHERE id = " + std::to_string(i)},
                              {"min_position", {{"shop", position}}},
                              {"wait_ms", 10000}});
    ASSERT_EQ(answer["rows"].size(), 1U) << i;
    const std::string path = "/api/v1/views/people/rows?wait_ms=10000&min_position=%7B%22shop%22:%22" +
                             position.substr(0, position.find('/')) + "%2F" + position.substr(position.find('/') + 1) +
                             "%22%7D&key.id=" + std::to_string(i);
    EXPECT_EQ(Call("GET", path, 200)["name"], "x");
  }
  const json far = {{"sql", "SELECT n FROM how_many"}, {"min_position", {{"shop", "FFFF/0"}}}, {"wait_ms", 50}};
  EXPECT_THAT(Call("POST", "/api/v1/query", 503, far)["detail"].get<std::string>(), testing::HasSubstr("FFFF/0"));
  json other = {{"sql", "SELECT n FROM how_many"}, {"min_position", {{"clicks", "1"}}}};
  EXPECT_THAT(Call("POST", "/api/v1/query", 400, other)["detail"].get<std::string>(),
              testing::HasSubstr("does not depend on source clicks; it depends on shop"));
  other["min_position"] = {{"shop", "yesterday"}};
  Call("POST", "/api/v1/query", 400, other);
  other["min_position"] = "shop";
  Call("POST", "/api/v1/query", 400, other);
  Call("GET", "/api/v1/views/people/rows?min_position=%7B%7D", 400);
}

TEST_F(ViewControl, APausedViewKeepsItsPlaceOverAKillAndThenCatchesUp) {
  Begin();
  Sql("CREATE MATERIALIZED VIEW big AS SELECT id, name FROM shop.public.customers WHERE id > 1000;"
      "CREATE MATERIALIZED VIEW how_big AS SELECT count(*) AS n FROM big;"
      "CREATE MATERIALIZED VIEW all_of_them AS SELECT count(*) AS n FROM shop.public.customers;"
      "CREATE VIEW named AS SELECT n FROM how_big;"
      "CREATE SINK hook FROM big " +
      Hook());
  for (const char* view : {"big", "how_big", "all_of_them"}) UntilRunning(view);
  Call("PUT", "/api/v1/views/big/pause", 202);
  Call("PUT", "/api/v1/views/big/pause", 202);
  Call("PUT", "/api/v1/views/named/pause", 409);
  Call("PUT", "/api/v1/views/nothing/pause", 404);
  const json paused = Until("/api/v1/views/how_big", [](const json& v) { return v["state"] == "paused"; });
  EXPECT_EQ(paused["paused_by"], "big");
  EXPECT_EQ(paused["health"]["status"], "paused");
  Exec("INSERT INTO public.customers (id, name) VALUES (2001, 'a'), (2002, 'b')");
  Exec("UPDATE public.customers SET name = 'c' WHERE id = 2001");
  const auto all = [&] {
    Until("/api/v1/views/all_of_them/rows", [&](const json& rows) {
      return rows["items"][0]["n"].dump() == One("SELECT count(*) FROM public.customers");
    });
  };
  all();
  const json refused = Call("GET", "/api/v1/views/how_big/rows", 503);
  EXPECT_THAT(refused["detail"].get<std::string>(), testing::HasSubstr("it reads big, which is"));
  Query("SELECT n FROM named", 503);
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", "/api/v1/views/big", 200)["state"], "paused");
  EXPECT_THAT(headgate_->Call("GET", "/metrics")->body,
              testing::HasSubstr("headgate_view_state{view=\"big\",state=\"paused\"} 1\n"));
  Exec("DELETE FROM public.customers WHERE id = 2002");
  Exec("INSERT INTO public.customers (id, name) VALUES (2003, 'd'), (2004, 'e')");
  all();
  EXPECT_EQ(receiver_.http().Requests().size(), 0U);
  Call("PUT", "/api/v1/views/big/resume", 202);
  UntilRunning("how_big");
  EXPECT_EQ(Query("SELECT n FROM named")["rows"][0][0].dump(), "3");
  EXPECT_EQ(Query("SELECT name FROM big ORDER BY id")["rows"], json::parse(R"([["c"],["d"],["e"]])"));
  EXPECT_TRUE(receiver_.WaitForDistinct(3, seconds(10))) << headgate_->Stderr();
  const json events = Call("GET", "/api/v1/events?kind=target_state", 200);
  EXPECT_EQ(events["items"].size(), 2U);
  EXPECT_EQ(events["items"][0]["summary"], "view resumed");
}

TEST_F(ViewControl, WhatAViewCannotTakeIsADeadLetterUntilItIsDiscarded) {
  Exec("CREATE TABLE limits (id int PRIMARY KEY, low int, divisor int); INSERT INTO limits VALUES (1, 5, 1)");
  auto source = shop_->Source();
  source["tables"] = "public.limits";
  Create("shop", source);
  Until("/api/v1/streams/shop.public.limits", [](const json&) { return true; });
  Sql("CREATE TABLE bounds (id int PRIMARY KEY, low int NOT NULL CHECK (low >= 0), divisor int) WITH (stream = "
      "'shop.public.limits'); CREATE VIEW named AS SELECT 1 AS a;"
      "CREATE MATERIALIZED VIEW shares AS SELECT id, low / divisor AS share FROM bounds");
  UntilRunning("shares");
  Exec("UPDATE limits SET low = -1 WHERE id = 1");
  Exec("INSERT INTO limits VALUES (2, NULL, 1)");
  Exec("INSERT INTO limits VALUES (3, 7, 0)");
  Exec("INSERT INTO limits VALUES (4, 8, 2)");
  Until("/api/v1/views/shares/rows?key.id=4", [](const json& row) { return row["share"] == 4; });
  const json of_table = Call("GET", "/api/v1/views/bounds/dead-letters", 200)["items"];
  ASSERT_EQ(of_table.size(), 2U);
  EXPECT_EQ(of_table[0]["stream"], "shop.public.limits");
  EXPECT_EQ(of_table[0]["state"], "dead");
  EXPECT_EQ(of_table[0]["key"]["id"], 1);
  EXPECT_EQ(of_table[0]["error"]["class"], "violation");
  EXPECT_EQ(of_table[0]["error"]["message"], "CHECK number 1 of bounds is not met");
  EXPECT_EQ(of_table[1]["error"]["message"], "column low is NULL");
  const json of_view = Call("GET", "/api/v1/views/shares/dead-letters", 200)["items"];
  ASSERT_EQ(of_view.size(), 1U);
  EXPECT_EQ(of_view[0]["error"]["class"], "22012");
  EXPECT_EQ(of_view[0]["error"]["message"], "division by zero");
  const std::string path = "/api/v1/views/shares/dead-letters/" + of_view[0]["id"].get<std::string>();
  const json letter = Call("GET", path, 200);
  EXPECT_EQ(letter["record"]["after"]["divisor"], 0);
  EXPECT_EQ(letter["event_id"], letter["record"]["id"]);
  const json record = Call("GET", "/api/v1/streams/shop.public.limits/records/" + letter["at"].get<std::string>(), 200);
  EXPECT_EQ(record["id"], letter["event_id"]);
  EXPECT_EQ(Call("GET", "/api/v1/views/shares", 200)["errors"]["now"], 1);
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", "/api/v1/views/shares", 200)["dead_letters"], 1);
  EXPECT_THAT(Call("POST", path + "/retry", 409)["detail"].get<std::string>(), testing::HasSubstr("fails again"));
  Call("POST", path + "/discard", 204);
  Until("/api/v1/views/shares", [](const json& v) { return v["dead_letters"] == 0; });
  Call("GET", path, 404);
  const json all = {{"filter", {{"error", "violation"}}}, {"dry_run", true}};
  EXPECT_EQ(Call("POST", "/api/v1/views/bounds/dead-letters/discard", 200, all)["matched"], 2);
  Call("POST", "/api/v1/views/bounds/dead-letters/discard", 202, {{"filter", {{"all", true}}}});
  Until("/api/v1/views/bounds", [](const json& v) { return v["dead_letters"] == 0; });
  Call("GET", "/api/v1/views/named/dead-letters", 409);
  Call("GET", "/api/v1/views/nothing/dead-letters", 404);
  Call("GET", "/api/v1/connectors/shop/dead-letters", 409);
}

TEST_F(ViewControl, TheGraphShowsWhatFlowsWhere) {
  Begin();
  Sql("CREATE VIEW decided AS SELECT id, customer FROM shop.public.orders;"
      "CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n FROM decided GROUP BY customer;"
      "CREATE MATERIALIZED VIEW busy AS SELECT customer FROM per_customer WHERE n > 2;"
      "CREATE SINK hook FROM busy " +
      Hook());
  UntilRunning("busy");
  const json graph = Until("/api/v1/graph", [&](const json& g) {
    const json* sink = Find(g["nodes"], "id", "sink:hook");
    return sink != nullptr && (*sink)["state"] == "RUNNING";
  });
  const json* source = Find(graph["nodes"], "id", "source:shop");
  ASSERT_NE(source, nullptr);
  EXPECT_EQ((*source)["kind"], "source");
  EXPECT_EQ((*source)["state"], "RUNNING");
  EXPECT_EQ((*Find(graph["nodes"], "id", "view:busy"))["state"], "running");
  EXPECT_EQ(Find(graph["nodes"], "name", "decided"), nullptr);
  std::vector<std::string> edges;
  for (const json& edge : graph["edges"])
    edges.push_back(edge["from"].get<std::string>() + ">" + edge["to"].get<std::string>());
  for (const char* edge : {"source:shop>stream:shop.public.orders", "stream:shop.public.orders>view:per_customer",
                           "view:per_customer>view:busy", "view:busy>sink:hook"})
    EXPECT_THAT(edges, testing::Contains(edge));
  const json* written = Find(graph["edges"], "to", "stream:shop.public.orders");
  EXPECT_EQ((*written)["written_total"].dump(), One("SELECT count(*) FROM public.orders"));
  Call("DELETE", "/connectors/shop", 204);
  const json orphans = Call("GET", "/api/v1/graph", 200);
  EXPECT_EQ(Find(orphans["nodes"], "id", "source:shop"), nullptr);
  EXPECT_EQ((*Find(orphans["nodes"], "id", "view:per_customer"))["health"], "error");
}

}  // namespace
}  // namespace headgate::test
