#include "core/pipeline/deliver.h"

#include <thread>

#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::Commit;
using test::SinkScript;
using test::TwoColumns;

using Ids = std::vector<std::int64_t>;

class Delivering : public test::LogTest {
 protected:
  // A source with one commit of one insert at each of the LSNs; entry 1 is the schema.
  Delivering() { stream_ = Define(OpenWriter()); }
  ~Delivering() override { Stop(); }

  void Commits(std::initializer_list<std::uint64_t> lsns) {
    for (const std::uint64_t lsn : lsns) Append(*writer_, Commit(lsn, stream_, 1));
  }
  void Start(std::vector<std::string> names = {"shop.public.orders"}, std::string_view regex = "") {
    auto filter = TopicFilter::Make(std::move(names), regex);
    ASSERT_TRUE(filter.ok());
    events_ = std::move(*Events::Open(*store_, clock_));
    sink_ = std::make_unique<test::CorkedSink>(script_);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "hook", std::move(*filter), clock_);
    thread_ = std::jthread([this](std::stop_token stop) { ended_ = deliver_->Run(stop); });
  }
  // Ends the loop as a restart does.
  void Stop() {
    thread_ = std::jthread();
    deliver_.reset();
  }
  // The error with which it ends by itself.
  Error Join() {
    thread_.join();
    return ended_.ok() ? Error{} : ended_.error();
  }
  At StoredCursor() {
    const auto cursor = ReadCursor(*store_, "hook");
    EXPECT_TRUE(cursor.ok() && cursor->has_value());
    return cursor.ok() ? cursor->value_or(At{}) : At{};
  }

  StreamNo stream_ = 0;
  std::shared_ptr<SinkScript> script_ = std::make_shared<SinkScript>();
  std::unique_ptr<Events> events_;
  std::unique_ptr<test::CorkedSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  Status ended_ = Ok();
  std::jthread thread_;
};

TEST_F(Delivering, ASinkThatStandsStillHoldsNoFilesThatRetentionDropped) {
  Commits({10, 20});
  ASSERT_TRUE(store_->Flush(Family::kLog).ok());
  script_->corked = true;
  script_->room = 2;
  Start();
  ASSERT_TRUE(script_->Await(2));
  TrimUntilFilesAreDropped(*writer_, stream_, 30);
  clock_.ahead_us += 2'000'000;
  EXPECT_TRUE(test::Eventually(script_->news, [&] {
    script_->Round();
    return FileBytes() < store_->disk_bytes(Family::kLog) + 50'000;
  }));
  script_->corked = false;
  script_->Done({1, 0});
  script_->Done({2, 1});
  script_->Do([&](SinkScript::Hands&) { script_->held = 0; });
  ASSERT_TRUE(script_->Await(3));
  EXPECT_EQ(script_->got()[2].at.seq, log_->first_seq());
  EXPECT_GT(deliver_->lost().transactions, 0U) << "a declared loss";
}

TEST_F(Delivering, ASinkThatStandsStillInATransactionGoesOnInItWhereItStood) {
  Append(*writer_, Commit(10, stream_, 1, 5));
  Commits({20});
  script_->corked = true;
  script_->room = 3;
  Start();
  ASSERT_TRUE(script_->Await(3));
  for (std::size_t taken = 3; taken < 7; ++taken) {
    clock_.ahead_us += 2'000'000;
    script_->Round();
    script_->Do([&](SinkScript::Hands&) { ++script_->room; });
    ASSERT_TRUE(script_->Await(taken + 1));
  }
  EXPECT_EQ(script_->ids(), (Ids{10'000, 10'001, 10'002, 10'003, 10'004, 20'000}));
  EXPECT_EQ(deliver_->lost().transactions, 0U);
}

TEST_F(Delivering, EventsArriveInLogOrderWithWhatDescribesThem) {
  Commits({10, 20});
  Start();
  ASSERT_TRUE(script_->Await(3));
  Commits({30});
  ASSERT_TRUE(script_->Await(4));
  const auto got = script_->got();
  EXPECT_EQ(got[0].op, Op::kSchema);
  EXPECT_EQ(got[0].at, (At{1, 0}));
  EXPECT_EQ(got[1].at, (At{2, 1}));
  EXPECT_EQ(got[1].stream, "shop.public.orders");
  EXPECT_EQ(got[1].source, "shop");
  EXPECT_EQ(got[1].columns, 2U);
  EXPECT_EQ(script_->ids(), (Ids{10'000, 20'000, 30'000}));
  Stop();
  EXPECT_EQ(ended_.error().kind, ErrorKind::kStopped);
  EXPECT_EQ(StoredCursor(), (At{5, 0}));
  EXPECT_EQ(script_->closes, 1);
}

TEST_F(Delivering, AMessageNamesTheDatabaseThatItsSourceReads) {
  Transaction message;
  message.info.position = {PositionKind::kPgMessage, 10, 0, 0, {}};
  message.first_ordinal = 0;
  message.StartChange(Op::kMessage, 0, 0, 10);
  message.EndChange(Encode(MessageExtra{false, "audit", "user=17"}));
  Commits({5});  // a table of another source, which reads no database that is known
  LogWriter& crm = OpenWriter("crm");
  TableSchema schema = TwoColumns("contacts");
  schema.database = "crm_db";
  crm.DefineSchema(crm.OpenStream("public", "contacts"), schema, 9, 1);
  Append(crm, message);
  Start({"crm.public.contacts"});
  ASSERT_TRUE(script_->Await(2));
  const auto got = script_->got();
  EXPECT_EQ(got[0].op, Op::kSchema);
  EXPECT_EQ(got[0].database, "") << "a change with a schema has its own";
  EXPECT_EQ(got[1].op, Op::kMessage);
  EXPECT_EQ(got[1].database, "crm_db");
}

TEST_F(Delivering, TheCursorIsTheLowestEventNotDone) {
  script_->corked = true;
  Commits({10, 20, 30, 40});
  Start();
  ASSERT_TRUE(script_->Await(5));
  EXPECT_EQ(deliver_->cursor(), (At{1, 0}));
  script_->Done({2, 1});
  script_->Done({3, 1});
  EXPECT_EQ(deliver_->cursor(), (At{1, 0}));
  script_->Done({1, 0});
  EXPECT_EQ(deliver_->cursor(), (At{4, 1}));
  script_->Done({5, 1});
  EXPECT_EQ(deliver_->cursor(), (At{4, 1}));
  Stop();
  EXPECT_EQ(StoredCursor(), (At{4, 1}));
}

TEST_F(Delivering, ARestartGoesOnAtTheCursorAndRepeatsOnlyWhatWasNotDone) {
  script_->corked = true;
  Commits({10, 20, 30});
  Start();
  ASSERT_TRUE(script_->Await(4));
  for (const At at : {At{1, 0}, At{2, 1}, At{4, 1}}) script_->Done(at);
  Stop();
  Reopen();
  script_ = std::make_shared<SinkScript>();
  Start();
  ASSERT_TRUE(script_->Await(2));
  EXPECT_EQ(script_->ids(), (Ids{20'000, 30'000})) << "with the same ids";
  Stop();
  EXPECT_EQ(StoredCursor(), (At{5, 0}));
}

TEST_F(Delivering, ARestartInTheMiddleOfALargeTransactionGoesOnInIt) {
  Append(*writer_, Commit(10, stream_, 1, 40, std::string(20'000, 'x')));
  script_->corked = true;
  script_->room = 31;
  Start();
  ASSERT_TRUE(script_->Await(31));
  script_->Done({1, 0});
  for (std::uint32_t ordinal = 1; ordinal <= 25; ++ordinal) script_->Done({2, ordinal});
  Stop();
  EXPECT_EQ(StoredCursor(), (At{2, 26}));
  script_ = std::make_shared<SinkScript>();
  Start();
  ASSERT_TRUE(script_->Await(15));
  Stop();
  EXPECT_EQ(script_->got().size(), 15U);
  EXPECT_EQ(script_->ids().front(), 10'025);
}

// Whoever reads them, from wherever: versions of documents are made of them (search.md Q8, Q9).
TEST_F(Delivering, ChangesHaveTheSameAscendingNumbersForEverySinkAndAfterEveryRestart) {
  const StreamNo items = Define(*writer_, "items");
  Append(*writer_, Commit(10, items, 1));
  Append(*writer_, Commit(20, stream_, 1, 40, std::string(20'000, 'x')));
  Append(*writer_, Commit(30, items, 1, 2));
  const auto numbers = [&](std::size_t count, std::vector<std::string> topics) {
    script_ = std::make_shared<SinkScript>();
    Start(std::move(topics));
    EXPECT_TRUE(script_->Await(count));
    Stop();
    std::map<At, std::uint64_t> found;
    for (const auto& got : script_->got()) found[got.at] = got.number;
    return found;
  };
  const auto begin = [&](At at) {
    StoreBatch batch;
    PutCursor(batch, "hook", at);
    ASSERT_TRUE(store_->Write(batch, true).ok());
  };
  const auto all = numbers(45, {"shop.public.orders", "shop.public.items"});
  ASSERT_EQ(all.size(), 45U) << "two of them are schemas";
  std::uint64_t last = 0;
  for (const auto& [at, number] : all) EXPECT_EQ(number, ++last) << ToText(at);
  for (const At from : {At{1, 0}, At{4, 1}, At{4, 26}, At{4, 40}, At{5, 0}, At{5, 2}}) {
    SCOPED_TRACE(ToText(from));
    begin(from);
    const auto rest =
        static_cast<std::size_t>(std::ranges::count_if(all, [&](const auto& one) { return one.first >= from; }));
    for (const auto& [at, number] : numbers(rest, {"shop.public.orders", "shop.public.items"}))
      EXPECT_EQ(number, all.at(at)) << ToText(at);
  }
  begin({1, 0});
  for (const auto& [at, number] : numbers(4, {"shop.public.items"})) EXPECT_EQ(number, all.at(at)) << ToText(at);
}

TEST_F(Delivering, NoMoreIsHandedOverThanThereIsRoom) {
  script_->corked = true;
  script_->room = 2;
  Commits({10, 20, 30, 40});
  Start();
  ASSERT_TRUE(script_->Await(2));
  script_->Round();
  EXPECT_EQ(script_->got().size(), 2U);
  script_->Do([&](SinkScript::Hands& hands) {
    hands.context->Done({1, 0}, Outcome::kFiltered);
    --script_->held;
  });
  ASSERT_TRUE(script_->Await(3));
  script_->Round();
  EXPECT_EQ(script_->got().size(), 3U);
}

TEST_F(Delivering, PauseTakesNothingNewAndKeepsThePlace_KC13) {
  script_->corked = true;
  Commits({10});
  Start();
  ASSERT_TRUE(script_->Await(2));
  deliver_->SetPaused(true);
  script_->Round();
  Commits({20, 30});
  script_->Round();
  EXPECT_EQ(script_->got().size(), 2U);
  script_->Done({1, 0});  // what was under way may end
  script_->Done({2, 1});
  script_->Round();
  EXPECT_EQ(deliver_->cursor(), (At{3, 0}));
  deliver_->SetPaused(false);
  ASSERT_TRUE(script_->Await(4));
  EXPECT_EQ(script_->ids(), (Ids{10'000, 20'000, 30'000}));
}

TEST_F(Delivering, WhatRetentionTookBeforeTheCursorIsCountedAndSkipped) {
  Commits({10, 20, 30, 40});
  StoreBatch batch;
  PutCursor(batch, "hook", {2, 1});
  ASSERT_TRUE(store_->Write(batch, true).ok());
  clock_.now_us += 10'000'000;
  Commits({50});
  ASSERT_EQ(log_->Trim({.time_ms = 5000}, 2)->lost_transactions, 4U);
  Start();
  ASSERT_TRUE(script_->Await(1));
  EXPECT_EQ(script_->ids(), Ids{50'000});
  EXPECT_EQ(script_->got().at(0).number, 6U) << "of the schema and four rows that are gone are numbers too";
  EXPECT_EQ(deliver_->lost().transactions, 4U);
  EXPECT_EQ(deliver_->lost().first, 2U);
  EXPECT_EQ(deliver_->lost().last, 5U);
}

TEST_F(Delivering, ANewSinkBeginsAtTheFirstKeptAndLosesNothing) {
  Commits({10, 20});
  clock_.now_us += 10'000'000;
  Commits({30});
  ASSERT_EQ(log_->Trim({.time_ms = 5000}, 0)->first_kept, 4U);
  Start();
  ASSERT_TRUE(script_->Await(1));
  EXPECT_EQ(script_->ids(), Ids{30'000});
  EXPECT_EQ(deliver_->lost().transactions, 0U);
}

TEST_F(Delivering, OnlyTheNamedStreamsAreRead) {
  const StreamNo items = Define(*writer_, "items");
  Append(*writer_, Commit(10, items, 1));
  Commits({20});
  Append(*writer_, Commit(30, items, 1));
  Start({"shop.public.items"});
  ASSERT_TRUE(script_->Await(3));
  Commits({40});
  Append(*writer_, Commit(50, items, 1));
  ASSERT_TRUE(script_->Await(4));
  EXPECT_EQ(script_->ids(), (Ids{10'000, 30'000, 50'000}));
  Stop();
  EXPECT_EQ(StoredCursor(), (At{8, 0})) << "the cursor passes what concerns it not";
}

TEST_F(Delivering, ALongStretchThatConcernsItNotDoesNotKeepTheLoopFromItsSink) {
  std::vector<Transaction> commits;
  for (std::uint64_t lsn = 10; lsn < 10'510; ++lsn) commits.push_back(Commit(lsn, stream_, 1));
  ASSERT_TRUE(writer_->Append(commits, std::nullopt).ok());
  Seq at_first_poll = 0;
  script_->requests.TryPush([&](SinkScript::Hands&) { at_first_poll = deliver_->cursor().seq; });
  Start({"shop.public.items"});
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return deliver_->cursor().seq > 10'500; }));
  Stop();
  EXPECT_GT(at_first_poll, 1U);
  EXPECT_LT(at_first_poll, 10'500U);
}

TEST_F(Delivering, APatternFollowsStreamsThatAppearLater) {
  Commits({10});
  Start({}, "shop\\.public\\.(orders|later)");
  ASSERT_TRUE(script_->Await(2));
  const StreamNo other = Define(*writer_, "other");
  Append(*writer_, Commit(20, other, 1));
  const StreamNo later = Define(*writer_, "later");
  Append(*writer_, Commit(30, later, 1));
  ASSERT_TRUE(script_->Await(4));
  EXPECT_EQ(script_->ids(), (Ids{10'000, 30'000}));
  EXPECT_EQ(script_->got().back().stream, "shop.public.later");
  EXPECT_EQ(script_->got().back().columns, 2U);
}

TEST_F(Delivering, ABreakerThatOpensAndClosesIsAnEventEach) {
  Start();
  script_->breaker_open = true;
  script_->Round();
  script_->breaker_open = false;
  script_->Round();
  Stop();
  const auto events = test::ReadEvents(*store_);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, "breaker");
  EXPECT_EQ(events[0].details.at("error"), "HTTP 500");
  EXPECT_TRUE(events[1].summary.starts_with("the breaker closed")) << events[1].summary;
}

TEST_F(Delivering, MessagesAndGapsGoToSinksThatReadAStreamOfTheSource) {
  Commits({10});
  auto other = log_->OpenWriter("other", "", "postgresql");
  ASSERT_TRUE(other.ok());
  Start();
  ASSERT_TRUE(script_->Await(2));
  ASSERT_TRUE((*other)->DeclareGap({"slot_missing", 0, 1, {}, "none"}, 1, "").ok());
  ASSERT_TRUE(writer_->DeclareGap({"slot_missing", 10, 1, {}, "none"}, 1, "").ok());
  ASSERT_TRUE(script_->Await(3));
  EXPECT_EQ(script_->got().back().op, Op::kGap);
  EXPECT_EQ(script_->got().back().source, "shop");
}

// A marker names no schema, and its stream's number may be lower than one that was stored before it.
TEST_F(Delivering, AMarkerOfAStreamThatWasStoredLateIsNotMissed) {
  Commits({5});  // the marker must be the first news of its append
  auto second = log_->OpenWriter("second", "", "postgresql");
  ASSERT_TRUE(second.ok());
  const StreamNo late = writer_->OpenStream("public", "late");
  const StreamNo early = Define(**second, "early");
  ASSERT_LT(late, early);
  Append(**second, Commit(10, early, 1));
  Start({}, ".*");
  ASSERT_TRUE(script_->Await(4));
  Transaction marker;
  marker.first_ordinal = 0;
  marker.info.position = {PositionKind::kChunk, 1, late, 0, {}};
  marker.StartChange(Op::kSnapshot, late, 0, 0);
  marker.EndChange(Encode(SnapshotExtra{}));
  Append(*writer_, marker);
  const auto seen = [&] { return !script_->got().empty() && script_->got().back().stream == "shop.public.late"; };
  EXPECT_TRUE(test::Eventually(script_->news, [&] { return deliver_->cursor().seq > log_->last_seq(); }));
  EXPECT_TRUE(seen());
}

TEST_F(Delivering, StopEndsAWaitAtOnce) {
  Start();
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return script_->opens == 1; }));
  Stop();
  EXPECT_EQ(ended_.error().kind, ErrorKind::kStopped);
}

TEST_F(Delivering, AnErrorOfTheSinkEndsTheLoopWithItAndSavesThePlace) {
  Commits({10});
  Start();
  ASSERT_TRUE(script_->Await(2));
  script_->Do([](SinkScript::Hands& hands) { hands.fail = ConfigError("endpoint disabled"); });
  EXPECT_EQ(Join().what, "endpoint disabled");
  EXPECT_EQ(StoredCursor(), (At{3, 0}));
  EXPECT_EQ(script_->closes, 1);
}

TEST_F(Delivering, AnErrorOfOpenEndsItBeforeAnythingIsHandedOver) {
  Commits({10});
  script_->open_errors.TryPush(Transient("no route"));
  Start();
  EXPECT_EQ(Join().what, "no route");
  EXPECT_FALSE(deliver_->opened());
  EXPECT_TRUE(script_->got().empty());
}

TEST_F(Delivering, WhatLiesBehindTheCursorIsExactOverRestartsAndOtherStreams) {
  const StreamNo items = Define(*writer_, "items");
  Commits({10, 20});
  Append(*writer_, Commit(25, items, 1, 7));
  Commits({30, 40});
  auto filter = TopicFilter::Make({"shop.public.orders"}, "");
  StreamSelection selection(*filter);
  const auto pending = [&] {
    const auto place = deliver_->place();
    EXPECT_TRUE(place.has_value());
    const Count all = SelectedOf(*log_->registry(), selection);
    return place ? all.records - place->passed.records : 99;
  };
  script_->corked = true;
  Start();
  ASSERT_TRUE(script_->Await(5));
  EXPECT_EQ(pending(), 5U) << "the schema and four commits";
  EXPECT_EQ(deliver_->place()->oldest_pending_commit_us, 1);
  script_->Done({1, 0});
  script_->Done({3, 1});
  EXPECT_EQ(pending(), 3U);
  EXPECT_EQ(deliver_->place()->oldest_pending_commit_us, 200);
  script_->Done({4, 1});
  script_->Done({6, 1});
  Stop();
  Reopen();
  script_ = std::make_shared<SinkScript>();
  script_->corked = true;
  Start();
  ASSERT_TRUE(script_->Await(1));
  EXPECT_EQ(pending(), 1U);
  EXPECT_EQ(deliver_->place()->oldest_pending_commit_us, 400);
  script_->Done(script_->got()[0].at);
  script_->Round();
  EXPECT_EQ(pending(), 0U);
  const Count all = SelectedOf(*log_->registry(), selection);
  EXPECT_EQ(deliver_->place()->passed, all) << "in bytes too";
  EXPECT_EQ(deliver_->place()->oldest_pending_commit_us, 0);
}

TEST_F(Delivering, APausedSinkKnowsTheAgeOfWhatWaits) {
  Start();
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return deliver_->opened(); }));
  deliver_->SetPaused(true);
  script_->Round();
  Commits({30, 40});
  EXPECT_TRUE(test::Eventually(script_->news, [&] { return deliver_->place()->oldest_pending_commit_us == 1; }))
      << "the schema is the first";
  EXPECT_TRUE(script_->got().empty());
}

TEST_F(Delivering, RecordsAreCountedByHowTheyEnded) {
  script_->corked = true;
  Commits({10, 20, 30, 40});
  Start();
  ASSERT_TRUE(script_->Await(5));
  script_->Do([](SinkScript::Hands& hands) {
    hands.context->Done({1, 0}, Outcome::kFiltered);  // the schema, which is no record
    hands.context->Done({5, 1}, Outcome::kFiltered);
    hands.context->Done({2, 1}, Outcome::kDelivered);
    DeadLetter waits;
    waits.lanes = {{"a"}};
    hands.context->Store({3, 1}, waits);
    DeadLetter dead;
    dead.lanes = {{"b"}};
    dead.state = DeadLetter::State::kDead;
    hands.context->Store({4, 1}, dead);
  });
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return !script_->retried().empty(); }));
  script_->Do([](SinkScript::Hands& hands) { hands.context->LetterDelivered(1); });
  ASSERT_TRUE(deliver_->Command({LetterCommand::Kind::kDiscard, {2}, {}}));
  script_->Round();
  const RecordCounts records = deliver_->records();
  EXPECT_EQ(records.delivered, 2U);
  EXPECT_EQ(records.filtered, 1U);
  EXPECT_EQ(records.dead, 1U);
  EXPECT_EQ(records.discarded, 1U);
}

}  // namespace
}  // namespace headgate
