#include "core/pipeline/filter.h"

#include <gtest/gtest.h>

#include <random>

namespace headgate {
namespace {

constexpr std::string_view kRecord =
    R"({"id":"shop:0-00000000016e9fb0:1","source":"shop","stream":"public.orders","op":"update","key":{"id":42},)"
    R"("before":{"id":42,"status":"new"},"after":{"id":42,"status":"paid","total":"12.50","note":null,"paid":true,)"
    R"("at":"2026-03-04T05:06:07.000000Z","Odd.name":"x","big":9223372036854775807}})";

bool Holds(std::string_view filter) {
  auto parsed = Filter::Parse(filter);
  EXPECT_TRUE(parsed.ok()) << filter << ": " << (parsed.ok() ? "" : parsed.error().what);
  return parsed.ok() && parsed->Matches(kRecord);
}

TEST(Filter, ComparesByPathAndKind) {
  for (std::string_view yes : {"op = update",
                               "after.status = 'paid'",
                               "after.status=paid",
                               "after.status != new",
                               "after.id = 42",
                               "after.id >= 42",
                               "after.id < 42.5",
                               "after.total > 9",
                               "after.total = 12.5",
                               "after.paid = true",
                               "after.note = null",
                               "after.gone = null",
                               "after.gone != 1",
                               "after.at >= 2026-03-04",
                               "after.at < '2026-03-05'",
                               "after.big = 9223372036854775807",
                               "after.\"Odd.name\" = x",
                               "source.table = orders",
                               "source.schema = public",
                               "key.id in (1, 42)",
                               "after.status in ('a', 'paid')",
                               "OP = x or op = update"}) {
    EXPECT_TRUE(Holds(yes)) << yes;
  }
  for (std::string_view no :
       {"op = insert", "after.status = new", "after.id > 42", "after.total < 9", "after.gone = 1", "after.gone < 1",
        "after.gone ~ 'x'", "after.note != null", "after.big = 9223372036854775806", "key.id in (1, 2)",
        "after.paid = false", "source.table = users"}) {
    EXPECT_FALSE(Holds(no)) << no;
  }
}

TEST(Filter, AndBindsTighterThanOrAndNotTighterThanBoth) {
  EXPECT_TRUE(Holds("op = update or op = insert and after.id = 1"));
  EXPECT_FALSE(Holds("(op = update or op = insert) and after.id = 1"));
  EXPECT_TRUE(Holds("not op = insert and after.id = 42"));
  EXPECT_FALSE(Holds("not (op = update and after.id = 42)"));
  EXPECT_TRUE(Holds("NOT op = insert AND after.id = 42"));
}

TEST(Filter, TildeIsAnExpressionInAnyCase) {
  EXPECT_TRUE(Holds("after.status ~ '^PA.D$'"));
  EXPECT_FALSE(Holds("after.status ~ '^x'"));
  EXPECT_TRUE(Holds("after.id ~ '^4'"));
}

TEST(Filter, ABareTextSearchesTheRenderedRecord) {
  EXPECT_TRUE(Holds("paid"));
  EXPECT_TRUE(Holds("'public.ORDERS'"));
  EXPECT_TRUE(Holds("\"12.50\" and not \"nowhere\""));
  EXPECT_FALSE(Holds("p.id"));  // not an expression
}

TEST(Filter, ErrorsNameTheColumn) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "column 1"},          {"op =", "column 5"},     {"op = update and", "column 16"}, {"(op = x", "column 8"},
      {"op = x y", "column 8"},  {"after. = 1", "column"}, {"op in 3", "column 7"},          {"op in (1", "column 9"},
      {"op = 'x", "column 6"},   {"a ~ '('", "column 5"},  {"'a' = 1", "column 5"},          {") = 1", "column 1"},
      {"a = 1 or or", "column"}, {"a < = 1", "column 5"},  {"a.\"b = 1", "column 1"},        {"% 1", "column 1"},
  };
  for (const auto& [text, where] : cases) {
    const auto parsed = Filter::Parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_NE(parsed.error().what.find(where), std::string::npos) << text << ": " << parsed.error().what;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kConfig);
  }
}

TEST(Filter, LimitsHold) {
  EXPECT_FALSE(Filter::Parse(std::string(5000, 'a')).ok());
  EXPECT_FALSE(Filter::Parse(std::string(1000, '(')).ok());
  std::string many = "a";
  for (int i = 0; i < 300; ++i) many += " or a";
  EXPECT_FALSE(Filter::Parse(many).ok());
  std::string nots;
  for (int i = 0; i < 500; ++i) nots += "not ";
  EXPECT_FALSE(Filter::Parse(nots + "a").ok());
}

TEST(Filter, WhatIsNoRecordNeverMatches) {
  const auto filter = Filter::Parse("not a = 1");
  ASSERT_TRUE(filter.ok());
  EXPECT_FALSE(filter->Matches(""));
  EXPECT_FALSE(filter->Matches("[1]"));
  EXPECT_FALSE(filter->Matches("{\"a\":"));
  EXPECT_TRUE(filter->Matches("{}"));
}

TEST(Filter, AnyTextIsParsedOrRefused) {
  constexpr std::string_view kBits[] = {"and", "or", "not", "in",  "(", ")", ",",    "=",    "!=", "<",
                                        "~",   "'",  "\"",  "a.b", "1", " ", "\x80", "null", "."};
  std::mt19937 random(7);
  int parsed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int n = static_cast<int>(random() % 8); n >= 0; --n)
      text.append(kBits[random() % std::size(kBits)]).append(random() % 2 ? " " : "");
    const auto filter = Filter::Parse(text);
    if (filter.ok()) {
      ++parsed;
      filter->Matches(kRecord);
    }
  }
  EXPECT_GT(parsed, 100);
}

}  // namespace
}  // namespace headgate
