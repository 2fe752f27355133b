#include "tools/demo/thermostat.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tests/support/private_postgres.h"
#include "tools/demo/receiver.h"
#include "tools/demo/terminal.h"

namespace headgate::demo {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kRooms = 5;
constexpr auto kTick = milliseconds(100);  // stands for 8 s
constexpr double kHeats = 0.125;           // degrees a tick
constexpr double kCools = 0.0625;
constexpr int kTicksPerWish = 40;

constexpr const char* kTables =
    "CREATE TABLE settings (room int PRIMARY KEY, desired float8 NOT NULL, up_delta float8 NOT NULL, down_delta float8 "
    "NOT NULL); INSERT INTO settings SELECT g, 20, 0.5, 0.5 FROM generate_series(1, 5) g";

constexpr const char* kRule = R"(CREATE TABLE settings (
  room       int    PRIMARY KEY,
  desired    float8 NOT NULL,
  up_delta   float8 NOT NULL CHECK (up_delta >= 0),
  down_delta float8 NOT NULL CHECK (down_delta >= 0)
) WITH (stream = 'building.public.settings');

CREATE VIEW decisions AS
SELECT r.room, r._seq AS seq, r._ordinal AS ordinal, r.temperature, s.desired,
       CASE WHEN r.temperature > s.desired + s.up_delta   THEN 'Off'
            WHEN r.temperature < s.desired - s.down_delta THEN 'On'
       END AS command
FROM readings r JOIN settings FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.room = r.room;

CREATE MATERIALIZED VIEW heater_control AS
SELECT room, command, temperature, desired, seq, ordinal
FROM (SELECT d.*, LAG(d.command) OVER (PARTITION BY d.room ORDER BY d.seq, d.ordinal) AS previous
      FROM decisions d WHERE d.command IS NOT NULL) x
WHERE x.previous IS DISTINCT FROM x.command;

CREATE MATERIALIZED VIEW rooms AS
SELECT s.room, s.desired, h.command AS heater
FROM settings s
LEFT JOIN (SELECT DISTINCT ON (room) room, command FROM heater_control ORDER BY room, seq DESC, ordinal DESC) h
       ON h.room = s.room;

)";

std::int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct Room {
  double temperature = 18;
  bool heats = false;
};

class Thermostat {
 public:
  Thermostat(std::string headgate, int run_seconds) : binary_(std::move(headgate)), run_seconds_(run_seconds) {}

  int Run() {
    const Status started = Start();
    if (!started.ok()) return Fail(started.error().what);
    const int code = Loop();
    const std::string wrong = code == 0 ? Check() : "";
    headgate_->Terminate();
    std::printf("\n%zu commands for %d readings, slowest %.1f ms from the reading to the heater\n", commands_,
                readings_, slowest_ms_);
    if (!wrong.empty()) return Fail(wrong);
    return code;
  }

 private:
  Status Start() {
    Say("starting a private PostgreSQL ...");
    HG_ASSIGN_OR_RETURN(postgres_, test::PrivatePostgres::Start({.fsync = true}));
    HG_RETURN_IF_ERROR(postgres_->Exec("postgres", "CREATE DATABASE building"));
    HG_RETURN_IF_ERROR(postgres_->Exec("building", kTables));
    HG_ASSIGN_OR_RETURN(receiver_,
                        Receiver::Start([this](std::string_view body, std::int64_t at) { Commanded(body, at); }));
    headgate_ = std::make_unique<test::HeadgateProcess>(test::HeadgateOptions{
        .binary = binary_,
        .connectors = {
            {"building",
             {{"connector.class", "postgres"},
              {"host", postgres_->host()},
              {"port", std::to_string(postgres_->port())},
              {"dbname", "building"},
              {"username", "postgres"},
              {"tables", "public.settings"}}},
            {"readings",
             {{"connector.class", "http"}, {"columns", "room int NOT NULL, temperature float8 NOT NULL"}}}}});
    HG_RETURN_IF_ERROR(headgate_->Start());
    Say("the rule, sent to POST /api/v1/sql:\n\n" + std::string(kRule));
    HG_RETURN_IF_ERROR(Call("POST", "/api/v1/sql",
                            {{"statements", std::string(kRule) +
                                                "CREATE SINK heaters FROM heater_control WITH ("
                                                "connector.class = 'webhook', url = '" +
                                                receiver_->url() + "')"}}));
    Say("PostgreSQL   " + postgres_->Dsn("building"));
    Say("admin API    http://" + headgate_->address() + "   try: curl -s http://" + headgate_->address() +
        "/api/v1/views/rooms/rows");
    Say(run_seconds_ > 0 ? "running for " + std::to_string(run_seconds_) + " s" : "Ctrl-C ends it");
    return UntilRunning();
  }

  Status UntilRunning() {
    const auto end = steady_clock::now() + seconds(20);
    while (steady_clock::now() < end) {
      const auto answer = headgate_->Call("GET", "/api/v1/views/heater_control");
      if (answer.ok() && json::parse(answer->body, nullptr, false).value("state", "") == "running") return Ok();
      if (AskedToEnd(milliseconds(20))) return Stopped();
    }
    return Transient("the view did not come up; the last words of headgate:\n" + headgate_->Stderr());
  }

  Status Call(const std::string& method, const std::string& path, const json& body) {
    HG_ASSIGN_OR_RETURN(const auto answer, headgate_->Call(method, path, body.dump()));
    if (answer.status / 100 == 2) return Ok();
    return Transient(method + " " + path + " answered " + std::to_string(answer.status) + ": " + answer.body);
  }

  int Loop() {
    const auto end = steady_clock::now() + seconds(run_seconds_);
    for (int tick = 1; run_seconds_ == 0 || steady_clock::now() < end; ++tick) {
      if (AskedToEnd(kTick)) return run_seconds_ > 0 ? 130 : 0;
      if (!headgate_->running()) return Fail("headgate ended by itself; its last words:\n" + headgate_->Stderr());
      if (tick % kTicksPerWish == 0) Wish(1 + tick / kTicksPerWish % kRooms, 16 + tick / kTicksPerWish * 7 % 9);
      json events = json::array();
      {
        const std::lock_guard lock(mutex_);
        for (auto& [number, room] : rooms_) {
          room.temperature += room.heats ? kHeats : -kCools;
          events.push_back({{"room", number}, {"temperature", room.temperature}});
        }
        posted_us_ = NowUs();
      }
      readings_ += kRooms;
      if (const Status posted = Call("POST", "/api/v1/streams/readings/events", events); !posted.ok())
        return Fail(posted.error().what);
    }
    return 0;
  }

  void Wish(int room, int desired) {
    const Status done = postgres_->Exec("building", "UPDATE settings SET desired = " + std::to_string(desired) +
                                                        " WHERE room = " + std::to_string(room));
    if (!done.ok()) return static_cast<void>(Fail(done.error().what));
    std::printf("          UPDATE settings SET desired = %d WHERE room = %d\n", desired, room);
  }

  // On the receiver's thread.
  void Commanded(std::string_view body, std::int64_t arrived_us) {
    const json event = json::parse(body, nullptr, false);
    if (!event.is_object() || !event.contains("after") || !event["after"].is_object()) return;
    const json& row = event["after"];
    const int number = row.value("room", 0);
    const bool on = row.value("command", "") == "On";
    const std::lock_guard lock(mutex_);
    Room& room = rooms_[number];
    const double ms = static_cast<double>(arrived_us - posted_us_) / 1000;
    slowest_ms_ = std::max(slowest_ms_, ms);
    ++commands_;
    const auto [last, first] = last_.try_emplace(number, on);
    if (!first && last->second == on) wrong_ = "room " + std::to_string(number) + " was told the same twice";
    last->second = on;
    const double off = row.value("temperature", 0.0) - row.value("desired", 0.0);
    if (on ? off >= -0.5 : off <= 0.5) wrong_ = "a command that the reading does not ask for: " + row.dump();
    room.heats = on;
    std::printf("room %d    %6.2f °C, wanted %4.1f     heater %-3s  %5.1f ms\n", number, row.value("temperature", 0.0),
                row.value("desired", 0.0), on ? "On" : "Off", ms);
    std::fflush(stdout);
  }

  // "" if the commands that came are those that the view has.
  std::string Check() {
    const auto end = steady_clock::now() + seconds(10);
    for (;;) {
      const auto answer = headgate_->Call("GET", "/api/v1/views/heater_control/rows?count=true");
      const json counted = answer.ok() ? json::parse(answer->body, nullptr, false) : json();
      const std::lock_guard lock(mutex_);
      if (!wrong_.empty()) return wrong_;
      if (commands_ > 0 && counted.is_object() && counted.value("count", 0U) == commands_) return "";
      if (steady_clock::now() > end)
        return std::to_string(commands_) + " commands came, the view has " + counted.dump();
    }
  }

  const std::string binary_;
  const int run_seconds_;
  std::unique_ptr<test::PrivatePostgres> postgres_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<test::HeadgateProcess> headgate_;
  int readings_ = 0;
  std::mutex mutex_;
  std::map<int, Room> rooms_ = {{1, {}}, {2, {}}, {3, {}}, {4, {}}, {5, {}}};
  std::map<int, bool> last_;
  std::int64_t posted_us_ = 0;
  std::size_t commands_ = 0;
  double slowest_ms_ = 0;
  std::string wrong_;
};

}  // namespace

int RunThermostat(const std::string& headgate, int run_seconds) { return Thermostat(headgate, run_seconds).Run(); }

}  // namespace headgate::demo
