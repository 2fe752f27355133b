#include <gtest/gtest.h>

#include "tests/support/private_registry.h"
#include "tests/support/require.h"

namespace headgate::test {
namespace {

using nlohmann::json;

std::string MoneyOf(const std::string& type) {
  const json schema = {{"type", "record"},
                       {"name", "Money"},
                       {"namespace", "shop"},
                       {"fields", json::array({{{"name", "cents"}, {"type", type}}})}};
  return json{{"schema", schema.dump()}}.dump();
}

TEST(PrivateRegistry, FindsASchemaByTheIdThatItGave) {
  HG_WITH_SERVER("registry", auto registry, PrivateRegistry::Start());
  HG_WITH_SERVER("registry", const json given,
                 registry->Json("POST", "/subjects/shop.money-value/versions", MoneyOf("long")));
  HG_WITH_SERVER("registry", const json again,
                 registry->Json("POST", "/subjects/shop.money-value/versions", MoneyOf("long")));
  EXPECT_EQ(given["id"], again["id"]);
  const std::string id = std::to_string(given["id"].get<int>());
  HG_WITH_SERVER("registry", const json found, registry->Json("GET", "/schemas/ids/" + id));
  EXPECT_EQ(json::parse(found["schema"].get<std::string>())["fields"][0]["type"], "long");
  EXPECT_EQ(registry->Call("GET", "/schemas/ids/9999")->status, 404);
}

TEST(PrivateRegistry, RefusesAnIncompatibleVersionOnceASubjectAsksForIt) {
  HG_WITH_SERVER("registry", auto registry, PrivateRegistry::Start());
  ASSERT_TRUE(registry->Json("POST", "/subjects/money/versions", MoneyOf("long")).ok());
  ASSERT_TRUE(registry->Json("PUT", "/config/money", R"({"compatibility":"BACKWARD"})").ok());
  EXPECT_EQ(registry->Call("POST", "/subjects/money/versions", MoneyOf("string"))->status, 409);
  EXPECT_EQ(registry->Call("POST", "/subjects/money/versions", R"({"schema":"no schema"})")->status, 422);
}

TEST(PrivateRegistry, ComesBackEmptyAtTheSamePort) {
  HG_WITH_SERVER("registry", auto registry, PrivateRegistry::Start());
  ASSERT_TRUE(registry->Json("POST", "/subjects/money/versions", MoneyOf("long")).ok());
  const std::string url = registry->url();
  registry->KillHard();
  EXPECT_FALSE(registry->Call("GET", "/subjects").ok());
  const Status again = registry->StartAgain();
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(registry->url(), url);
  HG_WITH_SERVER("registry", const json subjects, registry->Json("GET", "/subjects"));
  EXPECT_EQ(subjects, json::array());
}

}  // namespace
}  // namespace headgate::test
