#include <gtest/gtest.h>

#include "core/base/time_text.h"
#include "tests/unit/codec/sample.h"

// The envelope of section 4.2, its examples of 4.3 word by word, identity of section 2.
namespace headgate::testing {
namespace {

using K = TypeKind;
using codec::EventContext;
using codec::NativeEncoder;
using codec::NativeOptions;

std::int64_t Unix(int month, int day, int hours, int minutes, int seconds, int micros) {
  return Moment(2026, month, day, hours, minutes, seconds, micros) + kEpoch2000Us;
}

TableSchema Orders() {
  Table t;
  t.schema.table = "orders";
  t.schema.columns[0].type.declared = "bigint";
  const auto add = [&](const char* name, DataType type, const char* declared, bool nullable) {
    type.declared = declared;
    t.Add(name, std::move(type), nullable);
  };
  add("customer", Type(K::kText, "text"), "text", false);
  add("total", Numeric(10, 2), "numeric(10,2)", true);
  add("placed_at", Type(K::kTimestampTz, "timestamptz"), "timestamp with time zone", false);
  add("tags", ArrayOf(Type(K::kText, "text")), "text[]", false);
  add("meta", Type(K::kJsonb, "jsonb"), "jsonb", true);
  add("notes", Type(K::kText, "text"), "text", true);
  return t.schema;
}

std::string Event(const EventContext& event, NativeOptions options = {}) {
  NativeEncoder encoder(options);
  std::string out;
  const Status status = encoder.Append(out, event);
  return status.ok() ? out : std::string(Name(status.error().kind)) + ": " + status.error().what;
}

class NativeEvent : public ::testing::Test {
 protected:
  void Commit(std::uint64_t lsn, std::uint64_t place, const char* xid, std::uint32_t total, std::int64_t commit_us) {
    sample_.tx.position.a = lsn;
    sample_.change.place = place;
    sample_.tx.id = xid;
    sample_.tx.total = total;
    sample_.tx.commit_us = commit_us;
  }
  void At(PositionKind kind, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint32_t ordinal) {
    sample_.tx.position = {.kind = kind, .a = a, .b = b, .c = c, .text = {}};
    sample_.change.ordinal = ordinal;
  }
  EventContext Other(Op op, std::string extra) {
    extra_ = std::move(extra);
    EventContext event = sample_.Change(op, nullptr, nullptr);
    sample_.change.extra = extra_;
    return event;
  }

  const std::int64_t placed_ = Moment(2026, 3, 4, 5, 6, 7, 123456);
  const TableSchema orders_ = Orders();
  Sample sample_{orders_};
  std::string extra_;
};

TEST_F(NativeEvent, InsertIsTheExampleOfTheContract) {
  Commit(0x16E9FB0, 0x16E9F28, "556", 2, Unix(3, 4, 5, 6, 7, 130211));
  const std::vector<std::string> row = {Int(42),
                                        Text("Åsa"),
                                        Decimal("19.90"),
                                        TimestampTz(placed_),
                                        Array({Text("new"), Text("gift")}),
                                        Json(R"({"channel": "web"})"),
                                        Null()};
  EXPECT_EQ(
      Event(sample_.Change(Op::kInsert, nullptr, &row)),
      R"({"id":"shop:0-00000000016e9fb0:1","source":"shop","stream":"public.orders","op":"insert","key":{"id":42},)"
      R"("after":{"id":42,"customer":"Åsa","total":"19.90","placed_at":"2026-03-04T05:06:07.123456Z","tags":["new","gift"],)"
      R"("meta":{"channel":"web"},"notes":null},)"
      R"("position":{"commit_lsn":"0/16E9FB0","lsn":"0/16E9F28"},"tx":{"id":"556","ordinal":1,"total":2},)"
      R"("commit_ts":"2026-03-04T05:06:07.130211Z","schema":3})");
}

TEST_F(NativeEvent, UpdateNamesWhatIsUnavailableAndWhatIsJsonNull) {
  Commit(0x16EA120, 0x16EA0C8, "557", 1, Unix(3, 4, 5, 7, 0, 412));
  const std::vector<std::string> row = {
      Int(42), Text("Åsa"), Decimal("24.90"), TimestampTz(placed_), Array({Text("new")}), Json("null"), Absent()};
  EXPECT_EQ(
      Event(sample_.Change(Op::kUpdate, nullptr, &row)),
      R"({"id":"shop:0-00000000016ea120:1","source":"shop","stream":"public.orders","op":"update","key":{"id":42},)"
      R"("after":{"id":42,"customer":"Åsa","total":"24.90","placed_at":"2026-03-04T05:06:07.123456Z","tags":["new"],"meta":null},)"
      R"("unavailable":["notes"],"json_null":["meta"],)"
      R"("position":{"commit_lsn":"0/16EA120","lsn":"0/16EA0C8"},"tx":{"id":"557","ordinal":1,"total":1},)"
      R"("commit_ts":"2026-03-04T05:07:00.000412Z","schema":3})");
  NativeOptions text;
  text.json = NativeOptions::Json::kText;
  EXPECT_EQ(Event(sample_.event, text).find("json_null"), std::string::npos);
}

TEST_F(NativeEvent, DeleteHoldsOnlyTheIdentity) {
  Commit(0x16EA2E8, 0x16EA2A0, "558", 1, Unix(3, 4, 5, 9, 0, 500000));
  const std::vector<std::string> row = {Int(42), Absent(), Absent(), Absent(), Absent(), Absent(), Absent()};
  EXPECT_EQ(
      Event(sample_.Change(Op::kDelete, &row, nullptr)),
      R"({"id":"shop:0-00000000016ea2e8:1","source":"shop","stream":"public.orders","op":"delete","key":{"id":42},"before":{"id":42},)"
      R"("position":{"commit_lsn":"0/16EA2E8","lsn":"0/16EA2A0"},"tx":{"id":"558","ordinal":1,"total":1},)"
      R"("commit_ts":"2026-03-04T05:09:00.500000Z","schema":3})");
}

TEST_F(NativeEvent, ReadIsASnapshotRowOfItsChunk) {
  At(PositionKind::kChunk, 1, 4, 17, 250);
  sample_.tx.consistent_at = 0x16E9000;
  sample_.tx.commit_us = Unix(3, 4, 5, 5, 59, 0);
  const std::vector<std::string> row = {
      Int(41),          Text("Bo"), Decimal("NaN"), TimestampTz(kInfinity), Array({}), Json(R"({"n": 1.50})"),
      Text("long text")};
  EXPECT_EQ(
      Event(sample_.Change(Op::kRead, nullptr, &row)),
      R"({"id":"shop:0-s1-4-17:250","source":"shop","stream":"public.orders","op":"read","key":{"id":41},)"
      R"("after":{"id":41,"customer":"Bo","total":"NaN","placed_at":"infinity","tags":[],"meta":{"n":1.50},"notes":"long text"},)"
      R"("snapshot":{"run":1,"chunk":17},"position":{"lsn":"0/16E9000"},"commit_ts":"2026-03-04T05:05:59.000000Z","schema":3})");
}

TEST_F(NativeEvent, TruncateSaysHow) {
  Commit(0x16EA4C0, 0x16EA488, "559", 1, Unix(3, 4, 5, 10, 0, 1));
  EXPECT_EQ(Event(Other(Op::kTruncate, Encode(TruncateExtra{false, true}))),
            R"({"id":"shop:0-00000000016ea4c0:1","source":"shop","stream":"public.orders","op":"truncate",)"
            R"("truncate":{"cascade":false,"restart_identity":true},)"
            R"("position":{"commit_lsn":"0/16EA4C0","lsn":"0/16EA488"},"tx":{"id":"559","ordinal":1,"total":1},)"
            R"("commit_ts":"2026-03-04T05:10:00.000001Z","schema":3})");
}

TEST_F(NativeEvent, MessagesCarryTextOrBase64) {
  Commit(0x16EA5F0, 0x16EA5A8, "560", 1, Unix(3, 4, 5, 11, 0, 250000));
  sample_.event.schema = nullptr;
  sample_.event.schema_version = 0;
  EXPECT_EQ(Event(Other(Op::kMessage, Encode(MessageExtra{true, "audit", "user=17"}))),
            R"({"id":"shop:0-00000000016ea5f0:1","source":"shop","op":"message",)"
            R"("message":{"prefix":"audit","transactional":true,"content":"user=17"},)"
            R"("position":{"commit_lsn":"0/16EA5F0","lsn":"0/16EA5A8"},"tx":{"id":"560","ordinal":1,"total":1},)"
            R"("commit_ts":"2026-03-04T05:11:00.250000Z"})");
  At(PositionKind::kPgMessage, 0x16EA010, 0, 0, 0);
  EXPECT_EQ(Event(Other(Op::kMessage, Encode(MessageExtra{false, "b", "\xFB\xFF"}))),
            R"({"id":"shop:0-m00000000016ea010:0","source":"shop","op":"message",)"
            R"("message":{"prefix":"b","transactional":false,"content_base64":"+/8="},)"
            R"("position":{"lsn":"0/16EA010"},"commit_ts":"2026-03-04T05:11:00.250000Z"})");
}

TEST_F(NativeEvent, SchemaListsTheColumns) {
  At(PositionKind::kSchema, 0, 4, 3, 0);
  sample_.tx.consistent_at = 0x16E9000;
  sample_.tx.commit_us = Unix(3, 4, 5, 5, 58, 0);
  EXPECT_EQ(
      Event(Other(Op::kSchema, "")),
      R"({"id":"shop:0-v4-3:0","source":"shop","stream":"public.orders","op":"schema",)"
      R"("columns":[{"name":"id","type":"bigint","nullable":false,"key":1},{"name":"customer","type":"text","nullable":false},)"
      R"x({"name":"total","type":"numeric(10,2)","nullable":true},{"name":"placed_at","type":"timestamptz","nullable":false},)x"
      R"({"name":"tags","type":"text[]","nullable":false},{"name":"meta","type":"jsonb","nullable":true},)"
      R"({"name":"notes","type":"text","nullable":true}],)"
      R"("position":{"lsn":"0/16E9000"},"commit_ts":"2026-03-04T05:05:58.000000Z","schema":3})");
}

// Of a database and of a dropped table nothing but the statement is known.
TEST_F(NativeEvent, StatementsThatChangeASchemaHaveTheirText) {
  const std::string alter =
      Event(Other(Op::kSchema, Encode(SchemaExtra{SchemaExtra::Kind::kAlter, false, "d", "t", "ALTER \"t\""})));
  EXPECT_NE(alter.find(R"("nullable":true}],"ddl":"ALTER \"t\"","position")"), std::string::npos) << alter;
  const std::string drop =
      Event(Other(Op::kSchema, Encode(SchemaExtra{SchemaExtra::Kind::kDrop, false, "d", "t", "DROP"})));
  EXPECT_NE(drop.find(R"("op":"schema","ddl":"DROP","position")"), std::string::npos) << drop;
  sample_.event.schema = nullptr;
  sample_.change.stream = 0;
  const std::string database =
      Event(Other(Op::kSchema, Encode(SchemaExtra{SchemaExtra::Kind::kDatabase, false, "d", "", "CREATE"})));
  EXPECT_NE(database.find(R"("source":"shop","op":"schema","ddl":"CREATE","position")"), std::string::npos) << database;
}

TEST_F(NativeEvent, SnapshotMarkersStartAndComplete) {
  At(PositionKind::kChunk, 1, 4, 18, 0);
  sample_.tx.consistent_at = 0x16E9000;
  sample_.tx.commit_us = Unix(3, 4, 5, 6, 0, 0);
  EXPECT_EQ(Event(Other(Op::kSnapshot, Encode(SnapshotExtra{true, 40961}))),
            R"({"id":"shop:0-s1-4-18:0","source":"shop","stream":"public.orders","op":"snapshot",)"
            R"("snapshot":{"run":1,"phase":"completed","rows":40961},"position":{"lsn":"0/16E9000"},)"
            R"("commit_ts":"2026-03-04T05:06:00.000000Z","schema":3})");
  At(PositionKind::kChunk, 1, 4, 0, 0);
  sample_.event.schema = nullptr;
  sample_.event.schema_version = 0;
  sample_.event.stream_schema = "public";
  sample_.event.stream_table = "odd.name";
  EXPECT_EQ(
      Event(Other(Op::kSnapshot, Encode(SnapshotExtra{false, 0}))),
      R"({"id":"shop:0-s1-4-0:0","source":"shop","stream":"public.\"odd.name\"","op":"snapshot",)"
      R"("snapshot":{"run":1,"phase":"started"},"position":{"lsn":"0/16E9000"},"commit_ts":"2026-03-04T05:06:00.000000Z"})");
}

TEST_F(NativeEvent, GapDeclaresWhatIsLostAndWhatIsDone) {
  At(PositionKind::kGap, 0x1A00000, 0, 0, 0);
  sample_.tx.epoch = 1;
  sample_.tx.commit_us = Unix(3, 4, 6, 0, 0, 0);
  sample_.event.schema = nullptr;
  sample_.event.schema_version = 0;
  EXPECT_EQ(
      Event(Other(Op::kGap, Encode(GapExtra{"slot_recreated", 0x16EA5F0, 0x1A00000, {"public.orders"}, "resync"}))),
      R"({"id":"shop:1-gap:0","source":"shop","op":"gap",)"
      R"("gap":{"reason":"slot_recreated","from":{"commit_lsn":"0/16EA5F0"},"to":{"lsn":"0/1A00000"},"streams":["public.orders"],)"
      R"("action":"resync"},"position":{"lsn":"0/1A00000"},"commit_ts":"2026-03-04T06:00:00.000000Z"})");
}

class NativeKeys : public ::testing::Test {
 protected:
  NativeKeys() {
    table_.Add("v", Type(K::kText, "text"));
    table_.Add("big", Type(K::kText, "text"));
  }
  std::string Update(const std::vector<std::string>& before, const std::vector<std::string>& after) {
    const std::string json = Event(sample_.Change(Op::kUpdate, before.empty() ? nullptr : &before, &after));
    return json.substr(0, json.find(",\"position\"")).substr(json.find("\"key\""));
  }
  Table table_;
  Sample sample_{table_.schema};
};

TEST_F(NativeKeys, PreviousKeyIsThereOnlyIfTheUpdateChangedTheKey) {
  EXPECT_EQ(Update({Int(7), Absent(), Absent()}, {Int(8), Text("a"), Null()}),
            R"("key":{"id":8},"previous_key":{"id":7},"before":{"id":7},"after":{"id":8,"v":"a","big":null})");
  EXPECT_EQ(Update({Int(8), Text("b"), Null()}, {Int(8), Text("a"), Null()}),
            R"("key":{"id":8},"before":{"id":8,"v":"b","big":null},"after":{"id":8,"v":"a","big":null})");
}

TEST_F(NativeKeys, NP53UnchangedToastComesFromTheOldRowUnderFull) {
  EXPECT_EQ(Update({Int(8), Text("b"), Text("huge")}, {Int(8), Text("a"), Absent()}),
            R"("key":{"id":8},"before":{"id":8,"v":"b","big":"huge"},"after":{"id":8,"v":"a","big":"huge"})");
}

TEST_F(NativeKeys, AKeyIsNeverGuessed) {
  table_.schema.columns[1].key_position = 2;  // the old row does not have it
  const std::vector<std::string> row = {Int(8), Absent(), Absent()};
  EXPECT_EQ(Event(sample_.Change(Op::kDelete, &row, nullptr)).find("\"key\""), std::string::npos);
  NativeEncoder encoder;
  std::string key;
  ASSERT_TRUE(encoder.AppendKeyJson(key, sample_.event).ok());
  EXPECT_EQ(key, "");
}

TEST_F(NativeKeys, KeyJsonIsTheKeyAloneInKeyOrder) {
  table_.schema.columns[1].key_position = 1;
  table_.schema.columns[0].key_position = 2;
  NativeEncoder encoder;
  const std::vector<std::string> before = {Int(7), Text("x"), Absent()};
  const std::vector<std::string> after = {Int(8), Text("x"), Null()};
  const EventContext event = sample_.Change(Op::kUpdate, &before, &after);
  std::string key;
  std::string previous;
  ASSERT_TRUE(encoder.AppendKeyJson(key, event).ok());
  ASSERT_TRUE(encoder.AppendKeyJson(previous, event, true).ok());
  EXPECT_EQ(key, R"({"v":"x","id":8})");
  EXPECT_EQ(previous, R"({"v":"x","id":7})");
}

TEST_F(NativeKeys, PG27UnderTheIdentityOfAnotherIndexItsColumnsAreTheKeyInEveryEvent) {
  table_.schema.replica_identity = 'i';
  table_.schema.columns[0].identity = false;
  table_.schema.columns[1].identity = true;
  const std::vector<std::string> row = {Int(8), Text("a"), Null()};
  const std::vector<std::string> old = {Absent(), Text("a"), Absent()};
  const auto has = [&](const EventContext& event) {
    return Event(event).find(R"(,"key":{"v":"a"},)") != std::string::npos;
  };
  EXPECT_TRUE(has(sample_.Change(Op::kRead, nullptr, &row)));
  EXPECT_TRUE(has(sample_.Change(Op::kInsert, nullptr, &row)));
  EXPECT_TRUE(has(sample_.Change(Op::kUpdate, nullptr, &row)));
  EXPECT_TRUE(has(sample_.Change(Op::kDelete, &old, nullptr)));
  EXPECT_EQ(Update(old, {Int(8), Text("b"), Null()}),
            R"("key":{"v":"b"},"previous_key":{"v":"a"},"before":{"v":"a"},"after":{"id":8,"v":"b","big":null})");
}

TEST_F(NativeKeys, ATableWithoutKeyHasNoKeyMember) {
  table_.schema.columns[0].key_position = 0;
  const std::vector<std::string> row = {Int(8), Text("a"), Null()};
  EXPECT_EQ(Event(sample_.Change(Op::kInsert, nullptr, &row)).find("\"key\""), std::string::npos);
}

TEST(NativeEncoding, NamesAreEscapedOncePerSchemaVersion) {
  Table first;
  first.Add("a\"b", Type(K::kText, "text"));
  Table second;
  second.Add("c", Type(K::kText, "text"));
  Sample one(first.schema);
  Sample two(second.schema);
  two.change.schema = 4;
  two.event.schema_version = 4;
  const std::vector<std::string> row = {Int(1), Text("x")};
  NativeEncoder encoder;
  std::string out;
  for (int i = 0; i < 2; ++i) {
    out.clear();
    ASSERT_TRUE(encoder.Append(out, one.Change(Op::kInsert, nullptr, &row)).ok());
    EXPECT_NE(out.find(R"("after":{"id":1,"a\"b":"x"})"), std::string::npos) << out;
    out.clear();
    ASSERT_TRUE(encoder.Append(out, two.Change(Op::kInsert, nullptr, &row)).ok());
    EXPECT_NE(out.find(R"("after":{"id":1,"c":"x"})"), std::string::npos) << out;
  }
}

TEST(NativeEncoding, I1SnapshotAndStreamGiveTheSameRowAndKey) {
  Table table;
  table.Add("v", Numeric(10, 2));
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(1), Decimal("1.10")};
  const auto rows = [](const std::string& json) {
    return json.substr(json.find("\"key\""), json.find("}", json.find("\"after\"")) - json.find("\"key\""));
  };
  const std::string streamed = Event(sample.Change(Op::kInsert, nullptr, &row));
  sample.tx.position = {.kind = PositionKind::kChunk, .a = 1, .b = 4, .c = 1, .text = {}};
  const std::string read = Event(sample.Change(Op::kRead, nullptr, &row));
  EXPECT_EQ(rows(read), rows(streamed));
}

TEST(NativeEncoding, OriginAndUnknownTotalShowAsTheContractSays) {
  Table table;
  Sample sample(table.schema);
  sample.tx.origin = "node_a";
  sample.tx.total = 0;
  const std::vector<std::string> row = {Int(1)};
  const std::string json = Event(sample.Change(Op::kInsert, nullptr, &row));
  EXPECT_NE(json.find(R"("tx":{"id":"556","ordinal":1},"origin":"node_a","commit_ts")"), std::string::npos) << json;
}

TEST(NativeEncoding, StreamNamesQuoteWhatCouldBeMisread) {
  EXPECT_EQ(codec::StreamName("public", "orders"), "public.orders");
  EXPECT_EQ(codec::StreamName("a.b", "c\"d"), "\"a.b\".\"c\"\"d\"");
  EXPECT_EQ(codec::StreamName("", "readings"), "readings");
}

TEST(NativeEncoding, BadInputLeavesTheBufferAsItWas) {
  Table table;
  table.Add("v", Type(K::kText, "text"));
  Sample sample(table.schema);
  NativeEncoder encoder;
  std::string out = "kept";
  const std::vector<std::string> short_row = {Int(1)};
  const std::vector<std::string> broken = {Int(1), std::string("\x08\x7F", 2)};
  for (const auto* row : {&short_row, &broken}) {
    const Status status = encoder.Append(out, sample.Change(Op::kInsert, nullptr, row));
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
    EXPECT_EQ(out, "kept");
  }
  sample.change.extra = "xx";
  EXPECT_FALSE(encoder.Append(out, sample.Change(Op::kTruncate, nullptr, nullptr)).ok());
  sample.event.schema = nullptr;
  const std::vector<std::string> row = {Int(1), Text("x")};
  const Status status = encoder.Append(out, sample.Change(Op::kInsert, nullptr, &row));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(out, "kept");
}

TEST(NativeEncoding, OptionsSayWhatTheyTake) {
  NativeOptions options;
  EXPECT_TRUE(*SetOption(options, "decimal", "number"));
  EXPECT_EQ(options.decimal, NativeOptions::Decimals::kNumber);
  EXPECT_FALSE(*SetOption(options, "decimals", "number"));
  const auto bad = SetOption(options, "json", "yes");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().what, "option 'json' has no value 'yes'; use embed or text");
}

}  // namespace
}  // namespace headgate::testing
