#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "core/state/dead_letters.h"

namespace headgate::kafka::source {

// A record that is no row of the stream, as it came.
struct RejectedRecord {
  std::string partition;  // "sensor/3"
  std::int64_t offset = 0;
  std::int64_t commit_us = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::string why;
};

// The dead letters of one source: they are written with the offsets behind them, so none is lost and none comes twice.
// Of the ingest thread but for Save.
class RejectedRecords {
 public:
  static Result<std::unique_ptr<RejectedRecords>> Open(const Store& store, std::string source, std::string stream);

  // Those that are stored and those that are noted.
  std::size_t size() const { return size_; }
  void Add(RejectedRecord record) {
    noted_.push_back(std::move(record));
    ++size_;
  }
  bool has_noted() const { return !noted_.empty(); }

  // What was noted until now, to be written together.
  struct Noted {
    std::vector<RejectedRecord> records;
    std::vector<std::uint64_t> ids;  // of those that the index has
  };
  std::shared_ptr<Noted> Take();
  // What people are told of it.
  ServiceEvent EventOf(const Noted& noted) const;
  // Adds them to a write; again if that is repeated. On the thread that writes: nothing else here uses what it does.
  void Save(Noted& noted, StoreBatch& batch, std::int64_t now_us);

 private:
  RejectedRecords(std::unique_ptr<DeadLetters> letters, std::string stream)
      : letters_(std::move(letters)), stream_(std::move(stream)), size_(letters_->size()) {}
  DeadLetter LetterOf(const RejectedRecord& record, std::int64_t now_us) const;

  std::unique_ptr<DeadLetters> letters_;  // of the thread that writes
  const std::string stream_;
  std::size_t size_;
  std::vector<RejectedRecord> noted_;
};

}  // namespace headgate::kafka::source
