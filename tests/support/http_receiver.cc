#include "tests/support/http_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/net/transport.h"

namespace headgate::testing_support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Io = net::Transport::Io;

constexpr std::size_t kRequestBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kEndlessStep = 64 * 1024;

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

const char* Reason(int status) { return status < 300 ? "OK" : status < 400 ? "Elsewhere" : "Not now"; }

std::string Render(const HttpReceiver::Reply& reply) {
  if (reply.kind == HttpReceiver::Reply::Kind::kRaw) return reply.body;
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " " + Reason(reply.status) + "\r\n";
  bool framed = reply.endless || reply.status == 204;
  for (const auto& [name, value] : reply.headers) {
    text += name + ": " + value + "\r\n";
    framed |= SameName(name, "Content-Length") || SameName(name, "Transfer-Encoding");
  }
  if (!framed) text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  return text + "\r\n" + reply.body;
}

}  // namespace

struct HttpReceiver::SslContext {
  SSL_CTX* context;
  ~SslContext() { SSL_CTX_free(context); }
};

struct HttpReceiver::Connection {
  int fd;
  int number;
  net::Transport transport;
  bool handshaken = false;
  int requests = 0;
  std::string in;
  std::string out;
  std::optional<Reply> reply;                                       // being given
  steady_clock::time_point next = steady_clock::time_point::max();  // when it starts or goes on
  bool watching_write = false;

  Connection(int descriptor, int n) : fd(descriptor), number(n), transport(descriptor), handshaken(true) {}
  Connection(int descriptor, int n, net::SslPtr ssl)
      : fd(descriptor), number(n), transport(descriptor, std::move(ssl)) {}
};

std::optional<std::string> HttpReceiver::Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (SameName(key, name)) return value;
  }
  return std::nullopt;
}

HttpReceiver::Reply HttpReceiver::Reply::Status(int status, std::vector<std::pair<std::string, std::string>> headers,
                                                std::string body) {
  Reply reply;
  reply.status = status;
  reply.headers = std::move(headers);
  reply.body = std::move(body);
  return reply;
}
HttpReceiver::Reply HttpReceiver::Reply::Raw(std::string bytes) {
  Reply reply;
  reply.kind = Kind::kRaw;
  reply.body = std::move(bytes);
  return reply;
}
HttpReceiver::Reply HttpReceiver::Reply::Never() {
  Reply reply;
  reply.kind = Kind::kNever;
  return reply;
}
HttpReceiver::Reply HttpReceiver::Reply::Close() {
  Reply reply;
  reply.kind = Kind::kClose;
  return reply;
}

HttpReceiver::HttpReceiver() : HttpReceiver(Options()) {}

HttpReceiver::HttpReceiver(Options options, Handler handler) : options_(std::move(options)) {
  SetHandler(std::move(handler));
  if (options_.tls) {
    ssl_context_.reset(new SslContext{SSL_CTX_new(TLS_server_method())});
    SSL_CTX* context = ssl_context_->context;
    CHECK(SSL_CTX_use_certificate_chain_file(context, options_.tls->cert_file.c_str()) == 1);
    CHECK(SSL_CTX_use_PrivateKey_file(context, options_.tls->key_file.c_str(), SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!options_.client_ca_file.empty()) {
      CHECK(SSL_CTX_load_verify_file(context, options_.client_ca_file.c_str()) == 1);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(listen_fd_ >= 0);
  const int on = 1;
  setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listen_fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(listen(listen_fd_, 512) == 0);
  socklen_t size = sizeof address;
  CHECK(getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  CHECK(epoll_fd_ >= 0 && wake_fd_ >= 0);
  for (const int fd : {listen_fd_, wake_fd_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
  }
  thread_ = std::thread([this] { Loop(); });
}

HttpReceiver::~HttpReceiver() {
  stopping_ = true;
  eventfd_write(wake_fd_, 1);
  thread_.join();
  while (!connections_.empty()) Remove(connections_.begin()->first);
  for (const int fd : {listen_fd_, epoll_fd_, wake_fd_}) close(fd);
}

std::string HttpReceiver::url(std::string_view path) const {
  return (options_.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + std::string(path);
}

void HttpReceiver::SetHandler(Handler handler) {
  if (!handler) handler = [](const Request&) { return Reply(); };
  auto shared = std::make_shared<const Handler>(std::move(handler));
  std::lock_guard lock(mutex_);
  handler_ = std::move(shared);
}

std::vector<HttpReceiver::Request> HttpReceiver::Requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

bool HttpReceiver::WaitForRequests(std::uint64_t count, milliseconds at_most) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [&] { return request_count_ >= count; });
}

void HttpReceiver::CloseConnections(std::string_view last_words) {
  std::unique_lock lock(mutex_);
  last_words_ = last_words;
  const std::uint64_t wanted = ++close_wanted_;
  eventfd_write(wake_fd_, 1);
  changed_.wait(lock, [&] { return close_done_ >= wanted; });
}

void HttpReceiver::Loop() {
  std::vector<epoll_event> events(256);
  while (!stopping_) {
    const int n = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), WaitMs());
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listen_fd_) {
        Accept();
      } else if (event.data.fd == wake_fd_) {
        eventfd_t ignored = 0;
        eventfd_read(wake_fd_, &ignored);
      } else if (const auto it = connections_.find(event.data.fd); it != connections_.end()) {
        OnEvent(*it->second);
      }
    }
    Tick();
    std::unique_lock lock(mutex_);
    if (close_done_ != close_wanted_) {
      for (const auto& [fd, connection] : connections_) {
        if (!last_words_.empty()) static_cast<void>(connection->transport.Write(last_words_));
      }
      while (!connections_.empty()) Remove(connections_.begin()->first);
      close_done_ = close_wanted_;
      changed_.notify_all();
    }
  }
}

void HttpReceiver::Accept() {
  while (true) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int number = connection_count_++;
    if (ssl_context_ == nullptr) {
      connections_[fd] = std::make_unique<Connection>(fd, number);
    } else {
      net::SslPtr ssl(SSL_new(ssl_context_->context));
      SSL_set_accept_state(ssl.get());
      connections_[fd] = std::make_unique<Connection>(fd, number, std::move(ssl));
    }
    if (options_.silent) continue;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
  }
}

void HttpReceiver::OnEvent(Connection& connection) {
  const int fd = connection.fd;
  if (!connection.handshaken) {
    const Io io = connection.transport.Handshake().io;
    if (io == Io::kWantRead || io == Io::kWantWrite) return Watch(connection, io == Io::kWantWrite);
    if (io != Io::kDone) return Remove(fd);
    connection.handshaken = true;
    Watch(connection, false);
  }
  if (!Read(connection) || !Write(connection)) Remove(fd);
}

bool HttpReceiver::Read(Connection& connection) {
  thread_local std::vector<char> buffer(64 * 1024);
  while (true) {
    const auto step = connection.transport.Read(buffer);
    if (step.io == Io::kWantRead || step.io == Io::kWantWrite) break;
    if (step.io != Io::kDone || connection.in.size() > kRequestBytesMax) return false;
    connection.in.append(buffer.data(), step.bytes);
    if (step.bytes < buffer.size() && !connection.transport.tls()) break;
  }
  TakeRequests(connection);
  return true;
}

// One at a time: the next request is looked at when the answer to the one before is written.
void HttpReceiver::TakeRequests(Connection& connection) {
  while (!connection.reply && TakeRequest(connection)) {
  }
}

bool HttpReceiver::TakeRequest(Connection& connection) {
  const std::string_view in = connection.in;
  const std::size_t head_end = in.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return false;
  Request request;
  std::size_t length = 0;
  std::string_view head = in.substr(0, head_end + 2);
  std::string_view line = head.substr(0, head.find("\r\n"));
  request.method = line.substr(0, line.find(' '));
  request.target = line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
  head.remove_prefix(line.size() + 2);
  while (!head.empty()) {
    line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const std::size_t colon = std::min(line.find(": "), line.size());
    const std::string_view value = line.substr(std::min(colon + 2, line.size()));
    if (SameName(line.substr(0, colon), "Content-Length")) length = std::stoul(std::string(value));
    if (options_.record) request.headers.emplace_back(line.substr(0, colon), value);
  }
  const std::size_t size = head_end + 4 + length;
  if (in.size() < size) return false;
  request.body = in.substr(head_end + 4, length);
  connection.in.erase(0, size);
  request.connection = connection.number;
  request.index = connection.requests++;
  request.arrived = steady_clock::now();
  std::shared_ptr<const Handler> handler;
  {
    std::lock_guard lock(mutex_);
    handler = handler_;
    ++request_count_;
    if (options_.record) requests_.push_back(request);
  }
  changed_.notify_all();
  Answer(connection, (*handler)(request));
  return true;
}

void HttpReceiver::Answer(Connection& connection, Reply reply) {
  using Kind = Reply::Kind;
  connection.out = reply.kind == Kind::kAnswer || reply.kind == Kind::kRaw ? Render(reply) : "";
  connection.reply = std::move(reply);
  connection.next = steady_clock::time_point::min();
  if (connection.reply->kind == Kind::kNever) connection.next = steady_clock::time_point::max();
  if (connection.reply->delay.count() > 0) connection.next = steady_clock::now() + connection.reply->delay;
}

// Goes on with the answer that is due. False if the connection is to be removed.
bool HttpReceiver::Write(Connection& connection) {
  while (connection.reply && connection.next <= steady_clock::now()) {
    const bool trickles = connection.reply->trickle.count() > 0;
    while (!connection.out.empty()) {
      const auto step =
          connection.transport.Write(std::string_view(connection.out).substr(0, trickles ? 1 : std::string::npos));
      if (step.io == Io::kWantWrite || step.io == Io::kWantRead) {
        Watch(connection, true);
        return true;
      }
      if (step.io != Io::kDone) return false;
      connection.out.erase(0, step.bytes);
      if (!trickles) continue;
      connection.next = steady_clock::now() + connection.reply->trickle;
      break;
    }
    if (connection.out.empty() && connection.reply->endless) {
      while (connection.out.size() < (trickles ? 1 : kEndlessStep)) connection.out += connection.reply->body;
      CHECK(!connection.out.empty());
      continue;
    }
    if (!connection.out.empty()) continue;
    if (connection.reply->kind == Reply::Kind::kClose || connection.reply->close_after ||
        connection.reply->reset_after) {
      if (connection.reply->reset_after) {
        const linger hard{.l_onoff = 1, .l_linger = 0};
        setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      }
      return false;
    }
    connection.reply.reset();
    connection.next = steady_clock::time_point::max();
    if (connection.watching_write) Watch(connection, false);
    TakeRequests(connection);
  }
  return true;
}

void HttpReceiver::Tick() {
  const auto now = steady_clock::now();
  std::vector<int> gone;
  for (const auto& [fd, connection] : connections_) {
    if (connection->reply && connection->next <= now && !Write(*connection)) gone.push_back(fd);
  }
  for (const int fd : gone) Remove(fd);
}

int HttpReceiver::WaitMs() const {
  auto next = steady_clock::time_point::max();
  for (const auto& [fd, connection] : connections_) {
    if (connection->reply && !connection->watching_write) next = std::min(next, connection->next);
  }
  if (next == steady_clock::time_point::max()) return -1;
  const auto wait = std::chrono::ceil<milliseconds>(next - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 1000));
}

void HttpReceiver::Remove(int fd) {
  connections_.erase(fd);
  close(fd);
}

void HttpReceiver::Watch(const Connection& connection, bool writable) {
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  event.data.fd = connection.fd;
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd, &event) == 0);
  connections_.at(connection.fd)->watching_write = writable;
}

}  // namespace headgate::testing_support
