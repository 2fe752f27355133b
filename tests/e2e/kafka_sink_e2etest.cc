#include <map>

#include "core/base/clock.h"
#include "tests/e2e/kafka_sink.h"
#include "tests/support/private_kafka.h"
#include "tests/support/private_registry.h"

// What the Kafka sink does beyond what every sink owes (tests/conformance): formats, topics, transactions, records that
// are not taken, and who may write.
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class KafkaSinkTest : public KafkaSinkFixture {
 protected:
  void SetUp() override {
    KafkaSinkFixture::SetUp();
    if (!IsUp()) return;
    Exec("CREATE TABLE public.parts (id int PRIMARY KEY, name text, price int)");
    Exec("INSERT INTO public.parts SELECT i, 'part ' || i, i FROM generate_series(1, 3) i");
    Create("shop", shop_->Source());
  }
  bool Fails(const std::string& text) {
    return WaitFor([&] { return Call("GET", "/connectors/out/status", 200).dump().find(text) != std::string::npos; },
                   seconds(40));
  }
  bool HasLetters(std::size_t count) {
    return WaitFor([&] { return Letters().size() == count; }, seconds(30));
  }
  static std::string HeaderOf(const KafkaRecord& record, const std::string& name) {
    for (const auto& [have, value] : record.headers) {
      if (have == name) return value.value_or("null");
    }
    return "none";
  }
};

TEST_F(KafkaSinkTest, ChangesAreRecordsWithKeyIdTimeAndTombstones) {
  Create("out", Sink());
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec("UPDATE public.parts SET price = 20 WHERE id = 2");
  Exec("DELETE FROM public.parts WHERE id = 2");
  Exec("UPDATE public.parts SET id = 30 WHERE id = 3");
  ASSERT_TRUE(HasRecords(8)) << Told();
  const auto records = Records();
  ASSERT_EQ(records.size(), 8U);
  EXPECT_EQ(records[0].key, R"({"id":1})");
  const json read = json::parse(*records[0].value);
  EXPECT_EQ(read["op"], "read");
  EXPECT_EQ(HeaderOf(records[0], "event-id"), read["id"]);
  const json update = json::parse(*records[3].value);
  EXPECT_EQ(update["after"]["price"], 20);
  EXPECT_LT(std::abs(records[3].timestamp_ms - SystemClock().NowUs() / 1'000), 60'000);
  EXPECT_EQ(json::parse(*records[4].value)["op"], "delete");
  EXPECT_EQ(records[5].key, R"({"id":2})");
  EXPECT_FALSE(records[5].value.has_value());
  EXPECT_THAT(HeaderOf(records[5], "event-id"), HasSubstr("-t"));
  EXPECT_EQ(records[6].key, R"({"id":30})");
  EXPECT_EQ(records[7].key, R"({"id":3})");
  EXPECT_FALSE(records[7].value.has_value());
}

TEST_F(KafkaSinkTest, DebeziumRecordsHaveKeysHeadersTombstonesAndTheTransactionTopic) {
  Create("out", Sink({{"format", "debezium"}, {"provide.transaction.metadata", "true"}, {"topic", "${stream}"}}));
  const auto read = [&](const std::string& topic) {
    const auto records = topics_->client().Read(topic);
    return records.ok() ? *records : std::vector<KafkaRecord>();
  };
  ASSERT_TRUE(WaitFor([&] { return read("shop.public.parts").size() == 3; }, seconds(30))) << Told();
  Exec("UPDATE public.parts SET id = 30 WHERE id = 3");
  ASSERT_TRUE(WaitFor([&] { return read("shop.public.parts").size() == 6; }, seconds(30))) << Told();
  const auto records = read("shop.public.parts");
  EXPECT_EQ(json::parse(*records[3].value)["op"], "d");
  EXPECT_EQ(HeaderOf(records[3], "__debezium.newkey"), R"({"id":30})");
  EXPECT_FALSE(records[4].value.has_value());
  EXPECT_EQ(json::parse(*records[5].value)["op"], "c");
  EXPECT_EQ(HeaderOf(records[5], "__debezium.oldkey"), R"({"id":3})");
  ASSERT_TRUE(WaitFor([&] { return read("shop.transaction").size() >= 2; }, seconds(30))) << Told();
  EXPECT_EQ(json::parse(*read("shop.transaction").back().value)["status"], "END");
  // Its last change is not for this sink; it ends all the same, when it is over and not with the next one.
  Exec("UPDATE public.parts SET price = 9 WHERE id < 3; UPDATE public.customers SET vip = NOT vip WHERE id = 1");
  ASSERT_TRUE(WaitFor([&] { return read("shop.transaction").size() == 4; }, seconds(30))) << Told();
  const json end = json::parse(*read("shop.transaction").back().value);
  EXPECT_EQ(end["status"], "END");
  EXPECT_EQ(end["event_count"], 2);
  EXPECT_EQ(json::parse(*read("shop.transaction")[2].value)["status"], "BEGIN");
}

// 3.9: nothing changes, and the sink says so; what it says moves nothing.
TEST_F(KafkaSinkTest, AHeartbeatComesWhereNothingChangesAndMovesNothing) {
  Create("out", Sink({{"format", "debezium"},
                      {"heartbeat_interval_ms", "100"},
                      {"heartbeat_topic_prefix", topics_->Name("beat")}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  ASSERT_TRUE(HasRecords(5, "beat.shop")) << Told();
  std::int64_t before = 0;
  for (const KafkaRecord& beat : Records("beat.shop")) {
    EXPECT_EQ(beat.key, R"({"serverName":"shop"})");
    EXPECT_TRUE(beat.headers.empty());
    const json value = json::parse(*beat.value);
    EXPECT_EQ(value.size(), 1U) << value;
    EXPECT_GT(value["ts_ms"].get<std::int64_t>(), before);
    before = value["ts_ms"];
  }
  EXPECT_LT(std::abs(before - SystemClock().NowUs() / 1'000), 60'000);
  // Over deaths too: between any two beats, and with one on its way.
  for (const char* const point : {"kafka.written=kill:3", "kafka.commit=kill:3", ""}) {
    headgate_->KillHard();
    headgate_->set_failpoints(point);
    ASSERT_TRUE(headgate_->Start().ok());
    if (*point == '\0') break;
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value()) << point;
  }
  Exec("UPDATE public.parts SET price = 7 WHERE id = 1");
  ASSERT_TRUE(HasRecords(4)) << Told();
  const std::size_t beats = Records("beat.shop").size();
  ASSERT_TRUE(HasRecords(beats + 3, "beat.shop")) << Told();
  EXPECT_EQ(Records().size(), 4U);
  EXPECT_EQ(Call("GET", "/api/v1/connectors/out/lag", 200)["records"], 0);
}

TEST_F(KafkaSinkTest, ACloudEventAndARowAreWrittenAsTheirFormatsSay) {
  Create("out", Sink({{"format", "cloudevents-binary"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  EXPECT_EQ(HeaderOf(Records()[0], "ce_specversion"), "1.0");
  EXPECT_THAT(HeaderOf(Records()[0], "ce_type"), HasSubstr("parts"));
  Create("rows", Sink({{"format", "row"},
                       {"topic", topics_->Name("rows")},
                       {"transactional_id", topics_->Name("rows")},
                       {"progress_topic", topics_->Name("progress-rows")}}));
  ASSERT_TRUE(HasRecords(3, "rows"));
  EXPECT_EQ(*Records("rows")[0].value, R"({"id":1,"name":"part 1","price":1})");
}

// D2: a reader of committed records sees all of it or nothing, however many batches it takes.
TEST_F(KafkaSinkTest, ATransactionIsNeverVisibleInHalvesAlsoWhenItIsKilledInTheMiddle) {
  Create("out", Sink({{"batch_records_max", "100"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  for (const char* const point : {"kafka.written=kill:7", "kafka.commit=kill:2", ""}) {
    headgate_->KillHard();
    headgate_->set_failpoints(point);
    ASSERT_TRUE(headgate_->Start().ok());
    if (*point == '\0') break;
    Exec(
        "UPDATE public.parts SET price = price + 1; INSERT INTO public.parts SELECT 10000 * (SELECT count(*) FROM "
        "public.parts) + i, 'many', 0 FROM generate_series(1, 5000) i");
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value()) << point;
    EXPECT_EQ(Records().size(), 3U) << point;
  }
  const auto wanted = shop_->database().Value("SELECT count(*) FROM public.parts");
  std::map<std::string, int> seen;
  ASSERT_TRUE(WaitFor(
      [&] {
        seen.clear();
        for (const KafkaRecord& record : Records()) ++seen[HeaderOf(record, "event-id")];
        std::map<std::string, int> keys;
        for (const KafkaRecord& record : Records()) ++keys[*record.key];
        return std::to_string(keys.size()) == *wanted;
      },
      seconds(60)))
      << Told();
  for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << id;
}

TEST_F(KafkaSinkTest, ARecordThatIsTooLargeIsALetterAndTheRestGoesOnUntilItIsTriedAgain) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1, {{"max.message.bytes", "20000"}}).ok());
  Create("out", Sink({{"record_bytes_max", "20000"}, {"compression", "none"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec(
      "INSERT INTO public.parts SELECT 100 + i, CASE i WHEN 4 THEN repeat('x', 30000) ELSE 'y' END, i FROM "
      "generate_series(1, 9) i");
  ASSERT_TRUE(HasRecords(11)) << Told();
  ASSERT_TRUE(HasLetters(1)) << Letters();
  EXPECT_EQ(StateOf("out"), "RUNNING");
  const json letter = Call("GET", "/api/v1/connectors/out/dead-letters/" + Letters()[0]["id"].get<std::string>(), 200);
  EXPECT_EQ(letter["error"]["class"], "rejected") << letter;
  EXPECT_EQ(letter["record"]["key"]["id"], 104) << letter["key"];
  Call("PUT", "/connectors/out/stop", 204);
  ASSERT_TRUE(WaitFor([&] { return StateOf("out") == "STOPPED"; }));
  ASSERT_TRUE(topics_->client().AlterTopic(topics_->Name("parts"), "max.message.bytes", "100000").ok());
  Call("PUT", "/connectors/out/config", 200, json(Sink({{"record_bytes_max", "100000"}, {"compression", "none"}})));
  Call("PUT", "/connectors/out/resume", 202);
  ASSERT_TRUE(WaitFor([&] { return StateOf("out") == "RUNNING"; }));
  Call("POST", "/api/v1/connectors/out/dead-letters/retry", 202, {{"filter", {{"all", true}}}});
  ASSERT_TRUE(HasRecords(12)) << Told();
  EXPECT_EQ(Records().back().key, R"({"id":104})");
  EXPECT_TRUE(HasLetters(0)) << Letters();
}

// The brokers' own limit has become lower than ours: which record it is has to be found.
TEST_F(KafkaSinkTest, WhichRecordOfABatchTheBrokersRefuseIsFound) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1, {{"max.message.bytes", "100000"}}).ok());
  Create("out", Sink({{"compression", "none"}, {"record_bytes_max", "100000"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  ASSERT_TRUE(topics_->client().AlterTopic(topics_->Name("parts"), "max.message.bytes", "20000").ok());
  Exec(
      "INSERT INTO public.parts SELECT 100 + i, CASE WHEN i IN (4, 23) THEN repeat('x', 30000) ELSE 'y' END, i FROM "
      "generate_series(1, 30) i");
  ASSERT_TRUE(HasLetters(2)) << Letters() << Told();
  ASSERT_TRUE(HasRecords(31)) << Records().size() << Told();
  EXPECT_EQ(Records().size(), 31U);
}

TEST_F(KafkaSinkTest, WithBlockKeyLaterRecordsOfAKeyWaitBehindTheOneThatWasRefused) {
  Create("out", Sink({{"record_bytes_max", "20000"}, {"on_rejected", "block_key"}, {"compression", "none"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec("UPDATE public.parts SET name = repeat('x', 30000) WHERE id = 1");
  ASSERT_TRUE(HasLetters(1)) << Told();
  Exec("UPDATE public.parts SET name = 'short' WHERE id IN (1, 2)");
  ASSERT_TRUE(HasRecords(4)) << Told();
  ASSERT_TRUE(HasLetters(2)) << Letters();
  EXPECT_EQ(Letters()[1]["state"], "parked") << Letters();
}

TEST_F(KafkaSinkTest, WhatIsMissingOrWrongIsSaidWithWhatToDo) {
  Create("out", Sink({{"create_topics", "false"}}));
  EXPECT_TRUE(Fails("Set create_topics=true")) << Told();
  Call("DELETE", "/connectors/out", 204);
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("small"), 1, {{"max.message.bytes", "20000"}}).ok());
  Create("out", Sink({{"topic", topics_->Name("small")}}));
  EXPECT_TRUE(Fails("Set record_bytes_max to at most 20000")) << Told();
  Call("DELETE", "/connectors/out", 204);
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1, {{"cleanup.policy", "compact"}}).ok());
  Exec("CREATE TABLE public.notes (text text)");
  Exec("ALTER TABLE public.notes REPLICA IDENTITY FULL");
  Create("out", Sink({{"topics", "shop.public.notes"}, {"topic", topics_->Name("parts")}}));
  Exec("INSERT INTO public.notes SELECT i FROM generate_series(1, 300) i");
  EXPECT_TRUE(Fails("cleanup.policy=compact takes only records with a key")) << Told();
}

// Where nothing is for the sink its cursor follows all the same, and retention can.
TEST_F(KafkaSinkTest, TheCursorFollowsWhatOthersAreSent) {
  Create("out", Sink());
  ASSERT_TRUE(HasRecords(3)) << Told();
  const auto seq = [&] {
    const auto records = Records("progress");
    return records.empty() ? std::uint64_t{0} : json::parse(*records.back().value)["seq"].get<std::uint64_t>();
  };
  const std::uint64_t before = seq();
  for (int i = 0; i < 20; ++i) Exec("UPDATE public.customers SET vip = NOT vip WHERE id = 1");
  EXPECT_TRUE(WaitFor([&] { return seq() >= before + 20; }, seconds(40))) << before << " " << seq() << Told();
  EXPECT_EQ(headgate_->Stderr().find("lost its peer"), std::string::npos) << headgate_->Stderr();
}

// Others of the batch are on their way already when the brokers refuse one: what has no key, in a compacted topic.
TEST_F(KafkaSinkTest, ManyRecordsAroundARefusedOneAreAllWritten) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1, {{"cleanup.policy", "compact"}}).ok());
  Exec("CREATE TABLE public.notes (id int)");
  Exec("ALTER TABLE public.notes REPLICA IDENTITY FULL");
  Create("out", Sink({{"topics", "shop.public.parts,shop.public.notes"}, {"topic", topics_->Name("parts")}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec(
      "INSERT INTO public.parts SELECT 10 + i, 'y', i FROM generate_series(1, 5000) i; INSERT INTO public.notes VALUES "
      "(1); INSERT INTO public.parts SELECT 100000 + i, 'y', i FROM generate_series(1, 5000) i");
  ASSERT_TRUE(HasRecords(10'003)) << Records().size() << Told();
  EXPECT_EQ(Records().size(), 10'003U);
  EXPECT_TRUE(HasLetters(1)) << Letters();
}

// Two processes with one sink: the one that came last has it.
TEST_F(KafkaSinkTest, WhoIsFencedStopsAndSaysWhy) {
  Create("out", Sink());
  ASSERT_TRUE(HasRecords(3)) << Told();
  for (const char* lane : {"", "/2"}) {
    const auto other = KafkaTransactions::Open(topics_->settings(), topics_->Name("out") + lane);
    ASSERT_TRUE(other.ok()) << other.error().what;
  }
  Exec("UPDATE public.parts SET price = 7");
  EXPECT_TRUE(Fails("Another process uses the same transactional id")) << Told();
  EXPECT_EQ(Records().size(), 3U);
  Call("POST", "/connectors/out/restart", 204);
  EXPECT_TRUE(HasRecords(6)) << Told();
}

TEST_F(KafkaSinkTest, AProgressThatIsGoneOrOfAnotherLogIsNotGuessedAt) {
  Create("out", Sink());
  ASSERT_TRUE(HasRecords(3)) << Told();
  Call("PUT", "/connectors/out/stop", 204);
  ASSERT_TRUE(WaitFor([&] { return StateOf("out") == "STOPPED"; }));
  Call("PUT", "/connectors/out/config", 200, json(Sink({{"progress_topic", topics_->Name("other")}})));
  Call("PUT", "/connectors/out/resume", 202);
  EXPECT_TRUE(Fails("knows nothing of sink out")) << Told();
  ASSERT_TRUE(topics_->client()
                  .Produce(topics_->Name("progress"), {{.key = "out", .value = R"({"log":"another","seq":5})"}})
                  .ok());
  Call("PUT", "/connectors/out/config", 200, json(Sink()));
  EXPECT_TRUE(Fails("of another data directory")) << Told();
  EXPECT_EQ(Records().size(), 3U);
}

// What is of no change cannot become a letter: the sink stops, and nothing of the transaction is there. (The brokers'
// own markers fit.)
TEST_F(KafkaSinkTest, ARecordOfItsOwnThatIsRefusedStopsTheSink) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("progress"), 1, {{"max.message.bytes", "120"}}).ok());
  Create("out", Sink());
  EXPECT_TRUE(Fails("max.message.bytes")) << Told();
  EXPECT_THAT(Told(), HasSubstr(topics_->Name("progress")));
  EXPECT_EQ(Records().size(), 0U);
  ConnectorSettings source = shop_->Source();
  source["slot_name"] += "_2";
  const std::string name = topics_->Name("source");
  ASSERT_TRUE(topics_->client().CreateTopic(name + ".transaction", 1, {{"max.message.bytes", "120"}}).ok());
  Create(name, source);
  Call("PUT", "/connectors/out/config", 200,
       json(Sink({{"topics", name + ".public.parts"},
                  {"format", "debezium"},
                  {"progress_topic", topics_->Name("progress2")},
                  {"provide.transaction.metadata", "true"}})));
  ASSERT_TRUE(HasRecords(3)) << Told();  // those of a reading are of no transaction
  Exec("UPDATE public.parts SET price = 9 WHERE id = 1");
  EXPECT_TRUE(Fails(name + ".transaction")) << Told();
  EXPECT_EQ(Records().size(), 3U);
  EXPECT_TRUE(Letters().empty());
}

TEST_F(KafkaSinkTest, AtLeastOnceNeedsNoTransactionsAndLosesNothingOverAKill) {
  Create("out", Sink({{"delivery", "at_least_once"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  headgate_->KillHard();
  headgate_->set_failpoints("kafka.written=kill:1");
  ASSERT_TRUE(headgate_->Start().ok());
  for (int i = 0; i < 5; ++i) Exec("UPDATE public.parts SET price = " + std::to_string(100 + i));
  EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value());
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  const auto distinct = [&] {
    std::map<std::string, int> ids;
    for (const KafkaRecord& record : Records()) ++ids[HeaderOf(record, "event-id")];
    return ids.size();
  };
  EXPECT_TRUE(WaitFor([&] { return distinct() == 18; }, seconds(30))) << distinct() << Told();
  EXPECT_FALSE(topics_->client().PartitionsOf(topics_->Name("progress")).ok());
}

TEST_F(KafkaSinkTest, AtLeastOnceToleratesARecordThatIsRefused) {
  Create("out", Sink({{"delivery", "at_least_once"}, {"record_bytes_max", "20000"}, {"compression", "none"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec(
      "INSERT INTO public.parts SELECT 100 + i, CASE i WHEN 4 THEN repeat('x', 30000) ELSE 'y' END, i FROM "
      "generate_series(1, 9) i");
  ASSERT_TRUE(HasRecords(11)) << Told();
  EXPECT_TRUE(HasLetters(1)) << Letters();
  const auto caught_up = [&] { return Call("GET", "/api/v1/connectors/out/lag", 200)["records"] == 0; };
  EXPECT_TRUE(WaitFor(caught_up)) << Told();
  EXPECT_EQ(StateOf("out"), "RUNNING");
}

TEST_F(KafkaSinkTest, AvroGoesWithItsSchemaInTheRegistry) {
  std::unique_ptr<PrivateRegistry> registry;
  HG_WITH_SERVER("registry", registry, PrivateRegistry::Start());
  Create("out", Sink({{"format", "avro"}, {"registry", registry->url()}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  const std::string value = *Records()[0].value;
  ASSERT_GT(value.size(), 5U);
  EXPECT_EQ(value[0], '\0') << "the magic byte";
  EXPECT_THAT(value, HasSubstr("part 1"));
  Exec("ALTER TABLE public.parts ADD COLUMN colour text");
  Exec("UPDATE public.parts SET colour = 'red' WHERE id = 1");
  ASSERT_TRUE(HasRecords(4)) << Told();
  EXPECT_NE(Records()[3].value->substr(1, 4), value.substr(1, 4)) << "another schema has another id";
}

// As Debezium with Confluent's AvroConverter: the registry checks that readers of before can read what comes.
TEST_F(KafkaSinkTest, AvroOfDebeziumEvolvesAsTheRegistryAllows) {
  std::unique_ptr<PrivateRegistry> registry;
  HG_WITH_SERVER("registry", registry, PrivateRegistry::Start());
  ASSERT_TRUE(registry->Json("PUT", "/config", R"({"compatibility":"BACKWARD"})").ok());
  Create("out", Sink({{"format", "avro"}, {"envelope", "debezium"}, {"registry", registry->url()}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  Exec("ALTER TABLE public.parts ADD COLUMN colour text");
  Exec("UPDATE public.parts SET colour = 'red' WHERE id = 1");
  Exec("DELETE FROM public.parts WHERE id = 1");
  ASSERT_TRUE(HasRecords(6)) << Told();
  EXPECT_FALSE(Records()[5].value.has_value()) << "a tombstone has no schema";
  const std::string subject = "/subjects/" + topics_->Name("parts") + "-value/versions";
  const auto versions = registry->Json("GET", subject);
  ASSERT_TRUE(versions.ok()) << versions.error().what;
  ASSERT_EQ(versions->size(), 2U) << *versions;
  const auto last = registry->Json("GET", subject + "/2");
  ASSERT_TRUE(last.ok()) << last.error().what;
  const json schema = json::parse((*last)["schema"].get<std::string>());
  EXPECT_EQ(schema["connect.name"], "shop.public.parts.Envelope");
  EXPECT_EQ(schema["fields"][0]["type"][1]["fields"].back()["name"], "colour");
  EXPECT_EQ(schema["fields"][2]["type"]["connect.name"], "io.debezium.connector.postgresql.Source");
  // The other way there is no going: the sink says which subject, and nothing is lost.
  Exec("ALTER TABLE public.parts ALTER COLUMN price TYPE text");
  Exec("UPDATE public.parts SET price = 'dear' WHERE id = 2");
  EXPECT_TRUE(Fails(topics_->Name("parts") + "-value")) << Told();
  EXPECT_EQ(Records().size(), 6U);
  ASSERT_TRUE(registry->Json("PUT", "/config", R"({"compatibility":"NONE"})").ok());
  Call("POST", "/connectors/out/restart", 204);
  EXPECT_TRUE(HasRecords(7)) << Told();
}

TEST_F(KafkaSinkTest, ProtobufNeedsNoRegistry) {
  Create("out", Sink({{"format", "protobuf"},
                      {"proto", "syntax = \"proto3\"; message Part { int32 number = 1; string name = 2; }"},
                      {"fields", "number=id,name=name"}}));
  ASSERT_TRUE(HasRecords(3)) << Told();
  EXPECT_EQ(*Records()[0].value, std::string("\x08\x01\x12\x06part 1"));
}

TEST_F(KafkaSinkTest, ValidateAndCheckSayWhatIsWrongWithTheCluster) {
  ConnectorSettings settings = Sink({{"brokers", "127.0.0.1:1"}});
  settings["name"] = "out";
  const json checked = Call("POST", "/api/v1/connections/test", 200, {{"config", settings}});
  EXPECT_THAT(checked.dump(), HasSubstr("127.0.0.1:1")) << checked;
  EXPECT_THAT(checked.dump(), HasSubstr(R"("status":"warning")")) << checked;
  settings["brokers"] = topics_->address();
  EXPECT_THAT(Call("POST", "/api/v1/connections/test", 200, {{"config", settings}}).dump(), HasSubstr("answers"));
}

}  // namespace
}  // namespace headgate::test
