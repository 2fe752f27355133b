#include "tests/unit/web/web_fixture.h"

// Creating and configuring connectors in Kafka Connect's dialect.
namespace headgate::test {
namespace {

using ConfigTest = WebTest;

constexpr std::string_view kUnknownClass =
    "Failed to find any class that implements Connector and which name matches nope";

TEST_F(ConfigTest, CreateAnswers201WithAnAbsoluteLocation) {
  const RawAnswer answer =
      Send("POST", "/connectors/", R"({"name":"  my shop/1 ","config":{"connector.class":"db","host":"h1"}})");
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.headers.at("location"), "http://" + address() + "/connectors/my%20shop%2F1");
  EXPECT_EQ(
      answer.body,
      R"({"name":"my shop/1","config":{"connector.class":"db","host":"h1","name":"my shop/1"},"tasks":[],"type":"source"})");
}

TEST_F(ConfigTest, InitialStateIsTakenInAnyCase) {
  EXPECT_EQ(Send("POST", "/connectors",
                 R"({"name":"a","config":{"connector.class":"db","host":"h"},"initial_state":"paused"})")
                .status,
            201);
  EXPECT_EQ(control.Find("a")->target, TargetState::kPaused);
  EXPECT_EQ(Send("POST", "/connectors",
                 R"({"name":"b","config":{"connector.class":"db","host":"h"},"initial_state":"ASLEEP"})")
                .status,
            400);
}

TEST_F(ConfigTest, S1_7_BadRequestsAre400AndSayWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not JSON"},
      {"{", "line 1"},
      {"[]", "object"},
      {R"({"config":{"connector.class":"db"}})", "name"},
      {R"({"name":"a"})", "config"},
      {R"({"name":"a","config":{},"extra":1})", "extra"},
      {R"({"name":7,"config":{}})", "name"},
      {R"({"name":" ","config":{"connector.class":"db"}})", "empty"},
      {R"({"name":"a\u0001","config":{"connector.class":"db"}})", "control"},
      {R"({"name":"a","config":{"connector.class":"db","host":["h"]}})", "host"},
      {R"({"name":"a","config":{"connector.class":"db","host":{}}})", "host"},
      {R"({"name":"a","config":{"host":"h"}})", "connector.class"},
      {R"({"name":"a","config":{"connector.class":"db","name":"b"}})", "doesn't match"},
      {R"({"name":"a","config":{"connector.class":"db","host":"h"},"config":{}})", "twice"},
  };
  for (const auto& [body, says] : cases) {
    const RawAnswer answer = Send("POST", "/connectors", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_NE(answer.body.find(says), std::string::npos) << body << ": " << answer.body;
  }
  EXPECT_TRUE(control.Names().empty());
}

TEST_F(ConfigTest, S1_7_AnUnknownClassBeginsAsConnectsTextAndListsTheClasses) {
  const RawAnswer answer = Send("POST", "/connectors", R"({"name":"a","config":{"connector.class":"nope"}})");
  EXPECT_EQ(answer.status, 400);
  const std::string message = Parse(answer)["message"];
  EXPECT_EQ(message.rfind(kUnknownClass, 0), 0U) << message;
  EXPECT_NE(message.find("DbSource"), std::string::npos);
  EXPECT_NE(message.find("HookSink"), std::string::npos);
  EXPECT_EQ(Send("PUT", "/connectors/a/config", R"({"connector.class":"nope"})").status, 400);
}

TEST_F(ConfigTest, S1_7_ATakenNameIs409AfterTheConfigWasFoundValid) {
  AddSource();
  const RawAnswer answer =
      Send("POST", "/connectors", R"({"name":"shop","config":{"connector.class":"db","host":"h1"}})");
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(Parse(answer)["message"], "Connector shop already exists");
}

TEST_F(ConfigTest, KC8_KC9_ConfigIsEchoedAsTextExactly) {
  const std::string body =
      R"({"connector.class":"DbSource","host":"${env:DB}","port":5432,"batch_bytes_max":1048576,"snapshot":"never"})";
  EXPECT_EQ(Send("PUT", "/connectors/shop/config", body).status, 201);
  EXPECT_EQ(
      Get("/connectors/shop/config").body,
      R"({"batch_bytes_max":"1048576","connector.class":"DbSource","host":"${env:DB}","name":"shop","port":"5432","snapshot":"never"})");
}

TEST_F(ConfigTest, KC8_ANullIsAnErrorOfItsKey) {
  const RawAnswer answer = Send("PUT", "/connectors/shop/config", R"({"connector.class":"db","host":null})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("Null value can not be supplied"), std::string::npos);
  EXPECT_NE(answer.body.find("config/validate"), std::string::npos);
}

TEST_F(ConfigTest, PutMakesNoNameWithBlanksAround) {
  const char* config = R"({"connector.class":"db","host":"h"})";
  EXPECT_EQ(Send("PUT", "/connectors/%20padded%20/config", config).status, 400);
  EXPECT_EQ(Send("PUT", "/connectors/not%20padded/config", config).status, 201);
}

TEST_F(ConfigTest, S1_7_ANullHidesNoOtherMistake) {
  const std::string config = R"({"connector.class":"db","host":null,"prot":"1","port":"x"})";
  for (const RawAnswer& answer : {Send("PUT", "/connectors/shop/config", config),
                                  Send("POST", "/connectors", R"({"name":"shop","config":)" + config + "}")}) {
    EXPECT_EQ(answer.status, 400);
    for (const char* text : {"following 3 error(s)", "Null value can not be supplied", R"(\"prot\")", R"(\"port\")"})
      EXPECT_NE(answer.body.find(text), std::string::npos) << text << ": " << answer.body;
    EXPECT_EQ(answer.body.find("Missing required"), std::string::npos) << answer.body;
  }
}

TEST_F(ConfigTest, PutCreatesWith201AndReplacesAsAWholeWith200) {
  const RawAnswer created =
      Send("PUT", "/connectors/shop/config", R"({"connector.class":"db","host":"h1","port":"1"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_TRUE(created.headers.contains("location"));
  EXPECT_EQ(Send("PUT", "/connectors/shop/config", R"({"connector.class":"db","host":"h2"})").status, 200);
  EXPECT_EQ(Get("/connectors/shop/config").body, R"({"connector.class":"db","host":"h2","name":"shop"})");
  EXPECT_EQ(Send("PUT", "/connectors/shop/config", R"({"connector.class":"db","host":"h2","name":"other"})").status,
            400);
}

TEST_F(ConfigTest, PatchMergesAndNullRemoves) {
  AddSource("shop", {{"port", "5433"}, {"snapshot", "never"}});
  EXPECT_EQ(Send("PATCH", "/connectors/shop/config", R"({"port":null,"host":"h9"})").status, 200);
  EXPECT_EQ(Get("/connectors/shop/config").body,
            R"({"connector.class":"db","host":"h9","name":"shop","snapshot":"never"})");
  EXPECT_EQ(Send("PATCH", "/connectors/none/config", R"({"port":1})").status, 404);
}

TEST_F(ConfigTest, S1_8_TheClassOfAnExistingConnectorStays) {
  AddSource();
  EXPECT_EQ(
      Send("PUT", "/connectors/shop/config", R"({"connector.class":"hook","topics":"a","url":"http://x/"})").status,
      400);
  EXPECT_EQ(Send("PUT", "/connectors/shop/config", R"({"connector.class":"DbSourceConnector","host":"h"})").status,
            200);
}

TEST_F(ConfigTest, S1_8_IfMatchIsHonouredWhenSent) {
  AddSource();
  const std::string etag = Get("/connectors/shop/config").headers.at("etag");
  const std::string body = R"({"connector.class":"db","host":"h2"})";
  const RawAnswer written = Do(
      {.method = "PUT", .path = "/connectors/shop/config", .body = body, .headers = {{"If-Match", "\"x\", " + etag}}});
  EXPECT_EQ(written.status, 200);
  EXPECT_NE(written.headers.at("etag"), etag);
  for (const char* method : {"PUT", "PATCH"}) {
    EXPECT_EQ(
        Do({.method = method, .path = "/connectors/shop/config", .body = body, .headers = {{"If-Match", etag}}}).status,
        412)
        << method;
  }
  EXPECT_EQ(Do({.method = "DELETE", .path = "/connectors/shop", .headers = {{"If-Match", etag}}}).status, 412);
  EXPECT_EQ(
      Do({.method = "PUT", .path = "/connectors/none/config", .body = body, .headers = {{"If-Match", "*"}}}).status,
      412);
  EXPECT_EQ(
      Do({.method = "PUT", .path = "/connectors/shop/config", .body = body, .headers = {{"If-Match", "*"}}}).status,
      200);
}

TEST_F(ConfigTest, S7_3_LiteralSecretsAreMaskedEverywhereAndPlaceholdersAreNot) {
  AddSource("shop", {{"password", "hunter2"}});
  AddSource("safe", {{"password", "${env:PW}"}});
  for (const char* path : {"/connectors/shop", "/connectors/shop/config", "/connectors?expand=info",
                           "/connectors/shop/tasks", "/api/v1/connectors/shop/config/effective",
                           "/api/v1/connectors/shop", "/api/v1/connectors/shop/health", "/metrics"}) {
    EXPECT_EQ(Get(path).body.find("hunter2"), std::string::npos) << path;
  }
  EXPECT_EQ(Parse(Get("/connectors/shop/config"))["password"], "[hidden]");
  EXPECT_EQ(Parse(Get("/connectors/safe/config"))["password"], "${env:PW}");
}

TEST_F(ConfigTest, Trap5_AMaskThatComesBackMeansUnchanged) {
  AddSource("shop", {{"password", "hunter2"}});
  EXPECT_EQ(Send("PUT", "/connectors/shop/config",
                 R"({"connector.class":"db","host":"h1","password":"[hidden]","snapshot":"only"})")
                .status,
            200);
  EXPECT_EQ(control.Find("shop")->config.at("password"), "hunter2");
  EXPECT_EQ(Send("PATCH", "/connectors/shop/config", R"({"snapshot":"never"})").status, 200);
  EXPECT_EQ(control.Find("shop")->config.at("password"), "hunter2");
  EXPECT_EQ(
      Send("PUT", "/connectors/new/config", R"({"connector.class":"db","host":"h1","password":"[hidden]"})").status,
      400);
}

TEST_F(ConfigTest, S7_3_AStoredSecretDoesNotFollowToANewTarget) {
  AddSource("shop", {{"password", "hunter2"}});
  EXPECT_EQ(
      Send("PUT", "/connectors/shop/config", R"({"connector.class":"db","host":"evil","password":"[hidden]"})").status,
      400);
  EXPECT_EQ(Send("PATCH", "/connectors/shop/config", R"({"host":"evil"})").status, 400);
  EXPECT_EQ(control.Find("shop")->config.at("host"), "h1");
  EXPECT_EQ(Send("PATCH", "/connectors/shop/config", R"({"host":"h2","password":"again"})").status, 200);
}

TEST_F(ConfigTest, S7_3_MaskingCanBeSwitchedOff) {
  options.mask_secrets = false;
  AddSource("shop", {{"password", "hunter2"}});
  EXPECT_EQ(Parse(Get("/connectors/shop/config"))["password"], "hunter2");
}

}  // namespace
}  // namespace headgate::test
