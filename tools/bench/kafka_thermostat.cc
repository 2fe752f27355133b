#include "tools/bench/kafka_thermostat.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tests/support/private_kafka.h"
#include "tests/support/thermostat.h"
#include "tools/bench/kafka_topic.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

constexpr int kSensors = 1'000;
constexpr int kSensorPartitions = 4;
constexpr const char* kCommandsTopic = "heatercontrol";

bool IsWarm(long reading, int every) { return reading / kSensors / every % 2 == 1; }

void FillReadings(const test::KafkaClient& client, long readings, int every) {
  constexpr long kInOneCall = 50'000;
  for (long from = 0; from < readings; from += kInOneCall) {
    std::vector<test::KafkaRecord> chunk;
    for (long i = from; i < std::min(readings, from + kInOneCall); ++i) {
      const auto sensor = static_cast<std::int32_t>(i % kSensors);
      test::KafkaRecord& record = chunk.emplace_back();
      record.partition = sensor % kSensorPartitions;
      record.value = test::SensorData(sensor, IsWarm(i, every) ? 50 : 40);
    }
    Must(client.Produce("sensor", chunk));
  }
}

// All of it but the readings, which are held back.
void Begin(const test::PrivateKafka& kafka, const test::KafkaClient& client, const test::HeadgateProcess& headgate) {
  Must(client.CreateTopic("tempset"));
  Must(client.CreateTopic("sensor", kSensorPartitions));
  Must(client.CreateTopic(kCommandsTopic));  // one partition: commands of a sensor stay in their order
  std::vector<test::KafkaRecord> settings;
  for (std::int32_t sensor = 0; sensor < kSensors; ++sensor) {
    test::KafkaRecord& record = settings.emplace_back();
    record.partition = 0;
    record.value = test::TemperatureControl(sensor, 45, 1, 1);
  }
  Must(client.Produce("tempset", settings));
  const std::string rule = test::SettingsFromTopic(kafka.address(), "tempset") + test::SettingsTable("tempset") +
                           test::ReadingsFromTopic(kafka.address(), "sensor") + test::kThermostatRule +
                           test::CommandsToTopic(kafka.address(), kCommandsTopic);
  const auto made = headgate.Call("POST", "/api/v1/sql", nlohmann::json({{"statements", rule}}).dump());
  if (!made.ok() || made->status != 200) Must(Transient("the rule was not taken"));
  const auto runs = [&] {
    const auto view = headgate.Call("GET", "/api/v1/views/heater_control");
    return view.ok() && nlohmann::json::parse(view->body, nullptr, false).value("state", "") == "running";
  };
  if (!WaitUntil(runs, 30)) Must(Transient("the view does not run"));
  Must(headgate.Call("PUT", "/connectors/readings/pause"));
}

// Each sensor is told On first and then the other in turn, without a command too few or too many.
void CheckCommands(const test::PrivateKafka& kafka, long commands) {
  TopicReader reader(kafka.address(), kCommandsTopic, 1);
  std::vector<long> told(kSensors);
  std::vector<std::string> bytes[2];
  for (std::int32_t sensor = 0; sensor < kSensors; ++sensor) {
    for (const bool off : {false, true}) bytes[off].push_back(test::HeaterControl(sensor, off));
  }
  for (long i = 0; i < commands; ++i) {
    const auto message = reader.Next(10'000);
    if (message == nullptr) Must(Transient("only " + std::to_string(i) + " commands are committed"));
    const std::string_view value(static_cast<const char*>(message->payload), message->len);
    bool right = false;
    for (std::size_t sensor = 0; sensor < kSensors && !right; ++sensor) {
      right = value == bytes[told[sensor] % 2][sensor];
      if (right) ++told[sensor];
    }
    if (!right) Must(Transient("command " + std::to_string(i) + " is not the next one of any sensor"));
  }
  if (reader.Next(500) != nullptr) Must(Transient("there are more commands than are due"));
  const auto [least, most] = std::ranges::minmax(told);
  if (least != most) Must(Transient("some sensors were told more often than others"));
}

}  // namespace

void KafkaThermostat(long readings, int every) {
  const auto kafka = Must(test::PrivateKafka::Start(
      {.settings = {"log.segment.bytes=1073741824", "num.network.threads=3", "num.io.threads=8"}, .fast = true}));
  const auto client = Must(kafka->Connect());
  test::HeadgateProcess headgate((test::HeadgateOptions()));
  Must(headgate.Start());
  Begin(*kafka, client, headgate);
  readings -= readings % (static_cast<long>(kSensors) * every);
  FillReadings(client, readings, every);
  const long commands = readings / every;
  const double cpu = CpuSeconds(headgate.pid());
  const double start = Seconds();
  Must(headgate.Call("PUT", "/connectors/readings/resume"));
  if (!WaitUntil([&] { return DeliveredBy(headgate, "heater") >= static_cast<double>(commands); }, 300, 10))
    Must(Transient("not all commands came"));
  const double took = Seconds() - start;
  const double used = CpuSeconds(headgate.pid()) - cpu;
  const auto count = static_cast<double>(readings);
  char name[100];
  std::snprintf(name, sizeof name, "thermostat, topic to topic, a command for %d reading%s", every,
                every == 1 ? "" : "s");
  Line(name, count / took, "readings/s", "(budget: at least 100000)");
  Line("  commands", static_cast<double>(commands) / took, "/s", "");
  Line("  CPU a reading", used / count * 1e6, "us", "");
  for (const ThreadCpu& thread : ThreadsOf(headgate.pid())) {
    if (thread.seconds / count * 1e6 < 0.02) continue;
    Line(("    thread " + thread.name).c_str(), thread.seconds / count * 1e6, "us", "");
  }
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "");
  CheckCommands(*kafka, commands);
}

}  // namespace headgate::bench
