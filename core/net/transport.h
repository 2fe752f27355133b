#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/net/tls_context.h"

namespace headgate::net {

// Bytes over a connected, non-blocking socket, plain or under TLS. Never blocks, never raises SIGPIPE. Does not own the
// socket, which must outlive it. Belongs to one thread.
class Transport {
 public:
  enum class Io : std::uint8_t {
    kDone,
    kWantRead,   // again when the socket is readable
    kWantWrite,  // again when the socket is writable
    kClosed,     // the peer ended its side
    kFailed,     // error() says why; nothing more can be done here
  };
  struct Step {
    Io io;
    std::size_t bytes = 0;  // moved, for kDone
  };

  explicit Transport(int fd) : fd_(fd) {}
  Transport(int fd, SslPtr ssl);  // ssl is in connect or accept state
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  bool tls() const { return ssl_ != nullptr; }
  Step Handshake();  // only under TLS
  Step Read(std::span<char> buffer);
  Step Write(std::string_view bytes);  // not empty
  void SayGoodbye();                   // close_notify, as far as it goes without waiting
  const std::string& error() const { return error_; }

 private:
  friend struct SocketBio;

  Step Judge(int result);  // of an SSL_ call that did not succeed

  int fd_;
  bool at_end_ = false;  // the socket gave end of file
  int errno_ = 0;        // of the last failed socket call
  std::string error_;
  SslPtr ssl_;
};

}  // namespace headgate::net
