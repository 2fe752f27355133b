#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/net/http_client.h"
#include "core/net/response_parser.h"
#include "core/net/transport.h"

namespace headgate::net {

class Connection;

// What a connection needs from the client it belongs to.
class ConnectionOwner {
 public:
  virtual const EndpointOptions& options() const = 0;
  virtual void NeedAddresses(Connection& connection) = 0;  // answered by OnAddresses, also at once
  virtual Result<SslPtr> NewTls() = 0;
  virtual std::span<char> read_buffer() = 0;  // shared: a connection leaves nothing in it
  virtual void NoteDeadline(std::chrono::steady_clock::time_point deadline) = 0;
  virtual void OnFinished(Connection& connection, Done done, Outcome&& outcome) = 0;
  virtual void OnIdleDeath(Connection& connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

// One place for a connection; it is opened, reused and closed many times over. Only http_client.cc includes this.
//
//   kClosed --Start--> kResolving -> kConnecting -> kHandshaking (https) -> kExchanging -> kIdle --Start--> kExchanging
//                          any of them --failure--> kFailing --delivered--> kClosed
//
// Exactly one wait for readability is pending from the handshake on, so the end of an idle connection is seen at once
// and a request costs one send, one wait, one recv. All outcomes come from Run: answers from the read handler, failures
// posted.
class Connection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Connection(boost::asio::io_context& io, ConnectionOwner& owner);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool idle() const { return phase_ == Phase::kIdle; }
  void Start(std::string request, Done done);
  void OnAddresses(const Result<std::vector<IpAddress>>& addresses);
  bool resolving() const { return phase_ == Phase::kResolving; }
  Time deadline() const { return deadline_; }  // Time::max() if nothing is awaited
  void Expire(Time now);                       // call when the deadline has passed
  void Drop();                                 // back to kClosed; a pending request is forgotten

 private:
  enum class Phase : std::uint8_t { kClosed, kResolving, kConnecting, kHandshaking, kExchanging, kIdle, kFailing };

  void OpenFresh();
  void ConnectNext();
  void OnConnected(const boost::system::error_code& error);
  void StartTls();
  void Handshake();
  void StartExchange(bool reused);
  void WriteSome();
  void ReadSome();
  void CheckIdle();
  void Died(const std::string& why);
  void Answered(bool cut);
  void Fail(Failure::Kind kind, std::string why);
  void CloseSocket();
  void WaitReadable();
  void WaitWritable();
  void SetDeadline(Time deadline);
  std::string Where() const { return owner_.options().url.HostPort(); }

  ConnectionOwner& owner_;
  boost::asio::io_context& io_;
  boost::asio::ip::tcp::socket socket_;
  std::optional<Transport> transport_;
  Phase phase_ = Phase::kClosed;
  std::uint32_t epoch_ = 0;  // grows with each close; handlers of an earlier epoch are stale
  bool wait_read_ = false;
  bool wait_write_ = false;
  Time deadline_ = Time::max();

  std::vector<IpAddress> addresses_;  // all passed the guard
  std::size_t next_address_ = 0;
  Time connect_deadline_{};
  std::string connect_error_;

  std::string request_;
  std::size_t sent_ = 0;
  bool write_broken_ = false;  // the reading side finds out what it means
  bool reused_ = false;
  Done done_;
  Time started_{};
  Time request_deadline_{};
  ResponseParser parser_;
};

}  // namespace headgate::net
