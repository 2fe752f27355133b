// How the index of an alias comes to be.
#include "sinks/search/index_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace headgate::search {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class SearchIndex : public ::testing::Test {
 protected:
  static Layout Fields(std::vector<std::pair<std::string, std::string>> fields) {
    Layout out;
    out.key_names = {"id"};
    for (auto& [name, type] : fields) {
      Field& field = out.fields.emplace_back();
      field.name = name;
      field.type = type;
      field.mapping = "{\"type\":\"" + type + "\"}";
    }
    return out;
  }
  std::string Mapping(const std::string& index, Json properties, const std::string& log_id = "log") const {
    return Json({{index,
                  {{"mappings",
                    {{"_meta",
                      {{"headgate",
                        {{"log_id", log_id}, {"sink", "docs"}, {"stream", "shop.public.orders"}, {"key", {"id"}}}}}},
                     {"properties", properties}}}}}})
        .dump();
  }
  Status Look(int status, const std::string& body) {
    EXPECT_TRUE(setup_.Want(Fields({{"id", "long"}, {"name", "text"}})).ok());
    EXPECT_EQ(setup_.Next().method, "GET");
    EXPECT_EQ(setup_.Next().path, "/orders");
    return setup_.Answered(status, body);
  }

  Options options_;
  Identity identity_{"log", "docs"};
  IndexSetup setup_{options_, identity_, "orders", "shop.public.orders"};
};

TEST_F(SearchIndex, IsMadeWhereThereIsNone) {
  ASSERT_TRUE(Look(404, "").ok());
  const Call call = setup_.Next();
  EXPECT_EQ(call.method + " " + call.path, "PUT /orders-v1");
  const Json body = Json::parse(call.body);
  EXPECT_EQ(body["mappings"]["properties"]["id"]["type"], "long");
  EXPECT_EQ(body["mappings"]["dynamic"], "strict");
  EXPECT_EQ(body["mappings"]["_meta"]["headgate"]["log_id"], "log");
  EXPECT_EQ(body["settings"]["index.gc_deletes"], "900000ms");
  EXPECT_EQ(body["aliases"]["orders"]["is_write_index"], true);
  EXPECT_FALSE(setup_.ready());
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_TRUE(setup_.ready());
}

// A request that was cut off on its way back is carried out while the index is looked for again.
TEST_F(SearchIndex, ThatHasComeMeanwhileIsLookedAt) {
  const std::string there = R"({"error":{"root_cause":[{"type":"resource_already_exists_exception","reason":"x"}],)"
                            R"("type":"resource_already_exists_exception","reason":"x"},"status":400})";
  ASSERT_TRUE(Look(404, "").ok());
  EXPECT_EQ(setup_.Next().method, "PUT");
  EXPECT_EQ(setup_.Answered(400, there).error().kind, ErrorKind::kTransient);
  ASSERT_TRUE(Look(200, Mapping("orders-v1", {{"id", {{"type", "long"}}}, {"name", {{"type", "text"}}}})).ok());
  EXPECT_TRUE(setup_.ready());
}

TEST_F(SearchIndex, ThatIsThereWithoutTheAliasIsSomebodyElses) {
  const std::string there = R"({"error":{"type":"resource_already_exists_exception","reason":"x"},"status":400})";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Look(404, "").ok());
    EXPECT_EQ(setup_.Answered(400, there).error().kind, ErrorKind::kTransient);
  }
  ASSERT_TRUE(Look(404, "").ok());
  EXPECT_EQ(setup_.Answered(400, there).error().kind, ErrorKind::kConfig);
}

TEST_F(SearchIndex, AFieldThatIsWantedWhileTheIndexIsMadeIsAddedBehind_Q23) {
  ASSERT_TRUE(Look(404, "").ok());
  ASSERT_EQ(setup_.Next().path, "/orders-v1");
  ASSERT_TRUE(setup_.Want(Fields({{"late", "integer"}})).ok());
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_FALSE(setup_.ready()) << "the server does not know it yet";
  EXPECT_EQ(setup_.Next().body, R"({"properties":{"late":{"type":"integer"}}})");
  ASSERT_TRUE(setup_.Want(Fields({{"later", "integer"}})).ok());
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_EQ(setup_.Next().body, R"({"properties":{"later":{"type":"integer"}}})");
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_TRUE(setup_.ready());
}

TEST_F(SearchIndex, IsTakenAsItIsOrGetsTheFieldsThatItLacks_Q23) {
  ASSERT_TRUE(Look(200, Mapping("orders-v3", {{"id", {{"type", "long"}}}})).ok());
  const Call call = setup_.Next();
  EXPECT_EQ(call.method + " " + call.path, "PUT /orders-v3/_mapping");
  EXPECT_EQ(call.body, R"({"properties":{"name":{"type":"text"}}})");
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_TRUE(setup_.ready());
  ASSERT_TRUE(setup_.Want(Fields({{"id", "long"}, {"city", "text"}})).ok());
  EXPECT_FALSE(setup_.ready()) << "a column came";
  EXPECT_EQ(setup_.Next().body, R"({"properties":{"city":{"type":"text"}}})");
}

TEST_F(SearchIndex, AFieldKeepsItsType_Q23) {
  const Status found = Look(200, Mapping("orders-v1", {{"id", {{"type", "keyword"}}}, {"name", {{"type", "text"}}}}));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(found.error().what, HasSubstr("Field id"));
  EXPECT_EQ(setup_.Want(Fields({{"id", "double"}})).error().kind, ErrorKind::kConfig);
}

TEST_F(SearchIndex, OfSomebodyElseIsRefused_Q12_Q21) {
  EXPECT_THAT(Look(200, Mapping("orders-v1", Json::object(), "other")).error().what,
              HasSubstr("belongs to another sink or another data directory"));
  EXPECT_THAT(setup_.Answered(200, R"({"orders-v1":{"mappings":{}}})").error().what, HasSubstr("not made by Headgate"));
  EXPECT_THAT(setup_.Answered(200, R"({"orders":{"mappings":{}}})").error().what, HasSubstr("no alias"));
  EXPECT_THAT(setup_.Answered(200, R"({"a":{},"b":{}})").error().what, HasSubstr("2 indices"));
  EXPECT_EQ(setup_.Answered(200, "<html>").error().kind, ErrorKind::kTransient);
  EXPECT_FALSE(setup_.ready());
}

TEST_F(SearchIndex, RefusalsSayWhoHasToDoSomething) {
  EXPECT_EQ(Look(503, "").error().kind, ErrorKind::kTransient);
  EXPECT_THAT(setup_.Answered(403, "").error().what, HasSubstr("right to create"));
  ASSERT_TRUE(setup_.Answered(404, "").ok());
  const Status limit = setup_.Answered(
      400,
      R"({"error":{"type":"illegal_argument_exception","reason":"Limit of total fields [1000] has been exceeded"}})");
  EXPECT_EQ(limit.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(limit.error().what, HasSubstr("Limit of total fields"));
}

TEST_F(SearchIndex, ATypeThatTheServerLacksIsReplacedByOneThatTakesTheSame_Q22) {
  ASSERT_TRUE(setup_.Want(Fields({{"id", "unsigned_long"}, {"doc", "flattened"}})).ok());
  ASSERT_TRUE(setup_.Answered(404, "").ok());
  EXPECT_EQ(Json::parse(setup_.Next().body)["mappings"]["properties"]["id"]["type"], "unsigned_long");
  ASSERT_TRUE(setup_
                  .Answered(400, R"({"error":{"type":"mapper_parsing_exception","reason":"Failed to parse mapping: )"
                                 R"(No handler for type [unsigned_long] declared on field [id]"}})")
                  .ok());
  EXPECT_EQ(Json::parse(setup_.Next().body)["mappings"]["properties"]["id"]["type"], "keyword");
  ASSERT_TRUE(setup_
                  .Answered(400, R"({"error":{"type":"mapper_parsing_exception","reason":"The mapper type [flattened] )"
                                 R"(declared on field [doc] does not exist."}})")
                  .ok());
  EXPECT_EQ(Json::parse(setup_.Next().body)["mappings"]["properties"]["doc"]["enabled"], false);
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  EXPECT_TRUE(setup_.ready());
  IndexSetup again(options_, identity_, "orders", "shop.public.orders");
  ASSERT_TRUE(again.Want(Fields({{"id", "unsigned_long"}})).ok());
  ASSERT_TRUE(again.Answered(200, Mapping("orders-v1", {{"id", {{"type", "keyword"}}}})).ok());
  EXPECT_TRUE(again.ready());
}

TEST_F(SearchIndex, ATypeThatASettingNamesIsNotReplaced) {
  ASSERT_TRUE(setup_.Want(Fields({{"id", "knn_vector"}})).ok());
  ASSERT_TRUE(setup_.Answered(404, "").ok());
  setup_.Next();
  const Status refused = setup_.Answered(
      400, R"({"error":{"type":"mapper_parsing_exception","reason":"No handler for type [knn_vector] declared"}})");
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().what, HasSubstr("knn_vector"));
}

TEST_F(SearchIndex, MoreFieldsThanTheLimitAreRefusedBeforeTheyAreSent_Q24) {
  const Json limited = {
      {"orders-v1",
       {{"mappings", Json::parse(Mapping("orders-v1", {{"id", {{"type", "long"}}}}))["orders-v1"]["mappings"]},
        {"settings", {{"index", {{"mapping", {{"total_fields", {{"limit", "3"}}}}}}}}}}}};
  Layout layout = Fields({{"id", "long"}, {"a", "long"}});
  ASSERT_TRUE(setup_.Want(layout).ok());
  ASSERT_TRUE(setup_.Answered(200, limited.dump()).ok());
  setup_.Next();
  ASSERT_TRUE(setup_.Answered(200, "{}").ok());
  layout = Fields({{"b", "text"}});
  layout.fields[0].mapping = R"({"type":"text","fields":{"keyword":{"type":"keyword"}}})";
  const Status refused = setup_.Want(layout);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().what, HasSubstr("would have 4 fields"));
  options_.index_settings = R"({"index":{"mapping.total_fields":{"limit":1}}})";
  IndexSetup made(options_, identity_, "orders", "shop.public.orders");
  ASSERT_TRUE(made.Want(Fields({{"id", "long"}, {"a", "long"}})).ok());
  EXPECT_THAT(made.Answered(404, "").error().what, HasSubstr("would have 2 fields"));
}

TEST_F(SearchIndex, OfAnotherStreamOrKeyIsRefused_Q12) {
  const auto answer = [](const char* stream, const char* key) {
    return Json({{"orders-v1",
                  {{"mappings",
                    {{"_meta",
                      {{"headgate", {{"log_id", "log"}, {"sink", "docs"}, {"stream", stream}, {"key", {key}}}}}}}}}}})
        .dump();
  };
  EXPECT_THAT(Look(200, answer("shop.public.old_orders", "id")).error().what, HasSubstr("another stream"));
  EXPECT_THAT(setup_.Answered(200, answer("shop.public.orders", "number")).error().what, HasSubstr("other columns"));
  Layout layout = Fields({{"id", "long"}});
  layout.key_names = {"number"};
  EXPECT_THAT(setup_.Want(layout).error().what, HasSubstr("another key now"));
}

TEST_F(SearchIndex, OfSomebodyElseIsOnlyLookedForWhereThatIsAskedFor_Q21) {
  options_.manage_index = false;
  EXPECT_THAT(Look(404, "").error().what, HasSubstr("There is no index or alias orders"));
  ASSERT_TRUE(setup_.Answered(200, R"({"orders":{"mappings":{"properties":{"id":{"type":"keyword"}}}}})").ok());
  EXPECT_TRUE(setup_.ready());
  ASSERT_TRUE(setup_.Want(Fields({{"more", "long"}})).ok());
  EXPECT_TRUE(setup_.ready());
}

TEST_F(SearchIndex, ForALetterAloneNothingIsMade) {
  ASSERT_TRUE(setup_.Answered(404, "").ok());
  EXPECT_TRUE(setup_.ready()) << "the write will say that there is no index";
  ASSERT_TRUE(setup_.Want(Fields({{"id", "long"}})).ok());
  EXPECT_EQ(setup_.Next().method, "GET");
}

}  // namespace
}  // namespace headgate::search
