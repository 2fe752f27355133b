// What the theory of streams asks of a log and its views (reference of seeds, part D), with the real program.
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

using nlohmann::json;

class Streams : public ViewsFixture {
 protected:
  void Capture(const std::string& tables) {
    auto source = shop_->Source();
    source["tables"] = tables;
    Create("shop", source);
    Until("/api/v1/streams/" + StreamOf(tables.substr(0, tables.find(','))), [](const json&) { return true; });
  }
  static std::string StreamOf(const std::string& table) { return "shop." + table; }
  // The rows of a query that reflects everything that is committed now, values joined by |, lines by a blank.
  std::string Fresh(const std::string& sql) {
    const json answer = Call("POST", "/api/v1/query", 200,
                             {{"sql", sql},
                              {"min_position", {{"shop", One("SELECT pg_current_wal_lsn()")}}},
                              {"wait_ms", 10000},
                              {"limit", 100000}});
    std::string all;
    for (const json& row : answer["rows"]) {
      std::string line;
      for (const json& value : row) line += (line.empty() ? "" : "|") + TextOf(value);
      all += (all.empty() ? "" : " ") + line;
    }
    return all;
  }
  static std::string TextOf(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }
  std::string Post(const std::string& stream, const std::string& body) {
    const auto answer = headgate_->Call("POST", "/api/v1/streams/" + stream + "/events", body);
    EXPECT_TRUE(answer.ok() && answer->status == 200);
    return answer.ok() && answer->status == 200 ? answer->headers.at("headgate-seq") : "0";
  }
  json At(const std::string& seq, const std::string& sql) {
    return Call("POST", "/api/v1/query", 200,
                {{"sql", sql}, {"min_seq", seq}, {"wait_ms", 10000}, {"limit", 10000}})["rows"];
  }
};

TEST_F(Streams, D31_D33_TheDatabaseDecidesTheOrderAndOnlyWhatIsCommittedComes) {
  Exec("CREATE TABLE seats (id int PRIMARY KEY, holder text); INSERT INTO seats VALUES (1, '')");
  Capture("public.seats");
  Sql("CREATE MATERIALIZED VIEW holders AS SELECT id, holder FROM shop.public.seats");
  UntilRunning("holders");
  std::atomic<int> committed = 0;
  {
    std::vector<std::jthread> clients;
    for (const char* name : {"a", "b"}) {
      clients.emplace_back([&, name] {
        auto client = shop_->database().Connect();
        ASSERT_TRUE(client.ok());
        for (int i = 0; i < 1000; ++i) {
          const bool keep = i % 3 != 0;
          const std::string holder = name + std::to_string(i);
          ASSERT_TRUE(client
                          ->Exec("BEGIN; UPDATE seats SET holder = '" + holder + "' WHERE id = 1; " +
                                 (keep ? "COMMIT" : "ROLLBACK"))
                          .ok());
          if (keep) ++committed;
        }
      });
    }
  }
  EXPECT_EQ(Fresh("SELECT holder FROM holders"), One("SELECT holder FROM seats"));
  EXPECT_EQ(Call("GET", "/api/v1/streams/shop.public.seats", 200)["records"], 1 + committed);
  std::map<std::string, int> last;
  for (std::string path = "/api/v1/streams/shop.public.seats/records?limit=1000"; !path.empty();) {
    const json page = Call("GET", path, 200);
    for (const json& record : page["items"]) {
      const std::string holder = record.value("/after/holder"_json_pointer, "");  // of markers ""
      if (holder.empty()) continue;
      const int number = std::stoi(holder.substr(1));
      EXPECT_NE(number % 3, 0) << "rolled back: " << holder;
      EXPECT_GT(number, last.contains(holder.substr(0, 1)) ? last[holder.substr(0, 1)] : -1);
      last[holder.substr(0, 1)] = number;
    }
    path = page["next_cursor"].is_null() ? ""
                                         : "/api/v1/streams/shop.public.seats/records?limit=1000&cursor=" +
                                               page["next_cursor"].get<std::string>();
  }
}

TEST_F(Streams, D32_D50_D93_AllEndsOfOneSourceCatchUpAfterDeathsAndRepetitionsChangeNothing) {
  Capture("public.customers,public.orders");
  CountingReceiver derived;
  Sql("CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n FROM shop.public.orders GROUP BY "
      "customer");
  Call("POST", "/connectors", 201, {{"name", "tables"}, {"config", Shop::Hook(receiver_.url())}});
  Sql("CREATE SINK counts FROM per_customer WITH (connector.class = 'webhook', url = '" + derived.url() + "')");
  UntilRunning("per_customer");
  shop_->StartLoad(32, 200);
  for (int kill = 0; kill < 5; ++kill) {
    Wait(milliseconds(150 + 70 * kill));
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
  }
  shop_->StopLoad();
  auto client = shop_->database().Connect();
  ASSERT_TRUE(client.ok());
  EXPECT_THAT(receiver_.WaitForTables(*client, shop_->tables(), seconds(30)), testing::IsEmpty());
  const std::string expected =
      One("SELECT string_agg(customer || '|' || n, ' ' ORDER BY customer) FROM (SELECT customer, count(*) AS n FROM "
          "orders WHERE customer IS NOT NULL GROUP BY customer) x");
  EXPECT_EQ(Fresh("SELECT customer, n FROM per_customer WHERE customer IS NOT NULL ORDER BY customer"), expected);
  // What the third end was told folds to the same.
  std::string folded;
  const auto until = std::chrono::steady_clock::now() + seconds(20);
  while (folded != expected && std::chrono::steady_clock::now() < until) {
    std::map<int, std::string> rows;
    for (const auto& request : derived.http().Requests()) {
      const json body = json::parse(request.body);
      const json key = body.value("/key/customer"_json_pointer, json());
      if (!key.is_number()) continue;
      rows.erase(key.get<int>());
      if (body["after"].is_object()) rows[key] = TextOf(body["after"]["n"]);
    }
    folded.clear();
    for (const auto& [customer, n] : rows) folded += (folded.empty() ? "" : " ") + std::to_string(customer) + "|" + n;
    if (folded != expected) Wait(milliseconds(50));
  }
  EXPECT_EQ(folded, expected);
  EXPECT_THAT(receiver_.Violations(), testing::IsEmpty());
  EXPECT_THAT(derived.Violations(), testing::IsEmpty());
}

TEST_F(Streams, D34_D36_WritesGoOnWhileATableIsReadAndNothingIsAddedToTheDatabase) {
  Exec(
      "CREATE TABLE stock (id int PRIMARY KEY, n int NOT NULL); INSERT INTO stock SELECT g, 0 FROM "
      "generate_series(1, 200000) g");
  const std::string sums = "SELECT count(*), sum(n), sum(n::bigint * id) FROM ";
  std::atomic<bool> enough = false;
  std::jthread writer([&] {
    auto client = shop_->database().Connect();
    ASSERT_TRUE(client.ok());
    for (int i = 0; !enough; ++i) {
      const std::string id = std::to_string(i * 7919 % 200000 + 1);
      const bool gone = i % 5 == 0;
      ASSERT_TRUE(
          client
              ->Exec(gone ? "DELETE FROM stock WHERE id = " + id
                          : "INSERT INTO stock VALUES (" + id + ", 1) ON CONFLICT (id) DO UPDATE SET n = stock.n + 1")
              .ok());
    }
  });
  Capture("public.stock");
  Sql("CREATE MATERIALIZED VIEW left_over AS SELECT id, n FROM shop.public.stock");
  UntilRunning("left_over");
  Wait(milliseconds(300));
  Exec("ALTER TABLE stock ADD COLUMN note text");
  Exec("UPDATE stock SET note = 'x', n = n + 1 WHERE id < 100");
  enough = true;
  writer.join();
  EXPECT_EQ(Fresh(sums + "left_over"),
            One("SELECT count(*) || '|' || sum(n) || '|' || sum(n::bigint * id) FROM stock"));
  EXPECT_EQ(One("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"), "0");
  EXPECT_EQ(One("SELECT count(*) FROM pg_event_trigger"), "0");
}

TEST_F(Streams, D35_SinksThatStandStillHoldUpNeitherTheSourceNorTheViews) {
  receiver_.SetPolicy([](const auto&) {
    CountingReceiver::Reply reply;
    reply.status = 503;
    return reply;
  });
  Capture("public.customers");
  Sql("CREATE MATERIALIZED VIEW names AS SELECT id, name FROM shop.public.customers;"
      "CREATE SINK stuck FROM names WITH (connector.class = 'webhook', url = '" +
      receiver_.url() + "')");
  UntilRunning("names");
  ASSERT_TRUE(receiver_.http().WaitForRequests(1));
  for (int i = 0; i < 200; ++i) {
    Exec("INSERT INTO public.customers (id, name) VALUES (" + std::to_string(10'000 + i) + ", 'n')");
  }
  EXPECT_EQ(Fresh("SELECT count(*) FROM names WHERE id >= 10000"), "200");
}

TEST_F(Streams, D44_ASecondViewComesWhileTheFirstIsReadAndTheFirstGoes) {
  Capture("public.customers,public.orders");
  Sql("CREATE MATERIALIZED VIEW old AS SELECT count(*) AS n FROM shop.public.orders");
  UntilRunning("old");
  shop_->StartLoad(44, 200);
  Sql("CREATE MATERIALIZED VIEW new AS SELECT state, count(*) AS n FROM shop.public.orders GROUP BY state");
  for (bool running = false; !running;) {
    ASSERT_EQ(Query("SELECT n FROM old")["rows"].size(), 1U);
    running = Call("GET", "/api/v1/views/new", 200)["state"] == "running";
  }
  Sql("DROP MATERIALIZED VIEW old");
  shop_->StopLoad();
  EXPECT_EQ(
      Fresh("SELECT state, n FROM new ORDER BY state"),
      One("SELECT string_agg(state || '|' || n, ' ' ORDER BY state COLLATE \"C\") FROM (SELECT state, count(*) AS n "
          "FROM orders GROUP BY state) x"));
}

TEST_F(Streams, D51_D57_D91_AViewOverAllOfATableIsThereAtOnceAfterARestart) {
  Exec(
      "CREATE TABLE deeds (id int PRIMARY KEY, at timestamptz, size int); INSERT INTO deeds SELECT g, now() - '1 "
      "year'::interval, g FROM generate_series(1, 30000) g");
  Capture("public.deeds");
  Sql("CREATE MATERIALIZED VIEW oldest AS SELECT min(at) AS at, count(*) AS n, sum(size) AS size FROM "
      "shop.public.deeds");
  UntilRunning("oldest");
  Exec("INSERT INTO deeds VALUES (0, now(), 5); DELETE FROM deeds WHERE id = 30000");
  EXPECT_EQ(Fresh("SELECT n, size FROM oldest"), One("SELECT count(*) || '|' || sum(size) FROM deeds"));
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  EXPECT_EQ(Call("GET", "/api/v1/views/oldest", 200)["state"], "running");
  EXPECT_EQ(Fresh("SELECT n, size FROM oldest"), One("SELECT count(*) || '|' || sum(size) FROM deeds"));
}

TEST_F(Streams, D56_DistinctCountsAreExact) {
  Sql("CREATE SOURCE visits (page int NOT NULL, visitor int NOT NULL) WITH (connector.class = 'http');"
      "CREATE MATERIALIZED VIEW visitors AS SELECT page, count(DISTINCT visitor) AS n FROM visits GROUP BY page");
  UntilRunning("visitors");
  Until("/api/v1/connectors/visits", [](const json& c) { return c["state"] == "RUNNING"; });
  std::mt19937 random(56);
  std::map<int, std::set<int>> seen;
  std::string seq;
  for (int request = 0; request < 20; ++request) {
    std::string body = "[";
    for (int i = 0; i < 500; ++i) {
      const int page = static_cast<int>(random() % 3);
      const int visitor = static_cast<int>(random() % 2000);
      seen[page].insert(visitor);
      body += std::string(i == 0 ? "" : ",") + "{\"page\":" + std::to_string(page) +
              ",\"visitor\":" + std::to_string(visitor) + "}";
    }
    seq = Post("visits", body + "]");
  }
  for (const json& row : At(seq, "SELECT page, n FROM visitors"))
    EXPECT_EQ(row[1].dump(), std::to_string(seen[row[0]].size())) << row[0];
}

TEST_F(Streams, D82_AnActivityMeetsTheProfileOfItsTime) {
  Exec("CREATE TABLE profiles (id int PRIMARY KEY, city text); INSERT INTO profiles VALUES (1, 'Bonn')");
  Capture("public.profiles");
  Sql("CREATE SOURCE activity (who int NOT NULL, what text) WITH (connector.class = 'http');"
      "CREATE MATERIALIZED VIEW placed AS SELECT a.what, p.city FROM activity a JOIN shop.public.profiles FOR "
      "SYSTEM_TIME "
      "AS OF LOG_POSITION() AS p ON p.id = a.who; CREATE MATERIALIZED VIEW cities AS SELECT id, city FROM "
      "shop.public.profiles");
  UntilRunning("placed");
  UntilRunning("cities");
  Until("/api/v1/connectors/activity", [](const json& c) { return c["state"] == "RUNNING"; });
  Post("activity", R"({"who":1,"what":"first"})");
  Exec("UPDATE profiles SET city = 'Kiel' WHERE id = 1");
  EXPECT_EQ(Fresh("SELECT city FROM cities"), "Kiel");
  const std::string seq = Post("activity", R"({"who":1,"what":"second"})");
  EXPECT_EQ(At(seq, "SELECT what, city FROM placed ORDER BY what"),
            json::parse(R"([["first","Bonn"],["second","Kiel"]])"));
}

TEST_F(Streams, D83_TimelinesEqualTheJoinAfterEachOfAThousandSteps) {
  Exec(
      "CREATE TABLE follows (who int, whom int, PRIMARY KEY (who, whom)); CREATE TABLE posts (id int PRIMARY KEY, "
      "author "
      "int, words text)");
  Capture("public.follows,public.posts");
  Until("/api/v1/streams/shop.public.posts", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW timelines AS SELECT f.who, p.id, p.words FROM shop.public.follows f JOIN "
      "shop.public.posts p ON p.author = f.whom");
  UntilRunning("timelines");
  std::mt19937 random(83);
  const auto user = [&] { return std::to_string(random() % 8); };
  const auto post = [&] { return std::to_string(random() % 40); };
  for (int step = 0; step < 1000; ++step) {
    switch (random() % 5) {
      case 0:
        Exec("INSERT INTO follows VALUES (" + user() + ", " + user() + ") ON CONFLICT DO NOTHING");
        break;
      case 1:
        Exec("DELETE FROM follows WHERE who = " + user() + " AND whom = " + user());
        break;
      case 2:
        Exec("DELETE FROM posts WHERE id = " + post());
        break;
      default:
        Exec("INSERT INTO posts VALUES (" + post() + ", " + user() + ", 'w" + std::to_string(step) +
             "') ON CONFLICT (id) DO UPDATE SET author = excluded.author, words = excluded.words");
    }
    ASSERT_EQ(
        Fresh("SELECT who, id, words FROM timelines ORDER BY who, id"),
        One("SELECT coalesce(string_agg(who || '|' || id || '|' || words, ' ' ORDER BY who, id), '') FROM follows "
            "JOIN posts ON author = whom"))
        << "step " << step;
  }
}

TEST_F(Streams, D86_ARowWithoutPartnerIsThereWithNullsUntilThePartnerComes) {
  Exec("CREATE TABLE towns (id int PRIMARY KEY, name text); CREATE TABLE people (id int PRIMARY KEY, town int)");
  Capture("public.towns,public.people");
  Until("/api/v1/streams/shop.public.people", [](const json&) { return true; });
  Sql("CREATE MATERIALIZED VIEW living AS SELECT p.id, p.town, t.name FROM shop.public.people p LEFT JOIN "
      "shop.public.towns t ON t.id = p.town");
  UntilRunning("living");
  // The stream of a view is written from its first reader on.
  Exec("INSERT INTO people VALUES (99, NULL)");
  Call("GET", "/api/v1/streams/living/records", 200);
  Until("/api/v1/streams/living", [](const json& stream) { return stream["records"] == 1; });
  const auto living = [&] { return Fresh("SELECT id, town, name FROM living WHERE id < 99 ORDER BY id"); };
  Exec("INSERT INTO people VALUES (1, 5), (2, NULL)");
  EXPECT_EQ(living(), "1|5|null 2|null|null");
  Exec("INSERT INTO towns VALUES (5, 'Ulm'), (6, 'Trier')");
  EXPECT_EQ(living(), "1|5|Ulm 2|null|null");
  Exec("UPDATE people SET town = 6 WHERE id = 1");
  EXPECT_EQ(living(), "1|6|Trier 2|null|null");
  Exec("DELETE FROM towns WHERE id = 6");
  EXPECT_EQ(living(), "1|6|null 2|null|null");
  Exec("DELETE FROM people WHERE id = 1");
  EXPECT_EQ(living(), "2|null|null");
  std::string told;
  const json records = Call("GET", "/api/v1/streams/living/records?key=1", 200);
  for (const json& record : records["items"]) told += record["op"].get<std::string>() + " ";
  EXPECT_EQ(told, "insert update update update delete ");
}

TEST_F(Streams, D94_TheClockIsReadOnceAndKept) {
  Exec("CREATE TABLE notes (id int PRIMARY KEY)");
  Capture("public.notes");
  for (const char* clock : {"now()", "random()", "clock_timestamp()"}) {
    const json refused =
        Sql(std::string("CREATE MATERIALIZED VIEW v AS SELECT id, ") + clock + " AS t FROM shop.public.notes", 422);
    EXPECT_FALSE(refused["errors"][0]["detail"].get<std::string>().empty());
  }
  Sql("CREATE MATERIALIZED VIEW dated AS SELECT id, _commit_at AS at FROM shop.public.notes");
  UntilRunning("dated");
  Exec("INSERT INTO notes VALUES (1)");
  const std::string at = Fresh("SELECT at FROM dated");
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  Sql("CREATE OR REPLACE MATERIALIZED VIEW dated AS SELECT id, _commit_at AS at FROM shop.public.notes WHERE id > 0");
  Until("/api/v1/views/dated", [](const json& v) { return v["state"] == "running" && !v.contains("replacing"); });
  EXPECT_EQ(Fresh("SELECT at FROM dated"), at);
}

}  // namespace
}  // namespace headgate::test
