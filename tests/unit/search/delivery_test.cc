// What is sent when, and what an answer leads to.
#include "sinks/search/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/sinks/sample_events.h"

namespace headgate::search {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;

class SearchDelivery : public ::testing::Test {
 protected:
  SearchDelivery() { options_.index = "${table}"; }

  void Begin() { delivery_ = std::make_unique<Delivery>(options_, identity_, context_); }
  At Write(const Event& event) {
    const Status status = delivery_->Write(event);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return event.at;
  }
  // The index is made.
  void SetUpIndex() {
    ASSERT_EQ(delivery_->Next()->method, "GET");
    delivery_->Answered(404, "");
    ASSERT_EQ(delivery_->Next()->path, "/orders-v1");
    delivery_->Answered(200, "{}");
  }
  // The next request, as "index 1 v3", "delete 2 v4".
  std::vector<std::string> Batch() {
    clock_.Pass(options_.batch_delay_max);
    const auto call = delivery_->Next();
    std::vector<std::string> actions;
    if (!call) return actions;
    std::istringstream lines(call->body);
    for (std::string line; std::getline(lines, line);) {
      const Json action = Json::parse(line);
      const auto& [name, what] = *action.items().begin();
      actions.push_back(name + " " + what["_id"].get<std::string>() + " v" +
                        std::to_string(what["version"].get<int>()));
      if (name == "index") std::getline(lines, line);
    }
    return actions;
  }
  void Answer(const std::vector<int>& statuses, const std::string& type = "mapper_parsing_exception") {
    Json items = Json::array();
    for (const int status : statuses) {
      Json item = {{"status", status}};
      if (status >= 400) item["error"] = {{"type", type}, {"reason", "because"}};
      items.push_back({{"index", std::move(item)}});
    }
    delivery_->Answered(200, Json({{"items", items}}).dump());
  }

  Options options_;
  Identity identity_{"log", "docs"};
  FakeClock clock_;
  FakeContext context_{clock_};
  SampleEvents events_;
  std::unique_ptr<Delivery> delivery_;
};

TEST_F(SearchDelivery, WaitsForOthersThenSendsThemTogether) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  EXPECT_FALSE(delivery_->Next().has_value());
  Write(events_.Insert(2));
  Write(events_.Delete(3));
  EXPECT_THAT(Batch(), ElementsAre("index 1 v1", "index 2 v2", "delete 3 v3"));
  EXPECT_FALSE(delivery_->Next().has_value()) << "one request at a time";
  EXPECT_TRUE(context_.done.empty());
  Answer({201, 200, 200});
  EXPECT_EQ(context_.done.size(), 3U);
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
  const auto look = delivery_->Next();
  ASSERT_TRUE(look.has_value());
  EXPECT_EQ(look->path, "/orders/_mapping");
  delivery_->Answered(200, R"({"orders-v1":{"mappings":{"_meta":{"headgate":{"log_id":"other","sink":"docs"}}}}})");
  EXPECT_THAT(delivery_->state().error().what, HasSubstr("another data directory"));
  EXPECT_FALSE(delivery_->Next().has_value());
  EXPECT_EQ(context_.letters.size(), 1U);
}

TEST_F(SearchDelivery, ADocumentThatSpoilsItsRequestDoesNotTakeTheDeleteOfItsOldKeyWithIt_Q17) {
  Begin();
  Write(events_.Update(9, "paid", 1));
  SetUpIndex();
  ASSERT_EQ(Batch().size(), 2U);
  delivery_->Answered(413, "");
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
    if (round == 0) delivery_->Answered(200, "{");
    if (round == 1) delivery_->Answered(503, "");
    if (round == 2) delivery_->Unanswered("timeout", "no answer");
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
      delivery_->Answered(400, "an id that is too long");
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
  options_.stop_on_truncate = false;
  options_.document_bytes_max = 60;
  Begin();
  EXPECT_EQ(context_.done.size(), 0U);
  Write(events_.Message());
  Write(events_.Truncate());
  EXPECT_EQ(context_.done.size(), 2U);
  Write(events_.Insert(1, std::string(100, 'x')));
  EXPECT_EQ(context_.letters.at(1).error_class, "too_large");
  options_.stop_on_truncate = true;
  Begin();
  EXPECT_THAT(delivery_->Write(events_.Truncate()).error().what, HasSubstr("was truncated"));
}

}  // namespace
}  // namespace headgate::search
