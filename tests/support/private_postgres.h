#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/pg_client.h"

namespace headgate::test {

struct PostgresOptions {
  std::string wal_level = "logical";
  int max_replication_slots = 40;
  int max_wal_senders = 40;
  bool fsync = false;         // on only where a test is about durability of the source
  bool own_identity = false;  // a system identifier that no other server of the tests has (takes an initdb)
  std::vector<std::string> settings = {};  // "name=value", last one wins
  std::vector<std::string> hba = {};       // lines put before "all trust"
};

// Debian's PostgreSQL 15 in a temporary directory, on a free port of 127.0.0.1, as user postgres (superuser, no
// password). Gone with the object; killed if the program dies. Lives on the thread that started it, which must live as
// long.
class PrivatePostgres {
 public:
  // kConfig if the server is not installed.
  static Result<std::unique_ptr<PrivatePostgres>> Start(const PostgresOptions& options = {});
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  const std::string& host() const { return host_; }
  int port() const { return port_; }
  std::string Dsn(const std::string& database) const;
  Result<PgClient> Connect(const std::string& database) const { return PgClient::Connect(Dsn(database)); }

  Status Exec(const std::string& database, const std::string& sql) const;
  Result<std::string> Value(const std::string& database, const std::string& sql) const;

  Status Stop();          // fast shutdown: sessions are thrown out, everything is written
  Status KillHard();      // SIGKILL for the server and all its processes; returns when they are gone
  Status Freeze() const;  // SIGSTOP for all of it: connections stay open, nothing answers
  Status Thaw() const;
  Status StartAgain();  // after Stop or KillHard; same port
  // Appends to postgresql.conf; in force after the next start.
  Status AppendSettings(const std::vector<std::string>& settings) const;

 private:
  PrivatePostgres() : dir_("headgate-pg-") {}
  Status Initialise(const PostgresOptions& options);
  Status MakeDataDirectory(bool own_identity) const;
  Status StartOnFreePort();
  std::vector<pid_t> Processes() const;  // server first

  TempDir dir_;
  std::string host_ = "127.0.0.1";
  int port_ = 0;
  std::unique_ptr<Child> server_;
};

// Drops the database `name`, its slots first, and throws its sessions out, so that it works whatever a test left
// behind. `dsn` connects a superuser to another database of that server.
Status DropDatabase(const std::string& dsn, const std::string& name);

}  // namespace headgate::test
