#include "core/model/position.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

constexpr std::uint64_t kMax = 0xffff'ffff'ffff'ffffULL;

// The table of the change-events contract, section 2.
TEST(EventId, HasTheFormOfTheContractForEveryPosition) {
  EXPECT_EQ(EventId("shop", 0, {PositionKind::kPgCommit, 0x16e9fb0, 0, 0, {}}, 1), "shop:0-00000000016e9fb0:1");
  EXPECT_EQ(EventId("shop", 0, {PositionKind::kPgMessage, 0x16ea010, 0, 0, {}}, 0), "shop:0-m00000000016ea010:0");
  EXPECT_EQ(EventId("crm", 0, {PositionKind::kNamed, 0, 0, 0, "3e11fa47-71ca-11e1-9e33-c80aa9429562-23"}, 1),
            "crm:0-3e11fa47-71ca-11e1-9e33-c80aa9429562-23:1");
  EXPECT_EQ(EventId("erp", 0, {PositionKind::kNamed, 0, 0, 0, "0-1-270"}, 1), "erp:0-0-1-270:1");
  EXPECT_EQ(EventId("old", 0, {PositionKind::kBinlog, 123, 4567, 0, {}}, 1), "old:0-f000123-4567:1");
  EXPECT_EQ(EventId("shop", 0, {PositionKind::kChunk, 1, 4, 17, {}}, 250), "shop:0-s1-4-17:250");
  EXPECT_EQ(EventId("shop", 0, {PositionKind::kSchema, 0, 4, 3, {}}, 0), "shop:0-v4-3:0");
  EXPECT_EQ(EventId("shop", 1, {PositionKind::kGap, 0x16e9fb0, 0, 0, {}}, 0), "shop:1-gap:0");
  EXPECT_EQ(EventId("http", 0, {PositionKind::kIngest, 42, 0, 0, {}}, 1), "http:0-42:1");
  EXPECT_EQ(EventId("sensor", 0, {PositionKind::kRecords, 42, 0, 0, {}}, 3), "sensor:0-k42:3");
}

TEST(EventId, HoldsTheLargestNumbers) {
  EXPECT_EQ(EventId("a", 4'294'967'295U, {PositionKind::kPgCommit, kMax, 0, 0, {}}, 4'294'967'295U),
            "a:4294967295-ffffffffffffffff:4294967295");
  EXPECT_EQ(EventId("a", 0, {PositionKind::kBinlog, 1'234'567, kMax, 0, {}}, 1), "a:0-f1234567-18446744073709551615:1");
}

TEST(Position, ComesBackAndFailsWhenCut) {
  for (const Position& p :
       {Position{PositionKind::kPgCommit, kMax, 0, 0, {}}, Position{PositionKind::kChunk, 1, 2, 3, {}},
        Position{PositionKind::kNamed, 0, 0, 0, "uuid-1"}, Position{PositionKind::kBinlog, kMax, kMax, kMax, "x"}}) {
    std::string bytes;
    PutPosition(bytes, p);
    ByteReader in(bytes);
    EXPECT_EQ(ReadPosition(in), p);
    EXPECT_TRUE(in.done());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const std::string exact(bytes.data(), cut);
      ByteReader cut_in(exact);
      static_cast<void>(ReadPosition(cut_in));
      EXPECT_TRUE(cut_in.failed());
    }
  }
}

TEST(Position, OrderIsByTheFirstNumberThenTheSecond) {
  const auto at = [](std::uint64_t a, std::uint64_t b) { return Position{PositionKind::kBinlog, a, b, 0, {}}; };
  EXPECT_TRUE(OrderedBefore(at(1, 9), at(2, 0)));
  EXPECT_TRUE(OrderedBefore(at(1, 8), at(1, 9)));
  EXPECT_FALSE(OrderedBefore(at(1, 9), at(1, 9)));
  EXPECT_FALSE(OrderedBefore(at(2, 0), at(1, 9)));
}

// A non-transactional message has the LSN where its record ends; the commit record written right after it begins there.
TEST(Position, P2_AtOneLsnTheMessageComesBeforeTheCommit) {
  const Position message{PositionKind::kPgMessage, 7, 0, 0, {}};
  const Position commit{PositionKind::kPgCommit, 7, 0, 0, {}};
  EXPECT_TRUE(OrderedBefore(message, commit));
  EXPECT_FALSE(OrderedBefore(commit, message));
  EXPECT_FALSE(OrderedBefore(commit, commit));
  EXPECT_FALSE(OrderedBefore(message, message));
}

TEST(Position, OnlyCommitsMessagesBinlogAndIngestAreOrdered) {
  for (const PositionKind kind : {PositionKind::kPgCommit, PositionKind::kPgMessage, PositionKind::kBinlog,
                                  PositionKind::kIngest, PositionKind::kRecords}) {
    EXPECT_TRUE(IsOrdered(kind));
  }
  for (const PositionKind kind :
       {PositionKind::kChunk, PositionKind::kSchema, PositionKind::kGap, PositionKind::kNamed}) {
    EXPECT_FALSE(IsOrdered(kind));
  }
}

TEST(Lsn, IsPrintedAsPostgresDoes) {
  const auto text = [](std::uint64_t lsn) {
    std::string out;
    AppendLsn(out, lsn);
    return out;
  };
  EXPECT_EQ(text(0), "0/0");
  EXPECT_EQ(text(0x16e9fb0), "0/16E9FB0");
  EXPECT_EQ(text(0xab'0000'0001ULL), "AB/1");
  EXPECT_EQ(text(kMax), "FFFFFFFF/FFFFFFFF");
}

}  // namespace
}  // namespace headgate
