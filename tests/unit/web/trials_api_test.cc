#include "tests/unit/web/web_fixture.h"

// Tests before use, and traces (admin API, 4.8 and 4.9).
namespace headgate::test {
namespace {

class TrialsApi : public WebTest {
 protected:
  TrialsApi() { AddSink(); }
};

TEST_F(TrialsApi, AP23_AConnectionTestAnswers200AlsoWhenChecksFail) {
  const RawAnswer good = Send("POST", "/api/v1/connections/test", R"({"config":{"connector.class":"db","host":"up"}})");
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(Parse(good).dump(),
            R"({"ok":true,"checks":[{"id":"connect","status":"ok","summary":"it answers","hint":null,"fix":null}]})");
  AddSource("shop", {{"host", "up"}});
  const RawAnswer bad = Send("POST", "/api/v1/connections/test", R"({"connector":"shop","config":{"host":"down"}})");
  EXPECT_EQ(bad.status, 200);
  const Json checks = Parse(bad);
  EXPECT_EQ(checks["ok"], false);
  EXPECT_EQ(checks["checks"][0]["fix"], "systemctl start");
  EXPECT_NE(control.Find("shop")->config.at("host"), "down") << "nothing is saved";
}

TEST_F(TrialsApi, AP23_WhatIsNoConfigIsSaid) {
  const std::string path = "/api/v1/connections/test";
  EXPECT_EQ(Send("POST", path, "[]").status, 400);
  EXPECT_EQ(Send("POST", path, "{}").status, 400);
  EXPECT_EQ(Send("POST", path, R"({"config":{"host":{}}})").status, 400);
  EXPECT_EQ(Send("POST", path, R"({"config":{},"dry":1})").status, 400);
  EXPECT_EQ(Send("POST", path, R"({"config":{"connector.class":"nope"}})").status, 422);
  EXPECT_EQ(Send("POST", path, R"({"connector":"nobody","config":{}})").status, 404);
}

TEST_F(TrialsApi, S3_3_AnEndpointConsentsByGetOrPostWithItsTokenAlone) {
  EXPECT_EQ(Get("/api/v1/webhook-consent/good").status, 204);
  const auto post = [&](const std::string& token, const std::string& rate) {
    return Do({.method = "POST",
               .path = "/api/v1/webhook-consent/" + token,
               .body = "ok",
               .headers = {{"Content-Type", "text/plain"}, {"WebHook-Allowed-Rate", rate}}});
  };
  EXPECT_EQ(post("good", " 120 ").status, 204) << "a body that nobody asked for means nothing";
  EXPECT_EQ(post("good", "*").status, 204);
  EXPECT_EQ(post("good", "-1").status, 204);
  const RawAnswer bad = post("bad", "120");
  EXPECT_EQ(bad.status, 404);
  EXPECT_EQ(bad.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(control.consents, (std::vector<std::string>{"good any", "good 120", "good any", "good any", "bad 120"}));
  EXPECT_EQ(Ask(address(), {.method = "HEAD", .path = "/api/v1/webhook-consent/good"}).status, 204);
  EXPECT_EQ(control.consents.size(), 5U) << "who only looks uses nothing up";
  EXPECT_EQ(Send("DELETE", "/api/v1/webhook-consent/good").status, 405);
}

TEST_F(TrialsApi, AP24_TablesAreListedForChoosing) {
  const std::string path = "/api/v1/connections/tables";
  const RawAnswer answer = Send("POST", path, R"({"config":{"connector.class":"db"}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(
      Parse(answer).dump(),
      R"({"items":[{"schema":"public","table":"orders","columns":[{"name":"id","type":"bigint","nullable":false},)"
      R"({"name":"note","type":"text","nullable":true}],"key":["id"],"rows_estimate":7,"replica_identity":"default"}]})");
  EXPECT_EQ(Send("POST", path, R"({"connector":"hook"})").status, 409) << "a sink";
  EXPECT_EQ(Send("POST", path, "{}").status, 400);
}

TEST_F(TrialsApi, AP25_ATestEventAnswersWithRequestResponseAndDuration) {
  const RawAnswer answer =
      Send("POST", "/api/v1/connectors/hook/test-event", R"({"stream":"shop.public.orders","payload":{"n":1}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Parse(answer).dump(), R"({"ok":true,"request":"POST /hook\r\n\r\n{\"n\":1}","status":200,)"
                                  R"("response":"HTTP 200\r\n\r\nok","duration_ms":1.5,"error":null})");
  EXPECT_EQ(Send("POST", "/api/v1/connectors/hook/test-event").status, 200) << "a body is not needed";
  EXPECT_EQ(Send("POST", "/api/v1/connectors/hook/test-event", R"({"strem":"x"})").status, 400);
  EXPECT_EQ(Send("POST", "/api/v1/connectors/nobody/test-event").status, 404);
  AddSink("docs");
  EXPECT_EQ(Send("POST", "/api/v1/connectors/docs/test-event").status, 409);
}

TEST_F(TrialsApi, AP22_ATraceIsOffUntilItIsAskedForAndEndsByItself) {
  const std::string path = "/api/v1/connectors/hook/trace";
  EXPECT_EQ(Parse(Get(path)).dump(), R"({"on":false,"until":null,"items":[]})");
  EXPECT_EQ(Parse(Send("POST", path, R"({"seconds":60,"q":"op = insert"})"))["on"], true);
  EXPECT_TRUE(control.trace->Wants(R"({"op":"insert"})"));
  EXPECT_FALSE(control.trace->Wants(R"({"op":"delete"})"));
  TracedDelivery traced;
  traced.outcome = "delivered";
  traced.body = std::string(10'000, 'x');
  for (int i = 0; i < 1'100; ++i) control.trace->Add(traced);
  const Json told = Parse(Get(path));
  EXPECT_EQ(told["items"].size(), 1'000U);
  EXPECT_EQ(told["items"][0]["body"].get<std::string>().size(), 4'096U);
  control.manual_clock.now_us += 61'000'000;
  EXPECT_EQ(Parse(Get(path))["on"], false);
  Send("POST", path, R"({"seconds":60})");
  EXPECT_EQ(Parse(Get(path))["items"].size(), 0U) << "a new one begins empty";
  EXPECT_EQ(Send("DELETE", path).status, 204);
  EXPECT_EQ(Parse(Get(path))["on"], false);
  for (const char* bad : {"{}", R"({"seconds":0})", R"({"seconds":3601})", R"({"seconds":"60"})",
                          R"({"seconds":60,"q":"op ="})", R"({"seconds":60,"for":"x"})"})
    EXPECT_EQ(Send("POST", path, bad).status, 400) << bad;
  EXPECT_EQ(Get("/api/v1/connectors/docs/trace").status, 409);
}

}  // namespace
}  // namespace headgate::test
