#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/mysql/gtid_set.h"
#include "connectors/mysql/mariadb_gtid.h"
#include "core/base/result.h"

// The events of a binary log, but for rows (rows_event.h), of MySQL 5.7 and up and MariaDB 10.5 and up. Pure: views
// point into the bytes given, no length is trusted. (MySQL source documentation, "Replication Protocol" and
// mysql::binlog::event; MariaDB, "Replication Protocol".)
namespace headgate::mysql {

// By its number in the header. Those from 160 on are MariaDB's own.
enum class EventType : std::uint8_t {
  kQuery = 2,
  kStop = 3,
  kRotate = 4,
  kIntvar = 5,
  kRand = 13,
  kUserVar = 14,
  kFormatDescription = 15,
  kXid = 16,
  kBeginLoadQuery = 17,
  kExecuteLoadQuery = 18,
  kTableMap = 19,
  kWriteRowsV1 = 23,
  kUpdateRowsV1 = 24,
  kDeleteRowsV1 = 25,
  kIncident = 26,
  kHeartbeat = 27,
  kIgnorable = 28,
  kRowsQuery = 29,
  kWriteRows = 30,
  kUpdateRows = 31,
  kDeleteRows = 32,
  kGtid = 33,
  kAnonymousGtid = 34,
  kPreviousGtids = 35,
  kTransactionContext = 36,
  kViewChange = 37,
  kXaPrepare = 38,
  kPartialUpdateRows = 39,
  kTransactionPayload = 40,
  kHeartbeatV2 = 41,
  kGtidTagged = 42,
  kAnnotateRows = 160,
  kBinlogCheckpoint = 161,
  kMariadbGtid = 162,
  kGtidList = 163,
  kStartEncryption = 164,
  kQueryCompressed = 165,
  kWriteRowsCompressedV1 = 166,
  kUpdateRowsCompressedV1 = 167,
  kDeleteRowsCompressedV1 = 168,
  kWriteRowsCompressed = 169,
  kUpdateRowsCompressed = 170,
  kDeleteRowsCompressed = 171,
  kPartialRowData = 172,
};
// "WRITE_ROWS", "type 99".
std::string Name(EventType type);

// What comes of an event behind its beginning: one that is too large to be had in memory.
class EventRest {
 public:
  virtual ~EventRest() = default;
  // The next bytes, valid until the next call; empty behind the last ones. Errors of where they come from.
  virtual Result<std::string_view> More() = 0;
};

struct Event {
  static constexpr std::size_t kHeaderBytes = 19;
  static constexpr std::uint16_t kArtificial = 0x20;  // made for this reader: it is not in the file
  static constexpr std::uint16_t kIgnorable = 0x80;   // who does not know the type may go on

  std::uint32_t unix_s = 0;  // when the statement began; 0 if artificial
  EventType type = EventType::kStop;
  std::uint32_t server_id = 0;
  std::uint32_t end = 0;  // offset in the file behind the event; 0 inside a transaction from MariaDB 11.4 on
  std::uint16_t flags = 0;
  std::uint32_t bytes = 0;  // with header and checksum
  std::string_view body;    // without them; with `rest` only its beginning
  EventRest* rest = nullptr;
};

// Takes events apart. Knows whether they end with a checksum, by the format description that precedes them.
class EventReader {
 public:
  // Corrupt: the checksum does not match, or the bytes are no event. Until a format description was read, the events of
  // the stream (a rotate) have no checksum, or one if the server was told that this reader knows them.
  explicit EventReader(bool checksums_before_format) : checksums_(checksums_before_format) {}
  Result<Event> Read(std::string_view bytes);
  // Of one that comes in parts, `begin` its first: the checksum is known to match once the event's rest has come to its
  // end. Both are valid until the next call.
  Result<Event> ReadBegin(std::string_view begin, EventRest& rest);
  // Of one that lies inside a TRANSACTION_PAYLOAD: it has no checksum of its own.
  static Result<Event> ReadInner(std::string_view bytes);

  const std::string& server_version() const { return server_version_; }  // of the format description

 private:
  // The body without the checksum, which is checked at its end.
  class CheckedRest final : public EventRest {
   public:
    CheckedRest(EventRest& rest, const Event& event, std::string_view begin, std::size_t checksum);
    Result<std::string_view> More() override;

   private:
    EventRest& rest_;
    const EventType type_;
    const std::uint32_t end_;
    std::size_t body_left_;
    std::size_t checksum_left_;
    std::uint32_t crc_;
    std::string told_;  // what came of the checksum
  };
  Status ReadFormat(std::string_view body);

  bool checksums_;
  std::string server_version_;
  std::optional<CheckedRest> rest_;
};

// Of the parsers below, nothing means that the body makes no sense.

struct Rotate {
  std::uint64_t position = 0;
  std::string_view file;
};
std::optional<Rotate> ParseRotate(std::string_view body);

struct Query {
  std::uint32_t thread = 0;
  std::uint16_t error = 0;
  std::uint16_t charset = 0;  // collation number of the client's character set, 0 if it is not told
  std::string_view database;  // the session's; may be empty
  std::string_view text;
};
// Of QUERY_COMPRESSED the text is inflated into `text`, which the views then point to.
std::optional<Query> ParseQuery(const Event& event, std::string& text);

// The start of a transaction. GTID, tagged, and anonymous.
struct GtidHead {
  std::optional<Gtid> gtid;    // none: anonymous
  std::int64_t commit_us = 0;  // Unix time at the server that sends it, 0 if it is not told
  std::int64_t origin_us = 0;  // at the server that it began on
  std::uint64_t bytes = 0;     // of the transaction with this event, 0 if it is not told
};
std::optional<GtidHead> ParseGtid(const Event& event);

struct MariadbGtidHead {
  static constexpr std::uint8_t kStandalone = 1;  // one statement that commits by itself: no XID or COMMIT comes
  static constexpr std::uint8_t kPreparedXa = 64;
  static constexpr std::uint8_t kCompletedXa = 128;

  MariadbGtid gtid;
  std::uint8_t flags = 0;
  std::string xid;  // of XA, as SQL writes it
};
std::optional<MariadbGtidHead> ParseMariadbGtid(const Event& event);
std::optional<MariadbPosition> ParseGtidList(std::string_view body);

struct XaPrepare {
  bool one_phase = false;  // it is committed at once
  std::string xid;         // X'7465',X'',1: as SQL writes it
};
std::optional<XaPrepare> ParseXaPrepare(std::string_view body);

// The statement that rows stem from: ROWS_QUERY, ANNOTATE_ROWS.
std::optional<std::string_view> ParseStatement(const Event& event);

// TRANSACTION_PAYLOAD: events, one after another, compressed or not.
struct Payload {
  enum class Compression : std::uint8_t { kZstd = 0, kNone = 255 };
  Compression compression = Compression::kNone;
  std::uint64_t size = 0;  // of the events, uncompressed; as told
  std::string_view bytes;  // with the event's rest behind them, if it has one
};
std::optional<Payload> ParsePayload(const Event& event);

}  // namespace headgate::mysql
