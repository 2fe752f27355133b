#include "tests/unit/web/web_fixture.h"

// Events, listed and followed (admin API, 4.11).
namespace headgate::test {
namespace {

using EventsTest = WebTest;

TEST_F(EventsTest, S4_11_NewestFirstFilteredAndPaged) {
  for (int i = 0; i < 3; ++i) {
    control.AddEvent("state", "shop");
    control.AddEvent("gap", "other");
    control.manual_clock.now_us += 60'000'000;
  }
  const auto ids = [&](const std::string& query) {
    std::vector<std::string> all;
    const Json page = Parse(Get("/api/v1/events" + query));
    for (const Json& item : page["items"]) all.push_back(item["id"]);
    return all;
  };
  EXPECT_EQ(ids(""), (std::vector<std::string>{"6", "5", "4", "3", "2", "1"}));
  EXPECT_EQ(ids("?kind=gap"), (std::vector<std::string>{"6", "4", "2"}));
  EXPECT_EQ(ids("?connector=shop&since=2026-05-28T20:27"), (std::vector<std::string>{"5", "3"}));
  EXPECT_EQ(ids("?until=2026-05-28T20:27"), (std::vector<std::string>{"2", "1"}));
  const Json page = Parse(Get("/api/v1/events?limit=4"));
  EXPECT_EQ(ids("?limit=4&cursor=" + page["next_cursor"].get<std::string>()), (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(page["items"][0]["at"], "2026-05-28T20:28:40.000000Z");
  EXPECT_EQ(page["items"][0]["summary"], "gap of other");
  EXPECT_EQ(Get("/api/v1/events?since=x").status, 400);
}

TEST_F(EventsTest, AP19_TheTailSendsWhatComesAndResumesWithoutLoss) {
  control.AddEvent("state", "before");
  RawClient client(address());
  client.Send(Serialise({.path = "/api/v1/events/tail"}, address()));
  const std::string head = client.ReadUntil("\r\n\r\n");
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_NE(client.ReadUntil("retry: 2000\n\n"), "");
  control.AddEvent("state", "shop");
  const std::string event = client.ReadUntil("\n\n");
  EXPECT_EQ(event.rfind("id: 2\nevent: event\ndata: {\"id\":\"2\",", 0), 0U) << event;
  for (int i = 0; i < 500; ++i) control.AddEvent("state", "c" + std::to_string(i));
  EXPECT_NE(client.ReadUntil("id: 502\n"), "");

  RawClient resumed(address());
  resumed.Send(
      Serialise({.path = "/api/v1/events/tail?connector=c499", .headers = {{"Last-Event-ID", "2"}}}, address()));
  const std::string rest = resumed.ReadUntil("\"c499\"");
  EXPECT_NE(rest.find("id: 502\n"), std::string::npos);
  EXPECT_EQ(rest.find("id: 501\n"), std::string::npos);
  EXPECT_EQ(Do({.path = "/api/v1/events/tail", .headers = {{"Last-Event-ID", "x"}}}).status, 400);
}

TEST_F(EventsTest, AP19_TheTailWaitsForAnEventWhoseWriteTakesLongerThanTheNext) {
  control.AddEvent("state", "first");
  ServiceEvent third;
  third.id = 3;
  third.kind = "third";
  control.AddEvent(third);
  RawClient client(address());
  client.Send(Serialise({.path = "/api/v1/events/tail?from=beginning"}, address()));
  client.ReadUntil("retry: 2000\n\n");
  EXPECT_EQ(client.ReadUntil("\n\n").rfind("id: 1\n", 0), 0U);
  ServiceEvent second;
  second.id = 2;
  second.kind = "second";
  control.AddEvent(second);
  EXPECT_EQ(client.ReadUntil("\n\n").rfind("id: 2\n", 0), 0U);
  EXPECT_EQ(client.ReadUntil("\n\n").rfind("id: 3\n", 0), 0U);
}

TEST_F(EventsTest, S4_11_TheTailTellsHowFarASnapshotIsWhileItMoves) {
  AddSource("shop");
  AddSource("other");
  const auto at = [&](const std::string& phase, std::uint64_t rows, std::uint64_t tables) {
    auto telemetry = std::make_shared<SourceTelemetry>();
    telemetry->phase = phase;
    telemetry->snapshot_rows = rows;
    telemetry->snapshot_tables_done = tables;
    telemetry->snapshot_tables = 3;
    ConnectorStatus status;
    status.name = "shop";
    status.source = std::move(telemetry);
    control.SetStatus(std::move(status));
    control.manual_clock.now_us += 500'000;
  };
  at("snapshot", 1000, 1);
  RawClient client(address());
  client.Send(Serialise({.path = "/api/v1/events/tail?connector=shop"}, address()));
  client.ReadUntil("retry: 2000\n\n");
  const std::string first = client.ReadUntil("\n\n");
  EXPECT_EQ(first.rfind("event: event\ndata: {\"id\":null,", 0), 0U) << "no id: a reader that resumes has missed none";
  EXPECT_NE(first.find("\"kind\":\"snapshot_progress\""), std::string::npos) << first;
  EXPECT_NE(first.find("1 of 3 tables, 1000 rows"), std::string::npos) << first;
  control.AddEvent("still", "shop");  // it stands still: nothing of it before this
  EXPECT_NE(client.ReadUntil("\n\n").find("\"still\""), std::string::npos);
  server->Stop();
  server.reset();
  at("snapshot", 2000, 2);
  RawClient later(address());
  later.Send(Serialise({.path = "/api/v1/events/tail?kind=state"}, address()));
  later.ReadUntil("retry: 2000\n\n");
  control.AddEvent("state", "shop");
  EXPECT_NE(later.ReadUntil("\n\n").find("\"state\""), std::string::npos) << "the filter holds for it too";
}

TEST_F(EventsTest, AP19_WhatIsGoneForGoodHoldsNoTailBack) {
  ServiceEvent old;
  old.id = 1000;  // retention took those before it
  old.kind = "old";
  control.AddEvent(old);
  control.manual_clock.now_us += 60'000'000;
  RawClient client(address());
  client.Send(Serialise({.path = "/api/v1/events/tail?from=beginning"}, address()));
  client.ReadUntil("retry: 2000\n\n");
  EXPECT_EQ(client.ReadUntil("\n\n").rfind("id: 1000\n", 0), 0U);
}

}  // namespace
}  // namespace headgate::test
