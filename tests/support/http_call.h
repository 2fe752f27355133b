#pragma once

#include <chrono>
#include <map>
#include <string>

#include "core/base/result.h"

namespace headgate::test {

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // chunks joined
};

// One blocking request over a connection of its own. `address` is HOST:PORT (IPv4). A body gets Content-Type
// application/json unless `headers` has one.
Result<HttpAnswer> HttpCall(const std::string& address, const std::string& method, const std::string& path,
                            const std::string& body = {}, const std::map<std::string, std::string>& headers = {},
                            std::chrono::milliseconds limit = std::chrono::milliseconds(30'000));

}  // namespace headgate::test
