#include "core/net/transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "core/base/check.h"

namespace headgate::net {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

template <class Call>
ssize_t Restart(Call call) {
  ssize_t n = 0;
  do {
    n = call();
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE when the peer is gone.
struct SocketBio {
  static Transport& Owner(BIO* bio) { return *static_cast<Transport*>(BIO_get_data(bio)); }

  static int Write(BIO* bio, const char* data, int size) {
    Transport& owner = Owner(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t n = Restart([&] { return send(owner.fd_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL); });
    if (n >= 0) return static_cast<int>(n);
    if (WouldBlock(errno)) {
      BIO_set_retry_write(bio);
    } else {
      owner.errno_ = errno;
    }
    return -1;
  }

  static int Read(BIO* bio, char* data, int size) {
    Transport& owner = Owner(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t n = Restart([&] { return recv(owner.fd_, data, static_cast<std::size_t>(size), 0); });
    if (n > 0) return static_cast<int>(n);
    if (n == 0) {
      owner.at_end_ = true;
      return 0;
    }
    if (WouldBlock(errno)) {
      BIO_set_retry_read(bio);
    } else {
      owner.errno_ = errno;
    }
    return -1;
  }

  static long Control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return Owner(bio).at_end_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "headgate socket");
      CHECK(m != nullptr);
      BIO_meth_set_write(m, Write);
      BIO_meth_set_read(m, Read);
      BIO_meth_set_ctrl(m, Control);
      return m;
    }();
    return method;
  }
};

Transport::Transport(int fd, SslPtr ssl) : fd_(fd), ssl_(std::move(ssl)) {
  BIO* bio = BIO_new(SocketBio::Method());
  CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Transport::Step Transport::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Step{Io::kDone} : Judge(result);
}

Transport::Step Transport::Read(std::span<char> buffer) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(std::min<std::size_t>(buffer.size(), INT_MAX)));
    return n > 0 ? Step{Io::kDone, static_cast<std::size_t>(n)} : Judge(n);
  }
  const ssize_t n = Restart([&] { return recv(fd_, buffer.data(), buffer.size(), 0); });
  if (n > 0) return {Io::kDone, static_cast<std::size_t>(n)};
  if (n == 0) return {Io::kClosed};
  if (WouldBlock(errno)) return {Io::kWantRead};
  error_ = std::strerror(errno);
  return {Io::kFailed};
}

Transport::Step Transport::Write(std::string_view bytes) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    return n > 0 ? Step{Io::kDone, static_cast<std::size_t>(n)} : Judge(n);
  }
  const ssize_t n = Restart([&] { return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
  if (n >= 0) return {Io::kDone, static_cast<std::size_t>(n)};
  if (WouldBlock(errno)) return {Io::kWantWrite};
  error_ = std::strerror(errno);
  return {Io::kFailed};
}

Transport::Step Transport::Judge(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Io::kWantRead};
    case SSL_ERROR_WANT_WRITE:
      return {Io::kWantWrite};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::kClosed};
    default:
      break;
  }
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (errno_ != 0) {
    error_ = std::strerror(errno_);
  } else if (verdict != X509_V_OK && (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0) {
    error_ = std::string("the certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
  } else if (at_end_ && ERR_peek_error() == 0) {
    return {Io::kClosed};
  } else {
    error_ = TakeOpenSslError();
  }
  ERR_clear_error();
  return {Io::kFailed};
}

void Transport::SayGoodbye() {
  if (ssl_ == nullptr || SSL_is_init_finished(ssl_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace headgate::net
