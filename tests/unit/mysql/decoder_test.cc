#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "connectors/mysql/binlog_decoder.h"
#include "core/model/value.h"
#include "tests/unit/mysql/captured.h"

namespace headgate::mysql {
namespace {

using test::Captured;
using test::Pieces;
using ::testing::ElementsAre;

// Every table is captured, as its table map tells it.
class MapBinder final : public Binder {
 public:
  explicit MapBinder(Flavor flavor) : flavor_(flavor) {}
  Result<TableBinding> Bind(const TableMap& map, const LogPlace&, std::int64_t) override {
    TableBinding binding;
    const auto known = streams.try_emplace(map.table, static_cast<StreamNo>(streams.size() + 1));
    binding.stream = known.first->second;
    binding.schema = 1;
    TextDecoder decoder;
    for (const MapColumn& column : map.columns) {
      ColumnPlan plan = PlanOf(DeclarationOf(column, decoder), flavor_);
      if (!Fits(column, plan)) return ConfigError(map.table + "." + column.name + " does not fit");
      plan.reader.stored = column;
      binding.fields.push_back({std::move(plan.reader), false});
    }
    return binding;
  }
  Result<TableBinding> BindTruncated(const TableName&, const LogPlace&, std::int64_t) override {
    return TableBinding();
  }
  Result<std::vector<SchemaChange>> Told(const Statement& statement, std::string_view, const LogPlace&,
                                         std::int64_t) override {
    told.push_back(statement.kind);
    return std::vector<SchemaChange>();
  }

  std::map<std::string, StreamNo> streams;
  std::vector<StatementKind> told;

 private:
  const Flavor flavor_;
};

BinlogPosition Start() {
  BinlogPosition start;
  start.place = {"binlog.000001", 4};
  return start;
}

constexpr std::size_t kBeginBytes = 60;  // of what comes in parts: the head of the payload too

Status HandleInPieces(BinlogDecoder& decoder, std::string_view packet, std::size_t piece,
                      std::vector<Transaction>& done) {
  Pieces rest(packet.substr(kBeginBytes), piece);
  return decoder.Handle(packet.substr(0, kBeginBytes), done, &rest);
}

bool IsPayload(std::string_view packet) {
  constexpr std::size_t kTypeAt = 4;
  return static_cast<EventType>(packet[kTypeAt]) == EventType::kTransactionPayload;
}

struct Decoded {
  // Compressed transactions in pieces of so many bytes; 0: whole.
  explicit Decoded(const Captured& captured, std::size_t piece = 0) : binder(captured.flavor) {
    BinlogDecoder decoder(binder, captured.flavor, Start(), Start(), {});
    for (const std::string_view packet : captured.packets) {
      const Status handled = piece > 0 && IsPayload(packet) ? HandleInPieces(decoder, packet, piece, transactions)
                                                            : decoder.Handle(packet, transactions);
      EXPECT_TRUE(handled.ok()) << handled.error().what;
    }
    position = decoder.position();
    EXPECT_FALSE(decoder.in_transaction());
  }

  // The values of the k-th row that came into a table, as text; binary ones as they are.
  std::vector<std::string> Inserted(const std::string& table, std::size_t k = 0) const {
    for (const Transaction& tx : transactions) {
      for (const Transaction::Block& block : tx.blocks()) {
        ChangeReader reader(block.bytes, block.first_ordinal);
        for (Change change; reader.Next(change);) {
          if (change.op != Op::kInsert || change.stream != binder.streams.at(table) || k-- > 0) continue;
          std::vector<Value> values;
          EXPECT_TRUE(ReadRow(change.after, values).ok());
          std::vector<std::string> texts;
          for (const Value& value : values) texts.push_back(Text(value));
          return texts;
        }
      }
    }
    ADD_FAILURE() << "no such row of " << table;
    return {};
  }
  static std::string Text(const Value& value) {
    switch (value.kind) {
      case ValueKind::kNull:
        return "NULL";
      case ValueKind::kInt:
        return std::to_string(value.i);
      case ValueKind::kUint:
        return std::to_string(value.u);
      default:
        return std::string(value.text);
    }
  }

  MapBinder binder;
  std::vector<Transaction> transactions;
  BinlogPosition position;
};

TEST(BinlogDecoder, TransactionsOfMysqlWithTagsXaAndCompression) {
  const Captured captured("mysql-9.7", Flavor::kMysql);
  const Decoded decoded(captured);
  std::set<std::string> ids;
  for (const Transaction& tx : decoded.transactions) {
    EXPECT_EQ(tx.info.position.kind, PositionKind::kNamed);
    EXPECT_TRUE(ids.insert(tx.info.position.text).second) << tx.info.position.text;
    EXPECT_GT(tx.info.commit_us, 0);
  }
  EXPECT_TRUE(std::ranges::any_of(ids, [](const std::string& id) { return id.find("-blue-") != std::string::npos; }));
  EXPECT_THAT(decoded.Inserted("t"), ElementsAre("1", "a"));
  EXPECT_THAT(decoded.Inserted("t", 3), ElementsAre("9", "xa"));
  EXPECT_THAT(decoded.Inserted("t", 4), ElementsAre("5", std::string(500, 'x')));
  const auto kinds = decoded.Inserted("kinds");
  EXPECT_EQ(kinds[0], "2018");
  EXPECT_EQ(kinds[1], "255");
  EXPECT_EQ(kinds[10], "x");
  EXPECT_EQ(kinds[11], "q");
  EXPECT_EQ(decoded.Inserted("docs")[1], R"({"a":1})");
  EXPECT_GT(decoded.position.executed.count(), ids.size()) << "statements about tables have numbers too";
}

TEST(BinlogDecoder, TransactionsOfMariadbWithDomainsAndCompression) {
  const Captured captured("mariadb-10.11", Flavor::kMariadb);
  const Decoded decoded(captured);
  EXPECT_THAT(decoded.Inserted("t", 3), ElementsAre("9", "xa"));
  EXPECT_THAT(decoded.Inserted("t", 4), ElementsAre("4", std::string(1500, 'q')));
  EXPECT_EQ(decoded.Inserted("packed")[1], std::string(90, 'v'));
  EXPECT_EQ(decoded.Inserted("packed")[2], "short");
  EXPECT_TRUE(decoded.position.domains.Of(5).has_value());
}

TEST(BinlogDecoder, AnEventThatLacksBytesOrHasOthersIsAnErrorAndNeverARow) {
  const Captured captured("mysql-9.7", Flavor::kMysql);
  for (std::size_t cut = 0; cut < captured.packets.size(); ++cut) {
    MapBinder binder(Flavor::kMysql);
    BinlogDecoder decoder(binder, Flavor::kMysql, Start(), Start(), {});
    std::vector<Transaction> done;
    for (std::size_t i = 0; i < cut; ++i) ASSERT_TRUE(decoder.Handle(captured.packets[i], done).ok());
    std::string damaged(captured.packets[cut]);
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x10);
    const Status handled = decoder.Handle(damaged, done);
    ASSERT_FALSE(handled.ok()) << cut;
    EXPECT_EQ(handled.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(BinlogDecoder, ACompressedTransactionMayComeInPiecesOfAnySize_MY10) {
  const Captured captured("mysql-9.7", Flavor::kMysql);
  const Decoded whole(captured);
  for (std::size_t piece = 1; piece < 200; ++piece) {
    SCOPED_TRACE(piece);
    const Decoded decoded(captured, piece);
    EXPECT_EQ(decoded.position, whole.position);
    ASSERT_EQ(decoded.transactions.size(), whole.transactions.size());
    EXPECT_EQ(decoded.Inserted("t", 4), whole.Inserted("t", 4));
  }
}

// Whichever byte it is, and wherever the pieces part.
TEST(BinlogDecoder, OfACompressedTransactionNothingIsDoneUntilItsChecksumMatches_MY27) {
  const Captured captured("mysql-9.7", Flavor::kMysql);
  const auto payload = std::ranges::find_if(captured.packets, IsPayload);
  ASSERT_NE(payload, captured.packets.end());
  for (std::size_t at = Event::kHeaderBytes; at < payload->size(); ++at) {
    SCOPED_TRACE(at);
    MapBinder binder(Flavor::kMysql);
    BinlogDecoder decoder(binder, Flavor::kMysql, Start(), Start(), {});
    std::vector<Transaction> done;
    for (auto packet = captured.packets.begin(); packet != payload; ++packet)
      ASSERT_TRUE(decoder.Handle(*packet, done).ok());
    const std::size_t before = done.size();
    std::string damaged(*payload);
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    const Status handled = HandleInPieces(decoder, damaged, 1 + at % 7, done);
    ASSERT_FALSE(handled.ok());
    EXPECT_EQ(handled.error().kind, ErrorKind::kCorrupt) << handled.error().what;
    EXPECT_EQ(done.size(), before);
  }
  for (std::size_t cut = kBeginBytes; cut < payload->size(); ++cut) {
    MapBinder binder(Flavor::kMysql);
    BinlogDecoder decoder(binder, Flavor::kMysql, Start(), Start(), {});
    std::vector<Transaction> done;
    ASSERT_TRUE(decoder.Handle(captured.packets[0], done).ok());
    EXPECT_FALSE(HandleInPieces(decoder, payload->substr(0, cut), 5, done).ok()) << cut;
  }
}

}  // namespace
}  // namespace headgate::mysql
