#include "core/log/counts.h"

#include "core/base/bytes.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/log_state.h"

namespace headgate {
namespace {

constexpr std::string_view kPrefix = "counts/";
constexpr std::string_view kPrefixEnd = "counts0";

void Put(std::string& out, const std::vector<Count>& counts) {
  PutVarint(out, counts.size());
  for (const Count& count : counts) {
    PutVarint(out, count.records);
    PutVarint(out, count.bytes);
  }
}

void Read(ByteReader& in, std::vector<Count>& counts) {
  const std::uint64_t size = in.Varint();
  if (size > in.remaining()) return in.Fail();
  counts.resize(size);
  for (Count& count : counts) {
    count.records = in.Varint();
    count.bytes = in.Varint();
  }
}

Count& Slot(std::vector<Count>& counts, std::size_t number) {
  if (counts.size() < number) counts.resize(number);
  return counts[number - 1];
}

Count SumOf(const LogCounts& counts, const Registry& registry, const Log::Selected& selected) {
  Count sum;
  for (std::size_t i = 0; i < counts.streams.size(); ++i) {
    const StreamInfo* stream = registry.Stream(static_cast<StreamNo>(i + 1));
    if (stream != nullptr && selected(stream->number, stream->source)) sum += counts.streams[i];
  }
  for (std::size_t i = 0; i < counts.loose.size(); ++i) {
    if (selected(0, static_cast<SourceNo>(i + 1))) sum += counts.loose[i];
  }
  return sum;
}

}  // namespace

void LogCounts::Add(const Change& change, SourceNo source) {
  Slot(change.stream != 0 ? streams : loose, change.stream != 0 ? change.stream : source) += {1, CountedBytes(change)};
}

std::string CountsKey(Seq seq) {
  std::string key(kPrefix);
  PutBigEndian(key, seq);
  return key;
}

std::optional<Seq> SeqOfCountsKey(std::string_view key) {
  if (key.size() != kPrefix.size() + 8 || !key.starts_with(kPrefix)) return std::nullopt;
  return LoadBigEndian<std::uint64_t>(key.data() + kPrefix.size());
}

std::string EncodeCounts(const LogCounts& counts) {
  std::string out;
  Put(out, counts.streams);
  Put(out, counts.loose);
  return out;
}

std::optional<LogCounts> DecodeCounts(std::string_view bytes) {
  ByteReader in(bytes);
  LogCounts counts;
  Read(in, counts.streams);
  Read(in, counts.loose);
  return in.failed() || in.remaining() > 0 ? std::nullopt : std::optional(std::move(counts));
}

Result<LogCounts> Log::CountsBefore(At at) const {
  LogCounts counts;
  Seq after = 0;
  bool corrupt = false;
  HG_RETURN_IF_ERROR(state_->store.ScanBack(Family::kMeta, kPrefix, CountsKey(at.seq),
                                            [&](std::string_view key, std::string_view value) {
                                              auto stored = DecodeCounts(value);
                                              corrupt = !stored;
                                              if (stored) counts = std::move(*stored);
                                              after = SeqOfCountsKey(key).value_or(0);
                                              return false;
                                            }));
  if (corrupt) return Corrupt("the sums of the log behind entry " + std::to_string(after) + " cannot be read");
  const auto reader = NewReader();
  reader->Seek(after + 1);
  LogReader::Block block;
  Change change;
  while (true) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more || block.seq > at.seq) break;
    if (block.seq > after + 1) return Transient("retention has taken the entries behind " + std::to_string(after));
    for (auto changes = block.Changes(); changes.Next(change);) {
      if (At{block.seq, change.ordinal} < at) counts.Add(change, block.info->source);
    }
    if (block.last_part) after = block.seq;
  }
  return counts;
}

Result<std::optional<std::int64_t>> Log::NextCommit(At at, const Selected& selected) const {
  const auto registry = state_->registry.Get();
  HG_ASSIGN_OR_RETURN(const LogCounts before, CountsBefore(at));
  const Count passed = SumOf(before, *registry, selected);
  Seq from = at.seq;  // nothing that is selected lies between `at` and here
  HG_RETURN_IF_ERROR(state_->store.Scan(Family::kMeta, CountsKey(at.seq), kPrefixEnd,
                                        [&](std::string_view key, std::string_view value) {
                                          const auto stored = DecodeCounts(value);
                                          if (!stored || SumOf(*stored, *registry, selected) != passed) return false;
                                          from = SeqOfCountsKey(key).value_or(from) + 1;
                                          return true;
                                        }));
  const auto reader = NewReader();
  reader->Seek(from);
  LogReader::Block block;
  Change change;
  while (true) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more) return std::optional<std::int64_t>();
    for (auto changes = block.Changes(); changes.Next(change);) {
      if (At{block.seq, change.ordinal} >= at && selected(change.stream, block.info->source))
        return std::optional(block.info->commit_us);
    }
  }
}

}  // namespace headgate
