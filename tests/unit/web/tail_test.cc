#include "tests/unit/web/web_fixture.h"

// Following streams and connectors (admin API, 4.8).
namespace headgate::test {
namespace {

class TailTest : public WebTest {
 protected:
  TailTest() { control.Insert(0x10, 0, "first"); }
  // Opens a tail and reads up to where it waits for records.
  std::unique_ptr<RawClient> Tail(const std::string& path, std::map<std::string, std::string> headers = {}) {
    auto client = std::make_unique<RawClient>(address());
    client->Send(Serialise({.path = path, .headers = std::move(headers)}, address()));
    EXPECT_NE(client->ReadUntil("retry: 2000\n\n"), "") << path;
    return client;
  }
  static inline const std::string kPath = "/api/v1/streams/shop.public.orders/tail";
};

TEST_F(TailTest, AP19_NewRecordsArriveAsTheyAreAppended) {
  auto client = Tail(kPath);
  control.Insert(0x20, 1, "hello");
  const std::string event = client->ReadUntil("\n\n");
  EXPECT_EQ(event.rfind("id: ", 0), 0U) << event;
  EXPECT_NE(event.find("\nevent: record\ndata: {\"id\":\"shop:0-"), std::string::npos) << event;
  EXPECT_NE(event.find("\"name\":\"hello\""), std::string::npos);
  EXPECT_EQ(event.find("first"), std::string::npos);
  const std::string progress = client->ReadUntil("\n\n");
  EXPECT_EQ(progress.rfind("event: progress\ndata: {\"seq\":\"", 0), 0U) << progress;
}

TEST_F(TailTest, AP19_FromTheBeginningAndFromAPlace) {
  control.Insert(0x20, 1, "second");
  auto all = Tail(kPath + "?from=beginning&mode=all");
  EXPECT_NE(all->ReadUntil("\"name\":\"first\""), "");
  const std::string id = [&] {
    const std::string text = all->ReadUntil("\"name\":\"second\"");
    const std::size_t at = text.rfind("id: ") + 4;
    return text.substr(at, text.find('\n', at) - at);
  }();
  control.Insert(0x30, 2, "third");
  auto resumed = Tail(kPath + "?mode=all&from=beginning", {{"Last-Event-ID", id}});
  const std::string rest = resumed->ReadUntil("\"name\":\"third\"");
  EXPECT_EQ(rest.find("second"), std::string::npos) << rest;
  EXPECT_NE(rest, "");
}

TEST_F(TailTest, AP19_FiltersAndOtherStreamsAreLeftOut) {
  auto client = Tail(kPath + "?q=after.name%20%3D%20wanted");
  control.Insert(0x20, 1, "unwanted");
  control.Insert(0x21, 1, "wanted", "users");
  control.Insert(0x22, 2, "wanted");
  const std::string text = client->ReadUntil("\"name\":\"wanted\"");
  EXPECT_EQ(text.find("unwanted"), std::string::npos);
  EXPECT_EQ(text.find("users"), std::string::npos);
}

TEST_F(TailTest, AP20_ASchemaEventIsToldAsSuch) {
  AddSource();
  auto tail = Tail("/api/v1/connectors/shop/tail?mode=all&from=end");
  control.Insert(0x20, 1, "x", "fresh_table");
  EXPECT_NE(tail->ReadUntil("event: schema\n"), "");
  EXPECT_NE(tail->ReadUntil("event: record\n"), "");
}

TEST_F(TailTest, AP21_ASampleIsFiftyASecondAndTheRestIsCounted) {
  for (std::uint64_t i = 0; i < 400; ++i) control.Insert(0x100 + i, static_cast<std::int64_t>(i), "n");
  auto client = Tail(kPath + "?from=beginning");
  std::string text = client->ReadUntil("event: progress");
  control.manual_clock.now_us += 1'000'000;
  text += client->ReadUntil("event: dropped\ndata: ");
  const std::string count = client->ReadUntil("\n\n");
  std::size_t records = 0;
  for (std::size_t at = 0; (at = text.find("event: record", at)) != std::string::npos; ++at) ++records;
  EXPECT_EQ(records, 49U);  // and the schema event; of 402 in all
  EXPECT_EQ(count, "{\"count\":352}\n\n");
}

TEST_F(TailTest, AP21_AllIsCompleteAndResumable) {
  for (std::uint64_t i = 0; i < 3'000; ++i)
    control.Insert(0x100 + i, static_cast<std::int64_t>(i), "row-" + std::to_string(i) + "-end");
  auto client = Tail(kPath + "?from=beginning&mode=all");
  const std::string text = client->ReadUntil("row-2999-end");
  std::size_t at = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::size_t next = text.find("row-" + std::to_string(i) + "-end", at);
    ASSERT_NE(next, std::string::npos) << i;
    at = next;
  }
  EXPECT_EQ(text.find("event: dropped"), std::string::npos);
}

TEST_F(TailTest, AP20_AGapIsDeclaredWhenRetentionPassedTheReader) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    control.Insert(0x100 + i, static_cast<std::int64_t>(i), "n");
    control.manual_clock.now_us += 60'000'000;
  }
  ASSERT_TRUE(control.log().Trim({.time_ms = 300'000}, 0).ok());
  const Seq first = control.log().first_seq();
  ASSERT_GT(first, 2U);
  auto client = Tail(kPath + "?mode=all&from=1-1");
  const std::string gap = client->ReadUntil("\n\n");
  EXPECT_EQ(gap, "event: gap\ndata: {\"from\":\"1\",\"to\":\"" + std::to_string(first - 1) + "\",\"oldest\":\"" +
                     std::to_string(first) + "\"}\n\n");
  EXPECT_NE(client->ReadUntil("event: record"), "");
}

TEST_F(TailTest, ATailOfASinkShowsItsStreams) {
  AddSink();
  ConnectorStatus status;
  status.name = "hook";
  status.kind = config::ComponentKind::kSink;
  status.topics = {"shop.public.users"};
  control.SetStatus(status);
  auto client = Tail("/api/v1/connectors/hook/tail?from=beginning");
  control.Insert(0x20, 1, "an order");
  control.Insert(0x21, 1, "a user", "users");
  EXPECT_EQ(client->ReadUntil("a user").find("order"), std::string::npos);
}

TEST_F(TailTest, KC1_HeadOfATailTellsNoLength) {
  const RawAnswer answer = Ask(address(), {.method = "HEAD", .path = "/api/v1/events/tail"});
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream");
  EXPECT_FALSE(answer.headers.contains("content-length"));
}

TEST_F(TailTest, AP21_AReaderOfAllWhoTakesNothingIsDisconnected) {
  options.limits.rate_grace = std::chrono::milliseconds(200);
  options.limits.rate_bytes_per_second = 1;  // what was taken before earns no patience
  const std::string big(256 * 1024, 'x');
  options.limits.streams_max = 1;  // its place is free again once it is cut
  for (int i = 1; i <= 64; ++i) control.Insert(0x100 + static_cast<std::uint64_t>(i), i, big);
  const std::string request = Serialise({.path = kPath + "?from=beginning&mode=all"}, address());
  RawClient deaf(address());
  deaf.Send(request);
  EXPECT_THAT(deaf.ReadUntil("\r\n"), testing::HasSubstr("200"));
  bool free = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!free && std::chrono::steady_clock::now() < deadline) {
    RawClient other(address());
    other.Send(request);
    free = other.ReadUntil("\r\n").find("200") != std::string::npos;
  }
  EXPECT_TRUE(free);
}

TEST_F(TailTest, BadTailsAreAnsweredBeforeTheyStart) {
  EXPECT_EQ(Get("/api/v1/streams/none/tail").status, 404);
  EXPECT_EQ(Get("/api/v1/connectors/none/tail").status, 404);
  for (const char* query : {"?mode=x", "?from=x", "?q=a%20%3D"}) EXPECT_EQ(Get(kPath + query).status, 400) << query;
  EXPECT_EQ(Do({.path = kPath, .headers = {{"Last-Event-ID", "x"}}}).status, 400);
  EXPECT_EQ(Do({.path = kPath, .headers = {{"Accept", "application/json"}}}).status, 406);
  EXPECT_EQ(Do({.method = "HEAD", .path = kPath}).status, 200);
}

TEST_F(TailTest, AClientThatLeavesGivesItsPlaceBack) {
  options.limits.streams_max = 1;
  for (int i = 0; i < 3; ++i) {
    RawAnswer refused;
    std::unique_ptr<RawClient> client;
    for (int attempt = 0; attempt < 1'000; ++attempt) {
      client = std::make_unique<RawClient>(address());
      client->Send(Serialise({.path = kPath}, address()));
      if (client->ReadUntil("\r\n").find("200") != std::string::npos) break;
      client.reset();
    }
    EXPECT_NE(client, nullptr) << i;
  }
}

}  // namespace
}  // namespace headgate::test
