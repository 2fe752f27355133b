#include "web/router.h"

#include <gtest/gtest.h>

#include "web/api.h"

namespace headgate::web {
namespace {

Response Nothing(Api&, const Request&) { return Response::Empty(204); }

std::vector<std::string> Split(std::string_view path) { return SplitPath(path).value(); }

TEST(Router, PrefersALiteralToAParameter) {
  const Router router({{"POST", "/l/{id}/retry", Role::kRead, "", Nothing},
                       {"GET", "/l/{id}", Role::kRead, "", Nothing},
                       {"POST", "/l/retry", Role::kRead, "", Nothing}});
  EXPECT_EQ(router.Find("POST", Split("/l/retry")).pattern, "/l/retry");
  EXPECT_EQ(router.Find("GET", Split("/l/retry")).pattern, "/l/{id}");
  EXPECT_EQ(router.Find("POST", Split("/l/7/retry")).arguments, std::vector<std::string>{"7"});
}

TEST(Router, AWrongMethodIs405WithAllThatAreAllowed) {
  const Router router({{"GET", "/a", Role::kRead, "", Nothing}, {"POST", "/a", Role::kRead, "", Nothing}});
  const auto match = router.Find("DELETE", Split("/a"));
  EXPECT_EQ(match.status, 405);
  EXPECT_EQ(match.allow, "GET, HEAD, POST");
  EXPECT_EQ(router.Find("HEAD", Split("/a")).status, 200);
  EXPECT_EQ(router.Find("GET", Split("/a/b")).status, 404);
}

TEST(Router, KC4_SplitsBeforeItDecodes) {
  EXPECT_EQ(Split("/connectors/a%2Fb/config"), (std::vector<std::string>{"connectors", "a/b", "config"}));
  EXPECT_EQ(Split("/connectors/a%20b.c%C3%A9"), (std::vector<std::string>{"connectors", "a b.c\xC3\xA9"}));
  EXPECT_EQ(Split("/connectors//config"), (std::vector<std::string>{"connectors", "", "config"}));
  EXPECT_EQ(Split("/"), std::vector<std::string>{});
  for (std::string_view bad : {"/a%", "/a%2", "/a%zz", "/%ff", "a", ""})
    EXPECT_FALSE(SplitPath(bad).has_value()) << bad;
}

TEST(Router, KC1_ASlashAtTheEndChangesNothing) {
  EXPECT_EQ(Split("/connectors/"), Split("/connectors"));
  EXPECT_NE(Split("/connectors//"), Split("/connectors"));
}

TEST(Router, EveryRouteHasItsHandlerAndSummaryAndComesOnce) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : AllRoutes()) {
    EXPECT_NE(route.handle, nullptr) << route.pattern;
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    EXPECT_FALSE(route.contract.answers.empty() && route.contract.errors.empty()) << route.method << route.pattern;
    EXPECT_TRUE(route.pattern.starts_with('/')) << route.pattern;
    EXPECT_TRUE(seen.insert({route.method, route.pattern}).second) << route.method << route.pattern;
  }
  EXPECT_GT(seen.size(), 40U);
}

TEST(Router, KC4_NamesThatCannotBe) {
  EXPECT_EQ(NameProblem("a b/c.d\xC3\xA9"), "");
  EXPECT_EQ(NameProblem(std::string(255, 'a')), "");
  for (const std::string& bad :
       {std::string(), std::string(256, 'a'), std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_NE(NameProblem(bad), "");
  }
}

}  // namespace
}  // namespace headgate::web
