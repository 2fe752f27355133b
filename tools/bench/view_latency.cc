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

// The orders of a customer are a second apart (see below), so each of them is a change of its own.
constexpr std::size_t kCustomers = 1000;
constexpr std::size_t kClients = 8;  // one alone cannot commit so often on every disk
constexpr const char* kCreateView =
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

// Of each order, by its id, from 1.
struct Times {
  explicit Times(std::size_t orders) : sent(orders + 1), committed(orders + 1), seen(orders + 1) {}

  std::vector<double> sent, committed, seen;
};

// Every order of this client at its time, or as soon as the one before is committed.
void CommitOrders(const test::PrivatePostgres& server, std::size_t first, double start, int per_second, Times& times) {
  auto client = Must(server.Connect(kDatabase));
  Must(client.Exec("PREPARE one AS INSERT INTO public.orders VALUES ($1, $2, 10.50, 'a note of some length', true)"));
  for (std::size_t id = first; id < times.sent.size(); id += kClients) {
    PauseUntil(start + static_cast<double>(id) / per_second);
    times.sent[id] = Seconds();
    Must(client.Exec("EXECUTE one(" + std::to_string(id) + ", " + std::to_string(id % kCustomers) + ")"));
    times.committed[id] = Seconds();
  }
}

// When each order was seen in the view, until it is told to stop.
void Follow(const std::string& address, std::vector<double>& seen, const std::stop_token& stop) {
  test::EventStream tail(address, "/api/v1/views/per_customer/tail?mode=all");
  while (!stop.stop_requested()) {
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
  // The stream is there with its first row, and the view behind it.
  Must(setup.server->Exec(kDatabase, "INSERT INTO public.orders VALUES (0, 0, 10.50, 'the first', true)"));
  const auto created = [&] {
    const auto answer = headgate.Call("POST", "/api/v1/sql", kCreateView);
    return answer.ok() && answer->status == 200;
  };
  if (!WaitUntil(created, 20, 50) || !WaitUntil([&] { return Runs(headgate); }, 20))
    Must(Transient("the view does not begin"));
  Times times(static_cast<std::size_t>(per_second) * static_cast<std::size_t>(seconds));
  std::jthread follower([&](const std::stop_token& stop) { Follow(headgate.address(), times.seen, stop); });
  Pause(500);
  const double start = Seconds();
  {
    std::vector<std::jthread> clients;
    for (std::size_t first = 1; first <= kClients; ++first)
      clients.emplace_back([&, first] { CommitOrders(*setup.server, first, start, per_second, times); });
  }
  const double took = Seconds() - start;
  Pause(2000);
  follower.request_stop();
  follower.join();
  std::vector<double> from_commit;
  std::vector<double> from_statement;
  const auto warm = static_cast<std::size_t>(per_second);  // the first second warms up
  for (std::size_t id = warm; id < times.seen.size(); ++id) {
    if (times.seen[id] == 0) Must(Transient("an order is not in the view"));
    from_commit.push_back(times.seen[id] - times.committed[id]);
    from_statement.push_back(times.seen[id] - times.sent[id]);
  }
  Line("commit to a view at a client, commits reached", static_cast<double>(times.seen.size() - 1) / took, "/s", "");
  Line("  p50", Percentile(from_commit, 0.5), "ms", "(budget: at most 3)");
  Line("  p99", Percentile(from_commit, 0.99), "ms", "(budget: at most 15)");
  Line("  from the statement on, its sync included, p50", Percentile(from_statement, 0.5), "ms", "");
  Line("  the same, p99", Percentile(from_statement, 0.99), "ms", "");
  PeakMemoryLine(headgate.pid(), kViewsMemory);
}

}  // namespace headgate::bench
