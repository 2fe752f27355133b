#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "sinks/search/bulk.h"
#include "sinks/search/call.h"
#include "sinks/search/options.h"

namespace headgate::search {

// Deletes every document of an alias, a call at a time (search.md Q18): those that the index shows are read page by
// page and deleted with the truncate's number, so rows that came after it stay. With delete_mode=soft they are marked.
// Knows no sockets.
//
//   kRefresh ─► kOpen ─► kWrite ─► kNextPage ─► kWrite ... ─► a page is empty ─► kClose ─► done
//      ▲                                                                │
//      └──────────────── whatever went wrong, from the beginning ◄──────┘
class Truncation {
 public:
  // Options must outlive it. `commit_us`: of the truncate, Unix time.
  Truncation(const Options& options, std::string alias, std::uint64_t version, std::int64_t commit_us)
      : options_(options), alias_(std::move(alias)), version_(version), commit_us_(commit_us) {}

  bool done() const { return step_ == Step::kDone; }
  Call Next() const;  // while it is not done
  // kTransient: Next begins again; kConfig: a person has to change something.
  Status Answered(const Answer& answer);
  void Restart() { step_ = Step::kRefresh; }

 private:
  enum class Step : std::uint8_t { kRefresh, kOpen, kWrite, kNextPage, kClose, kDone };

  Status TakePage(const Answer& answer);
  Status CheckWritten(const Answer& answer);
  Error Refused(std::string_view what, const Answer& answer) const;

  const Options& options_;
  const std::string alias_;
  const std::uint64_t version_;
  const std::int64_t commit_us_;
  Step step_ = Step::kRefresh;
  std::size_t page_ = 1'000;  // documents
  std::string scroll_;
  std::vector<Document> documents_;  // of this page
};

}  // namespace headgate::search
