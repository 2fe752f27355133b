#include "core/base/encoding.h"
#include "tests/unit/web/web_fixture.h"

// Streams and their records (admin API, 4.2).
namespace headgate::test {
namespace {

class StreamsTest : public WebTest {
 protected:
  // Records 1 ... n of shop.public.orders, a minute apart, and one of another stream between each two.
  void Fill(int n) {
    for (int i = 1; i <= n; ++i) {
      const auto lsn = static_cast<std::uint64_t>(i) * 0x100;
      control.Insert(lsn, i, "order " + std::to_string(i));
      control.Insert(lsn + 1, i, "user " + std::to_string(i), "users");
      control.manual_clock.now_us += 60'000'000;
    }
  }
  static std::vector<int> Ids(const Json& page) {
    std::vector<int> ids;
    for (const Json& item : page["items"]) {
      if (item.contains("after")) ids.push_back(item["after"]["id"]);
    }
    return ids;
  }
  std::vector<int> IdsOf(const std::string& query) { return Ids(Parse(Get(kPath + query))); }
  static inline const std::string kPath = "/api/v1/streams/shop.public.orders/records";
};

TEST_F(StreamsTest, S4_2_AStreamIsDescribed) {
  AddSink();
  ConnectorStatus status;
  status.name = "hook";
  status.kind = config::ComponentKind::kSink;
  status.topics = {"shop.public.orders"};
  status.next_seq = 3;
  control.SetStatus(status);
  control.cursors["hook"] = {3, 9, 0};
  Fill(2);
  const Json list = Parse(Get("/api/v1/streams"));
  ASSERT_EQ(list["items"].size(), 2U);
  EXPECT_EQ(list["items"][0]["name"], "shop.public.orders");
  const Json one = Parse(Get("/api/v1/streams/shop.public.orders"));
  EXPECT_EQ(one["kind"], "control");
  EXPECT_EQ(one["origin"], "shop");
  EXPECT_EQ(one["key"], Json::array({"id"}));
  EXPECT_EQ(one["schema"]["version"], "1");
  EXPECT_EQ(one["schema"]["columns"][1]["name"], "name");
  EXPECT_TRUE(one["last_seq"].is_string());
  EXPECT_GE(one["records"].get<int>(), 2);
  EXPECT_EQ(one["readers"][0]["name"], "hook");
  EXPECT_EQ(one["readers"][0]["next_seq"], "3");
  EXPECT_EQ(Get("/api/v1/streams/none").status, 404);
}

TEST_F(StreamsTest, S4_2_ARecordIsTheNativeEnvelopeWithItsPlace) {
  Fill(1);
  const Json page = Parse(Get(kPath + "?q=op%3Dinsert"));
  ASSERT_EQ(page["items"].size(), 1U);
  const Json& record = page["items"][0];
  EXPECT_EQ(record["source"], "shop");
  EXPECT_EQ(record["stream"], "public.orders");
  EXPECT_EQ(record["op"], "insert");
  EXPECT_EQ(record["key"]["id"], 1);
  EXPECT_EQ(record["after"]["name"], "order 1");
  EXPECT_TRUE(record.contains("stored_at"));
  EXPECT_TRUE(record["parents"].is_array());
  const std::string at = record["at"];
  EXPECT_EQ(Get(kPath + "/" + at).body, record.dump());
  EXPECT_EQ(Get(kPath + "/" + PercentEncode(record["id"].get<std::string>())).body, record.dump());
  EXPECT_EQ(Get(kPath + "/99999-1").status, 404);
  EXPECT_EQ(Get(kPath + "/shop:0-ffffffffffffffff:1").status, 404);
  EXPECT_EQ(Get(kPath + "/nonsense").status, 400);
}

TEST_F(StreamsTest, S4_2_PagesForwardAndBackwardHaveNoRepeats) {
  Fill(200);
  for (const char* order : {"asc", "desc"}) {
    std::vector<int> seen;
    std::string cursor;
    for (int page = 0; page < 20; ++page) {
      const Json body = Parse(Get(kPath + "?q=op%3Dinsert&limit=33&order=" + order + cursor));
      for (int id : Ids(body)) seen.push_back(id);
      if (body["next_cursor"].is_null()) break;
      cursor = "&cursor=" + body["next_cursor"].get<std::string>();
    }
    std::vector<int> all(200);
    for (int i = 0; i < 200; ++i) all[static_cast<std::size_t>(i)] = order == std::string("asc") ? i + 1 : 200 - i;
    EXPECT_EQ(seen, all) << order;
  }
  EXPECT_EQ(Get(kPath + "?order=sideways").status, 400);
  const std::string asc = Parse(Get(kPath + "?limit=3"))["next_cursor"];
  EXPECT_EQ(Get(kPath + "?order=desc&cursor=" + asc).status, 400);
}

TEST_F(StreamsTest, S4_2_AFullLastPageHasNoNextOne) {
  Fill(3);
  EXPECT_TRUE(Parse(Get(kPath + "?q=op%3Dinsert&limit=3"))["next_cursor"].is_null());
  EXPECT_TRUE(Parse(Get(kPath + "?q=op%3Dinsert&limit=3&order=desc"))["next_cursor"].is_null());
}

TEST_F(StreamsTest, S4_2_FromAnAtStartsAfterItAndUntilIsExclusive) {
  Fill(5);
  const Json all = Parse(Get(kPath + "?q=op%3Dinsert"));
  const std::string second = all["items"][1]["at"];
  const std::string fourth = all["items"][3]["at"];
  EXPECT_EQ(IdsOf("?from=" + second), (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(IdsOf("?q=op%3Dinsert&until=" + fourth), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(IdsOf("?from=" + second + "&until=" + fourth + "&order=desc"), std::vector<int>{3});
  EXPECT_EQ(IdsOf("?from=end"), std::vector<int>{});
}

TEST_F(StreamsTest, S4_2_ATimeStartsAtTheFirstRecordNotOlder) {
  Fill(5);  // stored at 20:26:40, 20:27:40, ...
  EXPECT_EQ(IdsOf("?from=2026-05-28T20:27:40Z"), (std::vector<int>{2, 3, 4, 5}));
  EXPECT_EQ(IdsOf("?from=2026-05-28T20:28"), (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(IdsOf("?from=2025-11"), (std::vector<int>{1, 2, 3, 4, 5})) << "a month, as no record is in that place";
  EXPECT_EQ(IdsOf("?from=2026-11"), std::vector<int>{});
  EXPECT_EQ(IdsOf("?q=op%3Dinsert&until=2026-05-28T20:28"), (std::vector<int>{1, 2}));
  for (const char* bad : {"?from=x", "?until=yesterday", "?from=2026-99"})
    EXPECT_EQ(Get(kPath + bad).status, bad == std::string("?from=2026-99") ? 200 : 400) << bad;
}

TEST_F(StreamsTest, S4_2_KeyAndFilterChooseAndScannedTells) {
  Fill(6);
  EXPECT_EQ(IdsOf("?key=4"), std::vector<int>{4});
  EXPECT_EQ(IdsOf("?key=%7B%22id%22%3A%205%7D"), std::vector<int>{5});
  EXPECT_EQ(IdsOf("?q=after.id%20in%20(2%2C3)%20and%20not%20'order%203'"), std::vector<int>{2});
  EXPECT_GE(Parse(Get(kPath + "?q=nothing"))["scanned"].get<int>(), 6);
  const RawAnswer bad = Get(kPath + "?q=after.id%20%3D");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(Parse(bad)["type"], "/problems/bad-filter");
  EXPECT_NE(bad.body.find("column 11"), std::string::npos) << bad.body;
}

TEST_F(StreamsTest, S4_2_AnAnswerStopsAtItsSizeAndGoesOn) {
  const std::string large(1 << 20, 'x');
  for (int i = 1; i <= 6; ++i) control.Insert(static_cast<std::uint64_t>(i) * 0x100, i, large);
  for (const char* order : {"asc", "desc"}) {
    const RawAnswer first = Get(kPath + "?order=" + order);
    EXPECT_LT(first.body.size(), 5U << 20);
    const Json page = Parse(first);
    ASSERT_FALSE(page["next_cursor"].is_null());
    std::vector<int> seen = Ids(page);
    for (int id : IdsOf("?order=" + std::string(order) + "&cursor=" + page["next_cursor"].get<std::string>()))
      seen.push_back(id);
    EXPECT_EQ(seen, order == std::string("asc") ? (std::vector<int>{1, 2, 3, 4, 5, 6})
                                                : (std::vector<int>{6, 5, 4, 3, 2, 1}));
  }
}

}  // namespace
}  // namespace headgate::test
