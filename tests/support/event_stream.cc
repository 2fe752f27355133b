#include "tests/support/event_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace headgate::test {

using SteadyClock = std::chrono::steady_clock;

EventStream::EventStream(const std::string& address, const std::string& path,
                         const std::map<std::string, std::string>& headers) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return;
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nAccept: text/event-stream\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  request += "\r\n";
  static_cast<void>(send(fd_, request.data(), request.size(), MSG_NOSIGNAL));
}

EventStream::~EventStream() {
  if (fd_ >= 0) close(fd_);
}

bool EventStream::More(SteadyClock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
  pollfd ready{fd_, POLLIN, 0};
  if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
  char buffer[65536];
  const ssize_t n = read(fd_, buffer, sizeof buffer);
  if (n <= 0) return false;
  raw_.append(buffer, static_cast<std::size_t>(n));
  if (head_.empty()) {
    const std::size_t end = raw_.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    head_ = raw_.substr(0, end);
    raw_.erase(0, end + 4);
  }
  if (head_.find("chunked") == std::string::npos) {  // the end of the connection ends the answer
    text_ += std::exchange(raw_, {});
    return true;
  }
  while (true) {
    const std::size_t line = raw_.find("\r\n");
    if (line == std::string::npos) return true;
    const std::size_t size = std::strtoul(raw_.c_str(), nullptr, 16);
    if (raw_.size() < line + 2 + size + 2) return true;
    text_.append(raw_, line + 2, size);
    raw_.erase(0, line + 2 + size + 2);
  }
}

bool EventStream::Line(std::string& line, SteadyClock::time_point deadline) {
  std::size_t end;
  while ((end = text_.find('\n')) == std::string::npos) {
    if (!More(deadline)) return false;
  }
  line = text_.substr(0, end);
  text_.erase(0, end + 1);
  return true;
}

std::optional<ServerSentEvent> EventStream::Next(std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  ServerSentEvent event;
  std::string line;
  while (Line(line, deadline)) {
    if (line.starts_with("id: ")) event.id = line.substr(4);
    if (line.starts_with("event: ")) event.event = line.substr(7);
    if (line.starts_with("data: ")) event.data = line.substr(6);
    if (line.empty() && !event.event.empty()) return event;
  }
  return std::nullopt;
}

}  // namespace headgate::test
