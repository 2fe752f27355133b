#include "tests/e2e/api.h"
#include "tests/support/private_kafka.h"
#include "tests/support/private_registry.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// What people get wrong with a cluster and a registry, and what they are told; and that nothing is lost meanwhile.
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

// A broker that asks who comes and what they may, and knows one mechanism; the tests are its superuser.
class KafkaRefusals : public Api {
 protected:
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    HG_WITH_SERVER(
        "kafka", server_,
        PrivateKafka::Start(
            {.settings = {"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                          "super.users=User:ANONYMOUS", "listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN"},
             .users = {{"headgate", "secret"}}}));
    const Status made = shop_->database().Exec(
        "CREATE TABLE public.parts (id int PRIMARY KEY, name text); INSERT INTO public.parts SELECT i, 'part ' || i "
        "FROM "
        "generate_series(1, 3) i");
    ASSERT_TRUE(made.ok()) << made.error().what;
    Create("shop", shop_->Source());
  }
  ConnectorSettings Sink(ConnectorSettings more = {}) const {
    ConnectorSettings settings = {{"connector.class", "kafka"},    {"topics", "shop.public.parts"},
                                  {"brokers", server_->address()}, {"topic", "parts"},
                                  {"timeout_ms", "5000"},          {"transaction_timeout_ms", "20000"}};
    for (const auto& [key, value] : more) settings[key] = value;
    return settings;
  }
  ConnectorSettings Signed(const std::string& mechanism = "PLAIN") const {
    return {{"brokers", server_->address(KafkaListener::kSaslPlaintext)},
            {"security_protocol", "sasl_plaintext"},
            {"sasl_mechanism", mechanism},
            {"sasl_username", "headgate"},
            {"sasl_password", "secret"}};
  }
  std::size_t Records() {
    const auto client = server_->Connect();
    if (!client.ok()) return 0;
    const auto records = client->Read("parts");
    return records.ok() ? records->size() : 0;
  }
  bool HasRecords(std::size_t count) {
    return WaitFor([&] { return Records() == count; }, seconds(40));
  }
  std::string Told() { return Call("GET", "/connectors/out/status", 200).dump() + headgate_->Stderr(); }
  json Test(ConnectorSettings settings) {
    settings["name"] = "test";
    return Call("POST", "/api/v1/connections/test", 200, {{"config", settings}});
  }

  std::unique_ptr<PrivateKafka> server_;
};

TEST_F(KafkaRefusals, AFormatThatThereIsNotIsSaidBeforeAnythingRuns) {
  const json refused = Call("POST", "/connectors", 400, {{"name", "out"}, {"config", Sink({{"format", "xml"}})}});
  EXPECT_THAT(refused.dump(), HasSubstr("format"));
  EXPECT_THAT(refused.dump(), HasSubstr("debezium"));
  auto settings = Sink({{"format", "avro"}, {"envelope", "upstream"}, {"registry", "http://127.0.0.1:1"}});
  settings["name"] = "out";
  const json checked = Call("PUT", "/connector-plugins/kafka/config/validate", 200, settings);
  EXPECT_EQ(checked["error_count"], 1) << checked.dump();
  EXPECT_THAT(checked.dump(), HasSubstr("row, native"));
}

TEST_F(KafkaRefusals, ARegistryThatIsAwayLosesNothingOfASink) {
  std::unique_ptr<PrivateRegistry> registry;
  HG_WITH_SERVER("registry", registry, PrivateRegistry::Start());
  registry->KillHard();
  Create("out", Sink({{"format", "avro"}, {"registry", registry->url()}, {"registry_timeout_ms", "500"}}));
  const auto says = [&] { return Call("GET", "/connectors/out/status", 200).dump() + headgate_->Stderr(); };
  EXPECT_TRUE(WaitFor([&] { return says().find("the schema registry at") != std::string::npos; }, seconds(40)));
  EXPECT_EQ(Records(), 0U);
  ASSERT_TRUE(registry->StartAgain().ok());
  EXPECT_TRUE(HasRecords(3)) << Told();
  EXPECT_TRUE(Call("GET", "/api/v1/connectors/out/dead-letters", 200)["items"].empty());
}

TEST_F(KafkaRefusals, ATopicWithoutRightsStopsTheSinkWithAdviceUntilTheyAreGiven) {
  Create("out", Sink(Signed()));
  ASSERT_TRUE(WaitFor([&] { return StateOf("out") == "FAILED"; }, seconds(40))) << Told();
  EXPECT_THAT(Told(), HasSubstr("kafka-acls"));
  EXPECT_THAT(Told(), Not(HasSubstr("secret")));
  const auto client = server_->Connect();
  ASSERT_TRUE(client.ok()) << client.error().what;
  const Status allowed = client->Allow("headgate");
  if (!allowed.ok() && allowed.error().kind == ErrorKind::kConfig)
    HG_REQUIRE_MACHINE("librdkafka 2.6.0", allowed.error().what);
  ASSERT_TRUE(allowed.ok()) << allowed.error().what;
  Call("POST", "/connectors/out/restart", 204);
  EXPECT_TRUE(HasRecords(3)) << Told();
  EXPECT_TRUE(Call("GET", "/api/v1/connectors/out/dead-letters", 200)["items"].empty());
}

TEST_F(KafkaRefusals, AMechanismThatTheBrokersDoNotOfferIsSaidByChecksAndByWhatRuns) {
  const auto says = [](const std::string& told) {
    EXPECT_THAT(told, HasSubstr("supported mechanisms: PLAIN"));
    EXPECT_THAT(told, HasSubstr("sasl_mechanism"));
    EXPECT_THAT(told, Not(HasSubstr("secret")));
  };
  const json sink = Test(Sink(Signed("SCRAM-SHA-256")));
  says(sink.dump());
  EXPECT_EQ(sink["checks"].back()["key"], "sasl_mechanism") << sink;
  ConnectorSettings settings = Signed("SCRAM-SHA-256");
  settings.insert({{"connector.class", "kafka-source"}, {"topic", "parts"}, {"columns", "id int NOT NULL"}});
  says(Test(settings).dump());
  Create("out", Sink(Signed("SCRAM-SHA-256")));
  ASSERT_TRUE(WaitFor([&] { return StateOf("out") == "FAILED"; }, seconds(40))) << Told();
  says(Call("GET", "/connectors/out/status", 200).dump());
}

}  // namespace
}  // namespace headgate::test
