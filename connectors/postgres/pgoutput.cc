#include "connectors/postgres/pgoutput.h"

#include <cstring>

#include "core/model/value.h"

namespace headgate::postgres::pgoutput {
namespace {

std::string_view CString(ByteReader& in) {
  const void* zero = in.remaining() == 0 ? nullptr : std::memchr(in.position(), 0, in.remaining());
  if (zero == nullptr) {
    in.Fail();
    return {};
  }
  const auto length = static_cast<std::size_t>(static_cast<const char*>(zero) - in.position());
  const std::string_view text = in.Take(length);
  in.Byte();
  return text;
}

// Steps over a tuple and returns its bytes, so that what follows it can be read.
std::string_view TakeTuple(ByteReader& in) {
  const char* const start = in.position();
  for (unsigned n = in.BigEndian<std::uint16_t>(); n > 0 && !in.failed(); --n) {
    const char kind = static_cast<char>(in.Byte());
    if (kind == 't' || kind == 'b') {
      in.Take(in.BigEndian<std::uint32_t>());
    } else if (kind != 'n' && kind != 'u') {
      in.Fail();
    }
  }
  return in.failed() ? std::string_view() : std::string_view(start, static_cast<std::size_t>(in.position() - start));
}

std::int64_t UnixTime(ByteReader& in) {
  const auto us = static_cast<std::uint64_t>(in.BigEndian<std::int64_t>());
  return static_cast<std::int64_t>(
      us + static_cast<std::uint64_t>(kEpoch2000Us));  // wraps on nonsense instead of overflowing
}

void ParseUpdate(ByteReader& in, Message& m) {
  m.relation = in.BigEndian<std::uint32_t>();
  auto marker = static_cast<char>(in.Byte());
  if (marker == 'K' || marker == 'O') {
    m.old_kind = marker;
    m.old_row = TakeTuple(in);
    marker = static_cast<char>(in.Byte());
  }
  if (marker != 'N') in.Fail();
  m.new_row = TakeTuple(in);
}

void ParseDelete(ByteReader& in, Message& m) {
  m.relation = in.BigEndian<std::uint32_t>();
  m.old_kind = static_cast<char>(in.Byte());
  if (m.old_kind != 'K' && m.old_kind != 'O') in.Fail();
  m.old_row = TakeTuple(in);
}

void ParseTruncate(ByteReader& in, Message& m) {
  const auto count = in.BigEndian<std::uint32_t>();
  const std::uint8_t flags = in.Byte();
  m.cascade = (flags & 1) != 0;
  m.restart_identity = (flags & 2) != 0;
  if (count > in.remaining() / 4) {
    in.Fail();
    return;
  }
  m.relations.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) m.relations.push_back(in.BigEndian<std::uint32_t>());
}

void ParseLogicalMessage(ByteReader& in, Message& m) {
  m.transactional = (in.Byte() & 1) != 0;
  m.lsn = in.BigEndian<std::uint64_t>();
  m.name = CString(in);
  m.content = in.Take(in.BigEndian<std::uint32_t>());
}

}  // namespace

bool ParseFrame(std::string_view bytes, Frame& frame) {
  ByteReader in(bytes);
  const std::uint8_t kind = in.Byte();
  if (kind == 'w') {
    frame.kind = Frame::Kind::kData;
    frame.start = in.BigEndian<std::uint64_t>();
    frame.wal_end = in.BigEndian<std::uint64_t>();
    frame.server_us = UnixTime(in);
    frame.reply_requested = false;
    frame.data = in.Take(in.remaining());
    return !in.failed();
  }
  if (kind != 'k') return false;
  frame.kind = Frame::Kind::kKeepAlive;
  frame.start = 0;
  frame.wal_end = in.BigEndian<std::uint64_t>();
  frame.server_us = UnixTime(in);
  frame.reply_requested = in.Byte() != 0;
  frame.data = {};
  return !in.failed() && in.done();
}

bool Parse(std::string_view bytes, Message& m) {
  ByteReader in(bytes);
  m.kind = static_cast<Kind>(in.Byte());
  m.old_kind = 0;
  m.old_row = m.new_row = m.name = m.content = {};
  m.relations.clear();
  switch (m.kind) {
    case Kind::kBegin:
      m.lsn = in.BigEndian<std::uint64_t>();
      m.commit_us = UnixTime(in);
      m.xid = in.BigEndian<std::uint32_t>();
      break;
    case Kind::kCommit:
      in.Byte();  // flags, unused
      m.lsn = in.BigEndian<std::uint64_t>();
      m.end_lsn = in.BigEndian<std::uint64_t>();
      m.commit_us = UnixTime(in);
      break;
    case Kind::kOrigin:
      m.lsn = in.BigEndian<std::uint64_t>();
      m.name = CString(in);
      break;
    case Kind::kInsert:
      m.relation = in.BigEndian<std::uint32_t>();
      if (in.Byte() != 'N') in.Fail();
      m.new_row = TakeTuple(in);
      break;
    case Kind::kUpdate:
      ParseUpdate(in, m);
      break;
    case Kind::kDelete:
      ParseDelete(in, m);
      break;
    case Kind::kTruncate:
      ParseTruncate(in, m);
      break;
    case Kind::kMessage:
      ParseLogicalMessage(in, m);
      break;
    case Kind::kRelation:
    case Kind::kType:
      return !in.failed();
    default:
      return false;
  }
  return !in.failed() && in.done();
}

bool ParseRelation(std::string_view bytes, Relation& relation) {
  ByteReader in(bytes);
  if (in.Byte() != 'R') return false;
  relation.oid = in.BigEndian<std::uint32_t>();
  relation.schema = CString(in);
  if (relation.schema.empty()) relation.schema = "pg_catalog";  // the server sends its own schema as ""
  relation.table = CString(in);
  relation.replica_identity = static_cast<char>(in.Byte());
  relation.columns.clear();
  for (unsigned n = in.BigEndian<std::uint16_t>(); n > 0 && !in.failed(); --n) {
    RelationColumn& column = relation.columns.emplace_back();
    column.identity = (in.Byte() & 1) != 0;
    column.name = CString(in);
    column.type_oid = in.BigEndian<std::uint32_t>();
    column.typmod = in.BigEndian<std::int32_t>();
  }
  return !in.failed() && in.done();
}

bool TupleReader::Next(Field& field) {
  if (left_ == 0 || in_.failed()) return false;
  --left_;
  field.kind = static_cast<char>(in_.Byte());
  field.text = {};
  if (field.kind == 't' || field.kind == 'b') {
    field.text = in_.Take(in_.BigEndian<std::uint32_t>());
  } else if (field.kind != 'n' && field.kind != 'u') {
    in_.Fail();
  }
  return !in_.failed();
}

std::string StandbyStatus(std::uint64_t received, std::uint64_t flushed, std::int64_t now_unix_us, bool request_reply) {
  std::string out;
  out.push_back('r');
  PutBigEndian(out, received);
  PutBigEndian(out, flushed);
  PutBigEndian(out, flushed);  // applied: what is durable is all we do with it
  PutBigEndian(out, static_cast<std::uint64_t>(now_unix_us - kEpoch2000Us));
  out.push_back(request_reply ? 1 : 0);
  return out;
}

}  // namespace headgate::postgres::pgoutput
