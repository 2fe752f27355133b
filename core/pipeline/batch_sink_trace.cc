#include "core/pipeline/batch_sink.h"

// What is told of batches while somebody looks (admin API, AP22).
namespace headgate {
namespace {

constexpr std::size_t kIdsTold = 20;

}  // namespace

bool BatchSink::IsTraced() const {
  DeliveryTrace* const trace = context_->trace();
  return trace != nullptr && trace->until_us() != 0 && trace->on(clock_.NowUs());
}

// The event is in filling_.
void BatchSink::Look(const Event& event) {
  const DeadLetter copy = LetterOf(event);
  wanted_ = wanted_ || context_->trace()->Wants(copy.record);
  if (looked_at_ == nullptr) looked_at_ = std::make_shared<TracedDelivery>();
  ++looked_at_->events;
  if (looked_at_->event_ids.size() < kIdsTold) looked_at_->event_ids.push_back(copy.event_id);
}

void BatchSink::TraceFiltered(const Event& event) {
  if (event.stream == nullptr || event.schema == nullptr) return;
  DeadLetter copy = LetterOf(event);
  if (!context_->trace()->Wants(copy.record)) return;
  TracedDelivery traced;
  traced.at_us = clock_.NowUs();
  traced.event_ids = {std::move(copy.event_id)};
  traced.events = 1;
  traced.outcome = "filtered";
  traced.record = std::move(copy.record);
  context_->trace()->Add(std::move(traced));
}

void BatchSink::Trace(const Writer::Finished& finished) {
  const Job& job = finished.job;
  TracedDelivery traced = std::move(*job.traced);
  traced.at_us = clock_.NowUs() - static_cast<std::int64_t>(finished.ms * 1000);
  traced.duration_ms = finished.ms;
  traced.request = batcher_->place() + "\n";
  batcher_->Describe(*job.batch, traced);
  traced.error = refusal_;
  if (!finished.status.ok()) {
    traced.outcome = Name(finished.status.error().kind);
    traced.error = finished.status.error().what;
  } else if (job.commit) {
    traced.outcome = "delivered";
    traced.response = Landed(job.commit->seq);
  } else {
    traced.outcome = "written";
    traced.response = "written, to be committed with the rest of its transaction";
  }
  context_->trace()->Add(std::move(traced));
}

// One that is tried again goes alone.
void BatchSink::TraceLetter(const DeadLetter& letter, const Status& status, bool anew, std::int64_t began_us) {
  if (!context_->trace()->Wants(letter.record)) return;
  TracedDelivery traced;
  traced.at_us = began_us;
  traced.duration_ms = static_cast<double>(clock_.NowUs() - began_us) / 1000;
  traced.event_ids = {letter.event_id};
  traced.events = 1;
  traced.request = batcher_->place() + "\ndead letter " + std::to_string(letter.id) + ", tried again\n";
  traced.body = letter.body.substr(0, Batcher::kTextTold);
  if (status.ok()) {
    traced.outcome = "delivered";
    traced.response = anew ? Landed(kept_.seq) : "nothing to write, the target has it already";
  } else {
    traced.outcome = Name(status.error().kind);
    traced.error = status.error().what;
  }
  context_->trace()->Add(std::move(traced));
}

std::string BatchSink::Landed(Seq seq) const {
  return options_.keeps_cursor ? "committed, cursor " + std::to_string(seq) : "acknowledged";
}

}  // namespace headgate
