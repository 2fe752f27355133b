#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/headgate_process.h"
#include "tests/support/private_postgres.h"

// What the benchmarks with a database begin with.
namespace headgate::bench {

inline constexpr const char* kDatabase = "bench";

// A private PostgreSQL with the table orders. Ends the process if it does not start.
struct Setup {
  explicit Setup(bool fsync);

  test::ConnectorSettings Source() const;

  std::unique_ptr<test::PrivatePostgres> server;
};

// Until the source `shop` runs.
void AwaitStreaming(const test::HeadgateProcess& headgate);
// Of a stream, in its log; 0 if there is none yet.
std::uint64_t RecordsOf(const test::HeadgateProcess& headgate, const std::string& stream);
// Changes that a sink has delivered, as its metrics tell.
double DeliveredBy(const test::HeadgateProcess& headgate, const std::string& sink);

}  // namespace headgate::bench
