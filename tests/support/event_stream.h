#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace headgate::test {

struct ServerSentEvent {
  std::string id;  // of this event, "" without one
  std::string event;
  std::string data;
};

// A client of server-sent events over a connection of its own.
class EventStream {
 public:
  // Sends the request; the answer is read by Next.
  EventStream(const std::string& address, const std::string& path,
              const std::map<std::string, std::string>& headers = {});
  ~EventStream();
  EventStream(const EventStream&) = delete;

  // Nothing if none comes in time, or the connection has ended.
  std::optional<ServerSentEvent> Next(std::chrono::milliseconds limit = std::chrono::seconds(20));
  const std::string& head() const { return head_; }  // of the answer, once something was read

 private:
  bool More(std::chrono::steady_clock::time_point deadline);
  bool Line(std::string& line, std::chrono::steady_clock::time_point deadline);

  int fd_ = -1;
  std::string head_;
  std::string raw_;   // with the framing of chunks
  std::string text_;  // without
};

}  // namespace headgate::test
