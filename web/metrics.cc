#include "web/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/views/views.h"
#include "web/connect_shapes.h"
#include "web/group_shapes.h"
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
  each("headgate_source_ignored_fields_total", "counter", "Fields of posted events that are no columns of the stream.",
       [](const Row&, const SourceTelemetry& t) -> Value {
         return t.pushed ? Value(static_cast<double>(t.ignored_fields)) : std::nullopt;
       });
}

// These count what is in the log, so they go on whether the source runs or not, and over restarts.
void SourceTotals(MetricsText& out, Api& api, const std::vector<Row>& rows) {
  const auto registry = api.control.log().registry();
  const auto each = [&](auto sample) {
    for (const Row& row : rows) {
      if (row.record->kind != config::ComponentKind::kSource) continue;
      const SourceInfo* source = registry->FindSource(row.record->name);
      static const SourceCounters kNone;
      sample(row.record->name, source != nullptr ? *registry->source_counters[source->number - 1] : kNone);
    }
  };
  const auto by_op = [](const SourceCounters& counters, Op op) {
    return static_cast<double>(counters.records[static_cast<std::size_t>(op)].load(std::memory_order_relaxed));
  };
  out.Family("headgate_source_events_total", "counter", "Changes made durable, by operation.");
  each([&](std::string_view name, const SourceCounters& counters) {
    for (const Op op : {Op::kInsert, Op::kUpdate, Op::kDelete, Op::kRead, Op::kTruncate, Op::kMessage})
      out.Sample({{"connector", name}, {"op", Name(op)}}, by_op(counters, op));
  });
  out.Family("headgate_source_gaps_total", "counter", "Declared gaps.");
  each([&](std::string_view name, const SourceCounters& counters) {
    out.Sample({{"connector", name}}, static_cast<double>(counters.gaps.load(std::memory_order_relaxed)));
  });
  out.Family("headgate_snapshot_rows_total", "counter", "Rows of snapshots made durable.");
  each([&](std::string_view name, const SourceCounters& counters) {
    out.Sample({{"connector", name}}, by_op(counters, Op::kRead));
  });
}

constexpr std::string_view kRetryReasons[] = {"connect",    "tls",       "timeout", "status_4xx",
                                              "status_5xx", "throttled", "item"};

// The reasons of the contract are fewer than the classes of errors: a name that does not resolve and a connection that
// breaks are "connect"; what is no attempt ("render", "guard") counts nowhere.
double RetriesFor(const SinkTotals& totals, std::string_view reason) {
  std::uint64_t sum = 0;
  for (const auto& [error_class, count] : totals.retries) {
    std::string_view counted = error_class;
    if (error_class == "resolve" || error_class == "broken") counted = "connect";
    if (counted == reason) sum += count;
  }
  return static_cast<double>(sum);
}

// Over all runs of a sink since the process started.
void SinkCounters(MetricsText& out, const std::vector<Row>& rows) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto sample) {
    out.Family(name, type, help);
    for (const Row& row : rows) {
      if (row.record->kind == config::ComponentKind::kSink) sample(row.record->name, row.status->totals);
    }
  };
  each("headgate_sink_records_total", "counter", "Records by how they ended.",
       [&](std::string_view name, const SinkTotals& totals) {
         const RecordCounts& records = totals.records;
         const std::pair<std::string_view, std::uint64_t> results[] = {{"delivered", records.delivered},
                                                                       {"filtered", records.filtered},
                                                                       {"dead", records.dead},
                                                                       {"discarded", records.discarded}};
         for (const auto& [result, count] : results)
           out.Sample({{"connector", name}, {"result", result}}, static_cast<double>(count));
       });
  each("headgate_sink_retries_total", "counter", "Failed attempts that are made again, by reason.",
       [&](std::string_view name, const SinkTotals& totals) {
         for (const std::string_view reason : kRetryReasons)
           out.Sample({{"connector", name}, {"reason", reason}}, RetriesFor(totals, reason));
       });
  each("headgate_sink_request_duration_seconds", "histogram", "One request, without retries.",
       [&](std::string_view name, const SinkTotals& totals) {
         out.Histogram({{"connector", name}}, kLatencyBoundsMs, totals.request_ms_buckets, totals.request_ms_sum);
       });
  each("headgate_end_to_end_latency_seconds", "histogram", "Source commit to acknowledged.",
       [&](std::string_view name, const SinkTotals& totals) {
         out.Histogram({{"connector", name}}, kLatencyBoundsMs, totals.end_to_end_ms_buckets, totals.end_to_end_ms_sum);
       });
}

void Sinks(MetricsText& out, Api& api, const std::vector<Row>& rows) {
  SinkCounters(out, rows);
  const std::int64_t now_us = api.control.clock().NowUs();
  out.Family("headgate_sink_lag_seconds", "gauge", "Age of the oldest undelivered record.");
  for (const Row& row : rows) {
    if (row.cursor && row.cursor->counted)
      out.Sample({{"connector", row.record->name}}, LagOfSink(*row.cursor, now_us).seconds.value_or(0));
  }
  out.Family("headgate_sink_pending_records", "gauge", "Records behind the cursor.");
  for (const Row& row : rows) {
    if (row.cursor && row.cursor->counted)
      out.Sample({{"connector", row.record->name}}, static_cast<double>(row.cursor->pending_records));
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
}

void ConsumerGroups(MetricsText& out, Api& api) {
  const auto groups = api.control.groups().groups();
  std::map<GroupName, GroupLag> lags;
  for (const auto& [name, status] : *groups) lags[name] = LagOfGroup(api.control, name, *status);
  const auto each = [&](std::string_view family, std::string_view type, std::string_view help, auto value) {
    out.Family(family, type, help);
    for (const auto& [name, status] : *groups) {
      const std::optional<double> v = value(*status, lags[name]);
      if (v) out.Sample({{"stream", name.stream}, {"group", name.group}}, *v);
    }
  };
  using Value = std::optional<double>;
  const auto number = [](std::uint64_t n) { return Value(static_cast<double>(n)); };
  each("headgate_group_pending_records", "gauge", "Records that the group has not acknowledged.",
       [&](const GroupStatus&, const GroupLag& lag) { return lag.records ? number(*lag.records) : Value(); });
  each("headgate_group_lag_seconds", "gauge", "Age of the oldest of them.",
       [](const GroupStatus&, const GroupLag& lag) -> Value { return lag.seconds; });
  each("headgate_group_in_flight", "gauge", "Records that consumers hold.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.in_flight); });
  each("headgate_group_delivered_total", "counter", "Records handed out.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.record.totals.delivered); });
  each("headgate_group_redelivered_total", "counter", "Those of them that had been handed out before.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.record.totals.redelivered); });
  each("headgate_group_acknowledged_total", "counter", "Records acknowledged.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.record.totals.acknowledged); });
  each("headgate_group_dead_total", "counter", "Records that became dead letters.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.record.totals.dead); });
  each("headgate_group_lost_records_total", "counter", "Records that retention dropped first.",
       [&](const GroupStatus& s, const GroupLag&) { return number(s.record.totals.lost); });
}

void Views(MetricsText& out, Api& api) {
  struct View {
    std::string name;
    std::shared_ptr<const views::ViewStatus> status;
  };
  views::Views& all = api.control.views();
  std::vector<View> rows;
  const auto names = all.names();
  for (const auto& [name, definition] : names->definitions) {
    if (definition->record.kind != views::ObjectKind::kView) continue;
    if (auto status = all.Status(name)) rows.push_back({name, std::move(status)});
  }
  out.Family("headgate_view_state", "gauge", "1 for the state that the view is in.");
  for (const View& view : rows) {
    for (const std::string_view state : {"gated", "loading", "running", "paused", "failed"})
      out.Sample({{"view", view.name}, {"state", state}}, view.status->state == state ? 1 : 0);
  }
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    out.Family(name, type, help);
    for (const View& view : rows) out.Sample({{"view", view.name}}, static_cast<double>(value(*view.status)));
  };
  const Seq last = api.control.log().last_seq();
  const auto applied = [&](const views::ViewStatus& s) {
    return s.behind_from != 0 ? s.behind_from - 1 : all.applied();
  };
  each("headgate_view_rows", "gauge", "Rows of the view.", [](const views::ViewStatus& s) { return s.rows; });
  each("headgate_view_errors", "gauge", "Rows whose expressions fail at the moment.",
       [](const views::ViewStatus& s) { return s.errors; });
  each("headgate_view_errors_total", "counter", "Rows whose expressions failed, ever.",
       [](const views::ViewStatus& s) { return s.errors_ever; });
  each("headgate_view_expired_total", "counter", "Rows that left because their time had passed.",
       [](const views::ViewStatus& s) { return s.expired; });
  each("headgate_view_forgotten_total", "counter", "Rows that the view's retention took.",
       [](const views::ViewStatus& s) { return s.forgotten; });
  each("headgate_view_waiting", "gauge", "Rows that wait for the end of their grace.",
       [](const views::ViewStatus& s) { return s.waiting; });
  each("headgate_view_applied_seq", "gauge", "The transaction up to which the view reflects the log.", applied);
  each("headgate_view_pending_transactions", "gauge", "Transactions of the log that the view does not reflect yet.",
       [&](const views::ViewStatus& s) { return last > applied(s) ? last - applied(s) : 0; });
  each("headgate_view_lag_seconds", "gauge", "Age of the first of them.",
       [&](const views::ViewStatus& s) { return all.LagSeconds(applied(s)); });
  each("headgate_view_state_bytes", "gauge", "What the view's state and rows take on disk, about.",
       [&](const views::ViewStatus& s) {
         const auto bytes = all.StoredBytes(*s.serving);
         return bytes.ok() ? *bytes : 0;
       });
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
  SourceTotals(out, api, rows);
  Sinks(out, api, rows);
  ConsumerGroups(out, api);
  Views(out, api);
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
