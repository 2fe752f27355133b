// Dead letters in the deliver loop: stored with the cursor, tried again, retried and discarded by a person.
#include <thread>

#include "core/pipeline/deliver.h"
#include "tests/unit/log/in_child.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using LetterState = DeadLetter::State;
using test::Commit;
using test::SinkScript;

DeadLetter Letter(std::string lane, LetterState state, std::int64_t next_try_us = 0) {
  DeadLetter letter;
  letter.lanes = {{std::move(lane)}};
  letter.state = state;
  letter.next_try_us = next_try_us;
  return letter;
}

struct LetterLoop : test::LogHome {
  ~LetterLoop() { Stop(); }

  void Start() {
    auto filter = TopicFilter::Make({"shop.public.orders"}, "");
    events_ = std::move(*Events::Open(*store_, clock_));
    sink_ = std::make_unique<test::CorkedSink>(script_);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "hook", std::move(*filter), clock_);
    thread_ = std::jthread([this](std::stop_token stop) { static_cast<void>(deliver_->Run(stop)); });
  }
  void Stop() {
    thread_ = std::jthread();
    deliver_.reset();
  }
  // Stored before the loop starts.
  std::uint64_t Add(DeadLetter letter) {
    const auto letters = DeadLetters::Open(*store_, "hook");
    StoreBatch batch;
    const std::uint64_t id = (*letters)->Add(batch, std::move(letter));
    EXPECT_TRUE(store_->Write(batch, true).ok());
    return id;
  }
  std::optional<DeadLetter> Stored(std::uint64_t id) {
    auto letter = DeadLetters::Read(*store_, "hook", id);
    EXPECT_TRUE(letter.ok());
    return letter.ok() ? *letter : std::nullopt;
  }
  bool LaneIsStored(std::string name) const {
    const LetterLane lane{std::move(name)};
    return deliver_->LanesAreStored(std::span(&lane, 1));
  }
  bool AwaitRetries(std::size_t n) {
    return test::Eventually(script_->news, [&] { return script_->retried().size() >= n; });
  }
  bool AwaitStored(std::uint64_t id, const std::function<bool(const std::optional<DeadLetter>&)>& holds) {
    return test::Eventually(script_->news, [&] { return holds(Stored(id)); });
  }
  // What the command reported, id by id.
  std::vector<bool> Ask(LetterCommand::Kind kind, std::vector<std::uint64_t> ids) {
    auto answers = std::make_shared<Channel<bool>>(100);
    const std::size_t n = ids.size();
    EXPECT_TRUE(deliver_->Command({kind, std::move(ids), [answers](bool done) { answers->TryPush(done); }}));
    std::vector<bool> all;
    while (all.size() < n) {
      const auto one = answers->Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
      if (!one) break;
      all.push_back(*one);
    }
    return all;
  }

  std::shared_ptr<SinkScript> script_ = std::make_shared<SinkScript>();
  std::unique_ptr<Events> events_;
  std::unique_ptr<test::CorkedSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  std::jthread thread_;
};

class LetterTest : public testing::Test, protected LetterLoop {};

TEST_F(LetterTest, AStoredEventLetsTheCursorPassAndIsThereAfterARestart) {
  script_->corked = true;
  LogWriter& writer = OpenWriter();
  Append(writer, Commit(10, Define(writer), 1));
  Start();
  ASSERT_TRUE(script_->Await(2));
  script_->Done({1, 0});
  script_->Do([](SinkScript::Hands& hands) { hands.context->Store({2, 1}, Letter("a", LetterState::kDead)); });
  EXPECT_EQ(deliver_->cursor(), (At{3, 0}));
  EXPECT_GT(deliver_->stored_bytes(), 0U);
  EXPECT_TRUE(LaneIsStored("a"));
  Stop();
  Reopen();
  EXPECT_EQ(**ReadCursor(*store_, "hook"), (At{3, 0}));
  const auto letter = Stored(1);
  ASSERT_TRUE(letter.has_value());
  EXPECT_EQ(letter->at, (At{2, 1}));
  EXPECT_EQ(letter->state, LetterState::kDead);
}

TEST_F(LetterTest, ADueLetterIsTriedAgainAndGoneWhenDelivered) {
  const auto id = Add(Letter("a", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(script_->retried()[0].id, id);
  script_->Do([id](SinkScript::Hands& hands) { hands.context->LetterDelivered(id); });
  EXPECT_TRUE(AwaitStored(id, [](const auto& letter) { return !letter; }));
  EXPECT_FALSE(LaneIsStored("a"));
}

TEST_F(LetterTest, LettersThatWereDeliveredAreAnEvent_AP18) {
  DeadLetter first = Letter("a", LetterState::kWaiting, clock_.now_us);
  first.event_id = "shop:0-1:1";
  const auto one = Add(first);
  const auto two = Add(Letter("b", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(2));
  script_->Do([one, two](SinkScript::Hands& hands) {
    hands.context->LetterDelivered(one);
    hands.context->LetterDelivered(two);
  });
  ASSERT_TRUE(AwaitStored(two, [](const auto& letter) { return !letter; }));
  const auto events = test::ReadEvents(*store_);
  ASSERT_EQ(events.size(), 1U) << "one for what went together";
  EXPECT_EQ(events[0].kind, "letters_delivered");
  EXPECT_EQ(events[0].connector, "hook");
  EXPECT_EQ(events[0].summary, "2 dead letters delivered");
  EXPECT_TRUE(events[0].details.at("event_ids").starts_with("shop:0-1:1"));
}

TEST_F(LetterTest, OneThatFailsAgainIsKeptInItsNewForm) {
  const auto id = Add(Letter("a", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(1));
  DeadLetter failed = script_->retried()[0];
  failed.attempts = 2;
  failed.state = LetterState::kDead;
  script_->Do([failed](SinkScript::Hands& hands) { hands.context->LetterFailed(failed); });
  EXPECT_TRUE(AwaitStored(
      id, [](const auto& letter) { return letter && letter->attempts == 2 && letter->state == LetterState::kDead; }));
  script_->Round();
  EXPECT_EQ(script_->retried().size(), 1U) << "a dead one waits for a person";
}

TEST_F(LetterTest, ALaneSendsOneLetterAtATimeInOrder) {
  const auto one = Add(Letter("a", LetterState::kWaiting, clock_.now_us));
  const auto two = Add(Letter("a", LetterState::kParked));
  const auto other = Add(Letter("b", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(2));
  script_->Round();
  ASSERT_EQ(script_->retried().size(), 2U);
  EXPECT_EQ(script_->retried()[0].id, one);
  EXPECT_EQ(script_->retried()[1].id, other);
  script_->Do([one](SinkScript::Hands& hands) { hands.context->LetterDelivered(one); });
  ASSERT_TRUE(AwaitRetries(3));
  EXPECT_EQ(script_->retried()[2].id, two);
}

TEST_F(LetterTest, RetryByAPersonSendsADeadOneAndThoseBehindItFollow) {
  const auto dead = Add(Letter("a", LetterState::kDead));
  const auto parked = Add(Letter("a", LetterState::kParked));
  Start();
  script_->Round();
  EXPECT_TRUE(script_->retried().empty());
  EXPECT_EQ(Ask(LetterCommand::Kind::kRetry, {dead}), std::vector<bool>{true});
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(script_->retried()[0].id, dead);
  EXPECT_EQ(script_->retried()[0].state, LetterState::kRetrying);
  script_->Do([dead](SinkScript::Hands& hands) { hands.context->LetterDelivered(dead); });
  ASSERT_TRUE(AwaitRetries(2));
  EXPECT_EQ(script_->retried()[1].id, parked);
}

TEST_F(LetterTest, RetryByAPersonHurriesTheSinkOnceItHasTheLetter_W5) {
  const auto dead = Add(Letter("a", LetterState::kDead));
  const auto due = Add(Letter("b", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(1));
  script_->Round();
  EXPECT_TRUE(script_->hurried().empty());
  EXPECT_EQ(Ask(LetterCommand::Kind::kRetry, {due}), std::vector<bool>{true}) << "it waits in the sink for its turn";
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->hurried().size() == 1; }));
  EXPECT_EQ(Ask(LetterCommand::Kind::kRetry, {dead, 99}), (std::vector<bool>{true, false}));
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->hurried().size() == 2; }));
  EXPECT_EQ(script_->hurried(), (std::vector<std::uint64_t>{due, dead}));
  EXPECT_EQ(script_->retried_when_hurried(), 2U) << "handed in before";
  EXPECT_EQ(script_->retried().back().id, dead);
}

TEST_F(LetterTest, ALetterStoredAheadOfTheCursorSpeaksForItsEventAfterARestart) {
  script_->corked = true;
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  for (const std::uint64_t lsn : {10, 20, 30}) Append(writer, Commit(lsn, stream, 1));
  Start();
  ASSERT_TRUE(script_->Await(4));
  script_->Done({1, 0});
  script_->Do([](SinkScript::Hands& hands) { hands.context->Store({3, 1}, Letter("a", LetterState::kDead)); });
  script_->Round();
  Stop();
  EXPECT_EQ(**ReadCursor(*store_, "hook"), (At{2, 1}));
  Start();
  ASSERT_TRUE(script_->Await(6));
  script_->Round();
  EXPECT_EQ(script_->ids(), (std::vector<std::int64_t>{10'000, 20'000, 30'000, 10'000, 30'000}));
  script_->Done({2, 1});
  script_->Done({4, 1});
  EXPECT_EQ(deliver_->cursor(), (At{5, 0}));
  EXPECT_EQ(deliver_->place()->passed.records, 4U) << "the schema and three commits, the stored one too";
}

TEST_F(LetterTest, ASinkThatIsFullOfEventsStillGetsALetterThatIsDue) {
  script_->corked = true;
  script_->room = 1;
  LogWriter& writer = OpenWriter();
  Append(writer, Commit(10, Define(writer), 1));
  const auto id = Add(Letter("a", LetterState::kWaiting, clock_.now_us + 5'000'000));
  Start();
  ASSERT_TRUE(script_->Await(1));
  script_->Round();
  EXPECT_TRUE(script_->retried().empty());
  clock_.now_us += 6'000'000;
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(script_->retried()[0].id, id);
}

TEST_F(LetterTest, DiscardByAPersonRemovesItAndFreesTheLane) {
  const auto dead = Add(Letter("a", LetterState::kDead));
  const auto parked = Add(Letter("a", LetterState::kParked));
  Start();
  script_->Round();
  EXPECT_EQ(Ask(LetterCommand::Kind::kDiscard, {dead}), std::vector<bool>{true});
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(script_->retried()[0].id, parked);
  EXPECT_TRUE(AwaitStored(dead, [](const auto& letter) { return !letter; }));
}

TEST_F(LetterTest, ALetterThatIsGoneOrUnderWayIsNotChanged) {
  const auto id = Add(Letter("a", LetterState::kWaiting, clock_.now_us));
  Start();
  ASSERT_TRUE(AwaitRetries(1));
  EXPECT_EQ(Ask(LetterCommand::Kind::kDiscard, {id, 99}), (std::vector<bool>{false, false}));
  EXPECT_TRUE(Stored(id).has_value());
}

TEST_F(LetterTest, LettersAreNotSentWhilePausedButCommandsAreTaken_KC13) {
  const auto id = Add(Letter("a", LetterState::kDead));
  Start();
  deliver_->SetPaused(true);
  script_->Round();
  EXPECT_EQ(Ask(LetterCommand::Kind::kRetry, {id}), std::vector<bool>{true});
  script_->Round();
  EXPECT_TRUE(script_->retried().empty());
  deliver_->SetPaused(false);
  EXPECT_TRUE(AwaitRetries(1));
}

TEST_F(LetterTest, ACommandThatNobodyTookIsReportedAsNotDone) {
  Start();
  thread_ = std::jthread();
  int refused = 0;
  ASSERT_TRUE(deliver_->Command({LetterCommand::Kind::kRetry, {1, 2}, [&](bool done) { refused += done ? 0 : 1; }}));
  deliver_.reset();
  EXPECT_EQ(refused, 2);
}

// AP17: one command for all of them, however many; with and without a loop.
TEST_F(LetterTest, AP17_VeryManyAreDiscardedByOneCommand) {
  for (const bool running : {true, false}) {
    std::vector<std::uint64_t> ids;
    {
      const auto letters = DeadLetters::Open(*store_, "hook");
      StoreBatch batch;
      for (int i = 0; i < 3'500; ++i)
        ids.push_back((*letters)->Add(batch, Letter("lane" + std::to_string(i), LetterState::kDead)));
      ASSERT_TRUE(store_->Write(batch, true).ok());
    }
    ids.push_back(1'000'000);
    std::atomic<int> done = 0, failed = 0;
    LetterCommand command{LetterCommand::Kind::kDiscard, ids, [&](bool one) {
                            ++(one ? done : failed);
                            script_->news.Raise();
                          }};
    if (running) {
      Start();
      ASSERT_TRUE(deliver_->Command(command));
      EXPECT_TRUE(test::Eventually(script_->news, [&] { return done + failed == 3'501; }));
      EXPECT_TRUE(test::Eventually(script_->news, [&] { return (*DeadLetters::Counts(*store_, "hook"))[2] == 0; }));
      Stop();
    } else {
      EXPECT_EQ(*Execute(command, *store_, "hook", 1), 3'500U);
    }
    EXPECT_EQ(done, 3'500);
    EXPECT_EQ(failed, 1);
    EXPECT_EQ((*DeadLetters::Open(*store_, "hook"))->size(), 0U);
  }
}

TEST_F(LetterTest, WithoutALoopCommandsAreCarriedOutInTheStore) {
  const auto one = Add(Letter("a", LetterState::kDead));
  const auto two = Add(Letter("a", LetterState::kDead));
  int done = 0;
  const auto report = [&](bool ok) { done += ok ? 1 : 0; };
  ASSERT_TRUE(Execute({LetterCommand::Kind::kRetry, {one, 99}, report}, *store_, "hook", 77).ok());
  EXPECT_EQ(done, 1) << "letter 99 does not exist";
  EXPECT_EQ(Stored(one)->state, LetterState::kRetrying);
  EXPECT_EQ(Stored(one)->next_try_us, 77);
  ASSERT_TRUE(Execute({LetterCommand::Kind::kDiscard, {two}, {}}, *store_, "hook", 77).ok());
  EXPECT_FALSE(Stored(two).has_value());
}

#if HEADGATE_FAILPOINTS
// Writes: 1 the directory's identity, 2 the source, 3 the append, 4 the cursor, 5 letter and cursor.
void LetterAndCursorAreOneWrite() {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:5", 1);
  LetterLoop loop;
  loop.script_->corked = true;
  LogWriter& writer = loop.OpenWriter();
  loop.Append(writer, Commit(10, loop.Define(writer), 1));
  StoreBatch batch;
  PutCursor(batch, "hook", {2, 1});
  ASSERT_TRUE(loop.store_->Write(batch, true).ok());
  loop.Start();
  ASSERT_TRUE(loop.script_->Await(1));
  // Queued together: the second request runs right after the round in which the write failed.
  Channel<bool> neither(1);
  loop.script_->requests.TryPush([](SinkScript::Hands& hands) {
    hands.context->Store({2, 1}, Letter("a", LetterState::kDead));
  });
  loop.script_->requests.TryPush([&](SinkScript::Hands&) {
    neither.TryPush(!loop.Stored(1) && **ReadCursor(*loop.store_, "hook") == At{2, 1});
  });
  EXPECT_TRUE(neither.Pop({}).value_or(false)) << "neither is stored";
  EXPECT_TRUE(loop.AwaitStored(1, [](const auto& letter) { return letter.has_value(); }));
  EXPECT_EQ(**ReadCursor(*loop.store_, "hook"), (At{3, 0})) << "both are";
  loop.Stop();
}
TEST(Letters, MoveWithTheCursorInOneWrite) { HG_IN_CHILD(LetterAndCursorAreOneWrite); }
#endif

TEST_F(LetterTest, WhatACommandBringsAlongIsWrittenWithIt) {
  const auto id = Add(Letter("a", LetterState::kDead));
  Start();
  LetterCommand command;
  command.kind = LetterCommand::Kind::kDiscard;
  command.ids = {id};
  command.also = [](StoreBatch& batch, const std::vector<bool>&) { batch.Put(Family::kMeta, "answer", "yes"); };
  ASSERT_TRUE(deliver_->Command(command));
  EXPECT_TRUE(AwaitStored(id, [](const auto& letter) { return !letter; }));
  EXPECT_EQ(*store_->Get(Family::kMeta, "answer"), "yes");
  Stop();
  const auto other = Add(Letter("a", LetterState::kDead));
  command.ids = {other};
  command.also = [](StoreBatch& batch, const std::vector<bool>&) { batch.Put(Family::kMeta, "answer", "again"); };
  const auto discarded = Execute(command, *store_, "hook", clock_.now_us);
  ASSERT_TRUE(discarded.ok());
  EXPECT_EQ(*discarded, 1U);
  EXPECT_EQ(*store_->Get(Family::kMeta, "answer"), "again");
}

}  // namespace
}  // namespace headgate
