// Views of the real program over a real PostgreSQL.
#include "core/base/signal.h"
#include "tests/e2e/api.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Views : public Api {
 protected:
  // Until the path answers 200 and `holds` says yes; the last answer if it never does.
  json Until(const std::string& path, const std::function<bool(const json&)>& holds, seconds patience = seconds(20)) {
    Signal never;
    json last;
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
      const auto answer = headgate_->Call("GET", path);
      if (answer.ok()) last = json::parse(answer->body, nullptr, false);
      if (answer.ok() && answer->status == 200 && holds(last)) return last;
      never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(20), {});
    }
    ADD_FAILURE() << path << ": " << last.dump() << "\n" << headgate_->Stderr();
    return last;
  }
  json Sql(const std::string& statements, int status = 200) {
    return Call("POST", "/api/v1/sql", status, {{"statements", statements}});
  }
  json Query(const std::string& sql, int status = 200) { return Call("POST", "/api/v1/query", status, {{"sql", sql}}); }
  void UntilRunning(const std::string& view) {
    Until("/api/v1/views/" + view, [](const json& v) { return v["state"] == "running"; });
  }
  std::string One(const std::string& sql) {
    const auto value = shop_->database().Value(sql);
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : "";
  }
};

TEST_F(Views, AViewOfATableIsInStepWithItAndSurvivesAKill) {
  Create("shop", shop_->Source());
  Until("/api/v1/streams/shop.public.customers", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n FROM shop.public.orders GROUP BY "
      "customer; CREATE MATERIALIZED VIEW all_orders AS SELECT count(*) AS n FROM shop.public.orders");
  UntilRunning("per_customer");
  UntilRunning("all_orders");
  shop_->StartLoad(7, 200);
  Signal never;
  never.WaitUntil(std::chrono::steady_clock::now() + seconds(2), {});
  headgate_->KillHard();
  const Status started = headgate_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  never.WaitUntil(std::chrono::steady_clock::now() + seconds(1), {});
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

}  // namespace
}  // namespace headgate::test
