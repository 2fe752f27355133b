// The thermostat: settings in PostgreSQL, readings over HTTP, commands out through a webhook.
#include "tests/e2e/thermostat.h"

namespace headgate::test {
namespace {

using nlohmann::json;

// tidy: long because it is one list of cases
TEST_F(Thermostat, H01ToH24_TheRule) {
  Begin();
  int s = 100;
  const auto next = [&] { return ++s; };
  Read(next(), "10");
  Read(s, "90");
  EXPECT_EQ(Commands(s), "") << "H-01";
  Read(next(), "10");
  Set(s, 45, 1, 1);
  EXPECT_EQ(Commands(s), "") << "H-02, H-03";
  Read(s, "10");
  EXPECT_EQ(Commands(s), "On ") << "H-02";
  Set(next(), 45, 1, 1);
  Read(s, "43.9");
  EXPECT_EQ(Commands(s), "On ") << "H-04";
  Set(next(), 45, 1, 1);
  Read(s, "46.1");
  EXPECT_EQ(Commands(s), "Off ") << "H-05";
  Set(next(), 45, 1, 1);
  for (const char* t : {"44.0", "45.0", "46.0"}) Read(s, t);
  EXPECT_EQ(Commands(s), "") << "H-06";
  Set(next(), 45, 2, 0.5);
  for (const char* t : {"46.9", "47.5", "44.6", "44.4"}) Read(s, t);
  EXPECT_EQ(Commands(s), "Off On ") << "H-07";
  Set(next(), 45, 1, 1);
  for (const char* t : {"40", "39", "43"}) Read(s, t);
  EXPECT_EQ(Commands(s), "On ") << "H-08";
  Set(next(), 45, 1, 1);
  for (const char* t : {"40", "45", "40"}) Read(s, t);
  EXPECT_EQ(Commands(s), "On ") << "H-09";
  Set(next(), 45, 1, 1);
  for (const char* t : {"40", "47", "40"}) Read(s, t);
  EXPECT_EQ(Commands(s), "On Off On ") << "H-10";
  Set(next(), 45, 1, 1);
  Read(s, "45");
  EXPECT_EQ(Commands(s), "") << "H-11";
  Set(s, 50, 1, 1);
  Read(s, "45");
  EXPECT_EQ(Commands(s), "On ") << "H-11";
  Set(next(), 45, 1, 1);
  Read(s, "40");
  Set(s, 50, 1, 1);
  Read(s, "45");
  Read(s, "51.5");
  EXPECT_EQ(Commands(s), "On Off ") << "H-12";
  Set(next(), 45, 1, 1);
  Read(s + 1, "10");
  Read(s, "10");
  EXPECT_EQ(Commands(s) + Commands(s + 1), "On ") << "H-13";
  next();
  const int a = next();
  const int b = next();
  Set(a, 45, 1, 1);
  Set(b, 45, 1, 1);
  for (int i = 0; i < 2; ++i) {
    Read(a, "40");
    Read(b, "50");
  }
  EXPECT_EQ(Commands(a) + Commands(b), "On Off ") << "H-14";
  Set(-5, 45, 1, 1);
  Read(-5, "40");
  EXPECT_EQ(Commands(-5), "On ") << "H-16";
  Set(next(), 45, 1, 1);
  Exec("DELETE FROM settings WHERE sensor_id = " + std::to_string(s));
  Until("/api/v1/views/controller_state/rows?from.sensor_id=" + std::to_string(s),
        [&](const json& rows) { return rows["items"].empty() || rows["items"][0]["sensor_id"] != s; });
  Read(s, "10");
  EXPECT_EQ(Commands(s), "") << "H-18";
  Set(next(), 45, 1, 1);
  Read(s, "\"NaN\"");
  EXPECT_EQ(Commands(s), "") << "H-24";
  Read(s, "\"Infinity\"");
  EXPECT_EQ(Commands(s), "Off ") << "H-24";
}

TEST_F(Thermostat, H15_TheResultNamesTheSensor) {
  Begin();
  Set(12345, 45, 1, 1);
  Read(12345, "40");
  Read(12345, "50");
  const json answer = Call("POST", "/api/v1/query", 200,
                           {{"sql", "SELECT sensor_id, command FROM heater_control ORDER BY seq, ordinal"},
                            {"min_seq", std::stoull(seq_)},
                            {"wait_ms", 10000}});
  EXPECT_EQ(answer["rows"], json::parse(R"([[12345, "On"], [12345, "Off"]])"));
}

TEST_F(Thermostat, H16_GarbageIsRefusedAndNothingElseStops) {
  Begin();
  Set(7, 45, 1, 1);
  const auto bad = headgate_->Call("POST", "/api/v1/streams/readings/events", "\xff\xff");
  ASSERT_TRUE(bad.ok());
  EXPECT_EQ(bad->status, 400) << bad->body;
  const auto wrong = headgate_->Call("POST", "/api/v1/streams/readings/events", R"({"sensor_id":"x","temperature":1})");
  ASSERT_TRUE(wrong.ok());
  EXPECT_EQ(wrong->status, 422) << wrong->body;
  Read(7, "40");
  EXPECT_EQ(Commands(7), "On ");
}

TEST_F(Thermostat, H19_H20_SettingsAreLoadedBeforeTheFirstReadingIsJudged) {
  Exec("INSERT INTO settings SELECT g, 45, 1, 1 FROM generate_series(1, 20000) g");
  Exec("UPDATE settings SET desired = 60 WHERE sensor_id = 3");
  Sql(kThermostat);
  for (int i = 0; i < 100; ++i) {
    const auto answer =
        headgate_->Call("POST", "/api/v1/streams/readings/events", R"({"sensor_id":3,"temperature":55})");
    if (answer.ok() && answer->status == 200) break;  // 503 until the source has started
    Wait(milliseconds(20));
  }
  Read(4, "55");
  Until("/api/v1/views/heater_control", [](const json& view) { return view["state"] == "gated"; });
  auto source = shop_->Source();
  source["tables"] = "public.settings";
  Create("bms", source);
  UntilRunning("heater_control");
  EXPECT_EQ(Commands(3), "On ");
  EXPECT_EQ(Commands(4), "Off ");
}

TEST_F(Thermostat, H22_TenThousandReadingsAlternate) {
  Begin();
  Set(7, 45, 1, 1);
  std::string body = "[";
  for (int i = 0; i < 10'000; ++i) {
    body += std::string(i == 0 ? "" : ",") + R"({"sensor_id":7,"temperature":)" + (i % 2 == 0 ? "40" : "50") + "}";
    if (body.size() < 500'000 && i + 1 < 10'000) continue;
    const auto answer = headgate_->Call("POST", "/api/v1/streams/readings/events", body + "]");
    ASSERT_TRUE(answer.ok());
    ASSERT_EQ(answer->status, 200) << answer->body;
    seq_ = answer->headers.at("headgate-seq");
    body = "[";
  }
  const auto answer = Call("POST", "/api/v1/query", 200,
                           {{"sql", "SELECT command FROM heater_control ORDER BY seq, ordinal"},
                            {"min_seq", std::stoull(seq_)},
                            {"wait_ms", 10000},
                            {"limit", 20000}});
  ASSERT_EQ(answer["rows"].size(), 10'000U);
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_EQ(answer["rows"][i][0], i % 2 == 0 ? "On" : "Off") << i;
}

TEST_F(Thermostat, H30_TheClosedLoop) {
  Begin();
  Set(7, 45, 1, 1);
  double temperature = 42.0;
  bool heats = false;
  std::string seen;
  std::string before;
  for (int tick = 1; tick <= 240; ++tick) {
    temperature += heats ? 0.125 : -0.0625;
    Read(7, std::to_string(temperature));
    const std::string commands = Commands(7);
    if (commands != before) {
      const std::string command = commands.substr(before.size(), commands.size() - before.size() - 1);
      char line[64];
      std::snprintf(line, sizeof line, "(%d, %.4f, %s) ", tick, temperature, command.c_str());
      seen += line;
      heats = command == "On";
    }
    before = commands;
  }
  EXPECT_EQ(seen,
            "(1, 41.9375, On) (34, 46.0625, Off) (68, 43.9375, On) (85, 46.0625, Off) (119, 43.9375, On) "
            "(136, 46.0625, Off) (170, 43.9375, On) (187, 46.0625, Off) (221, 43.9375, On) (238, 46.0625, Off) ");
}

TEST_F(Thermostat, H40_H41_H43_MemoryAndSettingsSurviveAKill) {
  Begin();
  Set(7, 45, 1, 1);
  Read(7, "40");
  EXPECT_EQ(Commands(7), "On ");
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  for (int i = 0; i < 500; ++i) {
    const auto answer =
        headgate_->Call("POST", "/api/v1/streams/readings/events", R"({"sensor_id":7,"temperature":39})");
    if (answer.ok() && answer->status == 200) break;
    Wait(milliseconds(10));
  }
  Read(7, "47");
  EXPECT_EQ(Commands(7), "On Off ");
}

TEST_F(Thermostat, H50_H51_H52_H54_TheStateCanBeAsked) {
  Begin();
  Set(7, 45, 1, 1);
  Set(8, 45, 1, 1);
  Set(9, 45, 1, 1);
  for (const char* t : {"40", "41", "47", "45", "46"}) Read(7, t);
  EXPECT_EQ(Commands(7), "On Off ");
  const json row = Call("GET", "/api/v1/views/controller_state/rows?key.sensor_id=7&min_seq=" + seq_, 200);
  EXPECT_EQ(row["previous"], "Off");
  EXPECT_EQ(row["desired"], 45);
  Call("GET", "/api/v1/views/controller_state/rows?key.sensor_id=12345", 404);
  Read(55, "1");
  EXPECT_EQ(Call("GET", "/api/v1/views/controller_state/rows?min_seq=" + seq_, 200)["items"].size(), 3U) << "H-51";
  const json usage = Call("GET", "/api/v1/views/setting_usage/rows?key.sensor_id=7", 200);
  EXPECT_EQ(usage["readings"].dump(), "5");
  EXPECT_EQ(usage["coldest"], 40);
  EXPECT_EQ(usage["hottest"], 47);
  Set(7, 46, 1, 1);
  EXPECT_EQ(Call("GET", "/api/v1/views/setting_usage/rows?key.sensor_id=7", 200)["readings"].dump(), "0") << "H-52";
  EXPECT_EQ(Call("GET", "/api/v1/views/controller_state/rows?count=true", 200)["count"], 3);
  EXPECT_EQ(Call("GET", "/api/v1/views/controller_state/rows?from.sensor_id=8&to.sensor_id=9", 200)["items"].size(),
            2U);
}

TEST_F(Thermostat, H55_H56_ABadSettingChangesNothingAndADeleteEndsControl) {
  Begin();
  Set(7, 45, 1, 1);
  Exec("UPDATE settings SET desired = 10, up_delta = -1 WHERE sensor_id = 7");
  Set(8, 45, 1, 1);  // behind it
  Read(7, "40");
  EXPECT_EQ(Commands(7), "On ");
  UntilSetting(7, [](const json& row) { return row["desired"] == 45; });
  Exec("UPDATE settings SET desired = 50, up_delta = 1 WHERE sensor_id = 7");
  UntilSetting(7, [](const json& row) { return row["desired"] == 50; });
}

TEST_F(Thermostat, CommandsGoOutThroughAWebhook) {
  Begin();
  Sql("CREATE SINK heater FROM heater_control WITH (connector.class = 'webhook', url = '" + receiver_.url() + "')");
  Set(7, 45, 1, 1);
  for (const char* t : {"40", "47", "40"}) Read(7, t);
  EXPECT_TRUE(receiver_.WaitForDistinct(3, seconds(10)));
  std::string commands;
  for (const auto& request : receiver_.http().Requests()) {
    const json body = json::parse(request.body);
    if (body.contains("after")) commands += body["after"]["command"].get<std::string>() + " ";
  }
  EXPECT_EQ(commands, "On Off On ");
}

}  // namespace
}  // namespace headgate::test
