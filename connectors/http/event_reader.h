#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/model/change.h"
#include "core/pipeline/intake.h"
#include "core/sql/column_list.h"

// The bodies of requests as transactions of one stream.
namespace headgate::http {

// What events have to look like. Immutable but for the count.
struct EventLayout {
  EventLayout(sql::ColumnList list, StreamNo stream_number, std::uint32_t schema_version);

  const sql::ColumnList columns;
  const StreamNo stream;
  const std::uint32_t version;
  std::size_t events_max = 10'000;
  std::size_t event_bytes_max = 1 << 20;  // of the JSON, and of the stored row
  bool reject_unknown = false;
  std::unordered_map<std::string_view, std::size_t> by_name;  // of `columns`
  mutable std::atomic<std::uint64_t> unknown_fields = 0;      // that were ignored
};

// Keeps scratch space between requests; one thread at a time. The layout must outlive it.
class EventReader {
 public:
  explicit EventReader(const EventLayout& layout);
  ~EventReader();
  EventReader(EventReader&&) noexcept;

  // Sets request.prepared and empties the body. The transaction lacks its position and times.
  void Prepare(IntakeRequest& request);

 private:
  class Impl;  // the parser's classes differ with the compiler's options: they stay in the .cc files
  std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::http
