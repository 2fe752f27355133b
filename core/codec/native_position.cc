#include "core/codec/native_position.h"

#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

// "0/16E9FB0" in quotes.
void AppendLsnString(std::string& out, std::uint64_t lsn) {
  char text[20];
  char* p = text + sizeof text;
  *--p = '"';
  const auto part = [&](std::uint32_t v) {
    do {
      *--p = "0123456789ABCDEF"[v & 15];
      v >>= 4;
    } while (v != 0);
  };
  part(static_cast<std::uint32_t>(lsn));
  *--p = '/';
  part(static_cast<std::uint32_t>(lsn >> 32));
  *--p = '"';
  out.append(p, static_cast<std::size_t>(text + sizeof text - p));
}

constexpr std::string_view kKafka = "kafka";

bool IsBinlog(const EventContext& e) { return e.connector == "mysql" || e.connector == "mariadb"; }

// The file is not known where the log began before the source told of one.
void AppendBinlogPlace(std::string& out, const TransactionInfo& tx, std::uint64_t offset) {
  if (!tx.file.empty()) {
    out += "\"file\":";
    AppendJsonString(out, tx.file);
    out.push_back(',');
  }
  out += "\"pos\":";
  AppendUint(out, offset);
}

// How far all partitions were, as one number (connectors/kafka/offsets.h).
void AppendRecords(std::string& out, std::uint64_t at) {
  out += "\"records\":";
  AppendUint(out, at);
}

// The transaction is named topic/partition.
void AppendRecordPlace(std::string& out, const EventContext& e) {
  const std::string_view partition = e.tx->id;
  const std::size_t slash = partition.rfind('/');
  if (slash != std::string_view::npos) {
    out += "\"topic\":";
    AppendJsonString(out, partition.substr(0, slash));
    out.append(",\"partition\":").append(partition.substr(slash + 1)).push_back(',');
  }
  out += "\"offset\":";
  AppendUint(out, e.change->place);
}

// Where the source was; it may not be known.
void AppendStatePlace(std::string& out, const EventContext& e) {
  const std::uint64_t at = e.tx->consistent_at;
  if (at == 0) return;
  if (IsBinlog(e)) return AppendBinlogPlace(out, *e.tx, BinlogOffset(at));
  if (e.connector == "postgresql") {
    out += "\"lsn\":";
    return AppendLsnString(out, at);
  }
  out += "\"seq\":";
  AppendUint(out, at);
}

}  // namespace

void AppendPosition(std::string& out, const EventContext& e) {
  const Position& p = e.tx->position;
  out += ",\"position\":{";
  switch (p.kind) {
    case PositionKind::kPgCommit:
      out += "\"commit_lsn\":";
      AppendLsnString(out, p.a);
      out += ",\"lsn\":";
      AppendLsnString(out, e.change->place);
      break;
    case PositionKind::kPgMessage:
    case PositionKind::kGap:
      if (IsBinlog(e)) {
        AppendBinlogPlace(out, *e.tx, BinlogOffset(p.a));
        break;
      }
      if (e.connector == kKafka) {
        AppendRecords(out, p.a);
        break;
      }
      out += "\"lsn\":";
      AppendLsnString(out, p.a);
      break;
    case PositionKind::kChunk:
    case PositionKind::kSchema: {
      const std::uint64_t at = e.tx->consistent_at != 0 ? e.tx->consistent_at : e.change->place;
      if (IsBinlog(e)) {
        AppendBinlogPlace(out, *e.tx, BinlogOffset(at));
        break;
      }
      if (e.connector == kKafka) {
        AppendRecords(out, at);
        break;
      }
      out += "\"lsn\":";
      AppendLsnString(out, at);
      break;
    }
    case PositionKind::kNamed:
      out += "\"gtid\":";
      AppendJsonString(out, e.tx->id);
      out.push_back(',');
      [[fallthrough]];
    case PositionKind::kBinlog:
      AppendBinlogPlace(out, *e.tx, e.change->place);
      out += ",\"row\":";
      AppendUint(out, e.change->sub_place);
      break;
    case PositionKind::kState:
      AppendStatePlace(out, e);
      break;
    case PositionKind::kRecords:
      AppendRecordPlace(out, e);
      break;
    case PositionKind::kIngest:
      out += "\"seq\":";
      AppendUint(out, p.a);
      break;
  }
  out.push_back('}');
}

Status AppendGap(std::string& out, const EventContext& e) {
  HG_ASSIGN_OR_RETURN(const GapExtra extra, DecodeGap(e.change->extra));
  out += ",\"gap\":{\"reason\":";
  AppendJsonString(out, extra.reason);
  const bool binlog = IsBinlog(e);
  const auto place = [&](std::uint64_t at, std::string_view name) {
    if (binlog) {
      AppendJsonString(out, "pos");
      out.push_back(':');
      AppendJsonString(out, PositionText(e.connector, at));
    } else if (e.connector == kKafka) {
      AppendRecords(out, at);
    } else {
      out += name;
      AppendLsnString(out, at);
    }
  };
  if (extra.from != 0) {
    out += ",\"from\":{";
    place(extra.from, "\"commit_lsn\":");
    out.push_back('}');
  }
  out += ",\"to\":{";
  place(extra.to, "\"lsn\":");
  out += "},\"streams\":[";
  for (std::size_t i = 0; i < extra.streams.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendJsonString(out, extra.streams[i]);
  }
  out += "],\"action\":";
  AppendJsonString(out, extra.action);
  out.push_back('}');
  return Ok();
}

}  // namespace headgate::codec
