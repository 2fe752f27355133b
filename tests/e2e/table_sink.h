#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/api.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {

enum class Warehouse : std::uint8_t { kPostgres, kMysql, kMariadb };

inline std::string NameOf(Warehouse kind) {
  return kind == Warehouse::kPostgres ? "postgres" : kind == Warehouse::kMysql ? "mysql" : "mariadb";
}

// The shop, and an empty database beside it.
class TableSink : public Api, public ::testing::WithParamInterface<Warehouse> {
 protected:
  using Rows = std::map<std::string, std::vector<std::string>>;

  bool postgres() const { return GetParam() == Warehouse::kPostgres; }
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (postgres()) {
      HG_WITH_SERVER("postgres", warehouse_, TestDatabase::Create());
    } else {
      const auto kind = GetParam() == Warehouse::kMysql ? MyServer::kMysql : MyServer::kMariadb;
      HG_WITH_SERVER(NameOf(GetParam()), my_, PrivateMysql::Start(kind));
      At("CREATE DATABASE warehouse");
    }
  }
  // A sink over all tables of the shop.
  ConnectorSettings Sink(ConnectorSettings more = {}) const {
    ConnectorSettings settings = {
        {"connector.class", "table"}, {"database", NameOf(GetParam())}, {"topics.regex", "shop\\.public\\..*"}};
    if (postgres()) {
      const SharedPostgres& server = warehouse_->postgres();
      settings.insert({{"host", server.host()},
                       {"port", std::to_string(server.port())},
                       {"dbname", warehouse_->name()},
                       {"username", server.user()},
                       {"password", server.password()}});
    } else {
      settings.insert({{"host", my_->host()},
                       {"port", std::to_string(my_->port())},
                       {"dbname", "warehouse"},
                       {"username", "hg"},
                       {"password", "pw"}});
    }
    for (const auto& [key, value] : more) settings[key] = value;
    return settings;
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  // At the warehouse.
  void At(const std::string& sql) {
    const Status done = postgres() ? warehouse_->Exec(sql) : my_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::string ValueAt(const std::string& sql) {
    const auto value = postgres() ? warehouse_->Value(sql) : my_->Value(sql);
    return value.ok() ? *value : value.error().what;
  }
  std::string In(const std::string& table) const { return (postgres() ? "public." : "warehouse.") + table; }
  static Rows Keyed(const std::vector<std::vector<std::optional<std::string>>>& found) {
    Rows rows;
    for (const auto& row : found) {
      std::vector<std::string> values;
      for (const auto& value : row) values.push_back(value.value_or("NULL"));
      rows[values.at(0)] = std::move(values);
    }
    return rows;
  }
  // The first rows that are not the same.
  static std::string Difference(const Rows& have, const Rows& want) {
    std::string out;
    for (const auto& [id, row] : have) {
      if (out.size() < 1'000 && (!want.contains(id) || want.at(id) != row)) out += "has " + json(row).dump() + "\n";
    }
    for (const auto& [id, row] : want) {
      if (out.size() < 2'000 && (!have.contains(id) || have.at(id) != row)) out += "wants " + json(row).dump() + "\n";
    }
    return out;
  }
  // What both databases print alike.
  static std::string OrdersOfPostgres() {
    return "SELECT id::text, customer::text, total::text, array_to_string(tags, '|'), state::text, "
           "to_char(placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), round(weight::numeric, 9)::text "
           "FROM public.orders";
  }
  static std::string OrdersOfMysql() {
    return "SELECT CAST(id AS CHAR), CAST(customer AS CHAR), CAST(total AS CHAR), "
           "tags, state, CAST(placed_at AS CHAR), CAST(ROUND(CAST(weight AS DECIMAL(40,20)), 9) AS CHAR) "
           "FROM warehouse.orders";
  }
  Rows Orders() {
    const auto found = shop_->database().Query(OrdersOfPostgres());
    EXPECT_TRUE(found.ok()) << found.error().what;
    return found.ok() ? Keyed(*found) : Rows();
  }
  Rows OrdersAt() {
    if (postgres()) {
      const auto found = warehouse_->Query(OrdersOfPostgres());
      return found.ok() ? Keyed(*found) : Rows{{found.error().what, {}}};
    }
    auto session = my_->Connect();
    if (!session.ok()) return {};
    const auto found = session->Query(OrdersOfMysql());
    Rows rows = found.ok() ? Keyed(*found) : Rows{{found.error().what, {}}};
    for (auto& [id, row] : rows) {
      if (row.size() > 3) row[3] = Joined(json::parse(row[3], nullptr, false));
    }
    return rows;
  }
  static std::string Joined(const json& array) {
    std::string joined;
    for (const json& one : array) joined += (joined.empty() ? "" : "|") + one.get<std::string>();
    return joined;
  }
  void ExpectSame() {
    EXPECT_TRUE(WaitFor([&] { return OrdersAt() == Orders(); }, std::chrono::seconds(40)))
        << Difference(OrdersAt(), Orders()) << "\n"
        << Call("GET", "/connectors/copy/status", 200).dump() << headgate_->Stderr();
    EXPECT_TRUE(WaitFor([&] {
      return ValueAt("SELECT count(*) FROM " + In("customers")) ==
             *shop_->database().Value("SELECT count(*) FROM public.customers");
    })) << ValueAt("SELECT count(*) FROM " + In("customers"));
  }

  // Of the sink `copy`, soon.
  void ExpectSays(const std::string& text) {
    const auto status = [&] { return Call("GET", "/connectors/copy/status", 200).dump(); };
    EXPECT_TRUE(WaitFor([&] { return status().find(text) != std::string::npos; }, std::chrono::seconds(30)))
        << text << " is not in " << status();
    EXPECT_EQ(StateOf("copy"), "FAILED");
  }

  std::unique_ptr<TestDatabase> warehouse_;
  std::unique_ptr<PrivateMysql> my_;
};

}  // namespace headgate::test
