#include "tests/support/fault_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace headgate::test {

// Two sockets and what was read from one and not yet written to the other.
struct FaultProxy::Pair {
  int fd[2] = {-1, -1};  // 0: client, 1: server; direction d reads from fd[d] and writes to fd[1 - d]
  std::string pending[2];
  bool ended[2] = {false, false};  // fd[d] has sent its end
  bool passed_end[2] = {false, false};
  std::int64_t allowance[2] = {0, 0};  // bytes that Slow lets through at present
  std::chrono::steady_clock::time_point filled = std::chrono::steady_clock::now();
  bool dead = false;
};

namespace {

constexpr std::size_t kPendingMax = 256 * 1024;

sockaddr_in Address(const char* host, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, host, &a.sin_addr);
  return a;
}

void Prepare(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

// The other side gets a RST instead of an orderly end.
void CloseHard(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

}  // namespace

Result<std::unique_ptr<FaultProxy>> FaultProxy::Start(const std::string& host, int port) {
  std::unique_ptr<FaultProxy> proxy(new FaultProxy());
  proxy->host_ = host;
  proxy->target_port_ = port;
  proxy->listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  proxy->wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in a = Address("127.0.0.1", 0);
  socklen_t size = sizeof(a);
  if (bind(proxy->listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || listen(proxy->listener_, 128) != 0 ||
      getsockname(proxy->listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0) {
    return Transient(std::string("the proxy cannot listen: ") + std::strerror(errno));
  }
  proxy->port_ = ntohs(a.sin_port);
  proxy->thread_ = std::thread([p = proxy.get()] { p->Run(); });
  return proxy;
}

FaultProxy::~FaultProxy() {
  stop_ = true;
  if (thread_.joinable()) {
    eventfd_write(wake_, 1);
    thread_.join();
  }
  if (listener_ >= 0) close(listener_);
  if (wake_ >= 0) close(wake_);
}

template <class F>
void FaultProxy::Order(F change) {
  std::uint64_t turn = 0;
  {
    std::lock_guard lock(mutex_);
    change(orders_);
    turn = ++orders_.turn;
  }
  eventfd_write(wake_, 1);
  for (auto seen = taken_.load(); seen < turn; seen = taken_.load()) taken_.wait(seen);
}

void FaultProxy::Pass() {
  Order([](Orders& o) {
    o.mode = Mode::kPass;
    o.bytes_per_second = 0;
    o.reset_after[0] = o.reset_after[1] = -1;
    o.edit = nullptr;
  });
}
void FaultProxy::Stall() {
  Order([](Orders& o) { o.mode = Mode::kStall; });
}
void FaultProxy::Refuse() {
  Order([](Orders& o) {
    o.mode = Mode::kRefuse;
    o.cut = true;
  });
}
void FaultProxy::Slow(std::int64_t bytes_per_second) {
  Order([=](Orders& o) {
    o.mode = Mode::kPass;
    o.bytes_per_second = bytes_per_second;
  });
}
void FaultProxy::Cut() {
  Order([](Orders& o) { o.cut = true; });
}
void FaultProxy::ResetAfterToServer(std::int64_t bytes) {
  Order([=](Orders& o) { o.reset_after[0] = bytes; });
}
void FaultProxy::ResetAfterToClient(std::int64_t bytes) {
  Order([=](Orders& o) { o.reset_after[1] = bytes; });
}
void FaultProxy::EditToClient(Edit edit) {
  Order([&](Orders& o) { o.edit = std::move(edit); });
}

void FaultProxy::TakeOrders() {
  std::lock_guard lock(mutex_);
  if (orders_.turn == current_.turn) return;
  // A planned reset counts down in current_; orders_ keeps what was last asked for, which is withdrawn once taken.
  const std::int64_t planned[2] = {current_.reset_after[0], current_.reset_after[1]};
  const bool pass = orders_.mode == Mode::kPass && orders_.bytes_per_second == 0;
  Edit edit = std::exchange(orders_.edit, nullptr);
  if (!edit && !pass) edit = std::move(current_.edit);
  current_ = orders_;
  current_.edit = std::move(edit);
  for (int d = 0; d < 2; ++d) {
    if (current_.reset_after[d] < 0 && !pass) current_.reset_after[d] = planned[d];
    orders_.reset_after[d] = -1;
  }
  orders_.cut = false;
  if (current_.cut) {
    for (auto& pair : pairs_) Reset(*pair);
    std::erase_if(pairs_, [](const auto& pair) { return pair->dead; });
    open_ = static_cast<int>(pairs_.size());
  }
  taken_ = current_.turn;
  taken_.notify_all();
}

void FaultProxy::Accept() {
  while (true) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    ++accepted_;
    if (current_.mode == Mode::kRefuse) {
      CloseHard(client);
      continue;
    }
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in a = Address(host_.c_str(), target_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&a), sizeof(a)) != 0) {
      close(server);
      CloseHard(client);
      continue;
    }
    Prepare(client);
    Prepare(server);
    auto pair = std::make_unique<Pair>();
    pair->fd[0] = client;
    pair->fd[1] = server;
    pairs_.push_back(std::move(pair));
  }
}

void FaultProxy::Reset(Pair& pair) {
  if (pair.dead) return;
  CloseHard(pair.fd[0]);
  CloseHard(pair.fd[1]);
  pair.dead = true;
}

bool FaultProxy::Forward(Pair& pair, int d) {
  std::string& pending = pair.pending[d];
  if (!pair.ended[d] && pending.size() < kPendingMax) {
    char buffer[65536];
    const ssize_t n = recv(pair.fd[d], buffer, sizeof(buffer), 0);
    if (n > 0) pending.append(buffer, static_cast<std::size_t>(n));
    if (n == 0) pair.ended[d] = true;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (n > 0 && d == 1 && current_.edit && current_.edit(pending)) {
      current_.edit = nullptr;
      ++edits_;
    }
  }
  auto room = static_cast<std::int64_t>(pending.size());
  if (current_.bytes_per_second > 0) room = std::min(room, pair.allowance[d]);
  if (current_.reset_after[d] >= 0) room = std::min(room, current_.reset_after[d]);
  if (room > 0) {
    const ssize_t n = send(pair.fd[1 - d], pending.data(), static_cast<std::size_t>(room), MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    pending.erase(0, static_cast<std::size_t>(n));
    bytes_[d] += n;
    pair.allowance[d] -= n;
    if (current_.reset_after[d] >= 0) current_.reset_after[d] -= n;
  }
  if (current_.reset_after[d] == 0) {
    current_.reset_after[d] = -1;
    ++resets_;
    return false;
  }
  if (pair.ended[d] && pending.empty() && !pair.passed_end[d]) {
    shutdown(pair.fd[1 - d], SHUT_WR);
    pair.passed_end[d] = true;
  }
  return true;
}

int FaultProxy::Timeout() const { return current_.bytes_per_second > 0 ? 10 : -1; }

void FaultProxy::Run() {
  using Clock = std::chrono::steady_clock;
  std::vector<pollfd> fds;
  while (!stop_) {
    fds.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    const bool stalled = current_.mode == Mode::kStall;
    for (const auto& pair : pairs_) {
      for (int side = 0; side < 2; ++side) {
        const bool may_read = !stalled && !pair->ended[side] && pair->pending[side].size() < kPendingMax;
        const bool may_write = !stalled && current_.bytes_per_second == 0 && !pair->pending[1 - side].empty();
        // A negative descriptor is left out by poll; else a hang-up would wake us without end during a stall.
        const int fd = may_read || may_write ? pair->fd[side] : -1;
        fds.push_back({fd, static_cast<short>((may_read ? POLLIN : 0) | (may_write ? POLLOUT : 0)), 0});
      }
    }
    poll(fds.data(), fds.size(), Timeout());
    eventfd_t ignored;
    eventfd_read(wake_, &ignored);
    TakeOrders();
    Accept();
    for (auto& pair : pairs_) {
      if (current_.bytes_per_second > 0) {
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - pair->filled).count();
        const auto fill = static_cast<std::int64_t>(seconds * static_cast<double>(current_.bytes_per_second));
        if (fill > 0) {
          for (auto& allowance : pair->allowance) allowance = std::min(allowance + fill, current_.bytes_per_second);
          pair->filled = now;
        }
      }
      if (current_.mode == Mode::kStall) continue;
      if (!Forward(*pair, 0) || !Forward(*pair, 1)) {
        Reset(*pair);
      } else if (pair->passed_end[0] && pair->passed_end[1]) {
        close(pair->fd[0]);
        close(pair->fd[1]);
        pair->dead = true;
      }
    }
    std::erase_if(pairs_, [](const auto& pair) { return pair->dead; });
    open_ = static_cast<int>(pairs_.size());
  }
  for (auto& pair : pairs_) Reset(*pair);
}

}  // namespace headgate::test
