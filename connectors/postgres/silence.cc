#include "connectors/postgres/silence.h"

#include <algorithm>

#include "connectors/postgres/errors.h"
#include "core/base/time_text.h"

namespace headgate::postgres {
namespace {

constexpr int kBusyFactor = 10;

// A row of SilenceSql.
struct Activity {
  std::string state;
  std::string wait_type;
  std::string wait_event;
  std::string blockers;  // process ids with commas; "0" a prepared transaction
};

std::optional<Activity> Find(const Rows& rows, int pid) {
  const std::string wanted = std::to_string(pid);
  const auto row = std::ranges::find_if(rows, [&](const Row& r) { return r.size() == 5 && r[0] == wanted; });
  if (row == rows.end()) return std::nullopt;
  return Activity{(*row)[1].value_or(""), (*row)[2].value_or(""), (*row)[3].value_or(""), (*row)[4].value_or("")};
}

}  // namespace

Finding TellLock(const std::string& reading, const std::string& since, std::string_view blockers) {
  std::string holders;
  std::string pids;
  std::string fix;
  while (!blockers.empty()) {
    const std::string pid(blockers.substr(0, blockers.find(',')));
    blockers.remove_prefix(std::min(blockers.size(), pid.size() + 1));
    holders += (holders.empty() ? "" : " and ") + (pid == "0" ? "a prepared transaction" : "process " + pid);
    if (pid == "0") continue;
    pids += (pids.empty() ? "" : ", ") + pid;
    fix += (fix.empty() ? "" : " ") + ("SELECT pg_terminate_backend(" + pid + ");");
  }
  std::string hint = "It goes on by itself when the lock is released. ";
  if (!pids.empty())
    hint +=
        "What they do: SELECT pid, usename, application_name, state, xact_start, query FROM pg_stat_activity WHERE "
        "pid IN (" +
        pids + "); end them if nobody needs them.";
  if (holders.find("prepared") != std::string::npos)
    hint += " Prepared transactions: SELECT gid, prepared, owner FROM pg_prepared_xacts; commit or roll them back.";
  return {std::string(kSnapshotWaiting),
          Finding::Level::kWarning,
          reading + " has waited since " + since + " for a lock of " + holders,
          std::move(hint),
          std::move(fix),
          ""};
}

std::string SilenceSql(const std::vector<Silence>& silences) {
  std::string pids;
  for (const Silence& silence : silences) pids += (pids.empty() ? "" : ", ") + std::to_string(silence.pid);
  return "SELECT pid, state, wait_event_type, wait_event, array_to_string(pg_blocking_pids(pid), ',') FROM "
         "pg_stat_activity WHERE pid IN (" +
         pids + ")";
}

SilenceVerdict JudgeSilence(const Options& options, const std::vector<Silence>& silences, const Rows& rows,
                            std::int64_t now_us) {
  SilenceVerdict verdict;
  for (const Silence& silence : silences) {
    const std::string reading = "reading table " + silence.table;
    const std::string process = "process " + std::to_string(silence.pid);
    const auto activity = Find(rows, silence.pid);
    if (!activity) {
      verdict.lost = Transient(reading + " on " + Place(options) + " gets no answer: the server's " + process +
                               " is gone. It is read anew.");
      continue;
    }
    const std::string since = UtcText(now_us - silence.lasted.count() * 1000);
    if (!activity->blockers.empty()) {
      verdict.findings.push_back(TellLock(reading, since, activity->blockers));
      continue;
    }
    if (activity->wait_type == "Lock") continue;  // just granted, or not looked up yet: the next look tells
    const bool busy = activity->state == "active" && activity->wait_type != "Client";
    const auto allowed = options.stale_after * (busy ? kBusyFactor : 1);
    if (silence.lasted >= allowed) {
      verdict.lost = Transient(reading + " on " + Place(options) + " got nothing for " +
                               std::to_string(silence.lasted.count()) + " ms (stale_after_ms" +
                               (busy ? ", ten times over because the server's " + process + " works" : "") +
                               "). It is read anew over another connection.");
      continue;
    }
    std::string doing = activity->state;
    if (!activity->wait_event.empty()) doing += ", " + activity->wait_type + " " + activity->wait_event;
    verdict.findings.push_back(
        {std::string(kSnapshotWaiting), Finding::Level::kWarning,
         reading + " has got nothing since " + since + "; the server's " + process + " is " + doing,
         "It is read anew over another connection if nothing comes for " + std::to_string(allowed.count()) +
             " ms. A table with many dead rows, or few that match a row filter, may need longer: raise stale_after_ms.",
         "", "stale_after_ms"});
  }
  return verdict;
}

}  // namespace headgate::postgres
