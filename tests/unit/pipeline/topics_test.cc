#include "core/pipeline/topics.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TopicFilter Filter(std::vector<std::string> names, std::string_view regex) {
  auto filter = TopicFilter::Make(std::move(names), regex);
  EXPECT_TRUE(filter.ok());
  return std::move(*filter);
}

TEST(TopicFilter, NamesMatchAsTheyAre) {
  const TopicFilter filter = Filter({"shop.public.a", "shop.public.b"}, "");
  EXPECT_TRUE(filter.Matches("shop.public.a"));
  EXPECT_TRUE(filter.Matches("shop.public.b"));
  EXPECT_FALSE(filter.Matches("shop.public"));
  EXPECT_FALSE(filter.Matches("shop.public.ab"));
  EXPECT_FALSE(filter.Matches(""));
}

TEST(TopicFilter, APatternMatchesWholeNames) {
  const TopicFilter filter = Filter({}, "shop\\.public\\.o.*");
  EXPECT_TRUE(filter.Matches("shop.public.orders"));
  EXPECT_FALSE(filter.Matches("shop.public.items"));
  EXPECT_FALSE(filter.Matches("xshop.public.orders"));
  EXPECT_FALSE(filter.Matches("shopxpublic.orders"));
}

TEST(TopicFilter, NothingGivenMatchesNothing) { EXPECT_FALSE(Filter({}, "").Matches("shop.public.a")); }

TEST(TopicFilter, ABrokenPatternIsAConfigErrorWithAnExample) {
  const auto bad = TopicFilter::Make({}, "shop.(");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(bad.error().what.starts_with("topics.regex is not a regular expression: ")) << bad.error().what;
  EXPECT_TRUE(bad.error().what.ends_with(". Example: shop\\.public\\..*")) << bad.error().what;
}

TEST(StreamSelection, RemembersNamesAndAsksAgainForWhatIsNotThereYet) {
  const TopicFilter filter = Filter({"s.p.a"}, "");
  StreamSelection selection(filter);
  Registry registry;
  registry.streams.resize(1);
  EXPECT_FALSE(selection.Selected(2, 1, registry));
  EXPECT_FALSE(selection.Selected(0, 1, registry));
  registry.streams.push_back(std::make_shared<const StreamInfo>(StreamInfo{2, "s.p.a", 1, "p", "a"}));
  registry.streams.push_back(std::make_shared<const StreamInfo>(StreamInfo{3, "t.p.a", 2, "p", "a"}));
  EXPECT_TRUE(selection.Selected(2, 1, registry));
  EXPECT_TRUE(selection.Selected(2, 1, registry));
  EXPECT_FALSE(selection.Selected(3, 2, registry));
  EXPECT_EQ(selection.names(), std::vector<std::string>{"s.p.a"});
  EXPECT_TRUE(selection.Selected(0, 1, registry)) << "a message of a source with a selected stream";
  EXPECT_FALSE(selection.Selected(0, 2, registry));
}

TEST(TopicNames, AreThoseOfTheRegistryAtHandAndFollowANewerOne) {
  const TopicNames topics(Filter({}, "s\\..*"));
  auto registry = std::make_shared<Registry>();
  registry->streams.push_back(std::make_shared<const StreamInfo>(StreamInfo{1, "s.p.a", 1, "p", "a"}));
  registry->streams.push_back(nullptr);
  EXPECT_EQ(topics.In(registry), std::vector<std::string>{"s.p.a"});
  EXPECT_EQ(topics.In(registry), std::vector<std::string>{"s.p.a"});
  auto newer = std::make_shared<Registry>(*registry);
  newer->streams[1] = std::make_shared<const StreamInfo>(StreamInfo{2, "s.p.b", 1, "p", "b"});
  EXPECT_EQ(topics.In(newer), (std::vector<std::string>{"s.p.a", "s.p.b"}));
}

}  // namespace
}  // namespace headgate
