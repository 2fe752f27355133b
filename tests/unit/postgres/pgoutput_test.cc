#include "connectors/postgres/pgoutput.h"

#include <gtest/gtest.h>

#include <array>

#include "core/model/value.h"

namespace headgate::postgres::pgoutput {
namespace {

constexpr std::int64_t kUs = 1'770'000'000'123'456;

// Writes messages as the server does.
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
  Wire& Time(std::int64_t unix_us) { return U64(static_cast<std::uint64_t>(unix_us - kEpoch2000Us)); }
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

std::string Insert() { return Wire().C('I').U32(16385).C('N').U16(3).Text("7").C('n').Text("Åsa").bytes; }
std::string Update() {
  return Wire().C('U').U32(16385).C('O').U16(2).Text("7").Text("old").C('N').U16(2).Text("8").C('u').bytes;
}
std::string Delete() { return Wire().C('D').U32(16385).C('K').U16(2).Text("7").C('n').bytes; }
std::string Begin() { return Wire().C('B').U64(0x16E9FB0).Time(kUs).U32(556).bytes; }
std::string Commit() { return Wire().C('C').C('\0').U64(0x16E9FB0).U64(0x16EA010).Time(kUs).bytes; }
std::string Truncate() { return Wire().C('T').U32(2).C('\3').U32(16385).U32(16390).bytes; }
std::string LogicalMessage() {
  return Wire().C('M').C('\1').U64(0x16EA5A8).Z("audit").U32(4).bytes + std::string("a\0b\xFF", 4);
}
std::string OriginMessage() { return Wire().C('O').U64(99).Z("node_a").bytes; }
std::string RelationMessage() {
  return Wire()
      .C('R')
      .U32(16385)
      .Z("public")
      .Z("orders")
      .C('f')
      .U16(2)
      .C('\1')
      .Z("id")
      .U32(23)
      .U32(0xFFFFFFFF)
      .C('\0')
      .Z("total")
      .U32(1700)
      .U32(655366)
      .bytes;
}

TEST(PgOutput, ReadsBeginAndCommitWithUnixTimes) {
  Message m;
  ASSERT_TRUE(Parse(Begin(), m));
  EXPECT_EQ(m.kind, Kind::kBegin);
  EXPECT_EQ(m.lsn, 0x16E9FB0U);
  EXPECT_EQ(m.commit_us, kUs);
  EXPECT_EQ(m.xid, 556U);
  ASSERT_TRUE(Parse(Commit(), m));
  EXPECT_EQ(m.end_lsn, 0x16EA010U);
}

TEST(PgOutput, ReadsRowsOfInsertUpdateAndDelete) {
  Message m;
  const std::string insert = Insert();
  ASSERT_TRUE(Parse(insert, m));
  TupleReader row(m.new_row);
  EXPECT_EQ(row.columns(), 3U);
  Field f;
  ASSERT_TRUE(row.Next(f));
  EXPECT_EQ(f.text, "7");
  ASSERT_TRUE(row.Next(f));
  EXPECT_EQ(f.kind, 'n');
  ASSERT_TRUE(row.Next(f));
  EXPECT_EQ(f.text, "Åsa");
  EXPECT_FALSE(row.Next(f));
  EXPECT_FALSE(row.failed());

  const std::string update = Update();
  ASSERT_TRUE(Parse(update, m));
  EXPECT_EQ(m.old_kind, 'O');
  TupleReader old_row(m.old_row);
  ASSERT_TRUE(old_row.Next(f) && old_row.Next(f));
  EXPECT_EQ(f.text, "old");
  TupleReader new_row(m.new_row);
  ASSERT_TRUE(new_row.Next(f) && new_row.Next(f));
  EXPECT_EQ(f.kind, 'u');

  const std::string deleted = Delete();
  ASSERT_TRUE(Parse(deleted, m));
  EXPECT_EQ(m.old_kind, 'K');
  EXPECT_TRUE(m.new_row.empty());
}

TEST(PgOutput, PG08_ReadsTruncateWithAllRelationsAndFlags) {
  Message m;
  ASSERT_TRUE(Parse(Truncate(), m));
  EXPECT_EQ(m.relations, (std::vector<std::uint32_t>{16385, 16390}));
  EXPECT_TRUE(m.cascade);
  EXPECT_TRUE(m.restart_identity);
}

TEST(PgOutput, PG06_ReadsLogicalMessagesWithAnyBytes) {
  Message m;
  const std::string bytes = LogicalMessage();
  ASSERT_TRUE(Parse(bytes, m));
  EXPECT_TRUE(m.transactional);
  EXPECT_EQ(m.name, "audit");
  EXPECT_EQ(m.content, std::string_view("a\0b\xFF", 4));
}

TEST(PgOutput, PG29_ReadsRelations) {
  Relation r;
  ASSERT_TRUE(ParseRelation(RelationMessage(), r));
  EXPECT_EQ(r.schema, "public");
  EXPECT_EQ(r.table, "orders");
  EXPECT_EQ(r.replica_identity, 'f');
  ASSERT_EQ(r.columns.size(), 2U);
  EXPECT_TRUE(r.columns[0].identity);
  EXPECT_EQ(r.columns[0].typmod, -1);
  EXPECT_EQ(r.columns[1].type_oid, 1700U);
  EXPECT_EQ(r.columns[1].typmod, 655366);
}

TEST(PgOutput, EveryMessageCutAtEveryByteIsRefusedAndNoByteTooManyAccepted) {
  const std::vector<std::string> all = {Begin(),  Commit(),   Insert(),         Update(),
                                        Delete(), Truncate(), LogicalMessage(), OriginMessage()};
  Message m;
  for (const std::string& whole : all) {
    ASSERT_TRUE(Parse(whole, m)) << whole[0];
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(Parse(std::string_view(whole).substr(0, n), m)) << whole[0] << " cut at " << n;
    EXPECT_FALSE(Parse(whole + "x", m)) << whole[0];
  }
  Relation r;
  const std::string relation = RelationMessage();
  for (std::size_t n = 0; n < relation.size(); ++n)
    EXPECT_FALSE(ParseRelation(std::string_view(relation).substr(0, n), r)) << n;
  EXPECT_FALSE(ParseRelation(relation + "x", r));
}

TEST(PgOutput, LengthsThatLieAreRefused) {
  Message m;
  EXPECT_FALSE(Parse(Wire().C('I').U32(1).C('N').U16(1).C('t').U32(0xFFFFFFFF).bytes, m));
  EXPECT_FALSE(Parse(Wire().C('T').U32(0x7FFFFFFF).C('\0').U32(1).bytes, m));
  EXPECT_FALSE(Parse(Wire().C('I').U32(1).C('N').U16(1).C('z').bytes, m));
  EXPECT_FALSE(Parse("S", m));  // in-progress transactions were not asked for
  EXPECT_FALSE(Parse("", m));
}

TEST(PgOutput, ReadsFrames) {
  Frame f;
  const std::string data = Wire().C('w').U64(100).U64(200).Time(kUs).bytes + "Bdata";  // f.data views it
  ASSERT_TRUE(ParseFrame(data, f));
  EXPECT_EQ(f.kind, Frame::Kind::kData);
  EXPECT_EQ(f.start, 100U);
  EXPECT_EQ(f.data, "Bdata");
  const std::string keep_alive = Wire().C('k').U64(300).Time(kUs).C('\1').bytes;
  ASSERT_TRUE(ParseFrame(keep_alive, f));
  EXPECT_EQ(f.kind, Frame::Kind::kKeepAlive);
  EXPECT_EQ(f.wal_end, 300U);
  EXPECT_EQ(f.server_us, kUs);
  EXPECT_TRUE(f.reply_requested);
  for (std::size_t n = 0; n < keep_alive.size(); ++n)
    EXPECT_FALSE(ParseFrame(std::string_view(keep_alive).substr(0, n), f)) << n;
  EXPECT_FALSE(ParseFrame("x", f));
}

TEST(PgOutput, WritesStandbyStatus) {
  const std::string status = StandbyStatus(5, 3, kEpoch2000Us + 1, true);
  EXPECT_EQ(status, Wire().C('r').U64(5).U64(3).U64(3).U64(1).C('\1').bytes);
}

}  // namespace
}  // namespace headgate::postgres::pgoutput
