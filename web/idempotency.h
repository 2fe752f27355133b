#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "core/catalog/control.h"
#include "web/http.h"

namespace headgate::web {

inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;

// Idempotency-Key (AP4): the same key with the same request replays the first answer, with another one it is 422.
// Answers are durable for a day (Control::KeepAnswer); those of this process, the newest 10 000, are also here, which
// covers the moment until a change is written. Lives on the API thread, and `handle` answers before it returns: so no
// request meets a first one that still runs (AP4's 409), it waits for the thread and gets the answer.
class Idempotency {
 public:
  // Runs `handle` unless the answer is known. Without the header it always runs. Answers of our own faults (5xx) are
  // not kept. `handle` may not leave work for a lane, nor answer with an event stream.
  Response Run(Control& control, const Request& request, const std::function<Response()>& handle);

 private:
  struct Kept {
    std::int64_t at_us = 0;
    std::string answer;  // encoded
  };
  void Forget(std::int64_t now_us);

  std::map<std::string, Kept> kept_;
  std::list<std::string> order_;  // keys of kept_, oldest first
};

}  // namespace headgate::web
