#include <memory>
#include <set>
#include <vector>

#include "tests/unit/web/web_fixture.h"

// Dead letters and operations (admin API, 4.7).
namespace headgate::test {
namespace {

class DeadLettersTest : public WebTest {
 protected:
  DeadLettersTest() {
    AddSink();
    for (std::uint64_t id = 1; id <= 5; ++id) {
      DeadLetter letter;
      letter.id = id;
      letter.state = id == 3 ? DeadLetter::State::kDead : DeadLetter::State::kWaiting;
      letter.event_id = "shop:0-00000000016e9fb0:" + std::to_string(id);
      letter.at = {40 + id, 1};
      letter.stream = "shop.public.orders";
      letter.op = "insert";
      letter.source_position = R"({"lsn":"0/16E9FB0"})";
      letter.key = "{\"id\":" + std::to_string(id % 2) + "}";
      letter.lanes = {{letter.key}};
      letter.record = R"({"op":"insert","after":{"id":1}})";
      letter.body = "<not json>";
      letter.request = "POST /hook HTTP/1.1\r\nAuthorization: ***";
      letter.response = "HTTP/1.1 500";
      letter.error_class = "status_5xx";
      letter.error_status = 500;
      letter.error_message = "HTTP 500";
      letter.attempts = 4;
      letter.first_failed_us = control.manual_clock.now_us;
      control.letters[id] = letter;
    }
  }
  std::vector<std::string> Ids(const std::string& query) {
    std::vector<std::string> ids;
    const Json page = Parse(Get(kPath + query));
    for (const Json& item : page["items"]) ids.push_back(item["id"]);
    return ids;
  }
  static inline const std::string kPath = "/api/v1/connectors/hook/dead-letters";
};

TEST_F(DeadLettersTest, S4_7_AnItemHasItsMembers) {
  const Json item = Parse(Get(kPath))["items"][0];
  EXPECT_EQ(
      item.dump(),
      R"({"id":"1","state":"waiting","stream":"shop.public.orders","key":{"id":1},"at":"41-1","event_id":"shop:0-00000000016e9fb0:1","op":"insert",)"
      R"("source":{"position":{"lsn":"0/16E9FB0"},"table":"public.orders"},"error":{"class":"status_5xx","status":500,"message":"HTTP 500"},"attempts":4,)"
      R"("first_failed_at":"2026-05-28T20:26:40.000000Z","last_failed_at":null,"next_try_at":null})");
  const Json whole = Parse(Get(kPath + "/1"));
  EXPECT_EQ(whole["record"]["after"]["id"], 1);
  EXPECT_EQ(whole["request"]["body"], "<not json>");
  EXPECT_EQ(whole["response"], "HTTP/1.1 500");
  EXPECT_TRUE(whole["history"].is_array());
}

TEST_F(DeadLettersTest, S4_7_TheListIsFilteredOrderedAndPaged) {
  EXPECT_EQ(Ids(""), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(Ids("?order=newest"), (std::vector<std::string>{"5", "4", "3", "2", "1"}));
  EXPECT_EQ(Ids("?state=dead"), std::vector<std::string>{"3"});
  for (const char* key : {"%7B%22id%22%3A0%7D", "%7B%20%22id%22%20%3A%200%20%7D", "0"})
    EXPECT_EQ(Ids("?key=" + std::string(key)), (std::vector<std::string>{"2", "4"})) << key;
  EXPECT_EQ(Ids("?error=connect"), std::vector<std::string>{});
  EXPECT_EQ(Ids("?since=2027"), std::vector<std::string>{});
  const Json first = Parse(Get(kPath + "?order=newest&limit=2"));
  EXPECT_EQ(Ids("?order=newest&limit=2&cursor=" + first["next_cursor"].get<std::string>()),
            (std::vector<std::string>{"3", "2"}));
  EXPECT_EQ(Get(kPath + "?order=oldest&cursor=" + first["next_cursor"].get<std::string>()).status, 400);
  for (const char* bad : {"?state=x", "?since=x", "?order=x"}) EXPECT_EQ(Get(kPath + bad).status, 400) << bad;
}

TEST_F(DeadLettersTest, UnknownLettersAndSourcesAreToldApart) {
  AddSource();
  EXPECT_EQ(Get(kPath + "/99").status, 404);
  EXPECT_EQ(Get(kPath + "/x").status, 404);
  EXPECT_EQ(Get("/api/v1/connectors/none/dead-letters").status, 404);
  EXPECT_EQ(Get("/api/v1/connectors/shop/dead-letters").status, 409);
}

TEST_F(DeadLettersTest, AP16_RetryNamesTheLettersThatGoFirst) {
  const RawAnswer answer = Send("POST", kPath + "/5/retry");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.headers.at("location"), kPath + "/5");
  EXPECT_EQ(answer.body, R"({"id":"5","state":"retrying","ahead":["1","3"]})");
  EXPECT_EQ(Send("POST", kPath + "/77/retry").status, 404);
  EXPECT_EQ(Send("POST", kPath + "/2/discard").status, 204);
  EXPECT_EQ(Send("POST", kPath + "/2/discard").status, 404);
}

TEST_F(DeadLettersTest, AP17_BulkNeedsAFilterAndADryRunChangesNothing) {
  const RawAnswer dry = Send("POST", kPath + "/discard", R"({"filter":{"state":"dead"},"dry_run":true})");
  EXPECT_EQ(dry.status, 200);
  EXPECT_EQ(Parse(dry)["matched"], 1);
  EXPECT_EQ(Parse(dry)["sample"][0]["id"], "3");
  EXPECT_TRUE(control.calls.empty());
  const RawAnswer real = Send("POST", kPath + "/retry", R"({"filter":{"all":true},"dry_run":false})");
  EXPECT_EQ(real.status, 202);
  EXPECT_EQ(real.headers.at("location"), "/api/v1/operations/op-1");
  EXPECT_EQ(Parse(real)["matched"], 5);
  EXPECT_EQ(Send("POST", kPath + "/discard", R"({"filter":{"key":{"id":0}}})").status, 202);
  EXPECT_EQ(control.calls, (std::vector<std::string>{"retry hook 5", "discard hook 2"}));
}

TEST_F(DeadLettersTest, AP17_WhatIsNotSaidClearlyIs400) {
  for (const char* body :
       {"", "{}", "[]", R"({"filter":{}})", R"({"filter":{"all":false}})", R"({"filter":{"all":true,"state":"dead"}})",
        R"({"filter":{"stat":"dead"}})", R"({"filter":{"state":"x"}})", R"({"filter":{"all":true},"dry_run":"yes"})",
        R"({"filter":{"all":true},"dryrun":true})", R"({"filter":{"state":7}})", R"({"filter":{"state":null}})"}) {
    EXPECT_EQ(Send("POST", kPath + "/discard", body).status, 400) << body;
  }
  EXPECT_TRUE(control.calls.empty());
}

TEST_F(DeadLettersTest, AP1_TheErrorOfABulkRequestPointsAtItsMember) {
  const std::pair<const char*, const char*> cases[] = {{R"({"filter":{"state":"gone"}})", "/filter/state"},
                                                       {R"({"filter":{"colour":"x"}})", "/filter/colour"},
                                                       {R"({"filter":{"all":true},"dry_run":1})", "/dry_run"},
                                                       {R"({"filter":{"all":true},"x":1})", "/x"},
                                                       {R"({"filter":{}})", "/filter"}};
  for (const auto& [body, pointer] : cases)
    EXPECT_EQ(Parse(Send("POST", kPath + "/discard", body))["errors"][0]["pointer"], pointer) << body;
}

TEST_F(DeadLettersTest, AP4_TheSameKeyReplaysTheFirstAnswerAndAnotherBodyIs422) {
  const std::string all = R"({"filter":{"all":true}})";
  const auto call = [&](const std::string& body) {
    return Do({.method = "POST", .path = kPath + "/retry", .body = body, .headers = {{"Idempotency-Key", "k1"}}});
  };
  const RawAnswer first = call(all);
  const RawAnswer again = call(all);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("location"), first.headers.at("location"));
  EXPECT_EQ(control.calls.size(), 1U);
  EXPECT_EQ(call(R"({"filter":{"state":"dead"}})").status, 422);
  EXPECT_EQ(
      Do({.method = "POST", .path = kPath + "/discard", .body = all, .headers = {{"Idempotency-Key", "k1"}}}).status,
      422)
      << "another path is another request";
  control.kept_answers.clear();  // they are dropped after a day
  control.manual_clock.now_us += 25LL * 3600 * 1'000'000;
  EXPECT_EQ(call(all).status, 202);
  EXPECT_EQ(control.calls.size(), 2U);
}

TEST_F(DeadLettersTest, AP4_OfManyRequestsAtOnceWithOneKeyOneIsDoneAndAllGetItsAnswer) {
  const std::string request = Serialise({.method = "POST",
                                         .path = kPath + "/retry",
                                         .body = R"({"filter":{"all":true}})",
                                         .headers = {{"Idempotency-Key", "k1"}}},
                                        address());
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<RawClient>(address()));
  for (const auto& client : clients) client->Send(request);
  std::set<std::string> bodies;
  for (const auto& client : clients) {
    const RawAnswer answer = client->Read();
    EXPECT_EQ(answer.status, 202) << "they take turns, so none finds the first one running";
    bodies.insert(answer.body);
  }
  EXPECT_EQ(bodies.size(), 1U);
  EXPECT_EQ(control.calls.size(), 1U);
}

TEST_F(DeadLettersTest, AP4_TheAnswerIsReplayedByTheNextProcess) {
  const auto call = [&](const std::string& body) {
    return Do({.method = "POST", .path = kPath + "/retry", .body = body, .headers = {{"Idempotency-Key", "k1"}}});
  };
  const std::string all = R"({"filter":{"all":true}})";
  const RawAnswer first = call(all);
  ASSERT_EQ(first.status, 202);
  server.reset();
  const RawAnswer again = call(all);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("location"), first.headers.at("location"));
  EXPECT_EQ(call(R"({"filter":{"state":"dead"}})").status, 422);
  EXPECT_EQ(control.calls.size(), 1U);
  server.reset();
  control.kept_answers["k1"] = "\xff";
  EXPECT_EQ(call(all).status, 500) << "a damaged one is not taken for a new key";
  EXPECT_EQ(control.calls.size(), 1U);
  EXPECT_EQ(Do({.method = "POST",
                .path = kPath + "/retry",
                .body = all,
                .headers = {{"Idempotency-Key", std::string(256, 'k')}}})
                .status,
            400);
}

TEST_F(DeadLettersTest, OperationsAreFoundById) {
  control.operation = Operation{"op-1", "running", 5, 2, 1, ""};
  EXPECT_EQ(Get("/api/v1/operations/op-1").body,
            R"({"id":"op-1","state":"running","matched":5,"done":2,"failed":1,"error":null})");
  EXPECT_EQ(Get("/api/v1/operations/op-2").status, 404);
}

}  // namespace
}  // namespace headgate::test
