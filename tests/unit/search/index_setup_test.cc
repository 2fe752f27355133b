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
  static std::vector<Field> Fields(std::vector<std::pair<std::string, std::string>> fields) {
    std::vector<Field> out;
    for (auto& [name, type] : fields) {
      Field& field = out.emplace_back();
      field.name = name;
      field.type = type;
      field.mapping = "{\"type\":\"" + type + "\"}";
    }
    return out;
  }
  std::string Mapping(const std::string& index, Json properties, const std::string& log_id = "log") const {
    return Json({{index,
                  {{"mappings",
                    {{"_meta", {{"headgate", {{"log_id", log_id}, {"sink", "docs"}}}}}, {"properties", properties}}}}}})
        .dump();
  }
  Status Look(int status, const std::string& body) {
    EXPECT_TRUE(setup_.Want(Fields({{"id", "long"}, {"name", "text"}})).ok());
    EXPECT_EQ(setup_.Next().method, "GET");
    EXPECT_EQ(setup_.Next().path, "/orders/_mapping");
    return setup_.Answered(status, body);
  }

  Options options_;
  Identity identity_{"log", "docs"};
  IndexSetup setup_{options_, identity_, "orders"};
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

}  // namespace
}  // namespace headgate::search
