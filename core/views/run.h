#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/operators/log_time.h"

namespace headgate::views {

// Whole transactions of the log, one behind the other: what a step works on.
struct Run {
  struct Part {
    Seq seq = 0;
    TransactionInfo info;
    std::uint32_t first_ordinal = 1;
    std::string changes;
    ChangeReader Changes() const { return {changes, first_ordinal}; }
  };
  std::vector<Part> parts;
  Seq first = 0;  // what it begins with
  Seq last = 0;   // everything up to it was read; 0: nothing was
  std::size_t changes = 0;
  std::size_t bytes = 0;       // of the changes
  std::int64_t commit_us = 0;  // of the last transaction
  // Of its transactions at which log time went on, but for those of views; us since 2000.
  std::vector<operators::LogTime> times;
  StreamNo loaded = 0;  // the run is the marker that this table's snapshot has ended, and nothing else
};

struct RunMax {
  std::size_t changes = 0;
  std::size_t bytes = 0;
};

// How long a run may be: what a step makes of it has to fit into a share of the memory of views, going by what the
// steps before it made of theirs. What is there is taken in one step up to that, because the more rows of a key come
// together, the less is computed and written.
class RunSize {
 public:
  explicit RunSize(std::size_t memory_bytes) : share_(memory_bytes / 8) {}
  RunMax max() const { return {kChanges, bytes_}; }
  // `worked`: what the step of that run had in memory for it, about.
  void Note(const Run& run, std::size_t worked);

 private:
  static constexpr std::size_t kChanges = 1'000'000;
  static constexpr std::size_t kMin = 64 << 10;
  static constexpr std::size_t kMax = 64 << 20;
  std::size_t share_;
  std::size_t bytes_ = 256 << 10;
};

// Reads runs. What `skipped` (the source of views) wrote is passed over, but for marks of time. For one thread.
class RunReader {
 public:
  RunReader(const Log& log, SourceNo skipped) : reader_(log.NewReader()), skipped_(skipped) {}

  void Seek(Seq seq);
  // Up to about `max` and never beyond `until`; always at least one transaction if there is one. An empty run: the end
  // of the log, or `until`.
  Result<Run> Read(RunMax max, Seq until = ~Seq{0});
  // Lets go of files while there is nothing to read.
  void Release() { reader_->Release(); }

 private:
  Result<bool> NextPart();

  std::unique_ptr<LogReader> reader_;
  SourceNo skipped_;
  std::optional<Run::Part> next_;
  bool next_ends_ = false;  // it is the last part of its transaction
  bool next_tells_time_ = false;
};

}  // namespace headgate::views
