// What breaks between the parts, and that it heals: the network on both sides (CG-10), the receiver, the disk (CG-08),
// a second instance (CG-11). Every test ends by proving recovery.
#include <cstdio>

#include "core/base/signal.h"
#include "tests/e2e/shop.h"
#include "tests/e2e/small_disk.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Reply = CountingReceiver::Reply;

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    HG_WITH_SERVER("postgres", shop_, Shop::Create());
    auto proxy = FaultProxy::Start("127.0.0.1", shop_->database().postgres().port());
    ASSERT_TRUE(proxy.ok()) << proxy.error().what;
    to_server_ = std::move(*proxy);
    auto hook = FaultProxy::Start("127.0.0.1", receiver_.http().port());
    ASSERT_TRUE(hook.ok()) << hook.error().what;
    to_receiver_ = std::move(*hook);
    options_.connectors["shop"] = shop_->Source(to_server_->port());
    options_.connectors["shop"]["stale_after_ms"] = "2000";
    options_.connectors["shop"]["status_interval_ms"] = "500";
    options_.connectors["hook"] = Shop::Hook("http://127.0.0.1:" + std::to_string(to_receiver_->port()) + "/hook");
    options_.connectors["hook"]["timeout_ms"] = "2000";
    options_.connectors["hook"]["breaker_open_ms_max"] = "5000";
  }

  void Start() {
    headgate_ = std::make_unique<HeadgateProcess>(options_);
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }

  void Pause(int ms) {
    Signal never;
    never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(ms), {});
  }

  void ExpectRecovery() {
    shop_->StopLoad();
    EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(180)), testing::IsEmpty())
        << headgate_->Stderr();
    EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
    const auto ended = headgate_->Terminate();
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->exit.code, 0);
  }

  std::string Status200(const std::string& path) {
    const auto answer = headgate_->Call("GET", path);
    return answer.ok() && answer->status == 200 ? answer->body : "";
  }

  std::unique_ptr<Shop> shop_;
  CountingReceiver receiver_;
  std::unique_ptr<FaultProxy> to_server_;
  std::unique_ptr<FaultProxy> to_receiver_;
  HeadgateOptions options_;
  std::unique_ptr<HeadgateProcess> headgate_;
};

TEST_F(Faults, CG10_ConnectionsCutResetAndStalledOnTheSourceSide) {
  Start();
  shop_->StartLoad(1, 150);
  Pause(1000);
  for (int i = 0; i < 3; ++i) {
    to_server_->Cut();
    Pause(400);
  }
  to_server_->ResetAfterToClient(20'000);
  Pause(2000);
  EXPECT_GE(to_server_->resets(), 1);
  to_server_->Stall();
  Pause(3500);
  to_server_->Pass();
  ExpectRecovery();
}

TEST_F(Faults, CG10_ConnectionsCutResetAndStalledOnTheReceiverSide) {
  Start();
  shop_->StartLoad(2, 150);
  Pause(1000);
  for (int i = 0; i < 3; ++i) {
    to_receiver_->Cut();
    Pause(300);
  }
  to_receiver_->ResetAfterToServer(5'000);
  Pause(1000);
  to_receiver_->ResetAfterToClient(300);
  Pause(1000);
  to_receiver_->Stall();
  Pause(3000);
  to_receiver_->Pass();
  ExpectRecovery();
}

TEST_F(Faults, W4_ReceiverThatIsDownSlowLimitingAndGarbledLosesNothing) {
  Start();
  shop_->StartLoad(3, 100);
  Pause(800);
  to_receiver_->Refuse();
  Pause(1500);
  to_receiver_->Pass();
  std::atomic<int> n = 0;
  receiver_.SetPolicy([&n](const CountingReceiver::Request&) {
    switch (n++ % 12) {
      case 1:
        return Reply::Status(500);
      case 3:
        return Reply::Status(429, {{"Retry-After", "1"}});
      case 5:
        return Reply::Raw("this is not HTTP\r\n\r\n");
      case 7: {
        Reply endless;
        endless.status = 500;
        endless.body = std::string(4096, 'x');
        endless.endless = true;
        return endless;
      }
      case 9:
        return Reply::Close();
      default:
        return Reply();
    }
  });
  Pause(4000);
  receiver_.SetPolicy(nullptr);
  ExpectRecovery();
}

TEST_F(Faults, W4_AnEndpointThatIsGoneIsDisabledAndARestartEnablesIt) {
  receiver_.SetPolicy([](const CountingReceiver::Request&) { return Reply::Status(410); });
  Start();
  bool failed = false;
  for (int i = 0; i < 100 && !failed; ++i) {
    failed = Status200("/connectors/hook/status").find("FAILED") != std::string::npos;
    if (!failed) Pause(100);
  }
  EXPECT_TRUE(failed) << Status200("/connectors/hook/status");
  EXPECT_THAT(Status200("/connectors/hook/status"), testing::HasSubstr("410"));
  const auto sent = receiver_.http().request_count();
  Pause(1500);
  EXPECT_EQ(receiver_.http().request_count(), sent) << "a disabled endpoint is left alone";
  receiver_.SetPolicy(nullptr);
  const auto answer = headgate_->Call("POST", "/connectors/hook/restart?includeTasks=true");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 202);
  ExpectRecovery();
}

TEST_F(Faults, TheServerRestartsAndTheStreamGoesOn) {
  HG_WITH_SERVER("postgres", const auto server, PrivatePostgres::Start());
  ASSERT_TRUE(server->Exec("postgres", "CREATE TABLE public.t (id int PRIMARY KEY, v text)").ok());
  CountingReceiver receiver;
  HeadgateOptions options;
  options.connectors["shop"] = {
      {"connector.class", "postgres"}, {"host", server->host()}, {"port", std::to_string(server->port())},
      {"dbname", "postgres"},          {"username", "postgres"}, {"tables", "public.t"}};
  options.connectors["hook"] = Shop::Hook(receiver.url());
  HeadgateProcess headgate(options);
  ASSERT_TRUE(headgate.Start().ok());
  ASSERT_TRUE(server->Exec("postgres", "INSERT INTO t SELECT i, 'v' FROM generate_series(1, 100) i").ok());
  ASSERT_TRUE(receiver.WaitForDistinct(100, seconds(20))) << headgate.Stderr();
  ASSERT_TRUE(server->KillHard().ok());
  ASSERT_TRUE(server->StartAgain().ok());
  ASSERT_TRUE(server->Exec("postgres", "DELETE FROM t WHERE id > 50").ok());
  auto client = server->Connect("postgres");
  ASSERT_TRUE(client.ok());
  EXPECT_THAT(receiver.WaitForTables(*client, {"public.t"}, seconds(40)), testing::IsEmpty()) << headgate.Stderr();
}

TEST_F(Faults, CG11_ASecondInstanceOnTheSameDataDirectoryRefuses) {
  Start();
  HeadgateOptions second = options_;
  second.data_dir = headgate_->data_dir();
  HeadgateProcess other(second);
  const Status started = other.Start(seconds(10));
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(other.Stderr(), testing::HasSubstr("another process has it locked"));
  ExpectRecovery();
}

TEST_F(Faults, CG08_AFullDiskStopsIntakeAndItGoesOnByItself) {
  SmallDisk disk;
  if (!disk.mounted())
    HG_REQUIRE_MACHINE("root", "a small tmpfs cannot be mounted here, so nothing is known of a full disk");
  options_.data_dir = disk.path() + "/data";
  Start();
  shop_->StartLoad(4, 100);
  Pause(1000);
  disk.Fill();
  // The last free blocks go with the log's own writes.
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(shop_->database()
                    .Exec("INSERT INTO public.orders SELECT 500000 + " + std::to_string(i) +
                          " * 2000 + g, 1, 1, '{}', repeat(md5(g::text), 12) "
                          "FROM generate_series(1, 2000) g")
                    .ok());
  }
  EXPECT_TRUE(headgate_->WaitForLine("intake stopped", seconds(20))) << headgate_->Stderr();
  Pause(1500);  // what was durable before is still being confirmed
  const auto confirmed = shop_->database().Value(
      "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'hg_" + shop_->database().name() + "'");
  Pause(1500);
  const auto later = shop_->database().Value(
      "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'hg_" + shop_->database().name() + "'");
  ASSERT_TRUE(confirmed.ok() && later.ok());
  EXPECT_EQ(*confirmed, *later) << "nothing may be confirmed that is not durable";
  ASSERT_TRUE(headgate_->running());
  disk.Empty();
  EXPECT_TRUE(headgate_->WaitForLine("intake goes on", seconds(20))) << headgate_->Stderr();
  ExpectRecovery();
}

TEST_F(Faults, H46_SigtermUnderLoadEndsInTimeWithEverythingDurable) {
  Start();
  shop_->StartLoad(5, 300);
  Pause(1500);
  const auto ended = headgate_->Terminate(seconds(5));
  ASSERT_TRUE(ended.has_value()) << "still running after 5 s";
  EXPECT_EQ(ended->exit.code, 0) << ended->exit.Text();
  ASSERT_TRUE(headgate_->Start().ok());
  ExpectRecovery();
}

}  // namespace
}  // namespace headgate::test
