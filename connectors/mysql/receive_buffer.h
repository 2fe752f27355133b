#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/signal.h"

struct st_mysql;

namespace headgate::mysql {

// What a server sends, read from the socket of a client, or the TLS over it: for streams without end and for many rows
// the client's own reader is too slow, and wants each packet whole. While an answer is read here the client itself must
// not be used, and where it is used again nothing may be left of the answer. Lives on one thread, no longer than the
// client.
class ReceiveBuffer {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // `place` is the server, in errors; `patience`: for how long may nothing come of what was asked for.
  ReceiveBuffer(st_mysql& client, std::string place, std::chrono::milliseconds patience);

  // Whether bytes behind the first `taken` ones may be read without waiting; waits for some until the deadline.
  // kStopped on stop.
  Result<bool> Wait(std::size_t taken, Deadline deadline, const std::stop_token& stop);
  // The next bytes, so many or more, in one piece; they stay until Drop, the view until the next call. kTransient if
  // the connection is lost or silent.
  Result<std::string_view> Peek(std::size_t bytes, const std::stop_token& stop);
  void Drop(std::size_t bytes);
  // What Peek lets pass before it waits for bytes, so that more of them are there: a server that sends much wakes its
  // reader for every few rows otherwise, and the two take the processor from each other.
  void Gather(std::chrono::microseconds gather) { gather_ = gather; }

 private:
  Result<std::size_t> Receive(char* to, std::size_t room, const std::stop_token& stop);
  Result<bool> Poll(short events, Deadline deadline, const std::stop_token& stop) const;
  void MakeRoom(std::size_t bytes);
  bool InTls() const;

  st_mysql& client_;
  const std::string place_;
  const std::chrono::milliseconds patience_;
  std::chrono::microseconds gather_{0};
  Signal never_;                    // only a stop ends its waits early
  std::unique_ptr<char[]> buffer_;  // read is from begin_ to end_
  std::size_t size_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace headgate::mysql
