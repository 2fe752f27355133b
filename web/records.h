#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/native.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/pipeline/filter.h"

// Records of the log as /api/v1 shows them (admin API, 4.2).
namespace headgate::web {

// Renders one change: the native envelope plus `at`, `stored_at` and `parents`. For one thread.
class RecordRenderer {
 public:
  Status Append(std::string& out, const Registry& registry, const LogReader::Block& block, const Change& change);
  // The key as JSON, "" if nothing identifies the row.
  std::string Key(const Registry& registry, const LogReader::Block& block, const Change& change);

 private:
  codec::NativeEncoder encoder_;
};

// Which changes are wanted.
struct RecordFilter {
  // By stream, source and change; rendered only if it holds.
  std::function<bool(const Registry&, const LogReader::Block&, const Change&)> wanted;
  std::shared_ptr<const KeyFilter> key;
  std::shared_ptr<const Filter> q;
  // Appends the rendered record if it passes. False if it does not; then `out` is as before.
  Result<bool> Render(RecordRenderer& renderer, std::string& out, const Registry& registry,
                      const LogReader::Block& block, const Change& change) const;
};

// The changes of one stream; of a source: all that it wrote; of a sink: those of the streams it reads.
RecordFilter OfStream(StreamNo stream);
RecordFilter OfSource(std::string name);
RecordFilter OfStreams(std::vector<std::string> names);

// A place in the log from a client's text: beginning, end, an `at`, a time or a prefix of one. Inclusive; an `at` means
// the record after it. 2026-03 is a month, because a place has no leading zero; 2026-11 is a place, because a client
// that resumes there must not be sent to November: write a month with its first day. Nothing if it is none of these.
std::optional<At> ParsePlace(const Log& log, std::string_view text, bool after_at);

// The same of what the log still has: a time before it can be meant only if nothing was dropped. kConfig: it is no
// place; kRejected: retention has dropped it, with what the oldest is.
Result<At> KeptPlace(const Log& log, const std::string& text);

// Part of a log, read within limits. Blocks; for a lane.
struct ScanRequest {
  RecordFilter filter;
  At low;   // inclusive
  At high;  // exclusive
  bool descending = false;
  std::size_t limit = 50;
  std::size_t bytes_max = 4 << 20;
  std::chrono::milliseconds time_max{10'000};
};
struct ScanOutcome {
  std::vector<std::string> records;  // rendered, in the order asked for
  std::uint64_t scanned = 0;         // changes looked at
  std::optional<At> next;            // where to go on: `low` ascending, `high` descending; nothing at the end
};
Result<ScanOutcome> Scan(const Log& log, const ScanRequest& request, std::stop_token stop);

}  // namespace headgate::web
