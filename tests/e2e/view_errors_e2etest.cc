// Rows whose expressions fail: what views do with them (on_error).
#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class ViewErrors : public ViewsFixture {
 protected:
  void Begin() {
    Exec("CREATE TABLE public.parts (id int PRIMARY KEY, price int NOT NULL, pieces int NOT NULL)");
    Exec("INSERT INTO public.parts VALUES (1, 10, 2), (2, 30, 3)");
    Create("shop", shop_->Source());
    Until("/api/v1/streams/shop.public.parts", [](const json&) { return true; });
  }
  json UntilState(const std::string& view, const std::string& state) {
    return Until("/api/v1/views/" + view, [&](const json& v) { return v["state"] == state; });
  }
  json RowsOf(const std::string& view) { return Query("SELECT * FROM " + view + " ORDER BY 1")["rows"]; }
  std::string Detail(const json& answer) { return answer["detail"].get<std::string>(); }
};

constexpr const char* kUnits = "SELECT id, price / pieces AS unit FROM shop.public.parts";

TEST_F(ViewErrors, AnotherPolicyIsRefusedOverTheApiToo) {
  Begin();
  const json view = {{"name", "v"}, {"sql", kUnits}, {"options", {{"on_error", "skip"}}}};
  EXPECT_THAT(Detail(Call("POST", "/api/v1/views", 422, view)), HasSubstr("on_error is dead_letter, null or stop"));
  Call("GET", "/api/v1/views/v", 404);
  EXPECT_THAT(Detail(Sql(std::string("CREATE MATERIALIZED VIEW v WITH (on_errors = 'null') AS ") + kUnits, 422)),
              HasSubstr("It has on_load, on_error,"));
}

TEST_F(ViewErrors, WhatFailsIsNullIfTheViewSaysSoOverAKillToo) {
  Begin();
  Call("POST", "/api/v1/views", 201, {{"name", "v"}, {"sql", kUnits}, {"options", {{"on_error", "null"}}}});
  UntilRunning("v");
  Exec("INSERT INTO public.parts VALUES (3, 7, 0)");
  Until("/api/v1/views/v", [](const json& v) { return v["errors"]["now"] == 1; });
  EXPECT_EQ(RowsOf("v"), json::parse("[[1,5],[2,10],[3,null]]"));
  EXPECT_EQ(Call("GET", "/api/v1/views/v", 200)["dead_letters"], 1);
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  UntilRunning("v");
  EXPECT_EQ(RowsOf("v"), json::parse("[[1,5],[2,10],[3,null]]"));
  Exec("UPDATE public.parts SET pieces = 7 WHERE id = 3");
  Until("/api/v1/views/v", [](const json& v) { return v["errors"]["now"] == 0 && v["errors"]["ever"] == 1; });
  EXPECT_EQ(RowsOf("v"), json::parse("[[1,5],[2,10],[3,1]]"));
}

TEST_F(ViewErrors, AViewThatStopsStandsOverAKillWhileOthersGoOnAndItsReadersGetTheDifferenceOfTheNextOne) {
  Begin();
  Sql(std::string("CREATE MATERIALIZED VIEW v WITH (on_error = 'stop') AS ") + kUnits +
      "; CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, sum(unit) AS units FROM v;"
      "CREATE MATERIALIZED VIEW parts AS SELECT count(*) AS n FROM shop.public.parts;"
      "CREATE SINK told FROM v WITH (connector.class = 'webhook', url = '" +
      receiver_.url() + "')");
  UntilRunning("total");
  UntilRunning("parts");
  ASSERT_TRUE(receiver_.WaitForDistinct(2, seconds(10))) << headgate_->Stderr();
  Exec("BEGIN; INSERT INTO public.parts VALUES (3, 8, 4); COMMIT;");
  Exec("BEGIN; INSERT INTO public.parts VALUES (4, 8, 4); INSERT INTO public.parts VALUES (5, 8, 0); COMMIT;");
  Exec("INSERT INTO public.parts VALUES (6, 12, 4)");
  const json stopped = UntilState("v", "failed");
  EXPECT_THAT(stopped["error"].get<std::string>(),
              AllOf(HasSubstr("brings a row with an expression that fails (22012, division by zero)"),
                    HasSubstr("CREATE OR REPLACE MATERIALIZED VIEW v")));
  EXPECT_EQ(stopped["rows"], 3) << "as of before the transaction";
  EXPECT_EQ(stopped["dead_letters"], 1);
  EXPECT_EQ(UntilState("total", "failed")["error"].get<std::string>().find("it reads v, which has failed"), 0U);
  EXPECT_THAT(Detail(Query("SELECT * FROM v", 503)), HasSubstr("v"));
  ASSERT_TRUE(receiver_.WaitForDistinct(3, seconds(10))) << headgate_->Stderr();
  Until("/api/v1/views/parts/rows", [](const json& rows) { return rows["items"][0]["n"] == 6; });
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(UntilState("v", "failed")["error"], stopped["error"]);
  Exec("INSERT INTO public.parts VALUES (7, 7, 7)");
  Until("/api/v1/views/parts/rows", [](const json& rows) { return rows["items"][0]["n"] == 7; });
  EXPECT_EQ(UntilState("v", "failed")["rows"], 3);
  // The same view, over mended data.
  Exec("UPDATE public.parts SET pieces = 2 WHERE id = 5");
  const json mended = {{"sql", "SELECT pieces FROM shop.public.parts WHERE id = 5"},
                       {"min_position", {{"shop", One("SELECT pg_current_wal_lsn()")}}},
                       {"wait_ms", 10000}};
  EXPECT_EQ(Call("POST", "/api/v1/query", 200, mended)["rows"], json::parse("[[2]]"));
  Sql(std::string("CREATE OR REPLACE MATERIALIZED VIEW v WITH (on_error = 'stop') AS ") + kUnits);
  UntilRunning("v");
  UntilRunning("total");
  EXPECT_EQ(RowsOf("v"), json::parse("[[1,5],[2,10],[3,2],[4,2],[5,4],[6,3],[7,1]]"));
  Until("/api/v1/views/total/rows", [](const json& rows) { return rows["items"][0]["units"] == 27; });
  ASSERT_TRUE(receiver_.WaitForDistinct(7, seconds(10))) << headgate_->Stderr();
  Exec("INSERT INTO public.parts VALUES (8, 1, 0)");
  EXPECT_EQ(UntilState("v", "failed")["rows"], 7);
}

}  // namespace
}  // namespace headgate::test
