#pragma once

#include <functional>

#include "tests/support/headgate_process.h"

namespace headgate::bench {

// A database that is written to, and what it may take.
struct Committing {
  test::ConnectorSettings source;
  std::string topic;
  std::function<void(long)> commit;  // one row
  const char* p50_budget;
  const char* p99_budget;
};

// Commit to the arrival of the request, one row a commit, open loop.
void CommitLatency(const Committing& database, int per_second, int seconds);

}  // namespace headgate::bench
