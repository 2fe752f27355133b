#include "sinks/kafka/letter.h"
#include "sinks/kafka/sink.h"

// What is told of batches while somebody looks (admin API, AP22).
namespace headgate::kafka::sink {
namespace {

constexpr std::size_t kIdsTold = 20;
constexpr std::size_t kTextTold = 4 << 10;

}  // namespace

bool KafkaSink::IsTraced() const {
  DeliveryTrace* const trace = context_->trace();
  return trace != nullptr && trace->until_us() != 0 && trace->on(clock_.NowUs());
}

// The event is in filling_.
void KafkaSink::Look(const Event& event) {
  const DeadLetter copy = LetterOf(event);
  wanted_ = wanted_ || context_->trace()->Wants(copy.record);
  if (looked_at_ == nullptr) looked_at_ = std::make_shared<TracedDelivery>();
  ++looked_at_->events;
  if (looked_at_->event_ids.size() < kIdsTold) looked_at_->event_ids.push_back(copy.event_id);
}

void KafkaSink::TraceFiltered(const Event& event) {
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

void KafkaSink::Trace(const Writer::Finished& finished) {
  const WriteJob& job = finished.job;
  TracedDelivery traced = std::move(*job.traced);
  traced.at_us = clock_.NowUs() - static_cast<std::int64_t>(finished.ms * 1000);
  traced.duration_ms = finished.ms;
  traced.request = producer_->place() + "\n";
  if (job.batch != nullptr) {
    traced.request +=
        std::to_string(job.batch->records().size()) + " records, " + std::to_string(job.batch->bytes()) + " bytes\n";
    for (const Batch::Packed& record : job.batch->records()) {
      if (traced.body.size() >= kTextTold) break;
      AppendLine(traced.body, *job.batch, record);
    }
  }
  traced.error = refusal_;
  if (!finished.status.ok()) {
    traced.outcome = Name(finished.status.error().kind);
    traced.error = finished.status.error().what;
  } else if (job.commit) {
    traced.outcome = "delivered";
    traced.response = options_.exactly_once ? "committed, cursor " + std::to_string(job.commit->seq) : "acknowledged";
  } else {
    traced.outcome = "written";
    traced.response = "written, to be committed with the rest of its transaction";
  }
  context_->trace()->Add(std::move(traced));
}

}  // namespace headgate::kafka::sink
