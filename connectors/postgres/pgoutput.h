#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"

// The bytes of a logical replication stream: CopyData frames and the messages of pgoutput, protocol version 1.
// Pure and allocation-free but for Relation and Truncate: views point into the bytes given. Never trusts a length.
// (PostgreSQL documentation: "Streaming Replication Protocol", "Logical Replication Message Formats".)
namespace headgate::postgres::pgoutput {

// Microseconds since 2000-01-01 as the server sends them; Unix time comes out everywhere.
struct Frame {
  enum class Kind : std::uint8_t { kData, kKeepAlive };
  Kind kind = Kind::kData;
  std::uint64_t start = 0;     // kData: LSN of the record
  std::uint64_t wal_end = 0;   // as far as the server has sent
  std::int64_t server_us = 0;  // Unix time
  bool reply_requested = false;
  std::string_view data;  // one pgoutput message
};
// False if the bytes are neither 'w' nor 'k', or too short.
bool ParseFrame(std::string_view bytes, Frame& frame);

enum class Kind : char {
  kBegin = 'B',
  kCommit = 'C',
  kOrigin = 'O',
  kRelation = 'R',
  kType = 'Y',
  kInsert = 'I',
  kUpdate = 'U',
  kDelete = 'D',
  kTruncate = 'T',
  kMessage = 'M',
};

struct RelationColumn {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
  bool identity = false;  // part of what the server logs of an old row

  bool operator==(const RelationColumn&) const = default;
};

struct Relation {
  std::uint32_t oid = 0;
  std::string schema;
  std::string table;
  char replica_identity = 'd';
  std::vector<RelationColumn> columns;

  bool operator==(const Relation&) const = default;
};

// One message, flat, so that a parser loop reuses it. Which members count depends on `kind`.
struct Message {
  Kind kind = Kind::kBegin;
  std::uint64_t lsn = 0;       // Begin and Commit: of the commit record; Origin: commit LSN there; Message: its own
  std::uint64_t end_lsn = 0;   // Commit: end of the transaction
  std::int64_t commit_us = 0;  // Begin, Commit: Unix time
  std::uint32_t xid = 0;       // Begin
  std::uint32_t relation = 0;  // Insert, Update, Delete
  char old_kind = 0;           // Update, Delete: 'K' key columns only, 'O' the full old row, 0 none
  std::string_view old_row;    // a tuple, for TupleReader
  std::string_view new_row;    // Insert, Update
  bool transactional = false;  // Message
  bool cascade = false;        // Truncate
  bool restart_identity = false;
  std::vector<std::uint32_t> relations;  // Truncate
  std::string_view name;                 // Origin: its name; Message: its prefix
  std::string_view content;              // Message
};

// False if the bytes are not exactly one well-formed message. A Relation is only recognised: use ParseRelation.
bool Parse(std::string_view bytes, Message& message);
bool ParseRelation(std::string_view bytes, Relation& relation);

struct Field {
  char kind = 'n';        // 'n' null, 'u' unchanged TOAST, 't' text, 'b' binary
  std::string_view text;  // 't' and 'b'
};

// Iterates over the columns of a tuple. Next is false at the end and on malformed bytes; failed() tells them apart.
class TupleReader {
 public:
  explicit TupleReader(std::string_view tuple)
      : in_(tuple), columns_(in_.BigEndian<std::uint16_t>()), left_(columns_) {}

  unsigned columns() const { return columns_; }
  bool failed() const { return in_.failed(); }
  bool Next(Field& field);

 private:
  ByteReader in_;
  unsigned columns_;
  unsigned left_;
};

// 34 bytes of a Standby Status Update. `flushed` is what the server may forget.
std::string StandbyStatus(std::uint64_t received, std::uint64_t flushed, std::int64_t now_unix_us, bool request_reply);

}  // namespace headgate::postgres::pgoutput
