#include "tools/demo/thermostat_kafka.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/base/encoding.h"
#include "tests/support/headgate_process.h"
#include "tests/support/private_kafka.h"
#include "tests/support/thermostat.h"
#include "tools/demo/terminal.h"

namespace headgate::demo {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kTickTime = milliseconds(100);  // stands for 8 s
constexpr double kHeating = 0.125;             // degrees a tick
constexpr double kCooling = 0.0625;
constexpr int kTicksOfWish = 40;
constexpr auto kPatience = seconds(20);
constexpr const char* kGarbage = "\xff\xff";
constexpr const char* kSettingsTopic = "tempset";
constexpr const char* kReadingsTopic = "sensor";
constexpr const char* kCommandsTopic = "heatercontrol";

// What a sensor's readings come to, said once more without SQL.
class Oracle {
 public:
  void Set(double desired) { desired_ = desired; }
  double desired() const { return desired_; }
  // The command that a reading asks for, if it is another than the last: true is Off.
  std::optional<bool> Judge(double temperature) {
    std::optional<bool> off;
    if (temperature > desired_ + 1) off = true;
    if (temperature < desired_ - 1) off = false;
    if (!off || off == last_) return std::nullopt;
    last_ = off;
    return off;
  }

 private:
  double desired_ = 45;
  std::optional<bool> last_;
};

struct Heated {
  double temperature = 42;
  bool heats = false;
  Oracle oracle;
};

class KafkaThermostat {
 public:
  KafkaThermostat(std::string headgate, int run_seconds) : binary_(std::move(headgate)), run_seconds_(run_seconds) {}

  int Run() {
    Status done = Start();
    int code = 0;
    if (done.ok()) done = Loop(code);
    if (done.ok()) done = End();
    if (headgate_ != nullptr) headgate_->Terminate();
    if (!done.ok() && done.error().kind == ErrorKind::kStopped) return run_seconds_ > 0 ? 130 : 0;
    if (!done.ok()) return Fail(done.error().what);
    std::printf("\nequal: the %zu commands in topic %s for %d readings are, byte for byte, what the rule asks for\n",
                expected_.size(), kCommandsTopic, readings_);
    return code;
  }

 private:
  Status Start() {
    Say("starting a private Kafka ...");
    HG_ASSIGN_OR_RETURN(kafka_, test::PrivateKafka::Start());
    HG_ASSIGN_OR_RETURN(auto client, kafka_->Connect());
    client_.emplace(std::move(client));
    for (const char* topic : {kSettingsTopic, kReadingsTopic, kCommandsTopic})
      HG_RETURN_IF_ERROR(client_->CreateTopic(topic));
    headgate_ = std::make_unique<test::HeadgateProcess>(test::HeadgateOptions{.binary = binary_});
    HG_RETURN_IF_ERROR(headgate_->Start());
    const std::string brokers = kafka_->address();
    const std::string rule = test::SettingsFromTopic(brokers, kSettingsTopic) + test::SettingsTable(kSettingsTopic) +
                             test::ReadingsFromTopic(brokers, kReadingsTopic) + test::kThermostatRule +
                             "CREATE MATERIALIZED VIEW controller AS SELECT sensor_id, desired FROM settings;" +
                             test::CommandsToTopic(brokers, kCommandsTopic);
    Say("the rule, sent to POST /api/v1/sql:\n" + rule + "\n");
    HG_RETURN_IF_ERROR(Define(rule));
    Say("Kafka        " + brokers + "   topics " + kSettingsTopic + ", " + kReadingsTopic + " and " + kCommandsTopic);
    Say("admin API    http://" + headgate_->address() + "   try: curl -s http://" + headgate_->address() +
        "/api/v1/views/controller/rows");
    Say(run_seconds_ > 0 ? "running for " + std::to_string(run_seconds_) + " s\n" : "Ctrl-C ends it\n");
    HG_RETURN_IF_ERROR(
        Await("/api/v1/views/heater_control", [](const json& view) { return view.value("state", "") == "running"; }));
    // What is no record of the format is put aside on either topic, and stops nothing (H-16).
    HG_RETURN_IF_ERROR(Send(kSettingsTopic, kGarbage));
    HG_RETURN_IF_ERROR(Send(kReadingsTopic, kGarbage));
    for (auto& [sensor, room] : rooms_) HG_RETURN_IF_ERROR(Wish(sensor, 45));
    return Ok();
  }

  Status Define(const std::string& statements) {
    const json body = {{"statements", statements}};
    HG_ASSIGN_OR_RETURN(const auto answer, headgate_->Call("POST", "/api/v1/sql", body.dump()));
    if (answer.status == 200) return Ok();
    return Transient("POST /api/v1/sql answered " + std::to_string(answer.status) + ": " + answer.body);
  }

  Status Await(const std::string& path, const std::function<bool(const json&)>& holds) {
    json last;
    for (const auto end = steady_clock::now() + kPatience; steady_clock::now() < end;) {
      const auto answer = headgate_->Call("GET", path);
      if (answer.ok()) last = json::parse(answer->body, nullptr, false);
      if (last.is_object() && holds(last)) return Ok();
      if (AskedToEnd(milliseconds(10))) return Stopped();
    }
    return Transient(path + " did not come so far: " + last.dump() + "; the last words of headgate:\n" +
                     headgate_->Stderr());
  }

  Status Send(const std::string& topic, std::optional<std::string> value, std::optional<std::string> key = {}) {
    test::KafkaRecord record;
    record.partition = 0;
    record.key = std::move(key);
    record.value = std::move(value);
    return client_->Produce(topic, {record});
  }

  // A new setting, once it rules.
  Status Wish(int sensor, double desired) {
    const std::string bytes = test::TemperatureControl(sensor, desired, 1, 1);
    std::printf("%-14s sensor %-6d wanted %.1f ± 1                 %s\n", kSettingsTopic, sensor, desired,
                Hex(bytes).c_str());
    HG_RETURN_IF_ERROR(Send(kSettingsTopic, bytes));
    rooms_.at(sensor).oracle.Set(desired);
    return Await("/api/v1/views/controller/rows", [&](const json& rows) {
      for (const json& row : rows.value("items", json::array())) {
        if (row.value("sensor_id", -1) == sensor) return row.value("desired", 0.0) == desired;
      }
      return false;
    });
  }

  Status Loop(int& code) {
    const auto end = steady_clock::now() + seconds(run_seconds_);
    for (int tick = 1; run_seconds_ == 0 || steady_clock::now() < end; ++tick) {
      if (AskedToEnd(kTickTime)) {
        code = run_seconds_ > 0 ? 130 : 0;
        return Ok();
      }
      if (tick % kTicksOfWish == 0) {
        const int turn = tick / kTicksOfWish;
        HG_RETURN_IF_ERROR(
            Wish(std::next(rooms_.begin(), turn % static_cast<int>(rooms_.size()))->first, 40 + turn * 7 % 11));
      }
      HG_RETURN_IF_ERROR(Tick());
    }
    return Ok();
  }

  Status Tick() {
    std::vector<test::KafkaRecord> records;
    for (auto& [sensor, room] : rooms_) {
      room.temperature += room.heats ? kHeating : -kCooling;
      test::KafkaRecord& record = records.emplace_back();
      record.partition = 0;
      record.value = test::SensorData(sensor, room.temperature);
      if (const auto off = room.oracle.Judge(room.temperature)) expected_.push_back(test::HeaterControl(sensor, *off));
    }
    readings_ += static_cast<int>(records.size());
    HG_RETURN_IF_ERROR(client_->Produce(kReadingsTopic, records));
    return Obey();
  }

  // Waits for the commands that are due, and turns the heaters. An answer acts from the next tick on.
  Status Obey() {
    std::vector<test::KafkaRecord> commands;
    for (const auto end = steady_clock::now() + kPatience; obeyed_ < expected_.size();) {
      HG_ASSIGN_OR_RETURN(commands, client_->Read(kCommandsTopic));
      for (; obeyed_ < commands.size(); ++obeyed_) HG_RETURN_IF_ERROR(Turn(commands[obeyed_].value));
      if (obeyed_ >= expected_.size()) break;
      if (steady_clock::now() > end)
        return Transient(std::to_string(obeyed_) + " commands came and " + std::to_string(expected_.size()) +
                         " were due; the last words of headgate:\n" + headgate_->Stderr());
    }
    return Ok();
  }

  Status Turn(const std::optional<std::string>& value) {
    for (auto& [sensor, room] : rooms_) {
      for (const bool off : {false, true}) {
        if (value != test::HeaterControl(sensor, off)) continue;
        room.heats = !off;
        std::printf("%-14s sensor %-6d %8.4f °C, wanted %.1f    %-3s  %s\n", kCommandsTopic, sensor, room.temperature,
                    room.oracle.desired(), off ? "Off" : "On", value->empty() ? "(empty)" : Hex(*value).c_str());
        std::fflush(stdout);
        return Ok();
      }
    }
    return Transient("a command that names no sensor: " + (value ? Hex(*value) : "no value"));
  }

  // Without its setting a sensor is no longer controlled (H-18); then all that came is compared with what was due.
  Status End() {
    std::printf("%-14s sensor 12345  no value: it is no longer controlled\n", kSettingsTopic);
    HG_RETURN_IF_ERROR(Send(kSettingsTopic, std::nullopt, "12345"));
    HG_RETURN_IF_ERROR(Await("/api/v1/views/controller/rows", [](const json& rows) {
      return rows.contains("items") && rows["items"].size() + 1 == kSensors;
    }));
    for (const double temperature : {-40.0, 90.0, -40.0})
      HG_RETURN_IF_ERROR(Send(kReadingsTopic, test::SensorData(12345, temperature)));
    readings_ += 3;
    rooms_.erase(12345);
    for (const double temperature : {-40.0, 90.0}) {  // commands that come behind what those would have brought
      for (auto& [sensor, room] : rooms_) room.temperature = temperature;
      HG_RETURN_IF_ERROR(Tick());
    }
    for (const char* source : {kSettingsTopic, "readings"}) {
      HG_RETURN_IF_ERROR(Await("/api/v1/connectors/" + std::string(source) + "/dead-letters",
                               [](const json& page) { return page.contains("items") && page["items"].size() == 1; }));
    }
    HG_ASSIGN_OR_RETURN(const auto commands, client_->Read(kCommandsTopic));
    for (std::size_t i = 0; i < std::max(commands.size(), expected_.size()); ++i) {
      const std::string came = i >= commands.size() ? "none" : commands[i].value ? Hex(*commands[i].value) : "no value";
      const std::string due = i >= expected_.size() ? "none" : Hex(expected_[i]);
      if (came != due) return Transient("command " + std::to_string(i) + " is " + came + " and should be " + due);
    }
    return Ok();
  }

  static constexpr std::size_t kSensors = 4;

  const std::string binary_;
  const int run_seconds_;
  std::unique_ptr<test::PrivateKafka> kafka_;
  std::optional<test::KafkaClient> client_;
  std::unique_ptr<test::HeadgateProcess> headgate_;
  // Of 0 the setting lacks a field, and a command may have no bytes at all (H-17).
  std::map<int, Heated> rooms_ = {{-5, {}}, {0, {}}, {7, {}}, {12345, {}}};
  int readings_ = 0;
  std::vector<std::string> expected_;
  std::size_t obeyed_ = 0;
};

}  // namespace

int RunKafkaThermostat(const std::string& headgate, int run_seconds) {
  return KafkaThermostat(headgate, run_seconds).Run();
}

}  // namespace headgate::demo
