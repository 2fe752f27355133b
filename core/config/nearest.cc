#include <algorithm>

#include "core/config/spec.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

constexpr std::size_t kPrefixBytesMin = 4;
constexpr std::size_t kComparedBytesMax = 128;  // longer names are no typos, and the table below is quadratic

// Insertions, deletions, substitutions and swaps of neighbours, each counted as one (optimal string alignment).
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view name, const std::vector<std::string_view>& known) {
  if (name.empty() || name.size() > kComparedBytesMax) return {};
  // A third of the name may be wrong, at most 3 letters: beyond that a suggestion misleads.
  const std::size_t limit = std::clamp<std::size_t>(name.size() / 3, 1, 3);
  const std::string wanted = ToLower(name);
  std::size_t best = limit + 1;
  std::string_view nearest;
  for (const std::string_view candidate : known) {
    if (candidate.size() > wanted.size() + limit || wanted.size() > candidate.size() + limit) continue;
    const std::size_t distance = EditDistance(wanted, ToLower(candidate));
    if (distance < best && distance < candidate.size()) {  // all letters different is no likeness
      best = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty() || wanted.size() < kPrefixBytesMin) return nearest;
  for (const std::string_view candidate : known) {  // "user" for "username"; the first of several
    if (ToLower(candidate).starts_with(wanted)) return candidate;
  }
  return {};
}

}  // namespace headgate::config
