#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/shop.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_search.h"

namespace headgate::test {

// The target of a sink, reached through a proxy. A concrete class also has:
//   static constexpr const char* kServer    the server that it needs, for HEADGATE_REQUIRE
//   static Result<std::unique_ptr<T>> Start()
class SinkTarget {
 public:
  virtual ~SinkTarget() = default;

  // Of a sink that carries all tables of the shop here, with waits fit for a test.
  virtual ConnectorSettings Settings() const = 0;
  // Failpoints of the sink itself, each hit by every request.
  virtual std::vector<std::string> failpoints() const { return {}; }
  // Takes nothing for want of space, and says so as such a server does; or does again.
  virtual void SetFull(bool full) = 0;
  // Spoils an answer on its way, so that it is none; true once there was one.
  virtual bool Spoil(std::string& bytes) const;
  // Waits until it holds what the shop's tables, which are at rest, hold. What differs at the end of the time, and what
  // was broken of other promises on the way. Empty is good.
  virtual std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) = 0;
  // Grows with everything that arrives.
  virtual std::uint64_t arrived() = 0;

  virtual FaultProxy& proxy() { return *proxy_; }
  // A person has had it sent again what it has: events that are there twice are none too many.
  bool replayed = false;

 protected:
  Status Proxy(int port);
  std::string ProxyUrl() const { return "http://127.0.0.1:" + std::to_string(proxy_->port()); }

  std::unique_ptr<FaultProxy> proxy_;
};

class WebhookTarget final : public SinkTarget {
 public:
  static constexpr const char* kServer = "webhook";
  static Result<std::unique_ptr<WebhookTarget>> Start();

  ConnectorSettings Settings() const override;
  std::vector<std::string> failpoints() const override { return {"webhook.sent", "webhook.answered"}; }
  void SetFull(bool full) override;
  std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) override;
  std::uint64_t arrived() override { return receiver_.events(); }

 private:
  CountingReceiver receiver_;
};

// An index of its own for each object, on one server for all.
class SearchTarget final : public SinkTarget {
 public:
  static constexpr const char* kServer = "search";
  static Result<std::unique_ptr<SearchTarget>> Start();

  ConnectorSettings Settings() const override;
  void SetFull(bool full) override;
  std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) override;
  std::uint64_t arrived() override;

 private:
  using Documents = std::map<std::string, nlohmann::json>;  // by id

  explicit SearchTarget(PrivateSearch& server);
  Documents Indexed(const std::string& table);
  static Documents Rows(Shop& shop, const std::string& table);

  PrivateSearch& server_;
  std::string prefix_;
};

// A database of its own in the shared PostgreSQL.
class TableTarget final : public SinkTarget {
 public:
  static constexpr const char* kServer = "postgres";
  static Result<std::unique_ptr<TableTarget>> Start();

  ConnectorSettings Settings() const override;
  std::vector<std::string> failpoints() const override;
  void SetFull(bool full) override;
  bool Spoil(std::string& bytes) const override;
  std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) override;
  std::uint64_t arrived() override;

 private:
  std::unique_ptr<TestDatabase> warehouse_;
};

// A MySQL of its own.
class MysqlTableTarget final : public SinkTarget {
 public:
  static constexpr const char* kServer = "mysql";
  static Result<std::unique_ptr<MysqlTableTarget>> Start();

  ConnectorSettings Settings() const override;
  std::vector<std::string> failpoints() const override { return {"table.written", "table.committed"}; }
  void SetFull(bool full) override;
  bool Spoil(std::string& bytes) const override;
  std::vector<std::string> WaitForTables(Shop& shop, std::chrono::seconds limit) override;
  std::uint64_t arrived() override;

 private:
  std::unique_ptr<PrivateMysql> warehouse_;
};

}  // namespace headgate::test
