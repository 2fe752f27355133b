#include "core/config/secret_io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

extern char** environ;

namespace headgate::config {

namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

std::string ErrnoText(int code) { return std::generic_category().message(code); }

bool IsAtOrBelow(const fs::path& path, const fs::path& folder) {
  const auto [rest, unused] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return rest == folder.end();
}

bool IsAllowed(const fs::path& resolved, const std::vector<std::string>& allowed_paths) {
  return std::any_of(allowed_paths.begin(), allowed_paths.end(), [&](const std::string& allowed) {
    std::error_code failure;
    const fs::path folder = fs::canonical(allowed, failure);
    return !failure && IsAtOrBelow(resolved, folder);
  });
}

// What the descriptor really is, so that a link swapped between check and open changes nothing.
fs::path PathOf(int fd) {
  std::error_code failure;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(fd), failure);
}

enum class Drained { kMore, kEnd, kFailed };

// Appends what can be read now; stops past the limit.
Drained Drain(int fd, std::string& out) {
  std::array<char, 4096> buffer;
  while (out.size() <= kSecretBytesMax) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Drained::kMore : Drained::kFailed;
    if (n == 0) return Drained::kEnd;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return Drained::kMore;
}

Result<pid_t> Spawn(const std::vector<std::string>& argv, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  // A process group of its own, so that what the program starts can be killed with it; no signals blocked or ignored.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);

  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, argv[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) return ConfigError("the program cannot be started: " + ErrnoText(failure));
  return pid;
}

// Reads until the program has ended. Says what went wrong, or "".
std::string Collect(int output, int process, Steady::time_point deadline, std::string& out) {
  bool output_open = true;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
    if (left <= 0) return "the program did not end in time and was killed";
    std::array<pollfd, 2> events = {pollfd{process, POLLIN, 0}, pollfd{output_open ? output : -1, POLLIN, 0}};
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return "waiting for the program failed: " + ErrnoText(errno);
    if (ready <= 0) continue;
    if (output_open) output_open = Drain(output, out) == Drained::kMore;
    if (out.size() > kSecretBytesMax) return "the program printed more than 64 KiB";
    if (events[0].revents != 0) return {};  // ended before the Drain above, so nothing of it is missing
  }
}

}  // namespace

Result<std::string> ReadAllowedFile(const std::string& path, const std::vector<std::string>& allowed_paths) {
  const auto not_allowed = [] {
    return ConfigError("the path does not lie below secrets.allowed_paths of the service's configuration file");
  };
  if (!path.starts_with('/')) return ConfigError("the path must be absolute");
  std::error_code failure;
  const fs::path resolved = fs::weakly_canonical(path, failure);
  if (failure || !IsAllowed(resolved, allowed_paths)) return not_allowed();
  // Non-blocking: opening a named pipe must not wait for its writer.
  const Fd file(::open(resolved.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return ConfigError("the file cannot be opened: " + ErrnoText(errno));
  if (PathOf(file.get()) != resolved) return not_allowed();
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return ConfigError("the file cannot be examined: " + ErrnoText(errno));
  if (!S_ISREG(info.st_mode)) return ConfigError("it is not a regular file");
  std::string content;
  const Drained drained = Drain(file.get(), content);
  if (content.size() > kSecretBytesMax) return ConfigError("the file is larger than 64 KiB");
  if (drained != Drained::kEnd) return ConfigError("the file cannot be read");
  return content;
}

Result<std::string> RunCommand(const std::vector<std::string>& argv, std::chrono::milliseconds timeout) {
  if (argv.empty()) return ConfigError("the command has no program");
  const auto deadline = Steady::now() + timeout;
  std::array<int, 2> ends = {-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return ConfigError("no pipe for its output: " + ErrnoText(errno));
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  HG_ASSIGN_OR_RETURN(const pid_t pid, Spawn(argv, writing.get()));
  writing.Close();

  std::string out;
  std::string wrong;
  // By number: the C library declares pidfd_open without C linkage.
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() < 0) {
    wrong = "the program cannot be watched: " + ErrnoText(errno);
  } else {
    wrong = Collect(reading.get(), process.get(), deadline, out);
  }
  ::kill(-pid, SIGKILL);  // the whole group; a program that has ended keeps its status
  int status = 0;
  pid_t ended = -1;
  do {
    ended = ::waitpid(pid, &status, 0);
  } while (ended < 0 && errno == EINTR);
  if (!wrong.empty()) return ConfigError(wrong);
  if (ended != pid) return ConfigError("the end of the program was not seen: " + ErrnoText(errno));
  if (!WIFEXITED(status)) return ConfigError("the program was ended by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) {
    return ConfigError("the program ended with status " + std::to_string(WEXITSTATUS(status)));
  }
  return out;
}

}  // namespace headgate::config
