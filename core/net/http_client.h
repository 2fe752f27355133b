#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/net/guard.h"
#include "core/net/ip_address.h"
#include "core/net/tls_context.h"
#include "core/net/url.h"

namespace headgate::net {

// Looks up a name; called on a thread of its own, may block. An empty list counts as "not found".
using Resolver = std::function<Result<std::vector<IpAddress>>(const std::string& host)>;

// getaddrinfo, in the system's order.
Result<std::vector<IpAddress>> SystemResolve(const std::string& host);

struct EndpointOptions {
  Url url;  // scheme, host and port; the request itself carries the path
  GuardPolicy guard;
  TlsOptions tls;
  int connect_timeout_ms = 5'000;  // look-up and connect, over all addresses
  int tls_timeout_ms = 5'000;
  int timeout_ms = 30'000;  // the whole request, from Send to the last byte of the answer
  std::size_t connections_max = 8;
  std::size_t body_bytes_max = 64 * 1024;  // of an answer; beyond it is cut
  std::size_t body_bytes_kept = 4 * 1024;
  Resolver resolve = SystemResolve;
  const Clock* clock = &SystemClock();  // for dates in Retry-After; deadlines follow the steady clock
};

struct Response {
  int status = 0;
  std::string header_lines;  // at most 16 KiB, without the status line; FindHeader of response_parser.h reads them
  std::string body;          // the first body_bytes_kept bytes
  bool body_cut = false;     // it went on past body_bytes_max, and the connection was given up
  std::optional<std::chrono::seconds> retry_after;
  bool connection_reused = false;
  std::chrono::microseconds elapsed{0};
};

struct Failure {
  enum class Kind : std::uint8_t { kResolve, kRefusedByGuard, kConnect, kTls, kTimeout, kBroken };
  Kind kind = Kind::kBroken;
  std::string text;  // names the host and what to do; never what a refused host answered
};

std::string_view Name(Failure::Kind kind);

using Outcome = std::variant<Response, Failure>;
// Keep captures within two pointers: larger ones cost an allocation a request.
using Done = std::function<void(Outcome&&)>;

// HTTP/1.1 to one endpoint over up to connections_max kept connections (webhooks.md W8 to W10). Follows no redirects,
// uses no proxy, sends one request at a time on a connection. Everything is called on one thread, the owner's, but for
// Wake.
//
// A new connection: look-up, guard over every address of the answer, connect to one of those, TLS. A kept connection
// that turns out to be dead before the first byte of an answer is replaced and the request sent once more, with its
// deadline unchanged; the caller sees nothing of it.
class HttpClient {
 public:
  // The error is kConfig: TLS files, or the guard refuses a literal address.
  static Result<std::unique_ptr<HttpClient>> Open(EndpointOptions options);
  ~HttpClient();  // as Close
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `request` is everything that goes on the wire: request line, headers, body. Needs can_send(). `done` is called
  // exactly once, within Run (never within Send), unless Close comes first; it may call Send, but not Run or Close.
  void Send(std::string request, Done done);
  bool can_send() const;
  std::size_t in_flight() const;

  // Drives everything until an outcome was handed out, Wake was called, or the deadline passed; then takes what else is
  // ready. A deadline in the past only takes what is ready. The number of outcomes handed out.
  std::size_t Run(std::chrono::steady_clock::time_point deadline);

  // Makes the current or next Run return. Any thread; cheap when repeated.
  void Wake();

  // Drops all connections and requests; their `done` is not called. Does not wait for a look-up that hangs.
  void Close();

 private:
  class Pool;
  explicit HttpClient(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace headgate::net
