#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/webhook/encode.h"
#include "tests/unit/webhook/settings.h"

// Bodies that are no events: messages of outbox tables (OP-09) and rows (OP-10).
namespace headgate::webhook {
namespace {

using ::testing::HasSubstr;

class WebhookMessages : public testing::Test {
 protected:
  Rendered Encode(config::FlatConfig settings, const Event& event) {
    settings_ = ReadSettings(std::move(settings));
    EXPECT_TRUE(settings_.errors.empty()) << settings_.errors.front().text;
    Encoder encoder(settings_.options);
    Rendered rendered;
    const Status status = encoder.Encode(event, rendered);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return rendered;
  }
  static config::FlatConfig Outbox(const config::FlatConfig& more = {}) {
    config::FlatConfig settings = {{"outbox_tables", "public.orders"},
                                   {"outbox_aggregate_type", "status"},
                                   {"outbox_aggregate_id", "status"},
                                   {"outbox_payload", "city"}};
    settings.insert(more.begin(), more.end());
    return settings;
  }
  SampleEvents events_;
  ReadOptions settings_;
};

TEST_F(WebhookMessages, Op09AnOutboxRowIsItsPayloadWithHeaders) {
  const Rendered r = Encode(Outbox({{"outbox_headers", "city:x-city"}}), events_.Insert(7, "order"));
  EXPECT_EQ(r.body, "Malmö");
  EXPECT_EQ(r.parts, 1U);
  EXPECT_EQ(r.headers,
            "outbox-aggregate-type: order\r\noutbox-aggregate-id: order\r\noutbox-id: 7\r\nx-city: Malm%C3%B6\r\n");
  EXPECT_THAT(r.Record(), HasSubstr(R"("op":"insert")")) << "the record of a letter is native";
}

TEST_F(WebhookMessages, Op09DeletesAndUpdatesOfAnOutboxAreNothingAndAnUpdateMayBeALetter) {
  EXPECT_EQ(Encode(Outbox(), events_.Delete(7)).parts, 0U);
  EXPECT_EQ(Encode(Outbox(), events_.Update(7)).parts, 0U);
  const Rendered refused = Encode(Outbox({{"outbox_updates", "dead_letter"}}), events_.Update(7));
  EXPECT_EQ(refused.error_class, "render");
  EXPECT_THAT(refused.error, HasSubstr("was updated"));
}

TEST_F(WebhookMessages, Op09MessagesOfOneAggregateKeepTheirOrder) {
  const Rendered first = Encode(Outbox(), events_.Insert(1, "a"));
  const Rendered second = Encode(Outbox(), events_.Insert(2, "a"));
  const Rendered other = Encode(Outbox(), events_.Insert(1, "b"));
  EXPECT_EQ(first.lanes[0], second.lanes[0]);
  EXPECT_NE(first.lanes[0], other.lanes[0]);
}

TEST_F(WebhookMessages, ALineEndInAHeaderCannotBeginAnotherOne) {
  const Rendered r = Encode(Outbox(), events_.Insert(7, "a\r\nevil: 1"));
  EXPECT_THAT(r.headers, HasSubstr("outbox-aggregate-id: a%0D%0Aevil:%201\r\n"));
}

TEST_F(WebhookMessages, AnOutboxWithoutAColumnThatItNeedsEndsTheSink) {
  settings_ = ReadSettings({{"outbox_tables", "public.orders"}});
  Encoder encoder(settings_.options);
  Rendered rendered;
  const Status status = encoder.Encode(events_.Insert(7), rendered);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kConfig);
}

TEST_F(WebhookMessages, Op10ARowIsTheBodyWithFieldsOfItsChange) {
  const config::FlatConfig row = {{"format", "row"}, {"add_fields", "op,table"}};
  EXPECT_EQ(Encode(row, events_.Insert(7)).body,
            R"({"id":7,"status":"open","city":"Malmö","__op":"insert","__table":"orders"})");
  EXPECT_EQ(Encode(row, events_.Delete(7)).parts, 0U);
  EXPECT_EQ(Encode(row, events_.Truncate()).parts, 0U);
  EXPECT_THAT(Encode({{"format", "row"}, {"envelope", "standard"}}, events_.Insert(7)).body,
              HasSubstr(R"("data":{"id":7,"status":"open","city":"Malmö"}})"));
}

TEST_F(WebhookMessages, Op10ADeleteThatIsRewrittenIsTheRowAsItWas) {
  const config::FlatConfig row = {{"format", "row"}, {"deletes", "rewrite"}};
  const Rendered r = Encode(row, events_.Delete(7));
  EXPECT_EQ(r.parts, 1U);
  EXPECT_EQ(r.body, R"({"id":7,"__deleted":true})") << "as far as the source told";
  EXPECT_THAT(Encode(row, events_.Insert(7)).body, HasSubstr(R"("__deleted":false})"));
}

}  // namespace
}  // namespace headgate::webhook
