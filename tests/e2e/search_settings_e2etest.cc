#include "tests/e2e/search_sink.h"

// What the settings of the search sink do on a real search server (the search page of the reference, sections 3, 5, 6).
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class SearchSettings : public SearchSink {
 protected:
  void CreateWith(const ConnectorSettings& more, const std::string& topics_regex = "shop\\.public\\.orders") {
    Create("shop", shop_->Source());
    ConnectorSettings sink = Sink(topics_regex);
    for (const auto& [key, value] : more) sink[key] = value;
    Create("docs", sink);
  }
  bool AwaitDocuments(const std::string& index, std::size_t count) {
    return WaitFor([&] { return Documents(index).size() == count; }, seconds(40));
  }
  std::size_t Letters() { return Call("GET", "/api/v1/connectors/docs/dead-letters", 200)["items"].size(); }
  std::string Health() { return Call("GET", "/api/v1/connectors/docs/health", 200).dump(); }
};

TEST_F(SearchSettings, Q18_ATruncatedTableHasNoDocumentsButThoseThatCameAfterwards) {
  CreateWith({});
  Exec("INSERT INTO public.orders (id, total) SELECT i, 1 FROM generate_series(10001, 12500) i");
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  Exec("BEGIN; TRUNCATE public.orders; INSERT INTO public.orders (id, total) VALUES (1, 5), (12000, 6); COMMIT");
  Exec("UPDATE public.orders SET total = 7 WHERE id = 1");
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40))) << IndexedOrders().size();
  EXPECT_EQ(Documents("orders").size(), 2U);
  EXPECT_EQ(Letters(), 0U);
}

TEST_F(SearchSettings, Q18_ATruncateBetweenKillsOfBothIsCarriedOut) {
  CreateWith({});
  Exec("INSERT INTO public.orders (id, total) SELECT i, 1 FROM generate_series(10001, 25000) i");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders").size() >= 10000; }, seconds(60)));
  Exec("TRUNCATE public.orders");
  Exec("INSERT INTO public.orders (id, total) SELECT i, 2 FROM generate_series(10001, 10100) i");
  headgate_->KillHard();
  search_->KillHard();
  ASSERT_TRUE(search_->StartAgain().ok());
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(60))) << IndexedOrders().size();
}

TEST_F(SearchSettings, Q16_SoftDeletesMarkDocuments) {
  Exec("ALTER TABLE public.orders REPLICA IDENTITY FULL");
  CreateWith({{"delete_mode", "soft"}});
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  const json before = Documents("orders")["5"];
  Exec("DELETE FROM public.orders WHERE id = 5");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders")["5"].contains("deleted_at"); }));
  json marked = Documents("orders")["5"];
  marked.erase("deleted_at");
  EXPECT_EQ(marked, before);
  Exec("INSERT INTO public.orders (id, total) VALUES (5, 9)");
  EXPECT_TRUE(WaitFor([&] { return !Documents("orders")["5"].contains("deleted_at"); }));
  Exec("DELETE FROM public.orders WHERE id = 6");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders")["6"].contains("deleted_at"); }));
  const json mark_of_6 = Documents("orders")["6"]["deleted_at"];
  Exec("TRUNCATE public.orders");
  EXPECT_TRUE(WaitFor([&] {
    const auto documents = Documents("orders");
    return std::ranges::all_of(documents, [](const auto& one) { return one.second.contains("deleted_at"); });
  }));
  EXPECT_EQ(Documents("orders")["6"]["deleted_at"], mark_of_6) << "it was gone before";
  EXPECT_TRUE(Documents("orders")["7"].contains("total"));
  EXPECT_EQ(Letters(), 0U);
}

TEST_F(SearchSettings, Q16_WithoutTheOldRowASoftDeleteIsADeadLetterThatSaysWhatToDo) {
  CreateWith({{"delete_mode", "soft"}});
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  Exec("DELETE FROM public.orders WHERE id = 5");
  EXPECT_TRUE(WaitFor([&] { return Letters() == 1; }));
  EXPECT_THAT(Call("GET", "/api/v1/connectors/docs/dead-letters", 200).dump(), HasSubstr("REPLICA IDENTITY FULL"));
  EXPECT_FALSE(Documents("orders")["5"].contains("deleted_at"));
}

TEST_F(SearchSettings, Q28_AChangedRoutingLeavesNoCopyBehind) {
  Exec("ALTER TABLE public.orders REPLICA IDENTITY FULL");
  CreateWith({{"routing_column", "customer"}, {"index_settings", R"({"number_of_shards":5})"}});
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  const auto count = Search("GET", "/orders/_count")["count"];
  for (int i = 0; i < 7; ++i) Exec("UPDATE public.orders SET customer = customer + 1");
  Exec("UPDATE public.orders SET customer = NULL WHERE id % 3 = 0");
  Exec("UPDATE public.orders SET id = id + 5000, customer = customer + 1 WHERE id % 5 = 0");
  Exec("DELETE FROM public.orders WHERE id % 4 = 0");
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  EXPECT_LT(Search("GET", "/orders/_count")["count"], count);
  EXPECT_EQ(Search("GET", "/orders/_count")["count"], Orders().size()) << "every document once";
  const auto row =
      shop_->database().Query("SELECT id::text, customer::text FROM public.orders WHERE customer > 0 LIMIT 1");
  ASSERT_TRUE(row.ok());
  const json hit = Search("GET", "/orders/_doc/" + *row->at(0)[0] + "?routing=" + *row->at(0)[1]);
  EXPECT_EQ(hit["_routing"], *row->at(0)[1]);
  EXPECT_EQ(Letters(), 0U);
}

TEST_F(SearchSettings, Q26_ATableWithoutKeyHasDocumentsByTheColumnsThatAreNamed) {
  Exec("CREATE TABLE public.stock (shelf text, item int, amount int)");
  Exec("ALTER TABLE public.stock REPLICA IDENTITY FULL");
  Exec("INSERT INTO public.stock VALUES ('a|1', 1, 10), ('a', 2, 20)");
  CreateWith({{"key_columns", "shelf,item"}}, "shop\\.public\\.stock");
  EXPECT_TRUE(AwaitDocuments("stock", 2));
  Exec("UPDATE public.stock SET amount = 11, item = 3 WHERE item = 1");
  Exec("DELETE FROM public.stock WHERE item = 2");
  Exec("INSERT INTO public.stock VALUES (NULL, 9, 1), ('b', 4, 40)");
  EXPECT_TRUE(WaitFor([&] { return Documents("stock").contains("b|4"); }));
  EXPECT_EQ(json(Documents("stock")), json({{"a%7C1|3", {{"shelf", "a|1"}, {"item", 3}, {"amount", 11}}},
                                            {"b|4", {{"shelf", "b"}, {"item", 4}, {"amount", 40}}}}));
  EXPECT_EQ(Letters(), 1U);
  EXPECT_THAT(Call("GET", "/api/v1/connectors/docs/dead-letters", 200).dump(), HasSubstr("key_columns is NULL"));
}

TEST_F(SearchSettings, Q26_AColumnThatIsNotThereIsNamed) {
  CreateWith({{"key_columns", "nummer"}});
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("has no column nummer, which key_columns"));
}

TEST_F(SearchSettings, Q22_Q27_DocumentsAreWhatTheSettingsSay) {
  CreateWith({{"include", "id,s*,w*,customer,total"},
              {"exclude", "id,customer"},
              {"envelope_fields", "_op,_seq,_commit_at,_event_id"},
              {"write_nulls", "true"},
              {"mapping.state", R"({"type":"keyword","copy_to":"everything"})"},
              {"mapping.everything", R"({"type":"text"})"},
              {"index_settings", R"({"number_of_replicas":0,"index":{"number_of_shards":2}})"},
              {"dynamic", "false"}});
  EXPECT_TRUE(AwaitDocuments("orders", Orders().size()));
  Exec("UPDATE public.orders SET weight = NULL, state = 'packed' WHERE id = 5");
  EXPECT_TRUE(WaitFor([&] { return Documents("orders")["5"]["state"] == "packed"; }));
  json document = Documents("orders")["5"];
  EXPECT_EQ(document["_op"], "update");
  EXPECT_TRUE(document["_seq"].is_number_unsigned());
  EXPECT_THAT(document["_commit_at"].get<std::string>(), ::testing::EndsWith("Z"));
  EXPECT_THAT(document["_event_id"].get<std::string>(), ::testing::StartsWith("shop:"));
  EXPECT_TRUE(document.contains("weight") && document["weight"].is_null());
  EXPECT_EQ(document["id"], 5) << "columns of the id are always there";
  EXPECT_FALSE(document.contains("customer") || document.contains("tags"));
  const json made = Search("GET", "/orders")["orders-v1"];
  EXPECT_EQ(made["settings"]["index"]["number_of_shards"], "2");
  EXPECT_EQ(made["settings"]["index"]["gc_deletes"], "900000ms");
  EXPECT_EQ(made["mappings"]["properties"]["state"]["type"], "keyword");
  EXPECT_FALSE(made["mappings"]["properties"].contains("tags"));
  const json found = Search("POST", "/orders/_search", {{"query", {{"match", {{"everything", "packed"}}}}}});
  EXPECT_EQ(found["hits"]["hits"].size(), 1U);
}

TEST_F(SearchSettings, Q22_WhatNoFieldTakesIsADeadLetterOrLeftOut) {
  Exec("CREATE TABLE public.odd (id int PRIMARY KEY, d date, ts timestamptz, f double precision, n numeric(10,2))");
  const auto fill = [&](int from) {
    const std::string id = std::to_string(from);
    Exec("INSERT INTO public.odd VALUES (" + id + " + 1, 'infinity', now(), 1, 1), (" + id +
         " + 2, now(), '0044-03-15 BC', 1, 1), (" + id + " + 3, now(), now(), '-Infinity', 1), (" + id +
         " + 4, now(), now(), 1, 'NaN'), (" + id + " + 5, '10000-01-01', now(), 1, 1), (" + id +
         " + 6, '9999-12-31', '0001-01-01 00:00Z', 1e300, 1)");
  };
  CreateWith({}, "shop\\.public\\.odd");
  fill(0);
  EXPECT_TRUE(WaitFor([&] { return Letters() == 5; }));
  EXPECT_TRUE(AwaitDocuments("odd", 1)) << json(Documents("odd"));
  EXPECT_THAT(Call("GET", "/api/v1/connectors/docs/dead-letters", 200).dump(), HasSubstr("on_unrepresentable=null"));
  Call("DELETE", "/connectors/docs", 204);
  ConnectorSettings sink = Sink("shop\\.public\\.odd");
  sink["on_unrepresentable"] = "null";
  sink["index"] = "other";
  Create("again", sink);
  EXPECT_TRUE(AwaitDocuments("other", 6));
  EXPECT_FALSE(Documents("other")["1"].contains("d"));
  EXPECT_FALSE(Documents("other")["3"].contains("f"));
  EXPECT_EQ(Documents("other")["4"]["f"], 1);
}

TEST_F(SearchSettings, Q21_AnIndexOfSomebodyElseIsUsedAsItIs) {
  Search("PUT", "/legacy", {{"mappings", {{"properties", {{"id", {{"type", "keyword"}}}}}}}});
  CreateWith({{"manage_index", "false"}, {"index", "legacy"}});
  EXPECT_TRUE(WaitFor([&] { return Documents("legacy").size() == Orders().size(); }, seconds(40)));
  EXPECT_EQ(Search("GET", "/legacy/_mapping")["legacy"]["mappings"]["properties"]["id"]["type"], "keyword");
  ConnectorSettings sink = Sink("shop\\.public\\.customers");
  sink["manage_index"] = "false";
  Create("none", sink);
  EXPECT_TRUE(WaitFor([&] { return StateOf("none") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/none/status", 200).dump(), HasSubstr("no index or alias customers"));
}

TEST_F(SearchSettings, OneServerOfSeveralIsEnough) {
  CreateWith({{"url", "http://127.0.0.1:" + std::to_string(FreePort()) + "," + search_->url()}});
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
}

TEST_F(SearchSettings, ABlockedIndexIsWaitedForAndNothingBecomesADeadLetter) {
  CreateWith({});
  EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  for (const char* const block : {"index.blocks.write", "index.blocks.read_only_allow_delete"}) {
    Search("PUT", "/orders-v1/_settings", {{block, true}});
    Exec("UPDATE public.orders SET total = total + 1");
    EXPECT_TRUE(WaitFor([&] { return Health().find("index_blocked") != std::string::npos; })) << Health();
    EXPECT_EQ(StateOf("docs"), "RUNNING");
    Search("PUT", "/orders-v1/_settings", {{block, nullptr}});
    Call("POST", "/connectors/docs/restart", 204);
    EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  }
  EXPECT_EQ(Letters(), 0U);
}

TEST_F(SearchSettings, Q24_TooManyFieldsAreRefusedWithTheirNumber) {
  CreateWith({{"index_settings", R"({"index.mapping.total_fields.limit":5})"}});
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("would have 9 fields"));
  EXPECT_FALSE(search_->Json("GET", "/orders-v1").ok()) << "nothing was made";
}

TEST_F(SearchSettings, Q21_WhatIsNoSearchServerIsNamed) {
  CreateWith({{"url", receiver_.url()}});
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("no search server"));
}

TEST_F(SearchSettings, AP22_ATraceShowsRequestsAndTheirAnswersWithoutSecrets) {
  CreateWith({{"auth", "basic"}, {"auth_username", "writer"}, {"auth_password", "tell-nobody"}});
  ASSERT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  const std::string path = "/api/v1/connectors/docs/trace";
  Call("POST", path, 200, {{"seconds", 60}, {"q", "key.id = 7002"}});
  Exec("INSERT INTO public.orders (id, total) VALUES (7001, 1)");
  ASSERT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, seconds(40)));
  Exec("INSERT INTO public.orders (id, total) VALUES (7002, 1)");
  ASSERT_TRUE(WaitFor([&] { return Call("GET", path, 200)["items"].size() == 1; })) << Call("GET", path, 200);
  const json one = Call("GET", path, 200)["items"][0];
  EXPECT_EQ(one["outcome"], "delivered") << one;
  EXPECT_EQ(one["status"], 200);
  EXPECT_THAT(one["request"].get<std::string>(), HasSubstr("POST /_bulk"));
  EXPECT_THAT(one["request"].get<std::string>(), HasSubstr("Authorization: [hidden]"));
  EXPECT_THAT(one["body"].get<std::string>(), HasSubstr(R"("id":7002)"));
  EXPECT_THAT(one["response"].get<std::string>(), HasSubstr(R"("status":201)"));
  EXPECT_EQ(one["event_ids"].size(), 1U);
  search_->KillHard();
  Call("POST", path, 200, {{"seconds", 60}});
  Exec("DELETE FROM public.orders WHERE id = 7002");
  ASSERT_TRUE(WaitFor([&] { return !Call("GET", path, 200)["items"].empty(); }, seconds(30)));
  const json lost = Call("GET", path, 200)["items"][0];
  EXPECT_THAT(lost["outcome"].get<std::string>(), AnyOf("connect", "broken")) << lost;
  EXPECT_NE(lost["error"], "") << lost;
}

TEST_F(SearchSettings, AP23_EveryUrlIsTried) {
  json config = json::object();
  for (const auto& [key, value] : Sink("shop\\.public\\.orders")) config[key] = value;
  config["url"] = search_->url() + ",http://127.0.0.1:1," + receiver_.url();
  const json checks = Call("POST", "/api/v1/connections/test", 200, {{"config", config}})["checks"];
  ASSERT_EQ(checks.size(), 4U) << checks;  // behind that of the settings
  EXPECT_EQ(checks[1]["status"], "ok") << checks;
  EXPECT_EQ(checks[2]["id"], "server_2");
  EXPECT_EQ(checks[2]["status"], "warning") << checks;
  EXPECT_THAT(checks[3]["summary"].get<std::string>(), HasSubstr("no search server"));
}

TEST_F(SearchSettings, TwoStreamsDoNotShareAnIndex) {
  CreateWith({{"index", "all"}}, "shop\\.public\\..*");
  EXPECT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/docs/status", 200).dump(), HasSubstr("Put ${table}"));
}

}  // namespace
}  // namespace headgate::test
