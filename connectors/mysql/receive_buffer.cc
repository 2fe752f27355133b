#include "connectors/mysql/receive_buffer.h"

#include <fcntl.h>
#include <mysql.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

using uchar = unsigned char;  // the two headers want it
#define HAVE_TLS 1            // so was the library built: the layout of what follows depends on it
#include <ma_pvio.h>

namespace headgate::mysql {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kBufferBytes = 256 * 1024;
constexpr std::size_t kRoomMin = 64 * 1024;  // or what is asked of the socket gets small
constexpr milliseconds kLook{100};           // between looks at the stop token

ssl_st* TlsOf(const st_mysql& client) {
  const MARIADB_PVIO* const pvio = client.net.pvio;
  return pvio != nullptr && pvio->ctls != nullptr ? static_cast<ssl_st*>(pvio->ctls->ssl) : nullptr;
}

}  // namespace

ReceiveBuffer::ReceiveBuffer(st_mysql& client, std::string place, milliseconds patience)
    : client_(client), place_(std::move(place)), patience_(patience) {
  const int socket = mysql_get_socket(&client);
  if (TlsOf(client) != nullptr) ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  // What the library has read ahead.
  MARIADB_PVIO* const pvio = client.net.pvio;
  if (pvio == nullptr || pvio->cache == nullptr || pvio->cache_pos >= pvio->cache + pvio->cache_size) return;
  const auto ahead = static_cast<std::size_t>(pvio->cache + pvio->cache_size - pvio->cache_pos);
  MakeRoom(ahead);
  std::memcpy(buffer_.get(), pvio->cache_pos, ahead);
  end_ = ahead;
  pvio->cache_pos = pvio->cache + pvio->cache_size;
}

bool ReceiveBuffer::InTls() const {
  ssl_st* const tls = TlsOf(client_);
  return tls != nullptr && SSL_pending(tls) > 0;
}

Result<bool> ReceiveBuffer::Poll(short events, Deadline deadline, const std::stop_token& stop) const {
  while (true) {
    if (stop.stop_requested()) return Stopped();
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    pollfd poll_fd{mysql_get_socket(&client_), events, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(std::clamp(left, milliseconds(0), kLook).count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Transient("waiting for " + place_ + " failed");
    if (left <= milliseconds(0)) return false;
  }
}

Result<bool> ReceiveBuffer::Wait(std::size_t taken, Deadline deadline, const std::stop_token& stop) {
  if (stop.stop_requested()) return Stopped();
  if (end_ - begin_ > taken || InTls()) return true;
  return Poll(POLLIN, deadline, stop);
}

// At least one byte.
Result<std::size_t> ReceiveBuffer::Receive(char* to, std::size_t room, const std::stop_token& stop) {
  const auto lost = [&](std::string_view why) {
    return Transient("the connection to " + place_ + " was lost: " + std::string(why));
  };
  if (client_.net.pvio == nullptr) return lost("it is closed");
  ssl_st* const tls = TlsOf(client_);
  const Deadline deadline = SteadyClock::now() + patience_;
  bool gathered = gather_.count() == 0;
  while (true) {
    short wanted = POLLIN;
    if (tls == nullptr) {
      const ssize_t got = ::recv(mysql_get_socket(&client_), to, room, MSG_DONTWAIT);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return lost("the server closed it");
      if (errno != EAGAIN && errno != EINTR) return lost(std::generic_category().message(errno));
    } else {
      ERR_clear_error();
      const int most = static_cast<int>(std::min<std::size_t>(room, std::numeric_limits<int>::max()));
      const int got = SSL_read(tls, to, most);
      if (got > 0) return static_cast<std::size_t>(got);
      const int error = SSL_get_error(tls, got);
      if (error == SSL_ERROR_WANT_WRITE) wanted = POLLOUT;
      if (error == SSL_ERROR_ZERO_RETURN) return lost("the server closed it");
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        const char* const reason = ERR_reason_error_string(ERR_peek_error());
        return lost(reason != nullptr ? reason : "TLS ended without a goodbye");
      }
    }
    if (!std::exchange(gathered, true)) {
      never_.WaitUntil(SteadyClock::now() + gather_, stop);
      continue;
    }
    HG_ASSIGN_OR_RETURN(const bool ready, Poll(wanted, deadline, stop));
    if (!ready) return Transient(place_ + " stopped in the middle of what it sent");
  }
}

// For so many bytes from begin_ on; of a buffer that a large piece needed no more than usual.
void ReceiveBuffer::MakeRoom(std::size_t bytes) {
  const std::size_t have = end_ - begin_;
  const std::size_t wanted = std::max({bytes, have, kBufferBytes});
  if (size_ != wanted) {
    std::unique_ptr<char[]> other(new char[wanted]);
    if (have > 0) std::memcpy(other.get(), buffer_.get() + begin_, have);
    buffer_ = std::move(other);
    size_ = wanted;
  } else if (begin_ > 0 && have > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, have);
  }
  begin_ = 0;
  end_ = have;
}

Result<std::string_view> ReceiveBuffer::Peek(std::size_t bytes, const std::stop_token& stop) {
  if (end_ - begin_ < bytes) {
    const bool large = size_ > kBufferBytes && bytes <= kBufferBytes;
    if (large || size_ - begin_ < std::max(bytes, kRoomMin)) MakeRoom(bytes);
  }
  while (end_ - begin_ < bytes) {
    HG_ASSIGN_OR_RETURN(const std::size_t got, Receive(buffer_.get() + end_, size_ - end_, stop));
    end_ += got;
  }
  return std::string_view(buffer_.get() + begin_, end_ - begin_);
}

void ReceiveBuffer::Drop(std::size_t bytes) { begin_ += bytes; }

}  // namespace headgate::mysql
