#pragma once

#include <string>

#include "tests/e2e/views.h"

namespace headgate::test {

inline constexpr const char* kThermostat = R"(
CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL) WITH (connector.class = 'http');
CREATE TABLE settings (
  sensor_id  int    PRIMARY KEY,
  desired    float8 NOT NULL,
  up_delta   float8 NOT NULL CHECK (up_delta >= 0),
  down_delta float8 NOT NULL CHECK (down_delta >= 0)
) WITH (stream = 'bms.public.settings', on_violation = 'keep_previous');
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
CREATE MATERIALIZED VIEW controller_state AS
SELECT s.sensor_id, s.desired, s.up_delta, s.down_delta, h.command AS previous
FROM settings s
LEFT JOIN (SELECT DISTINCT ON (sensor_id) sensor_id, command FROM heater_control
           ORDER BY sensor_id, seq DESC, ordinal DESC) h ON h.sensor_id = s.sensor_id;
CREATE MATERIALIZED VIEW setting_usage AS
SELECT s.sensor_id, s._commit_at AS since, coalesce(u.readings, 0) AS readings, u.coldest, u.hottest
FROM settings s
LEFT JOIN (SELECT sensor_id, setting_seq, setting_ordinal, count(*) AS readings, min(temperature) AS coldest,
                  max(temperature) AS hottest
           FROM decisions GROUP BY sensor_id, setting_seq, setting_ordinal) u
       ON u.sensor_id = s.sensor_id AND u.setting_seq = s._seq AND u.setting_ordinal = s._ordinal;
)";

// A rule over settings in PostgreSQL and readings over HTTP.
class Thermostat : public ViewsFixture {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    if (IsSkipped()) return;
    Exec(
        "CREATE TABLE settings (sensor_id int PRIMARY KEY, desired float8 NOT NULL, up_delta float8 NOT NULL, "
        "down_delta float8 NOT NULL)");
  }
  void Begin() {
    auto source = shop_->Source();
    source["tables"] = "public.settings";
    Create("bms", source);
    Sql(kThermostat);
    for (const char* view : {"heater_control", "controller_state", "setting_usage"}) UntilRunning(view);
  }
  // A new setting, applied by the views.
  void Set(int sensor, double desired, double up, double down) {
    Exec("INSERT INTO settings VALUES (" + std::to_string(sensor) + ", " + std::to_string(desired) + ", " +
         std::to_string(up) + ", " + std::to_string(down) +
         ") ON CONFLICT (sensor_id) DO UPDATE SET desired = excluded.desired, up_delta = excluded.up_delta, "
         "down_delta = excluded.down_delta");
    UntilSetting(sensor, [&](const json& row) { return row["desired"] == desired && row["up_delta"] == up; });
  }
  void UntilSetting(int sensor, const std::function<bool(const json&)>& holds) {
    Until("/api/v1/views/controller_state/rows?key.sensor_id=" + std::to_string(sensor), holds);
  }
  void Read(int sensor, const std::string& temperature) {
    const auto answer =
        headgate_->Call("POST", "/api/v1/streams/readings/events",
                        R"({"sensor_id":)" + std::to_string(sensor) + R"(,"temperature":)" + temperature + "}");
    ASSERT_TRUE(answer.ok());
    ASSERT_EQ(answer->status, 200) << answer->body;
    seq_ = answer->headers.at("headgate-seq");
  }
  // The sensor's commands so far, as of the last reading.
  std::string Commands(int sensor) {
    const auto answer = Call("POST", "/api/v1/query", 200,
                             {{"sql", "SELECT command FROM heater_control WHERE sensor_id = " + std::to_string(sensor) +
                                          " ORDER BY seq, ordinal"},
                              {"min_seq", std::stoull(seq_)},
                              {"wait_ms", 10000}});
    std::string commands;
    for (const json& row : answer["rows"]) commands += row[0].get<std::string>() + " ";
    return commands;
  }

  std::string seq_ = "0";
};

}  // namespace headgate::test
