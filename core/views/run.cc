#include "core/views/run.h"

#include <algorithm>

#include "core/model/value.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

// The stream whose snapshot the part tells the end of; 0: it is no such marker.
StreamNo LoadedBy(const Run::Part& part) {
  if (part.info.position.kind != PositionKind::kChunk) return 0;
  ChangeReader changes = part.Changes();
  Change change;
  if (!changes.Next(change) || change.op != Op::kSnapshot) return 0;
  const auto extra = DecodeSnapshot(change.extra);
  return extra.ok() && extra->completed ? change.stream : 0;
}

}  // namespace

void RunSize::Note(const Run& run, std::size_t worked) {
  if (run.bytes < bytes_ / 2 && worked < share_) return;  // says little of a long one
  const double per_byte = static_cast<double>(worked) / static_cast<double>(std::max<std::size_t>(run.bytes, 1));
  const auto fitting = static_cast<std::size_t>(static_cast<double>(share_) / std::max(per_byte, 1.0));
  bytes_ = std::clamp(std::min(fitting, 2 * bytes_), kMin, kMax);
}

void RunReader::Seek(Seq seq) {
  reader_->Seek(seq);
  next_.reset();
}

Result<bool> RunReader::NextPart() {
  if (next_) return true;
  LogReader::Block block;
  HG_ASSIGN_OR_RETURN(const bool found, reader_->Next(block));
  if (!found) return false;
  Run::Part& part = next_.emplace();
  part.seq = block.seq;
  part.info = *block.info;
  part.first_ordinal = block.first_ordinal;
  const bool skipped = block.info->source == skipped_;
  if (!skipped) part.changes = block.changes;
  next_tells_time_ = !skipped || block.info->position.b == static_cast<std::uint64_t>(ViewWrite::kTick);
  next_ends_ = block.last_part;
  return true;
}

Result<Run> RunReader::Read(RunMax max, Seq until) {
  Run run;
  for (;;) {
    HG_ASSIGN_OR_RETURN(const bool found, NextPart());
    if (!found || next_->seq > until) break;
    const bool begins = next_->seq != run.last;
    if (begins && (run.changes >= max.changes || run.bytes >= max.bytes)) break;
    const StreamNo loaded = begins ? LoadedBy(*next_) : 0;
    if (loaded != 0 && !run.parts.empty()) break;
    const std::int64_t us = next_->info.stored_us - kEpoch2000Us;
    if (begins && next_tells_time_ && (run.times.empty() || run.times.back().us < us))
      run.times.push_back({next_->seq, us});
    if (run.first == 0) run.first = next_->seq;
    run.last = next_->seq;
    run.commit_us = next_->info.commit_us;
    run.loaded = loaded;
    if (!next_->changes.empty()) {
      if (begins) run.changes += next_->info.total;
      run.bytes += next_->changes.size();
      run.parts.push_back(std::move(*next_));
    }
    next_.reset();
    if (loaded != 0) break;
  }
  return run;
}

}  // namespace headgate::views
