#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/private_kafka.h"
#include "tests/support/require.h"
#include "tests/support/test_certificate.h"

namespace headgate::test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Values(const std::vector<KafkaRecord>& records) {
  std::vector<std::string> values;
  for (const KafkaRecord& record : records) values.push_back(record.value.value_or("(none)"));
  return values;
}

std::vector<std::string> ValuesIn(const KafkaClient& client, const std::string& topic,
                                  KafkaIsolation isolation = KafkaIsolation::kCommitted) {
  const auto records = client.Read(topic, isolation);
  if (!records.ok()) return {records.error().what};
  return Values(*records);
}

TEST(PrivateKafka, AcknowledgedRecordsAreThereAfterKillAndStart) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start());
  HG_WITH_SERVER("kafka", auto client, server->Connect());
  ASSERT_TRUE(client.CreateTopic("kept").ok());
  ASSERT_TRUE(client.Produce("kept", {{.value = "1"}}).ok());
  server->KillHard();
  EXPECT_FALSE(KafkaClient::Connect({{"bootstrap.servers", server->address()}}, 1'000).ok());
  Status again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_THAT(ValuesIn(client, "kept"), ElementsAre("1"));
  ASSERT_TRUE(client.Produce("kept", {{.value = "2"}}).ok());
  ASSERT_TRUE(server->Stop().ok());
  again = server->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_THAT(ValuesIn(client, "kept"), ElementsAre("1", "2"));
}

TEST(PrivateKafka, FrozenItAcceptsConnectionsAndNeverAnswers) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start());
  ASSERT_TRUE(server->Freeze().ok());
  EXPECT_FALSE(KafkaClient::Connect({{"bootstrap.servers", server->address()}}, 1'000).ok());
  ASSERT_TRUE(server->Thaw().ok());
  EXPECT_TRUE(server->Connect().ok());
}

TEST(PrivateKafka, SettingsOfATestWin) {
  HG_WITH_SERVER("kafka", auto server, PrivateKafka::Start({.settings = {"message.max.bytes=2000"}}));
  HG_WITH_SERVER("kafka", auto client, server->Connect());
  ASSERT_TRUE(client.CreateTopic("small").ok());
  EXPECT_TRUE(client.Produce("small", {{.value = std::string(1'000, 'x')}}).ok());
  const Status large = client.Produce("small", {{.value = std::string(3'000, 'x')}});
  ASSERT_FALSE(large.ok());
  EXPECT_THAT(large.error().what, ::testing::HasSubstr("small"));
}

TEST(PrivateKafka, OwnIdentityDiffersFromTheOthers) {
  HG_WITH_SERVER("kafka", auto one, PrivateKafka::Start());
  HG_WITH_SERVER("kafka", auto two, PrivateKafka::Start({.own_identity = true}));
  HG_WITH_SERVER("kafka", auto first, one->Connect());
  HG_WITH_SERVER("kafka", auto second, two->Connect());
  HG_WITH_SERVER("kafka", const std::string id, first.ClusterId());
  HG_WITH_SERVER("kafka", const std::string other_id, second.ClusterId());
  EXPECT_NE(id, other_id);
}

KafkaSettings SignIn(const std::string& address, const std::string& protocol, const std::string& mechanism,
                     const std::string& password) {
  return {{"bootstrap.servers", address},
          {"security.protocol", protocol},
          {"sasl.mechanism", mechanism},
          {"sasl.username", "reader"},
          {"sasl.password", password}};
}

TEST(PrivateKafka, UsersSignInOverPlainTcpAndTls) {
  testing_support::TestAuthority authority;
  const auto files = authority.Issue("broker", {"IP:127.0.0.1"});
  HG_WITH_SERVER("kafka", auto server,
                 PrivateKafka::Start({.users = {{"reader", "secret12"}},
                                      .tls = KafkaTls{.cert_file = files.cert_file, .key_file = files.key_file}}));
  const std::string tcp = server->address(KafkaListener::kSaslPlaintext);
  EXPECT_TRUE(KafkaClient::Connect(SignIn(tcp, "sasl_plaintext", "PLAIN", "secret12")).ok());
  const auto wrong = KafkaClient::Connect(SignIn(tcp, "sasl_plaintext", "PLAIN", "secret13"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::kRejected) << wrong.error().what;
  const std::string tls = server->address(KafkaListener::kSaslSsl);
  KafkaSettings over_tls = SignIn(tls, "sasl_ssl", "PLAIN", "secret12");
  const auto untrusted = KafkaClient::Connect(over_tls);
  ASSERT_FALSE(untrusted.ok());
  EXPECT_EQ(untrusted.error().kind, ErrorKind::kRejected) << untrusted.error().what;
  over_tls["ssl.ca.location"] = authority.ca_file();
  const auto trusted = KafkaClient::Connect(over_tls);
  EXPECT_TRUE(trusted.ok()) << trusted.error().what;
}

TEST(PrivateKafka, TlsAloneAsksForAClientCertificateWhereATestWantsIt) {
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

}  // namespace
}  // namespace headgate::test
