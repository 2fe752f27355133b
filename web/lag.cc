#include "web/lag.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/model/position.h"
#include "web/page.h"

namespace headgate::web {
namespace {

Json NegativeAsNull(std::int64_t value) { return value < 0 ? Json(nullptr) : Json(value); }

double AgeSeconds(std::int64_t then_us, std::int64_t now_us) {
  return then_us > 0 && now_us > then_us ? static_cast<double>(now_us - then_us) / 1e6 : 0.0;
}

Json PositionJson(const SourceTelemetry& t, std::uint64_t position) {
  if (position == 0) return nullptr;
  return t.pushed ? BigJson(position) : Json(PositionText(t.connector, position));
}

void AddSource(Json& json, const SourceTelemetry& t, const Movement& movement) {
  Json slot = nullptr;
  if (!t.slot_name.empty()) {
    slot = Json::object();
    slot["name"] = t.slot_name;
    slot["retained_bytes"] = NegativeAsNull(t.slot_retained_bytes);
    slot["safe_bytes"] = NegativeAsNull(t.slot_safe_bytes);
    slot["eta_invalid_seconds"] = OrNull(SecondsToInvalid(t, movement));
    slot["checked_at"] = TimeJson(t.slot_seen_us);
    slot["active"] = t.connected;
  }
  json["slot"] = std::move(slot);
  json["server_position"] = PositionJson(t, t.server_position);
  json["durable_position"] = PositionJson(t, t.durable_position);
  json["confirmed_position"] = PositionJson(t, t.confirmed_position);
  if (t.gtid_missing) json["gtid_missing"] = *t.gtid_missing;
}

void AddSink(Json& json, const HealthBook::Report& report, const HealthBook::Rates& rates,
             const std::optional<CursorInfo>& cursor) {
  std::uint64_t letters = 0;
  for (const auto& [state, count] : report.letters) letters += count;
  json["dead_letters"] = letters;
  json["next_seq"] = cursor ? BigJson(cursor->next_seq) : Json(nullptr);
  Json latency;
  latency["p50"] = OrNull(QuantileSeconds(rates.end_to_end_ms_buckets, 0.5));
  latency["p99"] = OrNull(QuantileSeconds(rates.end_to_end_ms_buckets, 0.99));
  json["end_to_end_seconds"] = std::move(latency);
}

}  // namespace

std::optional<double> QuantileSeconds(const std::vector<std::uint64_t>& buckets, double share) {
  if (buckets.empty() || buckets.back() == 0) return std::nullopt;
  const double wanted = share * static_cast<double>(buckets.back());
  for (std::size_t i = 0; i < std::size(kLatencyBoundsMs) && i < buckets.size(); ++i) {
    if (static_cast<double>(buckets[i]) >= wanted) return kLatencyBoundsMs[i] / 1000;
  }
  return kLatencyBoundsMs[std::size(kLatencyBoundsMs) - 1] / 1000;
}

SourceTelemetry KnownOf(const ConnectorStatus& status) {
  SourceTelemetry known;
  const bool open = status.source != nullptr && (status.source->connected || status.last_source == nullptr);
  if (const auto& told = open ? status.source : status.last_source; told != nullptr) known = *told;
  known.durable_position = std::max(known.durable_position, status.durable_position);
  return known;
}

Lag LagOfSource(const SourceTelemetry& t, std::int64_t now_us) {
  Lag lag;
  lag.caught_up = t.caught_up && t.connected;
  if (t.server_position > 0) {
    auto& behind = t.connector == "kafka" ? lag.records : lag.bytes;  // positions in topics count records
    behind = t.server_position > t.durable_position ? t.server_position - t.durable_position : 0;
  }
  if (lag.caught_up) {
    lag.seconds = 0;
  } else if (t.oldest_pending_commit_us > 0) {
    lag.seconds = AgeSeconds(t.oldest_pending_commit_us, now_us);
  } else if (!t.connected && t.last_heard_us > 0) {
    lag.seconds = AgeSeconds(t.last_heard_us, now_us);  // at most: what happened since is not known
  }
  return lag;
}

Lag LagOfSink(const CursorInfo& cursor, std::int64_t now_us) {
  Lag lag;
  if (!cursor.counted) return lag;
  lag.records = cursor.pending_records;
  lag.bytes = cursor.pending_bytes;
  lag.caught_up = cursor.pending_records == 0;
  lag.seconds = lag.caught_up ? 0 : AgeSeconds(cursor.oldest_pending_commit_us, now_us);
  return lag;
}

Lag LagOfSink(const ConnectorStatus& status, Seq last_seq, std::int64_t now_us) {
  Lag lag;
  lag.caught_up = status.next_seq > last_seq;
  const std::int64_t oldest = status.sink == nullptr ? 0 : status.sink->oldest_pending_commit_us;
  if (lag.caught_up || oldest > 0) lag.seconds = lag.caught_up ? 0 : AgeSeconds(oldest, now_us);
  if (lag.caught_up) lag.records = 0;
  return lag;
}

Json LagJson(Control& control, const ConnectorRecord& record, const HealthBook::Report& report,
             const HealthBook::Rates& rates) {
  const std::int64_t now_us = control.clock().NowUs();
  const auto status = control.Status(record.name);
  const bool source = record.kind == config::ComponentKind::kSource;
  const auto cursor = source ? std::nullopt : control.Cursor(record.name);
  const SourceTelemetry known = status != nullptr ? KnownOf(*status) : SourceTelemetry();
  Lag lag;
  if (source) lag = LagOfSource(known, now_us);
  if (cursor) lag = LagOfSink(*cursor, now_us);
  Json json;
  json["connector"] = record.name;
  json["at"] = TimeJson(now_us);
  json["bytes"] = OrNull(lag.bytes);
  json["seconds"] = OrNull(lag.seconds);
  json["records"] = OrNull(lag.records);
  json["caught_up"] = lag.caught_up;
  if (source) {
    AddSource(json, known, report.movement);
  } else {
    AddSink(json, report, rates, cursor);
  }
  return json;
}

}  // namespace headgate::web
