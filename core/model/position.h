#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace headgate {

// What names a transaction in its source's history. Stored by number: only add.
enum class PositionKind : std::uint8_t {
  kPgCommit = 1,   // a: commit LSN
  kPgMessage = 2,  // a: LSN of a non-transactional message: where its record ends
  kChunk = 3,      // a: run, b: stream number, c: chunk (0: the started marker)
  kSchema = 4,     // b: stream number, c: version
  kGap = 5,        // the first entry of a new epoch; a: where the new history starts
  kNamed = 6,      // text: a GTID in the form of event ids
  kBinlog = 7,     // a: binlog file number, b: offset
  kIngest = 8,     // a: sequence number of an ingest source
  kState = 9,      // of no entry: a row that one sink gets from stored state. a: run, b: stream number, c: seq
  kRecords = 10,   // a: number of a run of records of one Kafka partition, counted by the source
};

// The name of one transaction (or chunk, or marker) of a source. With the source's id, the epoch and an ordinal it is
// the event id of the change-events contract, section 2.
struct Position {
  PositionKind kind = PositionKind::kGap;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
  std::string text;

  bool operator==(const Position&) const = default;
};

// True for kinds of which a source delivers ever larger ones, comparable by (a, b), at one LSN a message before a
// commit: a re-decoded transaction is known by not being larger than the last.
bool IsOrdered(PositionKind kind);
bool OrderedBefore(const Position& x, const Position& y);

void PutPosition(std::string& out, const Position& position);
Position ReadPosition(ByteReader& in);

// The position part of an event id: 00000000016e9fb0, m00000000016ea010, s1-4-17, v4-3, gap, b2-4-1207, k42.
void AppendPositionId(std::string& out, const Position& position);

// source ":" epoch "-" position ":" ordinal
std::string EventId(std::string_view source_id, std::uint32_t epoch, const Position& position, std::uint32_t ordinal);
void AppendEventId(std::string& out, std::string_view source_id, std::uint32_t epoch, const Position& position,
                   std::uint32_t ordinal);

// "0/16E9FB0", as PostgreSQL prints an LSN.
void AppendLsn(std::string& out, std::uint64_t lsn);
std::string LsnText(std::uint64_t lsn);

// Where a binary log stands, as one ascending number: the file's number, and the offset in these bits.
inline constexpr int kBinlogOffsetBits = 40;
constexpr std::uint64_t BinlogOffset(std::uint64_t place) {
  return place & ((std::uint64_t{1} << kBinlogOffsetBits) - 1);
}
// A position of telemetry and load gates as people read it, by the source's kind ("postgresql"): an LSN, the number of
// a binary log's file and an offset (000003:4567), or a plain number.
std::string PositionText(std::string_view connector, std::uint64_t position);

}  // namespace headgate
