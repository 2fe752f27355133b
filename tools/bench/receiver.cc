#include "tools/bench/receiver.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <string_view>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/time_text.h"

namespace headgate::bench {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

int Digits(std::string_view text, std::size_t at, int n) {
  int v = 0;
  for (int i = 0; i < n; ++i) v = v * 10 + (text[at + static_cast<std::size_t>(i)] - '0');
  return v;
}

// "2026-03-04T05:06:07.123456Z" in Unix microseconds; fraction digits may be fewer.
std::int64_t ParseTime(std::string_view t) {
  std::int64_t us = DaysFromCivil(Digits(t, 0, 4), Digits(t, 5, 2), Digits(t, 8, 2)) * 86'400'000'000;
  us += (Digits(t, 11, 2) * 3600LL + Digits(t, 14, 2) * 60 + Digits(t, 17, 2)) * 1'000'000;
  std::int64_t unit = 100'000;
  for (std::size_t i = 20; i < t.size() && t[19] == '.' && t[i] >= '0' && t[i] <= '9'; ++i, unit /= 10)
    us += (t[i] - '0') * unit;
  return us;
}

}  // namespace

struct Receiver::Connection {
  int fd;
  std::string in;
};

Receiver::Receiver() {
  listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  CHECK(::bind(listen_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listen_, 256) == 0);
  CHECK(::getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, listen_, &event) == 0);
  thread_ = std::jthread([this](std::stop_token stop) { Run(stop); });
}

Receiver::~Receiver() {
  thread_ = std::jthread();
  ::close(listen_);
  ::close(epoll_);
}

void Receiver::Run(std::stop_token stop) {
  std::map<int, std::unique_ptr<Connection>> connections;
  epoll_event events[64];
  while (!stop.stop_requested()) {
    const int n = ::epoll_wait(epoll_, events, 64, 50);
    for (int i = 0; i < n; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (connection == nullptr) {
        const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        const int one = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        auto& slot = connections[fd];
        slot = std::make_unique<Connection>(Connection{fd, {}});
        epoll_event event{EPOLLIN, {.ptr = slot.get()}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        continue;
      }
      char buffer[65536];
      const ssize_t got = ::read(connection->fd, buffer, sizeof buffer);
      if (got <= 0) {
        ::close(connection->fd);
        connections.erase(connection->fd);
        continue;
      }
      std::string& in = connection->in;
      in.append(buffer, static_cast<std::size_t>(got));
      while (true) {
        const auto end = in.find("\r\n\r\n");
        if (end == std::string::npos) break;
        const auto length_at = in.find("Content-Length: ");
        const std::size_t length = length_at < end ? std::strtoul(in.c_str() + length_at + 16, nullptr, 10) : 0;
        if (in.size() < end + 4 + length) break;
        Request(in.data() + end + 4, length);
        in.erase(0, end + 4 + length);
        static_cast<void>(::send(connection->fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL));
      }
    }
  }
  for (auto& [fd, connection] : connections) ::close(fd);
}

void Receiver::Request(const char* body, std::size_t size) {
  const std::string_view text(body, size);
  std::uint64_t events = 1;
  if (text.starts_with('[')) {
    events = 0;
    for (std::size_t at = 0; (at = text.find("\"commit_ts\":", at)) != std::string_view::npos; at += 12) ++events;
  }
  if (keep_) {
    if (const auto at = text.find("\"commit_ts\":\""); at != std::string_view::npos) {
      latencies_us_.push_back(SystemClock().NowUs() - ParseTime(text.substr(at + 13, 27)));
    }
  }
  requests_ += 1;
  events_ += events;
}

}  // namespace headgate::bench
