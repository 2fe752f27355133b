#include "sinks/webhook/sink.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "core/net/signature.h"
#include "tests/support/http_receiver.h"
#include "tests/unit/webhook/settings.h"

// The whole sink against a real receiver on a socket, with real time; the deliver loop is a small one in memory.
namespace headgate::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::HttpReceiver;
using Request = HttpReceiver::Request;
using Reply = HttpReceiver::Reply;

constexpr const char* kSecret1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kSecret2 = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

class WebhookSinkTest : public testing::Test {
 protected:
  void Start(config::FlatConfig settings, SinkServices services = {}) {
    settings.emplace("url", receiver_->url());
    ReadOptions read = ReadSettings(std::move(settings));
    ASSERT_TRUE(read.errors.empty()) << read.errors.front().text;
    services.clock = &SystemClock();
    sink_ = std::make_unique<WebhookSink>("hook", std::move(read), services);
    opened_ = sink_->Open(context_);
  }
  At Write(const Event& event) {
    const Status status = sink_->Write(event);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return event.at;
  }
  // Drives the sink until the condition holds; false if it takes too long or the sink ended (see status_).
  template <class F>
  bool Until(F condition, milliseconds at_most = seconds(30)) {
    const auto end = Clock::Steady::now() + at_most;
    while (Clock::Steady::now() < end) {
      status_ = sink_->Poll(Clock::Steady::now() + milliseconds(100));
      if (condition()) return true;
      if (!status_.ok()) return false;
      RetryDueLetters();
    }
    return false;
  }
  bool UntilDone(At at) {
    return Until([&] { return context_.done.contains(at); });
  }
  // As the deliver loop does: the first letter of each lane, when it is due.
  void RetryDueLetters() {
    const auto now = SystemClock().NowUs();
    DeadLetter* letter = context_.FirstLetter([now](const DeadLetter& candidate) {
      using State = DeadLetter::State;
      return candidate.state != State::kDead && candidate.state != State::kRetrying && candidate.next_try_us <= now;
    });
    if (letter == nullptr) return;
    letter->state = DeadLetter::State::kRetrying;
    ASSERT_TRUE(sink_->Retry(DeadLetter(*letter)).ok());
  }
  std::shared_ptr<const SinkTelemetry> Telemetry() {
    Until([] { return false; }, milliseconds(150));
    return sink_->telemetry();
  }
  // Answers the n-th request (from 0) with the n-th reply, later ones with 200.
  void Script(std::vector<Reply> replies) {
    auto next = std::make_shared<std::atomic<std::size_t>>(0);
    receiver_->SetHandler([replies, next](const Request&) {
      const std::size_t i = (*next)++;
      return i < replies.size() ? replies[i] : Reply::Status(200);
    });
  }

  std::unique_ptr<HttpReceiver> receiver_ = std::make_unique<HttpReceiver>();
  FakeContext context_{SystemClock()};
  SampleEvents events_;
  std::unique_ptr<WebhookSink> sink_;
  Status opened_;
  Status status_;
};

TEST_F(WebhookSinkTest, W13AnEventArrivesWithItsIdItsBodyAndAKeptConnection) {
  Start({{"header.X-Team", "blue"}});
  ASSERT_TRUE(opened_.ok());
  for (int id = 1; id <= 20; ++id) ASSERT_TRUE(UntilDone(Write(events_.Insert(id))));
  const auto requests = receiver_->Requests();
  ASSERT_EQ(requests.size(), 20U);
  EXPECT_EQ(receiver_->connection_count(), 1);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/hook");
  EXPECT_EQ(requests[0].Header("webhook-id"), "shop:0-00000000016e9f01:1");
  EXPECT_EQ(requests[0].Header("Content-Type"), "application/json");
  EXPECT_EQ(requests[0].Header("X-Team"), "blue");
  EXPECT_EQ(requests[0].Header("User-Agent"), "Headgate/" HEADGATE_VERSION);
  EXPECT_FALSE(requests[0].Header("webhook-signature").has_value());
  EXPECT_EQ(nlohmann::json::parse(requests[0].body)["after"]["status"], "open");
}

TEST_F(WebhookSinkTest, W12BothSecretsOfARotationVerifyAtTheReceiver) {
  Start({{"signing_secrets", std::string(kSecret1) + "," + kSecret2}, {"envelope", "standard"}});
  ASSERT_TRUE(UntilDone(Write(events_.Insert(1, "Zoë € 😀"))));
  const Request request = receiver_->Requests().front();
  const std::int64_t timestamp = std::stoll(*request.Header("webhook-timestamp"));
  EXPECT_NEAR(static_cast<double>(timestamp), static_cast<double>(SystemClock().NowUs()) / 1e6, 5);
  for (const char* secret : {kSecret1, kSecret2}) {
    auto signer = net::Signer::FromStandardSecret(secret);
    ASSERT_TRUE(signer.ok());
    EXPECT_TRUE(net::VerifySignature(*signer, *request.Header("webhook-signature"), *request.Header("webhook-id"),
                                     timestamp, request.body));
    EXPECT_FALSE(net::VerifySignature(*signer, *request.Header("webhook-signature"), *request.Header("webhook-id"),
                                      timestamp, request.body + " "));
  }
  EXPECT_EQ(nlohmann::json::parse(request.body)["type"], "orders.created");
}

TEST_F(WebhookSinkTest, W4EveryKindOfFailureIsFollowedByDeliveryOfTheSameBytes) {
  struct Row {
    const char* name;
    Reply reply;
    const char* counted_as;
  };
  Reply slow = Reply::Status(200);
  slow.delay = seconds(20);
  Reply endless = Reply::Status(500, {}, "x");
  endless.endless = true;
  Reply half = Reply::Raw("HTTP/1.1 200 OK\r\nContent-Le");
  half.reset_after = true;
  const Row rows[] = {
      {"500", Reply::Status(500), "status_5xx"},
      {"503", Reply::Status(503), "status_5xx"},
      {"301", Reply::Status(301, {{"Location", "http://127.0.0.1:1/"}}), "status_4xx"},
      {"400", Reply::Status(400), "status_4xx"},
      {"401", Reply::Status(401), "status_4xx"},
      {"408", Reply::Status(408), "throttled"},
      {"429", Reply::Status(429, {{"Retry-After", "1"}}), "throttled"},
      {"garbage", Reply::Raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "broken"},
      {"half an answer", half, "broken"},
      {"closed", Reply::Close(), "broken"},
      {"slow", slow, "timeout"},
      {"never", Reply::Never(), "timeout"},
      {"endless body", endless, "status_5xx"},
  };
  for (const Row& row : rows) {
    receiver_ = std::make_unique<HttpReceiver>();
    // The first connection that dies is tried again at once without counting; a failure that lasts is needed.
    Script(std::vector<Reply>(row.reply.kind == Reply::Kind::kClose || row.reply.reset_after ? 2 : 1, row.reply));
    Start({{"timeout_ms", "300"}});
    context_.done.clear();
    const At at = Write(events_.Insert(1));
    ASSERT_TRUE(UntilDone(at)) << row.name;
    const auto requests = receiver_->Requests();
    ASSERT_GE(requests.size(), 2U) << row.name;
    EXPECT_EQ(requests.front().body, requests.back().body) << row.name;
    EXPECT_EQ(requests.front().Header("webhook-id"), requests.back().Header("webhook-id")) << row.name;
    const auto telemetry = Telemetry();
    EXPECT_TRUE(telemetry->retries.contains(row.counted_as)) << row.name;
    EXPECT_EQ(telemetry->delivered, 1U) << row.name;
    sink_->Close();
  }
}

TEST_F(WebhookSinkTest, W4ARefusedConnectionIsRetriedUntilTheReceiverIsThere) {
  const std::uint16_t port = receiver_->port();
  const std::string url = receiver_->url();
  receiver_.reset();
  receiver_ = nullptr;
  ReadOptions read = ReadSettings({{"url", url}, {"breaker_failures", "1000"}});
  SinkServices services;
  services.clock = &SystemClock();
  sink_ = std::make_unique<WebhookSink>("hook", std::move(read), services);
  ASSERT_TRUE(sink_->Open(context_).ok());
  const At at = Write(events_.Insert(1));
  ASSERT_TRUE(Until([&] { return sink_->telemetry()->retries.contains("connect"); }));
  EXPECT_NE(sink_->telemetry()->last_error_hint.find("receiver runs"), std::string::npos);
  HttpReceiver::Options options;
  options.port = port;
  receiver_ = std::make_unique<HttpReceiver>(options);
  EXPECT_TRUE(UntilDone(at));
}

TEST_F(WebhookSinkTest, W4RetryAfterHoldsEveryKey) {
  Script({Reply::Status(429, {{"Retry-After", "2"}})});
  Start({});
  Write(events_.Insert(1));
  ASSERT_TRUE(Until([&] { return receiver_->request_count() == 1 && sink_->telemetry()->attempts_failed == 1; }));
  const At other = Write(events_.Insert(2));
  ASSERT_TRUE(UntilDone(other));
  const auto requests = receiver_->Requests();
  EXPECT_GE(requests[1].arrived - requests[0].arrived, milliseconds(1900)) << "sent while the endpoint asked to wait";
}

TEST_F(WebhookSinkTest, W4A410EndsTheTaskWithAdviceAndARestartGoesOn) {
  Script({Reply::Status(410)});
  Start({});
  const At at = Write(events_.Insert(1));
  EXPECT_FALSE(UntilDone(at));
  ASSERT_FALSE(status_.ok());
  EXPECT_EQ(status_.error().kind, ErrorKind::kConfig);
  EXPECT_NE(status_.error().what.find("restart the connector"), std::string::npos);
  EXPECT_EQ(sink_->telemetry()->phase, "disabled");
  EXPECT_EQ(receiver_->request_count(), 1U);
  sink_->Close();
  events_ = {};
  Start({});
  EXPECT_TRUE(UntilDone(Write(events_.Insert(1))));
}

TEST_F(WebhookSinkTest, W10TheGuardsRefusalIsAConfigurationErrorWithoutARequest) {
  SinkServices services;
  services.own_listeners = {"127.0.0.1:" + std::to_string(receiver_->port())};
  Start({}, services);
  if (opened_.ok()) {
    Write(events_.Insert(1));
    EXPECT_FALSE(Until([] { return false; }, seconds(5)));
    opened_ = status_;
  }
  ASSERT_FALSE(opened_.ok());
  EXPECT_EQ(opened_.error().kind, ErrorKind::kConfig);
  EXPECT_NE(opened_.error().what.find("listener of Headgate"), std::string::npos) << opened_.error().what;
  EXPECT_EQ(receiver_->request_count(), 0U);
}

TEST_F(WebhookSinkTest, W9AnUnknownCertificateIsRefusedAndTheOwnCaAdmitsIt) {
  testing_support::TestAuthority authority;
  HttpReceiver::Options options;
  options.tls = authority.Issue("receiver", {"IP:127.0.0.1"});
  receiver_ = std::make_unique<HttpReceiver>(options);
  Start({});
  Write(events_.Insert(1));
  EXPECT_TRUE(Until([&] { return sink_->telemetry()->retries.contains("tls"); }));
  EXPECT_EQ(receiver_->request_count(), 0U);
  sink_->Close();
  Start({{"tls_ca_file", authority.ca_file()}});
  context_.done.clear();
  EXPECT_TRUE(UntilDone(Write(events_.Insert(2))));
  sink_->Close();
  Start({{"tls_verify", "false"}});
  EXPECT_TRUE(UntilDone(Write(events_.Insert(3))));
  const auto telemetry = Telemetry();
  EXPECT_TRUE(std::any_of(telemetry->findings.begin(), telemetry->findings.end(),
                          [](const Finding& f) { return f.id == "tls_verify"; }));
}

TEST_F(WebhookSinkTest, W3WhatIsStoredIsDeliveredFromTheStoreInOrderOfItsKey) {
  Script({Reply::Status(500), Reply::Status(500)});
  Start({{"memory_retry_ms", "0"}, {"retry_schedule", "200ms,200ms,200ms"}});
  Write(events_.Insert(1));
  Write(events_.Update(1, "paid"));
  Write(events_.Update(1, "sent"));
  ASSERT_TRUE(Until([&] { return context_.stored.size() == 3 && context_.letters.empty(); }));
  std::vector<std::string> statuses;
  for (const Request& request : receiver_->Requests())
    statuses.push_back(nlohmann::json::parse(request.body)["after"]["status"]);
  EXPECT_EQ(statuses, (std::vector<std::string>{"open", "open", "open", "paid", "sent"}));
}

TEST_F(WebhookSinkTest, W7A413IsSplitUntilItFits) {
  receiver_->SetHandler(
      [](const Request& request) { return Reply::Status(nlohmann::json::parse(request.body).size() > 2 ? 413 : 200); });
  Start({{"batch_events_max", "8"}, {"batch_delay_ms_max", "10"}});
  for (int id = 1; id <= 8; ++id) Write(events_.Insert(id));
  ASSERT_TRUE(Until([&] { return context_.done.size() == 8; }));
  EXPECT_EQ(receiver_->request_count(), 7U);
  EXPECT_EQ(receiver_->Requests()[0].Header("webhook-id")->substr(0, 6), "batch:");
}

TEST_F(WebhookSinkTest, W7SingleResultsAreReadFromTheAnswer) {
  auto first = std::make_shared<std::atomic<bool>>(true);
  receiver_->SetHandler([first](const Request& request) {
    if (!first->exchange(false)) return Reply::Status(200);
    const auto json = nlohmann::json::parse(request.body);
    return Reply::Status(200, {}, R"({"failures":[{"id":)" + json[1]["id"].dump() + R"(,"retry":true}]})");
  });
  Start({{"batch_events_max", "4"}, {"batch_item_results", "true"}});
  std::vector<At> at;
  for (int id = 1; id <= 4; ++id) at.push_back(Write(events_.Insert(id)));
  ASSERT_TRUE(Until([&] { return context_.done.size() == 4; }));
  const auto requests = receiver_->Requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(requests[1].body).size(), 1U);
}

TEST_F(WebhookSinkTest, W6TheBreakerOpensWhileTheReceiverFailsAndClosesWhenItIsBack) {
  auto healthy = std::make_shared<std::atomic<bool>>(false);
  receiver_->SetHandler([healthy](const Request&) { return Reply::Status(*healthy ? 200 : 503); });
  Start({{"breaker_failures", "5"}, {"breaker_open_ms_max", "500"}});
  for (int id = 1; id <= 50; ++id) Write(events_.Insert(id));
  ASSERT_TRUE(Until([&] { return sink_->telemetry()->breaker_open; }));
  EXPECT_GT(sink_->telemetry()->next_probe_us, 0);
  const std::uint64_t sent = receiver_->request_count();
  Until([] { return false; }, milliseconds(1200));
  EXPECT_LE(receiver_->request_count(), sent + 3 + 8) << "more than probes went out";
  *healthy = true;
  EXPECT_TRUE(Until([&] { return context_.done.size() == 50; }));
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(WebhookSinkTest, W2PerKeyOrderHoldsInParallelUnderRandomFailures) {
  auto random = std::make_shared<std::mt19937>(1);  // the receiver's thread alone uses it
  receiver_->SetHandler([random](const Request&) {
    const auto pick = (*random)() % 20;
    Reply reply = pick == 0 ? Reply::Status(500) : pick == 1 ? Reply::Close() : Reply::Status(200);
    reply.delay = milliseconds((*random)() % 3);
    return reply;
  });
  Start({{"parallelism", "8"},
         {"memory_retry_ms", "20"},
         {"retry_schedule", "10ms,10ms,10ms,10ms,10ms,10ms,10ms,10ms,10ms,10ms"},
         {"breaker_failures", "1000"}});
  std::mt19937 keys(2);
  for (int i = 0; i < 1500; ++i) Write(events_.Insert(static_cast<int>(keys() % 20), std::to_string(i)));
  ASSERT_TRUE(Until([&] { return context_.done.size() + context_.stored.size() == 1500 && context_.letters.empty(); },
                    seconds(60)));
  std::map<std::string, int> last;
  std::set<int> seen;
  for (const Request& request : receiver_->Requests()) {
    const auto json = nlohmann::json::parse(request.body);
    const int number = std::stoi(json["after"]["status"].get<std::string>());
    seen.insert(number);
    int& before = last.try_emplace(json["key"].dump(), -1).first->second;
    EXPECT_GE(number, before) << "an event of key " << json["key"] << " was sent after a later one";
    before = std::max(before, number);
  }
  EXPECT_EQ(seen.size(), 1500U);
}

TEST_F(WebhookSinkTest, AfterCloseNothingIsCalledBack) {
  Script(std::vector<Reply>(8, Reply::Never()));
  Start({});
  for (int id = 1; id <= 4; ++id) Write(events_.Insert(id));
  ASSERT_TRUE(Until([&] { return receiver_->request_count() >= 1; }));
  sink_->Close();
  sink_->Wake();
  EXPECT_TRUE(context_.done.empty());
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(WebhookSinkTest, ThePreflightReachesTheEndpointWithoutSendingAnEvent) {
  config::FlatConfig settings = {
      {"connector.class", "webhook"}, {"name", "hook"}, {"topics", "a"}, {"url", receiver_->url()}};
  const auto bound = config::Bind(Spec(), settings, nullptr);
  auto findings = Factory().preflight("hook", bound.bound, {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].level, Finding::Level::kOk);
  ASSERT_EQ(receiver_->request_count(), 1U);
  EXPECT_EQ(receiver_->Requests()[0].method, "OPTIONS");
  receiver_.reset();
  findings = Factory().preflight("hook", bound.bound, {});
  EXPECT_EQ(findings[0].level, Finding::Level::kWarning);
  EXPECT_FALSE(findings[0].hint.empty());
}

}  // namespace
}  // namespace headgate::webhook
