#include <algorithm>
#include <map>

#include "core/net/digest.h"
#include "tests/e2e/kafka_sink.h"

// Declared transforms of single changes on their way to topics (OP-07 to OP-10).
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* kHashKey = "a key that only tests have";

class Transforms : public KafkaSinkFixture {
 protected:
  void SetUp() override {
    KafkaSinkFixture::SetUp();
    if (!IsUp()) return;
    Exec("CREATE TABLE public.parts (id int PRIMARY KEY, name text, country text)");
    Exec("ALTER TABLE public.parts REPLICA IDENTITY FULL");
    Exec("INSERT INTO public.parts VALUES (1, 'first part', 'DE'), (2, 'second part', 'FR')");
    Exec(
        "CREATE TABLE public.outbox (id uuid PRIMARY KEY, aggregatetype text, aggregateid text, type text, payload "
        "jsonb, "
        "tenant text)");
  }
  ConnectorSettings Sink(ConnectorSettings more = {}) const {
    more.emplace("topics", "shop.public.parts,shop.public.outbox");
    return KafkaSinkFixture::Sink(more);
  }
  void Start(const ConnectorSettings& sink) {
    Create("shop", shop_->Source());
    Create("out", Sink(sink));
  }
  // Values of the records, "null" of tombstones.
  std::vector<std::string> Values(const std::string& topic = "parts") {
    std::vector<std::string> values;
    for (const KafkaRecord& record : Records(topic)) values.push_back(record.value.value_or("null"));
    return values;
  }
  std::string ErrorsOf(const ConnectorSettings& more, const std::string& key) {
    ConnectorSettings settings = Sink(more);
    settings["name"] = "v";
    const json answer = Call("PUT", "/connector-plugins/KafkaSink/config/validate", 200, settings);
    for (const json& one : answer["configs"]) {
      if (one["value"]["name"] == key) return one["value"]["errors"].dump();
    }
    return "no such key";
  }
};

TEST_F(Transforms, OP07_OnlyRecordsThatTheFilterTakesAreWrittenAndTheSinkIsNotBehind) {
  Start({{"format", "row"}, {"filter", "after.country = DE or op = delete"}, {"ops", "read,insert,delete"}});
  ASSERT_TRUE(HasRecords(1)) << Told();
  Exec(
      "INSERT INTO public.parts SELECT i, 'x', CASE WHEN i % 10 = 0 THEN 'DE' ELSE 'FR' END FROM generate_series(11, "
      "40) i");
  Exec("UPDATE public.parts SET name = 'other' WHERE id = 1");
  Exec("DELETE FROM public.parts WHERE id = 2");
  ASSERT_TRUE(HasRecords(5)) << Told();
  std::vector<std::string> keys;
  for (const KafkaRecord& record : Records()) keys.push_back(record.key.value_or("none"));
  EXPECT_THAT(keys, ElementsAre(R"({"id":1})", R"({"id":20})", R"({"id":30})", R"({"id":40})", R"({"id":2})"));
  EXPECT_EQ(Records().back().value, std::nullopt);
  const auto seen = [&] { return Call("GET", "/api/v1/connectors/out", 200); };
  EXPECT_TRUE(WaitFor([&] { return seen()["lag"]["records"] == 0; }, seconds(20))) << seen();
  EXPECT_EQ(seen()["counts"]["delivered"], 5) << seen();
  EXPECT_EQ(seen()["counts"]["filtered"], 29) << seen();  // one read, 27 inserts, one update
  EXPECT_THAT(ErrorsOf({{"filter", "after.a ="}}, "filter"), HasSubstr("goes wrong at column"));
}

TEST_F(Transforms, OP07_OP08_TheStateOfAStreamThatIsAskedForIsFilteredAndMaskedAndEnds) {
  Exec(
      "INSERT INTO public.parts SELECT i, 'x', CASE WHEN i % 2 = 0 THEN 'DE' ELSE 'FR' END FROM generate_series(3, 20) "
      "i");
  for (const std::string delivery : {"exactly_once", "at_least_once"}) {
    if (delivery == "exactly_once") Create("shop", shop_->Source());
    Create(delivery, Sink({{"format", "row"},
                           {"topics", "shop.public.parts"},
                           {"topic", topics_->Name(delivery)},
                           {"transactional_id", topics_->Name(delivery)},
                           {"progress_topic", topics_->Name("progress-" + delivery)},
                           {"delivery", delivery},
                           {"filter", "after.country = DE"},
                           {"mask_columns", "public.parts.name"}}));
    ASSERT_TRUE(HasRecords(10, delivery)) << headgate_->Stderr();  // 1 and the even ones from 4 on
    const json made = Call("POST", "/api/v1/connectors/" + delivery + "/snapshots", 201, {{"mode", "full"}});
    const std::string path = "/api/v1/connectors/" + delivery + "/snapshots/" + made["id"].get<std::string>();
    EXPECT_TRUE(WaitFor([&] { return Call("GET", path, 200)["state"] == "completed"; }, seconds(30)))
        << Call("GET", path, 200);
    const auto values = Values(delivery);
    EXPECT_EQ(values.size(), 20U);
    for (const std::string& value : values) EXPECT_THAT(value, HasSubstr(R"("name":"***","country":"DE"})"));
  }
}

TEST_F(Transforms, OP08_ASinkMasksHashesCutsAndRenamesInWhatItWritesAndInItsLetters) {
  Start({{"format", "row"},
         {"mask_columns", "public.parts.country"},
         {"truncate_columns", "public.parts.name:5"},
         {"rename_columns", "public.parts.name:title"},
         {"hash_columns", "public.parts.id"},
         {"hash_key", kHashKey},
         {"record_bytes_max", "1024"}});
  ASSERT_TRUE(HasRecords(2)) << Told();
  const std::string first = net::HmacSha256Hex(kHashKey, "1");
  EXPECT_EQ(Values()[0], R"({"id":")" + first + R"(","title":"first","country":"***"})");
  EXPECT_EQ(Records()[0].key, R"({"id":")" + first + R"("})");
  // A record that is too large because of another column is a letter.
  Exec("ALTER TABLE public.parts ADD COLUMN large text");
  Exec("INSERT INTO public.parts VALUES (3, 'a name that is cut', 'SECRETLAND', repeat('x', 2000))");
  ASSERT_TRUE(WaitFor([&] { return Letters().size() == 1; }, seconds(30))) << Told();
  const json letter = Call("GET", "/api/v1/connectors/out/dead-letters/" + Letters()[0]["id"].get<std::string>(), 200);
  EXPECT_THAT(letter.dump(), Not(HasSubstr("SECRETLAND")));
  EXPECT_THAT(letter.dump(), HasSubstr(net::HmacSha256Hex(kHashKey, "3")));
  EXPECT_THAT(letter.dump(), Not(HasSubstr("that is cut")));
  // The log has what the source sent: other sinks see it.
  const json records = Call("GET", "/api/v1/streams/shop.public.parts/records?limit=100", 200);
  EXPECT_THAT(records.dump(), HasSubstr("SECRETLAND"));
}

TEST_F(Transforms, OP07_ATopicIsMadeOfAColumnAndRowsWithoutItHaveTheDefault) {
  Exec("INSERT INTO public.parts VALUES (3, 'third', NULL), (4, 'fourth', 'a b/c')");
  Start(
      {{"format", "row"}, {"topic", topics_->Name("p-${column.country}")}, {"topic_default", topics_->Name("p-none")}});
  ASSERT_TRUE(HasRecords(1, "p-DE") && HasRecords(1, "p-FR") && HasRecords(1, "p-a_b_c") && HasRecords(1, "p-none"))
      << Told();
  EXPECT_EQ(Records("p-none")[0].key, R"({"id":3})");
  Exec("DELETE FROM public.parts WHERE id = 1");
  ASSERT_TRUE(HasRecords(2, "p-DE")) << Told();
  EXPECT_EQ(Records("p-DE")[1].value, std::nullopt);
}

TEST_F(Transforms, OP07_ARowWithoutTheColumnOfItsTopicIsALetterAndTheRestGoesOn) {
  Exec("UPDATE public.parts SET country = NULL WHERE id = 1");
  Start({{"format", "row"}, {"topic", topics_->Name("p-${column.country}")}});
  ASSERT_TRUE(HasRecords(1, "p-FR")) << Told();
  ASSERT_TRUE(WaitFor([&] { return Letters().size() == 1; }, seconds(30))) << Told();
  EXPECT_THAT(Letters().dump(), HasSubstr("column country"));
}

TEST_F(Transforms, OP07_ATopicThatTheExpressionMatchesIsReplaced) {
  Start({{"format", "row"}, {"topic_regex", "(.*)parts"}, {"topic_replacement", "$1all things"}});
  ASSERT_TRUE(HasRecords(2, "all_things")) << Told();
  EXPECT_THAT(ErrorsOf({{"topic_regex", "(x"}, {"topic_replacement", "y"}}, "topic_regex"), HasSubstr("no RE2"));
}

TEST_F(Transforms, OP09_AnOutboxRowGoesToItsTopicWithKeyAndHeadersAndItsDeleteIsNothing) {
  Exec("INSERT INTO public.outbox VALUES (gen_random_uuid(), 'order', 'o-0', 'Old', '{}', NULL)");
  Start({{"format", "debezium"},
         {"topics", "shop.public.outbox"},
         {"outbox_tables", "public.outbox"},
         {"outbox_topic", topics_->Name("${aggregate_type}.events")},
         {"outbox_headers", "tenant:x-tenant"}});
  ASSERT_TRUE(HasRecords(1, "order.events")) << Told();  // of the snapshot: from here on it is the stream
  const std::string id = "0b5a6c1e-0000-4000-8000-000000000001";
  Exec("BEGIN; INSERT INTO public.outbox VALUES ('" + id +
       "', 'order', 'o-1', 'OrderCreated', '{\"total\": 12.50}', 'acme'); DELETE FROM public.outbox; COMMIT");
  Exec("INSERT INTO public.outbox VALUES (gen_random_uuid(), 'order', 'o-2', 'OrderPaid', NULL, NULL)");
  ASSERT_TRUE(HasRecords(3, "order.events")) << Told();
  const auto records = Records("order.events");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1].key, "o-1");
  EXPECT_EQ(records[1].value, R"({"total": 12.50})");
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : records[1].headers) headers[name] = value.value_or("null");
  EXPECT_EQ(headers["id"], id);
  EXPECT_EQ(headers["type"], "OrderCreated");
  EXPECT_EQ(headers["x-tenant"], "acme");
  EXPECT_EQ(records[2].key, "o-2");
  EXPECT_EQ(records[2].value, std::nullopt);
  EXPECT_EQ(Letters().size(), 0U);
}

TEST_F(Transforms, OP09_AnOutboxRowIsTheBodyOfARequestAndOP10ARowLikewise) {
  testing_support::HttpReceiver receiver;
  Create("shop", shop_->Source());
  Create("hook", {{"connector.class", "webhook"},
                  {"topics", "shop.public.parts,shop.public.outbox"},
                  {"url", receiver.url()},
                  {"format", "row"},
                  {"add_fields", "op"},
                  {"deletes", "rewrite"},
                  {"mask_columns", "public.parts.country"},
                  {"outbox_tables", "public.outbox"}});
  ASSERT_TRUE(WaitFor([&] { return receiver.Requests().size() == 2; }, seconds(30))) << headgate_->Stderr();
  Exec(
      "BEGIN; INSERT INTO public.outbox VALUES (gen_random_uuid(), 'order', 'o-1', 'Paid', '{\"a\": 1}', NULL); DELETE "
      "FROM public.outbox; COMMIT");
  Exec("DELETE FROM public.parts WHERE id = 1");
  ASSERT_TRUE(WaitFor([&] { return receiver.Requests().size() >= 4; }, seconds(30))) << headgate_->Stderr();
  std::vector<std::string> bodies;
  std::string type;
  for (const auto& request : receiver.Requests()) {
    bodies.push_back(request.body);
    if (request.body == R"({"a": 1})") type = request.Header("outbox-type").value_or("none");
  }
  EXPECT_THAT(bodies,
              UnorderedElementsAre(R"({"id":1,"name":"first part","country":"***","__op":"read","__deleted":false})",
                                   R"({"id":2,"name":"second part","country":"***","__op":"read","__deleted":false})",
                                   R"({"a": 1})",
                                   R"({"id":1,"name":"first part","country":"***","__op":"delete","__deleted":true})"));
  EXPECT_EQ(type, "Paid");
}

TEST_F(Transforms, OP10_FlatRowsHaveFieldsOfTheirChangeAndDeletesThatAreRewritten) {
  Start({{"format", "row"}, {"add_fields", "op,table,source"}, {"deletes", "rewrite"}});
  ASSERT_TRUE(HasRecords(2)) << Told();
  Exec("DELETE FROM public.parts WHERE id = 2");
  ASSERT_TRUE(HasRecords(4)) << Told();
  const std::string tail = R"("__table":"parts","__source":"shop","__deleted":)";
  EXPECT_THAT(Values(),
              ElementsAre(R"({"id":1,"name":"first part","country":"DE","__op":"read",)" + tail + "false}",
                          R"({"id":2,"name":"second part","country":"FR","__op":"read",)" + tail + "false}",
                          R"({"id":2,"name":"second part","country":"FR","__op":"delete",)" + tail + "true}", "null"));
  EXPECT_THAT(ErrorsOf({{"add_fields", "op"}}, "add_fields"), HasSubstr("only with format=row"));
}

}  // namespace
}  // namespace headgate::test
