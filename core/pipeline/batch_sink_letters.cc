#include <algorithm>

#include "core/pipeline/batch_sink.h"
#include "core/pipeline/event_context.h"

// What a target does not take, and what has to go behind it. A letter is durable before the target's cursor moves over
// its change; after a crash in between the change comes again and its letter speaks for it.
namespace headgate {

DeadLetter BatchSink::LetterOf(const Event& event) {
  DeadLetter letter = NewLetter(ContextOf(event), event.stream != nullptr ? event.stream->name : "", native_);
  letter.lanes = batcher_->LanesOf(event);
  return letter;
}

void BatchSink::Fail(DeadLetter& letter, std::string_view what) {
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

Status BatchSink::Refuse(const Event& event, std::string_view what, std::string body) {
  if (options_.stops_at_refusal) return ConfigError(std::string(what) + ". " + options_.stop_hint);
  DeadLetter letter = LetterOf(event);
  letter.body = std::move(body);
  Fail(letter, what);
  context_->Store(event.at, std::move(letter));
  return Ok();
}

void BatchSink::Park(const Event& event, std::string body) {
  DeadLetter letter = LetterOf(event);
  letter.body = std::move(body);
  letter.state = DeadLetter::State::kParked;
  context_->Store(event.at, std::move(letter));
}

// What has been taken since may say how the row is now: nothing is lost then.
bool BatchSink::IsReplaced(const RefusedChange& refused) const {
  if (refused.row.empty()) return false;
  const auto by = [&](const auto& batch) { return batch != nullptr && batch->Replaces(refused); };
  return by(filling_) || std::any_of(under_way_.begin() + 1, under_way_.end(), by);
}

Status BatchSink::StoreOfState(RefusedChange& refused) {
  const auto state = state_letters_.find(refused.at);
  CHECK(state != state_letters_.end());
  if (options_.stops_at_refusal) return ConfigError(refused.what + ". " + options_.stop_hint);
  DeadLetter letter = std::move(state->second);
  state_letters_.erase(state);
  letter.body = std::move(refused.body);
  Fail(letter, refused.what);
  context_->Store(refused.at, std::move(letter));
  return Ok();
}

// A change may have been refused in several of its parts.
Status BatchSink::StoreRefused(std::vector<RefusedChange> refused) {
  const bool any = !refused.empty();
  std::erase_if(refused, [this](const RefusedChange& one) { return IsReplaced(one); });
  std::ranges::stable_sort(refused, {}, &RefusedChange::at);
  std::vector<RefusedChange> whole;
  for (RefusedChange& one : refused) {
    if (!whole.empty() && whole.back().at == one.at) {
      whole.back().body += one.body;
    } else {
      whole.push_back(std::move(one));
    }
  }
  for (RefusedChange& one : whole) {
    if (IsState(one.at)) HG_RETURN_IF_ERROR(StoreOfState(one));
  }
  std::erase_if(whole, [](const RefusedChange& one) { return IsState(one.at); });
  std::vector<At> ats;
  for (const RefusedChange& one : whole) ats.push_back(one.at);
  auto next = whole.begin();
  HG_RETURN_IF_ERROR(context_->Reread(ats, [&](const Event& event) {
    RefusedChange& one = *next++;
    ++refused_;
    if (!options_.keeps_cursor) letters_.insert(event.at);
    return Refuse(event, one.what, std::move(one.body));
  }));
  HG_RETURN_IF_ERROR(context_->SyncLetters());
  // What follows was taken already: it comes again, and finds the letters.
  return any && options_.refusal_blocks
             ? Status(Transient("a change was refused, and what follows is written again behind it"))
             : Ok();
}

Status BatchSink::Retry(const DeadLetter& letter) {
  retries_.push_back(letter);
  return Ok();
}

// Between two transactions: what lies before `whole` has been taken.
Status BatchSink::WriteLettersAt(Seq whole) {
  if (!filling_->empty() || split_) HG_RETURN_IF_ERROR(Flush(whole));
  HG_RETURN_IF_ERROR(Settle());
  for (const DeadLetter& letter : std::exchange(retries_, {})) {
    if (context_->HoldsLetter(letter.id)) HG_RETURN_IF_ERROR(WriteLetter(letter));
  }
  return Ok();
}

Status BatchSink::WriteLetter(const DeadLetter& letter) {
  const std::int64_t began_us = clock_.NowUs();
  const auto written = batcher_->WriteLetter(letter, kept_);
  const Status status = written.ok() ? Ok() : Status(written.error());
  if (IsTraced()) TraceLetter(letter, status, written.ok() && *written, began_us);
  if (!status.ok() && status.error().kind != ErrorKind::kRejected) return status;
  if (status.ok()) {
    ++meter_.delivered;
    context_->LetterDelivered(letter.id);
  } else {
    DeadLetter failed = letter;
    Fail(failed, status.error().what);
    context_->LetterFailed(std::move(failed));
  }
  return context_->SyncLetters();
}

}  // namespace headgate
