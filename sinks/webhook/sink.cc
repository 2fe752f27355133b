#include "sinks/webhook/sink.h"

#include <algorithm>
#include <random>

#include "core/pipeline/egress.h"
#include "sinks/webhook/spec.h"
#include "sinks/webhook/test_event.h"

namespace headgate::webhook {
namespace {

constexpr auto kPublishEvery = std::chrono::milliseconds(100);
constexpr auto kTurn = std::chrono::milliseconds(10);
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

// What the answer to the question of the handshake says (AP23).
Finding ConsentFinding(const Options& options, std::string_view header_lines) {
  if (ReadConsent(header_lines, options.ce_origin).given)
    return {"consent", Finding::Level::kOk, "the endpoint consents to " + options.ce_origin, "", "", "handshake"};
  const bool required = options.handshake == HandshakeMode::kRequired;
  return {"consent",
          required ? Finding::Level::kError : Finding::Level::kWarning,
          "no consent: the endpoint answers without WebHook-Allowed-Origin for " + options.ce_origin,
          "Have the endpoint answer OPTIONS with the header WebHook-Allowed-Origin: " + options.ce_origin + ".",
          "",
          "handshake"};
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
  const bool asks = settings.options.handshake != HandshakeMode::kOff;
  const auto probed = Probe(*std::move(endpoint),
                            asks ? ConsentRequest(settings.options)
                                 : "OPTIONS " + url.target + " HTTP/1.1\r\nHost: " + url.HostHeader() +
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
  std::vector<Finding> findings = {{"endpoint", Level::kOk, url.HostPort() + " answers", "", "", "url"}};
  if (asks) findings.push_back(ConsentFinding(settings.options, std::get<net::Response>(*outcome).header_lines));
  return findings;
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(),   &Check, &Create, &Preflight,
                                   &SendTest, true,   nullptr, SinkTransforms::kColumns};
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
      clock_(services.clock != nullptr ? *services.clock : SystemClock()),
      callback_url_(services.public_url.empty() ? "" : services.public_url + "/api/v1/webhook-consent/"),
      handshake_(options_) {
  const auto prepare = [&]() -> Status {
    if (!settings.errors.empty()) return ConfigError(settings.errors.front().text);
    HG_ASSIGN_OR_RETURN(auto endpoint, EndpointOf(options_, services));
    HG_ASSIGN_OR_RETURN(auto writer, RequestWriter::Create(options_));
    writer_.emplace(std::move(writer));
    if (options_.oauth2) {
      HG_ASSIGN_OR_RETURN(tokens_, TokenSource::Open(*options_.oauth2, endpoint));
    }
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
  if (!callback_url_.empty() && !handshake_.off()) consents_ = context.consents();
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
  TakeConsent();
  if (handshake_.due(clock_.Now())) Ask();
  if (tokens_ != nullptr) tokens_->Need(Clock::Steady::now());
  delivery_->Dispatch();
  const auto now = clock_.Now();
  Clock::Steady::time_point wake = std::min(deadline, handshake_.next());
  if (tokens_ != nullptr) wake = std::min(wake, tokens_->next());
  if (MaySend()) wake = std::min(wake, delivery_->NextWake());
  if (changed_) wake = std::min(wake, std::max(now, published_at_ + kPublishEvery));
  if (!delivery_->state().ok()) wake = now;
  // The clients wait on the machine's clock, whatever the context's clock says.
  Run(Clock::Steady::now() + (wake - now));
  RepeatRefused();
  delivery_->Dispatch();
  const bool refused = tokens_ != nullptr && !tokens_->state().ok();
  Publish(!delivery_->state().ok() || refused);
  return refused ? tokens_->state() : delivery_->state();
}

// Two clients on one thread take turns while both have something to do.
void WebhookSink::Run(Clock::Steady::time_point deadline) {
  if (tokens_ == nullptr || !tokens_->under_way()) {
    if (client_->Run(deadline) > 0) changed_ = true;
    return;
  }
  const bool alone = client_->in_flight() == 0;
  tokens_->Run(alone ? deadline : std::min(deadline, Clock::Steady::now() + kTurn));
  if (client_->Run({}) > 0) changed_ = true;
}

void WebhookSink::Wake() {
  if (client_ != nullptr) client_->Wake();
  if (tokens_ != nullptr) tokens_->Wake();
}

void WebhookSink::Close() {
  if (client_ != nullptr) client_->Close();
  if (tokens_ != nullptr) tokens_->Close();
  if (delivery_ != nullptr) Publish(true);
}

bool WebhookSink::MaySend() const {
  return handshake_.may_send() && (tokens_ == nullptr || tokens_->ready(Clock::Steady::now()));
}

bool WebhookSink::CanSend() const { return MaySend() && client_->can_send(); }

void WebhookSink::Send(std::string request, Job& job) {
  changed_ = true;
  // Behind the request line; signatures cover the body alone.
  if (handshake_.given())
    request.insert(request.find("\r\n") + 2, "WebHook-Request-Origin: " + options_.ce_origin + "\r\n");
  if (tokens_ == nullptr) {
    client_->Send(std::move(request), [this, &job](net::Outcome&& outcome) { Finished(job, std::move(outcome)); });
    return;
  }
  flights_[&job] = {std::move(request), 0, {}, false};
  SendWithToken(job);
}

void WebhookSink::SendWithToken(Job& job) {
  Flight& flight = flights_.at(&job);
  flight.token = tokens_->number();
  std::string request = flight.request;
  request.insert(request.find("\r\n") + 2, "Authorization: Bearer " + tokens_->token() + "\r\n");
  client_->Send(std::move(request), [this, &job](net::Outcome&& outcome) { Finished(job, std::move(outcome)); });
}

void WebhookSink::Finished(Job& job, net::Outcome&& outcome) {
  const auto flight = flights_.find(&job);
  auto* const response = std::get_if<net::Response>(&outcome);
  // One immediate repeat with another token (W11); what is refused again is an answer like any other.
  if (response != nullptr && response->status == 401 && flight != flights_.end() && !flight->second.refused) {
    tokens_->Refused(flight->second.token);
    flight->second.refused = std::move(*response);
    flight->second.waits = true;
    return tokens_->Need(Clock::Steady::now());
  }
  if (flight != flights_.end()) flights_.erase(flight);
  if (response != nullptr) return AnswerOf(job, *response);
  const auto& failure = std::get<net::Failure>(outcome);
  delivery_->Unanswered(job, TroubleOf(failure.kind), failure.text);
}

void WebhookSink::AnswerOf(Job& job, const net::Response& response) {
  delivery_->Answered(job, {response.status, response.retry_after, response.header_lines, response.body});
}

// Those that wait for another token get it, or their first answer stands.
void WebhookSink::RepeatRefused() {
  if (tokens_ == nullptr) return;
  const bool ready = tokens_->ready(Clock::Steady::now());
  if (!ready && (tokens_->under_way() || tokens_->error().empty())) return;
  std::vector<Job*> waiting;
  for (const auto& [job, flight] : flights_) {
    if (flight.waits) waiting.push_back(job);
  }
  for (Job* job : waiting) {
    if (ready && !client_->can_send()) return;
    flights_.at(job).waits = false;
    if (ready) {
      SendWithToken(*job);
      continue;
    }
    const net::Response response = *std::move(flights_.at(job).refused);
    flights_.erase(job);
    AnswerOf(*job, response);
  }
}

void WebhookSink::Ask() {
  if (!client_->can_send()) return;
  handshake_.Asked();
  const std::string callback =
      consents_ == nullptr ? "" : callback_url_ + consents_->TokenFor(ConsentUrl(), clock_.NowUs());
  client_->Send(ConsentRequest(options_, callback), [this](net::Outcome&& outcome) {
    if (const auto* response = std::get_if<net::Response>(&outcome)) {
      handshake_.Answered(ReadConsent(response->header_lines, options_.ce_origin), clock_.Now());
    } else {
      handshake_.Unanswered(std::get<net::Failure>(outcome).text, clock_.Now());
    }
    FollowConsent();
  });
}

std::string WebhookSink::ConsentUrl() const {
  return (options_.url.tls ? "https://" : "http://") + options_.url.HostHeader() + options_.url.target;
}

// What the endpoint granted later, by calling back.
void WebhookSink::TakeConsent() {
  if (consents_ == nullptr) return;
  const auto grant = consents_->Take();
  if (!grant || grant->url != ConsentUrl()) return;
  handshake_.Granted(grant->per_minute, clock_.Now());
  FollowConsent();
}

void WebhookSink::FollowConsent() {
  const double bound = handshake_.rate();
  const double own = options_.request_rate_max;
  delivery_->SetRate(bound == 0 ? own : own == 0 ? bound : std::min(own, bound));
  changed_ = true;
}

void WebhookSink::AddFindings(SinkTelemetry& telemetry) const {
  using Level = Finding::Level;
  if (const std::string problem = handshake_.problem(); !problem.empty()) {
    const bool required = options_.handshake == HandshakeMode::kRequired;
    telemetry.findings.push_back(
        {"consent", required ? Level::kError : Level::kWarning, "no consent: " + problem,
         "Have the endpoint answer OPTIONS with the header WebHook-Allowed-Origin: " + options_.ce_origin +
             (consents_ != nullptr ? ", or call the address that it got as WebHook-Request-Callback" : "") +
             (required ? ". Until then nothing is sent." : ". Until then at most 10 requests a minute are sent."),
         "", "handshake"});
  }
  if (tokens_ != nullptr && !tokens_->error().empty() && !tokens_->ready(Clock::Steady::now())) {
    telemetry.findings.push_back({"oauth2", Level::kError, "there is no access token: " + tokens_->error(),
                                  "Check auth_token_url and what listens there; attempts go on.", "",
                                  "auth_token_url"});
  }
  if (!MaySend() && telemetry.phase == "delivering") telemetry.phase = "waiting";
}

void WebhookSink::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < (changed_ ? Clock::Steady::duration(kPublishEvery) : kPublishIdle)) return;
  SinkTelemetry telemetry = delivery_->Telemetry();
  AddFindings(telemetry);
  telemetry_.Set(std::move(telemetry));
  published_at_ = now;
  changed_ = false;
}

}  // namespace headgate::webhook
