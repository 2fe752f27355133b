// Indexes of views, made and used while tables change and the program dies.
#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ViewIndex : public ViewsFixture {
 protected:
  void Begin() {
    Create("shop", shop_->Source());
    Until("/api/v1/streams/shop.public.orders", [](const json&) { return true; });
  }
  void UntilBuilt(const std::string& view) {
    Until("/api/v1/views/" + view, [](const json& v) {
      return v["state"] == "running" &&
             std::ranges::all_of(v["indexes"], [](const json& i) { return i["state"] == "ready"; });
    });
  }
  std::string Detail(const json& answer) { return answer["detail"].get<std::string>(); }
  json QueryAsOfNow(const std::string& sql) {
    return Call("POST", "/api/v1/query", 200,
                {{"sql", sql}, {"min_position", {{"shop", One("SELECT pg_current_wal_lsn()")}}}, {"wait_ms", 10000}});
  }
};

TEST_F(ViewIndex, IsMadeListedUsedAndDropped) {
  Begin();
  Sql("CREATE MATERIALIZED VIEW people AS SELECT id, name FROM shop.public.customers");
  UntilRunning("people");
  EXPECT_EQ(Query("SELECT id FROM people WHERE name = 'nobody'")["scanned"], true);
  const json made = Sql("CREATE INDEX ON people (name)");
  EXPECT_EQ(made["results"][0],
            json::parse(R"({"statement":"CREATE INDEX","name":"people_name_idx","view":"people"})"));
  UntilBuilt("people");
  EXPECT_EQ(Call("GET", "/api/v1/views/people", 200)["indexes"],
            json::parse(R"([{"name":"people_name_idx","columns":["name"],"state":"ready"}])"));
  Exec("UPDATE public.customers SET name = 'somebody' WHERE id IN (3, 4)");
  const json found = QueryAsOfNow("SELECT id FROM people WHERE name = 'somebody' ORDER BY id");
  EXPECT_EQ(found["rows"], json::parse("[[3],[4]]"));
  EXPECT_EQ(found["scanned"], false);
  const json page = Call("GET", "/api/v1/views/people/rows?key.name=somebody&limit=1", 200);
  EXPECT_EQ(page["scanned"], false);
  EXPECT_EQ(page["items"][0]["id"], 3);
  const json next =
      Call("GET",
           "/api/v1/views/people/rows?key.name=somebody&limit=1&cursor=" + page["next_cursor"].get<std::string>(), 200);
  EXPECT_EQ(next["items"][0]["id"], 4);
  EXPECT_THAT(Detail(Sql("CREATE UNIQUE INDEX u ON people (name)", 422)),
              HasSubstr("CREATE UNIQUE INDEX is not supported"));
  EXPECT_THAT(Detail(Sql("CREATE INDEX people_name_idx ON people (id)", 409)), HasSubstr("already exists"));
  Sql("CREATE INDEX IF NOT EXISTS people_name_idx ON people (id)");
  EXPECT_THAT(Detail(Sql("CREATE INDEX i ON nowhere (id)", 422)), HasSubstr("relation \"nowhere\" does not exist"));
  EXPECT_THAT(Detail(Sql("CREATE INDEX i ON shop.public.customers (id)", 422)),
              HasSubstr("only materialized views can be indexed"));
  EXPECT_THAT(Detail(Sql("CREATE OR REPLACE MATERIALIZED VIEW people AS SELECT id FROM shop.public.customers", 409)),
              HasSubstr("index \"people_name_idx\" is of its columns (name)"));
  Sql("DROP INDEX nothing", 422);
  Sql("DROP INDEX IF EXISTS nothing");
  EXPECT_EQ(Sql("DROP INDEX people_name_idx")["results"][0]["names"], json::parse(R"(["people_name_idx"])"));
  EXPECT_EQ(Call("GET", "/api/v1/views/people", 200)["indexes"], json::array());
  Until("/api/v1/views/people/rows?key.name=somebody", [](const json& rows) { return rows["scanned"] == true; });
  Sql("CREATE OR REPLACE MATERIALIZED VIEW people AS SELECT id FROM shop.public.customers");
}

// Killed while it is built, then again and again while its view changes all the time.
TEST_F(ViewIndex, HasWhatItsViewHasOverDeathsOfTheProgram) {
  Exec("INSERT INTO public.customers (id, name) SELECT n, 'c' || n % 50 FROM generate_series(10001, 60000) n");
  Begin();
  Sql("CREATE MATERIALIZED VIEW people AS SELECT id, name FROM shop.public.customers;"
      "CREATE MATERIALIZED VIEW states AS SELECT state, customer FROM shop.public.orders;"
      "CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*)::int AS n FROM shop.public.orders GROUP BY "
      "customer");
  UntilRunning("people");
  UntilRunning("states");
  UntilRunning("per_customer");
  ASSERT_TRUE(headgate_->Terminate().has_value());
  headgate_->set_failpoints("views.index_chunk=kill");
  ASSERT_TRUE(headgate_->Start().ok());
  const json asked = {{"statements", "CREATE INDEX by_name ON people (name)"}};
  static_cast<void>(headgate_->Call("POST", "/api/v1/sql", asked.dump()));  // it may die before it answers
  ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value()) << "the failpoint was not hit";
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  Sql("CREATE INDEX IF NOT EXISTS by_name ON people (name); CREATE INDEX by_state ON states (state);"
      "CREATE INDEX by_n ON per_customer (n, customer)");
  shop_->StartLoad(5, 300);
  for (int kill = 0; kill < 5; ++kill) {
    Wait(milliseconds(300 + 100 * kill));
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
    UntilRunning("people");
  }
  shop_->StopLoad();
  UntilBuilt("people");
  UntilBuilt("states");
  UntilBuilt("per_customer");
  const std::string names = "SELECT count(*) FROM people WHERE name = 'c7'";
  const json by_name = QueryAsOfNow(names);
  EXPECT_EQ(by_name["scanned"], false);
  EXPECT_EQ(by_name["rows"][0][0].dump(), One("SELECT count(*) FROM public.customers WHERE name = 'c7'"));
  const json by_state = Query("SELECT state, count(*) FROM states GROUP BY state");
  for (const json& row : by_state["rows"]) {
    const json counted = Query("SELECT count(*) FROM states WHERE state = '" + row[0].get<std::string>() + "'");
    EXPECT_EQ(counted["scanned"], false);
    EXPECT_EQ(counted["rows"][0][0], row[1]) << row;
  }
  const json by_n = Query("SELECT n, count(*), sum(customer) FROM per_customer GROUP BY n");
  for (const json& row : by_n["rows"]) {
    const json counted = Query("SELECT count(*), sum(customer) FROM per_customer WHERE n = " + row[0].dump());
    EXPECT_EQ(counted["scanned"], false);
    EXPECT_EQ(counted["rows"][0], json::array({row[1], row[2]})) << row;
  }
}

}  // namespace
}  // namespace headgate::test
