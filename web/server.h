#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace headgate {
class Control;
namespace config {
class SecretResolver;
}
}  // namespace headgate

namespace headgate::web {

// The limits of SE7.
struct Limits {
  std::size_t body_bytes_max = 1 << 20;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 256;
  std::size_t streams_max = 64;
  std::size_t json_depth_max = 64;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds request_timeout{90'000};
  // A peer that takes longer than the grace must have moved this many bytes a second since, or it is cut.
  std::size_t rate_bytes_per_second = 500;
  std::chrono::milliseconds rate_grace{10'000};
  std::chrono::milliseconds stop_grace{2'000};  // for answers on their way when the server stops
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 8083;          // 0 takes a free one
  bool allow_insecure = false;
  bool mask_secrets = true;    // false: literal secrets are shown, as in Kafka Connect (7.3)
  bool topic_tracking = true;  // false: nobody may ask which streams a connector wrote or delivered (Connect's topics)
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> cors_allow_origins;                         // whose pages may read answers (SE6)
  std::vector<std::string> cors_allow_methods{"GET", "POST", "HEAD"};  // and send these
  bool loggers = true;  // false: /admin/loggers is at another listener, or nowhere
  Limits limits;
  std::string commit;                                // of the source tree, for GET /
  const config::SecretResolver* resolver = nullptr;  // nullptr: validate does not look into placeholders
};

// An address that is taken, before anybody answers there: who connects waits. Released by the server that uses it.
class Listener {
 public:
  // Config error if the address is refused (SE1), unknown, or taken. `setting`: what has to be changed then.
  static Result<Listener> Bind(const ServerOptions& options, std::string_view setting = "api.listen");
  Listener(Listener&& other) noexcept;
  ~Listener();

  // "127.0.0.1:8083", "[::1]:8083": with the port that was taken.
  const std::string& address() const { return address_; }

 private:
  friend class Server;
  Listener(int fd, bool v6, std::string address) : fd_(fd), v6_(v6), address_(std::move(address)) {}
  int fd_;
  bool v6_;
  std::string address_;
};

// The admin API: one listener, one thread. Slow work (live checks, reading records) goes to a few threads more,
// which start with their first job. All calls of Control that change something come from the API thread.
class Server {
 public:
  // Answers when it returns. `control` must outlive the server. `admin`: where /admin/loggers is, and nothing else.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Listener listener, Control& control,
                                               std::optional<Listener> admin = {});
  ~Server();  // stops
  Server(const Server&) = delete;

  const std::string& address() const { return address_; }
  // Refuses new connections, ends event streams with `end`, lets answers on their way finish (stop_grace), returns when
  // the threads have ended. A live check that is running is waited for. May be called twice.
  void Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace headgate::web
