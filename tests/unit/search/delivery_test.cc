// What is sent when, and what an answer leads to.
#include <algorithm>

#include "tests/unit/search/delivery_fixture.h"

namespace headgate::search {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SearchDelivery : public DeliveryFixture {};

TEST_F(SearchDelivery, WaitsForOthersThenSendsThemTogether) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  EXPECT_FALSE(delivery_->Next().has_value());
  Write(events_.Insert(2));
  Write(events_.Delete(3));
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1", "index 2 v2", "delete 3 v3"));
  EXPECT_FALSE(delivery_->Next().has_value()) << "there is nothing more";
  EXPECT_TRUE(context_.done.empty());
  Answer({201, 200, 200});
  EXPECT_EQ(context_.done.size(), 3U);
}

TEST_F(SearchDelivery, AnIdleServerIsNotKeptWaitingForLong) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  clock_.Pass(milliseconds(40));
  ASSERT_TRUE(delivery_->Next().has_value());
  Write(events_.Insert(2));
  clock_.Pass(milliseconds(199));
  EXPECT_FALSE(delivery_->Next().has_value()) << "while a request is under way more may come";
  EXPECT_EQ(delivery_->NextWake(), clock_.Now() + milliseconds(1));
  clock_.Pass(milliseconds(1));
  EXPECT_TRUE(delivery_->Next().has_value());
}

TEST_F(SearchDelivery, Q4_OfSeveralWritesToADocumentTheLastSpeaksForAll) {
  Begin();
  Write(events_.Insert(1));
  Write(events_.Insert(2));
  Write(events_.Update(1));
  Write(events_.Delete(1));
  SetUpIndex();
  EXPECT_THAT(Batch(), ElementsAre("index 2 v2", "delete 1 v4"));
  Answer({201, 429}, "rejected_execution_exception");
  EXPECT_EQ(context_.done.size(), 1U) << "those that the delete speaks for wait with it";
  clock_.Pass(minutes(5));
  EXPECT_THAT(Batch(), ElementsAre("delete 1 v4"));
  Answer({200});
  EXPECT_EQ(context_.done.size(), 4U);
}

TEST_F(SearchDelivery, Q17_AChangedKeyIsADeleteAndAnIndexWithOneVersion) {
  Begin();
  const At at = Write(events_.Update(9, "paid", 1));
  SetUpIndex();
  EXPECT_THAT(Batch(), ElementsAre("delete 1 v1", "index 9 v1"));
  Answer({429, 400}, "mapper_parsing_exception");
  EXPECT_TRUE(context_.stored.empty()) << "the delete has not come through yet";
  clock_.Pass(minutes(5));
  EXPECT_THAT(Batch(), ElementsAre("delete 1 v1"));
  Answer({200});
  EXPECT_THAT(context_.stored, ElementsAre(at));
  EXPECT_THAT(context_.letters.at(1).body, HasSubstr("\"_id\":\"9\""));
  EXPECT_THAT(context_.letters.at(1).body, Not(HasSubstr("delete")));
}

TEST_F(SearchDelivery, ARejectedDocumentIsADeadLetterAndGoesInWhenAskedFor) {
  Begin();
  const At bad = Write(events_.Insert(1));
  Write(events_.Insert(2));
  SetUpIndex();
  Batch();
  Answer({400, 201});
  EXPECT_THAT(context_.stored, ElementsAre(bad));
  const DeadLetter letter = context_.letters.at(1);
  EXPECT_EQ(letter.state, DeadLetter::State::kDead);
  EXPECT_EQ(letter.error_class, "rejected");
  EXPECT_EQ(letter.error_message, "mapper_parsing_exception: because");
  EXPECT_EQ(letter.key, R"({"id":1})");
  Write(events_.Insert(3));
  ASSERT_TRUE(delivery_->Retry(letter).ok());
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1", "index 3 v3"));
  Answer({409, 201}, "version_conflict_engine_exception");
  EXPECT_TRUE(context_.letters.empty()) << "the index has something newer";
}

TEST_F(SearchDelivery, BeforeALetterGoesInItsIndexIsLookedAtToo_Q12) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({400});
  const DeadLetter letter = context_.letters.at(1);
  Begin();
  ASSERT_TRUE(delivery_->Retry(letter).ok());
  EXPECT_EQ(Prepare(), "GET /orders");
  Reply(200, R"({"orders-v1":{"mappings":{"_meta":{"headgate":{"log_id":"other","sink":"docs"}}}}})");
  EXPECT_THAT(delivery_->state().error().what, HasSubstr("another data directory"));
  EXPECT_FALSE(delivery_->Next().has_value());
  EXPECT_EQ(context_.letters.size(), 1U);
}

TEST_F(SearchDelivery, ADocumentThatSpoilsItsRequestDoesNotTakeTheDeleteOfItsOldKeyWithIt_Q17) {
  Begin();
  Write(events_.Update(9, "paid", 1));
  SetUpIndex();
  ASSERT_EQ(Batch().size(), 2U);
  Reply(413, "");
  EXPECT_TRUE(context_.stored.empty());
  EXPECT_THAT(Batch(), ElementsAre("delete 1 v1"));
  Answer({200});
  ASSERT_EQ(context_.letters.size(), 1U);
  EXPECT_EQ(context_.letters.at(1).error_class, "too_large");
  EXPECT_THAT(context_.letters.at(1).body, HasSubstr("\"_id\":\"9\""));
}

TEST_F(SearchDelivery, AnUnreadableAnswerOrNoneIsSentAgain_Q19) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  for (int round = 0; round < 4; ++round) {
    ASSERT_THAT(Batch(), ElementsAre("index 1 v1")) << round;
    if (round == 0) Reply(200, "{");
    if (round == 1) Reply(503, "");
    if (round == 2) delivery_->Unanswered(number_, "timeout", "no answer");
    if (round == 3) break;
    EXPECT_TRUE(Batch().empty()) << "it waits";
    clock_.Pass(minutes(5));
  }
  Answer({409}, "version_conflict_engine_exception");
  EXPECT_EQ(context_.done.size(), 1U);
}

TEST_F(SearchDelivery, OneThatSpoilsItsRequestIsFoundByHalves) {
  Begin();
  for (int i = 1; i <= 8; ++i) Write(events_.Insert(i));
  SetUpIndex();
  for (;;) {
    const auto batch = Batch();
    if (batch.empty()) break;
    if (std::ranges::find(batch, "index 3 v3") != batch.end()) {
      Reply(400, "an id that is too long");
    } else {
      Answer(std::vector<int>(batch.size(), 201));
    }
  }
  EXPECT_EQ(context_.done.size(), 7U);
  ASSERT_EQ(context_.letters.size(), 1U);
  EXPECT_EQ(context_.letters.at(1).key, R"({"id":3})");
}

TEST_F(SearchDelivery, AnIndexThatIsGoneOrThatRejectsAllStopsTheSink_Q20) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({404}, "index_not_found_exception");
  EXPECT_EQ(delivery_->state().error().kind, ErrorKind::kConfig);
  EXPECT_FALSE(delivery_->Room());
  EXPECT_TRUE(context_.done.empty() && context_.stored.empty());

  Begin();
  for (int i = 1; i <= 120; ++i) Write(events_.Insert(i));
  SetUpIndex();
  const auto batch = Batch();
  Answer(std::vector<int>(batch.size(), 400));
  EXPECT_THAT(delivery_->state().error().what, HasSubstr("100 documents in a row"));
  EXPECT_EQ(context_.stored.size(), 99U);
}

TEST_F(SearchDelivery, WhatIsNoDocument) {
  options_.on_truncate = Options::OnTruncate::kIgnore;
  options_.document_bytes_max = 60;
  Begin();
  EXPECT_EQ(context_.done.size(), 0U);
  Write(events_.Message());
  Write(events_.Truncate());
  EXPECT_EQ(context_.done.size(), 2U);
  Write(events_.Insert(1, std::string(100, 'x')));
  EXPECT_EQ(context_.letters.at(1).error_class, "too_large");
  options_.on_truncate = Options::OnTruncate::kStop;
  Begin();
  EXPECT_THAT(delivery_->Write(events_.Truncate()).error().what, HasSubstr("was truncated"));
}

TEST_F(SearchDelivery, Q3_SeveralRequestsAreUnderWayButNeverTwoWithOneDocument) {
  options_.batch_docs_max = 2;
  Begin();
  for (const int id : {1, 2, 1, 3, 4, 5}) Write(events_.Insert(id));
  SetUpIndex();
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1", "index 2 v2"));
  const auto first = number_;
  EXPECT_THAT(Batch(), ElementsAre("index 3 v4", "index 4 v5")) << "1 waits for the request that has it";
  const auto second = number_;
  EXPECT_TRUE(Batch().empty()) << "two at most";
  EXPECT_EQ(delivery_->NextWake(), Delivery::Time::max());
  AnswerNumber(second, {201, 201});
  EXPECT_THAT(Batch(), ElementsAre("index 5 v6"));
  const auto third = number_;
  AnswerNumber(first, {201, 429}, "rejected_execution_exception");
  EXPECT_EQ(context_.done.size(), 3U);
  AnswerNumber(third, {201});
  clock_.Pass(minutes(5));
  EXPECT_THAT(Batch(), ElementsAre("index 2 v2", "index 1 v3")) << "what waits again is where it stood";
  AnswerNumber(number_, {201, 201});
  EXPECT_EQ(context_.done.size(), 6U);
}

TEST_F(SearchDelivery, Q3_ALaterChangeDoesNotOvertakeAnEarlierOneThatWaits) {
  options_.batch_docs_max = 1;
  Begin();
  Write(events_.Insert(1));
  Write(events_.Update(2, "paid", 1));  // of 1 too
  Write(events_.Update(2));
  Write(events_.Insert(3));
  SetUpIndex();
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1"));
  const auto first = number_;
  EXPECT_THAT(Batch(), ElementsAre("index 3 v4"));
  AnswerNumber(number_, {201});
  AnswerNumber(first, {201});
  EXPECT_THAT(Batch(), ElementsAre("delete 1 v2", "index 2 v2"));
  AnswerNumber(number_, {200, 201});
  EXPECT_THAT(Batch(), ElementsAre("index 2 v3"));
}

TEST_F(SearchDelivery, ABlockedIndexIsProbedWithOneChangeEvery30Seconds) {
  Begin();
  for (const int id : {1, 2, 3}) Write(events_.Insert(id));
  SetUpIndex();
  ASSERT_EQ(Batch().size(), 3U);
  Answer({429, 429, 429}, "cluster_block_exception");
  for (int probe = 0; probe < 3; ++probe) {
    const SinkTelemetry told = delivery_->Telemetry();
    ASSERT_EQ(told.findings.size(), 1U);
    EXPECT_EQ(told.findings[0].id, "index_blocked");
    EXPECT_EQ(told.phase, "waiting");
    clock_.Pass(seconds(29));
    EXPECT_TRUE(Batch().empty());
    clock_.Pass(seconds(1));
    ASSERT_THAT(Batch(), ElementsAre("index 1 v1"));
    if (probe < 2) Reply(403, R"({"error":{"type":"cluster_block_exception","reason":"because"}})");
  }
  Answer({201});
  EXPECT_TRUE(delivery_->Telemetry().findings.empty());
  EXPECT_THAT(Batch(), ElementsAre("index 2 v2", "index 3 v3"));
  Answer({201, 201});
  EXPECT_TRUE(context_.stored.empty());
  EXPECT_EQ(context_.done.size(), 3U);
}

TEST_F(SearchDelivery, RetryAfterIsHonoured) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  ASSERT_EQ(Batch().size(), 1U);
  delivery_->Answered(number_, {429, "", "", seconds(90)});
  clock_.Pass(seconds(85));
  EXPECT_TRUE(Batch().empty());
  clock_.Pass(seconds(5));
  EXPECT_EQ(Batch().size(), 1U);
}

TEST_F(SearchDelivery, Q13_NewChangesThatFindSomethingNewerTellOfAnotherWriter) {
  const auto run = [&](std::int64_t stored_us, int stale) {
    Begin();
    events_.commit_us = stored_us;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 100; ++i) Write(events_.Insert(i));
      if (round == 0) SetUpIndex();
      std::vector<int> statuses(Batch().size(), 201);
      std::fill_n(statuses.begin(), stale, 409);
      Answer(statuses, "version_conflict_engine_exception");
      clock_.Pass(minutes(6));
    }
    return delivery_->Telemetry().findings;
  };
  EXPECT_TRUE(run(clock_.NowUs() - 1, 100).empty()) << "what was in the log before may have been sent before";
  EXPECT_TRUE(run(clock_.NowUs() + 1, 1).empty());
  const auto findings = run(clock_.NowUs() + 1, 2);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "foreign_writer");
  EXPECT_THAT(findings[0].summary, HasSubstr("2 %"));
}

TEST_F(SearchDelivery, Q21_WhatTheServerIs) {
  Begin(R"({"version":{"number":"9.1.0"}})");
  ASSERT_EQ(delivery_->Telemetry().findings.size(), 1U);
  EXPECT_THAT(delivery_->Telemetry().findings[0].summary, HasSubstr("Elasticsearch 9.1.0"));
  EXPECT_TRUE(delivery_->Room());
  Begin("<html>");
  EXPECT_THAT(delivery_->state().error().what, HasSubstr("no search server"));
  EXPECT_FALSE(delivery_->Room());
}

TEST_F(SearchDelivery, Q18_ATruncateGoesBehindWhatWasBeforeItAndLetsNothingPast) {
  Begin();
  Write(events_.Insert(1));
  const At at = Write(events_.Truncate());
  Write(events_.Insert(2));
  SetUpIndex();
  ASSERT_THAT(Batch(), ElementsAre("index 1 v1"));
  EXPECT_TRUE(Batch().empty());
  Answer({201});
  EXPECT_EQ(Prepare(), "POST /orders/_refresh");
  EXPECT_FALSE(delivery_->Next().has_value());
  Reply(503);
  EXPECT_EQ(Prepare(), "");
  clock_.Pass(minutes(5));
  EXPECT_EQ(Prepare(), "POST /orders/_refresh");
  Reply(200);
  ASSERT_THAT(Prepare(), HasSubstr("/orders/_search?scroll="));
  Reply(200, R"({"_scroll_id":"s","_shards":{"failed":0},"hits":{"hits":[{"_id":"1"},{"_id":"7","_routing":"x"}]}})");
  ASSERT_THAT(Prepare(), HasSubstr("/_bulk?"));
  EXPECT_THAT(ActionsOf(body_), ElementsAre("delete 1 v2", "delete 7 v2 rx"));
  Answer({200, 409});
  ASSERT_THAT(Prepare(), HasSubstr("/_search/scroll"));
  Reply(200, R"({"_scroll_id":"s","_shards":{"failed":0}})");
  EXPECT_EQ(Prepare(), "DELETE /_search/scroll");
  EXPECT_FALSE(context_.done.contains(at));
  Reply(404);
  EXPECT_TRUE(context_.done.contains(at));
  EXPECT_THAT(Batch(), ElementsAre("index 2 v3"));
}

TEST_F(SearchDelivery, Q18_ALetterThatIsTriedAgainMeanwhileDoesNotTakeThePlaceOfATruncate) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({400});
  const At at = Write(events_.Truncate());
  EXPECT_EQ(Prepare(), "POST /orders/_refresh");
  ASSERT_TRUE(delivery_->Retry(context_.letters.at(1)).ok());
  Reply(200);
  ASSERT_THAT(Prepare(), HasSubstr("/orders/_search?"));
  Reply(200, R"({"_scroll_id":"s","_shards":{"failed":0},"hits":{"hits":[]}})");
  EXPECT_EQ(Prepare(), "DELETE /_search/scroll");
  Reply(200);
  EXPECT_TRUE(context_.done.contains(at));
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1"));
}

TEST_F(SearchDelivery, Q18_WhatATruncateCannotReadIsReadAgainAndWhatItMayNotIsSaid) {
  Begin();
  Write(events_.Truncate());
  SetUpIndex();
  const std::string cut = R"({"_scroll_id":"s","_shards":{"failed":0},"hits":{"hits":[{"_id":"1"},{"_i)";
  const std::string partly = R"({"_scroll_id":"s","_shards":{"failed":1},"hits":{"hits":[{"_id":"1"}]}})";
  for (const std::string& page : {cut, partly}) {
    EXPECT_EQ(Prepare(), "POST /orders/_refresh");
    Reply(200);
    ASSERT_THAT(Prepare(), HasSubstr("/orders/_search?"));
    Reply(200, page);
    EXPECT_TRUE(context_.done.empty());
    clock_.Pass(minutes(5));
  }
  EXPECT_EQ(Prepare(), "POST /orders/_refresh");
  Reply(403);
  EXPECT_EQ(delivery_->state().error().kind, ErrorKind::kConfig);
  EXPECT_THAT(delivery_->state().error().what, HasSubstr("right to search"));
}

TEST_F(SearchDelivery, AnOlderChangeDoesNotSpeakForANewerLetter) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({400});
  DeadLetter letter = context_.letters.at(1);
  const auto at = letter.body.find("\"version\":1");
  ASSERT_NE(at, std::string::npos);
  letter.body.replace(at, 11, "\"version\":9");
  ASSERT_TRUE(delivery_->Retry(letter).ok());
  Write(events_.Insert(1));  // read again: older than the letter
  EXPECT_THAT(Batch(), ElementsAre("index 1 v9"));
  Answer({201});
  EXPECT_THAT(Batch(), ElementsAre("index 1 v2")) << "each gets its own answer";
}

}  // namespace
}  // namespace headgate::search
