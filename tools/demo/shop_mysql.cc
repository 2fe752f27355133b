#include <nlohmann/json.hpp>

#include "tests/support/private_mysql.h"
#include "tools/demo/generator.h"
#include "tools/demo/shops.h"

namespace headgate::demo {
namespace {

using nlohmann::json;

const std::vector<std::string> kMysqlTables = {
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "CREATE DATABASE shop CHARACTER SET utf8mb4",
    "USE shop",
    "CREATE TABLE customers (id BIGINT UNSIGNED PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE, name VARCHAR(100) NOT "
    "NULL, country CHAR(2) NOT NULL, newsletter BOOLEAN NOT NULL, address JSON, created_at TIMESTAMP(6) NOT NULL "
    "DEFAULT CURRENT_TIMESTAMP(6))",
    "CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(100) NOT NULL, price DECIMAL(10,2) NOT NULL, weight_kg "
    "FLOAT, tags SET('new','sale','gift') NOT NULL DEFAULT 'new', stock INT NOT NULL, updated_at DATETIME(3) NOT NULL "
    "DEFAULT CURRENT_TIMESTAMP(3))",
    "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id BIGINT UNSIGNED NOT NULL, status ENUM('new','paid',"
    "'packed','shipped') NOT NULL DEFAULT 'new', total DECIMAL(12,2) NOT NULL, placed_at TIMESTAMP NOT NULL DEFAULT "
    "CURRENT_TIMESTAMP, shipped_on DATE, note TEXT, FOREIGN KEY (customer_id) REFERENCES customers (id))",
    "CREATE TABLE order_items (order_id BIGINT NOT NULL, line SMALLINT NOT NULL, product_id INT NOT NULL, quantity INT "
    "NOT NULL, unit_price DECIMAL(10,2) NOT NULL, PRIMARY KEY (order_id, line))",
};

std::vector<std::string> Rows() {
  std::vector<std::string> statements;
  for (int i = 1; i <= kCustomers; ++i) {
    const std::string n = std::to_string(i);
    statements.push_back("INSERT INTO customers (id, email, name, country, newsletter, address) VALUES (" + n +
                         ", 'customer" + n + "@example.org', 'Customer " + n +
                         "', 'SE', false, JSON_OBJECT('street', 'Storgatan " + n + "'))");
  }
  for (int i = 1; i <= kProducts; ++i) {
    const std::string n = std::to_string(i);
    statements.push_back("INSERT INTO products (id, name, price, weight_kg, stock) VALUES (" + n + ", 'Product " + n +
                         "', 1.5 * " + n + ", 0.25 * " + n + ", 1000)");
  }
  for (int i = 1; i <= kOrders; ++i) {
    const std::string n = std::to_string(i);
    statements.push_back("INSERT INTO orders (id, customer_id, total) VALUES (" + n + ", 1 + " + n + " % 60, 10)");
    statements.push_back("INSERT INTO order_items VALUES (" + n + ", 1, 1 + " + n + " % 40, 2, 5)");
  }
  return statements;
}

// A column as the native rendering writes it.
struct Shown {
  const char* name;
  const char* sql;
  bool parsed = false;  // JSON, not text
};
struct Table {
  const char* name;
  std::vector<std::string> key;
  std::vector<Shown> columns;
};
const std::vector<Table>& Tables() {
  static const std::vector<Table> tables = {
      {"customers",
       {"id"},
       {{"id", "id", true},
        {"email", "email"},
        {"name", "name"},
        {"country", "country"},
        {"newsletter", "newsletter+0", true},
        {"address", "address", true},
        {"created_at", "DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')"}}},
      {"order_items",
       {"order_id", "line"},
       {{"order_id", "order_id", true},
        {"line", "line", true},
        {"product_id", "product_id", true},
        {"quantity", "quantity", true},
        {"unit_price", "unit_price"}}},
      {"orders",
       {"id"},
       {{"id", "id", true},
        {"customer_id", "customer_id", true},
        {"status", "status"},
        {"total", "total"},
        {"placed_at", "DATE_FORMAT(placed_at, '%Y-%m-%dT%H:%i:%sZ')"},
        {"shipped_on", "shipped_on"},
        {"note", "note"}}},
      {"products",
       {"id"},
       {{"id", "id", true},
        {"name", "name"},
        {"price", "price"},
        {"weight_kg", "weight_kg+0e0", true},
        {"tags", "CONCAT('[\"', REPLACE(tags, ',', '\",\"'), '\"]')", true},
        {"stock", "stock", true},
        {"updated_at", "LEFT(DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%f'), 23)"}}},
  };
  return tables;
}

class MysqlShop final : public ShopDatabase {
 public:
  MysqlShop(std::unique_ptr<test::PrivateMysql> server, test::MyClient client)
      : server_(std::move(server)), client_(std::move(client)) {}

  std::string_view product() const override { return server_->kind() == test::MyServer::kMysql ? "MySQL" : "MariaDB"; }
  std::string how_to_connect() const override {
    return "mysql --host=127.0.0.1 --port=" + std::to_string(server_->port()) + " --user=hg --password=pw shop";
  }
  test::ConnectorSettings Source() const override {
    return {{"connector.class", test::NameOf(server_->kind())},
            {"host", server_->host()},
            {"port", std::to_string(server_->port())},
            {"username", "hg"},
            {"password", "pw"},
            {"tables", "shop.*"},
            {"snapshot", "initial"}};
  }
  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const Table& table : Tables()) names.push_back(std::string("shop.") + table.name);
    return names;
  }
  Result<test::TableRows> Read(const std::string& name) override {
    HG_ASSIGN_OR_RETURN(auto client, server_->Connect());
    HG_RETURN_IF_ERROR(client.Exec("SET time_zone = '+00:00'"));
    test::TableRows rows;
    for (const Table& table : Tables()) {
      if (name != std::string("shop.") + table.name) continue;
      rows.key_columns = table.key;
      std::string sql = "SELECT ";
      for (const Shown& column : table.columns)
        sql += (&column == &table.columns[0] ? "" : ", ") + std::string(column.sql);
      HG_ASSIGN_OR_RETURN(const auto found, client.Query(sql + " FROM " + name));
      for (const test::MyRow& row : found) {
        json& object = rows.rows.emplace_back(json::object());
        for (std::size_t i = 0; i < row.size(); ++i) {
          const Shown& column = table.columns[i];
          object[column.name] = !row[i] ? json() : column.parsed ? json::parse(*row[i], nullptr, false) : json(*row[i]);
        }
      }
    }
    return rows;
  }
  Status Change(const std::string& sql) override {
    for (std::size_t start = 0; start < sql.size();) {
      const std::size_t end = std::min(sql.find(';', start), sql.size());
      const std::string statement = sql.substr(start, end - start);
      if (statement.find_first_not_of(' ') != std::string::npos) HG_RETURN_IF_ERROR(client_.Exec(statement));
      start = end + 1;
    }
    return Ok();
  }
  std::string NextStatus() const override {
    return "CASE status WHEN 'new' THEN 'paid' WHEN 'paid' THEN 'packed' ELSE 'shipped' END";
  }
  std::string_view json_object() const override { return "JSON_OBJECT"; }

 private:
  std::unique_ptr<test::PrivateMysql> server_;
  test::MyClient client_;
};

}  // namespace

Result<std::unique_ptr<ShopDatabase>> StartMysqlShop(ShopKind kind) {
  HG_ASSIGN_OR_RETURN(auto server, test::PrivateMysql::Start(kind == ShopKind::kMysql ? test::MyServer::kMysql
                                                                                      : test::MyServer::kMariadb));
  HG_ASSIGN_OR_RETURN(auto client, server->Connect());
  HG_RETURN_IF_ERROR(client.ExecAll(kMysqlTables));
  HG_RETURN_IF_ERROR(client.ExecAll(Rows()));
  return std::unique_ptr<ShopDatabase>(std::make_unique<MysqlShop>(std::move(server), std::move(client)));
}

Result<std::unique_ptr<ShopDatabase>> ShopDatabase::Start(ShopKind kind) {
  return kind == ShopKind::kPostgres ? StartPostgresShop() : StartMysqlShop(kind);
}

}  // namespace headgate::demo
