// Consumer groups over a real log and store: polls, acknowledgements, restarts, retention.
#include "core/pipeline/group_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using std::chrono::milliseconds;
using test::Commit;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const GroupName kBilling{"shop.public.orders", "billing"};

class GroupDesks : public test::LogTest {
 protected:
  GroupDesks() {
    stream_ = Define(OpenWriter());
    events_ = std::move(*Events::Open(*store_, clock_));
    OpenDesk();
  }
  void OpenDesk() {
    desk_.reset();
    auto desk = GroupDesk::Open({store_.get(), log_.get(), events_.get(), &clock_, [] {}});
    ASSERT_TRUE(desk.ok()) << desk.error().what;
    desk_ = std::move(*desk);
  }
  // As after a kill: what was not written is gone.
  void Restart() {
    desk_.reset();
    events_.reset();
    Reopen();
    OpenWriter();
    events_ = std::move(*Events::Open(*store_, clock_));
    OpenDesk();
  }
  // Rows with the ids 1000 * lsn.
  void Insert(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t lsn = from; lsn <= to; ++lsn) Append(*writer_, Commit(lsn, stream_, 1));
  }
  template <class T>
  static Result<T> Wait(const std::function<void(GroupDesk::Answer<T>)>& ask) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    ask([promise](Result<T> answer) { promise->set_value(std::move(answer)); });
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready) return Transient("no answer");
    return future.get();
  }
  Result<GroupDesk::Polled> Poll(std::size_t max, milliseconds wait = milliseconds(0), const GroupName& name = kBilling,
                                 const std::string& consumer = "c1") {
    return Wait<GroupDesk::Polled>([&](auto answer) { desk_->Take({name, consumer, max, wait}, answer); });
  }
  std::vector<std::string> Tokens(std::size_t max, const std::string& consumer = "c1") {
    std::vector<std::string> tokens;
    const auto polled = Poll(max, milliseconds(0), kBilling, consumer);
    EXPECT_TRUE(polled.ok()) << polled.error().what;
    if (!polled.ok()) return tokens;
    for (const auto& one : polled->records) tokens.push_back(one.token);
    return tokens;
  }
  Result<GroupDesk::Settled> Ack(const std::vector<std::string>& tokens, const GroupName& name = kBilling) {
    return Wait<GroupDesk::Settled>([&](auto answer) { desk_->Ack(name, tokens, answer); });
  }
  Result<GroupDesk::Settled> Nack(const std::vector<std::string>& tokens, milliseconds delay = milliseconds(0)) {
    return Wait<GroupDesk::Settled>([&](auto answer) { desk_->Nack(kBilling, tokens, delay, answer); });
  }
  Result<GroupDesk::Made> Put(GroupSettings settings, At start = {0, 0}) {
    return Wait<GroupDesk::Made>([&](auto answer) { desk_->Put(kBilling, settings, start, "test", answer); });
  }
  std::shared_ptr<const GroupStatus> Status() const { return desk_->groups()->at(kBilling); }
  std::vector<std::string> EventKinds() const {
    std::vector<std::string> kinds;
    EXPECT_TRUE(events_
                    ->Read(0,
                           [&](ServiceEvent&& event) {
                             kinds.push_back(event.kind);
                             return true;
                           })
                    .ok());
    return kinds;
  }
  std::vector<DeadLetter> Letters() const {
    std::vector<DeadLetter> letters;
    EXPECT_TRUE(DeadLetters::Scan(*store_, GroupLetterOwner(kBilling), 0, false, [&](DeadLetter&& letter) {
                  letters.push_back(std::move(letter));
                  return true;
                }).ok());
    return letters;
  }

  StreamNo stream_ = 0;
  std::unique_ptr<Events> events_;
  std::unique_ptr<GroupDesk> desk_;
};

TEST_F(GroupDesks, D02_D14_EveryGroupGetsEveryRecordOnce) {
  Insert(1, 10);
  for (const char* group : {"a", "b", "c"}) {
    const auto polled = Poll(100, milliseconds(0), {kBilling.stream, group});
    ASSERT_TRUE(polled.ok()) << polled.error().what;
    EXPECT_EQ(polled->records.size(), 10U) << "without markers";
    EXPECT_THAT(polled->records[0].record, HasSubstr("\"at\":\""));
    const auto more = Poll(100, milliseconds(0), {kBilling.stream, group});
    EXPECT_THAT(more->records, IsEmpty());
    EXPECT_EQ(more->reason, "end");
  }
}

TEST_F(GroupDesks, D03_APollThatWaitsIsAnsweredByTheAppend) {
  std::promise<Result<GroupDesk::Polled>> promise;
  auto future = promise.get_future();
  desk_->Take({kBilling, "c1", 5, std::chrono::seconds(30)},
              [&](auto answer) { promise.set_value(std::move(answer)); });
  Insert(1, 1);
  ASSERT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(future.get()->records.size(), 1U);
}

TEST_F(GroupDesks, D07_D21_WhatWasAcknowledgedStaysSoAndTokensOutliveARestart) {
  Insert(1, 5);
  const auto tokens = Tokens(4);
  ASSERT_EQ(tokens.size(), 4U);
  EXPECT_EQ(Ack({tokens[0], tokens[2]})->done, 2U);
  Restart();
  EXPECT_EQ(Status()->in_flight, 2U);
  EXPECT_EQ(Ack({tokens[1]})->done, 1U);
  EXPECT_EQ(Ack({tokens[0]})->done, 1U) << "twice is once";
  clock_.now_us += 31'000'000;
  const auto polled = Poll(10);
  ASSERT_EQ(polled->records.size(), 2U);
  EXPECT_EQ(polled->records[0].deliveries, 2U);
  EXPECT_EQ(polled->records[1].deliveries, 1U);
  const auto settled = Ack({tokens[3]});
  EXPECT_EQ(settled->done, 0U);
  EXPECT_THAT(settled->expired, ElementsAre(tokens[3]));
}

TEST_F(GroupDesks, TokensOfOthersAndNonsenseAreRefusedAndNothingIsDone) {
  Insert(1, 2);
  const auto tokens = Tokens(2);
  const auto other = Poll(1, milliseconds(0), {kBilling.stream, "other"});
  ASSERT_EQ(other->records.size(), 1U);
  for (const std::string& bad : {other->records[0].token, std::string("1-1"), std::string("x"), std::string(""),
                                 tokens[0] + "1", std::string("1-1.5.99999999999999999999999")}) {
    const auto settled = Ack({tokens[0], bad});
    ASSERT_FALSE(settled.ok()) << bad;
    EXPECT_EQ(settled.error().kind, ErrorKind::kConfig);
    EXPECT_THAT(settled.error().what, HasSubstr("deliveries[1]"));
  }
  EXPECT_EQ(Status()->in_flight, 2U);
  EXPECT_EQ(Ack(tokens, {kBilling.stream, "nobody"}).error().kind, ErrorKind::kConfig);
}

TEST_F(GroupDesks, D18_WhatFailsTooOftenIsADeadLetterAndTheRestGoesOn) {
  Insert(1, 2);
  ASSERT_TRUE(Put({.deliveries_max = 2}).ok());
  ASSERT_TRUE(Nack({Tokens(1)[0]}).ok());
  ASSERT_TRUE(Nack({Tokens(1)[0]}).ok());
  const auto polled = Poll(10);
  ASSERT_EQ(polled->records.size(), 1U);
  ASSERT_EQ(Letters().size(), 1U);
  EXPECT_EQ(Letters()[0].attempts, 2U);
  EXPECT_EQ(Letters()[0].state, DeadLetter::State::kDead);
  EXPECT_THAT(Letters()[0].record, HasSubstr("\"id\":1000"));
  EXPECT_EQ(Ack({polled->records[0].token})->done, 1U);
  EXPECT_EQ(Status()->record.totals.dead, 1U);
  Restart();
  EXPECT_THAT(Poll(10)->records, IsEmpty());
}

TEST_F(GroupDesks, D18_ADeadLetterThatIsRetriedComesAgainAndIsGoneOnceItIsAcknowledged) {
  Insert(1, 1);
  ASSERT_TRUE(Put({.deliveries_max = 1}).ok());
  for (const bool last : {false, true}) {
    if (!last) {
      ASSERT_TRUE(Nack(Tokens(1)).ok());
    }
    ASSERT_THAT(Poll(1)->records, IsEmpty());
    ASSERT_EQ(Letters().size(), 1U);
    desk_->Letters(kBilling, {LetterCommand::Kind::kRetry, {Letters()[0].id}, {}});
    const auto again = Poll(1);
    ASSERT_EQ(again->records.size(), 1U);
    EXPECT_THAT(again->records[0].record, HasSubstr("\"id\":1000"));
    if (!last) {
      Restart();
      ASSERT_TRUE(Nack({again->records[0].token}).ok()) << "its token outlives a restart";
    } else {
      EXPECT_EQ(Ack({again->records[0].token})->done, 1U);
    }
  }
  EXPECT_THAT(Letters(), IsEmpty());
}

TEST_F(GroupDesks, D27_ASeekGivesTheSameRecordsAgainAndOldTokensMeanNothing) {
  Insert(1, 3);
  const auto tokens = Tokens(3);
  ASSERT_EQ(Ack({tokens[0]})->done, 1U);
  ASSERT_TRUE(Wait<GroupDesk::Made>([&](auto a) { desk_->Seek(kBilling, {1, 0}, "test", a); }).ok());
  EXPECT_FALSE(Ack({tokens[1]}).ok());
  EXPECT_EQ(Tokens(10).size(), 3U);
  Restart();
  EXPECT_EQ(Status()->in_flight, 3U);
}

TEST_F(GroupDesks, AGroupThatTakesTheNameOfADeletedOneStartsNew) {
  Insert(1, 2);
  const auto tokens = Tokens(1);
  ASSERT_TRUE(Wait<bool>([&](auto a) { desk_->Delete(kBilling, "test", a); }).ok());
  EXPECT_TRUE(desk_->groups()->empty());
  EXPECT_FALSE(Wait<bool>([&](auto a) { desk_->Delete(kBilling, "test", a); }).ok());
  EXPECT_EQ(Tokens(10).size(), 2U);
  EXPECT_FALSE(Ack(tokens).ok());
}

TEST_F(GroupDesks, D06_APollThatMeetsTheLimitSaysSo) {
  Insert(1, 3);
  ASSERT_TRUE(Put({.in_flight_max = 2}).ok());
  EXPECT_EQ(Tokens(10).size(), 2U);
  const auto full = Poll(10);
  EXPECT_THAT(full->records, IsEmpty());
  EXPECT_EQ(full->reason, "in_flight_limit");
}

TEST_F(GroupDesks, APollThatWaitsIsAnsweredWhenTheDeskStops) {
  std::promise<Result<GroupDesk::Polled>> promise;
  auto future = promise.get_future();
  desk_->Take({kBilling, "c1", 5, std::chrono::seconds(30)},
              [&](auto answer) { promise.set_value(std::move(answer)); });
  desk_->Stop();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(future.get().error().kind, ErrorKind::kStopped);
  EXPECT_EQ(Poll(1).error().kind, ErrorKind::kTransient) << "it takes nothing more";
}

class GroupLosses : public GroupDesks {
 protected:
  // Ten records, of which two are acknowledged, are dropped but for the newest.
  void Lose(GroupSettings::OnLost on_lost) {
    ASSERT_TRUE(Put({.on_lost = on_lost}).ok());
    Insert(1, 10);
    const auto tokens = Tokens(3);
    ASSERT_EQ(tokens.size(), 3U);
    ASSERT_EQ(Ack({tokens[0], tokens[2]})->done, 2U);
    clock_.now_us += 60'000'000;
    Insert(11, 11);
    ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0,
                           [&](const Log::Trimmed& dropped, StoreBatch& batch) {
                             EXPECT_EQ(desk_->TellOfLoss(dropped.first_kept, batch), 1U);
                           })
                    .ok());
  }
};

TEST_F(GroupLosses, D24_FailSaysWhatWasLostUntilAPersonDecides) {
  Lose(GroupSettings::OnLost::kFail);
  for (const bool restarted : {false, true}) {
    if (restarted) Restart();
    const auto polled = Poll(10);
    ASSERT_FALSE(polled.ok());
    EXPECT_EQ(polled.error().kind, ErrorKind::kRejected);
    EXPECT_THAT(polled.error().what, HasSubstr("dropped 8 records"));
  }
  EXPECT_THAT(EventKinds(), testing::Contains("loss"));
  ASSERT_TRUE(Wait<GroupDesk::Made>([&](auto a) { desk_->Seek(kBilling, {log_->first_seq(), 0}, "test", a); }).ok());
  EXPECT_EQ(Tokens(10).size(), 1U);
}

TEST_F(GroupLosses, D24_EarliestGoesOnWithTheOldestThatIsLeft) {
  Lose(GroupSettings::OnLost::kEarliest);
  EXPECT_EQ(Tokens(10).size(), 1U);
  EXPECT_EQ(Status()->record.totals.lost, 8U);
  EXPECT_THAT(EventKinds(), testing::Contains("loss"));
}

TEST_F(GroupLosses, D24_LatestGoesOnWithWhatComes) {
  Lose(GroupSettings::OnLost::kLatest);
  EXPECT_THAT(Tokens(10), IsEmpty());
  Insert(12, 12);
  EXPECT_EQ(Tokens(10).size(), 1U);
}

TEST_F(GroupLosses, D24_AGroupFacesItsLossWithoutAPoll) {
  Lose(GroupSettings::OnLost::kFail);
  EXPECT_FALSE(Status()->loss);
  desk_->FaceLosses();
  ASSERT_TRUE(Put({.ack_timeout_ms = 1000}).ok()) << "answered behind it";
  ASSERT_TRUE(Status()->loss);
  EXPECT_EQ(Status()->loss->records, 8U);
}

TEST_F(GroupLosses, D24_WhatWasAcknowledgedWhileItWasDroppedIsNoLoss) {
  Insert(1, 3);
  const auto tokens = Tokens(3);
  clock_.now_us += 60'000'000;
  Insert(4, 4);
  ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0,
                         [&](const Log::Trimmed& dropped, StoreBatch& batch) {
                           EXPECT_EQ(desk_->TellOfLoss(dropped.first_kept, batch), 1U);
                           EXPECT_EQ(Ack(tokens)->done, 3U);
                         })
                  .ok());
  Restart();
  EXPECT_EQ(Tokens(10).size(), 1U);
}

TEST_F(GroupLosses, D24_AMarkerIsNoLoss) {
  ASSERT_TRUE(Put({}).ok());
  const StreamNo other = Define(*writer_, "customers");
  Append(*writer_, Commit(1, stream_, 1));
  ASSERT_EQ(Ack(Tokens(1))->done, 1U);
  TableSchema wider = test::TwoColumns("orders", "note");
  EXPECT_EQ(writer_->DefineSchema(stream_, wider, 2, 2), 2U);
  Append(*writer_, Commit(2, other, 1));
  clock_.now_us += 60'000'000;
  Append(*writer_, Commit(3, other, 1));
  ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0,
                         [&](const Log::Trimmed& dropped, StoreBatch& batch) {
                           EXPECT_EQ(desk_->TellOfLoss(dropped.first_kept, batch), 0U);
                         })
                  .ok());
}

TEST_F(GroupDesks, ADeadLetterThatIsDiscardedWhileItIsTriedAgainIsGone) {
  Insert(1, 1);
  ASSERT_TRUE(Put({.deliveries_max = 1}).ok());
  ASSERT_TRUE(Nack(Tokens(1)).ok());
  ASSERT_THAT(Poll(1)->records, IsEmpty());
  desk_->Letters(kBilling, {LetterCommand::Kind::kRetry, {1}, {}});
  ASSERT_EQ(Tokens(1).size(), 1U);
  desk_->Letters(kBilling, {LetterCommand::Kind::kDiscard, {1}, {}});
  clock_.now_us += 60'000'000;
  EXPECT_THAT(Poll(1)->records, IsEmpty());
  EXPECT_THAT(Letters(), IsEmpty());
  Restart();
  EXPECT_THAT(Poll(1)->records, IsEmpty());
}

TEST_F(GroupLosses, D24_WhatIsOfAnotherStreamIsNoLoss) {
  const StreamNo other = Define(*writer_, "customers");
  Insert(1, 1);
  ASSERT_EQ(Ack(Tokens(1))->done, 1U);
  for (std::uint64_t lsn = 2; lsn < 6; ++lsn) Append(*writer_, Commit(lsn, other, 1));
  clock_.now_us += 60'000'000;
  Append(*writer_, Commit(7, other, 1));
  ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0,
                         [&](const Log::Trimmed& dropped, StoreBatch& batch) {
                           EXPECT_EQ(desk_->TellOfLoss(dropped.first_kept, batch), 0U);
                         })
                  .ok());
  const auto polled = Poll(10);
  ASSERT_TRUE(polled.ok()) << polled.error().what;
  EXPECT_EQ(polled->reason, "end");
}

}  // namespace
}  // namespace headgate
