#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/test_certificate.h"

namespace headgate::testing_support {

// A real HTTP/1.1 receiver on 127.0.0.1 with a free port: one thread, epoll, plain sockets or TLS. Starts in the
// constructor, stops in the destructor. Methods may be called on any thread.
class HttpReceiver {
 public:
  struct Request {
    int connection = 0;  // number of the connection, from 0
    int index = 0;       // number of the request on it, from 0
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::chrono::steady_clock::time_point arrived;

    std::optional<std::string> Header(std::string_view name) const;  // the first, any case
  };

  struct Reply {
    enum class Kind : std::uint8_t {
      kAnswer,  // status, headers, body
      kRaw,     // `body` as it is, and nothing else
      kNever,   // keeps the connection open and says nothing
      kClose,   // closes at once
    };
    Kind kind = Kind::kAnswer;
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;  // Content-Length is added, unless `endless`
    std::string body;
    std::chrono::milliseconds delay{0};    // before the first byte
    std::chrono::milliseconds trickle{0};  // if set, one byte each such interval
    bool endless = false;                  // repeats the body until the peer closes
    bool close_after = false;              // closes after the last byte, unannounced
    bool reset_after = false;              // as close_after, with RST

    static Reply Status(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                        std::string body = "");
    static Reply Raw(std::string bytes);
    static Reply Never();
    static Reply Close();
  };
  using Handler = std::function<Reply(const Request&)>;  // on the receiver's thread

  struct Options {
    std::optional<CertificateFiles> tls = {};
    std::string client_ca_file = {};  // if set, a client certificate of this CA is demanded
    bool silent = false;              // accepts connections and never reads
    bool record = true;               // false: only counts
    std::uint16_t port = 0;           // 0: any free one
  };

  HttpReceiver();  // answers 200 to everything
  explicit HttpReceiver(Options options, Handler handler = nullptr);
  ~HttpReceiver();
  HttpReceiver(const HttpReceiver&) = delete;
  HttpReceiver& operator=(const HttpReceiver&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/hook") const;  // http(s)://127.0.0.1:port/path

  void SetHandler(Handler handler);
  std::vector<Request> Requests() const;
  std::uint64_t request_count() const { return request_count_; }
  int connection_count() const { return connection_count_; }  // accepted so far
  // False if the deadline passed first.
  bool WaitForRequests(std::uint64_t count, std::chrono::milliseconds at_most = std::chrono::seconds(30)) const;
  // Closes every connection that is open now, after saying `last_words` on it; returns when that is done.
  void CloseConnections(std::string_view last_words = "");

 private:
  struct Connection;

  void Loop();
  void Accept();
  void OnEvent(Connection& connection);
  bool Read(Connection& connection);
  void TakeRequests(Connection& connection);
  bool TakeRequest(Connection& connection);
  void Answer(Connection& connection, Reply reply);
  bool Write(Connection& connection);
  void Tick();
  int WaitMs() const;
  void Remove(int fd);
  void Watch(const Connection& connection, bool writable);

  const Options options_;
  int listen_fd_ = -1;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  std::uint16_t port_ = 0;
  struct SslContext;
  std::unique_ptr<SslContext> ssl_context_;
  std::map<int, std::unique_ptr<Connection>> connections_;  // the thread's, by descriptor

  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> request_count_ = 0;
  std::atomic<int> connection_count_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<const Handler> handler_;  // guarded by mutex_
  std::vector<Request> requests_;           // guarded by mutex_
  std::string last_words_;                  // guarded by mutex_
  std::uint64_t close_wanted_ = 0;          // guarded by mutex_
  std::uint64_t close_done_ = 0;            // guarded by mutex_
  std::thread thread_;
};

}  // namespace headgate::testing_support
