#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/net/http_client.h"
#include "tests/support/http_receiver.h"
#include "tests/support/test_certificate.h"

namespace headgate::net {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing_support::CertificateFiles;
using testing_support::HttpReceiver;
using testing_support::TestAuthority;
using Reply = HttpReceiver::Reply;

class HttpClientTls : public testing::Test {
 protected:
  // The name resolves to the receiver; an empty one means its literal address.
  EndpointOptions Options(const HttpReceiver& receiver, const std::string& name = "") {
    EndpointOptions options;
    options.url =
        *ParseUrl(name.empty() ? receiver.url() : "https://" + name + ":" + std::to_string(receiver.port()) + "/");
    options.resolve = [](const std::string&) { return std::vector{*IpAddress::Parse("127.0.0.1")}; };
    options.tls.ca_file = authority_.ca_file();
    return options;
  }

  static Outcome Send(HttpClient& client, std::string_view body = "{}") {
    std::optional<Outcome> result;
    client.Send("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body),
                [&](Outcome&& outcome) { result = std::move(outcome); });
    const auto late = steady_clock::now() + seconds(30);
    while (!result && steady_clock::now() < late) client.Run(late);
    return result ? std::move(*result) : Outcome(Failure{Failure::Kind::kTimeout, "the test waited too long"});
  }
  static Outcome Send(const EndpointOptions& options) {
    auto client = HttpClient::Open(options);
    CHECK(client.ok());
    return Send(**client);
  }
  static std::string TlsFailure(const Outcome& outcome) {
    const auto* failure = std::get_if<Failure>(&outcome);
    if (failure == nullptr) return "answered";
    EXPECT_EQ(Name(failure->kind), "tls") << failure->text;
    return failure->text;
  }
  static std::string Verdict(const Outcome& outcome) {
    if (const auto* response = std::get_if<Response>(&outcome)) return std::to_string(response->status);
    return std::get<Failure>(outcome).text;
  }

  TestAuthority authority_;
};

TEST_F(HttpClientTls, W9_AcceptsAGoodCertificateByNameAndByAddress) {
  HttpReceiver receiver({.tls = authority_.Issue("good", {"DNS:hooks.example", "IP:127.0.0.1"})});
  EXPECT_EQ(Verdict(Send(Options(receiver))), "200");
  EXPECT_EQ(Verdict(Send(Options(receiver, "hooks.example"))), "200");
}

TEST_F(HttpClientTls, W8_KeepsTlsConnectionsAndRepeatsOnceOnIdleDeath) {
  HttpReceiver receiver({.tls = authority_.Issue("good", {"IP:127.0.0.1"})}, [](const HttpReceiver::Request& request) {
    return request.index == 3 ? Reply::Close() : Reply();
  });
  auto client = HttpClient::Open(Options(receiver));
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Verdict(Send(**client)), "200");
  EXPECT_EQ(receiver.connection_count(), 2);
  EXPECT_EQ(receiver.request_count(), 6U);
}

TEST_F(HttpClientTls, MovesLargeBodiesAndEndlessAnswers) {
  HttpReceiver receiver({.tls = authority_.Issue("good", {"IP:127.0.0.1"})}, [](const HttpReceiver::Request&) {
    Reply reply = Reply::Status(200, {}, "0123456789");
    reply.endless = true;
    return reply;
  });
  auto client = HttpClient::Open(Options(receiver));
  ASSERT_TRUE(client.ok());
  const std::string body(5'000'000, 'x');
  const Outcome outcome = Send(**client, body);
  ASSERT_EQ(Verdict(outcome), "200");
  EXPECT_TRUE(std::get<Response>(outcome).body_cut);
  ASSERT_EQ(receiver.Requests().size(), 1U);
  EXPECT_TRUE(receiver.Requests()[0].body == body);
}

TEST_F(HttpClientTls, W9_RefusesAnExpiredCertificate) {
  HttpReceiver receiver({.tls = authority_.Issue("old", {"IP:127.0.0.1"}, hours(-48), hours(-1))});
  EXPECT_NE(TlsFailure(Send(Options(receiver))).find("expired"), std::string::npos);
  HttpReceiver early({.tls = authority_.Issue("early", {"IP:127.0.0.1"}, hours(1), hours(2))});
  EXPECT_NE(TlsFailure(Send(Options(early))).find("not yet valid"), std::string::npos);
}

TEST_F(HttpClientTls, W9_RefusesACertificateOfAnotherName) {
  HttpReceiver receiver({.tls = authority_.Issue("other", {"DNS:other.example", "IP:127.0.0.2"})});
  EXPECT_NE(TlsFailure(Send(Options(receiver, "hooks.example"))).find("ostname mismatch"), std::string::npos);
  EXPECT_NE(TlsFailure(Send(Options(receiver))).find("IP address mismatch"), std::string::npos);
  EXPECT_EQ(receiver.request_count(), 0U);
}

TEST_F(HttpClientTls, W9_RefusesAnUnknownAuthority) {
  TestAuthority unknown;
  HttpReceiver receiver({.tls = unknown.Issue("good", {"IP:127.0.0.1"})});
  const std::string text = TlsFailure(Send(Options(receiver)));
  EXPECT_NE(text.find("certificate"), std::string::npos) << text;
  EndpointOptions system = Options(receiver);
  system.tls.ca_file.clear();
  TlsFailure(Send(system));
  EXPECT_EQ(receiver.request_count(), 0U);
}

TEST_F(HttpClientTls, W9_AcceptsAnythingWhenVerificationIsOff) {
  TestAuthority unknown;
  HttpReceiver receiver({.tls = unknown.Issue("old", {"DNS:x"}, hours(-48), hours(-1))});
  EndpointOptions options = Options(receiver);
  options.tls.verify = false;
  EXPECT_EQ(Verdict(Send(options)), "200");
}

TEST_F(HttpClientTls, W9_PresentsAClientCertificate) {
  HttpReceiver receiver({.tls = authority_.Issue("good", {"IP:127.0.0.1"}), .client_ca_file = authority_.ca_file()});
  EndpointOptions options = Options(receiver);
  EXPECT_NE(Verdict(Send(options)), "200");
  const CertificateFiles client = authority_.Issue("client", {});
  options.tls.cert_file = client.cert_file;
  options.tls.key_file = client.key_file;
  EXPECT_EQ(Verdict(Send(options)), "200");
}

TEST_F(HttpClientTls, W9_TakesUpChangedFilesAtTheNextConnectionAndKeepsTheOldOnesWhenTheyAreBroken) {
  TestAuthority other;
  HttpReceiver receiver({.tls = other.Issue("good", {"IP:127.0.0.1"})}, [](const HttpReceiver::Request&) {
    return Reply::Status(200, {{"Connection", "close"}});
  });
  auto client = HttpClient::Open(Options(receiver));
  ASSERT_TRUE(client.ok());
  TlsFailure(Send(**client));
  // A rename is how certificates are replaced: the inode changes even within the resolution of the modification time.
  std::filesystem::copy_file(other.ca_file(), authority_.ca_file() + ".new");
  std::filesystem::rename(authority_.ca_file() + ".new", authority_.ca_file());
  EXPECT_EQ(Verdict(Send(**client)), "200");
  std::filesystem::resize_file(authority_.ca_file(), 10);
  EXPECT_EQ(Verdict(Send(**client)), "200");
}

TEST_F(HttpClientTls, ReportsAServerThatDoesNotSpeakTls) {
  HttpReceiver plain;
  EndpointOptions options;
  options.url = *ParseUrl("https://127.0.0.1:" + std::to_string(plain.port()) + "/");
  options.timeout_ms = 2000;
  options.tls_timeout_ms = 50;
  EXPECT_NE(TlsFailure(Send(options)).find("TLS with 127.0.0.1:"), std::string::npos);
}

TEST_F(HttpClientTls, W8_EndsAHandshakeThatDoesNotGoOnAtItsLimit) {
  HttpReceiver silent({.tls = authority_.Issue("good", {"IP:127.0.0.1"}), .silent = true});
  EndpointOptions options = Options(silent);
  options.tls_timeout_ms = 40;
  EXPECT_NE(TlsFailure(Send(options)).find("40 ms"), std::string::npos);
}

TEST_F(HttpClientTls, RefusesMissingOrMismatchedFilesByName) {
  HttpReceiver receiver({.tls = authority_.Issue("good", {"IP:127.0.0.1"})});
  const CertificateFiles one = authority_.Issue("one", {});
  const CertificateFiles two = authority_.Issue("two", {});
  const auto error = [&](TlsOptions tls) {
    EndpointOptions options = Options(receiver);
    options.tls = std::move(tls);
    const auto client = HttpClient::Open(options);
    return client.ok() ? "ok" : client.error().what;
  };
  EXPECT_NE(error({.ca_file = "/nonexistent/ca.pem"}).find("/nonexistent/ca.pem"), std::string::npos);
  EXPECT_NE(error({.cert_file = "/nonexistent/c.pem", .key_file = one.key_file}).find("/nonexistent/c.pem"),
            std::string::npos);
  EXPECT_NE(error({.cert_file = one.cert_file, .key_file = "/nonexistent/k.pem"}).find("/nonexistent/k.pem"),
            std::string::npos);
  EXPECT_NE(error({.cert_file = one.cert_file}).find("belong together"), std::string::npos);
  EXPECT_NE(error({.cert_file = one.cert_file, .key_file = two.key_file}).find(two.key_file), std::string::npos);
  EXPECT_EQ(error({.ca_file = authority_.ca_file(), .cert_file = one.cert_file, .key_file = one.key_file}), "ok");
}

}  // namespace
}  // namespace headgate::net
