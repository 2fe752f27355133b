// The life of connectors over the admin API, on the real program: what was asked survives a restart, pause keeps the
// place, dead letters are seen, retried, discarded.
#include "tests/e2e/api.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Reply = CountingReceiver::Reply;

TEST_F(Api, KC11_ConnectorsAndTheirTargetStatesSurviveARestart) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20))) << headgate_->Stderr();
  Call("PUT", "/connectors/hook/pause", 202);
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "PAUSED"; }));
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", "/connectors", 200), json({"hook", "shop"}));
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "PAUSED" && StateOf("shop") == "RUNNING"; })) << StateOf("hook");
  ASSERT_TRUE(shop_->database().Exec("UPDATE public.customers SET city = 'x'").ok());
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/lag", 200)["records"] == 50; }))
      << Call("GET", "/api/v1/connectors/hook/lag", 200);
  EXPECT_EQ(receiver_.distinct(), 250u);
  Call("PUT", "/connectors/hook/resume", 202);
  EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(30)), testing::IsEmpty());
  EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
}

TEST_F(Api, KC25_ASourceThatComesAgainResumesInTheNextEpoch) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  Call("DELETE", "/connectors/shop", 204);
  Call("GET", "/connectors/shop", 404);
  ASSERT_TRUE(shop_->database().Exec("UPDATE public.customers SET city = 'while away'").ok());
  Create("shop", shop_->Source());
  EXPECT_THAT(receiver_.WaitForTables(shop_->database().session(), shop_->tables(), seconds(30)), testing::IsEmpty())
      << headgate_->Stderr();
  EXPECT_EQ(receiver_.distinct(), 300u);
  bool next_epoch = false;
  for (const auto& request : receiver_.http().Requests())
    next_epoch = next_epoch || request.Header("webhook-id").value_or("").starts_with("shop:1-");
  EXPECT_TRUE(next_epoch);
}

TEST_F(Api, KC27_ASinkWhoseSourceWasDeletedIsInErrorUntilItIsThereAgain) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  const auto health = [&] { return Call("GET", "/api/v1/connectors/hook/health", 200); };
  EXPECT_TRUE(WaitFor([&] { return health()["status"] == "healthy"; })) << health();
  Call("DELETE", "/connectors/shop", 204);
  EXPECT_EQ(health()["status"], "error");
  EXPECT_THAT(health().dump(), testing::HasSubstr("Source shop was deleted"));
  Create("shop", shop_->Source());
  EXPECT_TRUE(WaitFor([&] { return health()["status"] == "healthy"; })) << health();
}

TEST_F(Api, KC22_OffsetsTopicsAndReadersOfASinkShowInEveryState) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  const auto expect = [&] {
    const json offsets = Call("GET", "/connectors/hook/offsets", 200)["offsets"];
    ASSERT_EQ(offsets.size(), 2u);
    EXPECT_GT(offsets[0]["offset"]["kafka_offset"], 1);
    EXPECT_EQ(Call("GET", "/connectors/hook/topics", 200)["hook"]["topics"].size(), 2u);
    EXPECT_EQ(Call("GET", "/api/v1/connectors/hook", 200)["streams"].size(), 2u);
    const json stream = Call("GET", "/api/v1/streams/shop.public.orders", 200);
    ASSERT_EQ(stream["readers"].size(), 1u);
    EXPECT_EQ(stream["readers"][0]["name"], "hook");
  };
  Call("PUT", "/connectors/hook/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "STOPPED"; }));
  expect();
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "STOPPED"; }));
  expect();
}

TEST_F(Api, KC25_ASinkThatComesAgainSaysThatItResumes) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url()));
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  Call("DELETE", "/connectors/hook", 204);
  Create("hook", Shop::Hook(receiver_.url()));
  const json created = Call("GET", "/api/v1/events?kind=connector_created&connector=hook", 200)["items"];
  ASSERT_EQ(created.size(), 2u);
  EXPECT_THAT(created[0].dump(), testing::HasSubstr("resumes at its cursor"));
  EXPECT_THAT(created[1].dump(), testing::Not(testing::HasSubstr("resumes")));
}

TEST_F(Api, AP3_AChangeThatChangesNothingKeepsTheVersionAndLeavesNoEvent) {
  Create("hook", Shop::Hook(receiver_.url()));
  const auto etag = [&] { return headgate_->Call("GET", "/connectors/hook/config")->headers["etag"]; };
  const auto before = etag();
  ASSERT_NE(before, "");
  Call("PATCH", "/connectors/hook/config", 200, json::object());
  EXPECT_EQ(etag(), before);
  EXPECT_TRUE(Call("GET", "/api/v1/events?kind=connector_changed", 200)["items"].empty());
  Call("PATCH", "/connectors/hook/config", 200, {{"ops", "insert"}});
  EXPECT_NE(etag(), before);
  EXPECT_EQ(Call("GET", "/api/v1/events?kind=connector_changed", 200)["items"].size(), 1u);
  const auto paused = headgate_->Call("PUT", "/connectors/hook/pause");
  ASSERT_TRUE(paused.ok());
  const json events = Call("GET", "/api/v1/events?kind=target_state", 200)["items"];
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["details"]["request_id"], paused->headers.at("request-id"));
}

TEST_F(Api, W9_AnUnverifiedCertificateIsAnEventOfItsOwn) {
  const auto events = [&] { return Call("GET", "/api/v1/events?kind=tls_not_verified", 200)["items"]; };
  auto hook = Shop::Hook("https://127.0.0.1:1/hook");
  Create("hook", hook);
  EXPECT_TRUE(events().empty());
  Call("PATCH", "/connectors/hook/config", 200, {{"tls_verify", "false"}});
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0]["connector"], "hook");
  EXPECT_THAT(events()[0]["actor"].get<std::string>(), testing::HasSubstr("127.0.0.1"));
  Call("PATCH", "/connectors/hook/config", 200, {{"ops", "insert"}});
  EXPECT_EQ(events().size(), 1u) << "it was so before";
  hook["tls_verify"] = "false";
  Create("other", hook);
  EXPECT_EQ(events().size(), 2u);
}

TEST_F(Api, KC21_ASourceShowsItsPositionBeforeTheFirstCommitAndInEveryState) {
  Create("shop", shop_->Source());
  const auto offsets = [&] { return Call("GET", "/connectors/shop/offsets", 200)["offsets"]; };
  const auto durable = [&] { return Call("GET", "/api/v1/connectors/shop/lag", 200)["durable_position"]; };
  ASSERT_TRUE(WaitFor([&] { return offsets().size() == 1; }));
  EXPECT_GT(offsets()[0]["offset"]["lsn"], 0);
  EXPECT_EQ(offsets()[0]["partition"]["server"], "shop");
  Call("PUT", "/connectors/shop/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "STOPPED"; }));
  EXPECT_TRUE(durable().is_string()) << durable();
  const json lag = Call("GET", "/api/v1/connectors/shop/lag", 200);
  EXPECT_EQ(lag["slot"]["name"], "hg_" + shop_->database().name());
  EXPECT_FALSE(lag["caught_up"]) << lag;
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(offsets().size(), 1u);
  EXPECT_TRUE(durable().is_string()) << durable();
}

TEST_F(Api, AP16_DeadLettersAreSeenRetriedAndDiscarded) {
  receiver_.SetPolicy([](const CountingReceiver::Request& request) {
    return Reply::Status(request.body.find("\"key\":{\"id\":7}") != std::string::npos ||
                                 request.body.find("\"key\":{\"id\":8}") != std::string::npos
                             ? 400
                             : 200);
  });
  Create("shop", shop_->Source());
  auto hook = Shop::Hook(receiver_.url(), "shop\\.public\\.customers");
  hook["non_retryable"] = "400";
  Create("hook", hook);
  ASSERT_TRUE(receiver_.WaitForDistinct(48, seconds(20))) << headgate_->Stderr();
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].size() == 2; }))
      << Call("GET", "/api/v1/connectors/hook/dead-letters", 200);
  const json letters = Call("GET", "/api/v1/connectors/hook/dead-letters?order=oldest", 200);
  const auto id = [&](std::size_t i) {
    return letters["items"][i]["id"].is_string() ? letters["items"][i]["id"].get<std::string>()
                                                 : letters["items"][i]["id"].dump();
  };
  EXPECT_EQ(letters["items"][0]["state"], "dead");
  EXPECT_EQ(letters["items"][0]["error"]["status"], 400);
  const json one = Call("GET", "/api/v1/connectors/hook/dead-letters/" + id(0), 200);
  EXPECT_EQ(one["record"]["op"], "read");

  // They survive a crash.
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].size(), 2u);

  receiver_.SetPolicy(nullptr);
  Call("POST", "/api/v1/connectors/hook/dead-letters/" + id(0) + "/retry", 202);
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].size() == 1; }));
  EXPECT_EQ(receiver_.distinct(), 49u);
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/events?kind=letters_delivered", 200)["items"].size() == 1; }));
  const json dry = Call("POST", "/api/v1/connectors/hook/dead-letters/discard", 200,
                        {{"filter", {{"all", true}}}, {"dry_run", true}});
  EXPECT_EQ(dry["matched"], 1);
  Call("POST", "/api/v1/connectors/hook/dead-letters/discard", 202, {{"filter", {{"all", true}}}, {"dry_run", false}});
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/connectors/hook/dead-letters", 200)["items"].empty(); }));
  EXPECT_THAT(Call("GET", "/api/v1/events?kind=letters_discarded", 200).dump(), testing::HasSubstr("filter.all"));
  EXPECT_EQ(receiver_.distinct(), 49u);
}

TEST_F(Api, AP14_AFailingEndpointIsRogueCanBeDismissedAndARestartThatWorksClearsIt) {
  receiver_.SetPolicy([](const CountingReceiver::Request&) { return Reply::Status(500); });
  Create("shop", shop_->Source());
  auto settings = Shop::Hook(receiver_.url());
  settings["parallelism"] = "1";
  settings["breaker_failures"] = "1000";  // so that the pace is ours, not the breaker's
  Create("hook", settings);
  const std::string hook = "/api/v1/connectors/hook";
  Call("PUT", hook + "/thresholds", 200, {{"failures_max", 3}});
  json health;
  const auto is = [&](const std::string& status, bool rogue) {
    health = Call("GET", hook + "/health", 200);
    return health["status"] == status && health["rogue"] == rogue;
  };
  ASSERT_TRUE(WaitFor([&] { return is("error", true); })) << health << headgate_->Stderr();
  Call("POST", hook + "/health/delivering/dismiss", 200, {{"until", "2999-01-01"}, {"reason", "known"}});
  EXPECT_TRUE(is("healthy", true)) << health;
  EXPECT_THAT(health.dump(), testing::HasSubstr("2999-01-01T00:00:00.000000Z"));

  // Limit and dismissal survive a crash.
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", hook + "/thresholds", 200)["failures_max"], 3);
  EXPECT_TRUE(WaitFor([&] { return is("healthy", true); })) << health;

  receiver_.SetPolicy(nullptr);
  Call("POST", "/connectors/hook/restart?includeTasks=true", 202);
  EXPECT_TRUE(receiver_.WaitForDistinct(250, seconds(20))) << "a restart runs at once";
  EXPECT_TRUE(WaitFor([&] { return is("healthy", false); })) << health;
  const std::string events = Call("GET", "/api/v1/events?connector=hook", 200).dump();
  EXPECT_THAT(events, testing::HasSubstr("thresholds_changed"));
  EXPECT_THAT(events, testing::HasSubstr("check_dismissed"));

  Call("DELETE", "/connectors/hook", 204);
  Create("hook", Shop::Hook(receiver_.url()));
  EXPECT_EQ(Call("GET", hook + "/thresholds", 200)["failures_max"], 10);
}

TEST_F(Api, AP11_TheSlotOfAPausedSourceIsLookedAt) {
  Create("shop", shop_->Source());
  Call("PUT", "/api/v1/connectors/shop/thresholds", 200, {{"wal_retained_bytes", 1}});
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  Call("PUT", "/connectors/shop/pause", 202);
  json health;
  const auto checked_at = [&] {
    health = Call("GET", "/api/v1/connectors/shop/health", 200);
    for (const json& check : health["checks"]) {
      if (check["id"] == "wal_retained") return check["checked_at"].get<std::string>();
    }
    return std::string();
  };
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "PAUSED" && !checked_at().empty(); }));
  const std::string first = checked_at();
  EXPECT_TRUE(WaitFor([&] { return checked_at() != first; })) << "the slot was not looked at again: " << health;
  EXPECT_EQ(health["status"], "paused");
}

TEST_F(Api, StreamsRecordsEventsAndMetricsTellWhatHappened) {
  Create("shop", shop_->Source());
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/streams", 200)["items"].size() == 2; }));
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  ASSERT_TRUE(shop_->database().Exec("UPDATE public.customers SET city = 'Lyon' WHERE id = 3").ok());
  const std::string path = "/api/v1/streams/shop.public.customers/records?from=beginning&q=op%20%3D%20update";
  EXPECT_TRUE(WaitFor([&] { return Call("GET", path, 200)["items"].size() == 1; }));
  const json record = Call("GET", path, 200)["items"][0];
  EXPECT_EQ(record["after"]["city"], "Lyon");
  EXPECT_EQ(record["key"]["id"], 3);
  EXPECT_TRUE(record.contains("at"));
  const json snapshots = Call("GET", "/api/v1/events?connector=shop&kind=snapshot", 200)["items"];
  ASSERT_EQ(snapshots.size(), 2u);  // newest first
  EXPECT_EQ(snapshots[0]["summary"], "snapshot of 2 tables completed");
  EXPECT_EQ(snapshots[1]["summary"], "snapshot of 2 tables begun");
  EXPECT_THAT(snapshots[1].dump(), testing::HasSubstr("public.customers"));
  ASSERT_TRUE(shop_->database().Exec("ALTER TABLE public.customers ADD COLUMN note text").ok());
  ASSERT_TRUE(shop_->database().Exec("UPDATE public.customers SET note = 'x' WHERE id = 3").ok());
  EXPECT_TRUE(WaitFor([&] { return Call("GET", "/api/v1/events?kind=schema", 200)["items"].size() == 1; }));
  EXPECT_THAT(Call("GET", "/api/v1/events?kind=schema", 200).dump(), testing::HasSubstr("+note text"));
  const auto metrics = headgate_->Call("GET", "/metrics");
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(metrics->body, testing::HasSubstr("headgate_connector_state{connector=\"shop\",state=\"running\"} 1"));
  EXPECT_THAT(metrics->body, testing::HasSubstr("headgate_log_last_seq"));
}

TEST_F(Api, PG15_ASlotThatWasDroppedIsADeclaredGapNotASilentJump) {
  Create("shop", shop_->Source());
  auto hook = Shop::Hook(receiver_.url());
  hook["ops"] = "insert,update,delete,read,truncate,gap";
  Create("hook", hook);
  ASSERT_TRUE(receiver_.WaitForDistinct(250, seconds(20)));
  Call("PUT", "/connectors/shop/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "STOPPED"; }));
  const std::string drop = "SELECT pg_drop_replication_slot('hg_" + shop_->database().name() + "')";
  EXPECT_TRUE(WaitFor([&] { return shop_->database().Exec(drop).ok(); }));
  Call("PUT", "/connectors/shop/resume", 202);
  EXPECT_TRUE(WaitFor([&] { return receiver_.Snapshot().gaps() == 1; })) << headgate_->Stderr();
  const json health = Call("GET", "/api/v1/connectors/shop/health", 200);
  EXPECT_NE(health["status"], "healthy");
  EXPECT_THAT(health.dump(), testing::HasSubstr("slot_missing"));
  ASSERT_TRUE(shop_->database().Exec("INSERT INTO public.customers VALUES (1000, 'after the gap')").ok());
  EXPECT_TRUE(WaitFor([&] { return receiver_.distinct() >= 252; }));

  // It is an event with its range, and an error of health until a person has seen to it, whatever runs meanwhile.
  const json events = Call("GET", "/api/v1/events?kind=gap", 200)["items"];
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["connector"], "shop");
  EXPECT_THAT(events[0].dump(), testing::HasSubstr("public.customers"));
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  const auto health_now = [&] { return Call("GET", "/api/v1/connectors/shop/health", 200); };
  EXPECT_EQ(health_now()["status"], "error");
  EXPECT_THAT(health_now().dump(), testing::HasSubstr("slot_missing"));
  Call("POST", "/connectors/shop/restart", 204);
  EXPECT_TRUE(WaitFor([&] { return health_now()["status"] == "healthy"; })) << health_now();
}

TEST_F(Api, KC13_ARestartOfWhatDoesNotFailLeavesNoEvent) {
  Create("shop", shop_->Source());
  EXPECT_TRUE(WaitFor([&] { return StateOf("shop") == "RUNNING"; }));
  Call("POST", "/connectors/shop/restart?includeTasks=true&onlyFailed=true", 202);
  EXPECT_TRUE(Call("GET", "/api/v1/events?kind=restart", 200)["items"].empty());
  Call("POST", "/connectors/shop/restart?includeTasks=true", 202);
  EXPECT_EQ(Call("GET", "/api/v1/events?kind=restart", 200)["items"].size(), 1u);
}

TEST_F(Api, S4_5_TheLagOfASinkThatIsStoppedIsExactInRecordsAndBytes) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url(), "shop\\.public\\.customers"));
  ASSERT_TRUE(receiver_.WaitForDistinct(50, seconds(20))) << headgate_->Stderr();
  const auto lag = [&] { return Call("GET", "/api/v1/connectors/hook/lag", 200); };
  EXPECT_TRUE(WaitFor([&] { return lag()["records"] == 0; })) << lag();
  EXPECT_EQ(lag()["bytes"], 0);
  Call("PUT", "/connectors/hook/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "STOPPED"; }));
  ASSERT_TRUE(
      shop_->database().Exec("UPDATE public.customers SET city = 'x'; UPDATE public.orders SET total = 1").ok());
  EXPECT_TRUE(WaitFor([&] { return lag()["records"] == 50; })) << lag();
  const json stopped = lag();
  EXPECT_GT(stopped["bytes"], 50 * 20);
  EXPECT_GT(stopped["seconds"], 0.0);
  EXPECT_EQ(stopped["caught_up"], false);

  // The same figures from the next process, and none left once it has caught up.
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(lag()["records"], 50);
  EXPECT_EQ(lag()["bytes"], stopped["bytes"]);
  Call("PUT", "/connectors/hook/resume", 202);
  EXPECT_TRUE(WaitFor([&] { return lag()["records"] == 0 && lag()["bytes"] == 0; })) << lag();
}

TEST_F(Api, AP27_CountersOnlyGrowWhileConnectorsComeAndGo) {
  Create("shop", shop_->Source());
  Create("hook", Shop::Hook(receiver_.url(), "shop\\.public\\.customers"));
  ASSERT_TRUE(receiver_.WaitForDistinct(50, seconds(20))) << headgate_->Stderr();
  const auto metric = [&](const std::string& series) {
    const auto text = headgate_->Call("GET", "/metrics");
    const std::size_t at = text.ok() ? text->body.find("\n" + series + " ") : std::string::npos;
    return at == std::string::npos ? -1.0 : std::stod(text->body.substr(at + series.size() + 2));
  };
  const std::string delivered = "headgate_sink_records_total{connector=\"hook\",result=\"delivered\"}";
  const std::string sent = "headgate_sink_request_duration_seconds_count{connector=\"hook\"}";
  const std::string read = "headgate_source_events_total{connector=\"shop\",op=\"read\"}";
  EXPECT_TRUE(WaitFor([&] { return metric(delivered) >= 50 && metric(sent) >= 50; }));
  EXPECT_EQ(metric(read), 250);
  const double before = metric(delivered);
  Call("POST", "/connectors/hook/restart?includeTasks=true", 202);
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "RUNNING"; }));
  EXPECT_GE(metric(delivered), before);
  Call("PUT", "/connectors/hook/stop", 204);
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "STOPPED"; }));
  EXPECT_GE(metric(delivered), before);
  EXPECT_GE(metric(sent), 50);
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(metric(read), 250) << "what is in the log is counted over restarts";
  EXPECT_EQ(metric(delivered), 0) << "what a process did begins anew";
  Call("DELETE", "/connectors/hook", 204);
  EXPECT_EQ(metric(delivered), -1);
}

TEST_F(Api, AP4_AKilledProcessReplaysTheAnswerThatItGave) {
  receiver_.SetPolicy([](const CountingReceiver::Request&) { return Reply::Status(400); });
  Create("shop", shop_->Source());
  auto hook = Shop::Hook(receiver_.url(), "shop\\.public\\.customers");
  hook["non_retryable"] = "400";
  Create("hook", hook);
  const std::string letters = "/api/v1/connectors/hook/dead-letters";
  const auto dead = [&] { return Call("GET", "/api/v1/connectors/hook", 200)["counts"]["dead_letters"]["dead"]; };
  EXPECT_TRUE(WaitFor([&] { return dead() == 50; })) << Call("GET", "/api/v1/connectors/hook", 200);
  const auto discard = [&](const std::string& filter) {
    return HttpCall(headgate_->address(), "POST", letters + "/discard", R"({"filter":)" + filter + "}",
                    {{"Idempotency-Key", "once"}});
  };
  const auto first = discard(R"({"all":true})");
  ASSERT_TRUE(first.ok());
  ASSERT_EQ(first->status, 202) << first->body;
  EXPECT_EQ(json::parse(first->body)["matched"], 50);
  EXPECT_TRUE(WaitFor([&] { return Call("GET", letters, 200)["items"].empty(); }));
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  const auto again = discard(R"({"all":true})");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->status, 202);
  EXPECT_EQ(again->body, first->body);
  EXPECT_EQ(discard(R"({"state":"dead"})")->status, 422);
}

TEST_F(Api, W10_OurOwnListenerIsRefusedAlsoOnAPortThatWasFree) {
  Create("shop", shop_->Source());
  const std::string url = "http://" + headgate_->address() + "/connectors";
  Create("hook", Shop::Hook(url));
  EXPECT_TRUE(WaitFor([&] { return StateOf("hook") == "FAILED"; }));
  const json status = Call("GET", "/connectors/hook/status", 200);
  EXPECT_THAT(
      status["tasks"][0]["trace"].get<std::string>(),
      testing::AllOf(testing::HasSubstr(headgate_->address()), testing::HasSubstr("listener of Headgate itself")));
}

}  // namespace
}  // namespace headgate::test
