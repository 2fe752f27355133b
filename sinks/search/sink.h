#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/gzip.h"
#include "core/net/http_client.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/trace.h"
#include "sinks/search/delivery.h"
#include "sinks/search/options.h"

namespace headgate::search {

// Keeps documents of a search server equal to streams. Wires Delivery, which has the rules, to the HTTP clients and the
// deliver loop. One URL is in use at a time; when it fails the next is.
class SearchSink final : public Sink {
 public:
  // What is wrong with the settings is said by Open, so that Wake may be called at any time.
  SearchSink(std::string name, ReadOptions settings, const SinkServices& services);
  ~SearchSink() override;

  Status Open(SinkContext& context) override;
  bool Room() const override { return delivery_->Room(); }
  Status Write(const Event& event) override { return delivery_->Write(event); }
  Status Retry(const DeadLetter& letter) override { return delivery_->Retry(letter); }
  void Hurry(std::span<const std::uint64_t>) override { delivery_->Hurry(); }
  Status Poll(Clock::Steady::time_point deadline) override;
  void Wake() override;
  void Close() override;
  Rebuilder* rebuilder() override { return delivery_->rebuilder(); }
  std::shared_ptr<const SinkTelemetry> telemetry() const override { return telemetry_.Get(); }

 private:
  void SendNext();
  void Finished(std::uint64_t number, net::Outcome&& outcome);
  void TraceCall(const Call& call, std::string_view text);
  void TraceOutcome(std::uint64_t number, const net::Outcome& outcome);
  void Publish();

  const Options options_;
  const Identity identity_;
  const Clock& clock_;
  Status settings_;                                        // what Open answers
  std::vector<std::unique_ptr<net::HttpClient>> clients_;  // one a URL; set in the constructor or never
  std::size_t client_ = 0;                                 // the one in use
  bool turn_ = false;                                      // to the next one, once nothing is under way
  net::Gzip gzip_;
  SinkContext* context_ = nullptr;  // from Open on, as the next
  std::unique_ptr<Delivery> delivery_;
  std::map<std::uint64_t, TracedDelivery> traced_;  // under way, by number
  Clock::Steady::time_point published_at_{};
  Published<SinkTelemetry> telemetry_;
};

// A request as it goes on the wire to one of the options' URLs.
std::string RequestText(const Options& options, const net::Url& url, const Call& call, net::Gzip& gzip);
// The settings of its HTTP client; kConfig if what the service lends is malformed.
Result<net::EndpointOptions> EndpointOf(const Options& options, const net::Url& url, const SinkServices& services);

}  // namespace headgate::search
