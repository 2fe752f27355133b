#include <algorithm>

#include "sinks/search/delivery.h"

namespace headgate::search {
namespace {

constexpr std::chrono::seconds kProbeBlockedEvery{30};
constexpr std::size_t kRejectedInRowMax = 100;
constexpr std::size_t kAnswerShown = 300;

}  // namespace

void Delivery::Answered(std::uint64_t number, const Answer& answer) {
  stuck_ = false;
  if (std::exchange(rebuild_call_, rebuild_call_ == number ? 0 : rebuild_call_) == number)
    return RebuildAnswered(answer);
  if (preparing_ && preparing_->number == number) {
    const Preparing preparing = *preparing_;
    preparing_.reset();
    return PreparationAnswered(preparing, answer);
  }
  Outbox::Request* const request = outbox_.Find(number);
  if (request == nullptr) return;
  meter_.request_ms.Add(std::chrono::duration<double, std::milli>(context_.clock().Now() - request->at).count());
  switch (JudgeRequest(answer.status, answer.body)) {
    case RequestVerdict::kItems: {
      const auto sent = std::ranges::count_if(request->sent, [](const Outbox::Sent& s) { return !s.behind; });
      if (const auto results = ParseBulk(answer.body, static_cast<std::size_t>(sent)))
        return Settle(number, *request, *results);
      UsePressure();  // it may have been too long
      Hold("answer", answer.status, "the answer cannot be read or is not about what was sent");
      break;
    }
    case RequestVerdict::kSmaller:
      Smaller(*request, answer.status, answer.body);
      break;
    case RequestVerdict::kBlocked:
      Block(ReasonOf(answer.body), answer.status);
      break;
    case RequestVerdict::kRetry:
      UsePressure();
      Hold(answer.status == 429 ? "throttled" : "status_5xx", answer.status, "HTTP " + std::to_string(answer.status),
           answer.retry_after);
      break;
    case RequestVerdict::kConfigure: {
      const std::string code = "HTTP " + std::to_string(answer.status);
      Stop(answer.status, code,
           ConfigError("the search server refuses to write: " + code +
                       ". Check the account of this sink and its rights"));
      break;
    }
  }
  outbox_.End(number);
}

void Delivery::Unanswered(std::uint64_t number, std::string_view error_class, std::string_view text) {
  stuck_ = false;
  if (rebuild_call_ == number) {
    rebuild_call_ = 0;
    return rebuild_.Unanswered(text);
  }
  if (preparing_ && preparing_->number == number) preparing_.reset();
  if (truncation_) truncation_->Restart();
  outbox_.End(number);
  Hold(error_class, 0, text);
}

void Delivery::RebuildAnswered(const Answer& answer) {
  rebuild_.Answered(answer);
  for (const auto& [alias, setup] : rebuild_.TakeSwapped()) {
    const auto target = targets_.find(alias);
    if (target != targets_.end()) target->second->TakeOver(*setup);
  }
}

// The index that is read first, then the one that is to take its place.
void Delivery::TruncationAnswered(const Answer& answer, Status& status) {
  Entry& entry = *outbox_.first();
  status = truncation_->Answered(answer);
  const bool next = entry.truncated;
  if (next && !status.ok() && status.error().kind != ErrorKind::kTransient) {
    rebuild_.Fail(std::exchange(status, Ok()).error().what);
    truncation_.reset();
  }
  if (next && !status.ok()) rebuild_.DocumentRefused(status.error().what);
  if (next && !rebuild_.dual()) truncation_.reset();
  if (!status.ok() || (truncation_ && !truncation_->done())) return;
  truncation_.reset();
  entry.truncated = true;
  if (!next && rebuild_.Next(entry.target->alias()) != nullptr) return;
  context_.Done(entry.at, Outcome::kDelivered);
  ++meter_.delivered;
  outbox_.DropFirst();
}

void Delivery::PreparationAnswered(const Preparing& preparing, const Answer& answer) {
  Status status = Ok();
  if (preparing.truncation) {
    TruncationAnswered(answer, status);
  } else if (preparing.rebuild != 0) {
    status = rebuild_.SetUp(preparing.rebuild, preparing.alias, answer);
    if (!status.ok() && status.error().kind != ErrorKind::kTransient) status = Ok();  // it fails alone
  } else if (preparing.target != nullptr) {
    const bool fitted = preparing.target->conflict().empty();
    status = preparing.target->Answered(answer.status, answer.body);
    if (fitted && !preparing.target->conflict().empty()) {
      outbox_.MoveToNext(preparing.target);
      has_next_ = true;
    }
  } else {
    auto server = ReadServer(answer);
    if (server.ok()) {
      server_ = *std::move(server);
      rebuild_.SetProduct(server_->product);
    } else {
      status = server.error();
    }
  }
  if (status.ok()) {
    back_off_.Reset();
    return meter_.Succeeded(context_.clock().NowUs());
  }
  if (status.error().kind == ErrorKind::kTransient)
    return Hold("status", answer.status, status.error().what, answer.retry_after);
  const std::string said = status.error().what;
  Stop(answer.status, said, std::move(status));
}

void Delivery::Settle(std::uint64_t number, Outbox::Request& request, const std::vector<ItemResult>& results) {
  const std::vector<Outbox::Sent>& sent = request.sent;
  std::vector<const ItemResult*> of(sent.size(), nullptr);
  std::size_t next = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (!sent[i].behind) of[i] = &results[next++];
  }
  for (std::size_t i = sent.size(); i-- > 0;) {  // what speaks for others comes behind them
    if (sent[i].behind) of[i] = of[*sent[i].behind];
  }
  ItemResult said_done;
  said_done.status = 200;
  const ItemResult* pressed = nullptr;
  const ItemResult* refused = nullptr;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const Verdict verdict = JudgeItem(*of[i]);
    const bool of_next = sent[i].entry->documents[sent[i].document].next;
    if (!sent[i].behind && !of_next && sent[i].entry->fresh &&
        (verdict == Verdict::kDone || verdict == Verdict::kStale))
      stale_.Add(verdict == Verdict::kStale, context_.clock().Now());
    // A rejection is about the last write alone: what it would have replaced is gone for good.
    const bool rejected = sent[i].behind && verdict == Verdict::kData;
    if (!SettleOne(sent[i], rejected ? said_done : *of[i])) continue;
    (verdict == Verdict::kBlocked && !of_next ? refused : pressed) = of[i];
  }
  outbox_.End(number);
  if (!state_.ok()) return;
  if (refused != nullptr) return Block(refused->Text(), refused->status);
  if (pressed != nullptr) {
    UsePressure();
    return Hold(pressed->status == 429 ? "throttled" : "item", pressed->status, pressed->Text());
  }
  blocked_.clear();
  back_off_.Reset();
  batch_docs_ = std::min(options_.batch_docs_max, batch_docs_ + batch_docs_ / 4 + 1);
  parallelism_ = std::min(options_.parallelism, parallelism_ + 1);
  meter_.Succeeded(context_.clock().NowUs());
}

// A new index that does not take what it should fails alone.
void Delivery::SettleNext(const Outbox::Sent& sent, Verdict verdict, const ItemResult& result) {
  if (verdict == Verdict::kDone || verdict == Verdict::kStale) rebuild_.DocumentTaken();
  if (verdict == Verdict::kConfigure) rebuild_.Fail("the new index takes no documents: " + result.Text());
  if (verdict == Verdict::kData) {
    rebuild_.DocumentRejected(result.Text());
    if (rebuild_.dual()) return Reject(sent, result);
  }
  SettleDocument(sent);
}

bool Delivery::SettleOne(const Outbox::Sent& sent, const ItemResult& result) {
  const Verdict verdict = JudgeItem(result);
  if (sent.entry->documents[sent.document].next) {
    const bool again = verdict == Verdict::kPressure || verdict == Verdict::kBlocked || verdict == Verdict::kTransient;
    if (again) rebuild_.DocumentRefused(result.Text());
    if (again && rebuild_.dual()) return true;
    SettleNext(sent, again ? Verdict::kDone : verdict, result);
    return false;
  }
  switch (verdict) {
    case Verdict::kStale:
    case Verdict::kDone:
      rejected_in_row_ = 0;
      SettleDocument(sent);
      return false;
    case Verdict::kData:
      if (++rejected_in_row_ < kRejectedInRowMax || sent.entry->letter != nullptr) {
        Reject(sent, result);
      } else {
        state_ = ConfigError("The index rejected " + std::to_string(kRejectedInRowMax) +
                             " documents in a row, the last with " + result.Text() + ". Its mapping does not fit");
      }
      return false;
    case Verdict::kConfigure:
      Stop(result.status, result.Text(),
           ConfigError("The index takes no documents: " + result.Text() + ". Restart the sink once it is there again"));
      return false;
    case Verdict::kPressure:
    case Verdict::kBlocked:
    case Verdict::kTransient:
      return true;
  }
  return true;
}

void Delivery::Reject(const Outbox::Sent& sent, const ItemResult& result) {
  sent.entry->failure = {result.status == 413 ? "too_large" : "rejected", result.status, result.Text(), sent.document};
  SettleDocument(sent);
}

// The entry is over once all of its documents are.
void Delivery::SettleDocument(const Outbox::Sent& sent) {
  Entry& entry = *sent.entry;
  entry.documents[sent.document].done = true;
  if (std::ranges::all_of(entry.documents, &Document::done)) End(entry);
}

void Delivery::End(Entry& entry) {
  if (entry.failure) return Kill(entry);
  Finish(entry);
}

void Delivery::Finish(Entry& entry) {
  entry.settled = true;
  ++meter_.delivered;
  const std::int64_t now_us = context_.clock().NowUs();
  if (!IsState(entry.at)) meter_.end_to_end_ms.Add(static_cast<double>(now_us - entry.commit_us) / 1000);
  if (entry.letter != nullptr) {
    context_.LetterDelivered(entry.letter->id);
  } else {
    context_.Done(entry.at, Outcome::kDelivered);
  }
}

void Delivery::Kill(Entry& entry) {
  entry.settled = true;
  const Entry::Failure& failure = *entry.failure;
  DeadLetter letter = LetterOf(entry);
  const std::int64_t now_us = context_.clock().NowUs();
  letter.state = DeadLetter::State::kDead;
  ++letter.attempts;
  if (letter.first_failed_us == 0) letter.first_failed_us = now_us;
  letter.last_failed_us = now_us;
  letter.next_try_us = 0;
  letter.error_class = failure.error_class;
  letter.error_status = failure.status;
  letter.error_message = failure.message;
  meter_.Failed(failure.error_class, failure.status, failure.message);
  if (entry.letter != nullptr) return context_.LetterFailed(std::move(letter));
  if (failure.document)
    AppendWrite(letter.body, entry.target->alias(), entry.version, entry.documents[*failure.document]);
  context_.Store(entry.at, std::move(letter));
}

// Too large, or one of them spoils the request: fewer at once, until it is a single one.
void Delivery::Smaller(Outbox::Request& request, int status, std::string_view body) {
  if (request.entries.size() > 1) {
    batch_docs_ = request.entries.size() / 2;
    return;
  }
  ItemResult result;
  result.status = status;
  result.type = "HTTP " + std::to_string(status);
  result.reason = body.substr(0, kAnswerShown);
  // Of two writes the document is to blame, and the removal is sent again.
  const auto& sent = request.sent;
  const auto it =
      std::ranges::find_if(sent, [](const Outbox::Sent& one) { return !one.entry->documents[one.document].remove; });
  Reject(it != sent.end() ? *it : sent.back(), result);
}

// Fewer at once: halves, and grows again slowly.
void Delivery::UsePressure() {
  batch_docs_ = std::max<std::size_t>(1, batch_docs_ / 2);
  parallelism_ = std::max<std::size_t>(1, parallelism_ / 2);
}

void Delivery::Block(std::string_view reason, int status) {
  blocked_ = reason;
  meter_.Failed("blocked", status, reason);
  meter_.WillRetry("blocked");
  held_until_ = context_.clock().Now() + kProbeBlockedEvery;
}

void Delivery::Hold(std::string_view error_class, int status, std::string_view message,
                    std::optional<std::chrono::seconds> at_least) {
  meter_.Failed(error_class, status, message);
  meter_.WillRetry(error_class);
  const std::chrono::milliseconds wait(back_off_.NextMs());
  const auto asked =
      std::min<std::chrono::milliseconds>(at_least.value_or(std::chrono::seconds(0)), std::chrono::minutes(5));
  held_until_ = context_.clock().Now() + std::max(wait, asked);
}

void Delivery::Stop(int status, std::string_view said, Status state) {
  meter_.Failed("configuration", status, said);
  state_ = std::move(state);
}

}  // namespace headgate::search
