#include "sinks/webhook/sink.h"

#include <algorithm>
#include <random>

#include "core/pipeline/egress.h"
#include "sinks/webhook/spec.h"

namespace headgate::webhook {
namespace {

constexpr auto kPublishEvery = std::chrono::milliseconds(100);
constexpr auto kPublishIdle = std::chrono::seconds(1);  // says that the thread is alive

Trouble TroubleOf(net::Failure::Kind kind) {
  using Kind = net::Failure::Kind;
  switch (kind) {
    case Kind::kResolve:
      return Trouble::kResolve;
    case Kind::kRefusedByGuard:
      return Trouble::kGuard;
    case Kind::kConnect:
      return Trouble::kConnect;
    case Kind::kTls:
      return Trouble::kTls;
    case Kind::kTimeout:
      return Trouble::kTimeout;
    case Kind::kBroken:
      break;
  }
  return Trouble::kBroken;
}

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read(bound).errors; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  return std::make_unique<WebhookSink>(name, Read(bound), services);
}

// Asks the endpoint for its options: whether it can be reached and its certificate is good, without sending anything.
std::vector<Finding> Preflight(const std::string&, const config::Bound& bound, const SinkServices& services) {
  using Level = Finding::Level;
  const ReadOptions settings = Read(bound);
  if (!settings.errors.empty())
    return {{"settings", Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  auto endpoint = EndpointOf(settings.options, services);
  if (!endpoint.ok()) return {{"endpoint", Level::kError, endpoint.error().what, "", "", "url"}};
  const net::Url& url = settings.options.url;
  const auto probed =
      Probe(*std::move(endpoint), "OPTIONS " + url.target + " HTTP/1.1\r\nHost: " + url.HostHeader() +
                                      "\r\nUser-Agent: Headgate/" HEADGATE_VERSION "\r\nContent-Length: 0\r\n\r\n");
  if (!probed.ok()) return {{"endpoint", Level::kError, probed.error().what, "", "", "url"}};
  const std::optional<net::Outcome>& outcome = *probed;
  if (!outcome)
    return {{"endpoint", Level::kWarning, "no answer from " + url.HostPort() + " within 10 s",
             HintFor("timeout", 0, settings.options), "", "url"}};
  if (const auto* failure = std::get_if<net::Failure>(&*outcome)) {
    const bool guard = failure->kind == net::Failure::Kind::kRefusedByGuard;
    return {{"endpoint", guard ? Level::kError : Level::kWarning, failure->text,
             HintFor(JudgeTrouble(TroubleOf(failure->kind)).error_class, 0, settings.options), "", "url"}};
  }
  return {{"endpoint", Level::kOk, url.HostPort() + " answers", "", "", "url"}};
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(), &Check, &Create, &Preflight};
  return factory;
}

Result<net::EndpointOptions> EndpointOf(const Options& options, const SinkServices& services) {
  net::EndpointOptions endpoint;
  HG_ASSIGN_OR_RETURN(endpoint.guard, GuardOf(services));
  endpoint.url = options.url;
  endpoint.tls = options.tls;
  endpoint.connect_timeout_ms = options.connect_timeout_ms;
  endpoint.timeout_ms = options.timeout_ms;
  endpoint.connections_max = options.parallelism;
  if (options.batch_item_results) endpoint.body_bytes_kept = 64 * 1024;  // single results may name many events
  if (services.clock != nullptr) endpoint.clock = services.clock;
  return endpoint;
}

WebhookSink::WebhookSink(std::string name, ReadOptions settings, const SinkServices& services)
    : name_(std::move(name)),
      options_(std::move(settings.options)),
      clock_(services.clock != nullptr ? *services.clock : SystemClock()) {
  const auto prepare = [&]() -> Status {
    if (!settings.errors.empty()) return ConfigError(settings.errors.front().text);
    HG_ASSIGN_OR_RETURN(auto endpoint, EndpointOf(options_, services));
    HG_ASSIGN_OR_RETURN(auto writer, RequestWriter::Create(options_));
    writer_.emplace(std::move(writer));
    HG_ASSIGN_OR_RETURN(client_, net::HttpClient::Open(std::move(endpoint)));
    return Ok();
  };
  settings_ = prepare();
  SinkTelemetry starting;
  starting.phase = "starting";
  starting.published_us = clock_.NowUs();
  telemetry_.Set(std::move(starting));
}

WebhookSink::~WebhookSink() = default;

Status WebhookSink::Open(SinkContext& context) {
  HG_RETURN_IF_ERROR(settings_);
  Transport& transport = *this;
  delivery_ = std::make_unique<Delivery>(options_, context, *writer_, transport, std::random_device{}());
  Publish(true);
  return Ok();
}

bool WebhookSink::Room() const { return delivery_->Room(); }

Status WebhookSink::Write(const Event& event) {
  changed_ = true;
  return delivery_->Write(event);
}

Status WebhookSink::Retry(const DeadLetter& letter) {
  changed_ = true;
  return delivery_->Retry(letter);
}

void WebhookSink::Hurry(std::span<const std::uint64_t> letters) {
  changed_ = true;
  delivery_->Hurry(letters);
}

Status WebhookSink::Poll(Clock::Steady::time_point deadline) {
  delivery_->Dispatch();
  const auto now = clock_.Now();
  Clock::Steady::time_point wake = std::min(deadline, delivery_->NextWake());
  if (changed_) wake = std::min(wake, std::max(now, published_at_ + kPublishEvery));
  if (!delivery_->state().ok()) wake = now;
  // The client waits on the machine's clock, whatever the context's clock says.
  if (client_->Run(Clock::Steady::now() + (wake - now)) > 0) changed_ = true;
  delivery_->Dispatch();
  Publish(!delivery_->state().ok());
  return delivery_->state();
}

void WebhookSink::Wake() {
  if (client_ != nullptr) client_->Wake();
}

void WebhookSink::Close() {
  if (client_ != nullptr) client_->Close();
  if (delivery_ != nullptr) Publish(true);
}

void WebhookSink::Send(std::string request, Job& job) {
  changed_ = true;
  client_->Send(std::move(request), [this, &job](net::Outcome&& outcome) { Finished(job, std::move(outcome)); });
}

void WebhookSink::Finished(Job& job, net::Outcome&& outcome) {
  if (const auto* response = std::get_if<net::Response>(&outcome)) {
    return delivery_->Answered(job, {response->status, response->retry_after, response->header_lines, response->body});
  }
  const auto& failure = std::get<net::Failure>(outcome);
  delivery_->Unanswered(job, TroubleOf(failure.kind), failure.text);
}

void WebhookSink::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < (changed_ ? Clock::Steady::duration(kPublishEvery) : kPublishIdle)) return;
  telemetry_.Set(delivery_->Telemetry());
  published_at_ = now;
  changed_ = false;
}

}  // namespace headgate::webhook
