#include <algorithm>

#include "web/health_checks.h"

// The checks of a source.
namespace headgate::web {
namespace {

constexpr std::int64_t kHeartbeatWarning = 30 * kSecond;
constexpr std::int64_t kHeartbeatError = 120 * kSecond;
constexpr double kInvalidWarning = 3600;  // seconds to max_slot_wal_keep_size
constexpr double kInvalidError = 600;
// A slot is asked for every 5 s by a source that runs, every minute for one that does not.
constexpr std::int64_t kSlotIntervalUs = 60 * kSecond;

// Findings are named after what was looked at, as `headgate check` prints them; checks after what a person cares for.
std::string_view CheckOfSource(std::string_view finding) {
  struct Place {
    std::string_view finding, check;
  };
  constexpr Place kPlaces[] = {
      {"connection", "reachable"},
      {"replication_connection", "reachable"},
      {"replication_role", "signed_in"},
      {"grants", "signed_in"},
      {"row_security", "signed_in"},
      {"server_version", "server_settings"},
      {"wal_level", "server_settings"},
      {"wal_senders", "server_settings"},
      {"slots", "server_settings"},
      {"slot", "slot_connected"},
      {"slot_state", "slot_connected"},
      {"gap", "slot_connected"},
      {"log", "ingesting"},
      {"columns", "config"},
      {"publication", "tables"},
      {"replica_identity", "tables"},
      {"generated_column", "tables"},
      {"columns_exclude", "tables"},
      {"not_captured", "tables"},
      {"new_table", "tables"},
  };
  const auto* const found = std::find_if(std::begin(kPlaces), std::end(kPlaces),
                                         [&](const Place& place) { return place.finding == finding; });
  return found == std::end(kPlaces) ? finding : found->check;
}

void Failure(CheckList& list, const SourceTelemetry* told) {
  const std::string& name = list.record.name;
  std::string hint = "Mend the cause, then restart " + name + " or change its config.";
  if (list.status.last_error_transient) {
    hint = "Attempts go on by themselves";
    if (list.status.next_attempt_us > list.in.now_us)
      hint += ", the next in " + SecondsText(list.status.next_attempt_us - list.in.now_us);
    hint += ". Check that the server runs, that it is reached from this machine, and that it lets us in.";
  }
  FailureCheck(list, list.status.last_error_transient ? "reachable" : "config",
               told == nullptr ? nullptr : &told->findings, std::move(hint));
}

void Connected(CheckList& list, const SourceTelemetry& t) {
  if (!t.connected || !list.status.last_error.empty()) return;
  if (t.pushed) return list.AddHealthy("reachable", "Open: events may be sent.");
  list.AddHealthy("reachable", "Connected.");
  list.AddHealthy("signed_in", "Signed in, with the rights that are needed.");
  if (t.connector == "kafka") return list.AddHealthy("topics", "Every topic can be read.");
  list.AddHealthy("server_settings", "The server is set up for logical replication.");
  if (!t.slot_name.empty())
    list.AddHealthy("slot_connected", "Replication slot " + t.slot_name + " is ours and active.");
  list.AddHealthy("tables", "Every captured table can be followed.");
}

void Heartbeat(CheckList& list, const SourceTelemetry& t) {
  if (!t.connected || t.last_heard_us == 0) return;
  const std::int64_t silent = list.in.now_us - t.last_heard_us;
  Check check{.id = "heartbeat", .summary = "Last heard " + SecondsText(std::max<std::int64_t>(silent, 0)) + " ago."};
  if (silent >= kHeartbeatWarning) {
    check.status = silent >= kHeartbeatError ? CheckStatus::kError : CheckStatus::kWarning;
    check.cause = "silent";
    check.hint = "The connection may be half dead, the server stalled, or the network cut. Restart " +
                 list.record.name + " to connect anew.";
  }
  list.Add(std::move(check));
}

void Ingesting(CheckList& list, const SourceTelemetry& t) {
  const Thresholds limits = list.record.thresholds();
  const double stalled = static_cast<double>(list.in.movement.stalled_us) / kSecond;
  const std::int64_t lag = t.oldest_pending_commit_us > 0 ? list.in.now_us - t.oldest_pending_commit_us : 0;
  const bool counted = t.connector == "kafka";  // its positions are numbers of records
  const std::uint64_t bytes =
      !counted && t.server_position > t.durable_position ? t.server_position - t.durable_position : 0;
  Check check{.id = "ingesting", .summary = t.caught_up ? "Caught up." : "Reading."};
  if (stalled * 2 >= limits.no_progress_seconds) {
    check.status = stalled >= limits.no_progress_seconds ? CheckStatus::kError : CheckStatus::kWarning;
    check.cause = "no progress";
    check.summary =
        "No progress: the server's position moves, ours has not for " + SecondsText(list.in.movement.stalled_us) + ".";
    check.hint =
        "A large transaction may be on its way, the log may be out of disk, or the connection stalled; the reader is "
        "in phase '" +
        t.phase + "'.";
  } else if (limits.lag_seconds && static_cast<double>(lag) >= *limits.lag_seconds * kSecond) {
    check.status = CheckStatus::kWarning;
    check.cause = "lag";
    check.summary = "The oldest commit that is not durable here is " + SecondsText(lag) + " old.";
  } else if (limits.lag_bytes && bytes >= static_cast<std::uint64_t>(*limits.lag_bytes)) {
    check.status = CheckStatus::kWarning;
    check.cause = "lag in bytes";
    check.summary = BytesText(static_cast<std::int64_t>(bytes)) + " of WAL are not durable here.";
  }
  if (check.status == CheckStatus::kWarning && check.hint.empty())
    check.hint = "Changes come faster than they are read, or the disk of the log is slow.";
  list.Add(std::move(check));
}

void Snapshot(CheckList& list, const SourceTelemetry& t) {
  if (t.phase != "snapshot") return;
  list.AddHealthy("snapshot", std::to_string(t.snapshot_tables_done) + " of " + std::to_string(t.snapshot_tables) +
                                  " tables, " + std::to_string(t.snapshot_rows) + " rows.");
}

void WalRetained(CheckList& list, const SourceTelemetry& t) {
  if (t.slot_retained_bytes < 0) return;
  Check check{.id = "wal_retained",
              .summary = "Slot " + t.slot_name + " keeps " + BytesText(t.slot_retained_bytes) + " of WAL."};
  check.guards = true;
  check.cause = "retained";
  check.result_us = t.slot_seen_us;
  check.interval_us = kSlotIntervalUs;
  const auto left = SecondsToInvalid(t, list.in.movement);
  const bool limited = t.slot_safe_bytes >= 0;
  if (t.slot_safe_bytes == 0 || (left && *left < kInvalidError)) {
    check.status = CheckStatus::kError;
  } else if ((left && *left < kInvalidWarning) ||
             (!limited && t.slot_retained_bytes >= list.record.thresholds().wal_retained_bytes)) {
    check.status = CheckStatus::kWarning;
  }
  if (check.status != CheckStatus::kHealthy) {
    if (limited) check.summary += " The server drops it after " + BytesText(t.slot_safe_bytes) + " more.";
    check.hint = std::string(list.active ? "Reading is behind" : "The connector is not running") +
                 ", so the server keeps WAL for it. " + (list.active ? "Look at the checks of " : "Resume ") +
                 list.record.name + ", or give the server room.";
    check.fix = "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();";
  }
  list.Add(std::move(check));
}

}  // namespace

void SourceChecks(CheckList& list) {
  const SourceTelemetry* live = list.status.source.get();
  // A run that has not opened yet knows less than the one before it.
  const bool open = live != nullptr && live->connected;
  const SourceTelemetry* last = open ? nullptr : list.status.last_source.get();
  const SourceTelemetry* told = last != nullptr ? last : live;
  list.AddFindings(list.status.standing, 0, CheckOfSource);
  Failure(list, told);
  if (told == nullptr) return;
  if (last == nullptr) {
    list.result_us = live->published_us;
    list.interval_us = kResultIntervalUs;
  }
  list.AddFindings(told->findings, told->published_us, CheckOfSource);
  if (live != nullptr && list.active) {
    list.result_us = live->published_us;
    list.interval_us = kResultIntervalUs;
    Connected(list, *live);
    Heartbeat(list, *live);
    Ingesting(list, *live);
    Snapshot(list, *live);
  }
  WalRetained(list, live != nullptr && (last == nullptr || live->slot_seen_us >= last->slot_seen_us) ? *live : *told);
}

}  // namespace headgate::web
