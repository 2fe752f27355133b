#include "core/net/http_client.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <system_error>
#include <thread>

#include "core/base/check.h"
#include "core/net/connection.h"

namespace headgate::net {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

// Handlers taken in one Run, so that a fast receiver cannot keep the caller from its other work.
constexpr int kHandlersPerRun = 256;

}  // namespace

std::string_view Name(Failure::Kind kind) {
  switch (kind) {
    case Failure::Kind::kResolve:
      return "resolve";
    case Failure::Kind::kRefusedByGuard:
      return "refused_by_guard";
    case Failure::Kind::kConnect:
      return "connect";
    case Failure::Kind::kTls:
      return "tls";
    case Failure::Kind::kTimeout:
      return "timeout";
    case Failure::Kind::kBroken:
      return "broken";
  }
  return "";
}

Result<std::vector<IpAddress>> SystemResolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    return Transient("the name " + host + " cannot be looked up: " + gai_strerror(error) +
                     ". Check the name and the name servers of this machine");
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* it = list; it != nullptr; it = it->ai_next) {
    if (const auto address = IpAddress::FromSockaddr(it->ai_addr)) addresses.push_back(*address);
  }
  freeaddrinfo(list);
  return addresses;
}

class HttpClient::Pool final : public ConnectionOwner {
 public:
  Pool(EndpointOptions options, std::unique_ptr<TlsContext> tls)
      : options_(std::move(options)),
        tls_(std::move(tls)),
        io_(std::make_shared<asio::io_context>(1)),
        work_(io_->get_executor()),
        self_(std::make_shared<Pool*>(this)) {
    for (std::size_t i = 0; i < options_.connections_max; ++i) {
      connections_.push_back(std::make_unique<Connection>(*io_, *this));
    }
    Close();
  }
  ~Pool() { Close(); }

  void Send(std::string request, Done done) {
    CHECK(can_send());
    // The connection used last first: few stay warm, the others may end.
    std::vector<Connection*>& from = idle_.empty() ? free_ : idle_;
    Connection* connection = from.back();
    from.pop_back();
    ++in_flight_;
    connection->Start(std::move(request), std::move(done));
  }
  bool can_send() const { return !idle_.empty() || !free_.empty(); }
  std::size_t in_flight() const { return in_flight_; }

  std::size_t Run(Time deadline) {
    finished_ = 0;
    while (true) {
      const Time now = steady_clock::now();
      if (now >= next_deadline_) ExpireDue(now);
      for (int n = 0; n < kHandlersPerRun && io_->poll_one() != 0; ++n) {
      }
      if (finished_ > 0 || woken_ || now >= deadline) break;
      io_->run_one_until(std::min(deadline, next_deadline_));
    }
    woken_ = false;
    return finished_;
  }

  void Wake() {
    if (wake_posted_.exchange(true)) return;
    asio::post(*io_, [this] {
      wake_posted_ = false;
      woken_ = true;
    });
  }

  void Close() {
    idle_.clear();
    free_.clear();
    waiting_.clear();
    in_flight_ = 0;
    next_deadline_ = Time::max();
    for (auto it = connections_.rbegin(); it != connections_.rend(); ++it) {
      (*it)->Drop();
      free_.push_back(it->get());
    }
  }

  const EndpointOptions& options() const override { return options_; }
  std::span<char> read_buffer() override { return buffer_; }
  void NoteDeadline(Time deadline) override { next_deadline_ = std::min(next_deadline_, deadline); }
  Result<SslPtr> NewTls() override { return tls_->NewConnection(options_.url); }

  void NeedAddresses(Connection& connection) override {
    if (options_.url.literal) return connection.OnAddresses(std::vector<IpAddress>{*options_.url.literal});
    waiting_.push_back(&connection);
    if (!looking_up_) StartLookUp();
  }

  void OnFinished(Connection& connection, Done done, Outcome&& outcome) override {
    --in_flight_;
    ++finished_;
    (connection.idle() ? idle_ : free_).push_back(&connection);
    done(std::move(outcome));
  }

  void OnIdleDeath(Connection& connection) override {
    std::erase(idle_, &connection);
    free_.push_back(&connection);
  }

 private:
  // A thread of its own, not the resolver of Asio: that one is joined at destruction, and a stop would wait for a name
  // server that does not answer. The thread keeps the io_context alive and finds out through the weak pointer that
  // nobody waits.
  void StartLookUp() {
    looking_up_ = true;
    try {
      std::thread([io = io_, self = std::weak_ptr<Pool*>(self_), resolve = options_.resolve, host = options_.url.host] {
        asio::post(*io, [self, addresses = resolve(host)] {
          if (const auto pool = self.lock()) (*pool)->OnLookUp(addresses);
        });
      }).detach();
    } catch (const std::system_error&) {
      OnLookUp(Transient("the name " + options_.url.host + " cannot be looked up: no thread can be started"));
    }
  }

  void OnLookUp(const Result<std::vector<IpAddress>>& addresses) {
    looking_up_ = false;
    const std::vector<Connection*> waiting = std::move(waiting_);
    waiting_.clear();
    for (Connection* connection : waiting) {
      if (connection->resolving()) connection->OnAddresses(addresses);
    }
  }

  void ExpireDue(Time now) {
    next_deadline_ = Time::max();
    for (const auto& connection : connections_) {
      if (connection->deadline() <= now) connection->Expire(now);
      next_deadline_ = std::min(next_deadline_, connection->deadline());
    }
  }

  const EndpointOptions options_;
  const std::unique_ptr<TlsContext> tls_;  // null for http
  const std::shared_ptr<asio::io_context> io_;
  const asio::executor_work_guard<asio::io_context::executor_type> work_;
  const std::shared_ptr<Pool*> self_;
  std::array<char, 16 * 1024> buffer_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;     // connected, the one used last at the end
  std::vector<Connection*> free_;     // not connected
  std::vector<Connection*> waiting_;  // for the look-up; some may have given up
  bool looking_up_ = false;
  Time next_deadline_ = Time::max();  // not later than that of any connection
  std::size_t in_flight_ = 0;
  std::size_t finished_ = 0;
  bool woken_ = false;
  std::atomic<bool> wake_posted_ = false;
};

Result<std::unique_ptr<HttpClient>> HttpClient::Open(EndpointOptions options) {
  CHECK(options.connections_max > 0);
  HG_RETURN_IF_ERROR(options.guard.CheckUrl(options.url));
  std::unique_ptr<TlsContext> tls;
  if (options.url.tls) {
    HG_ASSIGN_OR_RETURN(tls, TlsContext::Load(options.tls));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<Pool>(std::move(options), std::move(tls))));
}

HttpClient::HttpClient(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}
HttpClient::~HttpClient() = default;
void HttpClient::Send(std::string request, Done done) { pool_->Send(std::move(request), std::move(done)); }
bool HttpClient::can_send() const { return pool_->can_send(); }
std::size_t HttpClient::in_flight() const { return pool_->in_flight(); }
std::size_t HttpClient::Run(Time deadline) { return pool_->Run(deadline); }
void HttpClient::Wake() { pool_->Wake(); }
void HttpClient::Close() { pool_->Close(); }

}  // namespace headgate::net
