#include "tests/e2e/search_sink.h"
#include "tests/support/test_certificate.h"

// The search sink and a server that is not open to everybody: https by an authority of its own, and an account.
namespace headgate::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = "right-and-secret";
constexpr const char* kWrongPassword = "wrong-and-secret";

class SearchSecured : public SearchSink {
 protected:
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto files = authority_.Issue("search", {"DNS:localhost", "IP:127.0.0.1"});
    // What docs/operations/search.md asks for, and what the test itself looks with.
    SearchSecurity security{files.cert_file,
                            files.key_file,
                            authority_.ca_file(),
                            "headgate",
                            kPassword,
                            {"cluster: [monitor]", "indices:", "  - names: ['orders*', 'customers*']",
                             "    privileges: [manage, read, write]"}};
    HG_WITH_SERVER("elasticsearch", search_, PrivateSearch::StartSecured(std::move(security)));
  }

  ConnectorSettings SignedIn(const std::string& password) const {
    ConnectorSettings sink = Sink();
    sink["url"] = "https://localhost:" + std::to_string(search_->port());
    sink["tls_ca_file"] = authority_.ca_file();
    sink["auth"] = "basic";
    sink["auth_username"] = "headgate";
    sink["auth_password"] = password;
    return sink;
  }
  json Server(const ConnectorSettings& sink) {
    const json tested = Call("POST", "/api/v1/connections/test", 200, {{"config", sink}});
    for (const json& check : tested["checks"]) {
      if (check["id"] == "server") return check;
    }
    ADD_FAILURE() << tested;
    return nullptr;
  }
  std::string Health() { return Call("GET", "/api/v1/connectors/docs/health", 200).dump(); }

  testing_support::TestAuthority authority_;
};

TEST_F(SearchSecured, DocumentsArriveOverHttpsWithTheRightsThatTheDocumentationAsksFor) {
  EXPECT_EQ(Server(SignedIn(kPassword))["status"], "ok");
  Create("shop", shop_->Source());
  Create("docs", SignedIn(kPassword));
  ExpectSame();
  Exec("UPDATE public.orders SET total = 3 WHERE id = 5");
  Exec("DELETE FROM public.orders WHERE id = 6");
  ExpectSame();
  Exec("TRUNCATE public.orders");
  ExpectSame();
  EXPECT_THAT(Health(), Not(HasSubstr(kPassword)));
}

TEST_F(SearchSecured, AWrongPasswordAndAnUnknownAuthorityAreToldWithTheirSettings) {
  const json refused = Server(SignedIn(kWrongPassword));
  EXPECT_EQ(refused["status"], "error") << refused;
  EXPECT_EQ(refused["key"], "auth_password");
  EXPECT_THAT(refused["summary"].get<std::string>(), AllOf(HasSubstr("HTTP 401"), HasSubstr("auth_password")));
  EXPECT_THAT(refused.dump(), Not(HasSubstr(kWrongPassword)));

  ConnectorSettings unknown = SignedIn(kPassword);
  unknown.erase("tls_ca_file");
  const json untrusted = Server(unknown);
  EXPECT_NE(untrusted["status"], "ok") << untrusted;
  EXPECT_EQ(untrusted["key"], "tls_ca_file");
  EXPECT_THAT(untrusted["summary"].get<std::string>(),
              AllOf(HasSubstr("certificate is not accepted"), HasSubstr("tls_ca_file")));

  // Running, the first ends and says so; the second goes on trying, and both recover.
  Create("shop", shop_->Source());
  Create("docs", SignedIn(kWrongPassword), "STOPPED");
  Call("PUT", "/connectors/docs/resume", 202);
  ASSERT_TRUE(WaitFor([&] { return StateOf("docs") == "FAILED"; }));
  const std::string status = Call("GET", "/connectors/docs/status", 200).dump();
  EXPECT_THAT(status, AllOf(HasSubstr("refuses the account"), HasSubstr("auth_password")));
  EXPECT_THAT(status, Not(HasSubstr(kWrongPassword)));
  Call("PUT", "/connectors/docs/config", 200, unknown);
  EXPECT_TRUE(WaitFor([&] { return Health().find("certificate is not accepted") != std::string::npos; })) << Health();
  EXPECT_EQ(StateOf("docs"), "RUNNING");
  Call("PUT", "/connectors/docs/config", 200, SignedIn(kPassword));
  ExpectSame();
  EXPECT_EQ(Call("GET", "/api/v1/connectors/docs/dead-letters", 200)["items"].size(), 0U);
}

}  // namespace
}  // namespace headgate::test
