#include "core/views/letters.h"

#include "core/base/diag.h"
#include "core/codec/native.h"
#include "core/log/log_reader.h"
#include "core/state/letter_operations.h"

namespace headgate::views {
namespace {

constexpr std::size_t kKept = 1'000;  // of one view: more of them say nothing new, and all are counted
constexpr std::size_t kRecordBytesMax = 64 * 1024;
constexpr std::string_view kOwner = "\x01view:";

codec::EventContext ContextOf(const Registry& registry, const LogReader::Block& block, const Change& change,
                              const SourceInfo& source) {
  codec::EventContext context;
  context.tx = block.info;
  context.change = &change;
  context.schema = registry.Schema(change.stream, change.schema);
  context.schema_version = change.schema;
  context.source_id = source.id;
  context.source_name = source.name;
  context.connector = source.connector;
  context.at = {block.seq, change.ordinal};
  return context;
}

}  // namespace

std::string LetterOwner(std::string_view view) { return std::string(kOwner).append(view); }

std::optional<std::string> ViewOfLetters(std::string_view owner) {
  if (!owner.starts_with(kOwner)) return std::nullopt;
  return std::string(owner.substr(kOwner.size()));
}

DeadLetters* Letters::Of(const std::string& name) {
  auto& letters = open_[name];
  if (letters != nullptr) return letters.get();
  auto opened = DeadLetters::Open(store_, LetterOwner(name));
  if (!opened.ok()) {
    diag::Warn("views", "dead letters cannot be read", {{"view", name}, {"error", opened.error().what}});
    return nullptr;
  }
  letters = std::move(*opened);
  return letters.get();
}

void Letters::Save(StoreBatch& batch, std::int64_t now_us) {
  for (const Misfit& misfit : noted_) {
    DeadLetters* const letters = Of(misfit.name);
    if (letters == nullptr || letters->size() >= kKept) continue;
    DeadLetter letter;
    letter.state = DeadLetter::State::kDead;
    letter.at = misfit.at;
    letter.error_class = misfit.error_class;
    letter.error_message = misfit.message;
    letter.attempts = 1;
    letter.first_failed_us = letter.last_failed_us = now_us;
    Copy(letter);
    letters->Add(batch, std::move(letter));
  }
  noted_.clear();
}

// The record, as long as the log has it. Without it the letter still says what was wrong.
void Letters::Copy(DeadLetter& letter) const {
  if (letter.at.seq == 0 || letter.at.seq < log_.first_seq()) return;
  const auto registry = log_.registry();
  const auto reader = log_.NewReader();
  reader->Seek(letter.at.seq);
  LogReader::Block block;
  for (auto next = reader->Next(block); next.ok() && *next && block.seq == letter.at.seq; next = reader->Next(block)) {
    ChangeReader changes = block.Changes();
    Change change;
    while (changes.Next(change)) {
      const StreamInfo* stream = registry->Stream(change.stream);
      const SourceInfo* source = registry->Source(block.info->source);
      if (change.ordinal != letter.at.ordinal || stream == nullptr || source == nullptr) continue;
      const codec::EventContext context = ContextOf(*registry, block, change, *source);
      codec::NativeEncoder encoder;
      letter.stream = stream->name;
      letter.op = Name(change.op);
      letter.event_id = EventId(source->id, block.info->epoch, block.info->position, change.ordinal);
      letter.commit_us = block.info->commit_us;
      if (!encoder.AppendKeyJson(letter.key, context).ok()) letter.key.clear();
      if (!encoder.Append(letter.record, context).ok() || letter.record.size() > kRecordBytesMax) letter.record.clear();
      return;
    }
  }
}

void Letters::Forget() {
  noted_.clear();
  open_.clear();  // they may hold what was not written
}

void Letters::Discard(const DiscardLetters& command) {
  const std::string name = command.owner.substr(kOwner.size());
  DeadLetters* const letters = Of(name);
  StoreBatch batch;
  std::vector<bool> done;
  for (const std::uint64_t id : command.ids) {
    done.push_back(letters != nullptr && letters->Contains(id));
    if (done.back()) letters->Remove(batch, id);
  }
  if (command.also) command.also(batch, done);
  if (const auto written = store_.Write(batch, true); !written.ok()) {
    diag::Warn("views", "dead letters were not discarded", {{"view", name}, {"error", written.error().what}});
    done.assign(done.size(), false);
    Forget();
  }
  for (const bool one : done) {
    if (command.report) command.report(one);
  }
}

void Letters::Drop(std::string_view name, StoreBatch& batch) {
  open_.erase(std::string(name));
  DeadLetters::DeleteAll(batch, LetterOwner(name));
  DeleteLetterOperations(batch, LetterOwner(name));
}

}  // namespace headgate::views
