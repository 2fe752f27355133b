// Rows of every type that the golden model has, through formats with a schema and back; and such rows damaged.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/codec/avro_decoder.h"
#include "core/codec/avro_encoder.h"
#include "core/codec/avro_schema.h"
#include "core/codec/proto_decoder.h"
#include "core/codec/proto_derived.h"
#include "core/codec/proto_encoder.h"
#include "tests/unit/codec/golden_model.h"
#include "tests/unit/codec/told.h"

namespace headgate::testing {
namespace {

using codec::EventContext;

const GoldenModel& FormatModel() {
  static const GoldenModel model(std::filesystem::path(HG_GOLDEN_DIR) / "model.jsonl");
  return model;
}

// Calls f(event) for each row of the snapshot.
template <class F>
void ForEachRow(F f) {
  ASSERT_EQ(FormatModel().error(), "");
  FormatModel().Snapshot([](const std::string&) { return true; }, f);
}

// `decode` reads a value that was written; what is refused names its column.
struct Tally {
  int written = 0;
  int refused = 0;
  std::set<std::string> reasons;

  void Refused(const Status& status, const EventContext& event) {
    ++refused;
    EXPECT_EQ(status.error().kind, ErrorKind::kRejected) << status.error().what;
    EXPECT_TRUE(status.error().what.starts_with("column ")) << status.error().what;
    EXPECT_NE(status.error().what.find(event.schema->table), std::string::npos) << status.error().what;
    reasons.insert(status.error().what.substr(status.error().what.find(": ") + 2));
  }
};

TEST(FormatRows, EveryTypeIsWrittenInAvroAndReadBackOrRefusedWithItsColumn) {
  codec::AvroEncoder encoder({}, true, nullptr);
  Tally tally;
  ForEachRow([&](const EventContext& event) {
    codec::RecordList records;
    const Status status = encoder.Encode(event, "t", records);
    if (!status.ok()) return tally.Refused(status, event);
    ++tally.written;
    auto decoder = codec::MakeAvroDecoder(Paths({"value"}), encoder.ValueSchema(event));
    ASSERT_TRUE(decoder.ok()) << decoder.error().what;
    std::vector<Value> values;
    const Status read = (*decoder)->Decode(records[0].value, values);
    EXPECT_TRUE(read.ok()) << event.schema->table << ": " << read.error().what;
  });
  EXPECT_GT(tally.written, 100);
  EXPECT_GT(tally.refused, 0);
  EXPECT_LT(tally.reasons.size(), 8U);
  for (const std::string& reason : tally.reasons) EXPECT_EQ(reason.find("stored"), std::string::npos) << reason;
}

TEST(FormatRows, EveryTypeIsWrittenInProtobufAndReadBackOrRefusedWithItsColumn) {
  auto encoder = codec::ProtobufEncoder::Make({}, nullptr);
  Tally tally;
  ForEachRow([&](const EventContext& event) {
    codec::RecordList records;
    const Status status = (*encoder)->Encode(event, "t", records);
    if (!status.ok()) return tally.Refused(status, event);
    ++tally.written;
    const std::string schema = codec::ProtoTextOf(*event.schema, event.source_name, event.schema->EventKey());
    auto decoder = codec::MakeProtobufDecoder(Paths({"value"}), "Value", schema);
    ASSERT_TRUE(decoder.ok()) << decoder.error().what;
    std::vector<Value> values;
    const Status read = (*decoder)->Decode(records[0].value, values);
    EXPECT_TRUE(read.ok()) << event.schema->table << ": " << read.error().what;
    EXPECT_EQ(values[0].kind, ValueKind::kJson) << event.schema->table;
  });
  EXPECT_GT(tally.written, 100);
  EXPECT_GT(tally.refused, 0);
  EXPECT_LT(tally.reasons.size(), 8U);
  for (const std::string& reason : tally.reasons) EXPECT_EQ(reason.find("stored"), std::string::npos) << reason;
}

TEST(FormatRows, DamagedRowsAreRefusedOrWrittenNeverReadPastTheirEnd) {
  codec::AvroEncoder avro({.envelope = codec::AvroEnvelope::kNative, .subjects = {}}, true, nullptr);
  auto protobuf = codec::ProtobufEncoder::Make({}, nullptr);
  std::mt19937 random(20261128);
  int refused = 0;
  ForEachRow([&](const EventContext& event) {
    if (event.change->after.size() > 10'000) return;
    for (int round = 0; round < 20; ++round) {
      std::string bytes(event.change->after);
      for (int n = 1 + static_cast<int>(random() % 3); n > 0 && !bytes.empty(); --n) {
        const std::size_t at = random() % bytes.size();
        random() % 2 == 0 ? bytes.replace(at, 1, 1, static_cast<char>(random())) : bytes.erase(at, 1 + random() % 4);
      }
      Change change = *event.change;
      change.after = bytes;
      EventContext damaged = event;
      damaged.change = &change;
      for (codec::RecordEncoder* encoder :
           {static_cast<codec::RecordEncoder*>(&avro), static_cast<codec::RecordEncoder*>(protobuf->get())}) {
        codec::RecordList records;
        const Status status = encoder->Encode(damaged, "t", records);
        EXPECT_EQ(status.ok(), !records.empty());
        refused += status.ok() ? 0 : 1;
      }
    }
  });
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace headgate::testing
