#include "core/pipeline/supervisor.h"

#include <map>

#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::SinkScript;
using test::SourceScript;

// The factories are plain functions; what they make is found here by the connector's name.
std::map<std::string, std::shared_ptr<SourceScript>> source_scripts;
std::map<std::string, std::shared_ptr<SinkScript>> sink_scripts;

std::vector<config::KeyError> CheckNothing(const config::Bound&) { return {}; }
std::unique_ptr<Source> MakeSource(const std::string& name, const config::Bound&, const Clock&) {
  return std::make_unique<test::ScriptedSource>(source_scripts.at(name));
}
std::unique_ptr<Sink> MakeSink(const std::string& name, const config::Bound&, const SinkServices&) {
  return std::make_unique<test::CorkedSink>(sink_scripts.at(name));
}

const config::ComponentSpec kSourceSpec = {.class_name = "ScriptedSource",
                                           .aliases = {"scripted"},
                                           .kind = config::ComponentKind::kSource,
                                           .options = {{.name = "failed_after_ms", .type = config::OptionType::kLong},
                                                       {.name = "source_id"},
                                                       {.name = "host", .required = true}}};
const config::ComponentSpec kSinkSpec = {.class_name = "CorkedSink",
                                         .aliases = {"corked"},
                                         .kind = config::ComponentKind::kSink,
                                         .options = {{.name = "url"}}};
const SourceFactory kSourceFactory = {&kSourceSpec, "postgresql", CheckNothing, MakeSource, nullptr, nullptr};
const SinkFactory kSinkFactory = {&kSinkSpec, CheckNothing, MakeSink, nullptr};

class Supervising : public test::LogTest {
 protected:
  void SetUp() override {
    source_ = source_scripts["shop"] = std::make_shared<SourceScript>();
    sink_ = sink_scripts["hook"] = std::make_shared<SinkScript>();
    Start();
  }
  void TearDown() override { supervisor_.reset(); }

  void Start() {
    auto events = Events::Open(*store_, SystemClock());
    ASSERT_TRUE(events.ok());
    events_ = std::move(*events);
    auto secrets = config::SecretResolver::Create({});
    ASSERT_TRUE(secrets.ok());
    secrets_ = std::make_unique<config::SecretResolver>(std::move(*secrets));
    services_.clock = &SystemClock();
    supervisor_ =
        std::make_unique<Supervisor>(Supervisor::Parts{store_.get(), log_.get(), events_.get(), secrets_.get(),
                                                       &services_, &SystemClock(), [this] { changes_.Raise(); }});
  }
  ConnectorPlan SourcePlan(config::FlatConfig extra = {}) const {
    config::FlatConfig flat = {{"connector.class", "scripted"}, {"name", "shop"}, {"host", "db"}};
    flat.merge(extra);
    return {"shop", &kSourceFactory, nullptr, flat, TargetState::kRunning};
  }
  ConnectorPlan SinkPlan() const {
    return {"hook",
            nullptr,
            &kSinkFactory,
            {{"connector.class", "corked"}, {"name", "hook"}, {"topics", "shop.public.orders"}},
            TargetState::kRunning};
  }
  void SetTarget(ConnectorPlan plan, TargetState target) {
    plan.target = target;
    supervisor_->Apply(std::move(plan));
  }
  bool Await(const std::string& name, const std::function<bool(const ConnectorStatus&)>& holds) {
    return test::Eventually(changes_, [&] {
      const auto status = supervisor_->Status(name);
      return status != nullptr && holds(*status);
    });
  }
  bool AwaitState(const std::string& name, State state) {
    return Await(name, [state](const ConnectorStatus& s) { return s.state == state; });
  }
  void Push(std::vector<std::uint64_t> lsns) { source_->steps.TryPush({std::move(lsns), std::nullopt, std::nullopt}); }
  void Break(Error error) { source_->steps.TryPush({{}, std::move(error), std::nullopt}); }

  std::shared_ptr<SourceScript> source_;
  std::shared_ptr<SinkScript> sink_;
  std::unique_ptr<Events> events_;
  std::unique_ptr<config::SecretResolver> secrets_;
  SinkServices services_;
  Signal changes_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(Supervising, ASourceAndASinkRunAndWhatIsReadComesOut) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  Push({10, 20});
  ASSERT_TRUE(sink_->Await(3));
  EXPECT_EQ(sink_->ids(), (std::vector<std::int64_t>{10'000, 20'000}));
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  ASSERT_TRUE(AwaitState("hook", State::kRunning));
  const auto source = supervisor_->Status("shop");
  EXPECT_EQ(source->kind, config::ComponentKind::kSource);
  ASSERT_EQ(source->tasks.size(), 1U);
  EXPECT_EQ(source->tasks[0].state, State::kRunning);
  EXPECT_NE(source->source, nullptr);
  EXPECT_TRUE(test::Eventually(changes_, [&] { return supervisor_->Status("hook")->next_seq == 4; }));
  EXPECT_EQ(supervisor_->Status("hook")->topics, std::vector<std::string>{"shop.public.orders"});
  EXPECT_EQ(supervisor_->Status("unknown"), nullptr);
}

TEST_F(Supervising, AMissingSettingIsFailedWithItsNameAndNotRetried_KC12) {
  ConnectorPlan plan = SourcePlan();
  plan.config.erase("host");
  supervisor_->Apply(plan);
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  const auto status = supervisor_->Status("shop");
  EXPECT_TRUE(status->trace.starts_with("host: ")) << status->trace;
  ASSERT_EQ(status->tasks.size(), 1U);
  EXPECT_EQ(status->tasks[0].trace, status->trace);
  EXPECT_EQ(status->next_attempt_us, 0);
  EXPECT_EQ(source_->opens, 0);
  supervisor_->Apply(SourcePlan());
  EXPECT_TRUE(AwaitState("shop", State::kRunning)) << "a changed config starts it";
  EXPECT_EQ(supervisor_->Status("shop")->trace, "");
}

TEST_F(Supervising, AStartThatFailsForItsConfigWaitsForAPerson_KC12_KC14) {
  source_->open_errors.TryPush(ConfigError("database shop does not exist"));
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  EXPECT_EQ(supervisor_->Status("shop")->trace, "database shop does not exist");
  EXPECT_EQ(supervisor_->Status("shop")->next_attempt_us, 0);
  supervisor_->Restart("shop", true, true, true);
  EXPECT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(source_->opens, 2);
  EXPECT_EQ(supervisor_->Status("shop")->last_error, "");
}

TEST_F(Supervising, AStartThatFailsForItsPeerHealsByItself_KC14) {
  source_->open_errors.TryPush(Transient("connect to db: refused."));
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  const auto failed = supervisor_->Status("shop");
  EXPECT_EQ(failed->trace, "connect to db: refused. Next attempt in 1 s.");
  EXPECT_TRUE(failed->last_error_transient);
  EXPECT_GT(failed->next_attempt_us, 0);
  EXPECT_EQ(failed->failures_in_row, 1U);
  EXPECT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(source_->opens, 2);
  EXPECT_EQ(supervisor_->Status("shop")->failures_in_row, 0U);
}

TEST_F(Supervising, ALostConnectionStaysRunningAndIsOpenedAgain_KC14) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  Push({10});
  Break(Transient("connection lost"));
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.last_error == "connection lost"; }));
  EXPECT_EQ(supervisor_->Status("shop")->state, State::kRunning);
  EXPECT_EQ(source_->closes, 1);
  Push({20});
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->acknowledged == 20; }));
  EXPECT_EQ(source_->resumed_after, 10U);
  EXPECT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.last_error.empty(); }));
}

TEST_F(Supervising, AP14_MoreFailuresInARowThanTheLimitSlowTheStartsToOneAMinuteAndARestartRunsAtOnce) {
  for (int i = 0; i < 3; ++i) source_->open_errors.TryPush(Transient("connect to db: refused."));
  ConnectorPlan plan = SourcePlan();
  plan.failures_max = 2;
  supervisor_->Apply(plan);
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.failures_in_row == 2; }));
  EXPECT_LT(supervisor_->Status("shop")->next_attempt_us - supervisor_->Status("shop")->last_failure_us, 2'000'000);
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.failures_in_row == 3; }));
  const auto rogue = supervisor_->Status("shop");
  EXPECT_NEAR(static_cast<double>(rogue->next_attempt_us - rogue->last_failure_us), 60e6, 1e6);
  EXPECT_EQ(rogue->trace, "connect to db: refused. Next attempt in 60 s.");
  supervisor_->SetFailuresMax("shop", 5);  // starts nothing
  supervisor_->Restart("shop", true, true, false);
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(source_->opens, 4);
  EXPECT_EQ(supervisor_->Status("shop")->failures_in_row, 0U);
}

TEST_F(Supervising, AP14_ARunThatOpensAndFailsWithoutProgressIsNoSuccess) {
  ConnectorPlan plan = SourcePlan();
  plan.failures_max = 1;
  supervisor_->Apply(plan);
  Break(Transient("connection lost"));
  Break(Transient("connection lost"));
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.failures_in_row == 2; }));
  const auto rogue = supervisor_->Status("shop");
  EXPECT_NEAR(static_cast<double>(rogue->next_attempt_us - rogue->last_failure_us), 60e6, 1e6);
  supervisor_->Restart("shop", true, true, false);
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  Push({10});
  Break(Transient("connection lost"));
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.failures_in_row == 1; })) << "it had made progress";
}

TEST_F(Supervising, WhatTheLastRunSaidStaysUntilTheNextOneHasOpened) {
  source_->open_errors.TryPush(ConfigError("database shop does not exist"));
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  EXPECT_EQ(supervisor_->Status("shop")->source, nullptr);
  EXPECT_NE(supervisor_->Status("shop")->last_source, nullptr);
  SourceTelemetry seen;
  seen.slot_retained_bytes = 7;
  supervisor_->Saw("shop", seen);
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.last_source->slot_retained_bytes == 7; }));
  supervisor_->Restart("shop", true, true, false);
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(supervisor_->Status("shop")->last_source, nullptr);
  supervisor_->Saw("shop", seen);  // too late
  supervisor_->Saw("unknown", seen);
  SetTarget(SourcePlan(), TargetState::kPaused);
  ASSERT_TRUE(AwaitState("shop", State::kPaused));
  EXPECT_EQ(supervisor_->Status("shop")->last_source, nullptr);
}

TEST_F(Supervising, AConnectionThatStaysLostIsFailedAfterItsTimeAndStillHeals_KC14) {
  supervisor_->Apply(SourcePlan({{"failed_after_ms", "1"}}));
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  source_->open_errors.TryPush(Transient("still away."));
  Break(Transient("connection lost"));
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  EXPECT_TRUE(supervisor_->Status("shop")->trace.starts_with("still away. Next attempt in "))
      << supervisor_->Status("shop")->trace;
  EXPECT_TRUE(AwaitState("shop", State::kRunning));
}

TEST_F(Supervising, AnErrorThatNeedsAPersonEndsARunningConnector_KC14) {
  supervisor_->Apply(SinkPlan());
  ASSERT_TRUE(AwaitState("hook", State::kRunning));
  sink_->Do([](SinkScript::Hands& hands) { hands.fail = ConfigError("endpoint disabled"); });
  ASSERT_TRUE(AwaitState("hook", State::kFailed));
  EXPECT_EQ(supervisor_->Status("hook")->trace, "endpoint disabled");
  supervisor_->Restart("hook", true, true, false);
  EXPECT_TRUE(AwaitState("hook", State::kRunning));
  EXPECT_EQ(sink_->opens, 2);
}

TEST_F(Supervising, PauseStopAndResume_KC13) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  SetTarget(SourcePlan(), TargetState::kPaused);
  ASSERT_TRUE(AwaitState("shop", State::kPaused));
  EXPECT_EQ(supervisor_->Status("shop")->tasks.at(0).state, State::kPaused);
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->keep_alives > 0; }));
  EXPECT_EQ(source_->closes, 0) << "the connection stays";
  SetTarget(SourcePlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("shop", State::kStopped));
  EXPECT_TRUE(supervisor_->Status("shop")->tasks.empty()) << "a task never shows STOPPED";
  EXPECT_EQ(source_->closes, 1);
  Push({10});
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_TRUE(test::Eventually(source_->news, [&] { return source_->acknowledged == 10; }));
  EXPECT_EQ(source_->opens, 2);
}

TEST_F(Supervising, AConnectorThatIsPausedFromTheStartReadsNothing) {
  Push({10});
  SetTarget(SourcePlan(), TargetState::kPaused);
  ASSERT_TRUE(AwaitState("shop", State::kPaused));
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->keep_alives > 1; }));
  EXPECT_EQ(source_->reads, 0);
}

TEST_F(Supervising, OnlyAChangedConfigReplacesTheRun) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  supervisor_->Apply(SourcePlan());
  SetTarget(SourcePlan(), TargetState::kPaused);
  ASSERT_TRUE(AwaitState("shop", State::kPaused));
  EXPECT_EQ(source_->opens, 1);
  supervisor_->Apply(SourcePlan({{"source_id", "other"}}));
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->opens == 2; }));
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(source_->closes, 1);
}

TEST_F(Supervising, RestartOfWhatDoesNotFailIsLeftOutWhenOnlyFailedAreMeant) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  supervisor_->Restart("shop", true, true, true);
  supervisor_->Restart("unknown", true, true, false);
  supervisor_->Restart("shop", true, true, false);
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->opens == 2; }));
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  EXPECT_EQ(source_->opens, 2) << "once, not twice";
}

TEST_F(Supervising, RemoveEndsTheRunBeforeItTells) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  Channel<int> closes(1);
  supervisor_->Remove("shop", [&] { closes.TryPush(source_->closes.load()); });
  const auto at_that_moment = closes.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  EXPECT_EQ(at_that_moment, 1);
  EXPECT_EQ(supervisor_->Status("shop"), nullptr);
  supervisor_->Remove("unknown", [&] { closes.TryPush(7); });
  EXPECT_EQ(closes.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20)), 7);
}

TEST_F(Supervising, StopUnderLoadKeepsEverythingAcknowledgedAndEnds) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  for (std::uint64_t lsn = 1; lsn <= 500; ++lsn) Push({lsn});
  ASSERT_TRUE(sink_->Await(10));
  supervisor_->Stop();
  EXPECT_EQ(source_->closes, 1);
  EXPECT_EQ(sink_->closes, 1);
  EXPECT_FALSE(source_->acknowledged_early);
  const std::size_t delivered = sink_->got().size();
  supervisor_.reset();
  Reopen();
  EXPECT_GE(log_->progress("shop")->last->a, source_->acknowledged);
  const auto cursor = ReadCursor(*store_, "hook");
  ASSERT_TRUE(cursor.ok() && cursor->has_value());
  EXPECT_EQ((*cursor)->seq, delivered + 1) << "an orderly end repeats nothing";
}

TEST_F(Supervising, StopEndsWhatIsBlocked) {
  source_->stuck = true;
  sink_->corked = true;
  sink_->room = 0;
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  ASSERT_TRUE(test::Eventually(source_->news, [&] { return source_->reads == 1 && sink_->opens == 1; }));
  supervisor_->Stop();
  EXPECT_EQ(source_->closes, 1);
  EXPECT_EQ(sink_->closes, 1);
}

TEST_F(Supervising, LettersOfARunningAndOfAStoppedSinkCanBeDiscarded) {
  const auto letters = DeadLetters::Open(*store_, "hook");
  StoreBatch batch;
  DeadLetter letter;
  letter.state = DeadLetter::State::kDead;
  for (int i = 0; i < 2; ++i) (*letters)->Add(batch, letter);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  Channel<bool> answers(10);
  const auto discard = [&](std::uint64_t id) {
    supervisor_->Letters("hook", {LetterCommand::Kind::kDiscard, {id}, [&](bool done) { answers.TryPush(done); }});
    return answers.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20)).value_or(false);
  };
  EXPECT_TRUE(discard(1));
  supervisor_->Apply(SinkPlan());
  ASSERT_TRUE(AwaitState("hook", State::kRunning));
  EXPECT_TRUE(discard(2));
  EXPECT_FALSE(discard(2));
  SetTarget(SinkPlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("hook", State::kStopped));
  EXPECT_EQ((*DeadLetters::Open(*store_, "hook"))->size(), 0U);
}

TEST_F(Supervising, EveryChangeOfStateIsAnEvent) {
  source_->open_errors.TryPush(ConfigError("database shop does not exist"));
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kFailed));
  supervisor_->Restart("shop", true, true, false);
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  std::vector<std::string> summaries;
  std::string trace;
  ASSERT_TRUE(events_
                  ->Read(0,
                         [&](ServiceEvent&& event) {
                           EXPECT_EQ(event.connector, "shop");
                           summaries.insert(summaries.begin(), event.summary);
                           if (event.details.contains("trace")) trace = event.details["trace"];
                           return true;
                         })
                  .ok());
  EXPECT_EQ(summaries,
            (std::vector<std::string>{"UNASSIGNED -> FAILED", "FAILED -> RESTARTING", "RESTARTING -> RUNNING"}));
  EXPECT_EQ(trace, "database shop does not exist");
}

TEST_F(Supervising, AP27_TheCountersOfASinkOnlyGrowWhateverHappensToItsRuns) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  Push({10, 20});
  ASSERT_TRUE(sink_->Await(3));
  const auto delivered = [&] { return supervisor_->Status("hook")->totals.records.delivered; };
  ASSERT_TRUE(test::Eventually(changes_, [&] { return delivered() == 3; }));
  supervisor_->Restart("hook", true, true, false);
  Push({30});
  ASSERT_TRUE(sink_->Await(4));
  ASSERT_TRUE(test::Eventually(changes_, [&] { return delivered() == 4; }));
  SetTarget(SinkPlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("hook", State::kStopped));
  EXPECT_EQ(delivered(), 4U) << "also while it does not run";
  EXPECT_FALSE(supervisor_->Status("hook")->place.has_value());

  StoreBatch batch;
  const auto letters = DeadLetters::Open(*store_, "hook");
  const auto id = (*letters)->Add(batch, DeadLetter{});
  ASSERT_TRUE(store_->Write(batch, true).ok());
  supervisor_->Letters("hook", {LetterCommand::Kind::kDiscard, {id}, {}});
  EXPECT_TRUE(test::Eventually(changes_, [&] { return supervisor_->Status("hook")->totals.records.discarded == 1; }));
  SetTarget(SinkPlan(), TargetState::kRunning);
  ASSERT_TRUE(AwaitState("hook", State::kRunning));
  EXPECT_EQ(delivered(), 4U);
  EXPECT_EQ(supervisor_->Status("hook")->totals.records.discarded, 1U);
}

TEST_F(Supervising, AStoppedSinkStillSaysWhereItStandsAndWhatItReads_KC22) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  Push({10, 20});
  ASSERT_TRUE(sink_->Await(3));
  ASSERT_TRUE(Await("hook", [](const ConnectorStatus& s) { return s.next_seq == 4; }));
  SetTarget(SinkPlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("hook", State::kStopped));
  const auto expect = [&] {
    const auto status = supervisor_->Status("hook");
    EXPECT_EQ(status->next_seq, 4U);
    EXPECT_EQ(status->topics, std::vector<std::string>{"shop.public.orders"});
  };
  expect();
  supervisor_.reset();  // the process starts anew
  Start();
  SetTarget(SinkPlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("hook", State::kStopped));
  expect();
}

TEST_F(Supervising, AShortLossOfTheConnectionIsAnEventAndSoIsItsEnd) {
  supervisor_->Apply(SourcePlan());
  ASSERT_TRUE(AwaitState("shop", State::kRunning));
  source_->open_errors.TryPush(Transient("still away"));
  Break(Transient("connection lost"));
  ASSERT_TRUE(test::Eventually(changes_, [&] { return source_->opens == 3; }));
  ASSERT_TRUE(Await("shop", [](const ConnectorStatus& s) { return s.last_error.empty(); }));
  std::vector<std::string> kinds;
  for (const ServiceEvent& event : test::ReadEvents(*store_)) {
    if (event.kind != "state") kinds.push_back(event.kind);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"connection_lost", "connection_restored"}));
}

TEST_F(Supervising, ARunningSinkGoesBackAndGoesOn_OP15) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  Push({10, 20, 30});
  ASSERT_TRUE(sink_->Await(4));
  Channel<Result<Rewound>> answers(2);
  supervisor_->SetBack("hook", {{3, 0}, {}, ""}, "api test",
                       [&](Result<Rewound> rewound) { answers.TryPush(std::move(rewound)); });
  const auto answer = answers.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  ASSERT_TRUE(answer.has_value() && answer->ok());
  ASSERT_TRUE(sink_->Await(6));
  EXPECT_EQ(sink_->ids(), (std::vector<std::int64_t>{10'000, 20'000, 30'000, 20'000, 30'000}));
  ASSERT_TRUE(AwaitState("hook", State::kRunning));
  supervisor_->SetBack("nobody", {{1, 0}, {}, ""}, "api test",
                       [&](Result<Rewound> rewound) { answers.TryPush(std::move(rewound)); });
  const auto refused = answers.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(refused->ok());
}

TEST_F(Supervising, ARewindStartsNoSinkThatSomebodyStopped) {
  supervisor_->Apply(SourcePlan());
  supervisor_->Apply(SinkPlan());
  Push({10, 20});
  ASSERT_TRUE(sink_->Await(3));
  SetTarget(SinkPlan(), TargetState::kStopped);
  ASSERT_TRUE(AwaitState("hook", State::kStopped));
  Channel<bool> answers(1);
  supervisor_->SetBack("hook", {{1, 0}, {}, ""}, "api test",
                       [&](const Result<Rewound>& rewound) { answers.TryPush(rewound.ok()); });
  EXPECT_EQ(answers.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20)), true);
  EXPECT_EQ(supervisor_->Status("hook")->state, State::kStopped);
  EXPECT_EQ(supervisor_->Status("hook")->next_seq, 1U);
  EXPECT_EQ(sink_->opens, 1);
  SetTarget(SinkPlan(), TargetState::kRunning);
  ASSERT_TRUE(sink_->Await(6)) << "it goes on from there";
}

}  // namespace
}  // namespace headgate
