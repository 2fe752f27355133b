// Consumer groups over HTTP (reference of seeds, D-02 to D-27), with the real program and PostgreSQL.
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;

constexpr const char* kGroups = "/api/v1/streams/shop.public.jobs/groups/";

class Groups : public ViewsFixture {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    if (headgate_ == nullptr) return;
    Exec("CREATE TABLE jobs (id int PRIMARY KEY, n int)");
    auto source = shop_->Source();
    source["tables"] = "public.jobs";
    Create("shop", source);
    // The stream is there with its first row, which no test counts.
    Exec("INSERT INTO jobs VALUES (0, 0)");
    Until("/api/v1/streams/shop.public.jobs", [](const json& s) { return s["records"] == 1; });
  }
  void Insert(int from, int to) {
    Exec("INSERT INTO jobs SELECT g, 0 FROM generate_series(" + std::to_string(from) + ", " + std::to_string(to) +
         ") g");
  }
  void UntilStored(int records) {
    Until("/api/v1/streams/shop.public.jobs", [&](const json& s) { return s["records"] == records; });
  }
  json Put(const std::string& group, const json& settings, int status = 201) {
    return Call("PUT", kGroups + group, status, settings);
  }
  json Poll(const std::string& group, int max, int wait_ms = 0, const std::string& consumer = "c1") {
    return Call("POST", kGroups + group + "/poll", 200, {{"consumer", consumer}, {"max", max}, {"wait_ms", wait_ms}});
  }
  // Polls until so many records have come.
  json PollAll(const std::string& group, std::size_t count, const std::string& consumer = "c1") {
    json records = json::array();
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (records.size() < count && std::chrono::steady_clock::now() < end) {
      const json polled = Poll(group, static_cast<int>(count - records.size()), 1000, consumer);
      for (const json& record : polled["records"]) records.push_back(record);
    }
    EXPECT_EQ(records.size(), count);
    return records;
  }
  json Ack(const std::string& group, const json& records, int status = 200) {
    return Call("POST", kGroups + group + "/ack", status, {{"deliveries", Tokens(records)}});
  }
  json Nack(const std::string& group, const json& records, int delay_ms = 0) {
    return Call("POST", kGroups + group + "/nack", 200, {{"deliveries", Tokens(records)}, {"delay_ms", delay_ms}});
  }
  json Get(const std::string& group) { return Call("GET", kGroups + group, 200); }
  static json Tokens(const json& records) {
    json tokens = json::array();
    for (const json& one : records) tokens.push_back(one["delivery"]);
    return tokens;
  }
  static std::vector<int> Ids(const json& records) {
    std::vector<int> ids;
    for (const json& one : records) ids.push_back(one["record"]["after"]["id"].get<int>());
    return ids;
  }
  void KillAndStart() {
    headgate_->KillHard();
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
};

TEST_F(Groups, D07_D10_D21_WhatWasAcknowledgedStaysSoOverADeath) {
  Insert(1, 9);  // nobody listens
  UntilStored(10);
  const json records = PollAll("billing", 10);
  EXPECT_THAT(Ids(records), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) << "D-20: in order";
  EXPECT_EQ(Ack("billing", json(records.begin(), records.begin() + 6))["acknowledged"], 6);
  EXPECT_EQ(Ack("billing", json::array({records[8]}))["acknowledged"], 1);
  KillAndStart();
  const json group = Get("billing");
  EXPECT_EQ(group["in_flight"], 3);
  EXPECT_EQ(group["lag"]["records"], 3);
  EXPECT_EQ(group["consumers"], json::array({"c1"}));
  EXPECT_EQ(Ack("billing", json::array({records[6]}))["acknowledged"], 1) << "a token outlives the process";
  ASSERT_EQ(Nack("billing", json::array({records[7], records[9]}))["returned"], 2);
  const json again = PollAll("billing", 2, "c2");
  EXPECT_THAT(Ids(again), testing::ElementsAre(7, 9));
  EXPECT_EQ(again[0]["deliveries"], 2);
  EXPECT_EQ(Ack("billing", again)["acknowledged"], 2);
  EXPECT_EQ(Get("billing")["lag"]["records"], 0);
  EXPECT_EQ(Poll("billing", 10)["reason"], "end");
}

TEST_F(Groups, D03_AnIdleConsumerHearsOfARowAtOnce) {
  PollAll("idle", 1);
  auto best = milliseconds(10'000);
  for (int i = 1; i <= 10; ++i) {
    std::jthread writer([&, i] {
      Until("/api/v1/streams/shop.public.jobs", [](const json&) { return true; });
      Insert(i, i);
    });
    const auto start = std::chrono::steady_clock::now();
    const json polled = Poll("idle", 10, 20'000);
    best = std::min(best, std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start));
    ASSERT_EQ(polled["records"].size(), 1U);
  }
  EXPECT_LT(best, milliseconds(100)) << "from before the request that inserts it";
}

TEST_F(Groups, D13_D14_D15_EachGroupSharesAllRecordsAmongItsConsumers) {
  Insert(1, 999);
  std::map<std::string, std::map<std::string, std::vector<int>>> got;  // by group and consumer
  std::mutex mutex;
  {
    std::vector<std::jthread> consumers;
    for (const auto& [group, count] : {std::pair<std::string, int>("a", 4), {"b", 3}, {"c", 3}}) {
      Put(group, {{"ordering", "none"}, {"ack_timeout_ms", 60000}});
      for (int i = 0; i < count; ++i) {
        consumers.emplace_back([&, group = group, name = "c" + std::to_string(i)] {
          std::vector<int> mine;
          const auto end = std::chrono::steady_clock::now() + seconds(30);
          const auto total = [&] {
            const std::lock_guard lock(mutex);
            std::size_t sum = 0;
            for (const auto& [consumer, ids] : got[group]) sum += ids.size();
            return sum;
          };
          while (total() < 1000 && std::chrono::steady_clock::now() < end) {
            const json records = Poll(group, 10, 100, name)["records"];
            if (records.empty()) continue;
            EXPECT_EQ(Ack(group, records)["acknowledged"], records.size());
            const std::lock_guard lock(mutex);
            for (const int id : Ids(records)) got[group][name].push_back(id);
          }
        });
      }
    }
  }
  for (const auto& [group, consumers] : got) {
    std::set<int> all;
    std::size_t sum = 0;
    for (const auto& [name, ids] : consumers) {
      EXPECT_GE(ids.size(), 1U) << group << " " << name;
      sum += ids.size();
      all.insert(ids.begin(), ids.end());
    }
    EXPECT_EQ(sum, 1000U) << group;
    EXPECT_EQ(all.size(), 1000U) << group << ": none twice";
  }
}

TEST_F(Groups, D16_WhatADeadConsumerHeldGoesToAnother) {
  Put("work", {{"ack_timeout_ms", 500}});
  Insert(1, 4);
  const json taken = PollAll("work", 5, "dies");
  EXPECT_EQ(Ack("work", json::array({taken[0], taken[2], taken[4]}))["acknowledged"], 3);
  const json rest = PollAll("work", 2, "lives");
  EXPECT_THAT(Ids(rest), testing::ElementsAre(1, 3));
  const json late = Ack("work", json::array({taken[1]}), 409);
  EXPECT_THAT(late["type"].get<std::string>(), testing::HasSubstr("delivery-expired"));
  EXPECT_EQ(Ack("work", json::array({rest[0], rest[1]}))["acknowledged"], 2);
}

TEST_F(Groups, D17_AKeyIsHeldBackUntilItsEarlierChangeIsDone) {
  Exec("UPDATE jobs SET n = 1 WHERE id = 0");
  Insert(1, 1);
  UntilStored(3);
  const json first = Poll("keys", 10, 1000)["records"];
  EXPECT_THAT(Ids(first), testing::ElementsAre(0, 1));
  EXPECT_EQ(Poll("keys", 10)["reason"], "held");
  Ack("keys", json::array({first[0]}));
  const json second = PollAll("keys", 1);
  EXPECT_EQ(second[0]["record"]["op"], "update");
}

TEST_F(Groups, D18_WhatFailsTooOftenIsADeadLetterThatAPersonRetriesOrDiscards) {
  Put("dead", {{"deliveries_max", 2}});
  Insert(1, 1);
  UntilStored(2);
  for (int i = 0; i < 2; ++i) {
    const json both = PollAll("dead", 2);
    Nack("dead", both);
  }
  const std::string letters = std::string(kGroups) + "dead/dead-letters";
  const json list = Until(letters, [](const json& l) { return l["items"].size() == 2; })["items"];
  EXPECT_EQ(list[0]["state"], "dead");
  EXPECT_EQ(list[0]["attempts"], 2);
  EXPECT_EQ(list[0]["error"]["class"], "deliveries");
  EXPECT_EQ(Get("dead")["dead_letters"], 2);
  EXPECT_EQ(Get("dead")["lag"]["records"], 0) << "the rest goes on";
  const std::string id = list[0]["id"];
  EXPECT_EQ(Call("GET", letters + "/" + id, 200)["record"]["after"]["id"], 0);
  Call("POST", letters + "/" + id + "/retry", 202);
  const json again = PollAll("dead", 1);
  EXPECT_EQ(Ids(again)[0], 0);
  EXPECT_EQ(Ack("dead", again)["acknowledged"], 1);
  EXPECT_EQ(Get("dead")["dead_letters"], 1);
  Call("POST", letters + "/discard", 202, {{"filter", {{"all", true}}}});
  Until(letters, [](const json& l) { return l["items"].empty(); });
  EXPECT_EQ(Poll("dead", 1)["reason"], "end");
}

TEST_F(Groups, D06_D26_AGroupThatStandsHoldsUpNoOther) {
  Put("stands", {{"in_flight_max", 1}});
  Insert(1, 20);
  UntilStored(21);
  PollAll("stands", 1);
  const json full = Poll("stands", 10);
  EXPECT_TRUE(full["records"].empty());
  EXPECT_EQ(full["reason"], "in_flight_limit");
  Ack("runs", PollAll("runs", 21));
  EXPECT_EQ(Get("runs")["lag"]["records"], 0);
  EXPECT_GE(Get("stands")["lag"]["records"], 21) << "with the markers that it has not passed";
  const json readers = Call("GET", "/api/v1/streams/shop.public.jobs", 200)["readers"];
  ASSERT_EQ(readers.size(), 2U);
  EXPECT_EQ(readers[0]["kind"], "group");
  EXPECT_EQ(readers[0]["name"], "runs");
  EXPECT_EQ(readers[0]["pending_records"], 0);
  const auto metrics = headgate_->Call("GET", "/metrics");
  ASSERT_TRUE(metrics.ok());
  const std::string labels = R"(\{stream="shop.public.jobs",group="stands"\} )";
  EXPECT_THAT(metrics->body, testing::ContainsRegex("headgate_group_pending_records" + labels + "2[1-9]\n"));
  EXPECT_THAT(metrics->body, testing::ContainsRegex("headgate_group_in_flight" + labels + "1\n"));
}

TEST_F(Groups, D27_ASeekGivesTheSameAgain) {
  Insert(1, 5);
  UntilStored(6);
  const json first = PollAll("again", 6);
  Ack("again", first);
  const json group = Call("POST", std::string(kGroups) + "again/seek", 200, {{"to", "beginning"}});
  EXPECT_GE(group["lag"]["records"], 6) << "with the markers, until they are passed";
  const json second = PollAll("again", 6);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(first[i]["record"], second[i]["record"]);
  EXPECT_NE(first[0]["delivery"], second[0]["delivery"]);
  Ack("again", json::array({first[0]}), 422);
  Call("POST", std::string(kGroups) + "again/seek", 200, {{"to", "now"}});
  EXPECT_EQ(Poll("again", 6)["reason"], "end");
}

TEST_F(Groups, D24_WhatRetentionTookIsDeclaredAndNothingGoesOnUnseen) {
  HeadgateOptions options;
  options.extra_yaml = "retention:\n  time_ms: 1000\n";
  headgate_ = std::make_unique<HeadgateProcess>(options);
  ASSERT_TRUE(headgate_->Start().ok());
  auto source = shop_->Source();
  source["tables"] = "public.jobs";
  source["slot_name"] = "short";
  source["publication_name"] = "short";
  Create("shop", source);
  Until("/api/v1/streams/shop.public.jobs", [](const json& s) { return s["records"] == 1; });
  Put("fails", nullptr);
  Put("skips", {{"on_lost", "earliest"}});
  const json group = Until(
      std::string(kGroups) + "fails", [](const json& g) { return g["lost"].is_object(); }, seconds(40));
  EXPECT_EQ(group["lost"]["records"], 1);
  const json told = Call("POST", std::string(kGroups) + "fails/poll", 409, {{"consumer", "c"}});
  EXPECT_THAT(told["detail"].get<std::string>(), testing::HasSubstr("dropped 1 records"));
  EXPECT_THAT(told["type"].get<std::string>(), testing::HasSubstr("records-lost"));
  EXPECT_EQ(Get("skips")["totals"]["lost"], 1);
  Call("POST", std::string(kGroups) + "fails/seek", 200, {{"to", "beginning"}});
  Call("POST", std::string(kGroups) + "fails/seek", 422, {{"to", "1-0"}});
  Exec("INSERT INTO jobs VALUES (1, 0)");
  for (const char* name : {"fails", "skips"}) EXPECT_THAT(Ids(PollAll(name, 1)), testing::ElementsAre(1)) << name;
  int losses = 0;
  const json events = Call("GET", "/api/v1/events?limit=1000", 200);
  for (const json& event : events["items"]) losses += event["kind"] == "loss" ? 1 : 0;
  EXPECT_EQ(losses, 2);
}

// Polls, acknowledges and dies, again and again: what was answered as acknowledged never comes again, all come.
TEST_F(Groups, D07_NothingIsLostAndNothingAcknowledgedComesAgainOverDeaths) {
  Put("steady", {{"ack_timeout_ms", 300}, {"deliveries_max", 1000}});
  Insert(1, 299);
  UntilStored(300);
  std::set<int> done;
  for (int round = 0; done.size() < 300 && round < 400; ++round) {
    const auto polled =
        headgate_->Call("POST", std::string(kGroups) + "steady/poll", R"({"consumer":"c","max":7,"wait_ms":400})");
    ASSERT_TRUE(polled.ok());
    const json records = json::parse(polled->body)["records"];
    for (const int id : Ids(records)) EXPECT_FALSE(done.contains(id)) << id << " was acknowledged";
    if (records.empty()) continue;
    const json some(records.begin(), records.begin() + static_cast<std::ptrdiff_t>((records.size() + 1) / 2));
    const bool dies = round % 10 == 9;
    if (round % 2 == 0 || dies) {
      const json settled = Ack("steady", some);
      if (settled["acknowledged"] == some.size()) {
        for (const int id : Ids(some)) done.insert(id);
      }
    } else {
      Ack("steady", records);
      for (const int id : Ids(records)) done.insert(id);
    }
    if (dies) KillAndStart();
  }
  EXPECT_EQ(done.size(), 300U);
  EXPECT_EQ(Get("steady")["lag"]["records"], 0);
}

TEST_F(Groups, AGroupReadsTheStreamOfAViewAlsoAfterARestart) {
  Sql("CREATE MATERIALIZED VIEW busy AS SELECT id FROM shop.public.jobs WHERE n > 0");
  UntilRunning("busy");
  Until("/api/v1/streams/busy", [](const json&) { return true; });
  const std::string group = "/api/v1/streams/busy/groups/g";
  Call("PUT", group, 201);
  for (const bool restarted : {false, true}) {
    if (restarted) KillAndStart();
    Exec("UPDATE jobs SET n = n + 1 WHERE id = 0; INSERT INTO jobs VALUES (" + std::string(restarted ? "7" : "6") +
         ", 1)");
    json records;
    for (const auto end = std::chrono::steady_clock::now() + seconds(20); records.empty();) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      records = Call("POST", group + "/poll", 200, {{"consumer", "c"}, {"wait_ms", 1000}})["records"];
    }
    EXPECT_EQ(records.back()["record"]["after"]["id"], restarted ? 7 : 6);
    Call("POST", group + "/ack", 200, {{"deliveries", Tokens(records)}});
  }
}

TEST_F(Groups, SettingsAreReplacedOnlyIfTheyAreThoseThatIfMatchNames) {
  const std::string path = std::string(kGroups) + "g";
  const auto put = [&](const std::string& body, const std::string& tag) {
    auto answer = headgate_->Call("PUT", path, body, {{"If-Match", tag}});
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? answer->status : 0;
  };
  EXPECT_EQ(put("{}", "\"group-1\""), 412) << "there is none";
  Put("g", {{"deliveries_max", 3}});
  const auto read = headgate_->Call("GET", path, "");
  ASSERT_TRUE(read.ok());
  const std::string tag = read->headers.at("etag");
  EXPECT_EQ(put(R"({"deliveries_max":4})", tag), 200);
  EXPECT_EQ(put(R"({"deliveries_max":9})", tag), 412) << "others were faster";
  EXPECT_EQ(Get("g")["deliveries_max"], 4);
}

// A consumer that stands still costs disk alone; of the reference's gigabyte as much as a test may take.
TEST_F(Groups, D05_WhatAStandingConsumerHasYetToReadLiesOnDisk) {
  const bool nightly = std::getenv("HEADGATE_NIGHTLY") != nullptr;
  const int rows = nightly ? 100'000 : 12'000;
  Ack("slow", PollAll("slow", 1));
  Exec("ALTER TABLE jobs ADD COLUMN text text");
  // Text that cannot be compressed: 10 kB a row.
  const auto fill = [&](int from, int to) {
    Exec(
        "INSERT INTO jobs SELECT g, 0, (SELECT string_agg(md5(random()::text || g || i), '') FROM generate_series(1, "
        "320) i) FROM generate_series(" +
        std::to_string(from) + ", " + std::to_string(to) + ") g");
  };
  fill(1, rows / 10);
  UntilStored(1 + rows / 10);
  const long before = headgate_->MemoryMiB("RssAnon");
  fill(rows / 10 + 1, rows);
  UntilStored(1 + rows);
  EXPECT_LE(headgate_->MemoryMiB("RssAnon") - before, 32) << "of " << rows / 100 * 9 / 10 << " MB more";
  int next = 1;
  const auto end = std::chrono::steady_clock::now() + seconds(120);
  while (next <= rows && std::chrono::steady_clock::now() < end) {
    const json records = Poll("slow", 200, 1000)["records"];
    if (records.empty()) continue;
    for (const int id : Ids(records)) ASSERT_EQ(id, next++) << "each once, in order";
    ASSERT_EQ(Ack("slow", records)["acknowledged"], records.size());
  }
  EXPECT_EQ(next, rows + 1);
}

TEST_F(Groups, BadRequestsAreRefusedWithWhatIsWrong) {
  const auto refused = [&](const std::string& method, const std::string& path, const std::string& body, int status,
                           const std::string& text) {
    const auto answer = headgate_->Call(method, path, body);
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    EXPECT_EQ(answer->status, status) << path << " " << body << " " << answer->body;
    EXPECT_THAT(answer->body, testing::HasSubstr(text)) << path << " " << body;
  };
  const std::string poll = std::string(kGroups) + "g/poll";
  refused("POST", "/api/v1/streams/nothing/groups/g/poll", R"({"consumer":"c"})", 404, "no stream nothing");
  refused("POST", std::string(kGroups) + "%07/poll", R"({"consumer":"c"})", 400, "control characters");
  refused("POST", poll, "", 400, "");
  refused("POST", poll, "[]", 400, "consumer");
  refused("POST", poll, "{}", 400, "/consumer");
  refused("POST", poll, R"({"consumer":""})", 400, "/consumer");
  refused("POST", poll, R"({"consumer":7})", 400, "/consumer");
  refused("POST", poll, R"({"consumer":"c","max":0})", 400, "from 1 to 1000");
  refused("POST", poll, R"({"consumer":"c","max":1001})", 400, "/max");
  refused("POST", poll, R"({"consumer":"c","max":1.5})", 400, "/max");
  refused("POST", poll, R"({"consumer":"c","max":18446744073709551615})", 400, "/max");
  refused("POST", poll, R"({"consumer":"c","wait_ms":30001})", 400, "/wait_ms");
  refused("POST", poll, R"({"consumer":"c","what":1})", 400, "Unknown member");
  EXPECT_TRUE(Call("GET", "/api/v1/streams/shop.public.jobs/groups", 200)["items"].empty()) << "none was made";
  refused("GET", std::string(kGroups) + "g", "", 404, "no group g");
  refused("POST", std::string(kGroups) + "g/ack", R"({"deliveries":["1-1.1.1"]})", 404, "no group g");
  refused("POST", std::string(kGroups) + "g/seek", R"({"to":"beginning"})", 404, "no group g");
  refused("DELETE", std::string(kGroups) + "g", "", 404, "no group g");
  refused("GET", std::string(kGroups) + "g/dead-letters", "", 404, "no group g");
  refused("PUT", std::string(kGroups) + "g", R"({"start":"yesterday"})", 400, "/start");
  refused("PUT", std::string(kGroups) + "g", R"({"ack_timeout_ms":1})", 400, "/ack_timeout_ms");
  refused("PUT", std::string(kGroups) + "g", R"({"deliveries_max":0})", 400, "/deliveries_max");
  refused("PUT", std::string(kGroups) + "g", R"({"ordering":"total"})", 400, "key or none");
  refused("PUT", std::string(kGroups) + "g", R"({"on_lost":"ignore"})", 400, "/on_lost");
  Put("g", {{"start", "beginning"}});
  Put("g", nullptr, 200);
  Put("other", {{"start", nullptr}});
  const json mine = PollAll("g", 1);
  const json others = PollAll("other", 1);
  Ack("g", json::array({mine[0], others[0]}), 422);
  EXPECT_EQ(Get("g")["in_flight"], 1) << "nothing was done";
  refused("POST", std::string(kGroups) + "g/ack", R"({"deliveries":["what"]})", 422, "deliveries[0]");
  refused("POST", std::string(kGroups) + "g/ack", R"({"deliveries":[]})", 400, "/deliveries");
  refused("POST", std::string(kGroups) + "g/ack", R"({"deliveries":[1]})", 400, "/deliveries");
  refused("POST", std::string(kGroups) + "g/ack", R"({"deliveries":["x"],"delay_ms":1})", 400, "Unknown member");
  refused("POST", std::string(kGroups) + "g/nack", R"({"deliveries":["x"],"delay_ms":-1})", 400, "/delay_ms");
  refused("POST", std::string(kGroups) + "g/seek", "{}", 400, "/to");
  refused("POST", std::string(kGroups) + "g/seek", R"({"to":"soon"})", 400, "/to");
  refused("GET", std::string(kGroups) + "g/dead-letters/7", "", 404, "no dead letter 7");
  EXPECT_EQ(Call("GET", "/api/v1/streams/shop.public.jobs/groups?limit=1", 200)["items"][0]["name"], "g");
  Call("DELETE", std::string(kGroups) + "g", 204);
}

}  // namespace
}  // namespace headgate::test
