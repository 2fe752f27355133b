// The records of a keyed topic in each format that asks no registry: golden files, and what they must not do.
#include "core/codec/record_encoder.h"

#include <gtest/gtest.h>

#include "tests/unit/codec/record_golden.h"

namespace headgate::testing {
namespace {

using codec::MakeRecordEncoder;
using codec::RecordFormat;
using codec::RecordList;
using codec::RecordOptions;

std::unique_ptr<codec::RecordEncoder> EncoderOf(std::string_view format, bool tombstones = true) {
  RecordOptions options;
  EXPECT_TRUE(codec::ParseRecordFormat(format, options.format)) << format;
  options.tombstones = tombstones;
  options.debezium.version = "3.7.0";
  auto encoder = MakeRecordEncoder(options);
  EXPECT_TRUE(encoder.ok());
  return std::move(*encoder);
}

TEST(RecordEncoder, EveryFormatMakesTheRecordsOfItsGoldenFile) {
  for (const char* format : {"native", "debezium", "row", "cloudevents", "cloudevents-binary"})
    ExpectGolden(std::string(format) + ".txt", RecordLines(*EncoderOf(format)));
}

TEST(RecordEncoder, AFormatOfAnotherNameIsNone) {
  RecordFormat format = RecordFormat::kRow;
  for (const char* name : {"", "Native", "json", "avro2"}) EXPECT_FALSE(codec::ParseRecordFormat(name, format));
  EXPECT_EQ(format, RecordFormat::kRow);
}

TEST(RecordEncoder, WithoutTombstonesAChangeIsOneRecord) {
  RecordSamples samples;
  for (const char* format : {"native", "cloudevents", "cloudevents-binary"}) {
    const auto encoder = EncoderOf(format, false);
    samples.ForEach([&](const char* name, const codec::EventContext& event) {
      RecordList records;
      ASSERT_TRUE(encoder->Encode(event, "t", records).ok());
      ASSERT_EQ(records.size(), 1U) << format << " " << name;
      EXPECT_TRUE(records[0].has_value);
    });
  }
}

TEST(RecordEncoder, InFormatRowADeleteWithoutKeyIsALetterNotARecordWithoutAnything) {
  Table table;
  table.schema.columns[0].key_position = 0;
  table.schema.columns[0].identity = false;
  Sample sample(table.schema);
  const std::vector<std::string> row = {Int(7)};
  const auto encoder = EncoderOf("row");
  RecordList records;
  const Status status = encoder->Encode(sample.Change(Op::kDelete, &row, nullptr), "t", records);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kRejected);
  EXPECT_NE(status.error().what.find("primary key"), std::string::npos) << status.error().what;
  EXPECT_TRUE(records.empty());
  ASSERT_TRUE(encoder->Encode(sample.Change(Op::kInsert, nullptr, &row), "t", records).ok());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_FALSE(records[0].has_key);
  EXPECT_EQ(records[0].value, R"({"id":7})");
}

TEST(RecordEncoder, ADamagedRowIsAnErrorAndLeavesTheRecordsBeforeIt) {
  RecordSamples samples;
  for (const char* format : {"native", "debezium", "row", "cloudevents", "cloudevents-binary"}) {
    const auto encoder = EncoderOf(format);
    RecordList records;
    ASSERT_TRUE(encoder->Encode(samples.Make("insert"), "t", records).ok());
    const std::size_t before = records.size();
    codec::EventContext event = samples.Make("insert");
    Change change = *event.change;
    change.after.remove_suffix(1);
    event.change = &change;
    const Status status = encoder->Encode(event, "t", records);
    ASSERT_FALSE(status.ok()) << format;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt) << format;
    EXPECT_EQ(records.size(), before) << format;
  }
}

}  // namespace
}  // namespace headgate::testing
