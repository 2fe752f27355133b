#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/channel.h"
#include "core/base/published.h"

namespace headgate {

// Of WebHook-Allowed-Rate: a positive whole number of requests a minute; nothing of any other text.
std::optional<double> AllowedRate(std::string_view text);

// Where the endpoint of a sink gives its consent later, by a token that only it was told (webhooks.md 3.3): 256 random
// bits, for one URL, for 24 h, once.
class ConsentDesk {
 public:
  struct Grant {
    std::string url;
    std::optional<double> per_minute;  // at most so many requests; nothing was said: as many as we like
  };

  // The sink's thread. The same one until it was used up, or is too old to be given to anybody once more.
  std::string TokenFor(const std::string& url, std::int64_t now_us);
  // The sink's thread. What was granted since.
  std::optional<Grant> Take();
  // The API's thread. False if the token is another one, used up, or too old.
  bool Give(std::string_view token, std::optional<double> per_minute, std::int64_t now_us);

 private:
  struct Issued {
    std::string token;  // "": none
    std::string url;
    std::int64_t at_us = 0;
  };

  Published<Issued> issued_;
  Channel<Grant> grants_{1};
  std::string used_;  // of the API's thread
};

}  // namespace headgate
