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

}  // namespace
}  // namespace headgate::test
