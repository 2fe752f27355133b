// Streams and schema versions: they travel with the data (design, D6).
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::Commit;
using test::ReadAll;
using test::TwoColumns;
using Schemas = test::LogTest;

TEST_F(Schemas, ANewVersionIsAnEntryBeforeItsFirstUseAndOnlyOnce) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders"), 1, 1), 1U) << "asked again before it is durable";
  Append(writer, Commit(100, stream, 1));
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders"), 150, 1), 1U) << "asked again afterwards";
  Append(writer, Commit(200, stream, 1));
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders", "title"), 250, 2), 2U);
  Append(writer, Commit(300, stream, 2));
  Reopen();
  LogWriter& again = OpenWriter();
  EXPECT_EQ(again.DefineSchema(stream, TwoColumns("orders", "title"), 350, 3), 2U);
  Append(again, Commit(400, stream, 2));
  const auto all = ReadAll(*log_);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].op, Op::kSchema);
  EXPECT_EQ(all[0].schema, 1U);
  EXPECT_EQ(all[0].at.ordinal, 0U);
  EXPECT_EQ(EventId("shop", 0, all[0].info.position, 0), "shop:0-v1-1:0");
  EXPECT_EQ(all[3].op, Op::kSchema);
  EXPECT_EQ(all[3].schema, 2U);
  EXPECT_EQ(all[3].info.commit_us, 2);
  EXPECT_EQ(all[4].schema, 2U);
  EXPECT_EQ(all[5].op, Op::kInsert);
}

TEST_F(Schemas, InsideABatchTheEntryStandsRightBeforeTheTransactionThatNeedsIt) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Commit(50, stream, 1));
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders", "second"), 150, 1), 2U);
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders", "third"), 250, 1), 3U);
  ASSERT_TRUE(
      writer.Append(std::vector{Commit(100, stream, 1), Commit(200, stream, 2), Commit(300, stream, 3)}, std::nullopt)
          .ok());
  std::vector<std::pair<Op, std::uint32_t>> seen;
  for (const auto& s : ReadAll(*log_, 3)) seen.emplace_back(s.op, s.schema);
  EXPECT_EQ(seen, (std::vector<std::pair<Op, std::uint32_t>>{
                      {Op::kInsert, 1}, {Op::kSchema, 2}, {Op::kInsert, 2}, {Op::kSchema, 3}, {Op::kInsert, 3}}));
}

TEST_F(Schemas, GoingBackToAnOldShapeIsANewVersion) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders", "title"), 2, 1), 2U);
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders"), 3, 1), 3U);
}

TEST_F(Schemas, StreamsAndVersionsSurviveAReopen) {
  LogWriter& writer = OpenWriter();
  const StreamNo orders = Define(writer, "orders");
  const StreamNo items = Define(writer, "items");
  EXPECT_EQ(log_->registry()->FindStream("shop.public.orders"), nullptr) << "nothing is known before it is durable";
  Append(writer, Commit(100, items, 1));
  for (int round = 0; round < 2; ++round) {
    const auto registry = log_->registry();
    const StreamInfo* info = registry->FindStream("shop.public.items");
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->number, items);
    EXPECT_EQ(info->schema, "public");
    EXPECT_EQ(info->table, "items");
    EXPECT_EQ(registry->Source(info->source)->name, "shop");
    ASSERT_NE(registry->FindStream("shop.public.orders"), nullptr);
    EXPECT_EQ(registry->LatestVersion(orders), 1U);
    ASSERT_NE(registry->Schema(items, 1), nullptr);
    EXPECT_TRUE(*registry->Schema(items, 1) == TwoColumns("items"));
    EXPECT_EQ(registry->Schema(items, 2), nullptr);
    EXPECT_EQ(registry->Schema(items, 0), nullptr);
    EXPECT_EQ(registry->Stream(99), nullptr);
    Reopen();
  }
  LogWriter& again = OpenWriter();
  EXPECT_EQ(again.OpenStream("public", "orders"), orders);
  EXPECT_EQ(again.OpenStream("public", "new"), 3U);
}

TEST_F(Schemas, WhatNeverBecameDurableIsGoneAfterAReopen) {
  LogWriter& writer = OpenWriter();
  EXPECT_EQ(Define(writer, "orders"), 1U);
  Reopen();
  LogWriter& again = OpenWriter();
  EXPECT_EQ(Define(again, "items"), 1U);
  Append(again, Commit(100, 1, 1));
  EXPECT_EQ(log_->registry()->FindStream("shop.public.orders"), nullptr);
  EXPECT_NE(log_->registry()->FindStream("shop.public.items"), nullptr);
}

// Numbers are handed out before they are durable, so the second source's may be stored first.
TEST_F(Schemas, AStreamNumberThatIsNotYetDurableLeavesAHoleThatReadersBear) {
  auto first = log_->OpenWriter("first", "", "postgresql");
  auto second = log_->OpenWriter("second", "", "postgresql");
  ASSERT_TRUE(first.ok() && second.ok());
  const StreamNo one = Define(**first);
  const StreamNo two = Define(**second);
  EXPECT_LT(one, two);
  Append(**second, Commit(100, two, 1));
  EXPECT_EQ(log_->registry()->Stream(one), nullptr);
  EXPECT_EQ(log_->stats(one).records, 0U);
  EXPECT_EQ(log_->registry()->LatestVersion(one), 0U);
  Append(**first, Commit(100, one, 1));
  EXPECT_EQ(log_->registry()->Stream(one)->name, "first.public.orders");
  EXPECT_EQ(log_->stats(one).records, 1U);
}

}  // namespace
}  // namespace headgate
