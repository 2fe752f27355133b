#include <gtest/gtest.h>

#include "core/model/change.h"

namespace headgate {
namespace {

void AddInsert(Transaction& tx, std::int64_t id, std::string_view text) {
  tx.StartChange(Op::kInsert, 4, 2, 1000 + static_cast<std::uint64_t>(id));
  std::string& row = tx.StartRow(RowImage::kAfter);
  PutInt(row, id);
  PutBlob(row, ValueKind::kText, text);
  tx.EndRow();
  tx.EndChange();
}

// Every change of every block, rows copied out.
struct ReadBack {
  Change change;
  std::string before, after, extra;
};
std::vector<ReadBack> ReadAll(const Transaction& tx) {
  std::vector<ReadBack> all;
  for (const auto& block : tx.blocks()) {
    ChangeReader reader(block.bytes, block.first_ordinal);
    Change change;
    std::uint32_t in_block = 0;
    while (reader.Next(change)) {
      ++in_block;
      all.push_back({change, std::string(change.before), std::string(change.after), std::string(change.extra)});
    }
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(in_block, block.count);
  }
  return all;
}

TEST(Transaction, AChangeComesBackWithAllItsParts) {
  Transaction tx;
  tx.StartChange(Op::kUpdate, 4'000'000'000U, 70'000, 0xffff'ffff'ffff'ffffULL, 9);
  PutInt(tx.StartRow(RowImage::kBefore), 1);
  tx.EndRow();
  PutInt(tx.StartRow(RowImage::kAfter), 2);
  tx.EndRow();
  tx.EndChange("more");
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 1U);
  const auto& [change, before, after, extra] = all[0];
  EXPECT_EQ(change.op, Op::kUpdate);
  EXPECT_EQ(change.ordinal, 1U);
  EXPECT_EQ(change.stream, 4'000'000'000U);
  EXPECT_EQ(change.schema, 70'000U);
  EXPECT_EQ(change.place, 0xffff'ffff'ffff'ffffULL);
  EXPECT_EQ(change.sub_place, 9U);
  EXPECT_TRUE(change.has_before);
  EXPECT_TRUE(change.has_after);
  std::vector<Value> values;
  ASSERT_TRUE(ReadRow(before, values).ok());
  EXPECT_EQ(values.at(0).i, 1);
  ASSERT_TRUE(ReadRow(after, values).ok());
  EXPECT_EQ(values.at(0).i, 2);
  EXPECT_EQ(extra, "more");
}

TEST(Transaction, AnEmptyRowIsThereAndAMissingOneIsNot) {
  Transaction tx;
  tx.StartChange(Op::kDelete, 1, 1, 5);
  tx.StartRow(RowImage::kBefore);
  tx.EndRow();
  tx.EndChange();
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].change.has_before);
  EXPECT_EQ(all[0].before, "");
  EXPECT_FALSE(all[0].change.has_after);
  EXPECT_EQ(all[0].change.sub_place, 0U);
}

TEST(Transaction, OrdinalsGoOnOverSeveralBlocks) {
  Transaction tx;
  const std::string text(40'000, 'x');
  for (int i = 0; i < 50; ++i) AddInsert(tx, i, text);
  EXPECT_EQ(tx.changes(), 50U);
  ASSERT_GT(tx.blocks().size(), 5U);
  EXPECT_GT(tx.bytes(), 50U * 40'000U);
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 50U);
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(all[i].change.ordinal, i + 1);
    std::vector<Value> values;
    ASSERT_TRUE(ReadRow(all[i].after, values).ok());
    EXPECT_EQ(values.at(0).i, i);
  }
}

TEST(Transaction, AHugeChangeStaysInOneBlock) {
  Transaction tx;
  AddInsert(tx, 1, "small");
  AddInsert(tx, 2, std::string(3'000'000, 'x'));
  AddInsert(tx, 3, "small");
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_GT(all[1].after.size(), 3'000'000U);
  EXPECT_EQ(all[2].change.ordinal, 3U);
}

TEST(Transaction, AnAbandonedChangeLeavesNoTrace) {
  Transaction tx;
  tx.StartChange(Op::kInsert, 1, 1, 1);
  tx.AbandonChange();
  EXPECT_TRUE(tx.empty());
  EXPECT_TRUE(tx.blocks().empty());
  AddInsert(tx, 1, "a");
  tx.StartChange(Op::kInsert, 1, 1, 1);
  PutInt(tx.StartRow(RowImage::kAfter), 5);
  tx.AbandonChange();
  AddInsert(tx, 2, "b");
  EXPECT_EQ(tx.changes(), 2U);
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].change.ordinal, 2U);
  EXPECT_EQ(all[1].change.place, 1002U);
}

TEST(Transaction, AbandoningTheFirstChangeOfANewBlockKeepsTheOrdinals) {
  Transaction tx;
  AddInsert(tx, 1, std::string(200'000, 'x'));
  ASSERT_EQ(tx.blocks().size(), 1U);
  tx.StartChange(Op::kInsert, 1, 1, 1);
  tx.AbandonChange();
  EXPECT_EQ(tx.blocks().size(), 1U) << "no empty block";
  AddInsert(tx, 2, "b");
  const auto all = ReadAll(tx);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].change.ordinal, 2U);
}

TEST(Transaction, ClearForgetsEverything) {
  Transaction tx;
  tx.first_ordinal = 0;
  tx.info.id = "771";
  AddInsert(tx, 1, "a");
  tx.Clear();
  EXPECT_TRUE(tx.empty());
  EXPECT_EQ(tx.bytes(), 0U);
  EXPECT_EQ(tx.first_ordinal, 1U);
  EXPECT_EQ(tx.info.id, "");
  AddInsert(tx, 2, "b");
  EXPECT_EQ(ReadAll(tx).at(0).change.ordinal, 1U);
}

TEST(ChangeReader, CutAtAnyByteNeverInventsAChange) {
  Transaction tx;
  for (int i = 0; i < 3; ++i) AddInsert(tx, i, "abc");
  tx.StartChange(Op::kTruncate, 4, 2, 7);
  tx.EndChange(Encode(TruncateExtra{true, true}));
  const std::string& bytes = tx.blocks().at(0).bytes;
  std::size_t clean_ends = 0;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const std::string exact(bytes.data(), cut);
    ChangeReader reader(exact, 1);
    Change change;
    int whole = 0;
    while (reader.Next(change)) ++whole;
    EXPECT_LT(whole, 4);
    clean_ends += reader.failed() ? 0U : 1U;
  }
  EXPECT_EQ(clean_ends, 4U) << "before each change";
}

TEST(ChangeReader, AnUnknownOpFails) {
  for (const int op : {0, 10, 255}) {
    std::string bytes(1, static_cast<char>(op));
    bytes.append(4, '\0');
    ChangeReader reader(bytes, 1);
    Change change;
    EXPECT_FALSE(reader.Next(change));
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Extra, EachComesBackAndIsCorruptWhenCut) {
  const auto truncate = DecodeTruncate(Encode(TruncateExtra{false, true}));
  ASSERT_TRUE(truncate.ok());
  EXPECT_FALSE(truncate->cascade);
  EXPECT_TRUE(truncate->restart_identity);

  const std::string message_bytes = Encode(MessageExtra{true, "audit", std::string_view("\0\xff", 2)});
  const auto message = DecodeMessage(message_bytes);
  ASSERT_TRUE(message.ok());
  EXPECT_TRUE(message->transactional);
  EXPECT_EQ(message->prefix, "audit");
  EXPECT_EQ(message->content, std::string_view("\0\xff", 2));

  const std::string snapshot_bytes = Encode(SnapshotExtra{true, 1'000'000'000'000});
  const auto snapshot = DecodeSnapshot(snapshot_bytes);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_TRUE(snapshot->completed);
  EXPECT_EQ(snapshot->rows, 1'000'000'000'000U);

  const std::string schema_bytes = Encode(SchemaExtra{SchemaExtra::Kind::kDrop, true, "d", "t", "DROP TABLE t"});
  const auto schema = DecodeSchemaChange(schema_bytes);
  ASSERT_TRUE(schema.ok());
  EXPECT_EQ(schema->kind, SchemaExtra::Kind::kDrop);
  EXPECT_TRUE(schema->like);
  EXPECT_EQ(schema->database + "." + schema->table + " " + schema->ddl, "d.t DROP TABLE t");
  EXPECT_FALSE(DecodeSchemaChange("\x09" + schema_bytes.substr(1)).ok());

  const std::string gap_bytes = Encode(GapExtra{"slot_missing", 5, 9, {"shop.public.a", "shop.public.b"}, "resync"});
  const auto gap = DecodeGap(gap_bytes);
  ASSERT_TRUE(gap.ok());
  EXPECT_EQ(gap->reason, "slot_missing");
  EXPECT_EQ(gap->from, 5U);
  EXPECT_EQ(gap->to, 9U);
  EXPECT_EQ(gap->streams, (std::vector<std::string>{"shop.public.a", "shop.public.b"}));
  EXPECT_EQ(gap->action, "resync");

  EXPECT_FALSE(DecodeTruncate("").ok());
  for (std::size_t n = 0; n < message_bytes.size(); ++n) EXPECT_FALSE(DecodeMessage(message_bytes.substr(0, n)).ok());
  for (std::size_t n = 0; n < snapshot_bytes.size(); ++n)
    EXPECT_FALSE(DecodeSnapshot(snapshot_bytes.substr(0, n)).ok());
  for (std::size_t n = 0; n < schema_bytes.size(); ++n)
    EXPECT_FALSE(DecodeSchemaChange(schema_bytes.substr(0, n)).ok());
  for (std::size_t n = 0; n < gap_bytes.size(); ++n) EXPECT_FALSE(DecodeGap(gap_bytes.substr(0, n)).ok());
}

TEST(Op, NamesAreReadBack) {
  for (int i = 1; i <= 9; ++i) {
    Op op = Op::kInsert;
    ASSERT_TRUE(ParseOp(Name(static_cast<Op>(i)), op));
    EXPECT_EQ(static_cast<int>(op), i);
  }
  Op op = Op::kInsert;
  EXPECT_FALSE(ParseOp("", op));
  EXPECT_FALSE(ParseOp("Insert", op));
}

TEST(At, TextIsReadBackAndAnythingElseRefused) {
  At at;
  ASSERT_TRUE(ParseAt(ToText({18'446'744'073'709'551'615ULL, 4'294'967'295U}), at));
  EXPECT_EQ(at, (At{18'446'744'073'709'551'615ULL, 4'294'967'295U}));
  for (const char* bad :
       {"", "-", "1", "1-", "-1", "1-2-3", "1-2 ", " 1-2", "+1-2", "1--2", "18446744073709551616-1", "1-4294967296"}) {
    EXPECT_FALSE(ParseAt(bad, at)) << bad;
  }
}

}  // namespace
}  // namespace headgate
