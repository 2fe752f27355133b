#include "tests/e2e/api.h"
#include "tests/support/private_search.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// Streams kept as documents of a real OpenSearch (the search page of the reference).
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class SearchSink : public Api {
 protected:
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    HG_WITH_SERVER("search", search_, PrivateSearch::Start());
  }

  ConnectorSettings Sink(const std::string& topics_regex = "shop\\.public\\..*") const {
    return {{"connector.class", "search"},
            {"topics.regex", topics_regex},
            {"url", search_->url()},
            {"batch_delay_ms_max", "20"}};
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  json Search(const std::string& method, const std::string& path, const json& body = nullptr) {
    const auto answer = search_->Json(method, path, body.is_null() ? "" : body.dump());
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    return answer.ok() ? *answer : json();
  }
  // Documents by id.
  std::map<std::string, json> Documents(const std::string& index) {
    std::map<std::string, json> documents;
    if (!search_->Json("POST", "/" + index + "/_refresh").ok()) return documents;
    const json found = Search("GET", "/" + index + "/_search?size=10000");
    for (const json& hit : found["hits"]["hits"]) documents[hit["_id"]] = hit["_source"];
    return documents;
  }
  // The rows as documents, as PostgreSQL itself makes JSON of them.
  std::map<std::string, json> Rows(const std::string& table, const std::string& columns) {
    std::map<std::string, json> rows;
    const auto found = shop_->database().Query("SELECT id::text, json_strip_nulls(row_to_json(r))::text FROM (SELECT " +
                                               columns + " FROM public." + table + ") r");
    EXPECT_TRUE(found.ok()) << found.error().what;
    if (!found.ok()) return rows;
    for (const auto& row : *found) rows[row[0].value_or("")] = json::parse(row[1].value_or("{}"));
    return rows;
  }
  std::map<std::string, json> Orders() {
    return Rows("orders", "id, customer, total, tags, state, weight");  // how instants are written differs
  }
  std::map<std::string, json> IndexedOrders() {
    auto documents = Documents("orders");
    for (auto& [id, document] : documents) document.erase("placed_at");
    return documents;
  }
  void ExpectSame() {
    EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)))
        << json(IndexedOrders()).dump().substr(0, 2000) << "\n"
        << json(Orders()).dump().substr(0, 2000) << headgate_->Stderr();
    EXPECT_EQ(Documents("customers"), Rows("customers", "id, name, city, vip, notes"));
  }

  std::unique_ptr<PrivateSearch> search_;
};

TEST_F(SearchSink, DocumentsFollowTheirRows) {
  Create("shop", shop_->Source());
  Create("docs", Sink());
  ExpectSame();
  const json mapping = Search("GET", "/orders/_mapping")["orders-v1"]["mappings"];
  EXPECT_EQ(mapping["dynamic"], "strict");
  EXPECT_EQ(mapping["properties"]["id"]["type"], "long");
  EXPECT_EQ(mapping["properties"]["total"]["type"], "double");
  EXPECT_EQ(mapping["properties"]["placed_at"]["type"], "date");
  EXPECT_EQ(mapping["properties"]["state"]["fields"]["keyword"]["type"], "keyword");
  EXPECT_EQ(mapping["_meta"]["headgate"]["sink"], "docs");
  Exec("UPDATE public.orders SET id = id + 1000 WHERE id = 7");
  Exec(
      "BEGIN; DELETE FROM public.orders WHERE id = 8; INSERT INTO public.orders (id, total) VALUES (8, 1); "
      "UPDATE public.orders SET total = 2 WHERE id = 8; COMMIT");
  Exec("DELETE FROM public.orders WHERE id BETWEEN 20 AND 29");
  ExpectSame();
  const json found = Search("GET", "/orders/_search", {{"query", {{"term", {{"id", 8}}}}}});
  EXPECT_EQ(found["hits"]["hits"][0]["_source"]["total"], 2);
}

TEST_F(SearchSink, AfterKillsOfBothUnderLoadTheyAreEqual) {
  Create("shop", shop_->Source());
  Create("docs", Sink());
  shop_->StartLoad(7, 200);
  Signal never;
  const auto pause = [&](int ms) {
    never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(ms), {});
  };
  for (int round = 0; round < 4; ++round) {
    pause(700 + 300 * round);
    headgate_->KillHard();
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
  search_->KillHard();
  pause(1'500);
  const Status again = search_->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  pause(1'000);
  shop_->StopLoad();
  ExpectSame();
}

TEST_F(SearchSink, AColumnThatComesIsAFieldBeforeItsFirstValue) {
  Create("shop", shop_->Source());
  Create("docs", Sink());
  ExpectSame();
  Exec("ALTER TABLE public.orders ADD COLUMN priority int");
  Exec("UPDATE public.orders SET priority = 3 WHERE id = 5");
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders()["5"]["priority"] == 3; }));
  EXPECT_EQ(Search("GET", "/orders/_mapping")["orders-v1"]["mappings"]["properties"]["priority"]["type"], "integer");
}

TEST_F(SearchSink, WhatTheIndexRejectsIsADeadLetterAndTheRestGoesOn) {
  Create("shop", shop_->Source());
  Create("docs", Sink());
  ExpectSame();
  Exec("INSERT INTO public.orders (id, total, weight) VALUES (5000, 1, 'NaN'), (5001, 2, 2)");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders").contains("5001"); }));
  const json letters = Call("GET", "/api/v1/connectors/docs/dead-letters", 200);
  ASSERT_EQ(letters["items"].size(), 1U) << letters;
  EXPECT_THAT(letters.dump(), HasSubstr("mapper_parsing_exception"));
  EXPECT_FALSE(Documents("orders").contains("5000"));
  Exec("UPDATE public.orders SET weight = 1 WHERE id = 5000");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders").contains("5000"); }));
}

TEST_F(SearchSink, AnIndexThatIsNotOursIsLeftAlone_Q12) {
  Search("PUT", "/orders-v1",
         {{"mappings", {{"properties", {{"mine", {{"type", "long"}}}}}}}, {"aliases", {{"orders", json::object()}}}});
  Create("shop", shop_->Source());
  Create("docs", Sink("shop\\.public\\.orders"));
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("was not made by Headgate"));
  EXPECT_TRUE(Documents("orders").empty());
}

TEST_F(SearchSink, AStreamWithoutKeyIsRefusedByName_Q26) {
  Exec("CREATE TABLE public.notes (t text)");
  Exec("INSERT INTO public.notes VALUES ('a')");
  Create("shop", shop_->Source());
  Create("docs", Sink("shop\\.public\\.notes"));
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("has no key"));
}

}  // namespace
}  // namespace headgate::test
