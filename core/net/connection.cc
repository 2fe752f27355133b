#include "core/net/connection.h"

#include <boost/asio/post.hpp>

#include "core/base/check.h"

namespace headgate::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

tcp::endpoint ToEndpoint(const IpAddress& address, std::uint16_t port) {
  if (address.is_v4) return {asio::ip::address_v4(address.v4()), port};
  asio::ip::address_v6::bytes_type bytes;
  std::copy(address.bytes.begin(), address.bytes.end(), bytes.begin());
  return {asio::ip::address_v6(bytes), port};
}

std::string Ms(int ms) { return std::to_string(ms) + " ms"; }

}  // namespace

Connection::Connection(asio::io_context& io, ConnectionOwner& owner)
    : owner_(owner),
      io_(io),
      socket_(io),
      parser_({.body_bytes_max = owner.options().body_bytes_max, .body_bytes_kept = owner.options().body_bytes_kept}) {}

void Connection::Start(std::string request, Done done) {
  CHECK(phase_ == Phase::kClosed || phase_ == Phase::kIdle);
  request_ = std::move(request);
  done_ = std::move(done);
  started_ = steady_clock::now();
  request_deadline_ = started_ + milliseconds(owner_.options().timeout_ms);
  if (phase_ != Phase::kIdle) return OpenFresh();
  // Some servers answer 408 into an idle connection before they close it; that must not become the answer to this
  // request.
  if (transport_->Read(owner_.read_buffer()).io == Transport::Io::kWantRead) return StartExchange(true);
  CloseSocket();
  OpenFresh();
}

void Connection::OpenFresh() {
  connect_deadline_ =
      std::min(steady_clock::now() + milliseconds(owner_.options().connect_timeout_ms), request_deadline_);
  phase_ = Phase::kResolving;
  SetDeadline(connect_deadline_);
  owner_.NeedAddresses(*this);
}

void Connection::OnAddresses(const Result<std::vector<IpAddress>>& addresses) {
  const EndpointOptions& options = owner_.options();
  if (!addresses.ok()) return Fail(Failure::Kind::kResolve, addresses.error().what);
  if (addresses->empty()) return Fail(Failure::Kind::kResolve, "the name " + options.url.host + " has no address");
  // One forbidden address refuses the name: else an attacker's second record decides what we reach.
  for (const IpAddress& address : *addresses) {
    if (const Status status = options.guard.CheckAddress(address, options.url.port); !status.ok()) {
      const std::string host = options.url.literal ? "" : " (an address of " + options.url.host + ")";
      return Fail(Failure::Kind::kRefusedByGuard, status.error().what + host);
    }
  }
  addresses_ = *addresses;
  next_address_ = 0;
  connect_error_.clear();
  ConnectNext();
}

// Addresses are tried in turn; each gets an equal share of the time that is left.
void Connection::ConnectNext() {
  while (next_address_ < addresses_.size()) {
    CloseSocket();
    const auto now = steady_clock::now();
    const auto shares = static_cast<int>(addresses_.size() - next_address_);
    const tcp::endpoint endpoint = ToEndpoint(addresses_[next_address_++], owner_.options().url.port);
    boost::system::error_code error;
    socket_.open(endpoint.protocol(), error);
    if (!error) socket_.non_blocking(true, error);
    if (!error) socket_.set_option(tcp::no_delay(true), error);
    if (error) {
      connect_error_ = error.message();
      continue;
    }
    phase_ = Phase::kConnecting;
    SetDeadline(now + std::max(connect_deadline_ - now, steady_clock::duration(0)) / shares);
    socket_.async_connect(endpoint, [this, epoch = epoch_](const boost::system::error_code& result) {
      if (epoch == epoch_) OnConnected(result);
    });
    return;
  }
  Fail(Failure::Kind::kConnect, "cannot connect to " + Where() + ": " + connect_error_ +
                                    ". Check that the receiver listens there and that no firewall is between");
}

void Connection::OnConnected(const boost::system::error_code& error) {
  if (error) {
    connect_error_ = error.message();
    return ConnectNext();
  }
  if (owner_.options().url.tls) return StartTls();
  transport_.emplace(socket_.native_handle());
  StartExchange(false);
}

void Connection::StartTls() {
  auto ssl = owner_.NewTls();
  if (!ssl.ok()) return Fail(Failure::Kind::kTls, ssl.error().what);
  transport_.emplace(socket_.native_handle(), std::move(ssl).value());
  phase_ = Phase::kHandshaking;
  SetDeadline(std::min(steady_clock::now() + milliseconds(owner_.options().tls_timeout_ms), request_deadline_));
  Handshake();
}

void Connection::Handshake() {
  switch (transport_->Handshake().io) {
    case Transport::Io::kDone:
      return StartExchange(false);
    case Transport::Io::kWantRead:
      return WaitReadable();
    case Transport::Io::kWantWrite:
      return WaitWritable();
    case Transport::Io::kClosed:
      return Fail(Failure::Kind::kTls,
                  "TLS with " + Where() +
                      " failed: the other side closed the connection. Check that it speaks TLS on this port");
    case Transport::Io::kFailed:
      return Fail(Failure::Kind::kTls, "TLS with " + Where() + " failed: " + transport_->error() +
                                           ". Check the certificate and name of the receiver, and tls_ca_file");
  }
}

void Connection::StartExchange(bool reused) {
  phase_ = Phase::kExchanging;
  reused_ = reused;
  sent_ = 0;
  write_broken_ = false;
  parser_.Reset();
  SetDeadline(request_deadline_);
  WaitReadable();
  WriteSome();
}

void Connection::WriteSome() {
  while (sent_ < request_.size() && !write_broken_) {
    const Transport::Step step = transport_->Write(std::string_view(request_).substr(sent_));
    switch (step.io) {
      case Transport::Io::kDone:
        sent_ += step.bytes;
        break;
      case Transport::Io::kWantWrite:
        return WaitWritable();
      case Transport::Io::kWantRead:
        return;  // ReadSome comes back here
      case Transport::Io::kClosed:
      case Transport::Io::kFailed:
        // An answer may lie in the socket (413 before the whole body was taken), and the socket is readable in any
        // case.
        write_broken_ = true;
        break;
    }
  }
}

void Connection::ReadSome() {
  const std::span<char> buffer = owner_.read_buffer();
  while (true) {
    const Transport::Step step = transport_->Read(buffer);
    switch (step.io) {
      case Transport::Io::kDone:
        switch (parser_.Feed({buffer.data(), step.bytes})) {
          case ResponseParser::State::kNeedMore:
            break;
          case ResponseParser::State::kDone:
            return Answered(false);
          case ResponseParser::State::kCut:
            return Answered(true);
          case ResponseParser::State::kBroken:
            return Fail(Failure::Kind::kBroken, "the answer of " + Where() + " is broken: " + parser_.error());
        }
        // A short read has emptied the socket; TLS may hold more in its own buffer.
        if (step.bytes < buffer.size() && !transport_->tls()) return WaitReadable();
        break;
      case Transport::Io::kWantRead:
        WaitReadable();
        return WriteSome();
      case Transport::Io::kWantWrite:
        return WaitWritable();
      case Transport::Io::kClosed:
        if (parser_.FinishAtEnd() == ResponseParser::State::kDone) return Answered(false);
        return Died(parser_.error());
      case Transport::Io::kFailed:
        return Died(transport_->error());
    }
  }
}

// Readable while idle: the peer closed, sends what nobody asked for, or (TLS) a session ticket.
void Connection::CheckIdle() {
  if (transport_->Read(owner_.read_buffer()).io == Transport::Io::kWantRead) return WaitReadable();
  CloseSocket();
  phase_ = Phase::kClosed;
  owner_.OnIdleDeath(*this);
}

void Connection::Died(const std::string& why) {
  if (reused_ && !parser_.started()) {
    CloseSocket();
    return OpenFresh();
  }
  Fail(Failure::Kind::kBroken, "the answer of " + Where() + " is broken: " + why);
}

void Connection::Answered(bool cut) {
  Response response;
  response.status = parser_.status();
  const bool keep = parser_.keep_alive() && sent_ == request_.size();
  response.header_lines = parser_.TakeHeaderLines();
  response.body = parser_.TakeBody();
  response.body_cut = cut;
  response.connection_reused = reused_;
  response.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - started_);
  if (const auto value = FindHeader(response.header_lines, "Retry-After")) {
    response.retry_after = ParseRetryAfter(*value, owner_.options().clock->NowUs() / 1'000'000);
  }
  if (keep) {
    phase_ = Phase::kIdle;
    deadline_ = Time::max();
    WaitReadable();
  } else {
    CloseSocket();
    phase_ = Phase::kClosed;
  }
  owner_.OnFinished(*this, std::move(done_), std::move(response));
}

void Connection::Fail(Failure::Kind kind, std::string why) {
  CloseSocket();
  phase_ = Phase::kFailing;
  asio::post(io_, [this, epoch = epoch_, failure = Failure{kind, std::move(why)}]() mutable {
    if (epoch != epoch_) return;
    phase_ = Phase::kClosed;
    owner_.OnFinished(*this, std::move(done_), std::move(failure));
  });
}

void Connection::Expire(Time now) {
  const EndpointOptions& options = owner_.options();
  if (now >= request_deadline_) {
    return Fail(Failure::Kind::kTimeout,
                "no complete answer from " + Where() + " within timeout_ms (" + Ms(options.timeout_ms) + ")");
  }
  switch (phase_) {
    case Phase::kResolving:
      return Fail(Failure::Kind::kResolve,
                  "the look-up of " + options.url.host + " took longer than connect_timeout_ms (" +
                      Ms(options.connect_timeout_ms) + "). Check the name servers of this machine");
    case Phase::kConnecting:
      connect_error_ = "no answer within connect_timeout_ms (" + Ms(options.connect_timeout_ms) + ")";
      return ConnectNext();
    case Phase::kHandshaking:
      return Fail(Failure::Kind::kTls, "TLS with " + Where() + " was not agreed within " + Ms(options.tls_timeout_ms));
    default:
      return;
  }
}

void Connection::Drop() {
  if (phase_ == Phase::kIdle) transport_->SayGoodbye();
  CloseSocket();
  phase_ = Phase::kClosed;
  done_ = nullptr;
}

void Connection::CloseSocket() {
  ++epoch_;
  wait_read_ = false;
  wait_write_ = false;
  deadline_ = Time::max();
  transport_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::WaitReadable() {
  if (wait_read_) return;
  wait_read_ = true;
  socket_.async_wait(tcp::socket::wait_read, [this, epoch = epoch_](const boost::system::error_code&) {
    if (epoch != epoch_) return;
    wait_read_ = false;
    switch (phase_) {
      case Phase::kHandshaking:
        return Handshake();
      case Phase::kExchanging:
        return ReadSome();
      case Phase::kIdle:
        return CheckIdle();
      default:
        return;
    }
  });
}

void Connection::WaitWritable() {
  if (wait_write_) return;
  wait_write_ = true;
  socket_.async_wait(tcp::socket::wait_write, [this, epoch = epoch_](const boost::system::error_code&) {
    if (epoch != epoch_) return;
    wait_write_ = false;
    if (phase_ == Phase::kHandshaking) return Handshake();
    if (phase_ != Phase::kExchanging) return;
    WriteSome();
    if (transport_->tls()) ReadSome();  // a read may have been the one that wanted to write
  });
}

void Connection::SetDeadline(Time deadline) {
  deadline_ = deadline;
  owner_.NoteDeadline(deadline);
}

}  // namespace headgate::net
