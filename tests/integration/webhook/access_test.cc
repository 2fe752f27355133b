#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sinks/webhook/sink.h"
#include "tests/support/http_receiver.h"
#include "tests/unit/webhook/settings.h"

// Who may send: access tokens and the consent of the endpoint, against real receivers on sockets.
namespace headgate::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Reply = testing_support::HttpReceiver::Reply;
using Receiver = testing_support::HttpReceiver;

class WebhookAccess : public testing::Test {
 protected:
  void Open(config::FlatConfig settings) {
    settings.emplace("url", endpoint_.url());
    ReadOptions read = ReadSettings(std::move(settings));
    ASSERT_TRUE(read.errors.empty()) << read.errors.front().text;
    SinkServices services;
    services.clock = &SystemClock();
    sink_ = std::make_unique<WebhookSink>("hook", std::move(read), services);
    const Status opened = sink_->Open(context_);
    ASSERT_TRUE(opened.ok()) << opened.error().what;
  }
  config::FlatConfig OAuth() const {
    return {{"auth", "oauth2"},
            {"auth_token_url", tokens_.url("/token")},
            {"auth_client_id", "me"},
            {"auth_client_secret", "secret"}};
  }
  At Write() {
    const Event event = events_.Insert(++id_);
    EXPECT_TRUE(sink_->Write(event).ok());
    return event.at;
  }
  template <class F>
  bool Until(F condition, milliseconds at_most = seconds(20)) {
    const auto end = Clock::Steady::now() + at_most;
    while (Clock::Steady::now() < end) {
      status_ = sink_->Poll(Clock::Steady::now() + milliseconds(50));
      if (condition()) return true;
      if (!status_.ok()) return false;
    }
    return false;
  }
  bool UntilDone(At at) {
    return Until([&] { return context_.done.contains(at); });
  }
  bool HasFinding(const std::string& id) const {
    const auto telemetry = sink_->telemetry();
    return std::ranges::any_of(telemetry->findings, [&](const Finding& f) { return f.id == id; });
  }
  static Reply Json(const std::string& body) { return Reply::Status(200, {}, body); }

  Receiver endpoint_;
  Receiver tokens_;
  SampleEvents events_;
  FakeContext context_{SystemClock()};
  std::int64_t id_ = 0;
  std::unique_ptr<WebhookSink> sink_;
  Status status_;
};

TEST_F(WebhookAccess, W11ATokenIsFetchedOnceAndKept) {
  tokens_.SetHandler([](const Receiver::Request&) { return Json(R"({"access_token":"t1","expires_in":3600})"); });
  Open(OAuth());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(UntilDone(Write())) << status_.error().what;
  EXPECT_EQ(tokens_.request_count(), 1U);
  for (const auto& request : endpoint_.Requests()) EXPECT_EQ(request.Header("Authorization"), "Bearer t1");
}

TEST_F(WebhookAccess, W11A401CausesOneRefreshAndOneRepeat) {
  std::atomic<int> fetched = 0;
  tokens_.SetHandler([&](const Receiver::Request&) {
    return Json(R"({"access_token":"t)" + std::to_string(++fetched) + R"(","expires_in":3600})");
  });
  endpoint_.SetHandler([](const Receiver::Request& request) {
    return Reply::Status(request.Header("Authorization") == "Bearer t1" ? 401 : 200);
  });
  config::FlatConfig settings = OAuth();
  settings.emplace("memory_retry_ms", "0");  // an attempt that fails is the only one for an hour
  settings.emplace("retry_schedule", "1h");
  Open(settings);
  ASSERT_TRUE(UntilDone(Write()));
  ASSERT_EQ(endpoint_.request_count(), 2U);
  const auto requests = endpoint_.Requests();
  EXPECT_EQ(requests[0].Header("webhook-id"), requests[1].Header("webhook-id"));
  EXPECT_EQ(requests[0].body, requests[1].body);
  EXPECT_EQ(fetched, 2);
  EXPECT_EQ(sink_->telemetry()->attempts_failed, 0U) << "it was one attempt";
  // An endpoint that refuses whatever token: an answer like any other, after one repeat.
  endpoint_.SetHandler([](const Receiver::Request&) { return Reply::Status(401); });
  Write();
  ASSERT_TRUE(Until([&] { return sink_->telemetry()->attempts_failed == 1; }));
  EXPECT_EQ(endpoint_.request_count(), 4U);
}

TEST_F(WebhookAccess, W11ATokenThatExpiresIsReplacedAndNothingIsLostWhileItCannotBe) {
  std::atomic<bool> down = false;
  tokens_.SetHandler([&](const Receiver::Request&) {
    return down ? Reply::Status(503) : Json(R"({"access_token":"t","expires_in":1})");
  });
  Open(OAuth());
  ASSERT_TRUE(UntilDone(Write()));
  down = true;
  ASSERT_TRUE(Until([&] { return HasFinding("oauth2"); }));
  const At waits = Write();
  EXPECT_FALSE(Until([&] { return context_.done.contains(waits); }, milliseconds(300)));
  EXPECT_EQ(sink_->telemetry()->attempts_failed, 0U) << "no attempt of the event";
  down = false;
  EXPECT_TRUE(UntilDone(waits));
}

TEST_F(WebhookAccess, W11AClientThatIsRefusedIsAConfigurationErrorWithoutItsSecret) {
  tokens_.SetHandler([](const Receiver::Request&) { return Reply::Status(401, {}, R"({"error":"invalid_client"})"); });
  Open(OAuth());
  Write();
  EXPECT_FALSE(Until([] { return false; }));
  EXPECT_EQ(status_.error().kind, ErrorKind::kConfig);
  EXPECT_NE(status_.error().what.find("auth_client_id"), std::string::npos);
  EXPECT_EQ(status_.error().what.find("secret\""), std::string::npos);
  EXPECT_EQ(endpoint_.request_count(), 0U);
}

TEST_F(WebhookAccess, S3_3NothingIsSentBeforeTheEndpointConsents) {
  std::atomic<bool> consents = false;
  endpoint_.SetHandler([&](const Receiver::Request& request) {
    if (request.method != "OPTIONS") return Reply::Status(200);
    if (!consents) return Reply::Status(200);
    return Reply::Status(405, {{"WebHook-Allowed-Origin", "*"}});
  });
  Open({{"handshake", "required"}, {"ce_origin", "events.example.com"}});
  const At at = Write();
  ASSERT_TRUE(Until([&] { return HasFinding("consent"); }));
  EXPECT_FALSE(Until([&] { return context_.done.contains(at); }, milliseconds(300)));
  EXPECT_EQ(endpoint_.request_count(), 1U);
  consents = true;
  sink_->Close();
  Open({{"handshake", "required"}, {"ce_origin", "events.example.com"}});  // asked again at a restart
  ASSERT_TRUE(UntilDone(Write()));
  const auto last = endpoint_.Requests().back();
  EXPECT_EQ(last.method, "POST");
  EXPECT_EQ(last.Header("WebHook-Request-Origin"), "events.example.com");
  EXPECT_TRUE(Until([&] { return !HasFinding("consent"); }));
}

TEST_F(WebhookAccess, S3_3OptionalWithoutConsentSendsSlowlyAndSaysWhy) {
  Open({{"handshake", "optional"}});
  ASSERT_TRUE(UntilDone(Write())) << "the first of ten a minute";
  EXPECT_TRUE(HasFinding("consent"));
  const At second = Write();
  EXPECT_FALSE(Until([&] { return context_.done.contains(second); }, milliseconds(500)));
}

}  // namespace
}  // namespace headgate::webhook
