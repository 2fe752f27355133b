#include "tests/unit/web/web_fixture.h"

// POST /api/v1/connectors/{c}/rewind (admin API, 4.1).
namespace headgate::test {
namespace {

class RewindApi : public WebTest {
 protected:
  RewindApi() {
    AddSink();
    AddSource();
    ConnectorStatus status;
    status.name = "hook";
    status.kind = config::ComponentKind::kSink;
    status.topics = {"shop.public.orders"};
    control.SetStatus(status);
    for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) control.Insert(lsn, static_cast<std::int64_t>(lsn), "x");
  }
  static inline const std::string kPath = "/api/v1/connectors/hook/rewind";
};

TEST_F(RewindApi, ADryRunTellsHowManyGoOutAgainAndChangesNothing) {
  const RawAnswer answer = Send("POST", kPath, R"({"to":"2-1","dry_run":true})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Parse(answer).dump(), R"({"to":"2-1","records":7,"skipped":0,"dead_letters":1,"complete":true})");
  EXPECT_TRUE(control.rewinds.empty());
}

TEST_F(RewindApi, PlacesTimesAndEndsAreTakenWithStreamsAndKey) {
  for (const auto& [to, at] : {std::pair<std::string, At>{"beginning", {1, 0}},
                               {"end", {control.log().last_seq() + 1, 0}},
                               {"3-1", {3, 1}},
                               {"2000-01-01", {1, 0}},
                               {"2999-01-01", {control.log().last_seq() + 1, 0}}}) {
    const RawAnswer answer = Send("POST", kPath, R"({"to":")" + to + R"("})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    ASSERT_FALSE(control.rewinds.empty());
    EXPECT_EQ(control.rewinds.back().to, at) << to;
    EXPECT_EQ(Parse(answer)["after"], ToText(at));
  }
  Send("POST", kPath, R"({"to":"beginning","streams":["shop.public.orders"],"key":{"id":7}})");
  EXPECT_EQ(control.rewinds.back().streams, std::vector<std::string>{"shop.public.orders"});
  EXPECT_EQ(control.rewinds.back().key, R"({"id":7})");
  Send("POST", kPath, R"({"to":"beginning","key":7})");
  EXPECT_EQ(control.rewinds.back().key, "7");
}

TEST_F(RewindApi, WhatIsWrongIsSaidAndChangesNothing) {
  for (const auto& [body, status, names] :
       {std::tuple{"[]", 400, "The body must be"}, std::tuple{R"({"streams":["shop.public.orders"]})", 400, "to"},
        std::tuple{R"({"to":"yesterday"})", 400, "to must be"},
        std::tuple{R"({"to":"1-0","dry_run":"yes"})", 400, "dry_run"},
        std::tuple{R"({"to":"1-0","key":[1]})", 400, "key must be"},
        std::tuple{R"({"to":"1-0","sink":"x"})", 400, "sink"},
        std::tuple{R"({"to":"1-0","streams":[]})", 400, "streams must be"},
        std::tuple{R"({"to":"1-0","streams":["crm.x"]})", 422, "It reads: shop.public.orders."}}) {
    const RawAnswer answer = Send("POST", kPath, body);
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_NE(answer.body.find(names), std::string::npos) << answer.body;
  }
  EXPECT_EQ(Send("POST", "/api/v1/connectors/shop/rewind", R"({"to":"end"})").status, 409) << "a source";
  EXPECT_EQ(Send("POST", "/api/v1/connectors/none/rewind", R"({"to":"end"})").status, 404);
  control.rewind_refusal = Refusal{422, "Retention has dropped that.", {}};
  EXPECT_EQ(Send("POST", kPath, R"({"to":"1-0"})").status, 422);
  EXPECT_EQ(Send("POST", kPath, R"({"to":"1-0","dry_run":true})").status, 422);
  EXPECT_TRUE(control.rewinds.empty());
}

}  // namespace
}  // namespace headgate::test
