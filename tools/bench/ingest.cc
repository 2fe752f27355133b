#include "tools/bench/ingest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tools/bench/http_clients.h"
#include "tools/bench/measure.h"

namespace headgate::bench {
namespace {

constexpr std::size_t kEventBytes = 200;

test::HeadgateOptions Options() {
  test::HeadgateOptions options;
  options.connectors["readings"] = {{"connector.class", "http"},
                                    {"columns",
                                     "sensor_id int NOT NULL, at timestamptz NOT NULL, temperature float8 NOT NULL, "
                                     "humidity float8, room text, ok bool, "
                                     "note text"}};
  return options;
}

std::string Event(int i) {
  char text[300];
  const int length =
      std::snprintf(text, sizeof text,
                    R"({"sensor_id":%d,"at":"2026-03-04T05:06:%02d.%03dZ","temperature":%d.5,"humidity":0.%d,)"
                    R"("room":"hall %d","ok":%s,"note":")",
                    i, i % 60, i % 1000, i % 40, 10 + i % 89, i % 100, i % 2 == 0 ? "true" : "false");
  std::string event(text, static_cast<std::size_t>(length));
  event.resize(kEventBytes - 2, 'n');
  return event + "\"}";
}

std::string Body(int per_request, int first) {
  if (per_request == 1) return Event(first);
  std::string body = "[";
  for (int i = 0; i < per_request; ++i) body += (i == 0 ? "" : ",") + Event(first + i);
  return body + "]";
}

// Seconds that each append of a body to a file with a sync takes.
std::vector<double> SyncedFile(const std::string& directory, const std::string& body, double limit_seconds) {
  const std::string path = directory + "/reference";
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  std::vector<double> took;
  for (const double end = Seconds() + limit_seconds; Seconds() < end;) {
    const double start = Seconds();
    if (::write(fd, body.data(), body.size()) != static_cast<ssize_t>(body.size()) || ::fdatasync(fd) != 0)
      Must(Transient("cannot write " + path));
    took.push_back(Seconds() - start);
  }
  ::close(fd);
  ::unlink(path.c_str());
  return took;
}

}  // namespace

void IngestThroughput(int connections, int per_request, int seconds) {
  test::HeadgateProcess headgate(Options());
  Must(headgate.Start());
  AwaitReadings(headgate);
  std::vector<std::string> requests;
  for (int i = 0; i < 16; ++i) requests.push_back(EventsRequest(Body(per_request, i * per_request)));
  const auto reference = SyncedFile(headgate.data_dir(), Body(per_request, 0), 2);
  Clients clients(headgate.address(), connections);
  long answers = 0;
  long sent = 0;
  const auto send = [&](std::size_t i) { clients.Send(i, requests[static_cast<std::size_t>(sent++ % 16)], Seconds()); };
  for (std::size_t i = 0; i < clients.size(); ++i) send(i);
  std::vector<double> latencies;
  const double warm = Seconds() + 1;
  while (Seconds() < warm) clients.Poll(0.1, [&](std::size_t i, double) { send(i); });
  const double start = Seconds();
  const double cpu = CpuSeconds(headgate.pid());
  while (Seconds() < start + seconds) {
    clients.Poll(0.1, [&](std::size_t i, double at) {
      ++answers;
      latencies.push_back(Seconds() - at);
      send(i);
    });
  }
  const double took = Seconds() - start;
  const double events = static_cast<double>(answers) * per_request;
  const double used = CpuSeconds(headgate.pid()) - cpu;
  const double of_file = static_cast<double>(reference.size()) * per_request / 2;
  char name[100];
  std::snprintf(name, sizeof name, "events over HTTP, %d a request, %d connections", per_request, connections);
  Line(name, events / took, "events/s", "(budget: at least 200000)");
  Line("  the same bodies synced to a file one by one, same run", of_file, "events/s", "");
  Line("  ratio", events / took / of_file, "", "");
  Line("  p99 of a request", Percentile(latencies, 0.99), "ms", "");
  Line("  CPU an event", used / events * 1e6, "us", "");
  Line("  events/s on one core, by CPU", events / used, "events/s", "(budget: at least 200000)");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 160)");
}

void IngestLatency(int per_second, int seconds) {
  test::HeadgateProcess headgate(Options());
  Must(headgate.Start());
  AwaitReadings(headgate);
  auto reference = SyncedFile(headgate.data_dir(), Body(1, 0), 2);
  Clients clients(headgate.address(), 64);
  const long requests = static_cast<long>(per_second) * seconds;
  std::vector<double> latencies;
  long answers = 0;
  std::size_t next = 0;
  const double start = Seconds();
  const auto take = [&](std::size_t, double at) {
    if (++answers > per_second) latencies.push_back(Seconds() - at);  // the first second warms up
  };
  for (long i = 0; i < requests; ++i) {
    const double due = start + static_cast<double>(i) / per_second;
    while (Seconds() < due) clients.Poll(due - Seconds(), take);
    while (clients.busy(next)) {
      next = (next + 1) % clients.size();
      if (clients.busy(next)) clients.Poll(0, take);
    }
    clients.Send(next, EventsRequest(Event(static_cast<int>(i % 100'000))), due);
    next = (next + 1) % clients.size();
  }
  while (answers < requests) clients.Poll(0.1, take);
  Line("single events over HTTP, reached", static_cast<double>(requests) / (Seconds() - start), "/s", "");
  Line("  p50", Percentile(latencies, 0.5), "ms", "");
  Line("  p99", Percentile(latencies, 0.99), "ms", "(budget: at most 3)");
  Line("  one event synced to a file, p50, same run", Percentile(reference, 0.5), "ms", "");
  Line("  the same, p99", Percentile(reference, 0.99), "ms", "");
}

}  // namespace headgate::bench
