#include "core/log/entry.h"

#define XXH_INLINE_ALL
#include <lz4.h>
#include <xxhash.h>

#include <cstring>

namespace headgate {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kPackedVersion = 2;
constexpr std::uint8_t kLastPart = 1;
constexpr std::uint8_t kHasInfo = 2;
constexpr std::uint8_t kSpooled = 4;
constexpr std::uint8_t kHasFile = 0x80;  // of TransactionInfo::flags
constexpr std::size_t kChecksumOffset = 2;
constexpr std::size_t kFixedBytes = 6;  // version, flags, checksum
// Below, a block has little to be shortened; beyond, it is one large value, which is not worth a copy of it.
constexpr std::size_t kPackedFrom = 4 << 10;
constexpr std::size_t kPackedTo = 1 << 20;
constexpr std::size_t kSavedAtLeast = 8;  // one part in so many

std::uint32_t Checksum(std::string_view head, std::string_view changes) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, head.data(), kChecksumOffset);
  XXH3_64bits_update(&state, head.data() + kFixedBytes, head.size() - kFixedBytes);
  XXH3_64bits_update(&state, changes.data(), changes.size());
  return static_cast<std::uint32_t>(XXH3_64bits_digest(&state));
}

void PutInfo(std::string& out, const TransactionInfo& info) {
  PutVarint(out, info.source);
  PutVarint(out, info.epoch);
  PutPosition(out, info.position);
  PutSigned(out, info.commit_us);
  PutSigned(out, info.stored_us);
  PutVarint(out, info.consistent_at);
  PutVarint(out, info.end);
  PutVarint(out, info.previous_end);
  PutBytes(out, info.id);
  PutBytes(out, info.origin);
  PutVarint(out, info.origin_end);
  PutVarint(out, info.total);
  out.push_back(static_cast<char>(info.flags | (info.file.empty() ? 0 : kHasFile)));
  if (info.file.empty()) return;
  PutBytes(out, info.file);
  PutVarint(out, info.server_id);
  PutVarint(out, info.thread);
}

void ReadInfo(ByteReader& in, TransactionInfo& info) {
  info.source = static_cast<SourceNo>(in.Varint());
  info.epoch = static_cast<std::uint32_t>(in.Varint());
  info.position = ReadPosition(in);
  info.commit_us = in.Signed();
  info.stored_us = in.Signed();
  info.consistent_at = in.Varint();
  info.end = in.Varint();
  info.previous_end = in.Varint();
  info.id = in.Bytes();
  info.origin = in.Bytes();
  info.origin_end = in.Varint();
  info.total = static_cast<std::uint32_t>(in.Varint());
  info.flags = in.Byte();
  info.file.clear();
  info.server_id = info.thread = 0;
  if ((info.flags & kHasFile) == 0) return;
  info.flags &= static_cast<std::uint8_t>(~kHasFile);
  info.file = in.Bytes();
  info.server_id = static_cast<std::uint32_t>(in.Varint());
  info.thread = static_cast<std::uint32_t>(in.Varint());
}

}  // namespace

void PutEntryKey(std::string& out, Seq seq, std::uint32_t part) {
  PutBigEndian(out, seq);
  PutBigEndian(out, part);
}

bool ParseEntryKey(std::string_view key, EntryKey& out) {
  if (key.size() != 12) return false;
  out.seq = LoadBigEndian<std::uint64_t>(key.data());
  out.part = LoadBigEndian<std::uint32_t>(key.data() + 8);
  return true;
}

StoredChanges ChangePacker::Pack(std::string_view changes) {
  if (changes.size() < kPackedFrom || changes.size() > kPackedTo) return {changes};
  const std::size_t room = changes.size() - changes.size() / kSavedAtLeast;
  if (packed_.size() < room) packed_.resize(room);
  const int bytes =
      LZ4_compress_default(changes.data(), packed_.data(), static_cast<int>(changes.size()), static_cast<int>(room));
  if (bytes <= 0) return {changes};
  return {std::string_view(packed_).substr(0, static_cast<std::size_t>(bytes)), changes.size()};
}

Status UnpackChanges(const EntryHeader& header, std::string_view& changes, std::string& buffer) {
  if (header.unpacked_bytes == 0) return Ok();
  if (header.unpacked_bytes > kPackedTo) return Corrupt("compressed changes are too long");
  if (buffer.size() < header.unpacked_bytes) buffer.resize(header.unpacked_bytes);
  const int bytes = LZ4_decompress_safe(changes.data(), buffer.data(), static_cast<int>(changes.size()),
                                        static_cast<int>(header.unpacked_bytes));
  if (bytes < 0 || static_cast<std::size_t>(bytes) != header.unpacked_bytes)
    return Corrupt("compressed changes cannot be read");
  changes = std::string_view(buffer).substr(0, header.unpacked_bytes);
  return Ok();
}

void PutEntryHeader(std::string& out, const TransactionInfo* info, bool last_part, std::uint32_t first_ordinal,
                    std::uint32_t count, const StoredChanges& changes) {
  const std::size_t start = out.size();
  const bool packed = changes.unpacked_bytes != 0;
  out.push_back(static_cast<char>(packed ? kPackedVersion : kVersion));
  out.push_back(static_cast<char>((last_part ? kLastPart : 0) | (info != nullptr ? kHasInfo : 0) |
                                  (changes.spooled ? kSpooled : 0)));
  out.append(4, '\0');
  PutVarint(out, first_ordinal);
  PutVarint(out, count);
  if (packed) PutVarint(out, changes.unpacked_bytes);
  if (info != nullptr) PutInfo(out, *info);
  const std::uint32_t checksum = Checksum(std::string_view(out).substr(start), changes.bytes);
  std::memcpy(out.data() + start + kChecksumOffset, &checksum, 4);
}

Status ParseEntry(std::string_view value, EntryHeader& header, std::string_view& changes) {
  if (value.size() < kFixedBytes) return Corrupt("shorter than its header");
  const auto version = static_cast<std::uint8_t>(value[0]);
  if (version != kVersion && version != kPackedVersion) return Corrupt("unknown version");
  std::uint32_t stored;
  std::memcpy(&stored, value.data() + kChecksumOffset, 4);
  if (stored != Checksum(value.substr(0, kFixedBytes), value.substr(kFixedBytes)))
    return Corrupt("checksum does not match");
  ByteReader in(value.substr(kFixedBytes));
  header.last_part = (value[1] & kLastPart) != 0;
  header.has_info = (value[1] & kHasInfo) != 0;
  header.spooled = (value[1] & kSpooled) != 0;
  header.first_ordinal = static_cast<std::uint32_t>(in.Varint());
  header.count = static_cast<std::uint32_t>(in.Varint());
  header.unpacked_bytes = version == kPackedVersion ? in.Varint() : 0;
  if (header.has_info) ReadInfo(in, header.info);
  if (in.failed()) return Corrupt("header is truncated");
  changes = std::string_view(in.position(), in.remaining());
  return Ok();
}

}  // namespace headgate
