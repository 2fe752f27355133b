// A view over a table of PostgreSQL and one of MySQL or MariaDB, carried to a search index and to tables at once.
#include <random>

#include "tests/e2e/views.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_search.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

constexpr const char* kSpent =
    "CREATE MATERIALIZED VIEW spent AS SELECT p.id, p.name, p.city, b.buys, b.total FROM shop.public.people p JOIN "
    "(SELECT person, count(*) AS buys, sum(total) AS total FROM store.d.buys GROUP BY person) b ON b.person = p.id";

class ViewSinks : public ViewsFixture, public ::testing::WithParamInterface<MyServer> {
 protected:
  using Rows = std::map<std::string, std::vector<std::string>>;  // by id: name, city, buys, total

  void SetUp() override {
    ViewsFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    HG_WITH_SERVER(NameOf(GetParam()), store_, PrivateMysql::Start(GetParam()));
    HG_WITH_SERVER("search", search_, PrivateSearch::Start());
    HG_WITH_SERVER("postgres", warehouse_, TestDatabase::Create());
  }
  void Begin() {
    Exec("CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, city text)");
    Exec("INSERT INTO people SELECT g, 'person ' || g, NULL FROM generate_series(1, 40) g");
    for (const char* sql : {"CREATE DATABASE d", "CREATE DATABASE warehouse",
                            "CREATE TABLE d.buys (id BIGINT PRIMARY KEY, person BIGINT, total DECIMAL(12,2) NOT NULL)",
                            "INSERT INTO d.buys VALUES (1, 1, 1.25), (2, 2, 2.50), (3, 2, 0.01)"})
      ASSERT_TRUE(store_->Exec(sql).ok()) << sql;
    auto source = shop_->Source();
    source["tables"] = "public.people";
    Create("shop", source);
    Create("store", With(StoreAddress(), {{"connector.class", NameOf(GetParam())}, {"tables", "d.*"}}));
    Until("/api/v1/streams/shop.public.people", [](const json&) { return true; });
    Until("/api/v1/streams/store.d.buys", [](const json&) { return true; });
    Sql(kSpent);
    const ConnectorSettings table = {{"connector.class", "table"}, {"topics", "spent"}};
    const SharedPostgres& postgres = warehouse_->postgres();
    Create("index", {{"connector.class", "search"}, {"topics", "spent"}, {"url", search_->url()}});
    Create("copy", With(table, {{"database", "postgres"},
                                {"host", postgres.host()},
                                {"port", std::to_string(postgres.port())},
                                {"dbname", warehouse_->name()},
                                {"username", postgres.user()},
                                {"password", postgres.password()}}));
    Create("my-copy", With(table, With(StoreAddress(), {{"database", NameOf(GetParam())}, {"dbname", "warehouse"}})));
  }
  static ConnectorSettings With(ConnectorSettings settings, const ConnectorSettings& more) {
    settings.insert(more.begin(), more.end());
    return settings;
  }
  ConnectorSettings StoreAddress() const {
    return {{"host", store_->host()}, {"port", std::to_string(store_->port())}, {"username", "hg"}, {"password", "pw"}};
  }

  // Random transactions of one to six statements at both servers, some of them rolled back, some with a new key.
  void StartLoad(unsigned seed) {
    people_load_ = std::jthread([this, seed](const std::stop_token& stop) {
      auto session = shop_->database().Connect();
      ASSERT_TRUE(session.ok());
      Change(*session, stop, seed, [](unsigned what, const std::string& person, const std::string& n) {
        if (what == 0)
          return "INSERT INTO people VALUES (" + person + ", 'new " + n + "', NULL) ON CONFLICT DO NOTHING";
        if (what == 1) return "DELETE FROM people WHERE id = " + person;
        if (what == 2)
          return "UPDATE people SET id = id + 1000 WHERE id = " + person +
                 " AND NOT EXISTS (SELECT FROM people WHERE id = 1000 + " + person + ")";
        return "UPDATE people SET city = 'city " + n + "' WHERE id = " + person;
      });
    });
    buys_load_ = std::jthread([this, seed](const std::stop_token& stop) {
      auto session = store_->Connect();
      ASSERT_TRUE(session.ok());
      Change(*session, stop, seed + 1, [](unsigned what, const std::string& person, const std::string& n) {
        if (what == 0) return "DELETE FROM d.buys WHERE id = " + n;
        if (what == 1) return "UPDATE d.buys SET person = " + person + ", total = total + 1 WHERE id = " + n;
        return "REPLACE INTO d.buys VALUES (" + n + "," + person + "," + n + ".25)";
      });
    });
  }
  template <typename Session, typename Statement>
  void Change(Session& session, const std::stop_token& stop, unsigned seed, const Statement& statement) {
    std::minstd_rand random(seed);
    Signal never;
    while (!stop.stop_requested()) {
      ASSERT_TRUE(session.Exec("BEGIN").ok());
      for (unsigned i = 1 + random() % 6; i > 0; --i) {
        const std::string sql =
            statement(random() % 5, std::to_string(1 + random() % 45), std::to_string(1 + random() % 200));
        const Status done = session.Exec(sql);
        ASSERT_TRUE(done.ok()) << sql << ": " << done.error().what;
      }
      ASSERT_TRUE(session.Exec(random() % 10 == 0 ? "ROLLBACK" : "COMMIT").ok());
      ++transactions_;
      never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(3), stop);
    }
  }
  void StopLoad() {
    people_load_ = std::jthread();
    buys_load_ = std::jthread();
  }

  // What both servers have, joined here.
  Rows Wanted() {
    Rows rows;
    std::map<std::string, std::pair<std::string, std::string>> sums;
    auto session = store_->Connect();
    EXPECT_TRUE(session.ok());
    const auto buys = session->Query("SELECT person, COUNT(*), SUM(total) FROM d.buys GROUP BY person");
    const auto people = shop_->database().Query("SELECT id, name, city FROM people");
    EXPECT_TRUE(buys.ok() && people.ok());
    for (const auto& row : *buys) sums[*row[0]] = {*row[1], *row[2]};
    for (const auto& row : *people) {
      if (const auto sum = sums.find(*row[0]); sum != sums.end())
        rows[*row[0]] = {*row[1], row[2].value_or("NULL"), sum->second.first, sum->second.second};
    }
    return rows;
  }
  static std::string Text(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "NULL" : value.dump();
  }
  Rows OfView() {
    Rows rows;
    const json answer = Query("SELECT id, name, city, buys, total FROM spent");
    for (const json& row : answer["rows"])
      rows[Text(row[0])] = {Text(row[1]), Text(row[2]), Text(row[3]), Text(row[4])};
    return rows;
  }
  Rows OfIndex() {
    Rows rows;
    if (!search_->Json("POST", "/spent/_refresh").ok()) return rows;
    const auto found = search_->Json("GET", "/spent/_search?size=10000");
    if (!found.ok()) return rows;
    for (const json& hit : (*found)["hits"]["hits"]) {
      const json& row = hit["_source"];
      EXPECT_EQ(hit["_id"], Text(row["id"]));
      rows[hit["_id"]] = {Text(row["name"]), Text(row.value("city", json())), Text(row["buys"]), Text(row["total"])};
    }
    return rows;
  }
  template <typename Found>
  static Rows OfTable(const Found& found) {
    Rows rows;
    if (!found.ok()) return {{found.error().what, {}}};
    for (const auto& row : *found) {
      std::vector<std::string>& values = rows[*row[0]];
      for (std::size_t i = 1; i < row.size(); ++i) values.push_back(row[i].value_or("NULL"));
    }
    return rows;
  }
  Rows OfCopy() { return OfTable(warehouse_->Query("SELECT id, name, city, buys, total FROM spent")); }
  Rows OfMyCopy() {
    auto session = store_->Connect();
    EXPECT_TRUE(session.ok());
    return OfTable(session->Query("SELECT id, name, city, buys, CAST(total AS DECIMAL(40,2)) FROM warehouse.spent"));
  }
  void ExpectAllEqual() {
    const Rows wanted = Wanted();
    const auto same = [&](const char* what, Rows (ViewSinks::*read)()) {
      EXPECT_TRUE(WaitFor([&] { return (this->*read)() == wanted; }, seconds(60)))
          << what << " has " << json((this->*read)()).dump() << "\ninstead of " << json(wanted).dump() << "\n"
          << Call("GET", "/connectors?expand=status", 200).dump() << headgate_->Stderr();
    };
    same("the view", &ViewSinks::OfView);
    same("the index", &ViewSinks::OfIndex);
    same("the table of PostgreSQL", &ViewSinks::OfCopy);
    same("the table of MySQL", &ViewSinks::OfMyCopy);
  }
  bool AfterTransactions(std::uint64_t more) {
    const std::uint64_t goal = transactions_ + more;
    return WaitFor([&] { return transactions_ >= goal; }, seconds(60));
  }

  std::unique_ptr<PrivateMysql> store_;
  std::unique_ptr<PrivateSearch> search_;
  std::unique_ptr<TestDatabase> warehouse_;
  std::atomic<std::uint64_t> transactions_ = 0;
  std::jthread people_load_;
  std::jthread buys_load_;
};

TEST_P(ViewSinks, AnIndexAndTablesEqualTheViewOverAKillUnderLoad) {
  Begin();
  StartLoad(31);
  ASSERT_TRUE(AfterTransactions(400));
  ASSERT_TRUE(WaitFor([&] { return !OfIndex().empty() && OfCopy().size() > 1 && OfMyCopy().size() > 1; }))
      << "nothing is on its way yet";
  headgate_->KillHard();
  ASSERT_TRUE(AfterTransactions(100));
  const Status started = headgate_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  ASSERT_TRUE(AfterTransactions(400));
  StopLoad();
  ASSERT_GT(Wanted().size(), 10U);
  ExpectAllEqual();
  Exec("DELETE FROM people WHERE id > 5");
  ASSERT_TRUE(store_->Exec("DELETE FROM d.buys WHERE person < 3").ok());
  ExpectAllEqual();
}

INSTANTIATE_TEST_SUITE_P(Servers, ViewSinks, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
