#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/published.h"
#include "core/log/log.h"
#include "core/log/spool.h"
#include "core/log/store.h"
#include "core/model/change.pb.h"

// What the log, its writers and its readers share. Internal to core/log.
namespace headgate {

struct LogState {
  LogState(Store& s, const Clock& c) : store(s), clock(c) {}

  Store& store;
  const Clock& clock;

  // Serialises appends: seq is handed out and published in one order, without holes after a failed write
  // (docs/adr/0004). Readers never take it.
  std::mutex append;
  std::vector<stored::StoredSource> sources;  // by number - 1, guarded by append
  StreamNo next_stream = 1;                   // guarded by append
  std::int64_t last_stored_us = 0;            // of the newest entry: no later one is older; guarded by append
  std::uint64_t since_counts = kCountsEvery;  // changes since sums were stored, at most; guarded by append

  std::map<Seq, SpoolRecord> spools;  // that entries refer to; guarded by append
  std::atomic<SpoolNo> next_spool = 1;

  std::atomic<Seq> last_seq = 0;
  std::atomic<Seq> first_seq = 1;
  std::atomic<std::uint64_t> lost_records = 0;
  Published<Registry> registry;  // replaced under append

  using Subscriber = std::pair<std::uint64_t, std::function<void()>>;
  std::shared_ptr<Published<std::vector<Subscriber>>> subscribers =
      std::make_shared<Published<std::vector<Subscriber>>>();
  // Serialises changes of that list, and keeps a wake under way from outliving its subscription (docs/adr/0004).
  std::shared_ptr<std::mutex> subscribe = std::make_shared<std::mutex>();

  void WakeSubscribers() const {
    std::lock_guard guard(*subscribe);
    const auto list = subscribers->Get();
    for (const Subscriber& s : *list) s.second();
  }
};

// Keys of Family::kStreams: a letter and big-endian numbers.
std::string SourceKey(SourceNo source);
std::string StreamKey(StreamNo stream);
std::string SchemaKey(StreamNo stream, std::uint32_t version);
inline constexpr std::string_view kLostKey = "lost_records";  // Family::kMeta

SourceProgress ToProgress(const stored::StoredSource& source);

std::unique_ptr<LogWriter> MakeWriter(LogState& state, SourceNo source);
std::unique_ptr<LogReader> MakeReader(const LogState& state);

}  // namespace headgate
