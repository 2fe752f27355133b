#include "core/sql/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <list>

#include "core/sql/regex_captures.h"

namespace headgate::sql {
namespace {

constexpr std::int64_t kFinderBytesMax = 4 << 20;  // of one expression in RE2; it does without its cache beyond that
constexpr std::size_t kKept = 32;

bool UsesWords(const RegexNode& node) {
  if (node.kind == RegexNode::Kind::kAssertion && node.assertion >= RegexAssertion::kWordStart) return true;
  return std::ranges::any_of(node.children, [](const RegexNodePtr& child) { return UsesWords(*child); });
}

// The same expression for RE2.
class Re2Writer {
 public:
  std::string Run(const RegexNode& root) {
    Write(root);
    return std::move(out_);
  }

 private:
  void Code(char32_t c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      out_.push_back(static_cast<char>(c));
      return;
    }
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<std::uint32_t>(c), 16).ptr;
    out_.append("\\x{").append(digits, end).append("}");
  }
  void Set(const CharacterSet& set) {
    const auto& ranges = set.ranges();
    if (ranges.empty() || ranges.front().first > CharacterSet::kLast) {
      out_ += "[^\\x{0}-\\x{10ffff}]";
      return;
    }
    if (ranges.size() == 1 && ranges[0].first == ranges[0].second) return Code(ranges[0].first);
    out_.push_back('[');
    for (const auto& [first, last] : ranges) {
      if (first > CharacterSet::kLast) break;
      Code(first);
      if (last == first) continue;
      out_.push_back('-');
      Code(std::min(last, CharacterSet::kLast));
    }
    out_.push_back(']');
  }
  void Assertion(RegexAssertion assertion) {
    switch (assertion) {
      case RegexAssertion::kTextStart:
        out_ += "\\A";
        break;
      case RegexAssertion::kTextEnd:
        out_ += "\\z";
        break;
      case RegexAssertion::kLineStart:
        out_ += "(?m:^)";
        break;
      default:
        out_ += "(?m:$)";
    }
  }
  void Write(const RegexNode& node) {
    switch (node.kind) {
      case RegexNode::Kind::kSet:
        return Set(node.set);
      case RegexNode::Kind::kAssertion:
        return Assertion(node.assertion);
      case RegexNode::Kind::kConcat:
      case RegexNode::Kind::kGroup:
        for (const RegexNodePtr& child : node.children) Write(*child);
        return;
      case RegexNode::Kind::kAlternate:
        out_ += "(?:";
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          if (i > 0) out_.push_back('|');
          Write(*node.children[i]);
        }
        out_.push_back(')');
        return;
      case RegexNode::Kind::kRepeat:
        out_ += "(?:";
        Write(*node.children[0]);
        out_ += "){" + std::to_string(node.min) + ",";
        if (node.max != kUnbounded) out_ += std::to_string(node.max);
        out_.push_back('}');
    }
  }

  std::string out_;
};

std::unique_ptr<re2::RE2> MakeFinder(const RegexNode& root) {
  if (UsesWords(root)) return nullptr;  // RE2's words are ASCII's
  RE2::Options options;
  options.set_longest_match(true);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kFinderBytesMax);
  auto finder = std::make_unique<re2::RE2>(Re2Writer().Run(root), options);
  return finder->ok() ? std::move(finder) : nullptr;
}

struct CachedRegex {
  std::string pattern;
  RegexOptions options;
  std::shared_ptr<const Regex> regex;
};

}  // namespace

Regex::Regex(RegexTree tree) : tree_(std::move(tree)) {
  const RegexPiece all[] = {{tree_.root.get()}};
  whole_ = std::make_unique<RegexProgram>(all);
  if (whole_->too_complex()) return;
  finder_ = MakeFinder(*tree_.root);
  if (tree_.groups > 0) parts_ = DivideRegex(*tree_.root);
}
Regex::~Regex() = default;

std::shared_ptr<const Regex> Regex::Of(EvalContext& context, std::string_view pattern, RegexOptions options) {
  thread_local std::list<CachedRegex> kept;  // the last used in front
  const auto found =
      std::ranges::find_if(kept, [&](const CachedRegex& k) { return k.pattern == pattern && k.options == options; });
  if (found != kept.end()) {
    kept.splice(kept.begin(), kept, found);
    return kept.front().regex;
  }
  RegexTree tree = ParseRegex(pattern, options);
  std::shared_ptr<const Regex> regex;
  if (tree.problem.empty()) {
    regex.reset(new Regex(std::move(tree)));
    if (regex->whole_->too_complex()) {
      context.Fail("2201B", "invalid regular expression: regular expression is too complex");
      return nullptr;
    }
  } else {
    context.Fail(tree.supported ? "2201B" : "0A000",
                 (tree.supported ? "invalid regular expression: " : "regular expression: ") + tree.problem);
    return nullptr;
  }
  kept.push_front({std::string(pattern), options, regex});
  if (kept.size() > kKept) kept.pop_back();
  return regex;
}

bool Regex::Matches(std::string_view text) const {
  if (finder_) return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *finder_);
  return whole_->FirstStart(text, 0).has_value();
}

std::optional<RegexSpan> Regex::Find(std::string_view text, std::size_t from) const {
  RegexSpan span;
  if (finder_) {
    re2::StringPiece match;
    if (!finder_->Match(re2::StringPiece(text.data(), text.size()), from, text.size(), RE2::UNANCHORED, &match, 1))
      return std::nullopt;
    span.start = static_cast<std::size_t>(match.data() - text.data());
    span.end = span.start + match.size();
  } else {
    const auto start = whole_->FirstStart(text, from);
    if (!start) return std::nullopt;
    span.start = *start;
    span.end = whole_->Longest(text, *start).value_or(*start);
  }
  if (Preference(tree_.root->flags) == kShorter) span.end = whole_->Shortest(text, span.start).value_or(span.end);
  return span;
}

std::vector<RegexSpan> Regex::Groups(std::string_view text, RegexSpan match) const {
  std::vector<RegexSpan> groups(tree_.groups + 1);
  if (parts_) AssignGroups(*parts_, text, match, groups);
  groups[0] = match;
  return groups;
}

}  // namespace headgate::sql
