// Snapshots of sources and sinks, as the API sees them.
#include "app/plugins.h"
#include "app/service.h"
#include "core/pipeline/backfills.h"

namespace headgate {

Answer<std::shared_ptr<SnapshotDesk>> Service::DeskOf(const std::string& source) const {
  const auto record = catalog_->Find(source);
  if (record == nullptr) return Refusal{404, "Connector " + source + " not found", {}};
  const bool sink = record->kind == config::ComponentKind::kSink;
  if (!sink && FindSource(record->class_name)->ledger == nullptr)
    return Refusal{409, "Connector " + source + " has no tables that could be read again.", {}};
  if (record->target != TargetState::kRunning) {
    return Refusal{409,
                   "Connector " + source + " is " + std::string(headgate::Name(record->target)) +
                       ". Resume it: only a running one makes snapshots.",
                   {}};
  }
  if (auto desk = supervisor_->DeskOf(source)) return desk;
  const auto status = supervisor_->Status(source);
  const bool failed = status != nullptr && !status->last_error.empty();
  return Refusal{503, "Connector " + source + (failed ? " has failed: " + status->last_error : " is starting."), {}};
}

std::optional<stored::ChunkLedger> Service::Snapshots(const std::string& source) const {
  const auto record = catalog_->Find(source);
  if (record != nullptr && record->kind == config::ComponentKind::kSink) {
    auto ledger = ReadBackfills(*store_, source);
    return ledger.ok() ? std::optional(*std::move(ledger)) : std::nullopt;
  }
  const SourceFactory* const factory = record == nullptr ? nullptr : FindSource(record->class_name);
  const auto progress = log_->progress(source);
  if (factory == nullptr || factory->ledger == nullptr || !progress) return std::nullopt;
  return factory->ledger(*progress);
}

}  // namespace headgate
