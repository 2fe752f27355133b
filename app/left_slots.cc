// Replication slots that deleted sources left on their servers (KC26): each fills its server's disk until somebody
// drops it, so it is a warning of the service until it is gone.
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/catalog/catalog.h"
#include "core/config/masking.h"

namespace headgate {
namespace {

// left_slot/<connector>/<slot>: a line for people, and what of the connector's record it takes to ask its server.
constexpr std::string_view kLeftSlot = "left_slot/";
constexpr std::string_view kLeftSlotEnd = "left_slot0";
constexpr std::int64_t kLookAgainUs = 60'000'000;  // after a look that failed

std::string Key(const std::string& connector, const Leftover& left) {
  return std::string(kLeftSlot) + connector + "/" + left.slot;
}
std::string SlotOf(std::string_view key) { return std::string(key.substr(key.rfind('/') + 1)); }

// The settings of the connection and the name of the slot. The others end with the connector, and so does a secret that
// is written out in them: what is kept has the mask in its place.
ConnectorRecord ToAsk(const ConnectorRecord& record, const config::ComponentSpec& spec) {
  ConnectorRecord kept;
  kept.name = record.name;
  kept.class_name = record.class_name;
  kept.kind = record.kind;
  for (const auto& [key, value] : config::MaskSecrets(spec, record.config)) {
    const config::Option* option = config::FindOption(spec, key);
    const bool connection = option != nullptr && option->group == "Connection";
    if (connection || key == "slot_name" || key == "name" || key == "connector.class") kept.config[key] = value;
  }
  return kept;
}

bool LacksASecret(const ConnectorRecord& kept) {
  return std::ranges::any_of(kept.config, [](const auto& setting) { return setting.second == config::kMask; });
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

// API thread.
void Service::NoteLeftSlot(const ConnectorRecord& record, const Leftover& left, StoreBatch& batch) {
  const ConnectorRecord kept = ToAsk(record, *FindPlugin(record.class_name));
  batch.Put(Family::kMeta, Key(record.name, left),
            "The deleted connector " + record.name + " left replication slot " + left.slot +
                " on its server, which keeps WAL for it: " + left.drop_sql + "\n" + EncodeRecord(kept));
  if (!LacksASecret(kept)) return;
  // As long as this process lives it still can ask.
  auto whole = *left_whole_.Get();
  std::erase_if(whole, [this](const auto& one) {
    const auto there = store_->Get(Family::kMeta, one.first);
    return there.ok() && !*there;
  });
  whole[Key(record.name, left)] = record;
  left_whole_.Set(std::move(whole));
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
  const auto whole = left_whole_.Get();
  for (const auto& [key, kept] : all) {
    const auto known = whole->find(key);
    if (known == whole->end() && LacksASecret(kept)) continue;  // nobody can ask
    const ConnectorRecord& record = known == whole->end() ? kept : known->second;
    const SourceFactory* factory = FindSource(record.class_name);
    if (factory == nullptr || factory->still_there == nullptr || stop.stop_requested()) continue;
    // A server that does not answer holds this thread up: it is not asked each time.
    const auto failed = look_failed_us_.find(key);
    if (failed != look_failed_us_.end() && clock().NowUs() - failed->second < kLookAgainUs) continue;
    const auto bound = config::Bind(*factory->spec, record.config, secrets_.get()).bound;  // not all of it is kept
    const auto there = factory->still_there(record.name, bound, stop);
    look_failed_us_.erase(key);
    if (!there.ok()) look_failed_us_[key] = clock().NowUs();
    if (!there.ok() || *there) continue;
    const std::string slot = SlotOf(key);
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
  AddWaiting(all);
  const auto whole = left_whole_.Get();
  const auto add = [&](std::string_view key, std::string_view value) {
    const std::size_t end = value.find('\n');
    std::string& text = all.emplace_back(value.substr(0, end));
    const auto kept = DecodeRecord(value.substr(end + 1));
    if (!kept || !LacksASecret(*kept) || whole->contains(key)) return true;
    text +=
        " Whether it is still there cannot be asked: its password was written out in the settings and was not kept. "
        "To end this warning create " +
        kept->name + " again and delete it with drop_slot=true.";
    return true;
  };
  static_cast<void>(store_->Scan(Family::kMeta, kLeftSlot, kLeftSlotEnd, add));
  return all;
}

}  // namespace headgate
