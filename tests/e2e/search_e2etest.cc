#include "tests/e2e/search_sink.h"

// Streams kept as documents of a real search server (the search page of the reference).
namespace headgate::test {
namespace {

using ::testing::HasSubstr;

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
  ConnectorSettings sink = Sink();
  sink["mapping.state"] = R"({"type":"ip"})";
  Create("docs", sink);
  Exec("UPDATE public.orders SET state = '10.0.0.1'");
  Exec("INSERT INTO public.orders (id, total, state) VALUES (5000, 1, 'new'), (5001, 2, '10.0.0.2')");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders").contains("5001"); }));
  const json letters = Call("GET", "/api/v1/connectors/docs/dead-letters?limit=1", 200);
  ASSERT_EQ(letters["items"].size(), 1U) << letters;
  EXPECT_THAT(letters.dump(), HasSubstr("_parsing_exception"));
  EXPECT_THAT(letters["items"][0]["key"].dump(), HasSubstr("id"));
  EXPECT_FALSE(Documents("orders").contains("5000"));
  Exec("UPDATE public.orders SET state = '10.0.0.3' WHERE id = 5000");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders").contains("5000"); }));
  ExpectSame();
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
  const ConnectorSettings settings = Sink("shop\\.public\\.notes");
  const auto said = [&] {
    json config = {{"name", "docs"}};
    for (const auto& [key, value] : settings) config[key] = value;
    return Call("PUT", "/connector-plugins/search/config/validate", 200, config).dump();
  };
  EXPECT_TRUE(WaitFor([&] { return said().find("have no key") != std::string::npos; })) << said();
  EXPECT_THAT(said(), HasSubstr("key_columns"));
  Create("docs", settings);
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("has no key"));
}

}  // namespace
}  // namespace headgate::test
