#include <gtest/gtest.h>

#include "tests/unit/codec/sample.h"

// Envelope, keys, several records of one change, transaction metadata, options (sections 3.2 to 3.7).
namespace headgate::testing {
namespace {

using K = TypeKind;
using codec::DebeziumEncoder;
using codec::DebeziumOptions;
using codec::EventContext;
using codec::Record;
using codec::RecordList;

class DebeziumEvent : public ::testing::Test {
 protected:
  DebeziumEvent() {
    table_.Add("city", Type(K::kText, "text"), false);
    table_.Add("n", Type(K::kInt32, "int4"));
  }

  // "<topic> <key> <value's op and transaction, or null> <suffix> <headers>", one text a record.
  static std::string Line(const Record& r) {
    std::string line = r.topic + " " + (r.has_key ? r.key : "null") + " ";
    line += r.has_value ? r.value.substr(r.value.find("\"op\""), 8) : "null";
    line += " [" + std::string(r.id_suffix) + "]";
    for (const auto& [name, value] : r.headers) line += " " + name + "=" + value;
    return line;
  }
  std::vector<std::string> Lines(const EventContext& event, DebeziumOptions options = {}) {
    DebeziumEncoder encoder(std::move(options));
    RecordList list;
    const Status status = encoder.Render(event, list);
    if (!status.ok()) return {status.error().what};
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < list.size(); ++i) lines.push_back(Line(list[i]));
    return lines;
  }
  std::string Value(const EventContext& event, DebeziumOptions options = {}) {
    DebeziumEncoder encoder(std::move(options));
    RecordList list;
    const Status status = encoder.Render(event, list);
    return status.ok() ? list[0].value : status.error().what;
  }
  EventContext Insert() { return sample_.Change(Op::kInsert, nullptr, &row_); }
  EventContext KeyChange() { return sample_.Change(Op::kUpdate, &identity_, &row_); }

  const std::vector<std::string> row_ = {Int(7), Text("Lyon"), Null()};
  const std::vector<std::string> identity_ = {Int(6), Absent(), Absent()};
  Table table_;
  Sample sample_{table_.schema};
};

TEST_F(DebeziumEvent, EnvelopeAndSourceHaveTheMembersOf33And34InOrder) {
  sample_.tx.previous_end = 24023119;
  EXPECT_EQ(
      Value(Insert(), With({{"compat.version", "3.7.0"}})),
      R"({"before":null,"after":{"id":7,"city":"Lyon","n":null},"source":{"version":"3.7.0","connector":"postgresql","name":"shop",)"
      R"("ts_ms":1772600767130,"snapshot":"false","db":"shop","sequence":"[\"24023119\",\"24026920\"]","ts_us":1772600767130211,)"
      R"("ts_ns":1772600767130211000,"schema":"public","table":"t","txId":556,"lsn":24026920,"xmin":null,"origin":null,"origin_lsn":null},)"
      R"("transaction":null,"op":"c","ts_ms":1772600767230,"ts_us":1772600767230456,"ts_ns":1772600767230456000})");
}

TEST_F(DebeziumEvent, ATimeOfZeroIsANumberToo) {
  sample_.tx.commit_us = 0;
  EXPECT_NE(Value(Insert()).find(R"("ts_us":0,"ts_ns":0,"schema")"), std::string::npos) << Value(Insert());
}

TEST_F(DebeziumEvent, BeforeTheFirstCommitAndInTheSnapshotTheSequenceStartsWithNull) {
  EXPECT_NE(Value(Insert()).find(R"("sequence":"[null,\"24026920\"]")"), std::string::npos);
  sample_.tx.position = {.kind = PositionKind::kChunk, .a = 1, .b = 4, .c = 1, .text = {}};
  sample_.tx.consistent_at = 1000;
  sample_.tx.previous_end = 5;
  sample_.tx.id.clear();
  const std::string read = Value(sample_.Change(Op::kRead, nullptr, &row_));
  EXPECT_NE(read.find(R"("sequence":"[null,\"1000\"]")"), std::string::npos) << read;
  EXPECT_NE(read.find(R"("txId":null,"lsn":1000,)"), std::string::npos) << read;
}

TEST_F(DebeziumEvent, SnapshotRowsTellTheirPlace) {
  sample_.tx.position = {.kind = PositionKind::kChunk, .a = 1, .b = 4, .c = 1, .text = {}};
  sample_.tx.total = 3;
  const auto flag = [&](std::uint32_t ordinal, int flags) {
    sample_.change.ordinal = ordinal;
    sample_.tx.flags = static_cast<std::uint8_t>(flags);
    const std::string json = Value(sample_.Change(Op::kRead, nullptr, &row_));
    const std::size_t start = json.find("\"snapshot\":\"") + 12;
    return json.substr(start, json.find('"', start) - start);
  };
  EXPECT_EQ(flag(1, kFirstOfSnapshot | kFirstOfStream), "first");
  EXPECT_EQ(flag(1, kFirstOfStream), "first_in_data_collection");
  EXPECT_EQ(flag(2, kFirstOfStream | kLastOfStream), "true");
  EXPECT_EQ(flag(3, kLastOfStream), "last_in_data_collection");
  EXPECT_EQ(flag(3, kLastOfStream | kLastOfSnapshot), "last");
  EXPECT_EQ(flag(1, 0), "true");
  sample_.tx.total = 1;
  EXPECT_EQ(flag(1, kFirstOfStream | kLastOfStream), "last_in_data_collection");
}

TEST_F(DebeziumEvent, ADeleteIsFollowedByItsTombstone) {
  const EventContext event = sample_.Change(Op::kDelete, &identity_, nullptr);
  EXPECT_EQ(Lines(event), (std::vector<std::string>{"shop.public.t {\"id\":6} \"op\":\"d\" [-d]",
                                                    "shop.public.t {\"id\":6} null [-t]"}));
  EXPECT_EQ(Lines(event, With({{"tombstones.on.delete", "false"}})),
            (std::vector<std::string>{"shop.public.t {\"id\":6} \"op\":\"d\" []"}));
  EXPECT_EQ(Lines(event, With({{"skipped.operations", "d"}})), std::vector<std::string>{});
}

TEST_F(DebeziumEvent, AKeyChangeIsThreeRecords) {
  EXPECT_EQ(Lines(KeyChange()),
            (std::vector<std::string>{"shop.public.t {\"id\":6} \"op\":\"d\" [-d] __debezium.newkey={\"id\":7}",
                                      "shop.public.t {\"id\":6} null [-t] __debezium.newkey={\"id\":7}",
                                      "shop.public.t {\"id\":7} \"op\":\"c\" [-c] __debezium.oldkey={\"id\":6}"}));
  EXPECT_EQ(Lines(KeyChange(), With({{"skipped.operations", "c,t"}})).size(), 2u);
}

TEST_F(DebeziumEvent, AnUnloggedKeyShowsItsFallbackAndSoMakesAKeyChange) {  // 3.5, REPLICA IDENTITY USING another INDEX
  const std::vector<std::string> identity = {Absent(), Text("old"), Absent()};
  EXPECT_EQ(Lines(sample_.Change(Op::kUpdate, &identity, &row_))[0],
            "shop.public.t {\"id\":0} \"op\":\"d\" [-d] __debezium.newkey={\"id\":7}");
}

TEST_F(DebeziumEvent, MessageKeyColumnsReplaceTheKeyInTheirOrder) {
  const auto options = With({{"message.key.columns", "other.x:a;PUBLIC.[st]:city,id"}});
  EXPECT_EQ(Lines(Insert(), options),
            (std::vector<std::string>{"shop.public.t {\"city\":\"Lyon\",\"id\":7} \"op\":\"c\" []"}));
}

TEST_F(DebeziumEvent, WithoutKeyEverythingHasTheNullKey) {
  table_.schema.columns[0].key_position = 0;
  const EventContext event = sample_.Change(Op::kDelete, &row_, nullptr);
  EXPECT_EQ(Lines(event),
            (std::vector<std::string>{"shop.public.t null \"op\":\"d\" [-d]", "shop.public.t null null [-t]"}));
}

TEST_F(DebeziumEvent, TruncateIsSkippedUnlessAskedFor) {
  sample_.change.extra = Encode(TruncateExtra{});
  const EventContext event = sample_.Change(Op::kTruncate, nullptr, nullptr);
  EXPECT_EQ(Lines(event), std::vector<std::string>{});
  EXPECT_EQ(Lines(event, With({{"skipped.operations", "none"}})),
            (std::vector<std::string>{"shop.public.t null \"op\":\"t\" []"}));
}

TEST_F(DebeziumEvent, OpsWithoutAFormGiveNoRecord) {
  for (const Op op : {Op::kSchema, Op::kSnapshot, Op::kGap})
    EXPECT_EQ(Lines(sample_.Change(op, nullptr, nullptr)), std::vector<std::string>{});
}

TEST_F(DebeziumEvent, MessagesHaveTheirOwnLayout) {
  const std::string extra = Encode(MessageExtra{false, "foo", "bar"});
  sample_.tx.position = {.kind = PositionKind::kPgMessage, .a = 24026920, .b = 0, .c = 0, .text = {}};
  const auto message = [&](DebeziumOptions options = {}) {
    const EventContext event = sample_.Change(Op::kMessage, nullptr, nullptr);
    sample_.change.extra = extra;
    return Value(event, std::move(options));
  };
  const std::string plain = message(With({{"compat.version", "1"}}));
  EXPECT_EQ(
      plain,
      R"({"op":"m","ts_ms":1772600767230,"source":{"version":"1","connector":"postgresql","name":"shop","ts_ms":1772600767130,)"
      R"("snapshot":"false","db":"shop","sequence":"[\"24026920\",\"24026920\"]","ts_us":1772600767130211,"ts_ns":1772600767130211000,)"
      R"("schema":"","table":"","txId":null,"lsn":24026920,"xmin":null,"origin":null,"origin_lsn":null},"transaction":null,)"
      R"("message":{"prefix":"foo","content":"YmFy"}})");
  EXPECT_TRUE(
      message(With({{"compat.message_timestamps", "all"}}))
          .starts_with(
              R"({"op":"m","ts_ms":1772600767230,"ts_us":1772600767230456,"ts_ns":1772600767230456000,"source")"));
  EXPECT_NE(message(With({{"binary.handling.mode", "hex"}})).find("\"content\":\"626172\""), std::string::npos);
}

TEST_F(DebeziumEvent, CompatSwitchesChangeWhatTheyName) {
  EXPECT_NE(Value(Insert(), With({{"compat.ts_ns", "string"}})).find("\"ts_ns\":\"1772600767230456000\"}"),
            std::string::npos);
  EXPECT_NE(Value(Insert(), With({{"compat.ts_ns", "string"}})).find("\"ts_ns\":\"1772600767130211000\",\"schema\""),
            std::string::npos);
  EXPECT_NE(Value(Insert(), With({{"compat.snapshot_flag", "boolean"}})).find("\"snapshot\":false,"),
            std::string::npos);
}

TEST_F(DebeziumEvent, NamesAreAdjustedInRowsAndKeys) {
  table_.Add("1st_Ü", Type(K::kInt32, "int4"));
  const std::vector<std::string> row = {Int(7), Text("x"), Null(), Int(1)};
  const EventContext event = sample_.Change(Op::kInsert, nullptr, &row);
  EXPECT_NE(Value(event, With({{"field.name.adjustment.mode", "avro"}})).find("\"_1st__\":1}"), std::string::npos);
  EXPECT_NE(Value(event, With({{"field.name.adjustment.mode", "avro_unicode"}})).find("\"_u0031st_u005f_u00dc\":1}"),
            std::string::npos);
}

TEST_F(DebeziumEvent, TopicsReplaceForeignCharactersOneByOne) {
  table_.schema.table = "K Odd-name.é$1";
  EXPECT_EQ(Lines(Insert())[0].substr(0, 27), "shop.public.K_Odd-name.__1 ");
}

TEST_F(DebeziumEvent, ParkingNamesTheColumnAndNeverTheValue) {
  table_.Add("price", Numeric(5, 2));
  const std::vector<std::string> row = {Int(7), Text("secret"), Null(), Decimal("NaN")};
  DebeziumEncoder encoder;
  RecordList list;
  const Status status = encoder.Render(sample_.Change(Op::kInsert, nullptr, &row), list);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kRejected);
  EXPECT_TRUE(status.error().what.starts_with("column price of public.t: ")) << status.error().what;
  EXPECT_EQ(status.error().what.find("secret"), std::string::npos);
  EXPECT_TRUE(list.empty());
  ASSERT_TRUE(encoder.Render(Insert(), list).ok() == false);  // that row is short now: three values for four columns
}

TEST_F(DebeziumEvent, MalformedRowsAreCorrupt) {
  const std::vector<std::string> row = {Int(7)};
  DebeziumEncoder encoder;
  RecordList list;
  const Status status = encoder.Render(sample_.Change(Op::kInsert, nullptr, &row), list);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
}

TEST_F(DebeziumEvent, KeyJsonIsTheRecordsKey) {
  DebeziumEncoder encoder;
  std::string key;
  ASSERT_TRUE(encoder.AppendKeyJson(key, KeyChange()).ok());
  ASSERT_TRUE(encoder.AppendKeyJson(key, sample_.Change(Op::kDelete, &identity_, nullptr)).ok());
  EXPECT_EQ(key, R"({"id":7}{"id":6})");
}

class DebeziumTransactions : public DebeziumEvent {
 protected:
  // Renders a change of the running transaction; the texts of the records' interesting parts.
  std::vector<std::string> Next(std::uint32_t ordinal, const EventContext& event) {
    sample_.change.ordinal = ordinal;
    RecordList list;
    status_ = encoder_.Render(event, list);
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string& v = list[i].value;
      if (!list[i].has_value) {
        lines.push_back("tombstone");
      } else if (list[i].topic == "shop.transaction") {
        lines.push_back(list[i].key + " " + v);
      } else {
        const std::size_t start = v.find("\"transaction\":") + 14;
        lines.push_back(v.substr(start, v.find('}', start) + 1 - start));
      }
    }
    return lines;
  }
  DebeziumEncoder encoder_{With({{"provide.transaction.metadata", "true"}})};
  Status status_ = Ok();
};

// The second change is of a stream that this encoder is not given.
TEST_F(DebeziumTransactions, ATransactionWhoseLastChangeIsForOthersEndsWhenItIsOver) {
  RecordList list;
  encoder_.EndTransaction(list);
  EXPECT_TRUE(list.empty()) << "there is none yet";
  sample_.tx.total = 2;
  EXPECT_EQ(Next(1, Insert()).size(), 2U);
  encoder_.EndTransaction(list);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].key, R"({"id":"556:24027104"})");
  EXPECT_EQ(
      list[0].value,
      R"({"status":"END","id":"556:24027104","event_count":1,"data_collections":[{"data_collection":"public.t","event_count":1}],)"
      R"("ts_ms":1772600767130})");
  EXPECT_EQ(list[0].id_suffix, "-end");
  encoder_.EndTransaction(list);
  EXPECT_EQ(list.size(), 1U) << "it ends once";
}

TEST_F(DebeziumTransactions, BeginEventsAndEndCountAsUpstreamDoes) {
  sample_.tx.total = 2;
  EXPECT_EQ(
      Next(1, KeyChange()),
      (std::vector<std::string>{
          R"({"id":"556:24026920"} {"status":"BEGIN","id":"556:24026920","event_count":null,"data_collections":null,"ts_ms":1772600767130})",
          R"({"id":"556:24026920","total_order":1,"data_collection_order":1})", "tombstone",
          R"({"id":"556:24026920","total_order":2,"data_collection_order":2})"}));
  const std::string extra = Encode(MessageExtra{true, "p", "c"});
  const EventContext message = sample_.Change(Op::kMessage, nullptr, nullptr);
  sample_.change.extra = extra;
  EXPECT_EQ(
      Next(2, message),
      (std::vector<std::string>{
          R"({"id":"556:24026920","total_order":3,"data_collection_order":1})",
          R"({"id":"556:24027104"} {"status":"END","id":"556:24027104","event_count":3,"data_collections":[)"
          R"({"data_collection":"public.t","event_count":2},{"data_collection":"LOGICAL_DECODING_MESSAGE","event_count":1}],)"
          R"("ts_ms":1772600767130})"}));
}

TEST_F(DebeziumTransactions, ATransactionWithOriginBeginsAtZero) {
  sample_.tx.origin = "node_a";
  sample_.tx.origin_end = 4660;
  EXPECT_TRUE(Next(1, Insert())[0].starts_with(R"({"id":"556:0"} )"));
}

TEST_F(DebeziumTransactions, NothingCapturedGivesNoRecord) {
  sample_.change.extra = Encode(TruncateExtra{});
  EXPECT_EQ(Next(1, sample_.Change(Op::kTruncate, nullptr, nullptr)), std::vector<std::string>{});
}

TEST_F(DebeziumTransactions, AParkedChangeStillCountsAndKeepsTheFrame) {
  table_.Add("price", Numeric(5, 2));
  const std::vector<std::string> bad = {Int(7), Text("x"), Null(), Decimal("NaN")};
  const std::vector<std::string> good = {Int(7), Text("x"), Null(), Decimal("1.00")};
  sample_.tx.total = 2;
  EXPECT_EQ(Next(1, sample_.Change(Op::kInsert, nullptr, &bad)).size(), 1u);  // BEGIN
  EXPECT_FALSE(status_.ok());
  const auto rest = Next(2, sample_.Change(Op::kInsert, nullptr, &good));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0], R"({"id":"556:24026920","total_order":2,"data_collection_order":2})");
  EXPECT_NE(rest[1].find("\"event_count\":2"), std::string::npos);
}

TEST_F(DebeziumTransactions, I2ReplayGivesTheSameBytes) {
  sample_.tx.total = 1;
  const auto first = Next(1, Insert());
  EXPECT_EQ(Next(1, Insert()), first);
  sample_.tx.position.a += 100;
  sample_.tx.id = "557";
  EXPECT_NE(Next(1, Insert()), first);
}

TEST(DebeziumOptionsTable, EveryNameOfTheContractIsKnownAndBadValuesAreNamed) {
  DebeziumOptions o;
  for (const auto& [name, value] : {std::pair{"bigint.unsigned.handling.mode", "precise"},
                                    {"enable.time.adjuster", "false"},
                                    {"compat.tinyint1", "boolean"},
                                    {"vector-to-json", "true"}}) {
    EXPECT_TRUE(*SetOption(o, name, value)) << name;
  }
  EXPECT_FALSE(*SetOption(o, "topic.prefix", "x"));
  for (const auto& [name, value] : {std::pair{"decimal.handling.mode", "exact"},
                                    {"time.precision.mode", "days"},
                                    {"binary.handling.mode", "utf8"},
                                    {"hstore.handling.mode", "x"},
                                    {"interval.handling.mode", "x"},
                                    {"money.fraction.digits", "-1"},
                                    {"money.fraction.digits", "2x"},
                                    {"include.unknown.datatypes", "yes"},
                                    {"skipped.operations", "c,x"},
                                    {"tombstones.on.delete", ""},
                                    {"message.key.columns", "g.t"},
                                    {"message.key.columns", "g.(t:id"},
                                    {"field.name.adjustment.mode", "json"},
                                    {"bigint.unsigned.handling.mode", "short"},
                                    {"enable.time.adjuster", "maybe"},
                                    {"compat.tinyint1", "x"},
                                    {"vector-to-json", "x"},
                                    {"compat.ts_ns", "text"},
                                    {"decimal.format", "base64"}}) {
    const auto result = SetOption(o, name, value);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.error().kind, ErrorKind::kConfig);
    EXPECT_NE(result.error().what.find(name), std::string::npos) << result.error().what;
  }
}

// std::regex descends once for each parenthesis: what a client sends must not end the process.
TEST(DebeziumOptions, AKeyColumnsPatternBeyondItsBoundIsRefusedNotCompiled) {
  DebeziumOptions o;
  const std::string deep = std::string(200'000, '(') + "a" + std::string(200'000, ')');
  const auto result = SetOption(o, "message.key.columns", deep + ":id");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kConfig);
  EXPECT_LT(result.error().what.size(), 1000U);
  EXPECT_TRUE(SetOption(o, "message.key.columns", std::string(1024, 'a') + ":id").ok());
}

TEST(DebeziumRecords, AListReusesItsRecordsWithoutOldContent) {
  RecordList list;
  Record& r = list.Add();
  r.topic = "t";
  r.key = "k";
  r.has_key = r.has_value = true;
  r.value = "v";
  r.headers.emplace_back("a", "b");
  r.id_suffix = "-d";
  list.Clear();
  const Record& again = list.Add();
  EXPECT_EQ(list.size(), 1u);
  EXPECT_TRUE(again.topic.empty() && again.key.empty() && again.value.empty() && again.headers.empty() &&
              again.id_suffix.empty());
  EXPECT_FALSE(again.has_key || again.has_value);
}

}  // namespace
}  // namespace headgate::testing
