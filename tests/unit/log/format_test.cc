// The stored form of entries, held to the worked example of core/log/FORMAT.md.
#include <fstream>
#include <random>
#include <sstream>

#include "core/base/encoding.h"
#include "core/log/entry.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

// The first words of the lines in the fenced block that begins with ```<name>, put together: the rest is explanation.
std::string Documented(std::string_view name) {
  std::ifstream in(HG_LOG_FORMAT);
  std::string hex;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = line == "```" + std::string(name);
      continue;
    }
    std::string word;
    if (inside && std::istringstream(line) >> word) hex += word;
  }
  return hex;
}

Transaction Example() {
  Transaction tx;
  tx.info.source = 1;
  tx.info.position = {PositionKind::kPgCommit, 0x16e9fb0, 0, 0, {}};
  tx.info.commit_us = 1'772'600'767'123'456;
  tx.info.stored_us = 1'772'600'767'124'000;
  tx.info.end = 0x16e9fe0;
  tx.info.id = "771";
  tx.info.total = 1;
  tx.StartChange(Op::kInsert, 1, 1, 0x16e9f20);
  std::string& row = tx.StartRow(RowImage::kAfter);
  PutInt(row, 7);
  PutBlob(row, ValueKind::kText, "Anna");
  PutNull(row);
  tx.EndRow();
  tx.EndChange();
  return tx;
}

std::string EncodedValue(const Transaction& tx) {
  std::string value;
  const Transaction::Block& block = tx.blocks().at(0);
  PutEntryHeader(value, &tx.info, true, block.first_ordinal, block.count, {block.bytes});
  return value + block.bytes;
}

TEST(Format, TheWorkedExampleIsWhatIsWritten) {
  std::string key;
  PutEntryKey(key, 2, 0);
  EXPECT_EQ(Hex(key), Documented("key"));
  EXPECT_EQ(Hex(EncodedValue(Example())), Documented("value"));
}

TEST(Format, TheWorkedExampleIsReadBack) {
  const auto value = FromHex(Documented("value"));
  ASSERT_TRUE(value.has_value());
  EntryHeader header;
  std::string_view changes;
  const Status status = ParseEntry(*value, header, changes);
  ASSERT_TRUE(status.ok()) << status.error().what;
  EXPECT_TRUE(header.last_part);
  EXPECT_EQ(header.first_ordinal, 1U);
  EXPECT_EQ(header.count, 1U);
  const TransactionInfo expected = Example().info;
  EXPECT_EQ(header.info.source, expected.source);
  EXPECT_EQ(header.info.position, expected.position);
  EXPECT_EQ(header.info.commit_us, expected.commit_us);
  EXPECT_EQ(header.info.stored_us, expected.stored_us);
  EXPECT_EQ(header.info.end, expected.end);
  EXPECT_EQ(header.info.id, "771");
  EXPECT_EQ(header.info.total, 1U);
  EXPECT_EQ(changes, Example().blocks().at(0).bytes);
}

TEST(Format, EveryPartOfTheHeaderComesBack) {
  TransactionInfo info;
  info.source = 4'294'967'295U;
  info.epoch = 4'294'967'294U;
  info.position = {PositionKind::kChunk, 1, 2, 3, "text"};
  info.commit_us = -1;
  info.stored_us = std::numeric_limits<std::int64_t>::min();
  info.consistent_at = ~0ULL;
  info.end = ~1ULL;
  info.previous_end = ~2ULL;
  info.id = "id";
  info.origin = "origin";
  info.origin_end = ~3ULL;
  info.total = 7;
  info.flags = kFirstOfStream | kLastOfSnapshot;
  std::string value;
  PutEntryHeader(value, &info, false, 8, 9, {"changes"});
  value += "changes";
  EntryHeader header;
  std::string_view changes;
  ASSERT_TRUE(ParseEntry(value, header, changes).ok());
  EXPECT_FALSE(header.last_part);
  EXPECT_TRUE(header.has_info);
  EXPECT_EQ(header.first_ordinal, 8U);
  EXPECT_EQ(header.count, 9U);
  EXPECT_EQ(header.info.source, info.source);
  EXPECT_EQ(header.info.epoch, info.epoch);
  EXPECT_EQ(header.info.position, info.position);
  EXPECT_EQ(header.info.commit_us, info.commit_us);
  EXPECT_EQ(header.info.stored_us, info.stored_us);
  EXPECT_EQ(header.info.consistent_at, info.consistent_at);
  EXPECT_EQ(header.info.end, info.end);
  EXPECT_EQ(header.info.previous_end, info.previous_end);
  EXPECT_EQ(header.info.id, info.id);
  EXPECT_EQ(header.info.origin, info.origin);
  EXPECT_EQ(header.info.origin_end, info.origin_end);
  EXPECT_EQ(header.info.total, info.total);
  EXPECT_EQ(header.info.flags, info.flags);
  EXPECT_EQ(changes, "changes");
}

TEST(Format, EveryFlippedBitAndEveryCutIsNoticed_CG12) {
  const std::string value = EncodedValue(Example());
  EntryHeader header;
  std::string_view changes;
  for (std::size_t i = 0; i < value.size() * 8; ++i) {
    std::string bad = value;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    const Status status = ParseEntry(bad, header, changes);
    ASSERT_FALSE(status.ok()) << "bit " << i;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
  }
  for (std::size_t cut = 0; cut < value.size(); ++cut) {
    EXPECT_FALSE(ParseEntry(value.substr(0, cut), header, changes).ok()) << "cut at " << cut;
  }
}

std::string ManyRows(int rows) {
  Transaction tx;
  for (int i = 0; i < rows; ++i) {
    tx.StartChange(Op::kInsert, 1, 1, static_cast<std::uint64_t>(i));
    PutInt(tx.StartRow(RowImage::kAfter), i);
    tx.EndRow();
    tx.EndChange();
  }
  return tx.blocks().at(0).bytes;
}

TEST(Format, ABlockOfManyRowsIsCompressedAndComesBack) {
  const std::string rows = ManyRows(2000);
  ChangePacker packer;
  const StoredChanges stored = packer.Pack(rows);
  EXPECT_LT(stored.bytes.size(), rows.size() * 3 / 4);
  const TransactionInfo info = Example().info;
  std::string value;
  PutEntryHeader(value, &info, true, 1, 2000, stored);
  value += stored.bytes;
  EntryHeader header;
  std::string_view changes;
  std::string buffer;
  ASSERT_TRUE(ParseEntry(value, header, changes).ok());
  EXPECT_EQ(header.info.id, info.id);
  EXPECT_EQ(header.count, 2000U);
  ASSERT_TRUE(UnpackChanges(header, changes, buffer).ok());
  EXPECT_EQ(changes, rows);
}

TEST(Format, WhatCompressionDoesNotShortenIsStoredAsItIs) {
  ChangePacker packer;
  EXPECT_EQ(packer.Pack("short").unpacked_bytes, 0U);
  std::string random;
  std::mt19937_64 numbers(7);
  while (random.size() < 100'000) PutFixed(random, numbers());
  EXPECT_EQ(packer.Pack(random).unpacked_bytes, 0U);
  EXPECT_EQ(packer.Pack(random).bytes.data(), random.data());
  const std::string huge(2 << 20, 'x');  // one large value: no copy of it is made
  EXPECT_EQ(packer.Pack(huge).bytes.data(), huge.data());
}

TEST(Format, CompressedChangesOfAnotherLengthAreNoticed_CG12) {
  const std::string rows = ManyRows(2000);
  ChangePacker packer;
  const StoredChanges stored = packer.Pack(rows);
  std::string buffer;
  for (const std::size_t said : {rows.size() - 1, rows.size() + 1, std::size_t{1}, std::size_t{1} << 40}) {
    EntryHeader header;
    header.unpacked_bytes = said;
    std::string_view changes = stored.bytes;
    EXPECT_EQ(UnpackChanges(header, changes, buffer).error().kind, ErrorKind::kCorrupt) << said;
  }
  EntryHeader header;
  header.unpacked_bytes = rows.size();
  for (std::size_t cut = 0; cut < stored.bytes.size(); cut += 7) {
    std::string_view changes = stored.bytes.substr(0, cut);
    EXPECT_FALSE(UnpackChanges(header, changes, buffer).ok()) << "cut at " << cut;
  }
}

TEST(Format, AnEntryOfANewerVersionIsRefused) {
  std::string value = EncodedValue(Example());
  value[0] = 3;
  EntryHeader header;
  std::string_view changes;
  EXPECT_EQ(ParseEntry(value, header, changes).error().what, "unknown version");
}

TEST(Format, KeysSortAsNumbers) {
  const auto key = [](Seq seq, std::uint32_t part) {
    std::string out;
    PutEntryKey(out, seq, part);
    return out;
  };
  EXPECT_LT(key(1, 4'294'967'295U), key(2, 0));
  EXPECT_LT(key(255, 0), key(256, 0));
  EXPECT_LT(key(1, 255), key(1, 256));
  EntryKey back;
  ASSERT_TRUE(ParseEntryKey(key(~0ULL, 7), back));
  EXPECT_EQ(back.seq, ~0ULL);
  EXPECT_EQ(back.part, 7U);
  EXPECT_FALSE(ParseEntryKey("short", back));
}

}  // namespace
}  // namespace headgate
