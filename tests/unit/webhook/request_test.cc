#include "sinks/webhook/request.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "core/base/encoding.h"
#include "tests/unit/webhook/settings.h"

namespace headgate::webhook {
namespace {

constexpr const char* kSecret1 = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kSecret5 = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr std::int64_t kSecondUs = 1'000'000;

struct Written {
  ReadOptions settings;
  Status status;
  std::string text;
  std::string shown;

  std::string Header(const std::string& name) const {
    const std::size_t end = text.find("\r\n\r\n");
    const std::size_t at = text.find("\r\n" + name + ": ");
    if (at == std::string::npos || at > end) return "(none)";
    const std::size_t start = at + name.size() + 4;
    return text.substr(start, text.find("\r\n", start) - start);
  }
  std::string Body() const { return text.substr(text.find("\r\n\r\n") + 4); }
};

Written Write(config::FlatConfig settings, std::string_view id, std::string_view body, std::int64_t now_us,
              std::string_view headers = {}) {
  Written written{ReadSettings(std::move(settings)), {}, {}, {}};
  EXPECT_TRUE(written.settings.errors.empty()) << written.settings.errors.front().text;
  auto writer = RequestWriter::Create(written.settings.options);
  EXPECT_TRUE(writer.ok());
  written.status = writer->Write(written.text, id, headers, body, now_us);
  written.shown = writer->Shown(id, headers, now_us);
  return written;
}

TEST(WebhookRequest, W13APlainRequestHasExactlyTheseBytes) {
  const Written written = Write({{"url", "http://example.com:9000/hook?a=b"}}, "shop:0-00000000016e9fb0:1", "{\"n\":1}",
                                1'700'000'000 * kSecondUs);
  EXPECT_EQ(
      written.text,
      "POST /hook?a=b HTTP/1.1\r\nHost: example.com:9000\r\nUser-Agent: Headgate/" HEADGATE_VERSION
      "\r\nContent-Type: application/json\r\nwebhook-id: shop:0-00000000016e9fb0:1\r\nwebhook-timestamp: 1700000000\r\n"
      "Content-Length: 7\r\n\r\n{\"n\":1}");
}

TEST(WebhookRequest, W11SignsAsTheVectorsOfStandardWebhooks) {
  const Written one = Write({{"signing_secrets", kSecret1}}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}",
                            1'614'265'330 * kSecondUs + 999'999);
  EXPECT_EQ(one.Header("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(one.Header("webhook-timestamp"), "1614265330");
  const Written five =
      Write({{"signing_secrets", kSecret5}}, "evt-0001", "{\"op\":\"c\",\"id\":1}", 1'700'000'001 * kSecondUs);
  EXPECT_EQ(five.Header("webhook-signature"), "v1,LzKKB/qpLZl/UJMDkIoMEn2prlswkIfrvv+IJkAKbhs=");
}

TEST(WebhookRequest, W12TwoSecretsSignTheFirstOneFirst) {
  const Written both = Write({{"signing_secrets", std::string(kSecret1) + ", " + kSecret5}},
                             "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}", 1'614'265'330 * kSecondUs);
  EXPECT_EQ(both.Header("webhook-signature"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,woH/1mJtZGSMCmpFTxRYbStS24eLLD/oXIYr4PYyZ7g=");
}

TEST(WebhookRequest, W12AnExpiredSecretStopsSigningByItself) {
  const std::string secrets = std::string(kSecret1) + "@2021-02-25T15:02:10Z," + kSecret5;
  const auto at = [&](std::int64_t second) {
    return Write({{"signing_secrets", secrets}}, "msg_1", "{}", second * kSecondUs);
  };
  EXPECT_NE(at(1'614'265'329).Header("webhook-signature").find(' '), std::string::npos);
  EXPECT_EQ(at(1'614'265'330).Header("webhook-signature").find(' '), std::string::npos);
}

TEST(WebhookRequest, W12ASinkThatSignsNeverSendsUnsigned) {
  const Written written = Write({{"signing_secrets", std::string(kSecret1) + "@2021-02-25T15:02:10Z"}}, "msg_1", "{}",
                                1'700'000'000 * kSecondUs);
  ASSERT_FALSE(written.status.ok());
  EXPECT_EQ(written.status.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(written.status.error().what.find("whsec_"), std::string::npos);
}

TEST(WebhookRequest, W11BasicBearerApiKeyAndHexHmac) {
  EXPECT_EQ(Write({{"auth", "basic"}, {"auth_username", "u"}, {"auth_password", "p:w"}}, "a", "{}", 0)
                .Header("Authorization"),
            "Basic dTpwOnc=");
  EXPECT_EQ(Write({{"auth", "bearer"}, {"auth_token", "t0k"}}, "a", "{}", 0).Header("Authorization"), "Bearer t0k");
  const Written several = Write({{"auth", "bearer,header"},
                                 {"auth_token", "t0k"},
                                 {"auth_header", "X-Api-Key"},
                                 {"auth_value", "k"},
                                 {"header.X-Team", "blue"}},
                                "a", "{}", 0);
  EXPECT_EQ(several.Header("Authorization"), "Bearer t0k");
  EXPECT_EQ(several.Header("X-Api-Key"), "k");
  EXPECT_EQ(several.Header("X-Team"), "blue");
  // RFC 4231, test case 2.
  const config::FlatConfig hmac = {{"hmac_secret", "Jefe"}, {"hmac_header", "X-Hub-Signature"}};
  EXPECT_EQ(Write(hmac, "a", "what do ya want for nothing?", 0).Header("X-Hub-Signature"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Write({{"hmac_secret", "Jefe"}, {"hmac_prefix", "v0="}}, "a", "what do ya want for nothing?", 0)
                .Header("X-Signature-256")
                .substr(0, 6),
            "v0=5bd");
}

TEST(WebhookRequest, W11TheShownRequestHidesEverySecret) {
  const Written written = Write({{"url", "https://example.com/hook?token=sesame&a=b"},
                                 {"auth", "bearer,header"},
                                 {"auth_token", "t0k-secret"},
                                 {"auth_header", "X-Api-Key"},
                                 {"auth_value", "key-secret"},
                                 {"signing_secrets", kSecret1},
                                 {"hmac_secret", "Jefe-secret"},
                                 {"header.X-Team", "blue"}},
                                "shop:0-00:1", "{}", 0);
  for (const char* secret : {"sesame", "t0k-secret", "key-secret", "Jefe", "MfKQ9r8"}) {
    EXPECT_EQ(written.shown.find(secret), std::string::npos) << written.shown;
  }
  EXPECT_NE(written.shown.find("Authorization: [hidden]\r\n"), std::string::npos) << written.shown;
  EXPECT_NE(written.shown.find("X-Team: blue\r\n"), std::string::npos);
  EXPECT_NE(written.shown.find("webhook-id: shop:0-00:1\r\n"), std::string::npos);
  EXPECT_NE(written.text.find("/hook?token=sesame&a=b"), std::string::npos)
      << "the request itself goes to the whole URL";
}

TEST(WebhookRequest, TheIdempotencyKeyIsTheEventId) {
  EXPECT_EQ(Write({{"idempotency_key_header", "true"}}, "shop:0-00:1", "{}", 0).Header("Idempotency-Key"),
            "shop:0-00:1");
  EXPECT_EQ(Write({}, "shop:0-00:1", "{}", 0).Header("Idempotency-Key"), "(none)");
}

std::string Gunzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(WebhookRequest, W13GzipIsSignedAsSentAndIsTheSameAtEachAttempt) {
  const config::FlatConfig settings = {
      {"compression", "gzip"}, {"compression_signed", "true"}, {"signing_secrets", kSecret1}};
  const std::string body(5000, 'x');
  const Written first = Write(settings, "msg_1", body, 1'700'000'000 * kSecondUs);
  const Written second = Write(settings, "msg_1", body, 1'700'000'000 * kSecondUs);
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first.Header("Content-Encoding"), "gzip");
  EXPECT_EQ(first.Header("Content-Length"), std::to_string(first.Body().size()));
  EXPECT_LT(first.Body().size(), 200U);
  EXPECT_EQ(Gunzip(first.Body()), body);
  auto signer = net::Signer::FromStandardSecret(kSecret1);
  EXPECT_TRUE(net::VerifySignature(*signer, first.Header("webhook-signature"), "msg_1", 1'700'000'000, first.Body()));
  EXPECT_FALSE(net::VerifySignature(*signer, first.Header("webhook-signature"), "msg_1", 1'700'000'000, body));
}

}  // namespace
}  // namespace headgate::webhook
