// Control streams over a real broker: the thermostat in its original wire format, Avro with a registry.
#include "core/base/encoding.h"
#include "tests/e2e/kafka_source.h"
#include "tests/support/private_registry.h"

namespace headgate::test {
namespace {

using json = nlohmann::json;

std::string Bytes(std::string_view hex) { return *FromHex(hex); }

// Settings over Kafka, readings over Kafka, commands to Kafka.
class KafkaThermostat : public KafkaSourceFixture {
 protected:
  void SetUp() override {
    KafkaSourceFixture::SetUp();
    if (IsSkipped()) return;
    for (const char* topic : {"tempset", "sensor", "heatercontrol"}) CreateTopic(topic);
  }
  void Begin() {
    const std::string where = "connector.class = 'kafka-source', brokers = '" + topics_->address() + "', topic = '";
    Sql("CREATE SOURCE tempset (sensor_id int PRIMARY KEY, desired float8 NOT NULL, up_delta float8 NOT NULL, "
        "down_delta float8 NOT NULL) WITH (" +
        where + topics_->Name("tempset") +
        R"(', format = 'protobuf', message = 'TemperatureControl',
        schema = 'syntax = "proto3"; message TemperatureControl { int32 sensorID = 1; double desired = 2; double upDelta = 3; double downDelta = 4; }',
        fields = 'sensor_id=sensorID,up_delta=upDelta,down_delta=downDelta', key_fields = 'sensor_id=key');)"
        "CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL) WITH (" +
        where + topics_->Name("sensor") + R"(', format = 'protobuf', message = 'SensorData',
        schema = 'syntax = "proto3"; message SensorData { int32 sensorID = 1; double temperature = 2; }',
        fields = 'sensor_id=sensorID');)" +
        kRule + "CREATE SINK heater FROM heater_control WITH (connector.class = 'kafka', brokers = '" +
        topics_->address() + "', topic = '" + topics_->Name("heatercontrol") + "', format = 'row')");
    Until("/api/v1/views/heater_control", [](const json& view) { return view["state"] == "running"; });
  }
  // The commands in their topic, once there are so many: "12345 On".
  std::vector<std::string> Commands(std::size_t count) {
    std::vector<std::string> commands;
    for (const auto end = std::chrono::steady_clock::now() + seconds(30); std::chrono::steady_clock::now() < end;) {
      commands.clear();
      const auto records = topics_->client().Read(topics_->Name("heatercontrol"));
      for (const auto& record : records.ok() ? *records : std::vector<KafkaRecord>()) {
        const json row = json::parse(record.value.value_or("{}"));
        commands.push_back(row["sensor_id"].dump() + " " + row["command"].get<std::string>());
      }
      if (commands.size() >= count) break;
      Signal().WaitUntil(std::chrono::steady_clock::now() + milliseconds(20), {});
    }
    return commands;
  }

  static constexpr const char* kRule = R"(
CREATE TABLE settings (
  sensor_id  int    PRIMARY KEY,
  desired    float8 NOT NULL,
  up_delta   float8 NOT NULL CHECK (up_delta >= 0),
  down_delta float8 NOT NULL CHECK (down_delta >= 0)
) WITH (stream = 'tempset', on_violation = 'keep_previous');
CREATE MATERIALIZED VIEW controller AS SELECT sensor_id, desired FROM settings;
CREATE VIEW decisions AS
SELECT r.sensor_id, r._seq AS seq, r._ordinal AS ordinal,
       CASE WHEN r.temperature = 'NaN'::float8            THEN NULL
            WHEN r.temperature > s.desired + s.up_delta   THEN 'Off'
            WHEN r.temperature < s.desired - s.down_delta THEN 'On'
       END AS command
FROM readings r
JOIN settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.sensor_id = r.sensor_id;
CREATE MATERIALIZED VIEW heater_control WITH (on_load = 'wait', retention = '7 d') AS
SELECT sensor_id, command, seq, ordinal
FROM (SELECT d.sensor_id, d.command, d.seq, d.ordinal,
             LAG(d.command) OVER (PARTITION BY d.sensor_id ORDER BY d.seq, d.ordinal) AS previous
      FROM decisions d
      WHERE d.command IS NOT NULL) x
WHERE x.previous IS DISTINCT FROM x.command;
)";
  static constexpr const char* kSetting = "08b96011000000000080464019000000000000f03f21000000000000f03f";  // 45, 1, 1
  static constexpr const char* kCold = "08b960110000000000004540";                                         // 42.0
  static constexpr const char* kWarm = "08b960110000000000404740";                                         // 46.5
};

TEST_F(KafkaThermostat, H15_H16_H17_H18_RunsInItsOriginalBytes) {
  // The readings stand in the log before the setting that they are judged by (H-19).
  Produce("sensor", {Record({}, Bytes("ffff")), Record({}, Bytes(kCold)), Record({}, Bytes(kWarm))});
  Produce("tempset", {Record({}, Bytes("ffff")), Record({}, Bytes(kSetting))});
  Begin();
  ASSERT_EQ(Commands(2), (std::vector<std::string>{"12345 On", "12345 Off"}));

  const auto letters = Letters("readings", 1);
  const json letter = Call("GET", "/api/v1/connectors/readings/dead-letters/1", 200);
  EXPECT_EQ(
      letter["record"],
      (json{{"topic", topics_->Name("sensor")}, {"partition", 0}, {"offset", 0}, {"key", nullptr}, {"value", "//8="}}))
      << letter.dump();
  Letters("tempset", 1);

  // An empty payload is a setting of sensor 0, and half a degree is too warm for it (H-17).
  Produce("tempset", {Record({}, "")});
  Until("/api/v1/views/controller/rows?key.sensor_id=0", [](const json& row) { return row["desired"] == 0.0; });
  Produce("sensor", {Record({}, Bytes("11000000000000e03f"))});
  EXPECT_EQ(Commands(3), (std::vector<std::string>{"12345 On", "12345 Off", "0 Off"}));

  // Without its setting 12345 is no longer controlled; -5 is a sensor like others (H-16, H-18).
  Produce("tempset", {Record("12345", {}), Record({}, Bytes("08fbffffffffffffffff0111000000000080464019000000000000f03f"
                                                            "21000000000000f03f"))});
  Until("/api/v1/views/controller/rows?key.sensor_id=-5", [](const json& row) { return row["desired"] == 45.0; });
  EXPECT_EQ(headgate_->Call("GET", "/api/v1/views/controller/rows?key.sensor_id=12345")->status, 404);
  Produce("sensor", {Record({}, Bytes(kCold)), Record({}, Bytes("08fbffffffffffffffff01110000000000004440"))});
  EXPECT_EQ(Commands(4), (std::vector<std::string>{"12345 On", "12345 Off", "0 Off", "-5 On"}));
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
