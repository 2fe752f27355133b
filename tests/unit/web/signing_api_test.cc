#include "tests/unit/web/web_fixture.h"

// /api/v1/connectors/{c}/signing-secrets (admin API, 7.5).
namespace headgate::test {
namespace {

class SigningApi : public WebTest {
 protected:
  SigningApi() { AddSink(); }
  static inline const std::string kPath = "/api/v1/connectors/hook/signing-secrets";
};

TEST_F(SigningApi, S7_5ASecretIsShownOnceByTheAnswerThatMadeIt) {
  const RawAnswer made = Send("POST", kPath, R"({"generate":"ed25519"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers.at("location"), kPath + "/1");
  EXPECT_EQ(Parse(made)["secret"], "whsk_made");
  EXPECT_EQ(Parse(made)["public_key"], "whpk_made");
  const RawAnswer list = Get(kPath);
  EXPECT_EQ(Parse(list)["items"].size(), 1U);
  EXPECT_EQ(Parse(list)["items"][0]["state"], "active");
  EXPECT_EQ(list.body.find("whsk_"), std::string::npos);
}

TEST_F(SigningApi, S7_5WhatIsWrongIsSaid) {
  for (const auto& [body, status] :
       {std::pair{"[]", 400}, std::pair{R"({"generate":"rsa"})", 400}, std::pair{R"({"secret":"whsec_AAAA"})", 422},
        std::pair{R"({"secret":"x${file:/a:b}"})", 422}, std::pair{R"({"generate":"hmac","secret":"x"})", 400}})
    EXPECT_EQ(Send("POST", kPath, body).status, status) << body;
  for (const char* body : {"{}", R"({"expires_at":"soon"})", R"({"position":0})", R"({"state":"retiring"})"})
    EXPECT_EQ(Send("PATCH", kPath + "/1", body).status, 400) << body;
  EXPECT_EQ(Send("PATCH", kPath + "/7", R"({"position":1})").status, 404);
  EXPECT_EQ(Send("DELETE", kPath + "/7").status, 404);
}

}  // namespace
}  // namespace headgate::test
