#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/result.h"

namespace headgate::demo {

// A webhook endpoint on a free port of 127.0.0.1: answers every POST with 204 after handing its body over. One thread,
// poll, keep-alive, bodies with Content-Length only (what Headgate sends).
class Receiver {
 public:
  // Called on the receiver's thread, with the time at which the request was complete (microseconds since 1970).
  using Handler = std::function<void(std::string_view body, std::int64_t arrived_us)>;

  static Result<std::unique_ptr<Receiver>> Start(Handler handler);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }

 private:
  struct Connection {
    int fd;
    std::string in;
    bool dead = false;
  };

  explicit Receiver(Handler handler) : handler_(std::move(handler)) {}
  void Run();
  void Accept();
  void Read(Connection& c);
  bool TakeRequest(Connection& c);

  Handler handler_;
  int listener_ = -1;
  int wake_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::vector<Connection> connections_;  // of the thread
  std::thread thread_;
};

}  // namespace headgate::demo
