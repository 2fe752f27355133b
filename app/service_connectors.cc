// The connectors of the service: create, change, run, delete.
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/config/masking.h"
#include "core/config/validate.h"
#include "core/pipeline/backfills.h"
#include "core/pipeline/recorded_writer.h"
#include "core/pipeline/topics.h"
#include "core/state/cursors.h"
#include "core/state/letter_operations.h"
#include "core/state/replays.h"
#include "core/views/stream.h"
#include "core/views/views.h"

namespace headgate {
namespace {

constexpr std::string_view kTopicsReset = "topics_reset/";
// A deleted connector that may not have stopped yet. The value is a line that says what is still to be done, and the
// record.
constexpr std::string_view kRemoving = "removing/";
constexpr std::string_view kRemovingEnd = "removing0";

std::string MetaKey(std::string_view prefix, std::string_view name) { return std::string(prefix).append(name); }

Refusal NotFound(const std::string& name) { return {404, "Connector " + name + " not found", {}}; }

std::map<std::string, std::string> Difference(const config::ComponentSpec& spec, const config::FlatConfig& before,
                                              const config::FlatConfig& after) {
  std::map<std::string, std::string> details;
  const auto old_masked = config::MaskSecretsAndUrls(spec, before);
  const auto new_masked = config::MaskSecretsAndUrls(spec, after);
  for (const auto& [key, value] : new_masked) {
    const auto it = old_masked.find(key);
    if (it == old_masked.end()) {
      details["after." + key] = value;
    } else if (before.at(key) != after.at(key)) {
      details["before." + key] = it->second;
      details["after." + key] = value;
    }
  }
  for (const auto& [key, value] : old_masked) {
    if (!new_masked.contains(key)) details["before." + key] = value;
  }
  return details;
}

}  // namespace

ConnectorPlan Service::PlanFor(const ConnectorRecord& record) const {
  ConnectorPlan plan;
  plan.name = record.name;
  const config::ComponentSpec* spec = FindPlugin(record.class_name);
  CHECK(spec != nullptr);  // Save refuses unknown classes
  plan.source = FindSource(spec->class_name);
  plan.sink = FindSink(spec->class_name);
  plan.config = EffectiveConfig(record);
  plan.target = record.target;
  plan.failures_max = record.thresholds().failures_max;
  return plan;
}

Answer<Control::Put> Service::Create(const std::string& name, config::FlatConfig config, TargetState initial,
                                     const Caller& caller) {
  config["name"] = name;
  const auto old = catalog_->Find(name);
  if (old != nullptr) {
    const config::ComponentSpec* spec =
        FindPlugin(config.contains("connector.class") ? config.at("connector.class") : "");
    if (spec != nullptr) {
      if (auto errors = BindAndCheck(*spec, name, config, false); !errors.empty()) {
        std::string text = config::ErrorsText(errors);
        return Refusal{400, std::move(text), std::move(errors)};
      }
    }
    return Refusal{409, "Connector " + name + " already exists", {}};
  }
  return Save(name, std::move(config), initial, nullptr, caller, false);
}

Answer<Control::Put> Service::Replace(const std::string& name, config::FlatConfig config,
                                      std::optional<std::uint64_t> if_version, const Caller& caller) {
  config["name"] = name;
  const auto old = catalog_->Find(name);
  if (if_version && (old == nullptr || old->version != *if_version)) {
    return Refusal{412, "Connector " + name + " was changed meanwhile. Read its config again.", {}};
  }
  const TargetState target = old != nullptr ? old->target : TargetState::kRunning;
  return Save(name, std::move(config), target, old.get(), caller, old != nullptr && old->from_file);
}

// The record that a config would make, or all that is wrong with it.
Answer<ConnectorRecord> Service::Judge(const std::string& name, config::FlatConfig config, TargetState target,
                                       const ConnectorRecord* old, bool from_file) const {
  const std::string asked = config.contains("connector.class") ? config.at("connector.class") : "";
  if (asked.empty()) {
    return Refusal{
        400,
        "Connector config " + name + " has no connector.class. Name one of the classes of GET /connector-plugins.",
        {{"connector.class", "Missing required setting \"connector.class\"."}}};
  }
  const config::ComponentSpec* spec = FindPlugin(asked);
  if (spec == nullptr) {
    const std::string text = UnknownClassText(asked);
    return Refusal{400, text, {{"connector.class", text}}};
  }
  if (old != nullptr && old->class_name != spec->class_name) {
    return Refusal{
        400,
        "Connector " + name + " is a " + old->class_name + ": its position belongs to that class. Delete it first.",
        {{"connector.class", "The class of an existing connector cannot change."}}};
  }
  config::FlatConfig merged = std::move(config);
  auto unmasked = config::UnmaskUpdate(*spec, old != nullptr ? old->config : config::FlatConfig{}, merged);
  auto errors = std::move(unmasked.errors);
  config::AddErrors(errors, BindAndCheck(*spec, name, unmasked.config, false));
  if (!errors.empty()) {
    std::string text = config::ErrorsText(errors);
    return Refusal{400, std::move(text), std::move(errors)};
  }
  ConnectorRecord record;
  record.name = name;
  record.class_name = spec->class_name;
  record.kind = spec->kind;
  record.config = std::move(unmasked.config);
  record.target = target;
  record.from_file = from_file;
  if (old != nullptr) record.health = old->health;
  record.version = old != nullptr ? old->version + 1 : 1;
  record.changed_us = clock().NowUs();
  record.created_us = old != nullptr ? old->created_us : record.changed_us;
  if (name == views::kViewSource) {
    const std::string text = "The name views is taken: the streams of views have it. Choose another one.";
    return Refusal{400, text, {{"name", text}}};
  }
  if (std::string taken = StreamTaken(record); !taken.empty()) return Refusal{400, taken, {{"stream", taken}}};
  if (std::string lacks = ready_ ? KeyLacks(record) : ""; !lacks.empty())
    return Refusal{400, lacks, {{"order_by", lacks}}};
  return record;
}

Answer<Control::Put> Service::Save(const std::string& name, config::FlatConfig config, TargetState target,
                                   const ConnectorRecord* old, const Caller& caller, bool from_file) {
  auto judged = Judge(name, std::move(config), target, old, from_file);
  if (auto* refusal = std::get_if<Refusal>(&judged)) return std::move(*refusal);
  auto& record = std::get<ConnectorRecord>(judged);
  if (old != nullptr && old->config == record.config && old->from_file == from_file) {
    auto same = catalog_->Find(name);
    if (ready_) supervisor_->Apply(PlanFor(*same));  // one that failed may try again
    return Put{std::move(same), false};
  }
  StoreBatch batch;
  NoteSaved(record, old, caller, batch);
  if (headgate::Status status = catalog_->Put(record, batch); !status.ok()) return Failed(status.error());
  auto saved = catalog_->Find(name);
  if (ready_) supervisor_->Apply(PlanFor(*saved));
  views_->Announce(AnnouncedStreams());
  Wake();
  return Put{std::move(saved), old == nullptr};
}

// What tells of a record that is about to be saved.
void Service::NoteSaved(const ConnectorRecord& record, const ConnectorRecord* old, const Caller& caller,
                        StoreBatch& batch) {
  const config::ComponentSpec* spec = FindPlugin(record.class_name);
  ServiceEvent event;
  event.kind = old != nullptr ? "connector_changed" : "connector_created";
  event.connector = record.name;
  event.summary = std::string(spec->class_name) + (old != nullptr ? " changed" : " created");
  event.details = Difference(*spec, old != nullptr ? old->config : config::FlatConfig{}, record.config);
  event.SignedBy(caller);
  if (old == nullptr) {
    if (const std::string resumes = Resumes(record); !resumes.empty()) event.details["resumes"] = resumes;
  }
  if (old == nullptr) ForgetLeftSlot(record.name, LeftoverOf(record), batch);
  events_->Add(batch, std::move(event));
  if (!VerifiesNothing(record) || (old != nullptr && VerifiesNothing(*old))) return;
  ServiceEvent unverified;
  unverified.kind = "tls_not_verified";
  unverified.connector = record.name;
  unverified.SignedBy(caller);
  unverified.summary = "the certificate of the endpoint is not verified: tls_verify is false";
  events_->Add(batch, std::move(unverified));
}

// Certificates that are not verified are never silent (webhooks, W9).
bool Service::VerifiesNothing(const ConnectorRecord& record) const {
  constexpr std::string_view kSetting = "tls_verify";
  return config::FindOption(*FindPlugin(record.class_name), kSetting) != nullptr &&
         BoundOf(record).Text(kSetting) == "false";
}

// What a new connector takes over from one of its name that was deleted (KC25), or "".
std::string Service::Resumes(const ConnectorRecord& record) const {
  // That one may still be ending, and is forgotten before this one starts.
  const auto ending = store_->Get(Family::kMeta, MetaKey(kRemoving, record.name));
  if (ending.ok() && *ending && (*ending)->substr(0, (*ending)->find('\n')).find(" forget") != std::string::npos)
    return {};
  if (record.kind == config::ComponentKind::kSource) {
    if (!log_->progress(record.name)) return {};
    return "A source of this name was here before: it resumes at its position, in the next epoch of event ids.";
  }
  const auto cursor = ReadCursor(*store_, record.name);
  if (!cursor.ok() || !*cursor) return {};
  return "A sink of this name was here before: it resumes at its cursor, " + ToText(**cursor) + ".";
}

Answer<Done> Service::SetTarget(const std::string& name, TargetState target, const Caller& caller) {
  const auto old = catalog_->Find(name);
  if (old == nullptr) return NotFound(name);
  if (old->target != target) {
    ConnectorRecord record = *old;
    record.target = target;
    ServiceEvent event;
    event.kind = "target_state";
    event.connector = name;
    event.SignedBy(caller);
    event.summary = std::string(headgate::Name(old->target)) + " -> " + std::string(headgate::Name(target));
    StoreBatch batch;
    events_->Add(batch, std::move(event));
    if (headgate::Status status = catalog_->Put(std::move(record), batch); !status.ok()) return Failed(status.error());
  }
  supervisor_->Apply(PlanFor(*catalog_->Find(name)));
  Wake();
  return Done{};
}

Answer<Done> Service::Restart(const std::string& name, bool include_tasks, bool only_failed, int task,
                              const Caller& caller) {
  const auto record = catalog_->Find(name);
  if (record == nullptr) return NotFound(name);
  if (task >= 0) {
    const auto status = Status(name);
    if (std::ranges::none_of(status->tasks, [&](const TaskStatus& t) { return t.id == task; })) {
      return Refusal{404, "Connector " + name + " has no task " + std::to_string(task), {}};
    }
  }
  const auto status = Status(name);
  const bool failed = status->state == State::kFailed || !status->last_error.empty();
  if (only_failed && !failed) return Done{};
  ServiceEvent event;
  event.kind = "restart";
  event.connector = name;
  event.SignedBy(caller);
  event.summary = task >= 0 ? "restart of task " + std::to_string(task) : "restart";
  StoreBatch batch;
  ForgetGap(batch, name);
  events_->Add(batch, std::move(event));
  if (headgate::Status written = store_->Write(batch, true); !written.ok()) return Failed(written.error());
  Wake();
  supervisor_->Restart(name, task < 0, include_tasks || task >= 0, only_failed);
  return Done{};
}

Answer<Done> Service::SetHealth(const std::string& name, HealthSettings settings, ServiceEvent event) {
  const auto old = catalog_->Find(name);
  if (old == nullptr) return NotFound(name);
  ConnectorRecord record = *old;
  record.health = std::move(settings);
  event.connector = name;
  StoreBatch batch;
  events_->Add(batch, std::move(event));
  const std::uint32_t failures_max = record.thresholds().failures_max;
  if (headgate::Status status = catalog_->Put(std::move(record), batch); !status.ok()) return Failed(status.error());
  supervisor_->SetFailuresMax(name, failures_max);
  Wake();
  return Done{};
}

Answer<Done> Service::Delete(const std::string& name, bool forget, bool drop_slot, const Caller& caller) {
  const auto record = catalog_->Find(name);
  if (record == nullptr) return NotFound(name);
  forget = forget || drop_slot;
  StoreBatch batch;
  ServiceEvent event;
  event.kind = "connector_deleted";
  event.connector = name;
  event.SignedBy(caller);
  event.summary = record->class_name + " deleted" + (forget ? ", position forgotten" : "");
  // Also with drop_slot: until it is dropped it is there.
  if (const Leftover left = LeftoverOf(*record); !left.slot.empty()) {
    NoteLeftSlot(*record, left, batch);
    event.details["slot"] = left.slot;
    if (!drop_slot) event.details["drop_slot_sql"] = left.drop_sql;
  }
  events_->Add(batch, std::move(event));
  const bool source = record->kind == config::ComponentKind::kSource;
  batch.Put(Family::kMeta, MetaKey(kRemoving, name),
            std::string(source ? "source" : "sink") + (forget ? " forget" : "") + (drop_slot ? " drop_slot" : "") +
                "\n" + EncodeRecord(*record));
  if (const auto view = views_->Find(name); !source && view != nullptr && view->record.of_sink) {
    if (auto refused = DropWithView(name, caller, batch)) return std::move(*refused);
  } else if (headgate::Status status = catalog_->Remove(name, batch); !status.ok()) {
    return Failed(status.error());
  }
  HG_FAILPOINT("removal.noted");
  supervisor_->Remove(name, [this, record, source, forget, drop_slot] {
    if (source && drop_slot) DropUpstream(*record);
    HG_FAILPOINT("removal.upstream_dropped");
    EndRemoval(record->name, source, forget);
  });
  Wake();
  return Done{};
}

// What a deletion leaves to do once the connector has stopped. What cannot be written is done at the next start.
void Service::EndRemoval(const std::string& name, bool source, bool forget) {
  headgate::Status status =
      source ? log_->NextEpoch(name, forget ? std::optional<std::string>("") : std::nullopt) : Ok();
  if (status.ok()) {
    StoreBatch batch;
    if (!source && forget) {
      DeleteCursor(batch, name);
      DeleteReplays(batch, name);
      DeleteBackfills(batch, name);
      DeleteSigningSecrets(batch, name);
      DeadLetters::DeleteAll(batch, name);
      DeleteLetterOperations(batch, name);
    }
    batch.Delete(Family::kMeta, MetaKey(kRemoving, name));
    ForgetGap(batch, name);
    status = store_->Write(batch, true);
  }
  if (!status.ok())
    diag::Error("service", "deletion is not complete", {{"connector", name}, {"error", status.error().what}});
}

// Deletions that the end of the service cut short. Before any connector runs.
headgate::Status Service::EndRemovals() {
  std::vector<std::pair<std::string, std::string>> removals;
  HG_RETURN_IF_ERROR(
      store_->Scan(Family::kMeta, kRemoving, kRemovingEnd, [&](std::string_view key, std::string_view value) {
        removals.emplace_back(key.substr(kRemoving.size()), value);
        return true;
      }));
  for (const auto& [name, value] : removals) {
    const std::string todo = value.substr(0, value.find('\n'));
    diag::Info("service", "ending a deletion that was cut short", {{"connector", name}, {"what", todo}});
    const auto record = DecodeRecord(std::string_view(value).substr(std::min(value.size(), todo.size() + 1)));
    const bool source = todo.starts_with("source");
    if (source && todo.find(" drop_slot") != std::string::npos && record && FindPlugin(record->class_name) != nullptr)
      DropUpstream(*record);
    EndRemoval(name, source, todo.find(" forget") != std::string::npos);
  }
  return Ok();
}

// On the supervisor's thread, after the source has stopped, or before anything runs. Bounded by the connector's own
// timeouts.
void Service::DropUpstream(const ConnectorRecord& record) {
  const config::ComponentSpec* spec = FindPlugin(record.class_name);
  if (FindSource(spec->class_name)->drop_upstream == nullptr) return;
  const auto outcome = config::Bind(*spec, record.config, secrets_.get());
  ServiceEvent event;
  event.kind = "slot_dropped";
  event.connector = record.name;
  event.actor = "service";
  headgate::Status status = outcome.errors.empty()
                                ? FindSource(spec->class_name)->drop_upstream(record.name, outcome.bound)
                                : headgate::Status(ConfigError(outcome.errors.front().text));
  const Leftover left = LeftoverOf(record);
  event.details["slot"] = left.slot;
  StoreBatch batch;
  if (status.ok()) {
    event.summary = "replication slot " + left.slot + " dropped";
    ForgetLeftSlot(record.name, left, batch);
  } else {
    event.kind = "slot_left";
    event.summary = "replication slot " + left.slot + " could not be dropped: " + status.error().what;
    event.details["drop_slot_sql"] = left.drop_sql;
  }
  events_->Add(batch, std::move(event));
  if (headgate::Status written = store_->Write(batch, false); !written.ok()) {
    diag::Warn("service", "event not written", {{"error", written.error().what}});
  }
  Wake();
}

std::vector<std::string> Service::Topics(std::string_view name) const {
  std::vector<std::string> topics;
  const auto record = catalog_->Find(name);
  if (record == nullptr) return topics;
  Seq reset = 0;
  if (const auto value = store_->Get(Family::kMeta, MetaKey(kTopicsReset, name));
      value.ok() && *value && (*value)->size() == 8) {
    reset = LoadBigEndian<std::uint64_t>((*value)->data());
  }
  const auto registry = log_->registry();
  const auto status = Status(name);
  for (const auto& stream : registry->streams) {
    if (stream == nullptr || log_->stats(stream->number).last_seq <= reset) continue;
    const SourceInfo* source = registry->Source(stream->source);
    // Of a sink's streams those that its cursor has met.
    const bool own = record->kind == config::ComponentKind::kSource
                         ? source != nullptr && source->name == name
                         : log_->stats(stream->number).first_seq < status->next_seq &&
                               std::ranges::find(status->topics, stream->name) != status->topics.end();
    if (own) topics.push_back(stream->name);
  }
  return topics;
}

Answer<Done> Service::ResetTopics(const std::string& name) {
  if (catalog_->Find(name) == nullptr) return NotFound(name);
  std::string value;
  PutBigEndian(value, log_->last_seq());
  StoreBatch batch;
  batch.Put(Family::kMeta, MetaKey(kTopicsReset, name), value);
  if (headgate::Status status = store_->Write(batch, false); !status.ok()) return Failed(status.error());
  return Done{};
}

// What a sink reads; kept as long as its record stays.
Service::SinkLook* Service::LookOf(const std::shared_ptr<const ConnectorRecord>& record) const {
  auto& look = sink_looks_[record->name];
  if (look != nullptr && look->record == record) return look.get();
  look.reset();
  const auto outcome = config::Bind(*FindPlugin(record->class_name), record->config, nullptr);
  auto filter = TopicFilter::Make(outcome.bound.List("topics"), outcome.bound.Text("topics.regex"));
  if (filter.ok()) look = std::make_unique<SinkLook>(record, *std::move(filter));
  return look.get();
}

// Where a sink stands that does not run. What was found there stays true as long as it stands there.
std::optional<SinkPlace> Service::PlaceOf(SinkLook& look, std::string_view sink) const {
  const auto stored = ReadCursor(*store_, sink);
  if (!stored.ok()) return std::nullopt;
  const At cursor = std::max(stored->value_or(At{}), At{log_->first_seq(), 0});
  if (look.place && look.place->cursor == cursor) return look.place;
  const auto counts = log_->CountsBefore(cursor);
  look.place.reset();
  if (counts.ok()) look.place = {cursor, SelectedOf(*counts, *log_->registry(), look.selection), 0};
  return look.place;
}

std::optional<CursorInfo> Service::Cursor(std::string_view sink) const {
  std::erase_if(sink_looks_, [this](const auto& look) { return catalog_->Find(look.first) == nullptr; });
  const auto record = catalog_->Find(sink);
  if (record == nullptr || record->kind != config::ComponentKind::kSink) return std::nullopt;
  SinkLook* const look = LookOf(record);
  if (look == nullptr) return std::nullopt;
  const auto status = supervisor_->Status(sink);
  auto place = status != nullptr ? status->place : std::nullopt;
  const bool running = place.has_value();
  if (!running) place = PlaceOf(*look, sink);
  CursorInfo info;
  info.counted = place.has_value();
  info.next_seq = place ? place->cursor.seq : status != nullptr ? status->next_seq : 0;
  if (!place) return info;
  const Count all = SelectedOf(*log_->registry(), look->selection);
  info.pending_records = all.records - std::min(all.records, place->passed.records);
  info.pending_bytes = all.bytes - std::min(all.bytes, place->passed.bytes);
  if (info.pending_records == 0) return info;
  info.oldest_pending_commit_us = place->oldest_pending_commit_us;
  if (info.oldest_pending_commit_us == 0 && !running) {
    const auto registry = log_->registry();
    const auto commit = log_->NextCommit(place->cursor, [&](StreamNo stream, SourceNo source) {
      return look->selection.Selected(stream, source, *registry);
    });
    if (commit.ok()) look->place->oldest_pending_commit_us = info.oldest_pending_commit_us = commit->value_or(0);
  }
  return info;
}

}  // namespace headgate
