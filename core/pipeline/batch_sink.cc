#include "core/pipeline/batch_sink.h"

#include <algorithm>

namespace headgate {
namespace {

constexpr auto kTold = std::chrono::milliseconds(200);
// A transaction that is half written keeps something of the target from others.
constexpr auto kOpenWhilePaused = std::chrono::seconds(10);
// How long the target's cursor may stay behind where nothing is for this sink.
constexpr auto kCursorEvery = std::chrono::seconds(10);
// How long what is written may wait for more to be committed with.
constexpr auto kGathering = std::chrono::milliseconds(500);
// What is refused of a batch that is committed alone costs little; in the middle of many it costs them all. So many
// changes without one make another one soon unlikely.
constexpr std::uint64_t kCalm = 50'000;

BatchSinkOptions WithParts(BatchSinkOptions options) {
  const auto part = [](std::size_t size, std::size_t max) { return size == 0 ? max : std::min(size, max); };
  options.part_size = part(options.part_size, options.size_max);
  options.part_bytes = part(options.part_bytes, options.bytes_max);
  return options;
}

}  // namespace

BatchSink::BatchSink(std::unique_ptr<Batcher> batcher, BatchSinkOptions options, Status settings,
                     const SinkServices& services)
    : options_(WithParts(std::move(options))),
      settings_(std::move(settings)),
      clock_(services.clock != nullptr ? *services.clock : SystemClock()),
      batcher_(std::move(batcher)) {
  SinkTelemetry starting;
  starting.phase = "starting";
  starting.published_us = clock_.NowUs();
  telemetry_.Set(std::move(starting));
}

BatchSink::~BatchSink() = default;

std::optional<At> BatchSink::cursor() const {
  return options_.keeps_cursor ? std::optional(At{kept_.seq, 0}) : std::nullopt;
}

Status BatchSink::Open(SinkContext& context) {
  HG_RETURN_IF_ERROR(settings_);
  context_ = &context;
  HG_ASSIGN_OR_RETURN(kept_, batcher_->Open(context, *this));
  asked_ = kept_.seq;
  committed_at_ = clock_.Now();
  filling_ = batcher_->NewBatch(nullptr);
  writer_ =
      std::make_unique<Writer>([this](Job& job, const Batcher::Ask& ask,
                                      const std::stop_token&) { return batcher_->Write(job.batch, job.commit, ask); },
                               [this] { wake_.Raise(); }, [this] { batcher_->Interrupt(); });
  Publish();
  return Ok();
}

bool BatchSink::IsFull(std::size_t times) const {
  return filling_->size() >= times * options_.part_size || filling_->bytes() >= times * options_.part_bytes;
}

bool BatchSink::IsGathered() const {
  return calm_ < kCalm || open_size_ + filling_->size() >= options_.size_max ||
         open_bytes_ + filling_->bytes() >= options_.bytes_max || (split_ && clock_.Now() - open_since_ >= kGathering);
}

void BatchSink::Filtered(const Event& event) {
  if (!options_.keeps_cursor) context_->Done(event.at, Outcome::kFiltered);
  if (IsMarker(event.change->op)) return;
  ++filtered_;
  ++meter_.filtered;
  if (IsTraced()) TraceFiltered(event);
}

Status BatchSink::Write(const Event& event) {
  if (event.at.seq != filling_seq_) {
    HG_RETURN_IF_ERROR(batcher_->EndTransaction());
    if (IsFull(1)) HG_RETURN_IF_ERROR(Flush(IsGathered() ? std::optional(filling_seq_ + 1) : std::nullopt));
    if (!retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(std::max(asked_, filling_seq_ + 1)));
    filling_seq_ = event.at.seq;
    inside_ = false;
  }
  if (filling_->empty()) filling_since_ = clock_.Now();
  HG_ASSIGN_OR_RETURN(const Batcher::Took took, batcher_->Take(event));
  if (took == Batcher::Took::kFiltered) {
    Filtered(event);
    return Ok();
  }
  inside_ = true;
  if (took == Batcher::Took::kToLetters) return Ok();
  last_commit_us_ = event.tx->commit_us;
  if (IsTraced()) Look(event);
  if (IsState(event.at)) {
    states_.push_back(event.at);
    state_letters_[event.at] = LetterOf(event);
  } else {
    ++taken_;
    if (!options_.keeps_cursor) ats_.push_back(event.at);
  }
  // A transaction that is larger than a batch goes in parts, and is committed as one.
  return IsFull(2) ? Flush({}) : Ok();
}

Status BatchSink::WriteAll() {
  if (!filling_->empty() || split_) HG_RETURN_IF_ERROR(Flush(inside_ ? std::nullopt : std::optional(filling_seq_)));
  return Settle();
}

Status BatchSink::Flush(std::optional<Seq> commit) {
  HG_RETURN_IF_ERROR(context_->SyncLetters());
  Job job;
  if (!filling_->empty()) {
    job.batch = std::move(filling_);
    filling_ = batcher_->NewBatch(job.batch.get());
    if (std::exchange(wanted_, false)) job.traced = std::move(looked_at_);
    looked_at_ = nullptr;
  }
  if (!commit && !split_) open_since_ = clock_.Now();
  split_ = !commit;
  open_size_ = commit ? 0 : open_size_ + (job.batch != nullptr ? job.batch->size() : 0);
  open_bytes_ = commit ? 0 : open_bytes_ + (job.batch != nullptr ? job.batch->bytes() : 0);
  if (commit) {
    job.commit = TargetPlace{*commit, context_->states()};
    job.delivered = std::exchange(taken_, 0);
    job.filtered = std::exchange(filtered_, 0);
    job.ats = std::exchange(ats_, {});
    job.states = std::exchange(states_, {});
    job.commit_us = last_commit_us_;
    asked_ = *commit;
  }
  pushed_at_ = clock_.Now();
  under_way_.push_back(job.batch);
  writer_->Push(std::move(job));
  return Ok();
}

// What may be committed: nothing in the middle of a transaction, or of a piece of a state.
std::optional<Seq> BatchSink::WholeBefore() const {
  const At known = context_->handed_over();
  return known.ordinal != 0 || context_->inside_states() ? std::nullopt : std::optional(known.seq);
}

Status BatchSink::CommitWhatIsWhole(Time now) {
  const auto whole = WholeBefore();
  if (!whole) return Ok();
  if (filling_->empty()) filling_since_ = now;
  HG_RETURN_IF_ERROR(batcher_->EndTransaction());
  if (writer_->under_way() > 0) return Ok();
  if (now >= batcher_->beat_at() && !context_->paused()) HG_RETURN_IF_ERROR(batcher_->Beat(now));
  const bool news = split_ || !filling_->empty();
  if (*whole <= asked_ && !news) return Ok();
  const bool idle = options_.keeps_cursor ? now >= committed_at_ + kCursorEvery : !ats_.empty();
  const bool due = news ? IsFull(1) || split_ || now >= filling_since_ + options_.delay_max : idle;
  return due ? Flush(*whole) : Ok();
}

Status BatchSink::Finish(Writer::Finished&& finished) {
  under_way_.pop_front();
  const std::int64_t now_us = clock_.NowUs();
  if (finished.job.traced != nullptr) Trace(finished);
  refusal_.clear();
  if (!finished.status.ok()) {
    const Error& error = finished.status.error();
    meter_.Failed(Name(error.kind), 0, error.what);
    ++failures_;
    return finished.status;
  }
  meter_.request_ms.Add(finished.ms);
  if (!finished.job.commit) return Ok();
  meter_.Succeeded(now_us);
  failures_ = 0;
  const std::uint64_t left_out = std::min(refused_, finished.job.delivered);
  refused_ -= left_out;
  const std::uint64_t delivered = finished.job.delivered - left_out;
  meter_.delivered += delivered;
  if (delivered > 0) meter_.end_to_end_ms.Add(static_cast<double>(now_us - finished.job.commit_us) / 1000);
  calm_ += finished.job.delivered;
  kept_ = *finished.job.commit;
  committed_at_ = clock_.Now();
  if (options_.keeps_cursor) {
    context_->DoneBefore({kept_.seq, 0}, delivered, finished.job.filtered);
  } else {
    for (const At at : finished.job.ats) {
      if (letters_.erase(at) == 0) context_->Done(at, Outcome::kDelivered);
    }
  }
  for (const At at : finished.job.states) {
    if (state_letters_.erase(at) > 0) context_->Done(at, Outcome::kDelivered);
  }
  return Ok();
}

Status BatchSink::Settle() {
  while (writer_->under_way() > 0) {
    writer_->WaitForNews();
    HG_RETURN_IF_ERROR(TakeResults());
  }
  return TakeResults();
}

Status BatchSink::TakeResults() {
  while (auto finished = writer_->Pop()) {
    if (Status status = Finish(*std::move(finished)); !status.ok()) {
      Publish();
      return status;
    }
  }
  if (auto refused = writer_->PopQuestion()) {
    calm_ = 0;
    refusal_ = std::to_string(refused->size()) + " of its changes were refused: " + refused->front().what;
    HG_RETURN_IF_ERROR(StoreRefused(*std::move(refused)));
    writer_->Answer(Ok());
  }
  return Ok();
}

Status BatchSink::Poll(Time deadline) {
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (split_ && context_->paused() && writer_->under_way() == 0 && clock_.Now() - pushed_at_ >= kOpenWhilePaused)
    return Transient("paused in the middle of a transaction, which is given up and written again from its start");
  if (const auto whole = WholeBefore(); whole && !retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(*whole));
  Time until = std::min({deadline, published_at_ + kTold, batcher_->beat_at()});
  // Of a transaction that is not whole, as of a sink that is paused in the middle of one, nothing is due.
  if (!filling_->empty() && writer_->under_way() == 0 && WholeBefore())
    until = std::min(until, filling_since_ + options_.delay_max);
  // On the machine's clock, whatever the context's says.
  wake_.WaitUntil(Clock::Steady::now() + (until - clock_.Now()), {});
  HG_RETURN_IF_ERROR(TakeResults());
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (clock_.Now() - published_at_ >= kTold) Publish();
  return Ok();
}

void BatchSink::Close() {
  writer_.reset();
  batcher_->Close();
  Publish();
}

void BatchSink::Publish() {
  published_at_ = clock_.Now();
  SinkTelemetry t;
  meter_.Tell(t);
  t.published_us = clock_.NowUs();
  t.phase = "delivering";
  t.failures_in_row = failures_;
  t.in_flight = writer_ != nullptr ? writer_->under_way() : 0;
  t.queue_bytes = filling_ != nullptr ? filling_->bytes() : 0;
  telemetry_.Set(std::move(t));
}

}  // namespace headgate
