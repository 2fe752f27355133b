// The views of the service: what changes them, and what they see of sources.
#include <algorithm>

#include "app/service.h"
#include "core/config/validate.h"
#include "core/pipeline/topics.h"
#include "core/views/views.h"

namespace headgate {
namespace {

// The streams that sinks read, whether they run or not. For one thread.
class SinkTopics {
 public:
  explicit SinkTopics(const Service& service) : service_(service) {}
  bool Contain(std::string_view stream, const std::shared_ptr<const Catalog::Records>& records) {
    if (records != records_) Find(records);
    return std::ranges::any_of(topics_, [&](const TopicFilter& topics) { return topics.Matches(stream); });
  }

 private:
  void Find(const std::shared_ptr<const Catalog::Records>& records) {
    records_ = records;
    topics_.clear();
    for (const auto& [name, record] : *records) {
      if (record->kind != config::ComponentKind::kSink) continue;
      const auto bound = config::Bind(*service_.FindPlugin(record->class_name), record->config, nullptr).bound;
      auto topics = TopicFilter::Make(bound.List("topics"), bound.Text("topics.regex"));
      if (topics.ok()) topics_.push_back(*std::move(topics));
    }
  }

  const Service& service_;
  std::shared_ptr<const Catalog::Records> records_;
  std::vector<TopicFilter> topics_;
};

ServiceEvent ViewEvent(std::string kind, std::string summary, const views::Definition& definition,
                       const Caller& caller) {
  ServiceEvent event;
  event.kind = std::move(kind);
  event.connector = definition.record.name;
  event.summary = std::move(summary);
  event.details["sql"] = definition.record.sql;
  event.SignedBy(caller);
  return event;
}

ServiceEvent ViewCreated(const views::Definition& definition, const Caller& caller) {
  const bool view = definition.record.kind == views::ObjectKind::kView;
  return ViewEvent("view_created", view ? "view created" : "named query created", definition, caller);
}

ServiceEvent ViewDropped(const views::Definition& definition, const Caller& caller) {
  return ViewEvent("view_dropped", "view dropped", definition, caller);
}

}  // namespace

headgate::Status Service::StartViews(const config::ServiceConfig& config) {
  views::Runtime::Parts parts;
  parts.store = store_.get();
  parts.log = log_.get();
  parts.clock = &SystemClock();
  parts.memory_bytes = static_cast<std::size_t>(config.views.memory_bytes);
  parts.sight = [this](SourceNo source, std::int64_t asked_after_us) { return SightOf(source, asked_after_us); };
  parts.on_step = [this] { Wake(); };
  parts.read = [this, topics = std::make_shared<SinkTopics>(*this)](std::string_view view) {
    return topics->Contain(view, catalog_->records());
  };
  HG_ASSIGN_OR_RETURN(views_, views::Views::Start(std::move(parts), AnnouncedStreams()));
  return Ok();
}

// On the views' thread. A source that runs is asked to look; until it has, nothing is known.
views::SourceSight Service::SightOf(SourceNo source, std::int64_t asked_after_us) const {
  views::SourceSight sight;
  const auto registry = log_->registry();
  const SourceInfo* info = registry->Source(source);
  if (info == nullptr) return sight;
  const auto status = supervisor_->Status(info->name);
  if (status == nullptr || status->source == nullptr) return sight;
  sight.known = true;
  const SourceTelemetry& seen = *status->source;
  sight.reached_position = seen.read_position;
  sight.heard_us = std::max(seen.last_heard_us, seen.asked_us);
  if (seen.asked_us >= asked_after_us) sight.server_position = seen.asked_position;
  sight.reached = sight.server_position != 0 && seen.read_position >= sight.server_position;
  if (!sight.reached) supervisor_->Look(info->name);
  return sight;
}

views::SqlResult<views::DefinitionPtr> Service::CreateView(const sql::Statement& statement, const Caller& caller) {
  return CreateViewBy(statement, caller, false);
}

views::SqlResult<views::DefinitionPtr> Service::CreateViewBy(const sql::Statement& statement, const Caller& caller,
                                                             bool from_file) {
  if (auto kept = SinksKeepUp(statement); !kept.ok()) return kept.error();
  auto made = views_->Create(statement, from_file, [&](StoreBatch& batch, const views::Definition& definition) {
    events_->Add(batch, ViewCreated(definition, caller));
  });
  Wake();
  return made;
}

void Service::AttendViews() {
  views_->Attend([this](StoreBatch& batch, const views::Definition& definition) {
    events_->Add(batch,
                 ViewEvent("view_widened", "view has the columns that came to what it reads", definition, "service"));
  });
}

views::SqlResult<views::DefinitionPtr> Service::CreateIndex(const sql::Statement& statement, const Caller& caller) {
  return CreateIndexBy(statement, caller, false);
}

views::SqlResult<views::DefinitionPtr> Service::CreateIndexBy(const sql::Statement& statement, const Caller& caller,
                                                              bool from_file) {
  return views_->CreateIndex(statement, from_file, [&](StoreBatch& batch, const views::Definition& definition) {
    ServiceEvent event = ViewEvent("index_created", "index created", definition, caller);
    event.details["sql"] = statement.written;
    events_->Add(batch, std::move(event));
  });
}

views::SqlResult<views::DefinitionPtr> Service::DropIndex(const std::string& name, const Caller& caller) {
  return views_->DropIndex(name, [&](StoreBatch& batch, const views::Definition& definition) {
    ServiceEvent event = ViewEvent("index_dropped", "index dropped", definition, caller);
    event.details["index"] = name;
    events_->Add(batch, std::move(event));
  });
}

// A view cannot be replaced by one that its sinks cannot follow (admin API, 4.3).
views::SqlResult<bool> Service::SinksKeepUp(const sql::Statement& statement) const {
  const auto made = views_->Validate(statement);
  if (!made.ok() || views_->Find(made->record.name) == nullptr) return true;  // Create says what is wrong
  for (const auto& [name, record] : *catalog_->records()) {
    if (const std::string lacks = KeyLacks(*record, &*made); !lacks.empty())
      return views::SqlError{"2BP01", lacks, statement.offset, "Change sink " + name + " first."};
  }
  return true;
}

std::string Service::KeyLacks(const ConnectorRecord& record, const views::Definition* changed) const {
  constexpr std::string_view kSetting = "order_by";
  const config::ComponentSpec* spec = FindPlugin(record.class_name);
  if (record.kind != config::ComponentKind::kSink || config::FindOption(*spec, kSetting) == nullptr) return "";
  const auto outcome = config::Bind(*spec, record.config, nullptr);
  for (const std::string& topic : outcome.bound.List("topics")) {
    const auto known = views_->Find(topic);
    const bool is_changed = changed != nullptr && changed->record.name == topic;
    const views::Definition* const view = is_changed ? changed : known.get();
    if (view == nullptr || view->record.kind != views::ObjectKind::kView) continue;
    std::string columns;
    for (const auto& column : view->relation->columns) {
      if (!column.hidden) columns += (columns.empty() ? "" : ", ") + column.name;
    }
    for (const std::string& key : outcome.bound.List(kSetting)) {
      const auto& all = view->relation->columns;
      if (std::ranges::find(all, key, &sql::RelationColumn::name) != all.end()) continue;
      return "Sink " + record.name + " orders by " + key + ", which view " + topic + " does not give; it has " +
             columns + ".";
    }
  }
  return "";
}

// One write for both.
Control::SinkOfQuery Service::CreateSinkOf(const sql::Statement& view, const std::string& name,
                                           config::FlatConfig config, const Caller& caller) {
  if (catalog_->Find(name) != nullptr) return Refusal{409, "Connector " + name + " already exists", {}};
  config["name"] = name;
  config["topics"] = name;
  auto judged = Judge(name, std::move(config), TargetState::kRunning, nullptr, false);
  if (auto* refusal = std::get_if<Refusal>(&judged)) return std::move(*refusal);
  const auto& record = std::get<ConnectorRecord>(judged);
  const auto will_be = views_->Validate(view);
  if (!will_be.ok()) return will_be.error();
  if (std::string lacks = KeyLacks(record, &*will_be); !lacks.empty())
    return Refusal{400, lacks, {{"order_by", lacks}}};
  const auto also = [&](StoreBatch& batch, const views::Definition& definition) {
    events_->Add(batch, ViewCreated(definition, caller));
    NoteSaved(record, nullptr, caller, batch);
    Catalog::Add(record, batch);
  };
  if (auto made = views_->Create(view, false, also, true); !made.ok()) return made.error();
  catalog_->Added(record);
  auto saved = catalog_->Find(name);
  supervisor_->Apply(PlanFor(*saved));
  Wake();
  return Put{std::move(saved), true};
}

views::SqlResult<views::DefinitionPtr> Service::PauseView(const std::string& name, bool paused, const Caller& caller) {
  auto changed = views_->SetPaused(name, paused, [&](StoreBatch& batch, const views::Definition&) {
    ServiceEvent event;
    event.kind = "target_state";
    event.connector = name;
    event.SignedBy(caller);
    event.summary = paused ? "view paused" : "view resumed";
    events_->Add(batch, std::move(event));
  });
  Wake();
  return changed;
}

// A sink with its query: `removal` is what the removal of the sink writes.
std::optional<Refusal> Service::DropWithView(const std::string& name, const Caller& caller, StoreBatch& removal) {
  const auto also = [&](StoreBatch& batch, const views::Definition& definition) {
    Catalog::AddRemoval(name, batch);
    batch.Add(removal);
    events_->Add(batch, ViewDropped(definition, caller));
  };
  const auto dropped = views_->Drop(name, also, true);
  if (!dropped.ok()) return Refusal{dropped.error().code == "2BP01" ? 409 : 500, dropped.error().message + ".", {}};
  catalog_->Removed(name);
  return std::nullopt;
}

views::SqlResult<views::DefinitionPtr> Service::DropView(const std::string& name, const Caller& caller) {
  auto dropped = views_->Drop(name, [&](StoreBatch& batch, const views::Definition& definition) {
    events_->Add(batch, ViewDropped(definition, caller));
  });
  Wake();
  return dropped;
}

}  // namespace headgate
