#include "core/log/log_reader.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include <optional>

#include "core/log/entry.h"
#include "core/log/log_state.h"

namespace headgate {
namespace {

class Reader final : public LogReader {
 public:
  explicit Reader(const LogState& state) : state_(state) {}

  void Seek(Seq seq) override {
    next_ = {seq, 0};
    it_.reset();
    spooled_.reset();
  }

  void Release() override {
    if (it_ == nullptr && (!spooled_ || spooled_->it == nullptr)) return;
    next_ = last_;
    it_.reset();
    if (spooled_) spooled_->it.reset();
  }

  Result<bool> Next(Block& block) override {
    if (InSpool()) {
      HG_ASSIGN_OR_RETURN(const bool there, NextOfSpool(block));
      if (there) return true;
    }
    spooled_.reset();
    if (!Step()) {
      const rocksdb::Status end = it_ != nullptr ? it_->status() : rocksdb::Status::OK();
      it_.reset();  // an idle reader must not hold on to old files, nor a failed one go on behind the failure
      if (!end.ok()) return DescribeStoreError(end, "read the log");
      return false;
    }
    EntryKey key;
    const std::string_view key_bytes(it_->key().data(), it_->key().size());
    const std::string_view value(it_->value().data(), it_->value().size());
    if (!ParseEntryKey(key_bytes, key)) return Corrupt("the log holds a key that is none of its own");
    if (Status status = Parse(value, block); !status.ok()) {
      it_.reset();  // the next call meets the same block again
      return Damaged(key, status.error().what);
    }
    if (header_.has_info) info_ = header_.info;
    if (header_.spooled) {
      HG_RETURN_IF_ERROR(EnterSpool(key, block.changes));
      return Next(block);
    }
    last_ = key;
    block.seq = key.seq;
    block.part = key.part;
    block.last_part = header_.last_part;
    block.info = &info_;
    block.first_ordinal = header_.first_ordinal;
    block.count = header_.count;
    next_ = header_.last_part ? EntryKey{key.seq + 1, 0} : EntryKey{key.seq, key.part + 1};
    return true;
  }

 private:
  // The entry whose blocks are read from the spool. Its parts count from 0, whatever was taken back.
  struct Spooled {
    Seq seq = 0;
    SpoolReference reference;
    std::uint32_t parts = 0;
    std::optional<std::uint32_t> returned;  // the part that Next returned last
    std::uint32_t returned_ordinal = 0;     // where it begins
    std::uint32_t next_ordinal = 0;         // where the next one does
    std::unique_ptr<rocksdb::Iterator> it;
    std::uint32_t it_part = 0;  // where `it` stands, as stored
  };

  static Error Damaged(const EntryKey& key, std::string_view what) {
    return Corrupt("log entry " + std::to_string(key.seq) + " part " + std::to_string(key.part) + ": " +
                   std::string(what) +
                   ". Restore the data directory from a copy, or move it away and take a new snapshot.");
  }

  Status Parse(std::string_view value, Block& block) {
    HG_RETURN_IF_ERROR(ParseEntry(value, header_, block.changes));
    return UnpackChanges(header_, block.changes, unpacked_);
  }

  // Moves to the next stored block. False if there is none that is published.
  bool Step() {
    if (next_.seq > state_.last_seq.load(std::memory_order_acquire)) return false;
    if (it_ != nullptr) {
      it_->Next();
      if (it_->Valid()) return true;
      if (!it_->status().ok()) return false;
    }
    // A fresh iterator sees what was appended since.
    if (const Seq first = state_.first_seq.load(std::memory_order_acquire); next_.seq < first) next_ = {first, 0};
    std::string from;
    PutEntryKey(from, next_.seq, next_.part);
    it_.reset(NewIterator(Family::kLog));
    it_->Seek(from);
    return it_->Valid();
  }

  rocksdb::Iterator* NewIterator(Family family) const {
    rocksdb::ReadOptions options;
    options.readahead_size = 256 << 10;
    return state_.store.db()->NewIterator(options, state_.store.handle(family));
  }

  Status EnterSpool(const EntryKey& key, std::string_view bytes) {
    ByteReader in(bytes);
    Spooled& spooled = spooled_.emplace();
    spooled.seq = key.seq;
    spooled.reference = ReadSpoolReference(in);
    for (const SpoolReference::Parts& parts : spooled.reference.parts) spooled.parts += parts.count;
    if (in.failed() || spooled.parts == 0) {
      spooled_.reset();
      it_.reset();
      return Damaged(key, "its reference to spooled changes cannot be read");
    }
    spooled.next_ordinal = header_.first_ordinal;
    next_ = {key.seq, 0};
    return Ok();
  }

  bool InSpool() const { return spooled_ && next_.seq == spooled_->seq && next_.part < spooled_->parts; }

  // False if retention has dropped the entry.
  Result<bool> NextOfSpool(Block& block) {
    Spooled& spooled = *spooled_;
    const bool again = spooled.returned == next_.part;  // it was released
    const std::uint32_t ordinal = again ? spooled.returned_ordinal : spooled.next_ordinal;
    const std::uint32_t part = PartAt(spooled.reference, next_.part);
    const std::string key = SpoolKey(spooled.reference.number, part);
    if (spooled.it != nullptr && spooled.it_part + 1 == part) {
      spooled.it->Next();
    } else {
      spooled.it.reset(NewIterator(Family::kSpool));
      spooled.it->Seek(key);
    }
    spooled.it_part = part;
    const EntryKey at = next_;
    if (!spooled.it->status().ok()) {
      const auto failure = spooled.it->status();
      spooled.it.reset();
      return DescribeStoreError(failure, "read the log");
    }
    if (!spooled.it->Valid() || spooled.it->key() != key) {
      spooled.it.reset();
      if (at.seq < state_.first_seq.load(std::memory_order_acquire)) {
        it_.reset();
        return false;
      }
      return Damaged(at, "its spooled changes are missing");
    }
    const std::string_view value(spooled.it->value().data(), spooled.it->value().size());
    if (Status status = Parse(value, block); !status.ok()) {
      spooled.it.reset();
      return Damaged(at, status.error().what);
    }
    last_ = at;
    block.seq = at.seq;
    block.part = at.part;
    block.last_part = at.part + 1 == spooled.parts;
    block.info = &info_;
    block.first_ordinal = ordinal;
    block.count = header_.count;
    spooled.returned = at.part;
    spooled.returned_ordinal = ordinal;
    spooled.next_ordinal = ordinal + header_.count;
    next_ = block.last_part ? EntryKey{at.seq + 1, 0} : EntryKey{at.seq, at.part + 1};
    return true;
  }

  static std::uint32_t PartAt(const SpoolReference& reference, std::uint32_t index) {
    for (const SpoolReference::Parts& parts : reference.parts) {
      if (index < parts.count) return parts.first + index;
      index -= parts.count;
    }
    return 0;
  }

  const LogState& state_;
  std::unique_ptr<rocksdb::Iterator> it_;
  EntryKey next_{1, 0};
  EntryKey last_;  // of the block that Next returned
  EntryHeader header_;
  std::string unpacked_;
  TransactionInfo info_;
  std::optional<Spooled> spooled_;
};

}  // namespace

std::unique_ptr<LogReader> MakeReader(const LogState& state) { return std::make_unique<Reader>(state); }

}  // namespace headgate
