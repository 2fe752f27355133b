#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/mysql/binlog_connection.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/spec.h"
#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"
#include "tests/support/test_certificate.h"

// TLS of both kinds of session, with the identity of the server checked and our own certificate shown (MY-30).
namespace headgate::test {
namespace {

using mysql::BinlogConnection;
using std::chrono::hours;
using ::testing::HasSubstr;
using testing_support::CertificateFiles;
using testing_support::TestAuthority;

class MysqlTls : public ::testing::TestWithParam<MyServer> {
 protected:
  using Settings = MysqlScene::Settings;

  std::vector<std::string> ServerSettings(const CertificateFiles& files) const {
    return {"ssl-ca=" + authority_.ca_file(), "ssl-cert=" + files.cert_file, "ssl-key=" + files.key_file};
  }
  mysql::Options OptionsOf(const PrivateMysql& server, Settings settings) const {
    const bool mariadb = GetParam() == MyServer::kMariadb;
    const SourceFactory& factory = mariadb ? mysql::MariadbFactory() : mysql::MysqlFactory();
    settings.insert({{"name", "tls"},
                     {"connector.class", NameOf(GetParam())},
                     {"host", server.host()},
                     {"port", std::to_string(server.port())},
                     {"username", "hg"},
                     {"password", "pw"},
                     {"tables", "f.*"}});
    const auto outcome = config::Bind(*factory.spec, settings, nullptr);
    for (const auto& error : outcome.errors) ADD_FAILURE() << error.key << ": " << error.text;
    return mysql::MakeOptions("tls", mariadb ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql, outcome.bound);
  }
  // Why either of the two is refused, which have to agree; "" if neither is.
  std::string Refusal(const PrivateMysql& server, const Settings& settings) const {
    const mysql::Options options = OptionsOf(server, settings);
    const auto query = mysql::Connection::Open(options);
    mysql::BinlogPosition start;
    start.place = {"binlog.000001", 4};
    const auto binlog = BinlogConnection::Start(options, 0, BinlogConnection::Mode::kPlace, start);
    EXPECT_EQ(query.ok(), binlog.ok()) << (query.ok() ? binlog.error().what : query.error().what);
    if (query.ok()) return "";
    EXPECT_EQ(query.error().kind, ErrorKind::kConfig) << query.error().what;
    EXPECT_TRUE(binlog.ok() || binlog.error().kind == ErrorKind::kConfig) << binlog.error().what;
    return query.error().what;
  }
  Settings Verify(const std::string& mode, const std::string& ca) const {
    return {{"sslmode", mode}, {"sslrootcert", ca}};
  }

  TestAuthority authority_;
  TestAuthority other_;
};

TEST_P(MysqlTls, TheIdentityOfTheServerIsChecked_MY30) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto server,
                 PrivateMysql::Start(GetParam(), ServerSettings(authority_.Issue("server", {"IP:127.0.0.1"}))));
  EXPECT_EQ(Refusal(*server, Verify("verify-full", authority_.ca_file())), "");
  EXPECT_EQ(Refusal(*server, Verify("verify-ca", authority_.ca_file())), "");
  EXPECT_THAT(Refusal(*server, Verify("verify-full", other_.ca_file())), HasSubstr("certificate"));
  EXPECT_THAT(Refusal(*server, Verify("verify-ca", other_.ca_file())), HasSubstr("certificate"));
  EXPECT_THAT(Refusal(*server, Verify("verify-ca", "/none.pem")), HasSubstr("sslrootcert"));
}

TEST_P(MysqlTls, ACertificateForAnotherNameIsRefused_MY30) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto server,
                 PrivateMysql::Start(GetParam(), ServerSettings(authority_.Issue("server", {"DNS:db.example"}))));
  EXPECT_NE(Refusal(*server, Verify("verify-full", authority_.ca_file())), "");
  EXPECT_EQ(Refusal(*server, Verify("verify-ca", authority_.ca_file())), "") << "verify-ca does not look at the name";
}

TEST_P(MysqlTls, AnExpiredCertificateIsRefused_MY30) {
  const auto files = authority_.Issue("server", {"IP:127.0.0.1"}, hours(-48), hours(-24));
  HG_WITH_SERVER(NameOf(GetParam()), const auto server, PrivateMysql::Start(GetParam(), ServerSettings(files)));
  EXPECT_NE(Refusal(*server, Verify("verify-full", authority_.ca_file())), "");
  EXPECT_NE(Refusal(*server, Verify("verify-ca", authority_.ca_file())), "");
}

TEST_P(MysqlTls, OurOwnCertificateIsShown_MY30) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene,
                 MysqlScene::Make(GetParam(), ServerSettings(authority_.Issue("server", {"IP:127.0.0.1"}))));
  auto client = scene->server().Connect();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client
                  ->ExecAll({"CREATE DATABASE f", "CREATE TABLE f.t (id INT PRIMARY KEY)", "INSERT INTO f.t VALUES (1)",
                             "ALTER USER hg@'%' REQUIRE X509"})
                  .ok());
  Settings settings = Verify("verify-full", authority_.ca_file());
  EXPECT_THAT(Refusal(scene->server(), settings), HasSubstr("1045"));
  const CertificateFiles ours = authority_.Issue("client", {"DNS:headgate"});
  settings.insert({{"sslcert", ours.cert_file}, {"sslkey", ours.key_file}, {"tables", "f.*"}});
  const Status opened = scene->Open("src", settings);
  ASSERT_TRUE(opened.ok()) << opened.error().what;
  ASSERT_TRUE(scene->CatchUp().ok());
  ASSERT_TRUE(client->Exec("INSERT INTO f.t VALUES (2)").ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(FoldEvents(*events)["f.t"].size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlTls, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
