// A sink goes back to a place of the log (OP-15): the same records, whole or in part, over restarts.
#include "core/pipeline/rewind.h"

#include <thread>

#include "core/pipeline/deliver.h"
#include "tests/unit/pipeline/fakes.h"

namespace headgate {
namespace {

using test::Commit;
using test::SinkScript;
using Numbers = std::vector<std::int64_t>;

// Ten commits of one insert each: LSNs 10, 20, ... in orders, 15, 25, ... in customers. seq 1 and 2 are schemas.
class Rewinding : public test::LogTest {
 protected:
  Rewinding() {
    LogWriter& writer = OpenWriter();
    orders_ = Define(writer);
    customers_ = Define(writer, "customers");
    for (std::uint64_t lsn = 10; lsn < 60; lsn += 10) {
      Append(writer, Commit(lsn, orders_, 1));
      Append(writer, Commit(lsn + 5, customers_, 1));
    }
    events_ = std::move(*Events::Open(*store_, clock_));
  }
  ~Rewinding() override { Stop(); }

  static TopicFilter Topics() {
    return std::move(*TopicFilter::Make({"shop.public.orders", "shop.public.customers"}, ""));
  }
  void Start() {
    script_ = std::make_shared<SinkScript>();
    sink_ = std::make_unique<test::CorkedSink>(script_);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "hook", Topics(), clock_);
    thread_ = std::jthread([this](std::stop_token stop) { static_cast<void>(deliver_->Run(stop)); });
  }
  void Stop() {
    thread_ = std::jthread();
    deliver_.reset();
  }
  // From the start of the log to its end; stopped there.
  void DeliverAll() {
    Start();
    ASSERT_TRUE(script_->Await(12));
    Stop();
  }
  Result<Rewound> Go(At to, std::vector<std::string> streams = {}, std::string key = "") {
    return Execute({to, std::move(streams), std::move(key)}, "hook", Topics(), *store_, *log_, *events_, "api test");
  }
  // What goes out until a commit that is new now has come.
  Numbers Again() {
    static std::uint64_t lsn = 1000;
    Append(*writer_, Commit(++lsn, orders_, 1));
    Start();
    const auto last = static_cast<std::int64_t>(lsn) * 1000;
    EXPECT_TRUE(test::Eventually(script_->news, [&] {
      const Numbers ids = script_->ids();
      return !ids.empty() && ids.back() == last;
    }));
    Stop();
    Numbers ids = script_->ids();
    if (!ids.empty()) ids.pop_back();
    return ids;
  }
  std::uint64_t Add(DeadLetter letter) {
    const auto letters = DeadLetters::Open(*store_, "hook");
    StoreBatch batch;
    const std::uint64_t id = (*letters)->Add(batch, std::move(letter));
    EXPECT_TRUE(store_->Write(batch, true).ok());
    return id;
  }
  Result<RewindCount> CountOf(const Rewind& rewind) {
    const auto stand = ReadStand(*store_, *log_, "hook");
    return CountRewind(rewind, *stand, "hook", Topics(), *store_, *log_, std::chrono::seconds(10), {});
  }

  StreamNo orders_ = 0, customers_ = 0;
  std::unique_ptr<Events> events_;
  std::shared_ptr<SinkScript> script_;
  std::unique_ptr<test::CorkedSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  std::jthread thread_;
};

At SeqOf(const std::vector<SinkScript::Got>& got, std::int64_t id) {
  for (const auto& one : got) {
    if (one.id == id) return one.at;
  }
  ADD_FAILURE() << id << " was not delivered";
  return {};
}

TEST_F(Rewinding, FromTheFourthRecordOnAllGoOutAgain_OP15_U24) {
  DeliverAll();
  const At fourth = SeqOf(script_->got(), 25'000);
  const auto count = CountOf({fourth, {}, ""});
  ASSERT_TRUE(count.ok()) << count.error().what;
  EXPECT_EQ(count->again, 7U);
  EXPECT_EQ(count->skipped, 0U);
  EXPECT_TRUE(count->complete);
  const auto done = Go(fourth);
  ASSERT_TRUE(done.ok()) << done.error().what;
  EXPECT_EQ(done->after, fourth);
  EXPECT_GT(done->before, fourth);
  EXPECT_EQ(Again(), (Numbers{25'000, 30'000, 35'000, 40'000, 45'000, 50'000, 55'000}));
  EXPECT_EQ(Again(), Numbers{}) << "once";
  const auto told = test::ReadEvents(*store_);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, "rewind");
  EXPECT_EQ(told[0].actor, "api test");
  EXPECT_EQ(told[0].details.at("after"), ToText(fourth));
}

TEST_F(Rewinding, SomeStreamsAloneAlsoOverARestartInTheMiddle_OP15) {
  DeliverAll();
  ASSERT_TRUE(Go({1, 0}, {"shop.public.customers"}).ok());
  Start();
  ASSERT_TRUE(script_->Await(3));  // the schema, and what follows
  Stop();
  Start();
  Stop();
  Reopen();
  OpenWriter();
  events_ = std::move(*Events::Open(*store_, clock_));
  Numbers all = script_->ids();
  for (const std::int64_t id : Again()) all.push_back(id);
  for (const std::int64_t id : all) EXPECT_EQ(id % 10'000, 5'000) << "of customers alone";
  EXPECT_TRUE(all.empty() || all.back() == 55'000);
  EXPECT_EQ(Again(), Numbers{});
  EXPECT_TRUE(ReadReplays(*store_, "hook")->empty()) << "forgotten once it is over";
}

TEST_F(Rewinding, OneKeyAlone_OP15) {
  DeliverAll();
  const auto count = CountOf({{1, 0}, {}, "30000"});
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(count->again, 1U);
  ASSERT_TRUE(Go({1, 0}, {}, "30000").ok());
  ASSERT_TRUE(Go({1, 0}, {"shop.public.orders"}, R"({ "id" : 50000 })").ok()) << "and another one";
  EXPECT_EQ(Again(), (Numbers{30'000, 50'000}));
}

TEST_F(Rewinding, TheEndSkipsAndTheCountSaysHowMany) {
  Start();
  Stop();
  ASSERT_TRUE(Go({1, 0}).ok());
  const At end{log_->last_seq() + 1, 0};
  const auto count = CountOf({end, {}, ""});
  ASSERT_TRUE(count.ok());
  EXPECT_EQ(count->again, 0U);
  EXPECT_EQ(count->skipped, 10U);
  ASSERT_TRUE(Go(end).ok());
  EXPECT_EQ(Again(), Numbers{});
}

TEST_F(Rewinding, LettersOfWhatGoesOutAgainGoSoThatOrderHolds) {
  DeliverAll();
  const auto got = script_->got();
  DeadLetter older;
  older.at = SeqOf(got, 10'000);
  older.stream = "shop.public.orders";
  older.key = R"({"id":10000})";
  DeadLetter newer = older;
  newer.at = SeqOf(got, 40'000);
  newer.key = R"({"id":40000})";
  newer.state = DeadLetter::State::kDead;
  DeadLetter other = newer;
  other.at = SeqOf(got, 45'000);
  other.stream = "shop.public.customers";
  const std::uint64_t kept = Add(older);
  Add(newer);
  const std::uint64_t of_other = Add(other);
  const Rewind rewind{SeqOf(got, 30'000), {"shop.public.orders"}, ""};
  EXPECT_EQ(CountOf(rewind)->letters, 1U);
  const auto done = Go(rewind.to, rewind.streams);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->letters, 1U);
  const auto left = DeadLetters::Open(*store_, "hook");
  EXPECT_EQ((*left)->size(), 2U);
  EXPECT_TRUE((*left)->Contains(kept));
  EXPECT_TRUE((*left)->Contains(of_other));
  EXPECT_EQ(Again(), (Numbers{30'000, 40'000, 50'000}));
}

TEST_F(Rewinding, WhatRetentionHasDroppedIsRefusedWithWhatIsThere) {
  DeliverAll();
  const auto before = ReadCursor(*store_, "hook");
  clock_.now_us += 3'600'000'000;
  Append(*writer_, Commit(70, orders_, 1));
  ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0).ok());
  ASSERT_GT(log_->first_seq(), 3U);
  const auto refused = Go({3, 0});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_NE(refused.error().what.find("The oldest place to go to is " + ToText(At{log_->first_seq(), 0})),
            std::string::npos)
      << refused.error().what;
  EXPECT_FALSE(Go({log_->last_seq() + 2, 0}).ok()) << "nor what is not there yet";
  const auto skips = Go({log_->last_seq() + 1, 0}, {"shop.public.orders"});
  ASSERT_FALSE(skips.ok());
  EXPECT_NE(skips.error().what.find("not skipped"), std::string::npos);
  EXPECT_EQ(*ReadCursor(*store_, "hook"), *before) << "nothing has changed";
  EXPECT_TRUE(test::ReadEvents(*store_).empty());
}

}  // namespace
}  // namespace headgate
