#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "core/base/time_text.h"
#include "web/host_guard.h"
#include "web/json.h"
#include "web/lag.h"
#include "web/metrics_text.h"
#include "web/page.h"

// The parts of web that need no server.
namespace headgate::web {
namespace {

TEST(Query, KC3_ReadsFlagsInAnyCaseAndListsByRepetition) {
  const auto query =
      Query::Parse("includeTasks=True&onlyFailed=FALSE&x=1&expand=status&expand=info&a+b=c%26d&empty=&bare");
  ASSERT_TRUE(query.has_value());
  EXPECT_TRUE(query->Flag("includeTasks"));
  EXPECT_FALSE(query->Flag("onlyFailed"));
  EXPECT_FALSE(query->Flag("x"));
  EXPECT_FALSE(query->Flag("absent"));
  EXPECT_EQ(query->All("expand"), (std::vector<std::string_view>{"status", "info"}));
  EXPECT_EQ(query->Get("a b"), "c&d");
  EXPECT_TRUE(query->Has("bare"));
  EXPECT_TRUE(query->Has("empty"));
  EXPECT_FALSE(Query::Parse("a=%").has_value());
}

TEST(Accept, KC5_TheMostSpecificRangeDecides) {
  EXPECT_TRUE(Accepts("", "application/json"));
  EXPECT_TRUE(Accepts("*/*", "application/json"));
  EXPECT_TRUE(Accepts("text/html, application/*;q=0.2", "application/json"));
  EXPECT_TRUE(Accepts("Application/JSON", "application/json"));
  EXPECT_FALSE(Accepts("text/html", "application/json"));
  EXPECT_FALSE(Accepts("*/*, application/json;q=0", "application/json"));
  EXPECT_FALSE(Accepts("application/json;q=0.0", "application/json"));
  EXPECT_TRUE(Names("text/html,*/*", "text/html"));
  EXPECT_FALSE(Names("*/*", "text/html"));
}

TEST(HostGuard, SE1_OnlyLoopbackWithoutSignIn) {
  for (std::string_view fine : {"127.0.0.1", "127.0.0.2", "::1"}) EXPECT_TRUE(CheckBind(fine, false).ok()) << fine;
  for (std::string_view open : {"0.0.0.0", "::", "10.1.2.3", "192.168.1.1"}) {
    const Status refused = CheckBind(open, false);
    ASSERT_FALSE(refused.ok()) << open;
    EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
    EXPECT_NE(refused.error().what.find("api.allow_insecure"), std::string::npos);
    EXPECT_TRUE(CheckBind(open, true).ok()) << open;
  }
}

TEST(HostGuard, SE4_HostMustNameTheListener) {
  const std::vector<std::string> names = {"gate.example.org"};
  for (std::string_view fine :
       {"127.0.0.1", "127.0.0.1:8083", "localhost:9000", "LOCALHOST", "gate.example.org:443", "Gate.Example.Org."}) {
    EXPECT_TRUE(HostAllowed(fine, "127.0.0.1", names)) << fine;
  }
  EXPECT_TRUE(HostAllowed("[::1]:8083", "::1", {}));
  for (std::string_view bad : {"evil.example.com", "127.0.0.1.evil.com", "", "127.0.0.1:x", "[::1", "10.0.0.1",
                               "localhost.evil.com", "a@127.0.0.1"}) {
    EXPECT_FALSE(HostAllowed(bad, "127.0.0.1", names)) << bad;
  }
  EXPECT_FALSE(HostAllowed("localhost", "10.0.0.1", {}));
}

TEST(HostGuard, SE4_OriginMustBeOursWhenItIsThere) {
  EXPECT_TRUE(OriginAllowed("", "127.0.0.1:8083", {}));
  EXPECT_TRUE(OriginAllowed("http://127.0.0.1:8083", "127.0.0.1:8083", {}));
  EXPECT_TRUE(OriginAllowed("https://ui.example.org", "127.0.0.1:8083", {"https://ui.example.org"}));
  for (std::string_view bad :
       {"null", "http://evil.example.com", "http://127.0.0.1:9999", "http://127.0.0.1:8083.evil.com"}) {
    EXPECT_FALSE(OriginAllowed(bad, "127.0.0.1:8083", {})) << bad;
  }
}

TEST(Json, SE7_DepthMembersAndDoublesHaveBounds) {
  const auto deep = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(ParseJson(deep(64)).ok());
  EXPECT_FALSE(ParseJson(deep(65)).ok());
  EXPECT_TRUE(ParseJson(deep(65), 65).ok());
  EXPECT_FALSE(ParseJson(deep(100'000)).ok());
  std::string many = "{";
  for (int i = 0; i < 2'001; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  EXPECT_FALSE(ParseJson(many + "}").ok());
  EXPECT_FALSE(ParseJson(R"({"a":1,"a":2})").ok());
}

TEST(Json, ErrorsSayWhere) {
  const auto bad = ParseJson("{\n  \"a\": x\n}");
  ASSERT_FALSE(bad.ok());
  EXPECT_NE(bad.error().what.find("line 2"), std::string::npos) << bad.error().what;
  for (std::string_view text : {"", "nul", "{", "[1,]", "{\"a\"}", "\"\xff\"", "1 2", "\"\\ud800\"", "1e999", "NaN"}) {
    EXPECT_FALSE(ParseJson(text).ok()) << text;
  }
}

TEST(Json, KC8_NumbersKeepTheirDigits) {
  const auto json = ParseJson(R"({"a":1.10,"b":5,"c":true,"d":12345678901234567890123,"e":"x","f":1e3,"g":-0.0})");
  ASSERT_TRUE(json.ok());
  const auto text = [&](const char* name) { return ScalarText((*json)[name]); };
  EXPECT_EQ(text("a"), "1.10");
  EXPECT_EQ(text("b"), "5");
  EXPECT_EQ(text("c"), "true");
  EXPECT_EQ(text("d"), "12345678901234567890123");
  EXPECT_EQ(text("e"), "x");
  EXPECT_EQ(text("f"), "1e3");
  EXPECT_EQ(text("g"), "-0.0");
}

TEST(Json, AnyBytesAreParsedOrRefused) {
  std::mt19937 random(3);
  constexpr std::string_view kBits = "{}[]\":,0123.eE-+truefalsn \\u\x80\xff\n";
  for (int i = 0; i < 50'000; ++i) {
    std::string text(random() % 20, ' ');
    for (char& c : text) c = kBits[random() % kBits.size()];
    const auto json = ParseJson(text);
    if (json.ok()) Dump(*json);
  }
}

TEST(Page, AP5_CursorsBelongToTheirList) {
  const std::string cursor = MakeCursor("streams", "shop.public.orders");
  EXPECT_EQ(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_EQ(ReadCursor("streams", cursor), "shop.public.orders");
  EXPECT_FALSE(ReadCursor("events", cursor).has_value());
  for (std::string_view bad : {"", "x", "!!!!", "c3RyZWFtcw"})
    EXPECT_FALSE(ReadCursor("streams", bad).has_value()) << bad;
}

TEST(Page, AP6_TimesAndTheirPrefixes) {
  const auto text = [](std::string_view t) { return ParseTime(t) ? UtcText(*ParseTime(t)) : std::string("none"); };
  EXPECT_EQ(text("2026"), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(text("2026-03"), "2026-03-01T00:00:00.000000Z");
  EXPECT_EQ(text("2026-03-16"), "2026-03-16T00:00:00.000000Z");
  EXPECT_EQ(text("2026-03-16T06"), "2026-03-16T06:00:00.000000Z");
  EXPECT_EQ(text("2026-03-16T06:30"), "2026-03-16T06:30:00.000000Z");
  EXPECT_EQ(text("2026-03-16T06:30:15.25Z"), "2026-03-16T06:30:15.250000Z");
  EXPECT_EQ(text("2026-03-16T06:30:15+02:00"), "2026-03-16T04:30:15.000000Z");
  EXPECT_EQ(text("2026-03-16 06:30:15.1234567-01:30"), "2026-03-16T08:00:15.123456Z");
  for (std::string_view bad :
       {"", "26", "2026-13", "2026-02-30", "2026-3", "2026-03-16T", "2026-03-16T25", "2026-03-16T06:30:15.", "2026x",
        "yesterday", "2026-03-16T06:30:15+2", "-026", "2026-0-"}) {
    EXPECT_EQ(text(bad), "none") << bad;
  }
}

TEST(Lag, QuantilesComeFromTheUpperBounds) {
  std::vector<std::uint64_t> buckets(std::size(kLatencyBoundsMs) + 1, 100);
  buckets[0] = 40;  // <= 0.5 ms
  buckets[1] = 60;  // <= 1 ms
  buckets[2] = 98;  // <= 2 ms
  EXPECT_EQ(QuantileSeconds(buckets, 0.5), 0.001);
  EXPECT_EQ(QuantileSeconds(buckets, 0.99), 0.005);
  EXPECT_FALSE(QuantileSeconds({}, 0.5).has_value());
  EXPECT_FALSE(QuantileSeconds({0, 0}, 0.5).has_value());
}

TEST(Lag, ASourceThatIsCaughtUpHasNone) {
  SourceTelemetry t;
  t.connected = true;
  t.caught_up = true;
  t.server_position = 100;
  t.durable_position = 90;  // keep-alives move the server's end
  EXPECT_EQ(LagOfSource(t, 1'000'000).seconds, 0);
  EXPECT_EQ(LagOfSource(t, 1'000'000).bytes, 10U);
  t.caught_up = false;
  t.oldest_pending_commit_us = 500'000;
  EXPECT_EQ(LagOfSource(t, 1'000'000).seconds, 0.5);
  t.oldest_pending_commit_us = 0;
  EXPECT_FALSE(LagOfSource(t, 1'000'000).seconds.has_value());
}

TEST(MetricsText, AP27_WritesBothFormats) {
  for (bool open : {false, true}) {
    MetricsText out(open);
    out.Family("headgate_x_total", "counter", "Things.");
    out.Sample({{"connector", "a\"b\\c\nd"}}, 3);
    out.Family("headgate_empty", "gauge", "None.");
    out.Family("headgate_t_seconds", "histogram", "Time.");
    const double bounds[] = {1, 1000};
    const std::uint64_t counts[] = {2, 5, 6};
    out.Histogram({}, bounds, counts, 1500);
    const std::string text = std::move(out).Finish();
    EXPECT_NE(text.find("headgate_x_total{connector=\"a\\\"b\\\\c\\nd\"} 3\n"), std::string::npos) << text;
    EXPECT_NE(text.find(open ? "# TYPE headgate_x counter\n" : "# TYPE headgate_x_total counter\n"), std::string::npos)
        << text;
    EXPECT_EQ(text.find("headgate_empty"), std::string::npos);
    EXPECT_NE(
        text.find("headgate_t_seconds_bucket{le=\"0.001\"} 2\nheadgate_t_seconds_bucket{le=\"1.0\"} 5\n"
                  "headgate_t_seconds_bucket{le=\"+Inf\"} 6\nheadgate_t_seconds_sum 1.5\nheadgate_t_seconds_count 6\n"),
        std::string::npos)
        << text;
    EXPECT_EQ(text.ends_with("# EOF\n"), open);
  }
}

}  // namespace
}  // namespace headgate::web
