#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace headgate::test {

// True if HEADGATE_REQUIRE (a comma list) names this server: then its absence is a failure, not a skip.
inline bool IsRequired(std::string_view server) {
  const char* list = std::getenv("HEADGATE_REQUIRE");
  const std::string padded = "," + std::string(list == nullptr ? "" : list) + ",";
  return padded.find("," + std::string(server) + ",") != std::string::npos;
}

}  // namespace headgate::test

// In a test body or fixture whose server is not there: skips it with the reason, or fails if HEADGATE_REQUIRE names the
// server.
#define HG_REQUIRE_SERVER(server, reason)                                       \
  do {                                                                          \
    if (::headgate::test::IsRequired(server)) {                                 \
      FAIL() << "HEADGATE_REQUIRE names " << (server) << ", but: " << (reason); \
    }                                                                           \
    GTEST_SKIP() << "SKIP, needs " << (server) << ": " << (reason);             \
  } while (false)

// For a test that needs something of the machine rather than a server: skipped with the reason, or failed if
// HEADGATE_REQUIRE names anything at all, as it does where every test has to run.
#define HG_REQUIRE_MACHINE(need, reason)                                                        \
  do {                                                                                          \
    if (const char* list = std::getenv("HEADGATE_REQUIRE"); list != nullptr && *list != '\0') { \
      FAIL() << "HEADGATE_REQUIRE is set, but " << (need) << " is missing: " << (reason);       \
    }                                                                                           \
    GTEST_SKIP() << "SKIP, needs " << (need) << ": " << (reason);                               \
  } while (false)

// The value of a Result, or the end of the test: skipped if the server is not installed (kConfig), failed for any other
// reason. HG_WITH_SERVER("postgres", auto db, TestDatabase::Create());
#define HG_WITH_SERVER(server, lhs, expr) HG_WITH_SERVER_INNER(HG_CONCAT(hg_server_, __LINE__), server, lhs, expr)
#define HG_WITH_SERVER_INNER(tmp, server, lhs, expr)                     \
  auto tmp = (expr);                                                     \
  if (!tmp.ok() && tmp.error().kind == ::headgate::ErrorKind::kConfig) { \
    HG_REQUIRE_SERVER(server, tmp.error().what);                         \
  }                                                                      \
  ASSERT_TRUE(tmp.ok()) << tmp.error().what;                             \
  lhs = std::move(tmp).value()
