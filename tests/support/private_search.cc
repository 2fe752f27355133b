#include "tests/support/private_search.h"

#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/encoding.h"
#include "core/base/signal.h"
#include "core/net/http_client.h"

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

std::string Cached(const std::string& name) {
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/headgate/" + name;
}

std::string Root() {
  if (const char* const named = std::getenv("HEADGATE_TEST_SEARCH"); named != nullptr && *named != '\0') return named;
  return Cached("opensearch");
}

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

// By anything, whether it speaks HTTP or not.
bool IsTaken(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool taken = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return taken;
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

PrivateSearch::PrivateSearch(std::string root, std::vector<std::string> settings, Java java,
                             std::optional<SearchSecurity> security)
    : root_(std::move(root)),
      dir_("headgate-search-"),
      cluster_("headgate-" + std::filesystem::path(dir_.path()).filename().string()),
      security_(std::move(security)),
      settings_(std::move(settings)),
      java_(java) {
  settings_.insert(settings_.end(), {"network.host: 127.0.0.1", "discovery.type: single-node",
                                     "cluster.routing.allocation.disk.threshold_enabled: false"});
}

bool PrivateSearch::IsElasticsearch() const { return std::filesystem::exists(root_ + "/home"); }

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
  const std::string conf = dir_.path() + "/conf";
  std::error_code error;
  fs::copy(root_ + "/home", home, fs::copy_options::recursive | fs::copy_options::create_hard_links, error);
  if (error) fs::copy(root_ + "/home", home, fs::copy_options::recursive | fs::copy_options::overwrite_existing, error);
  if (error) return Transient("cannot copy Elasticsearch: " + error.message());
  for (const char* const made : {"/conf", "/home/logs", "/data"}) fs::create_directories(dir_.path() + made);
  fs::copy(root_ + "/home/config", conf, fs::copy_options::recursive);
  std::vector<std::string> lines = settings_;
  lines.insert(lines.end(), {"path.data: " + dir_.path() + "/data", "cluster.name: " + cluster_,
                             "http.port: " + std::to_string(port_)});
  if (security_) {
    fs::copy(security_->cert_file, conf + "/http.pem");
    fs::copy(security_->key_file, conf + "/http.key");
    lines.insert(lines.end(),
                 {"xpack.security.enabled: true", "xpack.security.http.ssl.enabled: true",
                  "xpack.security.http.ssl.certificate: http.pem", "xpack.security.http.ssl.key: http.key"});
    std::vector<std::string> role = {"tested:"};
    for (const std::string& line : security_->role) role.push_back("  " + line);
    WriteLines(conf + "/roles.yml", role);
  } else {
    lines.push_back("xpack.security.enabled: false");
  }
  WriteLines(conf + "/elasticsearch.yml", lines);
  HG_RETURN_IF_ERROR(GiveToNobody());
  return security_ ? AddUser() : Ok();
}

Status PrivateSearch::GiveToNobody() const {
  const passwd* const nobody = getpwnam("nobody");
  if (geteuid() != 0 || nobody == nullptr) return Ok();
  std::vector<std::filesystem::path> own = {dir_.path() + "/conf", dir_.path() + "/home/logs", dir_.path() + "/data"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path() + "/conf"))
    own.push_back(entry.path());
  for (const std::filesystem::path& path : own) {
    if (chown(path.c_str(), nobody->pw_uid, nobody->pw_gid) != 0)
      return Transient("cannot give " + path.string() + " to nobody");
  }
  return Ok();
}

Status PrivateSearch::AddUser() const {
  ChildOptions command = ElasticsearchCommand({"bash", dir_.path() + "/home/bin/elasticsearch-users", "useradd",
                                               security_->user, "-p", security_->password, "-r", "tested"});
  command.directory = "/";
  command.output_file = dir_.path() + "/users.log";
  HG_ASSIGN_OR_RETURN(const auto tool, Child::Start(command));
  const auto end = tool->Wait(std::chrono::seconds(60));
  if (!end || end->code != 0 || end->signal != 0)
    return Transient("elasticsearch-users did not add the user: " + EndOf(command.output_file));
  return Ok();
}

Result<std::unique_ptr<PrivateSearch>> PrivateSearch::Start(std::vector<std::string> settings, Java java) {
  if (!std::filesystem::exists(Root() + "/.whole"))
    return ConfigError("no search server is installed (" + Root() + "): run ./dev setup opensearch");
  return StartOf(Root(), settings, java, std::nullopt);
}

Result<std::unique_ptr<PrivateSearch>> PrivateSearch::StartSecured(SearchSecurity security) {
  const std::string root = Cached("elasticsearch-8.19");
  if (!std::filesystem::exists(root + "/.whole"))
    return ConfigError("no Elasticsearch with https and sign-in is installed (" + root +
                       "): run ./dev setup elasticsearch-8.19");
  return StartOf(root, {}, Java::kSmall, std::move(security));
}

Result<std::unique_ptr<PrivateSearch>> PrivateSearch::StartOf(const std::string& root,
                                                              const std::vector<std::string>& settings, Java java,
                                                              const std::optional<SearchSecurity>& security) {
  Error last;
  for (int i = 0; i < 5; ++i) {  // a port may be taken by another test meanwhile
    std::unique_ptr<PrivateSearch> server(new PrivateSearch(root, settings, java, security));
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
      if (!IsTaken(port)) port_ = port;
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

ChildOptions PrivateSearch::ElasticsearchCommand(std::vector<std::string> command) const {
  std::string options = "-XX:-AlwaysPreTouch";
  for (const std::string& option : JavaOptions()) options += " " + option;
  return {.command = std::move(command),
          .env = {{"ES_PATH_CONF", dir_.path() + "/conf"},
                  {"ES_JAVA_HOME", JavaHome()},
                  {"ES_JAVA_OPTS", options},
                  {"HOME", dir_.path() + "/data"}},
          .user = geteuid() == 0 ? "nobody" : ""};
}

ChildOptions PrivateSearch::CommandOf() const {
  if (IsElasticsearch()) return ElasticsearchCommand({"bash", dir_.path() + "/home/bin/elasticsearch"});
  const bool own_java = std::filesystem::exists(root_ + "/java");
  std::vector<std::string> command = JavaOptions();
  command.insert(command.begin(), own_java ? root_ + "/java" : "java");
  command.insert(command.end(), {"-cp", root_ + "/lib/*", "org.codelibs.opensearch.runner.OpenSearchRunner",
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
  const std::string type = path.starts_with("/_bulk") ? "application/x-ndjson" : "application/json";
  return security_ ? SecureCall(method, path, body, type)
                   : HttpCall(address(), method, path, body, {{"Content-Type", type}});
}

Result<HttpAnswer> PrivateSearch::SecureCall(const std::string& method, const std::string& path,
                                             const std::string& body, const std::string& content_type) const {
  net::EndpointOptions endpoint;
  HG_ASSIGN_OR_RETURN(endpoint.url, net::ParseUrl(url()));
  endpoint.tls.ca_file = security_->ca_file;
  endpoint.body_bytes_max = endpoint.body_bytes_kept = 64 << 20;
  HG_ASSIGN_OR_RETURN(const auto client, net::HttpClient::Open(std::move(endpoint)));
  std::optional<net::Outcome> outcome;
  client->Send(method + " " + path + " HTTP/1.1\r\nHost: " + address() + "\r\nAuthorization: Basic " +
                   Base64(security_->user + ":" + security_->password) + "\r\nContent-Type: " + content_type +
                   "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
               [&outcome](net::Outcome&& result) { outcome = std::move(result); });
  for (const auto end = SteadyClock::now() + std::chrono::seconds(30); !outcome && SteadyClock::now() < end;)
    client->Run(end);
  if (!outcome) return Transient(method + " " + path + ": no answer within 30 s");
  if (const auto* const failure = std::get_if<net::Failure>(&*outcome)) return Transient(failure->text);
  auto& response = std::get<net::Response>(*outcome);
  return HttpAnswer{response.status, {}, std::move(response.body)};
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
