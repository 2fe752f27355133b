#include "core/state/dead_letters.h"

#include "core/state/state.pb.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using State = DeadLetter::State;

DeadLetter Letter(std::string lane, State state = State::kWaiting, std::int64_t next_try_us = 0) {
  DeadLetter letter;
  letter.lanes = {{std::move(lane)}};
  letter.state = state;
  letter.next_try_us = next_try_us;
  letter.body = "body";
  return letter;
}

const std::set<std::uint64_t> kNone;

class Letters : public test::LogTest {
 protected:
  Letters() { Load(); }

  void Load(const std::string& sink = "hook") {
    auto letters = DeadLetters::Open(*store_, sink);
    ASSERT_TRUE(letters.ok()) << letters.error().what;
    letters_ = std::move(*letters);
  }
  std::uint64_t Add(DeadLetter letter) {
    StoreBatch batch;
    const std::uint64_t id = letters_->Add(batch, std::move(letter));
    EXPECT_TRUE(store_->Write(batch, true).ok());
    return id;
  }
  void Remove(std::uint64_t id) {
    StoreBatch batch;
    letters_->Remove(batch, id);
    EXPECT_TRUE(store_->Write(batch, true).ok());
  }
  std::vector<std::uint64_t> Ids(std::string_view sink, std::uint64_t after = 0, bool newest_first = false) {
    std::vector<std::uint64_t> ids;
    EXPECT_TRUE(DeadLetters::Scan(*store_, sink, after, newest_first, [&](DeadLetter&& letter) {
                  ids.push_back(letter.id);
                  return true;
                }).ok());
    return ids;
  }

  bool LaneIsStored(std::string name, bool shared = false) const {
    const LetterLane lane{std::move(name), shared};
    return letters_->AreStored(std::span(&lane, 1));
  }
  std::vector<std::uint64_t> Earlier(std::uint64_t id) {
    const auto ids = DeadLetters::Earlier(*store_, "hook", id);
    EXPECT_TRUE(ids.ok());
    return *ids;
  }

  std::unique_ptr<DeadLetters> letters_;
};

TEST_F(Letters, EveryFieldSurvivesAReopen) {
  DeadLetter letter = Letter("key", State::kDead, 4);
  letter.event_id = "shop:0-00000000016e9fb0:1";
  letter.at = {7, 3};
  letter.stream = "shop.public.orders";
  letter.op = "insert";
  letter.key = "{\"id\":1}";
  letter.lanes = {{"key"}, {"old key"}, {"table", true}};
  letter.record = std::string("\0\xff", 2);
  letter.body = std::string("\0\xfe", 2);
  letter.content_type = "application/json";
  letter.source_position = "0/16E9FB0";
  letter.commit_us = -1;
  letter.attempts = 12;
  letter.first_failed_us = 1;
  letter.last_failed_us = 2;
  letter.error_class = "status_5xx";
  letter.error_status = 503;
  letter.error_message = "the endpoint said \xff\xc3";  // what the other side says need not be UTF-8
  letter.request = "POST / HTTP/1.1";
  letter.response = "HTTP/1.1 503 \xe9";
  letter.history = {"first", "second \xff"};
  const std::uint64_t id = Add(letter);
  Reopen();
  const auto read = DeadLetters::Read(*store_, "hook", id);
  ASSERT_TRUE(read.ok()) << read.error().what;
  ASSERT_TRUE(read->has_value());
  const DeadLetter& back = **read;
  EXPECT_EQ(back.id, id);
  EXPECT_EQ(back.state, letter.state);
  EXPECT_EQ(back.event_id, letter.event_id);
  EXPECT_EQ(back.at, letter.at);
  EXPECT_EQ(back.stream, letter.stream);
  EXPECT_EQ(back.op, letter.op);
  EXPECT_EQ(back.key, letter.key);
  EXPECT_EQ(back.lanes, letter.lanes);
  EXPECT_EQ(back.record, letter.record);
  EXPECT_EQ(back.body, letter.body);
  EXPECT_EQ(back.content_type, letter.content_type);
  EXPECT_EQ(back.source_position, letter.source_position);
  EXPECT_EQ(back.commit_us, letter.commit_us);
  EXPECT_EQ(back.attempts, letter.attempts);
  EXPECT_EQ(back.first_failed_us, letter.first_failed_us);
  EXPECT_EQ(back.last_failed_us, letter.last_failed_us);
  EXPECT_EQ(back.next_try_us, letter.next_try_us);
  EXPECT_EQ(back.error_class, letter.error_class);
  EXPECT_EQ(back.error_status, letter.error_status);
  EXPECT_EQ(back.error_message, letter.error_message);
  EXPECT_EQ(back.request, letter.request);
  EXPECT_EQ(back.response, letter.response);
  EXPECT_EQ(back.history, letter.history);
}

TEST_F(Letters, TheFirstDueGoesFirstAndALaneIsInOrder) {
  const auto one = Add(Letter("a", State::kWaiting, 100));
  const auto two = Add(Letter("a", State::kParked));
  const auto three = Add(Letter("b", State::kWaiting, 50));
  EXPECT_EQ(letters_->NextDue(49, kNone), std::nullopt);
  EXPECT_EQ(letters_->next_due_us(), 50);
  EXPECT_EQ(letters_->NextDue(50, kNone), three) << "the parked one waits for the earlier of its lane";
  EXPECT_EQ(letters_->NextDue(100, kNone), one);
  Remove(one);
  EXPECT_EQ(letters_->NextDue(49, kNone), two) << "parked is due as soon as nothing stands before it";
}

TEST_F(Letters, ALaneThatIsBusyOrHasADeadLetterIsPassedOver) {
  const auto one = Add(Letter("a", State::kWaiting, 1));
  Add(Letter("b", State::kDead));
  Add(Letter("b", State::kParked));
  const auto last = Add(Letter("c", State::kRetrying, 1));
  EXPECT_EQ(letters_->NextDue(10, {one}), last);
  Remove(last);
  Remove(one);
  EXPECT_EQ(letters_->NextDue(10, kNone), std::nullopt) << "a dead letter waits for a person, and its lane with it";
  EXPECT_EQ(letters_->next_due_us(), 0);
}

TEST_F(Letters, EarlierOnesOfTheLaneAreNamed) {
  const auto one = Add(Letter("a"));
  Add(Letter("b"));
  const auto three = Add(Letter("a"));
  const auto four = Add(Letter("a"));
  EXPECT_EQ(Earlier(four), (std::vector<std::uint64_t>{one, three}));
  EXPECT_TRUE(Earlier(one).empty());
  EXPECT_TRUE(Earlier(99).empty());
}

TEST_F(Letters, EarlierOnesOfAnEarlierOneAreNamedToo) {
  const auto a = Add(Letter("a"));
  const auto b = Add(Letter("b"));
  DeadLetter change = Letter("b");
  change.lanes = {{"b"}, {"c"}};
  const auto moved = Add(change);
  const auto c = Add(Letter("c"));
  EXPECT_EQ(Earlier(c), (std::vector<std::uint64_t>{b, moved}));
  EXPECT_TRUE(Earlier(a).empty());
}

TEST_F(Letters, OneOfTwoLanesWaitsForBothAndHoldsBoth) {
  const auto a = Add(Letter("a", State::kParked));
  const auto b = Add(Letter("b", State::kParked));
  DeadLetter change = Letter("", State::kParked);
  change.lanes = {{"a"}, {"b"}};
  const auto moved = Add(change);
  const auto behind_a = Add(Letter("a", State::kParked));
  const auto behind_b = Add(Letter("b", State::kParked));
  const auto other = Add(Letter("c", State::kParked));
  EXPECT_EQ(letters_->NextDue(10, {a, b}), other);
  Remove(a);
  EXPECT_EQ(letters_->NextDue(10, {b}), other);
  Remove(b);
  EXPECT_EQ(letters_->NextDue(10, kNone), moved);
  EXPECT_EQ(letters_->NextDue(10, {moved}), other);
  Reopen();
  Load();
  EXPECT_TRUE(LaneIsStored("a"));
  EXPECT_EQ(letters_->NextDue(10, {moved}), other);
  Remove(moved);
  EXPECT_EQ(letters_->NextDue(10, kNone), behind_a);
  EXPECT_EQ(letters_->NextDue(10, {behind_a}), behind_b);
}

TEST_F(Letters, ThoseThatShareALaneWaitOnlyForTheOneThatHasItAlone) {
  const auto keyed = [](std::string key) {
    DeadLetter letter = Letter(std::move(key), State::kParked);
    letter.lanes.push_back({"table", true});
    return letter;
  };
  const auto a = Add(keyed("a"));
  const auto b = Add(keyed("b"));
  EXPECT_EQ(letters_->NextDue(10, {a}), b);
  EXPECT_TRUE(LaneIsStored("table")) << "a truncate goes behind them";
  EXPECT_FALSE(LaneIsStored("table", true)) << "another key does not";
  const auto truncate = Add(Letter("table", State::kParked));
  const auto late = Add(keyed("c"));
  EXPECT_TRUE(LaneIsStored("table", true));
  EXPECT_EQ(letters_->NextDue(10, {a, b}), std::nullopt);
  EXPECT_EQ(Earlier(late), (std::vector<std::uint64_t>{a, b, truncate}));
  Remove(a);
  Remove(b);
  EXPECT_EQ(letters_->NextDue(10, kNone), truncate);
  EXPECT_EQ(letters_->NextDue(10, {truncate}), std::nullopt);
  Remove(truncate);
  EXPECT_EQ(letters_->NextDue(10, kNone), late);
  EXPECT_FALSE(LaneIsStored("table", true));
}

TEST_F(Letters, OneWithoutLanesWaitsForNothing) {
  DeadLetter free = Letter("", State::kParked);
  free.lanes.clear();
  const auto one = Add(free);
  const auto two = Add(free);
  EXPECT_EQ(letters_->NextDue(10, {one}), two);
  EXPECT_TRUE(Earlier(two).empty());
}

TEST_F(Letters, ARecordThatNamesOneLaneKeepsItsMeaning) {
  stored::StoredLetter old;
  old.set_id(1);
  old.set_lane("a");
  StoreBatch batch;
  batch.Put(Family::kLetters, std::string("hook\0\0\0\0\0\0\0\0\1", 13), old.SerializeAsString());
  ASSERT_TRUE(store_->Write(batch, true).ok());
  Load();
  EXPECT_TRUE(LaneIsStored("a"));
  EXPECT_EQ((**DeadLetters::Read(*store_, "hook", 1)).lanes, std::vector<LetterLane>{{"a"}});
}

TEST_F(Letters, AnUpdateMovesItInTime) {
  const auto id = Add(Letter("a", State::kWaiting, 100));
  DeadLetter later = Letter("a", State::kWaiting, 200);
  later.id = id;
  later.attempts = 2;
  later.body = std::string(1000, 'x');
  StoreBatch batch;
  letters_->Update(batch, later);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  EXPECT_EQ(letters_->NextDue(199, kNone), std::nullopt);
  EXPECT_EQ(letters_->NextDue(200, kNone), id);
  EXPECT_EQ(letters_->size(), 1U);
  EXPECT_GT(letters_->bytes(), 1000U);
  EXPECT_EQ((*DeadLetters::Read(*store_, "hook", id))->attempts, 2U);
}

TEST_F(Letters, CountsBytesLanesAndNumbersAreTheSameAfterAReopen) {
  const auto one = Add(Letter("a"));
  const auto two = Add(Letter("a"));
  const auto three = Add(Letter("b"));
  Remove(two);
  const std::uint64_t bytes = letters_->bytes();
  EXPECT_GT(bytes, 0U);
  Reopen();
  Load();
  EXPECT_EQ(letters_->size(), 2U);
  EXPECT_EQ(letters_->bytes(), bytes);
  EXPECT_TRUE(letters_->Contains(one));
  EXPECT_FALSE(letters_->Contains(two));
  EXPECT_TRUE(LaneIsStored("a"));
  EXPECT_FALSE(LaneIsStored("c"));
  EXPECT_EQ(Add(Letter("c")), three + 1);
  Remove(one);
  Remove(three);
  EXPECT_FALSE(LaneIsStored("a"));
  EXPECT_TRUE(LaneIsStored("c"));
}

TEST_F(Letters, PagesGoForthAndBack) {
  for (int i = 0; i < 5; ++i) Add(Letter("a"));
  EXPECT_EQ(Ids("hook"), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(Ids("hook", 3), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(Ids("hook", 0, true), (std::vector<std::uint64_t>{5, 4, 3, 2, 1}));
  EXPECT_EQ(Ids("hook", 3, true), (std::vector<std::uint64_t>{2, 1}));
  int visited = 0;
  ASSERT_TRUE(DeadLetters::Scan(*store_, "hook", 0, false, [&](DeadLetter&&) { return ++visited < 2; }).ok());
  EXPECT_EQ(visited, 2);
}

TEST_F(Letters, DeletingAllOfOneSinkTouchesNoOtherWhoseNameBeginsTheSame) {
  const std::vector<std::string> sinks = {"hook", "hoo", "hook2", "hook-a", "hooj", "hool"};
  for (const std::string& sink : sinks) {
    Load(sink);
    Add(Letter("a"));
    Add(Letter("a"));
    EXPECT_EQ(Ids(sink).size(), 2U);
  }
  StoreBatch batch;
  DeadLetters::DeleteAll(batch, "hook");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  for (const std::string& sink : sinks) {
    EXPECT_EQ(Ids(sink).size(), sink == "hook" ? 0U : 2U) << sink;
    EXPECT_EQ(Ids(sink, 0, true).size(), sink == "hook" ? 0U : 2U) << sink;
    Load(sink);
    EXPECT_EQ(letters_->size(), sink == "hook" ? 0U : 2U) << sink;
  }
}

TEST_F(Letters, WhatIsNotThereIsNothingAndWhatIsBrokenIsCorrupt) {
  const auto none = DeadLetters::Read(*store_, "hook", 7);
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const auto id = Add(Letter("a"));
  StoreBatch batch;
  batch.Put(Family::kLetters, std::string("hook\0\0\0\0\0\0\0\0", 12) + static_cast<char>(id), "\xff\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto broken = DeadLetters::Read(*store_, "hook", id);
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().what, "dead letter 1 of sink hook cannot be read");
  const auto all = DeadLetters::Open(*store_, "hook");
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(DeadLetters::Scan(*store_, "hook", 0, false, [](DeadLetter&&) { return true; }).ok());
}

TEST_F(Letters, TheNamesOfStatesAreThoseOfTheApi) {
  EXPECT_EQ(Name(State::kWaiting), "waiting");
  EXPECT_EQ(Name(State::kParked), "parked");
  EXPECT_EQ(Name(State::kDead), "dead");
  EXPECT_EQ(Name(State::kRetrying), "retrying");
}

TEST_F(Letters, AnIdIsNotGivenAgainBehindARestart) {
  const auto first = Add(Letter("a"));
  const auto second = Add(Letter("b"));
  Remove(second);
  Remove(first);
  Reopen();
  Load();
  EXPECT_EQ(Add(Letter("c")), second + 1);
  StoreBatch batch;
  batch.Put(Family::kLetters, "hook\1", std::string("\0\0\0\0", 4));  // as it was before it had the next id
  ASSERT_TRUE(store_->Write(batch, true).ok());
  Load();
  EXPECT_EQ(Add(Letter("d")), second + 2);
}

TEST_F(Letters, AP18_TheCountsByStateAreWrittenWithEachChange) {
  const auto counts = [&](const char* sink = "hook") { return *DeadLetters::Counts(*store_, sink); };
  EXPECT_EQ(counts(), CountsByState{});
  const auto one = Add(Letter("a"));
  Add(Letter("a", State::kParked));
  Add(Letter("b", State::kDead));
  EXPECT_EQ(counts(), (CountsByState{1, 1, 1, 0}));
  EXPECT_EQ(counts("hoo"), CountsByState{});
  Reopen();
  Load();
  StoreBatch batch;
  DeadLetter failed = Letter("a", State::kDead);
  failed.id = one;
  letters_->Update(batch, failed);
  EXPECT_EQ(counts(), (CountsByState{1, 1, 1, 0})) << "not before the write";
  ASSERT_TRUE(store_->Write(batch, true).ok());
  EXPECT_EQ(counts(), (CountsByState{0, 1, 2, 0}));
  Remove(one);
  EXPECT_EQ(counts(), (CountsByState{0, 1, 1, 0}));
  StoreBatch all;
  DeadLetters::DeleteAll(all, "hook");
  ASSERT_TRUE(store_->Write(all, true).ok());
  EXPECT_EQ(counts(), CountsByState{});
}

}  // namespace
}  // namespace headgate
