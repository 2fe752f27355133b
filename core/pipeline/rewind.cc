#include "core/pipeline/rewind.h"

#include <algorithm>

#include "core/base/failpoint.h"
#include "core/log/log_reader.h"
#include "core/pipeline/event_context.h"
#include "core/state/cursors.h"

namespace headgate {
namespace {

constexpr std::size_t kReplaysMax = 100;

bool Names(const std::vector<std::string>& streams, std::string_view stream) {
  return streams.empty() || std::ranges::find(streams, stream) != streams.end();
}

// Letters whose records go out again: they would come twice, and the older ones of their keys behind them.
Status VisitSuperseded(const Rewind& rewind, const std::string& sink, const TopicFilter& topics, const Store& store,
                       const std::function<void(std::uint64_t id)>& visit) {
  const KeyFilter key(rewind.key);
  return DeadLetters::Scan(store, sink, 0, false, [&](DeadLetter&& letter) {
    const bool meant = letter.at >= rewind.to && !IsState(letter.at) && topics.Matches(letter.stream) &&
                       Names(rewind.streams, letter.stream) && (rewind.key.empty() || key.Matches(letter.key));
    if (meant) visit(letter.id);
    return true;
  });
}

}  // namespace

Result<SinkStand> ReadStand(const Store& store, const Log& log, std::string_view sink) {
  SinkStand stand;
  HG_ASSIGN_OR_RETURN(const auto cursor, ReadCursor(store, sink));
  stand.cursor = cursor.value_or(At{log.first_seq(), 0});
  HG_ASSIGN_OR_RETURN(stand.replays, ReadReplays(store, sink));
  return stand;
}

Result<SinkStand> SetBack(const SinkStand& stand, const Rewind& rewind, const Log& log) {
  const At oldest{log.first_seq(), 0};
  const At end{log.last_seq() + 1, 0};
  if (rewind.to < oldest) {
    return ConfigError("Retention has dropped what lies before " + ToText(oldest) + ". The oldest place to go to is " +
                       ToText(oldest) + ": write it, or beginning.");
  }
  if (rewind.to > end) {
    return ConfigError("The log ends before " + ToText(end) + ". Places up to there can be gone to: write it, or end.");
  }
  if (rewind.whole()) return SinkStand{rewind.to, {}};
  const At until = stand.whole_from();
  if (rewind.to > until) {
    return ConfigError("The sink stands at " + ToText(until) +
                       ": some of its records can be sent again, not skipped. Name a place before that, or leave "
                       "streams and key out.");
  }
  if (stand.replays.list.size() >= kReplaysMax)
    return ConfigError("Too many parts are being sent again. Wait until the sink has passed " + ToText(until) + ".");
  SinkStand after{std::min(stand.cursor, rewind.to), stand.replays};
  after.replays.until = until;
  for (Replay& replay : after.replays.list) replay.from = std::max(replay.from, stand.cursor);
  after.replays.list.push_back({rewind.to, rewind.streams, rewind.key});
  return after;
}

ReplayFilter::ReplayFilter(Replays replays) : replays_(std::move(replays)) {
  for (const Replay& replay : replays_.list) keys_.emplace_back(replay.key);
}

bool ReplayFilter::Wants(Seq seq, const TransactionInfo& tx, const Change& change, const Registry& registry) {
  const At at{seq, change.ordinal};
  if (replays_.empty() || at >= replays_.until) return true;
  const StreamInfo* stream = change.stream == 0 ? nullptr : registry.Stream(change.stream);
  key_.clear();
  for (std::size_t i = 0; i < replays_.list.size(); ++i) {
    const Replay& replay = replays_.list[i];
    if (at < replay.from || stream == nullptr || !Names(replay.streams, stream->name)) continue;
    if (replay.key.empty()) return true;
    if (key_.empty() && !native_.AppendKeyJson(key_, ContextOf(registry, seq, tx, change)).ok()) continue;
    if (keys_[i].Matches(key_)) return true;
  }
  return false;
}

Result<RewindCount> CountRewind(const Rewind& rewind, const SinkStand& stand, const std::string& sink,
                                const TopicFilter& topics, const Store& store, const Log& log,
                                std::chrono::milliseconds time_max, std::stop_token stop) {
  const auto deadline = std::chrono::steady_clock::now() + time_max;
  HG_ASSIGN_OR_RETURN(const SinkStand after, SetBack(stand, rewind, log));
  RewindCount count;
  HG_RETURN_IF_ERROR(VisitSuperseded(rewind, sink, topics, store, [&](std::uint64_t) { ++count.letters; }));
  ReplayFilter was(stand.replays);
  ReplayFilter will(after.replays);
  StreamSelection selection(topics);
  const At from = std::min(stand.cursor, after.cursor);
  const At until = std::max(stand.whole_from(), after.whole_from());
  const auto reader = log.NewReader();
  reader->Seek(from.seq);
  LogReader::Block block;
  Change change;
  while (true) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more || At{block.seq, 0} >= until) return count;
    const auto registry = log.registry();
    for (auto changes = block.Changes(); changes.Next(change);) {
      const At at{block.seq, change.ordinal};
      if (at < from || at >= until || change.stream == 0 || IsMarker(change.op)) continue;
      if (!selection.Selected(change.stream, block.info->source, *registry)) continue;
      const bool waits = at >= stand.cursor && was.Wants(block.seq, *block.info, change, *registry);
      const bool goes_out = at >= after.cursor && will.Wants(block.seq, *block.info, change, *registry);
      if (goes_out && at < stand.whole_from()) ++count.again;
      if (waits && !goes_out) ++count.skipped;
    }
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) {
      count.complete = false;
      return count;
    }
  }
}

Result<Rewound> Execute(const Rewind& rewind, const std::string& sink, const TopicFilter& topics, Store& store,
                        const Log& log, Events& events, const Caller& caller) {
  HG_ASSIGN_OR_RETURN(const SinkStand stand, ReadStand(store, log, sink));
  HG_ASSIGN_OR_RETURN(const SinkStand after, SetBack(stand, rewind, log));
  HG_ASSIGN_OR_RETURN(const auto letters, DeadLetters::Open(store, sink));
  Rewound done{stand.cursor, after.cursor, 0};
  StoreBatch batch;
  HG_RETURN_IF_ERROR(VisitSuperseded(rewind, sink, topics, store, [&](std::uint64_t id) {
    letters->Remove(batch, id);
    ++done.letters;
  }));
  PutGivenCursor(batch, sink, after.cursor);
  PutReplays(batch, sink, after.replays);
  ServiceEvent event;
  event.kind = "rewind";
  event.connector = sink;
  event.SignedBy(caller);
  event.summary = std::string(rewind.to < stand.whole_from() ? "records go out again from " : "goes on at ") +
                  ToText(rewind.to) + (rewind.whole() ? "" : ", some of them");
  event.details["before"] = ToText(stand.cursor);
  event.details["after"] = ToText(after.cursor);
  for (const std::string& stream : rewind.streams) {
    std::string& list = event.details["streams"];
    list += (list.empty() ? "" : ", ") + stream;
  }
  if (!rewind.key.empty()) event.details["key"] = rewind.key;
  if (done.letters > 0) event.details["letters"] = std::to_string(done.letters) + " dead letters go out from the log";
  events.Add(batch, std::move(event));
  HG_FAILPOINT("rewind.before_write");
  HG_RETURN_IF_ERROR(store.Write(batch, true));
  HG_FAILPOINT("rewind.written");
  return done;
}

}  // namespace headgate
