// Replication slots that deleted sources left on their servers (KC26): each fills its server's disk until somebody
// drops it, so it is a warning of the service until it is gone.
#include "app/plugins.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/catalog/catalog.h"

namespace headgate {
namespace {

// left_slot/<connector>/<slot>: a line for people, and the connector's record, which is needed to ask its server.
constexpr std::string_view kLeftSlot = "left_slot/";
constexpr std::string_view kLeftSlotEnd = "left_slot0";
constexpr std::int64_t kLookAgainUs = 60'000'000;  // after a look that failed

std::string Key(const std::string& connector, const Leftover& left) {
  return std::string(kLeftSlot) + connector + "/" + left.slot;
}

}  // namespace

config::Bound Service::BoundOf(const ConnectorRecord& record) const {
  const config::ComponentSpec& spec = *FindPlugin(record.class_name);
  auto outcome = config::Bind(spec, record.config, secrets_.get());
  return outcome.errors.empty() ? std::move(outcome.bound) : config::Bind(spec, record.config, nullptr).bound;
}

Leftover Service::LeftoverOf(const ConnectorRecord& record) const {
  const SourceFactory* factory = FindSource(record.class_name);
  if (factory == nullptr || factory->leaves == nullptr) return {};
  return factory->leaves(record.name, BoundOf(record));
}

void Service::NoteLeftSlot(const ConnectorRecord& record, const Leftover& left, StoreBatch& batch) {
  batch.Put(Family::kMeta, Key(record.name, left),
            "The deleted connector " + record.name + " left replication slot " + left.slot +
                " on its server, which keeps WAL for it: " + left.drop_sql + "\n" + EncodeRecord(record));
}

void Service::ForgetLeftSlot(const std::string& connector, const Leftover& left, StoreBatch& batch) {
  if (!left.slot.empty()) batch.Delete(Family::kMeta, Key(connector, left));
}

// On the thread of looks, which may wait for a server.
void Service::LookForLeftSlots(std::stop_token stop) {
  std::vector<std::pair<std::string, ConnectorRecord>> all;
  static_cast<void>(
      store_->Scan(Family::kMeta, kLeftSlot, kLeftSlotEnd, [&](std::string_view key, std::string_view value) {
        if (auto record = DecodeRecord(value.substr(value.find('\n') + 1))) all.emplace_back(key, std::move(*record));
        return true;
      }));
  for (const auto& [key, record] : all) {
    const SourceFactory* factory = FindSource(record.class_name);
    if (factory == nullptr || factory->still_there == nullptr || stop.stop_requested()) continue;
    // A server that does not answer holds this thread up: it is not asked each time.
    const auto failed = look_failed_us_.find(key);
    if (failed != look_failed_us_.end() && clock().NowUs() - failed->second < kLookAgainUs) continue;
    const auto there = factory->still_there(record.name, BoundOf(record), stop);
    look_failed_us_.erase(key);
    if (!there.ok()) look_failed_us_[key] = clock().NowUs();
    if (!there.ok() || *there) continue;
    const std::string slot = LeftoverOf(record).slot;
    ServiceEvent event;
    event.kind = "slot_dropped";
    event.connector = record.name;
    event.actor = "service";
    event.summary = "replication slot " + slot + ", which the deleted connector had left, is gone";
    event.details["slot"] = slot;
    StoreBatch batch;
    batch.Delete(Family::kMeta, key);
    events_->Add(batch, std::move(event));
    if (headgate::Status status = store_->Write(batch, false); !status.ok()) {
      diag::Warn("service", "event not written", {{"error", status.error().what}});
    }
    Wake();
  }
}

std::vector<std::string> Service::service_warnings() const {
  std::vector<std::string> all = warnings_;
  static_cast<void>(store_->Scan(Family::kMeta, kLeftSlot, kLeftSlotEnd, [&](std::string_view, std::string_view value) {
    all.emplace_back(value.substr(0, value.find('\n')));
    return true;
  }));
  return all;
}

}  // namespace headgate
