#include "app/service.h"

#include <algorithm>

#include "app/file_sql.h"
#include "app/plugins.h"
#include "app/running_operation.h"
#include "connectors/registry.h"
#include "core/base/diag.h"
#include "core/log/log_reader.h"
#include "core/pipeline/recorded_writer.h"
#include "core/state/cursors.h"
#include "core/state/ingest_keys.h"
#include "core/views/stream.h"
#include "core/views/views.h"
#include "sinks/registry.h"

namespace headgate {
namespace {

constexpr auto kMaintenance = std::chrono::seconds(10);
constexpr auto kViewsWait = std::chrono::seconds(5);
constexpr auto kLook = std::chrono::seconds(10);
constexpr std::int64_t kLookUpstreamUs = 60'000'000;
constexpr std::int64_t kKeepEventsUs = 90LL * 24 * 3600 * 1'000'000;

}  // namespace

Result<std::unique_ptr<Service>> Service::Start(const config::ServiceConfig& config,
                                                const std::vector<std::string>& own_listeners) {
  auto service = std::unique_ptr<Service>(new Service);
  HG_ASSIGN_OR_RETURN(service->store_, Store::Open(config.data_dir));
  HG_ASSIGN_OR_RETURN(service->log_, Log::Open(*service->store_, SystemClock()));
  HG_ASSIGN_OR_RETURN(service->events_, headgate::Events::Open(*service->store_, SystemClock()));
  HG_ASSIGN_OR_RETURN(service->catalog_, Catalog::Open(*service->store_));
  HG_ASSIGN_OR_RETURN(service->kept_answers_, KeptAnswers::Open(*service->store_, SystemClock()));
  HG_ASSIGN_OR_RETURN(auto resolver, config::SecretResolver::Create(config.secrets));
  service->secrets_ = std::make_unique<config::SecretResolver>(std::move(resolver));
  service->retention_ = {config.retention.time_ms, static_cast<std::uint64_t>(config.retention.bytes_max)};
  service->sink_services_.clock = &SystemClock();
  service->sink_services_.log_id = service->store_->instance_id();
  service->sink_services_.egress_allow = config.egress.allow;
  service->sink_services_.egress_deny = config.egress.deny;
  service->sink_services_.egress_deny_ports = config.egress.deny_ports;
  service->sink_services_.own_listeners = own_listeners;
  service->sink_services_.public_url = config.api.public_url;
  if (config.api.allow_insecure && !config::IsLoopback(config.api.listen.address)) {
    service->warnings_.push_back(
        "The admin API listens on " + config.api.listen.Text() +
        " without authentication (api.allow_insecure): whoever reaches it may read and change everything.");
  }
  Service* const raw = service.get();
  service->state_ = std::make_unique<ViewsState>(*raw->store_, *raw->log_, [raw] { return raw->views_.get(); });
  service->supervisor_ = std::make_unique<Supervisor>(
      Supervisor::Parts{raw->store_.get(), raw->log_.get(), raw->events_.get(), raw->secrets_.get(),
                        &raw->sink_services_, &SystemClock(), [raw] { raw->Wake(); }, raw->state_.get()});
  HG_RETURN_IF_ERROR(service->StartViews(config));
  HG_RETURN_IF_ERROR(service->EndRemovals());
  if (const FileSql sql = ReadFileSql(config); !sql.errors.empty()) return ConfigError(sql.AllErrors());
  HG_RETURN_IF_ERROR(service->TakeOver(config));
  service->views_->Announce(service->AnnouncedStreams());
  HG_RETURN_IF_ERROR(service->TakeOverSql(config));
  HG_ASSIGN_OR_RETURN(service->groups_, GroupDesk::Open({raw->store_.get(), raw->log_.get(), raw->events_.get(),
                                                         &SystemClock(), [raw] { raw->Wake(); }}));
  for (const auto& [name, status] : *service->groups_->groups()) service->views_->Follow(name.stream);
  for (const auto& [name, record] : *service->catalog_->records())
    service->supervisor_->Apply(service->PlanFor(*record));
  HG_RETURN_IF_ERROR(service->ResumeOperations());
  service->maintenance_ = std::jthread([raw](std::stop_token stop) { raw->Maintain(stop); });
  service->looks_ = std::jthread([raw](std::stop_token stop) { raw->LookAtServers(stop); });
  service->ready_ = true;
  return service;
}

Service::~Service() { Stop(); }

void Service::Stop() {
  ready_ = false;
  maintenance_.request_stop();
  looks_ = std::jthread();
  maintenance_ = std::jthread();
  if (groups_ != nullptr) groups_->Stop();
  if (views_ != nullptr) views_->Stop();
  if (supervisor_ != nullptr) supervisor_->Stop();
}

// The connectors of the config file win over the stored catalogue for their names; what a person paused stays paused.
Status Service::TakeOver(const config::ServiceConfig& config) {
  std::string wrong;
  const auto complain = [&](const std::string& name, const Refusal& refusal) {
    const auto add = [&](const std::string& key, const std::string& text) {
      wrong.append(wrong.empty() ? "" : "\n").append(config.Where(name, key));
      wrong.append(": connector ").append(name).append(": ").append(text);
    };
    for (const auto& error : refusal.errors) add(error.key, error.text);
    if (refusal.errors.empty()) add("", refusal.text);
  };
  // All are judged before the first is written: a file with a mistake changes nothing.
  for (const bool write : {false, true}) {
    for (const auto& [name, flat] : config.connectors) {
      const auto old = catalog_->Find(name);
      if (old != nullptr && old->from_file && old->config == flat) continue;
      const TargetState target = old != nullptr ? old->target : TargetState::kRunning;
      if (write) {
        const auto saved = Save(name, flat, target, old.get(), "file", true);
        if (const auto* refusal = std::get_if<Refusal>(&saved)) complain(name, *refusal);
      } else {
        const auto judged = Judge(name, flat, target, old.get(), true);
        if (const auto* refusal = std::get_if<Refusal>(&judged)) complain(name, *refusal);
      }
    }
    if (!wrong.empty()) return ConfigError(wrong);
  }
  for (const auto& [name, record] : *catalog_->records()) {
    if (!record->from_file || config.connectors.contains(name)) continue;
    diag::Warn("service", "connector is no longer in the config file but stays: delete it over the API if it should go",
               {{"connector", name}});
    ConnectorRecord kept = *record;
    kept.from_file = false;
    StoreBatch batch;
    HG_RETURN_IF_ERROR(catalog_->Put(std::move(kept), batch));
  }
  return Ok();
}

// What is at the servers of sources that do not run. A thread of its own: a server that does not answer holds it up.
void Service::LookAtServers(std::stop_token stop) {
  Signal never;
  while (!stop.stop_requested()) {
    never.WaitUntil(std::chrono::steady_clock::now() + kLook, stop);
    if (stop.stop_requested()) return;
    LookUpstream(stop);
    LookForLeftSlots(stop);
  }
}

// Retention, and the end of old events and answers.
void Service::Maintain(std::stop_token stop) {
  Signal never;
  while (!stop.stop_requested()) {
    never.WaitUntil(std::chrono::steady_clock::now() + kMaintenance, stop);
    if (stop.stop_requested()) return;
    TrimLog(stop);
    StoreBatch batch;
    events_->Trim(batch, clock().NowUs() - kKeepEventsUs);
    if (headgate::Status status = TrimIngestKeys(*store_, batch, clock().NowUs()); !status.ok())
      diag::Warn("service", "old keys of events not dropped", {{"error", status.error().what}});
    if (headgate::Status status = kept_answers_->Trim(batch); !status.ok())
      diag::Warn("service", "old answers not dropped", {{"error", status.error().what}});
    if (!batch.empty()) static_cast<void>(store_->Write(batch, false));
  }
}

void Service::TrimLog(std::stop_token stop) {
  RetentionPolicy retention = retention_;
  for (bool again = true; again;) {
    // The base of tables has to have taken in what goes, else no view could be made any more. Views that cannot go on
    // do not keep the log for ever.
    again = views_->trouble().empty();
    retention.keep_from = again ? views_->applied() + 1 : 0;
    // A deleted sink leaves its cursor for one that takes its name again, but misses nothing meanwhile.
    const auto lowest =
        LowestCursor(*store_, [this](std::string_view sink) { return catalog_->Find(sink) != nullptr; });
    std::size_t groups = 0;
    const auto trimmed = log_->Trim(retention, lowest.ok() ? *lowest : 0,
                                    [this, &groups](const Log::Trimmed& dropped, StoreBatch& batch) {
                                      TellOfLoss(dropped, batch);
                                      groups = groups_->TellOfLoss(dropped.first_kept, batch);
                                    });
    if (!trimmed.ok()) {
      diag::Error("service", "retention could not drop old records", {{"error", trimmed.error().what}});
      return;
    }
    if (trimmed->lost_transactions > 0) {
      diag::Error("service", "retention dropped records that a sink had not read",
                  {{"transactions", trimmed->lost_transactions}, {"first_kept_seq", trimmed->first_kept}});
      Wake();
    }
    if (groups > 0) {
      diag::Error("service", "retention dropped records that consumer groups had not acknowledged",
                  {{"groups", groups}, {"first_kept_seq", trimmed->first_kept}});
      groups_->FaceLosses();
      Wake();
    }
    if (!trimmed->held) return;
    views_->runtime().CatchUp();
    again = views_->Wait(retention.keep_from, std::chrono::steady_clock::now() + kViewsWait, stop);
  }
}

// A declared loss (design D1), for each sink that had not read what goes.
void Service::TellOfLoss(const Log::Trimmed& dropped, StoreBatch& batch) {
  if (dropped.lost_transactions == 0) return;
  const auto records = catalog_->records();  // the API thread may replace them meanwhile
  for (const auto& [name, record] : *records) {
    if (record->kind != config::ComponentKind::kSink) continue;
    const auto cursor = ReadCursor(*store_, name);
    if (!cursor.ok() || !*cursor || (*cursor)->seq >= dropped.first_kept) continue;
    const Seq from = std::max((*cursor)->seq, log_->first_seq());
    ServiceEvent event;
    event.kind = "loss";
    event.connector = name;
    event.actor = "service";
    event.summary = "retention dropped seq " + std::to_string(from) + " to " + std::to_string(dropped.first_kept - 1) +
                    " before " + name + " had read them";
    event.details["from_seq"] = std::to_string(from);
    event.details["to_seq"] = std::to_string(dropped.first_kept - 1);
    events_->Add(batch, std::move(event));
  }
}

// A source that does not run still has a slot at its server, which keeps WAL for it: somebody has to look (AP11).
void Service::LookUpstream(std::stop_token stop) {
  const auto records = catalog_->records();  // the API thread may replace them meanwhile
  for (const auto& [name, record] : *records) {
    const SourceFactory* factory = FindSource(record->class_name);
    const auto status = supervisor_->Status(name);
    if (factory == nullptr || factory->look_upstream == nullptr || status == nullptr || !log_->progress(name)) continue;
    const bool stands =
        status->source == nullptr && (status->state == State::kStopped || status->state == State::kFailed);
    if (!stands || stop.stop_requested() || clock().NowUs() - looked_us_[name] < kLookUpstreamUs) continue;
    looked_us_[name] = clock().NowUs();
    const auto outcome = config::Bind(*factory->spec, record->config, secrets_.get());
    if (!outcome.errors.empty()) continue;
    auto seen = factory->look_upstream(name, outcome.bound, clock(), stop);
    // One that failed keeps the findings that say why.
    if (!seen.ok()) continue;
    if (status->last_source != nullptr) {
      for (const Finding& finding : status->last_source->findings) {
        if (finding.id != "slot_state") seen->findings.push_back(finding);
      }
    }
    supervisor_->Saw(name, std::move(*seen));
  }
}

void Service::Record(ServiceEvent event) {
  StoreBatch batch;
  events_->Add(batch, std::move(event));
  if (headgate::Status status = store_->Write(batch, false); !status.ok()) {
    diag::Warn("service", "event not written", {{"error", status.error().what}});
  }
  Wake();
}

void Service::Wake() const {
  const auto list = wakes_->Get();
  for (const auto& [id, wake] : *list) wake();
}

// Called by the API's thread alone, so the list has one writer.
std::shared_ptr<void> Service::Subscribe(std::function<void()> wake) {
  const std::uint64_t id = (*next_wake_)++;
  Wakes copy = *wakes_->Get();
  copy.emplace_back(id, std::move(wake));
  wakes_->Set(std::move(copy));
  return std::shared_ptr<void>(nullptr, [list = wakes_, id](void*) {
    Wakes rest = *list->Get();
    std::erase_if(rest, [id](const auto& w) { return w.first == id; });
    list->Set(std::move(rest));
  });
}

std::vector<PluginInfo> Service::Plugins() const {
  std::vector<PluginInfo> plugins;
  for (const SourceFactory* f : Sources()) plugins.push_back({f->spec, HEADGATE_VERSION});
  for (const SinkFactory* f : Sinks()) plugins.push_back({f->spec, HEADGATE_VERSION});
  return plugins;
}

const config::ComponentSpec* Service::FindPlugin(std::string_view name) const {
  if (const SourceFactory* source = FindSource(name)) return source->spec;
  const SinkFactory* sink = FindSink(name);
  return sink == nullptr ? nullptr : sink->spec;
}

std::vector<std::string> Service::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, record] : *catalog_->records()) names.push_back(name);
  return names;
}

std::shared_ptr<const ConnectorRecord> Service::Find(std::string_view name) const { return catalog_->Find(name); }

// A connector just created answers UNASSIGNED until the supervisor has seen it (KC10).
std::shared_ptr<const ConnectorStatus> Service::Status(std::string_view name) const {
  const auto record = catalog_->Find(name);
  if (record == nullptr) return nullptr;
  auto status = std::make_shared<ConnectorStatus>();
  if (const auto known = supervisor_->Status(name)) {
    *status = *known;
  } else {
    status->name = record->name;
    status->kind = record->kind;
    status->target = record->target;
    status->since_us = record->changed_us;
  }
  AddStanding(*record, *status);
  return status;
}

void Service::AddStanding(const ConnectorRecord& record, ConnectorStatus& status) const {
  if (record.kind == config::ComponentKind::kSink) return AddGoneSources(record, status);
  const SourceFactory* factory = FindSource(record.class_name);
  if (const auto progress = log_->progress(record.name); progress && factory != nullptr && factory->durable != nullptr)
    status.durable_position = factory->durable(*progress);
  // The run that declared a gap tells of it; a later one does not know.
  for (const auto& told : {status.source, status.last_source}) {
    if (told != nullptr && std::ranges::find(told->findings, "gap", &Finding::id) != told->findings.end()) return;
  }
  if (auto gap = ReadGap(*store_, status.name)) status.standing.push_back(std::move(*gap));
}

// KC27. A pattern stands for the streams there are: what retention has emptied is no longer meant.
void Service::AddGoneSources(const ConnectorRecord& record, ConnectorStatus& status) const {
  const auto registry = log_->registry();
  const bool named = record.config.contains("topics");
  std::map<std::pair<std::string, bool>, std::string> gone;  // a source, or a view -> its streams
  for (const std::string& topic : status.topics) {
    const StreamInfo* stream = registry->FindStream(topic);
    const SourceInfo* source = stream == nullptr ? nullptr : registry->Source(stream->source);
    if (source == nullptr || IsThere(*source, topic)) continue;
    if (!named && log_->stats(stream->number).last_seq < log_->first_seq()) continue;
    const bool view = source->connector == views::kViewConnector;
    std::string& list = gone[{view ? topic : source->name, view}];
    list += (list.empty() ? "" : ", ") + topic;
  }
  for (const auto& [origin, streams] : gone) {
    const auto& [name, view] = origin;
    status.standing.push_back({"upstream", Finding::Level::kError,
                               view ? "View " + name + " was dropped: nothing new comes."
                                    : "Source " + name + " was deleted: nothing new comes to " + streams + ".",
                               "Create " + name + " again, take its streams out of the topics of " + record.name +
                                   ", or delete " + record.name + ".",
                               "", ""});
  }
}

bool Service::IsThere(const SourceInfo& source, const std::string& topic) const {
  if (source.connector == views::kViewConnector) return views_ == nullptr || views_->Find(topic) != nullptr;
  const auto origin = catalog_->Find(source.name);
  return origin != nullptr && origin->kind == config::ComponentKind::kSource;
}

std::optional<SourceProgress> Service::Progress(std::string_view source) const { return log_->progress(source); }

std::vector<ServiceEvent> Service::Events(const std::function<bool(const ServiceEvent&)>& match,
                                          std::uint64_t before_id, std::size_t limit) const {
  std::vector<ServiceEvent> events;
  const auto visit = [&](ServiceEvent&& event) {
    if (match(event)) events.push_back(std::move(event));
    return events.size() < limit;
  };
  if (headgate::Status status = events_->Read(before_id, visit); !status.ok()) {
    diag::Error("service", "events cannot be read", {{"error", status.error().what}});
  }
  return events;
}

}  // namespace headgate
