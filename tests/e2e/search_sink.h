#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/e2e/api.h"
#include "tests/support/private_search.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {

// The program, a shop, and a search server.
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
    EXPECT_TRUE(WaitFor([&] { return IndexedOrders() == Orders(); }, std::chrono::seconds(40)))
        << json(IndexedOrders()).dump().substr(0, 2000) << "\n"
        << json(Orders()).dump().substr(0, 2000) << headgate_->Stderr();
    EXPECT_EQ(Documents("customers"), Rows("customers", "id, name, city, vip, notes"));
  }

  std::unique_ptr<PrivateSearch> search_;
};

}  // namespace headgate::test
