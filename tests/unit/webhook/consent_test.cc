// The handshake of CloudEvents (the webhook page of the reference, 3.3) and OAuth2 client credentials (W11): the rules.
#include "sinks/webhook/handshake.h"
#include "sinks/webhook/oauth2.h"
#include "tests/unit/webhook/settings.h"

namespace headgate::webhook {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Time = std::chrono::steady_clock::time_point;

TEST(WebhookHandshake, S3_3ConsentIsTheHeaderAlone) {
  const std::string origin = "events.example.com";
  EXPECT_TRUE(ReadConsent("WebHook-Allowed-Origin: *\r\n", origin).given);
  EXPECT_TRUE(ReadConsent("webhook-allowed-origin:  Events.Example.COM \r\n", origin).given);
  for (const char* no : {"", "WebHook-Allowed-Origin: other.example.com\r\n", "WebHook-Allowed-Origin:\r\n",
                         "WebHook-Allowed-Origin: **\r\n", "Allow: POST\r\n"})
    EXPECT_FALSE(ReadConsent(no, origin).given) << no;
  EXPECT_EQ(ReadConsent("WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: 120\r\n", origin).per_minute, 120);
  for (const char* any : {"*", "0", "-5", "many", "1.5"}) {
    EXPECT_FALSE(ReadConsent("WebHook-Allowed-Rate: " + std::string(any) + "\r\n", origin).per_minute) << any;
  }
}

TEST(WebhookHandshake, S3_3TheQuestionGoesToTheExactUrlWithOriginAndRate) {
  const ReadOptions settings = ReadSettings({{"url", "http://example.com:9000/hook?a=b"},
                                             {"handshake", "required"},
                                             {"ce_origin", "events.example.com"},
                                             {"request_rate_max", "2"}});
  ASSERT_TRUE(settings.errors.empty());
  EXPECT_EQ(ConsentRequest(settings.options),
            "OPTIONS /hook?a=b HTTP/1.1\r\nHost: example.com:9000\r\nUser-Agent: Headgate/" HEADGATE_VERSION
            "\r\nWebHook-Request-Origin: events.example.com\r\nWebHook-Request-Rate: 120\r\nContent-Length: 0\r\n\r\n");
}

TEST(WebhookHandshake, S3_3AnEndpointMayConsentLaterByCallingBack) {
  const ReadOptions settings = ReadSettings({{"handshake", "required"}, {"ce_origin", "me.example"}});
  const std::string callback = "https://hg.example.com/api/v1/webhook-consent/abc";
  EXPECT_NE(ConsentRequest(settings.options, callback).find("\r\nWebHook-Request-Callback: " + callback + "\r\n"),
            std::string::npos);
  EXPECT_EQ(ConsentRequest(settings.options).find("Callback"), std::string::npos);
  Handshake handshake(settings.options);
  const Time start{hours(1)};
  handshake.Asked();
  handshake.Answered({}, start);
  EXPECT_FALSE(handshake.may_send());
  handshake.Granted(60, start + seconds(5));
  EXPECT_TRUE(handshake.may_send());
  EXPECT_EQ(handshake.problem(), "");
  EXPECT_DOUBLE_EQ(handshake.rate(), 1);
  EXPECT_FALSE(handshake.due(start + hours(23)));
  // Asked again a day later it has to be given again.
  EXPECT_TRUE(handshake.due(start + hours(25)));
  handshake.Asked();
  handshake.Answered({}, start + hours(25));
  EXPECT_FALSE(handshake.may_send());
  // One that comes before the answer is not taken away by it.
  for (const bool answered : {true, false}) {
    handshake.Asked();
    handshake.Granted({}, start + hours(26));
    answered ? handshake.Answered({}, start + hours(26)) : handshake.Unanswered("timeout", start + hours(26));
    EXPECT_TRUE(handshake.may_send());
    EXPECT_FALSE(handshake.due(start + hours(49)));
  }
  handshake.Asked();
  handshake.Unanswered("timeout", start + hours(50));
  EXPECT_TRUE(handshake.may_send()) << "silence takes nothing away";
}

TEST(WebhookHandshake, S3_3WithoutConsentNothingOrLittleIsSentAndItIsAskedAgain) {
  for (const bool required : {true, false}) {
    const ReadOptions settings =
        ReadSettings({{"handshake", required ? "required" : "optional"}, {"ce_origin", "me.example"}});
    Handshake handshake(settings.options);
    const Time start{hours(1)};
    EXPECT_TRUE(handshake.due(start));
    EXPECT_FALSE(handshake.may_send()) << "not before it was asked";
    handshake.Asked();
    EXPECT_FALSE(handshake.due(start));
    handshake.Unanswered("connect: refused", start);
    EXPECT_EQ(handshake.may_send(), !required);
    EXPECT_DOUBLE_EQ(handshake.rate(), 10.0 / 60);
    EXPECT_EQ(handshake.problem(), "connect: refused");
    EXPECT_TRUE(handshake.due(start + minutes(1)));
    handshake.Answered({true, 120}, start + minutes(1));
    EXPECT_TRUE(handshake.may_send());
    EXPECT_DOUBLE_EQ(handshake.rate(), 2);
    EXPECT_EQ(handshake.problem(), "");
    EXPECT_FALSE(handshake.due(start + hours(24)));
    EXPECT_TRUE(handshake.due(start + hours(25)));
    handshake.Unanswered("connect: refused", start + hours(25));
    EXPECT_TRUE(handshake.given()) << "it holds until it is refused";
    handshake.Answered({false, {}}, start + hours(26));
    EXPECT_EQ(handshake.may_send(), !required) << "a later refusal is a missing consent";
  }
  Handshake off(ReadSettings({}).options);
  EXPECT_TRUE(off.may_send());
}

TEST(WebhookOAuth2, W11TheRequestAndItsAnswers) {
  const ReadOptions settings = ReadSettings({{"auth", "oauth2"},
                                             {"auth_token_url", "https://login.example.com/token"},
                                             {"auth_client_id", "me:1"},
                                             {"auth_client_secret", "s/1"},
                                             {"auth_scope", "a b"}});
  ASSERT_TRUE(settings.errors.empty()) << settings.errors.front().text;
  const std::string request = TokenRequest(*settings.options.oauth2);
  EXPECT_NE(request.find("POST /token HTTP/1.1\r\nHost: login.example.com\r\n"), std::string::npos);
  EXPECT_NE(request.find("Authorization: Basic bWUlM0ExOnMlMkYx\r\n"), std::string::npos) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=a%20b")) << request;
  const auto good = ReadToken(200, R"({"access_token":"abc","token_type":"Bearer","expires_in":90})");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->value, "abc");
  EXPECT_EQ(good->lives, seconds(90));
  EXPECT_EQ(ReadToken(200, R"({"access_token":"abc"})")->lives, seconds(3600));
  EXPECT_EQ(ReadToken(401, R"({"error":"invalid_client"})").error().kind, ErrorKind::kConfig);
  EXPECT_EQ(ReadToken(503, "").error().kind, ErrorKind::kTransient);
  for (const char* bad :
       {"", "[]", R"({"access_token":7})", R"({"access_token":"a\r\nX: y"})", R"({"access_token":""})"})
    EXPECT_EQ(ReadToken(200, bad).error().kind, ErrorKind::kTransient) << bad;
}

}  // namespace
}  // namespace headgate::webhook
