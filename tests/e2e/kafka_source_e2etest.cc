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

TEST_F(KafkaTopics, TheirSourceIsDeclaredInSqlWithDefaultsAndItsBytes) {
  CreateTopic("declared");
  const std::string with = " WITH (connector.class = 'kafka-source', brokers = '" + topics_->address() +
                           "', topic = '" + topics_->Name("declared") + "', keep_raw = 'true')";
  const json refused =
      Call("POST", "/api/v1/sql", 422,
           {{"statements", "CREATE SOURCE declared (id int, at timestamptz, WATERMARK FOR at AS at)" + with}});
  EXPECT_THAT(refused.dump(), testing::HasSubstr("watermarks are not supported yet"));
  const json twice =
      Call("POST", "/api/v1/sql", 422, {{"statements", "CREATE SOURCE declared (id int, _raw bytea)" + with}});
  EXPECT_THAT(twice.dump(), testing::HasSubstr("the one that keep_raw adds"));
  const json wrong =
      Call("POST", "/api/v1/sql", 422, {{"statements", "CREATE SOURCE declared (id int DEFAULT 'many')" + with}});
  EXPECT_THAT(wrong.dump(), testing::HasSubstr("the default of id"));
  Sql("CREATE SOURCE declared (id int NOT NULL, note text DEFAULT 'it''s none')" + with +
      "; CREATE MATERIALIZED VIEW seen AS SELECT id, note, encode(_raw, 'hex') AS raw FROM declared");
  Produce("declared", {Record({}, "{ \"id\":7}")});
  const json rows = Until("/api/v1/views/seen/rows", [](const json& page) { return !page["items"].empty(); });
  EXPECT_EQ(rows["items"][0]["note"], "it's none") << rows.dump();
  EXPECT_EQ(rows["items"][0]["raw"], "7b20226964223a377d") << rows.dump();
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

TEST_F(KafkaTopics, EachRejectedRecordIsALetterOnceWhereverTheProgramIsKilled) {
  CreateTopic("half");
  std::size_t written = 0;
  const auto write = [&] {
    std::vector<KafkaRecord> records;
    for (int i = 0; i < 12; ++i) {
      records.push_back(Record(std::nullopt, i % 3 == 0 ? "bad" : Row(static_cast<int>(written))));
      ++written;
    }
    Produce("half", records);
  };
  write();
  auto settings = Settings("half", kColumns);
  settings["batch_records_max"] = "4";
  Create("half", settings);
  Changes("half", written / 3 * 2);
  for (const char* place : {"log.before_sync=kill:1", "log.synced=kill:2", "ingest.appended=kill:1",
                            "ingest.appended=kill:3", "log.before_sync=kill:3"}) {
    headgate_->KillHard();
    write();
    headgate_->set_failpoints(place);
    Start();
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30))) << place << " was never reached";
    headgate_->set_failpoints("");
    Start();
    std::set<int> ids;
    for (const json& change : Changes("half", written / 3 * 2))
      EXPECT_TRUE(ids.insert(change["after"]["id"].get<int>()).second) << place << " " << change.dump();
    std::set<int> offsets;
    for (const json& letter : Letters("half", written / 3)) {
      const std::string path = "/api/v1/connectors/half/dead-letters/" + letter["id"].get<std::string>();
      const int offset = Call("GET", path, 200)["record"]["offset"];
      EXPECT_TRUE(offset % 3 == 0 && offsets.insert(offset).second) << place << " " << offset;
    }
  }
}

TEST_F(KafkaTopics, PartitionsThatAreAddedWhileItRunsAreReadFromTheirBeginning) {
  CreateTopic("grows");
  Produce("grows", Rows(0, 3));
  auto settings = Settings("grows", kColumns);
  settings["metadata_interval_ms"] = "100";
  settings["start"] = "latest";
  Create("grows", settings);
  Until("/connectors/grows/offsets", [](const json& answer) { return !answer["offsets"].empty(); });
  const Status more = topics_->client().AddPartitions(topics_->Name("grows"), 2);
  ASSERT_TRUE(more.ok()) << more.error().what;
  KafkaRecord record = Record({}, Row(7));
  record.partition = 1;
  Produce("grows", {record});
  const auto changes = Changes("grows", 1);
  EXPECT_EQ(changes[0]["after"]["id"], 7);
  EXPECT_EQ(changes[0]["position"]["partition"], 1);
}

TEST_F(KafkaTopics, TheLatestIsWhereTheSourceWasFirstStartedWheneverItDies) {
  CreateTopic("late");
  Produce("late", Rows(0, 3));
  auto settings = Settings("late", kColumns);
  settings["start"] = "latest";
  Create("late", settings);
  Until("/connectors/late/offsets", [](const json& answer) { return !answer["offsets"].empty(); });
  headgate_->KillHard();
  Produce("late", Rows(3, 5));
  Start();
  const auto changes = Changes("late", 2);
  EXPECT_EQ(changes[0]["after"]["id"], 3);
}

TEST_F(KafkaTopics, RecordsThatRetentionTookAreADeclaredGap) {
  CreateTopic("short");
  Produce("short", Rows(0, 3));
  Create("short", Settings("short", kColumns));
  Changes("short", 3);
  Call("PUT", "/connectors/short/pause", 202);
  headgate_->KillHard();
  Produce("short", Rows(3, 6));
  const Status deleted = topics_->client().DeleteBefore(topics_->Name("short"), 0, 5);
  ASSERT_TRUE(deleted.ok()) << deleted.error().what;
  for (const char* place : {"log.gap=kill:1", "log.before_sync=kill:1"}) {  // it is declared once, all the same
    headgate_->set_failpoints(place);
    // It may die before it answers.
    static_cast<void>(headgate_->Start());
    static_cast<void>(headgate_->Call("PUT", "/connectors/short/resume"));
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30))) << place << " was never reached";
  }
  headgate_->set_failpoints("");
  Start();
  Call("PUT", "/connectors/short/resume", 202);
  const auto changes = Changes("short", 4);
  EXPECT_EQ(changes[3]["after"]["id"], 5);
  EXPECT_EQ(changes[3]["id"], "short:1-k1:1");
  const json events = Call("GET", "/api/v1/events?kind=gap", 200);
  EXPECT_EQ(events["items"].size(), 1U) << events.dump();
  EXPECT_THAT(events.dump(), testing::HasSubstr("no longer has offsets 3 to 4")) << events.dump();
}

TEST_F(KafkaTopics, ARecordThatIsNoRowIsADeadLetterAndTheNextOnesCome) {
  CreateTopic("mixed");
  Produce("mixed", {Record("k", "no json"), Record({}, Row(1)), Record({}, R"({"id":"x"})"), Record({}, Row(2))});
  Create("mixed", Settings("mixed", kColumns));
  Changes("mixed", 2);
  Letters("mixed", 2);
  const json letter = Call("GET", "/api/v1/connectors/mixed/dead-letters/1", 200);
  EXPECT_EQ(letter["record"]["key"], "aw==");
  EXPECT_EQ(letter["record"]["value"], "bm8ganNvbg==");
  Call("POST", "/api/v1/connectors/mixed/dead-letters/1/retry", 409);
  Call("POST", "/api/v1/connectors/mixed/dead-letters/1/discard", 204);
  Letters("mixed", 1);
  // The letters that come later have other numbers, and a death does not make them twice.
  Produce("mixed", {Record({}, "again"), Record({}, Row(3))});
  Changes("mixed", 3);
  headgate_->KillHard();
  Start();
  Produce("mixed", {Record({}, Row(4))});
  Changes("mixed", 4);
  std::set<std::string> ids;
  for (const json& one : Letters("mixed", 2)) ids.insert(one["id"].get<std::string>());
  EXPECT_EQ(ids, (std::set<std::string>{"2", "3"}));
}

TEST_F(KafkaTopics, ASourceThatIsToStopAtARejectedRecordKeepsItsPlaceInFrontOfIt) {
  CreateTopic("strict");
  Produce("strict", {Record({}, Row(1)), Record({}, "no json"), Record({}, Row(2))});
  auto settings = Settings("strict", kColumns);
  settings["on_rejected"] = "stop";
  Create("strict", settings);
  Changes("strict", 1);
  Until("/connectors/strict/status", [](const json& status) { return status["connector"]["state"] == "FAILED"; });
  const json status = Call("GET", "/connectors/strict/status", 200);
  EXPECT_THAT(status.dump(), testing::HasSubstr("the record at offset 1 of " + topics_->Name("strict") + "/0"));
  settings["on_rejected"] = "dead_letter";
  Call("PUT", "/connectors/strict/config", 200, settings);
  Changes("strict", 2);
  Letters("strict", 1);
}

TEST_F(KafkaTopics, KC21_KC23_KC24_PlacesArePartitionsAndOffsetsThatCanBeSet) {
  CreateTopic("places", 2);
  Produce("places", Rows(0, 3));
  Create("places", Settings("places", kColumns));
  Changes("places", 3);
  const auto place = [&](int partition, const json& offset) {
    return json{{"partition", {{"topic", topics_->Name("places")}, {"partition", partition}}}, {"offset", offset}};
  };
  const json shown = Call("GET", "/connectors/places/offsets", 200);
  EXPECT_EQ(shown["offsets"], (json{place(0, {{"offset", 3}}), place(1, {{"offset", 0}})}));
  const auto alter = [&](const json& entry, int status) {
    return Call("PATCH", "/connectors/places/offsets", status, {{"offsets", {entry}}});
  };
  alter(place(0, {{"offset", 1}}), 400);  // it runs
  Call("PUT", "/connectors/places/stop", 204);
  Until("/connectors/places/status", [](const json& status) { return status["connector"]["state"] == "STOPPED"; });
  for (const json& bad : {place(0, {{"offset", 4}}), place(2, {{"offset", 0}}), place(0, {{"lsn", 1}}),
                          json{{"partition", {{"server", "places"}}}, {"offset", {{"offset", 1}}}}})
    alter(bad, 400);
  alter(place(0, {{"offset", 1}}), 200);
  Call("PUT", "/connectors/places/resume", 202);
  const auto changes = Changes("places", 5);
  EXPECT_EQ(changes[3]["after"]["id"], 1);
  EXPECT_EQ(changes[3]["id"], "places:1-k1:1");
}

TEST_F(KafkaTopics, AGroupIsToldHowFarTheSourceIsAndDecidesNothing) {
  CreateTopic("grouped");
  Produce("grouped", Rows(0, 3));
  auto settings = Settings("grouped", kColumns);
  settings["group_id"] = topics_->Name("group");
  Create("grouped", settings);
  Changes("grouped", 3);
  const auto told = [&] {
    const auto offset = topics_->client().GroupOffset(settings["group_id"], topics_->Name("grouped"), 0);
    return offset.ok() ? *offset : -2;
  };
  const auto until = [&](std::int64_t offset) {
    for (const auto end = std::chrono::steady_clock::now() + seconds(30); std::chrono::steady_clock::now() < end;) {
      if (told() == offset) return true;
    }
    return false;
  };
  EXPECT_TRUE(until(3)) << told();
  // Not even after a start with another place in the group.
  headgate_->KillHard();
  Produce("grouped", Rows(3, 5));
  ASSERT_TRUE(topics_->client().CommitGroup(settings["group_id"], topics_->Name("grouped"), 0, 1).ok());
  Start();
  const auto changes = Changes("grouped", 5);
  EXPECT_EQ(changes[3]["after"]["id"], 3);
  EXPECT_TRUE(until(5)) << told();
}

TEST_F(KafkaTopics, WhatIsWrongIsToldWithItsSetting) {
  Create("none", Settings("not-there", kColumns));
  Until("/connectors/none/status",
        [](const json& status) { return status.dump().find("there is no such topic") != std::string::npos; });
  // The topic may come later.
  CreateTopic("not-there");
  Produce("not-there", Rows(0, 1));
  Changes("none", 1);
  auto settings = Settings("not-there", "id int NOT NULL");
  settings["name"] = "check";
  settings["format"] = "avro";
  const json checked = Call("PUT", "/connector-plugins/kafka-source/config/validate", 200, settings);
  EXPECT_THAT(checked.dump(), testing::HasSubstr("whose records need"));
}

// A broker that lets nobody in without sign-in, and its user nowhere without rights.
class KafkaRights : public KafkaSourceFixture {
 protected:
  void SetUp() override {
    KafkaSourceFixture::SetUp();
    if (IsSkipped()) return;
    HG_WITH_SERVER("kafka", server_,
                   PrivateKafka::Start(
                       {.settings = {"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                                     "super.users=User:ANONYMOUS"},
                        .users = {{"headgate", "secret"}}}));
    const auto client = server_->Connect();
    ASSERT_TRUE(client.ok()) << client.error().what;
    const Status made = client->CreateTopic("guarded");
    ASSERT_TRUE(made.ok()) << made.error().what;
  }
  ConnectorSettings Signed(const std::string& password) const {
    auto settings = Settings("guarded", "id int");
    settings["topic"] = "guarded";
    settings["brokers"] = server_->address(KafkaListener::kSaslPlaintext);
    settings["security_protocol"] = "sasl_plaintext";
    settings["sasl_mechanism"] = "PLAIN";
    settings["sasl_username"] = "headgate";
    settings["sasl_password"] = password;
    return settings;
  }
  std::unique_ptr<PrivateKafka> server_;
};

TEST_F(KafkaRights, ATopicWithoutRightsAndAWrongPasswordStopTheSourceWithAdvice) {
  Create("poor", Signed("secret"));
  const json poor =
      Until("/connectors/poor/status", [](const json& status) { return status["connector"]["state"] == "FAILED"; });
  EXPECT_THAT(poor.dump(), testing::HasSubstr("Let it describe and read the topic (kafka-acls)"));
  Create("stranger", Signed("wrong"));
  const json stranger =
      Until("/connectors/stranger/status", [](const json& status) { return status["connector"]["state"] == "FAILED"; });
  EXPECT_THAT(stranger.dump(), testing::HasSubstr("sasl_password"));
  EXPECT_EQ(stranger.dump().find("wrong"), std::string::npos);
}

}  // namespace
}  // namespace headgate::test
