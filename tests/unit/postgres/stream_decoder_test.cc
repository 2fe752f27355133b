#include "connectors/postgres/stream_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/value.h"

namespace headgate::postgres {
namespace {

using pgoutput::Frame;
using ::testing::HasSubstr;

constexpr std::int64_t kUs = 1'770'000'000'123'456;

struct Wire {
  std::string bytes;
  Wire& C(char c) {
    bytes.push_back(c);
    return *this;
  }
  Wire& U16(std::uint16_t v) {
    PutBigEndian(bytes, v);
    return *this;
  }
  Wire& U32(std::uint32_t v) {
    PutBigEndian(bytes, v);
    return *this;
  }
  Wire& U64(std::uint64_t v) {
    PutBigEndian(bytes, v);
    return *this;
  }
  Wire& Z(std::string_view s) {
    bytes.append(s).push_back('\0');
    return *this;
  }
  Wire& Text(std::string_view s) {
    C('t').U32(static_cast<std::uint32_t>(s.size()));
    bytes += s;
    return *this;
  }
};
std::string Begin(std::uint64_t commit, std::uint32_t xid = 7) {
  return Wire().C('B').U64(commit).U64(static_cast<std::uint64_t>(kUs - kEpoch2000Us)).U32(xid).bytes;
}
std::string Commit(std::uint64_t commit, std::uint64_t end) {
  return Wire().C('C').C('\0').U64(commit).U64(end).U64(static_cast<std::uint64_t>(kUs - kEpoch2000Us)).bytes;
}
std::string Relation(std::uint32_t oid, char identity = 'd') {
  return Wire()
      .C('R')
      .U32(oid)
      .Z("public")
      .Z("t" + std::to_string(oid))
      .C(identity)
      .U16(2)
      .C('\1')
      .Z("id")
      .U32(23)
      .U32(0xFFFFFFFF)
      .C(identity == 'f' ? '\1' : '\0')
      .Z("v")
      .U32(25)
      .U32(0xFFFFFFFF)
      .bytes;
}
std::string Insert(std::uint32_t oid, std::string_view id, std::string_view v) {
  return Wire().C('I').U32(oid).C('N').U16(2).Text(id).Text(v).bytes;
}
std::string Message(bool transactional, std::uint64_t lsn, std::string_view prefix) {
  return Wire().C('M').C(transactional ? '\1' : '\0').U64(lsn).Z(prefix).U32(1).C('x').bytes;
}

TypePtr Type(std::uint32_t oid) {
  TypeRow row;
  row.oid = oid;
  return MakeScalar(row, -1, "", 2);
}

// Captures every relation but those with an OID of 900 and more; stream number = OID.
class FakeBinder : public Binder {
 public:
  Result<Binding> Bind(const pgoutput::Relation& relation, std::uint64_t, std::int64_t) override {
    ++asked;
    Binding binding;
    if (relation.oid >= 900) return binding;
    binding.stream = relation.oid;
    binding.schema = 1;
    for (const auto& column : relation.columns)
      binding.fields.push_back({Type(column.type_oid), column.identity, column.name == excluded});
    return binding;
  }
  int asked = 0;
  std::string excluded;
};

class StreamDecoderTest : public ::testing::Test {
 protected:
  Status Feed(const std::string& data, std::uint64_t start = 100) {
    Frame frame;
    frame.start = start;
    frame.data = data;
    return decoder_->Handle(frame, kUs, done_);
  }
  void Accept(std::initializer_list<std::string> messages) {
    for (const std::string& m : messages) {
      const Status s = Feed(m);
      ASSERT_TRUE(s.ok()) << s.error().what;
    }
  }
  // The values of the n-th change of the last transaction.
  std::vector<Value> Row(bool after, std::size_t n = 0) {
    std::vector<Value> values;
    const auto& block = done_.back().blocks().at(0);
    ChangeReader reader(block.bytes, block.first_ordinal);
    Change change;
    for (std::size_t i = 0; i <= n; ++i) EXPECT_TRUE(reader.Next(change));
    EXPECT_TRUE(ReadRow(after ? change.after : change.before, values).ok());
    return values;
  }
  void SetLimits(StreamDecoder::Limits limits) { decoder_.emplace(binder_, std::move(limits)); }

  FakeBinder binder_;
  std::optional<StreamDecoder> decoder_{std::in_place, binder_, StreamDecoder::Limits{}};
  std::vector<Transaction> done_;
};

TEST_F(StreamDecoderTest, ATransactionComesOutAtItsCommitWithItsFacts) {
  Accept({Begin(500), Relation(1), Insert(1, "7", "a"), Insert(1, "8", "b")});
  EXPECT_TRUE(done_.empty());
  EXPECT_TRUE(decoder_->in_transaction());
  Accept({Commit(500, 520)});
  ASSERT_EQ(done_.size(), 1U);
  const TransactionInfo& info = done_[0].info;
  EXPECT_EQ(info.position, (Position{PositionKind::kPgCommit, 500, 0, 0, {}}));
  EXPECT_EQ(info.end, 520U);
  EXPECT_EQ(info.commit_us, kUs);
  EXPECT_EQ(info.id, "7");
  EXPECT_EQ(info.total, 2U);
  EXPECT_EQ(decoder_->completed_end(), 520U);
  EXPECT_EQ(Row(true, 1)[1].text, "b");
}

TEST_F(StreamDecoderTest, ATransactionWithoutCapturedChangesMovesOnlyThePosition) {
  Accept({Begin(500), Relation(900), Insert(900, "1", "x"), Commit(500, 520)});
  EXPECT_TRUE(done_.empty());
  EXPECT_EQ(decoder_->completed_end(), 520U);
}

TEST_F(StreamDecoderTest, PG26_UnchangedToastComesFromTheOldRowIfThatWasLogged) {
  const std::string keyed = Wire().C('U').U32(1).C('N').U16(2).Text("7").C('u').bytes;
  const std::string full =
      Wire().C('U').U32(2).C('O').U16(2).Text("7").Text("old").C('N').U16(2).Text("7").C('u').bytes;
  Accept({Begin(500), Relation(1), Relation(2, 'f'), keyed, full, Commit(500, 520)});
  EXPECT_EQ(Row(true, 0)[1].kind, ValueKind::kAbsent);
  EXPECT_EQ(Row(true, 1)[1].text, "old");
  EXPECT_EQ(Row(false, 1)[1].text, "old");
}

TEST_F(StreamDecoderTest, PG28_OldKeysHaveOnlyTheKeyAndTheRestIsAbsentNotNull) {
  const std::string key_change =
      Wire().C('U').U32(1).C('K').U16(2).Text("7").C('n').C('N').U16(2).Text("8").C('n').bytes;
  const std::string removed = Wire().C('D').U32(1).C('K').U16(2).Text("8").C('n').bytes;
  Accept({Begin(500), Relation(1), key_change, removed, Commit(500, 520)});
  EXPECT_EQ(Row(false, 0)[0].i, 7);
  EXPECT_TRUE(Row(false, 0)[1].is_absent());
  EXPECT_TRUE(Row(true, 0)[1].is_null());
  EXPECT_EQ(Row(false, 1)[0].i, 8);
}

TEST_F(StreamDecoderTest, ExcludedColumnsOnTheWireAreLeftOut) {
  binder_.excluded = "v";
  Accept({Begin(500), Relation(1), Insert(1, "7", "secret"), Commit(500, 520)});
  EXPECT_EQ(Row(true).size(), 1U);
}

TEST_F(StreamDecoderTest, PG06_MessagesByPrefixTransactionalOrNot) {
  SetLimits({.messages_prefixes = {"a*"}});
  Accept({Message(false, 400, "app"), Begin(500), Message(true, 450, "audit"), Message(true, 451, "other"),
          Commit(500, 520)});
  ASSERT_EQ(done_.size(), 2U);
  EXPECT_EQ(done_[0].info.position, (Position{PositionKind::kPgMessage, 400, 0, 0, {}}));
  EXPECT_EQ(done_[0].blocks().at(0).first_ordinal, 0U);
  EXPECT_EQ(done_[1].changes(), 1U);
}

TEST_F(StreamDecoderTest, NothingAtOrAfterTheLimitIsTaken) {
  SetLimits({.until = 500});
  Accept({Begin(499), Relation(1), Insert(1, "1", "a"), Commit(499, 505)});
  EXPECT_EQ(done_.size(), 1U);
  EXPECT_FALSE(decoder_->reached());
  Accept({Begin(500), Insert(1, "2", "b"), Commit(500, 520)});
  EXPECT_TRUE(decoder_->reached());
  EXPECT_EQ(done_.size(), 1U);
  EXPECT_EQ(decoder_->completed_end(), 505U);
}

TEST_F(StreamDecoderTest, WhatWasNotTakenAtALimitIsTakenOnceItIsRaised) {
  SetLimits({.until = 500});
  Accept({Begin(500)});
  EXPECT_TRUE(decoder_->reached());
  decoder_->SetUntil(501);
  EXPECT_FALSE(decoder_->reached());
  Accept({Begin(500), Relation(1), Insert(1, "2", "b"), Commit(500, 520), Begin(530)});
  EXPECT_TRUE(decoder_->reached());
  EXPECT_EQ(done_.size(), 1U);
  EXPECT_EQ(decoder_->completed_end(), 520U);
  decoder_->SetUntil(0);
  Accept({Begin(530), Insert(1, "3", "c"), Commit(530, 540)});
  EXPECT_EQ(done_.size(), 2U);
}

// Counts the blocks; `failure` once it has more than two.
struct CountedSpool final : BlockSpool {
  explicit CountedSpool(int& taken) : blocks(taken) {}
  void Take(const Transaction::Block&) override { ++blocks; }
  void Keep(std::size_t) override {}
  std::vector<StreamNo> streams() const override { return {}; }
  Status status() const override { return blocks > 2 ? Status(Transient("the disk is full")) : Ok(); }
  int& blocks;
};
struct CountedSpools final : BlockSpools {
  std::shared_ptr<BlockSpool> NewSpool() override { return std::make_shared<CountedSpool>(blocks); }
  int blocks = 0;
};

TEST_F(StreamDecoderTest, PG03_ALargeTransactionLeavesMemoryAndTheErrorOfItsSpoolEndsTheStream) {
  CountedSpools spools;
  StreamDecoder::Limits limits;
  limits.transaction_memory_max = 1000;
  limits.spools = &spools;
  SetLimits(limits);
  Accept({Begin(500, 42), Relation(1)});
  Status status;
  int rows = 0;
  for (; rows < 10'000 && status.ok(); ++rows) status = Feed(Insert(1, "1", std::string(500, 'x')));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "the disk is full");
  EXPECT_EQ(spools.blocks, 3);
  EXPECT_GT(rows, 3 * 128 * 1024 / 600) << "blocks go when they are full";
  EXPECT_TRUE(done_.empty());
}

TEST_F(StreamDecoderTest, WhatBreaksTheProtocolIsCorruptNotACrash) {
  const auto refused = [&](std::initializer_list<std::string> before, const std::string& bad) {
    SetLimits({});
    for (const std::string& m : before) EXPECT_TRUE(Feed(m).ok());
    const Status s = Feed(bad);
    return !s.ok() && s.error().kind == ErrorKind::kCorrupt;
  };
  EXPECT_TRUE(refused({}, "garbage"));
  EXPECT_TRUE(refused({}, Commit(1, 2)));
  EXPECT_TRUE(refused({Begin(1)}, Begin(2)));
  EXPECT_TRUE(refused({Begin(1)}, Commit(2, 3)));
  EXPECT_TRUE(refused({Begin(1)}, Insert(1, "1", "a"))) << "relation not described";
  EXPECT_TRUE(refused({Relation(1)}, Insert(1, "1", "a"))) << "outside of a transaction";
  EXPECT_TRUE(refused({Begin(1), Relation(1)}, Wire().C('I').U32(1).C('N').U16(1).Text("7").bytes))
      << "a column is missing";
  EXPECT_TRUE(refused({Begin(1), Relation(1)}, Wire().C('I').U32(1).C('N').U16(2).Text("7").C('b').U32(0).bytes))
      << "binary was not asked for";
  EXPECT_TRUE(refused({}, Message(true, 1, "p"))) << "transactional, but outside";
}

TEST_F(StreamDecoderTest, EveryMessageCutAtEveryByteLeavesTheDecoderUsable) {
  const std::string update =
      Wire().C('U').U32(1).C('O').U16(2).Text("7").Text("old").C('N').U16(2).Text("7").C('u').bytes;
  for (std::size_t n = 0; n < update.size(); ++n) {
    SetLimits({});
    done_.clear();
    Accept({Begin(1), Relation(1)});
    EXPECT_FALSE(Feed(update.substr(0, n)).ok());
    Accept({Insert(1, "1", "a"), Commit(1, 2)});
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_EQ(done_[0].changes(), 1U);
  }
}

}  // namespace
}  // namespace headgate::postgres
