#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <future>

namespace headgate::test {
namespace {

// Answers each byte with itself; one connection at a time.
class Echo {
 public:
  Echo() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(a);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&a), size), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&a), &size);
    port = ntohs(a.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Echo() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }

  int port = 0;

 private:
  void Serve() {
    for (int c = accept(fd_, nullptr, nullptr); c >= 0; c = accept(fd_, nullptr, nullptr)) {
      char buffer[4096];
      for (ssize_t n = read(c, buffer, sizeof(buffer)); n > 0; n = read(c, buffer, sizeof(buffer))) {
        if (send(c, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0) break;
      }
      close(c);
    }
  }

  int fd_;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof(a)), 0);
  }
  ~Client() { close(fd_); }

  void Send(const std::string& text) { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Until that many bytes came, or the end, or an error (then error() is set).
  std::string Receive(std::size_t size) {
    std::string out;
    char buffer[4096];
    while (out.size() < size) {
      const ssize_t n = recv(fd_, buffer, std::min(sizeof(buffer), size - out.size()), 0);
      if (n <= 0) {
        error_ = n < 0 ? errno : 0;
        break;
      }
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }
  bool HasBytes() {
    char c;
    return recv(fd_, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  int error() const { return error_; }

 private:
  int fd_;
  int error_ = 0;
};

class FaultProxyTest : public testing::Test {
 protected:
  FaultProxyTest() {
    auto started = FaultProxy::Start("127.0.0.1", echo_.port);
    EXPECT_TRUE(started.ok());
    proxy_ = std::move(started).value();
  }
  // Every fault ends with this: what connects afterwards works.
  void ExpectRecovered() {
    proxy_->Pass();
    Client client(proxy_->port());
    client.Send("again");
    EXPECT_EQ(client.Receive(5), "again");
  }

  Echo echo_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(FaultProxyTest, PassesBytesBothWays) {
  Client client(proxy_->port());
  client.Send("hello");
  EXPECT_EQ(client.Receive(5), "hello");
  proxy_->Pass();  // the counters are behind by at most what is on its way
  EXPECT_EQ(proxy_->to_server(), 5);
  EXPECT_EQ(proxy_->to_client(), 5);
}

TEST_F(FaultProxyTest, CutResetsWhatIsOpenAndLetsNewConnectionsPass) {
  {
    Client client(proxy_->port());
    client.Send("a");
    ASSERT_EQ(client.Receive(1), "a");
    proxy_->Cut();
    EXPECT_EQ(client.Receive(1), "");
    EXPECT_EQ(client.error(), ECONNRESET);
  }
  ExpectRecovered();
}

TEST_F(FaultProxyTest, StallForwardsNothingUntilPass) {
  Client client(proxy_->port());
  client.Send("a");
  ASSERT_EQ(client.Receive(1), "a");
  proxy_->Stall();
  const auto before = proxy_->to_server();
  client.Send("held");
  proxy_->Stall();  // a further turn of the proxy's thread, in which it could have forwarded
  EXPECT_EQ(proxy_->to_server(), before);
  EXPECT_FALSE(client.HasBytes());
  proxy_->Pass();
  EXPECT_EQ(client.Receive(4), "held");
}

TEST_F(FaultProxyTest, AnEditChangesWhatPassesUntilItSaysThatItDid) {
  {
    Client client(proxy_->port());
    proxy_->EditToClient([](std::string& bytes) {
      const std::size_t at = bytes.find('x');
      if (at == std::string::npos) return false;
      bytes[at] = 'y';
      return true;
    });
    client.Send("abc");
    EXPECT_EQ(client.Receive(3), "abc");
    EXPECT_EQ(proxy_->edits(), 0);
    client.Send("axe");
    EXPECT_EQ(client.Receive(3), "aye");
    EXPECT_EQ(proxy_->edits(), 1);
    client.Send("axe");
    EXPECT_EQ(client.Receive(3), "axe");
  }
  ExpectRecovered();
}

TEST_F(FaultProxyTest, RefuseResetsNewConnections) {
  proxy_->Refuse();
  {
    Client client(proxy_->port());
    EXPECT_EQ(client.Receive(1), "");
    EXPECT_EQ(client.error(), ECONNRESET);
  }
  ExpectRecovered();
}

TEST_F(FaultProxyTest, ResetAfterStopsInTheMiddleOfAMessageOnce) {
  proxy_->ResetAfterToServer(3);
  {
    Client client(proxy_->port());
    client.Send("hello");
    EXPECT_LE(client.Receive(5).size(), 3u);
  }
  EXPECT_EQ(proxy_->to_server(), 3);
  EXPECT_EQ(proxy_->resets(), 1);
  Client next(proxy_->port());
  next.Send("hello");
  EXPECT_EQ(next.Receive(5), "hello");
}

TEST_F(FaultProxyTest, ResetAfterToClientHoldsBackTheRest) {
  proxy_->ResetAfterToClient(2);
  {
    Client client(proxy_->port());
    client.Send("hello");
    EXPECT_LE(client.Receive(5).size(), 2u);
  }
  EXPECT_EQ(proxy_->to_client(), 2);
  ExpectRecovered();
}

TEST_F(FaultProxyTest, SlowDeliversEverythingAllTheSame) {
  proxy_->Slow(100'000);
  Client client(proxy_->port());
  const std::string text(5'000, 'x');
  client.Send(text);
  EXPECT_EQ(client.Receive(text.size()), text);
}

}  // namespace
}  // namespace headgate::test
