#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/http/event_reader.h"
#include "connectors/http/options.h"
#include "core/pipeline/source.h"

namespace headgate::http {

// A stream of events that clients post. Each request is one transaction; all requests that wait are appended in one
// synced write. Their position is a sequence number of the source's own, which counts transactions from 1.
class HttpSource final : public Source {
 public:
  HttpSource(Options options, const Clock& clock);

  Status Open(LogWriter& writer, std::stop_token stop) override;
  Status Read(SourceBatch& batch, std::stop_token stop) override;
  Status Acknowledge() override;
  bool GiveUp(const Error& error) override;
  Status KeepAlive() override;
  void Close() override;
  std::shared_ptr<const SourceTelemetry> telemetry() const override { return published_.Get(); }
  std::shared_ptr<Intake> intake() const override { return intake_; }

 private:
  // A request whose events are in the batch.
  struct Taken {
    std::unique_ptr<IntakeRequest> request;
    std::uint64_t events = 0;
    Seq seq = 0;                                            // once it is known
    std::vector<std::unique_ptr<IntakeRequest>> followers;  // that came with its key meanwhile
  };

  void Admit(std::unique_ptr<IntakeRequest> request, SourceBatch& batch);
  // True if the request's key has an answer, or will have one with a request of the batch: it is seen to.
  bool AnswerByKey(std::unique_ptr<IntakeRequest>& request);
  void Number(std::span<const Seq> seqs, StoreBatch& batch);
  void RefuseTaken(const std::string& text);
  void Publish(bool at_once);

  const Options options_;
  const Clock& clock_;
  const std::shared_ptr<Intake> intake_ = std::make_shared<Intake>();
  LogWriter* writer_ = nullptr;  // until Close
  std::shared_ptr<const EventLayout> layout_;
  std::unique_ptr<EventReader> reader_;
  bool registered_ = false;    // stream and schema are durable
  std::uint64_t durable_ = 0;  // position of the last event that is
  std::uint64_t last_ = 0;     // position given out last
  std::vector<Taken> taken_;
  std::unordered_map<std::string, std::size_t> taken_keys_;  // place in taken_
  std::size_t taken_bytes_ = 0;

  SourceTelemetry telemetry_;
  Published<SourceTelemetry> published_;
  std::chrono::steady_clock::time_point published_at_;
};

}  // namespace headgate::http
