#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"

namespace headgate::test {

// A TCP proxy on 127.0.0.1 that breaks what passes through it, as told while it runs. One thread, poll. Every member
// may be called from any thread; a call takes effect before it returns.
class FaultProxy {
 public:
  // Forwards to host:port (IPv4 address). Starts in Pass.
  static Result<std::unique_ptr<FaultProxy>> Start(const std::string& host, int port);
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  int port() const { return port_; }

  void Pass();    // forwards; ends Stall, Refuse, Slow and a planned reset
  void Stall();   // connections stay open and new ones are accepted, but nothing is forwarded (half-open)
  void Refuse();  // cuts what is there and resets every new connection at once
  void Slow(std::int64_t bytes_per_second);  // for each direction of each connection
  void Cut();                                // resets all present connections (RST to both sides); the mode stays
  // Resets a connection right after it forwarded so many bytes from now on in that direction, in the middle of whatever
  // message that is. Happens once, to the connection that gets there first; forwarding then goes on for new ones.
  void ResetAfterToServer(std::int64_t bytes);
  void ResetAfterToClient(std::int64_t bytes);

  // Damages what passes: `edit` is given, on the proxy's thread, whatever is on its way to a client and was not
  // forwarded yet, until it returns true once. Pass withdraws it.
  using Edit = std::function<bool(std::string& bytes)>;
  void EditToClient(Edit edit);

  // Exact once one of the calls above has returned.
  int accepted() const { return accepted_.load(); }  // since the start
  int open() const { return open_.load(); }          // pairs at present
  int resets() const { return resets_.load(); }      // planned resets that happened
  int edits() const { return edits_.load(); }        // that returned true
  std::int64_t to_server() const { return bytes_[0].load(); }
  std::int64_t to_client() const { return bytes_[1].load(); }

 private:
  enum class Mode { kPass, kStall, kRefuse };
  struct Orders {  // guarded by mutex_; the proxy's thread takes them up at each turn
    Mode mode = Mode::kPass;
    std::int64_t bytes_per_second = 0;  // 0: no limit
    bool cut = false;
    std::int64_t reset_after[2] = {-1, -1};  // -1: no reset planned; index 0 to the server, 1 to the client
    Edit edit;                               // none: nothing is planned
    std::uint64_t turn = 0;
  };
  struct Pair;

  FaultProxy() = default;
  template <class F>
  void Order(F change);
  void Run();
  void TakeOrders();
  void Accept();
  bool Forward(Pair& pair, int direction);  // false: close it
  void Reset(Pair& pair);
  int Timeout() const;

  std::string host_;
  int target_port_ = 0;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;  // eventfd

  std::mutex mutex_;
  Orders orders_;                        // guarded by mutex_
  std::atomic<std::uint64_t> taken_{0};  // the newest order that is in force
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::atomic<int> open_{0};
  std::atomic<int> resets_{0};
  std::atomic<int> edits_{0};
  std::atomic<std::int64_t> bytes_[2] = {0, 0};

  // Of the proxy's thread.
  Orders current_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::thread thread_;
};

}  // namespace headgate::test
