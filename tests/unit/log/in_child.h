#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace headgate::test {

// Ends the child: with 0, or with the failed expectations on stderr.
[[noreturn]] inline void ExitWithFindings() {
  const testing::TestResult& result = *testing::UnitTest::GetInstance()->current_test_info()->result();
  for (int i = 0; i < result.total_part_count(); ++i) {
    const testing::TestPartResult& part = result.GetTestPartResult(i);
    if (part.failed()) std::fprintf(stderr, "%s:%d: %s\n", part.file_name(), part.line_number(), part.message());
  }
  std::exit(result.Failed() ? 1 : 0);
}

}  // namespace headgate::test

// Runs `body` in a fresh image of this program, so that the environment is read and mounts are made there alone.
#define HG_IN_CHILD(body)                                                                        \
  do {                                                                                           \
    GTEST_FLAG_SET(death_test_style, "threadsafe");                                              \
    EXPECT_EXIT((body(), ::headgate::test::ExitWithFindings()), testing::ExitedWithCode(0), ""); \
  } while (false)
