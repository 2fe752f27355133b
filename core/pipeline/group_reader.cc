#include "core/pipeline/group_reader.h"

#include "core/base/time_text.h"
#include "core/pipeline/event_context.h"

namespace headgate {
namespace {

constexpr int kChangesAtOnce = 256;  // between two looks at the clock

// FNV-1a; never 0.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

}  // namespace

void GroupReader::SeekTo(At from) {
  reader_->Seek(from.seq);
  changes_.reset();
  next_ = from;
}

// Leaves change_ at the change that was read, of whatever stream, and next_ behind it.
Result<bool> GroupReader::Next() {
  while (true) {
    if (!changes_) {
      HG_ASSIGN_OR_RETURN(const bool more, reader_->Next(block_));
      if (!more) return false;
      registry_ = log_.registry();
      changes_.emplace(block_.Changes());
    }
    while (changes_->Next(change_)) {
      const At at{block_.seq, change_.ordinal};
      if (at < next_) continue;
      next_ = {at.seq, at.ordinal + 1};
      return true;
    }
    const bool broken = changes_->failed();
    changes_.reset();
    if (broken) return Corrupt("the log has malformed changes at seq " + std::to_string(block_.seq));
    if (block_.last_part) next_ = {block_.seq + 1, 0};
  }
}

Result<GroupReader::Scanned> GroupReader::Scan(At from, Clock::Steady::time_point deadline, const Visit& visit) {
  if (from != next_ || next_.seq == 0) SeekTo(from);
  while (true) {
    for (int i = 0; i < kChangesAtOnce; ++i) {
      HG_ASSIGN_OR_RETURN(const bool more, Next());
      if (!more) {
        reader_->Release();
        return Scanned{next_, true};
      }
      const StreamInfo* stream = change_.stream == 0 ? nullptr : registry_->Stream(change_.stream);
      if (stream == nullptr || IsMarker(change_.op) || stream->name != stream_) continue;
      HG_ASSIGN_OR_RETURN(const bool go_on, visit(At{block_.seq, change_.ordinal}));
      if (!go_on) return Scanned{next_, false};
    }
    if (Clock::Steady::now() >= deadline) return Scanned{next_, false};
  }
}

Result<bool> GroupReader::Find(At at) {
  SeekTo(at);
  HG_ASSIGN_OR_RETURN(const bool more, Next());
  return more && At{block_.seq, change_.ordinal} == at;
}

std::uint64_t GroupReader::lane() {
  std::string key;
  const Status status = encoder_.AppendKeyJson(key, ContextOf(*registry_, block_.seq, *block_.info, change_));
  return !status.ok() || key.empty() ? 0 : HashOf(key);
}

Status GroupReader::Append(std::string& out) {
  HG_RETURN_IF_ERROR(encoder_.Append(out, ContextOf(*registry_, block_.seq, *block_.info, change_)));
  out.pop_back();  // the closing brace
  out.append(",\"at\":\"").append(ToText(At{block_.seq, change_.ordinal})).append("\",\"stored_at\":\"");
  out.append(UtcText(block_.info->stored_us)).append("\",\"parents\":[]}");
  return Ok();
}

DeadLetter GroupReader::Letter() {
  DeadLetter letter = NewLetter(ContextOf(*registry_, block_.seq, *block_.info, change_), stream_, encoder_);
  if (std::string record; Append(record).ok()) letter.record = std::move(record);
  return letter;
}

}  // namespace headgate
