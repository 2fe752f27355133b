#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/integration/golden/golden_replay.h"
#include "tests/integration/golden/my_golden_run.h"
#include "tests/support/golden_sets.h"
#include "tests/support/require.h"

// The golden statements of MySQL and MariaDB run against a real server, through the source and the log, and what the
// `debezium` rendering makes of the log is compared byte by byte with what upstream wrote.
namespace headgate::test {
namespace {

using headgate::testing::GoldenRecord;
using headgate::testing::GoldenRendering;
using Json = nlohmann::json;

bool IsStatus(const GoldenRecord& record, std::string_view status) {
  return record.topic.ends_with(".transaction") && record.value &&
         record.value->starts_with("{\"status\":\"" + std::string(status));
}

// Upstream begins and ends transactions in which nothing was captured, and gets those of TRUNCATE and XA wrong.
std::vector<GoldenRecord> WithoutOddTransactions(const std::vector<GoldenRecord>& records) {
  std::vector<GoldenRecord> kept;
  for (const GoldenRecord& record : records) {
    const bool xa = record.key == "{\"id\":20}";
    if (xa || record.topic == "gold.g.truncate_me") continue;
    const bool last_begins = !kept.empty() && IsStatus(kept.back(), "BEGIN");
    if (last_begins && record.topic.ends_with(".transaction")) {
      kept.pop_back();
      if (IsStatus(record, "END")) continue;
    }
    kept.push_back(record);
  }
  return kept;
}

// schema_changes tells of every table of a captured database, the other set of captured tables.
GoldenStatements StatementsOf(const std::string& set) {
  return set == "schema_changes"            ? GoldenStatements::kAll
         : set == "schema_changes_comments" ? GoldenStatements::kCaptured
                                            : GoldenStatements::kNone;
}

class MysqlGolden : public ::testing::TestWithParam<MyServer> {
 protected:
  // What the rendering under the options of a set makes of a phase of the run, of the tables of the set.
  static std::vector<GoldenRecord> RenderedBy(GoldenRendering& set, const MyGoldenRun& run, const std::string& name,
                                              GoldenPhase phase) {
    std::vector<GoldenRecord> records;
    const auto captured = [&](const std::string& table) {
      return table.starts_with("g.") && set.Captures(table.substr(2));
    };
    const auto see = [&](codec::EventContext event) {
      Change change = *event.change;
      if (name != "include_query" && change.op != Op::kTruncate && change.op != Op::kSchema) change.extra = {};
      event.change = &change;
      const Status rendered = set.Append(event, records);
      const bool may_park = name == "time_nanoseconds";
      if (!rendered.ok() && !may_park) ADD_FAILURE() << rendered.error().what;
    };
    const Status done = ReplayGolden(run.log(), run.source(), "gold", phase, captured, see, StatementsOf(name));
    EXPECT_TRUE(done.ok()) << done.error().what;
    EXPECT_FALSE(records.empty());
    // Upstream leaves out what names no table if it keeps the statements of captured tables alone.
    if (name == "schema_changes_comments") headgate::testing::LeaveOutStatementsOfNoTable(records);
    return records;
  }

  static void ExpectNone(const std::vector<std::string>& differences) {
    for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 40); ++i)
      ADD_FAILURE() << differences[i].substr(0, 20000);
    EXPECT_EQ(differences.size(), 0U);
  }

  // The records of the stream that upstream does not have, in their order, if `more` tells which these are.
  using More = std::function<bool(const GoldenRecord&)>;
  static std::vector<GoldenRecord> ExpectSet(const MyGoldenRun& run, const std::string& name, const More& more = {}) {
    SCOPED_TRACE(name);
    auto set = GoldenRendering::Of(run.root(), name);
    EXPECT_TRUE(set.ok()) << set.error().what;
    if (!set.ok()) return {};
    std::vector<GoldenRecord> beyond;
    for (const GoldenPhase phase : {GoldenPhase::kSnapshot, GoldenPhase::kStream}) {
      const bool snapshot = phase == GoldenPhase::kSnapshot;
      SCOPED_TRACE(snapshot ? "snapshot" : "stream");
      const auto all = RenderedBy(*set, run, name, phase);
      std::vector<GoldenRecord> records;
      for (const GoldenRecord& record : all) (!snapshot && more && more(record) ? beyond : records).push_back(record);
      const auto ignored = headgate::testing::MysqlDefects(NameOf(GetParam()), name, snapshot);
      const bool odd = name == "tx_metadata" && !snapshot;
      auto expected = snapshot ? set->set().snapshot : set->set().stream;
      if (snapshot) headgate::testing::AlignSchemaChanges(records, expected);
      const auto wanted = odd ? WithoutOddTransactions(expected) : expected;
      const auto rendered = odd ? WithoutOddTransactions(records) : records;
      ExpectNone(snapshot ? CompareSnapshot(rendered, wanted, ignored) : CompareStream(rendered, wanted, ignored));
    }
    return beyond;
  }
};

TEST_P(MysqlGolden, EveryOptionSetOfOneRunIsByteForByteWhatUpstreamWrote) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto run, MyGoldenRun::Make(GetParam()));
  for (const std::string& name : headgate::testing::MysqlSetNames(NameOf(GetParam()))) ExpectSet(*run, name);
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlGolden, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

// What only MySQL has, or only its records show.
class MysqlAloneGolden : public MysqlGolden {};

TEST_P(MysqlAloneGolden, ColumnsThatNoblobLeavesOutAreThePlaceholder) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto run,
                 MyGoldenRun::Make(GetParam(), {"changes-noblob.sql", {"binlog-row-image=NOBLOB"}}));
  for (const char* name : {"next_noblob", "next_noblob_hex", "next_noblob_placeholder"}) ExpectSet(*run, name);
}

TEST_P(MysqlAloneGolden, TaggedGtidsAreThoseOfTheServer) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto run, MyGoldenRun::Make(GetParam(), {"changes-tagged_gtid.sql"}));
  ExpectSet(*run, "tagged_gtid");
  // The comparison takes any GTID for any other.
  auto set = GoldenRendering::Of(run->root(), "tagged_gtid");
  ASSERT_TRUE(set.ok()) << set.error().what;
  const auto records = RenderedBy(*set, *run, "tagged_gtid", GoldenPhase::kStream);
  const auto uuid = run->server().Value("SELECT @@server_uuid");
  ASSERT_TRUE(uuid.ok()) << uuid.error().what;
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(Json::parse(*records[1].value)["source"]["gtid"], *uuid + ":tag_one:1");
  const std::string before = Json::parse(*records[0].value)["source"]["gtid"];
  const std::string after = Json::parse(*records[2].value)["source"]["gtid"];
  EXPECT_EQ(std::stoull(after.substr(after.rfind(':') + 1)), std::stoull(before.substr(before.rfind(':') + 1)) + 1);
}

// DM44: upstream loses the updates without a word.
TEST_P(MysqlAloneGolden, PartialUpdatesOfJsonGiveTheWholeDocument) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto run, MyGoldenRun::Make(GetParam(), {"changes-partial_json.sql"}));
  const auto updates = ExpectSet(*run, "partial_json", [](const GoldenRecord& record) {
    return record.value && record.value->find("\"op\":\"u\"") != std::string::npos;
  });
  const std::string whole = R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7})";
  const std::string without_c = R"({"a":1,"b":2,"d":4,"e":5,"f":6,"g":7})";
  const std::string with_seven = R"({"a":7,"b":2,"d":4,"e":5,"f":6,"g":7})";
  const std::vector<std::array<std::string, 3>> wanted = {
      {R"({"id":2})", whole, without_c}, {R"({"id":2})", without_c, with_seven}, {R"({"id":1})", whole, without_c}};
  ASSERT_EQ(updates.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(updates[i].key, wanted[i][0]);
    const Json value = Json::parse(*updates[i].value);
    EXPECT_EQ(value["before"]["j"], wanted[i][1]);
    EXPECT_EQ(value["after"]["j"], wanted[i][2]);
  }
  for (const auto& [id, document] : {std::pair("1", without_c), std::pair("2", with_seven)}) {
    const auto shown = run->server().Value(std::string("SELECT j FROM g.dm44_json_update WHERE id=") + id);
    ASSERT_TRUE(shown.ok()) << shown.error().what;
    EXPECT_EQ(Json::parse(*shown), Json::parse(document));
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlAloneGolden, ::testing::Values(MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
