// What every sink owes (design D9): a new one is a target and one line in the list below.
#include "tests/conformance/kafka_target.h"
#include "tests/conformance/sink_target.h"
#include "tests/e2e/api.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

using Targets = testing::Types<WebhookTarget, SearchTarget, TableTarget, MysqlTableTarget, KafkaTarget>;

constexpr seconds kSlowest{600};  // a catch-up; seconds, but for sanitizers on a busy machine

// The sink `main` carries the shop to the target; `other` carries it to a receiver that is always well.
template <class Target>
class SinkConformance : public Api {
 protected:
  void SetUp() override {
    Api::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    HG_WITH_SERVER(Target::kServer, target_, Target::Start());
    Create("shop", shop_->Source());
    Create("main", target_->Settings());
    ConnectorSettings other = Shop::Hook(receiver_.url());
    other["batch_events_max"] = "500";
    Create("other", other);
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void InsertOrders(int first, int count) {
    Exec("INSERT INTO public.orders (id, customer, total, tags) SELECT " + std::to_string(first) +
         " + g, 1, g, '{}' FROM generate_series(1, " + std::to_string(count) + ") g");
  }
  void Restart(const std::string& failpoints = "") {
    headgate_->set_failpoints(failpoints);
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
  void Pause(milliseconds time) {
    Signal never;
    never.WaitUntil(std::chrono::steady_clock::now() + time, {});
  }
  void ExpectSame() {
    shop_->StopLoad();
    EXPECT_THAT(target_->WaitForTables(*shop_, kSlowest), IsEmpty()) << headgate_->Stderr();
  }
  // CG-09: whatever becomes of the target, nobody else waits.
  void ExpectOtherSame() {
    EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), kSlowest), IsEmpty());
    EXPECT_THAT(receiver_.Violations(), IsEmpty());
  }
  bool CaughtUp() {
    const auto lag = headgate_->Call("GET", "/api/v1/connectors/main/lag");
    const json told = lag.ok() ? json::parse(lag->body, nullptr, false) : json();
    return told.is_object() && told.value("records", -1) == 0;
  }

  std::unique_ptr<Target> target_;
};

TYPED_TEST_SUITE(SinkConformance, Targets);

TYPED_TEST(SinkConformance, CG01_KillsAtEveryFailpointUnderLoadLoseNothing) {
  this->shop_->StartLoad(31, 150);
  std::vector<std::string> points = {"deliver.done", "deliver.before_cursor", "deliver.cursor"};
  for (const std::string& own : this->target_->failpoints()) points.push_back(own);
  for (const std::string& point : points) {
    this->headgate_->KillHard();
    this->Restart(point + "=kill:5");
    EXPECT_TRUE(this->headgate_->WaitEnd(seconds(40)).has_value()) << point << " was never reached";
    this->headgate_->KillHard();
    this->Restart();
  }
  this->ExpectSame();
  this->ExpectOtherSame();
}

TYPED_TEST(SinkConformance, CG09_ATargetThatIsDownFor100000ChangesHoldsUpNobodyAndCatchesUp) {
  this->ExpectSame();
  this->target_->proxy().Refuse();
  for (int i = 0; i < 20; ++i) this->InsertOrders(1'000'000 + 5'000 * i, 5'000);
  this->ExpectOtherSame();
  this->target_->proxy().Pass();
  this->ExpectSame();
}

TYPED_TEST(SinkConformance, CG10_ASlowTargetHoldsUpNobody) {
  this->shop_->StartLoad(32, 100);
  this->target_->proxy().Slow(20'000);
  this->Pause(seconds(3));
  this->shop_->StopLoad();
  this->ExpectOtherSame();
  this->target_->proxy().Pass();
  this->ExpectSame();
}

TYPED_TEST(SinkConformance, CG10_ConnectionsThatAreCutInMessagesLoseNothing) {
  this->shop_->StartLoad(33, 150);
  for (int i = 0; i < 4; ++i) {
    this->target_->proxy().ResetAfterToServer(5'000 + 2'000 * i);
    this->target_->proxy().ResetAfterToClient(100 + 50 * i);
    this->Pause(milliseconds(700));
  }
  this->target_->proxy().Stall();
  this->Pause(milliseconds(700));
  this->target_->proxy().Pass();
  this->target_->proxy().Cut();
  this->ExpectSame();
  EXPECT_GT(this->target_->proxy().resets(), 0);
}

// What is no answer is none, and what was sent goes out again.
TYPED_TEST(SinkConformance, AnAnswerThatIsGarbledIsNotTaken) {
  this->ExpectSame();
  this->shop_->StartLoad(34, 100);
  for (int i = 0; i < 4; ++i) {
    const int before = this->target_->proxy().edits();
    this->target_->proxy().EditToClient([&](std::string& bytes) { return this->target_->Spoil(bytes); });
    EXPECT_TRUE(WaitFor([&] { return this->target_->proxy().edits() > before; }, seconds(30)));
  }
  this->ExpectSame();
}

TYPED_TEST(SinkConformance, AFullTargetIsWaitedForWithoutAPerson) {
  this->ExpectSame();
  this->target_->SetFull(true);
  this->shop_->StartLoad(35, 100);
  this->Pause(seconds(2));
  this->shop_->StopLoad();
  this->ExpectOtherSame();
  EXPECT_FALSE(this->CaughtUp());
  this->target_->SetFull(false);
  this->ExpectSame();
}

TYPED_TEST(SinkConformance, KC13_PauseKeepsItsPlaceAlsoOverAKill) {
  this->ExpectSame();
  this->Call("PUT", "/connectors/main/pause", 202);
  ASSERT_TRUE(WaitFor([&] { return this->StateOf("main") == "PAUSED" && this->CaughtUp(); }));
  const std::uint64_t before = this->target_->arrived();
  this->InsertOrders(500'000, 100);
  this->ExpectOtherSame();
  this->headgate_->KillHard();
  this->Restart();
  ASSERT_TRUE(WaitFor([&] { return this->StateOf("main") == "PAUSED"; }));
  EXPECT_EQ(this->target_->arrived(), before);
  EXPECT_FALSE(this->CaughtUp());
  this->Call("PUT", "/connectors/main/resume", 202);
  this->ExpectSame();
}

TYPED_TEST(SinkConformance, KC13_StopEndsSoonWhileTheTargetHangs) {
  this->ExpectSame();
  this->target_->proxy().Stall();
  this->InsertOrders(500'000, 100);
  this->Pause(milliseconds(500));
  const auto start = std::chrono::steady_clock::now();
  this->Call("PUT", "/connectors/main/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return this->StateOf("main") == "STOPPED"; }));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10));
  this->target_->proxy().Pass();
  this->Call("PUT", "/connectors/main/resume", 202);
  this->ExpectSame();
}

// Everything again, and the state on top, leave the target as it is.
TYPED_TEST(SinkConformance, OP15_ReplayAndStateUnderLoadLeaveItEqual) {
  this->ExpectSame();
  this->target_->replayed = true;
  this->shop_->StartLoad(36, 150);
  this->Call("POST", "/api/v1/connectors/main/rewind", 200, {{"to", "beginning"}});
  ASSERT_TRUE(WaitFor([&] { return this->StateOf("main") == "RUNNING"; }));
  const std::uint64_t before = this->target_->arrived();
  const auto made = this->Call("POST", "/api/v1/connectors/main/snapshots", 201, {{"mode", "full"}});
  ASSERT_TRUE(made.is_object() && made.contains("id")) << made;
  const std::string path = "/api/v1/connectors/main/snapshots/" + made["id"].template get<std::string>();
  EXPECT_TRUE(WaitFor([&] { return this->Call("GET", path, 200)["state"] == "completed"; }, kSlowest))
      << this->Call("GET", path, 200) << this->headgate_->Stderr();
  this->ExpectSame();
  EXPECT_GT(this->target_->arrived(), before);
}

}  // namespace
}  // namespace headgate::test
