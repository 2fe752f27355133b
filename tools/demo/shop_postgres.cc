#include "tests/support/private_postgres.h"
#include "tests/support/table_rows.h"
#include "tools/demo/generator.h"
#include "tools/demo/shops.h"

namespace headgate::demo {
namespace {

constexpr const char* kSchema = R"(
CREATE TYPE order_status AS ENUM ('new', 'paid', 'packed', 'shipped');
CREATE TABLE customers (
  id bigint PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, country char(2) NOT NULL, newsletter boolean NOT NULL,
  address jsonb, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE products (
  id integer PRIMARY KEY, sku uuid NOT NULL DEFAULT gen_random_uuid(), name text NOT NULL, price numeric(10,2) NOT NULL,
  weight_kg real, tags text[] NOT NULL DEFAULT '{}', stock integer NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status order_status NOT NULL DEFAULT 'new',
  total numeric(12,2) NOT NULL, placed_at timestamptz NOT NULL DEFAULT now(), shipped_on date, note text);
CREATE TABLE order_items (
  order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE, line smallint NOT NULL, product_id integer NOT NULL REFERENCES products,
  quantity integer NOT NULL, unit_price numeric(10,2) NOT NULL, PRIMARY KEY (order_id, line));
)";

std::string Seed() {
  const std::string customers = std::to_string(kCustomers);
  const std::string products = std::to_string(kProducts);
  return "INSERT INTO customers SELECT i, 'customer' || i || '@example.org', 'Customer ' || i, 'SE', i % 3 = 0, "
         "jsonb_build_object('street', 'Storgatan ' || i, 'zip', 10000 + i) FROM generate_series(1, " +
         customers +
         ") i;"
         "INSERT INTO products (id, name, price, weight_kg, tags, stock) SELECT i, 'Product ' || i, 1.5 * i + 0.49, i "
         "* 0.25, "
         "ARRAY['tag' || i % 5, 'new'], 1000 FROM generate_series(1, " +
         products +
         ") i;"
         "INSERT INTO orders (id, customer_id, total) SELECT i, 1 + i % " +
         customers + ", 10.00 FROM generate_series(1, " + std::to_string(kOrders) +
         ") i;"
         "INSERT INTO order_items SELECT i, 1, 1 + i % " +
         products + ", 2, 5.00 FROM generate_series(1, " + std::to_string(kOrders) + ") i;";
}

class PostgresShop final : public ShopDatabase {
 public:
  PostgresShop(std::unique_ptr<test::PrivatePostgres> server, test::PgClient client)
      : server_(std::move(server)), client_(std::move(client)) {}

  std::string_view product() const override { return "PostgreSQL"; }
  std::string how_to_connect() const override { return server_->Dsn("shop"); }
  test::ConnectorSettings Source() const override {
    return {{"connector.class", "postgres"},
            {"host", server_->host()},
            {"port", std::to_string(server_->port())},
            {"dbname", "shop"},
            {"username", "postgres"},
            {"tables", "public.*"},
            {"snapshot", "initial"}};
  }
  std::vector<std::string> tables() const override {
    return {"public.customers", "public.order_items", "public.orders", "public.products"};
  }
  Result<test::TableRows> Read(const std::string& table) override {
    HG_ASSIGN_OR_RETURN(auto client, server_->Connect("shop"));
    return test::ReadTable(client, table);
  }
  Status Change(const std::string& sql) override { return client_.Exec(sql); }
  std::string NextStatus() const override {
    return "CASE status WHEN 'new' THEN 'paid' WHEN 'paid' THEN 'packed' ELSE 'shipped' END::order_status";
  }
  std::string_view json_object() const override { return "jsonb_build_object"; }

 private:
  std::unique_ptr<test::PrivatePostgres> server_;
  test::PgClient client_;
};

}  // namespace

Result<std::unique_ptr<ShopDatabase>> StartPostgresShop() {
  HG_ASSIGN_OR_RETURN(auto server, test::PrivatePostgres::Start({.fsync = true}));
  HG_RETURN_IF_ERROR(server->Exec("postgres", "CREATE DATABASE shop"));
  HG_ASSIGN_OR_RETURN(auto client, server->Connect("shop"));
  HG_RETURN_IF_ERROR(client.Exec(kSchema));
  HG_RETURN_IF_ERROR(client.Exec(Seed()));
  return std::unique_ptr<ShopDatabase>(std::make_unique<PostgresShop>(std::move(server), std::move(client)));
}

}  // namespace headgate::demo
