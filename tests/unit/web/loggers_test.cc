#include "core/base/diag.h"
#include "tests/unit/web/web_fixture.h"

// Kafka Connect's levels of the diagnostics (admin API, 1.2).
namespace headgate::test {
namespace {

class LoggersTest : public WebTest {
 protected:
  LoggersTest() { diag::Configure(diag::Level::kInfo, diag::Format::kText); }
  ~LoggersTest() override { diag::Configure(diag::Level::kInfo, diag::Format::kText); }
};

TEST_F(LoggersTest, S1_2_OnlyWhatWasSetIsListedBesideRoot) {
  EXPECT_EQ(Get("/admin/loggers").body, R"({"root":{"level":"INFO","last_modified":null}})");
  EXPECT_EQ(Get("/admin/loggers/web").body, R"({"level":"INFO","last_modified":null})");
  const RawAnswer set = Send("PUT", "/admin/loggers/web", R"({"level":"debug"})");
  EXPECT_EQ(set.status, 200);
  EXPECT_EQ(set.body, R"(["web"])");
  EXPECT_EQ(Get("/admin/loggers").body,
            R"({"root":{"level":"INFO","last_modified":null},"web":{"level":"DEBUG","last_modified":1780000000000}})");
  EXPECT_TRUE(diag::Enabled(diag::Level::kDebug, "web"));
  EXPECT_FALSE(diag::Enabled(diag::Level::kDebug, "views"));
}

TEST_F(LoggersTest, S1_2_RootSetsAllAndTheClusterScopeHasNoBody) {
  const Json changed = Parse(Send("PUT", "/admin/loggers/root?scope=worker", R"({"level":"WARN"})"));
  EXPECT_EQ(changed.size(), std::size(diag::kAreas) + 1);
  EXPECT_FALSE(diag::Enabled(diag::Level::kInfo, "views"));
  const RawAnswer cluster = Send("PUT", "/admin/loggers/views?scope=cluster", R"({"level":"TRACE"})");
  EXPECT_EQ(cluster.status, 204);
  EXPECT_EQ(cluster.body, "");
  EXPECT_TRUE(diag::Enabled(diag::Level::kTrace, "views"));
  EXPECT_EQ(Parse(Send("PUT", "/admin/loggers/views?scope=galaxy", R"({"level":"INFO"})")), Json({"views"}));
}

TEST_F(LoggersTest, S1_7_MistakesChangeNothingAndSayWhatThereIs) {
  EXPECT_EQ(Get("/admin/loggers/nowhere").status, 404);
  EXPECT_NE(Get("/admin/loggers/nowhere").body.find("postgres"), std::string::npos);
  EXPECT_EQ(Send("PUT", "/admin/loggers/nowhere", R"({"level":"INFO"})").status, 404);
  const RawAnswer level = Send("PUT", "/admin/loggers/web", R"({"level":"LOUD"})");
  EXPECT_EQ(level.status, 404);
  EXPECT_NE(level.body.find("FATAL"), std::string::npos);
  for (const char* body : {"", "{}", "[]", R"({"level":7})", R"({"level":null})", R"({"level":"INFO","x":1})"}) {
    EXPECT_EQ(Send("PUT", "/admin/loggers/web", body).status, 400) << body;
  }
  EXPECT_EQ(Get("/admin/loggers").body, R"({"root":{"level":"INFO","last_modified":null}})");
}

TEST_F(LoggersTest, SE10_AChangedLevelIsAnEventWithBeforeAndAfter) {
  const RawAnswer set = Send("PUT", "/admin/loggers/ingest", R"({"level":"TRACE"})");
  const Json items = Parse(Get("/api/v1/events?kind=logger_changed"))["items"];
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["actor"], "api 127.0.0.1");
  EXPECT_EQ(items[0]["details"]["before"], "INFO");
  EXPECT_EQ(items[0]["details"]["after"], "TRACE");
  EXPECT_EQ(items[0]["details"]["request_id"], set.headers.at("request-id"));
}

TEST_F(LoggersTest, TheAreaOfTheApiTellsOfEachAnswer) {
  Send("PUT", "/admin/loggers/web", R"({"level":"DEBUG"})");
  testing::internal::CaptureStderr();
  Get("/connectors");
  server.reset();  // the line is written after the answer
  EXPECT_NE(testing::internal::GetCapturedStderr().find("route=/connectors status=200"), std::string::npos);
}

}  // namespace
}  // namespace headgate::test
