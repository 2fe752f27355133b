// Regular expressions of SQL: one byte of options, the expression up to a zero byte, the text.
#include <algorithm>

#include "core/base/check.h"
#include "core/sql/regex.h"
#include "tests/fuzz/input.h"

namespace {

using headgate::sql::RegexSpan;

constexpr std::size_t kPatternMax = 100;
constexpr std::size_t kTextMax = 100;

void Check(const headgate::sql::Regex& regex, std::string_view text) {
  const auto match = regex.Find(text, 0);
  CHECK(match.has_value() == regex.Matches(text));
  if (!match) return;
  CHECK(match->start <= match->end && match->end <= text.size());
  const auto groups = regex.Groups(text, *match);
  CHECK(groups.size() == regex.groups() + 1);
  for (const RegexSpan& group : groups) {
    if (group.matched()) CHECK(match->start <= group.start && group.start <= group.end && group.end <= match->end);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate::sql;
  std::string_view bytes = headgate::fuzz::Bytes(data, size);
  const std::size_t choice = headgate::fuzz::Choose(bytes, 32);
  RegexOptions options;
  options.ignore_case = (choice & 1) != 0;
  options.expanded = (choice & 2) != 0;
  options.newline_stops = (choice & 4) != 0;
  options.newline_anchors = (choice & 8) != 0;
  options.literal = choice == 31;
  const std::string_view pattern = bytes.substr(0, std::min(bytes.find('\0'), kPatternMax));
  bytes.remove_prefix(std::min(pattern.size() + 1, bytes.size()));
  EvalContext context;
  const auto regex = Regex::Of(context, pattern, options);
  CHECK((regex == nullptr) == context.failed());
  if (regex) Check(*regex, bytes.substr(0, kTextMax));
  return 0;
}
