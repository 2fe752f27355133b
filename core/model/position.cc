#include "core/model/position.h"

#include <cstdio>

#include "core/base/encoding.h"

namespace headgate {

bool IsOrdered(PositionKind kind) {
  return kind == PositionKind::kPgCommit || kind == PositionKind::kPgMessage || kind == PositionKind::kBinlog ||
         kind == PositionKind::kIngest || kind == PositionKind::kRecords;
}

bool OrderedBefore(const Position& x, const Position& y) {
  if (x.a != y.a) return x.a < y.a;
  // A message has the LSN where its record ends; a commit record that begins there comes after it.
  if (x.kind != y.kind) return x.kind == PositionKind::kPgMessage && y.kind == PositionKind::kPgCommit;
  return x.b < y.b;
}

void PutPosition(std::string& out, const Position& position) {
  out.push_back(static_cast<char>(position.kind));
  PutVarint(out, position.a);
  PutVarint(out, position.b);
  PutVarint(out, position.c);
  PutBytes(out, position.text);
}

Position ReadPosition(ByteReader& in) {
  Position p;
  p.kind = static_cast<PositionKind>(in.Byte());
  p.a = in.Varint();
  p.b = in.Varint();
  p.c = in.Varint();
  p.text = in.Bytes();
  return p;
}

void AppendPositionId(std::string& out, const Position& p) {
  const auto number = [&](std::uint64_t v) { out += std::to_string(v); };
  switch (p.kind) {
    case PositionKind::kPgCommit:
      AppendHex16(out, p.a);
      break;
    case PositionKind::kPgMessage:
      out += 'm';
      AppendHex16(out, p.a);
      break;
    case PositionKind::kChunk:
      out += 's';
      number(p.a);
      out += '-';
      number(p.b);
      out += '-';
      number(p.c);
      break;
    case PositionKind::kSchema:
      out += 'v';
      number(p.b);
      out += '-';
      number(p.c);
      break;
    case PositionKind::kGap:
      out += "gap";
      break;
    case PositionKind::kNamed:
      out += p.text;
      break;
    case PositionKind::kBinlog: {
      char digits[32];
      std::snprintf(digits, sizeof digits, "f%06llu-", static_cast<unsigned long long>(p.a));
      out += digits;
      number(p.b);
      break;
    }
    case PositionKind::kIngest:
      number(p.a);
      break;
    case PositionKind::kRecords:
      out += 'k';
      number(p.a);
      break;
    case PositionKind::kState:
      out += 'b';
      number(p.a);
      out += '-';
      number(p.b);
      out += '-';
      number(p.c);
      break;
  }
}

std::string EventId(std::string_view source_id, std::uint32_t epoch, const Position& position, std::uint32_t ordinal) {
  std::string id;
  id.reserve(source_id.size() + 40);
  AppendEventId(id, source_id, epoch, position, ordinal);
  return id;
}

void AppendEventId(std::string& out, std::string_view source_id, std::uint32_t epoch, const Position& position,
                   std::uint32_t ordinal) {
  out.append(source_id).append(":").append(std::to_string(epoch)).append("-");
  AppendPositionId(out, position);
  out.append(":").append(std::to_string(ordinal));
}

void AppendLsn(std::string& out, std::uint64_t lsn) {
  char text[32];
  std::snprintf(text, sizeof text, "%X/%X", static_cast<unsigned>(lsn >> 32), static_cast<unsigned>(lsn));
  out += text;
}

std::string LsnText(std::uint64_t lsn) {
  std::string text;
  AppendLsn(text, lsn);
  return text;
}

std::string PositionText(std::string_view connector, std::uint64_t position) {
  if (connector == "postgresql") return LsnText(position);
  if (connector != "mysql" && connector != "mariadb") return std::to_string(position);
  char digits[24];
  std::snprintf(digits, sizeof digits, "%06llu:", static_cast<unsigned long long>(position >> kBinlogOffsetBits));
  return digits + std::to_string(BinlogOffset(position));
}

}  // namespace headgate
