#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "tests/unit/net/client_calls.h"

// How the client gets to a connection: look-up, guard, connect.
namespace headgate::net {
namespace {

// A listener whose queue is full drops what comes next, as a firewall does.
TEST(HttpClient, W8_EndsAConnectThatIsNotAnsweredAtItsLimit) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 0), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), sizeof address));
  }
  EndpointOptions options;
  options.url = *ParseUrl("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
  options.connect_timeout_ms = 40;
  EXPECT_NE(FailureOf(SendOne(*Open(options)), Failure::Kind::kConnect).find("connect_timeout_ms (40 ms)"),
            std::string::npos);
  for (const int fd : fillers) close(fd);
  close(listener);
}

TEST(HttpClient, ReportsARefusedConnectionWithTheAddressToCheck) {
  EndpointOptions options;
  {
    HttpReceiver gone;
    options = Options(gone);
  }
  const std::string text = FailureOf(SendOne(*Open(options)), Failure::Kind::kConnect);
  EXPECT_NE(text.find(options.url.HostPort()), std::string::npos) << text;
  EXPECT_NE(text.find("refused"), std::string::npos) << text;
}

TEST(HttpClient, W10_RefusesALiteralAddressBeforeAnythingIsSent) {
  HttpReceiver receiver;
  EndpointOptions options = Options(receiver);
  options.guard.own_listeners = {{*IpAddress::Parse("127.0.0.1"), receiver.port()}};
  const auto client = HttpClient::Open(options);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(receiver.connection_count(), 0);
}

EndpointOptions ByName(const HttpReceiver& receiver, Resolver resolve) {
  EndpointOptions options = Options(receiver);
  options.url = *ParseUrl("http://hooks.example:" + std::to_string(receiver.port()) + "/hook");
  options.resolve = std::move(resolve);
  return options;
}

IpAddress Resolved(const char* text) { return *IpAddress::Parse(text); }

TEST(HttpClient, W10_OneForbiddenAddressRefusesTheName) {
  HttpReceiver receiver;
  auto client = Open(ByName(receiver, [](const std::string&) {
    return std::vector{Resolved("127.0.0.1"), Resolved("169.254.169.254")};
  }));
  const std::string text = FailureOf(SendOne(*client), Failure::Kind::kRefusedByGuard);
  EXPECT_NE(text.find("169.254.0.0/16"), std::string::npos) << text;
  EXPECT_NE(text.find("hooks.example"), std::string::npos) << text;
  EXPECT_EQ(receiver.connection_count(), 0);
}

TEST(HttpClient, W10_TestsTheNameAgainAtEachNewConnection) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request&) { return Reply::Status(200, {{"Connection", "close"}}); });
  auto calls = std::make_shared<std::atomic<int>>(0);
  auto client = Open(ByName(receiver, [calls](const std::string&) {
    return std::vector{Resolved((*calls)++ == 0 ? "127.0.0.1" : "169.254.169.254")};
  }));
  EXPECT_EQ(Answer(SendOne(*client)).status, 200);
  FailureOf(SendOne(*client), Failure::Kind::kRefusedByGuard);
  EXPECT_EQ(*calls, 2);
  EXPECT_EQ(receiver.connection_count(), 1);
}

TEST(HttpClient, SharesOneLookUpAmongConnectionsAndTriesAllAddresses) {
  HttpReceiver receiver;
  auto calls = std::make_shared<std::atomic<int>>(0);
  // Nothing listens at the receiver's port on 127.0.0.2.
  auto client = Open(ByName(receiver, [calls](const std::string&) {
    ++*calls;
    return std::vector{Resolved("127.0.0.2"), Resolved("127.0.0.1")};
  }));
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 4; ++i) client->Send(Post(), [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
  RunUntil(*client, outcomes, 4);
  for (Outcome& outcome : outcomes) EXPECT_EQ(Answer(std::move(outcome)).status, 200);
  EXPECT_EQ(*calls, 1);
}

TEST(HttpClient, ReportsNamesThatCannotBeLookedUp) {
  HttpReceiver receiver;
  auto fails = Open(
      ByName(receiver, [](const std::string&) -> Result<std::vector<IpAddress>> { return Transient("no such name"); }));
  EXPECT_NE(FailureOf(SendOne(*fails), Failure::Kind::kResolve).find("no such name"), std::string::npos);
  auto empty = Open(ByName(receiver, [](const std::string&) { return std::vector<IpAddress>(); }));
  FailureOf(SendOne(*empty), Failure::Kind::kResolve);
}

TEST(HttpClient, FindsLocalhost) {
  HttpReceiver receiver;
  EndpointOptions options = Options(receiver);
  options.url = *ParseUrl("http://localhost:" + std::to_string(receiver.port()) + "/hook");
  EXPECT_EQ(Answer(SendOne(*Open(options))).status, 200);
}

// W5: waits end at once on stop; a name server that hangs must not hold it up.
TEST(HttpClient, ALookUpThatHangsEndsAtItsLimitAndHoldsUpNoStop) {
  HttpReceiver receiver;
  auto release = std::make_shared<std::atomic<bool>>(false);
  auto ended = std::make_shared<std::atomic<bool>>(false);
  EndpointOptions options = ByName(receiver, [release, ended](const std::string&) {
    release->wait(false);
    *ended = true;
    ended->notify_all();
    return std::vector{Resolved("127.0.0.1")};
  });
  options.connect_timeout_ms = 30;
  auto client = Open(options);
  EXPECT_NE(FailureOf(SendOne(*client), Failure::Kind::kResolve).find("30 ms"), std::string::npos);
  client->Send(Post(), [](Outcome&&) { ADD_FAILURE() << "closed before"; });
  client.reset();
  EXPECT_FALSE(*ended) << "the destructor waited for the look-up";
  *release = true;
  release->notify_all();
  ended->wait(false);
}

}  // namespace
}  // namespace headgate::net
