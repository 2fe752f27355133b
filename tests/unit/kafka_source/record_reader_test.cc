#include "connectors/kafka/record_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/encoding.h"

namespace headgate::kafka::source {
namespace {

using testing::HasSubstr;

constexpr const char* kSensor =
    "syntax = \"proto3\"; message SensorData { int32 sensorID = 1; double temperature = 2; }";

// Reads records and shows the changes: "+ 7 43.5", "- 7 absent".
class Reading {
 public:
  explicit Reading(const std::string& columns, Options options = {}) {
    options.columns = columns;
    auto list = ColumnsOf(options);
    EXPECT_TRUE(list.ok());
    auto made = RecordReader::Make(options, *std::move(list), nullptr);
    if (made.ok()) {
      reader_ = *std::move(made);
      reader_->SetStream(1, 1);
    } else {
      error_ = made.error().what;
    }
  }
  const std::string& error() const { return error_; }

  std::string Read(std::optional<std::string> key, std::optional<std::string> value) {
    Transaction tx;
    const auto read = reader_->Read(key ? std::optional<std::string_view>(*key) : std::nullopt,
                                    value ? std::optional<std::string_view>(*value) : std::nullopt, 5, tx);
    if (!read.ok()) {
      EXPECT_EQ(read.error().kind, ErrorKind::kRejected);
      EXPECT_TRUE(tx.empty());
      return read.error().what;
    }
    EXPECT_EQ(tx.changes(), 1U);
    ChangeReader changes(tx.blocks().front().bytes, 1);
    Change change;
    EXPECT_TRUE(changes.Next(change));
    EXPECT_EQ(change.place, 5U);
    std::vector<Value> values;
    EXPECT_TRUE(ReadRow(change.has_after ? change.after : change.before, values).ok());
    std::string text = change.op == Op::kDelete ? "-" : "+";
    for (const Value& value_of : values) text += " " + Show(value_of);
    return text;
  }

 private:
  static std::string Show(const Value& value) {
    switch (value.kind) {
      case ValueKind::kNull:
        return "null";
      case ValueKind::kAbsent:
        return "absent";
      case ValueKind::kInt:
        return std::to_string(value.i);
      case ValueKind::kDouble:
        return std::to_string(value.d);
      case ValueKind::kBytes:
        return "x" + Hex(value.text);
      default:
        return std::string(value.text);
    }
  }

  std::unique_ptr<RecordReader> reader_;
  std::string error_;
};

FieldMap Fields(const std::string& text) {
  auto fields = codec::ParseFieldMap(text);
  EXPECT_TRUE(fields.ok());
  return *std::move(fields);
}

Options Protobuf() {
  Options options;
  options.value = {Format::kProtobuf, "SensorData", kSensor};
  options.fields = Fields("sensor_id=sensorID");
  return options;
}

TEST(KafkaRecords, HaveTheirBytesInOneMoreColumnIfTheyAreKept) {
  Options options;
  options.keep_raw = true;
  options.key_fields = Fields("id=key");
  Reading control("id int PRIMARY KEY, note text", options);
  EXPECT_EQ(control.Read({}, "{ \"id\":1}"), "+ 1 null x7b20226964223a317d") << "as they came, blanks too";
  EXPECT_EQ(control.Read("1", {}), "- 1 absent absent");
  Options protobuf = Protobuf();
  protobuf.keep_raw = true;
  Reading readings("sensor_id int", protobuf);
  EXPECT_EQ(readings.Read({}, std::string("\x08\x07", 2)), "+ 7 x0807");
  EXPECT_EQ(readings.Read({}, ""), "+ 0 x") << "empty bytes are bytes";
  EXPECT_EQ(readings.Read({}, {}), "+ null null");
  options = {};
  options.keep_raw = true;
  options.row_bytes_max = 20;
  Reading small("id int", options);
  EXPECT_THAT(small.Read({}, R"({"id":1,"more":"far too much"})"), HasSubstr("row_bytes_max"));
}

TEST(KafkaRecords, OfJsonGiveColumnsTheFieldsOfTheirNames) {
  Reading reading("id int NOT NULL, note text DEFAULT 'none'");
  EXPECT_EQ(reading.Read({}, R"({"note":"a","id":1,"other":{}})"), "+ 1 a");
  EXPECT_EQ(reading.Read({}, R"({"id":2})"), "+ 2 none");
  EXPECT_EQ(reading.Read({}, R"({"id":3,"note":null})"), "+ 3 null");
}

TEST(KafkaRecords, ThatAreNoRowsAreRejectedWithoutTheirValues) {
  Reading reading("id int NOT NULL, note text");
  EXPECT_THAT(reading.Read({}, "{\"id\":"), HasSubstr("JSON"));
  EXPECT_EQ(reading.Read({}, R"({"note":"a"})"),
            "column id: expected integer, got nothing, and the column is NOT NULL");
  EXPECT_EQ(reading.Read({}, R"({"id":"seven"})"), "column id: expected integer, got a text that is none");
  EXPECT_EQ(reading.Read({}, R"({"id":3000000000})"), "column id: expected integer, got a number out of range");
  EXPECT_EQ(reading.Read({}, R"({"id":1,"note":{"a":1}})"), "column note: expected text, got an object or an array");
  EXPECT_EQ(reading.Read("k", {}), "column id: expected integer, got null, and the column is NOT NULL");
}

TEST(KafkaRecords, WithoutAValueDeleteTheRowOfTheirKeyInAControlStream) {
  Options options;
  options.fields = Fields("id=key");
  Reading reading("id int PRIMARY KEY, note text NOT NULL", options);
  EXPECT_EQ(reading.Read("7", R"({"note":"a"})"), "+ 7 a");
  EXPECT_EQ(reading.Read("7", {}), "- 7 absent");
  EXPECT_EQ(reading.Read({}, {}), "column id: expected integer, got null, and the column is NOT NULL");
  EXPECT_EQ(reading.Read("seven", {}), "column id: expected integer, got bytes that is none");
}

TEST(KafkaRecords, TakeTheKeyOfADeletionFromWhereTheSettingsSay) {
  Options options;
  options.key.format = Format::kJson;
  options.key_fields = Fields("id=key.id");
  Reading reading("id int PRIMARY KEY, note text", options);
  EXPECT_EQ(reading.Read({}, R"({"id":7,"note":"a"})"), "+ 7 a");
  EXPECT_EQ(reading.Read(R"({"id":7})", {}), "- 7 absent");
  Reading without("id int PRIMARY KEY, note text");
  EXPECT_THAT(without.Read("7", {}), HasSubstr("no setting says where in the key id is"));
}

TEST(KafkaRecords, H15_H17_OfProtobufAreReadFromTheBytesOfTheOriginals) {
  Reading reading("sensor_id int NOT NULL, temperature float8 NOT NULL", Protobuf());
  EXPECT_EQ(reading.Read({}, *FromHex("08b960110000000000004540")), "+ 12345 42.000000");
  EXPECT_EQ(reading.Read({}, *FromHex("11000000000000e03f")), "+ 0 0.500000");
  EXPECT_EQ(reading.Read({}, *FromHex("08fbffffffffffffffff01110000000000004440")), "+ -5 40.000000");
  EXPECT_EQ(reading.Read({}, ""), "+ 0 0.000000");
}

TEST(KafkaRecords, H16_OfProtobufThatAreGarbageAreRejected) {
  Reading reading("sensor_id int NOT NULL, temperature float8 NOT NULL", Protobuf());
  EXPECT_FALSE(reading.Read({}, "\xff\xff").starts_with("+"));
  // The fields of another message: sensorID is a text there.
  EXPECT_FALSE(reading.Read({}, *FromHex("0a0161")).starts_with("+"));
}

TEST(KafkaRecords, ThatAreRawAreBytesOrTextOfOneColumn) {
  Options options;
  options.value.format = Format::kRaw;
  EXPECT_EQ(Reading("value bytea", options).Read({}, "\xff\x01"), "+ xff01");
  EXPECT_EQ(Reading("value text", options).Read({}, "a"), "+ a");
  EXPECT_EQ(Reading("value text", options).Read({}, {}), "+ null");
  EXPECT_THAT(Reading("value text", options).Read({}, "\xff"), HasSubstr("bytes that are no text in UTF-8"));
  EXPECT_EQ(Reading("value jsonb", options).Read({}, "{\"a\":1}"), "+ {\"a\": 1}");
  EXPECT_THAT(Reading("id int", options).error(), HasSubstr("has none: write column=value"));
}

}  // namespace
}  // namespace headgate::kafka::source
