// The views of the service: what changes them, and what they see of sources.
#include "app/service.h"
#include "core/views/views.h"

namespace headgate {

headgate::Status Service::StartViews(const config::ServiceConfig& config) {
  views::Runtime::Parts parts;
  parts.store = store_.get();
  parts.log = log_.get();
  parts.clock = &SystemClock();
  parts.memory_bytes = static_cast<std::size_t>(config.views.memory_bytes);
  parts.sight = [this](SourceNo source, std::int64_t asked_after_us) { return SightOf(source, asked_after_us); };
  parts.on_step = [this] { Wake(); };
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
