#include "core/log/log.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <set>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/log/entry.h"
#include "core/log/log_reader.h"
#include "core/log/log_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace headgate {
namespace {

// KC4: the name where it fits the grammar of event ids, else made to fit plus six digits of its hash.
std::string SourceId(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  if (!name.empty() && name.size() <= 48 && std::ranges::all_of(name, fits)) return std::string(name);
  std::string id;
  for (const char c : name.substr(0, 41)) {
    const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    id.push_back(fits(lower) ? lower : '-');
  }
  std::string digits = std::to_string(XXH3_64bits(name.data(), name.size()) % 1'000'000);
  return id + "-" + std::string(6 - digits.size(), '0') + digits;
}

std::shared_ptr<const SourceInfo> ToInfo(const stored::StoredSource& source) {
  return std::make_shared<const SourceInfo>(
      SourceInfo{source.number(), source.name(), source.id(), source.connector()});
}

std::shared_ptr<SourceCounters> ToCounters(const stored::StoredSource& source) {
  auto counters = std::make_shared<SourceCounters>();
  for (int op = 0; op < source.records_size() && op < static_cast<int>(kOps); ++op)
    counters->records[static_cast<std::size_t>(op)] = source.records(op);
  counters->loose_records = source.loose_records();
  counters->loose_bytes = source.loose_bytes();
  counters->gaps = source.gaps();
  return counters;
}

template <class T>
void PlaceAt(std::vector<T>& list, std::size_t index, T value) {
  if (list.size() <= index) list.resize(index + 1);
  list[index] = std::move(value);
}

Status LoadStreams(LogState& state) {
  Registry registry;
  Status bad = Ok();
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto corrupt = [&] {
      bad = Corrupt("a stream record of the data directory " + state.store.directory() + " cannot be read");
      return false;
    };
    if (key[0] == 's') {
      stored::StoredSource source;
      if (!source.ParseFromArray(value.data(), static_cast<int>(value.size())) || source.number() == 0)
        return corrupt();
      const std::size_t index = source.number() - 1;
      PlaceAt(registry.sources, index, ToInfo(source));
      PlaceAt(registry.source_counters, index, ToCounters(source));
      PlaceAt(state.sources, index, std::move(source));
    } else if (key[0] == 't') {
      stored::StoredStream s;
      if (!s.ParseFromArray(value.data(), static_cast<int>(value.size())) || s.number() == 0) return corrupt();
      const std::size_t index = s.number() - 1;
      PlaceAt(registry.streams, index,
              std::make_shared<const StreamInfo>(StreamInfo{s.number(), s.name(), s.source(), s.schema(), s.table()}));
      auto counters = std::make_shared<StreamCounters>();
      counters->records = s.records();
      counters->markers = s.markers();
      counters->bytes = s.bytes();
      counters->first_seq = s.first_seq();
      counters->last_seq = s.last_seq();
      counters->last_commit_us = s.last_commit_us();
      PlaceAt(registry.counters, index, std::move(counters));
      state.next_stream = std::max(state.next_stream, s.number() + 1);
    } else if (key[0] == 'v' && key.size() == 9) {
      const auto stream = LoadBigEndian<std::uint32_t>(key.data() + 1);
      const auto version = LoadBigEndian<std::uint32_t>(key.data() + 5);
      auto schema = DecodeSchema(value);
      if (!schema.ok() || stream == 0 || version == 0) return corrupt();
      if (registry.schemas.size() < stream) registry.schemas.resize(stream);
      PlaceAt(registry.schemas[stream - 1], version - 1, std::make_shared<const TableSchema>(std::move(*schema)));
    }
    return true;
  };
  HG_RETURN_IF_ERROR(state.store.Scan(Family::kStreams, "", "", visit));
  HG_RETURN_IF_ERROR(std::move(bad));
  registry.schemas.resize(registry.streams.size());
  state.registry.Set(std::move(registry));
  return Ok();
}

// Time of the append of the first entry at or after `seq`, or nothing.
std::optional<std::int64_t> StoredAt(const LogState& state, Seq seq) {
  std::string from;
  PutEntryKey(from, seq, 0);
  std::optional<std::int64_t> at;
  const auto visit = [&](std::string_view, std::string_view value) {
    EntryHeader header;
    std::string_view changes;
    if (!ParseEntry(value, header, changes).ok() || !header.has_info) return true;
    at = header.info.stored_us;
    return false;
  };
  static_cast<void>(state.store.Scan(Family::kLog, from, "", visit));
  return at;
}

Status DropSpool(LogState& state, SpoolNo number) {
  const std::string from = SpoolKey(number, 0);
  const std::string to = SpoolKey(number + 1, 0);
  StoreBatch batch;
  batch.DeleteRange(Family::kSpool, from, to);
  HG_RETURN_IF_ERROR(state.store.Write(batch, false));
  state.store.Compact(Family::kSpool, from, to);
  return Ok();
}

Status FindEnds(LogState& state) {
  EntryKey key;
  const auto take = [&](std::string_view bytes, std::string_view) {
    if (!ParseEntryKey(bytes, key)) key.seq = 0;
    return false;
  };
  HG_RETURN_IF_ERROR(state.store.ScanBack(Family::kLog, "", "", take));
  state.last_seq = key.seq;
  HG_ASSIGN_OR_RETURN(const auto trimmed, state.store.Get(Family::kMeta, "first_seq"));
  Seq first = 1;
  if (trimmed && trimmed->size() == 8) first = LoadBigEndian<std::uint64_t>(trimmed->data());
  state.first_seq = first;
  if (key.seq != 0) state.last_stored_us = StoredAt(state, key.seq).value_or(0);
  if (state.last_seq < first - 1) state.last_seq = first - 1;  // everything was trimmed
  HG_ASSIGN_OR_RETURN(const auto lost, state.store.Get(Family::kMeta, kLostKey));
  if (lost && lost->size() == 8) state.lost_records = LoadBigEndian<std::uint64_t>(lost->data());
  return Ok();
}

// Reads what entries refer to, and drops what none does: of appends that did not come to their end.
Status LoadSpools(LogState& state) {
  bool corrupt = false;
  std::set<SpoolNo> known;
  std::string end(kSpoolRecords);
  ++end.back();
  HG_RETURN_IF_ERROR(
      state.store.Scan(Family::kMeta, kSpoolRecords, end, [&](std::string_view key, std::string_view value) {
        const SpoolRecord record = DecodeSpoolRecord(value);
        corrupt = corrupt || key.size() != kSpoolRecords.size() + 8 || record.number == 0;
        if (corrupt) return false;
        state.spools[LoadBigEndian<std::uint64_t>(key.data() + kSpoolRecords.size())] = record;
        known.insert(record.number);
        return true;
      }));
  if (corrupt) {
    return Corrupt("a record of spooled changes of the data directory " + state.store.directory() + " cannot be read");
  }
  while (true) {
    SpoolNo found = 0;
    HG_RETURN_IF_ERROR(state.store.Scan(Family::kSpool, SpoolKey(state.next_spool, 0), "",
                                        [&](std::string_view key, std::string_view) {
                                          found = LoadBigEndian<std::uint64_t>(key.data());
                                          return false;
                                        }));
    if (found == 0) break;
    state.next_spool = found + 1;
    if (!known.contains(found)) HG_RETURN_IF_ERROR(DropSpool(state, found));
  }
  return Ok();
}

}  // namespace

const SourceInfo* Registry::Source(SourceNo number) const {
  return number == 0 || number > sources.size() ? nullptr : sources[number - 1].get();
}
const SourceInfo* Registry::FindSource(std::string_view name) const {
  for (const auto& s : sources) {
    if (s != nullptr && s->name == name) return s.get();
  }
  return nullptr;
}
const StreamInfo* Registry::Stream(StreamNo number) const {
  return number == 0 || number > streams.size() ? nullptr : streams[number - 1].get();
}
const StreamInfo* Registry::FindStream(std::string_view name) const {
  for (const auto& s : streams) {
    if (s != nullptr && s->name == name) return s.get();
  }
  return nullptr;
}
const TableSchema* Registry::Schema(StreamNo stream, std::uint32_t version) const {
  if (stream == 0 || stream > schemas.size() || version == 0 || version > schemas[stream - 1].size()) return nullptr;
  return schemas[stream - 1][version - 1].get();
}
std::uint32_t Registry::LatestVersion(StreamNo stream) const {
  return stream == 0 || stream > schemas.size() ? 0 : static_cast<std::uint32_t>(schemas[stream - 1].size());
}

std::string_view Registry::DatabaseOf(SourceNo source) const {
  for (std::size_t i = 0; i < streams.size() && i < schemas.size(); ++i) {
    if (streams[i] != nullptr && streams[i]->source == source && !schemas[i].empty())
      return schemas[i].back()->database;
  }
  return {};
}

std::string SourceKey(SourceNo source) {
  std::string key = "s";
  PutBigEndian(key, source);
  return key;
}
std::string StreamKey(StreamNo stream) {
  std::string key = "t";
  PutBigEndian(key, stream);
  return key;
}
std::string SchemaKey(StreamNo stream, std::uint32_t version) {
  std::string key = "v";
  PutBigEndian(key, stream);
  PutBigEndian(key, version);
  return key;
}

SourceProgress ToProgress(const stored::StoredSource& source) {
  SourceProgress progress;
  progress.epoch = source.epoch();
  if (!source.last_position().empty()) {
    ByteReader in(source.last_position());
    progress.last = ReadPosition(in);
  }
  progress.last_end = source.last_end();
  progress.resume = source.resume();
  progress.gaps = source.gaps();
  return progress;
}

Log::Log(std::unique_ptr<LogState> state) : state_(std::move(state)) {}
Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::Open(Store& store, const Clock& clock) {
  auto state = std::make_unique<LogState>(store, clock);
  HG_RETURN_IF_ERROR(LoadStreams(*state));
  HG_RETURN_IF_ERROR(FindEnds(*state));
  HG_RETURN_IF_ERROR(LoadSpools(*state));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

namespace {

// A forgotten source comes again as another kind of database. Called under append.
Status ChangeConnector(LogState& state, stored::StoredSource& source, std::string_view connector) {
  stored::StoredSource next = source;
  next.set_connector(std::string(connector));
  StoreBatch batch;
  batch.Put(Family::kStreams, SourceKey(next.number()), next.SerializeAsString());
  HG_RETURN_IF_ERROR(state.store.Write(batch, true));
  source = std::move(next);
  Registry registry = *state.registry.Get();
  registry.sources[source.number() - 1] = ToInfo(source);
  state.registry.Set(std::move(registry));
  return Ok();
}

}  // namespace

Result<std::unique_ptr<LogWriter>> Log::OpenWriter(std::string_view source_name, std::string_view source_id,
                                                   std::string_view connector) {
  std::lock_guard lock(state_->append);
  for (auto& source : state_->sources) {
    if (source.name() != source_name) continue;
    const bool forgotten = source.last_position().empty() && source.resume().empty();
    if (source.connector() != connector && !forgotten) {
      return ConfigError("source " + std::string(source_name) + " was a " + source.connector() +
                         " source before: its positions do not fit. Delete it with forget=true, or use another name.");
    }
    if (source.connector() != connector) HG_RETURN_IF_ERROR(ChangeConnector(*state_, source, connector));
    return MakeWriter(*state_, source.number());
  }
  stored::StoredSource source;
  source.set_number(static_cast<std::uint32_t>(state_->sources.size() + 1));
  source.set_name(std::string(source_name));
  source.set_id(source_id.empty() ? SourceId(source_name) : std::string(source_id));
  source.set_connector(std::string(connector));
  for (const auto& other : state_->sources) {
    if (other.id() == source.id()) {
      return ConfigError("source " + std::string(source_name) + ": the id " + source.id() + " belongs to source " +
                         other.name() + ". Set source_id to another one.");
    }
  }
  StoreBatch batch;
  batch.Put(Family::kStreams, SourceKey(source.number()), source.SerializeAsString());
  HG_RETURN_IF_ERROR(state_->store.Write(batch, true));
  Registry registry = *state_->registry.Get();
  registry.sources.push_back(ToInfo(source));
  registry.source_counters.push_back(std::make_shared<SourceCounters>());
  state_->sources.push_back(std::move(source));
  state_->registry.Set(std::move(registry));
  return MakeWriter(*state_, static_cast<SourceNo>(state_->sources.size()));
}

std::optional<SourceProgress> Log::progress(std::string_view source_name) const {
  std::lock_guard lock(state_->append);
  for (const auto& source : state_->sources) {
    if (source.name() == source_name) return ToProgress(source);
  }
  return std::nullopt;
}

Status Log::NextEpoch(std::string_view source_name, const std::optional<std::string>& resume) {
  return NextEpoch(source_name, resume, StoreBatch());
}

Status Log::NextEpoch(std::string_view source_name, const std::optional<std::string>& resume, const StoreBatch& also) {
  std::lock_guard lock(state_->append);
  for (auto& source : state_->sources) {
    if (source.name() != source_name) continue;
    stored::StoredSource next = source;
    next.set_epoch(next.epoch() + 1);
    if (resume) {
      next.clear_last_position();
      next.clear_last_end();
      next.set_resume(*resume);
    }
    StoreBatch batch;
    batch.Add(also);
    batch.Put(Family::kStreams, SourceKey(next.number()), next.SerializeAsString());
    HG_RETURN_IF_ERROR(state_->store.Write(batch, true));
    source = std::move(next);
  }
  return Ok();
}

std::shared_ptr<const Registry> Log::registry() const { return state_->registry.Get(); }
std::unique_ptr<LogReader> Log::NewReader() const { return MakeReader(*state_); }
Seq Log::last_seq() const { return state_->last_seq.load(std::memory_order_acquire); }
Seq Log::first_seq() const { return state_->first_seq.load(std::memory_order_acquire); }
std::uint64_t Log::lost_records() const { return state_->lost_records.load(); }
std::uint64_t Log::disk_bytes() const {
  return state_->store.disk_bytes(Family::kLog) + state_->store.disk_bytes(Family::kSpool);
}

StreamStats Log::stats(StreamNo stream) const {
  const auto registry = state_->registry.Get();
  if (stream == 0 || stream > registry->counters.size() || registry->counters[stream - 1] == nullptr) return {};
  const StreamCounters& c = *registry->counters[stream - 1];
  return {c.records - c.markers, c.bytes, std::max(c.first_seq.load(), first_seq()), c.last_seq, c.last_commit_us};
}

Seq Log::SeekTime(std::int64_t unix_us) const {
  Seq low = first_seq();
  Seq high = last_seq() + 1;
  while (low < high) {
    const Seq middle = low + (high - low) / 2;
    const auto at = StoredAt(*state_, middle);
    if (at && *at < unix_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::shared_ptr<void> Log::Subscribe(std::function<void()> wake) {
  static std::atomic<std::uint64_t> next_id = 1;
  const std::uint64_t id = next_id++;
  auto list = state_->subscribers;
  auto lock = state_->subscribe;
  {
    std::lock_guard guard(*lock);
    auto copy = *list->Get();
    copy.emplace_back(id, std::move(wake));
    list->Set(std::move(copy));
  }
  return std::shared_ptr<void>(nullptr, [list, lock, id](void*) {
    std::lock_guard guard(*lock);
    auto copy = *list->Get();
    std::erase_if(copy, [id](const auto& s) { return s.first == id; });
    list->Set(std::move(copy));
  });
}

namespace {

std::map<Seq, SpoolRecord> SpoolsOf(LogState& state) {
  std::lock_guard lock(state.append);
  return state.spools;
}

// What the entries from `first` on refer to, on disk.
std::uint64_t SpooledBytes(const std::map<Seq, SpoolRecord>& spools, Seq first) {
  std::uint64_t sum = 0;
  for (auto it = spools.lower_bound(first); it != spools.end(); ++it) sum += it->second.bytes;
  return sum;
}

// The first seq of the longest tail of the log that takes at most `bytes_max` on disk; the newest entry always stays.
// Dropped entries may lie on the disk for a while, so what the files take says nothing: what the kept keys take does.
Result<Seq> FirstThatFits(LogState& state, Seq first, Seq last, std::uint64_t bytes_max) {
  HG_RETURN_IF_ERROR(state.store.Flush(Family::kLog));  // sizes are known of files only
  std::string to;
  PutEntryKey(to, last + 1, 0);
  const std::map<Seq, SpoolRecord> spools = SpoolsOf(state);
  while (first < last) {
    const Seq middle = first + (last - first) / 2;
    std::string from;
    PutEntryKey(from, middle, 0);
    HG_ASSIGN_OR_RETURN(const std::uint64_t bytes, state.store.range_bytes(Family::kLog, from, to));
    if (bytes + SpooledBytes(spools, middle) > bytes_max) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

}  // namespace

Result<Log::Trimmed> Log::Trim(const RetentionPolicy& policy, Seq lowest_cursor,
                               const std::function<void(const Trimmed&, StoreBatch&)>& also) {
  Trimmed trimmed;
  const Seq first = first_seq();
  const Seq last = last_seq();
  Seq keep = first;
  if (policy.time_ms > 0) keep = std::max(keep, SeekTime(state_->clock.NowUs() - policy.time_ms * 1000));
  if (policy.bytes_max > 0 && last > first && disk_bytes() > policy.bytes_max) {
    HG_ASSIGN_OR_RETURN(const Seq fits, FirstThatFits(*state_, first, last, policy.bytes_max));
    keep = std::max(keep, fits);
  }
  if (policy.keep_from != 0 && keep > policy.keep_from) {
    keep = std::max(first, policy.keep_from);
    trimmed.held = true;
  }
  trimmed.first_kept = keep;
  if (keep <= first) return trimmed;
  trimmed.transactions = keep - first;
  if (lowest_cursor != 0 && lowest_cursor < keep) trimmed.lost_transactions = keep - std::max(lowest_cursor, first);

  std::string from;
  std::string to;
  PutBigEndian(from, std::uint64_t{0});
  PutEntryKey(to, keep, 0);
  std::string first_bytes;
  std::string lost_bytes;
  PutBigEndian(first_bytes, keep);
  PutBigEndian(lost_bytes, state_->lost_records.load() + trimmed.lost_transactions);
  StoreBatch batch;
  batch.DeleteRange(Family::kLog, from, to);
  // Sums of kept places start from here. Without them the space still has to be freed; lag is unknown for a while.
  if (const auto counts = CountsBefore({keep, 0}); counts.ok()) {
    batch.DeleteRange(Family::kMeta, CountsKey(0), CountsKey(keep - 1));
    batch.Put(Family::kMeta, CountsKey(keep - 1), EncodeCounts(*counts));
  }
  batch.Put(Family::kMeta, "first_seq", first_bytes);
  batch.Put(Family::kMeta, kLostKey, lost_bytes);
  batch.DeleteRange(Family::kMeta, SpoolRecordKey(0), SpoolRecordKey(keep));
  if (also) also(trimmed, batch);
  HG_FAILPOINT("log.before_trim");
  HG_RETURN_IF_ERROR(state_->store.Write(batch, true));
  HG_FAILPOINT("log.trimmed");
  state_->lost_records += trimmed.lost_transactions;
  state_->first_seq.store(keep, std::memory_order_release);
  state_->store.Compact(Family::kLog, from, to);
  // Only now: a reader that misses them finds that their entries are gone.
  for (const auto& [seq, spool] : SpoolsOf(*state_)) {
    if (seq >= keep) break;
    HG_RETURN_IF_ERROR(DropSpool(*state_, spool.number));
    std::lock_guard lock(state_->append);
    state_->spools.erase(seq);
  }
  return trimmed;
}

}  // namespace headgate
