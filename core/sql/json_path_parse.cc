#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "core/sql/json.h"
#include "core/sql/json_path.h"
#include "core/sql/json_path_scan.h"
#include "core/sql/numeric.h"

namespace headgate::sql {
namespace {

using Kind = PathToken::Kind;
using NodePtr = std::unique_ptr<PathNode>;

constexpr std::size_t kPathDepthMax = 1000;

NodePtr Make(PathOp op) {
  auto node = std::make_unique<PathNode>();
  node->op = op;
  return node;
}
NodePtr Make(PathOp op, NodePtr a, NodePtr b = nullptr) {
  NodePtr node = Make(op);
  node->arguments.push_back(std::move(a));
  if (b) node->arguments.push_back(std::move(b));
  return node;
}

// By descent, one function a level of precedence; null once something is wrong.
class JsonPathParser {
 public:
  JsonPathParser(std::string_view text, EvalContext& context) : scanner_(text, context), context_(context) {
    Advance();
  }

  std::unique_ptr<JsonPath> Path() {
    auto path = std::make_unique<JsonPath>();
    if (TakeWord("strict")) {
      path->strict = true;
    } else {
      TakeWord("lax");
    }
    NodePtr root = Or();
    if (!root) return nullptr;
    if (token_.kind != Kind::kEnd) return Unexpected(), nullptr;
    path->root = std::move(*root);
    return path;
  }

 private:
  void Advance() {
    token_ = scanner_.Next();
    if (scanner_.failed()) failed_ = true;
  }
  NodePtr Unexpected() {
    if (!failed_) {
      const bool end = token_.kind == Kind::kEnd;
      Fail("42601", end ? "syntax error at end of jsonpath input"
                        : "syntax error at or near \"" + token_.source + "\" of jsonpath input");
    }
    return nullptr;
  }
  NodePtr Fail(std::string_view code, std::string message) {
    if (!failed_) context_.Fail(code, std::move(message));
    failed_ = true;
    return nullptr;
  }
  bool Is(std::string_view mark) const { return token_.kind == Kind::kMark && token_.text == mark; }
  bool Take(std::string_view mark) {
    if (failed_ || !Is(mark)) return false;
    Advance();
    return true;
  }
  bool IsWord(std::string_view word) const {
    return token_.kind == Kind::kWord &&
           std::ranges::equal(token_.text, word, {}, [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  }
  bool TakeWord(std::string_view word) {
    if (failed_ || !IsWord(word)) return false;
    Advance();
    return true;
  }

  struct Depth {
    explicit Depth(std::size_t& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    std::size_t& depth;
  };

  NodePtr Or() {
    const Depth depth(depth_);
    if (depth_ > kPathDepthMax) return Fail("54001", "stack depth limit exceeded");
    NodePtr left = And();
    while (left && Is("||")) {
      if (!IsPredicate(left->op) || !left->steps.empty()) return Unexpected();
      Advance();
      NodePtr right = And();
      if (!right) return nullptr;
      if (!IsPredicate(right->op)) return Unexpected();
      left = Make(PathOp::kOr, std::move(left), std::move(right));
    }
    return left;
  }
  NodePtr And() {
    NodePtr left = Comparison();
    while (left && Is("&&")) {
      if (!IsPredicate(left->op) || !left->steps.empty()) return Unexpected();
      Advance();
      NodePtr right = Comparison();
      if (!right) return nullptr;
      if (!IsPredicate(right->op)) return Unexpected();
      left = Make(PathOp::kAnd, std::move(left), std::move(right));
    }
    return left;
  }

  std::optional<PathOp> ComparisonOp() const {
    struct Mark {
      std::string_view mark;
      PathOp op;
    };
    constexpr Mark kMarks[] = {{"==", PathOp::kEqual},     {"!=", PathOp::kNotEqual}, {"<>", PathOp::kNotEqual},
                               {"<=", PathOp::kLessEqual}, {"<", PathOp::kLess},      {">=", PathOp::kGreaterEqual},
                               {">", PathOp::kGreater}};
    for (const Mark& mark : kMarks) {
      if (Is(mark.mark)) return mark.op;
    }
    return std::nullopt;
  }

  NodePtr Comparison() {
    if (Take("!")) {
      NodePtr inner = Delimited();
      return inner ? Make(PathOp::kNot, std::move(inner)) : nullptr;
    }
    if (IsWord("exists")) return Delimited();
    NodePtr left = Sum();
    if (!left || (IsPredicate(left->op) && left->steps.empty())) return left;
    if (const auto op = ComparisonOp()) {
      Advance();
      NodePtr right = Sum();
      if (!right) return nullptr;
      if (IsPredicate(right->op) && right->steps.empty()) return Unexpected();
      return Make(*op, std::move(left), std::move(right));
    }
    if (TakeWord("starts")) {
      if (!TakeWord("with")) return Unexpected();
      if (token_.kind != Kind::kString && token_.kind != Kind::kVariable) return Unexpected();
      NodePtr right = Primary();
      return right ? Make(PathOp::kStartsWith, std::move(left), std::move(right)) : nullptr;
    }
    if (TakeWord("like_regex")) return LikeRegex(std::move(left));
    return left;
  }

  // EXISTS (path), (predicate)
  NodePtr Delimited() {
    const bool exists = TakeWord("exists");
    if (!Take("(")) return Unexpected();
    NodePtr inner = exists ? Sum() : Or();
    if (!inner) return nullptr;
    if (exists == (IsPredicate(inner->op) && inner->steps.empty())) return Unexpected();
    if (!Take(")")) return Unexpected();
    return exists ? Make(PathOp::kExists, std::move(inner)) : std::move(inner);
  }

  NodePtr Sum() {
    NodePtr left = Product();
    while (left && !failed_ && (Is("+") || Is("-"))) {
      if (IsPredicate(left->op) && left->steps.empty()) return Unexpected();
      const PathOp op = Is("+") ? PathOp::kAdd : PathOp::kSubtract;
      Advance();
      NodePtr right = Product();
      if (!right) return nullptr;
      if (IsPredicate(right->op) && right->steps.empty()) return Unexpected();
      left = Make(op, std::move(left), std::move(right));
    }
    return left;
  }
  NodePtr Product() {
    NodePtr left = Sign();
    while (left && !failed_ && (Is("*") || Is("/") || Is("%"))) {
      if (IsPredicate(left->op) && left->steps.empty()) return Unexpected();
      const PathOp op = Is("*") ? PathOp::kMultiply : (Is("/") ? PathOp::kDivide : PathOp::kModulo);
      Advance();
      NodePtr right = Sign();
      if (!right) return nullptr;
      if (IsPredicate(right->op) && right->steps.empty()) return Unexpected();
      left = Make(op, std::move(left), std::move(right));
    }
    return left;
  }
  NodePtr Sign() {
    const Depth depth(depth_);
    if (depth_ > kPathDepthMax) return Fail("54001", "stack depth limit exceeded");
    if (Is("-") || Is("+")) {
      const PathOp op = Is("-") ? PathOp::kMinus : PathOp::kPlus;
      Advance();
      NodePtr inner = Sign();
      if (!inner) return nullptr;
      if (IsPredicate(inner->op) && inner->steps.empty()) return Unexpected();
      return Make(op, std::move(inner));
    }
    NodePtr primary = Primary();
    return primary ? Steps(std::move(primary)) : nullptr;
  }

  NodePtr Primary() {
    if (failed_) return nullptr;
    NodePtr node = Make(PathOp::kLiteral);
    switch (token_.kind) {
      case Kind::kString:
        AppendJsonQuoted(node->text, token_.text);
        break;
      case Kind::kNumber:
        node->text = Numeric::Parse(token_.text).value_or(Numeric()).Text();
        break;
      case Kind::kVariable:
        node->op = PathOp::kVariable;
        node->text = token_.text;
        break;
      case Kind::kWord:
        if (token_.text == "true" || token_.text == "false" || token_.text == "null") {
          node->text = token_.text;
        } else if (IsWord("last")) {
          if (subscripts_ == 0) return Fail("42601", "LAST is allowed only in array subscripts");
          node->op = PathOp::kLast;
        } else {
          return Unexpected();
        }
        break;
      case Kind::kMark:
        if (Is("(")) return Parenthesized();
        if (Is("@")) {
          if (filters_ == 0) return Fail("42601", "@ is not allowed in root expressions");
          node->op = PathOp::kCurrent;
        } else if (Is("$")) {
          node->op = PathOp::kRoot;
        } else {
          return Unexpected();
        }
        break;
      case Kind::kEnd:
        return Unexpected();
    }
    Advance();
    return failed_ ? nullptr : std::move(node);
  }

  NodePtr Parenthesized() {
    Advance();
    NodePtr inner = Or();
    if (!inner) return nullptr;
    if (!Take(")")) return Unexpected();
    if (IsPredicate(inner->op) && inner->steps.empty() && TakeWord("is")) {
      if (!TakeWord("unknown")) return Unexpected();
      return Make(PathOp::kIsUnknown, std::move(inner));
    }
    return inner;
  }

  NodePtr Steps(NodePtr node) {
    while (!failed_) {
      PathNode step;
      if (Take(".")) {
        if (!Dotted(step)) return nullptr;
      } else if (Take("[")) {
        if (!Bracketed(step)) return nullptr;
      } else if (Take("?")) {
        step.op = PathOp::kFilter;
        if (!Take("(")) return Unexpected();
        ++filters_;
        NodePtr condition = Or();
        --filters_;
        if (!condition) return nullptr;
        if (!IsPredicate(condition->op) || !condition->steps.empty()) return Unexpected();
        if (!Take(")")) return Unexpected();
        step.arguments.push_back(std::move(condition));
      } else {
        return node;
      }
      node->steps.push_back(std::move(step));
    }
    return nullptr;
  }

  bool Dotted(PathNode& step) {
    if (Take("**")) return Levels(step);
    if (Take("*")) {
      step.op = PathOp::kAnyMember;
      return !failed_;
    }
    if (token_.kind != Kind::kWord && token_.kind != Kind::kString) {
      Unexpected();
      return false;
    }
    const bool word = token_.kind == Kind::kWord;
    step.op = PathOp::kMember;
    step.text = token_.text;
    Advance();
    if (!word || !Is("(")) return !failed_;
    struct Method {
      std::string_view name;
      PathOp op;
    };
    constexpr Method kMethods[] = {{"type", PathOp::kType}, {"size", PathOp::kSize},   {"double", PathOp::kDouble},
                                   {"abs", PathOp::kAbs},   {"floor", PathOp::kFloor}, {"ceiling", PathOp::kCeiling}};
    for (const Method& method : kMethods) {
      if (method.name != step.text) continue;
      step.op = method.op;
      Take("(");
      if (!Take(")")) Unexpected();
      return !failed_;
    }
    if (step.text == "datetime" || step.text == "keyvalue") {
      Fail("0A000", "jsonpath item method ." + step.text + "() is not supported");
    } else {
      Unexpected();
    }
    return false;
  }

  bool Level(std::uint32_t& level) {
    if (TakeWord("last")) {
      level = PathNode::kLeaves;
      return !failed_;
    }
    const auto number = token_.kind == Kind::kNumber ? Numeric::Parse(token_.text) : std::nullopt;
    if (!number || !number->Whole() || *number >= Numeric(PathNode::kLeaves)) {
      Unexpected();
      return false;
    }
    level = static_cast<std::uint32_t>(*number->ToInt64());
    Advance();
    return !failed_;
  }
  bool Levels(PathNode& step) {
    step.op = PathOp::kDescendants;
    step.high = PathNode::kLeaves;
    if (!Take("{")) return !failed_;
    if (!Level(step.low)) return false;
    step.high = step.low;
    if (TakeWord("to") && !Level(step.high)) return false;
    if (!Take("}")) Unexpected();
    return !failed_;
  }

  bool Bracketed(PathNode& step) {
    if (Take("*")) {
      step.op = PathOp::kAnyElement;
      if (!Take("]")) Unexpected();
      return !failed_;
    }
    step.op = PathOp::kElements;
    ++subscripts_;
    do {
      NodePtr low = Sum();
      NodePtr high;
      if (low && TakeWord("to")) {
        high = Sum();
        if (!high) low = nullptr;
      }
      if (!low) break;
      step.arguments.push_back(std::move(low));
      step.arguments.push_back(std::move(high));
    } while (Take(","));
    --subscripts_;
    if (!Take("]")) Unexpected();
    return !failed_;
  }

  NodePtr LikeRegex(NodePtr left) {
    if (token_.kind != Kind::kString) return Unexpected();
    const std::string pattern = token_.text;
    Advance();
    std::string flags;
    if (TakeWord("flag")) {
      if (token_.kind != Kind::kString) return Unexpected();
      flags = token_.text;
      Advance();
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_nl(false);
    std::string prefix;
    for (const char flag : flags) {
      if (flag == 'x') return Fail("0A000", "XQuery \"x\" flag (expanded regular expressions) is not implemented");
      if (std::string_view("ismq").find(flag) == std::string_view::npos)
        return Fail("42601", "invalid input syntax for type jsonpath");
      if (flag == 'i') options.set_case_sensitive(false);
      if (flag == 's' || flag == 'm') prefix.push_back(flag);
      if (flag == 'q') options.set_literal(true);
    }
    if (!prefix.empty() && !options.literal()) prefix = "(?" + prefix + ")";
    auto regex = std::make_shared<RE2>((options.literal() ? "" : prefix) + pattern, options);
    if (!regex->ok()) return Fail("2201B", "invalid regular expression: " + regex->error());
    NodePtr node = Make(PathOp::kLikeRegex, std::move(left));
    node->regex = std::move(regex);
    return node;
  }

  PathScanner scanner_;
  EvalContext& context_;
  PathToken token_;
  bool failed_ = false;
  std::size_t depth_ = 0;
  std::size_t filters_ = 0;     // around this place
  std::size_t subscripts_ = 0;  // likewise
};

}  // namespace

bool IsPredicate(PathOp op) { return op >= PathOp::kAnd && op <= PathOp::kGreaterEqual; }

std::unique_ptr<JsonPath> ParseJsonPath(std::string_view text, EvalContext& context) {
  if (text.empty()) {
    context.Fail("22P02", "invalid input syntax for type jsonpath: \"\"");
    return nullptr;
  }
  return JsonPathParser(text, context).Path();
}

}  // namespace headgate::sql
