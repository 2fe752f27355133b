#include "connectors/postgres/offsets.h"

#include <charconv>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/resume.h"
#include "connectors/postgres/slot.h"

namespace headgate::postgres {
namespace {

// 23, or 0/17 as PostgreSQL writes it.
Result<std::uint64_t> ReadOffset(const SourceOffset& to) {
  HG_RETURN_IF_ERROR(OnlyMembers(to, {"lsn", "txid", "ts_usec"}));
  const std::string text = ValueOf(to, "lsn").value_or("");
  std::uint64_t lsn = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lsn);
  if (error != std::errc() || end != text.data() + text.size()) lsn = ParseLsn(text);
  if (lsn != 0) return lsn;
  return ConfigError(R"(The offset needs "lsn": a number such as 23995320, or a text such as "0/16E23B8".)");
}

std::string Both(std::uint64_t lsn) { return std::to_string(lsn) + " (" + LsnText(lsn) + ")"; }

struct Range {
  std::uint64_t from = 0;  // the slot's confirmed position
  std::uint64_t to = 0;    // the server's end of WAL
};

// What the server can still give.
Result<Range> AskServer(const Options& options, const ResumeState& resume, const std::stop_token& stop) {
  HG_ASSIGN_OR_RETURN(const auto query, Connection::Open(options, Connection::Use::kQuery, "UTF8", true, stop));
  HG_ASSIGN_OR_RETURN(const auto slot, Catalog(*query).ReadSlot(stop));
  HG_ASSIGN_OR_RETURN(const auto replication,
                      Connection::Open(options, Connection::Use::kReplication, "UTF8", true, stop));
  HG_ASSIGN_OR_RETURN(const Identity now, IdentifySystem(*replication, stop));
  if (now.system_identifier != resume.stored().system_identifier()) {
    return ConfigError("The server at " + Place(options) +
                       " is another one than the connector has read: its positions are not comparable. Reset the "
                       "offsets instead.");
  }
  if (!slot || slot->wal_status == "lost") {
    return ConfigError("Replication slot " + options.slot_name + " is " + (slot ? "invalidated" : "gone") + " at " +
                       Place(options) + ": the server keeps nothing to go on from. Reset the offsets instead.");
  }
  return Range{slot->confirmed_lsn, now.wal_position};
}

}  // namespace

SourceOffset OffsetOf(const SourceProgress& progress) {
  const std::uint64_t lsn =
      progress.last ? progress.last->a : std::max(ResumeState::Decode(progress.resume).confirmed(), progress.last_end);
  if (lsn == 0) return {};
  return {{"lsn", std::to_string(lsn), true}};
}

Result<SourceMove> Move(const Options& options, const SourceProgress& progress, const SourceOffset& to,
                        std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(std::uint64_t lsn, ReadOffset(to));
  ResumeState resume = ResumeState::Decode(progress.resume);
  if (!resume.known() || options.snapshot == SnapshotMode::kOnly)
    return ConfigError("Connector " + options.name + " has no place in a stream that could be moved.");
  const std::uint64_t current = std::max(resume.confirmed(), progress.last_end);
  if (lsn == progress.last.value_or(Position()).a) lsn = current;
  HG_ASSIGN_OR_RETURN(const Range can, AskServer(options, resume, stop));
  if (lsn < can.from || lsn > can.to) {
    const std::string why = lsn < can.from ? "is before the confirmed position of replication slot " +
                                                 options.slot_name + ": the server has forgotten what lies there"
                                           : "is behind the end of the server's WAL";
    return ConfigError("lsn " + Both(lsn) + " " + why + ". It can be from " + Both(can.from) + " to " + Both(can.to) +
                       ".");
  }
  SourceMove move;
  if (lsn > current) {
    GapExtra& gap = move.gap.emplace();
    gap.reason = "offsets_altered";
    gap.from = current;
    gap.to = lsn;
    gap.action = "none";
    for (const auto& entry : resume.stored().snapshot().streams()) gap.streams.push_back(entry.table());
    gap.text =
        "changes between " + LsnText(current) + " and " + LsnText(lsn) + " are skipped: the offsets were altered";
  }
  resume.MoveTo(lsn);
  move.resume = resume.Encode();
  return move;
}

}  // namespace headgate::postgres
