#include <algorithm>

#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"
#include "sinks/kafka/letter.h"
#include "sinks/kafka/sink.h"

// What cannot be rendered or is not taken, and what has to go behind it. A letter is durable before the cursor in the
// progress topic moves over its change; after a crash in between the change comes again and its letter speaks for it.
namespace headgate::kafka::sink {

// Its key, and its old one.
std::vector<LetterLane> KafkaSink::LanesOf(const Event& event) {
  std::vector<LetterLane> lanes;
  if (options_.on_rejected != Options::Rejected::kBlockKey || event.stream == nullptr) return lanes;
  for (const bool previous : {false, true}) {
    std::string key;
    if (native_.AppendKeyJson(key, ContextOf(event), previous).ok() && !key.empty())
      lanes.push_back({std::string(event.stream->name) + " " + key, false});
  }
  return lanes;
}

DeadLetter KafkaSink::LetterOf(const Event& event) {
  DeadLetter letter = NewLetter(ContextOf(event), event.stream != nullptr ? event.stream->name : "", native_);
  letter.lanes = LanesOf(event);
  return letter;
}

bool KafkaSink::IsBehindLetters(const Event& event) {
  return options_.on_rejected == Options::Rejected::kBlockKey && context_->stored_bytes() > 0 &&
         context_->LanesAreStored(LanesOf(event));
}

Status KafkaSink::Park(const Event& event) {
  if (Status made = Render(event); !made.ok()) {
    if (made.error().kind != ErrorKind::kRejected) return made;
    return Refuse(event, made.error().what, "");
  }
  Batch alone;
  DeadLetter letter = LetterOf(event);
  for (const codec::Record& record : records_)
    alone.Add(record, options_.id_header, letter.event_id, event.tx->commit_us / 1'000, event.at);
  letter.body = BodyOf(alone, event.at);
  letter.state = DeadLetter::State::kParked;
  context_->Store(event.at, std::move(letter));
  return Ok();
}

void KafkaSink::Fail(DeadLetter& letter, std::string_view what) {
  const std::int64_t now_us = clock_.NowUs();
  letter.state = DeadLetter::State::kDead;
  ++letter.attempts;
  if (letter.first_failed_us == 0) letter.first_failed_us = now_us;
  letter.last_failed_us = now_us;
  letter.next_try_us = 0;
  letter.error_class = "rejected";
  letter.error_message = what;
  meter_.Failed("rejected", 0, what);
}

Status KafkaSink::Refuse(const Event& event, std::string_view what, std::string body) {
  if (options_.on_rejected == Options::Rejected::kStop)
    return ConfigError(std::string(what) +
                       ". Change the topic or the settings so that it fits, or set "
                       "on_rejected=dead_letter");
  DeadLetter letter = LetterOf(event);
  letter.body = std::move(body);
  Fail(letter, what);
  context_->Store(event.at, std::move(letter));
  return Ok();
}

// The records of one change.
std::string KafkaSink::BodyOf(const Batch& batch, At at) const {
  std::string body;
  for (const Batch::Packed& record : batch.records()) {
    if (record.at == at) AppendLine(body, batch, record);
  }
  return body;
}

// A change of several records is a letter with all of them; those that were taken are written again with it.
Status KafkaSink::StoreRefused(const std::vector<Refusal>& refused) {
  const Batch& batch = *under_way_.front();
  std::vector<At> ats;
  std::vector<std::string_view> whats;
  for (const Refusal& one : refused) {
    const At at = batch.records()[one.record].at;
    if (at == At{}) continue;  // a heartbeat: the next one tells more
    if (!ats.empty() && ats.back() == at) continue;
    if (const auto state = state_letters_.find(at); state != state_letters_.end()) {
      if (options_.on_rejected == Options::Rejected::kStop) return ConfigError(one.what);
      DeadLetter letter = std::move(state->second);
      state_letters_.erase(state);
      letter.body = BodyOf(batch, at);
      Fail(letter, one.what);
      context_->Store(at, std::move(letter));
      continue;
    }
    ats.push_back(at);
    whats.push_back(one.what);
  }
  auto what = whats.begin();
  HG_RETURN_IF_ERROR(context_->Reread(ats, [&](const Event& event) {
    ++refused_;
    if (!options_.exactly_once) parked_.insert(event.at);
    return Refuse(event, *what++, BodyOf(batch, event.at));
  }));
  HG_RETURN_IF_ERROR(context_->SyncLetters());
  // Records of their keys may be behind them in what was taken since: it comes again, and finds the letters.
  return options_.on_rejected == Options::Rejected::kBlockKey && !refused.empty()
             ? Status(Transient("a record was refused, and what follows is written again behind it"))
             : Ok();
}

Status KafkaSink::Retry(const DeadLetter& letter) {
  retries_.push_back(letter);
  return Ok();
}

// Between two transactions: what lies before `whole` has been taken.
Status KafkaSink::WriteLettersAt(Seq whole) {
  if (!filling_->empty() || split_) HG_RETURN_IF_ERROR(Flush(whole));
  HG_RETURN_IF_ERROR(Settle());
  for (const DeadLetter& letter : std::exchange(retries_, {})) {
    if (context_->HoldsLetter(letter.id)) HG_RETURN_IF_ERROR(WriteLetter(letter));
  }
  return Ok();
}

// In a transaction of its own, which leaves the cursor where it is and says that the letter has gone: what says so is
// not written over before the letter is gone here, too.
Status KafkaSink::WriteLetter(const DeadLetter& letter) {
  const Progress progress{log_id_, kept_.seq, kept_.states, letter.id};
  auto batch = std::make_shared<Batch>();
  std::string what;
  if (Status read = ReadBody(letter.body, *batch); !read.ok()) {
    what = read.error().what;
  } else if (batch->empty()) {
    what = letter.error_message;  // it could not be rendered
  } else {
    HG_RETURN_IF_ERROR(producer_->Write(std::move(batch), progress, [&](const std::vector<Refusal>& refused) {
      what = refused.front().what;
      return Ok();
    }));
  }
  if (!what.empty()) {
    HG_RETURN_IF_ERROR(producer_->Abort());
    DeadLetter failed = letter;
    Fail(failed, what);
    context_->LetterFailed(std::move(failed));
    return Ok();
  }
  HG_RETURN_IF_ERROR(producer_->Commit(progress));
  HG_FAILPOINT("kafka.letter");
  ++meter_.delivered;
  context_->LetterDelivered(letter.id);
  return context_->SyncLetters();
}

}  // namespace headgate::kafka::sink
