// Streams that clients push events into: who has which, and the way in.
#include "app/plugins.h"
#include "app/service.h"
#include "core/views/views.h"

namespace headgate {

std::string Service::PushedStream(const ConnectorRecord& record) const {
  const SourceFactory* factory = FindSource(record.class_name);
  if (record.kind != config::ComponentKind::kSource || factory == nullptr || factory->pushed_stream == nullptr)
    return {};
  return factory->pushed_stream(record.name, BoundOf(record));
}

std::string Service::StreamTaken(const ConnectorRecord& record) const {
  const std::string stream = PushedStream(record);
  if (stream.empty()) return {};
  const auto records = catalog_->records();
  for (const auto& [name, other] : *records) {
    if (name != record.name && PushedStream(*other) == stream)
      return "Stream " + stream + " is that of connector " + name + ". Set another name.";
  }
  if (views_ != nullptr && views_->Find(stream) != nullptr)
    return "There is a view " + stream + " already. Set another name.";
  const auto registry = log_->registry();
  const StreamInfo* known = registry->FindStream(stream);
  const SourceInfo* source = known == nullptr ? nullptr : registry->Source(known->source);
  if (source == nullptr || source->name == record.name) return {};
  return "Stream " + stream + " was written by connector " + source->name + ", which may come again. Set another name.";
}

Answer<std::shared_ptr<Intake>> Service::IntakeOf(std::string_view stream) const {
  if (const auto records = catalog_->records(); records != pushed_of_) {
    pushed_.clear();
    for (const auto& [name, record] : *records) {
      if (std::string pushed = PushedStream(*record); !pushed.empty()) pushed_.emplace(std::move(pushed), name);
    }
    pushed_of_ = records;
  }
  const auto found = pushed_.find(stream);
  if (found == pushed_.end()) {
    const std::string name(stream);
    if (log_->registry()->FindStream(stream) == nullptr)
      return Refusal{404, "There is no stream " + name + ". GET /api/v1/streams lists them.", {}};
    return Refusal{409, "Events cannot be sent to stream " + name + ": no connector of class HttpSource has it.", {}};
  }
  const std::string& name = found->second;
  const auto record = pushed_of_->find(name)->second;
  if (record->target == TargetState::kPaused) return Refusal{503, "Source " + name + " is paused.", {}};
  if (record->target == TargetState::kStopped) return Refusal{503, "Source " + name + " is stopped.", {}};
  auto intake = supervisor_->IntakeOf(name);
  if (intake != nullptr && intake->open()) return intake;
  const auto status = supervisor_->Status(name);
  const bool failed = status != nullptr && !status->last_error.empty();
  return Refusal{503, "Source " + name + (failed ? " has failed: " + status->last_error : " is starting."), {}};
}

// Views may be made of a stream before its source has run for the first time.
std::vector<views::Announced> Service::AnnouncedStreams() const {
  std::vector<views::Announced> announced;
  const auto records = catalog_->records();
  for (const auto& [name, record] : *records) {
    const bool source = record->kind == config::ComponentKind::kSource;
    const SourceFactory* factory = source ? FindSource(record->class_name) : nullptr;
    if (factory == nullptr || factory->declared_schema == nullptr) continue;
    if (auto schema = factory->declared_schema(name, BoundOf(*record))) {
      // With a key it is a table, unless its rows are posted; tables are known when they are there.
      if (factory->pushed_stream == nullptr && !schema->Key().empty()) continue;
      std::string stream = schema->table;
      announced.push_back({std::move(stream), std::move(*schema)});
    }
  }
  return announced;
}

}  // namespace headgate
