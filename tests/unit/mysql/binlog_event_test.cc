// Events of binary logs as real servers write them.
#include "connectors/mysql/binlog_event.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/mysql/captured.h"

namespace headgate::mysql {
namespace {

using test::Captured;

class BinlogEvents : public ::testing::Test {
 protected:
  const Captured mysql_{"mysql-9.7", Flavor::kMysql};
  const Captured mariadb_{"mariadb-10.11", Flavor::kMariadb};

  static std::vector<std::string> Statements(const Captured& log, EventType type) {
    std::vector<std::string> texts;
    for (const Event& event : log.Of(type)) {
      std::string text;
      const auto query = ParseQuery(event, text);
      EXPECT_TRUE(query.has_value());
      if (query) texts.emplace_back(query->text);
    }
    return texts;
  }
};

TEST_F(BinlogEvents, TellTheServersVersionAndEndWithTheNextFile) {
  EXPECT_EQ(mysql_.server_version.substr(0, 4), "9.7.");
  EXPECT_NE(mariadb_.server_version.find("MariaDB"), std::string::npos);
  for (const Captured* log : {&mysql_, &mariadb_}) {
    const auto rotate = ParseRotate(log->events.back().body);
    ASSERT_TRUE(rotate.has_value());
    EXPECT_EQ(rotate->file.substr(0, 7), "binlog.");
    EXPECT_EQ(rotate->position, 4U);
  }
}

TEST_F(BinlogEvents, AreNamed) {
  EXPECT_EQ(Name(EventType::kPartialUpdateRows), "PARTIAL_UPDATE_ROWS");
  EXPECT_EQ(Name(static_cast<EventType>(99)), "type 99");
}

TEST_F(BinlogEvents, WithAFlippedBitAreRefused_MY27) {
  for (const Captured* log : {&mysql_, &mariadb_}) {
    for (std::size_t i = 0; i < log->packets.size(); ++i) {
      for (std::size_t at = 0; at < log->packets[i].size(); at += 7) {
        EventReader reader(true);
        ASSERT_TRUE(i == 0 || reader.Read(log->packets[0]).ok());
        std::string damaged(log->packets[i]);
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        const auto event = reader.Read(damaged);
        ASSERT_FALSE(event.ok()) << "packet " << i << " byte " << at;
        EXPECT_EQ(event.error().kind, ErrorKind::kCorrupt);
      }
    }
  }
}

// With the algorithm it says whether anything behind it is checked.
TEST_F(BinlogEvents, AFormatDescriptionIsRefusedWhateverBitIsFlipped_MY27) {
  constexpr std::size_t kFlagsAt = 17;
  for (const Captured* log : {&mysql_, &mariadb_}) {
    for (std::size_t bit = 0; bit < log->packets[0].size() * 8; ++bit) {
      if (bit == kFlagsAt * 8) continue;  // that the file is still written
      std::string damaged(log->packets[0]);
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      EventReader reader(true);
      ASSERT_FALSE(reader.Read(damaged).ok() && reader.Read(log->packets[1]).ok()) << "bit " << bit;
    }
  }
}

TEST_F(BinlogEvents, OfAFileThatIsStillWrittenHaveTheChecksumOfOneThatIsClosed) {
  std::string open(mysql_.packets[0]);
  open[17] = static_cast<char>(open[17] | 1);
  EventReader reader(true);
  EXPECT_TRUE(reader.Read(open).ok());
}

TEST_F(BinlogEvents, ThatAreCutShortAreRefused) {
  for (const Captured* log : {&mysql_, &mariadb_}) {
    for (const std::string_view packet : log->packets) {
      EventReader reader(true);
      ASSERT_TRUE(reader.Read(log->packets[0]).ok());
      for (std::size_t size = 0; size < packet.size(); ++size) ASSERT_FALSE(reader.Read(packet.substr(0, size)).ok());
    }
  }
}

TEST_F(BinlogEvents, OfMysqlBeginWithTheirGtidAndTheTimeOfTheCommit_MY01_MY02) {
  const auto heads = mysql_.Of(EventType::kGtid);
  ASSERT_GT(heads.size(), 10U);
  std::uint64_t number = 0;
  for (const Event& event : heads) {
    const auto head = ParseGtid(event);
    ASSERT_TRUE(head && head->gtid);
    EXPECT_EQ(head->gtid->source.tag, "");
    EXPECT_EQ(head->gtid->number, number == 0 ? head->gtid->number : number + 1);
    number = head->gtid->number;
    EXPECT_NEAR(static_cast<double>(head->commit_us) / 1e6, event.unix_s, 2.0);
    EXPECT_EQ(head->origin_us, head->commit_us);
    EXPECT_GT(head->bytes, event.bytes);
  }
  const auto tagged = mysql_.Of(EventType::kGtidTagged);
  ASSERT_EQ(tagged.size(), 1U);
  const auto head = ParseGtid(tagged[0]);
  ASSERT_TRUE(head && head->gtid);
  EXPECT_EQ(head->gtid->source.tag, "blue");
  EXPECT_EQ(head->gtid->source.uuid, ParseGtid(heads[0])->gtid->source.uuid);
  EXPECT_NEAR(static_cast<double>(head->commit_us) / 1e6, tagged[0].unix_s, 2.0);
  EXPECT_GT(head->bytes, tagged[0].bytes);
}

TEST_F(BinlogEvents, OfMysqlBeginWithTheTransactionsBefore_MY02) {
  const auto before = mysql_.Of(EventType::kPreviousGtids);
  ASSERT_EQ(before.size(), 1U);
  const auto set = GtidSet::Decode(before[0].body);
  ASSERT_TRUE(set.ok());
  EXPECT_NE(set->ToText().find(":blue:1-"), std::string::npos) << set->ToText();
  EXPECT_EQ(set->Encode(), before[0].body);
  EXPECT_FALSE(set->Contains(*ParseGtid(mysql_.Of(EventType::kGtid)[0])->gtid));
  EXPECT_FALSE(set->Contains(*ParseGtid(mysql_.Of(EventType::kGtidTagged)[0])->gtid));
}

TEST_F(BinlogEvents, OfMariadbBeginWithTheirGtid_MY03) {
  const auto heads = mariadb_.Of(EventType::kMariadbGtid);
  ASSERT_GT(heads.size(), 10U);
  MariadbPosition position = *ParseGtidList(mariadb_.Of(EventType::kGtidList)[0].body);
  EXPECT_TRUE(position.Of(0).has_value());
  for (const Event& event : heads) {
    const auto head = ParseMariadbGtid(event);
    ASSERT_TRUE(head.has_value());
    EXPECT_FALSE(position.Has(head->gtid)) << ToText(head->gtid);
    position.Set(head->gtid);
  }
  EXPECT_EQ(position.domains().size(), 2U) << position.ToText();
  const bool standalone = (ParseMariadbGtid(heads[0])->flags & MariadbGtidHead::kStandalone) != 0;
  EXPECT_TRUE(standalone) << "CREATE DATABASE";
}

TEST_F(BinlogEvents, OfXaNameTheTransaction_MY38) {
  const std::string xid = "X'616263',X'62',7";
  for (const Captured* log : {&mysql_, &mariadb_}) {
    const auto prepares = log->Of(EventType::kXaPrepare);
    ASSERT_EQ(prepares.size(), 1U);
    const auto prepare = ParseXaPrepare(prepares[0].body);
    ASSERT_TRUE(prepare.has_value());
    EXPECT_EQ(prepare->xid, xid);
    EXPECT_FALSE(prepare->one_phase);
    const auto statements = Statements(*log, EventType::kQuery);
    EXPECT_EQ(std::ranges::count(statements, "XA COMMIT " + xid), 1);
  }
  std::vector<std::uint8_t> flags;
  for (const Event& event : mariadb_.Of(EventType::kMariadbGtid)) {
    const auto head = ParseMariadbGtid(event);
    if (head->xid.empty()) continue;
    flags.push_back(head->flags & 0xc0);
    EXPECT_EQ(head->xid, xid);
  }
  EXPECT_EQ(flags, (std::vector<std::uint8_t>{MariadbGtidHead::kPreparedXa, MariadbGtidHead::kCompletedXa}));
}

TEST_F(BinlogEvents, CarryTheStatementsThatWereRun_MY35) {
  const auto rows_query = mysql_.Of(EventType::kRowsQuery);
  ASSERT_FALSE(rows_query.empty());
  EXPECT_EQ(ParseStatement(rows_query[0]), "insert into s.t values (1, 'a'), (2, 'b')");
  const auto annotate = mariadb_.Of(EventType::kAnnotateRows);
  ASSERT_FALSE(annotate.empty());
  EXPECT_EQ(ParseStatement(annotate[0]), "insert into s.t values (1, 'a'), (2, 'b')");
  const auto create = Statements(mysql_, EventType::kQuery)[0];
  EXPECT_EQ(create, "create database s");
}

TEST_F(BinlogEvents, OfMariadbMayBeCompressed_MY11) {
  const auto statements = Statements(mariadb_, EventType::kQueryCompressed);
  EXPECT_EQ(std::ranges::count(statements, "alter table s.t add column w int comment '" + std::string(74, 'x') + "'"),
            1);
  std::string text;
  Event event = mariadb_.Of(EventType::kQueryCompressed)[0];
  const std::string whole(event.body);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    event.body = std::string_view(whole).substr(0, size);
    EXPECT_FALSE(ParseQuery(event, text).has_value()) << size;
  }
}

TEST_F(BinlogEvents, OfATransactionMayBeOneCompressedPayload_MY10) {
  const auto payloads = mysql_.Of(EventType::kTransactionPayload);
  ASSERT_EQ(payloads.size(), 1U);
  const auto payload = ParsePayload(payloads[0]);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(payload->compression, Payload::Compression::kZstd);
  EXPECT_GT(payload->size, payload->bytes.size());
  for (std::size_t size = 0; size < payloads[0].body.size(); ++size) {
    Event cut = payloads[0];
    cut.body = cut.body.substr(0, size);
    EXPECT_FALSE(ParsePayload(cut).has_value()) << size;
  }
}

}  // namespace
}  // namespace headgate::mysql
