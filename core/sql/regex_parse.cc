#include "core/sql/regex_reader.h"

namespace headgate::sql {
namespace {

constexpr int kRepeatMax = 255;
constexpr std::size_t kRegexDepthMax = 500;  // the engine recurses as groups nest

constexpr const char* kBadRepeat = "quantifier operand invalid";
constexpr const char* kBadBound = "invalid repetition count(s)";
constexpr const char* kUnclosedGroup = "parentheses () not balanced";

class RegexParser : RegexReader {
 public:
  RegexParser(std::u32string pattern, RegexOptions options) : RegexReader(std::move(pattern), options) {}

  RegexTree Run() {
    RegexTree tree;
    if (!options_.literal) Prefix();
    if (options_.literal) {
      tree.root = Literal();
    } else if (!failed()) {
      tree.root = Alternation(0);
    }
    tree.groups = groups_;
    tree.problem = problem_;
    tree.supported = supported_;
    return tree;
  }

 private:
  static RegexNodePtr Make(RegexNode::Kind kind) {
    auto node = std::make_unique<RegexNode>();
    node->kind = kind;
    return node;
  }
  static RegexNodePtr OfSet(CharacterSet set) {
    RegexNodePtr node = Make(RegexNode::Kind::kSet);
    node->set = std::move(set);
    return node;
  }
  static RegexNodePtr OfAssertion(RegexAssertion assertion) {
    RegexNodePtr node = Make(RegexNode::Kind::kAssertion);
    node->assertion = assertion;
    return node;
  }
  RegexNodePtr OfCharacter(char32_t c) const {
    CharacterSet set;
    AddCharacter(set, c);
    set.Settle();
    return OfSet(std::move(set));
  }

  RegexNodePtr Literal() {
    RegexNodePtr all = Make(RegexNode::Kind::kConcat);
    for (; at_ < pattern_.size(); ++at_) all->children.push_back(OfCharacter(pattern_[at_]));
    return all;
  }

  // ***: and ***= in front of everything, then (?options).
  void Prefix() {
    if (Take(U"***=")) {
      options_.literal = true;
      return;
    }
    if (!Take(U"***:") && Sees(U"***")) return Fail(kBadRepeat);
    const auto is_letter = [](char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (!Sees(U"(?") || !is_letter(Peek(2))) return;
    at_ += 2;
    for (; !done() && is_letter(Peek()); ++at_) Option(Peek());
    if (!failed() && !Take(U")")) Fail("invalid embedded option");
  }
  void Option(char32_t option) {
    switch (option) {
      case 'c':
      case 'i':
        options_.ignore_case = option == 'i';
        break;
      case 'm':
      case 'n':
        options_.newline_stops = options_.newline_anchors = true;
        break;
      case 'p':
      case 's':
      case 'w':
        options_.newline_stops = option == 'p';
        options_.newline_anchors = option == 'w';
        break;
      case 'q':
        options_.literal = true;
        break;
      case 't':
      case 'x':
        options_.expanded = option == 'x';
        break;
      case 'b':
      case 'e':
        Refuse("POSIX basic and extended regular expressions (options b and e) are not supported");
        break;
      default:
        Fail("invalid embedded option");
    }
  }

  // What does not count between the elements of an expression.
  void Skip() {
    while (true) {
      if (Take(U"(?#")) {
        while (at_ < pattern_.size() && pattern_[at_] != ')') ++at_;
        if (at_ < pattern_.size()) ++at_;
        continue;
      }
      if (!options_.expanded || at_ >= pattern_.size()) return;
      if (Peek() == '#') {
        while (at_ < pattern_.size() && pattern_[at_] != '\n') ++at_;
      } else if (Peek() == ' ' || (Peek() >= '\t' && Peek() <= '\r')) {
        ++at_;
      } else {
        return;
      }
    }
  }

  RegexNodePtr Alternation(std::size_t depth) {
    if (depth > kRegexDepthMax) Fail("regular expression is too complex");
    RegexNodePtr first = Branch(depth);
    if (failed() || Peek() != '|' || at_ >= pattern_.size()) return first;
    RegexNodePtr all = Make(RegexNode::Kind::kAlternate);
    all->flags = kLonger;
    const auto add = [&all](RegexNodePtr branch) {
      all->flags |= Combine(kLonger, branch->flags);
      all->children.push_back(std::move(branch));
    };
    add(std::move(first));
    while (!failed() && Take(U"|")) add(Branch(depth));
    return all;
  }

  RegexNodePtr Branch(std::size_t depth) {
    RegexNodePtr all = Make(RegexNode::Kind::kConcat);
    while (true) {
      Skip();
      if (done() || Peek() == '|') break;
      if (Peek() == ')') {
        if (depth == 0) Fail(kUnclosedGroup);
        break;
      }
      RegexNodePtr item = Item(depth);
      if (failed()) break;
      all->flags = Combine(all->flags, item->flags);
      all->children.push_back(std::move(item));
    }
    return all;
  }

  // An atom and its quantifier. An assertion takes none: a quantifier behind it has nothing to stand behind.
  RegexNodePtr Item(std::size_t depth) {
    RegexNodePtr atom = Atom(depth);
    if (failed() || atom->kind == RegexNode::Kind::kAssertion) return atom;
    Skip();
    int min = 1;
    int max = 1;
    bool prefers = true;
    if (Take(U"*")) {
      min = 0;
      max = kUnbounded;
    } else if (Take(U"+")) {
      max = kUnbounded;
    } else if (Take(U"?")) {
      min = 0;
    } else if (!at_end() && AtBound()) {
      ++at_;
      prefers = Bound(min, max);
    } else {
      return atom;
    }
    const bool shorter = !failed() && Take(U"?");
    if (max == 0) return Make(RegexNode::Kind::kConcat);  // the atom goes, with what it would prefer
    RegexNodePtr repeat = Make(RegexNode::Kind::kRepeat);
    repeat->min = min;
    repeat->max = max;
    if (prefers) repeat->preference = shorter ? kShorter : kLonger;
    repeat->flags = Combine(repeat->preference, atom->flags);
    repeat->children.push_back(std::move(atom));
    return repeat;
  }

  // A brace that is not followed by a digit is a character.
  bool AtBound() {
    if (Peek() != '{') return false;
    std::size_t ahead = 1;
    while (options_.expanded && (Peek(ahead) == ' ' || (Peek(ahead) >= '\t' && Peek(ahead) <= '\r'))) ++ahead;
    return IsDigit(Peek(ahead));
  }
  int Number() {
    int number = 0;
    for (Skip(); !done() && IsDigit(Peek()); ++at_, Skip()) {
      number = number * 10 + static_cast<int>(Peek() - '0');
      if (number > kRepeatMax) Fail(kBadBound);
    }
    return number;
  }
  // Behind "{"; false for {m}, which leaves the preference to the atom.
  bool Bound(int& min, int& max) {
    min = max = Number();
    bool range = false;
    if (!failed() && Take(U",")) {
      range = true;
      Skip();
      max = IsDigit(Peek()) ? Number() : kUnbounded;
    }
    if (!failed() && at_end()) Fail("braces {} not balanced");
    if (!failed() && !Take(U"}")) Fail(kBadBound);
    if (max != kUnbounded && min > max) Fail(kBadBound);
    return range;
  }

  RegexNodePtr Atom(std::size_t depth) {
    if (AtBound()) Fail(kBadRepeat);
    const char32_t c = failed() ? U'\0' : pattern_[at_++];
    switch (c) {
      case '(':
        return Group(depth);
      case '[':
        if (Take(U"[:<:]]")) return OfAssertion(RegexAssertion::kWordStart);
        if (Take(U"[:>:]]")) return OfAssertion(RegexAssertion::kWordEnd);
        return OfSet(ReadBracket());
      case '.': {
        CharacterSet set;
        if (options_.newline_stops) set.Add('\n', '\n');
        return OfSet(set.Complement());
      }
      case '^':
        return OfAssertion(options_.newline_anchors ? RegexAssertion::kLineStart : RegexAssertion::kTextStart);
      case '$':
        return OfAssertion(options_.newline_anchors ? RegexAssertion::kLineEnd : RegexAssertion::kTextEnd);
      case '*':
      case '+':
      case '?':
        Fail(kBadRepeat);
        return Make(RegexNode::Kind::kConcat);
      case '\\':
        return Escaped();
      default:
        return OfCharacter(c);
    }
  }

  RegexNodePtr Group(std::size_t depth) {
    RegexNodePtr group = Make(RegexNode::Kind::kGroup);
    if (Sees(U"?=") || Sees(U"?!") || Sees(U"?<=") || Sees(U"?<!")) {
      Refuse("lookahead and lookbehind are not supported");
    } else if (Take(U"?:")) {
      group->capture = 0;
    } else if (!at_end() && Peek() == '?') {
      Fail(kBadRepeat);
    } else {
      group->capture = ++groups_;
    }
    if (failed()) return group;
    RegexNodePtr inner = Alternation(depth + 1);
    if (!failed() && !Take(U")")) Fail(kUnclosedGroup);
    if (group->capture == 0) return inner;
    group->flags = inner->flags | kCaptures;
    group->children.push_back(std::move(inner));
    return group;
  }

  RegexNodePtr Escaped() {
    const RegexEscape escape = ReadEscape();
    switch (escape.kind) {
      case RegexEscape::Kind::kCharacter:
        return OfCharacter(escape.character);
      case RegexEscape::Kind::kClass:
        return OfSet(*escape.set);
      case RegexEscape::Kind::kComplement:
        return OfSet(escape.set->Complement());
      case RegexEscape::Kind::kAssertion:
        return OfAssertion(escape.assertion);
      case RegexEscape::Kind::kBackReference:
        if (escape.character > groups_) {
          Fail("invalid backreference number");
        } else {
          Refuse("back-references are not supported");
        }
        break;
    }
    return Make(RegexNode::Kind::kConcat);
  }
};

}  // namespace

RegexTree ParseRegex(std::string_view pattern, RegexOptions options) {
  return RegexParser(Characters(pattern), options).Run();
}

}  // namespace headgate::sql
