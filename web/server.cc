#include "web/server.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>
#include <set>
#include <thread>

#include "core/base/diag.h"
#include "core/base/encoding.h"
#include "core/catalog/control.h"
#include "web/api.h"
#include "web/cors.h"
#include "web/host_guard.h"
#include "web/lane.h"
#include "web/session.h"

namespace headgate::web {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAttend{500};       // the service does what it has to do on this thread
constexpr std::chrono::milliseconds kObserve{5'000};    // the health book looks at every connector
constexpr std::chrono::milliseconds kAcceptPause{100};  // after a failed accept (no descriptors left)
constexpr std::size_t kRefusedMax = 32;                 // connections too many that still get a word

// "Look again" for event streams, from any thread. Outlives the server as long as a subscription may still call it.
struct Bell {
  std::shared_ptr<asio::io_context> io;
  std::function<void()> ring;  // on the API thread
  std::atomic<bool> pending = false;
};

std::vector<Route> LoggerRoutes() {
  std::vector<Route> routes;
  AddLoggerRoutes(routes);
  return routes;
}

std::vector<Route> RoutesOf(const ServerOptions& options) {
  std::vector<Route> routes = AllRoutes();
  if (!options.loggers)
    std::erase_if(routes, [](const Route& route) { return route.pattern.starts_with("/admin/loggers"); });
  return routes;
}

std::string HostText(const asio::ip::address& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

}  // namespace

class Server::Impl final : public Session::Host {
 public:
  Impl(ServerOptions options, Control& control)
      : options_(std::move(options)),
        control_(control),
        router_(RoutesOf(options_)),
        api_{control, options_, {}, HealthBook(), Idempotency(), {}, {}} {
    std::random_device random;
    id_prefix_ = Hex16((static_cast<std::uint64_t>(random()) << 32) | random()).substr(0, 10);
  }
  ~Impl() override { Stop(); }

  void Use(int fd, bool v6, const std::string& address);
  void UseForLoggers(int fd, bool v6);
  void Run();
  void Stop();

  const Limits& limits() const override { return options_.limits; }
  Response Answer(Request& request) override { return Dispatch(api_, router_, request); }
  void Answered(const Request& request, Response& response) override;
  bool Run(Later later, std::function<void(Response)> done) override;
  bool TakeStream() override;
  void GiveStreamBack() override;
  std::string NewRequestId() override { return id_prefix_ + "-" + std::to_string(++last_id_); }
  void Ended(Session* session) override;

 private:
  // What is asked at the listener of /admin/loggers: the rest is the same.
  class LoggersHost final : public Session::Host {
   public:
    explicit LoggersHost(Impl& impl) : impl_(impl) {}
    const Limits& limits() const override { return impl_.limits(); }
    Response Answer(Request& request) override { return Dispatch(impl_.api_, router_, request); }
    void Answered(const Request& request, Response& response) override { impl_.Answered(request, response); }
    bool Run(Later later, std::function<void(Response)> done) override {
      return impl_.Run(std::move(later), std::move(done));
    }
    bool TakeStream() override { return impl_.TakeStream(); }
    void GiveStreamBack() override { impl_.GiveStreamBack(); }
    std::string NewRequestId() override { return impl_.NewRequestId(); }
    void Ended(Session* session) override { impl_.Ended(session); }

   private:
    Impl& impl_;
    const Router router_{LoggerRoutes()};
  };
  struct Door {
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    Session::Host& host;
  };

  void Accept(Door& door);
  void OnAccepted(tcp::socket socket, Session::Host& host);
  void Observe();
  void Attend();
  void Subscribe();
  void FinishAll();

  const ServerOptions options_;
  Control& control_;
  const Router router_;
  Api api_;
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  Door door_{tcp::acceptor(*io_), asio::steady_timer(*io_), *this};
  LoggersHost loggers_host_{*this};
  Door loggers_door_{tcp::acceptor(*io_), asio::steady_timer(*io_), loggers_host_};
  asio::steady_timer observe_timer_{*io_};
  asio::steady_timer attend_timer_{*io_};
  std::map<Session*, std::shared_ptr<Session>> sessions_;
  std::set<Session*> refused_;
  std::size_t streams_ = 0;
  std::vector<std::shared_ptr<void>> subscriptions_;  // while there are streams
  bool finishing_ = false;
  std::string id_prefix_;
  std::uint64_t last_id_ = 0;
  // By Lane. A live check waits for somebody else's server, up to 10 s each (KC18); reading records is our own work.
  // Large bodies of events are read beside both.
  std::array<LaneThreads, 3> lanes_{LaneThreads(8), LaneThreads(1), LaneThreads(1)};
  std::thread thread_;
};

Result<Listener> Listener::Bind(const ServerOptions& options, std::string_view setting) {
  HG_RETURN_IF_ERROR(CheckBind(options.address, options.allow_insecure));
  Error error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return ConfigError("The admin API cannot listen on '" + options.address + "': that is not an IP address.");
  const tcp::endpoint endpoint(address, options.port);
  const std::string text = HostText(address) + ":" + std::to_string(options.port);
  asio::io_context io;
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return ConfigError("The admin API cannot listen on " + text +
                       ": another process uses that port (ss -ltnp shows which). Set " + std::string(setting) +
                       " to a free one; port 0 takes any.");
  }
  if (error)
    return ConfigError("The admin API cannot listen on " + text + ": " + error.message() + ". Change " +
                       std::string(setting) + ".");
  const std::uint16_t port = acceptor.local_endpoint(error).port();
  const int fd = acceptor.release(error);
  if (error) return ConfigError("The admin API cannot listen on " + text + ": " + error.message());
  return Listener(fd, address.is_v6(), HostText(address) + ":" + std::to_string(port));
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), v6_(other.v6_), address_(std::move(other.address_)) {}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}

void Server::Impl::Use(int fd, bool v6, const std::string& address) {
  door_.acceptor.assign(v6 ? tcp::v6() : tcp::v4(), fd);  // throws only for a descriptor that is none
  api_.worker_id = address;
}

void Server::Impl::UseForLoggers(int fd, bool v6) { loggers_door_.acceptor.assign(v6 ? tcp::v6() : tcp::v4(), fd); }

void Server::Impl::Run() {
  Observe();
  Attend();
  Accept(door_);
  if (loggers_door_.acceptor.is_open()) Accept(loggers_door_);
  thread_ = std::thread([this] { io_->run(); });
}

void Server::Impl::Accept(Door& door) {
  door.acceptor.async_accept([this, &door](const Error& error, tcp::socket socket) {
    if (finishing_) return;
    if (!error) {
      OnAccepted(std::move(socket), door.host);
      return Accept(door);
    }
    door.pause.expires_after(kAcceptPause);
    door.pause.async_wait([this, &door](const Error& stopped) {
      if (!stopped && !finishing_) Accept(door);
    });
  });
}

void Server::Impl::OnAccepted(tcp::socket socket, Session::Host& host) {
  const bool full = sessions_.size() - refused_.size() >= options_.limits.connections_max;
  if (full && refused_.size() >= kRefusedMax) return;  // closes it
  auto session = full ? Session::Refuse(std::move(socket), host) : Session::Start(std::move(socket), host);
  if (full) refused_.insert(session.get());
  sessions_.emplace(session.get(), std::move(session));
}

void Server::Impl::Ended(Session* session) {
  refused_.erase(session);
  // Not inside one of its own calls.
  asio::post(*io_, [this, session] {
    sessions_.erase(session);
    if (finishing_ && sessions_.empty()) io_->stop();
  });
}

void Server::Impl::Answered(const Request& request, Response& response) {
  AddCors(options_, request, response);
  const int status = response.status;
  ++api_.requests[{request.route, status}];
  if (status >= 500 && status != 503) {
    diag::Warn("web", "answered with an error",
               {{"request_id", request.id}, {"route", request.route}, {"status", status}});
  } else if (diag::Enabled(diag::Level::kDebug, "web")) {
    diag::Debug("web", "answered",
                {{"request_id", request.id},
                 {"peer", request.peer},
                 {"method", request.method},
                 {"route", request.route},
                 {"status", status}});
  }
}

bool Server::Impl::Run(Later later, std::function<void(Response)> answer) {
  auto io = io_;
  const auto done = [answer = std::move(answer)](Response response) {
    if (response.then) response = response.then();
    answer(std::move(response));
  };
  const auto lane = static_cast<std::size_t>(later.lane);
  if (later.start) {
    auto finish = [io, done](Response made) {
      auto response = std::make_shared<Response>(std::move(made));
      asio::post(*io, [response, done] { done(std::move(*response)); });
    };
    if (later.lane == Lane::kHere) return later.start(std::move(finish)), true;
    return lanes_[lane].Add(
        [start = std::move(later.start), finish = std::move(finish)](std::stop_token) { start(finish); });
  }
  return lanes_[lane].Add([io, work = std::move(later.work), done](std::stop_token stop) {
    auto response = std::make_shared<Response>(work(stop));
    asio::post(*io, [response, done] { done(std::move(*response)); });
  });
}

bool Server::Impl::TakeStream() {
  if (streams_ >= options_.limits.streams_max) return false;
  if (++streams_ == 1) Subscribe();
  return true;
}

void Server::Impl::GiveStreamBack() {
  if (--streams_ == 0) subscriptions_.clear();
}

void Server::Impl::Subscribe() {
  auto bell = std::make_shared<Bell>();
  bell->io = io_;
  bell->ring = [this] {
    std::vector<std::shared_ptr<Session>> listeners;
    for (const auto& [raw, session] : sessions_) {
      if (session->streaming()) listeners.push_back(session);
    }
    for (const auto& session : listeners) session->Wake();
  };
  // Many events before the API thread gets to it count as one.
  const auto wake = [bell] {
    if (bell->pending.exchange(true)) return;
    asio::post(*bell->io, [bell] {
      bell->pending = false;
      bell->ring();
    });
  };
  subscriptions_ = {control_.log().Subscribe(wake), control_.Subscribe(wake)};
}

void Server::Impl::Observe() {
  api_.health.Observe(control_);
  observe_timer_.expires_after(kObserve);
  observe_timer_.async_wait([this](const Error& error) {
    if (!error && !finishing_) Observe();
  });
}

void Server::Impl::Attend() {
  control_.Attend();
  api_.pulse.Beat(control_);
  attend_timer_.expires_after(kAttend);
  attend_timer_.async_wait([this](const Error& error) {
    if (!error && !finishing_) Attend();
  });
}

void Server::Impl::FinishAll() {
  finishing_ = true;
  Error ignored;
  for (Door* door : {&door_, &loggers_door_}) {
    door->acceptor.close(ignored);
    door->pause.cancel();
  }
  attend_timer_.cancel();
  if (sessions_.empty()) return io_->stop();
  const auto all = sessions_;
  for (const auto& [raw, session] : all) session->Finish();
  observe_timer_.expires_after(options_.limits.stop_grace);
  observe_timer_.async_wait([this](const Error& error) {
    if (error) return;
    const auto left = sessions_;
    for (const auto& [raw, session] : left) session->Abort();
    io_->stop();
  });
}

void Server::Impl::Stop() {
  if (!thread_.joinable()) return;
  for (LaneThreads& lane : lanes_) lane.RequestStop();
  asio::post(*io_, [this] { FinishAll(); });
  thread_.join();
  for (LaneThreads& lane : lanes_) lane.Join();
  subscriptions_.clear();
  sessions_.clear();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
void Server::Stop() { impl_->Stop(); }

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Listener listener, Control& control,
                                              std::optional<Listener> admin) {
  auto impl = std::make_unique<Impl>(std::move(options), control);
  impl->Use(std::exchange(listener.fd_, -1), listener.v6_, listener.address());
  if (admin) impl->UseForLoggers(std::exchange(admin->fd_, -1), admin->v6_);
  impl->Run();
  std::unique_ptr<Server> server(new Server(std::move(impl)));
  server->address_ = std::move(listener.address_);
  return server;
}

}  // namespace headgate::web
