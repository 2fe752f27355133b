#include "tools/demo/receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/clock.h"

namespace headgate::demo {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::size_t kRequestMax = 64 * 1024 * 1024;

// The value of Content-Length in a request head, 0 without one.
std::size_t ContentLength(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    if (head.size() - at > kName.size() && strncasecmp(head.data() + at, kName.data(), kName.size()) == 0) {
      return std::strtoul(std::string(head.substr(at + kName.size(), 20)).c_str(), nullptr, 10);
    }
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<Receiver>> Receiver::Start(Handler handler) {
  std::unique_ptr<Receiver> receiver(new Receiver(std::move(handler)));
  receiver->listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  receiver->wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(a);
  if (bind(receiver->listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || listen(receiver->listener_, 128) != 0 ||
      getsockname(receiver->listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0) {
    return Transient(std::string("the webhook receiver cannot listen on 127.0.0.1: ") + std::strerror(errno));
  }
  receiver->port_ = ntohs(a.sin_port);
  receiver->thread_ = std::thread([r = receiver.get()] { r->Run(); });
  return receiver;
}

Receiver::~Receiver() {
  stop_ = true;
  if (thread_.joinable()) {
    eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const Connection& c : connections_) close(c.fd);
  if (listener_ >= 0) close(listener_);
  if (wake_ >= 0) close(wake_);
}

void Receiver::Run() {
  std::vector<pollfd> fds;
  while (!stop_) {
    fds.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    for (const Connection& c : connections_) fds.push_back({c.fd, POLLIN, 0});
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (fds[i + 2].revents != 0) Read(connections_[i]);
    }
    std::erase_if(connections_, [](const Connection& c) {
      if (c.dead) close(c.fd);
      return c.dead;
    });
    if (fds[1].revents != 0) Accept();
  }
}

void Receiver::Accept() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections_.push_back({fd, {}});
  }
}

void Receiver::Read(Connection& c) {
  char buffer[65536];
  const ssize_t n = recv(c.fd, buffer, sizeof(buffer), 0);
  if (n <= 0) {
    c.dead = n == 0 || (errno != EAGAIN && errno != EINTR);
    return;
  }
  c.in.append(buffer, static_cast<std::size_t>(n));
  while (TakeRequest(c)) {
  }
  if (c.in.size() > kRequestMax) c.dead = true;
}

// Handles the first whole request of what was read. False if there is none.
bool Receiver::TakeRequest(Connection& c) {
  const std::size_t head = c.in.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const std::size_t size = head + 4 + ContentLength(std::string_view(c.in).substr(0, head));
  if (c.in.size() < size) return false;
  handler_(std::string_view(c.in).substr(head + 4, size - head - 4), SystemClock().NowUs());
  c.in.erase(0, size);
  if (send(c.fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kAnswer.size())) c.dead = true;
  return true;
}

}  // namespace headgate::demo
