#include "core/log/spool.h"

#include <algorithm>

#include "core/base/failpoint.h"
#include "core/log/entry.h"

namespace headgate {
namespace {

constexpr std::size_t kInMemory = 1 << 20;

}  // namespace

void PutSpoolReference(std::string& out, const SpoolReference& reference) {
  PutVarint(out, reference.number);
  PutVarint(out, reference.parts.size());
  for (const SpoolReference::Parts& parts : reference.parts) {
    PutVarint(out, parts.first);
    PutVarint(out, parts.count);
  }
}

SpoolReference ReadSpoolReference(ByteReader& in) {
  SpoolReference reference;
  reference.number = in.Varint();
  for (std::uint64_t n = in.Varint(); n > 0 && !in.failed(); --n) {
    SpoolReference::Parts& parts = reference.parts.emplace_back();
    parts.first = static_cast<std::uint32_t>(in.Varint());
    parts.count = static_cast<std::uint32_t>(in.Varint());
    if (parts.count == 0) in.Fail();
  }
  if (reference.number == 0 || !in.done()) in.Fail();
  return reference;
}

std::string SpoolKey(SpoolNo number, std::uint32_t part) {
  std::string key;
  PutBigEndian(key, number);
  PutBigEndian(key, part);
  return key;
}

std::string SpoolRecordKey(Seq seq) {
  std::string key(kSpoolRecords);
  PutBigEndian(key, seq);
  return key;
}

std::string EncodeSpoolRecord(const SpoolRecord& record) {
  std::string out;
  PutVarint(out, record.number);
  PutVarint(out, record.bytes);
  return out;
}

SpoolRecord DecodeSpoolRecord(std::string_view bytes) {
  ByteReader in(bytes);
  SpoolRecord record;
  record.number = in.Varint();
  record.bytes = in.Varint();
  return in.failed() || !in.done() ? SpoolRecord() : record;
}

Spool::Spool(Store& store, SpoolNo number) : store_(store) {
  reference_.number = number;
  files_.SpillBeyond(kInMemory, store);
}

// Should that fail too, it goes when the directory is opened next.
Spool::~Spool() {
  if (!taken_in_ || published_) return;
  StoreBatch batch;
  batch.DeleteRange(Family::kSpool, SpoolKey(reference_.number, 0), SpoolKey(reference_.number + 1, 0));
  static_cast<void>(store_.Write(batch, false));
}

void Spool::Take(const Transaction::Block& block) {
  if (!status_.ok()) return;
  HG_FAILPOINT("log.spool");
  header_.clear();
  const StoredChanges changes = packer_.Pack(block.bytes);
  PutEntryHeader(header_, nullptr, false, block.first_ordinal, block.count, changes);
  files_.Put(Family::kSpool, SpoolKey(reference_.number, parts_), header_, changes.bytes);
  status_ = files_.spill_status();
  auto& parts = reference_.parts;
  if (parts.empty() || parts.back().first + parts.back().count != parts_) parts.push_back({parts_, 0});
  ++parts.back().count;
  ++parts_;
  Count(block);
  counted_ends_.push_back(counted_.size());
}

// Only the head of each change is read.
void Spool::Count(const Transaction::Block& block) {
  const std::size_t start = counted_.size();
  ChangeReader reader(block.bytes, block.first_ordinal);
  Change change;
  while (reader.Next(change)) {
    auto it = std::find_if(counted_.begin() + static_cast<std::ptrdiff_t>(start), counted_.end(),
                           [&](const Counted& c) { return c.stream == change.stream && c.op == change.op; });
    if (it == counted_.end()) it = counted_.insert(it, {change.stream, change.op});
    ++it->records;
    it->bytes += CountedBytes(change);
  }
}

void Spool::Keep(std::size_t blocks) {
  auto& parts = reference_.parts;
  for (std::size_t gone = counted_ends_.size() - blocks; gone > 0;) {
    const auto from_last = static_cast<std::uint32_t>(std::min<std::size_t>(gone, parts.back().count));
    parts.back().count -= from_last;
    if (parts.back().count == 0) parts.pop_back();
    gone -= from_last;
  }
  counted_ends_.resize(blocks);
  counted_.resize(blocks == 0 ? 0 : counted_ends_.back());
}

std::vector<StreamNo> Spool::streams() const {
  std::vector<StreamNo> streams;
  for (const Counted& c : counted_) {
    if (std::ranges::find(streams, c.stream) == streams.end()) streams.push_back(c.stream);
  }
  return streams;
}

Status Spool::TakeIn() {
  if (taken_in_) return Ok();
  HG_RETURN_IF_ERROR(Status(status_));
  HG_RETURN_IF_ERROR(store_.Write(files_, true));
  taken_in_ = true;
  HG_FAILPOINT("log.spool_taken_in");
  return Ok();
}

}  // namespace headgate
