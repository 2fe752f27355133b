#include "tests/e2e/table_sink.h"
#include "tests/support/test_certificate.h"

// Streams of a PostgreSQL kept as tables of a real PostgreSQL, MySQL and MariaDB.
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

TEST_P(TableSink, TablesFollowTheirStreams) {
  Create("shop", shop_->Source());
  Create("copy", Sink());
  ExpectSame();
  Exec("UPDATE public.orders SET id = id + 1000 WHERE id = 7");
  Exec(
      "BEGIN; DELETE FROM public.orders WHERE id = 8; INSERT INTO public.orders (id, total) VALUES (8, 1); "
      "UPDATE public.orders SET total = 2 WHERE id = 8; COMMIT");
  Exec("DELETE FROM public.orders WHERE id BETWEEN 20 AND 29");
  ExpectSame();
  Exec("TRUNCATE public.orders; INSERT INTO public.orders (id, total) VALUES (1, 1)");
  ExpectSame();
}

TEST_P(TableSink, AfterKillsUnderLoadTheyAreEqual) {
  Create("shop", shop_->Source());
  Create("copy", Sink());
  shop_->StartLoad(7, 200);
  Signal never;
  for (int round = 0; round < 4; ++round) {
    never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(700 + 300 * round), {});
    headgate_->KillHard();
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
  shop_->StopLoad();
  ExpectSame();
}

// Every transaction moves an amount from one row to another: whoever reads the target never sees one side of it.
TEST_P(TableSink, ATransactionIsNeverSeenInHalves_D2) {
  Exec("CREATE TABLE public.accounts (id int PRIMARY KEY, amount bigint NOT NULL)");
  Exec("INSERT INTO public.accounts SELECT i, 1000 FROM generate_series(1, 400) i");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.accounts"}, {"batch_rows_max", "7"}}));
  ASSERT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) FROM " + In("accounts")) == "400"; }));
  std::jthread mover([&](std::stop_token stop) {
    auto session = shop_->database().Connect();
    ASSERT_TRUE(session.ok());
    for (int i = 0; !stop.stop_requested() && i < 400; ++i)
      ASSERT_TRUE(session
                      ->Exec("UPDATE public.accounts SET amount = amount + CASE WHEN id % 2 = " +
                             std::to_string(i % 2) + " THEN 1 ELSE -1 END")
                      .ok());
  });
  for (int i = 0; i < 100; ++i) ASSERT_EQ(ValueAt("SELECT sum(amount) FROM " + In("accounts")), "400000");
  mover.request_stop();
  mover.join();
  EXPECT_TRUE(WaitFor([&] {
    return ValueAt("SELECT max(amount) FROM " + In("accounts")) ==
           *shop_->database().Value("SELECT max(amount) FROM public.accounts");
  }));
}

TEST_P(TableSink, AppendAddsARowForEveryChangeOnceWhateverIsKilled) {
  Exec("CREATE TABLE public.events (id int PRIMARY KEY, t text)");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.events"}, {"mode", "append"}}));
  ASSERT_TRUE(WaitFor([&] {  // a snapshot that is cut off begins again, and its reads are changes like any other
    const auto answer = headgate_->Call("GET", "/api/v1/connectors/shop/snapshots/1", "");
    return answer.ok() && answer->body.find("\"completed\"") != std::string::npos;
  }));
  for (int i = 0; i < 300; ++i) {
    Exec("INSERT INTO public.events VALUES (" + std::to_string(i) + ", 'it''s \\ \"' || " + std::to_string(i) + ")");
    if (i % 100 == 50) {
      headgate_->KillHard();
      ASSERT_TRUE(headgate_->Start().ok());
    }
  }
  Exec("UPDATE public.events SET t = 'new' WHERE id = 3; DELETE FROM public.events WHERE id = 4");
  EXPECT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) FROM " + In("events")) == "302"; }, seconds(30)))
      << ValueAt("SELECT count(*) FROM " + In("events")) << Call("GET", "/connectors/copy/status", 200).dump();
  EXPECT_EQ(ValueAt("SELECT count(DISTINCT _event_id) FROM " + In("events")), "302");
  EXPECT_EQ(ValueAt("SELECT t FROM " + In("events") + " WHERE id = 5"), "it's \\ \"5");
  EXPECT_EQ(ValueAt("SELECT count(*) FROM " + In("events") + " WHERE _op = 'delete' AND id = 4"), "1");
}

TEST_P(TableSink, AColumnThatComesIsAddedOrTheSinkStopsAndSaysWhich) {
  Create("shop", shop_->Source());
  Create("copy", Sink());
  ExpectSame();
  Exec("ALTER TABLE public.orders ADD COLUMN priority int");
  Exec("UPDATE public.orders SET priority = 3 WHERE id = 5");
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("ADD COLUMN"));
  Call("PUT", "/connectors/copy/config", 200, Sink({{"evolve", "true"}}));
  EXPECT_TRUE(WaitFor([&] { return ValueAt("SELECT priority FROM " + In("orders") + " WHERE id = 5") == "3"; }))
      << Call("GET", "/connectors/copy/status", 200).dump();
  // In the middle of a transaction.
  Exec(
      "BEGIN; UPDATE public.orders SET priority = 4; ALTER TABLE public.orders ADD COLUMN late text; "
      "UPDATE public.orders SET late = 'x'; COMMIT");
  EXPECT_TRUE(WaitFor(
      [&] {
        return ValueAt("SELECT count(*) FROM " + In("orders") + " WHERE late = 'x' AND priority = 4") ==
               *shop_->database().Value("SELECT count(*) FROM public.orders");
      },
      seconds(30)))
      << Call("GET", "/connectors/copy/status", 200).dump();
}

TEST_P(TableSink, ATableThatDoesNotFitIsRefusedWithEverythingThatIsWrong) {
  At("CREATE TABLE " + In("orders") + " (id smallint, total int, extra int NOT NULL)");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.orders"}, {"evolve", "true"}}));
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  const std::string said = Call("GET", "/connectors/copy/status", 200).dump();
  EXPECT_THAT(said, HasSubstr("column id is smallint"));
  EXPECT_THAT(said, HasSubstr("column total is int"));
  EXPECT_THAT(said, HasSubstr("column extra there may not be NULL"));
  EXPECT_THAT(said, HasSubstr("no primary key or unique index"));
}

TEST_P(TableSink, AStreamWithoutAKeyIsRefusedByName_F33) {
  Exec("CREATE TABLE public.notes (t text); INSERT INTO public.notes VALUES ('a')");
  Create("shop", shop_->Source());
  ConnectorSettings settings = Sink({{"topics.regex", "shop\\.public\\.notes"}});
  const auto said = [&] {
    json config = {{"name", "copy"}};
    for (const auto& [key, value] : settings) config[key] = value;
    return Call("PUT", "/connector-plugins/table/config/validate", 200, config).dump();
  };
  EXPECT_TRUE(WaitFor([&] { return said().find("have no key") != std::string::npos; })) << said();
  settings["mode"] = "append";
  EXPECT_THAT(said(), HasSubstr("\"error_count\":0"));
  settings.erase("mode");
  Create("copy", settings);
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("has no key"));
}

TEST_P(TableSink, ATransactionOfManyBatchesIsOneAndLargeTextIsKept) {
  Exec("CREATE TABLE public.big (id int PRIMARY KEY, t text, n int)");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.big"}, {"batch_rows_max", "100"}}));
  Exec(
      "INSERT INTO public.big SELECT i, CASE WHEN i = 7 THEN (SELECT string_agg(md5(x::text), '') FROM "
      "generate_series(1, 2000) x) ELSE 'small' END, 0 FROM generate_series(1, 5000) i");
  EXPECT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) FROM " + In("big")) == "5000"; }))
      << Call("GET", "/connectors/copy/status", 200).dump();
  // The large text is not sent again (unchanged TOAST), under its key and under a new one.
  Exec("UPDATE public.big SET n = 1 WHERE id = 7");
  Exec("UPDATE public.big SET id = 7007 WHERE id = 7");
  Exec(
      "BEGIN; UPDATE public.big SET n = 2 WHERE id = 7007; UPDATE public.big SET id = 7 WHERE id = 7007; "
      "UPDATE public.big SET n = n + 1 WHERE id = 7; COMMIT");
  EXPECT_TRUE(WaitFor([&] { return ValueAt("SELECT n FROM " + In("big") + " WHERE id = 7") == "3"; }))
      << Call("GET", "/connectors/copy/status", 200).dump() << headgate_->Stderr();
  EXPECT_EQ(ValueAt("SELECT t FROM " + In("big") + " WHERE id = 7"),
            *shop_->database().Value("SELECT t FROM public.big WHERE id = 7"));
  EXPECT_EQ(ValueAt("SELECT count(*) FROM " + In("big")), "5000");
}

// Rows of a state have no place in the log: how far they are lies beside the cursor, and moves with them.
TEST_P(TableSink, AStateThatIsAddedIsThereOnceWhateverIsKilled_D1) {
  constexpr int kRows = 30'000;
  const std::string all = std::to_string(kRows);
  Exec("CREATE TABLE public.events (id int PRIMARY KEY, n int)");
  Exec("INSERT INTO public.events SELECT i, 0 FROM generate_series(1, " + all + ") i");
  const auto reads = [&] { return ValueAt("SELECT count(*) FROM " + In("events") + " WHERE _op = 'read'"); };
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.events"}, {"mode", "append"}, {"batch_rows_max", "700"}}));
  ASSERT_TRUE(WaitFor([&] { return reads() == all; }, seconds(60))) << reads();
  int sent = 1;
  for (const char* const point : {"table.committed", "backfill.save", "deliver.cursor", "table.written"}) {
    headgate_->KillHard();
    headgate_->set_failpoints(std::string(point) + "=kill:2");
    ASSERT_TRUE(headgate_->Start().ok());
    WaitFor([&] {  // it may be killed before it has answered
      const auto made = headgate_->Call("POST", "/api/v1/connectors/copy/snapshots", R"({"mode":"full"})");
      return !made.ok() || made->status == 201;
    });
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value()) << point << " was never reached";
    // What is sent before and after the kill is of different states.
    Exec("UPDATE public.events SET n = n + 1 WHERE id % 100 = 7");
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
    const std::string path = "/api/v1/connectors/copy/snapshots/" + std::to_string(sent++);
    ASSERT_TRUE(WaitFor([&] { return Call("GET", path, 200)["state"] == "completed"; }, seconds(60)))
        << Call("GET", path, 200) << headgate_->Stderr();
    EXPECT_EQ(Call("GET", path, 200)["rows_done"], kRows);
    EXPECT_EQ(reads(), std::to_string(sent * kRows)) << point;
  }
  EXPECT_EQ(ValueAt("SELECT count(*) FROM (SELECT id FROM " + In("events") +
                    " WHERE _op = 'read' GROUP BY id HAVING count(*) <> " + std::to_string(sent) + ") AS wrong"),
            "0");
}

TEST_P(TableSink, ASecondProcessIsFencedOffAndAForeignDirectoryIsRefused) {
  Create("shop", shop_->Source());
  Create("copy", Sink());
  ExpectSame();
  const std::string book = In("headgate_sinks");
  At("UPDATE " + book + " SET epoch = epoch + 1");
  Exec("UPDATE public.orders SET total = 77 WHERE id = 3");
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("Another process has taken over"));
  EXPECT_NE(ValueAt("SELECT total FROM " + In("orders") + " WHERE id = 3"), "77.00");
  At("UPDATE " + book + " SET log_id = 'other'");
  Call("POST", "/connectors/copy/restart", 204);
  EXPECT_TRUE(WaitFor([&] {
    return Call("GET", "/connectors/copy/status", 200).dump().find("another data directory") != std::string::npos;
  }));
}

TEST_P(TableSink, WhatWasLostAtTheTargetComesAgainByRewindAndByBackfill_OP15) {
  Create("shop", shop_->Source());
  Create("copy", Sink());
  ExpectSame();
  At("DELETE FROM " + In("orders") + " WHERE id < 50");
  Call("POST", "/api/v1/connectors/copy/rewind", 200, {{"to", "beginning"}});
  ExpectSame();
  At("DELETE FROM " + In("customers"));
  Call("POST", "/api/v1/connectors/copy/snapshots", 201, {{"mode", "full"}});
  ExpectSame();
  // A database that knows nothing of the sink: nothing is skipped unsaid.
  At("DELETE FROM " + In("headgate_sinks"));
  Call("POST", "/connectors/copy/restart", 204);
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("has no row of sink copy"));
  At("DELETE FROM " + In("orders"));
  Call("POST", "/api/v1/connectors/copy/rewind", 200, {{"to", "beginning"}});
  Call("POST", "/connectors/copy/restart", 204);
  ExpectSame();
}

TEST_P(TableSink, AViewIsATableLikeAnyOther) {
  Create("shop", shop_->Source());
  ASSERT_TRUE(WaitFor([&] {
    const auto answer = headgate_->Call("GET", "/api/v1/streams/shop.public.orders", "");
    return answer.ok() && answer->status == 200;
  }));
  Call("POST", "/api/v1/sql", 200,
       {{"statements",
         "CREATE MATERIALIZED VIEW per_customer AS SELECT c.id, c.name, count(*) AS orders, sum(o.total) AS total FROM "
         "shop.public.customers c JOIN shop.public.orders o ON o.customer = c.id GROUP BY c.id, c.name"}});
  ConnectorSettings settings = Sink();
  settings.erase("topics.regex");
  settings["topics"] = "per_customer";
  Create("copy", settings);
  shop_->StartLoad(11, 100);
  Signal never;
  never.WaitUntil(std::chrono::steady_clock::now() + seconds(2), {});
  shop_->StopLoad();
  const std::string sum =
      "SELECT CONCAT(count(*), ' ', sum(orders), ' ', round(sum(CAST(total AS DECIMAL(30,2))), 2)) FROM ";
  const std::string wanted = *shop_->database().Value(
      sum +
      "(SELECT c.id, c.name, count(*) AS orders, sum(o.total) AS total FROM customers c JOIN orders o ON "
      "o.customer = c.id GROUP BY c.id, c.name) v");
  EXPECT_TRUE(WaitFor([&] { return ValueAt(sum + In("per_customer")) == wanted; }, seconds(30)))
      << wanted << " " << ValueAt(sum + In("per_customer")) << Call("GET", "/connectors/copy/status", 200).dump();
}

TEST_P(TableSink, AP22_ATraceTellsWhatWasWrittenWhereAndWhatWasRejected) {
  const std::string trace = "/api/v1/connectors/copy/trace";
  const auto items = [&] { return Call("GET", trace, 200)["items"]; };
  Create("shop", shop_->Source());
  Create("copy", Sink(), "PAUSED");
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "PAUSED"; }));
  Call("POST", trace, 200, {{"seconds", 60}});
  Call("PUT", "/connectors/copy/resume", 202);
  ExpectSame();
  std::size_t events = 0;
  ASSERT_TRUE(WaitFor([&] {
    events = 0;
    for (const json& one : items()) events += one["outcome"] == "filtered" ? 0 : one["events"].get<std::size_t>();
    return events == 250;
  })) << events;
  const json first = items()[0];
  EXPECT_THAT(first["outcome"].get<std::string>(), ::testing::AnyOf("delivered", "written"));
  EXPECT_THAT(first["request"].get<std::string>(), ::testing::HasSubstr(" rows written")) << first;
  EXPECT_THAT(first["body"].get<std::string>(), ::testing::HasSubstr("\"write\":\"upsert\""));
  EXPECT_LE(first["body"].get<std::string>().size(), 4096U);
  EXPECT_GT(first["duration_ms"], 0);

  Call("POST", trace, 200, {{"seconds", 60}, {"q", "op = delete"}});
  Exec("UPDATE public.orders SET total = 1 WHERE id = 3");
  ExpectSame();
  Exec("DELETE FROM public.orders WHERE id = 4");
  ExpectSame();
  ASSERT_TRUE(WaitFor([&] { return items().size() == 1; })) << items();
  EXPECT_THAT(items()[0]["request"].get<std::string>(), ::testing::HasSubstr(In("orders") + ": 1 removed"));
  EXPECT_THAT(items()[0]["response"].get<std::string>(), ::testing::HasSubstr("committed, cursor "));

  Call("POST", trace, 200, {{"seconds", 60}});
  At("ALTER TABLE " + In("orders") + " ADD CONSTRAINT cheap CHECK (total < 1000000)");
  Exec("UPDATE public.orders SET total = 5000000 WHERE id = 3");
  ASSERT_TRUE(WaitFor([&] { return items().size() == 1; })) << items();
  EXPECT_THAT(items()[0]["error"].get<std::string>(), ::testing::HasSubstr("1 of its changes were refused: "));
  Call("DELETE", trace, 204);
  Exec("UPDATE public.orders SET total = 5 WHERE id = 3");
  ExpectSame();
  EXPECT_EQ(items().size(), 1U) << "nobody looks any more";
}

TEST_P(TableSink, AP22_ALetterThatIsTriedAgainIsInTheTrace) {
  const std::string trace = "/api/v1/connectors/copy/trace";
  const std::string letters = "/api/v1/connectors/copy/dead-letters";
  const auto items = [&] { return Call("GET", trace, 200)["items"]; };
  Create("shop", shop_->Source());
  Create("copy", Sink());
  ExpectSame();
  At("ALTER TABLE " + In("orders") + " ADD CONSTRAINT cheap CHECK (total < 1000000)");
  Exec("UPDATE public.orders SET total = 5000000 WHERE id = 3");
  ASSERT_TRUE(WaitFor([&] { return Call("GET", letters, 200)["items"].size() == 1; }));
  const json letter = Call("GET", letters, 200)["items"][0];
  const auto retry = [&] { Call("POST", letters + "/" + letter["id"].get<std::string>() + "/retry", 202); };

  Call("POST", trace, 200, {{"seconds", 60}, {"q", "op = delete"}});
  retry();
  ASSERT_TRUE(WaitFor([&] { return Call("GET", letters, 200)["items"][0]["attempts"] == 2; }));
  EXPECT_EQ(items().size(), 0U) << "not what they look for";
  Call("POST", trace, 200, {{"seconds", 60}});
  retry();
  ASSERT_TRUE(WaitFor([&] { return items().size() == 1; })) << items();
  const json refused = items()[0];
  EXPECT_EQ(refused["outcome"], "rejected") << refused;
  EXPECT_EQ(refused["event_ids"], json({letter["event_id"]}));
  EXPECT_EQ(refused["events"], 1);
  EXPECT_THAT(refused["request"].get<std::string>(),
              ::testing::HasSubstr("dead letter " + letter["id"].get<std::string>()));
  EXPECT_THAT(refused["body"].get<std::string>(), ::testing::HasSubstr("\"write\":\"upsert\""));
  EXPECT_NE(refused["error"], nullptr);
  At("ALTER TABLE " + In("orders") + " DROP CONSTRAINT cheap");
  retry();
  ASSERT_TRUE(WaitFor([&] { return items().size() == 2; })) << items();
  EXPECT_EQ(items()[1]["outcome"], "delivered") << items()[1];
  EXPECT_THAT(items()[1]["response"].get<std::string>(), ::testing::HasSubstr("committed, cursor "));
  ExpectSame();
}

TEST_P(TableSink, W10_TheOutgoingGuardHoldsForItsServerToo) {
  const auto restart = [&](const std::string& denied) {
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{.env = {{"HEADGATE_EGRESS_DENY", denied}}});
    ASSERT_TRUE(headgate_->Start().ok());
  };
  restart("127.0.0.0/8,::1");
  Create("shop", shop_->Source());
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    const json tested = Call("POST", "/api/v1/connections/test", 200, {{"config", Sink({{"host", host}})}});
    const json check = tested["checks"].back();
    EXPECT_EQ(check["status"], "error") << check;
    EXPECT_EQ(check["key"], "host");
    EXPECT_THAT(check["summary"].get<std::string>(), ::testing::HasSubstr("The outgoing guard refuses "));
  }
  Create("copy", Sink({{"host", "localhost"}}), "STOPPED");
  Call("PUT", "/connectors/copy/resume", 202);
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }));
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), ::testing::HasSubstr("egress.deny has "));

  restart("10.0.0.0/8");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"host", "localhost"}}));
  ExpectSame();
}

TEST_P(TableSink, AnAccountWithoutRightsIsToldWhatItLacks) {
  const std::string account = postgres() ? "poor_" + warehouse_->name() : "poor";
  if (postgres()) {
    At("CREATE ROLE " + account + " LOGIN PASSWORD 'pw'; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
  } else {
    At("CREATE USER poor@'%' IDENTIFIED BY 'pw'");
    At("GRANT SELECT ON warehouse.* TO poor@'%'");
  }
  Create("shop", shop_->Source());
  const auto as = [&](const std::string& topics) {
    return Sink({{"username", account}, {"password", "pw"}, {"topics.regex", topics}});
  };
  Create("copy", as("shop\\.public\\.orders"));
  ExpectSays("migrations/table_sink");
  // Another account makes the tables; then this one may keep its cursor, but not write, nor make other tables.
  Create("full", Sink({{"topics.regex", "shop\\.public\\.orders"}}));
  EXPECT_TRUE(WaitFor([&] { return OrdersAt() == Orders(); }, seconds(40)));
  At("GRANT SELECT, INSERT, UPDATE ON " + In("headgate_sinks") + " TO " + (postgres() ? account : "poor@'%'"));
  Call("POST", "/connectors/copy/restart", 204);
  ExpectSays(postgres() ? "permission denied for table orders" : "command denied to user 'poor'");
  Call("PUT", "/connectors/copy/config", 200, as("shop\\.public\\.customers"));
  ExpectSays("CREATE TABLE");
}

class PausedTableSink : public TableSink {};

// A transaction that is written in parts, and cannot go on: its locks are not kept.
TEST_P(PausedTableSink, HoldsNoLocksOfTheTarget) {
  Exec("CREATE TABLE public.big (id int PRIMARY KEY, t text)");
  At("CREATE TABLE public.big (id int PRIMARY KEY, t text)");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"topics.regex", "shop\\.public\\.big"}, {"batch_rows_max", "100"}}));
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "RUNNING"; }));
  auto other = warehouse_->Connect();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Exec("BEGIN; LOCK TABLE public.big IN SHARE MODE").ok());
  Exec("INSERT INTO public.big SELECT i, 'x' FROM generate_series(1, 20000) i");
  const std::string ours = "FROM pg_stat_activity WHERE application_name = 'headgate copy' AND ";
  ASSERT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) " + ours + "wait_event_type = 'Lock'") == "1"; }));
  Call("PUT", "/connectors/copy/pause", 202);
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "PAUSED"; }));
  ASSERT_TRUE(other->Exec("COMMIT").ok());
  ASSERT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) " + ours + "state = 'idle in transaction'") == "1"; }))
      << ValueAt("SELECT string_agg(state, ' ') " + ours + "true");
  EXPECT_TRUE(
      WaitFor([&] { return ValueAt("SELECT count(*) " + ours + "xact_start IS NOT NULL") == "0"; }, seconds(40)));
  EXPECT_EQ(StateOf("copy"), "PAUSED");
  EXPECT_EQ(ValueAt("SELECT count(*) FROM public.big"), "0");
  Call("PUT", "/connectors/copy/resume", 202);
  EXPECT_TRUE(WaitFor([&] { return ValueAt("SELECT count(*) FROM public.big") == "20000"; }, seconds(40)))
      << Call("GET", "/connectors/copy/status", 200).dump();
}

class TableTls : public Api, public ::testing::WithParamInterface<MyServer> {};

// The name is looked up for the guard and held against the certificate.
TEST_P(TableTls, ACertificateIsHeldAgainstTheNameThatIsSet) {
  testing_support::TestAuthority authority;
  const auto files = authority.Issue("server", {"DNS:localhost"});
  HG_WITH_SERVER(NameOf(GetParam()), const auto server,
                 PrivateMysql::Start(GetParam(), {"ssl-ca=" + authority.ca_file(), "ssl-cert=" + files.cert_file,
                                                  "ssl-key=" + files.key_file}));
  ASSERT_TRUE(server->Exec("CREATE DATABASE warehouse").ok());
  const auto tested = [&](const std::string& host, const std::string& sslmode) {
    const json config = {{"connector.class", "table"},
                         {"database", NameOf(GetParam())},
                         {"topics", "shop.public.orders"},
                         {"host", host},
                         {"port", std::to_string(server->port())},
                         {"dbname", "warehouse"},
                         {"username", "hg"},
                         {"password", "pw"},
                         {"sslmode", sslmode},
                         {"sslrootcert", authority.ca_file()}};
    return Call("POST", "/api/v1/connections/test", 200, {{"config", config}})["checks"].back();
  };
  const json good = tested("localhost", "verify-full");
  EXPECT_EQ(good["status"], "ok") << good;
  const json bad = tested("127.0.0.1", "verify-full");
  EXPECT_EQ(bad["status"], "error") << bad;
  EXPECT_EQ(tested("127.0.0.1", "require")["status"], "ok") << "which does not look at names";
}

INSTANTIATE_TEST_SUITE_P(Servers, TableTls, ::testing::Values(MyServer::kMysql, MyServer::kMariadb),
                         [](const auto& param) { return NameOf(param.param); });

INSTANTIATE_TEST_SUITE_P(Servers, PausedTableSink, ::testing::Values(Warehouse::kPostgres),
                         [](const auto& server) { return NameOf(server.param); });

// MySQL makes certificates for itself, for no host name.
class TableSinkTls : public TableSink {};

TEST_P(TableSinkTls, IsUsedAsAskedForAndSaysWhatIsWrong) {
  At("CREATE USER tls@'%' IDENTIFIED BY 'pw' REQUIRE SSL");
  At("GRANT ALL PRIVILEGES ON warehouse.* TO tls@'%'");
  Create("shop", shop_->Source());
  Create("copy", Sink({{"username", "tls"}, {"sslmode", "require"}}));
  ExpectSame();
  const auto fails_with = [&](ConnectorSettings more, const std::string& text) {
    more["username"] = "tls";
    Call("PUT", "/connectors/copy/config", 200, Sink(std::move(more)));
    ExpectSays(text);
  };
  fails_with({{"sslmode", "disable"}}, "Check username and password");
  fails_with({{"sslmode", "verify-full"}, {"sslrootcert", my_->data() + "/ca.pem"}}, "ertificate");
  Call("PUT", "/connectors/copy/config", 200, Sink({{"username", "tls"}}));
  Exec("UPDATE public.orders SET total = 99 WHERE id = 3");
  ExpectSame();
}

INSTANTIATE_TEST_SUITE_P(Servers, TableSinkTls, ::testing::Values(Warehouse::kMysql),
                         [](const auto& server) { return NameOf(server.param); });

INSTANTIATE_TEST_SUITE_P(Servers, TableSink,
                         ::testing::Values(Warehouse::kPostgres, Warehouse::kMysql, Warehouse::kMariadb),
                         [](const auto& server) { return NameOf(server.param); });

}  // namespace
}  // namespace headgate::test
