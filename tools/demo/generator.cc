#include "tools/demo/generator.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <utility>

namespace headgate::demo {
namespace {

constexpr std::size_t kOrdersKept = 3000;

constexpr const char* kFirstNames[] = {"Åsa",   "Bo",    "Chidi", "Dorota", "Elif",
                                       "Farid", "Grace", "Hiro",  "Inés",   "Jürgen"};
constexpr const char* kLastNames[] = {"Andersson", "Brandt",  "Costa", "Dubois", "Eriksen",
                                      "Novák",     "O'Brien", "Şahin", "Tanaka", "Zhou"};
constexpr const char* kCountries[] = {"SE", "DE", "NG", "PL", "TR", "FR", "JP", "ES", "IE", "CN"};
constexpr const char* kStreets[] = {"Storgatan", "Hauptstraße", "Rua Nova", "High Street", "Długa"};
constexpr const char* kNotes[] = {
    "NULL", "NULL", "NULL", "'leave at the door'", "'gift, no invoice'", "'ring twice \"loud\"'"};

std::string Money(int cents) {
  const std::string fraction = std::to_string(cents % 100);
  return std::to_string(cents / 100) + "." + (fraction.size() == 1 ? "0" : "") + fraction;
}

std::string Literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

}  // namespace

Generator::Generator(ShopDatabase& shop, int changes_per_second)
    : shop_(shop), changes_per_second_(changes_per_second), next_order_(kOrders + 1), next_customer_(kCustomers + 1) {
  for (int i = 1; i <= kOrders; ++i) orders_.push_back(i);
}

void Generator::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void Generator::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Generator::Run(const std::stop_token& stop) {
  auto due = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    const Work work = Next();
    const Status status = shop_.Change(work.sql);
    if (!status.ok()) {
      error_ = status.error().what;
      return;
    }
    ++transactions_;
    changes_ += static_cast<std::uint64_t>(work.changes);
    due += std::chrono::microseconds(1'000'000LL * work.changes / changes_per_second_);
    // After a stall it goes on at its pace instead of catching up.
    due = std::max(due, std::chrono::steady_clock::now() - std::chrono::milliseconds(100));
    pace_.WaitUntil(due, stop);
  }
}

Generator::Work Generator::Next() {
  const int dice = Between(1, 100);
  if (orders_.size() > kOrdersKept) return CancelOrder();
  if (dice <= 30) return PlaceOrder();
  if (dice <= 65) return AdvanceOrder();
  if (dice <= 75) return CancelOrder();
  if (dice <= 85) return ChangePrices();
  if (dice <= 90) return NewCustomer();
  return ChangeCustomer();
}

Generator::Work Generator::PlaceOrder() {
  const std::string id = std::to_string(next_order_);
  std::set<int> products;
  for (int lines = Between(1, 4); lines > 0; --lines) products.insert(Between(1, kProducts));
  Work work{"BEGIN;", 0};
  std::string items;
  int total = 0;
  int line = 0;
  for (const int product : products) {
    const int quantity = Between(1, 5);
    const int price = Between(99, 9999);
    total += quantity * price;
    items += "INSERT INTO order_items VALUES (" + id + "," + std::to_string(++line) + "," + std::to_string(product) +
             "," + std::to_string(quantity) + "," + Money(price) + ");";
    items += "UPDATE products SET stock = stock - " + std::to_string(quantity) +
             ", updated_at = now() WHERE id = " + std::to_string(product) + ";";
    work.changes += 2;
  }
  work.sql += "INSERT INTO orders (id, customer_id, total, note) VALUES (" + id + "," +
              std::to_string(Between(1, kCustomers)) + "," + Money(total) + "," +
              kNotes[Between(0, static_cast<int>(std::size(kNotes)) - 1)] + ");" + items + "COMMIT";
  ++work.changes;
  orders_.push_back(next_order_++);
  return work;
}

Generator::Work Generator::AdvanceOrder() {
  const std::int64_t id = orders_[static_cast<std::size_t>(Between(0, static_cast<int>(orders_.size()) - 1))];
  return {"UPDATE orders SET shipped_on = CASE status WHEN 'packed' THEN current_date ELSE shipped_on END, status = " +
              shop_.NextStatus() + " WHERE id = " + std::to_string(id),
          1};
}

Generator::Work Generator::CancelOrder() {
  if (orders_.size() < 20) return PlaceOrder();
  const std::string id = std::to_string(orders_.front());
  orders_.pop_front();
  return {
      "BEGIN; DELETE FROM order_items WHERE order_id = " + id + "; DELETE FROM orders WHERE id = " + id + "; COMMIT",
      3};
}

Generator::Work Generator::ChangePrices() {
  const int from = Between(1, kProducts - 3);
  return {"UPDATE products SET price = round(price * " + std::to_string(Between(95, 106)) +
              " / 100.0, 2), stock = stock + 20, updated_at = now() WHERE id BETWEEN " + std::to_string(from) +
              " AND " + std::to_string(from + 2),
          3};
}

Generator::Work Generator::NewCustomer() {
  const std::string id = std::to_string(next_customer_++);
  const auto pick = static_cast<std::size_t>(Between(0, 9));
  const std::string name = std::string(kFirstNames[pick]) + " " + kLastNames[Between(0, 9)];
  return {"INSERT INTO customers (id, email, name, country, newsletter) VALUES (" + id + ", 'c" + id +
              "@example.org', " + Literal(name) + ", '" + kCountries[pick] + "', false)",
          1};
}

Generator::Work Generator::ChangeCustomer() {
  const std::string id = std::to_string(Between(1, kCustomers));
  return {"UPDATE customers SET newsletter = NOT newsletter, address = " + std::string(shop_.json_object()) +
              "('street', '" + std::string(kStreets[Between(0, 4)]) + " " + std::to_string(Between(1, 99)) +
              "', 'floor', " + std::to_string(Between(0, 90) / 10) + ".5, 'lift', null) WHERE id = " + id,
          1};
}

}  // namespace headgate::demo
