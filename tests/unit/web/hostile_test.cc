#include <random>

#include "tests/unit/web/web_fixture.h"

// What arrives when nobody means well. After each, the server still answers.
namespace headgate::test {
namespace {

using HostileTest = WebTest;

TEST_F(HostileTest, SE7_WhatIsNotHttpIs400AndTheEndOfTheConnection) {
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), std::string("hello\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"), std::string("GET / HTTP/1.1\r\nA b: c\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29)}) {
    RawClient client(address());
    client.Send(bytes);
    EXPECT_EQ(client.Read().status, 400) << bytes;
    EXPECT_TRUE(client.ReadToEnd());
  }
  EXPECT_EQ(Get("/livez").status, 200);
}

TEST_F(HostileTest, ALengthAndChunksTogetherAreNotTwoRequests) {
  RawClient client(address());
  client.Send("POST /connectors HTTP/1.1\r\nHost: " + address() +
              "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: " +
              address() + "\r\n\r\n");
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.ReadToEnd());
}

TEST_F(HostileTest, TwoHostsAreRefused) {
  RawClient client(address());
  client.Send("GET /livez HTTP/1.1\r\nHost: " + address() + "\r\nHost: evil.example.com\r\n\r\n");
  EXPECT_EQ(client.Read().status, 400);
}

TEST_F(HostileTest, HalfARequestAndGoneIsForgotten) {
  for (const char* bytes : {"", "G", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nabc"}) {
    RawClient client(address());
    client.Send(bytes);
    client.ShutdownSend();
    EXPECT_TRUE(client.ReadToEnd());
  }
  EXPECT_EQ(Get("/livez").status, 200);
}

TEST_F(HostileTest, SE7_DeepJsonIs400) {
  const std::string deep = R"({"name":"a","config":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  const RawAnswer answer = Send("POST", "/connectors", deep);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("64 levels"), std::string::npos);
}

TEST_F(HostileTest, OddMethodsAndTargetsAreAnswered) {
  AddSource();
  for (const auto& [method, target, status] : {std::tuple{"BREW", "/connectors", 405},
                                               {"TRACE", "/", 405},
                                               {"OPTIONS", "/connectors", 405},
                                               {"OPTIONS", "*", 400},
                                               {"CONNECT", "a:1", 400},
                                               {"GET", "/connectors/..%2f..%2fetc%2fpasswd", 404},
                                               {"GET", "/../../etc/passwd", 404},
                                               {"GET", "/connectors?%", 400},
                                               {"GET", "//connectors", 404},
                                               {"GET", "/connectors/shop/status/x", 404}}) {
    EXPECT_EQ(Send(method, target).status, status) << method << " " << target;
  }
}

TEST_F(HostileTest, AClientThatNeverReadsItsManyAnswersCostsBoundedMemory) {
  RawClient client(address());
  const std::string one = Serialise({.path = "/connector-plugins/db/config"}, address());
  std::string many;
  for (int i = 0; i < 2'000; ++i) many += one;
  client.Send(many);
  EXPECT_EQ(Get("/livez").status, 200);
}

TEST_F(HostileTest, AnythingIsAnsweredOrEnded) {
  AddSource();
  std::mt19937 random(11);
  const std::string valid = Serialise(
      {.method = "POST", .path = "/connectors", .body = R"({"name":"a","config":{"connector.class":"db","host":"h"}})"},
      address());
  for (int round = 0; round < 300; ++round) {
    std::string bytes = valid;
    for (std::size_t n = 1 + random() % 8; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes.erase(at, 1 + random() % 10);
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random()));
          break;
      }
    }
    RawClient client(address());
    client.Send(bytes);
    client.ShutdownSend();
    EXPECT_TRUE(client.ReadToEnd());
  }
  for (int round = 0; round < 100; ++round) {
    std::string bytes(1 + random() % 200, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    RawClient client(address());
    client.Send(bytes);
    client.ShutdownSend();
    EXPECT_TRUE(client.ReadToEnd());
  }
  EXPECT_EQ(Get("/connectors/shop").status, 200);
}

TEST_F(HostileTest, EveryRouteTakesAnyBodyAndAnyQuery) {
  AddSource();
  AddSink();
  std::mt19937 random(5);
  constexpr std::string_view kQueries[] = {"",
                                           "?limit=0",
                                           "?limit=-1",
                                           "?limit=99999999999999999999",
                                           "?cursor=%00%ff",
                                           "?cursor=AAAA",
                                           "?q=%28%28%28",
                                           "?from=x&until=y&order=z",
                                           "?since=yesterday",
                                           "?state=x&expand=&key=%7B"};
  constexpr std::string_view kBodies[] = {"",
                                          "{}",
                                          "[]",
                                          "null",
                                          "1",
                                          "\"x\"",
                                          "{\"filter\":1}",
                                          "{\"filter\":{\"all\":1}}",
                                          "{\"config\":1,\"name\":1}",
                                          "\xff"};
  for (std::string_view pattern :
       {"/connectors", "/connectors/shop/config", "/connectors/shop/offsets", "/connectors/shop/restart",
        "/connector-plugins/db/config/validate", "/api/v1/connectors", "/api/v1/connectors/hook/dead-letters",
        "/api/v1/connectors/hook/dead-letters/1", "/api/v1/connectors/hook/dead-letters/retry", "/api/v1/streams",
        "/api/v1/streams/x/records", "/api/v1/events", "/api/v1/operations/x"}) {
    for (std::string_view method : {"GET", "POST", "PUT", "PATCH"}) {
      const std::string path = std::string(pattern).append(kQueries[random() % std::size(kQueries)]);
      const std::string body(kBodies[random() % std::size(kBodies)]);
      const RawAnswer answer = Send(std::string(method), path, body);
      EXPECT_GE(answer.status, 200) << method << " " << path << " " << body;
      EXPECT_NE(answer.status, 500) << method << " " << path << " " << body << ": " << answer.body;
    }
  }
}

}  // namespace
}  // namespace headgate::test
