#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/integration/golden/golden_fixture.h"
#include "tests/support/golden_sets.h"

// From SQL to JSON: the golden statements run against a real server, through the PostgreSQL source and the log, and
// what the `debezium` rendering makes of the log is compared byte by byte with what upstream wrote.
namespace headgate::test {
namespace {

using Json = nlohmann::json;
using headgate::testing::GoldenRecord;
using headgate::testing::GoldenRendering;
using headgate::testing::Joined;
using Phase = GoldenRun::Phase;

class GoldenServer : public GoldenTest {
 protected:
  std::vector<GoldenRecord> Render(GoldenRendering& set, Phase phase, bool roots) {
    std::vector<GoldenRecord> records;
    const auto captured = [&](const std::string& table) {
      return table.starts_with("g.") && set.Captures(table.substr(2));
    };
    const Status done = run_->Replay(phase, roots, captured, [&](const codec::EventContext& event) {
      const Status rendered = set.Append(event, records);
      EXPECT_TRUE(rendered.ok()) << rendered.error().what;
    });
    EXPECT_TRUE(done.ok()) << done.error().what;
    return records;
  }

  static void Expect(const std::vector<std::string>& differences) {
    for (std::size_t i = 0; i < std::min<std::size_t>(differences.size(), 20); ++i)
      ADD_FAILURE() << differences[i].substr(0, 3000);
    EXPECT_EQ(differences.size(), 0U);
  }

  void ExpectSet(const std::string& name) {
    SCOPED_TRACE(name);
    const bool roots = name == "partition_root";
    auto set = GoldenRendering::Of(kGoldenRoot, name);
    ASSERT_TRUE(set.ok()) << set.error().what;
    const auto ignored = Joined(headgate::testing::GoldenDefects(), run_->LeftOutTopics());
    {
      SCOPED_TRACE("snapshot");
      auto records = Render(*set, Phase::kSnapshot, roots);
      EXPECT_FALSE(records.empty());
      ExpectTimes(records, true);
      set->LeaveOutLargeRows(records);
      Expect(headgate::testing::CompareSnapshot(records, set->set().snapshot,
                                                Joined(ignored, headgate::testing::GoldenSnapshotDefects())));
    }
    SCOPED_TRACE("stream");
    const auto records = Render(*set, Phase::kStream, roots);
    EXPECT_FALSE(records.empty());
    ExpectTimes(records, false);
    ExpectTransactionIds(records);
    Expect(headgate::testing::CompareStream(records, set->set().stream,
                                            Joined(ignored, headgate::testing::GoldenStreamDefects())));
  }

  // What the comparison neutralises and the README of the golden records wants checked apart.
  static void ExpectTimes(const std::vector<GoldenRecord>& records, bool snapshot);
  static void ExpectTransactionIds(const std::vector<GoldenRecord>& records);
};

void ExpectAgree(const Json& at, const GoldenRecord& record) {
  if (!at.contains("ts_us")) return;
  EXPECT_EQ(at["ts_us"].get<std::int64_t>() / 1000, at["ts_ms"].get<std::int64_t>()) << *record.value;
  EXPECT_EQ(at["ts_ns"].get<std::int64_t>(), at["ts_us"].get<std::int64_t>() * 1000) << *record.value;
}

void GoldenServer::ExpectTimes(const std::vector<GoldenRecord>& records, bool snapshot) {
  std::set<std::pair<std::int64_t, std::int64_t>> moments;
  std::set<Json> transactions;
  for (const GoldenRecord& record : records) {
    if (!record.value || record.topic.ends_with(".transaction")) continue;
    const Json value = Json::parse(*record.value);
    const Json& source = value["source"];
    ExpectAgree(value, record);
    ExpectAgree(source, record);
    moments.emplace(source["ts_ns"].get<std::int64_t>(), source["lsn"].get<std::int64_t>());
    transactions.insert(source["txId"]);
    if (snapshot) {
      EXPECT_TRUE(source["txId"].is_number()) << *record.value;
    }
  }
  if (!snapshot) return;
  EXPECT_EQ(moments.size(), 1U) << "rows of a snapshot share one source.ts_* and lsn";
  EXPECT_EQ(transactions.size(), 1U) << "rows of a snapshot share one txId";
}

// "<txid>:<lsn>": the first part is that of the source block, and one for BEGIN, events and END.
void GoldenServer::ExpectTransactionIds(const std::vector<GoldenRecord>& records) {
  const auto part = [](const Json& id) {
    const auto text = id.get<std::string>();
    return text.substr(0, text.find(':'));
  };
  std::optional<std::string> running;
  for (const GoldenRecord& record : records) {
    if (!record.value) continue;
    const Json value = Json::parse(*record.value);
    if (record.topic.ends_with(".transaction")) {
      EXPECT_EQ(Json::parse(*record.key)["id"], value["id"]);
      if (value["status"] == "BEGIN") {
        EXPECT_FALSE(running) << "a transaction begins inside of another: " << *record.value;
        running = part(value["id"]);
      } else {
        EXPECT_EQ(running, part(value["id"])) << *record.value;
        running.reset();
      }
    } else if (value["transaction"].is_object()) {
      EXPECT_EQ(running, part(value["transaction"]["id"])) << *record.value;
      EXPECT_EQ(running, value["source"]["txId"].dump()) << *record.value;
    } else {
      EXPECT_FALSE(running && value["source"]["txId"].is_number()) << *record.value;
    }
  }
  EXPECT_FALSE(running) << "the last transaction has no END";
}

TEST_F(GoldenServer, EveryOptionSetOfOneRunIsByteForByteWhatUpstreamWrote) {
  HG_GOLDEN_RUN();
  for (const std::string& name : headgate::testing::GoldenSetNames()) ExpectSet(name);
  ExpectSet("partition_root");
}

}  // namespace
}  // namespace headgate::test
