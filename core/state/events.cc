#include "core/state/events.h"

#include "core/base/bytes.h"
#include "core/state/state.pb.h"

namespace headgate {
namespace {

std::string EventKey(std::uint64_t id) {
  std::string key;
  PutBigEndian(key, id);
  return key;
}

}  // namespace

Result<std::unique_ptr<Events>> Events::Open(const Store& store, const Clock& clock) {
  auto events = std::unique_ptr<Events>(new Events(store, clock));
  HG_RETURN_IF_ERROR(store.ScanBack(Family::kEvents, "", "", [&](std::string_view key, std::string_view) {
    if (key.size() == 8) events->next_id_ = LoadBigEndian<std::uint64_t>(key.data()) + 1;
    return false;
  }));
  return events;
}

void Events::Add(StoreBatch& batch, ServiceEvent event) {
  stored::StoredEvent out;
  out.set_id(next_id_++);
  out.set_at_us(clock_.NowUs());
  out.set_kind(event.kind);
  out.set_connector(event.connector);
  out.set_actor(event.actor);
  out.set_summary(event.summary);
  for (const auto& [key, value] : event.details) (*out.mutable_details())[key] = value;
  batch.Put(Family::kEvents, EventKey(out.id()), out.SerializeAsString());
}

Status Events::Read(std::uint64_t before_id, const std::function<bool(ServiceEvent&&)>& visit) const {
  return store_.ScanBack(Family::kEvents, "", before_id == 0 ? "" : EventKey(before_id),
                         [&](std::string_view, std::string_view value) {
                           stored::StoredEvent in;
                           if (!in.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
                           ServiceEvent event;
                           event.id = in.id();
                           event.at_us = in.at_us();
                           event.kind = in.kind();
                           event.connector = in.connector();
                           event.actor = in.actor();
                           event.summary = in.summary();
                           for (const auto& [key, detail] : in.details()) event.details[key] = detail;
                           return visit(std::move(event));
                         });
}

void Events::Trim(StoreBatch& batch, std::int64_t before_us) const {
  std::uint64_t first_kept = 0;
  static_cast<void>(store_.Scan(Family::kEvents, "", "", [&](std::string_view, std::string_view value) {
    stored::StoredEvent in;
    if (!in.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    if (in.at_us() >= before_us) return false;
    first_kept = in.id() + 1;
    return true;
  }));
  if (first_kept != 0) batch.DeleteRange(Family::kEvents, EventKey(0), EventKey(first_kept));
}

}  // namespace headgate
