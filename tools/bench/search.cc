#include "tools/bench/search.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "core/net/gzip.h"
#include "tests/support/headgate_process.h"
#include "tests/support/private_search.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

using test::HeadgateOptions;
using test::HeadgateProcess;
using test::PrivateSearch;

constexpr const char* kOrders = "shop.public.orders";
constexpr long kDocumentsOfRequest = 2'000;  // the sink's defaults
constexpr int kInParallel = 2;

std::string FillOrders(long rows) {
  return "INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, 'order number ' || i || ' with a note', "
         "i % 2 = 0 FROM generate_series(1::bigint, " +
         std::to_string(rows) + ") i";
}

test::ConnectorSettings SearchSinkOf(const PrivateSearch& search, const std::string& index) {
  return {{"connector.class", "search"}, {"topics", kOrders}, {"url", search.url()}, {"index", index}};
}

// Seconds until a new sink has written all rows into a new index.
double SinkRound(const HeadgateProcess& headgate, const PrivateSearch& search, long rows, const std::string& index) {
  nlohmann::json config;
  for (const auto& [key, value] : SearchSinkOf(search, index)) config[key] = value;
  const double start = Seconds();
  const auto made = headgate.Call("POST", "/connectors", nlohmann::json({{"name", index}, {"config", config}}).dump());
  if (!made.ok() || made->status != 201) Must(Transient("the sink was not made"));
  const auto done = [&] { return DeliveredBy(headgate, index) >= static_cast<double>(rows); };
  if (!WaitUntil(done, 600, 20)) Must(Transient("not all rows were delivered"));
  const double took = Seconds() - start;
  Must(search.Json("POST", "/" + index + "/_refresh"));
  const auto count = Must(search.Json("GET", "/" + index + "/_count"));
  if (count["count"] != rows) Must(Transient("the index has " + count["count"].dump() + " documents"));
  if (auto gone = headgate.Call("DELETE", "/connectors/" + index); !gone.ok()) Must(gone.error());
  return took;
}

// The requests that the sink makes of the rows.
std::vector<std::string> RequestsOf(long rows) {
  std::vector<std::string> bodies;
  net::Gzip gzip;
  std::string body;
  for (long id = 1; id <= rows; ++id) {
    char document[300];
    std::snprintf(
        document, sizeof document,
        "{\"index\":{\"_index\":\"reference\",\"_id\":\"%ld\",\"version\":%ld,\"version_type\":\"external\"}}\n"
        "{\"id\":%ld,\"customer\":%ld,\"total\":%ld.%02ld,\"note\":\"order number %ld with a note\",\"paid\":%s,"
        "\"placed_at\":\"2026-11-28T06:07:08.123456Z\"}\n",
        id, id, id, id % 1000, id % 100000 / 100, id % 100, id, id % 2 == 0 ? "true" : "false");
    body += document;
    if (id % kDocumentsOfRequest == 0 || id == rows) bodies.emplace_back(gzip.Compress(std::exchange(body, {})));
  }
  return bodies;
}

// An empty index with the same fields as the sink's.
void MakeReference(const PrivateSearch& search, const std::string& like) {
  const auto had = search.Call("DELETE", "/reference");
  if (!had.ok()) Must(had.error());
  const auto made = Must(search.Json("GET", "/" + like + "/_mapping"));
  const nlohmann::json& fields = (*made.begin())["mappings"]["properties"];
  Must(search.Json("PUT", "/reference",
                   nlohmann::json({{"mappings", {{"dynamic", "strict"}, {"properties", fields}}}}).dump()));
}

// Seconds of clients that only send.
double ReferenceRound(const PrivateSearch& search, const std::vector<std::string>& bodies) {
  const double start = Seconds();
  std::vector<std::jthread> clients;
  for (int client = 0; client < kInParallel; ++client) {
    clients.emplace_back([&, client] {
      for (std::size_t i = static_cast<std::size_t>(client); i < bodies.size(); i += kInParallel) {
        const auto answer =
            Must(test::HttpCall("127.0.0.1:" + std::to_string(search.port()), "POST",
                                "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason", bodies[i],
                                {{"Content-Type", "application/x-ndjson"}, {"Content-Encoding", "gzip"}}));
        if (answer.status != 200 || answer.body.find("error") != std::string::npos)
          Must(Transient("the server refused: " + answer.body.substr(0, 300)));
      }
    });
  }
  clients.clear();
  return Seconds() - start;
}

struct Filled {
  explicit Filled(long rows) : setup(false), search(Must(PrivateSearch::Start({}, PrivateSearch::Java::kFast))) {
    HeadgateOptions options;
    options.connectors["shop"] = setup.Source();
    headgate = std::make_unique<HeadgateProcess>(options);
    Must(headgate->Start());
    AwaitStreaming(*headgate);
    if (rows == 0) return;
    Must(setup.server->Exec(kDatabase, FillOrders(rows)));
    if (!WaitUntil([&] { return RecordsOf(*headgate, kOrders) >= static_cast<std::uint64_t>(rows); }, 120, 20))
      Must(Transient("not all rows arrived"));
  }

  Setup setup;
  std::unique_ptr<PrivateSearch> search;
  std::unique_ptr<HeadgateProcess> headgate;
};

}  // namespace

void SearchThroughput(long rows) {
  const Filled filled(rows);
  constexpr int kRounds = 3;
  struct Round {
    double ratio() const { return reference / ours; }
    double reference = 0;
    double ours = 0;
  };
  std::vector<Round> rounds(kRounds);
  SinkRound(*filled.headgate, *filled.search, rows, "warm");  // the server's own compiler too
  const std::vector<std::string> bodies = RequestsOf(rows);
  const double cpu = CpuSeconds(filled.headgate->pid());
  for (int i = 0; i < kRounds; ++i) {  // in turn: what else the machine does changes within seconds
    MakeReference(*filled.search, "warm");
    rounds[static_cast<std::size_t>(i)].reference = ReferenceRound(*filled.search, bodies);
    rounds[static_cast<std::size_t>(i)].ours =
        SinkRound(*filled.headgate, *filled.search, rows, "docs" + std::to_string(i));
  }
  const double cpu_used = CpuSeconds(filled.headgate->pid()) - cpu;
  std::ranges::sort(rounds, {}, &Round::ratio);
  const Round& middle = rounds[kRounds / 2];
  const auto count = static_cast<double>(rows);
  Line("log into an index of OpenSearch", count / middle.ours, "documents/s", "(the round with the middle ratio)");
  Line("  the server's own _bulk, from memory, just before", count / middle.reference, "documents/s", "");
  Line("  ratio", middle.ratio(), "", "(budget: at least 0.9)");
  Line("  ratio, worst round", rounds.front().ratio(), "", "");
  Line("  ratio, best round", rounds.back().ratio(), "", "");
  Line("  CPU a document", cpu_used / kRounds / count * 1e6, "us", "");
  Line("  resident memory, peak", ResidentMiB(filled.headgate->pid(), "VmHWM"), "MiB", "(budget: at most 192)");
}

void SearchLatency(int per_second, int seconds, int batch_delay_ms) {
  Filled filled(0);
  const std::string index = "latency" + std::to_string(batch_delay_ms);
  nlohmann::json config;
  for (const auto& [key, value] : SearchSinkOf(*filled.search, index)) config[key] = value;
  config["batch_delay_ms_max"] = std::to_string(batch_delay_ms);
  const auto made =
      filled.headgate->Call("POST", "/connectors", nlohmann::json({{"name", index}, {"config", config}}).dump());
  if (!made.ok() || made->status != 201) Must(Transient("the sink was not made"));
  const long warm = per_second * 5L;
  const long all = warm + static_cast<long>(per_second) * seconds;
  std::vector<double> committed(static_cast<std::size_t>(all) + 1, 0);
  auto client = Must(filled.setup.server->Connect(kDatabase));
  Must(client.Exec("PREPARE one AS INSERT INTO public.orders VALUES ($1, 1, 10.50, 'a note of some length', true)"));
  Must(client.Exec("EXECUTE one(1)"));
  const auto there = [&](long id) {
    const auto got = filled.search->Call("GET", "/" + index + "/_doc/" + std::to_string(id) + "?_source=false");
    return got.ok() && got->status == 200;
  };
  if (!WaitUntil([&] { return there(1); }, 30)) Must(Transient("the first document did not arrive"));
  std::atomic<long> written = 1;
  std::jthread writer([&] {
    const double start = Seconds();
    for (long id = 2; id <= all; ++id) {
      PauseUntil(start + static_cast<double>(id) / per_second);
      Must(client.Exec("EXECUTE one(" + std::to_string(id) + ")"));
      committed[static_cast<std::size_t>(id)] = Seconds();
      written = id;
    }
  });
  std::vector<double> waits;
  for (long id = 2; id < all;) {  // one document after the other is watched for
    const double committed_at = committed[static_cast<std::size_t>(id)];
    while (!there(id)) Pause(1);
    if (id > warm) waits.push_back(Seconds() - committed_at);
    id = std::max(id + 1, written.load());
    if (!WaitUntil([&] { return written >= id; }, 10, 1)) Must(Transient("nothing is written"));
  }
  writer.join();
  char name[100];
  std::snprintf(name, sizeof name, "commit to the document by id, %d/s, delay %d ms, p50", per_second, batch_delay_ms);
  Line(name, Percentile(waits, 0.5), "ms", batch_delay_ms == 0 ? "(budget: at most 8)" : "(budget: at most 50)");
  Line("  p99", Percentile(waits, 0.99), "ms", "");
}

}  // namespace headgate::bench
