#pragma once

#include <span>

namespace headgate::nexmark {

struct Query {
  const char* name;
  const char* meaning;
  // A SELECT over person, auction, bid and side_input. It is PostgreSQL's too, but for "FOR SYSTEM_TIME AS OF
  // LOG_POSITION()", which says nothing about a table that does not change.
  const char* select;
  double target;  // events/s, by kind (stream-SQL reference, 14)
  double flink;   // published events/s on one core of its own example (15.1), 0: none
};

// The Nexmark queries that v1 has, in our SQL (stream-SQL reference, 15.1). Ties, which the suite leaves open, are
// broken by the time of the event.
std::span<const Query> Queries();

}  // namespace headgate::nexmark
