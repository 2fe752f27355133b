#include "sinks/search/sink.h"

#include <algorithm>
#include <thread>

#include "core/pipeline/egress.h"
#include "sinks/search/server.h"
#include "sinks/search/spec.h"

namespace headgate::search {
namespace {

constexpr auto kPublishEvery = std::chrono::milliseconds(200);
constexpr std::size_t kAnswerBytesMax = 16 << 20;
constexpr std::size_t kGzipFrom = 1'000;

// Another node may do better.
bool IsGatewayTrouble(int status) { return status == 502 || status == 503 || status == 504; }

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read(bound).errors; }

bool NeedsKey(const config::Bound& bound) { return Read(bound).options.key_columns.empty(); }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  return std::make_unique<SearchSink>(name, Read(bound), services);
}

// The setting that an answer speaks against.
std::string KeyOf(int status, const Options& options) {
  if (status != 401 && status != 403) return "url";
  if (options.authorization.starts_with("Basic ")) return status == 401 ? "auth_password" : "auth_username";
  return options.authorization.empty() ? "auth" : "auth_token";
}

// Asks a server what it is.
Finding Ask(const ReadOptions& settings, const net::Url& url, const SinkServices& services) {
  using Level = Finding::Level;
  auto endpoint = EndpointOf(settings.options, url, services);
  if (!endpoint.ok()) return {"server", Level::kError, endpoint.error().what, "", "", "url"};
  net::Gzip gzip;
  const auto probed = Probe(*std::move(endpoint), RequestText(settings.options, url, {"GET", "/", "", 0}, gzip));
  if (!probed.ok()) return {"server", Level::kError, probed.error().what, "", "", "url"};
  const std::optional<net::Outcome>& outcome = *probed;
  const std::string at = url.HostPort();
  if (!outcome) return {"server", Level::kWarning, "no answer from " + at + " within 10 s", "", "", "url"};
  if (const auto* failure = std::get_if<net::Failure>(&*outcome)) {
    const bool guard = failure->kind == net::Failure::Kind::kRefusedByGuard;
    const bool tls = failure->kind == net::Failure::Kind::kTls;
    return {"server", guard ? Level::kError : Level::kWarning, failure->text, "", "", tls ? "tls_ca_file" : "url"};
  }
  const auto& response = std::get<net::Response>(*outcome);
  const auto server = ReadServer({response.status, response.body, response.header_lines, {}});
  if (server.ok())
    return UntriedVersion(*server).value_or(Finding{"server", Level::kOk, at + " is " + server->Text(), "", "", "url"});
  const bool config = server.error().kind == ErrorKind::kConfig;
  return {"server", config ? Level::kError : Level::kWarning, at + ": " + server.error().what, "",
          "",       KeyOf(response.status, settings.options)};
}

// All of them at once: a check has 10 s in all.
std::vector<Finding> Preflight(const std::string&, const config::Bound& bound, const SinkServices& services) {
  const ReadOptions settings = Read(bound);
  if (!settings.errors.empty())
    return {{"settings", Finding::Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  const auto& urls = settings.options.urls;
  std::vector<Finding> findings(urls.size());
  std::vector<std::jthread> asking;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    asking.emplace_back([&, i] {
      findings[i] = Ask(settings, urls[i], services);
      if (i > 0) findings[i].id += "_" + std::to_string(i + 1);
    });
  }
  asking.clear();
  return findings;
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(), &Check, &Create,   &Preflight,
                                   nullptr, true,   &NeedsKey, SinkTransforms::kAll};
  return factory;
}

Result<net::EndpointOptions> EndpointOf(const Options& options, const net::Url& url, const SinkServices& services) {
  net::EndpointOptions endpoint;
  HG_ASSIGN_OR_RETURN(endpoint.guard, GuardOf(services));
  endpoint.url = url;
  endpoint.tls = options.tls;
  endpoint.connect_timeout_ms = options.connect_timeout_ms;
  endpoint.timeout_ms = options.timeout_ms;
  endpoint.connections_max = options.parallelism;
  endpoint.body_bytes_max = endpoint.body_bytes_kept = kAnswerBytesMax;
  if (services.clock != nullptr) endpoint.clock = services.clock;
  return endpoint;
}

std::string RequestText(const Options& options, const net::Url& url, const Call& call, net::Gzip& gzip) {
  const bool packed = options.gzip && call.body.size() >= kGzipFrom;
  const std::string_view body = packed ? gzip.Compress(call.body) : std::string_view(call.body);
  std::string text = call.method + " " + url.target + call.path + " HTTP/1.1\r\nHost: " + url.HostHeader() +
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
    for (const net::Url& url : options_.urls) {
      HG_ASSIGN_OR_RETURN(auto endpoint, EndpointOf(options_, url, services));
      HG_ASSIGN_OR_RETURN(auto client, net::HttpClient::Open(std::move(endpoint)));
      clients_.push_back(std::move(client));
    }
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
  context_ = &context;
  delivery_ = std::make_unique<Delivery>(options_, identity_, context);
  Publish();
  return Ok();
}

void SearchSink::SendNext() {
  if (turn_ && clients_[client_]->in_flight() == 0) {
    client_ = (client_ + 1) % clients_.size();
    turn_ = false;
  }
  net::HttpClient& client = *clients_[client_];
  while (!turn_ && client.can_send()) {
    const auto call = delivery_->Next();
    if (!call) return;
    std::string text = RequestText(options_, options_.urls[client_], *call, gzip_);
    TraceCall(*call, text);
    client.Send(std::move(text),
                [this, number = call->number](net::Outcome&& outcome) { Finished(number, std::move(outcome)); });
  }
}

void SearchSink::Finished(std::uint64_t number, net::Outcome&& outcome) {
  TraceOutcome(number, outcome);
  if (const auto* response = std::get_if<net::Response>(&outcome)) {
    if (IsGatewayTrouble(response->status)) turn_ = clients_.size() > 1;
    return delivery_->Answered(number,
                               {response->status, response->body, response->header_lines, response->retry_after});
  }
  turn_ = clients_.size() > 1;
  const auto& failure = std::get<net::Failure>(outcome);
  delivery_->Unanswered(number, net::Name(failure.kind), failure.text);
}

Status SearchSink::Poll(Clock::Steady::time_point deadline) {
  SendNext();
  const auto now = clock_.Now();
  auto wake = std::min({deadline, delivery_->NextWake(), std::max(now, published_at_ + kPublishEvery)});
  if (!delivery_->state().ok()) wake = now;
  // The client waits on the machine's clock, whatever the context's clock says.
  clients_[client_]->Run(Clock::Steady::now() + (wake - now));
  SendNext();
  if (clock_.Now() - published_at_ >= kPublishEvery || !delivery_->state().ok()) Publish();
  return delivery_->state();
}

void SearchSink::Wake() {
  for (const auto& client : clients_) client->Wake();
}

void SearchSink::Close() {
  for (const auto& client : clients_) client->Close();
  if (delivery_ != nullptr) Publish();
}

void SearchSink::Publish() {
  telemetry_.Set(delivery_->Telemetry());
  published_at_ = clock_.Now();
}

}  // namespace headgate::search
