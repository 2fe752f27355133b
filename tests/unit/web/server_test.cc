#include <algorithm>

#include "tests/support/require.h"
#include "tests/support/wait_for.h"
#include "tests/unit/web/web_fixture.h"

// The HTTP server itself: connections, limits, headers, stop (admin API, 6.1 and AP8).
namespace headgate::test {
namespace {

using ServerTest = WebTest;
using std::chrono::milliseconds;

TEST_F(ServerTest, SE1_AnOpenBindIsRefused) {
  options.address = "0.0.0.0";
  auto refused = web::Listener::Bind(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  options.allow_insecure = true;
  Start();
  EXPECT_NE(server, nullptr);
}

TEST_F(ServerTest, APortInUseIsAConfigErrorThatNamesIt) {
  Start();
  options.port =
      static_cast<std::uint16_t>(std::atoi(server->address().substr(server->address().rfind(':') + 1).c_str()));
  auto second = web::Listener::Bind(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConfig);
  EXPECT_NE(second.error().what.find(server->address()), std::string::npos);
  EXPECT_NE(second.error().what.find("api.listen"), std::string::npos);
}

TEST_F(ServerTest, AnAddressThatIsNoneIsAConfigError) {
  options.address = "not an address";
  options.allow_insecure = true;
  EXPECT_FALSE(web::Listener::Bind(options).ok());
}

TEST_F(ServerTest, ListensOnIPv6Loopback) {
  options.address = "::1";
  if (const auto listener = web::Listener::Bind(options); !listener.ok())
    HG_REQUIRE_MACHINE("IPv6 on the loopback interface", listener.error().what);
  Start();
  EXPECT_EQ(server->address().rfind("[::1]:", 0), 0U);
  EXPECT_EQ(Get("/connectors").status, 200);
}

TEST_F(ServerTest, SE4_AForeignHostIs421AndAForeignOriginMayNotChangeAnything) {
  AddSource();
  EXPECT_EQ(Do({.path = "/connectors", .host = "evil.example.com"}).status, 421);
  EXPECT_EQ(Do({.path = "/connectors", .host = "localhost"}).status, 200);
  EXPECT_EQ(Do({.method = "PUT", .path = "/connectors/shop/pause", .headers = {{"Origin", "http://evil.example.com"}}})
                .status,
            403);
  EXPECT_EQ(Do({.method = "PUT", .path = "/connectors/shop/pause", .headers = {{"Origin", "null"}}}).status, 403);
  EXPECT_TRUE(control.calls.empty());
  EXPECT_EQ(
      Do({.method = "PUT", .path = "/connectors/shop/pause", .headers = {{"Origin", "http://" + address()}}}).status,
      202);
  EXPECT_EQ(Do({.path = "/connectors", .headers = {{"Origin", "http://evil.example.com"}}}).status, 200);
  EXPECT_FALSE(Do({.path = "/connectors", .headers = {{"Origin", "http://evil.example.com"}}})
                   .headers.contains("access-control-allow-origin"));
}

TEST_F(ServerTest, SE8_EveryAnswerHasTheHeaders) {
  for (const char* path : {"/", "/nowhere", "/api/v1/connectors", "/metrics", "/api/v1/nowhere"}) {
    const RawAnswer answer = Get(path);
    EXPECT_EQ(answer.headers.at("content-security-policy"), "default-src 'self'") << path;
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.headers.at("referrer-policy"), "no-referrer");
    EXPECT_EQ(answer.headers.at("x-frame-options"), "DENY");
    EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
    EXPECT_FALSE(answer.headers.contains("server"));
  }
}

TEST_F(ServerTest, AP8_TheRequestIdIsTakenOverOrMade) {
  EXPECT_EQ(Do({.headers = {{"Request-Id", "abc-123"}}}).headers.at("request-id"), "abc-123");
  const std::string one = Get("/").headers.at("request-id");
  EXPECT_FALSE(one.empty());
  EXPECT_NE(one, Get("/").headers.at("request-id"));
  for (const std::string& bad : {std::string("a b"), std::string(129, 'a'), std::string("\xC3\xA9")}) {
    EXPECT_NE(Do({.headers = {{"Request-Id", bad}}}).headers.at("request-id"), bad);
  }
}

TEST_F(ServerTest, KeepAliveServesManyRequestsOnOneConnection) {
  RawClient client(address());
  for (int i = 0; i < 3; ++i) {
    client.Send(Serialise({.path = "/connectors"}, address()));
    const RawAnswer answer = client.Read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.keeps_alive());
  }
  client.Send(Serialise({.path = "/connectors", .headers = {{"Connection", "close"}}}, address()));
  EXPECT_FALSE(client.Read().keeps_alive());
  EXPECT_TRUE(client.ReadToEnd());
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  AddSource();
  RawClient client(address());
  std::string all;
  for (const char* path : {"/connectors", "/nowhere", "/connector-plugins", "/connectors/shop"})
    all += Serialise({.path = path}, address());
  all += Serialise({.method = "PUT",
                    .path = "/connector-plugins/db/config/validate",
                    .body = R"({"connector.class":"db","host":"h"})"},
                   address());
  all += Serialise({.path = "/connectors"}, address());
  client.Send(all);
  for (int status : {200, 404, 200, 200, 200, 200}) EXPECT_EQ(client.Read().status, status);
}

TEST_F(ServerTest, SE7_ALargeBodyIs413AndLargeHeadersAre431) {
  options.limits.body_bytes_max = 1000;
  options.limits.header_bytes_max = 2000;
  EXPECT_EQ(Send("POST", "/connectors", std::string(1001, ' ')).status, 413);
  EXPECT_EQ(Send("POST", "/connectors", std::string(1000, ' ')).status, 400);
  EXPECT_EQ(Do({.headers = {{"X-Large", std::string(3000, 'a')}}}).status, 431);
  EXPECT_EQ(Get("/" + std::string(3000, 'a')).status, 431);
  const RawAnswer chunked = [&] {
    RawClient client(address());
    client.Send("POST /connectors HTTP/1.1\r\nHost: " + address() + "\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n" +
                std::string(0x500, ' ') + "\r\n");
    return client.Read();
  }();
  EXPECT_EQ(chunked.status, 413);
}

TEST_F(ServerTest, SE7_ALargeBodyIsRefusedEvenWhileItIsBeingSent) {
  const RawAnswer answer = Send("POST", "/connectors", std::string(3 << 20, ' '));
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(Parse(answer)["error_code"], 413);
}

TEST_F(ServerTest, ChunkedBodiesAndExpectContinueWork) {
  RawClient client(address());
  client.Send("PUT /connector-plugins/db/config/validate HTTP/1.1\r\nHost: " + address() +
              "\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("10\r\n{\"connector.clas\r\n8\r\ns\":\"db\"}\r\n0\r\n\r\n");
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(ServerTest, SE7_OneConnectionTooManyIs503) {
  options.limits.connections_max = 2;
  RawClient first(address());
  RawClient second(address());
  for (RawClient* client : {&first, &second}) {
    client->Send(Serialise({.path = "/livez"}, address()));
    EXPECT_EQ(client->Read().status, 200);
  }
  RawClient third(address());
  EXPECT_EQ(third.Read().status, 503);
  EXPECT_TRUE(third.ReadToEnd());
  first.Send(Serialise({.path = "/livez", .headers = {{"Connection", "close"}}}, address()));
  first.Read();
  EXPECT_TRUE(first.ReadToEnd());
  // Its place is free once the server has seen the end.
  first.ShutdownSend();
  EXPECT_TRUE(WaitFor([&] { return Get("/livez").status == 200; }, std::chrono::seconds(20)));
}

TEST_F(ServerTest, SE7_OneEventStreamTooManyIs503) {
  options.limits.streams_max = 1;
  RawClient stream(address());
  stream.Send(Serialise({.path = "/api/v1/events/tail"}, address()));
  EXPECT_NE(stream.ReadUntil("retry: 2000\n\n"), "");
  const RawAnswer second = Get("/api/v1/events/tail");
  EXPECT_EQ(second.status, 503);
  EXPECT_TRUE(second.headers.contains("retry-after"));
  EXPECT_EQ(Get("/connectors").status, 200);
}

TEST_F(ServerTest, SE7_AnIdleConnectionIsClosed) {
  options.limits.idle_timeout = milliseconds(30);
  RawClient client(address());
  EXPECT_TRUE(client.ReadToEnd());
  EXPECT_EQ(client.rest(), "");
}

TEST_F(ServerTest, SE7_ASlowSenderIsCutWhileOthersAreServed) {
  options.limits.rate_grace = milliseconds(60);
  options.limits.rate_bytes_per_second = 1'000'000;
  RawClient slow(address());
  slow.Send("GET / HT");
  RawClient slow_body(address());
  slow_body.Send("POST /connectors HTTP/1.1\r\nHost: " + address() + "\r\nContent-Length: 1000\r\n\r\n{");
  EXPECT_EQ(Get("/connectors").status, 200);
  EXPECT_EQ(slow.Read().status, 408);
  EXPECT_EQ(slow_body.Read().status, 408);
  EXPECT_TRUE(slow.ReadToEnd());
}

TEST_F(ServerTest, SE7_AWholeRequestHasALimitHoweverFastItTrickles) {
  options.limits.request_timeout = milliseconds(60);
  RawClient client(address());
  client.Send("POST /connectors HTTP/1.1\r\nHost: " + address() + "\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(client.Read().status, 408);
}

TEST_F(ServerTest, AReaderWhoTakesNothingIsCut) {
  for (int i = 0; i < 300; ++i)
    AddSource("connector-with-a-long-name-" + std::to_string(i), {{"password", std::string(3000, 'x')}});
  options.mask_secrets = false;
  options.limits.connections_max = 1;  // its place is free again once it is cut
  options.limits.rate_grace = milliseconds(100);
  options.limits.rate_bytes_per_second = 100'000'000;
  RawClient deaf(address());
  std::string all;
  for (int i = 0; i < 20; ++i) all += Serialise({.path = "/connectors?expand=info"}, address());
  deaf.Send(all);
  RawAnswer other;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (other.status != 200 && std::chrono::steady_clock::now() < deadline) other = Get("/livez");
  EXPECT_EQ(other.status, 200);
  deaf.ReadToEnd();
  EXPECT_LT(deaf.rest().size(), 18U << 20);
}

TEST_F(ServerTest, StopEndsEventStreamsWithEndAndLetsAnswersFinish) {
  RawClient stream(address());
  stream.Send(Serialise({.path = "/api/v1/events/tail"}, address()));
  EXPECT_NE(stream.ReadUntil("retry: 2000\n\n"), "");
  RawClient idle(address());
  idle.Send(Serialise({.path = "/livez"}, address()));
  EXPECT_EQ(idle.Read().status, 200);
  server->Stop();
  server->Stop();
  EXPECT_NE(stream.ReadUntil("event: end\ndata: {}\n\n"), "");
  EXPECT_TRUE(stream.ReadToEnd());
  EXPECT_TRUE(idle.ReadToEnd());
  EXPECT_FALSE(RawClient(address()).connected());
}

TEST_F(ServerTest, SE6_NoPageOfAnotherOriginReadsAnythingUnlessItIsNamed) {
  const auto ask = [&](const std::string& method, const std::string& path, const std::string& origin,
                       const std::string& asked = {}) {
    test::Call call{.method = method, .path = path, .headers = {{"Origin", origin}}};
    if (!asked.empty()) call.headers.emplace("Access-Control-Request-Method", asked);
    return Ask(address(), call);
  };
  AddSource();
  EXPECT_EQ(ask("OPTIONS", "/connectors", "https://ui.example.com", "POST").status, 405) << "closed by default";
  EXPECT_FALSE(ask("GET", "/connectors", "https://ui.example.com").headers.contains("access-control-allow-origin"));
  server.reset();
  options.cors_allow_origins = {"https://ui.example.com"};
  options.cors_allow_methods = {"GET", "POST"};
  const RawAnswer first = ask("OPTIONS", "/connectors/shop/restart", "https://ui.example.com", "POST");
  EXPECT_EQ(first.status, 204);
  EXPECT_EQ(first.headers.at("access-control-allow-origin"), "https://ui.example.com");
  EXPECT_EQ(first.headers.at("access-control-allow-methods"), "GET, POST");
  EXPECT_NE(first.headers.at("access-control-allow-headers").find("Content-Type"), std::string::npos);
  for (const char* path : {"/connectors", "/nowhere"}) {
    const RawAnswer read = ask("GET", path, "https://ui.example.com");
    EXPECT_EQ(read.headers.at("access-control-allow-origin"), "https://ui.example.com") << path;
    EXPECT_EQ(read.headers.at("vary"), "Origin");
    EXPECT_FALSE(read.headers.contains("access-control-allow-credentials"));
  }
  EXPECT_EQ(ask("POST", "/connectors/shop/restart", "https://ui.example.com").status, 204);
  EXPECT_EQ(ask("PUT", "/connectors/shop/pause", "https://ui.example.com").status, 403) << "not of these methods";
  EXPECT_EQ(ask("OPTIONS", "/connectors/shop/pause", "https://ui.example.com", "PUT").status, 405);
  EXPECT_EQ(ask("OPTIONS", "/connectors", "https://evil.example.com", "POST").status, 405);
  EXPECT_EQ(ask("POST", "/connectors/shop/restart", "https://evil.example.com").status, 403);
  const RawAnswer foreign = ask("GET", "/connectors", "https://evil.example.com");
  EXPECT_FALSE(foreign.headers.contains("access-control-allow-origin"));
}

TEST_F(ServerTest, S1_2_TheLoggersHaveAListenerOfTheirOwnOrNone) {
  options.loggers = false;
  EXPECT_EQ(Get("/admin/loggers").status, 404);
  EXPECT_EQ(Get("/admin/loggers/root").status, 404);
  auto listener = web::Listener::Bind(options);
  auto admin = web::Listener::Bind(options, "api.admin_listener");
  ASSERT_TRUE(listener.ok() && admin.ok());
  const std::string loggers = admin->address();
  auto both = web::Server::Start(options, *std::move(listener), control, *std::move(admin));
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(Ask(loggers, {.path = "/admin/loggers"}).status, 200);
  EXPECT_EQ(Ask(loggers, {.method = "PUT", .path = "/admin/loggers/web", .body = R"({"level":"INFO"})"}).status, 200);
  for (const char* path : {"/", "/connectors", "/api/v1/connectors", "/metrics", "/openapi.json"})
    EXPECT_EQ(Ask(loggers, {.path = path}).status, 404) << path;
  EXPECT_EQ(Ask((*both)->address(), {.path = "/admin/loggers"}).status, 404);
  EXPECT_EQ(Ask((*both)->address(), {.path = "/connectors"}).status, 200);
  web::ServerOptions taken = options;
  taken.port = static_cast<std::uint16_t>(std::stoi(loggers.substr(loggers.rfind(':') + 1)));
  const auto refused = web::Listener::Bind(taken, "api.admin_listener");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().what.find("Set api.admin_listener to a free one"), std::string::npos);
}

TEST_F(ServerTest, SE4_Http11WithoutHostIs400) {
  RawClient client(address());
  client.Send("GET /connectors HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.Read().status, 400);
}

TEST_F(ServerTest, SE7_JsonDepthIsASetting) {
  options.limits.json_depth_max = 2;
  const std::string body = R"({"name":"a","config":{"connector.class":"db","host":["h"]}})";
  EXPECT_NE(Send("POST", "/connectors", body).body.find("more than 2 levels"), std::string::npos);
}

TEST_F(ServerTest, Http10AndAProxysTargetFormAreUnderstood) {
  RawClient old(address());
  old.Send("GET /livez HTTP/1.0\r\n\r\n");
  const RawAnswer answer = old.Read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.keeps_alive());
  EXPECT_TRUE(old.ReadToEnd());
  EXPECT_EQ(Get("http://" + address() + "/connectors?expand=zzz").body, "{}");
}

TEST_F(ServerTest, AP27_MetricsCountByRouteTemplateNeverByPath) {
  AddSource();
  Get("/connectors/shop/status");
  Get("/connectors/secret-name/status");
  Get("/secret-path");
  const RawAnswer answer = Get("/metrics");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.body.find("headgate_http_requests_total{route=\"/connectors/{c}/status\",code=\"200\"} 1\n"),
            std::string::npos)
      << answer.body;
  EXPECT_NE(answer.body.find("headgate_http_requests_total{route=\"/connectors/{c}/status\",code=\"404\"} 1\n"),
            std::string::npos);
  EXPECT_NE(answer.body.find("headgate_http_requests_total{route=\"unknown\",code=\"404\"} 1\n"), std::string::npos);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  for (const char* name :
       {"headgate_build_info{version=", "headgate_connector_state{connector=\"shop\",state=\"unassigned\"} 1",
        "headgate_log_last_seq 0", "process_resident_memory_bytes ", "process_open_fds ",
        "process_start_time_seconds "}) {
    EXPECT_NE(answer.body.find(name), std::string::npos) << name;
  }
  const RawAnswer open =
      Do({.path = "/metrics", .headers = {{"Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}}});
  EXPECT_EQ(open.headers.at("content-type").rfind("application/openmetrics-text", 0), 0U);
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
}

TEST_F(ServerTest, AP27_SeriesOfADeletedConnectorDisappear) {
  AddSource();
  EXPECT_NE(Get("/metrics").body.find("\"shop\""), std::string::npos);
  Send("DELETE", "/connectors/shop");
  EXPECT_EQ(Get("/metrics").body.find("\"shop\""), std::string::npos);
}

TEST_F(ServerTest, AP27_ASourceCountsByOperationWhetherItRunsOrNot) {
  AddSource();
  AddSource("other");
  control.Insert(10, 1, "a");
  control.Insert(20, 2, "b", "items");
  const std::string text = Get("/metrics").body;
  for (const char* line :
       {"headgate_source_events_total{connector=\"shop\",op=\"insert\"} 2\n",
        "headgate_source_events_total{connector=\"shop\",op=\"message\"} 0\n",
        "headgate_source_events_total{connector=\"other\",op=\"insert\"} 0\n",
        "headgate_snapshot_rows_total{connector=\"shop\"} 0\n", "headgate_source_gaps_total{connector=\"shop\"} 0\n",
        "# TYPE headgate_source_events_total counter\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(ServerTest, AP27_ASinkCountsOverItsRunsAlsoWhileItDoesNotRun) {
  AddSink();
  ConnectorStatus status;
  status.name = "hook";
  status.kind = config::ComponentKind::kSink;
  status.totals.records = {5, 4, 3, 2};
  status.totals.retries = {{"connect", 1},    {"resolve", 2},    {"broken", 4},
                           {"status_4xx", 8}, {"throttled", 16}, {"render", 32}};
  status.totals.request_ms_buckets.assign(std::size(kLatencyBoundsMs) + 1, 7);
  control.SetStatus(status);
  control.cursors["hook"] = {5, 12, control.manual_clock.now_us - 3'000'000, 4096};
  const std::string text = Get("/metrics").body;
  for (const char* line :
       {"headgate_sink_records_total{connector=\"hook\",result=\"delivered\"} 5\n",
        "headgate_sink_records_total{connector=\"hook\",result=\"filtered\"} 4\n",
        "headgate_sink_records_total{connector=\"hook\",result=\"dead\"} 3\n",
        "headgate_sink_records_total{connector=\"hook\",result=\"discarded\"} 2\n",
        "headgate_sink_retries_total{connector=\"hook\",reason=\"connect\"} 7\n",
        "headgate_sink_retries_total{connector=\"hook\",reason=\"status_4xx\"} 8\n",
        "headgate_sink_retries_total{connector=\"hook\",reason=\"throttled\"} 16\n",
        "headgate_sink_retries_total{connector=\"hook\",reason=\"item\"} 0\n",
        "headgate_sink_request_duration_seconds_count{connector=\"hook\"} 7\n",
        "headgate_sink_pending_records{connector=\"hook\"} 12\n", "headgate_sink_lag_seconds{connector=\"hook\"} 3\n",
        "headgate_dead_letters{connector=\"hook\",state=\"dead\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  EXPECT_EQ(text.find("render"), std::string::npos) << "no attempt that could be made again";
  EXPECT_EQ(text.find("stale"), std::string::npos) << "no sink here has versions";
}

}  // namespace
}  // namespace headgate::test
