// Snapshots of sources, as the API sees them.
#include "app/plugins.h"
#include "app/service.h"

namespace headgate {

Answer<std::shared_ptr<SnapshotDesk>> Service::DeskOf(const std::string& source) const {
  const auto record = catalog_->Find(source);
  if (record == nullptr) return Refusal{404, "Connector " + source + " not found", {}};
  if (record->kind == config::ComponentKind::kSink)
    return Refusal{409, "Connector " + source + " is a sink. Ask for a snapshot of a source that it reads.", {}};
  if (FindSource(record->class_name)->ledger == nullptr)
    return Refusal{409, "Connector " + source + " has no tables that could be read again.", {}};
  if (record->target != TargetState::kRunning) {
    return Refusal{409,
                   "Connector " + source + " is " + std::string(headgate::Name(record->target)) +
                       ". Resume it: only a running one reads tables.",
                   {}};
  }
  if (auto desk = supervisor_->DeskOf(source)) return desk;
  const auto status = supervisor_->Status(source);
  const bool failed = status != nullptr && !status->last_error.empty();
  return Refusal{503, "Source " + source + (failed ? " has failed: " + status->last_error : " is starting."), {}};
}

std::optional<stored::ChunkLedger> Service::Snapshots(const std::string& source) const {
  const auto record = catalog_->Find(source);
  const SourceFactory* const factory = record == nullptr ? nullptr : FindSource(record->class_name);
  const auto progress = log_->progress(source);
  if (factory == nullptr || factory->ledger == nullptr || !progress) return std::nullopt;
  return factory->ledger(*progress);
}

}  // namespace headgate
