// What views promise under load: never half a source transaction, whatever is read and whenever the program dies.
#include <random>
#include <thread>

#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;

constexpr int kAccounts = 100;
constexpr const char* kViews =
    "CREATE MATERIALIZED VIEW IF NOT EXISTS total AS SELECT sum(balance) AS balance, count(*) AS accounts FROM "
    "bank.public.accounts;"
    "CREATE MATERIALIZED VIEW IF NOT EXISTS by_branch AS SELECT a.branch, b.name, sum(a.balance) AS balance FROM "
    "bank.public.accounts "
    "a JOIN bank.public.branches b ON b.id = a.branch GROUP BY a.branch, b.name;"
    "CREATE MATERIALIZED VIEW IF NOT EXISTS of_branches AS SELECT sum(balance) AS balance FROM by_branch;"
    "CREATE MATERIALIZED VIEW IF NOT EXISTS richest AS SELECT id, balance FROM bank.public.accounts ORDER BY balance "
    "DESC, id LIMIT 5";

class Consistency : public ViewsFixture {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    if (IsSkipped()) return;
    Exec(
        "CREATE TABLE branches (id int PRIMARY KEY, name text); INSERT INTO branches SELECT g, 'b' || g FROM "
        "generate_series(0, 4) g; CREATE TABLE accounts (id int PRIMARY KEY, branch int, balance bigint NOT NULL); "
        "INSERT INTO accounts SELECT g, g % 5, 100 FROM generate_series(1, " +
        std::to_string(kAccounts) + ") g");
  }
  void CreateBank() {
    auto source = shop_->Source();
    source["tables"] = "public.accounts,public.branches";
    Create("bank", source);
    Until("/api/v1/streams/bank.public.accounts", [](const json&) { return true; });
    Until("/api/v1/streams/bank.public.branches", [](const json&) { return true; });
  }
  // Transfers in transactions of their own until the stop, some accounts change their branch with them.
  void Transfer(std::stop_token stop, unsigned seed) {
    auto client = shop_->database().Connect();
    ASSERT_TRUE(client.ok());
    std::mt19937 random(seed);
    while (!stop.stop_requested()) {
      const auto account = [&] { return std::to_string(1 + random() % kAccounts); };
      const std::string amount = std::to_string(random() % 50);
      std::string sql = "BEGIN; UPDATE accounts SET balance = balance - " + amount + " WHERE id = " + account() +
                        "; UPDATE accounts SET balance = balance + " + amount + " WHERE id = " + account() + ";";
      if (random() % 4 == 0) sql += "UPDATE accounts SET branch = (branch + 1) % 5 WHERE id = " + account() + ";";
      if (!client->Exec(sql + "COMMIT").ok()) static_cast<void>(client->Exec("ROLLBACK"));
    }
  }
  // Reads until the time is over; every answer has to be the sum that never moves.
  void ReadSums(milliseconds time) {
    const std::string sum = std::to_string(kAccounts * 100);
    for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
      const json all = Query(
          "SELECT (SELECT balance FROM total), (SELECT balance FROM of_branches), (SELECT sum(balance) FROM "
          "by_branch), "
          "(SELECT sum(balance) FROM bank.public.accounts), (SELECT count(*) FROM richest)");
      ASSERT_EQ(all["rows"][0].dump(), json::array({sum, sum, sum, sum, 5}).dump()) << all.dump();
    }
  }
  void ExpectEqual() {
    const std::string rows =
        "SELECT string_agg(branch || ':' || balance, ' ' ORDER BY branch) FROM (SELECT branch, sum(balance) AS balance "
        "FROM accounts GROUP BY branch) x";
    const std::string expected = One(rows);
    std::string seen;
    for (int i = 0; i < 1000 && seen != expected; ++i) {
      const auto answer = headgate_->Call(
          "POST", "/api/v1/query", json({{"sql", "SELECT branch, balance FROM by_branch ORDER BY branch"}}).dump());
      seen.clear();
      if (answer.ok() && answer->status == 200) {
        const json all = json::parse(answer->body);
        for (const json& row : all["rows"])
          seen += (seen.empty() ? "" : " ") + row[0].dump() + ":" + row[1].get<std::string>();
      }
      if (seen != expected) Wait(milliseconds(10));
    }
    EXPECT_EQ(seen, expected) << headgate_->Stderr();
    const std::string richest =
        One("SELECT string_agg(id::text, ' ' ORDER BY balance DESC, id) FROM (SELECT * FROM "
            "accounts ORDER BY balance DESC, id LIMIT 5) x");
    std::string ids;
    const json all = Query("SELECT id FROM richest ORDER BY balance DESC, id");
    for (const json& row : all["rows"]) ids += (ids.empty() ? "" : " ") + row[0].dump();
    EXPECT_EQ(ids, richest);
  }
};

TEST_F(Consistency, C1ToC6_TheSumNeverMovesAlsoOverKills) {
  CreateBank();
  Sql(kViews);
  for (const char* view : {"total", "by_branch", "of_branches", "richest"}) UntilRunning(view);
  std::jthread one([this](std::stop_token stop) { Transfer(stop, 1); });
  std::jthread two([this](std::stop_token stop) { Transfer(stop, 2); });
  for (int kill = 0; kill < 3; ++kill) {
    ReadSums(milliseconds(700));
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
  }
  ReadSums(milliseconds(700));
  one = std::jthread();
  two = std::jthread();
  ExpectEqual();
}

TEST_F(Consistency, TheSumNeverMovesWhileViewsArePausedAndGoOnOverKills) {
  CreateBank();
  Sql(kViews);
  for (const char* view : {"total", "by_branch", "of_branches", "richest"}) UntilRunning(view);
  std::jthread one([this](std::stop_token stop) { Transfer(stop, 4); });
  std::jthread two([this](std::stop_token stop) { Transfer(stop, 5); });
  for (const char* view : {"by_branch", "of_branches", "by_branch", "richest"}) {
    Call("PUT", std::string("/api/v1/views/") + view + "/pause", 202);
    Wait(milliseconds(200));
    const std::string sum = std::to_string(kAccounts * 100);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(Query("SELECT balance FROM total")["rows"][0][0], sum);
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
    Wait(milliseconds(200));
    Call("PUT", std::string("/api/v1/views/") + view + "/resume", 202);
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
    for (const char* all : {"total", "by_branch", "of_branches", "richest"}) UntilRunning(all);
    ReadSums(milliseconds(300));
  }
  one = std::jthread();
  two = std::jthread();
  ExpectEqual();
}

TEST_F(Consistency, APartnerThatGoesAndComesInOneTransactionShowsNothing) {
  CreateBank();
  Sql("CREATE MATERIALIZED VIEW IF NOT EXISTS named AS SELECT a.id, b.name FROM bank.public.accounts a LEFT JOIN "
      "bank.public.branches b ON b.id = a.branch");
  UntilRunning("named");
  const auto records = [&] { return Call("GET", "/api/v1/streams/named", 200)["records"].get<int>(); };
  Call("GET", "/api/v1/streams/named/records", 200);  // from now on its changes are told
  Until("/api/v1/streams/named", [](const json& stream) { return stream["records"] == 100; });
  const int before = records();
  Exec("BEGIN; DELETE FROM branches WHERE id = 2; INSERT INTO branches VALUES (2, 'b2'); COMMIT");
  Exec("INSERT INTO accounts VALUES (1000, 9, 0)");
  Until("/api/v1/views/named/rows?key.id=1000", [](const json& row) { return row["name"].is_null(); });
  EXPECT_EQ(records(), before + 1) << "pain 8: only the new account";
}

class Kills : public Consistency, public testing::WithParamInterface<std::string> {};

TEST_P(Kills, D92_ARunThatDiedThereEndsLikeOneThatDidNot) {
  headgate_->Terminate();
  headgate_->set_failpoints(GetParam());
  ASSERT_TRUE(headgate_->Start().ok());
  auto source = shop_->Source();
  source["tables"] = "public.accounts,public.branches";
  Create("bank", source);
  std::jthread load([this](std::stop_token stop) { Transfer(stop, 3); });
  // The statements may meet the death of the program: then they are sent again.
  const auto define = [&] {
    for (int i = 0; i < 1000 && headgate_->running(); ++i) {
      const auto answer = headgate_->Call("POST", "/api/v1/sql", json({{"statements", kViews}}).dump());
      if (answer.ok() && answer->status == 200) return;
      Wait(milliseconds(10));
    }
  };
  define();
  const auto ended = headgate_->WaitEnd(seconds(20));
  ASSERT_TRUE(ended.has_value()) << "the failpoint was not hit";
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  define();
  for (const char* view : {"total", "by_branch", "of_branches", "richest"}) UntilRunning(view);
  Sql("CREATE OR REPLACE MATERIALIZED VIEW richest AS SELECT id, balance FROM bank.public.accounts ORDER BY balance "
      "DESC, id LIMIT 5");
  Wait(milliseconds(300));
  load = std::jthread();
  ExpectEqual();
}

INSTANTIATE_TEST_SUITE_P(AtEveryPoint, Kills,
                         testing::Values("views.before_write=kill:3", "views.written=kill:5",
                                         "views.gate_opened=kill:2", "views.load_chunk=kill:1",
                                         "views.load_chunk=kill:4", "views.tell_chunk=kill:2"),
                         [](const auto& point) {
                           std::string name = point.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

class Swaps : public Consistency, public testing::WithParamInterface<std::string> {
 protected:
  // What the records of a stream that is told from its beginning amount to: rows and how often each is there.
  std::map<std::string, int> Fold(const std::string& stream) {
    std::map<std::string, int> rows;
    for (std::string cursor;;) {
      const json page =
          Call("GET", "/api/v1/streams/" + stream + "/records?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor),
               200);
      for (const json& record : page["items"]) {
        if (record.contains("before") && !record["before"].is_null()) --rows[record["before"].dump()];
        if (record.contains("after") && !record["after"].is_null()) ++rows[record["after"].dump()];
      }
      if (!page.contains("next_cursor") || page["next_cursor"].is_null()) break;
      cursor = page["next_cursor"];
    }
    std::erase_if(rows, [](const auto& row) { return row.second == 0; });
    return rows;
  }
};

// A view that another one reads is replaced under load; the program dies on the way, or does not.
TEST_P(Swaps, AViewThatIsReadIsReplacedAndItsReaderGetsTheDifference) {
  CreateBank();
  Sql(kViews);
  for (const char* view : {"total", "by_branch", "of_branches", "richest"}) UntilRunning(view);
  Call("GET", "/api/v1/streams/of_branches/records", 200);  // from now on it is told
  Until("/api/v1/streams/of_branches", [](const json& stream) { return stream["records"] == 1; });
  headgate_->Terminate();
  headgate_->set_failpoints(GetParam());
  ASSERT_TRUE(headgate_->Start().ok());
  for (const char* view : {"by_branch", "of_branches"}) UntilRunning(view);
  std::jthread load([this](std::stop_token stop) { Transfer(stop, 6); });
  const json replace = {
      {"statements",
       "CREATE OR REPLACE MATERIALIZED VIEW by_branch AS SELECT a.branch, b.name, sum(a.balance) + 1 AS balance, "
       "count(*) AS accounts FROM bank.public.accounts a JOIN bank.public.branches b ON b.id = a.branch GROUP BY "
       "a.branch, b.name"}};
  static_cast<void>(headgate_->Call("POST", "/api/v1/sql", replace.dump()));
  if (!GetParam().empty()) {
    ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value()) << "the failpoint was not hit";
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
  }
  const std::string sum = std::to_string(kAccounts * 100);
  const std::string after = std::to_string(kAccounts * 100 + 5);
  std::string seen;
  for (int i = 0; i < 2000 && seen != after; ++i) {
    const auto answer = headgate_->Call(
        "POST", "/api/v1/query",
        json({{"sql", "SELECT (SELECT balance FROM of_branches), (SELECT sum(balance) FROM by_branch)"}}).dump());
    ASSERT_TRUE(answer.ok());
    if (answer->status != 200) continue;
    const json row = json::parse(answer->body)["rows"][0];
    ASSERT_EQ(row[0], row[1]) << "the two are of one moment";
    seen = row[0];
    ASSERT_TRUE(seen == sum || seen == after) << seen;
  }
  EXPECT_EQ(seen, after) << headgate_->Stderr();
  Wait(milliseconds(200));
  load = std::jthread();
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  UntilRunning("of_branches");
  EXPECT_EQ(Query("SELECT balance FROM of_branches")["rows"][0][0], after);
  const auto told = Fold("of_branches");
  ASSERT_EQ(told.size(), 1U) << json(told).dump();
  EXPECT_NE(told.begin()->first.find(after), std::string::npos) << told.begin()->first;
  EXPECT_EQ(told.begin()->second, 1);
  EXPECT_EQ(Query("SELECT sum(accounts) FROM by_branch")["rows"][0][0], std::to_string(kAccounts));
}

INSTANTIATE_TEST_SUITE_P(AtEveryPoint, Swaps,
                         testing::Values("", "views.gate_opened=kill:1", "views.load_chunk=kill:1",
                                         "views.tell_chunk=kill:1", "views.swap=kill:1"),
                         [](const auto& point) {
                           std::string name = point.param.empty() ? "nowhere" : point.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace headgate::test
