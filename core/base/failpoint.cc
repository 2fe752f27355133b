#include "core/base/failpoint.h"

#if HEADGATE_FAILPOINTS

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>

namespace headgate {
namespace {

struct Rule {
  std::string name;
  bool kill = false;
  long at = 0;  // 0: every hit
  std::atomic<long> hits = 0;
};

// Read once, at the first hit; only the counters change afterwards.
std::deque<Rule>& Rules() {
  static std::deque<Rule> rules = [] {
    std::deque<Rule> parsed;
    const char* env = std::getenv("HEADGATE_FAILPOINTS");
    std::string_view rest = env == nullptr ? "" : env;
    while (!rest.empty()) {
      const std::string_view item = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), item.size() + 1));
      const auto equals = item.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view action = item.substr(equals + 1);
      Rule& rule = parsed.emplace_back();
      rule.name = item.substr(0, equals);
      rule.kill = action.starts_with("kill");
      const auto colon = action.find(':');
      rule.at = colon == std::string_view::npos ? (rule.kill ? 1 : 0)
                                                : std::atol(std::string(action.substr(colon + 1)).c_str());
    }
    return parsed;
  }();
  return rules;
}

}  // namespace

bool FailpointHit(std::string_view name) {
  for (Rule& rule : Rules()) {
    if (rule.name != name) continue;
    const long hit = rule.hits.fetch_add(1) + 1;
    if (rule.at != 0 && hit != rule.at) continue;
    if (!rule.kill) return true;
    std::fprintf(stderr, "failpoint %s: kill\n", rule.name.c_str());
    std::raise(SIGKILL);
  }
  return false;
}

}  // namespace headgate

#endif
