#include "core/net/transport.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace headgate::net {
namespace {

// SIGPIPE would end the process, or the test.
class TransportToNobody : public testing::Test {
 protected:
  TransportToNobody() {
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_) == 0);
    close(fds_[1]);
    before_ = signal(SIGPIPE, SIG_DFL);
  }
  ~TransportToNobody() override {
    signal(SIGPIPE, before_);
    close(fds_[0]);
  }

  int fds_[2] = {-1, -1};
  void (*before_)(int) = nullptr;
};

TEST_F(TransportToNobody, FailsWithoutASignal) {
  Transport transport(fds_[0]);
  EXPECT_EQ(transport.Write("x").io, Transport::Io::kFailed);
  EXPECT_EQ(transport.error(), "Broken pipe");
  char buffer[8];
  EXPECT_EQ(transport.Read(buffer).io, Transport::Io::kClosed);
}

TEST_F(TransportToNobody, FailsWithoutASignalUnderTls) {
  auto context = TlsContext::Load({});
  ASSERT_TRUE(context.ok()) << context.error().what;
  const auto url = ParseUrl("https://hooks.example/");
  ASSERT_TRUE(url.ok());
  auto ssl = (*context)->NewConnection(*url);
  ASSERT_TRUE(ssl.ok());
  Transport transport(fds_[0], std::move(ssl).value());
  EXPECT_EQ(transport.Handshake().io, Transport::Io::kFailed);
  EXPECT_EQ(transport.error(), "Broken pipe");
}

}  // namespace
}  // namespace headgate::net
