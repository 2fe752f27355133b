#include "sinks/search/server.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/net/response_parser.h"
#include "sinks/search/bulk.h"

namespace headgate::search {
namespace {

using ServerJson = nlohmann::json;

void ReadVersion(Server& server) {
  const char* const end = server.version.data() + server.version.size();
  const auto major = std::from_chars(server.version.data(), end, server.major);
  if (major.ec == std::errc() && major.ptr != end) std::from_chars(major.ptr + 1, end, server.minor);
}

}  // namespace

std::string Server::Text() const {
  const std::string name = product == Product::kOpenSearch ? "OpenSearch" : "Elasticsearch";
  return version.empty() ? name : name + " " + version;
}

Result<Server> ReadServer(const Answer& answer) {
  const std::string code = "HTTP " + std::to_string(answer.status);
  if (answer.status == 401)
    return ConfigError("the search server refuses the account: " + code +
                       ". Check auth, and auth_username with auth_password or auth_token");
  if (answer.status == 403)
    return ConfigError("the search server refuses the account: " + code + ". Give it the right to ask for GET /");
  if (answer.status == 429 || answer.status >= 500)
    return Transient("the search server does not say what it is: " + code + ": " + ReasonOf(answer.body));
  Server server;
  // An Elasticsearch whose module for GET / is missing still names its product.
  if (answer.status == 405 && net::FindHeader(answer.header_lines, "x-elastic-product")) {
    server.product = Product::kElasticsearch;
    return server;
  }
  const ServerJson said = ServerJson::parse(answer.body, nullptr, false);
  const ServerJson version = said.is_object() ? said.value("version", ServerJson()) : ServerJson();
  if (answer.status != 200 || !version.is_object() || !version.contains("number") || !version["number"].is_string())
    return ConfigError("what answers at url is no search server: " + code +
                       " to GET /. Set url to an OpenSearch or an "
                       "Elasticsearch");
  server.version = version["number"].get<std::string>();
  const bool open = version.contains("distribution") && version["distribution"] == "opensearch";
  server.product = open ? Product::kOpenSearch : Product::kElasticsearch;
  ReadVersion(server);
  return server;
}

std::optional<Finding> UntriedVersion(const Server& server) {
  if (server.major == 0) return std::nullopt;
  const bool tried = server.product == Product::kOpenSearch
                         ? server.major == 2 || server.major == 3
                         : server.major == 8 || (server.major == 7 && server.minor >= 10);
  if (tried) return std::nullopt;
  return Finding{"server",
                 Finding::Level::kWarning,
                 server.Text() +
                     " is none of the versions that this sink is made for: OpenSearch 2 and 3, Elasticsearch "
                     "7.10 to 8",
                 "",
                 "",
                 "url"};
}

}  // namespace headgate::search
