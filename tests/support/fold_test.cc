#include "tests/support/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Event(const std::string& op, const std::string& lsn, int ordinal, json rest) {
  rest["id"] = "shop:0-" + lsn + ":" + std::to_string(ordinal);
  rest["op"] = op;
  rest["source"] = "shop";
  rest["stream"] = "public.t";
  rest["position"] = {{"commit_lsn", "0/" + lsn}};
  rest["tx"] = {{"id", "7"}, {"ordinal", ordinal}};
  return rest.dump();
}

std::string Read(int row, json rest) {
  rest["id"] = "shop:0-s1-1-1:" + std::to_string(row);
  rest["op"] = "read";
  rest["stream"] = "public.t";
  rest["position"] = {{"lsn", "0/10"}};
  return rest.dump();
}

TableRows Table(std::vector<json> rows) { return {{"id"}, std::move(rows)}; }

TEST(Fold, SnapshotAndChangesEndAsTheTable) {
  Fold fold;
  fold.Accept(Read(1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}, {"v", "a"}}}}));
  fold.Accept(Read(2, {{"key", {{"id", 2}}}, {"after", {{"id", 2}, {"v", "b"}}}}));
  fold.Accept(Event("update", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}, {"v", "c"}}}}));
  fold.Accept(Event("delete", "20", 2, {{"key", {{"id", 2}}}, {"before", {{"id", 2}}}}));
  fold.Accept(Event("insert", "30", 1, {{"key", {{"id", 3}}}, {"after", {{"id", 3}, {"v", nullptr}}}}));
  EXPECT_THAT(fold.Difference("public.t", Table({{{"id", 1}, {"v", "c"}}, {{"id", 3}, {"v", nullptr}}})), IsEmpty());
  EXPECT_THAT(fold.violations(), IsEmpty());
  EXPECT_EQ(fold.rows("public.t"), 2u);
}

TEST(Fold, EachKindOfDifferenceIsNamed) {
  Fold fold;
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}, {"v", "a"}}}}));
  fold.Accept(Event("insert", "21", 1, {{"key", {{"id", 9}}}, {"after", {{"id", 9}, {"v", "a"}}}}));
  const auto difference = fold.Difference("public.t", Table({{{"id", 1}, {"v", "b"}}, {{"id", 2}, {"v", "b"}}}));
  EXPECT_THAT(difference, ElementsAre(HasSubstr("column v: delivered a, table has b"),
                                      HasSubstr("(id=2) was not delivered"), HasSubstr("(id=9) does not exist")));
}

TEST(Fold, ADuplicateIsCountedAndChangesNothing) {
  Fold fold;
  const std::string first = Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}});
  fold.Accept(first);
  fold.Accept(Event("delete", "30", 1, {{"key", {{"id", 1}}}}));
  fold.Accept(first);
  EXPECT_EQ(fold.duplicates(), 1u);
  EXPECT_EQ(fold.distinct(), 2u);
  EXPECT_THAT(fold.violations(), IsEmpty());
  EXPECT_THAT(fold.Difference("public.t", Table({})), IsEmpty());
}

TEST(Fold, OneIdWithTwoContentsIsAViolation) {
  Fold fold;
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 2}}}, {"after", {{"id", 2}}}}));
  EXPECT_THAT(fold.violations(), ElementsAre(HasSubstr("two contents")));
}

TEST(Fold, AnOlderEventOfAKeyAfterANewerOneIsAViolation) {
  Fold fold;
  fold.Accept(Event("update", "30", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  fold.Accept(Event("insert", "20", 2, {{"key", {{"id", 2}}}, {"after", {{"id", 2}}}}));  // another key may lag
  EXPECT_THAT(fold.violations(), ElementsAre(HasSubstr("after a later event of the same key")));
}

TEST(Fold, AnEventBehindADeleteOfItsKeyIsAViolation) {
  Fold fold;
  fold.Accept(Event("delete", "30", 1, {{"key", {{"id", 1}}}}));
  fold.Accept(Event("update", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  EXPECT_THAT(fold.violations(), ElementsAre(HasSubstr("after a later event")));
}

TEST(Fold, AKeyChangeMovesTheRowWithItsAbsentColumns) {
  Fold fold;
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}, {"big", "x"}}}}));
  fold.Accept(
      Event("update", "30", 1,
            {{"key", {{"id", 2}}}, {"previous_key", {{"id", 1}}}, {"after", {{"id", 2}}}, {"unavailable", {"big"}}}));
  EXPECT_THAT(fold.Difference("public.t", Table({{{"id", 2}, {"big", "x"}}})), IsEmpty());
}

TEST(Fold, TruncateRemovesOlderRowsAndSparesNewerOnes) {
  Fold fold;
  fold.Accept(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  fold.Accept(Event("insert", "40", 1, {{"key", {{"id", 2}}}, {"after", {{"id", 2}}}}));
  fold.Accept(Event("truncate", "30", 1, {{"truncate", {{"cascade", false}}}}));
  EXPECT_THAT(fold.Difference("public.t", Table({{{"id", 2}}})), IsEmpty());
}

TEST(Fold, AStreamWithoutAKeyIsABagOfRows) {
  Fold fold;
  fold.Accept(Event("insert", "20", 1, {{"after", {{"v", 1}}}}));
  fold.Accept(Event("insert", "20", 2, {{"after", {{"v", 1}}}}));
  fold.Accept(Event("update", "30", 1, {{"before", {{"v", 1}}}, {"after", {{"v", 2}}}}));
  EXPECT_THAT(fold.Difference("public.t", {{}, {{{"v", 1}}, {{"v", 2}}}}), IsEmpty());
  EXPECT_THAT(fold.Difference("public.t", {{}, {{{"v", 1}}, {{"v", 1}}}}), testing::SizeIs(2));
}

TEST(Fold, BatchesAndTheStandardEnvelopeAreOpened) {
  Fold fold;
  const json one = json::parse(Event("insert", "20", 1, {{"key", {{"id", 1}}}, {"after", {{"id", 1}}}}));
  const json two = json::parse(Event("insert", "20", 2, {{"key", {{"id", 2}}}, {"after", {{"id", 2}}}}));
  fold.Accept(json::array({one}).dump());
  fold.Accept(json{{"type", "t.insert"}, {"timestamp", "2026-03-04T05:06:07Z"}, {"data", two}}.dump());
  EXPECT_THAT(fold.Difference("public.t", Table({{{"id", 1}}, {{"id", 2}}})), IsEmpty());
}

TEST(Fold, ABodyThatIsNoEventIsAViolationAndNotACrash) {
  for (const char* body :
       {"", "nonsense", "5", "{}", "[[]]", R"({"id":5,"op":"insert"})", R"({"id":"a","op":"insert","position":7})",
        R"({"id":"a:0-1:1","op":"insert","stream":3,"position":{}})"}) {
    Fold fold;
    fold.Accept(body);
    EXPECT_EQ(fold.violations().size(), 1u) << body;
  }
}

TEST(CanonicalValue, SaysTheSameForTheSameValueInAnotherJsonType) {
  EXPECT_EQ(CanonicalValue(json(5)), CanonicalValue(json("5")));
  EXPECT_EQ(CanonicalValue(json(2.0)), CanonicalValue(json(2)));
  EXPECT_EQ(CanonicalValue(json("2026-03-04T05:06:07+00:00")), CanonicalValue(json("2026-03-04T05:06:07Z")));
  EXPECT_EQ(CanonicalValue(json::parse(R"({"b":1,"a":[1.50]})")), CanonicalValue(json::parse(R"({"a":[1.5],"b":1})")));
  EXPECT_EQ(CanonicalValue(json(18446744073709551615u)), "18446744073709551615");
}

TEST(CanonicalValue, KeepsApartWhatDiffers) {
  EXPECT_NE(CanonicalValue(json("1.10")), CanonicalValue(json("1.1")));
  EXPECT_NE(CanonicalValue(json(nullptr)), CanonicalValue(json("null")));
  EXPECT_NE(CanonicalValue(json(nullptr)), CanonicalValue(json("")));
  EXPECT_NE(CanonicalValue(json::parse(R"(["5"])")), CanonicalValue(json::parse("[5]")));
  EXPECT_NE(CanonicalValue(json(0.1)), CanonicalValue(json(0.1000001)));
}

}  // namespace
}  // namespace headgate::test
