#include "sinks/search/sink.h"

#include <algorithm>

#include "core/pipeline/egress.h"
#include "sinks/search/spec.h"

namespace headgate::search {
namespace {

constexpr auto kPublishEvery = std::chrono::milliseconds(200);
constexpr std::size_t kAnswerBytesMax = 16 << 20;
constexpr std::size_t kGzipFrom = 1'000;

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read(bound).errors; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  return std::make_unique<SearchSink>(name, Read(bound), services);
}

// Asks the server what it is.
std::vector<Finding> Preflight(const std::string&, const config::Bound& bound, const SinkServices& services) {
  using Level = Finding::Level;
  const ReadOptions settings = Read(bound);
  if (!settings.errors.empty())
    return {{"settings", Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  auto endpoint = EndpointOf(settings.options, services);
  if (!endpoint.ok()) return {{"server", Level::kError, endpoint.error().what, "", "", "url"}};
  net::Gzip gzip;
  const auto probed = Probe(*std::move(endpoint), RequestText(settings.options, {"GET", "/", ""}, gzip));
  if (!probed.ok()) return {{"server", Level::kError, probed.error().what, "", "", "url"}};
  const std::optional<net::Outcome>& outcome = *probed;
  const std::string server = settings.options.url.HostPort();
  if (!outcome) return {{"server", Level::kWarning, "no answer from " + server + " within 10 s", "", "", "url"}};
  if (const auto* failure = std::get_if<net::Failure>(&*outcome)) {
    const bool guard = failure->kind == net::Failure::Kind::kRefusedByGuard;
    return {{"server", guard ? Level::kError : Level::kWarning, failure->text, "", "", "url"}};
  }
  const int status = std::get<net::Response>(*outcome).status;
  if (status == 401 || status == 403)
    return {{"server", Level::kError, server + " refuses the account: HTTP " + std::to_string(status), "", "", "auth"}};
  if (status != 200 && status != 405)
    return {{"server", Level::kError, server + " does not answer as a search server: HTTP " + std::to_string(status),
             "", "", "url"}};
  return {{"server", Level::kOk, server + " answers", "", "", "url"}};
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
  endpoint.connections_max = 1;
  endpoint.body_bytes_max = endpoint.body_bytes_kept = kAnswerBytesMax;
  if (services.clock != nullptr) endpoint.clock = services.clock;
  return endpoint;
}

std::string RequestText(const Options& options, const Call& call, net::Gzip& gzip) {
  const bool packed = options.gzip && call.body.size() >= kGzipFrom;
  const std::string_view body = packed ? gzip.Compress(call.body) : std::string_view(call.body);
  std::string text = call.method + " " + call.path + " HTTP/1.1\r\nHost: " + options.url.HostHeader() +
                     "\r\nUser-Agent: Headgate/" HEADGATE_VERSION "\r\n";
  if (!options.authorization.empty()) text += "Authorization: " + options.authorization + "\r\n";
  if (!body.empty()) {
    const bool lines = call.path.starts_with("/_bulk");
    text += std::string("Content-Type: ") + (lines ? "application/x-ndjson" : "application/json") + "\r\n";
    if (packed) text += "Content-Encoding: gzip\r\n";
  }
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

SearchSink::SearchSink(std::string name, ReadOptions settings, const SinkServices& services)
    : options_(std::move(settings.options)),
      identity_{services.log_id, std::move(name)},
      clock_(services.clock != nullptr ? *services.clock : SystemClock()) {
  const auto prepare = [&]() -> Status {
    if (!settings.errors.empty()) return ConfigError(settings.errors.front().text);
    HG_ASSIGN_OR_RETURN(auto endpoint, EndpointOf(options_, services));
    HG_ASSIGN_OR_RETURN(client_, net::HttpClient::Open(std::move(endpoint)));
    return Ok();
  };
  settings_ = prepare();
  SinkTelemetry starting;
  starting.phase = "starting";
  starting.published_us = clock_.NowUs();
  telemetry_.Set(std::move(starting));
}

SearchSink::~SearchSink() = default;

Status SearchSink::Open(SinkContext& context) {
  HG_RETURN_IF_ERROR(settings_);
  delivery_ = std::make_unique<Delivery>(options_, identity_, context);
  Publish();
  return Ok();
}

void SearchSink::SendNext() {
  if (!client_->can_send()) return;
  if (const auto call = delivery_->Next())
    client_->Send(RequestText(options_, *call, gzip_),
                  [this](net::Outcome&& outcome) { Finished(std::move(outcome)); });
}

void SearchSink::Finished(net::Outcome&& outcome) {
  if (const auto* response = std::get_if<net::Response>(&outcome))
    return delivery_->Answered(response->status, response->body);
  const auto& failure = std::get<net::Failure>(outcome);
  delivery_->Unanswered(net::Name(failure.kind), failure.text);
}

Status SearchSink::Poll(Clock::Steady::time_point deadline) {
  SendNext();
  const auto now = clock_.Now();
  auto wake = std::min({deadline, delivery_->NextWake(), std::max(now, published_at_ + kPublishEvery)});
  if (!delivery_->state().ok()) wake = now;
  // The client waits on the machine's clock, whatever the context's clock says.
  client_->Run(Clock::Steady::now() + (wake - now));
  SendNext();
  if (clock_.Now() - published_at_ >= kPublishEvery || !delivery_->state().ok()) Publish();
  return delivery_->state();
}

void SearchSink::Wake() {
  if (client_ != nullptr) client_->Wake();
}

void SearchSink::Close() {
  if (client_ != nullptr) client_->Close();
  if (delivery_ != nullptr) Publish();
}

void SearchSink::Publish() {
  telemetry_.Set(delivery_->Telemetry());
  published_at_ = clock_.Now();
}

}  // namespace headgate::search
