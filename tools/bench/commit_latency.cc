#include "tools/bench/commit_latency.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tools/bench/measure.h"
#include "tools/bench/receiver.h"
#include "tools/bench/setup.h"

namespace headgate::bench {

void CommitLatency(const Committing& database, int per_second, int seconds) {
  Receiver receiver;
  test::HeadgateOptions options;
  options.connectors["shop"] = database.source;
  options.connectors["hook"] = {{"connector.class", "webhook"}, {"topics", database.topic}, {"url", receiver.url()}};
  test::HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  Pause(2000);
  Line("resident memory, idle", ResidentMiB(headgate.pid(), "VmRSS"), "MiB", "(budget: at most 64)");
  const auto start = std::chrono::steady_clock::now();
  const long commits = static_cast<long>(per_second) * seconds;
  for (long i = 0; i < commits; ++i) {
    const auto due = start + std::chrono::microseconds(i * 1'000'000 / per_second);
    while (std::chrono::steady_clock::now() < due) std::this_thread::yield();
    if (i == per_second) receiver.KeepLatencies(true);  // the first second warms up
    database.commit(i + 1);
  }
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  WaitUntil([&] { return receiver.events() >= static_cast<std::uint64_t>(commits); }, 20);
  receiver.KeepLatencies(false);
  Pause(50);
  auto us = receiver.TakeLatenciesUs();
  std::ranges::sort(us);
  if (us.empty()) Must(Transient("nothing arrived"));
  const auto percentile = [&](double p) {
    return static_cast<double>(us[static_cast<std::size_t>(p * static_cast<double>(us.size() - 1))]) / 1000.0;
  };
  Line("commit to request, commits reached", static_cast<double>(commits) / took, "/s", "");
  Line("  p50", percentile(0.5), "ms", database.p50_budget);
  Line("  p99", percentile(0.99), "ms", database.p99_budget);
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 160)");
}

}  // namespace headgate::bench
