#include "app/api_client.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

namespace headgate {
namespace {

int Connect(const config::Listen& listen) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(listen.address.c_str(), std::to_string(listen.port).c_str(), &hints, &found) != 0) return -1;
  int connected = -1;  // localhost may be ::1 first, where nobody listens
  for (const addrinfo* one = found; one != nullptr && connected < 0; one = one->ai_next) {
    const int fd = ::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    if (::connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
      connected = fd;
    } else {
      ::close(fd);
    }
  }
  freeaddrinfo(found);
  return connected;
}

}  // namespace

Result<ApiConnection> ApiConnection::Open(const config::Listen& listen) {
  const int fd = Connect(listen);
  if (fd < 0) return ConfigError("nobody answers at " + listen.Text() + ". Is the service running?");
  return ApiConnection(fd, listen.Text());
}

ApiConnection::ApiConnection(ApiConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      host_(std::move(other.host_)),
      chunked_(other.chunked_),
      raw_(std::move(other.raw_)),
      text_(std::move(other.text_)) {}

ApiConnection::~ApiConnection() {
  if (fd_ >= 0) ::close(fd_);
}

Result<int> ApiConnection::Ask(const std::string& method, const std::string& target, const std::string& body,
                               const std::map<std::string, std::string>& headers) {
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: " + host_ + "\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  if (method != "GET") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + body;
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n <= 0) return Transient("the service closed the connection.");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  std::string line;
  if (!NextLine(line) || !line.starts_with("HTTP/1.")) return Transient("the service closed the connection.");
  const int status = std::atoi(line.c_str() + std::min<std::size_t>(line.size(), 9));
  bool chunked = false;
  while (NextLine(line) && !line.empty()) {
    for (char& c : line) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    chunked = chunked || line.starts_with("transfer-encoding: chunked");
  }
  if (chunked) {
    chunked_ = true;
    raw_ = std::exchange(text_, {});
    Unchunk();
  }
  return status;
}

bool ApiConnection::NextLine(std::string& line) {
  while (true) {
    if (const auto end = text_.find('\n'); end != std::string::npos) {
      line = text_.substr(0, end);
      text_.erase(0, end + 1);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return true;
    }
    if (!More()) {  // the last line of an answer may lack its end
      line = std::exchange(text_, {});
      return !line.empty();
    }
  }
}

std::string ApiConnection::Body() {
  while (More()) {
  }
  return std::exchange(text_, {});
}

bool ApiConnection::More() {
  char buffer[16384];
  const ssize_t n = ::read(fd_, buffer, sizeof buffer);
  if (n <= 0) return false;
  (chunked_ ? raw_ : text_).append(buffer, static_cast<std::size_t>(n));
  if (chunked_) Unchunk();
  return true;
}

void ApiConnection::Unchunk() {
  while (true) {
    const auto end = raw_.find("\r\n");
    if (end == std::string::npos) return;
    const std::size_t size = std::strtoul(raw_.c_str(), nullptr, 16);
    if (raw_.size() < end + 2 + size + 2) return;
    text_.append(raw_, end + 2, size);
    raw_.erase(0, end + 2 + size + 2);
  }
}

Result<ApiAnswer> AskApi(const config::Listen& listen, const std::string& method, const std::string& target,
                         const std::string& body) {
  HG_ASSIGN_OR_RETURN(ApiConnection connection, ApiConnection::Open(listen));
  HG_ASSIGN_OR_RETURN(
      const int status,
      connection.Ask(method, target, body, {{"Accept", "application/json"}, {"Content-Type", "application/json"}}));
  return ApiAnswer{status, connection.Body()};
}

std::string ProblemText(const std::string& body) {
  const auto problem = nlohmann::json::parse(body, nullptr, false);
  for (const char* member : {"detail", "message"}) {
    if (problem.is_object() && problem.contains(member) && problem[member].is_string()) return problem[member];
  }
  return body.empty() ? "the service refused without a word." : body;
}

}  // namespace headgate
