#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace headgate::test {

struct RawAnswer {
  int status = 0;                              // 0: the connection ended before an answer was whole
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool keeps_alive() const;
};

// One TCP connection that sends exactly the bytes it is told to. Waits end after 10 s, which fails the caller's checks.
class RawClient {
 public:
  // "127.0.0.1:8083" or "[::1]:8083".
  explicit RawClient(const std::string& address);
  ~RawClient();
  RawClient(const RawClient&) = delete;

  bool connected() const { return fd_ >= 0; }
  // False if the other side does not take it any more.
  bool Send(std::string_view bytes);
  // Reads one answer; what follows it stays for the next call. `head`: it was a HEAD, no body follows.
  RawAnswer Read(bool head = false);
  // Reads until `text` has come; everything up to its end. "" if the connection ended first.
  std::string ReadUntil(std::string_view text);
  // True if the other side has ended the connection, once what is left is read.
  bool ReadToEnd();
  // Everything that was read and not yet given out.
  const std::string& rest() const { return buffer_; }
  void ShutdownSend();

 private:
  bool More();
  int fd_ = -1;
  std::string buffer_;
};

// Shorthands: one request over a connection of its own.
struct Call {
  std::string method = "GET";
  std::string path = "/";
  std::string body = {};
  std::map<std::string, std::string> headers = {};
  std::string host = {};  // "" takes the address
};
std::string Serialise(const Call& call, const std::string& address);
RawAnswer Ask(const std::string& address, const Call& call);

}  // namespace headgate::test
