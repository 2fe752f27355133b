#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/position.h"
#include "core/model/schema.h"
#include "core/model/value.h"

namespace headgate {

using Seq = std::uint64_t;       // place of a transaction in the log, from 1
using StreamNo = std::uint32_t;  // number of a stream in the shard, from 1; 0: none (message, gap)
using SourceNo = std::uint32_t;  // number of a source in the shard, from 1

// Stored by number: only add.
enum class Op : std::uint8_t {
  kInsert = 1,
  kUpdate = 2,
  kDelete = 3,
  kRead = 4,  // snapshot row
  kTruncate = 5,
  kMessage = 6,
  kSchema = 7,
  kSnapshot = 8,  // marker: a stream's snapshot started or completed
  kGap = 9,
};
inline constexpr std::size_t kOps = 10;  // numbers below this one
// Says something about the stream, not about a row of it.
constexpr bool IsMarker(Op op) { return op == Op::kSchema || op == Op::kSnapshot || op == Op::kGap; }
// Says what became of a row.
constexpr bool IsOfRow(Op op) { return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead; }
std::string_view Name(Op op);  // "insert", ...
bool ParseOp(std::string_view name, Op& op);

// Address of a change in the log: "<seq>-<ordinal>".
struct At {
  Seq seq = 0;
  std::uint32_t ordinal = 0;
  auto operator<=>(const At&) const = default;
};
std::string ToText(At at);

// Ordinals from here on are of rows that one sink gets from the state behind that entry (Position::kState): they are
// in no log.
inline constexpr std::uint32_t kStateOrdinal = std::uint32_t{1} << 31;
constexpr bool IsState(At at) { return at.ordinal >= kStateOrdinal; }
bool ParseAt(std::string_view text, At& at);

// What the changes of one log entry share: a source transaction, a snapshot chunk, a marker, a message, a gap.
struct TransactionInfo {
  SourceNo source = 0;
  std::uint32_t epoch = 0;
  Position position;
  std::int64_t commit_us = 0;       // Unix time at the database; chunks: time of the read
  std::int64_t stored_us = 0;       // Unix time of the append: every timestamp of a rendering comes from here
  std::uint64_t consistent_at = 0;  // chunks and markers: the source position (LSN) the rows are consistent with
  std::uint64_t end = 0;            // where the transaction ends in the source (PostgreSQL: end LSN of the commit)
  std::uint64_t previous_end = 0;   // the same of the transaction seen before, 0 if none
  std::string id;                   // the source's own name of the transaction: xid, GTID; "" if none
  std::string origin;               // replication origin
  std::uint64_t origin_end = 0;     // its LSN there
  std::uint32_t total = 0;          // changes in this entry
  std::uint8_t flags = 0;           // EntryFlag
  std::string file;                 // binary logs: the file that `place` of its changes is an offset in; "" if none
  std::uint32_t server_id = 0;      // of MySQL and MariaDB: who wrote it first
  std::uint32_t thread = 0;         // of MySQL: the session that wrote it, 0 if that is not told
};

// Place of a chunk inside its snapshot, for renderings that mark first and last rows.
enum EntryFlag : std::uint8_t {
  kFirstOfStream = 1,
  kLastOfStream = 2,
  kFirstOfSnapshot = 4,
  kLastOfSnapshot = 8,
};

// One change; views point into the bytes it was read from.
struct Change {
  Op op = Op::kInsert;
  std::uint32_t ordinal = 0;  // from 1 inside its transaction (0 for markers and single messages)
  StreamNo stream = 0;
  std::uint32_t schema = 0;     // version of the stream's schema
  std::uint64_t place = 0;      // where in the source: LSN of the record; binlog offset
  std::uint64_t sub_place = 0;  // row inside the binlog event
  bool has_before = false;
  bool has_after = false;
  std::string_view before;  // encoded row: one value a column, in column order
  std::string_view after;
  std::string_view extra;  // by op, see below; of rows the statement that they stem from, if that is captured
};

// What a change counts for in sums of bytes: its rows and its payload, and a fixed amount for its head.
inline std::uint64_t CountedBytes(const Change& change) {
  return change.before.size() + change.after.size() + change.extra.size() + 16;
}

// `extra` of the ops that carry more than rows.
struct TruncateExtra {
  bool cascade = false;
  bool restart_identity = false;
};
struct MessageExtra {
  bool transactional = false;
  std::string_view prefix;
  std::string_view content;
};
struct SnapshotExtra {  // run is position.a, chunk is position.c
  bool completed = false;
  std::uint64_t rows = 0;
};
struct GapExtra {
  std::string reason;      // slot_missing, ... (change-events contract 4.2)
  std::uint64_t from = 0;  // LSN of the last durable commit, 0 if none
  std::uint64_t to = 0;
  std::vector<std::string> streams;
  std::string action;     // resync, none
  std::string text = {};  // what was found, for people; not stored with the change
};
// Of a statement that changes a schema, in the transaction that it was. A version of a stream has none.
struct SchemaExtra {
  enum class Kind : std::uint8_t { kCreate = 1, kAlter = 2, kDrop = 3, kIndex = 4, kDatabase = 5 };  // stored
  Kind kind = Kind::kAlter;
  bool like = false;     // CREATE TABLE ... LIKE
  std::string database;  // that it is about
  std::string table;     // its name after the statement; "" of kDatabase
  std::string ddl;       // the statement as logged, of DROP TABLE that of the one table
};
std::string Encode(const TruncateExtra& extra);
std::string Encode(const SchemaExtra& extra);
std::string Encode(const MessageExtra& extra);
std::string Encode(const SnapshotExtra& extra);
std::string Encode(const GapExtra& extra);
Result<TruncateExtra> DecodeTruncate(std::string_view bytes);
Result<SchemaExtra> DecodeSchemaChange(std::string_view bytes);
Result<MessageExtra> DecodeMessage(std::string_view bytes);
Result<SnapshotExtra> DecodeSnapshot(std::string_view bytes);
Result<GapExtra> DecodeGap(std::string_view bytes);

// Reads a row into `values` (reused). Corrupt if the bytes are not exactly a sequence of values.
Status ReadRow(std::string_view row, std::vector<Value>& values);

// A transaction on its way into the log: its info and its changes, encoded while they are decoded. The source fills it
// row by row; nothing is copied again before the write.
//
//   tx.StartChange(Op::kUpdate, stream, version, lsn);
//   PutInt(tx.StartRow(RowImage::kBefore), 7); tx.EndRow();
//   PutInt(tx.StartRow(RowImage::kAfter), 7);  tx.EndRow();
//   tx.EndChange();
enum class RowImage : std::uint8_t { kBefore, kAfter };

class BlockSpool;

// Makes spools; outlives them and the transactions that use them.
class BlockSpools {
 public:
  virtual ~BlockSpools() = default;
  virtual std::shared_ptr<BlockSpool> NewSpool() = 0;
};

class Transaction {
 public:
  TransactionInfo info;

  // What is more than so many bytes leaves memory while it comes (docs/adr/0021). Also after Clear.
  void SpoolBeyond(std::size_t bytes, BlockSpools& spools);

  void StartChange(Op op, StreamNo stream, std::uint32_t schema, std::uint64_t place, std::uint64_t sub_place = 0);
  // Values are appended to the returned string until EndRow. Before comes before after.
  std::string& StartRow(RowImage image);
  void EndRow();
  void EndChange(std::string_view extra = {});
  // Takes back the change that was started.
  void AbandonChange();
  // A place between two changes. Rewind takes back what came after it.
  struct Mark {
    std::size_t blocks = 0;
    std::size_t bytes = 0;
    std::uint32_t changes = 0;
  };
  Mark Here();
  void Rewind(const Mark& mark);

  std::uint32_t changes() const { return changes_; }
  std::size_t bytes() const { return bytes_; }  // in memory or not
  bool empty() const { return changes_ == 0; }
  void Clear();
  // Not ok: what was spooled is lost, on a full disk for example, and the transaction cannot be completed.
  Status status() const;

  // The changes in blocks of about kBlockBytes, each whole changes; ordinals go on from block to block.
  struct Block {
    std::uint32_t first_ordinal;
    std::uint32_t count;
    std::string bytes;
  };
  const std::vector<Block>& blocks() const { return blocks_; }  // that are in memory
  // Where those are that came before; nullptr if there are none.
  BlockSpool* spool() const { return spool_.get(); }
  // Ordinal of the first change: 1, or 0 for markers and single messages (set before the first change).
  std::uint32_t first_ordinal = 1;

 private:
  static constexpr std::size_t kBlockBytes = 128 * 1024;

  void BeginBlock();
  void Spool();

  std::vector<Block> blocks_;
  bool sealed_ = false;           // the next change begins a block: a mark is before it
  std::size_t change_start_ = 0;  // offset of the change being written in the last block
  std::size_t row_start_ = 0;     // offset of the row length being written
  std::size_t bytes_ = 0;
  std::size_t expected_bytes_ = 0;
  std::uint32_t changes_ = 0;

  BlockSpools* spools_ = nullptr;
  std::size_t spool_beyond_ = 0;
  std::shared_ptr<BlockSpool> spool_;  // of copies too: they are made of whole transactions only
  std::size_t spooled_ = 0;            // blocks
};

// The blocks of a transaction that left memory. They go with it, unless the log took them.
class BlockSpool {
 public:
  virtual ~BlockSpool() = default;
  // The next block. Errors stay in status().
  virtual void Take(const Transaction::Block& block) = 0;
  // Forgets all but the first `blocks`.
  virtual void Keep(std::size_t blocks) = 0;
  // The streams of the changes that are in it.
  virtual std::vector<StreamNo> streams() const = 0;
  virtual Status status() const = 0;
};

// Iterates over the changes of one block.
class ChangeReader {
 public:
  ChangeReader(std::string_view block, std::uint32_t first_ordinal) : in_(block), ordinal_(first_ordinal) {}
  // False at the end and on malformed bytes; failed() tells them apart.
  bool Next(Change& change);
  bool failed() const { return in_.failed(); }

 private:
  ByteReader in_;
  std::uint32_t ordinal_;
};

}  // namespace headgate
