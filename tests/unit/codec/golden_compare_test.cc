#include "tests/support/golden_compare.h"

#include <gtest/gtest.h>

namespace headgate::testing {
namespace {

const std::filesystem::path kRoot = HG_GOLDEN_DIR;

GoldenRecord Rec(std::string topic, std::string value) {
  return {std::move(topic), "{\"id\":1}", std::move(value), {}};
}
std::string Norm(std::string value) { return *Normalized(Rec("srv.g.t", std::move(value))).value; }

TEST(GoldenCompare, NeutralisesWhatVariesAndNothingElse) {
  EXPECT_EQ(
      Norm(
          R"({"after":{"id":17},"source":{"version":"3.6.1","ts_ms":123,"snapshot":"first","sequence":"[\"12\",\"34\"]","ts_us":5,)"
          R"("ts_ns":6,"txId":77,"lsn":88},"op":"r","ts_ms":9})"),
      R"({"after":{"id":17},"source":{"version":"*","ts_ms":0,"snapshot":"first_in_data_collection","sequence":"[\"0\",\"0\"]","ts_us":0,)"
      R"("ts_ns":0,"txId":0,"lsn":0},"op":"r","ts_ms":0})");
  EXPECT_EQ(Norm(R"({"source":{"version":"x","sequence":"[null,\"34\"]","txId":null}})"),
            R"({"source":{"version":"*","sequence":"[null,\"0\"]","txId":null}})");
  EXPECT_EQ(Norm(R"({"ts_ms":1577836800000,"ts_us":1577836800000000})"),
            R"({"ts_ms":1577836800000,"ts_us":1577836800000000})");
}

TEST(GoldenCompare, TransactionIdsKeepWhetherTheirLsnIsZero) {
  EXPECT_EQ(Norm(R"({"transaction":{"id":"571:53195829","total_order":1}})"),
            R"({"transaction":{"id":"0:N","total_order":1}})");
  EXPECT_EQ(Norm(R"({"transaction":{"id":"571:0"}})"), R"({"transaction":{"id":"0:0"}})");
  EXPECT_EQ(Norm(R"({"after":{"id":"571"}})"), R"({"after":{"id":"571"}})");
}

TEST(GoldenCompare, CollectionsAreSortedAndPrintedObjectsNamed) {
  EXPECT_EQ(
      Norm(
          R"({"data_collections":[{"data_collection":"g.b","event_count":2},)"
          R"({"data_collection":"io.debezium.X$LogicalDecodingMessageId@450e3c96","event_count":1},{"data_collection":"g.a","event_count":3}]})"),
      R"({"data_collections":[LOGICAL_DECODING_MESSAGE=1,g.a=3,g.b=2]})");
}

TEST(GoldenCompare, ASetEqualsItselfAndShowsEveryChange) {
  for (const char* name : {"default", "tx_metadata", "time_structured"}) {
    const auto set = ReadGoldenSet(kRoot, name);
    ASSERT_TRUE(set.ok()) << set.error().what;
    EXPECT_FALSE(set->stream.empty());
    EXPECT_TRUE(CompareStream(set->stream, set->stream).empty());
    EXPECT_TRUE(CompareSnapshot(set->snapshot, set->snapshot).empty());

    auto changed = set->stream;
    std::size_t last = changed.size() - 1;
    while (changed[last].topic != "srv.g.zz_mark") --last;
    std::string& value = *changed[last].value;
    value.replace(value.find("\"end\""), 5, "\"enD\"");
    const auto differences = CompareStream(changed, set->stream);
    ASSERT_EQ(differences.size(), 1u);
    EXPECT_NE(differences[0].find("record " + std::to_string(last + 1) + "\n"), std::string::npos) << differences[0];
    changed = set->stream;
    changed.pop_back();
    EXPECT_EQ(CompareStream(changed, set->stream).size(), 1u);
    changed[0].headers["x"] = "1";
    changed[1].key = std::nullopt;
    EXPECT_EQ(CompareStream(changed, set->stream).size(), 3u);
  }
}

TEST(GoldenCompare, TheNewerVersionReplacesTheOlder) {
  const auto set = ReadGoldenSet(kRoot, "default");
  ASSERT_TRUE(set.ok());
  bool found = false;
  for (const GoldenRecord& r : set->stream) {
    if (r.topic != "srv.g.dp32_date_infinity") continue;
    found = found || r.value->find("\"v\":2146033979") != std::string::npos;
    EXPECT_EQ(r.value->find("-2147472692"), std::string::npos);
  }
  EXPECT_TRUE(found);
  EXPECT_TRUE(set->Captures("g.k_part_low"));
  EXPECT_TRUE(set->Captures("g.K Odd-name.é$1"));
  EXPECT_FALSE(set->Captures("g.k_part"));
}

TEST(GoldenCompare, ASnapshotIsComparedTableByTable) {
  const GoldenRecord a = Rec("a", R"({"source":{"version":"1","snapshot":"first"}})");
  const GoldenRecord b = Rec("b", R"({"source":{"version":"1","snapshot":"last"}})");
  const GoldenRecord late_a = Rec("a", R"({"source":{"version":"1","snapshot":"last"}})");
  EXPECT_TRUE(CompareSnapshot({a, b}, {b, late_a}).empty());
  EXPECT_EQ(CompareSnapshot({a}, {b, late_a}).size(), 1u);
  EXPECT_TRUE(CompareSnapshot({a}, {b, late_a}, {"b"}).empty());
}

TEST(GoldenCompare, AMissingSetIsAnErrorThatNamesTheFile) {
  const auto set = ReadGoldenSet(kRoot, "no_such_set");
  ASSERT_FALSE(set.ok());
  EXPECT_NE(set.error().what.find("no_such_set"), std::string::npos);
}

}  // namespace
}  // namespace headgate::testing
