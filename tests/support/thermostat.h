#pragma once

#include <cstdint>
#include <cstring>
#include <string>

// The thermostat of the acceptance cases (H) as SQL, and in the bytes of its original topics.
namespace headgate::test {

// Settings by sensor, of a control stream with the columns sensor_id, desired, up_delta and down_delta.
inline std::string SettingsTable(const std::string& stream) {
  return R"(
CREATE TABLE settings (
  sensor_id  int    PRIMARY KEY,
  desired    float8 NOT NULL,
  up_delta   float8 NOT NULL CHECK (up_delta >= 0),
  down_delta float8 NOT NULL CHECK (down_delta >= 0)
) WITH (stream = ')" +
         stream + R"(', on_violation = 'keep_previous');)";
}

// Over readings (sensor_id, temperature) and settings.
inline constexpr const char* kThermostatRule = R"(
CREATE VIEW decisions AS
SELECT r.sensor_id, r._seq AS seq, r._ordinal AS ordinal, r.temperature, s._seq AS setting_seq,
       s._ordinal AS setting_ordinal,
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

// The three topics, in Protobuf without a registry. `tempset` is the stream of settings.
inline std::string SettingsFromTopic(const std::string& brokers, const std::string& topic) {
  return R"(
CREATE SOURCE tempset (sensor_id int PRIMARY KEY, desired float8 NOT NULL, up_delta float8 NOT NULL,
                       down_delta float8 NOT NULL)
  WITH (connector.class = 'kafka-source', brokers = ')" +
         brokers + "', topic = '" + topic + R"(', format = 'protobuf', message = 'TemperatureControl',
        schema = 'syntax = "proto3"; message TemperatureControl { int32 sensorID = 1; double desired = 2; double upDelta = 3; double downDelta = 4; }',
        fields = 'sensor_id=sensorID,up_delta=upDelta,down_delta=downDelta', key_fields = 'sensor_id=key');)";
}
inline std::string ReadingsFromTopic(const std::string& brokers, const std::string& topic) {
  return R"(
CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL)
  WITH (connector.class = 'kafka-source', brokers = ')" +
         brokers + "', topic = '" + topic + R"(', format = 'protobuf', message = 'SensorData',
        schema = 'syntax = "proto3"; message SensorData { int32 sensorID = 1; double temperature = 2; }',
        fields = 'sensor_id=sensorID');)";
}
// `more`: further settings, ", a = 'b'".
inline std::string CommandsToTopic(const std::string& brokers, const std::string& topic, const std::string& more = "") {
  return R"(
CREATE SINK heater FROM heater_control
  WITH (connector.class = 'kafka', brokers = ')" +
         brokers + "', topic = '" + topic + R"(', format = 'protobuf',
        proto = 'syntax = "proto3"; enum HeaterCommand { On = 0; Off = 1; } message HeaterControl { int32 sensorID = 1; HeaterCommand command = 2; }',
        message = 'HeaterControl', fields = 'sensorID=sensor_id,command=command')" +
         more + ");";
}

// Fields of Protobuf; a default is left out, as proto3 does.
inline void AppendProtoInt(std::string& out, int field, std::int32_t value) {
  if (value == 0) return;
  out.push_back(static_cast<char>(field << 3));
  auto left = static_cast<std::uint64_t>(std::int64_t{value});
  for (; left >= 0x80; left >>= 7) out.push_back(static_cast<char>((left & 0x7f) | 0x80));
  out.push_back(static_cast<char>(left));
}
inline void AppendProtoDouble(std::string& out, int field, double value) {
  if (value == 0) return;
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.push_back(static_cast<char>(field << 3 | 1));
  out.append(bytes, sizeof bytes);
}

inline std::string TemperatureControl(std::int32_t sensor, double desired, double up, double down) {
  std::string bytes;
  AppendProtoInt(bytes, 1, sensor);
  AppendProtoDouble(bytes, 2, desired);
  AppendProtoDouble(bytes, 3, up);
  AppendProtoDouble(bytes, 4, down);
  return bytes;
}
inline std::string SensorData(std::int32_t sensor, double temperature) {
  std::string bytes;
  AppendProtoInt(bytes, 1, sensor);
  AppendProtoDouble(bytes, 2, temperature);
  return bytes;
}
inline std::string HeaterControl(std::int32_t sensor, bool off) {
  std::string bytes;
  AppendProtoInt(bytes, 1, sensor);
  AppendProtoInt(bytes, 2, off ? 1 : 0);
  return bytes;
}

}  // namespace headgate::test
