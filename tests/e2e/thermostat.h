#pragma once

#include <string>

#include "tests/e2e/views.h"
#include "tests/support/thermostat.h"

namespace headgate::test {

inline constexpr const char* kThermostatState = R"(
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

// All of it, over readings that come by HTTP.
inline std::string ThermostatOf(const std::string& settings_stream) {
  return "CREATE SOURCE readings (sensor_id int NOT NULL, temperature float8 NOT NULL) WITH (connector.class = "
         "'http');" +
         SettingsTable(settings_stream) + kThermostatRule + kThermostatState;
}
inline const std::string kThermostat = ThermostatOf("bms.public.settings");

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
