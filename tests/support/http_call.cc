#include "tests/support/http_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace headgate::test {
namespace {

struct Socket {
  int fd = -1;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
};

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string Serialise(const std::string& address, const std::string& method, const std::string& path,
                      const std::string& body, const std::map<std::string, std::string>& headers) {
  std::string out = method + " " + path + " HTTP/1.1\r\nConnection: close\r\n";
  if (!headers.contains("Host")) out += "Host: " + address + "\r\n";
  bool typed = false;
  for (const auto& [name, value] : headers) {
    out += name + ": " + value + "\r\n";
    typed = typed || Lower(name) == "content-type";
  }
  if (!body.empty() && !typed) out += "Content-Type: application/json\r\n";
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

// Joins the chunks; nothing past a chunk that is not whole.
std::string Dechunk(const std::string& raw) {
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t line = raw.find("\r\n", at);
    if (line == std::string::npos) return out;
    const std::size_t size = std::strtoul(raw.c_str() + at, nullptr, 16);
    if (size == 0 || line + 2 + size > raw.size()) return out;
    out.append(raw, line + 2, size);
    at = line + 2 + size + 2;
  }
}

Result<HttpAnswer> Parse(const std::string& raw) {
  const std::size_t head = raw.find("\r\n\r\n");
  if (raw.rfind("HTTP/1.", 0) != 0 || head == std::string::npos)
    return Transient("the answer is not HTTP: " + raw.substr(0, 200));
  HttpAnswer answer;
  answer.status = std::atoi(raw.c_str() + 9);
  std::size_t at = raw.find("\r\n") + 2;
  while (at < head) {
    const std::size_t end = raw.find("\r\n", at);
    const std::string line = raw.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos) {
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      answer.headers[Lower(line.substr(0, colon))] = value == std::string::npos ? "" : line.substr(value);
    }
    at = end + 2;
  }
  answer.body = raw.substr(head + 4);
  if (Lower(answer.headers["transfer-encoding"]) == "chunked") answer.body = Dechunk(answer.body);
  return answer;
}

// True once `raw` holds as many bytes as its Content-Length says: a server may keep the connection open all the same.
bool IsWhole(const std::string& raw) {
  const std::size_t head = raw.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const std::string block = Lower(raw.substr(0, head));
  const std::size_t length = block.find("\r\ncontent-length:");
  return length != std::string::npos && raw.size() - head - 4 >= std::strtoul(block.c_str() + length + 17, nullptr, 10);
}

}  // namespace

Result<HttpAnswer> HttpCall(const std::string& address, const std::string& method, const std::string& path,
                            const std::string& body, const std::map<std::string, std::string>& headers,
                            std::chrono::milliseconds limit) {
  const auto fail = [&](const std::string& what) {
    return Transient(method + " http://" + address + path + ": " + what + ": " + std::strerror(errno));
  };
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return ConfigError("'" + address + "' is not HOST:PORT");
  Socket s{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval wait{limit.count() / 1000, (limit.count() % 1000) * 1000};
  setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  setsockopt(s.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &a.sin_addr) != 1)
    return ConfigError("'" + address + "' is not IPv4:PORT");
  if (connect(s.fd, reinterpret_cast<const sockaddr*>(&a), sizeof(a)) != 0) return fail("cannot connect");

  const std::string request = Serialise(address, method, path, body, headers);
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(s.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return fail("cannot send");
    sent += static_cast<std::size_t>(n);
  }
  std::string raw;
  char buffer[65536];
  while (method == "HEAD" ? raw.find("\r\n\r\n") == std::string::npos : !IsWhole(raw)) {
    const ssize_t n = recv(s.fd, buffer, sizeof(buffer), 0);
    if (n < 0) return fail("no whole answer");
    if (n == 0) break;
    raw.append(buffer, static_cast<std::size_t>(n));
  }
  return Parse(raw);
}

}  // namespace headgate::test
