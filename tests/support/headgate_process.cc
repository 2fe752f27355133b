#include "tests/support/headgate_process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "tests/support/api_contract.h"

namespace headgate::test {
namespace {

// A YAML double-quoted scalar.
std::string YamlQuoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
  }
  return out + "\"";
}

std::string Binary(const HeadgateOptions& options) {
  if (!options.binary.empty()) return options.binary;
  const char* from_env = std::getenv("HEADGATE_BIN");
  return from_env != nullptr && *from_env != '\0' ? from_env : HG_HEADGATE_BINARY;
}

// The address in a line such as `... info api: api listening address=127.0.0.1:8083`, text or JSON. "" if it is not
// there.
std::string ListeningAddress(const std::string& text) {
  const std::size_t message = text.find("api listening");
  if (message == std::string::npos) return {};
  const std::size_t end = text.find('\n', message);
  if (end == std::string::npos) return {};
  const std::string line = text.substr(text.rfind('\n', message) + 1, end - text.rfind('\n', message) - 1);
  const std::size_t field = line.find("address");
  if (field == std::string::npos) return {};
  const std::size_t begin = line.find_first_of("0123456789[", field);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_first_of("\" ,}\r", begin) - begin);
}

std::string Tail(const std::string& text) { return text.size() > 3000 ? text.substr(text.size() - 3000) : text; }

}  // namespace

HeadgateProcess::HeadgateProcess(HeadgateOptions options)
    : options_(std::move(options)),
      dir_("headgate-run-"),
      config_file_(dir_.path() + "/headgate.yaml"),
      data_dir_(options_.data_dir.empty() ? dir_.path() + "/data" : options_.data_dir) {
  WriteConfig();
}

HeadgateProcess::~HeadgateProcess() { KillHard(); }

void HeadgateProcess::set_connectors(std::map<std::string, ConnectorSettings> connectors) {
  options_.connectors = std::move(connectors);
  WriteConfig();
}

void HeadgateProcess::WriteConfig() {
  std::ofstream out(config_file_);
  out << "data_dir: " << YamlQuoted(data_dir_) << "\napi:\n  listen: 127.0.0.1:0\n" << options_.extra_yaml;
  if (!options_.connectors.empty()) out << "connectors:\n";
  for (const auto& [name, settings] : options_.connectors) {
    out << "  " << name << ":\n";
    for (const auto& [key, value] : settings) out << "    " << key << ": " << YamlQuoted(value) << "\n";
  }
}

void HeadgateProcess::ReadStderr(int fd) {
  char buffer[16384];
  while (true) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    std::lock_guard lock(mutex_);
    if (n > 0) stderr_.append(buffer, static_cast<std::size_t>(n));
    ended_ = n <= 0;
    news_.notify_all();
    if (ended_) break;
  }
  close(fd);
}

Status HeadgateProcess::Start(Duration limit) {
  KillHard();
  {
    std::lock_guard lock(mutex_);
    stderr_.clear();
    ended_ = false;
  }
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return Transient("cannot make a pipe");
  std::map<std::string, std::string> env = options_.env;
  env["HEADGATE_FAILPOINTS"] = options_.failpoints;
  auto child = Child::Start({.command = {Binary(options_), "run", "--config", config_file_},
                             .env = env,
                             .output_file = dir_.path() + "/stdout.log",
                             .stderr_fd = fds[1]});
  close(fds[1]);
  if (!child.ok()) {
    close(fds[0]);
    return child.error();
  }
  child_ = std::move(child).value();
  reader_ = std::thread([this, fd = fds[0]] { ReadStderr(fd); });

  std::unique_lock lock(mutex_);
  news_.wait_for(lock, limit, [&] { return ended_ || !ListeningAddress(stderr_).empty(); });
  address_ = ListeningAddress(stderr_);
  if (!address_.empty()) return Ok();
  const std::string text = Tail(stderr_);
  const bool ended = ended_;
  lock.unlock();
  std::string how = "still runs without a listening API";
  if (ended) {
    const auto exit = child_->Wait(Duration(5'000));
    how = exit ? "ended with " + exit->Text() : how;
  }
  KillHard();
  return Transient(Binary(options_) + " run " + how + "; stderr: " + text);
}

std::optional<HeadgateProcess::Ended> HeadgateProcess::Terminate(Duration limit) {
  if (!child_) return std::nullopt;
  const auto begin = std::chrono::steady_clock::now();
  child_->Signal(SIGTERM);
  const auto exit = child_->Wait(limit);
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
  Reap();
  if (!exit) return std::nullopt;
  return Ended{*exit, took};
}

void HeadgateProcess::KillHard() {
  if (child_) Reap();
}

// Read once: no process of a test has another document than the one before it.
std::shared_ptr<const ApiContract> HeadgateProcess::Contract() const {
  {
    std::lock_guard lock(mutex_);
    if (contract_ != nullptr) return contract_;
  }
  const auto document = HttpCall(address_, "GET", "/openapi.json");
  if (!document.ok() || document->status != 200) return nullptr;  // it ends, as the call itself will tell
  auto contract = std::make_shared<const ApiContract>(document->body);
  std::lock_guard lock(mutex_);
  return contract_ = std::move(contract);
}

long HeadgateProcess::MemoryMiB(std::string_view field) const {
  std::ifstream in("/proc/" + std::to_string(pid()) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::stol(line.substr(line.find_first_of("0123456789"))) / 1024;
  }
  return -1;
}

Result<HttpAnswer> HeadgateProcess::Call(const std::string& method, const std::string& path, const std::string& body,
                                         const std::map<std::string, std::string>& headers) const {
  auto answer = HttpCall(address_, method, path, body, headers);
  const auto contract = answer.ok() ? Contract() : nullptr;
  if (contract == nullptr) return answer;
  const auto type = answer->headers.find("content-type");
  std::string problem =
      contract->Problem(method, path, answer->status, type == answer->headers.end() ? "" : type->second, answer->body);
  if (!problem.empty()) return Corrupt(problem);
  const std::string unknown = path.starts_with("/api/v1/") ? contract->UnknownParameter(method, path) : "";
  if (!unknown.empty()) return Corrupt(method + " " + path + ": the document has no parameter " + unknown);
  return answer;
}

// Ends it, if it still runs, and then the thread that reads its stderr.
void HeadgateProcess::Reap() {
  child_->Kill();
  child_.reset();
  if (reader_.joinable()) reader_.join();
}

std::optional<ChildExit> HeadgateProcess::WaitEnd(Duration limit) {
  if (!child_) return std::nullopt;
  const auto exit = child_->Wait(limit);
  if (exit) Reap();
  return exit;
}

bool HeadgateProcess::WaitForLine(const std::string& text, Duration limit) {
  std::unique_lock lock(mutex_);
  const auto seen = [&] { return stderr_.find(text) != std::string::npos; };
  news_.wait_for(lock, limit, [&] { return ended_ || seen(); });
  return seen();
}

std::string HeadgateProcess::Stderr() const {
  std::lock_guard lock(mutex_);
  return stderr_;
}

}  // namespace headgate::test
