#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include "tests/support/private_kafka.h"
#include "tests/support/require.h"
#include "tests/support/test_certificate.h"

namespace headgate::test {
namespace {

constexpr const char* kPassword = "secret12";

KafkaSettings SignIn(const std::string& address, const std::string& protocol, const std::string& mechanism,
                     const std::string& password = kPassword) {
  return {{"bootstrap.servers", address},
          {"security.protocol", protocol},
          {"sasl.mechanism", mechanism},
          {"sasl.username", "reader"},
          {"sasl.password", password}};
}

// One way of signing in, over TCP and over TLS: what is written comes back, a wrong password and an authority that is
// not ours are refused.
void SignsInBy(const std::string& mechanism) {
  testing_support::TestAuthority authority;
  const auto files = authority.Issue("broker", {"IP:127.0.0.1"});
  HG_WITH_SERVER("kafka", auto server,
                 PrivateKafka::Start({.users = {{"reader", kPassword}},
                                      .tls = KafkaTls{.cert_file = files.cert_file, .key_file = files.key_file}}));
  const std::string tcp = server->address(KafkaListener::kSaslPlaintext);
  HG_WITH_SERVER("kafka", auto client, KafkaClient::Connect(SignIn(tcp, "sasl_plaintext", mechanism)));
  ASSERT_TRUE(client.CreateTopic("t").ok());
  ASSERT_TRUE(client.Produce("t", {{.value = "v"}}).ok());
  HG_WITH_SERVER("kafka", const auto records, client.Read("t"));
  EXPECT_EQ(records.size(), 1U);
  const auto wrong = KafkaClient::Connect(SignIn(tcp, "sasl_plaintext", mechanism, "secret13"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kRejected) << wrong.error().what;
  EXPECT_EQ(wrong.error().what.find("secret13"), std::string::npos);

  KafkaSettings over_tls = SignIn(server->address(KafkaListener::kSaslSsl), "sasl_ssl", mechanism);
  const auto untrusted = KafkaClient::Connect(over_tls);
  ASSERT_FALSE(untrusted.ok());
  EXPECT_EQ(untrusted.error().kind, ErrorKind::kRejected) << untrusted.error().what;
  over_tls["ssl.ca.location"] = authority.ca_file();
  const auto trusted = KafkaClient::Connect(over_tls);
  EXPECT_TRUE(trusted.ok()) << trusted.error().what;
}

// Before 2.6.1 the last message of SCRAM repeats the client's nonce, which Kafka 4 refuses.
constexpr int kScramWithKafka4 = 0x02060100;
#define HG_REQUIRE_SCRAM()                                                                                          \
  if (rd_kafka_version() < kScramWithKafka4) {                                                                      \
    HG_REQUIRE_MACHINE("librdkafka 2.6.1", std::string("SCRAM with Kafka 4 fails with ") + rd_kafka_version_str() + \
                                               ": run ./dev setup librdkafka");                                     \
  }

TEST(KafkaSignIn, ByPlain) { SignsInBy("PLAIN"); }

TEST(KafkaSignIn, ByScramSha256) {
  HG_REQUIRE_SCRAM();
  SignsInBy("SCRAM-SHA-256");
}

TEST(KafkaSignIn, ByScramSha512) {
  HG_REQUIRE_SCRAM();
  SignsInBy("SCRAM-SHA-512");
}

TEST(KafkaSignIn, ByAClientCertificate) {
  testing_support::TestAuthority authority;
  const auto files = authority.Issue("broker", {"IP:127.0.0.1"});
  HG_WITH_SERVER("kafka", auto server,
                 PrivateKafka::Start({.tls = KafkaTls{.cert_file = files.cert_file,
                                                      .key_file = files.key_file,
                                                      .client_ca_file = authority.ca_file()}}));
  KafkaSettings settings = {{"bootstrap.servers", server->address(KafkaListener::kSsl)},
                            {"security.protocol", "ssl"},
                            {"ssl.ca.location", authority.ca_file()}};
  EXPECT_FALSE(KafkaClient::Connect(settings, 3'000).ok());
  const auto own = authority.Issue("reader", {});
  settings["ssl.certificate.location"] = own.cert_file;
  settings["ssl.key.location"] = own.key_file;
  const auto known = KafkaClient::Connect(settings);
  EXPECT_TRUE(known.ok()) << known.error().what;
}

// Headers of one and code of another, where a machine has two.
TEST(Librdkafka, IsTheOneThatItsHeaderIsOf) { EXPECT_EQ(rd_kafka_version(), RD_KAFKA_VERSION); }

}  // namespace
}  // namespace headgate::test
