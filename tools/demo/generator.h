#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/base/signal.h"
#include "tools/demo/shop_database.h"

namespace headgate::demo {

// Rows that are there before the first change.
inline constexpr int kCustomers = 60;
inline constexpr int kProducts = 40;
inline constexpr int kOrders = 100;

// People at work in the shop: orders of several lines, payments, shipping, cancellations, price changes, new and moving
// customers. One transaction at a time on a thread of its own, about `changes_per_second` row changes.
class Generator {
 public:
  // The shop must outlive it.
  Generator(ShopDatabase& shop, int changes_per_second);
  ~Generator() { Stop(); }

  void Start();
  // Returns when the last transaction is committed. May be called twice.
  void Stop();

  std::uint64_t transactions() const { return transactions_.load(); }
  std::uint64_t changes() const { return changes_.load(); }
  // Why it ended by itself; "" if it did not. Read after Stop.
  const std::string& error() const { return error_; }

 private:
  struct Work {
    std::string sql;
    int changes = 0;
  };

  void Run(const std::stop_token& stop);
  Work Next();
  Work PlaceOrder();
  Work AdvanceOrder();
  Work CancelOrder();
  Work ChangePrices();
  Work NewCustomer();
  Work ChangeCustomer();
  int Between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  ShopDatabase& shop_;
  const int changes_per_second_;
  std::mt19937 random_{20'260'304};  // the same shop every time
  std::deque<std::int64_t> orders_;  // ids of the orders that exist, oldest first
  std::int64_t next_order_;
  std::int64_t next_customer_;
  std::atomic<std::uint64_t> transactions_{0};
  std::atomic<std::uint64_t> changes_{0};
  std::string error_;
  Signal pace_;  // never raised: the wait ends at its deadline or on stop
  std::jthread thread_;
};

}  // namespace headgate::demo
