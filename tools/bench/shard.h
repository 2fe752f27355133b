#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "core/views/views.h"
#include "tests/support/child_process.h"

namespace headgate::bench {

inline constexpr long kPerTransaction = 1'000;  // events of a transaction in the log

// A shard's store, log and views, in this process. Ends the process on errors.
class Shard {
 public:
  Shard();  // in a directory that goes with it
  explicit Shard(const std::string& directory);

  void Open(std::size_t memory_bytes);  // the views
  void Close() { views_.reset(); }
  // Runs CREATE statements; nothing, or why one is refused.
  std::optional<std::string> Define(const std::string& statements);
  // Until everything in the log is in the views; false if the time passed first.
  bool Apply(double limit_seconds = 600);

  Store& store() { return *store_; }
  Log& log() { return *log_; }
  views::Views& views() { return *views_; }

 private:
  void OpenLog(const std::string& directory);

  std::unique_ptr<test::TempDir> temporary_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<views::Views> views_;
};

}  // namespace headgate::bench
