#include "tools/bench/live_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>

#include "tools/bench/http_clients.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

constexpr int kSensors = 1000;
constexpr int kPerRequest = 100;
constexpr double kChangeSeconds = 0.1;
constexpr const char* kStatements =
    "CREATE SOURCE readings (n bigint NOT NULL, sensor_id int NOT NULL, temperature float8 NOT NULL) "
    "WITH (connector.class = 'http'); "
    "CREATE MATERIALIZED VIEW judged AS SELECT r.n, r.sensor_id, r.temperature < s.desired AS heat, s.version "
    "FROM readings r JOIN shop.public.settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id; "
    "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, count(distinct version) AS versions FROM judged";

std::string Readings(long first) {
  std::string body = "[";
  for (long n = first; n < first + kPerRequest; ++n) {
    body += (n == first ? "" : ",") + std::string("{\"n\":") + std::to_string(n) +
            ",\"sensor_id\":" + std::to_string(n * 7 % kSensors) + ",\"temperature\":" + std::to_string(n % 40) + ".5}";
  }
  return body + "]";
}

nlohmann::json Called(const test::HeadgateProcess& headgate, const char* method, const char* path,
                      const nlohmann::json& body = nullptr) {
  const auto answer = headgate.Call(method, path, body.is_null() ? "" : body.dump());
  if (!answer.ok() || answer->status != 200) return nullptr;
  return nlohmann::json::parse(answer->body);
}

// One setting after the other, until it is told to stop; how many.
long ChangeSettings(const test::PrivatePostgres& server, const std::stop_token& stop) {
  auto client = Must(server.Connect(kDatabase));
  long changes = 0;
  for (double due = Seconds(); !stop.stop_requested(); due += kChangeSeconds) {
    PauseUntil(due);
    ++changes;
    Must(client.Exec("UPDATE public.settings SET desired = desired + 1, version = " + std::to_string(changes) +
                     " WHERE sensor_id = " + std::to_string(changes * 13 % kSensors)));
  }
  return changes;
}

// The longest time without another row in the view, until it has `rows` of them; ends the process if they do not come.
double LongestPause(const test::HeadgateProcess& headgate, long rows, double limit_seconds) {
  long seen = 0;
  double longest = 0;
  double moved = 0;
  for (const double end = Seconds() + limit_seconds; seen < rows;) {
    const auto view = Called(headgate, "GET", "/api/v1/views/judged");
    const double now = Seconds();
    if (now > end) Must(Transient(std::to_string(rows - seen) + " readings are not in the view"));
    const long has = view.is_null() ? seen : view["rows"].get<long>();
    if (has == seen) {
      Pause(2);
      continue;
    }
    if (seen > 0) longest = std::max(longest, now - moved);
    moved = now;
    seen = has;
  }
  return longest;
}

}  // namespace

void LiveSettings(int per_second, int seconds) {
  Setup setup(true);
  Must(setup.server->Exec(
      kDatabase,
      "CREATE TABLE public.settings (sensor_id int PRIMARY KEY, desired float8 NOT NULL, version bigint "
      "NOT NULL); INSERT INTO public.settings SELECT i, 20, 0 FROM generate_series(0, 999) i"));
  test::HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  options.connectors["shop"]["snapshot"] = "initial";
  test::HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  const auto made = [&] { return !Called(headgate, "POST", "/api/v1/sql", {{"statements", kStatements}}).is_null(); };
  const auto runs = [&] { return Called(headgate, "GET", "/api/v1/views/counted").value("state", "") == "running"; };
  if (!WaitUntil(made, 20, 100) || !WaitUntil(runs, 20, 20)) Must(Transient("the views do not begin"));
  AwaitReadings(headgate);

  const long requests = static_cast<long>(per_second) / kPerRequest * seconds;
  long changes = 0;
  double pause = 0;
  std::jthread changer([&](const std::stop_token& stop) { changes = ChangeSettings(*setup.server, stop); });
  std::jthread watcher([&] { pause = LongestPause(headgate, requests * kPerRequest, seconds + 30.0); });
  Clients clients(headgate.address(), 16);
  std::size_t free = 0;
  const double cpu = CpuSeconds(headgate.pid());
  const double start = Seconds();
  long answers = 0;
  const auto answered = [&](std::size_t, double) { ++answers; };
  for (long i = 0; i < requests; ++i) {
    const double due = start + static_cast<double>(i * kPerRequest) / per_second;
    while (Seconds() < due) clients.Poll(due - Seconds(), answered);
    while (clients.busy(free)) {
      free = (free + 1) % clients.size();
      if (clients.busy(free)) clients.Poll(0.001, answered);
    }
    clients.Send(free, EventsRequest(Readings(i * kPerRequest)), due);
  }
  while (answers < requests) clients.Poll(0.1, answered);
  const double took = Seconds() - start;
  watcher.join();
  const double used = CpuSeconds(headgate.pid()) - cpu;
  changer.request_stop();
  changer.join();
  const auto counted = Called(headgate, "POST", "/api/v1/query", {{"sql", "SELECT n, versions FROM counted"}});
  const auto number = [&](int column) { return std::atof(counted["rows"][0][column].dump().c_str()); };
  Line("readings judged by settings that change each 100 ms", static_cast<double>(requests * kPerRequest) / took,
       "readings/s", "");
  Line("  longest time in which the view stood still", pause * 1000, "ms", "(budget: at most 100)");
  Line("  readings sent that are not in the view", static_cast<double>(requests * kPerRequest) - number(0), "",
       "(budget: 0)");
  Line("  settings changed", static_cast<double>(changes), "", "");
  Line("  of which readings were judged by", number(1), "", "");
  Line("  CPU a reading", used / static_cast<double>(requests * kPerRequest) * 1e6, "us", "");
  PeakMemoryLine(headgate.pid(), kViewsMemory);
}

}  // namespace headgate::bench
