#include "connectors/postgres/slot.h"

#include <charconv>
#include <chrono>

#include "connectors/postgres/errors.h"
#include "core/base/encoding.h"

namespace headgate::postgres {
namespace {

constexpr std::string_view kSlotInUse = "55006";
constexpr std::size_t kPrefixBytes = 40;
constexpr auto kWaitTold = std::chrono::seconds(1);

std::uint32_t ToNumber(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Room for the rest in 63 bytes; a name that is cut says with a number which one it was.
std::string TemporaryPrefix(const Options& options) {
  const std::string& slot = options.slot_name;
  if (slot.size() <= kPrefixBytes) return slot + "_snap_";
  return slot.substr(0, kPrefixBytes - 9) + "_" + Hex16(std::hash<std::string>()(slot)).substr(0, 8) + "_snap_";
}

Error InUse(const Options& options, const std::string& by) {
  return Transient("replication slot " + options.slot_name + " on " + Place(options) + " is in use by " + by +
                   ". Nothing was changed at the server. If that is another connector, give each a slot_name and a "
                   "publication_name of its own.");
}

}  // namespace

Status ClaimSlot(Connection& connection, std::stop_token stop) {
  const Options& options = connection.options();
  const std::string tried = "claiming replication slot " + options.slot_name;
  const std::string key = "hashtextextended(" + QuoteLiteral("headgate slot " + options.slot_name) + ", 0)";
  // A claim must not outlive us for long: where the server can, it looks for a lost peer while a statement runs, and
  // between statements TCP does.
  std::string keep = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4";
  if (connection.server_version() >= 140000) keep += "; SET client_connection_check_interval = 1000";
  HG_ASSIGN_OR_RETURN(const Rows none, connection.Query(keep, tried, stop));
  const auto give_up = std::chrono::steady_clock::now() + kSlotWait;
  for (;;) {
    HG_ASSIGN_OR_RETURN(const Rows rows, connection.Query("SELECT pg_try_advisory_lock(" + key + ")", tried, stop));
    if (!rows.empty() && rows[0][0] == "t") return Ok();
    const auto now = std::chrono::steady_clock::now();
    if (now >= give_up) break;
    HG_RETURN_IF_ERROR(connection.WaitReadable(now + kSlotLook, stop));
  }
  HG_ASSIGN_OR_RETURN(
      const Rows holder,
      connection.Query("SELECT l.pid, a.application_name FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
                       "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | "
                       "l.objid::bigint) = " +
                           key,
                       tried, stop));
  if (holder.empty()) return InUse(options, "another session");
  return InUse(options, "another session (" + holder[0][1].value_or("?") + ", process " + holder[0][0].value_or("?") +
                            " of the server)");
}

Result<std::optional<SlotFacts>> AwaitIdleSlot(Connection& connection, Catalog& catalog, std::stop_token stop) {
  const auto give_up = std::chrono::steady_clock::now() + kSlotWait;
  for (;;) {
    HG_ASSIGN_OR_RETURN(auto slot, catalog.ReadSlot(stop));
    if (!slot || !slot->active) return slot;
    const auto now = std::chrono::steady_clock::now();
    if (now >= give_up)
      return InUse(connection.options(), "process " + std::to_string(slot->active_pid) + " of the server");
    HG_RETURN_IF_ERROR(connection.WaitReadable(now + kSlotLook, stop));
  }
}

Result<Identity> IdentifySystem(Connection& replication, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows rows, replication.Query("IDENTIFY_SYSTEM", "identifying the server", stop));
  if (rows.empty() || rows[0].size() < 3)
    return Transient("identifying the server at " + Place(replication.options()) + " gave no answer");
  Identity identity;
  identity.system_identifier = rows[0][0].value_or("");
  identity.timeline = ToNumber(rows[0][1].value_or(""));
  identity.wal_position = ParseLsn(rows[0][2].value_or(""));
  return identity;
}

std::optional<std::uint64_t> LeftTimelineAt(std::string_view history, std::uint32_t timeline) {
  // "1\t0/3000148\tno recovery target specified", one line for each timeline that was left.
  while (!history.empty()) {
    std::string_view line = history.substr(0, history.find('\n'));
    history.remove_prefix(std::min(history.size(), line.size() + 1));
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos || line[start] == '#') continue;
    line.remove_prefix(start);
    const auto gap = line.find_first_of(" \t");
    if (gap == std::string_view::npos || ToNumber(line.substr(0, gap)) != timeline) continue;
    line.remove_prefix(gap);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::uint64_t lsn = ParseLsn(line.substr(0, line.find_first_of(" \t\r")));
    if (lsn != 0) return lsn;
  }
  return std::nullopt;
}

Result<std::optional<std::uint64_t>> ReadTimelineSwitch(Connection& replication, std::uint32_t left,
                                                        std::uint32_t current, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows rows, replication.Query("TIMELINE_HISTORY " + std::to_string(current),
                                                         "reading the timeline history", stop));
  if (rows.empty() || rows[0].size() < 2) return std::optional<std::uint64_t>();
  return LeftTimelineAt(rows[0][1].value_or(""), left);
}

Result<std::unique_ptr<SlotCreation>> SlotCreation::Begin(std::unique_ptr<Connection> replication,
                                                          const std::string& name, bool temporary,
                                                          bool export_snapshot) {
  const std::string sql = "CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) + (temporary ? " TEMPORARY" : "") +
                          " LOGICAL pgoutput " + (export_snapshot ? "EXPORT_SNAPSHOT" : "NOEXPORT_SNAPSHOT");
  std::unique_ptr<SlotCreation> creation(new SlotCreation(std::move(replication), "creating replication slot " + name));
  HG_RETURN_IF_ERROR(creation->replication_->Send(sql, creation->tried_));
  return creation;
}

Result<std::optional<NewSlot>> SlotCreation::Poll() {
  const auto polled = replication_->Poll(tried_);
  if (!polled.ok()) {
    Error error = polled.error();
    if (replication_->sqlstate() == "53400") {  // configuration_limit_exceeded
      error = ConfigError(error.what +
                          ". Drop a slot that nobody needs, or raise max_replication_slots and restart the server.");
    }
    // Made meanwhile by a session that had been given up, say. The next attempt finds it.
    if (replication_->sqlstate() == "42710") error.kind = ErrorKind::kTransient;
    return error;
  }
  if (!*polled) return std::optional<NewSlot>();
  const Rows& rows = **polled;
  if (rows.empty() || rows[0].size() < 3) return Transient(tried_ + " gave no answer");
  NewSlot slot;
  slot.consistent_point = ParseLsn(rows[0][1].value_or(""));
  slot.snapshot = rows[0][2].value_or("");
  return std::optional<NewSlot>(std::move(slot));
}

Result<NewSlot> AwaitSlot(SlotCreation& creation, const std::function<void()>& waiting, const std::stop_token& stop) {
  for (;;) {
    HG_ASSIGN_OR_RETURN(auto slot, creation.Poll());
    if (slot) return std::move(*slot);
    waiting();
    HG_RETURN_IF_ERROR(creation.Wait(std::chrono::steady_clock::now() + kWaitTold, stop));
  }
}

// The lock is given back a moment after the transaction is over for snapshots: those have the last word.
std::string WaitsForSql(int creation_pid) {
  const std::string pid = std::to_string(creation_pid);
  return "SELECT array_to_string(pg_blocking_pids(" + pid +
         "), ',') FROM pg_locks l, pg_current_snapshot() s WHERE l.pid = " + pid +
         " AND l.locktype = 'transactionid' AND NOT l.granted AND (((l.transactionid::text::bigint - "
         "pg_snapshot_xmax(s)::text::bigint) & 4294967295) < 2147483648 OR EXISTS (SELECT FROM pg_snapshot_xip(s) x "
         "WHERE x::xid = l.transactionid))";
}

std::string EndWaitingSql(int creation_pid) {
  return "SELECT pg_terminate_backend(" + std::to_string(creation_pid) + ")";
}

std::string EndLeftBehindSql(const Options& options) {
  return "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE temporary AND active_pid IS NOT NULL "
         "AND slot_name ~ '^" +
         TemporaryPrefix(options) + "[0-9a-f]{16}$' AND database = current_database()";
}

std::string TemporarySlotName(const Options& options, std::int64_t now_us) {
  return TemporaryPrefix(options) + Hex16(static_cast<std::uint64_t>(now_us));
}

Status DropSlot(Connection& connection, const std::string& name, std::stop_token stop) {
  const auto give_up = std::chrono::steady_clock::now() + kSlotWait;
  for (;;) {
    const auto dropped = connection.Query(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = " + QuoteLiteral(name),
        "dropping replication slot " + name, stop);
    if (dropped.ok()) return Ok();
    const auto now = std::chrono::steady_clock::now();
    if (connection.sqlstate() != kSlotInUse || now >= give_up) return dropped.error();
    HG_RETURN_IF_ERROR(connection.WaitReadable(now + kSlotLook, stop));
  }
}

GapVerdict Compare(const LastSeen& last, const Identity& now, const std::optional<SlotFacts>& slot,
                   std::optional<std::uint64_t> switched_at) {
  if (now.system_identifier != last.system_identifier) {
    return {"server_changed", "the server is another one: system identifier " + now.system_identifier + " instead of " +
                                  last.system_identifier};
  }
  if (now.timeline != last.timeline && (!switched_at || *switched_at < last.durable)) {
    return {"history_diverged", "the server's history left timeline " + std::to_string(last.timeline) + " " +
                                    (switched_at ? "at " + LsnText(*switched_at) : "at an unknown place") +
                                    ", before our last commit at " + LsnText(last.durable)};
  }
  if (now.wal_position < last.durable) {
    return {"history_diverged", "the server ends at " + LsnText(now.wal_position) + ", before our last commit at " +
                                    LsnText(last.durable) + ": it was restored from an older state"};
  }
  if (!slot) return {"slot_missing", "the replication slot is gone"};
  if (slot->wal_status == "lost")
    return {"slot_invalidated", "the server invalidated the replication slot and removed WAL that we had not read"};
  if (slot->confirmed_lsn > last.durable) {
    return {"slot_recreated", "the replication slot starts at " + LsnText(slot->confirmed_lsn) +
                                  ", after our last commit at " + LsnText(last.durable) +
                                  ": it was made anew or moved by hand"};
  }
  return {};
}

}  // namespace headgate::postgres
