#include "tests/unit/web/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace headgate::test {
namespace {

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

bool RawAnswer::keeps_alive() const {
  const auto found = headers.find("connection");
  return found != headers.end() && found->second == "keep-alive";
}

RawClient::RawClient(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const auto port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  const bool v6 = address.starts_with('[');
  fd_ = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval wait{10, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  sockaddr_in a4{};
  a4.sin_family = AF_INET;
  a4.sin_port = port;
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &a4.sin_addr);
  sockaddr_in6 a6{};
  a6.sin6_family = AF_INET6;
  a6.sin6_port = port;
  a6.sin6_addr = in6addr_loopback;
  const auto* to = v6 ? reinterpret_cast<const sockaddr*>(&a6) : reinterpret_cast<const sockaddr*>(&a4);
  if (connect(fd_, to, v6 ? sizeof a6 : sizeof a4) != 0) {
    close(fd_);
    fd_ = -1;
  }
}

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::More() {
  char bytes[65536];
  const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
  if (n > 0) buffer_.append(bytes, static_cast<std::size_t>(n));
  return n > 0;
}

RawAnswer RawClient::Read(bool head) {
  RawAnswer answer;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!More()) return answer;
  }
  const std::string top = buffer_.substr(0, end + 2);
  for (std::size_t at = top.find("\r\n") + 2; at < top.size();) {
    const std::size_t line_end = top.find("\r\n", at);
    const std::size_t colon = top.find(": ", at);
    if (colon < line_end)
      answer.headers[LowerCase(top.substr(at, colon - at))] = top.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  std::size_t length = 0;
  if (!head && answer.headers.contains("content-length"))
    length = std::strtoul(answer.headers["content-length"].c_str(), nullptr, 10);
  while (buffer_.size() < end + 4 + length) {
    if (!More()) return answer;
  }
  answer.status = std::atoi(top.c_str() + 9);
  answer.body = buffer_.substr(end + 4, length);
  buffer_.erase(0, end + 4 + length);
  return answer;
}

std::string RawClient::ReadUntil(std::string_view text) {
  std::size_t at = 0;
  while ((at = buffer_.find(text)) == std::string::npos) {
    if (!More()) return {};
  }
  std::string all = buffer_.substr(0, at + text.size());
  buffer_.erase(0, at + text.size());
  return all;
}

bool RawClient::ReadToEnd() {
  char bytes[65536];
  while (true) {
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n == 0) return true;
    if (n < 0) return errno != EAGAIN && errno != EWOULDBLOCK;  // reset counts as ended
    buffer_.append(bytes, static_cast<std::size_t>(n));
  }
}

void RawClient::ShutdownSend() { shutdown(fd_, SHUT_WR); }

std::string Serialise(const Call& call, const std::string& address) {
  std::string text =
      call.method + " " + call.path + " HTTP/1.1\r\nHost: " + (call.host.empty() ? address : call.host) + "\r\n";
  for (const auto& [name, value] : call.headers) text += name + ": " + value + "\r\n";
  if (!call.body.empty()) text += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  return text + "\r\n" + call.body;
}

RawAnswer Ask(const std::string& address, const Call& call) {
  RawClient client(address);
  client.Send(Serialise(call, address));
  return client.Read(call.method == "HEAD");
}

}  // namespace headgate::test
