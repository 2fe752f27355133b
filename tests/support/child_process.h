#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

// Child processes and temporary directories of tests and tools. Nothing started here outlives the program: every child
// dies with its parent (PR_SET_PDEATHSIG), every directory goes with its object.
namespace headgate::test {

// A fresh directory, removed with its contents at the end.
class TempDir {
 public:
  // `prefix` begins the name. Its mode is 0755, so that a server run as another user can reach what is inside.
  explicit TempDir(const std::string& prefix);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ChildOptions {
  std::vector<std::string> command;             // argv; command[0] is looked up in PATH
  std::map<std::string, std::string> env = {};  // added to ours; a value of "" removes the name
  std::string directory = {};                   // working directory, "": ours
  std::string user = {};                        // run as this user (only as root)
  std::string output_file = {};                 // stdout and stderr are appended here; "": ours
  int stderr_fd = -1;                           // if >= 0, stderr goes here instead
  int death_signal = 9;                         // what the child gets when the thread that started it ends
};

struct ChildExit {
  int code = 0;              // exit code, if signal is 0
  int signal = 0;            // the signal that ended it
  std::string Text() const;  // "exit code 3", "signal 9"
};

// One child, the leader of its own process group. Lives on one thread; it must be started by a thread that lives as
// long.
class Child {
 public:
  using Duration = std::chrono::milliseconds;

  static Result<std::unique_ptr<Child>> Start(const ChildOptions& options);
  ~Child();  // SIGKILL for the whole group, if it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool running() { return !Wait(Duration(0)).has_value(); }
  void Signal(int signal) const;       // to the process
  void SignalGroup(int signal) const;  // to it and what it started
  // Nothing if it still runs after the time.
  std::optional<ChildExit> Wait(Duration limit);
  ChildExit Kill();  // SIGKILL for the group, and reap

 private:
  Child(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

  pid_t pid_;
  int pidfd_;
  std::optional<ChildExit> exit_;
};

// Waits for any process (not only a child) to be gone. False if it is still there after the time.
bool WaitGone(pid_t pid, std::chrono::milliseconds limit);

// A TCP port of 127.0.0.1 that was free a moment ago, from below the range that the kernel gives to outgoing
// connections.
int FreePort();

// True if `path` names a regular file that we may execute.
bool IsExecutable(const std::string& path);

}  // namespace headgate::test
