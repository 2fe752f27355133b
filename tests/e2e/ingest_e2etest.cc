// Events over HTTP: from a request to the log and to a webhook, through the real program. No database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "tests/e2e/small_disk.h"
#include "tests/support/gzip.h"
#include "tests/support/headgate_process.h"
#include "tests/support/http_receiver.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr const char* kEvents = "/api/v1/streams/readings/events";

// The program with a source of readings and a sink of them.
class Ingest : public testing::Test {
 protected:
  void SetUp() override { Launch(Settings()); }

  std::map<std::string, ConnectorSettings> Settings() const {
    return {{"readings",
             {{"connector.class", "http"},
              {"columns", "sensor_id int NOT NULL, temperature float8 NOT NULL, at timestamptz, note text"}}},
            {"hook", {{"connector.class", "webhook"}, {"topics", "readings"}, {"url", receiver_.url()}}}};
  }
  void Launch(std::map<std::string, ConnectorSettings> connectors) {
    HeadgateOptions options;
    options.connectors = std::move(connectors);
    headgate_ = std::make_unique<HeadgateProcess>(std::move(options));
    Start();
  }
  void Start() {
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    ASSERT_TRUE(WaitFor([&] { return StateOf("readings") == "RUNNING"; }, seconds(20)));
  }
  std::string StateOf(const std::string& name) {
    const auto answer = headgate_->Call("GET", "/connectors/" + name + "/status");
    if (!answer.ok() || answer->status != 200) return "";
    return json::parse(answer->body)["connector"]["state"];
  }
  HttpAnswer Post(const std::string& body, const std::map<std::string, std::string>& headers = {},
                  const std::string& path = kEvents) {
    const auto answer = HttpCall(headgate_->address(), "POST", path, body, headers);
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    return answer.ok() ? *answer : HttpAnswer{};
  }
  json Get(const std::string& path) {
    const auto answer = headgate_->Call("GET", path);
    EXPECT_TRUE(answer.ok() && answer->status == 200) << path;
    return answer.ok() ? json::parse(answer->body) : json();
  }
  // The rows of the stream, oldest first.
  std::vector<json> Records() {
    std::vector<json> rows;
    const json page = Get("/api/v1/streams/readings/records?limit=1000");
    for (const json& item : page["items"]) {
      if (item["op"] == "insert") rows.push_back(item["after"]);
    }
    return rows;
  }
  // Bodies of the rows that the receiver was sent.
  std::vector<json> Delivered() {
    std::vector<json> events;
    for (const auto& request : receiver_.Requests()) {
      json event = json::parse(request.body);
      if (event["op"] == "insert") events.push_back(std::move(event));
    }
    return events;
  }

  testing_support::HttpReceiver receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
};

TEST_F(Ingest, OneEventIsInTheLogAndArrivesAtAWebhook) {
  const HttpAnswer answer = Post(R"({"sensor_id":7,"temperature":21.5,"at":"2026-03-04T05:06:07.5Z","note":"n"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json body = json::parse(answer.body);
  EXPECT_EQ(body["events"], 1);
  EXPECT_EQ(answer.headers.at("headgate-seq"), body["seq"]);

  const json stream = Get("/api/v1/streams/readings");
  EXPECT_EQ(stream["kind"], "data");
  EXPECT_EQ(stream["records"], 1);
  EXPECT_EQ(stream["last_seq"], body["seq"]);
  const auto rows = Records();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["sensor_id"], 7);
  EXPECT_EQ(rows[0]["temperature"], 21.5);

  ASSERT_TRUE(WaitFor([&] { return Delivered().size() == 1; }, seconds(20)));
  const json event = Delivered()[0];
  EXPECT_EQ(event["stream"], "readings");
  EXPECT_EQ(event["after"], rows[0]);
  EXPECT_EQ(event["position"]["seq"], 1);
}

TEST_F(Ingest, EveryFormOfABodyIsTaken) {
  std::string many = "[";
  for (int i = 0; i < 1000; ++i)
    many += std::string(i == 0 ? "" : ",") + "{\"sensor_id\":" + std::to_string(i) +
            ",\"temperature\":" + std::to_string(i) + ".5}";
  const HttpAnswer array = Post(many + "]");
  ASSERT_EQ(array.status, 200) << array.body;
  EXPECT_EQ(json::parse(array.body)["events"], 1000);
  const std::string lines = "{\"sensor_id\":1,\"temperature\":1}\n{\"sensor_id\":2,\"temperature\":2}\n";
  EXPECT_EQ(Post(lines, {{"Content-Type", "application/x-ndjson"}}).status, 200);
  EXPECT_EQ(Post(Gzip(many + "]"), {{"Content-Encoding", "gzip"}}).status, 200);
  EXPECT_EQ(Post(Gzip(lines), {{"Content-Encoding", "gzip"}, {"Content-Type", "application/x-ndjson"}}).status, 200);
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 2004);
  // All of a request is one transaction.
  const json page = Get("/api/v1/streams/readings/records?order=desc&limit=2");
  EXPECT_THAT(page["items"][0]["at"].get<std::string>(), testing::EndsWith("-2"));
  EXPECT_THAT(page["items"][1]["at"].get<std::string>(), testing::EndsWith("-1"));
  EXPECT_TRUE(WaitFor([&] { return Delivered().size() == 2004; }, seconds(60)));
}

TEST_F(Ingest, ABadEventKeepsAllOfItsRequestOut) {
  const HttpAnswer answer =
      Post(R"([{"sensor_id":1,"temperature":1},{"sensor_id":2,"temperature":"warm"},{"sensor_id":3}])");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  const json errors = json::parse(answer.body)["errors"];
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0]["pointer"], "/1/temperature");
  EXPECT_EQ(errors[0]["detail"], "expected double precision, got a string that is none");
  EXPECT_EQ(errors[1]["pointer"], "/2/temperature");
  const HttpAnswer broken = Post("[{\"sensor_id\":1,\n\"temperature\" 1}]");
  EXPECT_EQ(broken.status, 400);
  EXPECT_THAT(broken.body, HasSubstr("line 2, column 15"));
  EXPECT_EQ(Post("not gzip", {{"Content-Encoding", "gzip"}}).status, 400);
  EXPECT_EQ(Post("{}", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(Post("{}", {}, "/api/v1/streams/nothing/events").status, 404);
  EXPECT_EQ(Post(std::string(2 << 20, ' ')).status, 413);
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 0);
}

TEST_F(Ingest, AP4_AKeyOutlivesAKillBeforeTheAnswer) {
  const std::map<std::string, std::string> key = {{"Idempotency-Key", "batch-1"}};
  const std::string body = R"([{"sensor_id":1,"temperature":1},{"sensor_id":2,"temperature":2}])";
  // The first append registers the stream, so the second is that of the events: durable, or not, and nobody is told.
  for (const bool stored : {true, false}) {
    const std::string point = stored ? "ingest.appended=kill:2" : "log.before_sync=kill:2";
    headgate_->Terminate();
    headgate_->set_failpoints(point);
    Start();
    const auto unanswered = HttpCall(headgate_->address(), "POST", kEvents, body,
                                     {{"Idempotency-Key", stored ? "batch-1" : "batch-2"}}, seconds(20));
    EXPECT_FALSE(unanswered.ok());
    ASSERT_TRUE(headgate_->WaitEnd(seconds(20)).has_value());
    headgate_->set_failpoints("");
    Start();
    EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 2) << point;
    const HttpAnswer again = Post(body, {{"Idempotency-Key", stored ? "batch-1" : "batch-2"}});
    ASSERT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.headers.contains("idempotent-replay"), stored) << point;
    EXPECT_EQ(json::parse(again.body)["events"], 2);
    EXPECT_EQ(Get("/api/v1/streams/readings")["records"], stored ? 2 : 4) << point;
  }
  headgate_->KillHard();
  Start();
  const HttpAnswer replay = Post(body, key);
  EXPECT_EQ(replay.status, 200);
  EXPECT_EQ(replay.headers.at("idempotent-replay"), "true");
  const HttpAnswer other = Post(R"({"sensor_id":9,"temperature":9})", key);
  EXPECT_EQ(other.status, 422);
  EXPECT_THAT(other.body, HasSubstr("/problems/idempotency-key-reused"));
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 4);
}

TEST_F(Ingest, WhatWasAnsweredOutlivesAKill) {
  std::uint64_t posted = 0;
  for (int round = 0; round < 5; ++round) {
    std::string seq;
    for (int i = 0; i <= round * 7; ++i) {
      const HttpAnswer answer = Post("{\"sensor_id\":" + std::to_string(posted) + ",\"temperature\":1}");
      ASSERT_EQ(answer.status, 200);
      seq = json::parse(answer.body)["seq"];
      ++posted;
    }
    headgate_->KillHard();
    Start();
    EXPECT_EQ(Get("/api/v1/streams/readings")["records"], posted);
    EXPECT_EQ(Get("/api/v1/streams/readings")["last_seq"], seq);
  }
  const auto rows = Records();
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i]["sensor_id"], i);
  // Ids and order go on over the kills: the receiver gets every row under one id.
  const auto arrived = [&] {
    std::map<std::string, json> by_id;
    for (const json& event : Delivered()) {
      const auto [known, is_new] = by_id.emplace(event["id"], event["after"]);
      EXPECT_TRUE(is_new || known->second == event["after"]);
    }
    return by_id.size();
  };
  EXPECT_TRUE(WaitFor([&] { return arrived() == posted; }, seconds(60)));
}

TEST_F(Ingest, CG08_AFullDiskRefusesWhatComesAndForgetsIt) {
  SmallDisk disk;
  if (!disk.mounted())
    HG_REQUIRE_MACHINE("root", "a small tmpfs cannot be mounted here, so nothing is known of a full disk");
  headgate_.reset();
  HeadgateOptions options;
  options.connectors = Settings();
  options.data_dir = disk.path() + "/data";
  headgate_ = std::make_unique<HeadgateProcess>(std::move(options));
  Start();
  const std::map<std::string, std::string> key = {{"Idempotency-Key", "k"}};
  const std::string event = R"({"sensor_id":1,"temperature":1})";
  EXPECT_EQ(Post(event).status, 200);
  disk.Fill();
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer refused = Post(event, key);
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_TRUE(refused.headers.contains("retry-after"));
    EXPECT_THAT(refused.body, HasSubstr("the log cannot be written"));
  }
  EXPECT_EQ(Get("/api/v1/connectors/readings/health")["status"], "error");
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 1);
  disk.Empty();
  const HttpAnswer taken = Post(event, key);
  EXPECT_EQ(taken.status, 200) << taken.body;
  EXPECT_FALSE(taken.headers.contains("idempotent-replay"));
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], 2);
  EXPECT_EQ(Get("/api/v1/connectors/readings/health")["status"], "healthy");
  headgate_.reset();  // before its disk
}

TEST_F(Ingest, APausedStoppedOrDeletedSourceTakesNothing) {
  const std::string event = R"({"sensor_id":1,"temperature":1})";
  const auto refused = [&](int status, const std::string& text) {
    HttpAnswer answer;
    const bool met = WaitFor(
        [&] {
          answer = Post(event);
          return answer.status == status && answer.body.find(text) != std::string::npos;
        },
        seconds(20));
    EXPECT_TRUE(met) << answer.status << " " << answer.body;
    EXPECT_EQ(answer.headers.contains("retry-after"), status == 503);
  };
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/readings/pause")->status, 202);
  refused(503, "Source readings is paused.");
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/readings/resume")->status, 202);
  EXPECT_TRUE(WaitFor([&] { return Post(event).status == 200; }, seconds(20)));
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/readings/stop")->status, 204);
  refused(503, "Source readings is stopped.");
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/readings/resume")->status, 202);
  EXPECT_TRUE(WaitFor([&] { return Post(event).status == 200; }, seconds(20)));

  const json made = {{"name", "readings"}, {"config", Settings()["readings"]}};
  EXPECT_EQ(headgate_->Call("DELETE", "/connectors/readings")->status, 204);
  refused(409, "no connector of class HttpSource has it");
  EXPECT_EQ(headgate_->Call("POST", "/connectors", made.dump())->status, 201);
  EXPECT_TRUE(WaitFor([&] { return Post(event).status == 200; }, seconds(20)));
  EXPECT_EQ(Records().size(), 3U);
}

TEST_F(Ingest, AStreamHasOneSource) {
  const auto create = [&](const std::string& name, const ConnectorSettings& more) {
    ConnectorSettings settings = {{"connector.class", "io.headgate.HttpSourceConnector"}, {"columns", "a int"}};
    settings.insert(more.begin(), more.end());
    return *headgate_->Call("POST", "/connectors", json({{"name", name}, {"config", settings}}).dump());
  };
  const auto taken = create("other", {{"stream", "readings"}});
  EXPECT_EQ(taken.status, 400);
  EXPECT_THAT(taken.body, HasSubstr("Stream readings is that of connector readings"));
  EXPECT_EQ(create("two words", {}).status, 400);
  EXPECT_EQ(create("two words", {{"stream", "words"}}).status, 201);
  EXPECT_TRUE(
      WaitFor([&] { return Post("{\"a\":1}", {}, "/api/v1/streams/words/events").status == 200; }, seconds(20)));
  EXPECT_EQ(Get("/connectors/two%20words/topics")["two words"]["topics"], json::parse("[\"words\"]"));
  EXPECT_EQ(create("third", {{"unknown_fields", "drop"}}).status, 400);
  // The stream of a source that is gone stays its own: the records under it are.
  EXPECT_EQ(headgate_->Call("DELETE", "/connectors/two%20words")->status, 204);
  EXPECT_EQ(create("words", {}).status, 400);
}

TEST_F(Ingest, OtherColumnsAreANewVersion) {
  EXPECT_EQ(Post(R"({"sensor_id":1,"temperature":1})").status, 200);
  json config = Settings()["readings"];
  config["columns"] = "sensor_id int NOT NULL, room text NOT NULL DEFAULT 'hall'";
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/readings/config", config.dump())->status, 200);
  ASSERT_TRUE(WaitFor([&] { return Get("/api/v1/streams/readings")["schema"]["version"] == "2"; }, seconds(20)));
  EXPECT_TRUE(WaitFor([&] { return Post(R"({"sensor_id":2})").status == 200; }, seconds(20)));
  const auto rows = Records();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].contains("temperature"));
  EXPECT_EQ(rows[1], json::parse(R"({"sensor_id":2,"room":"hall"})"));
}

TEST_F(Ingest, ManyClientsAtOnceLoseAndMixNothing) {
  constexpr int kClients = 32;
  constexpr int kRequests = 20;
  std::vector<std::vector<std::string>> seqs(kClients);
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        for (int r = 0; r < kRequests; ++r) {
          std::string body = "[";
          for (int i = 0; i < 5; ++i)
            body += std::string(i == 0 ? "" : ",") + "{\"sensor_id\":" + std::to_string(c) +
                    ",\"temperature\":" + std::to_string(r) + "}";
          // Every second request comes twice, under one key.
          const std::map<std::string, std::string> key = {{"Idempotency-Key", std::to_string(c * 1000 + r)}};
          const auto answer = HttpCall(headgate_->address(), "POST", kEvents, body + "]", key);
          if (!answer.ok() || answer->status != 200) return;
          const std::string seq = json::parse(answer->body)["seq"];
          seqs[static_cast<std::size_t>(c)].push_back(seq);
          if (r % 2 == 1) continue;
          const auto again = HttpCall(headgate_->address(), "POST", kEvents, body + "]", key);
          if (!again.ok() || json::parse(again->body)["seq"] != seq) return;
        }
      });
    }
  }
  std::set<std::string> distinct;
  for (const auto& of_client : seqs) {
    EXPECT_EQ(of_client.size(), static_cast<std::size_t>(kRequests));
    distinct.insert(of_client.begin(), of_client.end());
  }
  EXPECT_EQ(distinct.size(), static_cast<std::size_t>(kClients * kRequests));
  EXPECT_EQ(Get("/api/v1/streams/readings")["records"], kClients * kRequests * 5);
}

TEST_F(Ingest, TheSourceIsSeenToBeWell) {
  EXPECT_EQ(Post(R"({"sensor_id":1,"temperature":1,"more":[1]})").status, 200);
  const json health = Get("/api/v1/connectors/readings/health");
  EXPECT_EQ(health["status"], "healthy") << health;
  for (const json& check : health["checks"]) EXPECT_NE(check["id"], "slot_connected");
  const auto metrics = [&](const std::string& line) {
    return headgate_->Call("GET", "/metrics")->body.find(line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(metrics("headgate_source_events_total{connector=\"readings\",op=\"insert\"} 1"));
  EXPECT_TRUE(
      WaitFor([&] { return metrics("headgate_source_ignored_fields_total{connector=\"readings\"} 1"); }, seconds(20)));
  const json offsets = Get("/connectors/readings/offsets");
  EXPECT_EQ(offsets["offsets"][0]["offset"]["seq"], 1);
  EXPECT_EQ(Get("/api/v1/connectors/readings/lag")["durable_position"], "1");
}

TEST_F(Ingest, DebeziumRendersTheEventsToo) {
  json hook = Settings()["hook"];
  hook["format"] = "debezium";
  EXPECT_EQ(headgate_->Call("PUT", "/connectors/hook/config", hook.dump())->status, 200);
  EXPECT_EQ(Post(R"({"sensor_id":7,"temperature":21.5})").status, 200);
  const auto rows = [&] {
    std::vector<json> found;
    for (const auto& request : receiver_.Requests()) {
      json value = json::parse(request.body, nullptr, false);
      if (value.contains("payload")) value = value["payload"];
      if (value.value("op", "") == "c") found.push_back(std::move(value));
    }
    return found;
  };
  ASSERT_TRUE(WaitFor([&] { return rows().size() == 1; }, seconds(20)));
  const json event = rows()[0];
  EXPECT_EQ(event["after"]["sensor_id"], 7);
  EXPECT_EQ(event["after"]["temperature"], 21.5);
  EXPECT_EQ(event["source"]["connector"], "http");
  EXPECT_EQ(event["source"]["table"], "readings");
}

}  // namespace
}  // namespace headgate::test
