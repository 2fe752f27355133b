#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>

#include "core/base/failpoint.h"
#include "core/log/entry.h"
#include "core/log/log_state.h"

namespace headgate {
namespace {

// What an Append changes of a stream's record.
struct Touched {
  std::uint64_t records = 0;
  std::uint64_t markers = 0;
  std::uint64_t bytes = 0;
  Seq first_seq = 0;
  Seq last_seq = 0;
  std::int64_t last_commit_us = 0;
};

// What it changes of all counters.
struct Tally {
  std::vector<Touched> streams;  // by number - 1
  std::array<std::uint64_t, kOps> ops{};
  Count loose;
};

class Writer final : public LogWriter {
 public:
  Writer(LogState& state, SourceNo number) : state_(state), number_(number) {
    const auto registry = state_.registry.Get();
    info_ = registry->sources[number - 1];
    progress_ = ToProgress(state_.sources[number - 1]);
    for (const auto& stream : registry->streams) {
      if (stream != nullptr && stream->source == number) streams_.push_back(stream);
    }
  }

  const SourceInfo& source() const override { return *info_; }
  const SourceProgress& progress() const override { return progress_; }

  StreamNo OpenStream(std::string_view schema, std::string_view table) override {
    for (const auto& stream : streams_) {
      if (stream->schema == schema && stream->table == table) return stream->number;
    }
    std::lock_guard lock(state_.append);
    StreamInfo stream;
    stream.number = state_.next_stream++;
    stream.name = LogStreamName(info_->name, schema, table);
    stream.source = number_;
    stream.schema = schema;
    stream.table = table;
    streams_.push_back(std::make_shared<const StreamInfo>(stream));
    new_streams_.push_back(streams_.back());
    return stream.number;
  }

  std::uint32_t DefineSchema(StreamNo stream, const TableSchema& schema, std::uint64_t at,
                             std::int64_t commit_us) override {
    std::uint32_t newest = 0;
    const auto current = Newest(stream, newest);
    if (current && *current == schema) return newest;
    new_schemas_.push_back({stream, newest + 1, std::make_shared<const TableSchema>(schema), at, commit_us});
    return newest + 1;
  }

  std::uint32_t NewestVersion(StreamNo stream) const override {
    const auto pending =
        std::find_if(new_schemas_.rbegin(), new_schemas_.rend(), [&](const auto& p) { return p.stream == stream; });
    return pending != new_schemas_.rend() ? pending->version : state_.registry.Get()->LatestVersion(stream);
  }
  std::optional<TableSchema> NewestSchema(StreamNo stream) const override {
    std::uint32_t version = 0;
    return Newest(stream, version);
  }

  const Store& store() const override { return state_.store; }

  std::shared_ptr<BlockSpool> NewSpool() override { return std::make_shared<Spool>(state_.store, state_.next_spool++); }

  Result<Outcome> Append(std::span<const Transaction> transactions, std::optional<std::string> resume,
                         const StoreBatch& also, const Numbered& numbered) override {
    Outcome outcome;
    HG_ASSIGN_OR_RETURN(outcome, Write(transactions, std::move(resume), std::nullopt, also, numbered));
    return outcome;
  }

  Status DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume, const StoreBatch& also) override {
    Transaction tx;
    tx.first_ordinal = 0;
    tx.info.position = {PositionKind::kGap, gap.to, 0, 0, {}};
    tx.info.consistent_at = gap.to;
    tx.info.commit_us = commit_us;
    tx.StartChange(Op::kGap, 0, 0, gap.to);
    tx.EndChange(Encode(gap));
    HG_FAILPOINT("log.gap");
    auto outcome = Write(std::span(&tx, 1), std::move(resume), progress_.epoch + 1, also, nullptr);
    if (!outcome.ok()) return std::move(outcome).error();
    return Ok();
  }

 private:
  struct PendingSchema {
    StreamNo stream;
    std::uint32_t version;
    std::shared_ptr<const TableSchema> schema;
    std::uint64_t at;
    std::int64_t commit_us;
  };

  std::optional<TableSchema> Newest(StreamNo stream, std::uint32_t& version) const {
    const auto pending =
        std::find_if(new_schemas_.rbegin(), new_schemas_.rend(), [&](const auto& p) { return p.stream == stream; });
    if (pending != new_schemas_.rend()) {
      version = pending->version;
      return *pending->schema;
    }
    const auto registry = state_.registry.Get();
    version = registry->LatestVersion(stream);
    const TableSchema* known = registry->Schema(stream, version);
    return known == nullptr ? std::nullopt : std::optional(*known);
  }

  Result<Outcome> Write(std::span<const Transaction> transactions, std::optional<std::string> resume,
                        std::optional<std::uint32_t> new_epoch, const StoreBatch& also, const Numbered& numbered) {
    for (const Transaction& tx : transactions) HG_RETURN_IF_ERROR(TakeInSpool(tx));
    std::lock_guard lock(state_.append);
    SourceProgress next = ProgressInto(new_epoch);
    if (resume) next.resume = std::move(*resume);

    Outcome outcome;
    new_spools_.clear();
    std::vector<Seq> seqs;
    rocksdb::WriteBatch batch;
    Tally tally;
    Seq seq = state_.last_seq.load(std::memory_order_relaxed);
    // Never decreases, for SeekTime, whatever the clock does.
    const std::int64_t now = std::max(state_.clock.NowUs(), state_.last_stored_us);
    std::size_t schemas_put = 0;
    const auto put_schemas_before = [&](std::optional<std::uint64_t> position) {
      for (; schemas_put < new_schemas_.size(); ++schemas_put) {
        const PendingSchema& pending = new_schemas_[schemas_put];
        if (position && pending.at > *position) break;
        PutEntry(batch, SchemaEvent(pending), ++seq, now, next, tally);
      }
    };
    for (const Transaction& tx : transactions) {
      const Position& position = tx.info.position;
      const bool ordered = IsOrdered(position.kind);
      if (ordered && next.last && !OrderedBefore(*next.last, position)) {
        ++outcome.duplicates;
        seqs.push_back(0);
        continue;
      }
      // A gap is the first entry of its epoch; schemas come behind it.
      if (position.kind != PositionKind::kGap) put_schemas_before(ordered ? std::optional(position.a) : std::nullopt);
      PutEntry(batch, tx, ++seq, now, next, tally);
      seqs.push_back(seq);
      ++outcome.appended;
      if (ordered) {
        next.last = position;
        next.last_end = std::max(next.last_end, tx.info.end);
      }
    }
    put_schemas_before(std::nullopt);
    outcome.last_seq = seq;

    stored::StoredSource record = RecordOf(next, tally);
    Put(batch, SourceKey(number_), record.SerializeAsString());
    const auto registry = PutRegistrations(batch, tally.streams);
    if (numbered) AddNumbered(batch, numbered, seqs);
    const std::uint64_t since_counts = PutCounts(batch, registry ? *registry : *state_.registry.Get(), seq, tally);

    HG_FAILPOINT("log.before_sync");
    HG_RETURN_IF_ERROR(state_.store.Commit(batch, also, true));
    HG_FAILPOINT("log.synced");

    progress_ = std::move(next);
    if (seq != state_.last_seq.load(std::memory_order_relaxed)) state_.last_stored_us = now;
    state_.sources[number_ - 1] = std::move(record);
    if (registry) state_.registry.Set(std::move(*registry));
    Add(tally);
    state_.since_counts = since_counts;
    state_.spools.merge(new_spools_);
    SetPublished(transactions, seqs);
    new_streams_.clear();
    new_schemas_.clear();
    state_.last_seq.store(seq, std::memory_order_release);
    state_.WakeSubscribers();
    return outcome;
  }

  SourceProgress ProgressInto(std::optional<std::uint32_t> new_epoch) const {
    SourceProgress next = progress_;
    if (new_epoch) {
      next.epoch = *new_epoch;
      next.last.reset();
      next.last_end = 0;
      ++next.gaps;
    }
    return next;
  }

  static void SetPublished(std::span<const Transaction> transactions, const std::vector<Seq>& seqs) {
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      if (auto* const spool = static_cast<Spool*>(transactions[i].spool()); spool != nullptr && seqs[i] != 0)
        spool->SetPublished();
    }
  }

  void AddNumbered(rocksdb::WriteBatch& batch, const Numbered& numbered, const std::vector<Seq>& seqs) const {
    StoreBatch told;
    numbered(seqs, told);
    state_.store.AddTo(batch, told);
  }

  static Transaction SchemaEvent(const PendingSchema& pending) {
    Transaction tx;
    tx.first_ordinal = 0;
    tx.info.position = {PositionKind::kSchema, 0, pending.stream, pending.version, {}};
    tx.info.consistent_at = pending.at;
    tx.info.commit_us = pending.commit_us;
    tx.StartChange(Op::kSchema, pending.stream, pending.version, pending.at);
    tx.EndChange();
    return tx;
  }

  void PutEntry(rocksdb::WriteBatch& batch, const Transaction& tx, Seq seq, std::int64_t now,
                const SourceProgress& progress, Tally& tally) {
    TransactionInfo info = tx.info;
    info.source = number_;
    info.epoch = progress.epoch;
    info.stored_us = now;
    info.total = tx.changes();
    if (IsOrdered(info.position.kind)) info.previous_end = progress.last_end;
    const auto& blocks = tx.blocks();
    if (tx.spool() != nullptr) return PutSpooledEntry(batch, tx, info, seq, tally);
    if (blocks.empty()) {  // a mark: that it is there, and when, is all it says
      key_.clear();
      header_.clear();
      PutEntryKey(key_, seq, 0);
      PutEntryHeader(header_, &info, true, tx.first_ordinal, 0, {});
      batch.Put(state_.store.handle(Family::kLog), key_, header_);
      return;
    }
    for (std::size_t part = 0; part < blocks.size(); ++part) {
      key_.clear();
      header_.clear();
      PutEntryKey(key_, seq, static_cast<std::uint32_t>(part));
      const StoredChanges changes = packer_.Pack(blocks[part].bytes);
      PutEntryHeader(header_, part == 0 ? &info : nullptr, part + 1 == blocks.size(), blocks[part].first_ordinal,
                     blocks[part].count, changes);
      const rocksdb::Slice key_parts[] = {key_};
      const rocksdb::Slice value_parts[] = {header_, changes.bytes};
      batch.Put(state_.store.handle(Family::kLog), rocksdb::SliceParts(key_parts, 1),
                rocksdb::SliceParts(value_parts, 2));
      CountBlock(blocks[part], seq, info.commit_us, tally);
    }
  }

  // The whole transaction is in the spool then.
  Status TakeInSpool(const Transaction& tx) {
    auto* const spool = static_cast<Spool*>(tx.spool());
    if (spool == nullptr || spool->taken_in()) return Ok();
    for (const Transaction::Block& block : tx.blocks()) spool->Take(block);
    return spool->TakeIn();
  }

  void PutSpooledEntry(rocksdb::WriteBatch& batch, const Transaction& tx, const TransactionInfo& info, Seq seq,
                       Tally& tally) {
    const Spool& spool = static_cast<const Spool&>(*tx.spool());
    std::string reference;
    PutSpoolReference(reference, spool.reference());
    key_.clear();
    header_.clear();
    PutEntryKey(key_, seq, 0);
    PutEntryHeader(header_, &info, true, tx.first_ordinal, info.total, {reference, 0, true});
    batch.Put(state_.store.handle(Family::kLog), key_, header_ + reference);
    const SpoolRecord record{spool.reference().number, spool.disk_bytes()};
    batch.Put(state_.store.handle(Family::kMeta), SpoolRecordKey(seq), EncodeSpoolRecord(record));
    new_spools_[seq] = record;
    for (const Spool::Counted& c : spool.counted())
      CountChanges(c.stream, c.op, {c.records, c.bytes}, seq, info.commit_us, tally);
  }

  // Only the head of each change is read.
  static void CountBlock(const Transaction::Block& block, Seq seq, std::int64_t commit_us, Tally& tally) {
    ChangeReader reader(block.bytes, block.first_ordinal);
    Change change;
    while (reader.Next(change))
      CountChanges(change.stream, change.op, {1, CountedBytes(change)}, seq, commit_us, tally);
  }

  static void CountChanges(StreamNo stream, Op op, Count count, Seq seq, std::int64_t commit_us, Tally& tally) {
    tally.ops[static_cast<std::size_t>(op)] += count.records;
    if (stream == 0) {
      tally.loose += count;
      return;
    }
    if (tally.streams.size() < stream) tally.streams.resize(stream);
    Touched& t = tally.streams[stream - 1];
    t.records += count.records;
    if (IsMarker(op)) t.markers += count.records;
    t.bytes += count.bytes;
    if (t.first_seq == 0) t.first_seq = seq;
    t.last_seq = seq;
    t.last_commit_us = commit_us;
  }

  void Put(rocksdb::WriteBatch& batch, const std::string& key, const std::string& value) {
    batch.Put(state_.store.handle(Family::kStreams), key, value);
  }

  // Adds the records of new streams, new schemas and touched counters. A new registry if there is something new in it.
  std::optional<Registry> PutRegistrations(rocksdb::WriteBatch& batch, const std::vector<Touched>& touched) {
    std::optional<Registry> registry;
    if (!new_streams_.empty() || !new_schemas_.empty()) registry = *state_.registry.Get();
    for (const auto& stream : new_streams_) {
      const std::size_t index = stream->number - 1;
      if (registry->streams.size() <= index) {
        registry->streams.resize(index + 1);
        registry->counters.resize(index + 1);
        registry->schemas.resize(index + 1);
      }
      registry->streams[index] = stream;
      registry->counters[index] = std::make_shared<StreamCounters>();
    }
    for (const PendingSchema& pending : new_schemas_) {
      registry->schemas[pending.stream - 1].push_back(pending.schema);
      Put(batch, SchemaKey(pending.stream, pending.version), EncodeSchema(*pending.schema));
    }
    const auto current = state_.registry.Get();
    const Registry& view = registry ? *registry : *current;
    for (const auto& stream : streams_) {
      const std::size_t index = stream->number - 1;
      const bool is_new = std::ranges::find(new_streams_, stream) != new_streams_.end();
      if (!is_new && (index >= touched.size() || touched[index].records == 0)) continue;
      const Touched t = index < touched.size() ? touched[index] : Touched{};
      const StreamCounters& c = *view.counters[index];
      stored::StoredStream record;
      record.set_number(stream->number);
      record.set_name(stream->name);
      record.set_source(stream->source);
      record.set_schema(stream->schema);
      record.set_table(stream->table);
      record.set_records(c.records + t.records);
      record.set_markers(c.markers + t.markers);
      record.set_bytes(c.bytes + t.bytes);
      record.set_first_seq(c.first_seq != 0 ? c.first_seq.load() : t.first_seq);
      record.set_last_seq(t.last_seq != 0 ? t.last_seq : c.last_seq.load());
      record.set_last_commit_us(t.last_seq != 0 ? t.last_commit_us : c.last_commit_us.load());
      Put(batch, StreamKey(stream->number), record.SerializeAsString());
    }
    return registry;
  }

  stored::StoredSource RecordOf(const SourceProgress& next, const Tally& tally) const {
    stored::StoredSource record = state_.sources[number_ - 1];
    record.set_epoch(next.epoch);
    record.clear_last_position();
    if (next.last) PutPosition(*record.mutable_last_position(), *next.last);
    record.set_last_end(next.last_end);
    record.set_resume(next.resume);
    record.set_gaps(next.gaps);
    while (record.records_size() < static_cast<int>(kOps)) record.add_records(0);
    for (std::size_t op = 0; op < kOps; ++op) {
      const int index = static_cast<int>(op);
      record.set_records(index, record.records(index) + tally.ops[op]);
    }
    record.set_loose_records(record.loose_records() + tally.loose.records);
    record.set_loose_bytes(record.loose_bytes() + tally.loose.bytes);
    return record;
  }

  // Now and then, the sums of the whole log as they are with this append. How many changes come behind stored ones.
  std::uint64_t PutCounts(rocksdb::WriteBatch& batch, const Registry& registry, Seq seq, const Tally& tally) const {
    std::uint64_t since = state_.since_counts + tally.loose.records;
    for (const Touched& t : tally.streams) since += t.records;
    if (since < kCountsEvery) return since;
    LogCounts counts;
    for (std::size_t i = 0; i < registry.counters.size(); ++i) {
      Count& count = counts.streams.emplace_back();
      if (const auto& c = registry.counters[i]; c != nullptr) count = {c->records, c->bytes};
      if (i < tally.streams.size()) count += {tally.streams[i].records, tally.streams[i].bytes};
    }
    for (const auto& c : registry.source_counters)
      counts.loose.push_back(c != nullptr ? Count{c->loose_records, c->loose_bytes} : Count{});
    counts.loose[number_ - 1] += tally.loose;
    batch.Put(state_.store.handle(Family::kMeta), CountsKey(seq), EncodeCounts(counts));
    return 0;
  }

  void Add(const Tally& tally) {
    const auto registry = state_.registry.Get();
    for (std::size_t i = 0; i < tally.streams.size(); ++i) {
      const Touched& t = tally.streams[i];
      if (t.records == 0) continue;
      StreamCounters& c = *registry->counters[i];
      c.records += t.records;
      c.markers += t.markers;
      c.bytes += t.bytes;
      if (c.first_seq == 0) c.first_seq = t.first_seq;
      c.last_seq = t.last_seq;
      c.last_commit_us = t.last_commit_us;
    }
    SourceCounters& own = *registry->source_counters[number_ - 1];
    for (std::size_t op = 0; op < kOps; ++op) own.records[op] += tally.ops[op];
    own.loose_records += tally.loose.records;
    own.loose_bytes += tally.loose.bytes;
    own.gaps = progress_.gaps;
  }

  LogState& state_;
  const SourceNo number_;
  std::shared_ptr<const SourceInfo> info_;
  SourceProgress progress_;
  std::vector<std::shared_ptr<const StreamInfo>> streams_;      // of this source, durable or not yet
  std::vector<std::shared_ptr<const StreamInfo>> new_streams_;  // not yet durable
  std::vector<PendingSchema> new_schemas_;
  std::map<Seq, SpoolRecord> new_spools_;  // of the append under way
  std::string key_;
  std::string header_;
  ChangePacker packer_;
};

}  // namespace

Result<LogWriter::Outcome> LogWriter::Append(std::span<const Transaction> transactions,
                                             std::optional<std::string> resume) {
  return Append(transactions, std::move(resume), StoreBatch(), nullptr);
}
Result<LogWriter::Outcome> LogWriter::Append(std::span<const Transaction> transactions,
                                             std::optional<std::string> resume, const StoreBatch& also) {
  return Append(transactions, std::move(resume), also, nullptr);
}
Status LogWriter::DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume) {
  return DeclareGap(gap, commit_us, std::move(resume), StoreBatch());
}

std::string LogStreamName(std::string_view source, std::string_view schema, std::string_view table) {
  std::string name;
  if (!schema.empty()) name.append(source).append(".").append(schema).append(".");
  return name.append(table);
}

std::unique_ptr<LogWriter> MakeWriter(LogState& state, SourceNo source) {
  return std::make_unique<Writer>(state, source);
}

}  // namespace headgate
