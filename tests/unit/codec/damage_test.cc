#include <gtest/gtest.h>

#include <random>

#include "core/codec/geometry.h"
#include "core/codec/json_text.h"
#include "core/codec/pg_text.h"
#include "tests/unit/codec/golden_model.h"
#include "tests/unit/codec/sample.h"

// Stored bytes and server texts that are not what they claim: an error or a text, never a crash (run it under asan).
namespace headgate::testing {
namespace {

std::string Damaged(std::string bytes, std::mt19937& random) {
  for (int n = 1 + static_cast<int>(random() % 3); n > 0 && !bytes.empty(); --n) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 3) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + random() % 4);
        break;
      default:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
    }
  }
  return bytes;
}

TEST(Damage, RowsOfEveryTypeAreRefusedOrRenderedNeverReadPastTheirEnd) {
  const GoldenModel model(std::filesystem::path(HG_GOLDEN_DIR) / "model.jsonl");
  ASSERT_EQ(model.error(), "");
  std::mt19937 random(20260304);
  codec::NativeEncoder native;
  codec::DebeziumEncoder debezium(With({{"include.unknown.datatypes", "true"}, {"time.precision.mode", "structured"}}));
  int refused = 0;
  int rendered = 0;
  const auto small = [](const std::string& table) { return table.find("_toast_") == std::string::npos; };
  model.Snapshot(small, [&](const codec::EventContext& event) {
    for (int round = 0; round < 60; ++round) {
      const std::string bytes = Damaged(std::string(event.change->after), random);
      Change change = *event.change;
      change.after = bytes;
      codec::EventContext damaged = event;
      damaged.change = &change;
      std::string out;
      codec::RecordList list;
      const bool good = native.Append(out, damaged).ok();
      EXPECT_EQ(good, !out.empty());
      (void)debezium.Render(damaged, list).ok();
      ++(good ? rendered : refused);
    }
  });
  EXPECT_GT(refused, 1000);
  EXPECT_GT(rendered, 1000);
}

// As deep as 64 KiB of damage can nest: a rendering goes no deeper than the type does.
TEST(Damage, ValuesNestedDeeperThanTheirTypeAreRefused) {
  for (const bool array : {true, false}) {
    std::string value = Null();
    while (value.size() < 64 * 1024) {
      std::string payload;
      if (array) PutArrayHeader(payload, {{1, 1}});
      payload += value;
      value.clear();
      PutBlob(value, array ? ValueKind::kArray : ValueKind::kComposite, payload);
    }
    const DataType unknown = Type(TypeKind::kUnknown, "odd");
    DataType pair = Type(TypeKind::kComposite, "pair");
    pair.children = {Type(TypeKind::kText, "text")};
    pair.field_names = {"a"};
    for (const DataType& type : {unknown, ArrayOf(unknown), pair, ArrayOf(pair)}) {
      EXPECT_EQ(NativeOf(type, value).substr(0, 8), "corrupt:") << type.base;
      const std::string upstream = DebeziumOf(type, value, With({{"include.unknown.datatypes", "true"}}));
      EXPECT_LT(upstream.size(), 500U) << type.base;
    }
  }
}

TEST(Damage, TextsOfStructuredTypesAreRefusedOrRead) {
  std::mt19937 random(7);
  const std::string json = R"({"a":[1,2.5e3,"x\u00e9\n",null,true,{"b":{}}],"c":""})";
  const std::string geometry =
      "0106000020E6100000010000000103000000010000000400000000000000000000000000000000000000000000000000F03F00000000"
      "0000000000000000000000000000000000000000F03F00000000000000000000000000000000";
  for (int i = 0; i < 20000; ++i) {
    std::string out;
    const std::string text = Damaged(json, random);
    const bool compact = codec::AppendCompactJson(out, text);
    EXPECT_EQ(compact, !out.empty());
    out.clear();
    (void)codec::AppendGeoJson(out, Damaged(geometry, random));
    (void)codec::AppendWkbObject(out, Damaged(geometry, random));
    std::vector<codec::HstoreEntry> entries;
    (void)codec::ParseHstore(Damaged(R"("a"=>"1", "b"=>NULL, "c\"d"=>"e\\f")", random), entries);
    codec::SparseVector vector;
    (void)codec::ParseSparseVector(Damaged("{1:201,9:209.5}/3000", random), vector);
    codec::AppendJsonString(out, Damaged("a\xF0\x9F\x98\x80 b\xC3\xBC", random));
  }
}

}  // namespace
}  // namespace headgate::testing
