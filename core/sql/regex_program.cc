#include "core/sql/regex_program.h"

#include <algorithm>

namespace headgate::sql {
namespace {

constexpr std::size_t kInstructionsMax = 200'000;

std::size_t Before(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

bool IsWord(char32_t c) { return CharacterSet::OfWords().Has(c); }

bool Holds(RegexAssertion assertion, std::string_view text, std::size_t at) {
  const bool first = at == 0;
  const bool last = at == text.size();
  switch (assertion) {
    case RegexAssertion::kTextStart:
      return first;
    case RegexAssertion::kTextEnd:
      return last;
    case RegexAssertion::kLineStart:
      return first || text[at - 1] == '\n';
    case RegexAssertion::kLineEnd:
      return last || text[at] == '\n';
    default:
      break;
  }
  std::size_t place = first ? 0 : Before(text, at);
  const bool word_before = !first && IsWord(NextCharacter(text, place));
  place = at;
  const bool word_behind = !last && IsWord(NextCharacter(text, place));
  switch (assertion) {
    case RegexAssertion::kWordStart:
      return !word_before && word_behind;
    case RegexAssertion::kWordEnd:
      return word_before && !word_behind;
    case RegexAssertion::kWordEdge:
      return word_before != word_behind;
    default:
      return word_before == word_behind;
  }
}

}  // namespace

RegexProgram::RegexProgram(std::span<const RegexPiece> pieces) {
  std::uint32_t next = Emit({});
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece)
    next = Repeat(*piece->node, piece->min, piece->max, next);
  start_ = next;
}

std::uint32_t RegexProgram::Emit(Instruction instruction) {
  if (code_.size() >= kInstructionsMax) {
    too_complex_ = true;
    return 0;
  }
  code_.push_back(instruction);
  return static_cast<std::uint32_t>(code_.size() - 1);
}

// Made from the end: `next` is what follows the node.
std::uint32_t RegexProgram::Compile(const RegexNode& node, std::uint32_t next) {
  if (too_complex_) return next;
  using Kind = Instruction::Kind;
  switch (node.kind) {
    case RegexNode::Kind::kSet:
      return Emit({Kind::kSet, &node.set, {}, next, 0});
    case RegexNode::Kind::kAssertion:
      return Emit({Kind::kAssertion, nullptr, node.assertion, next, 0});
    case RegexNode::Kind::kConcat:
    case RegexNode::Kind::kGroup:
      for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) next = Compile(**child, next);
      return next;
    case RegexNode::Kind::kAlternate: {
      std::uint32_t all = Compile(*node.children[0], next);
      for (std::size_t i = 1; i < node.children.size(); ++i)
        all = Emit({Kind::kSplit, nullptr, {}, all, Compile(*node.children[i], next)});
      return all;
    }
    case RegexNode::Kind::kRepeat:
      return Repeat(*node.children[0], node.min, node.max, next);
  }
  return next;
}

std::uint32_t RegexProgram::Repeat(const RegexNode& node, int min, int max, std::uint32_t next) {
  using Kind = Instruction::Kind;
  std::uint32_t at = next;
  if (max == kUnbounded) {
    const std::uint32_t loop = Emit({Kind::kSplit, nullptr, {}, next, next});
    const std::uint32_t body = Compile(node, loop);
    code_[loop].other = body;
    at = loop;
  }
  for (int i = min; i < max && !too_complex_; ++i) at = Emit({Kind::kSplit, nullptr, {}, Compile(node, at), next});
  for (int i = 0; i < min && !too_complex_; ++i) at = Compile(node, at);
  return at;
}

// The states that the automaton may be in at one place, with the earliest start of a match that leads to each.
class RegexProgram::Run {
 public:
  Run(const RegexProgram& program, std::string_view text) : code_(program.code_), text_(text), seen_(code_.size(), 0) {}

  bool idle() const { return states_.empty(); }
  // Where the match that now ends here has started.
  std::optional<std::size_t> accepted() const { return accepted_; }

  // Before the states of a place are added; what is added first counts.
  void Begin(std::size_t at) {
    at_ = at;
    ++generation_;
    states_.clear();
    accepted_.reset();
  }
  void Add(std::uint32_t first, std::size_t start) {
    stack_.push_back(first);
    while (!stack_.empty()) {
      const std::uint32_t i = stack_.back();
      stack_.pop_back();
      if (seen_[i] == generation_) continue;
      seen_[i] = generation_;
      const Instruction& instruction = code_[i];
      switch (instruction.kind) {
        case Instruction::Kind::kSplit:
          stack_.push_back(instruction.other);
          stack_.push_back(instruction.next);
          break;
        case Instruction::Kind::kAssertion:
          if (Holds(instruction.assertion, text_, at_)) stack_.push_back(instruction.next);
          break;
        case Instruction::Kind::kAccept:
          accepted_ = start;
          break;
        case Instruction::Kind::kSet:
          states_.push_back({i, start});
          break;
      }
    }
  }
  // Takes the character at this place. States from a start behind `latest` go.
  void Step(std::size_t latest = RegexSpan::kNone) {
    std::size_t next = at_;
    const char32_t c = NextCharacter(text_, next);
    previous_.swap(states_);
    Begin(next);
    for (const State& state : previous_) {
      if (state.start <= latest && code_[state.instruction].set->Has(c))
        Add(code_[state.instruction].next, state.start);
    }
  }
  std::size_t at() const { return at_; }

 private:
  struct State {
    std::uint32_t instruction;
    std::size_t start;
  };
  const std::vector<Instruction>& code_;
  std::string_view text_;
  std::vector<std::uint64_t> seen_;
  std::uint64_t generation_ = 0;
  std::vector<State> states_;
  std::vector<State> previous_;
  std::vector<std::uint32_t> stack_;
  std::size_t at_ = 0;
  std::optional<std::size_t> accepted_;
};

void RegexProgram::Ends(std::string_view text, std::size_t from, std::size_t limit,
                        const std::function<bool(std::size_t)>& each) const {
  Run run(*this, text);
  run.Begin(from);
  run.Add(start_, from);
  while (true) {
    if (run.accepted() && !each(run.at())) return;
    if (run.idle() || run.at() >= limit) return;
    run.Step();
  }
}

std::optional<std::size_t> RegexProgram::Shortest(std::string_view text, std::size_t from) const {
  std::optional<std::size_t> found;
  Ends(text, from, text.size(), [&found](std::size_t end) {
    found = end;
    return false;
  });
  return found;
}

std::optional<std::size_t> RegexProgram::Longest(std::string_view text, std::size_t from) const {
  std::optional<std::size_t> found;
  Ends(text, from, text.size(), [&found](std::size_t end) {
    found = end;
    return true;
  });
  return found;
}

bool RegexProgram::Exactly(std::string_view text, RegexSpan span) const {
  bool found = false;
  Ends(text, span.start, span.end, [&found, &span](std::size_t end) {
    found = end == span.end;
    return !found;
  });
  return found;
}

std::optional<std::size_t> RegexProgram::FirstStart(std::string_view text, std::size_t from) const {
  Run run(*this, text);
  std::optional<std::size_t> first;
  run.Begin(from);
  while (true) {
    if (!first) run.Add(start_, run.at());
    if (run.accepted()) first = std::min(first.value_or(*run.accepted()), *run.accepted());
    if (first == from || run.at() >= text.size() || (first && run.idle())) return first;
    run.Step(first ? *first - 1 : RegexSpan::kNone);
  }
}

}  // namespace headgate::sql
