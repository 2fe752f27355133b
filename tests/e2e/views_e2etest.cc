// Views of the real program over a real PostgreSQL.
#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;

class Views : public ViewsFixture {};

TEST_F(Views, AViewOfATableIsInStepWithItAndSurvivesAKill) {
  Create("shop", shop_->Source());
  Until("/api/v1/streams/shop.public.customers", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n FROM shop.public.orders GROUP BY "
      "customer; CREATE MATERIALIZED VIEW all_orders AS SELECT count(*) AS n FROM shop.public.orders");
  UntilRunning("per_customer");
  UntilRunning("all_orders");
  shop_->StartLoad(7, 200);
  Wait(seconds(2));
  headgate_->KillHard();
  const Status started = headgate_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  Wait(seconds(1));
  shop_->StopLoad();
  const std::string expected = One("SELECT count(*) FROM public.orders");
  Until("/api/v1/views/all_orders/rows", [&](const json& rows) { return rows["items"][0]["n"].dump() == expected; });
  const json answer = Query("SELECT sum(n) AS n, count(*) AS groups FROM per_customer");
  EXPECT_EQ(answer["rows"][0][0], expected);
  EXPECT_EQ(answer["rows"][0][1].dump(), One("SELECT count(DISTINCT customer) FROM public.orders"));
}

TEST_F(Views, AWebhookGetsTheChangesOfAView) {
  Create("shop", shop_->Source());
  Until("/api/v1/streams/shop.public.customers", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW big AS SELECT id, name FROM shop.public.customers WHERE id > 1000;"
      "CREATE SINK hook FROM big WITH (connector.class = 'webhook', url = '" +
      receiver_.url() + "')");
  UntilRunning("big");
  ASSERT_TRUE(shop_->database()
                  .Exec("INSERT INTO public.customers (id, name) VALUES (2001, 'a'), (5, 'b') ON CONFLICT DO NOTHING")
                  .ok());
  EXPECT_TRUE(receiver_.WaitForDistinct(1, seconds(10))) << headgate_->Stderr();
}

TEST_F(Views, AStatementOfTheConfigFileWaitsUntilItsTableIsThere) {
  headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{
      .connectors = {{"shop", shop_->Source()}},
      .extra_yaml = "sql:\n  - CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM shop.public.orders\n"
                    "  - CREATE VIEW many AS SELECT * FROM totals WHERE n > 10\n"});
  const Status started = headgate_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  UntilRunning("totals");
  const json answer = Query("SELECT n FROM many");
  EXPECT_EQ(answer["rows"][0][0].dump(), One("SELECT count(*) FROM public.orders"));
}

TEST_F(Views, ViewsShowInStreamsMetricsAndAsReaders) {
  Create("shop", shop_->Source());
  Until("/api/v1/streams/shop.public.orders", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW per_state AS SELECT state, count(*) AS n FROM shop.public.orders GROUP BY state;"
      "CREATE MATERIALIZED VIEW states AS SELECT count(*) AS n FROM per_state");
  UntilRunning("states");
  const json input = Call("GET", "/api/v1/streams/shop.public.orders", 200);
  EXPECT_EQ(input["readers"][0]["kind"], "view");
  EXPECT_EQ(input["readers"][0]["name"], "per_state");
  const json stream = Call("GET", "/api/v1/streams/per_state", 200);
  EXPECT_EQ(stream["kind"], "view");
  EXPECT_EQ(stream["origin"], "per_state");
  EXPECT_EQ(stream["readers"][0]["name"], "states");
  const std::string metrics = headgate_->Call("GET", "/metrics")->body;
  for (const char* line :
       {"headgate_view_state{view=\"states\",state=\"running\"} 1\n", "headgate_view_rows{view=\"states\"} 1\n",
        "headgate_view_errors{view=\"states\"} 0\n", "headgate_view_applied_seq{view=\"states\"} ",
        "headgate_view_pending_transactions{view=\"states\"} ", "headgate_view_lag_seconds{view=\"states\"} 0\n",
        "headgate_view_state_bytes{view=\"states\"} ", "headgate_view_expired_total{view=\"states\"} 0\n"})
    EXPECT_THAT(metrics, testing::HasSubstr(line));
  Call("POST", "/connectors", 400, {{"name", "views"}, {"config", shop_->Source()}});
  EXPECT_EQ(Call("GET", "/api/v1/views/per_state", 200)["health"]["status"], "healthy");
  Call("DELETE", "/connectors/shop", 204);
  const json orphan = Call("GET", "/api/v1/views/per_state", 200);
  EXPECT_EQ(orphan["health"]["status"], "error");
  EXPECT_THAT(orphan["health"]["summary"].get<std::string>(), testing::HasSubstr("Source shop was deleted"));
}

TEST_F(Views, KC27_ASinkOfAViewIsHealthyUntilTheViewIsDropped) {
  Create("shop", shop_->Source());
  Until("/api/v1/streams/shop.public.orders", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW sums AS SELECT customer, sum(total) AS total FROM shop.public.orders GROUP BY "
      "customer");
  Create("hook", {{"connector.class", "webhook"}, {"topics", "sums"}, {"url", receiver_.url()}});
  const auto has = [](const std::string& status) {
    return [=](const json& health) { return health["status"] == status; };
  };
  Until("/api/v1/connectors/hook/health", has("healthy"));
  Sql("DROP MATERIALIZED VIEW sums");
  const json health = Until("/api/v1/connectors/hook/health", has("error"));
  EXPECT_THAT(health.dump(), testing::HasSubstr("View sums was dropped"));
  Sql("CREATE MATERIALIZED VIEW sums AS SELECT customer, sum(total) AS total FROM shop.public.orders GROUP BY "
      "customer");
  Until("/api/v1/connectors/hook/health", has("healthy"));
}

}  // namespace
}  // namespace headgate::test
