#include "core/sql/regex_tree.h"

#include <algorithm>

namespace headgate::sql {
namespace {

template <class Predicate>
CharacterSet AllOf(Predicate predicate) {
  CharacterSet set;
  bool inside = false;
  char32_t first = 0;
  for (char32_t c = 0; c <= CharacterSet::kLast + 1; ++c) {
    const bool now = c <= CharacterSet::kLast && predicate(c);
    if (now && !inside) first = c;
    if (!now && inside) set.Add(first, c - 1);
    inside = now;
  }
  set.Settle();
  return set;
}

}  // namespace

void CharacterSet::Settle() {
  std::ranges::sort(ranges_);
  std::vector<std::pair<char32_t, char32_t>> merged;
  for (const auto& [first, last] : ranges_) {
    if (!merged.empty() && first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, last);
    } else {
      merged.emplace_back(first, last);
    }
  }
  ranges_ = std::move(merged);
  ascii_ = {};
  for (const auto& [first, last] : ranges_) {
    for (char32_t c = first; c <= last && c < 128; ++c) ascii_[c / 64] |= std::uint64_t{1} << (c % 64);
  }
}

CharacterSet CharacterSet::Complement() const {
  CharacterSet out;
  char32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) out.Add(next, first - 1);
    next = last + 1;
  }
  if (next <= kLast) out.Add(next, kLast);
  out.Settle();
  return out;
}

bool CharacterSet::Has(char32_t c) const {
  if (c < 128) return (ascii_[c / 64] >> (c % 64) & 1) != 0;
  const auto behind = std::ranges::upper_bound(ranges_, c, {}, &std::pair<char32_t, char32_t>::first);
  return behind != ranges_.begin() && c <= std::prev(behind)->second;
}

const CharacterSet& CharacterSet::OfClass(CharacterClass of) {
  static const auto all = [] {
    std::array<CharacterSet, static_cast<std::size_t>(CharacterClass::kXdigit) + 1> sets;
    for (std::size_t i = 0; i < sets.size(); ++i)
      sets[i] = AllOf([i](char32_t c) { return IsOfClass(c, static_cast<CharacterClass>(i)); });
    return sets;
  }();
  return all[static_cast<std::size_t>(of)];
}

const CharacterSet& CharacterSet::OfWords() {
  static const CharacterSet words = [] {
    CharacterSet set = OfClass(CharacterClass::kAlnum);
    set.Add('_', '_');
    set.Settle();
    return set;
  }();
  return words;
}

}  // namespace headgate::sql
