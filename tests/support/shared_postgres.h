#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "tests/support/pg_client.h"
#include "tests/support/private_postgres.h"

namespace headgate::test {

// The server that the tests of one binary share, started when first asked for, and how to reach it.
// HEADGATE_TEST_POSTGRES (a connection string of a superuser) replaces the private server.
class SharedPostgres {
 public:
  // The error is kConfig if no server is installed. Lives until the program ends.
  static Result<SharedPostgres*> Get();

  const std::string& host() const { return host_; }
  int port() const { return port_; }
  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }
  std::string Dsn(const std::string& database) const;

 private:
  SharedPostgres() = default;
  static Result<std::unique_ptr<SharedPostgres>> Make();
  Status UseDsn(const char* dsn);

  std::unique_ptr<PrivatePostgres> server_;  // null with HEADGATE_TEST_POSTGRES
  std::string host_;
  int port_ = 5432;
  std::string user_;
  std::string password_;
};

// A database of its own for one test, dropped with the object (its slots first).
class TestDatabase {
 public:
  static Result<std::unique_ptr<TestDatabase>> Create();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  const SharedPostgres& postgres() const { return *shared_; }
  std::string Dsn() const { return shared_->Dsn(name_); }
  // A further session; the calls below share one that stays open.
  Result<PgClient> Connect() const { return PgClient::Connect(Dsn()); }
  PgClient& session() { return session_; }
  Status Exec(const std::string& sql) { return session_.Exec(sql); }
  Result<std::vector<PgRow>> Query(const std::string& sql) { return session_.Query(sql); }
  Result<std::string> Value(const std::string& sql) { return session_.Value(sql); }

 private:
  TestDatabase(SharedPostgres* shared, std::string name, PgClient session)
      : shared_(shared), name_(std::move(name)), session_(std::move(session)) {}

  SharedPostgres* shared_;
  std::string name_;
  PgClient session_;
};

}  // namespace headgate::test
