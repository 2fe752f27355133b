#include "sinks/kafka/sink.h"

// Records that say that the sink lives and has what the log has of a source, where nothing changes there. They stand
// between two transactions of the log and go in a transaction of Kafka with the progress, which they leave where it is:
// a beat that is given up is not written again.
namespace headgate::kafka::sink {

bool KafkaSink::BeatIsDue(Time now) const {
  return options_.heartbeat_interval.count() > 0 && now >= beat_at_ + options_.heartbeat_interval &&
         !context_->paused();
}

Status KafkaSink::Beat(Time now) {
  beat_at_ = now;
  const std::int64_t now_ms = clock_.NowUs() / 1'000;
  records_.Clear();
  for (const std::string& source : context_->databases())
    HG_RETURN_IF_ERROR(encoder_->Heartbeat(options_.heartbeat_prefix, source, now_ms, records_));
  if (filling_->empty()) filling_since_ = now;
  for (const codec::Record& record : records_) filling_->Add(record, "", "", now_ms, At{});
  return Ok();
}

}  // namespace headgate::kafka::sink
