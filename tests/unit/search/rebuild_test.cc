// An index that is made anew beside the old one: what is asked of the server in each phase, and where documents go.
#include "tests/unit/search/rebuild_fixture.h"

namespace headgate::search {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SearchRebuilding, GoesThroughItsPhases_Q29) {
  Begin();
  Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({201});
  Create();
  const Json made = Json::parse(body_);
  EXPECT_EQ(made["settings"]["index.refresh_interval"], "-1");
  EXPECT_EQ(made["settings"]["index.number_of_replicas"], 0);
  EXPECT_EQ(made["mappings"]["_meta"]["headgate"]["rebuild"], "4-77");
  EXPECT_EQ(made["mappings"]["_meta"]["headgate"]["generation"], 2);
  EXPECT_TRUE(made["aliases"].contains("orders--next") && !made["aliases"].contains("orders"));
  Write(events_.Insert(2));
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 2")) << "before the phase is stored there is one index";
  Answer({201});
  Take(RebuildPhase::kDual, Told().notes);
  const At at = Write(events_.Insert(3));
  EXPECT_EQ(Told().phase, RebuildPhase::kDual);
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 3", "orders--next index 3"));
  Answer({201, 429}, "rejected_execution_exception");
  EXPECT_FALSE(context_.done.contains(at)) << "only when both have it";
  clock_.Pass(minutes(1));
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next index 3"));
  Answer({201});
  EXPECT_TRUE(context_.done.contains(at));
  EXPECT_EQ(Prepare(), "");
  EXPECT_EQ(Told().phase, RebuildPhase::kLoad);
  Take(RebuildPhase::kLoad);
  EXPECT_EQ(Prepare(), "");
  Take(RebuildPhase::kSettle);
  ASSERT_EQ(Prepare(), "PUT /orders-v2/_settings");
  EXPECT_EQ(Json::parse(body_), Json::parse(R"({"index.refresh_interval":null,"index.number_of_replicas":null})"));
  Reply(200);
  Expect("POST /orders-v2/_refresh", 200);
  Expect("GET /_cluster/health/orders-v2", 200, R"({"status":"yellow","number_of_data_nodes":3})");
  EXPECT_EQ(Prepare(), "") << "replicas are still to come";
  clock_.Pass(seconds(1));
  Expect("GET /_cluster/health/orders-v2", 200, R"({"status":"green","number_of_data_nodes":3})");
  EXPECT_EQ(Told().phase, RebuildPhase::kCompare);
  Take(RebuildPhase::kCompare);
  Write(events_.Insert(4));
  delivery_->rebuilder()->Count("shop.public.orders");
  Batch();
  EXPECT_FALSE(delivery_->Next().has_value()) << "what is under way comes first";
  Answer({201, 201});
  Expect("POST /orders-v2/_refresh", 200);
  Expect("GET /orders-v2/_count", 200, R"({"count":7,"_shards":{"failed":0}})");
  EXPECT_EQ(delivery_->rebuilder()->counted(), std::optional<std::uint64_t>(7));
  Write(events_.Insert(5));
  Take(RebuildPhase::kSwap);
  EXPECT_FALSE(delivery_->Room());
  Batch();
  EXPECT_FALSE(delivery_->Next().has_value());
  Answer({201, 201});
  Expect("GET /orders", 200, Meta("orders-v1"));
  ASSERT_EQ(Prepare(), "POST /_aliases");
  EXPECT_EQ(Json::parse(body_)["actions"].size(), 3U);
  Reply(200);
  EXPECT_EQ(Told().phase, RebuildPhase::kRetire);
  EXPECT_EQ(Told().due_us, clock_.NowUs() + 86'400'000'000);
  EXPECT_TRUE(delivery_->Room());
  Write(events_.Insert(6));
  Expect("GET /orders", 200, NextMeta());
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 6"));
}

TEST_F(SearchRebuilding, PickedDocumentsAreWhatTheirRowsAreUnlessTheyAreNewer) {
  const std::string good = R"({"id":7,"status":"open","city":"Malmö"})";
  const std::string bad = R"({"id":7,"status":"lost","city":"Malmö"})";
  const auto doc = [](int version, const std::string& source) {
    return R"({"_id":"7","found":true,"_version":)" + std::to_string(version) + R"(,"_source":)" + source + "}";
  };
  const std::vector<std::pair<std::string, bool>> cases = {{doc(20, good), true},
                                                           {doc(20, bad), false},
                                                           {doc(21, bad), true},
                                                           {R"({"_id":"7","found":false})", true},
                                                           {doc(20, R"({"id":7})"), false}};
  for (const auto& [found, is_good] : cases) {
    BeginDual();
    Take(RebuildPhase::kCompare);
    Rebuilder& rebuild = *delivery_->rebuilder();
    rebuild.Count("shop.public.orders");
    Expect("POST /orders-v2/_refresh", 200);
    Expect("GET /orders-v2/_count", 200, R"({"count":1,"_shards":{"failed":0}})");
    Event row = State(7, 4);
    row.number = 20;
    rebuild.Check(row);
    EXPECT_FALSE(rebuild.checked().has_value());
    Expect("POST /orders-v2/_mget", 503);
    clock_.Pass(minutes(1));
    Expect("POST /orders-v2/_mget", 200, "<html>");
    clock_.Pass(minutes(1));
    ASSERT_EQ(Prepare(), "POST /orders-v2/_mget");
    EXPECT_EQ(body_, R"({"docs":[{"_id":"7"}]})");
    Reply(200, R"({"docs":[)" + found + "]}");
    ASSERT_TRUE(rebuild.checked().has_value());
    EXPECT_EQ(rebuild.checked()->differ, is_good ? 0U : 1U) << found;
    EXPECT_EQ(rebuild.checked()->what.find("is not what its row has") == std::string::npos, is_good);
    EXPECT_EQ(Told().error, "");
  }
}

TEST_F(SearchRebuilding, WhatItNeedsIsLookedAtFirstAndRefusedWithFigures_Q32) {
  Begin();
  Take(RebuildPhase::kCreate, "");
  Expect("GET /orders", 200, Meta("orders-v1"));
  Expect("GET /orders-v*?expand_wildcards=open,closed", 200, Meta("orders-v1"));
  Expect("GET /orders-v1/_stats/store", 200, R"({"_all":{"primaries":{"store":{"size_in_bytes":4294967296}}}})");
  Expect("GET /_nodes/stats/fs", 200, R"({"nodes":{"a":{"fs":{"total":{"available_in_bytes":3221225472}}},"b":{}}})");
  EXPECT_THAT(Told().error, HasSubstr("needs 6.0 GiB"));
  EXPECT_THAT(Told().error, HasSubstr("3.0 GiB are free"));
  EXPECT_EQ(Prepare(), "") << "nothing is made";
  EXPECT_TRUE(delivery_->state().ok());
}

TEST_F(SearchRebuilding, ARightThatIsMissingOrAnAnswerThatIsNoneFailsItAlone_Q32) {
  const std::vector<std::string> calls = {"GET /orders", "GET /orders-v*?expand_wildcards=open,closed",
                                          "GET /orders-v1/_stats/store", "GET /_nodes/stats/fs"};
  const std::vector<std::string> good = {Meta("orders-v1"), "{}", "{}",
                                         R"({"nodes":{"n":{"fs":{"total":{"available_in_bytes":9}}}}})"};
  for (std::size_t bad = 0; bad < calls.size(); ++bad) {
    for (const auto& [status, body] : {std::pair{403, "no"}, {200, "<html>"}, {200, "[]"}, {200, R"({"orders":7})"}}) {
      if (bad == 2 && status == 200) continue;  // a size that is not told is none
      if (bad == 1 && std::string_view(body).starts_with("{")) continue;
      Begin();
      Take(RebuildPhase::kCreate, "");
      for (std::size_t i = 0; i < bad; ++i) Expect(calls[i], 200, good[i]);
      Expect(calls[bad], status, body);
      EXPECT_FALSE(Told().error.empty()) << calls[bad] << " " << status << body;
      EXPECT_TRUE(delivery_->state().ok());
      EXPECT_EQ(Prepare(), "");
    }
  }
}

TEST_F(SearchRebuilding, WhatAnEarlierOneLeftIsDeletedAndWhatIsNotOursIsNot) {
  Begin();
  Take(RebuildPhase::kCreate, "");
  Expect("GET /orders", 404);
  const std::string left = Meta("orders-v7", R"(,"rebuild":"3-1")", R"({"orders--next":{}})");
  Expect("GET /orders-v*?expand_wildcards=open,closed", 200, left);
  Expect("GET /_nodes/stats/fs", 200, R"({"nodes":{}})");
  Expect("DELETE /orders-v7", 200);
  Expect("GET /orders--next", 404);
  EXPECT_EQ(Prepare(), "PUT /orders-v1");
  Begin();
  Take(RebuildPhase::kCreate, "");
  Expect("GET /orders", 404);
  Expect("GET /orders-v*?expand_wildcards=open,closed", 200,
         R"({"orders-v7":{"aliases":{"orders--next":{}},"mappings":{}}})");
  EXPECT_THAT(Told().error, HasSubstr("which is not of this sink"));
}

TEST_F(SearchRebuilding, AnIndexThatAnEarlierOneMadeLateIsFound) {
  Begin();
  Take(RebuildPhase::kCreate, "");
  for (const std::string there : {"{}", R"({"orders-v1":{"aliases":{"orders--next":{}},"mappings":{"_meta":)"
                                        R"({"headgate":{"log_id":"log","sink":"docs"}}}}})"}) {
    Expect("GET /orders", 404);
    Expect("GET /orders-v*?expand_wildcards=open,closed", 200, there);
    Expect("GET /_nodes/stats/fs", 200, R"({"nodes":{}})");
    if (there != "{}") Expect("DELETE /orders-v1", 200);
    Expect("GET /orders--next", 404);
    ASSERT_EQ(Prepare(), "PUT /orders-v1");
    if (there != "{}") break;
    Reply(400, R"({"error":{"type":"resource_already_exists_exception","reason":"index exists"}})");
    clock_.Pass(minutes(1));
  }
  EXPECT_EQ(Told().error, "");
}

TEST_F(SearchRebuilding, ACancelWaitsForTheIndexThatIsBeingMade) {
  Begin();
  Take(RebuildPhase::kCreate, "");
  Expect("GET /orders", 404);
  Expect("GET /orders-v*?expand_wildcards=open,closed", 200, "{}");
  Expect("GET /_nodes/stats/fs", 200, R"({"nodes":{}})");
  Expect("GET /orders--next", 404);
  ASSERT_EQ(Prepare(), "PUT /orders-v1");
  Take(RebuildPhase::kDrop, "");
  EXPECT_FALSE(delivery_->Next().has_value());
  Reply(200);
  EXPECT_EQ(Prepare(), "GET /orders--next");
}

TEST_F(SearchRebuilding, StateRowsOfTheRebuildAreForTheNewIndexAlone) {
  BeginDual();
  Write(State(1, 4));
  Write(State(2, 3));
  SetUpIndex();
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next index 1", "orders index 2", "orders--next index 2"));
  Answer({201, 201, 201});
  EXPECT_EQ(context_.done.size(), 2U);
}

TEST_F(SearchRebuilding, NoTwoRequestsHaveADocumentOfTheNewIndexInCommon_Q3) {
  options_.batch_docs_max = 1;
  BeginDual();
  Write(State(1, 4));
  Write(events_.Update(1));
  Write(State(2, 4));
  SetUpIndex();
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next index 1"));
  const auto first = number_;
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next index 2")) << "1 waits for the request that has it";
  AnswerNumber(first, {201});
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 1", "orders--next index 1"));
}

TEST_F(SearchRebuilding, ANewIndexThatTakesNothingHoldsTheChangesForFiveMinutes_Q30) {
  BeginDual();
  const At at = Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({201, 503}, "unavailable_shards_exception");
  for (int minute = 0; minute < 4; ++minute) {
    clock_.Pass(minutes(1));
    Batch();
    EXPECT_THAT(Aliases(), ElementsAre("orders--next index 1"));
    Answer({503}, "unavailable_shards_exception");
    EXPECT_FALSE(context_.done.contains(at)) << minute;
  }
  clock_.Pass(minutes(5));
  Batch();
  Answer({503}, "unavailable_shards_exception");
  EXPECT_TRUE(context_.done.contains(at));
  EXPECT_THAT(Told().error, HasSubstr("5 minutes: unavailable_shards_exception"));
  EXPECT_TRUE(delivery_->state().ok());
  clock_.Pass(minutes(5));
  Write(events_.Insert(2));
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 2"));
}

TEST_F(SearchRebuilding, AMistakeOfTheNewIndexFailsItAloneAndWhatWaitsForItGoesOn_Q30) {
  options_.batch_docs_max = 1;
  BeginDual();
  const At first = Write(events_.Insert(1));
  const At second = Write(events_.Insert(2));
  SetUpIndex();
  Batch();
  const auto one = number_;
  Batch();
  AnswerNumber(number_, {201, 503}, "unavailable_shards_exception");
  EXPECT_FALSE(context_.done.contains(second));
  AnswerNumber(one, {201, 404}, "index_not_found_exception");
  EXPECT_TRUE(context_.done.contains(first));
  EXPECT_THAT(Told().error, HasSubstr("index_not_found_exception"));
  EXPECT_FALSE(delivery_->Next().has_value());
  EXPECT_TRUE(context_.done.contains(second)) << "the old index has it";
  EXPECT_TRUE(delivery_->state().ok());
  EXPECT_TRUE(context_.stored.empty());
}

TEST_F(SearchRebuilding, WhatTheNewMappingRejectsIsADeadLetterAndTooManyFailIt_Q20) {
  BeginDual();
  const At at = Write(events_.Insert(1));
  SetUpIndex();
  Batch();
  Answer({201, 400});
  EXPECT_THAT(context_.stored, ElementsAre(at));
  EXPECT_THAT(context_.letters.at(1).body, HasSubstr(R"("_index":"orders")"));
  ASSERT_TRUE(delivery_->Retry(context_.letters.at(1)).ok());
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 1", "orders--next index 1"));
  Answer({409, 200}, "version_conflict_engine_exception");
  EXPECT_THAT(context_.letters, IsEmpty());
  for (int i = 1; i <= 100; ++i) Write(State(i, 4));
  const auto batch = Batch();
  ASSERT_EQ(batch.size(), 100U);
  Answer(std::vector<int>(100, 400));
  EXPECT_THAT(Told().error, HasSubstr("100 documents in a row"));
  EXPECT_TRUE(delivery_->state().ok());
}

TEST_F(SearchRebuilding, ACancelledOneLeavesNothingBehind_Q30) {
  BeginDual();
  const At at = Write(events_.Insert(1));
  const At row = Write(State(2, 4));
  SetUpIndex();
  Take(RebuildPhase::kDrop);
  Expect("GET /orders--next", 200, NextMeta());
  EXPECT_TRUE(context_.done.contains(row));
  Expect("DELETE /orders-v2", 500);
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 1"));
  Answer({201});
  EXPECT_TRUE(context_.done.contains(at));
  clock_.Pass(minutes(1));
  Expect("DELETE /orders-v2", 200);
  EXPECT_EQ(Told().phase, RebuildPhase::kEnded);
}

TEST_F(SearchRebuilding, OnlyWhatItMadeIsDropped) {
  for (const std::string& found : {Meta("orders-v2", R"(,"rebuild":"5-1")"), Meta("orders-v2")}) {
    Begin();
    Take(RebuildPhase::kDrop);
    Expect("GET /orders--next", 200, found);
    EXPECT_EQ(Prepare(), "");
    EXPECT_EQ(Told().phase, RebuildPhase::kEnded);
  }
}

TEST_F(SearchRebuilding, ASwapThatWasNotHeardOfIsFound_Q30) {
  Begin();
  Take(RebuildPhase::kSwap);
  EXPECT_FALSE(delivery_->Room()) << "it is not known where changes belong";
  Expect("GET /orders", 200, NextMeta());
  EXPECT_EQ(Told().phase, RebuildPhase::kRetire);
  EXPECT_TRUE(delivery_->Room());

  Begin();
  Take(RebuildPhase::kSwap);
  Expect("GET /orders", 200, Meta("orders-v1"));
  ASSERT_EQ(Prepare(), "POST /_aliases");
  delivery_->Unanswered(number_, "timeout", "no answer");
  clock_.Pass(minutes(1));
  Expect("GET /orders", 200, NextMeta());
  EXPECT_EQ(Told().phase, RebuildPhase::kRetire);
}

TEST_F(SearchRebuilding, ASwapThatIsRefusedOrThatSomebodyCameInBetweenFailsAlone) {
  Begin();
  Take(RebuildPhase::kSwap);
  Expect("GET /orders", 200, Meta("orders-v1"));
  Expect("POST /_aliases", 403, "no");
  EXPECT_THAT(Told().error, HasSubstr("HTTP 403"));
  EXPECT_TRUE(delivery_->Room());
  Begin();
  Take(RebuildPhase::kSwap);
  Expect("GET /orders", 200, Meta("orders-v9"));
  EXPECT_THAT(Told().error, HasSubstr("stands for orders-v9"));
}

TEST_F(SearchRebuilding, TheOldIndexIsDeletedUnlessItIsReadAgain) {
  Begin();
  Take(RebuildPhase::kRetire);
  Expect("GET /orders", 200, NextMeta());
  Expect("DELETE /orders-v1", 404);
  EXPECT_EQ(Told().phase, RebuildPhase::kEnded);
  Begin();
  Take(RebuildPhase::kRetire);
  Expect("GET /orders", 200, Meta("orders-v1"));
  EXPECT_EQ(Prepare(), "");
  EXPECT_EQ(Told().phase, RebuildPhase::kEnded);
}

TEST_F(SearchRebuilding, AfterARestartAnIndexThatIsGoneFailsIt_Q30) {
  Begin();
  Take(RebuildPhase::kLoad);
  const At at = Write(events_.Insert(1));
  SetUpIndex();
  Expect("GET /orders--next", 404);
  EXPECT_THAT(Told().error, HasSubstr("orders--next is gone"));
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 1"));
  Answer({201});
  EXPECT_TRUE(context_.done.contains(at));
}

TEST_F(SearchRebuilding, ATruncateIsOfBoth_Q18) {
  BeginDual();
  const At at = Write(events_.Truncate());
  SetUpIndex();
  const std::string page = R"({"_scroll_id":"s","_shards":{"failed":0},"hits":{"hits":[]}})";
  for (const std::string alias : {"orders", "orders--next"}) {
    EXPECT_FALSE(context_.done.contains(at));
    Expect("POST /" + alias + "/_refresh", 200);
    ASSERT_THAT(Prepare(), HasSubstr("/" + alias + "/_search?"));
    Reply(200, page);
    Expect("DELETE /_search/scroll", 200);
  }
  EXPECT_TRUE(context_.done.contains(at));
}

TEST_F(SearchRebuilding, ATruncateThatTheNewIndexRefusesFailsItAlone) {
  BeginDual();
  const At at = Write(events_.Truncate());
  SetUpIndex();
  Expect("POST /orders/_refresh", 200);
  ASSERT_THAT(Prepare(), HasSubstr("/orders/_search?"));
  Reply(200, R"({"_scroll_id":"s","_shards":{"failed":0},"hits":{"hits":[]}})");
  Expect("DELETE /_search/scroll", 200);
  Expect("POST /orders--next/_refresh", 403);
  EXPECT_FALSE(Told().error.empty());
  EXPECT_TRUE(context_.done.contains(at));
  EXPECT_TRUE(delivery_->state().ok());
}

TEST_F(SearchRebuilding, AnIndexThatCannotBeMadeAnewIsNot) {
  options_.manage_index = false;
  Begin();
  EXPECT_THAT(delivery_->rebuilder()->CanRebuild().error().what, HasSubstr("manage_index=false"));
  options_.manage_index = true;
  options_.soft_delete = true;
  EXPECT_THAT(delivery_->rebuilder()->CanRebuild().error().what, HasSubstr("delete_mode=soft"));
}

}  // namespace
}  // namespace headgate::search
