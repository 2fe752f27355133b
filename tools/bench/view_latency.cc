#include "tools/bench/view_latency.h"

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/event_stream.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

constexpr std::size_t kViewsMemory = 64 << 20;  // what the program takes if nothing is set
// The orders of a customer are a second apart (see below), so each of them is a change of its own.
constexpr int kCustomers = 1000;
constexpr const char* kView =
    R"({"statements":"CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n, sum(total) AS total, )"
    R"(max(id) AS newest FROM shop.public.orders GROUP BY customer"})";

bool Runs(const test::HeadgateProcess& headgate) {
  const auto answer = headgate.Call("GET", "/api/v1/views/per_customer");
  return answer.ok() && answer->body.find("\"state\":\"running\"") != std::string::npos;
}

long NewestOf(const nlohmann::json& data) {
  const auto& newest = data["new"]["newest"];
  return newest.is_string() ? std::stol(newest.get<std::string>()) : newest.get<long>();
}

// When each order was seen in the view, by the order's id; ends behind the last.
void Follow(const std::string& address, std::vector<double>& seen, const std::stop_token& stop) {
  test::EventStream tail(address, "/api/v1/views/per_customer/tail?mode=all");
  while (!stop.stop_requested() && seen.back() == 0) {
    const auto event = tail.Next(std::chrono::milliseconds(200));
    if (!event || (event->event != "insert" && event->event != "update")) continue;
    const double now = Seconds();
    seen[static_cast<std::size_t>(NewestOf(nlohmann::json::parse(event->data)))] = now;
  }
}

}  // namespace

void ViewLatency(int per_second, int seconds) {
  Setup setup(true);
  test::HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  test::HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  auto client = Must(setup.server->Connect(kDatabase));
  // The stream is there with its first row, and the view behind it.
  Must(client.Exec("INSERT INTO public.orders VALUES (0, 0, 10.50, 'the first', true)"));
  const auto created = [&] {
    const auto answer = headgate.Call("POST", "/api/v1/sql", kView);
    return answer.ok() && answer->status == 200;
  };
  if (!WaitUntil(created, 20, 50) || !WaitUntil([&] { return Runs(headgate); }, 20))
    Must(Transient("the view does not begin"));
  const long commits = static_cast<long>(per_second) * seconds;
  std::vector<double> sent(static_cast<std::size_t>(commits) + 1);
  std::vector<double> committed = sent;
  std::vector<double> seen = sent;
  std::jthread follower([&](const std::stop_token& stop) { Follow(headgate.address(), seen, stop); });
  Pause(500);
  Must(client.Exec("PREPARE one AS INSERT INTO public.orders VALUES ($1, $2, 10.50, 'a note of some length', true)"));
  const double start = Seconds();
  for (long id = 1; id <= commits; ++id) {
    const double due = start + static_cast<double>(id) / per_second;
    while (Seconds() < due) std::this_thread::yield();
    const auto i = static_cast<std::size_t>(id);
    sent[i] = Seconds();
    Must(client.Exec("EXECUTE one(" + std::to_string(id) + ", " + std::to_string(id % kCustomers) + ")"));
    committed[i] = Seconds();
  }
  const double took = Seconds() - start;
  Pause(2000);
  follower.request_stop();
  follower.join();
  std::vector<double> from_commit;
  std::vector<double> from_statement;
  for (std::size_t id = static_cast<std::size_t>(per_second); id < seen.size(); ++id) {  // the first second warms up
    if (seen[id] == 0) Must(Transient("an order is not in the view"));
    from_commit.push_back(seen[id] - committed[id]);
    from_statement.push_back(seen[id] - sent[id]);
  }
  Line("commit to view, as a client sees it; commits reached", static_cast<double>(commits) / took, "/s", "");
  Line("  p50", Percentile(from_commit, 0.5), "ms", "(budget: at most 3)");
  Line("  p99", Percentile(from_commit, 0.99), "ms", "(budget: at most 15)");
  Line("  from the statement on, the server's sync included, p50", Percentile(from_statement, 0.5), "ms", "");
  Line("  the same, p99", Percentile(from_statement, 0.99), "ms", "");
  PeakMemoryLine(headgate.pid(), kViewsMemory);
}

}  // namespace headgate::bench
