#include "tests/support/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace headgate::test {
namespace {

int PidFd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

bool Readable(int fd, std::chrono::milliseconds limit) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, static_cast<int>(limit.count())) > 0;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> env;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry(*e);
    if (changes.count(entry.substr(0, entry.find('='))) == 0) env.push_back(entry);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) env.push_back(name + "=" + value);
  }
  return env;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& t : texts) out.push_back(t.data());
  out.push_back(nullptr);
  return out;
}

// Runs between fork and exec: only calls that are safe there. Writes errno to `report` and ends on failure.
struct Launch {
  char** argv;
  char** envp;
  const char* directory;
  const passwd* user;
  int out;
  int err;
  int death_signal;
  pid_t parent;
  int report;
};

[[noreturn]] void RunChild(const Launch& l) {
  const auto fail = [&] {
    const int e = errno;
    [[maybe_unused]] const auto n = write(l.report, &e, sizeof(e));
    _exit(127);
  };
  setpgid(0, 0);
  if (l.user != nullptr) {
    if (setgroups(0, nullptr) != 0 || setgid(l.user->pw_gid) != 0 || setuid(l.user->pw_uid) != 0) fail();
  }
  // After setuid, which clears it. The parent may have gone in between.
  if (prctl(PR_SET_PDEATHSIG, l.death_signal) != 0) fail();
  if (getppid() != l.parent) _exit(127);
  if (*l.directory != '\0' && chdir(l.directory) != 0) fail();
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  if (l.out >= 0 && (dup2(l.out, STDOUT_FILENO) < 0 || dup2(l.out, STDERR_FILENO) < 0)) fail();
  if (l.err >= 0 && dup2(l.err, STDERR_FILENO) < 0) fail();
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execvpe(l.argv[0], l.argv, l.envp);
  fail();
  _exit(127);
}

// The errno of a failed exec, 0 if it succeeded (the pipe closed on exec).
int LaunchError(int fd) {
  int e = 0;
  ssize_t n;
  do {
    n = read(fd, &e, sizeof(e));
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof(e)) ? e : 0;
}

int OpenOutput(const std::string& path) {
  return path.empty() ? -1 : open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

}  // namespace

TempDir::TempDir(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/" + prefix + "XXXXXX";
  CHECK(mkdtemp(path_.data()) != nullptr);
  chmod(path_.c_str(), 0755);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ChildExit::Text() const {
  return signal != 0 ? "signal " + std::to_string(signal) : "exit code " + std::to_string(code);
}

Result<std::unique_ptr<Child>> Child::Start(const ChildOptions& options) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> env = Environment(options.env);
  std::vector<char*> argv = Pointers(command);
  std::vector<char*> envp = Pointers(env);
  const passwd* user = options.user.empty() ? nullptr : getpwnam(options.user.c_str());
  if (!options.user.empty() && user == nullptr) return ConfigError("there is no user '" + options.user + "'");

  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return Transient(std::string("cannot make a pipe: ") + std::strerror(errno));
  const int out = OpenOutput(options.output_file);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    RunChild({argv.data(), envp.data(), options.directory.c_str(), user, out, options.stderr_fd, options.death_signal,
              parent, report[1]});
  }
  if (out >= 0) close(out);
  close(report[1]);
  const int error = pid < 0 ? errno : LaunchError(report[0]);
  close(report[0]);
  if (error != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return ConfigError("cannot start " + options.command[0] + ": " + std::strerror(error));
  }
  return std::unique_ptr<Child>(new Child(pid, PidFd(pid)));
}

Child::~Child() {
  Kill();
  if (pidfd_ >= 0) close(pidfd_);
}

void Child::Signal(int signal) const {
  if (!exit_) kill(pid_, signal);
}

void Child::SignalGroup(int signal) const { kill(-pid_, signal); }

std::optional<ChildExit> Child::Wait(Duration limit) {
  if (exit_) return exit_;
  if (!Readable(pidfd_, limit)) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  exit_.emplace();
  if (WIFSIGNALED(status)) {
    exit_->signal = WTERMSIG(status);
  } else {
    exit_->code = WEXITSTATUS(status);
  }
  return exit_;
}

ChildExit Child::Kill() {
  SignalGroup(SIGKILL);
  if (!exit_) Signal(SIGKILL);
  const auto exit = Wait(Duration(30'000));
  CHECK(exit.has_value());
  return *exit;
}

bool WaitGone(pid_t pid, std::chrono::milliseconds limit) {
  const int fd = PidFd(pid);
  if (fd < 0) return true;
  const bool gone = Readable(fd, limit);
  close(fd);
  return gone;
}

int FreePort() {
  // The kernel hands out ports from 32768 up; a port from there may be taken by an outgoing connection between our look
  // and the server's bind. Processes start at different places, so that two test binaries rarely look at the same port.
  static std::atomic<unsigned> next{static_cast<unsigned>(getpid()) * 37U};
  for (int tries = 0; tries < 12'000; ++tries) {
    const int port = 20'000 + static_cast<int>(next.fetch_add(1) % 12'000U);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof(a)) == 0;
    close(fd);
    if (free) return port;
  }
  CHECK(false);
  return 0;
}

bool IsExecutable(const std::string& path) {
  struct stat s {};
  return stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace headgate::test
