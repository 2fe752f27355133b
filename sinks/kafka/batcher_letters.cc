#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"
#include "sinks/kafka/batcher.h"
#include "sinks/kafka/letter.h"

// What cannot be rendered or is not taken, and what has to go behind it.
namespace headgate::kafka::sink {

// Its key, and its old one.
std::vector<LetterLane> KafkaBatcher::LanesOf(const Event& event) const {
  std::vector<LetterLane> lanes;
  if (options_.on_rejected != Options::Rejected::kBlockKey || event.stream == nullptr) return lanes;
  for (const bool previous : {false, true}) {
    std::string key;
    if (native_.AppendKeyJson(key, ContextOf(event), previous).ok() && !key.empty())
      lanes.push_back({std::string(event.stream->name) + " " + key, false});
  }
  return lanes;
}

bool KafkaBatcher::IsBehindLetters(const Event& event) const {
  return options_.on_rejected == Options::Rejected::kBlockKey && context_->stored_bytes() > 0 &&
         context_->LanesAreStored(LanesOf(event));
}

// Its records are in records_.
Result<Batcher::Took> KafkaBatcher::ToLetters(const Event& event) {
  Batch alone;
  AddRecords(alone, event, event.at);
  sink_->Park(event, BodyOf(alone, event.at));
  return Took::kToLetters;
}

// What the letter holds; of one that could not be rendered, its change as the settings render it now.
Result<std::shared_ptr<Batch>> KafkaBatcher::BatchOf(const DeadLetter& letter) {
  auto batch = std::make_shared<Batch>();
  // Begin and end of its transaction are in their topic already.
  const bool anew = letter.body.empty() && !IsState(letter.at) && !options_.records.debezium.transaction_metadata;
  if (anew) {
    HG_ASSIGN_OR_RETURN(const auto encoder, NewEncoder());  // the sink's own one is in the middle of the log
    const At ats[] = {letter.at};
    const Status read = context_->Reread(ats, [&](const Event& event) -> Status {
      HG_RETURN_IF_ERROR(Render(*encoder, event));
      AddRecords(*batch, event, event.at);
      return Ok();
    });
    if (!read.ok() && read.error().kind == ErrorKind::kCorrupt)
      return Rejected("it could not be rendered, and cannot be anew, as the log no longer has it");
    HG_RETURN_IF_ERROR(read);
  } else {
    HG_RETURN_IF_ERROR(ReadBody(letter.body, *batch));
  }
  if (batch->empty()) return Rejected(letter.error_message);
  return batch;
}

// It leaves the place where it is and says that the letter has gone: what says so is not written over before the letter
// is gone here, too.
Result<bool> KafkaBatcher::WriteLetter(const DeadLetter& letter, const TargetPlace& kept) {
  const Progress progress{log_id_, kept.seq, kept.states, letter.id};
  HG_ASSIGN_OR_RETURN(auto batch, BatchOf(letter));
  std::optional<Error> refused;
  HG_RETURN_IF_ERROR(
      producer_->Write(std::move(batch), progress, [&](const Batch&, const std::vector<Refusal>& refusals) {
        refused = Rejected(refusals.front().what);
        return Ok();
      }));
  if (refused) {
    HG_RETURN_IF_ERROR(producer_->Abort());
    return *std::move(refused);
  }
  HG_RETURN_IF_ERROR(producer_->Commit(progress));
  HG_FAILPOINT("kafka.letter");
  return true;
}

}  // namespace headgate::kafka::sink
