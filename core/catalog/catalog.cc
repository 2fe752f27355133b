#include "core/catalog/catalog.h"

#include "core/state/state.pb.h"

namespace headgate {

namespace {

void Encode(const HealthSettings& health, stored::StoredHealth& out) {
  out.set_version(health.version);
  if (health.thresholds) {
    const Thresholds& t = *health.thresholds;
    stored::StoredThresholds& to = *out.mutable_thresholds();
    to.set_error_rate(t.error_rate);
    to.set_errors_min(t.errors_min);
    to.set_error_window_seconds(t.error_window_seconds);
    if (t.lag_seconds) to.set_lag_seconds(*t.lag_seconds);
    if (t.lag_bytes) to.set_lag_bytes(*t.lag_bytes);
    to.set_no_progress_seconds(t.no_progress_seconds);
    to.set_failures_max(t.failures_max);
    to.set_wal_retained_bytes(t.wal_retained_bytes);
    to.set_dead_letters(t.dead_letters);
    to.set_mute_until_us(t.mute_until_us);
  }
  for (const auto& [check, dismissal] : health.dismissals) {
    stored::StoredDismissal& to = *out.add_dismissals();
    to.set_check(check);
    to.set_cause(dismissal.cause);
    to.set_status(dismissal.status);
    to.set_until_us(dismissal.until_us);
    to.set_reason(dismissal.reason);
    to.set_actor(dismissal.actor);
    to.set_at_us(dismissal.at_us);
  }
}

HealthSettings Decode(const stored::StoredHealth& in) {
  HealthSettings health;
  health.version = in.version();
  if (in.has_thresholds()) {
    const stored::StoredThresholds& from = in.thresholds();
    Thresholds& t = health.thresholds.emplace();
    t.error_rate = from.error_rate();
    t.errors_min = from.errors_min();
    t.error_window_seconds = from.error_window_seconds();
    if (from.has_lag_seconds()) t.lag_seconds = from.lag_seconds();
    if (from.has_lag_bytes()) t.lag_bytes = from.lag_bytes();
    t.no_progress_seconds = from.no_progress_seconds();
    t.failures_max = from.failures_max();
    t.wal_retained_bytes = from.wal_retained_bytes();
    t.dead_letters = from.dead_letters();
    t.mute_until_us = from.mute_until_us();
  }
  for (const stored::StoredDismissal& from : in.dismissals()) {
    health.dismissals[from.check()] = {from.cause(),  from.status(), from.until_us(),
                                       from.reason(), from.actor(),  from.at_us()};
  }
  return health;
}

}  // namespace

std::string EncodeRecord(const ConnectorRecord& record) {
  stored::StoredConnector out;
  out.set_name(record.name);
  out.set_class_name(record.class_name);
  for (const auto& [key, value] : record.config) (*out.mutable_config())[key] = value;
  out.set_target(static_cast<std::uint32_t>(record.target));
  out.set_version(record.version);
  out.set_created_us(record.created_us);
  out.set_changed_us(record.changed_us);
  out.set_from_file(record.from_file);
  out.set_sink(record.kind == config::ComponentKind::kSink);
  if (record.health != HealthSettings()) Encode(record.health, *out.mutable_health());
  return out.SerializeAsString();
}

std::optional<ConnectorRecord> DecodeRecord(std::string_view bytes) {
  stored::StoredConnector in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  ConnectorRecord record;
  record.name = in.name();
  record.class_name = in.class_name();
  for (const auto& [key, text] : in.config()) record.config[key] = text;
  record.target = static_cast<TargetState>(in.target());
  record.version = in.version();
  record.created_us = in.created_us();
  record.changed_us = in.changed_us();
  record.from_file = in.from_file();
  record.health = Decode(in.health());
  record.kind = in.sink() ? config::ComponentKind::kSink : config::ComponentKind::kSource;
  return record;
}

Result<std::unique_ptr<Catalog>> Catalog::Open(Store& store) {
  auto catalog = std::unique_ptr<Catalog>(new Catalog(store));
  Records records;
  bool corrupt = false;
  HG_RETURN_IF_ERROR(store.Scan(Family::kCatalog, "", "", [&](std::string_view, std::string_view value) {
    auto record = DecodeRecord(value);
    corrupt = !record.has_value();
    if (corrupt) return false;
    const std::string name = record->name;
    records[name] = std::make_shared<const ConnectorRecord>(std::move(*record));
    return true;
  }));
  if (corrupt) return Corrupt("a connector record of the data directory " + store.directory() + " cannot be read");
  catalog->records_.Set(std::move(records));
  return catalog;
}

std::shared_ptr<const ConnectorRecord> Catalog::Find(std::string_view name) const {
  const auto records = records_.Get();
  const auto it = records->find(name);
  return it == records->end() ? nullptr : it->second;
}

Status Catalog::Put(ConnectorRecord record, StoreBatch& batch) {
  Add(record, batch);
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  Added(std::move(record));
  return Ok();
}

Status Catalog::Remove(const std::string& name, StoreBatch& batch) {
  AddRemoval(name, batch);
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  Removed(name);
  return Ok();
}

void Catalog::Add(const ConnectorRecord& record, StoreBatch& batch) {
  batch.Put(Family::kCatalog, record.name, EncodeRecord(record));
}

void Catalog::AddRemoval(const std::string& name, StoreBatch& batch) { batch.Delete(Family::kCatalog, name); }

void Catalog::Added(ConnectorRecord record) {
  Records records = *records_.Get();
  auto added = std::make_shared<const ConnectorRecord>(std::move(record));
  records[added->name] = added;
  records_.Set(std::move(records));
}

void Catalog::Removed(const std::string& name) {
  Records records = *records_.Get();
  records.erase(name);
  records_.Set(std::move(records));
}

}  // namespace headgate
