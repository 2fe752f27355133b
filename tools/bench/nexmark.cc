#include "tools/bench/nexmark.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "core/views/run.h"
#include "tools/bench/measure.h"
#include "tools/bench/nexmark_log.h"
#include "tools/bench/nexmark_queries.h"
#include "tools/bench/shard.h"

namespace headgate::bench {
namespace {

using nexmark::Feed;

void Write(Feed& feed, const NexmarkOptions& options) {
  for (long at = 0; at < options.events; ++at) {
    feed.Insert(nexmark::EventAt(at));
    if ((at + 1) % options.per_transaction == 0) Must(feed.Commit());
  }
  Must(feed.Commit());
  Must(feed.Flush());
}

// What it costs to read the events and to decode them, and nothing else.
void Reference(const NexmarkOptions& options) {
  Shard shard;
  Write(*Must(Feed::Open(shard.log(), Feed::Form::kEvents)), options);
  views::RunReader reader(shard.log(), 0);
  reader.Seek(1);
  long events = 0;
  std::vector<Value> values;
  const double begin = Seconds();
  const views::RunMax max = {10'000, 16 << 20};
  for (views::Run run = Must(reader.Read(max)); run.last != 0; run = Must(reader.Read(max))) {
    for (const views::Run::Part& part : run.parts) {
      ChangeReader changes = part.Changes();
      for (Change change; changes.Next(change);) {
        if (!change.has_after) continue;
        Must(ReadRow(change.after, values));
        ++events;
      }
    }
  }
  Line("  the log read and its rows decoded, nothing else", static_cast<double>(events) / (Seconds() - begin),
       "events/s", "reference");
}

void RunQuery(const nexmark::Query& query, const NexmarkOptions& options) {
  const std::size_t memory = static_cast<std::size_t>(options.memory_mib) << 20;
  const std::string name = std::string("  ") + query.name + " " + query.meaning;
  Shard shard;
  Must(nexmark::WriteSideInput(shard.log()));
  const auto feed = Must(Feed::Open(shard.log(), Feed::Form::kEvents));
  shard.Open(memory);
  if (const auto refused =
          shard.Define(std::string(nexmark::kSideName) + "; CREATE MATERIALIZED VIEW v AS " + query.select)) {
    std::printf("%-52s refused: %s\n", name.c_str(), refused->c_str());
    return;
  }
  shard.Close();
  const Seq before = shard.log().last_seq();
  Write(*feed, options);
  const double begin = Seconds();
  const double cpu = CpuSeconds(::getpid());
  shard.Open(memory);
  const bool finished = shard.Apply(options.limit_seconds);
  const double took = Seconds() - begin;
  const double used = CpuSeconds(::getpid()) - cpu;
  const Seq applied = std::max(shard.views().applied(), before) - before;
  const long events =
      finished ? options.events : std::min(options.events, static_cast<long>(applied) * options.per_transaction);
  char reference[100];
  const int length = std::snprintf(reference, sizeof reference, "(target: at least %.0f", query.target);
  const auto rest = static_cast<std::size_t>(length);
  if (query.flink > 0)
    std::snprintf(reference + rest, sizeof reference - rest, "; Flink, published: %.0f", query.flink);
  Line(name.c_str(), static_cast<double>(events) / took, "events/s", (std::string(reference) + ")").c_str());
  Line("    on one core, by CPU", static_cast<double>(events) / used, "events/s", "");
  if (!finished) std::printf("    unfinished after %.0f s: %ld of %ld events\n", took, events, options.events);
  const auto status = shard.views().Status("v");
  Line("    rows of the view", static_cast<double>(status->rows), "", "");
  if (status->state != "running" || status->errors_ever > 0)
    std::printf("    the view is %s, %s; rows with errors: %llu\n", status->state.c_str(), status->failure.c_str(),
                static_cast<unsigned long long>(status->errors_ever));
  PeakMemoryLine(::getpid(), memory);
}

}  // namespace

void Nexmark(const NexmarkOptions& options) {
  std::printf("Nexmark from the log, %ld events in transactions of %ld\n", options.events, options.per_transaction);
  RunApart([&] { Reference(options); });
  for (const nexmark::Query& query : nexmark::Queries()) {
    if (!options.query.empty() && options.query != query.name) continue;
    RunApart([&] { RunQuery(query, options); });
  }
}

}  // namespace headgate::bench
