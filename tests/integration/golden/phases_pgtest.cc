#include <gtest/gtest.h>

#include "core/codec/debezium.h"
#include "core/codec/native.h"
#include "tests/integration/golden/golden_fixture.h"
#include "tests/integration/golden/json_members.h"
#include "tests/support/golden_script.h"

// Snapshot and stream of the same values, side by side.
namespace headgate::test {
namespace {

using headgate::testing::Statements;
using headgate::testing::TableOfStatement;
using Phase = GoldenRun::Phase;

class GoldenPhases : public GoldenTest {
 protected:
  struct Event {
    std::string table;  // schema.table
    Op op;
    std::string json;
  };
  // All events of a phase in the `native` rendering.
  std::vector<Event> Native(Phase phase, codec::NativeOptions options = {}) {
    codec::NativeEncoder encoder(options);
    std::vector<Event> events;
    Replay(phase, [&](const codec::EventContext& event) {
      Event& one = events.emplace_back();
      if (event.schema != nullptr) one.table = event.schema->schema + "." + event.schema->table;
      one.op = event.change->op;
      const Status status = encoder.Append(one.json, event);
      EXPECT_TRUE(status.ok()) << status.error().what;
    });
    return events;
  }
  // The bytes of `after` in both renderings, by table and id.
  std::map<std::string, std::string> Rows(Phase phase) {
    codec::NativeEncoder native;
    codec::DebeziumOptions options;
    options.unknown_types = true;
    options.nonfinite = codec::DebeziumOptions::NonFinite::kNull;
    codec::DebeziumEncoder debezium(options);
    codec::RecordList list;
    std::map<std::string, std::string> rows;
    Replay(phase, [&](const codec::EventContext& event) {
      if (event.change->op != Op::kRead && event.change->op != Op::kInsert) return;
      std::string json;
      const Status status = native.Append(json, event);
      ASSERT_TRUE(status.ok()) << status.error().what;
      const std::string after = Member(json, "after");
      list.Clear();
      const Status rendered = debezium.Render(event, list);
      ASSERT_TRUE(rendered.ok()) << rendered.error().what;
      ASSERT_EQ(list.size(), 1U);
      const std::string row = Member(list[0].value, "after");
      rows[event.schema->schema + "." + event.schema->table + " " + std::string(Members(after)[0].second)] =
          WithoutFirst(after) + "\n" + WithoutFirst(row) + "\n" + Member(json, "json_null");
    });
    return rows;
  }

 private:
  void Replay(Phase phase, const GoldenRun::See& see) {
    const Status done = run_->Replay(
        phase, false, [](const std::string&) { return true; }, see);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  static std::string WithoutFirst(const std::string& object) {
    std::string rest;
    const auto members = Members(object);
    for (std::size_t i = 1; i < members.size(); ++i)
      rest.append(members[i].first).append(":").append(members[i].second).append(" ");
    return rest;
  }
};

// An INSERT with an id in front: table, id and the text of everything else.
struct Insert {
  std::string table;
  std::string id;
  std::string values;
};
std::optional<Insert> ReadInsert(const std::string& statement) {
  static constexpr std::string_view kValues = " VALUES (";
  const std::size_t start = statement.find(kValues);
  const std::size_t comma = statement.find(',', start);
  if (!statement.starts_with("INSERT INTO") || start == std::string::npos || comma == std::string::npos) return {};
  const std::size_t id = start + kValues.size();
  return Insert{TableOfStatement(statement), statement.substr(id, comma - id), statement.substr(comma)};
}

TEST_F(GoldenPhases, I1_TheSameValuesAreTheSameBytesInSnapshotAndStream) {
  HG_GOLDEN_RUN();
  const auto snapshot = Rows(Phase::kSnapshot);
  const auto stream = Rows(Phase::kStream);
  std::map<std::pair<std::string, std::string>, std::string> first;  // by table and values
  for (const std::string& statement : Statements(kGoldenRoot / "rows.sql")) {
    if (const auto insert = ReadInsert(statement)) first[{insert->table, insert->values}] = insert->id;
  }
  std::set<std::string> tables;
  for (const std::string& statement : Statements(kGoldenRoot / "changes.sql")) {
    const auto insert = ReadInsert(statement);
    if (!insert || run_->left_out().contains(insert->table)) continue;
    const auto before = first.find({insert->table, insert->values});
    if (before == first.end()) continue;
    SCOPED_TRACE(statement.substr(0, 200));
    const std::string read = insert->table + " " + before->second;
    const std::string streamed = insert->table + " " + insert->id;
    ASSERT_TRUE(snapshot.contains(read)) << read;
    ASSERT_TRUE(stream.contains(streamed)) << streamed;
    EXPECT_EQ(snapshot.at(read), stream.at(streamed));
    tables.insert(insert->table);
  }
  EXPECT_GE(tables.size(), 100U);
}

TEST_F(GoldenPhases, NP01ToNP51ReadTheSameInSnapshotAndStream) {
  HG_GOLDEN_RUN();
  for (const std::string option : {"", "decimal=number", "json=text", "geometry=wkb"}) {
    codec::NativeOptions options;
    const std::size_t equals = option.find('=');
    if (!option.empty()) {
      ASSERT_TRUE(SetOption(options, option.substr(0, equals), option.substr(equals + 1)).ok());
    }
    for (const Phase phase : {Phase::kSnapshot, Phase::kStream}) {
      std::map<std::string, std::string> after;
      for (const Event& event : Native(phase, options)) {
        if (event.table.starts_with("n.")) after[event.table] = Member(event.json, "after");
      }
      for (const NativeCase& c : NativeCases()) {
        if (c.option != option || run_->left_out().contains("n." + c.table)) continue;
        EXPECT_EQ(Member(after["n." + c.table], ColumnOf(c)), c.expected)
            << c.row << ", " << c.type << " " << c.literal.substr(0, 80) << " " << option
            << (phase == Phase::kSnapshot ? ", snapshot" : ", stream");
      }
    }
  }
}

TEST_F(GoldenPhases, TheChunksOfASnapshotShareOneMomentAndMarkTheFirstAndTheLast) {
  HG_GOLDEN_RUN();
  for (const bool roots : {false, true}) {
    SCOPED_TRACE(roots);
    std::set<std::tuple<std::string, std::uint64_t, std::int64_t>> moments;
    std::vector<int> flags;        // of the chunks in the order of the log
    std::map<StreamNo, int> ends;  // chunks that begin or end a table
    Seq seq = 0;
    const auto all = [](const std::string&) { return true; };
    const Status done = run_->Replay(Phase::kSnapshot, roots, all, [&](const codec::EventContext& event) {
      if (std::exchange(seq, event.at.seq) == event.at.seq) return;
      moments.emplace(event.tx->id, event.tx->consistent_at, event.tx->commit_us);
      flags.push_back(event.tx->flags);
      ends[event.change->stream] += (event.tx->flags & kFirstOfStream) != 0 ? 1 : 0;
      ends[event.change->stream] += (event.tx->flags & kLastOfStream) != 0 ? 100 : 0;
    });
    ASSERT_TRUE(done.ok()) << done.error().what;
    ASSERT_EQ(moments.size(), 1U);
    EXPECT_FALSE(std::get<0>(*moments.begin()).empty()) << "the transaction id of the snapshot";
    ASSERT_FALSE(flags.empty());
    for (std::size_t i = 0; i < flags.size(); ++i) {
      EXPECT_EQ((flags[i] & kFirstOfSnapshot) != 0, i == 0) << "chunk " << i;
      EXPECT_EQ((flags[i] & kLastOfSnapshot) != 0, i + 1 == flags.size()) << "chunk " << i;
    }
    for (const auto& [stream, count] : ends) EXPECT_EQ(count, 101) << "stream " << stream;
  }
}

// The members of the envelope that hang on values.
TEST_F(GoldenPhases, NP17AndNP52ToNP54AreRightInBothPhases) {
  HG_GOLDEN_RUN();
  std::string null_document;
  for (const NativeCase& c : NativeCases()) {
    if (c.row == "NP17" && c.literal == "'null'") null_document = "[\"" + ColumnOf(c) + "\"]";
  }
  int documents = 0, generated = 0, unavailable = 0, from_old_row = 0, identities = 0;
  for (const Phase phase : {Phase::kSnapshot, Phase::kStream}) {
    for (const Event& event : Native(phase)) {
      SCOPED_TRACE(event.json.substr(0, 300));
      if (event.table == "n.np") {
        EXPECT_EQ(Member(event.json, "json_null"), null_document);
        ++documents;
      }
      if (event.table == "g.x7_generated") {
        EXPECT_EQ(Member(Member(event.json, "after"), "twice"), "") << "NP52";
        ++generated;
      }
      if (event.table == "g.dp81_toast_text" && !Member(event.json, "unavailable").empty()) {
        EXPECT_EQ(Member(event.json, "unavailable"), R"(["v"])") << "NP53";
        EXPECT_EQ(Member(event.json, "after"), R"({"id":1,"n":11})") << "NP53";
        ++unavailable;
      }
      if (event.op == Op::kUpdate && event.table == "g.k_toast_full") {
        EXPECT_EQ(Member(event.json, "unavailable"), "") << "NP53";
        EXPECT_GT(Member(Member(event.json, "after"), "v").size(), 8000U) << "NP53";
        ++from_old_row;
      }
      if (event.op == Op::kDelete && event.table == "g.k_default") {
        EXPECT_EQ(Member(event.json, "before"), R"({"id":3})") << "NP54";
        ++identities;
      }
    }
  }
  EXPECT_EQ(documents, 2);
  EXPECT_EQ(generated, 4);
  EXPECT_EQ(unavailable, 1);
  EXPECT_EQ(from_old_row, 1);
  EXPECT_EQ(identities, 1);
}

}  // namespace
}  // namespace headgate::test
