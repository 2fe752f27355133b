// The source over a real log, without threads: what a loop would call, called by the test.
#include "connectors/http/source.h"

#include <gmock/gmock.h>

#include "core/base/check.h"
#include "tests/unit/http/reading.h"
#include "tests/unit/log/log_support.h"

namespace headgate::http {
namespace {

using Kind = IntakeAnswer::Kind;

class Pushed : public test::LogTest {
 protected:
  Pushed() { Open("id int NOT NULL, name text"); }
  ~Pushed() override {
    if (source_ != nullptr) source_->Close();
  }

  void Open(const std::string& columns) {
    if (source_ != nullptr) source_->Close();
    Options options;
    options.name = "sensors";
    options.stream = "readings";
    options.columns = columns;
    source_ = std::make_unique<HttpSource>(options, clock_);
    writer_ = std::move(*log_->OpenWriter("sensors", "", "http"));
    ASSERT_TRUE(source_->Open(*writer_, {}).ok());
    Round();  // stream and schema
  }
  void Restart(const std::string& columns = "id int NOT NULL, name text") {
    source_->Close();
    source_.reset();
    writer_.reset();
    Reopen();
    Open(columns);
  }

  // Hands a request in; its answer comes to this place of answers_.
  std::size_t Send(const std::string& body, const std::string& key = {}) {
    auto request = test::MakeRequest(body);
    request->key = key;
    const std::size_t place = answers_.size();
    answers_.emplace_back();
    request->done = [this, place](IntakeAnswer answer) {
      CHECK(!answers_[place]);
      answers_[place] = std::move(answer);
    };
    offered_ = source_->intake()->Offer(std::move(request));
    return place;
  }
  // One round of the loop.
  void Round() {
    SourceBatch batch;
    ASSERT_TRUE(source_->Read(batch, {}).ok());
    transactions_ = batch.transactions.size();
    if (transactions_ > 0 || batch.resume) {
      ASSERT_TRUE(writer_->Append(batch.transactions, batch.resume, StoreBatch(), batch.numbered).ok());
    }
    ASSERT_TRUE(source_->Acknowledge().ok());
  }
  // One whose append fails.
  void FailingRound() {
    SourceBatch batch;
    ASSERT_TRUE(source_->Read(batch, {}).ok());
    EXPECT_TRUE(source_->GiveUp(Transient("no space left")));
    ASSERT_TRUE(source_->Acknowledge().ok());
  }
  IntakeAnswer Answer(std::size_t place) {
    EXPECT_TRUE(answers_[place].has_value());
    return answers_[place].value_or(IntakeAnswer{});
  }
  std::uint64_t Records() {
    const auto registry = log_->registry();
    const StreamInfo* stream = registry->FindStream("readings");
    return stream == nullptr ? 0 : log_->stats(stream->number).records;
  }

  std::unique_ptr<HttpSource> source_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<std::optional<IntakeAnswer>> answers_;
  Intake::Offered offered_ = Intake::Offered::kTaken;
  std::size_t transactions_ = 0;
};

TEST_F(Pushed, TheStreamIsThereBeforeItsFirstEvent) {
  const auto registry = log_->registry();
  const StreamInfo* stream = registry->FindStream("readings");
  ASSERT_NE(stream, nullptr);
  EXPECT_EQ(registry->LatestVersion(stream->number), 1U);
  EXPECT_TRUE(source_->telemetry()->connected && source_->telemetry()->pushed);
}

TEST_F(Pushed, WhatWaitsIsOneAppendAndEachRequestOneTransaction) {
  const auto a = Send(R"([{"id":1},{"id":2}])");
  const auto b = Send(R"({"id":"x"})");
  const auto c = Send(R"({"id":3})");
  Round();
  EXPECT_EQ(transactions_, 2U);
  EXPECT_EQ(Answer(a).kind, Kind::kAppended);
  EXPECT_EQ(Answer(a).events, 2U);
  EXPECT_EQ(Answer(b).kind, Kind::kRefused);
  EXPECT_EQ(Answer(c).seq, Answer(a).seq + 1);
  EXPECT_EQ(Answer(c).seq, log_->last_seq());
  EXPECT_EQ(Records(), 3U);
  EXPECT_EQ(writer_->progress().last->a, 2U) << "transactions are counted, refused requests are not";
}

TEST_F(Pushed, NumbersGoOnAfterARestart) {
  Send(R"({"id":1})");
  Round();
  Restart();
  const auto place = Send(R"({"id":2})");
  Round();
  EXPECT_EQ(Answer(place).kind, Kind::kAppended);
  EXPECT_EQ(writer_->progress().last->a, 2U);
  EXPECT_EQ(Records(), 2U);
}

TEST_F(Pushed, AKeyAppendsOnceAlsoAfterARestart) {
  const auto first = Send(R"({"id":1})", "k");
  Round();
  const auto again = Send(R"({"id":1})", "k");
  const auto other = Send(R"({"id":2})", "k");
  Round();
  EXPECT_EQ(Answer(again).kind, Kind::kRepeated);
  EXPECT_EQ(Answer(again).seq, Answer(first).seq);
  EXPECT_EQ(Answer(again).events, 1U);
  EXPECT_EQ(Answer(other).kind, Kind::kKeyReused);
  Restart();
  const auto later = Send(R"({"id":1})", "k");
  Round();
  EXPECT_EQ(Answer(later).kind, Kind::kRepeated);
  EXPECT_EQ(Answer(later).seq, Answer(first).seq);
  EXPECT_EQ(Records(), 1U);
  clock_.now_us += 25LL * 3600 * 1'000'000;
  const auto tomorrow = Send(R"({"id":1})", "k");
  Round();
  EXPECT_EQ(Answer(tomorrow).kind, Kind::kAppended);
}

TEST_F(Pushed, RequestsWithOneKeyAtTheSameTimeAreOne) {
  const auto first = Send(R"({"id":1})", "k");
  const auto same = Send(R"({"id":1})", "k");
  const auto other = Send(R"({"id":2})", "k");
  Round();
  EXPECT_EQ(transactions_, 1U);
  EXPECT_EQ(Answer(first).kind, Kind::kAppended);
  EXPECT_EQ(Answer(same).kind, Kind::kRepeated);
  EXPECT_EQ(Answer(same).seq, Answer(first).seq);
  EXPECT_EQ(Answer(other).kind, Kind::kKeyReused);
}

TEST_F(Pushed, AKeyOfWhatWasNotAppendedIsFree) {
  const auto bad = Send(R"({"id":null})", "k");
  Round();
  EXPECT_EQ(Answer(bad).kind, Kind::kRefused);
  const auto failed = Send(R"({"id":1})", "k");
  const auto follower = Send(R"({"id":1})", "k");
  FailingRound();
  EXPECT_EQ(Answer(failed).kind, Kind::kUnavailable);
  EXPECT_EQ(Answer(follower).kind, Kind::kUnavailable);
  EXPECT_EQ(source_->telemetry()->findings.size(), 1U);
  const auto good = Send(R"({"id":1})", "k");
  Round();
  EXPECT_EQ(Answer(good).kind, Kind::kAppended);
  EXPECT_EQ(Records(), 1U);
  EXPECT_EQ(source_->telemetry()->findings.size(), 0U) << "the trouble is over";
}

TEST_F(Pushed, APausedSourceRefusesWhatWaits) {
  const auto waiting = Send(R"({"id":1})");
  ASSERT_TRUE(source_->KeepAlive().ok());
  EXPECT_EQ(Answer(waiting).kind, Kind::kUnavailable);
  EXPECT_EQ(Answer(waiting).text, "Source sensors is paused.");
  Send(R"({"id":1})");
  EXPECT_EQ(offered_, Intake::Offered::kClosed);
  Round();
  const auto after = Send(R"({"id":1})");
  Round();
  EXPECT_EQ(Answer(after).kind, Kind::kAppended);
}

TEST_F(Pushed, AStoppedSourceAnswersEveryRequest) {
  const auto waiting = Send(R"({"id":1})");
  const auto intake = source_->intake();
  source_->Close();
  EXPECT_EQ(Answer(waiting).kind, Kind::kUnavailable);
  EXPECT_FALSE(intake->open());
  Send(R"({"id":2})");
  EXPECT_EQ(offered_, Intake::Offered::kClosed);
  EXPECT_FALSE(answers_.back().has_value());
}

TEST_F(Pushed, TheQueueIsBounded) {
  std::size_t taken = 0;
  do {
    Send(R"({"id":1})");
    ++taken;
  } while (offered_ == Intake::Offered::kTaken && taken < 5000);
  EXPECT_EQ(offered_, Intake::Offered::kFull);
  EXPECT_EQ(taken, 1025U);
  Round();
  EXPECT_EQ(Records(), 1024U);
}

TEST_F(Pushed, OtherColumnsAreANewVersionAndOldRowsKeepTheirs) {
  Send(R"({"id":1})");
  Round();
  Restart("id int NOT NULL, name text, more float8");
  Send(R"({"id":2,"more":1})");
  Round();
  const auto registry = log_->registry();
  const StreamInfo* stream = registry->FindStream("readings");
  EXPECT_EQ(registry->LatestVersion(stream->number), 2U);
  EXPECT_EQ(registry->Schema(stream->number, 1)->columns.size(), 2U);
  EXPECT_EQ(registry->Schema(stream->number, 2)->columns.size(), 3U);
  Restart("id int NOT NULL, name text, more float8");
  EXPECT_EQ(log_->registry()->LatestVersion(stream->number), 2U) << "the same again is no new one";
}

}  // namespace
}  // namespace headgate::http
