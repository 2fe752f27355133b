#include "sinks/kafka/sink.h"

#include <algorithm>

#include "core/pipeline/egress.h"
#include "core/pipeline/event_context.h"
#include "sinks/kafka/spec.h"

namespace headgate::kafka::sink {
namespace {

constexpr auto kTold = std::chrono::milliseconds(200);
// An open transaction keeps readers of the topics from what other producers have committed since.
constexpr auto kOpenWhilePaused = std::chrono::seconds(10);
// How long the progress topic may stay behind where nothing is for this sink.
constexpr auto kCursorEvery = std::chrono::seconds(10);

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read("", bound).errors; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  return std::make_unique<KafkaSink>(Read(name, bound), services);
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(), &Check, &Create, &Preflight, nullptr, true, nullptr, SinkTransforms::kAll};
  return factory;
}

KafkaSink::KafkaSink(ReadOptions settings, const SinkServices& services)
    : options_(std::move(settings.options)),
      log_id_(services.log_id),
      clock_(services.clock != nullptr ? *services.clock : SystemClock()),
      settings_(settings.errors.empty() ? Ok() : Status(ConfigError(settings.errors.front().text))),
      guard_(GuardOf(services)),
      router_(options_),
      native_(options_.records.native) {
  SinkTelemetry starting;
  starting.phase = "starting";
  starting.published_us = clock_.NowUs();
  telemetry_.Set(std::move(starting));
}

KafkaSink::~KafkaSink() = default;

std::optional<At> KafkaSink::cursor() const {
  return options_.exactly_once ? std::optional(At{kept_.seq, 0}) : std::nullopt;
}

Status KafkaSink::Open(SinkContext& context) {
  HG_RETURN_IF_ERROR(settings_);
  context_ = &context;
  codec::RecordOptions records = options_.records;
  if (options_.registry) {
    if (!guard_.ok()) return guard_.error();
    schema_registry::Options registry = *options_.registry;
    registry.guard = *guard_;
    HG_ASSIGN_OR_RETURN(registry_, schema_registry::Client::Open(std::move(registry)));
    records.schemas = registry_.get();
  }
  HG_ASSIGN_OR_RETURN(encoder_, codec::MakeRecordEncoder(std::move(records)));
  HG_ASSIGN_OR_RETURN(producer_, Producer::Open(options_));
  kept_ = {log_id_, context.stand().at.seq, "", 0};
  if (options_.exactly_once) {
    HG_ASSIGN_OR_RETURN(kept_, producer_->TakeOver(log_id_, context.stand()));
    // It went before a crash could be told of.
    if (kept_.letter != 0 && context.HoldsLetter(kept_.letter)) context.LetterDelivered(kept_.letter);
  }
  asked_ = kept_.seq;
  committed_at_ = clock_.Now();
  filling_ = std::make_unique<Batch>();
  writer_ = std::make_unique<Writer>(*producer_, [this] { wake_.Raise(); });
  Publish();
  return Ok();
}

bool KafkaSink::IsFull() const {
  return filling_->records().size() >= options_.batch_records_max || filling_->bytes() >= options_.batch_bytes_max;
}

void KafkaSink::Filtered(const Event& event) {
  if (!options_.exactly_once) context_->Done(event.at, Outcome::kFiltered);
  if (IsMarker(event.change->op)) return;
  ++filtered_;
  ++meter_.filtered;
  if (IsTraced()) TraceFiltered(event);
}

// What topics have of the stream itself, beside its rows, is for formats with a place for it.
bool KafkaSink::IsWanted(const Event& event) const {
  const Op op = event.change->op;
  if (op == Op::kSnapshot || op == Op::kGap) return false;
  return options_.records.format == codec::RecordFormat::kDebezium || (op != Op::kSchema && op != Op::kMessage);
}

Status KafkaSink::Write(const Event& event) {
  if (event.at.seq != filling_seq_) {
    if (IsFull()) HG_RETURN_IF_ERROR(Flush(filling_seq_ + 1));
    if (!retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(std::max(asked_, filling_seq_ + 1)));
    filling_seq_ = event.at.seq;
  }
  if (!IsWanted(event)) {
    Filtered(event);
    return Ok();
  }
  HG_RETURN_IF_ERROR(Take(event));
  // A transaction that is larger than a batch goes in parts, and is committed as one.
  const bool large =
      filling_->records().size() >= 2 * options_.batch_records_max || filling_->bytes() >= 2 * options_.batch_bytes_max;
  return large ? Flush({}) : Ok();
}

Status KafkaSink::Render(const Event& event) {
  records_.Clear();
  const auto topic = router_.TopicOf(event);
  const bool has_its_own = event.schema != nullptr && options_.records.outbox.Has(*event.schema);
  if (!topic.ok() && !has_its_own) return topic.error();
  return encoder_->Encode(ContextOf(event), topic.ok() ? *topic : std::string_view(), records_);
}

Status KafkaSink::Take(const Event& event) {
  if (IsBehindLetters(event)) return Park(event);
  if (Status made = Render(event); !made.ok()) {
    if (made.error().kind != ErrorKind::kRejected) return made;
    return Refuse(event, made.error().what, "");
  }
  if (records_.empty()) {
    Filtered(event);
    return Ok();
  }
  if (filling_->empty()) filling_since_ = clock_.Now();
  id_.clear();
  AppendEventId(id_, event.source->id, event.tx->epoch, event.tx->position, event.change->ordinal);
  for (const codec::Record& record : records_)
    filling_->Add(record, options_.id_header, id_, event.tx->commit_us / 1'000, event.at);
  last_commit_us_ = event.tx->commit_us;
  if (IsTraced()) Look(event);
  if (IsState(event.at)) {
    states_.push_back(event.at);
    state_letters_[event.at] = LetterOf(event);
  } else {
    ++taken_;
    if (!options_.exactly_once) ats_.push_back(event.at);
  }
  return Ok();
}

Status KafkaSink::Flush(std::optional<Seq> commit) {
  HG_RETURN_IF_ERROR(context_->SyncLetters());
  WriteJob job;
  if (!filling_->empty()) {
    job.batch = std::move(filling_);
    filling_ = std::make_unique<Batch>();
    if (std::exchange(wanted_, false)) job.traced = std::move(looked_at_);
    looked_at_ = nullptr;
  }
  split_ = !commit;
  if (commit) {
    job.commit = Progress{log_id_, *commit, context_->states(), 0};
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
std::optional<Seq> KafkaSink::WholeBefore() const {
  const At known = context_->handed_over();
  return known.ordinal != 0 || context_->inside_states() ? std::nullopt : std::optional(known.seq);
}

Status KafkaSink::CommitWhatIsWhole(Time now) {
  const auto whole = WholeBefore();
  if (whole && writer_->under_way() == 0 && BeatIsDue(now)) HG_RETURN_IF_ERROR(Beat(now));
  const bool news = split_ || !filling_->empty();
  if (!whole || writer_->under_way() > 0 || (*whole <= asked_ && !news)) return Ok();
  const bool idle = options_.exactly_once ? now >= committed_at_ + kCursorEvery : !ats_.empty();
  const bool due = news ? IsFull() || split_ || now >= filling_since_ + options_.batch_delay_max : idle;
  return due ? Flush(*whole) : Ok();
}

Status KafkaSink::Finish(Writer::Finished&& finished) {
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
  kept_ = *finished.job.commit;
  committed_at_ = clock_.Now();
  if (options_.exactly_once) {
    context_->DoneBefore({kept_.seq, 0}, delivered, finished.job.filtered);
  } else {
    for (const At at : finished.job.ats) {
      if (parked_.erase(at) == 0) context_->Done(at, Outcome::kDelivered);
    }
  }
  for (const At at : finished.job.states) {
    if (state_letters_.erase(at) > 0) context_->Done(at, Outcome::kDelivered);
  }
  return Ok();
}

Status KafkaSink::Settle() {
  while (writer_->under_way() > 0) {
    writer_->WaitForNews();
    HG_RETURN_IF_ERROR(TakeResults());
  }
  return TakeResults();
}

Status KafkaSink::TakeResults() {
  while (auto finished = writer_->Pop()) {
    if (Status status = Finish(*std::move(finished)); !status.ok()) {
      Publish();
      return status;
    }
  }
  if (const auto refused = writer_->PopQuestion()) {
    refusal_ = std::to_string(refused->size()) + " of its records were refused: " + refused->front().what;
    HG_RETURN_IF_ERROR(StoreRefused(*refused));
    writer_->Answer(Ok());
  }
  return Ok();
}

Status KafkaSink::Poll(Time deadline) {
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (split_ && context_->paused() && writer_->under_way() == 0 && clock_.Now() - pushed_at_ >= kOpenWhilePaused)
    return Transient("paused in the middle of a transaction, which is given up and written again from its start");
  if (const auto whole = WholeBefore(); whole && !retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(*whole));
  Time until = std::min(deadline, published_at_ + kTold);
  // Of a transaction that is not whole, as of a sink that is paused in the middle of one, nothing is due.
  if (!filling_->empty() && writer_->under_way() == 0 && WholeBefore())
    until = std::min(until, filling_since_ + options_.batch_delay_max);
  if (options_.heartbeat_interval.count() > 0) until = std::min(until, beat_at_ + options_.heartbeat_interval);
  // On the machine's clock, whatever the context's says.
  wake_.WaitUntil(Clock::Steady::now() + (until - clock_.Now()), {});
  HG_RETURN_IF_ERROR(TakeResults());
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (clock_.Now() - published_at_ >= kTold) Publish();
  return Ok();
}

void KafkaSink::Close() {
  writer_.reset();
  producer_.reset();
  encoder_.reset();
  registry_.reset();
  Publish();
}

void KafkaSink::Publish() {
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

}  // namespace headgate::kafka::sink
