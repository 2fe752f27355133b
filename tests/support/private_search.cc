#include "tests/support/private_search.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/signal.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// Of OpenSearch 3: the wire, scaled_float and its kin, reindex, geo_shape.
constexpr const char* kModules =
    "org.opensearch.transport.Netty4ModulePlugin,org.opensearch.index.mapper.MapperExtrasModulePlugin,"
    "org.opensearch.index.reindex.ReindexModulePlugin,org.opensearch.geo.GeoModulePlugin";

// The ports that the runner takes. It steps aside in silence when one is taken, so the cluster's name is asked for.
constexpr int kFirstPort = 9201;
constexpr int kPorts = 99;

std::string Root() {
  if (const char* const named = std::getenv("HEADGATE_TEST_SEARCH"); named != nullptr && *named != '\0') return named;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/headgate/opensearch";
}

bool IsElasticsearch() { return std::filesystem::exists(Root() + "/home"); }

// Of the Java in PATH.
std::string JavaHome() {
  const char* const path = std::getenv("PATH");
  std::stringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code error;
    const auto java = std::filesystem::canonical(folder + "/java", error);
    if (!error) return java.parent_path().parent_path().string();
  }
  return {};
}

void WriteLines(const std::string& file, const std::vector<std::string>& lines) {
  std::ofstream out(file);
  for (const std::string& line : lines) out << line << '\n';
}

std::string EndOf(const std::string& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

}  // namespace

PrivateSearch::PrivateSearch(std::vector<std::string> settings, Java java)
    : dir_("headgate-search-"),
      cluster_("headgate-" + std::filesystem::path(dir_.path()).filename().string()),
      settings_(std::move(settings)),
      java_(java) {
  settings_.insert(settings_.end(), {"network.host: 127.0.0.1", "discovery.type: single-node",
                                     "cluster.routing.allocation.disk.threshold_enabled: false"});
}

void PrivateSearch::WriteOpenSearchSettings() const {
  std::filesystem::create_directories(dir_.path() + "/conf");
  WriteLines(dir_.path() + "/conf/opensearch.yml", settings_);
  WriteLines(dir_.path() + "/conf/log4j2.properties",
             {"status = error", "appender.console.type = Console", "appender.console.name = console",
              "appender.console.layout.type = PatternLayout",
              "appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n", "rootLogger.level = warn",
              "rootLogger.appenderRef.console.ref = console"});
}

// It does not run as root, and whom it runs as may not look into the cache: linked files do not care.
Status PrivateSearch::CopyElasticsearch() const {
  namespace fs = std::filesystem;
  const std::string home = dir_.path() + "/home";
  std::error_code error;
  fs::copy(Root() + "/home", home, fs::copy_options::recursive | fs::copy_options::create_hard_links, error);
  if (error)
    fs::copy(Root() + "/home", home, fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
  if (error) return Transient("cannot copy Elasticsearch: " + error.message());
  for (const char* const made : {"/conf", "/home/logs", "/data"}) fs::create_directories(dir_.path() + made);
  fs::copy(Root() + "/home/config", dir_.path() + "/conf", fs::copy_options::recursive);
  std::vector<std::string> lines = settings_;
  lines.insert(lines.end(), {"path.data: " + dir_.path() + "/data", "xpack.security.enabled: false",
                             "cluster.name: " + cluster_, "http.port: " + std::to_string(port_)});
  WriteLines(dir_.path() + "/conf/elasticsearch.yml", lines);
  const passwd* const nobody = getpwnam("nobody");
  if (geteuid() != 0 || nobody == nullptr) return Ok();
  std::vector<fs::path> own = {dir_.path() + "/conf", dir_.path() + "/home/logs", dir_.path() + "/data"};
  for (const auto& entry : fs::recursive_directory_iterator(dir_.path() + "/conf")) own.push_back(entry.path());
  for (const fs::path& path : own) {
    if (chown(path.c_str(), nobody->pw_uid, nobody->pw_gid) != 0)
      return Transient("cannot give " + path.string() + " to nobody");
  }
  return Ok();
}

Result<std::unique_ptr<PrivateSearch>> PrivateSearch::Start(std::vector<std::string> settings, Java java) {
  if (!std::filesystem::exists(Root() + "/.whole"))
    return ConfigError("no search server is installed (" + Root() + "): run ./dev setup opensearch");
  Error last;
  for (int i = 0; i < 5; ++i) {  // a port may be taken by another test meanwhile
    std::unique_ptr<PrivateSearch> server(new PrivateSearch(settings, java));
    const Status started = server->StartAgain();
    if (started.ok()) return server;
    last = started.error();
  }
  return last;
}

PrivateSearch::~PrivateSearch() { KillHard(); }

void PrivateSearch::KillHard() {
  if (server_) server_->Kill();
  server_.reset();
}

Status PrivateSearch::StartAgain() {
  const std::string log = dir_.path() + "/server.log";
  if (port_ == 0) {
    const int start = FreePort() % kPorts;
    for (int i = 0; i < kPorts && port_ == 0; ++i) {
      const int port = kFirstPort + (start + i) % kPorts;
      if (!HttpCall("127.0.0.1:" + std::to_string(port), "GET", "/").ok()) port_ = port;
    }
    if (port_ == 0) return Transient("no port from " + std::to_string(kFirstPort) + " on is free");
  }
  if (IsElasticsearch() && !std::filesystem::exists(dir_.path() + "/home")) HG_RETURN_IF_ERROR(CopyElasticsearch());
  if (!IsElasticsearch()) WriteOpenSearchSettings();
  ChildOptions command = CommandOf();
  command.directory = "/";
  command.output_file = log;
  HG_ASSIGN_OR_RETURN(server_, Child::Start(command));
  Status up = Await();
  if (!up.ok()) return Transient(up.error().what + ": " + EndOf(log));
  return Ok();
}

std::vector<std::string> PrivateSearch::JavaOptions() const {
  if (java_ == Java::kFast) return {"-Xms1g", "-Xmx1g"};
  return {"-Xms256m", "-Xmx256m", "-XX:-UseG1GC", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"};
}

ChildOptions PrivateSearch::CommandOf() const {
  if (IsElasticsearch()) {
    std::string options = "-XX:-AlwaysPreTouch";
    for (const std::string& option : JavaOptions()) options += " " + option;
    return {.command = {"bash", dir_.path() + "/home/bin/elasticsearch"},
            .env = {{"ES_PATH_CONF", dir_.path() + "/conf"},
                    {"ES_JAVA_HOME", JavaHome()},
                    {"ES_JAVA_OPTS", options},
                    {"HOME", dir_.path() + "/data"}},
            .user = geteuid() == 0 ? "nobody" : ""};
  }
  const bool own_java = std::filesystem::exists(Root() + "/java");
  std::vector<std::string> command = JavaOptions();
  command.insert(command.begin(), own_java ? Root() + "/java" : "java");
  command.insert(command.end(), {"-cp", Root() + "/lib/*", "org.codelibs.opensearch.runner.OpenSearchRunner",
                                 "-basePath", dir_.path() + "/data", "-confPath", dir_.path() + "/conf", "-numOfNode",
                                 "1", "-baseHttpPort", std::to_string(port_ - 1), "-clusterName", cluster_});
  // Without the analysers, which a Java of few modules cannot load.
  if (own_java) command.insert(command.end(), {"-moduleTypes", kModules});
  return {.command = std::move(command)};
}

Status PrivateSearch::Await() {
  Signal never;
  for (const auto end = SteadyClock::now() + std::chrono::seconds(60); SteadyClock::now() < end;) {
    if (server_->Wait(milliseconds(0))) return Transient("the search server ended");
    const auto health = Json("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s");
    if (health.ok()) {
      if ((*health)["cluster_name"] == cluster_) return Ok();
      return Transient("port " + std::to_string(port_) + " is another server's");
    }
    never.WaitUntil(SteadyClock::now() + milliseconds(100), {});
  }
  return Transient("the search server did not start on port " + std::to_string(port_) + " within 60 s");
}

Result<HttpAnswer> PrivateSearch::Call(const std::string& method, const std::string& path,
                                       const std::string& body) const {
  const bool lines = path.starts_with("/_bulk");
  return HttpCall("127.0.0.1:" + std::to_string(port_), method, path, body,
                  lines ? std::map<std::string, std::string>{{"Content-Type", "application/x-ndjson"}}
                        : std::map<std::string, std::string>{});
}

Result<nlohmann::json> PrivateSearch::Json(const std::string& method, const std::string& path,
                                           const std::string& body) const {
  HG_ASSIGN_OR_RETURN(const HttpAnswer answer, Call(method, path, body));
  nlohmann::json json = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status / 100 != 2 || json.is_discarded())
    return Transient(method + " " + path + " got " + std::to_string(answer.status) + ": " + answer.body);
  return json;
}

}  // namespace headgate::test
