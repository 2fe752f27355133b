#include "connectors/mysql/offsets.h"

#include <algorithm>
#include <charconv>

#include "connectors/mysql/catalog.h"
#include "connectors/mysql/errors.h"
#include "connectors/mysql/resume.h"

namespace headgate::mysql {
namespace {

// Events that stand between transactions, as SHOW BINLOG EVENTS names them.
constexpr std::string_view kBoundaries[] = {
    "Format_desc", "Previous_gtids",   "Gtid",   "Anonymous_Gtid", "Gtid_tagged_log_event",
    "Gtid_list",   "Start_encryption", "Rotate", "Stop",           "Binlog_checkpoint",
};

std::string GtidsOf(const ResumeState& resume) {
  const BinlogPosition& at = resume.position();
  return at.domains.empty() ? at.executed.ToText() : at.domains.ToText();
}

Result<std::uint64_t> NumberIn(const SourceOffset& to, std::string_view name, std::uint64_t absent) {
  const auto text = ValueOf(to, name);
  if (!text) return absent;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size()) return number;
  return ConfigError("\"" + std::string(name) + "\" must be a whole number, not " + text->substr(0, 100) + ".");
}

// The place that is asked for; what it does not name stays.
Result<LogPlace> PlaceIn(const SourceOffset& to, const LogPlace& current) {
  HG_RETURN_IF_ERROR(OnlyMembers(to, {"file", "pos", "gtids", "row"}));
  HG_ASSIGN_OR_RETURN(const std::uint64_t row, NumberIn(to, "row", 0));
  if (row != 0) return ConfigError("\"row\" must be 0: a place is between two transactions, never inside of one.");
  LogPlace place{ValueOf(to, "file").value_or(current.file), 0};
  HG_ASSIGN_OR_RETURN(place.offset, NumberIn(to, "pos", current.offset));
  return place;
}

// --- by GTIDs

Error OutOfRange(const std::string& asked, const std::string& why, const std::string& from, const std::string& to) {
  return ConfigError("gtids " + asked.substr(0, 500) + " " + why + ". They can be from '" + from + "' to '" + to +
                     "'.");
}

Result<BinlogPosition> MysqlPlace(Catalog& catalog, const ServerFacts& server, const std::string& text) {
  BinlogPosition to;
  HG_ASSIGN_OR_RETURN(to.executed, GtidSet::Parse(text));
  HG_ASSIGN_OR_RETURN(const GtidSet purged, GtidSet::Parse(server.gtid_purged));
  HG_ASSIGN_OR_RETURN(const BinlogPosition now, catalog.CurrentPosition());
  const auto refuse = [&](const std::string& why) {
    return OutOfRange(text, why, purged.ToText(), now.executed.ToText());
  };
  if (!to.executed.Contains(purged)) return refuse("leave out transactions that the server has purged");
  if (!now.executed.Contains(to.executed)) return refuse("name transactions that the server does not know");
  return to;
}

Result<BinlogPosition> MariadbPlace(Catalog& catalog, const std::string& text) {
  BinlogPosition to;
  HG_ASSIGN_OR_RETURN(to.domains, MariadbPosition::Parse(text));
  HG_ASSIGN_OR_RETURN(const MariadbPosition purged, catalog.ReadPurged());
  HG_ASSIGN_OR_RETURN(const BinlogPosition now, catalog.CurrentPosition());
  const auto refuse = [&](const std::string& why) {
    return OutOfRange(text, why, purged.ToText(), now.domains.ToText());
  };
  for (const auto& [domain, last] : purged.domains()) {
    if (!to.domains.Of(domain) || to.domains.Of(domain)->number < last.number)
      return refuse("are before what the server has purged of domain " + std::to_string(domain));
  }
  for (const auto& [domain, last] : to.domains.domains()) {
    if (!now.domains.Of(domain) || now.domains.Of(domain)->number < last.number)
      return refuse("name " + ToText(last) + ", which the server does not know");
  }
  return to;
}

bool SkipsByGtid(const BinlogPosition& from, const BinlogPosition& to) {
  if (!from.executed.Contains(to.executed)) return true;
  return std::ranges::any_of(to.domains.domains(), [&](const auto& one) { return !from.domains.Has(one.second); });
}

// --- by file and pos

Status CheckPlace(Connection& connection, Catalog& catalog, const LogPlace& place) {
  HG_ASSIGN_OR_RETURN(const auto logs, catalog.ListLogs());
  const auto found = std::ranges::find_if(logs, [&](const auto& log) { return log.first == place.file; });
  const std::string range = logs.empty() ? ""
                                         : " It can be from " + logs.front().first + ":4 to " + logs.back().first +
                                               ":" + std::to_string(logs.back().second) + ".";
  if (found == logs.end()) return ConfigError("The server has no binary log " + place.file + " (any more)." + range);
  if (place.offset < 4 || place.offset > found->second) {
    return ConfigError(place.ToText() + " is no place in that file, which has " + std::to_string(found->second) +
                       " bytes." + range);
  }
  if (place.offset == found->second) return Ok();
  const auto events = connection.Query(
      "SHOW BINLOG EVENTS IN " + QuoteText(place.file) + " FROM " + std::to_string(place.offset) + " LIMIT 1",
      "looking at " + place.ToText());
  // The server's text says that no event begins there.
  if (!events.ok() && connection.error_code() == 0) return events.error();
  const bool between =
      events.ok() &&
      (events->empty() || std::ranges::find(kBoundaries, (*events)[0][2].value_or("")) != std::end(kBoundaries));
  if (between) return Ok();
  return ConfigError("No transaction begins at " + place.ToText() +
                     ". SHOW BINLOG EVENTS names the places: pos is that of a Gtid event." + range);
}

}  // namespace

SourceOffset OffsetOf(const SourceProgress& progress) {
  const auto resume = ResumeState::Decode(progress.resume);
  if (!resume.ok() || !resume->known()) return {};
  const LogPlace& place = resume->position().place;
  return {{"file", place.file},
          {"pos", std::to_string(place.offset), true},
          {"gtids", resume->by_gtid() ? std::optional(GtidsOf(*resume)) : std::nullopt},
          {"row", "0", true}};
}

Result<SourceMove> Move(const Options& options, const SourceProgress& progress, const SourceOffset& to) {
  HG_ASSIGN_OR_RETURN(ResumeState resume, ResumeState::Decode(progress.resume));
  if (!resume.known()) return ConfigError("Connector " + options.name + " has no place that could be moved.");
  const BinlogPosition from = resume.position();
  const std::uint64_t number = resume.Number();
  HG_ASSIGN_OR_RETURN(const LogPlace place, PlaceIn(to, from.place));
  HG_ASSIGN_OR_RETURN(const auto connection, Connection::Open(options));
  Catalog catalog(*connection, options.flavor);
  HG_ASSIGN_OR_RETURN(const ServerFacts server, catalog.ReadServer());
  const std::string gtids = ValueOf(to, "gtids").value_or(resume.by_gtid() ? GtidsOf(resume) : "");
  BinlogPosition next = from;
  bool skips = false;
  if (resume.by_gtid()) {
    if (gtids == GtidsOf(resume) && place != from.place) {
      return ConfigError(
          "The server is read by GTIDs, and gtids is the place that the connector has: alter gtids. file "
          "and pos follow from them.");
    }
    if (gtids != GtidsOf(resume)) {
      HG_ASSIGN_OR_RETURN(
          next, options.flavor == Flavor::kMariadb ? MariadbPlace(catalog, gtids) : MysqlPlace(catalog, server, gtids));
    }
    skips = SkipsByGtid(from, next);
    next.place = from.place;  // which file has them shows with the first event
  } else {
    if (!gtids.empty()) return ConfigError("The server is not read by GTIDs: leave gtids out, and name file and pos.");
    if (server.uuid != resume.server()) {
      return ConfigError(Place(options) +
                         " is another server than the connector has read: its files are not comparable. Reset the "
                         "offsets instead.");
    }
    HG_RETURN_IF_ERROR(CheckPlace(*connection, catalog, place));
    next.place = place;
    skips = place.Number() > from.place.Number();
  }
  resume.SetPosition(next);
  SourceMove move;
  move.resume = resume.Encode();
  if (!skips) return move;
  GapExtra& gap = move.gap.emplace();
  gap.reason = "offsets_altered";
  gap.from = number;
  gap.to = resume.Number();
  gap.action = "none";
  for (const std::string& table : resume.ledger().stored().read()) gap.streams.push_back(table);
  gap.text = "changes behind " + from.place.ToText() + " are skipped: the offsets were altered";
  return move;
}

}  // namespace headgate::mysql
