// Control streams over a real broker: the thermostat in its original wire format, Avro with a registry.
#include "core/base/encoding.h"
#include "tests/e2e/kafka_source.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_registry.h"
#include "tests/support/shared_postgres.h"
#include "tests/support/thermostat.h"

namespace headgate::test {
namespace {

using json = nlohmann::json;

std::string Bytes(std::string_view hex) { return *FromHex(hex); }

// Readings over Kafka, commands to Kafka; settings from wherever a test has them.
class KafkaThermostat : public KafkaSourceFixture {
 protected:
  void SetUp() override {
    KafkaSourceFixture::SetUp();
    if (IsSkipped()) return;
    for (const char* topic : {"sensor", "heatercontrol"}) CreateTopic(topic);
  }
  void Begin(const std::string& settings_stream) {
    Sql(SettingsTable(settings_stream) + ReadingsFromTopic(topics_->address(), topics_->Name("sensor")) +
        kThermostatRule + "CREATE MATERIALIZED VIEW controller AS SELECT sensor_id, desired FROM settings;" +
        CommandsToTopic(topics_->address(), topics_->Name("heatercontrol"),
                        ", progress_topic = '" + topics_->Name("progress") + "'"));
    Until("/api/v1/views/heater_control", [](const json& view) { return view["state"] == "running"; });
  }
  // The values in the topic of commands, once there are so many.
  std::vector<std::string> Commands(std::size_t count) {
    std::vector<std::string> commands;
    for (const auto end = std::chrono::steady_clock::now() + seconds(30); std::chrono::steady_clock::now() < end;) {
      commands.clear();
      const auto records = topics_->client().Read(topics_->Name("heatercontrol"));
      for (const auto& record : records.ok() ? *records : std::vector<KafkaRecord>())
        commands.push_back(record.value ? Hex(*record.value) : "no value");
      if (commands.size() >= count) break;
      Signal().WaitUntil(std::chrono::steady_clock::now() + milliseconds(20), {});
    }
    return commands;
  }
  void UntilDesired(int sensor, double desired) {
    Until("/api/v1/views/controller/rows?key.sensor_id=" + std::to_string(sensor),
          [&](const json& row) { return row["desired"] == desired; });
  }
  // It is no longer controlled.
  void UntilGone(int sensor) {
    Until("/api/v1/views/controller/rows", [&](const json& rows) {
      return std::ranges::none_of(rows["items"], [&](const json& row) { return row["sensor_id"] == sensor; });
    });
  }

  static constexpr const char* kSetting = "08b96011000000000080464019000000000000f03f21000000000000f03f";  // 45, 1, 1
  static constexpr const char* kCold = "08b960110000000000004540";                                         // 42.0
  static constexpr const char* kWarm = "08b960110000000000404740";                                         // 46.5
  static constexpr const char* kOn = "08b960";
  static constexpr const char* kOff = "08b9601001";
};

TEST_F(KafkaThermostat, H15_H16_H17_H18_RunsInItsOriginalBytes) {
  CreateTopic("tempset");
  // The readings stand in the log before the setting that they are judged by (H-19).
  Produce("sensor", {Record({}, Bytes("ffff")), Record({}, Bytes(kCold)), Record({}, Bytes(kWarm))});
  Produce("tempset", {Record({}, Bytes("ffff")), Record({}, Bytes(kSetting))});
  Sql(SettingsFromTopic(topics_->address(), topics_->Name("tempset")));
  Begin("tempset");
  std::vector<std::string> expected = {kOn, kOff};
  ASSERT_EQ(Commands(2), expected);

  const auto letters = Letters("readings", 1);
  const json letter = Call("GET", "/api/v1/connectors/readings/dead-letters/1", 200);
  EXPECT_EQ(
      letter["record"],
      (json{{"topic", topics_->Name("sensor")}, {"partition", 0}, {"offset", 0}, {"key", nullptr}, {"value", "//8="}}))
      << letter.dump();
  Letters("tempset", 1);

  // An empty payload is a setting of sensor 0, and half a degree is too warm for it; that it is to heat is an empty
  // payload, too (H-17).
  Produce("tempset", {Record({}, "")});
  UntilDesired(0, 0);
  Produce("sensor", {Record({}, Bytes("11000000000000e03f")), Record({}, SensorData(0, -0.5))});
  expected.insert(expected.end(), {"1001", ""});
  EXPECT_EQ(Commands(4), expected);

  // Without its setting 12345 is no longer controlled; -5 is a sensor like others (H-16, H-18).
  Produce("tempset", {Record("12345", {}), Record({}, TemperatureControl(-5, 45, 1, 1))});
  UntilDesired(-5, 45);
  UntilGone(12345);
  Produce("sensor", {Record({}, Bytes(kCold)), Record({}, Bytes("08fbffffffffffffffff01110000000000004440"))});
  expected.push_back("08fbffffffffffffffff01");
  EXPECT_EQ(Commands(5), expected);
}

TEST_F(KafkaThermostat, H01_H02_H03_ATopicOfSettingsThatIsEmptyIsLoadedAndItsReadingsAreNotJudgedLater) {
  CreateTopic("tempset");
  Sql(SettingsFromTopic(topics_->address(), topics_->Name("tempset")));
  Begin("tempset");
  Produce("sensor", {Record({}, Bytes(kCold))});
  Changes("readings", 1);
  Produce("tempset", {Record({}, Bytes(kSetting))});
  UntilDesired(12345, 45);
  Produce("sensor", {Record({}, Bytes(kWarm)), Record({}, Bytes(kCold))});
  EXPECT_EQ(Commands(2), (std::vector<std::string>{kOff, kOn}));
}

// Settings in a table of a database.
class KafkaThermostatOfTables : public KafkaThermostat, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    KafkaThermostat::SetUp();
    if (IsSkipped()) return;
    if (Postgres()) {
      HG_WITH_SERVER("postgres", database_, TestDatabase::Create());
    } else {
      HG_WITH_SERVER("mysql", mysql_, PrivateMysql::Start(MyServer::kMysql));
      Exec("CREATE DATABASE building");
    }
    Exec("CREATE TABLE " + Table() +
         " (sensor_id int PRIMARY KEY, desired double precision NOT NULL, up_delta double precision NOT NULL, "
         "down_delta double precision NOT NULL)");
  }
  static bool Postgres() { return std::string(GetParam()) == "postgres"; }
  static std::string Table() { return Postgres() ? "public.settings" : "building.settings"; }
  void Exec(const std::string& sql) {
    const Status done = Postgres() ? database_->Exec(sql) : mysql_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  ConnectorSettings Source() const {
    ConnectorSettings settings = {{"connector.class", GetParam()}, {"tables", Table()}};
    const auto at = [&](const std::string& host, int port, const std::string& user, const std::string& password) {
      settings["host"] = host;
      settings["port"] = std::to_string(port);
      settings["username"] = user;
      if (!password.empty()) settings["password"] = password;
    };
    if (!Postgres()) return at(mysql_->host(), mysql_->port(), "hg", "pw"), settings;
    const SharedPostgres& server = database_->postgres();
    at(server.host(), server.port(), server.user(), server.password());
    settings["dbname"] = database_->name();
    return settings;
  }

  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<PrivateMysql> mysql_;
};
INSTANTIATE_TEST_SUITE_P(Databases, KafkaThermostatOfTables, testing::Values("postgres", "mysql"),
                         [](const auto& one) { return std::string(one.param); });

TEST_P(KafkaThermostatOfTables, H15_H18_H56_RunsInItsOriginalBytesUnderSettingsOfATable) {
  Exec("INSERT INTO " + Table() + " VALUES (12345, 45, 1, 1), (0, 0, 0, 0)");
  Produce("sensor", {Record({}, Bytes(kCold)), Record({}, Bytes(kWarm)), Record({}, Bytes("11000000000000e03f"))});
  Create("bms", Source());
  Begin("bms." + Table());
  std::vector<std::string> expected = {kOn, kOff, "1001"};
  ASSERT_EQ(Commands(3), expected);

  Exec("UPDATE " + Table() + " SET desired = 50 WHERE sensor_id = 12345");
  UntilDesired(12345, 50);
  Produce("sensor", {Record({}, Bytes(kWarm))});
  expected.emplace_back(kOn);
  EXPECT_EQ(Commands(4), expected);

  Exec("DELETE FROM " + Table() + " WHERE sensor_id = 12345");
  UntilGone(12345);
  Produce("sensor", {Record({}, SensorData(12345, 99)), Record({}, SensorData(0, -0.5))});
  expected.emplace_back("");
  EXPECT_EQ(Commands(5), expected);
}

// Records of Avro whose schemas a registry has.
class KafkaAvro : public KafkaSourceFixture {
 protected:
  void SetUp() override {
    KafkaSourceFixture::SetUp();
    if (IsSkipped()) return;
    HG_WITH_SERVER("registry", registry_, PrivateRegistry::Start());
    CreateTopic("events");
  }
  // The id of a schema that is registered.
  int Register(const std::string& schema) {
    const auto answer = registry_->Json("POST", "/subjects/events-value/versions", json{{"schema", schema}}.dump());
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    return answer.ok() ? (*answer)["id"].get<int>() : 0;
  }
  static std::string WithHeader(int id, const std::string& body) {
    std::string bytes(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(id >> shift));
    return bytes + body;
  }
  static std::string Text(const std::string& text) {
    return std::string(1, static_cast<char>(text.size() * 2)).append(text);
  }

  static constexpr const char* kEnvelope = R"({"type":"record","name":"Envelope","fields":[
    {"name":"event","type":[
      {"type":"record","name":"DeviceWokeUp","fields":[]},
      {"type":"record","name":"DataReceived","fields":[{"name":"name","type":"string"},{"name":"value","type":"double"}]},
      {"type":"record","name":"AllDataReceived","fields":[]}]},
    {"name":"timestamp","type":"long"}%s]})";
  static std::string Envelope(const std::string& more) {
    std::string schema = kEnvelope;
    return schema.replace(schema.find("%s"), 2, more);
  }
  std::unique_ptr<PrivateRegistry> registry_;
};

TEST_F(KafkaAvro, S38_S39_S40_UnionsAndVersionsOfARegistryAreReadAndPoisonIsPutAside) {
  const int first = Register(Envelope(""));
  const int second = Register(Envelope(R"(,{"name":"place","type":"string","default":"here"})"));
  const std::string at = Bytes("8080f4f6905d");                                            // 1 600 000 000 000
  const std::string reading = Bytes("02") + Text("pressure") + Bytes("9a9999999999d13f");  // 0.275
  Produce("events", {Record("d1", WithHeader(first, Bytes("00") + at)),
                     Record("d1", WithHeader(second, reading + at + Text("there"))),
                     Record("d1", "poison"),                                     // a wrong magic byte
                     Record("d1", WithHeader(first + 1'000, Bytes("00") + at)),  // an id that nobody has
                     Record("d1", WithHeader(first, reading.substr(0, 6))),      // cut off
                     Record("d1", WithHeader(first, Bytes("04") + at))});
  auto settings = Settings("events",
                           "device_id text NOT NULL, event_type text NOT NULL, name text, value float8, event_time "
                           "timestamptz NOT NULL, place text DEFAULT 'nowhere'");
  settings["format"] = "avro";
  settings["registry"] = registry_->url();
  settings["fields"] =
      "device_id=key,event_type=value.event#type,name=value.event.name,value=value.event.value,"
      "event_time=value.timestamp";
  Create("events", settings);
  const auto changes = Changes("events", 3);
  EXPECT_EQ(changes[0]["after"]["event_type"], "DeviceWokeUp");
  EXPECT_EQ(changes[0]["after"]["name"], nullptr);
  EXPECT_EQ(changes[0]["after"]["place"], "nowhere");
  EXPECT_EQ(changes[0]["after"]["event_time"], "2020-09-13T12:26:40Z");
  EXPECT_EQ(changes[1]["after"]["event_type"], "DataReceived");
  EXPECT_EQ(changes[1]["after"]["value"], 0.275);
  EXPECT_EQ(changes[1]["after"]["place"], "there");
  EXPECT_EQ(changes[1]["after"]["device_id"], "d1");
  EXPECT_EQ(changes[2]["after"]["event_type"], "AllDataReceived");
  Letters("events", 3);
  const json unknown = Call("GET", "/api/v1/connectors/events/dead-letters/2", 200);
  EXPECT_THAT(unknown.dump(), testing::HasSubstr(std::to_string(first + 1'000))) << unknown.dump();
}

TEST_F(KafkaAvro, ARegistryThatIsAwayLosesNothing) {
  const int id = Register(Envelope(""));
  ASSERT_TRUE(registry_->Freeze().ok());
  Produce("events", {Record("d1", WithHeader(id, Bytes("0002")))});
  auto settings = Settings("events", "event_type text NOT NULL");
  settings["format"] = "avro";
  settings["registry"] = registry_->url();
  settings["fields"] = "event_type=event#type";
  settings["registry_timeout_ms"] = "500";
  Create("events", settings);
  EXPECT_TRUE(headgate_->WaitForLine("the schema registry at", seconds(30))) << headgate_->Stderr();
  ASSERT_TRUE(registry_->Thaw().ok());
  EXPECT_EQ(Changes("events", 1)[0]["after"]["event_type"], "DeviceWokeUp");
}

}  // namespace
}  // namespace headgate::test
