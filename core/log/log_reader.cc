#include "core/log/log_reader.h"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

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
  }

  void Release() override {
    if (it_ == nullptr) return;
    next_ = last_;
    it_.reset();
  }

  Result<bool> Next(Block& block) override {
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
    if (Status status = ParseEntry(value, header_, block.changes); !status.ok()) {
      it_.reset();  // the next call meets the same block again
      return Corrupt("log entry " + std::to_string(key.seq) + " part " + std::to_string(key.part) + ": " +
                     status.error().what +
                     ". Restore the data directory from a copy, or move it away and take a new snapshot.");
    }
    last_ = key;
    if (header_.has_info) info_ = header_.info;
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
    rocksdb::ReadOptions options;
    options.readahead_size = 256 << 10;
    it_.reset(state_.store.db()->NewIterator(options, state_.store.handle(Family::kLog)));
    it_->Seek(from);
    return it_->Valid();
  }

  const LogState& state_;
  std::unique_ptr<rocksdb::Iterator> it_;
  EntryKey next_{1, 0};
  EntryKey last_;  // of the block that Next returned
  EntryHeader header_;
  TransactionInfo info_;
};

}  // namespace

std::unique_ptr<LogReader> MakeReader(const LogState& state) { return std::make_unique<Reader>(state); }

}  // namespace headgate
