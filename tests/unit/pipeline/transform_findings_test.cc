#include "core/pipeline/transform_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TransformFindings, ARuleThatCannotBeObeyedIsAnErrorAndOneThatNamesNothingAWarning) {
  const TableSchema tables[] = {test::TwoColumns("orders"), test::TwoColumns("notes", "text")};
  ColumnRules rules;
  rules.mask = {"public.orders.id", "public.*.text"};
  rules.truncate = {{"public.orders.gone", 3}};
  const auto findings = JudgeTransforms(rules, tables);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].level, Finding::Level::kError);
  EXPECT_EQ(findings[0].key, "mask_columns");
  EXPECT_THAT(findings[0].summary, HasSubstr("column public.orders.id is part of the key"));
  EXPECT_EQ(findings[1].level, Finding::Level::kWarning);
  EXPECT_EQ(findings[1].key, "truncate_columns");
  EXPECT_THAT(findings[1].summary, HasSubstr("public.orders.gone"));
}

TEST(TransformFindings, RulesThatCanBeObeyedAreNone) {
  const TableSchema tables[] = {test::TwoColumns("orders")};
  ColumnRules rules;
  EXPECT_THAT(JudgeTransforms(rules, tables), IsEmpty());
  rules.mask = {"*.name"};
  rules.hash = {"public.orders.id"};
  rules.hash_key = "0123456789abcdef";
  EXPECT_THAT(JudgeTransforms(rules, tables), IsEmpty());
}

TEST(TransformFindings, TablesThatNoRuleCanBeAboutNeedNoLook) {
  ColumnRules rules;
  EXPECT_FALSE(MayConcern(rules, "public", "orders"));
  rules.mask = {"public.orders.a", "shop.users?.mail"};
  EXPECT_TRUE(MayConcern(rules, "public", "orders"));
  EXPECT_TRUE(MayConcern(rules, "shop", "users1"));
  EXPECT_FALSE(MayConcern(rules, "public", "order"));
  EXPECT_FALSE(MayConcern(rules, "shop", "orders"));
  rules.hash = {"*.ssn"};
  EXPECT_TRUE(MayConcern(rules, "any", "table"));
}

}  // namespace
}  // namespace headgate
