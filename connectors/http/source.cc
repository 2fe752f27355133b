#include "connectors/http/source.h"

#include <utility>

#include "core/state/ingest_keys.h"

namespace headgate::http {
namespace {

using Kind = IntakeAnswer::Kind;

constexpr auto kWait = std::chrono::milliseconds(250);
constexpr auto kPublishInterval = std::chrono::seconds(1);
constexpr std::size_t kBatchBytes = 4 << 20;  // appended in one write, about

IntakeAnswer ByKey(const IntakeRequest& request, const IngestKey& kept) {
  if (request.prepared->fingerprint != kept.fingerprint) return {.kind = Kind::kKeyReused, .text = {}, .faults = {}};
  return {.kind = Kind::kRepeated, .seq = kept.seq, .events = kept.events, .text = {}, .faults = {}};
}

}  // namespace

HttpSource::HttpSource(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  telemetry_.pushed = true;
  telemetry_.phase = "opening";
  Publish(true);
}

Status HttpSource::Open(LogWriter& writer, std::stop_token) {
  writer_ = &writer;
  HG_ASSIGN_OR_RETURN(sql::ColumnList columns, sql::ParseColumns(options_.columns));
  last_ = durable_ = writer.progress().last ? writer.progress().last->a : 0;
  const StreamNo stream = writer.OpenStream("", options_.stream);
  const std::uint32_t version =
      writer.DefineSchema(stream, sql::MakeSchema(columns, options_.stream), last_, clock_.NowUs());
  auto layout = std::make_shared<EventLayout>(std::move(columns), stream, version);
  layout->events_max = options_.events_max;
  layout->event_bytes_max = options_.event_bytes_max;
  layout->reject_unknown = options_.reject_unknown;
  layout_ = layout;
  reader_ = std::make_unique<EventReader>(*layout_);
  intake_->Open([layout](IntakeRequest& request) { EventReader(*layout).Prepare(request); });
  telemetry_.connected = true;
  telemetry_.caught_up = true;
  telemetry_.phase = "open";
  Publish(true);
  return Ok();
}

Status HttpSource::Read(SourceBatch& batch, std::stop_token stop) {
  if (!registered_) {  // so that the stream is there before its first event
    batch.resume = writer_->progress().resume;
    return Ok();
  }
  intake_->Resume();
  auto request = intake_->Take(stop, std::chrono::steady_clock::now() + kWait);
  for (; request != nullptr; request = taken_bytes_ < kBatchBytes ? intake_->TryTake() : nullptr)
    Admit(std::move(request), batch);
  if (!taken_.empty()) {
    batch.numbered = [this](std::span<const Seq> seqs, StoreBatch& also) { Number(seqs, also); };
  }
  Publish(false);
  return stop.stop_requested() ? Stopped() : Ok();
}

void HttpSource::Admit(std::unique_ptr<IntakeRequest> request, SourceBatch& batch) {
  if (!request->prepared) reader_->Prepare(*request);
  if (!request->key.empty() && AnswerByKey(request)) return;
  auto& prepared = *request->prepared;
  if (!prepared.transaction) return request->done(std::move(prepared.refusal));
  Transaction& tx = batch.transactions.emplace_back(*std::move(prepared.transaction));
  tx.info.position = {PositionKind::kIngest, ++last_, 0, 0, {}};
  tx.info.commit_us = clock_.NowUs();
  tx.info.consistent_at = last_;
  tx.info.end = last_;
  taken_bytes_ += tx.bytes();
  if (!request->key.empty()) taken_keys_[request->key] = taken_.size();
  taken_.push_back({std::move(request), tx.changes(), 0, {}});
}

bool HttpSource::AnswerByKey(std::unique_ptr<IntakeRequest>& request) {
  if (const auto ahead = taken_keys_.find(request->key); ahead != taken_keys_.end()) {
    taken_[ahead->second].followers.push_back(std::move(request));
    return true;
  }
  const auto kept = FindIngestKey(writer_->store(), options_.stream, request->key, clock_.NowUs());
  if (kept.ok() && !*kept) return false;
  request->done(kept.ok() ? ByKey(*request, **kept)
                          : IntakeAnswer{.text = "The Idempotency-Key cannot be looked up.", .faults = {}});
  return true;
}

// While the log is locked: the events and their keys are one write.
void HttpSource::Number(std::span<const Seq> seqs, StoreBatch& batch) {
  const std::int64_t now_us = clock_.NowUs();
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    Taken& taken = taken_[i];
    taken.seq = seqs[i];
    const IntakeRequest& request = *taken.request;
    if (!request.key.empty())
      PutIngestKey(batch, options_.stream, request.key, now_us,
                   {request.prepared->fingerprint, taken.seq, taken.events});
  }
}

Status HttpSource::Acknowledge() {
  registered_ = true;
  if (taken_.empty()) return Ok();
  durable_ = last_;
  for (Taken& taken : taken_) {
    const IngestKey kept{taken.request->prepared->fingerprint, taken.seq, taken.events};
    taken.request->done({.kind = Kind::kAppended, .seq = taken.seq, .events = taken.events, .text = {}, .faults = {}});
    for (const auto& follower : taken.followers) follower->done(ByKey(*follower, kept));
  }
  taken_.clear();
  taken_keys_.clear();
  taken_bytes_ = 0;
  if (!telemetry_.findings.empty()) {
    telemetry_.findings.clear();
    Publish(true);
  }
  return Ok();
}

bool HttpSource::GiveUp(const Error& error) {
  const bool told = !telemetry_.findings.empty();
  telemetry_.findings = {{"log", Finding::Level::kError, "The log cannot be written: " + error.what,
                          "Requests are answered with 503 and nothing of them is kept. Give the disk room.", "", ""}};
  if (!told) Publish(true);
  if (taken_.empty()) return false;
  RefuseTaken("Nothing was stored: the log cannot be written.");
  return true;
}

void HttpSource::RefuseTaken(const std::string& text) {
  for (Taken& taken : taken_) {
    taken.request->done({.text = text, .faults = {}});
    for (const auto& follower : taken.followers) follower->done({.text = text, .faults = {}});
  }
  taken_.clear();
  taken_keys_.clear();
  taken_bytes_ = 0;
  last_ = durable_;
}

Status HttpSource::KeepAlive() {
  intake_->Hold(registered_ ? "Source " + options_.name + " is paused."
                            : "Nothing was stored: the log cannot be written.");
  Publish(false);
  return Ok();
}

void HttpSource::Close() {
  const std::string text = "Source " + options_.name + " has stopped.";
  RefuseTaken(text);
  intake_->Close(text);
  telemetry_.connected = telemetry_.caught_up = false;
  telemetry_.phase = "closed";
  Publish(true);
}

void HttpSource::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < kPublishInterval) return;
  published_at_ = now;
  telemetry_.server_position = telemetry_.durable_position = telemetry_.confirmed_position = durable_;
  telemetry_.published_us = clock_.NowUs();
  if (layout_ != nullptr) telemetry_.ignored_fields = layout_->unknown_fields;
  published_.Set(telemetry_);
}

}  // namespace headgate::http
