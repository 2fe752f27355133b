#include "core/sql/regex_captures.h"

#include <algorithm>
#include <optional>
#include <set>

namespace headgate::sql {
namespace {

using PartPtr = std::unique_ptr<RegexPart>;

bool NeedsParts(RegexFlags flags) { return (flags & (kMixed | kCaptures)) != 0; }

PartPtr Make(RegexPart::Kind kind, RegexFlags flags, std::vector<RegexPiece> pieces) {
  auto part = std::make_unique<RegexPart>();
  part->kind = kind;
  part->shorter = Preference(flags) == kShorter;
  part->pieces = std::move(pieces);
  return part;
}

PartPtr Pair(PartPtr first, PartPtr second, RegexFlags flags) {
  std::vector<RegexPiece> pieces = first->pieces;
  pieces.insert(pieces.end(), second->pieces.begin(), second->pieces.end());
  PartPtr pair = Make(RegexPart::Kind::kPair, flags, std::move(pieces));
  pair->parts.push_back(std::move(first));
  pair->parts.push_back(std::move(second));
  return pair;
}

PartPtr OfNode(const RegexNode& node);

PartPtr OfRepeat(const RegexNode& node) {
  const RegexNode& atom = *node.children[0];
  const RegexFlags preferences = atom.flags & (kLonger | kShorter | kMixed);
  const bool once = node.min == 1 && node.max == 1;
  if (once && (node.preference == 0 || preferences == 0 || preferences == node.preference)) return OfNode(atom);
  if ((atom.flags & kCaptures) == 0) return Make(RegexPart::Kind::kPlain, node.flags, {{&node}});
  if (node.min > 0) {  // the last time decides what the groups are
    const int before = node.max == kUnbounded ? kUnbounded : node.max - 1;
    return Pair(Make(RegexPart::Kind::kPlain, node.flags, {{&atom, node.min - 1, before}}), OfNode(atom), node.flags);
  }
  PartPtr repeat = Make(RegexPart::Kind::kRepeat, node.flags, {{&node}});
  repeat->max = node.max;
  repeat->parts.push_back(OfNode(atom));
  return repeat;
}

RegexFlags FlagsOf(const RegexNode& item) {
  return item.kind == RegexNode::Kind::kRepeat ? item.preference | item.children[0]->flags : item.flags;
}

// The items of a concatenation from `from` on.
PartPtr OfItems(const RegexNode& node, std::size_t from) {
  std::vector<RegexPiece> plain;
  RegexFlags flags = 0;
  std::size_t at = from;
  for (; at < node.children.size(); ++at) {
    const RegexFlags item = FlagsOf(*node.children[at]);
    if (NeedsParts(Combine(flags | item, 0))) break;
    flags = Combine(flags, item);
    plain.push_back({node.children[at].get()});
  }
  if (at == node.children.size()) return Make(RegexPart::Kind::kPlain, flags, std::move(plain));
  const RegexNode& item = *node.children[at];
  PartPtr part = item.kind == RegexNode::Kind::kRepeat ? OfRepeat(item) : OfNode(item);
  if (at + 1 < node.children.size()) part = Pair(std::move(part), OfItems(node, at + 1), item.flags);
  if (plain.empty()) return part;
  return Pair(Make(RegexPart::Kind::kPlain, flags, std::move(plain)), std::move(part), flags);
}

PartPtr OfGroup(const RegexNode& node) {
  PartPtr inner = OfNode(*node.children[0]);
  if (inner->capture != 0) {  // a group within a group: one part has one number
    PartPtr outer = Make(RegexPart::Kind::kAlternate, node.flags, {{&node}});
    outer->parts.push_back(std::move(inner));
    inner = std::move(outer);
  }
  inner->capture = node.capture;
  return inner;
}

PartPtr OfNode(const RegexNode& node) {
  PartPtr part;
  if (!NeedsParts(node.flags)) {
    part = Make(RegexPart::Kind::kPlain, 0, {{&node}});
  } else if (node.kind == RegexNode::Kind::kConcat) {
    part = OfItems(node, 0);
  } else if (node.kind == RegexNode::Kind::kRepeat) {
    part = OfRepeat(node);
  } else if (node.kind == RegexNode::Kind::kGroup) {
    part = OfGroup(node);
  } else {
    part = Make(RegexPart::Kind::kAlternate, 0, {{&node}});
    for (const RegexNodePtr& child : node.children) part->parts.push_back(OfNode(*child));
  }
  part->shorter = Preference(node.flags) == kShorter;
  return part;
}

std::vector<std::size_t> EndsOf(const RegexPart& part, std::string_view text, RegexSpan within) {
  std::vector<std::size_t> ends;
  part.program().Ends(text, within.start, within.end, [&ends](std::size_t end) {
    ends.push_back(end);
    return true;
  });
  if (!part.shorter) std::ranges::reverse(ends);
  return ends;
}

// Divides a part of the text among repetitions of `part`, each taking what it prefers; where the last one starts.
class Repetition {
 public:
  Repetition(const RegexPart& part, int max, std::string_view text, RegexSpan span)
      : part_(part), max_(max), text_(text), span_(span) {}

  std::optional<std::size_t> LastStart() {
    Enter(span_.start);
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      if (frame.next == frame.ends.size()) {
        failed_.insert(Key(frame.start));
        stack_.pop_back();
        continue;
      }
      const std::size_t end = frame.ends[frame.next++];
      if (end == span_.end) return frame.start;
      const bool last = max_ != kUnbounded && static_cast<int>(stack_.size()) >= max_;
      if (!last && end != frame.start) Enter(end);
    }
    return std::nullopt;
  }

 private:
  struct Frame {
    std::size_t start;
    std::vector<std::size_t> ends;  // as preferred
    std::size_t next = 0;
  };
  // What is known not to lead to an end: a place, and how many repetitions came before it if their number counts.
  using Place = std::pair<std::size_t, std::size_t>;
  Place Key(std::size_t start) const { return {start, max_ == kUnbounded ? 0 : stack_.size()}; }
  void Enter(std::size_t start) {
    stack_.push_back({start, {}, 0});
    if (failed_.contains(Key(start))) return;  // nothing to try
    stack_.back().ends = EndsOf(part_, text_, {start, span_.end});
  }

  const RegexPart& part_;
  int max_;
  std::string_view text_;
  RegexSpan span_;
  std::vector<Frame> stack_;
  std::set<Place> failed_;
};

void AssignPair(const RegexPart& part, std::string_view text, RegexSpan span, std::vector<RegexSpan>& groups) {
  const RegexPart& second = *part.parts[1];
  for (const std::size_t middle : EndsOf(*part.parts[0], text, span)) {
    if (!second.program().Exactly(text, {middle, span.end})) continue;
    AssignGroups(*part.parts[0], text, {span.start, middle}, groups);
    AssignGroups(second, text, {middle, span.end}, groups);
    return;
  }
}

}  // namespace

const RegexProgram& RegexPart::program() const {
  if (!program_) program_ = std::make_unique<RegexProgram>(pieces);
  return *program_;
}

std::unique_ptr<RegexPart> DivideRegex(const RegexNode& root) { return OfNode(root); }

void AssignGroups(const RegexPart& part, std::string_view text, RegexSpan span, std::vector<RegexSpan>& groups) {
  switch (part.kind) {
    case RegexPart::Kind::kPlain:
      break;
    case RegexPart::Kind::kPair:
      AssignPair(part, text, span, groups);
      break;
    case RegexPart::Kind::kAlternate:
      for (const auto& choice : part.parts) {
        if (!choice->program().Exactly(text, span)) continue;
        AssignGroups(*choice, text, span, groups);
        break;
      }
      break;
    case RegexPart::Kind::kRepeat:
      // Of nothing: not at all, or once if the part would rather have more than less.
      if (span.start == span.end && part.parts[0]->shorter) break;
      if (const auto last = Repetition(*part.parts[0], part.max, text, span).LastStart())
        AssignGroups(*part.parts[0], text, {*last, span.end}, groups);
      break;
  }
  if (part.capture > 0) groups[part.capture] = span;
}

}  // namespace headgate::sql
