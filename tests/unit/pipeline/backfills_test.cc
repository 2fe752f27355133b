// The state of a stream for one sink (admin API, 4.6): in the order of the log, over restarts.
#include "core/pipeline/backfills.h"

#include <thread>

#include "core/base/encoding.h"
#include "core/pipeline/deliver.h"
#include "core/state/cursors.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::Commit;
using test::SinkScript;
using Kind = SnapshotAnswer::Kind;

// Rows 1, 2, ... of orders, a few at a time, as of an entry that the test chooses.
class FakeState final : public StateReader {
 public:
  Status HasState(const StreamInfo& stream) override {
    return stream.table == "events" ? Status(Rejected("it has events")) : Ok();
  }
  Result<std::optional<StateRows>> Read(const StreamInfo& stream, const StatePlace& place, Seq not_before) override {
    if (not_before > at) return std::optional<StateRows>();
    if (fails) return Corrupt("the state is damaged");
    ++reads;
    StateRows rows;
    rows.at = at;
    rows.rows.info.source = stream.source;
    std::int64_t next = place.cursor.empty() ? 1 : std::stoll(place.cursor);
    for (int i = 0; i < piece && next <= last; ++i, ++next) {
      rows.rows.StartChange(Op::kRead, stream.number, 1, 0);
      std::string& row = rows.rows.StartRow(RowImage::kAfter);
      PutInt(row, next);
      PutBlob(row, ValueKind::kText, "x");
      rows.rows.EndRow();
      rows.rows.EndChange();
      rows.times.push_back({next, next});
    }
    rows.place = {std::to_string(next), 1};
    rows.last = next > last;
    return std::optional(std::move(rows));
  }
  Result<std::unique_ptr<StateCount>> Count(const StreamInfo&, Seq not_before, std::uint64_t) override {
    if (not_before > at) return std::unique_ptr<StateCount>();
    struct Counted final : StateCount {
      Counted(Seq seq, std::uint64_t count) : at_most(count) { at_ = seq; }
      Result<bool> Step() override { return ++rows_ >= at_most; }
      const std::uint64_t at_most;
    };
    return std::unique_ptr<StateCount>(std::make_unique<Counted>(at, static_cast<std::uint64_t>(last)));
  }
  std::string trouble() const override { return "the views stand still"; }

  std::atomic<Seq> at = 0;
  std::atomic<std::int64_t> last = 5;
  std::atomic<int> piece = 2;
  std::atomic<bool> fails = false;
  std::atomic<int> reads = 0;
};

class Backfilling : public test::LogTest {
 protected:
  Backfilling() {
    LogWriter& writer = OpenWriter();
    orders_ = Define(writer);
    Append(writer, Commit(10, orders_, 1));  // seq 2, behind the schema
    Append(writer, Commit(20, orders_, 1));
    state_.at = log_->last_seq();
  }
  ~Backfilling() override { Stop(); }

  void Start() {
    events_ = std::move(*Events::Open(*store_, clock_));
    sink_ = std::make_unique<test::CorkedSink>(script_);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "hook",
                                         std::move(*TopicFilter::Make({"shop.public.orders"}, "")), clock_, &state_);
    deliver_->desk()->SetWake([this] { sink_->Wake(); });
    thread_ = std::jthread([this](std::stop_token stop) { static_cast<void>(deliver_->Run(stop)); });
  }
  void Stop() {
    thread_ = std::jthread();
    deliver_.reset();
  }
  SnapshotAnswer Ask(std::variant<SnapshotRequest, SnapshotChange, TablesToAdd> what) {
    Channel<SnapshotAnswer> answers(1);
    EXPECT_TRUE(deliver_->desk()->Offer(
        {std::move(what), "api test", [&](SnapshotAnswer answer) { answers.TryPush(std::move(answer)); }}));
    auto answer = answers.Pop({}, std::chrono::steady_clock::now() + std::chrono::seconds(20));
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(SnapshotAnswer{});
  }
  std::vector<SinkScript::Got> Reads() const {
    std::vector<SinkScript::Got> reads;
    for (const auto& got : script_->got()) {
      if (got.op == Op::kRead) reads.push_back(got);
    }
    return reads;
  }
  stored::ChunkedSnapshot Stored(std::uint64_t run) {
    const auto ledger = ReadBackfills(*store_, "hook");
    EXPECT_TRUE(ledger.ok());
    for (const auto& snapshot : ledger->snapshots()) {
      if (snapshot.run() == run) return snapshot;
    }
    return {};
  }
  bool Ends(std::uint64_t run, SnapshotState state) {
    return test::Eventually(script_->news, [&] { return StateOf(Stored(run)) == state; });
  }

  StreamNo orders_ = 0;
  FakeState state_;
  std::shared_ptr<SinkScript> script_ = std::make_shared<SinkScript>();
  std::unique_ptr<Events> events_;
  std::unique_ptr<test::CorkedSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  std::jthread thread_;
};

TEST_F(Backfilling, RowsComeBehindWhatTheyAreMadeOfAndCarryItsNumber_Q10) {
  Start();
  ASSERT_TRUE(script_->Await(3));
  const SnapshotAnswer answer = Ask(SnapshotRequest{});
  ASSERT_EQ(answer.kind, Kind::kDone) << answer.text;
  ASSERT_TRUE(script_->Await(8));
  ASSERT_TRUE(Ends(answer.run, SnapshotState::kCompleted));
  Append(*writer_, Commit(30, orders_, 1));
  ASSERT_TRUE(script_->Await(9));
  const auto got = script_->got();
  for (std::size_t i = 3; i < 8; ++i) {
    EXPECT_EQ(got[i].op, Op::kRead);
    EXPECT_EQ(got[i].id, static_cast<std::int64_t>(i) - 2);
    EXPECT_EQ(got[i].number, 3U) << "that of the last change before";
    EXPECT_EQ(got[i].stream, "shop.public.orders");
  }
  EXPECT_EQ(got[8].number, 4U);
  EXPECT_EQ(got[8].id, 30'000);
  EXPECT_EQ(Stored(answer.run).tables(0).rows(), 5U);
  EXPECT_EQ(Stored(answer.run).tables(0).chunks(), 3U);
  Stop();
  EXPECT_EQ(*ReadCursor(*store_, "hook"), std::optional(At{5, 0}));
  std::vector<std::string> told;
  for (const ServiceEvent& event : test::ReadEvents(*store_)) told.push_back(event.summary);
  EXPECT_EQ(told, (std::vector<std::string>{"snapshot 1: of 1 streams asked for", "snapshot 1: completed, 5 rows"}));
}

TEST_F(Backfilling, TheStateOfALaterEntryWaitsForTheChangesUpToIt) {
  script_->corked = true;
  script_->room = 1;
  Append(*writer_, Commit(30, orders_, 1));
  state_.at = 3;  // the second commit; the third is behind it
  Start();
  ASSERT_TRUE(script_->Await(1));
  ASSERT_EQ(Ask(SnapshotRequest{}).kind, Kind::kDone);
  for (std::size_t taken = 1; taken < 9; ++taken) {
    script_->Do([&](SinkScript::Hands&) { ++script_->room; });
    ASSERT_TRUE(script_->Await(taken + 1));
  }
  std::vector<std::int64_t> ids;
  for (const auto& got : script_->got()) ids.push_back(got.id);
  EXPECT_EQ(ids, (std::vector<std::int64_t>{0, 10'000, 20'000, 1, 2, 3, 4, 5, 30'000}));
  EXPECT_EQ(deliver_->cursor(), (At{1, 0})) << "rows of the state move no cursor";
}

TEST_F(Backfilling, AfterARestartItGoesOnBehindTheLastWholePiece) {
  Start();
  ASSERT_TRUE(script_->Await(3));
  script_->corked = true;
  const SnapshotAnswer answer = Ask(SnapshotRequest{});
  ASSERT_TRUE(script_->Await(8));
  const auto first = Reads();
  script_->Done(first[0].at);
  script_->Done(first[1].at);
  script_->Done(first[2].at);
  ASSERT_TRUE(test::Eventually(script_->news, [&] {
    script_->Round();
    return Stored(answer.run).tables(0).rows() == 2;
  })) << "the second piece is not whole";
  Stop();
  script_->corked = false;
  Start();
  ASSERT_TRUE(Ends(answer.run, SnapshotState::kCompleted));
  const auto all = Reads();
  ASSERT_EQ(all.size(), 8U);
  EXPECT_EQ(all[5].id, 3);
  EXPECT_EQ(all[5].at.seq, first[2].at.seq);
  EXPECT_EQ(Stored(answer.run).tables(0).rows(), 5U);
}

TEST_F(Backfilling, ARowThatIsStoredAsALetterIsDone) {
  Start();
  ASSERT_TRUE(script_->Await(3));
  script_->corked = true;
  const SnapshotAnswer answer = Ask(SnapshotRequest{});
  ASSERT_TRUE(script_->Await(8));
  for (const auto& got : Reads()) {
    script_->Do([&](SinkScript::Hands& hands) {
      DeadLetter letter;
      letter.stream = got.stream;
      letter.state = DeadLetter::State::kDead;
      hands.context->Store(got.at, std::move(letter));
    });
  }
  ASSERT_TRUE(Ends(answer.run, SnapshotState::kCompleted));
  EXPECT_EQ((*DeadLetters::Open(*store_, "hook"))->size(), 5U);
}

TEST_F(Backfilling, ItIsPausedResumedAndCancelled) {
  state_.last = 100'000;
  Start();
  ASSERT_TRUE(script_->Await(3));
  script_->corked = true;
  script_->room = 4;
  const SnapshotAnswer answer = Ask(SnapshotRequest{});
  ASSERT_EQ(answer.kind, Kind::kDone);
  ASSERT_TRUE(script_->Await(7));
  EXPECT_EQ(Ask(SnapshotRequest{}).kind, Kind::kConflict) << "two of one stream at once";
  EXPECT_EQ(Ask(SnapshotChange{answer.run, SnapshotState::kPaused}).kind, Kind::kDone);
  EXPECT_EQ(Ask(SnapshotChange{answer.run, SnapshotState::kPaused}).kind, Kind::kConflict);
  for (const auto& got : Reads()) script_->Done(got.at);
  script_->Do([&](SinkScript::Hands&) { script_->held = 0; });
  script_->corked = false;
  Append(*writer_, Commit(30, orders_, 1));
  ASSERT_TRUE(script_->Await(8));
  EXPECT_EQ(script_->got().back().id, 30'000) << "its stream goes on, its state does not";
  state_.at = log_->last_seq();
  state_.last = 3;
  EXPECT_EQ(Ask(SnapshotChange{answer.run, SnapshotState::kRunning}).kind, Kind::kDone);
  ASSERT_TRUE(Ends(answer.run, SnapshotState::kCompleted));
  const SnapshotAnswer second = Ask(SnapshotRequest{});
  ASSERT_TRUE(Ends(second.run, SnapshotState::kCompleted));
  EXPECT_EQ(Ask(SnapshotChange{second.run, SnapshotState::kCancelled}).kind, Kind::kConflict) << "it has ended";
  EXPECT_EQ(Ask(SnapshotChange{99, SnapshotState::kCancelled}).kind, Kind::kUnknown);
  state_.at = 0;  // not now
  const SnapshotAnswer third = Ask(SnapshotRequest{});
  ASSERT_TRUE(test::Eventually(script_->news, [&] { return Stored(third.run).tables(0).error() != ""; }));
  EXPECT_EQ(Stored(third.run).tables(0).error(), "the views stand still");
  EXPECT_EQ(Ask(SnapshotChange{third.run, SnapshotState::kCancelled}).kind, Kind::kDone);
  EXPECT_TRUE(Ends(third.run, SnapshotState::kCancelled));
}

TEST_F(Backfilling, WhatCannotBeSentIsRefusedAndDamageEndsIt) {
  Start();
  ASSERT_TRUE(script_->Await(3));
  SnapshotRequest request;
  request.tables = {"public.nothing"};
  const SnapshotAnswer unknown = Ask(request);
  EXPECT_EQ(unknown.kind, Kind::kInvalid);
  EXPECT_NE(unknown.text.find("public.nothing"), std::string::npos);
  request.tables = {"public.orders"};
  request.mode = SnapshotMode::kPartial;
  request.where = SnapshotWhere{"colour", "1", std::nullopt};
  EXPECT_EQ(Ask(request).kind, Kind::kInvalid) << "no such column";
  EXPECT_EQ(Ask(TablesToAdd{}).kind, Kind::kInvalid);
  EXPECT_TRUE(ReadBackfills(*store_, "hook")->snapshots().empty());
  request.where = SnapshotWhere{"id", "2", "4"};
  const SnapshotAnswer some = Ask(request);
  ASSERT_EQ(some.kind, Kind::kDone) << some.text;
  ASSERT_TRUE(Ends(some.run, SnapshotState::kCompleted));
  const auto reads = Reads();
  ASSERT_EQ(reads.size(), 2U);
  EXPECT_EQ(reads[0].id, 2);
  EXPECT_EQ(reads[1].id, 3);
  EXPECT_EQ(Stored(some.run).tables(0).rows(), 2U);
  state_.fails = true;
  const SnapshotAnswer damaged = Ask(SnapshotRequest{});
  ASSERT_TRUE(Ends(damaged.run, SnapshotState::kFailed));
  EXPECT_EQ(Stored(damaged.run).tables(0).error(), "the state is damaged");
  Append(*writer_, Commit(30, orders_, 1));
  EXPECT_TRUE(test::Eventually(script_->news, [&] { return script_->got().back().id == 30'000; }));
}

TEST_F(Backfilling, TheSameKeyWithTheSameBodyIsTheSameSnapshot_AP4) {
  Start();
  SnapshotRequest request;
  request.key = "k1";
  request.fingerprint = "a";
  const SnapshotAnswer first = Ask(request);
  const SnapshotAnswer again = Ask(request);
  EXPECT_EQ(again.kind, Kind::kRepeated);
  EXPECT_EQ(again.run, first.run);
  request.fingerprint = "b";
  EXPECT_EQ(Ask(request).kind, Kind::kKeyReused);
}

// As the loop drives it for a sink whose target keeps how far it is.
class BackfillsAhead : public Backfilling {
 protected:
  // As after a crash: what was not saved is forgotten.
  void Open(const std::string& kept = "") {
    taken_.clear();
    backfills_.reset();
    events_ = std::move(*Events::Open(*store_, clock_));
    backfills_ = std::make_unique<Backfills>(*store_, *log_, *events_, &state_, topics_, "hook", clock_);
    ASSERT_TRUE(backfills_->Open().ok());
    const Status taken = backfills_->TakeAhead(kept);
    ASSERT_TRUE(taken.ok()) << taken.error().what;
  }
  void Save() {
    StoreBatch batch;
    backfills_->Save(batch);
    ASSERT_TRUE(store_->Write(batch, true).ok());
    backfills_->Answer();
  }
  std::uint64_t Begin() {
    std::uint64_t run = 0;
    EXPECT_TRUE(backfills_->desk()->Offer(
        {SnapshotRequest{}, "api test", [&run](const SnapshotAnswer& answer) { run = answer.run; }}));
    backfills_->TakeCommands();
    Save();
    return run;
  }
  // The ids of the next rows, which the sink takes.
  std::vector<std::int64_t> Take(std::size_t rows) {
    std::vector<std::int64_t> ids;
    EXPECT_TRUE(backfills_->Look(state_.at).ok());
    while (ids.size() < rows && backfills_->HasRowsBefore(state_.at + 1)) {
      Event event;
      EXPECT_TRUE(backfills_->Next(event, 1).ok());
      std::vector<Value> values;
      EXPECT_TRUE(ReadRow(event.change->after, values).ok());
      ids.push_back(values.at(0).i);
      taken_.push_back(event.at);
      backfills_->Took();
    }
    return ids;
  }
  void AllDone() {
    for (const At at : std::exchange(taken_, {})) backfills_->Done(at);
  }

  const TopicFilter topics_ = std::move(*TopicFilter::Make({"shop.public.orders"}, ""));
  std::unique_ptr<Backfills> backfills_;
  std::vector<At> taken_;
};

using Ids = std::vector<std::int64_t>;

TEST_F(BackfillsAhead, WhatTheTargetHasIsNotSentAgainThoughNothingWasSaved) {
  Open();
  const std::uint64_t run = Begin();
  EXPECT_EQ(backfills_->Ahead(), "");
  EXPECT_EQ(Take(3), (Ids{1, 2, 3}));
  EXPECT_TRUE(backfills_->inside()) << "the second piece has another row";
  const std::string first = backfills_->Ahead();
  EXPECT_EQ(Take(1), (Ids{4}));
  EXPECT_FALSE(backfills_->inside());
  const std::string second = backfills_->Ahead();

  Open();
  EXPECT_EQ(Take(1), (Ids{1})) << "of a target that has nothing";
  Open(first);
  EXPECT_EQ(Take(1), (Ids{3}));
  Open(second);
  Save();
  EXPECT_EQ(Stored(run).tables(0).rows(), 4U);
  Open();
  EXPECT_EQ(Take(9), (Ids{5})) << "it was taken over for good";
  AllDone();
  Save();
  EXPECT_EQ(StateOf(Stored(run)), SnapshotState::kCompleted);
  EXPECT_EQ(Stored(run).tables(0).rows(), 5U);
}

TEST_F(BackfillsAhead, WhatIsWrittenIsAheadNoMoreAndAnOldPlaceMovesNothingBack) {
  Open();
  const std::uint64_t run = Begin();
  Take(2);
  const std::string old = backfills_->Ahead();
  AllDone();
  EXPECT_EQ(backfills_->Ahead(), old) << "done, and not written yet";
  Take(2);
  AllDone();
  Save();
  EXPECT_EQ(backfills_->Ahead(), "");
  Open(old);
  EXPECT_EQ(Take(9), (Ids{5}));
  AllDone();
  Save();
  Open(old);
  Save();
  EXPECT_EQ(StateOf(Stored(run)), SnapshotState::kCompleted);
  EXPECT_TRUE(Take(9).empty());
}

TEST_F(BackfillsAhead, APauseCostsNoRowThatWentOutAndCancellingThoseInHand) {
  Open();
  const std::uint64_t run = Begin();
  const auto set = [&](SnapshotState state) {
    EXPECT_TRUE(backfills_->desk()->Offer({SnapshotChange{run, state}, "api test", [](const SnapshotAnswer&) {}}));
    backfills_->TakeCommands();
    Save();
  };
  EXPECT_EQ(Take(3), (Ids{1, 2, 3}));
  set(SnapshotState::kPaused);
  EXPECT_EQ(Take(9), (Ids{4})) << "the rest of the piece";
  set(SnapshotState::kRunning);
  EXPECT_TRUE(Take(9).empty()) << "while what went out is not done it is not known where to go on";
  AllDone();
  Save();
  EXPECT_EQ(Stored(run).tables(0).rows(), 4U);
  state_.last = 9;
  EXPECT_EQ(Take(1), (Ids{5}));
  set(SnapshotState::kCancelled);
  EXPECT_TRUE(Take(9).empty());
  EXPECT_FALSE(backfills_->inside());
  EXPECT_EQ(backfills_->Ahead(), "");
}

TEST_F(BackfillsAhead, ALastPieceThatOnlyTheTargetKnowsEndsTheSnapshot) {
  Open();
  const std::uint64_t run = Begin();
  EXPECT_EQ(Take(9).size(), 5U);
  Open(backfills_->Ahead());
  EXPECT_TRUE(Take(9).empty());
  Save();
  EXPECT_EQ(StateOf(Stored(run)), SnapshotState::kCompleted);
  EXPECT_EQ(Stored(run).tables(0).rows(), 5U);
  EXPECT_EQ(Stored(run).tables(0).chunks(), 3U);
}

TEST_F(BackfillsAhead, APlaceOfAnotherRequestMeansNothing) {
  Open();
  Begin();
  Take(2);
  stored::ChunkLedger other;
  ASSERT_TRUE(other.ParseFromString(*FromBase64(backfills_->Ahead())));
  other.mutable_snapshots(0)->set_requested_us(other.snapshots(0).requested_us() + 1);
  Open(Base64(other.SerializeAsString()));
  EXPECT_EQ(Take(1), (Ids{1})) << "the run of that number was never stored, and the number is another's";
  other.mutable_snapshots(0)->set_run(77);
  Open(Base64(other.SerializeAsString()));
  EXPECT_EQ(Take(1), (Ids{1}));
  for (const char* const bad : {"?", "AAAA", "/////w=="}) {
    const Status taken = backfills_->TakeAhead(bad);
    ASSERT_FALSE(taken.ok()) << bad;
    EXPECT_EQ(taken.error().kind, ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace headgate
