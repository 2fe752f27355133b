#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/http_call.h"

namespace headgate::test {

class ApiContract;

using ConnectorSettings = std::map<std::string, std::string>;

struct HeadgateOptions {
  std::string binary = {};                                   // "": HEADGATE_BIN, else the one this build made
  std::map<std::string, ConnectorSettings> connectors = {};  // by name, as in the config file
  std::string extra_yaml = {};                               // put at the top level of the file
  std::map<std::string, std::string> env = {};
  std::string failpoints = {};  // HEADGATE_FAILPOINTS, such as "log.before_sync=kill:3"
  std::string data_dir = {};    // "": in the object's own directory, kept over restarts
};

// The real program on a config file of its own, API on a free port. What it writes to stderr is kept. Lives on the
// thread that starts it, which must live as long.
class HeadgateProcess {
 public:
  using Duration = std::chrono::milliseconds;

  // Writes the config; starts nothing.
  explicit HeadgateProcess(HeadgateOptions options);
  ~HeadgateProcess();
  HeadgateProcess(const HeadgateProcess&) = delete;
  HeadgateProcess& operator=(const HeadgateProcess&) = delete;

  // Until the API answers, at most `limit`. The error holds the end of stderr.
  Status Start(Duration limit = Duration(30'000));
  // Same options but for these.
  void set_failpoints(const std::string& failpoints) { options_.failpoints = failpoints; }
  void set_connectors(std::map<std::string, ConnectorSettings> connectors);  // rewrites the config file

  const std::string& address() const { return address_; }  // HOST:PORT of the API, known after Start
  const std::string& config_file() const { return config_file_; }
  const std::string& data_dir() const { return data_dir_; }
  pid_t pid() const { return child_ ? child_->pid() : -1; }
  bool running() { return child_ != nullptr && child_->running(); }

  // A field of /proc/PID/status in MiB: VmRSS, VmHWM, RssAnon (without files that are mapped). -1: there is none.
  long MemoryMiB(std::string_view field) const;

  // One request; an answer that /openapi.json does not have is an error (AP28).
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string& body = {},
                          const std::map<std::string, std::string>& headers = {}) const;

  struct Ended {
    ChildExit exit;
    Duration took;
  };
  // SIGTERM, then waits; nothing if it still runs after the limit (then it is killed).
  std::optional<Ended> Terminate(Duration limit = Duration(10'000));
  void KillHard();
  // Waits for it to end by itself, as at a failpoint.
  std::optional<ChildExit> WaitEnd(Duration limit);
  // Waits until a line of stderr has this text (also one from before the call, since the last Start).
  bool WaitForLine(const std::string& text, Duration limit);
  std::string Stderr() const;  // since the last Start

 private:
  void WriteConfig();
  void ReadStderr(int fd);
  void Reap();
  std::shared_ptr<const ApiContract> Contract() const;

  HeadgateOptions options_;
  TempDir dir_;
  std::string config_file_;
  std::string data_dir_;
  std::string address_;
  std::unique_ptr<Child> child_;
  std::thread reader_;

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::string stderr_;                                   // guarded by mutex_
  bool ended_ = false;                                   // guarded by mutex_: stderr was closed
  mutable std::shared_ptr<const ApiContract> contract_;  // guarded by mutex_
};

}  // namespace headgate::test
