#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "web/http.h"

namespace headgate::web {

// Idempotency-Key (AP4): the same key with the same request replays the first answer, with another one it is 422. Kept
// in memory for a day, the newest 10 000: a restart of the process forgets them.
class Idempotency {
 public:
  // Runs `handle` unless the answer is known. Without the header it always runs. Answers of our own faults (5xx) are
  // not kept.
  Response Run(const Request& request, std::int64_t now_us, const std::function<Response()>& handle);

 private:
  struct Kept {
    std::string fingerprint;  // method, target and body
    std::int64_t at_us = 0;
    int status = 0;
    std::string type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  void Forget(std::int64_t now_us);

  std::map<std::string, Kept> kept_;
  std::list<std::string> order_;  // keys, oldest first
};

}  // namespace headgate::web
