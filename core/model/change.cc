#include "core/model/change.h"

#include <algorithm>
#include <charconv>
#include <cstring>

// Layout of a change in a block:
//   u8 op, u8 flags (1 before, 2 after, 4 extra, 8 sub place), varint stream, varint schema, varint place
//   [varint sub place] [u32 length, row] [u32 length, row] [varint length, extra]
namespace headgate {
namespace {

constexpr std::uint8_t kHasBefore = 1;
constexpr std::uint8_t kHasAfter = 2;
constexpr std::uint8_t kHasExtra = 4;
constexpr std::uint8_t kHasSubPlace = 8;

constexpr std::string_view kOpNames[] = {"",         "insert",  "update", "delete",   "read",
                                         "truncate", "message", "schema", "snapshot", "gap"};

}  // namespace

std::string_view Name(Op op) { return kOpNames[static_cast<std::size_t>(op)]; }

bool ParseOp(std::string_view name, Op& op) {
  for (std::size_t i = 1; i < std::size(kOpNames); ++i) {
    if (kOpNames[i] == name) {
      op = static_cast<Op>(i);
      return true;
    }
  }
  return false;
}

std::string ToText(At at) { return std::to_string(at.seq) + "-" + std::to_string(at.ordinal); }

bool ParseAt(std::string_view text, At& at) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const char* const end = text.data() + text.size();
  const auto [p1, e1] = std::from_chars(text.data(), text.data() + dash, at.seq);
  const auto [p2, e2] = std::from_chars(text.data() + dash + 1, end, at.ordinal);
  return e1 == std::errc() && e2 == std::errc() && p1 == text.data() + dash && p2 == end;
}

std::string Encode(const TruncateExtra& extra) {
  return std::string(1, static_cast<char>((extra.cascade ? 1 : 0) | (extra.restart_identity ? 2 : 0)));
}
Result<TruncateExtra> DecodeTruncate(std::string_view bytes) {
  if (bytes.size() != 1) return Corrupt("stored truncate has a wrong length");
  return TruncateExtra{(bytes[0] & 1) != 0, (bytes[0] & 2) != 0};
}

std::string Encode(const SchemaExtra& extra) {
  std::string out;
  out.push_back(static_cast<char>(extra.kind));
  out.push_back(extra.like ? 1 : 0);
  PutBytes(out, extra.database);
  PutBytes(out, extra.table);
  PutBytes(out, extra.ddl);
  return out;
}
Result<SchemaExtra> DecodeSchemaChange(std::string_view bytes) {
  ByteReader in(bytes);
  SchemaExtra extra;
  extra.kind = static_cast<SchemaExtra::Kind>(in.Byte());
  extra.like = in.Byte() != 0;
  extra.database = in.Bytes();
  extra.table = in.Bytes();
  extra.ddl = in.Bytes();
  const bool known = extra.kind >= SchemaExtra::Kind::kCreate && extra.kind <= SchemaExtra::Kind::kDatabase;
  if (in.failed() || !known) return Corrupt("stored change of a schema is malformed");
  return extra;
}

std::string Encode(const MessageExtra& extra) {
  std::string out;
  out.push_back(extra.transactional ? 1 : 0);
  PutBytes(out, extra.prefix);
  PutBytes(out, extra.content);
  return out;
}
Result<MessageExtra> DecodeMessage(std::string_view bytes) {
  ByteReader in(bytes);
  MessageExtra extra;
  extra.transactional = in.Byte() != 0;
  extra.prefix = in.Bytes();
  extra.content = in.Bytes();
  if (in.failed()) return Corrupt("stored message is truncated");
  return extra;
}

std::string Encode(const SnapshotExtra& extra) {
  std::string out;
  out.push_back(extra.completed ? 1 : 0);
  PutVarint(out, extra.rows);
  return out;
}
Result<SnapshotExtra> DecodeSnapshot(std::string_view bytes) {
  ByteReader in(bytes);
  SnapshotExtra extra;
  extra.completed = in.Byte() != 0;
  extra.rows = in.Varint();
  if (in.failed()) return Corrupt("stored snapshot marker is truncated");
  return extra;
}

std::string Encode(const GapExtra& extra) {
  std::string out;
  PutBytes(out, extra.reason);
  PutVarint(out, extra.from);
  PutVarint(out, extra.to);
  PutVarint(out, extra.streams.size());
  for (const std::string& s : extra.streams) PutBytes(out, s);
  PutBytes(out, extra.action);
  return out;
}
Result<GapExtra> DecodeGap(std::string_view bytes) {
  ByteReader in(bytes);
  GapExtra extra;
  extra.reason = in.Bytes();
  extra.from = in.Varint();
  extra.to = in.Varint();
  for (std::uint64_t n = in.Varint(); n > 0 && !in.failed(); --n) extra.streams.emplace_back(in.Bytes());
  extra.action = in.Bytes();
  if (in.failed()) return Corrupt("stored gap is truncated");
  return extra;
}

Status ReadRow(std::string_view row, std::vector<Value>& values) {
  values.clear();
  ByteReader in(row);
  while (!in.done() && !in.failed()) values.push_back(ReadValue(in));
  if (in.failed()) return Corrupt("stored row is malformed");
  return Ok();
}

void Transaction::SpoolBeyond(std::size_t bytes, BlockSpools& spools) {
  spool_beyond_ = bytes;
  spools_ = &spools;
}

void Transaction::StartChange(Op op, StreamNo stream, std::uint32_t schema, std::uint64_t place,
                              std::uint64_t sub_place) {
  if (blocks_.empty() || sealed_ || blocks_.back().bytes.size() >= kBlockBytes) BeginBlock();
  std::string& out = blocks_.back().bytes;
  change_start_ = out.size();
  out.push_back(static_cast<char>(op));
  out.push_back(static_cast<char>(sub_place != 0 ? kHasSubPlace : 0));
  PutVarint(out, stream);
  PutVarint(out, schema);
  PutVarint(out, place);
  if (sub_place != 0) PutVarint(out, sub_place);
}

void Transaction::BeginBlock() {
  if (spool_ != nullptr || (spools_ != nullptr && bytes_ > spool_beyond_)) Spool();
  sealed_ = false;
  // Transactions are often as large as the last one: a small one takes one allocation.
  constexpr std::size_t kSmall = 512;
  const std::size_t expected = changes_ > 0 ? kBlockBytes : std::max(kSmall, expected_bytes_);
  blocks_.push_back({first_ordinal + changes_, 0, {}});
  blocks_.back().bytes.reserve(expected);
}

void Transaction::Spool() {
  if (spool_ == nullptr) spool_ = spools_->NewSpool();
  for (const Block& block : blocks_) spool_->Take(block);
  spooled_ += blocks_.size();
  blocks_.clear();
}

Status Transaction::status() const { return spool_ == nullptr ? Ok() : spool_->status(); }

std::string& Transaction::StartRow(RowImage image) {
  std::string& out = blocks_.back().bytes;
  out[change_start_ + 1] =
      static_cast<char>(out[change_start_ + 1] | (image == RowImage::kBefore ? kHasBefore : kHasAfter));
  row_start_ = out.size();
  out.append(4, '\0');
  return out;
}

void Transaction::EndRow() {
  std::string& out = blocks_.back().bytes;
  const auto length = static_cast<std::uint32_t>(out.size() - row_start_ - 4);
  std::memcpy(out.data() + row_start_, &length, 4);
}

void Transaction::EndChange(std::string_view extra) {
  Block& block = blocks_.back();
  if (!extra.empty()) {
    block.bytes[change_start_ + 1] = static_cast<char>(block.bytes[change_start_ + 1] | kHasExtra);
    PutBytes(block.bytes, extra);
  }
  ++block.count;
  ++changes_;
  bytes_ += block.bytes.size() - change_start_;
}

void Transaction::AbandonChange() {
  blocks_.back().bytes.resize(change_start_);
  if (blocks_.back().count > 0) return;
  blocks_.pop_back();
  sealed_ = true;
}

Transaction::Mark Transaction::Here() {
  sealed_ = true;
  return {spooled_ + blocks_.size(), bytes_, changes_};
}

void Transaction::Rewind(const Mark& mark) {
  if (mark.blocks < spooled_) {
    spool_->Keep(mark.blocks);
    spooled_ = mark.blocks;
  }
  blocks_.resize(mark.blocks - spooled_);
  sealed_ = true;
  bytes_ = mark.bytes;
  changes_ = mark.changes;
}

void Transaction::Clear() {
  info = {};
  expected_bytes_ = std::min(bytes_ + bytes_ / 8, kBlockBytes);
  blocks_.clear();
  sealed_ = false;
  bytes_ = 0;
  changes_ = 0;
  first_ordinal = 1;
  spool_.reset();
  spooled_ = 0;
}

bool ChangeReader::Next(Change& change) {
  if (in_.done() || in_.failed()) return false;
  const std::uint8_t op = in_.Byte();
  const std::uint8_t flags = in_.Byte();
  if (op == 0 || op >= std::size(kOpNames)) in_.Fail();
  change.op = static_cast<Op>(op);
  change.ordinal = ordinal_++;
  change.stream = static_cast<StreamNo>(in_.Varint());
  change.schema = static_cast<std::uint32_t>(in_.Varint());
  change.place = in_.Varint();
  change.sub_place = (flags & kHasSubPlace) != 0 ? in_.Varint() : 0;
  change.has_before = (flags & kHasBefore) != 0;
  change.has_after = (flags & kHasAfter) != 0;
  change.before = change.has_before ? in_.Take(in_.Fixed<std::uint32_t>()) : std::string_view();
  change.after = change.has_after ? in_.Take(in_.Fixed<std::uint32_t>()) : std::string_view();
  change.extra = (flags & kHasExtra) != 0 ? in_.Bytes() : std::string_view();
  return !in_.failed();
}

}  // namespace headgate
