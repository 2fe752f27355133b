#include "core/net/http_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "core/net/response_parser.h"
#include "tests/unit/net/client_calls.h"

namespace headgate::net {
namespace {

TEST(HttpClient, SendsTheRequestAsItIsAndReturnsTheAnswer) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request&) {
    return Reply::Status(202, {{"X-Seen", "yes"}}, "thanks");
  });
  auto client = Open(Options(receiver));
  const Response response = Answer(SendOne(*client, Post("{\"n\":1}")));
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, "thanks");
  EXPECT_EQ(FindHeader(response.header_lines, "x-seen"), "yes");
  EXPECT_FALSE(response.connection_reused);
  EXPECT_FALSE(response.body_cut);
  const auto requests = receiver.Requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/hook");
  EXPECT_EQ(requests[0].body, "{\"n\":1}");
  EXPECT_EQ(requests[0].Header("host"), "h");
}

TEST(HttpClient, W8_KeepsTheConnectionOpenBetweenRequests) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Answer(SendOne(*client)).connection_reused, i > 0);
  EXPECT_EQ(receiver.connection_count(), 1);
}

TEST(HttpClient, UsesAtMostTheConnectionsItMay) {
  HttpReceiver receiver;
  EndpointOptions options = Options(receiver);
  options.connections_max = 3;
  auto client = Open(options);
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client->can_send());
    client->Send(Post(), [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
  }
  EXPECT_FALSE(client->can_send());
  EXPECT_EQ(client->in_flight(), 3U);
  RunUntil(*client, outcomes, 3);
  EXPECT_EQ(client->in_flight(), 0U);
  EXPECT_EQ(receiver.connection_count(), 3);
}

TEST(HttpClient, DoneMaySendTheNextRequest) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  std::vector<Outcome> outcomes;
  Done next = [&](Outcome&& outcome) {
    outcomes.push_back(std::move(outcome));
    if (outcomes.size() < 500) client->Send(Post(), next);
  };
  client->Send(Post(), next);
  RunUntil(*client, outcomes, 500);
  for (Outcome& outcome : outcomes) EXPECT_EQ(Answer(std::move(outcome)).status, 200);
  EXPECT_EQ(receiver.connection_count(), 1);
}

TEST(HttpClient, SendsLargeBodiesWhole) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  std::string body(20 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
  EXPECT_EQ(Answer(SendOne(*client, Post(body))).status, 200);
  ASSERT_EQ(receiver.Requests().size(), 1U);
  EXPECT_TRUE(receiver.Requests()[0].body == body);
}

TEST(HttpClient, W10_DoesNotFollowRedirects) {
  HttpReceiver other;
  HttpReceiver receiver({}, [&](const HttpReceiver::Request&) {
    return Reply::Status(302, {{"Location", other.url()}});
  });
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).status, 302);
  EXPECT_EQ(other.request_count(), 0U);
}

TEST(HttpClient, W4_ReadsRetryAfterOnAnyAnswer) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    if (request.index == 0) return Reply::Status(429, {{"Retry-After", "7"}});
    if (request.index == 1) return Reply::Status(503, {{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}});
    return Reply::Status(200, {{"Retry-After", "soon"}});
  });
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).retry_after, seconds(7));
  EXPECT_EQ(Answer(SendOne(*client)).retry_after, seconds(0));
  EXPECT_EQ(Answer(SendOne(*client)).retry_after, std::nullopt);
}

TEST(HttpClient, W8_ReplacesAConnectionThatWasClosedWhileIdle) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  receiver.CloseConnections();
  const Response again = Answer(SendOne(*client));
  EXPECT_EQ(again.status, 200);
  EXPECT_FALSE(again.connection_reused);
  EXPECT_EQ(receiver.connection_count(), 2);
  EXPECT_EQ(receiver.request_count(), 2U);
}

TEST(HttpClient, ClosesConnectionsThatDiedWhileIdleAndUsesTheirPlacesAgain) {
  const auto open_files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  HttpReceiver receiver;
  EndpointOptions options = Options(receiver);
  options.connections_max = 2;
  auto client = Open(options);
  for (int round = 0; round < 2; ++round) {
    std::vector<Outcome> outcomes;
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(client->can_send());
      client->Send(Post(), [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
    }
    EXPECT_FALSE(client->can_send());
    RunUntil(*client, outcomes, 2);
    receiver.CloseConnections();
    const auto before = open_files();
    client->Run(steady_clock::now());
    EXPECT_EQ(open_files(), before - 2);
  }
}

TEST(HttpClient, W8_RepeatsOnceOnAFreshConnectionWhenAKeptOneDiesBeforeTheAnswer) {
  HttpReceiver receiver(
      {}, [](const HttpReceiver::Request& request) { return request.index == 0 ? Reply() : Reply::Close(); });
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  const Response again = Answer(SendOne(*client, Post("second")));
  EXPECT_EQ(again.status, 200);
  EXPECT_FALSE(again.connection_reused);
  const auto requests = receiver.Requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[1].body, "second");
  EXPECT_EQ(requests[2].body, "second");
  EXPECT_EQ(requests[2].connection, 1);
}

TEST(HttpClient, W8_DoesNotRepeatOnAFreshConnectionOrAfterTheFirstByteOfAnAnswer) {
  HttpReceiver closes({}, [](const HttpReceiver::Request&) { return Reply::Close(); });
  auto client = Open(Options(closes));
  EXPECT_NE(FailureOf(SendOne(*client), Failure::Kind::kBroken).find("without an answer"), std::string::npos);
  EXPECT_EQ(closes.request_count(), 1U);

  HttpReceiver half({}, [](const HttpReceiver::Request& request) {
    if (request.index == 0) return Reply();
    Reply reply = Reply::Raw("HTTP/1.1 20");
    reply.close_after = true;
    return reply;
  });
  client = Open(Options(half));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  FailureOf(SendOne(*client), Failure::Kind::kBroken);
  EXPECT_EQ(half.request_count(), 2U);
}

TEST(HttpClient, TakesNothingThatCameUnaskedForAnAnswer) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    if (request.connection > 0) return Reply();
    return Reply::Raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  });
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  EXPECT_EQ(receiver.connection_count(), 2);
}

// Some servers say 408 before they close an idle connection.
TEST(HttpClient, TakesNoLastWordsOfAnIdleConnectionForAnAnswer) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  receiver.CloseConnections("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  EXPECT_EQ(receiver.request_count(), 2U);
}

TEST(HttpClient, W8_CutsAnswersAfter64KiBAndKeepsTheStatus) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    Reply reply = Reply::Status(request.connection == 0 ? 200 : 500, {{"Content-Type", "text/plain"}}, "0123456789");
    reply.endless = true;
    return reply;
  });
  auto client = Open(Options(receiver));
  for (const int status : {200, 500}) {
    const Response response = Answer(SendOne(*client));
    EXPECT_EQ(response.status, status);
    EXPECT_TRUE(response.body_cut);
    EXPECT_EQ(response.body.size(), 4096U);
  }
  EXPECT_EQ(receiver.connection_count(), 2) << "the connection goes with the rest of the answer";
}

TEST(HttpClient, W8_RefusesHeadersOver16KiB) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request&) {
    return Reply::Status(200, {{"X", std::string(17'000, 'x')}});
  });
  auto client = Open(Options(receiver));
  EXPECT_NE(FailureOf(SendOne(*client), Failure::Kind::kBroken).find("longer than the limit"), std::string::npos);
}

TEST(HttpClient, W8_EndsSilentAndTricklingAnswersAtTheWholeRequestLimit) {
  HttpReceiver silent({}, [](const HttpReceiver::Request&) { return Reply::Never(); });
  EndpointOptions options = Options(silent);
  options.timeout_ms = 40;
  EXPECT_NE(FailureOf(SendOne(*Open(options)), Failure::Kind::kTimeout).find("40 ms"), std::string::npos);

  HttpReceiver trickles({}, [](const HttpReceiver::Request&) {
    Reply reply = Reply::Status(200, {{"Content-Length", "100000"}}, "x");
    reply.endless = true;
    reply.trickle = milliseconds(1);
    return reply;
  });
  options = Options(trickles);
  options.timeout_ms = 100;
  FailureOf(SendOne(*Open(options)), Failure::Kind::kTimeout);
}

TEST(HttpClient, ATimeoutOfOneRequestLeavesTheOthersAlone) {
  HttpReceiver receiver(
      {}, [](const HttpReceiver::Request& request) { return request.body == "stuck" ? Reply::Never() : Reply(); });
  EndpointOptions options = Options(receiver);
  options.timeout_ms = 60;
  auto client = Open(options);
  std::vector<Outcome> outcomes;
  const auto keep = [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); };
  client->Send(Post("stuck"), keep);
  client->Send(Post("fine"), keep);
  RunUntil(*client, outcomes, 2);
  EXPECT_EQ(Answer(std::move(outcomes[0])).status, 200);
  FailureOf(outcomes[1], Failure::Kind::kTimeout);
  EXPECT_EQ(Answer(SendOne(*client, Post("fine"))).status, 200);
}

TEST(HttpClient, ReportsGarbageHalfAnswersAndResetsAsBroken) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    Reply reply;
    if (request.body == "garbage") {
      reply = Reply::Raw("\x16\x03\x01 this is no HTTP\r\n\r\n");
    } else if (request.body == "half") {
      reply = Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      reply.close_after = true;
    } else if (request.body == "reset") {
      reply = Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
      reply.reset_after = true;
    }
    return reply;
  });
  auto client = Open(Options(receiver));
  for (const char* body : {"garbage", "half", "reset"}) {
    const std::string text = FailureOf(SendOne(*client, Post(body)), Failure::Kind::kBroken);
    EXPECT_NE(text.find("127.0.0.1:"), std::string::npos) << text;
    EXPECT_EQ(Answer(SendOne(*client)).status, 200) << "recovers after " << body;
  }
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeTheWholeRequestWasRead) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request&) {
    Reply reply = Reply::Status(413);
    reply.close_after = true;
    return reply;
  });
  auto client = Open(Options(receiver));
  // The receiver answers after 2 bytes of the body and closes; the rest does not fit into the socket buffers.
  const std::string rest(30 * 1024 * 1024, 'x');
  EXPECT_EQ(Answer(SendOne(*client, "POST /hook HTTP/1.1\r\nContent-Length: 2\r\n\r\nok" + rest)).status, 413);
}

TEST(HttpClient, CloseForgetsRequestsAndMayBeFollowedByOthers) {
  HttpReceiver receiver(
      {}, [](const HttpReceiver::Request& request) { return request.body == "stuck" ? Reply::Never() : Reply(); });
  auto client = Open(Options(receiver));
  client->Send(Post("stuck"), [](Outcome&&) { ADD_FAILURE() << "was closed"; });
  client->Run(steady_clock::now());
  client->Close();
  EXPECT_EQ(client->in_flight(), 0U);
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
}

TEST(HttpClient, WakeFromAnotherThreadEndsRun) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  const auto late = steady_clock::now() + seconds(30);
  client->Wake();
  client->Wake();
  EXPECT_EQ(client->Run(late), 0U);
  std::jthread waker([&] { client->Wake(); });
  EXPECT_EQ(client->Run(late), 0U);
  EXPECT_LT(steady_clock::now(), late);
}

TEST(HttpClient, RunWithADeadlineInThePastTakesWhatIsReady) {
  HttpReceiver receiver;
  auto client = Open(Options(receiver));
  EXPECT_EQ(client->Run(steady_clock::now() - seconds(1)), 0U);
  int done = 0;
  client->Send(Post(), [&](Outcome&&) { ++done; });
  const auto late = steady_clock::now() + seconds(30);
  while (done == 0 && steady_clock::now() < late) client->Run(steady_clock::now() - seconds(1));
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace headgate::net
