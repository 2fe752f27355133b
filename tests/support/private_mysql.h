#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/my_client.h"

namespace headgate::test {

enum class MyServer : std::uint8_t { kMariadb, kMysql };
// "mariadb", "mysql": as HEADGATE_REQUIRE and connector.class name them.
std::string NameOf(MyServer server);

// A MySQL (HEADGATE_TEST_MYSQL; default ~/.cache/headgate/mysql, which `./dev setup mysql` fills) or a MariaDB
// (HEADGATE_TEST_MARIADB; default the system's), in a temporary directory, on a free port of 127.0.0.1. The variables
// name the root of a tree: an unpacked Debian's, or one with bin/, as its maker packs it.
// `root` signs in over the socket, `hg` with the password `pw` over TCP, both with all rights. Row format, full images
// and metadata, GTIDs, server_id 7. Gone with the object; killed if the program dies. Lives on the thread that started
// it, which must live as long.
class PrivateMysql {
 public:
  // kConfig if the server is not installed. `settings`: of the command line, "binlog-row-image=MINIMAL".
  static Result<std::unique_ptr<PrivateMysql>> Start(MyServer kind, std::vector<std::string> settings = {});
  ~PrivateMysql();
  PrivateMysql(const PrivateMysql&) = delete;
  PrivateMysql& operator=(const PrivateMysql&) = delete;

  MyServer kind() const { return kind_; }
  const std::string& host() const { return host_; }
  int port() const { return port_; }
  std::string socket() const { return dir_.path() + "/s.sock"; }
  std::string data() const { return dir_.path() + "/data"; }
  Result<MyClient> Connect() const { return MyClient::Connect(socket()); }
  Status Exec(const std::string& sql) const;
  Result<std::string> Value(const std::string& sql) const;

  Status Stop();        // asks it to end and waits
  Status KillHard();    // SIGKILL
  Status StartAgain();  // after Stop or KillHard; same port

 private:
  explicit PrivateMysql(MyServer kind) : kind_(kind), dir_("headgate-my-") {}
  Status MakeDataDirectory();
  std::vector<std::string> Command() const;

  const MyServer kind_;
  TempDir dir_;
  std::string host_ = "127.0.0.1";
  int port_ = 0;
  std::vector<std::string> settings_;
  std::unique_ptr<Child> server_;
};

}  // namespace headgate::test
