#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/config/address.h"

// A client of the admin API for the commands that ask a running service: one connection a request, blocking.
namespace headgate {

// A connection, closed by the destructor.
class ApiConnection {
 public:
  // Config error, with what to do about it, if nobody answers.
  static Result<ApiConnection> Open(const config::Listen& listen);
  ApiConnection(ApiConnection&& other) noexcept;
  ~ApiConnection();

  // Sends a request and reads the head of its answer: the status.
  Result<int> Ask(const std::string& method, const std::string& target, const std::string& body,
                  const std::map<std::string, std::string>& headers);
  // The next line of the answer's body. False at its end, or when a signal broke the wait.
  bool NextLine(std::string& line);
  std::string Body();

 private:
  ApiConnection(int fd, std::string host) : fd_(fd), host_(std::move(host)) {}
  bool More();
  void Unchunk();

  int fd_ = -1;
  std::string host_;
  bool chunked_ = false;
  std::string raw_;   // with the framing of chunks
  std::string text_;  // without
};

struct ApiAnswer {
  int status = 0;
  std::string body;
};
Result<ApiAnswer> AskApi(const config::Listen& listen, const std::string& method, const std::string& target,
                         const std::string& body = "");

// What went wrong, from an answer of either dialect; the body as it is if it is neither.
std::string ProblemText(const std::string& body);

}  // namespace headgate
