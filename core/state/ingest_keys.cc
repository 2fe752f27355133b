#include "core/state/ingest_keys.h"

#include <vector>

#include "core/base/bytes.h"

// Family::kMeta:
//   ingest_key/<stream>/<key>             i64 big-endian: when; bytes fingerprint; varint seq; varint events
//   ingest_key_at/<when><stream>/<key>    empty: the index by age
namespace headgate {
namespace {

constexpr std::int64_t kIngestKeyLifeUs = 24LL * 3600 * 1'000'000;
constexpr std::string_view kIngestKey = "ingest_key/";
constexpr std::string_view kIngestKeysByAge = "ingest_key_at/";
constexpr std::size_t kTimeBytes = 8;

std::string NameOf(std::string_view stream, std::string_view key) {
  return std::string(stream).append("/").append(key);  // a stream's name has no slash
}

std::string TimeBytes(std::int64_t us) {
  std::string bytes;
  PutBigEndian(bytes, static_cast<std::uint64_t>(us));
  return bytes;
}

}  // namespace

Result<std::optional<IngestKey>> FindIngestKey(const Store& store, std::string_view stream, std::string_view key,
                                               std::int64_t now_us) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, std::string(kIngestKey) + NameOf(stream, key)));
  if (!value || value->size() < kTimeBytes) return std::optional<IngestKey>();
  const auto at_us = static_cast<std::int64_t>(LoadBigEndian<std::uint64_t>(value->data()));
  if (at_us + kIngestKeyLifeUs <= now_us) return std::optional<IngestKey>();
  ByteReader in(std::string_view(*value).substr(kTimeBytes));
  IngestKey kept;
  kept.fingerprint = in.Bytes();
  kept.seq = in.Varint();
  kept.events = in.Varint();
  if (in.failed()) return Corrupt("an Idempotency-Key of stream " + std::string(stream) + " cannot be read");
  return std::optional(std::move(kept));
}

void PutIngestKey(StoreBatch& batch, std::string_view stream, std::string_view key, std::int64_t now_us,
                  const IngestKey& kept) {
  const std::string at = TimeBytes(now_us);
  const std::string name = NameOf(stream, key);
  std::string value;
  PutBytes(value, kept.fingerprint);
  PutVarint(value, kept.seq);
  PutVarint(value, kept.events);
  batch.Put(Family::kMeta, std::string(kIngestKey) + name, at, value);
  batch.Put(Family::kMeta, std::string(kIngestKeysByAge).append(at).append(name), "");
}

Status TrimIngestKeys(const Store& store, StoreBatch& batch, std::int64_t now_us, std::size_t most) {
  std::vector<std::string> old;  // what follows kIngestKeysByAge: when, name
  const std::string end = std::string(kIngestKeysByAge) + TimeBytes(now_us - kIngestKeyLifeUs + 1);
  HG_RETURN_IF_ERROR(store.Scan(Family::kMeta, kIngestKeysByAge, end, [&](std::string_view name, std::string_view) {
    old.emplace_back(name.substr(kIngestKeysByAge.size()));
    return old.size() < most;
  }));
  for (const std::string& entry : old) {
    batch.Delete(Family::kMeta, std::string(kIngestKeysByAge).append(entry));
    if (entry.size() < kTimeBytes) continue;
    // A key that came again after its day has a newer time.
    const std::string name = std::string(kIngestKey).append(entry, kTimeBytes);
    HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, name));
    if (value && value->compare(0, kTimeBytes, entry, 0, kTimeBytes) == 0) batch.Delete(Family::kMeta, name);
  }
  return Ok();
}

}  // namespace headgate
