#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/net/url.h"

struct ssl_st;
struct ssl_ctx_st;

namespace headgate::net {

// webhooks.md W9. Empty file names: the system's CAs, no client certificate.
struct TlsOptions {
  bool verify = true;          // whoever sets false warns in health
  std::string ca_file = {};    // PEM; replaces the system's CAs
  std::string cert_file = {};  // PEM, the leaf first; needs key_file
  std::string key_file = {};   // PEM, not encrypted
};

struct SslFree {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslFree>;

// The client side of TLS for one endpoint: 1.2 at least, verified, with SNI and a check of the host name. Belongs to
// one thread.
class TlsContext {
 public:
  // The error (kConfig) names the file.
  static Result<std::unique_ptr<TlsContext>> Load(TlsOptions options);
  ~TlsContext();

  // State for one new connection to url.host. Looks at the files first and takes them up when they changed; a change
  // that can't be loaded (half written, say) is reported once and the previous files stay in use.
  Result<SslPtr> NewConnection(const Url& url);

 private:
  struct Stamp {
    std::int64_t modified_ns = 0;
    std::int64_t size = -1;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}
  Stamps ReadStamps() const;
  Result<ssl_ctx_st*> Build() const;

  const TlsOptions options_;
  Stamps stamps_{};
  ssl_ctx_st* context_ = nullptr;
};

// The oldest error in OpenSSL's queue of this thread as text, and an empty queue.
std::string TakeOpenSslError();

}  // namespace headgate::net
