#include "tests/support/private_registry.h"

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;

std::string RegistryRoot() {
  const char* const named = std::getenv("HEADGATE_TEST_REGISTRY");
  if (named != nullptr && *named != '\0') return named;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/headgate/registry";
}

// Its name has the version.
std::string RunnerOf(const std::string& root) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/home", none)) {
    if (entry.path().string().ends_with("-runner.jar")) return entry.path().string();
  }
  return {};
}

std::string LastOutput(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

}  // namespace

Result<std::unique_ptr<PrivateRegistry>> PrivateRegistry::Start() {
  if (!std::filesystem::exists(RegistryRoot() + "/.whole"))
    return ConfigError("no schema registry is installed (" + RegistryRoot() + "): run ./dev setup registry");
  Error last;
  for (int i = 0; i < 3; ++i) {  // a port may be taken by another test meanwhile
    std::unique_ptr<PrivateRegistry> server(new PrivateRegistry());
    server->port_ = FreePort();
    const Status started = server->StartAgain();
    if (started.ok()) return server;
    last = started.error();
  }
  return last;
}

Status PrivateRegistry::StartAgain() {
  const std::string runner = RunnerOf(RegistryRoot());
  if (runner.empty()) return ConfigError("there is no registry in " + RegistryRoot() + ": run ./dev setup registry");
  const std::string log = dir_.path() + "/server.log";
  const std::vector<std::string> command = {"java",
                                            "-Xmx256m",
                                            "-XX:+UseSerialGC",
                                            "-XX:TieredStopAtLevel=1",
                                            "-Djava.io.tmpdir=" + dir_.path(),
                                            "-Dquarkus.http.host=127.0.0.1",
                                            "-Dquarkus.http.port=" + std::to_string(port_),
                                            "-Dquarkus.log.level=WARN",
                                            "-jar",
                                            runner};
  HG_ASSIGN_OR_RETURN(server_, Child::Start({.command = command, .directory = dir_.path(), .output_file = log}));
  const Status up = Await();
  return up.ok() ? Ok() : Status(Transient(up.error().what + ": " + LastOutput(log)));
}

// A process that finds its port taken ends: whoever answers while ours lives is ours.
Status PrivateRegistry::Await() {
  bool ended = false;
  const bool answers = WaitFor(
      [&] {
        const auto subjects = Json("GET", "/subjects");
        ended = !server_->running();
        return ended || subjects.ok();
      },
      std::chrono::seconds(60));
  if (answers && !ended) return Ok();
  return Transient(std::string("the schema registry ") + (ended ? "ended" : "did not start within 60 s"));
}

Result<HttpAnswer> PrivateRegistry::Call(const std::string& method, const std::string& path,
                                         const std::string& body) const {
  return HttpCall("127.0.0.1:" + std::to_string(port_), method, kBase + path, body,
                  {{"Content-Type", "application/vnd.schemaregistry.v1+json"}});
}

Result<nlohmann::json> PrivateRegistry::Json(const std::string& method, const std::string& path,
                                             const std::string& body) const {
  HG_ASSIGN_OR_RETURN(const HttpAnswer answer, Call(method, path, body));
  nlohmann::json json = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status / 100 != 2 || json.is_discarded())
    return Transient(method + " " + path + " got " + std::to_string(answer.status) + ": " + answer.body);
  return json;
}

void PrivateRegistry::KillHard() {
  if (server_) server_->Kill();
  server_.reset();
}

Status PrivateRegistry::Freeze() const { return Signal(SIGSTOP); }

Status PrivateRegistry::Thaw() const { return Signal(SIGCONT); }

Status PrivateRegistry::Signal(int signal) const {
  if (!server_) return Transient("the schema registry does not run");
  server_->Signal(signal);
  return Ok();
}

}  // namespace headgate::test
