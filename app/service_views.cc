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
  auto made = views_->Create(statement, from_file, [&](StoreBatch& batch, const views::Definition& definition) {
    ServiceEvent event;
    event.kind = "view_created";
    event.connector = definition.record.name;
    event.summary = definition.record.kind == views::ObjectKind::kView ? "view created" : "named query created";
    event.details["sql"] = definition.record.sql;
    event.SignedBy(caller);
    events_->Add(batch, std::move(event));
  });
  Wake();
  return made;
}

views::SqlResult<views::DefinitionPtr> Service::DropView(const std::string& name, const Caller& caller) {
  auto dropped = views_->Drop(name, [&](StoreBatch& batch, const views::Definition& definition) {
    ServiceEvent event;
    event.kind = "view_dropped";
    event.connector = name;
    event.summary = "view dropped";
    event.details["sql"] = definition.record.sql;
    event.SignedBy(caller);
    events_->Add(batch, std::move(event));
  });
  Wake();
  return dropped;
}

}  // namespace headgate
