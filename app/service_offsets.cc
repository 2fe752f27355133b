// Places of connectors in Kafka Connect's words: shown, and set to others while a connector is stopped (admin
// API, 1.6).
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"
#include "core/base/encoding.h"
#include "core/config/validate.h"
#include "core/pipeline/sink_offsets.h"

namespace headgate {
namespace {

using OffsetDone = std::function<void(Answer<std::string>)>;

Refusal RefusedOffset(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kConfig:
    case ErrorKind::kRejected:
      return {400, error.what, {}};
    case ErrorKind::kTransient:
    case ErrorKind::kStopped:
      return {503, "Whether it can be could not be asked, and nothing was changed: " + error.what, {}};
    default:
      return Failed(error);
  }
}

Refusal NotStopped(const std::string& name) {
  return {400,
          "Offsets are altered only while a connector is stopped. Stop it first: PUT /connectors/" +
              PercentEncode(name) + "/stop",
          {}};
}

std::string OffsetText(const SourceOffset& offset) {
  std::string text;
  for (const OffsetMember& member : offset)
    text += (text.empty() ? "" : ", ") + member.name + " " + member.value.value_or("null");
  return text.empty() ? "none" : text;
}

bool SamePlace(const SourceProgress& x, const SourceProgress& y) {
  return x.epoch == y.epoch && x.last == y.last && x.resume == y.resume;
}

// The one entry that a source can have: its place, or nothing for a reset.
Result<std::optional<SourceOffset>> PlaceIn(const std::string& name, const std::vector<OffsetEntry>& entries) {
  if (entries.empty()) return std::optional<SourceOffset>();
  const std::string shape = R"(The partition of a source is {"server":")" + name + R"("}.)";
  for (const OffsetEntry& entry : entries) {
    if (ValueOf(entry.partition, "table")) {
      return ConfigError(
          "The place of a table in a snapshot cannot be altered: cancel the snapshot, or begin another "
          "one, at /api/v1/connectors/" +
          PercentEncode(name) + "/snapshots.");
    }
    if (entry.partition.size() != 1 || ValueOf(entry.partition, "server") != name) return ConfigError(shape);
  }
  if (entries.size() > 1) return ConfigError("The partition is there twice. " + shape);
  return entries.front().offset;
}

Result<Seq> SeqIn(const SourceOffset& offset) {
  const std::string text = ValueOf(offset, "kafka_offset").value_or("");
  const bool digits =
      !text.empty() && text.size() <= 19 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && offset.size() == 1) return std::stoull(text);
  return ConfigError(R"(The offset of a sink is {"kafka_offset":<seq>}, a whole number from 0; or null, for a reset.)");
}

Result<std::map<std::string, Seq>> SeqsIn(const std::vector<OffsetEntry>& entries) {
  std::map<std::string, Seq> to;
  for (const OffsetEntry& entry : entries) {
    const auto stream = ValueOf(entry.partition, "kafka_topic");
    const auto shard = ValueOf(entry.partition, "kafka_partition");
    if (!stream || !shard || entry.partition.size() != 2) {
      return ConfigError(R"(The partition of a sink is {"kafka_topic":"<stream>","kafka_partition":0}.)");
    }
    if (*shard != "0")
      return ConfigError("There is no partition " + shard->substr(0, 100) + " of " + *stream + ", only 0.");
    Seq seq = 0;
    if (entry.offset) {
      HG_ASSIGN_OR_RETURN(seq, SeqIn(*entry.offset));
    }
    if (!to.emplace(*stream, seq).second) return ConfigError("The partition of " + *stream + " is there twice.");
  }
  return to;
}

}  // namespace

SourceOffset Service::OffsetOf(const std::string& source) const {
  const auto record = catalog_->Find(source);
  const SourceFactory* const factory = record == nullptr ? nullptr : FindSource(record->class_name);
  const auto progress = log_->progress(source);
  return factory == nullptr || !progress ? SourceOffset() : factory->offset(*progress);
}

std::vector<OffsetEntry> Service::PartitionOffsets(const std::string& source) const {
  const auto record = catalog_->Find(source);
  const SourceFactory* const factory = record == nullptr ? nullptr : FindSource(record->class_name);
  const auto progress = log_->progress(source);
  if (factory == nullptr || factory->offsets == nullptr || !progress) return {};
  return factory->offsets(*progress);
}

std::map<std::string, Seq> Service::StreamOffsets(const std::string& sink) const {
  std::map<std::string, Seq> next;
  const auto status = supervisor_->Status(sink);
  auto stand = ReadStand(*store_, *log_, sink);
  if (status == nullptr || !stand.ok()) return next;
  if (status->place) stand->cursor = std::max(stand->cursor, status->place->cursor);  // the stored one is a moment old
  if (stand->cursor >= stand->replays.until) stand->replays = {};
  for (const auto& [stream, place] : PlacesOf(*stand, status->topics)) next[stream] = place.seq;
  return next;
}

void Service::AlterOffsets(const std::string& name, const std::vector<OffsetEntry>& entries, const Caller& caller,
                           const OffsetDone& done) {
  const auto record = catalog_->Find(name);
  if (record == nullptr) return done(Refusal{404, "Connector " + name + " not found", {}});
  if (record->target != TargetState::kStopped) return done(NotStopped(name));
  if (record->kind == config::ComponentKind::kSource) return AlterSource(*record, entries, caller, done);
  AlterSink(*record, entries, caller, done);
}

void Service::AlterSource(const ConnectorRecord& record, const std::vector<OffsetEntry>& entries, const Caller& caller,
                          const OffsetDone& done) {
  const SourceFactory& factory = *FindSource(record.class_name);
  const bool parted = factory.move_partitions != nullptr;
  const Result<std::optional<SourceOffset>> place =
      parted ? std::optional<SourceOffset>() : PlaceIn(record.name, entries);
  if (!place.ok()) return done(RefusedOffset(place.error()));
  const auto progress = log_->progress(record.name);
  if (!progress || factory.offset(*progress).empty()) {
    return done(Refusal{400, "Connector " + record.name + " has no offsets yet: they come with its first run.", {}});
  }
  std::optional<SourceMove> move;
  if (parted ? !entries.empty() : place->has_value()) {
    if (factory.move == nullptr && !parted)
      return done(
          Refusal{400, "The offsets of " + record.name + " cannot be altered. " + std::string(factory.move_note), {}});
    const auto outcome = config::Bind(*factory.spec, record.config, secrets_.get());
    if (!outcome.errors.empty()) return done(Refusal{400, config::ErrorsText(outcome.errors), outcome.errors});
    auto made = parted ? factory.move_partitions(record.name, outcome.bound, *progress, entries, {})
                       : factory.move(record.name, outcome.bound, *progress, **place, {});
    if (!made.ok()) return done(RefusedOffset(made.error()));
    move = *std::move(made);
  }
  supervisor_->WhileStopped(record.name,
                            [this, &factory, name = record.name, seen = *progress, move, caller, done](bool stopped) {
                              done(stopped ? MoveSource(factory, name, seen, move, caller) : NotStopped(name));
                            });
}

// On the supervisor's thread, while nothing of the source runs.
Answer<std::string> Service::MoveSource(const SourceFactory& factory, const std::string& name,
                                        const SourceProgress& seen, const std::optional<SourceMove>& move,
                                        const Caller& caller) {
  const auto now = log_->progress(name);
  if (!now || !SamePlace(*now, seen)) return Refusal{409, "Connector " + name + " has moved meanwhile. Try again.", {}};
  SourceProgress then;
  if (move) then.resume = move->resume;
  ServiceEvent event;
  event.kind = "offsets_altered";
  event.connector = name;
  event.SignedBy(caller);
  event.details["before"] = OffsetText(factory.offset(*now));
  event.details["after"] = OffsetText(factory.offset(then));
  event.summary =
      (move ? "offsets altered: " : "offsets reset: ") + event.details["before"] + " -> " + event.details["after"];
  if (move && move->gap) event.details["skipped"] = move->gap->text;
  const std::string said = event.summary;
  StoreBatch batch;
  events_->Add(batch, std::move(event));
  headgate::Status status;
  if (move && move->gap) {
    auto writer = log_->OpenWriter(name, "", factory.connector);
    status = writer.ok() ? (*writer)->DeclareGap(*move->gap, clock().NowUs(), move->resume, batch)
                         : headgate::Status(std::move(writer).error());
  } else {
    status = log_->NextEpoch(name, move ? move->resume : "", batch);
  }
  if (!status.ok()) return Failed(status.error());
  Wake();
  return "Connector " + name + ": " + said + ". " + std::string(factory.move_note);
}

void Service::AlterSink(const ConnectorRecord& record, const std::vector<OffsetEntry>& entries, const Caller& caller,
                        const OffsetDone& done) {
  auto to = SeqsIn(entries);
  if (!to.ok()) return done(RefusedOffset(to.error()));
  supervisor_->WhileStopped(
      record.name, [this, name = record.name, to = *std::move(to), caller, done](bool stopped) mutable {
        if (!stopped) return done(NotStopped(name));
        const auto status = supervisor_->Status(name);
        if (to.empty()) {
          for (const std::string& stream : status->topics) to[stream] = 0;
        }
        const auto placed = PlaceSink(name, status->topics, to, *store_, *log_, *events_, caller);
        if (!placed.ok()) return done(RefusedOffset(placed.error()));
        Wake();
        std::string text = "Connector " + name + ": offsets of " + std::to_string(to.size()) + " of its " +
                           std::to_string(placed->after.size()) + " streams are set.";
        for (const auto& [stream, seq] : to)
          text += " " + stream + " " + std::to_string(placed->before.at(stream).seq) + " -> " +
                  std::to_string(placed->after.at(stream).seq) + ".";
        done(text);
      });
}

}  // namespace headgate
