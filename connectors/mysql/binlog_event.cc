#include "connectors/mysql/binlog_event.h"

#include <libdeflate.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "connectors/mysql/packed.h"
#include "core/base/bytes.h"
#include "core/base/encoding.h"

namespace headgate::mysql {
namespace {

constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint8_t kCrc32 = 1;
constexpr std::size_t kServerVersionBytes = 50;

constexpr std::pair<EventType, const char*> kNames[] = {
    {EventType::kQuery, "QUERY"},
    {EventType::kStop, "STOP"},
    {EventType::kRotate, "ROTATE"},
    {EventType::kIntvar, "INTVAR"},
    {EventType::kRand, "RAND"},
    {EventType::kUserVar, "USER_VAR"},
    {EventType::kFormatDescription, "FORMAT_DESCRIPTION"},
    {EventType::kXid, "XID"},
    {EventType::kBeginLoadQuery, "BEGIN_LOAD_QUERY"},
    {EventType::kExecuteLoadQuery, "EXECUTE_LOAD_QUERY"},
    {EventType::kTableMap, "TABLE_MAP"},
    {EventType::kWriteRowsV1, "WRITE_ROWS_V1"},
    {EventType::kUpdateRowsV1, "UPDATE_ROWS_V1"},
    {EventType::kDeleteRowsV1, "DELETE_ROWS_V1"},
    {EventType::kIncident, "INCIDENT"},
    {EventType::kHeartbeat, "HEARTBEAT"},
    {EventType::kIgnorable, "IGNORABLE"},
    {EventType::kRowsQuery, "ROWS_QUERY"},
    {EventType::kWriteRows, "WRITE_ROWS"},
    {EventType::kUpdateRows, "UPDATE_ROWS"},
    {EventType::kDeleteRows, "DELETE_ROWS"},
    {EventType::kGtid, "GTID"},
    {EventType::kAnonymousGtid, "ANONYMOUS_GTID"},
    {EventType::kPreviousGtids, "PREVIOUS_GTIDS"},
    {EventType::kTransactionContext, "TRANSACTION_CONTEXT"},
    {EventType::kViewChange, "VIEW_CHANGE"},
    {EventType::kXaPrepare, "XA_PREPARE"},
    {EventType::kPartialUpdateRows, "PARTIAL_UPDATE_ROWS"},
    {EventType::kTransactionPayload, "TRANSACTION_PAYLOAD"},
    {EventType::kHeartbeatV2, "HEARTBEAT_V2"},
    {EventType::kGtidTagged, "GTID_TAGGED"},
    {EventType::kAnnotateRows, "ANNOTATE_ROWS"},
    {EventType::kBinlogCheckpoint, "BINLOG_CHECKPOINT"},
    {EventType::kMariadbGtid, "MARIADB_GTID"},
    {EventType::kGtidList, "GTID_LIST"},
    {EventType::kStartEncryption, "START_ENCRYPTION"},
    {EventType::kQueryCompressed, "QUERY_COMPRESSED"},
    {EventType::kWriteRowsCompressedV1, "WRITE_ROWS_COMPRESSED_V1"},
    {EventType::kUpdateRowsCompressedV1, "UPDATE_ROWS_COMPRESSED_V1"},
    {EventType::kDeleteRowsCompressedV1, "DELETE_ROWS_COMPRESSED_V1"},
    {EventType::kWriteRowsCompressed, "WRITE_ROWS_COMPRESSED"},
    {EventType::kUpdateRowsCompressed, "UPDATE_ROWS_COMPRESSED"},
    {EventType::kDeleteRowsCompressed, "DELETE_ROWS_COMPRESSED"},
    {EventType::kPartialRowData, "PARTIAL_ROW_DATA"},
};

// A header and what is behind it; no checksum.
std::optional<Event> Cut(std::string_view bytes) {
  ByteReader in(bytes);
  Event event;
  event.unix_s = in.Fixed<std::uint32_t>();
  event.type = static_cast<EventType>(in.Byte());
  event.server_id = in.Fixed<std::uint32_t>();
  event.bytes = in.Fixed<std::uint32_t>();
  event.end = in.Fixed<std::uint32_t>();
  event.flags = in.Fixed<std::uint16_t>();
  event.body = in.Take(in.remaining());
  return in.failed() ? std::nullopt : std::optional(event);
}

std::uint32_t Crc32(std::uint32_t before, std::string_view bytes) {
  return ::libdeflate_crc32(before, bytes.data(), bytes.size());
}

bool ChecksumMatches(std::string_view bytes) {
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumBytes);
  return Crc32(0, covered) == ByteReader(bytes.substr(covered.size())).Fixed<std::uint32_t>();
}

// The flag that says that the file is being written is set and cleared without a new checksum. A log without checksums
// has one here too, which a server that sends it does not keep right: so what is asked then is only whether the
// algorithm alone was changed on the way, and no event behind it would be checked.
bool FormatChecksumMatches(std::string_view bytes, bool checksums) {
  constexpr std::size_t kFlags = 17;  // offset
  constexpr char kInUse = 1;
  std::string as_closed(bytes);
  as_closed[kFlags] = static_cast<char>(as_closed[kFlags] & ~kInUse);
  if (checksums) return ChecksumMatches(as_closed);
  as_closed[bytes.size() - kChecksumBytes - 1] = static_cast<char>(kCrc32);
  return !ChecksumMatches(as_closed);
}

Error WrongChecksum(EventType type, std::uint32_t end) {
  return Corrupt("the event " + Name(type) + " that ends at " + std::to_string(end) +
                 " does not match its checksum: it was damaged on its way, or in the server's file");
}

Error NoEvent() { return Corrupt("the server sent bytes that are no event of a binary log"); }

// The client's character set is in the status variables, each a number and a length that follows from it.
std::uint16_t ReadCharset(std::string_view variables) {
  ByteReader in(variables);
  while (!in.done() && !in.failed()) {
    switch (in.Byte()) {
      case 0:  // flags2
        in.Take(4);
        break;
      case 1:  // sql_mode
        in.Take(8);
        break;
      case 6:  // catalogue
        in.Take(in.Byte());
        break;
      case 3:  // auto_increment
        in.Take(4);
        break;
      case 4:
        return in.Fixed<std::uint16_t>();
      default:  // those come behind it
        return 0;
    }
  }
  return 0;
}

// The serialization of MySQL 8.3: a number takes as many bytes as its lowest byte ends with ones, and one more.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : in_(bytes) {}

  bool failed() const { return in_.failed(); }
  bool done() const { return in_.done(); }
  std::uint64_t Number() {
    const std::uint8_t first = in_.Byte();
    const int more = std::countr_one(first);
    if (more == 8) return in_.Fixed<std::uint64_t>();
    std::uint64_t number = first >> (more + 1);
    int shift = 7 - more;
    for (int i = 0; i < more; ++i, shift += 8) number |= static_cast<std::uint64_t>(in_.Byte()) << shift;
    return number;
  }
  // Signed ones have their sign in the lowest bit.
  std::int64_t Signed() {
    const std::uint64_t number = Number();
    return (number & 1) != 0 ? -static_cast<std::int64_t>(number >> 1) - 1 : static_cast<std::int64_t>(number >> 1);
  }
  std::string_view Text() { return in_.Take(static_cast<std::size_t>(Number())); }

 private:
  ByteReader in_;
};

// GTID_TAGGED: fields in ascending order, each behind its number.
std::optional<GtidHead> ParseTagged(std::string_view body) {
  enum Field : std::uint64_t { kFlags, kUuid, kNumber, kTag, kLastCommitted, kSequence, kCommit, kOrigin, kBytes };
  FieldReader in(body);
  in.Number();  // version of the form
  in.Number();  // size
  in.Number();  // the last field that has to be known
  GtidHead head;
  head.gtid.emplace();
  bool named = false;
  for (bool needed = true; needed && !in.done() && !in.failed();) {
    switch (in.Number()) {
      case kFlags:
        in.Number();
        break;
      case kUuid:
        for (unsigned char& byte : head.gtid->source.uuid) byte = static_cast<unsigned char>(in.Number());
        named = true;
        break;
      case kNumber:
        head.gtid->number = static_cast<std::uint64_t>(in.Signed());
        break;
      case kTag:
        head.gtid->source.tag = in.Text();
        break;
      case kLastCommitted:
      case kSequence:
        in.Signed();
        break;
      case kCommit:
        head.commit_us = head.origin_us = static_cast<std::int64_t>(in.Number());
        break;
      case kOrigin:
        head.origin_us = static_cast<std::int64_t>(in.Number());
        break;
      case kBytes:
        head.bytes = in.Number();
        break;
      default:
        needed = false;
    }
  }
  return in.failed() || !named || head.gtid->number == 0 ? std::nullopt : std::optional(head);
}

// X'..',X'..',1
std::string XidText(std::string_view global, std::string_view branch, std::uint32_t format) {
  return "X'" + Hex(global) + "',X'" + Hex(branch) + "'," + std::to_string(format);
}

}  // namespace

std::string Name(EventType type) {
  const auto* const found = std::ranges::find(kNames, type, &std::pair<EventType, const char*>::first);
  return found != std::end(kNames) ? found->second : "type " + std::to_string(static_cast<int>(type));
}

Result<Event> EventReader::ReadInner(std::string_view bytes) {
  const auto event = Cut(bytes);
  if (!event || event->bytes != bytes.size()) return NoEvent();
  return *event;
}

Result<Event> EventReader::Read(std::string_view bytes) {
  auto event = Cut(bytes);
  if (!event || event->bytes != bytes.size()) return NoEvent();
  if (event->type == EventType::kFormatDescription) {
    HG_RETURN_IF_ERROR(ReadFormat(event->body));
    event->body.remove_suffix(kChecksumBytes);  // it has the room in any case
    if (!FormatChecksumMatches(bytes, checksums_)) return Corrupt("FORMAT_DESCRIPTION: its checksum does not match");
    return *event;
  }
  if (!checksums_) return *event;
  if (event->body.size() < kChecksumBytes) return NoEvent();
  event->body.remove_suffix(kChecksumBytes);
  if (!ChecksumMatches(bytes)) return WrongChecksum(event->type, event->end);
  return *event;
}

Result<Event> EventReader::ReadBegin(std::string_view begin, EventRest& rest) {
  auto event = Cut(begin);
  if (!event || event->type == EventType::kFormatDescription) return NoEvent();
  const std::size_t checksum = checksums_ ? kChecksumBytes : 0;
  if (event->bytes < begin.size() + checksum) return NoEvent();
  rest_.emplace(rest, *event, begin, checksum);
  event->rest = &*rest_;
  return *event;
}

EventReader::CheckedRest::CheckedRest(EventRest& rest, const Event& event, std::string_view begin, std::size_t checksum)
    : rest_(rest),
      type_(event.type),
      end_(event.end),
      body_left_(event.bytes - begin.size() - checksum),
      checksum_left_(checksum),
      crc_(Crc32(0, begin)) {}

Result<std::string_view> EventReader::CheckedRest::More() {
  std::string_view body;
  while (body.empty()) {
    HG_ASSIGN_OR_RETURN(std::string_view piece, rest_.More());
    if (piece.empty() && body_left_ + checksum_left_ == 0) break;
    if (piece.empty() || piece.size() > body_left_ + checksum_left_) return NoEvent();
    body = piece.substr(0, body_left_);
    piece.remove_prefix(body.size());
    body_left_ -= body.size();
    checksum_left_ -= piece.size();
    crc_ = Crc32(crc_, body);
    told_ += piece;
  }
  const bool complete = body_left_ + checksum_left_ == 0 && !told_.empty();
  if (complete && ByteReader(told_).Fixed<std::uint32_t>() != crc_) return WrongChecksum(type_, end_);
  return body;
}

// Version, server, time, size of headers, the sizes of the fixed part of each type, the algorithm of checksums.
Status EventReader::ReadFormat(std::string_view body) {
  ByteReader in(body);
  const auto version = in.Fixed<std::uint16_t>();
  const std::string_view server = in.Take(kServerVersionBytes);
  in.Fixed<std::uint32_t>();
  const std::uint8_t header = in.Byte();
  if (in.failed() || in.remaining() < 1 + kChecksumBytes) return NoEvent();
  if (version != 4 || header != Event::kHeaderBytes)
    return Corrupt("binary log of version " + std::to_string(version) + ": only version 4 is known");
  const auto algorithm = static_cast<std::uint8_t>(body[body.size() - kChecksumBytes - 1]);
  if (algorithm > kCrc32) return Corrupt("checksums of kind " + std::to_string(algorithm) + ": only CRC32 is known");
  checksums_ = algorithm == kCrc32;
  server_version_ = server.substr(0, server.find('\0'));
  return Ok();
}

std::optional<Rotate> ParseRotate(std::string_view body) {
  ByteReader in(body);
  Rotate rotate;
  rotate.position = in.Fixed<std::uint64_t>();
  rotate.file = in.Take(in.remaining());
  return in.failed() || rotate.file.empty() ? std::nullopt : std::optional(rotate);
}

std::optional<Query> ParseQuery(const Event& event, std::string& text) {
  ByteReader in(event.body);
  Query query;
  query.thread = in.Fixed<std::uint32_t>();
  in.Fixed<std::uint32_t>();  // seconds it took
  const std::size_t database = in.Byte();
  query.error = in.Fixed<std::uint16_t>();
  const std::size_t variables = in.Fixed<std::uint16_t>();
  query.charset = ReadCharset(in.Take(variables));
  query.database = in.Take(database);
  in.Byte();  // zero
  query.text = in.Take(in.remaining());
  if (in.failed()) return std::nullopt;
  if (event.type == EventType::kQueryCompressed) {
    if (!InflateMariadb(query.text, text)) return std::nullopt;
    query.text = text;
  }
  return query;
}

// Flags, server, number; from 5.7 on sequence numbers of the group commit; from 8.0 on times and the size.
std::optional<GtidHead> ParseGtid(const Event& event) {
  if (event.type == EventType::kGtidTagged) return ParseTagged(event.body);
  constexpr std::uint64_t kHasOrigin = std::uint64_t{1} << 55;
  ByteReader in(event.body);
  in.Byte();
  Gtid gtid{{in.Fixed<decltype(GtidSource::uuid)>(), ""}, in.Fixed<std::uint64_t>()};
  if (in.failed()) return std::nullopt;
  GtidHead head;
  if (event.type == EventType::kGtid) head.gtid = std::move(gtid);
  if (head.gtid && head.gtid->number == 0) return std::nullopt;
  if (in.remaining() < 1 + 16 + 7 || in.Byte() != 2) return head;
  in.Take(16);
  const auto time = [&] {
    std::uint64_t us = 0;
    for (int i = 0; i < 7; ++i) us |= static_cast<std::uint64_t>(in.Byte()) << (8 * i);
    return us;
  };
  const std::uint64_t commit = time();
  head.commit_us = static_cast<std::int64_t>(commit & ~kHasOrigin);
  head.origin_us = (commit & kHasOrigin) != 0 ? static_cast<std::int64_t>(time()) : head.commit_us;
  if (in.failed()) return std::nullopt;
  head.bytes = in.done() ? 0 : PackedNumber(in);
  return in.failed() ? std::nullopt : std::optional(head);
}

std::optional<MariadbGtidHead> ParseMariadbGtid(const Event& event) {
  ByteReader in(event.body);
  MariadbGtidHead head;
  head.gtid.number = in.Fixed<std::uint64_t>();
  head.gtid.domain = in.Fixed<std::uint32_t>();
  head.gtid.server = event.server_id;
  head.flags = in.Byte();
  constexpr std::uint8_t kGroupCommitId = 2;
  if ((head.flags & kGroupCommitId) != 0) in.Take(8);
  if ((head.flags & (MariadbGtidHead::kPreparedXa | MariadbGtidHead::kCompletedXa)) != 0) {
    const auto format = in.Fixed<std::uint32_t>();
    const std::size_t global = in.Byte();
    const std::size_t branch = in.Byte();
    const std::string_view name = in.Take(global);
    head.xid = XidText(name, in.Take(branch), format);
  }
  return in.failed() || head.gtid.number == 0 ? std::nullopt : std::optional(head);
}

// How many, in the low 28 bits, then domain, server and number of each; of a domain the last one counts.
std::optional<MariadbPosition> ParseGtidList(std::string_view body) {
  ByteReader in(body);
  MariadbPosition position;
  for (std::uint32_t left = in.Fixed<std::uint32_t>() & 0xfff'ffff; left > 0 && !in.failed(); --left) {
    MariadbGtid gtid;
    gtid.domain = in.Fixed<std::uint32_t>();
    gtid.server = in.Fixed<std::uint32_t>();
    gtid.number = in.Fixed<std::uint64_t>();
    position.Set(gtid);
  }
  return in.failed() ? std::nullopt : std::optional(position);
}

std::optional<XaPrepare> ParseXaPrepare(std::string_view body) {
  ByteReader in(body);
  XaPrepare prepare;
  prepare.one_phase = in.Byte() != 0;
  const auto format = in.Fixed<std::uint32_t>();
  const std::size_t global = in.Fixed<std::uint32_t>();
  const std::size_t branch = in.Fixed<std::uint32_t>();
  const std::string_view name = in.Take(global);
  prepare.xid = XidText(name, in.Take(branch), format);
  return in.failed() ? std::nullopt : std::optional(prepare);
}

std::optional<std::string_view> ParseStatement(const Event& event) {
  if (event.type == EventType::kAnnotateRows) return event.body;
  // A byte with its length, which is of no use: texts are longer.
  return event.body.empty() ? std::nullopt : std::optional(event.body.substr(1));
}

// Fields, each a number, a size and what it says; 0 ends them.
std::optional<Payload> ParsePayload(const Event& event) {
  enum Field : std::uint64_t { kEnd, kSize, kCompression, kUncompressedSize };
  ByteReader in(event.body);
  Payload payload;
  std::optional<std::uint64_t> size;
  while (!in.failed()) {
    const std::uint64_t field = PackedNumber(in);
    if (field == kEnd) break;
    ByteReader value(in.Take(static_cast<std::size_t>(PackedNumber(in))));
    const std::uint64_t number = PackedNumber(value);
    if (field == kSize) size = number;
    if (field == kUncompressedSize) payload.size = number;
    if (field == kCompression && number != 0 && number != 255) return std::nullopt;
    if (field == kCompression) payload.compression = static_cast<Payload::Compression>(number);
  }
  payload.bytes = in.Take(in.remaining());
  const bool fits = size && (event.rest != nullptr ? *size >= payload.bytes.size() : *size == payload.bytes.size());
  return in.failed() || !fits ? std::nullopt : std::optional(payload);
}

}  // namespace headgate::mysql
