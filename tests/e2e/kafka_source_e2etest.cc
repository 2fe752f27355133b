// Topics of a real broker as streams of the real program.
#include <set>

#include "tests/e2e/kafka_source.h"

namespace headgate::test {
namespace {

using json = nlohmann::json;

class KafkaTopics : public KafkaSourceFixture {
 protected:
  static constexpr const char* kColumns = "id int NOT NULL, note text";

  static std::string Row(int id) { return R"({"id":)" + std::to_string(id) + R"(,"note":"n"})"; }
  static std::vector<KafkaRecord> Rows(int from, int to) {
    std::vector<KafkaRecord> records;
    for (int id = from; id < to; ++id) records.push_back(Record(std::nullopt, Row(id)));
    return records;
  }
};

TEST_F(KafkaTopics, RecordsOfJsonAreRowsOfAStreamWithTheirPlacesAndTimes) {
  CreateTopic("notes");
  KafkaRecord record = Record(std::nullopt, R"({"id":1,"note":"a","more":[1]})");
  record.timestamp_ms = 1'600'000'000'123;
  Produce("notes", {record, Record(std::nullopt, R"({"id":2.0})")});
  Create("notes", Settings("notes", kColumns));
  const auto changes = Changes("notes", 2);
  EXPECT_EQ(changes[0]["after"], (json{{"id", 1}, {"note", "a"}}));
  EXPECT_EQ(changes[1]["after"], (json{{"id", 2}, {"note", nullptr}}));
  EXPECT_EQ(changes[0]["position"], (json{{"topic", topics_->Name("notes")}, {"partition", 0}, {"offset", 0}}))
      << changes[0].dump();
  EXPECT_EQ(changes[0]["id"], "notes:0-k1:1");
  EXPECT_NE(changes[0].dump().find("2020-09-13T12:26:40.123"), std::string::npos) << changes[0].dump();
}

TEST_F(KafkaTopics, EachRecordOfCommittedTransactionsIsInTheLogOnceWhereverTheProgramIsKilled) {
  CreateTopic("tx", 2);
  auto producer = KafkaTransactions::Open(topics_->settings(), topics_->Name("producer"));
  ASSERT_TRUE(producer.ok()) << producer.error().what;
  int next = 0;
  std::size_t committed = 0;
  const auto write = [&](bool commit) {
    std::vector<KafkaRecord> records;
    for (int i = 0; i < 40; ++i) {
      const bool second = i % 2 == 1;
      records.push_back(Record(
          std::nullopt, R"({"id":)" + std::to_string(next++) + R"(,"note":")" + (commit ? "yes" : "no") + "\"}"));
      records.back().partition = second ? 1 : 0;
    }
    ASSERT_TRUE(producer->Begin().ok());
    ASSERT_TRUE(producer->Produce(topics_->Name("tx"), records).ok());
    ASSERT_TRUE((commit ? producer->Commit() : producer->Abort()).ok());
    if (commit) committed += records.size();
  };
  write(true);
  auto settings = Settings("tx", kColumns);
  settings["batch_records_max"] = "7";  // many writes, so that kills meet each of them
  Create("tx", settings);
  Changes("tx", committed);
  for (const char* place : {"ingest.appended=kill:2", "log.before_sync=kill:2", "log.synced=kill:3",
                            "ingest.appended=kill:5", "log.before_sync=kill:6"}) {
    headgate_->KillHard();
    write(true);
    write(false);
    headgate_->set_failpoints(place);
    Start();
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30))) << place << " was never reached";
    headgate_->set_failpoints("");
    Start();
    Changes("tx", committed);
  }
  const auto changes = Changes("tx", committed);
  std::set<int> ids;
  std::set<std::string> event_ids;
  for (const json& change : changes) {
    EXPECT_EQ(change["after"]["note"], "yes");
    EXPECT_TRUE(ids.insert(change["after"]["id"].get<int>()).second) << change.dump();
    EXPECT_TRUE(event_ids.insert(change["id"].get<std::string>()).second) << change.dump();
  }
}

}  // namespace
}  // namespace headgate::test
