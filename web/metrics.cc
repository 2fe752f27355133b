#include "web/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "web/connect_shapes.h"
#include "web/lag.h"
#include "web/metrics_text.h"

namespace headgate::web {
namespace {

struct Row {
  std::shared_ptr<const ConnectorRecord> record;
  std::shared_ptr<const ConnectorStatus> status;
  HealthBook::Report report;
  std::optional<CursorInfo> cursor;
};

std::vector<Row> Gather(Api& api) {
  std::vector<Row> rows;
  for (const std::string& name : api.control.Names()) {
    auto record = api.control.Find(name);
    if (record == nullptr) continue;
    auto status = StatusOf(api, *record);
    auto report = api.health.Look(api.control, *record);
    auto cursor = record->kind == config::ComponentKind::kSink ? api.control.Cursor(name) : std::nullopt;
    rows.push_back({std::move(record), std::move(status), std::move(report), std::move(cursor)});
  }
  return rows;
}

void Connectors(MetricsText& out, const std::vector<Row>& rows) {
  constexpr State kStates[] = {State::kRunning, State::kPaused,     State::kStopped,
                               State::kFailed,  State::kUnassigned, State::kRestarting};
  constexpr std::string_view kHealth[] = {"healthy", "warning", "error", "paused", "stopped", "starting"};
  out.Family("headgate_connector_state", "gauge", "1 for the state that the connector is in.");
  for (const Row& row : rows) {
    for (State state : kStates) {
      out.Sample({{"connector", row.record->name}, {"state", Lower(Name(state))}}, row.status->state == state ? 1 : 0);
    }
  }
  out.Family("headgate_connector_health", "gauge", "1 for the health that the connector has.");
  for (const Row& row : rows) {
    for (std::string_view status : kHealth)
      out.Sample({{"connector", row.record->name}, {"status", status}}, row.report.status == status ? 1 : 0);
  }
}

void Sources(MetricsText& out, Api& api, const std::vector<Row>& rows) {
  const std::int64_t now_us = api.control.clock().NowUs();
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.Family(name, type, help);
    for (const Row& row : rows) {
      if (row.status->source == nullptr) continue;
      const std::optional<double> v = value(row, *row.status->source);
      if (v) out.Sample({{"connector", row.record->name}}, *v);
    }
  };
  using Value = std::optional<double>;
  each("headgate_source_lag_bytes", "gauge", "Server position less our last durable commit.",
       [&](const Row&, const SourceTelemetry& t) -> Value {
         const Lag lag = LagOfSource(t, now_us);
         return lag.bytes ? Value(static_cast<double>(*lag.bytes)) : std::nullopt;
       });
  each("headgate_source_lag_seconds", "gauge", "Age of the oldest commit that is not durable here.",
       [&](const Row&, const SourceTelemetry& t) -> Value { return LagOfSource(t, now_us).seconds; });
  each("headgate_slot_retained_bytes", "gauge", "WAL that the server keeps for the slot.",
       [](const Row&, const SourceTelemetry& t) -> Value {
         return t.slot_retained_bytes < 0 ? std::nullopt : Value(static_cast<double>(t.slot_retained_bytes));
       });
  each("headgate_slot_safe_bytes", "gauge", "WAL left before the server drops the slot.",
       [](const Row&, const SourceTelemetry& t) -> Value {
         return t.slot_safe_bytes < 0 ? std::nullopt : Value(static_cast<double>(t.slot_safe_bytes));
       });
  const auto registry = api.control.log().registry();
  each("headgate_source_events_total", "counter", "Changes made durable.",
       [&](const Row& row, const SourceTelemetry&) -> Value {
         return static_cast<double>(RecordsOf(*registry, row.record->name));
       });
  each("headgate_source_gaps_total", "counter", "Declared gaps.", [&](const Row& row, const SourceTelemetry&) -> Value {
    const auto progress = api.control.Progress(row.record->name);
    return progress ? Value(static_cast<double>(progress->gaps)) : std::nullopt;
  });
  each("headgate_snapshot_rows_total", "counter", "Rows read by snapshots.",
       [](const Row&, const SourceTelemetry& t) -> Value { return static_cast<double>(t.snapshot_rows); });
}

void SinkCounters(MetricsText& out, const std::vector<Row>& rows) {
  out.Family("headgate_sink_records_total", "counter", "Records by how they ended.");
  for (const Row& row : rows) {
    if (row.status->sink == nullptr) continue;
    out.Sample({{"connector", row.record->name}, {"result", "delivered"}},
               static_cast<double>(row.status->sink->delivered));
    out.Sample({{"connector", row.record->name}, {"result", "filtered"}},
               static_cast<double>(row.status->sink->filtered));
  }
  out.Family("headgate_sink_retries_total", "counter", "Attempts that were made again, by reason.");
  for (const Row& row : rows) {
    if (row.status->sink == nullptr) continue;
    for (const auto& [reason, count] : row.status->sink->retries) {
      out.Sample({{"connector", row.record->name}, {"reason", reason}}, static_cast<double>(count));
    }
  }
}

void Sinks(MetricsText& out, Api& api, const std::vector<Row>& rows) {
  SinkCounters(out, rows);
  const std::int64_t now_us = api.control.clock().NowUs();
  out.Family("headgate_sink_lag_seconds", "gauge", "Age of the oldest undelivered record.");
  for (const Row& row : rows) {
    if (row.cursor) out.Sample({{"connector", row.record->name}}, LagOfSink(*row.cursor, now_us).seconds.value_or(0));
  }
  out.Family("headgate_sink_pending_records", "gauge", "Records behind the cursor.");
  for (const Row& row : rows) {
    if (row.cursor) out.Sample({{"connector", row.record->name}}, static_cast<double>(row.cursor->pending_records));
  }
  const auto each = [&](std::string_view name, std::string_view help, auto value) {
    out.Family(name, "gauge", help);
    for (const Row& row : rows) {
      if (row.status->sink != nullptr) out.Sample({{"connector", row.record->name}}, value(*row.status->sink));
    }
  };
  each("headgate_sink_breaker_open", "1 while the breaker is open.",
       [](const SinkTelemetry& t) { return t.breaker_open ? 1.0 : 0.0; });
  each("headgate_queue_bytes", "In memory between log and target.",
       [](const SinkTelemetry& t) { return static_cast<double>(t.queue_bytes); });
  out.Family("headgate_dead_letters", "gauge", "Letters by state.");
  for (const Row& row : rows) {
    if (row.record->kind != config::ComponentKind::kSink) continue;
    for (auto state : {DeadLetter::State::kWaiting, DeadLetter::State::kParked, DeadLetter::State::kDead,
                       DeadLetter::State::kRetrying}) {
      const auto found = row.report.letters.find(state);
      const double count = found == row.report.letters.end() ? 0 : static_cast<double>(found->second);
      out.Sample({{"connector", row.record->name}, {"state", Name(state)}}, count);
    }
  }
  out.Family("headgate_sink_request_duration_seconds", "histogram", "One request, without retries.");
  for (const Row& row : rows) {
    if (row.status->sink == nullptr) continue;
    out.Histogram({{"connector", row.record->name}}, kLatencyBoundsMs, row.status->sink->request_ms_buckets,
                  row.status->sink->request_ms_sum);
  }
  out.Family("headgate_end_to_end_latency_seconds", "histogram", "Source commit to acknowledged.");
  for (const Row& row : rows) {
    if (row.status->sink == nullptr) continue;
    out.Histogram({{"connector", row.record->name}}, kLatencyBoundsMs, row.status->sink->end_to_end_ms_buckets,
                  row.status->sink->end_to_end_ms_sum);
  }
}

// The usual ones of a process, from /proc.
void Process(MetricsText& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  out.Family("process_cpu_seconds_total", "counter", "CPU time, user and system.");
  out.Sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  double virtual_pages = 0;
  double resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  out.Family("process_resident_memory_bytes", "gauge", "Resident memory.");
  out.Sample({}, resident_pages * page);
  out.Family("process_virtual_memory_bytes", "gauge", "Virtual memory.");
  out.Sample({}, virtual_pages * page);
  int open = -1;  // the listing's own descriptor
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) open += entry->d_name[0] != '.';
    closedir(directory);
  }
  out.Family("process_open_fds", "gauge", "Open file descriptors.");
  out.Sample({}, open);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  out.Family("process_max_fds", "gauge", "Most file descriptors allowed.");
  out.Sample({}, static_cast<double>(limit.rlim_cur));
  out.Family("process_start_time_seconds", "gauge", "Start of the process since 1970.");
  static const double start = [] {
    std::ifstream stat("/proc/self/stat");
    const std::string text((std::istreambuf_iterator<char>(stat)), {});
    double ticks = 0;
    double up = 0;
    const std::size_t name_end = text.rfind(')');
    std::sscanf(name_end == std::string::npos ? "" : text.c_str() + name_end + 2,
                "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lf", &ticks);
    std::ifstream("/proc/uptime") >> up;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<double>(now.tv_sec) - up + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }();
  out.Sample({}, start);
}

}  // namespace

std::string RenderMetrics(Api& api, bool open_metrics) {
  MetricsText out(open_metrics);
  const auto rows = Gather(api);
  out.Family("headgate_build_info", "gauge", "The build.");
  out.Sample({{"version", HEADGATE_VERSION}, {"commit", api.options.commit}}, 1);
  Connectors(out, rows);
  Sources(out, api, rows);
  Sinks(out, api, rows);
  const Log& log = api.control.log();
  out.Family("headgate_log_bytes", "gauge", "The log on disk.");
  out.Sample({}, static_cast<double>(log.disk_bytes()));
  out.Family("headgate_log_last_seq", "gauge", "The last durable transaction.");
  out.Sample({}, static_cast<double>(log.last_seq()));
  out.Family("headgate_log_lost_records_total", "counter", "Declared losses by retention.");
  out.Sample({}, static_cast<double>(log.lost_records()));
  out.Family("headgate_http_requests_total", "counter", "Answers by route template and status.");
  for (const auto& [key, count] : api.requests) {
    out.Sample({{"route", key.first}, {"code", std::to_string(key.second)}}, static_cast<double>(count));
  }
  Process(out);
  return std::move(out).Finish();
}

}  // namespace headgate::web
