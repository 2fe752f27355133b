#include "core/transform/column_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::string_view kGivenKey = "0123456789abcdef";

class ColumnOptions : public ::testing::Test {
 protected:
  ColumnRules Read(const config::FlatConfig& config, TransformPlace place = TransformPlace::kSink) {
    const config::ComponentSpec spec{"Some", {"some"}, config::ComponentKind::kSource, ColumnTransformSpec(place, "")};
    config::FlatConfig all = config;
    all["name"] = "c";
    all["connector.class"] = "some";
    const auto outcome = config::Bind(spec, all, nullptr);
    EXPECT_THAT(outcome.errors, IsEmpty()) << outcome.errors.front().text;
    errors_.clear();
    return ReadColumnRules(outcome.bound, place, errors_);
  }
  std::vector<std::string> Refused(const config::FlatConfig& config) {
    Read(config);
    std::vector<std::string> keys;
    for (const auto& error : errors_) keys.push_back(error.key);
    return keys;
  }
  std::vector<config::KeyError> errors_;
};

TEST_F(ColumnOptions, NothingIsDoneUnlessItIsSaid) { EXPECT_TRUE(Read({}).empty()); }

TEST_F(ColumnOptions, ListsAreRead) {
  const ColumnRules rules = Read({{"mask_columns", "public.users.mail, *.ssn"},
                                  {"hash_columns", "a.b.c"},
                                  {"hash_key", std::string(kGivenKey)},
                                  {"truncate_columns", "a.b.d:3"},
                                  {"rename_columns", "a.b.e:f"}});
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_THAT(rules.mask, ElementsAre("public.users.mail", "*.ssn"));
  EXPECT_THAT(rules.hash, ElementsAre("a.b.c"));
  EXPECT_THAT(rules.truncate, ElementsAre(Pair("a.b.d", 3U)));
  EXPECT_THAT(rules.rename, ElementsAre(Pair("a.b.e", "f")));
  EXPECT_EQ(rules.mask_text, "***");
}

TEST_F(ColumnOptions, BadInputIsAnErrorOfItsKey) {
  EXPECT_THAT(Refused({{"mask_columns", "mail"}}), ElementsAre("mask_columns"));
  EXPECT_THAT(Refused({{"mask_columns", "users."}}), ElementsAre("mask_columns"));
  EXPECT_THAT(Refused({{"hash_columns", "a.b.c"}}), ElementsAre("hash_key"));
  EXPECT_THAT(Refused({{"hash_key", "short"}}), ElementsAre("hash_key"));
  EXPECT_THAT(Refused({{"truncate_columns", "a.b.c"}}), ElementsAre("truncate_columns"));
  EXPECT_THAT(Refused({{"truncate_columns", "a.b.c:x"}}), ElementsAre("truncate_columns"));
  EXPECT_THAT(Refused({{"truncate_columns", "a.b.c:-1"}}), ElementsAre("truncate_columns"));
  EXPECT_THAT(Refused({{"truncate_columns", "a.b.c:"}}), ElementsAre("truncate_columns"));
  EXPECT_THAT(Refused({{"rename_columns", "a.*.c:d"}}), ElementsAre("rename_columns"));
  EXPECT_THAT(Refused({{"rename_columns", "a.b.c:d,a.b.c:e"}}), ElementsAre("rename_columns"));
  EXPECT_THAT(Refused({{"mask_text", "\xff"}}), ElementsAre("mask_text"));
}

TEST_F(ColumnOptions, AKeyThatIsAPlaceholderIsNotJudged) {
  Read({{"hash_columns", "a.b.c"}, {"hash_key", "${env:K}"}});
  EXPECT_THAT(errors_, IsEmpty());
}

}  // namespace
}  // namespace headgate
