#include "tests/support/private_postgres.h"

#include <pwd.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace headgate::test {
namespace {

constexpr const char* kBin = "/usr/lib/postgresql/15/bin/";
using std::chrono::milliseconds;

std::string ServerUser() { return geteuid() == 0 ? "postgres" : ""; }

std::string TailOfFile(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

void WriteFile(const std::string& path, const std::string& text, std::ios::openmode mode) {
  std::ofstream out(path, mode);
  out << text;
}

// Runs to its end. `log` gets its output and ends up in the error.
Status RunTool(std::vector<std::string> command, const std::string& log) {
  const std::string name = command[0];
  HG_ASSIGN_OR_RETURN(
      auto child,
      Child::Start({.command = std::move(command), .directory = "/", .user = ServerUser(), .output_file = log}));
  const auto exit = child->Wait(milliseconds(120'000));
  if (!exit || exit->code != 0 || exit->signal != 0) {
    return Transient(name + " ended with " + (exit ? exit->Text() : "no answer in 120 s") + ": " + TailOfFile(log));
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::Start(const PostgresOptions& options) {
  if (!IsExecutable(std::string(kBin) + "postgres")) {
    return ConfigError(std::string("PostgreSQL 15 is not installed (") + kBin + "postgres): run ./dev setup");
  }
  std::unique_ptr<PrivatePostgres> server(new PrivatePostgres());
  HG_RETURN_IF_ERROR(server->Initialise(options));
  HG_RETURN_IF_ERROR(server->StartOnFreePort());
  return server;
}

// A server that was killed leaves its shared memory segment, and a machine has 4 096 of them. The pid file names it, in
// its seventh line: key and id.
PrivatePostgres::~PrivatePostgres() {
  if (server_) static_cast<void>(KillHard());
  std::ifstream pid_file(dir_.path() + "/data/postmaster.pid");
  std::string line;
  for (int n = 0; n < 7; ++n) std::getline(pid_file, line);
  std::istringstream words(line);
  unsigned long key = 0;
  int id = -1;
  if (words >> key >> id) shmctl(id, IPC_RMID, nullptr);
}

Status PrivatePostgres::Initialise(const PostgresOptions& options) {
  HG_RETURN_IF_ERROR(MakeDataDirectory(options.own_identity));
  const std::string data = dir_.path() + "/data";
  std::string conf =
      "listen_addresses='127.0.0.1'\nunix_socket_directories='" + dir_.path() + "'\nwal_level=" + options.wal_level +
      "\nmax_replication_slots=" + std::to_string(options.max_replication_slots) +
      "\nmax_wal_senders=" + std::to_string(options.max_wal_senders) +
      "\nmax_connections=100\nshared_buffers=64MB\nmax_wal_size=4GB\ncheckpoint_timeout=30min\nautovacuum=off\n" +
      "jit=off\ndynamic_shared_memory_type=mmap\nlog_min_messages=warning\nlogging_collector=off\n";
  if (!options.fsync) conf += "fsync=off\nfull_page_writes=off\n";
  for (const std::string& setting : options.settings) conf += setting + "\n";
  WriteFile(data + "/postgresql.conf", conf, std::ios::trunc);
  std::string hba;
  for (const std::string& line : options.hba) hba += line + "\n";
  hba +=
      "local all all trust\nhost all all 127.0.0.1/32 trust\nlocal replication all trust\nhost replication all "
      "127.0.0.1/32 trust\n";
  WriteFile(data + "/pg_hba.conf", hba, std::ios::trunc);
  return Ok();
}

// initdb takes most of the time that a test with a server needs, so its result is kept in the build folder and copied.
Status PrivatePostgres::MakeDataDirectory(bool own_identity) const {
  const passwd* user = getpwnam("postgres");
  if (geteuid() == 0 && (user == nullptr || chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0)) {
    return ConfigError("cannot give " + dir_.path() + " to the user postgres, which the PostgreSQL package creates");
  }
  const std::string data = dir_.path() + "/data";
  const std::string log = dir_.path() + "/initdb.log";
  const std::string kept = std::string(HG_TEST_CACHE) + "/pg15-data-" + std::to_string(geteuid());
  const auto copy = [](const std::string& from, const std::string& to) -> Status {
    HG_ASSIGN_OR_RETURN(auto cp, Child::Start({.command = {"cp", "-a", "--reflink=auto", from, to}}));
    const auto exit = cp->Wait(milliseconds(60'000));
    return exit && exit->code == 0 && exit->signal == 0 ? Ok() : Status(Transient("cannot copy " + from + " to " + to));
  };
  std::error_code error;
  if (!own_identity && std::filesystem::exists(kept, error)) return copy(kept, data);
  HG_RETURN_IF_ERROR(RunTool({std::string(kBin) + "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8",
                              "--locale=C.UTF-8", "--no-sync", "--no-instructions"},
                             log));
  if (own_identity) return Ok();
  // Several tests may come here at once: each copies, one rename wins, the others' fail and leave nothing.
  const std::string mine = kept + "." + std::to_string(getpid());
  std::filesystem::create_directories(HG_TEST_CACHE, error);
  if (copy(data, mine).ok()) std::filesystem::rename(mine, kept, error);
  if (error) std::filesystem::remove_all(mine, error);
  return Ok();
}

Status PrivatePostgres::StartOnFreePort() {
  Status status = Ok();
  for (int tries = 0; tries < 3; ++tries) {  // another program may take the port between our look and the server's bind
    port_ = FreePort();
    status = StartAgain();
    if (status.ok()) break;
  }
  return status;
}

Status PrivatePostgres::StartAgain() {
  const std::string log = dir_.path() + "/server.log";
  // SIGQUIT is the server's immediate shutdown: its own children end with it.
  HG_ASSIGN_OR_RETURN(server_, Child::Start({.command = {std::string(kBin) + "postgres", "-D", dir_.path() + "/data",
                                                         "-p", std::to_string(port_)},
                                             .directory = "/",
                                             .user = ServerUser(),
                                             .output_file = log,
                                             .death_signal = SIGQUIT}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (PgClient::Connect(Dsn("postgres")).ok()) return Ok();
    if (server_->Wait(milliseconds(20))) break;
  }
  return Transient("PostgreSQL did not start on port " + std::to_string(port_) + ": " + TailOfFile(log));
}

Status PrivatePostgres::Stop() {
  if (!server_) return Ok();
  server_->Signal(SIGINT);
  const auto exit = server_->Wait(milliseconds(60'000));
  server_.reset();
  return exit ? Ok() : Status(Transient("PostgreSQL did not stop within 60 s"));
}

std::vector<pid_t> PrivatePostgres::Processes() const {
  std::vector<pid_t> pids{server_->pid()};
  // Each process of the server is a direct child of the first one.
  std::ifstream children("/proc/" + std::to_string(server_->pid()) + "/task/" + std::to_string(server_->pid()) +
                         "/children");
  for (pid_t pid = 0; children >> pid;) pids.push_back(pid);
  return pids;
}

Status PrivatePostgres::KillHard() {
  if (!server_) return Ok();
  // Stopped first, so that it can neither fork nor clean up between our look and the kill.
  server_->Signal(SIGSTOP);
  const std::vector<pid_t> pids = Processes();
  for (const pid_t pid : pids) kill(pid, SIGKILL);
  server_->Kill();
  server_.reset();
  for (const pid_t pid : pids) {
    if (!WaitGone(pid, milliseconds(30'000))) return Transient("a process of PostgreSQL survived SIGKILL");
  }
  return Ok();
}

Status PrivatePostgres::Freeze() const {
  for (const pid_t pid : Processes()) kill(pid, SIGSTOP);
  return Ok();
}

Status PrivatePostgres::Thaw() const {
  for (const pid_t pid : Processes()) kill(pid, SIGCONT);
  return Ok();
}

Status PrivatePostgres::AppendSettings(const std::vector<std::string>& settings) const {
  std::string text;
  for (const std::string& setting : settings) text += setting + "\n";
  WriteFile(dir_.path() + "/data/postgresql.conf", text, std::ios::app);
  return Ok();
}

std::string PrivatePostgres::Dsn(const std::string& database) const {
  return "host=" + host_ + " port=" + std::to_string(port_) + " user=postgres dbname=" + database;
}

Status PrivatePostgres::Exec(const std::string& database, const std::string& sql) const {
  HG_ASSIGN_OR_RETURN(auto client, Connect(database));
  return client.Exec(sql);
}

Result<std::string> PrivatePostgres::Value(const std::string& database, const std::string& sql) const {
  HG_ASSIGN_OR_RETURN(auto client, Connect(database));
  return client.Value(sql);
}

Status DropDatabase(const std::string& dsn, const std::string& name) {
  HG_ASSIGN_OR_RETURN(auto admin, PgClient::Connect(dsn));
  HG_ASSIGN_OR_RETURN(
      auto slots,
      admin.Query("SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = '" + name + "'"));
  for (const PgRow& slot : slots) {
    if (slot[1]) static_cast<void>(admin.Exec("SELECT pg_terminate_backend(" + *slot[1] + ", 10000)"));
    HG_RETURN_IF_ERROR(admin.Exec("SELECT pg_drop_replication_slot('" + *slot[0] + "')"));
  }
  return admin.Exec("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
}

}  // namespace headgate::test
