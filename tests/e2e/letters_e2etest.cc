// Bulk operations on dead letters that were accepted end, whatever dies meanwhile (AP17).
#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;

class BulkLetters : public Api {
 protected:
  static constexpr const char* kLetters = "/api/v1/connectors/hook/dead-letters";

  // Fifty letters that nobody takes.
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    receiver_.SetPolicy([](const CountingReceiver::Request&) { return CountingReceiver::Reply::Status(400); });
    Create("shop", shop_->Source());
    auto hook = Shop::Hook(receiver_.url(), "shop\\.public\\.customers");
    hook["non_retryable"] = "400";
    Create("hook", hook);
    ASSERT_TRUE(WaitFor([&] { return Left() == 50; }, seconds(20))) << headgate_->Stderr();
  }
  std::size_t Left() { return Call("GET", std::string(kLetters) + "?limit=100", 200)["items"].size(); }
  void RestartWith(const std::string& failpoints) {
    headgate_->KillHard();
    headgate_->set_failpoints(failpoints);
    ASSERT_TRUE(headgate_->Start().ok()) << headgate_->Stderr();
  }
  Result<HttpAnswer> Ask(const std::string& verb) {
    return HttpCall(headgate_->address(), "POST", std::string(kLetters) + "/" + verb, R"({"filter":{"all":true}})",
                    {{"Idempotency-Key", "once"}});
  }
  // The operation that the only event of this kind tells of.
  json OperationOf(const std::string& kind) {
    const json items = Call("GET", "/api/v1/events?kind=" + kind, 200)["items"];
    EXPECT_EQ(items.size(), 1U) << items;
    return Call("GET", "/api/v1/operations/" + items[0]["details"]["operation"].get<std::string>(), 200);
  }
  void ExpectDone(const std::string& kind) {
    EXPECT_TRUE(WaitFor([&] { return OperationOf(kind)["state"] == "done"; })) << OperationOf(kind);
    EXPECT_EQ(OperationOf(kind)["matched"], 50);
    EXPECT_EQ(OperationOf(kind)["done"], 50);
    EXPECT_EQ(OperationOf(kind)["failed"], 0);
  }
};

TEST_F(BulkLetters, AP17_ARetryThatDiesHalfwayEndsBehindTheRestart) {
  RestartWith("deliver.letter=kill:30");
  const auto answer = Ask("retry");
  ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
  receiver_.SetPolicy(nullptr);
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return Left() == 0; }, seconds(20))) << headgate_->Stderr();
  EXPECT_TRUE(receiver_.WaitForDistinct(50, seconds(20)));
  ExpectDone("letters_retried");
  if (answer.ok()) {
    EXPECT_EQ(json::parse(answer->body)["operation"], OperationOf("letters_retried")["id"]);
  }
  RestartWith("");
  ExpectDone("letters_retried");
}

TEST_F(BulkLetters, AP17_AP4_ADiscardThatDiesBeforeItsAnswerIsOneWithItsRepetition) {
  RestartWith("letters.accepted=kill");
  EXPECT_FALSE(Ask("discard").ok());
  ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  const auto again = Ask("discard");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status, 202) << again->body;
  EXPECT_EQ(json::parse(again->body)["matched"], 50);
  EXPECT_TRUE(WaitFor([&] { return Left() == 0; }, seconds(20))) << headgate_->Stderr();
  ExpectDone("letters_discarded");
  EXPECT_EQ(json::parse(again->body)["operation"], OperationOf("letters_discarded")["id"]);
}

TEST_F(BulkLetters, AP17_OfASinkThatIsStoppedTheyAreDiscardedAllTheSame) {
  Call("PUT", "/connectors/hook/stop", 204);
  RestartWith("letters.accepted=kill");
  EXPECT_FALSE(Ask("discard").ok());
  ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return Left() == 0; }, seconds(20))) << headgate_->Stderr();
  ExpectDone("letters_discarded");
  EXPECT_EQ(StateOf("hook"), "STOPPED");
}

TEST_F(BulkLetters, AP16_OneThatWasDiscardedOrRetriedStaysSoOverAKill) {
  Call("POST", std::string(kLetters) + "/1/discard", 204);
  Call("POST", std::string(kLetters) + "/2/retry", 202);
  RestartWith("");
  receiver_.SetPolicy(nullptr);
  EXPECT_TRUE(WaitFor([&] { return Left() <= 49; }, seconds(20))) << Left() << headgate_->Stderr();
  Call("GET", std::string(kLetters) + "/1", 404);
  for (const char* verb : {"discard", "retry"}) {
    RestartWith("letters.accepted=kill");
    const std::string path = std::string(kLetters) + (*verb == 'd' ? "/4/discard" : "/5/retry");
    EXPECT_FALSE(HttpCall(headgate_->address(), "POST", path, "", {}).ok());
    ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
    const auto gone = [&] { return HttpCall(headgate_->address(), "GET", path.substr(0, path.rfind('/')), "", {}); };
    EXPECT_TRUE(WaitFor([&] { return gone()->status == 404; }, seconds(20))) << verb << headgate_->Stderr();
  }
}

TEST_F(BulkLetters, KC26_OperationsGoWithASinkThatIsForgotten) {
  ASSERT_EQ(Ask("discard")->status, 202);
  EXPECT_TRUE(WaitFor([&] { return Left() == 0; }));
  const std::string id = OperationOf("letters_discarded")["id"];
  Call("DELETE", "/connectors/hook?forget=true", 204);
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/connectors", 200) == json({"shop"}); }));
  EXPECT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(headgate_->Start().ok());
  Call("GET", "/api/v1/operations/" + id, 404);
}

}  // namespace
}  // namespace headgate::test
