#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/catalog/control.h"
#include "web/health_book.h"
#include "web/json.h"

namespace headgate::web {

// How far a connector is behind (admin API, 4.5).
struct Lag {
  std::optional<std::uint64_t> bytes;
  std::optional<double> seconds;
  std::optional<std::uint64_t> records;
  bool caught_up = false;
};
Lag LagOfSource(const SourceTelemetry& telemetry, std::int64_t now_us);
// What is known of a source, whether it runs or not.
SourceTelemetry KnownOf(const ConnectorStatus& status);
Lag LagOfSink(const CursorInfo& cursor, std::int64_t now_us);
// The same without counting: `records` is left open.
Lag LagOfSink(const ConnectorStatus& status, Seq last_seq, std::int64_t now_us);

Json LagJson(Control& control, const ConnectorRecord& record, const HealthBook::Report& report,
             const HealthBook::Rates& rates);

// The value below which `share` of the counts lie, in seconds, by the upper bounds in kLatencyBoundsMs; nothing without
// counts. `buckets` are cumulative over the bounds.
std::optional<double> QuantileSeconds(const std::vector<std::uint64_t>& buckets, double share);

}  // namespace headgate::web
