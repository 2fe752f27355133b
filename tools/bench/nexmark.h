#pragma once

#include <string>

namespace headgate::bench {

// The Nexmark queries, each a view of its own over the same events, from the log.
struct NexmarkOptions {
  long events = 2'000'000;
  long per_transaction = 1'000;
  std::string query;          // "": all
  double limit_seconds = 60;  // for each query: what is not done by then is shown as unfinished
  long memory_mib = 1024;     // that the views may take
};
void Nexmark(const NexmarkOptions& options);

}  // namespace headgate::bench
