#include "core/net/response_parser.h"

#include <gtest/gtest.h>

#include "tests/unit/net/response_parser_fuzz.h"

namespace headgate::net {
namespace {

using State = ResponseParser::State;

struct Parsed {
  State state;
  int status;
  std::string headers;
  std::string body;
  bool keep_alive;
  std::string error;
  bool operator==(const Parsed&) const = default;
};

// Feeds in pieces of `step` bytes; `end` closes the connection afterwards.
Parsed ParseInSteps(std::string_view bytes, std::size_t step, bool end) {
  ResponseParser parser{ResponseParser::Limits()};
  State state = State::kNeedMore;
  for (std::size_t i = 0; i < bytes.size(); i += step) state = parser.Feed(bytes.substr(i, step));
  if (end) state = parser.FinishAtEnd();
  const bool keep_alive = parser.keep_alive();
  return {state, parser.status(), std::string(parser.header_lines()), parser.TakeBody(), keep_alive, parser.error()};
}

// The same whatever the pieces are.
Parsed Parse(std::string_view bytes, bool end = false) {
  const Parsed whole = ParseInSteps(bytes, bytes.size() + 1, end);
  for (std::size_t step = 1; step < std::min<std::size_t>(bytes.size(), 40); ++step) {
    EXPECT_EQ(ParseInSteps(bytes, step, end), whole) << "pieces of " << step;
  }
  return whole;
}

TEST(ResponseParser, ReadsALengthFramedAnswerAndKeepsTheConnection) {
  const Parsed p = Parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.status, 200);
  EXPECT_EQ(p.body, "hello");
  EXPECT_EQ(p.headers, "Content-Length: 5\r\nX-A: b\r\n\r\n");
  EXPECT_TRUE(p.keep_alive);
}

TEST(ResponseParser, ReadsChunksWithExtensionsAndTrailers) {
  const Parsed p = Parse(
      "HTTP/1.1 202 Accepted\r\ntransfer-encoding: gzip, Chunked\r\n\r\n"
      "5;a=\"b\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.body, "hello0123456789");
  EXPECT_TRUE(p.keep_alive);
}

TEST(ResponseParser, ReadsABodyUpToTheEndOfTheConnection) {
  const char* text = "HTTP/1.1 200\r\n\r\nsome body";
  EXPECT_EQ(Parse(text).state, State::kNeedMore);
  const Parsed p = Parse(text, true);
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.body, "some body");
  EXPECT_FALSE(p.keep_alive);
}

TEST(ResponseParser, NeedsNoBodyFor204And304) {
  for (const char* status : {"204", "304"}) {
    const Parsed p = Parse(std::string("HTTP/1.1 ") + status + " X\r\nContent-Length: 10\r\n\r\n");
    EXPECT_EQ(p.state, State::kDone) << status;
    EXPECT_TRUE(p.keep_alive);
  }
}

TEST(ResponseParser, TakesBareLineFeedsAndFoldedLines) {
  const Parsed p = Parse("HTTP/1.1 200 OK\nX-Long: a\n  b\nContent-Length: 2\n\nok");
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.body, "ok");
}

TEST(ResponseParser, SkipsInterimAnswers) {
  const Parsed p = Parse(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 "
      "OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.status, 200);
  EXPECT_TRUE(p.keep_alive);
  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(ParseInSteps(endless, 1000, false).state, State::kBroken);
  EXPECT_EQ(Parse("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").state, State::kBroken);
}

TEST(ResponseParser, KeepsTheConnectionOnlyWhereBothSidesAgree) {
  const auto keeps = [](const std::string& head) { return Parse(head + "Content-Length: 0\r\n\r\n").keep_alive; };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n"));
  EXPECT_FALSE(Parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX").keep_alive) << "bytes after the answer";
  const Parsed both = Parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(both.state, State::kDone);
  EXPECT_FALSE(both.keep_alive) << "two framings";
}

TEST(ResponseParser, RefusesWhatIsNotHttp) {
  for (const char* text : {
           "SSH-2.0-OpenSSH\r\n\r\n",
           "HTTP/2 200\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 099 X\r\n\r\n",
           "HTTP/1.1 600 X\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "\r\n\r\n",
           "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
       }) {
    const Parsed p = Parse(text);
    EXPECT_EQ(p.state, State::kBroken) << text;
    EXPECT_NE(p.error, "");
  }
}

TEST(ResponseParser, CallsAnAnswerBrokenThatEndsTooEarly) {
  for (const char* text :
       {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    EXPECT_EQ(Parse(text, true).state, State::kBroken) << text;
  }
}

TEST(ResponseParser, W8_Keeps4KiBAndReadsAtMost64KiBOfABody) {
  std::string exact = "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + std::string(65536, 'x');
  Parsed p = ParseInSteps(exact, 16384, false);
  EXPECT_EQ(p.state, State::kDone);
  EXPECT_EQ(p.body.size(), 4096U);
  EXPECT_TRUE(p.keep_alive);
  p = ParseInSteps("HTTP/1.1 500 X\r\nContent-Length: 65537\r\n\r\n" + std::string(65537, 'x'), 16384, false);
  EXPECT_EQ(p.state, State::kCut);
  EXPECT_EQ(p.status, 500);
  EXPECT_EQ(p.body.size(), 4096U);
  EXPECT_FALSE(p.keep_alive);
  std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) chunks += "1\r\nx\r\n";
  EXPECT_EQ(ParseInSteps(chunks, 1000, false).state, State::kCut) << "framing counts too";
  EXPECT_EQ(ParseInSteps("HTTP/1.1 200 OK\r\n\r\n" + std::string(70'000, 'x'), 1000, false).state, State::kCut);
  EXPECT_EQ(
      ParseInSteps("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(70'000, 'x'), 1000, false)
          .state,
      State::kCut);
}

TEST(ResponseParser, W8_RefusesHeadersOver16KiB) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
  const std::string end = "\r\n\r\n";
  const std::string fits = start + std::string(16 * 1024 - start.size() - end.size(), 'x') + end;
  EXPECT_EQ(ParseInSteps(fits, 1000, false).state, State::kDone);
  EXPECT_EQ(ParseInSteps(fits, fits.size(), false).state, State::kDone);
  const std::string over = start + std::string(16 * 1024 - start.size() - end.size() + 1, 'x') + end;
  EXPECT_EQ(ParseInSteps(over, 1000, false).state, State::kBroken);
  EXPECT_EQ(ParseInSteps(over, over.size(), false).state, State::kBroken);
  EXPECT_EQ(ParseInSteps("HTTP/1.1 200 OK\r\n" + std::string(1'000'000, 'x'), 16384, false).state, State::kBroken);
}

TEST(ResponseParser, StartsAfreshAfterReset) {
  ResponseParser parser{ResponseParser::Limits()};
  EXPECT_EQ(parser.Feed("HTTP/1.0 500 X\r\nTransfer-Encoding: chunked\r\n\r\nzz"), State::kBroken);
  parser.Reset();
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(parser.Feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"), State::kDone);
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(parser.TakeHeaderLines(), "Content-Length: 1\r\n\r\n");
  EXPECT_EQ(parser.TakeBody(), "a");
}

TEST(ResponseParser, FindsHeadersInAnyCase) {
  const std::string_view lines = "A: 1\r\nretry-AFTER:\t 120 \r\nRetry-After: 3\r\n\r\n";
  EXPECT_EQ(FindHeader(lines, "Retry-After"), "120");
  EXPECT_EQ(FindHeader(lines, "a"), "1");
  EXPECT_EQ(FindHeader(lines, "Retry"), std::nullopt);
}

// webhooks.md W4: seconds or HTTP date; dates in the past count as 0.
TEST(RetryAfter, W4_ReadsSecondsAndAllThreeDateForms) {
  using std::chrono::seconds;
  constexpr std::int64_t kNow = 784111777 - 60;  // a minute before the date below
  EXPECT_EQ(ParseRetryAfter("120", kNow), seconds(120));
  EXPECT_EQ(ParseRetryAfter("0", kNow), seconds(0));
  EXPECT_GT(*ParseRetryAfter(std::string(100, '9'), kNow), seconds(86'400 * 365));
  for (const char* date :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(ParseRetryAfter(date, kNow), seconds(60)) << date;
    EXPECT_EQ(ParseRetryAfter(date, kNow + 1000), seconds(0)) << date;
  }
  constexpr std::int64_t kIn2026 = 1'790'000'000;
  EXPECT_EQ(ParseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", kIn2026), seconds(0)) << "1994, not 2094";
  EXPECT_GT(*ParseRetryAfter("Wednesday, 06-Nov-30 08:49:37 GMT", kIn2026), seconds(0)) << "2030";
  for (const char* bad : {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT",
                          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 25:49:37 GMT", "Sun", "Sun Nov", ",", "12 "}) {
    EXPECT_EQ(ParseRetryAfter(bad, kNow), std::nullopt) << bad;
  }
}

TEST(ResponseParser, SurvivesMutatedAnswers) {
  const std::string seeds[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
      "HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 "
      "GMT\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nRetry-After: 12\r\n\r\nrest",
  };
  std::uint32_t random = 12345;
  const auto next = [&] { return random = random * 1664525 + 1013904223, random >> 8; };
  for (const std::string& seed : seeds) {
    for (int round = 0; round < 20'000; ++round) {
      std::string text = seed;
      for (std::uint32_t edits = next() % 4 + 1; edits > 0 && !text.empty(); --edits) {
        const std::size_t at = next() % text.size();
        switch (next() % 4) {
          case 0:
            text[at] = static_cast<char>(next());
            break;
          case 1:
            text.erase(at, next() % 8);
            break;
          case 2:
            text.insert(at, seed.substr(next() % seed.size(), next() % 16));
            break;
          default:
            text[at] = "\r\n:;, 0f"[next() % 8];
            break;
        }
      }
      ASSERT_EQ(FuzzResponseParser(text), "") << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace headgate::net
