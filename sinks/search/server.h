#pragma once

#include <optional>
#include <string>

#include "core/pipeline/source.h"
#include "sinks/search/call.h"
#include "sinks/search/mapping.h"

// What the server is, by its answer to GET / (search.md Q21). Pure.
namespace headgate::search {

struct Server {
  Product product = Product::kOpenSearch;
  std::string version;  // "2.19.1"; "" if it does not say
  int major = 0;
  int minor = 0;

  std::string Text() const;  // "OpenSearch 2.19.1"
};

// kConfig: it is no search server, or refuses the account; kTransient: it cannot answer now.
Result<Server> ReadServer(const Answer& answer);

// A warning if the sink was never tried with such a version.
std::optional<Finding> UntriedVersion(const Server& server);

}  // namespace headgate::search
