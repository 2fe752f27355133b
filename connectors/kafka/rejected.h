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
// Of the ingest thread.
class RejectedRecords {
 public:
  static Result<std::unique_ptr<RejectedRecords>> Open(const Store& store, std::string source, std::string stream);

  std::size_t stored() const { return letters_->size(); }
  void Add(RejectedRecord record) { noted_.push_back(std::move(record)); }
  bool empty() const { return noted_.empty(); }
  std::size_t size() const { return noted_.size(); }
  // Adds what was noted to a write; again if that is repeated.
  void Save(StoreBatch& batch, std::int64_t now_us);
  // What people are told of it.
  ServiceEvent Event() const;
  // It is written.
  void Clear();

 private:
  RejectedRecords(std::unique_ptr<DeadLetters> letters, std::string stream)
      : letters_(std::move(letters)), stream_(std::move(stream)) {}
  DeadLetter LetterOf(const RejectedRecord& record, std::int64_t now_us) const;

  std::unique_ptr<DeadLetters> letters_;
  const std::string stream_;
  std::vector<RejectedRecord> noted_;
  std::vector<std::uint64_t> ids_;  // of those that the index has
};

}  // namespace headgate::kafka::source
