#include "tests/integration/golden/golden_replay.h"

#include <map>
#include <memory>
#include <vector>

#include "core/log/log_reader.h"

namespace headgate::test {
namespace {

bool Changes(Op op) { return op != Op::kSnapshot && op != Op::kGap; }

// Follows one source through the log and leaves out what is not captured.
class Replaying {
 public:
  Replaying(const Registry& registry, SourceNo source, std::string_view name, const GoldenCaptured& captured,
            const GoldenSee& see, GoldenStatements statements)
      : registry_(registry), source_(source), name_(name), captured_(captured), see_(see), statements_(statements) {}

  // A transaction is judged whole, with its last block: a savepoint begins a new one.
  Status Entry(const LogReader::Block& block, bool of_phase) {
    if (block.part == 0) {
      changes_.clear();
      count_ = 0;
      first_ordinal_ = block.first_ordinal;
    }
    changes_ += block.changes;
    count_ += block.count;
    if (!block.last_part) return Ok();
    std::vector<Change> wanted;
    ChangeReader reader(changes_, first_ordinal_);
    for (Change change; reader.Next(change);) {
      if (Changes(change.op) && Wanted(change)) wanted.push_back(change);
    }
    if (reader.failed()) return Corrupt("entry " + std::to_string(block.seq) + " is malformed");
    if (wanted.empty()) {
      skipped_ = skipped_ || block.info->end != 0;
      return Ok();
    }
    TransactionInfo info = *block.info;
    if (wanted.size() != count_) info.total = static_cast<std::uint32_t>(wanted.size());
    if (skipped_) info.previous_end = last_end_;
    skipped_ = false;
    if (info.end != 0) last_end_ = info.end;
    if (!of_phase) return Ok();
    const bool chunk = info.position.kind == PositionKind::kChunk;
    std::uint32_t ordinal = chunk ? 0 : first_ordinal_;
    for (Change& change : wanted) {
      if (!chunk) change.ordinal = ordinal++;
      see_(Context(info, change, block.seq));
    }
    return Ok();
  }

 private:
  bool Wanted(const Change& change) {
    if (change.op == Op::kSchema && (change.extra.empty() || statements_ == GoldenStatements::kNone)) return false;
    if (change.op == Op::kSchema && statements_ == GoldenStatements::kAll) return true;
    if (change.stream == 0) return true;
    const auto known = streams_.find(change.stream);
    if (known != streams_.end()) return known->second;
    const StreamInfo* stream = registry_.Stream(change.stream);
    return streams_[change.stream] = captured_(stream->schema + "." + stream->table);
  }

  codec::EventContext Context(const TransactionInfo& info, const Change& change, Seq seq) const {
    codec::EventContext event;
    event.tx = &info;
    event.change = &change;
    event.schema = registry_.Schema(change.stream, change.schema);
    event.schema_version = change.schema;
    event.source_id = registry_.Source(source_)->id;
    event.source_name = name_;
    event.connector = registry_.Source(source_)->connector;
    if (event.schema == nullptr) event.database = registry_.DatabaseOf(source_);
    event.at = {seq, change.ordinal};
    return event;
  }

  const Registry& registry_;
  const SourceNo source_;
  const std::string_view name_;
  const GoldenCaptured& captured_;
  const GoldenSee& see_;
  const GoldenStatements statements_;
  std::map<StreamNo, bool> streams_;
  std::string changes_;  // of the transaction
  std::uint32_t count_ = 0;
  std::uint32_t first_ordinal_ = 1;
  bool skipped_ = false;
  std::uint64_t last_end_ = 0;
};

}  // namespace

Status ReplayGolden(const Log& log, SourceNo source, std::string_view name, GoldenPhase phase,
                    const GoldenCaptured& captured, const GoldenSee& see, GoldenStatements statements) {
  const auto registry = log.registry();
  const auto reader = log.NewReader();
  reader->Seek(log.first_seq());
  Replaying replaying(*registry, source, name, captured, see, statements);
  LogReader::Block block;
  for (;;) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more) return Ok();
    if (block.info->source != source) continue;
    const bool chunk = block.info->position.kind == PositionKind::kChunk;
    HG_RETURN_IF_ERROR(replaying.Entry(block, chunk == (phase == GoldenPhase::kSnapshot)));
  }
}

}  // namespace headgate::test
