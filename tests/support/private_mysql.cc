#include "tests/support/private_mysql.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace headgate::test {
namespace {

using std::chrono::milliseconds;

// Where a server lies that is not the system's own; "" if it is.
std::string RootOf(MyServer kind) {
  const char* const named = std::getenv(kind == MyServer::kMysql ? "HEADGATE_TEST_MYSQL" : "HEADGATE_TEST_MARIADB");
  if (named != nullptr && *named != '\0') return named;
  const char* const home = std::getenv("HOME");
  return kind == MyServer::kMariadb ? "" : std::string(home == nullptr ? "" : home) + "/.cache/headgate/mysql";
}

// An unpacked Debian tree comes with its own loader and libraries, which are newer than ours; other trees are the
// maker's, and run as they are.
constexpr const char* kLoader = "/usr/lib64/ld-linux-x86-64.so.2";

std::string ProgramOf(MyServer kind) {
  const std::string root = RootOf(kind);
  const std::string name = kind == MyServer::kMysql ? "mysqld" : "mariadbd";
  const bool tree = root.empty() || IsExecutable(root + kLoader);
  return root + (tree ? "/usr/sbin/" : "/bin/") + name;
}

std::vector<std::string> ProgramCommand(MyServer kind) {
  const std::string root = RootOf(kind);
  const std::string program = ProgramOf(kind);
  if (root.empty()) return {program, "--no-defaults", "--user=root"};
  if (!IsExecutable(root + kLoader)) return {program, "--no-defaults", "--basedir=" + root, "--user=root"};
  const std::string share = root + "/usr/share/" + (kind == MyServer::kMysql ? "mysql" : "mariadb");
  const std::string plugins = root + "/usr/lib/mysql/plugin";
  return {root + kLoader,
          "--library-path",
          root + "/usr/lib/x86_64-linux-gnu",
          program,
          "--no-defaults",
          "--basedir=" + root + "/usr",
          "--lc-messages-dir=" + share,
          "--plugin-dir=" + plugins,
          "--user=root"};
}

std::string TailOf(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

Status Run(std::vector<std::string> command, const std::string& log) {
  const std::string name = command[0];
  HG_ASSIGN_OR_RETURN(auto child, Child::Start({.command = std::move(command), .directory = "/", .output_file = log}));
  const auto exit = child->Wait(milliseconds(120'000));
  if (exit && exit->code == 0 && exit->signal == 0) return Ok();
  return Transient(name + " ended with " + (exit ? exit->Text() : "no answer in 120 s") + ": " + TailOf(log));
}

}  // namespace

std::string NameOf(MyServer server) { return server == MyServer::kMariadb ? "mariadb" : "mysql"; }

Result<std::unique_ptr<PrivateMysql>> PrivateMysql::Start(MyServer kind, std::vector<std::string> settings) {
  if (!IsExecutable(ProgramOf(kind))) {
    const bool mysql = kind == MyServer::kMysql;
    return ConfigError(std::string(mysql ? "MySQL" : "MariaDB") + " is not installed (" + ProgramOf(kind) +
                       "): run ./dev setup" + (mysql ? " mysql" : ""));
  }
  std::unique_ptr<PrivateMysql> server(new PrivateMysql(kind));
  server->settings_ = std::move(settings);
  HG_RETURN_IF_ERROR(server->MakeDataDirectory());
  server->port_ = FreePort();
  HG_RETURN_IF_ERROR(server->StartAgain());
  return server;
}

PrivateMysql::~PrivateMysql() {
  if (server_) static_cast<void>(KillHard());
}

// Made once for all tests of a build, with the account that they use; each takes a copy.
Status PrivateMysql::MakeDataDirectory() {
  std::string server = ProgramOf(kind_);
  std::ranges::replace(server, '/', '-');
  const std::string kept = std::string(HG_TEST_CACHE) + "/data" + server + "-" + std::to_string(geteuid());
  const std::string log = dir_.path() + "/init.log";
  const auto copy = [&](const std::string& from, const std::string& to) {
    return Run({"cp", "-a", "--reflink=auto", from, to}, log);
  };
  std::error_code error;
  if (std::filesystem::exists(kept, error)) return copy(kept, data());
  if (kind_ == MyServer::kMariadb) {
    const std::string scripts =
        RootOf(kind_) + "/scripts/mariadb-install-db";  // a newer server takes over what the system's makes
    const bool own = IsExecutable(scripts);
    HG_RETURN_IF_ERROR(Run({own ? scripts : "mariadb-install-db", "--no-defaults", "--datadir=" + data(), "--user=root",
                            "--auth-root-authentication-method=normal", "--skip-test-db"},
                           log));
  } else {
    std::vector<std::string> command = ProgramCommand(kind_);
    command.insert(command.end(), {"--initialize-insecure", "--datadir=" + data()});
    HG_RETURN_IF_ERROR(Run(std::move(command), log));
  }
  port_ = FreePort();
  HG_RETURN_IF_ERROR(StartAgain());
  HG_RETURN_IF_ERROR(Exec("CREATE USER hg@'%' IDENTIFIED BY 'pw'"));
  HG_RETURN_IF_ERROR(Exec("GRANT ALL PRIVILEGES ON *.* TO hg@'%' WITH GRANT OPTION"));
  HG_RETURN_IF_ERROR(Stop());
  for (const auto& entry : std::filesystem::directory_iterator(data())) {  // every test begins with an empty log
    const std::string name = entry.path().filename();
    if (name.starts_with("binlog.") || name == "auto.cnf") std::filesystem::remove(entry.path(), error);
  }
  const std::string mine = kept + "." + std::to_string(getpid());
  std::filesystem::create_directories(HG_TEST_CACHE, error);
  if (copy(data(), mine).ok()) std::filesystem::rename(mine, kept, error);
  if (error) std::filesystem::remove_all(mine, error);
  return Ok();
}

std::vector<std::string> PrivateMysql::Command() const {
  std::vector<std::string> command = ProgramCommand(kind_);
  if (kind_ == MyServer::kMariadb) {
    command.emplace_back("--gtid-strict-mode=ON");
  } else {
    command.insert(command.end(),
                   {"--mysqlx=OFF", "--secure-file-priv=", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
                    "--performance-schema=OFF", "--innodb-buffer-pool-size=64M"});
  }
  // A server that starts removes what others may have in a temporary directory that they share.
  command.insert(
      command.end(),
      {"--datadir=" + data(), "--tmpdir=" + dir_.path(), "--socket=" + socket(), "--port=" + std::to_string(port_),
       "--bind-address=127.0.0.1", "--pid-file=" + dir_.path() + "/pid", "--server-id=7", "--log-bin=binlog",
       "--binlog-format=ROW", "--binlog-row-metadata=FULL", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"});
  for (const std::string& setting : settings_) command.push_back("--" + setting);
  return command;
}

Status PrivateMysql::StartAgain() {
  const std::string log = dir_.path() + "/server.log";
  HG_ASSIGN_OR_RETURN(server_, Child::Start({.command = Command(), .directory = "/", .output_file = log}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (Connect().ok()) return Ok();
    if (server_->Wait(milliseconds(20))) break;
  }
  return Transient(NameOf(kind_) + " did not start on port " + std::to_string(port_) + ": " + TailOf(log));
}

Status PrivateMysql::Exec(const std::string& sql) const {
  HG_ASSIGN_OR_RETURN(MyClient client, Connect());
  return client.Exec(sql);
}

Result<std::string> PrivateMysql::Value(const std::string& sql) const {
  HG_ASSIGN_OR_RETURN(MyClient client, Connect());
  return client.Value(sql);
}

Status PrivateMysql::Stop() {
  if (!server_) return Ok();
  server_->Signal(SIGTERM);
  const auto exit = server_->Wait(milliseconds(60'000));
  server_.reset();
  return exit ? Ok() : Status(Transient(NameOf(kind_) + " did not stop within 60 s"));
}

Status PrivateMysql::KillHard() {
  if (!server_) return Ok();
  server_->Kill();
  server_.reset();
  return Ok();
}

}  // namespace headgate::test
