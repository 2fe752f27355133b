#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/model/change.h"
#include "tests/support/counting_receiver.h"
#include "tests/support/headgate_process.h"
#include "tests/support/shared_postgres.h"

namespace headgate::test {

// A small shop in a database of its own, and somebody who changes it all the time.
class Shop {
 public:
  static Result<std::unique_ptr<Shop>> Create(int customers = 50);
  ~Shop() { StopLoad(); }

  TestDatabase& database() { return *database_; }
  std::vector<std::string> tables() const { return {"public.customers", "public.orders"}; }

  // Random inserts, updates, deletes, key changes and rolled-back work, in transactions of 1 to 8 rows, until StopLoad.
  void StartLoad(unsigned seed, int transactions_per_second);
  void StopLoad();
  std::uint64_t committed() const { return committed_; }

  // Settings of a source on this database; `port` 0: directly, else through a proxy.
  ConnectorSettings Source(int port = 0) const;
  static ConnectorSettings Hook(const std::string& url, const std::string& topics_regex = "shop\\.public\\..*");

 private:
  explicit Shop(std::unique_ptr<TestDatabase> database) : database_(std::move(database)) {}
  void Load(std::stop_token stop, unsigned seed, int per_second);

  std::unique_ptr<TestDatabase> database_;
  std::atomic<std::uint64_t> committed_ = 0;
  std::jthread load_;
};

struct LoggedEvent {
  std::string id;
  At at;
  Op op;
  std::string stream;  // "" of what belongs to none
};
// Every event in a data directory that no process has open; the log read with our own library.
Result<std::vector<LoggedEvent>> EventsInLog(const std::string& data_dir);

}  // namespace headgate::test
