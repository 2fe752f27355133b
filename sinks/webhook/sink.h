#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/net/http_client.h"
#include "core/pipeline/consent_desk.h"
#include "core/pipeline/sink.h"
#include "sinks/webhook/delivery.h"
#include "sinks/webhook/handshake.h"
#include "sinks/webhook/oauth2.h"
#include "sinks/webhook/options.h"

namespace headgate::webhook {

// The settings of the HTTP client; kConfig if what the service lends is malformed.
Result<net::EndpointOptions> EndpointOf(const Options& options, const SinkServices& services);

// Sends changes to one HTTP endpoint. Wires Delivery, which has the rules, to the HTTP client and the deliver loop.
class WebhookSink final : public Sink, private Transport {
 public:
  // What is wrong with the settings is said by Open, so that Wake may be called at any time.
  WebhookSink(std::string name, ReadOptions settings, const SinkServices& services);
  ~WebhookSink() override;

  Status Open(SinkContext& context) override;
  bool Room() const override;
  Status Write(const Event& event) override;
  Status Retry(const DeadLetter& letter) override;
  void Hurry(std::span<const std::uint64_t> letters) override;
  Status Poll(Clock::Steady::time_point deadline) override;
  void Wake() override;
  void Close() override;
  std::shared_ptr<const SinkTelemetry> telemetry() const override { return telemetry_.Get(); }

 private:
  // A request under way that carries a token.
  struct Flight {
    std::string request;  // without it
    std::uint64_t token = 0;
    std::optional<net::Response> refused;  // the 401 that it was sent once more for
    bool waits = false;                    // for another token, before that
  };

  bool MaySend() const;
  bool CanSend() const override;
  void Send(std::string request, Job& job) override;
  void SendWithToken(Job& job);
  void Finished(Job& job, net::Outcome&& outcome);
  void AnswerOf(Job& job, const net::Response& response);
  void RepeatRefused();
  void Ask();
  std::string ConsentUrl() const;
  void TakeConsent();
  void FollowConsent();
  void Run(Clock::Steady::time_point deadline);
  void AddFindings(SinkTelemetry& telemetry) const;
  void Publish(bool at_once);

  const std::string name_;
  const Options options_;
  const Clock& clock_;
  Status settings_;                          // what Open answers
  std::unique_ptr<net::HttpClient> client_;  // set in the constructor or never
  std::optional<RequestWriter> writer_;
  std::unique_ptr<TokenSource> tokens_;  // with auth=oauth2
  std::map<Job*, Flight> flights_;       // with auth=oauth2
  const std::string callback_url_;       // "": nobody can call back
  ConsentDesk* consents_ = nullptr;      // from Open on, if somebody can
  Handshake handshake_;
  std::unique_ptr<Delivery> delivery_;  // from Open on
  bool changed_ = false;                // since the last Publish
  Clock::Steady::time_point published_at_{};
  Published<SinkTelemetry> telemetry_;
};

}  // namespace headgate::webhook
