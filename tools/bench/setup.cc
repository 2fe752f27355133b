#include "tools/bench/setup.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tools/bench/measure.h"

namespace headgate::bench {
namespace {

constexpr const char* kFilledTable =
    "CREATE TABLE public.orders (id bigint PRIMARY KEY, customer int NOT NULL, total numeric(10,2) NOT NULL, "
    "note text NOT NULL, paid boolean NOT NULL, placed_at timestamptz NOT NULL DEFAULT now())";

}  // namespace

Setup::Setup(bool fsync) {
  test::PostgresOptions options;
  options.fsync = fsync;
  options.settings = {"shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off"};
  server = Must(test::PrivatePostgres::Start(options));
  Must(server->Exec("postgres", std::string("CREATE DATABASE ") + kDatabase));
  Must(server->Exec(kDatabase, kFilledTable));
}

test::ConnectorSettings Setup::Source() const {
  return {{"connector.class", "postgres"},
          {"host", server->host()},
          {"port", std::to_string(server->port())},
          {"dbname", kDatabase},
          {"username", "postgres"},
          {"tables", "public.*"},
          {"snapshot", "never"}};
}

void AwaitStreaming(const test::HeadgateProcess& headgate) {
  const auto runs = [&] {
    const auto answer = headgate.Call("GET", "/connectors/shop/status");
    return answer.ok() && answer->body.find("\"connector\":{\"state\":\"RUNNING\"") != std::string::npos;
  };
  if (!WaitUntil(runs, 20)) Must(Transient("the source does not stream"));
}

std::uint64_t RecordsOf(const test::HeadgateProcess& headgate, const std::string& stream) {
  const auto answer = headgate.Call("GET", "/api/v1/streams/" + stream);
  if (!answer.ok() || answer->status != 200) return 0;
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  if (!json.contains("records")) return 0;
  return json["records"].is_string() ? std::stoull(json["records"].get<std::string>())
                                     : json["records"].get<std::uint64_t>();
}

double DeliveredBy(const test::HeadgateProcess& headgate, const std::string& sink) {
  const auto metrics = headgate.Call("GET", "/metrics");
  if (!metrics.ok()) return 0;
  const std::string name = "headgate_sink_records_total{connector=\"" + sink + "\",result=\"delivered\"} ";
  const auto at = metrics->body.find(name);
  return at == std::string::npos ? 0 : std::stod(metrics->body.substr(at + name.size()));
}

}  // namespace headgate::bench
