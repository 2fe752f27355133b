#include "sinks/webhook/encode.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/webhook/settings.h"

namespace headgate::webhook {
namespace {

class WebhookEncode : public testing::Test {
 protected:
  void Use(config::FlatConfig settings) {
    settings_ = ReadSettings(std::move(settings));
    ASSERT_TRUE(settings_.errors.empty()) << settings_.errors.front().text;
    encoder_ = std::make_unique<Encoder>(settings_.options);
  }
  Rendered Encode(const Event& event) {
    if (encoder_ == nullptr) Use({});
    Rendered rendered;
    const Status status = encoder_->Encode(event, rendered);
    EXPECT_TRUE(status.ok()) << status.error().what;
    return rendered;
  }
  static std::set<std::uint64_t> LanesOf(const Rendered& r) {
    return {r.lanes.begin(), r.lanes.begin() + r.lane_count};
  }

  SampleEvents events_;
  ReadOptions settings_;
  std::unique_ptr<Encoder> encoder_;
};

TEST_F(WebhookEncode, W1TheIdIsTheEventIdAndHasNoDot) {
  const Rendered r = Encode(events_.Insert(42));
  EXPECT_EQ(r.id, "shop:0-00000000016e9f01:1");
  EXPECT_EQ(r.body.substr(0, r.id.size() + 9), "{\"id\":\"" + r.id + "\",");
}

TEST_F(WebhookEncode, W13PlainIsTheNativeRenderingAlone) {
  const Rendered r = Encode(events_.Insert(42));
  EXPECT_EQ(
      r.body,
      R"({"id":"shop:0-00000000016e9f01:1","source":"shop","stream":"public.orders","op":"insert","key":{"id":42},)"
      R"("after":{"id":42,"status":"open","city":"Malmö"},"position":{"commit_lsn":"0/16E9F01","lsn":"0/16E9F28"},)"
      R"("tx":{"id":"556","ordinal":1,"total":1},"commit_ts":"2026-03-04T05:06:07.130211Z","schema":1})");
  EXPECT_EQ(r.Record(), r.body);
}

TEST_F(WebhookEncode, W13StandardHasTypeCommitTimeAndData) {
  const Rendered plain = Encode(events_.Insert(42));
  Use({{"envelope", "standard"}});
  events_ = {};
  const Rendered r = Encode(events_.Insert(42));
  EXPECT_EQ(r.body, R"({"type":"orders.created","timestamp":"2026-03-04T05:06:07.130211Z","data":)" + plain.body + "}");
  EXPECT_EQ(r.Record(), plain.body) << "the record of a letter is the rendering alone";
}

TEST_F(WebhookEncode, W13EveryOpHasItsVerb) {
  const std::vector<codec::TypePiece> pieces = ReadSettings({}).options.type_template;
  const std::pair<Op, const char*> kVerbs[] = {
      {Op::kInsert, "t.created"}, {Op::kUpdate, "t.updated"},     {Op::kDelete, "t.deleted"},
      {Op::kRead, "t.read"},      {Op::kTruncate, "t.truncated"}, {Op::kMessage, "t.message"},
      {Op::kSchema, "t.schema"},  {Op::kSnapshot, "t.snapshot"},  {Op::kGap, "t.gap"}};
  for (const auto& [op, type] : kVerbs) EXPECT_EQ(codec::TypeOf(pieces, "shop", "public", "t", op), type);
}

TEST_F(WebhookEncode, W13TypesHaveOnlyTheAllowedCharacters) {
  const std::vector<codec::TypePiece> pieces =
      ReadSettings({{"type_template", "acme-x.<source>.<schema>.<table>.<op>"}}).options.type_template;
  EXPECT_EQ(codec::TypeOf(pieces, "shop-1", "my.schema", "Ä b", Op::kInsert), "acme_x.shop_1.my_schema.___b.insert");
  const std::vector<codec::TypePiece> plain = ReadSettings({}).options.type_template;
  EXPECT_EQ(codec::TypeOf(plain, "shop", "", "", Op::kMessage), "message") << "a part without text goes with its dot";
}

TEST_F(WebhookEncode, W14DeletesAndTruncatesHaveBodies) {
  Use({{"envelope", "standard"}});
  const Rendered gone = Encode(events_.Delete(42));
  EXPECT_NE(gone.body.find(R"("op":"delete","key":{"id":42},"before":{"id":42})"), std::string::npos) << gone.body;
  EXPECT_NE(gone.body.find(R"("type":"orders.deleted")"), std::string::npos);
  const Rendered truncate = Encode(events_.Truncate());
  EXPECT_NE(truncate.body.find(R"("stream":"public.orders","op":"truncate")"), std::string::npos) << truncate.body;
}

TEST_F(WebhookEncode, W13AnEventOverTheLimitIsNamedTooLargeAndIsWhole) {
  Use({{"event_bytes_max", "1000"}});
  EXPECT_TRUE(Encode(events_.Insert(1)).error_class.empty());
  const Rendered r = Encode(events_.Insert(2, std::string(1000, 'x')));
  EXPECT_EQ(r.error_class, "too_large");
  EXPECT_GT(r.body.size(), 1000U);
  EXPECT_EQ(r.error.find("xxx"), std::string::npos) << "row values in an error text";
}

TEST_F(WebhookEncode, W2TheLaneIsTheKey) {
  const auto insert = LanesOf(Encode(events_.Insert(1)));
  EXPECT_EQ(insert.size(), 1U);
  EXPECT_EQ(LanesOf(Encode(events_.Update(1))), insert);
  EXPECT_EQ(LanesOf(Encode(events_.Update(1, "x", 1))), insert) << "an update that names the same old key";
  EXPECT_EQ(LanesOf(Encode(events_.Delete(1))), insert);
  EXPECT_NE(LanesOf(Encode(events_.Insert(2))), insert);
}

TEST_F(WebhookEncode, W2AnUpdateThatChangesTheKeyBelongsToBothLanes) {
  auto both = LanesOf(Encode(events_.Insert(1)));
  both.merge(LanesOf(Encode(events_.Insert(2))));
  EXPECT_EQ(LanesOf(Encode(events_.Update(2, "x", 1))), both);
}

TEST_F(WebhookEncode, W2AStreamWithoutKeyIsOneLane) {
  const auto lane = LanesOf(Encode(events_.Insert(1, "a", SampleEvents::kNotes)));
  EXPECT_EQ(lane.size(), 1U);
  EXPECT_EQ(LanesOf(Encode(events_.Insert(2, "b", SampleEvents::kNotes))), lane);
  EXPECT_TRUE(Encode(events_.Truncate(SampleEvents::kNotes)).barrier);
}

TEST_F(WebhookEncode, W2OrderByNamesOtherColumns) {
  Use({{"order_by", "status"}});
  const auto open = LanesOf(Encode(events_.Insert(1, "open")));
  EXPECT_EQ(LanesOf(Encode(events_.Insert(2, "open"))), open);
  EXPECT_NE(LanesOf(Encode(events_.Insert(3, "paid"))), open);
  EXPECT_TRUE(Encode(events_.Delete(1)).barrier) << "the old row does not tell its status";
  EXPECT_FALSE(encoder_->order_by_missing());
}

TEST_F(WebhookEncode, W2OrderByAColumnThatIsMissingOrdersTheStreamAsAWhole) {
  Use({{"order_by", "customer"}});
  EXPECT_EQ(LanesOf(Encode(events_.Insert(1))), LanesOf(Encode(events_.Insert(2))));
  EXPECT_TRUE(encoder_->order_by_missing());
}

TEST_F(WebhookEncode, W2OrderingTableAllAndNone) {
  Use({{"ordering", "table"}});
  EXPECT_EQ(LanesOf(Encode(events_.Insert(1))), LanesOf(Encode(events_.Truncate())));
  EXPECT_NE(LanesOf(Encode(events_.Insert(1))), LanesOf(Encode(events_.Insert(1, "a", SampleEvents::kNotes))));
  Use({{"ordering", "all"}});
  EXPECT_EQ(LanesOf(Encode(events_.Insert(1))), LanesOf(Encode(events_.Insert(1, "a", SampleEvents::kNotes))));
  Use({{"ordering", "none"}});
  EXPECT_EQ(Encode(events_.Insert(1)).lane_count, 0);
  EXPECT_FALSE(Encode(events_.Truncate()).barrier);
}

TEST_F(WebhookEncode, MessagesOfASourceAreOneLane) {
  const Rendered a = Encode(events_.Message());
  EXPECT_EQ(a.lane_count, 1);
  EXPECT_EQ(LanesOf(Encode(events_.Message())), LanesOf(a));
  EXPECT_NE(a.body.find(R"("op":"message")"), std::string::npos);
}

TEST_F(WebhookEncode, W13DebeziumKeepsTheNativeRecordForLetters) {
  Use({{"format", "debezium"}});
  const Rendered r = Encode(events_.Insert(42));
  EXPECT_EQ(r.parts, 1U);
  EXPECT_NE(r.body.find(R"("op":"c")"), std::string::npos) << r.body;
  EXPECT_NE(r.Record().find(R"("op":"insert")"), std::string::npos);
  EXPECT_EQ(r.id, "shop:0-00000000016e9f01:1") << "webhook-id stays W1";
}

TEST_F(WebhookEncode, ADebeziumMessageNamesTheDatabaseOfItsSource) {
  Use({{"format", "debezium"}});
  Event message = events_.Message();
  message.database = "shop_db";
  EXPECT_NE(Encode(message).body.find(R"("db":"shop_db")"), std::string::npos) << Encode(message).body;
}

TEST_F(WebhookEncode, W14DebeziumSendsNoTombstonesAndAChangedKeyInTwoParts) {
  Use({{"format", "debezium"}});
  EXPECT_EQ(Encode(events_.Delete(42)).parts, 1U);
  const Rendered moved = Encode(events_.Update(2, "x", 1));
  ASSERT_EQ(moved.parts, 2U);
  EXPECT_LT(moved.body.find(R"("op":"d")"), moved.body.find('\n'));
  EXPECT_GT(moved.body.find(R"("op":"c")"), moved.body.find('\n'));
  EXPECT_EQ(Encode(events_.Truncate()).parts, 1U);
}

}  // namespace
}  // namespace headgate::webhook
