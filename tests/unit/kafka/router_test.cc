#include "sinks/kafka/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headgate::kafka::sink {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Routes : public ::testing::Test {
 protected:
  Routes() {
    options_.topic = "${table}";
    stream_ = {1, "shop.public.orders_3", 1, "public", "orders_3"};
    schema_.columns.resize(2);
    schema_.columns[0].name = "id";
    schema_.columns[1].name = "country";
    schema_.columns[1].type.kind = TypeKind::kText;
    change_.stream = 1;
  }
  static std::string Row(const std::optional<std::string>& country) {
    std::string row;
    PutInt(row, 7);
    if (country) {
      PutBlob(row, ValueKind::kText, *country);
    } else {
      PutNull(row);
    }
    return row;
  }
  std::string Topic(const std::string& after, const std::string& before = "") {
    TopicRouter router(options_);
    change_.has_after = !after.empty();
    change_.has_before = !before.empty();
    change_.after = after;
    change_.before = before;
    Event event;
    event.change = &change_;
    event.stream = &stream_;
    event.schema = &schema_;
    const auto topic = router.TopicOf(event);
    if (topic.ok()) return std::string(*topic);
    EXPECT_EQ(topic.error().kind, ErrorKind::kRejected);
    return "rejected: " + topic.error().what;
  }

  Options options_;
  StreamInfo stream_;
  TableSchema schema_;
  Change change_;
};

TEST_F(Routes, Op07ATopicTakesTheValueOfAColumn) {
  options_.topic = "${table}-${column.country}-${column.id}";
  EXPECT_EQ(Topic(Row("DE")), "orders_3-DE-7");
  EXPECT_EQ(Topic(Row("a b/ü")), "orders_3-a_b__-7");
  EXPECT_EQ(Topic("", Row("FR")), "orders_3-FR-7") << "a delete has the old row";
  EXPECT_EQ(Topic(Row("DE"), Row("FR")), "orders_3-DE-7");
}

TEST_F(Routes, AValueThatTheNewRowWasNotSentWithIsThatOfTheOldOne) {
  options_.topic = "${column.country}";
  std::string after;
  PutInt(after, 7);
  PutAbsent(after);
  EXPECT_EQ(Topic(after, Row("FR")), "FR");
  EXPECT_THAT(Topic(after), HasSubstr("rejected: the row has no value in column country"));
}

TEST_F(Routes, Op07RowsWithoutTheColumnHaveTheDefaultOrAreRejected) {
  options_.topic = "t-${column.country}";
  EXPECT_THAT(Topic(Row(std::nullopt)), HasSubstr("no value in column country"));
  EXPECT_THAT(Topic(Row("")), HasSubstr("topic_default"));
  EXPECT_THAT(Topic("", ""), HasSubstr("no value"));
  options_.topic_default = "others";
  EXPECT_EQ(Topic(Row(std::nullopt)), "others");
  options_.topic = "t-${column.gone}";
  EXPECT_EQ(Topic(Row("DE")), "others");
}

TEST_F(Routes, Op07AnExpressionThatMatchesTheWholeTopicReplacesIt) {
  options_.topic_regex = "(.*)_[0-9]+";
  options_.topic_replacement = "all.$1";
  EXPECT_EQ(Topic(Row("DE")), "all.orders");
  options_.topic_replacement = "\\1 x";
  EXPECT_EQ(Topic(Row("DE")), "orders_x");
  options_.topic_regex = "orders";
  EXPECT_EQ(Topic(Row("DE")), "orders_3");
}

TEST_F(Routes, ANameThatNoTopicCanHaveIsRejected) {
  options_.topic = "${column.country}";
  EXPECT_THAT(Topic(Row(std::string(250, 'x'))), HasSubstr("longer than 249"));
  EXPECT_THAT(Topic(Row("..")), HasSubstr("may not be . or .."));
}

TEST(RouteText, ColumnsAndGroupsAreFound) {
  EXPECT_THAT(ColumnsOf("${table}.${column.a}-${column.B c}${column."), ElementsAre("a", "B c"));
  EXPECT_EQ(RewriteOf("$1-\\2-$x-$"), "\\1-\\2-$x-$");
  EXPECT_EQ(WrongWithRoute("(a)", "$1"), "");
}

}  // namespace
}  // namespace headgate::kafka::sink
