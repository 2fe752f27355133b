#include "core/base/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace headgate {
namespace {

// What it is about is what the thread sanitizer has to say.
TEST(Regex, ManyThreadsCompileAndMatchAtOnce) {
  std::vector<std::jthread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([] {
      const std::regex shop = CompileRegex(R"(shop\.public\.\w+\b[^a-c]*)", std::regex::ECMAScript | std::regex::icase);
      EXPECT_TRUE(std::regex_match("Shop.public.orders-1", shop));
      EXPECT_FALSE(std::regex_match("shop.public.orders-b", shop));
    });
  }
}

TEST(Regex, ABadPatternIsThrown) { EXPECT_THROW(CompileRegex("shop.(", std::regex::ECMAScript), std::regex_error); }

}  // namespace
}  // namespace headgate
