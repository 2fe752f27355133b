// The thermostat with an actuator at the other end of a webhook, with many sensors, and over deaths of the program.
#include <random>
#include <set>
#include <thread>

#include "tests/e2e/thermostat.h"

namespace headgate::test {
namespace {

using nlohmann::json;

constexpr const char* kEvents = "/api/v1/streams/readings/events";

class ThermostatFaults : public Thermostat {
 protected:
  void Actuate() {
    Sql("CREATE SINK heater FROM heater_control WITH (connector.class = 'webhook', order_by = 'sensor_id', url = '" +
        receiver_.url() + "')");
  }
  static std::string Reading(int sensor, double temperature) {
    return R"({"sensor_id":)" + std::to_string(sensor) + R"(,"temperature":)" + std::to_string(temperature) + "}";
  }
  // The commands that the actuator has heard, each once, in the order of their coming.
  std::vector<std::string> Heard() {
    std::set<std::string> ids;
    std::vector<std::string> commands;
    for (const auto& request : receiver_.http().Requests()) {
      const json body = json::parse(request.body);
      if (body.contains("after") && ids.insert(*request.Header("webhook-id")).second)
        commands.push_back(body["after"]["command"]);
    }
    return commands;
  }
  // Posts until the program takes it, over its deaths; the key makes it one event.
  void Post(const std::string& body, const std::string& key) {
    for (int i = 0; i < 2000; ++i) {
      const auto answer = HttpCall(headgate_->address(), "POST", kEvents, body, {{"Idempotency-Key", key}});
      if (answer.ok() && answer->status == 200) {
        seq_ = answer->headers.at("headgate-seq");
        return;
      }
      Wait(milliseconds(5));
    }
    FAIL() << headgate_->Stderr();
  }
};

TEST_F(ThermostatFaults, H21_EachSensorIsUnderItsOwnSettingHoweverTheEventsCome) {
  Exec("INSERT INTO settings SELECT g, 20 + g, 1, 1 FROM generate_series(0, 99) g");
  Begin();
  std::vector<int> sensors(100);
  for (int i = 0; i < 100; ++i) sensors[static_cast<std::size_t>(i)] = i;
  std::mt19937 random(21);
  // Four clients, each with requests of its own size over all sensors.
  std::vector<std::jthread> clients;
  const std::string address = headgate_->address();
  for (const std::size_t size : {1, 7, 30, 100}) {
    std::ranges::shuffle(sensors, random);
    clients.emplace_back([address, size, order = sensors] {
      for (std::size_t from = 0; from < order.size(); from += size) {
        std::string body = "[";
        for (std::size_t i = from; i < std::min(from + size, order.size()); ++i)
          body += (i > from ? "," : "") + Reading(order[i], order[i] % 2 == 0 ? 20 + order[i] - 5 : 20 + order[i] + 5);
        const auto answer = HttpCall(address, "POST", kEvents, body + "]");
        EXPECT_TRUE(answer.ok() && answer->status == 200);
      }
    });
  }
  clients.clear();
  Read(1000, "0");  // behind all of them
  const json answer = Call("POST", "/api/v1/query", 200,
                           {{"sql", "SELECT sensor_id, command FROM heater_control ORDER BY sensor_id"},
                            {"min_seq", std::stoull(seq_)},
                            {"wait_ms", 10000}});
  ASSERT_EQ(answer["rows"].size(), 100U);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(answer["rows"][static_cast<std::size_t>(i)], json::array({i, i % 2 == 0 ? "On" : "Off"}));
}

// H-30, with a heater that hears its commands by webhook.
TEST_F(ThermostatFaults, H23_CommandsReachTheActuatorInOrderAndChangeIt) {
  Begin();
  Actuate();
  Set(7, 45, 1, 1);
  double temperature = 42.0;
  bool heats = false;
  std::size_t heard = 0;
  std::string seen;
  for (int tick = 1; tick <= 240; ++tick) {
    temperature += heats ? 0.125 : -0.0625;
    Read(7, std::to_string(temperature));
    const std::string all = Commands(7);
    const auto commands = static_cast<std::size_t>(std::ranges::count(all, ' '));
    if (commands == heard) continue;
    ASSERT_TRUE(receiver_.WaitForDistinct(commands, seconds(10))) << headgate_->Stderr();
    const std::vector<std::string> told = Heard();
    ASSERT_EQ(told.size(), commands);
    for (; heard < commands; ++heard) {
      heats = told[heard] == "On";
      seen += std::to_string(tick) + told[heard] + " ";
    }
  }
  EXPECT_EQ(seen, "1On 34Off 68On 85Off 119On 136Off 170On 187Off 221On 238Off ");
}

TEST_F(ThermostatFaults, H42_TheEffectIsExactlyOnceOverDeathsAtAnyMoment) {
  Begin();
  Actuate();
  std::mt19937 random(42);
  std::vector<std::string> expected;
  double desired = 0;
  std::string previous;
  for (int i = 0; i < 300; ++i) {
    if (i % 60 == 0) {
      desired = i % 120 == 0 ? 45 : 43;
      Set(7, desired, 1, 1);
    }
    constexpr double kTemperatures[] = {40, 43, 43.5, 45, 46.5, 50};
    const double temperature = kTemperatures[random() % std::size(kTemperatures)];
    const std::string decision = temperature > desired + 1 ? "Off" : temperature < desired - 1 ? "On" : "";
    if (!decision.empty() && decision != previous) expected.push_back(previous = decision);
    const std::string body = Reading(7, temperature);
    const std::string key = "reading-" + std::to_string(i);
    if (i % 25 == 13) {
      std::jthread client([address = headgate_->address(), &body, &key] {
        static_cast<void>(HttpCall(address, "POST", kEvents, body, {{"Idempotency-Key", key}}));
      });
      Wait(milliseconds(random() % 4));
      headgate_->KillHard();
      client.join();
      ASSERT_TRUE(headgate_->Start().ok());
    }
    Post(body, key);
  }
  std::string all;
  for (const std::string& command : expected) all += command + " ";
  EXPECT_EQ(Commands(7), all);
  ASSERT_TRUE(receiver_.WaitForDistinct(expected.size(), seconds(20))) << headgate_->Stderr();
  EXPECT_EQ(Heard(), expected);
  EXPECT_TRUE(receiver_.Violations().empty());
}

TEST_F(ThermostatFaults, H46_SigtermEndsInTimeAndEveryAcknowledgedReadingIsJudged) {
  Begin();
  Set(7, 45, 1, 1);
  std::atomic<int> taken = 0;
  std::jthread client([&, address = headgate_->address()](std::stop_token stop) {
    while (!stop.stop_requested()) {
      const auto answer = HttpCall(address, "POST", kEvents, Reading(7, taken % 2 == 0 ? 40 : 50));
      if (!answer.ok() || answer->status != 200) return;
      ++taken;
    }
  });
  while (taken < 200) Wait(milliseconds(5));
  const auto ended = headgate_->Terminate(seconds(5));
  ASSERT_TRUE(ended.has_value()) << "still running after 5 s";
  EXPECT_EQ(ended->exit.code, 0) << ended->exit.Text();
  client.join();
  ASSERT_TRUE(headgate_->Start().ok());
  Post(Reading(1000, 0), "last");
  const std::string commands = Commands(7);
  const auto count = static_cast<int>(std::ranges::count(commands, ' '));
  // The last one may have been taken without the client hearing of it.
  EXPECT_TRUE(count == taken || count == taken + 1) << count << " of " << taken;
  for (std::size_t at = 0, i = 0; at < commands.size(); at = commands.find(' ', at) + 1, ++i)
    ASSERT_EQ(commands.substr(at, commands.find(' ', at) - at), i % 2 == 0 ? "On" : "Off") << i;
}

}  // namespace
}  // namespace headgate::test
