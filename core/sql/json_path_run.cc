#include <re2/re2.h>

#include <cmath>
#include <deque>
#include <optional>
#include <span>

#include "core/sql/function.h"
#include "core/sql/json.h"
#include "core/sql/json_path.h"
#include "core/sql/numeric.h"

// In lax mode a step that wants no array looks into the elements of one, a step that wants one takes anything for an
// array of itself, and what is not there is no error. An error inside a predicate makes it unknown.
namespace headgate::sql {
namespace {

using Item = std::string_view;  // a value of type jsonb
using Items = std::vector<Item>;
using Steps = std::span<const PathNode>;
enum class PathTruth : std::uint8_t { kFalse, kTrue, kUnknown };

struct PathError {
  std::string code;  // empty: none
  std::string message;
  bool hard = false;
};

class Run {
 public:
  Run(const JsonPath& path, Item root, Item variables)
      : path_(path), root_(root), current_(root), variables_(variables) {}

  // False: there is an error. Items found before stay.
  bool Node(const PathNode& node, Items& out) {
    if (IsPredicate(node.op)) {
      const PathTruth truth = Test(node);
      if (hard()) return false;
      return Next(truth == PathTruth::kUnknown ? "null" : (truth == PathTruth::kTrue ? "true" : "false"), node.steps,
                  out);
    }
    switch (node.op) {
      case PathOp::kRoot:
        return Next(root_, node.steps, out);
      case PathOp::kCurrent:
        return Next(current_, node.steps, out);
      case PathOp::kLiteral:
        return Next(node.text, node.steps, out);
      case PathOp::kLast:
        return Next(Keep(std::to_string(innermost_ - 1)), node.steps, out);
      case PathOp::kVariable:
        return Variable(node, out);
      case PathOp::kPlus:
      case PathOp::kMinus:
        return Sign(node, out);
      default:
        return Arithmetic(node, out);
    }
  }

  const PathError& error() const { return error_; }
  // Texts made on the way live here.
  std::deque<std::string> made;

 private:
  bool lax() const { return !path_.strict; }
  bool hard() const { return error_.hard; }
  bool Fail(std::string code, std::string message, bool is_hard = false) {
    if (error_.code.empty()) error_ = {std::move(code), std::move(message), is_hard};
    return false;
  }
  Item Keep(std::string text) { return made.emplace_back(std::move(text)); }

  bool Next(Item item, Steps steps, Items& out) {
    if (!steps.empty()) return Step(item, steps, lax(), out);
    out.push_back(item);
    return true;
  }

  // One step; `unwrap`: a step that wants no array goes to the elements of one.
  bool Step(Item item, Steps steps, bool unwrap, Items& out) {
    const PathNode& step = steps[0];
    const Steps rest = steps.subspan(1);
    const bool array = JsonKindOf(item) == JsonKind::kArray;
    const bool elements_first = unwrap && array;
    switch (step.op) {
      case PathOp::kMember:
        return Member(item, step, steps, elements_first, out);
      case PathOp::kAnyMember:
        if (JsonKindOf(item) == JsonKind::kObject) return Descend(item, rest, 1, 1, 1, out);
        if (elements_first) return Elements(item, steps, out);
        return !structural() || Fail("2203C", "jsonpath wildcard member accessor can only be applied to an object");
      case PathOp::kAnyElement:
        if (array) return Descend(item, rest, 1, 1, 1, out);
        if (lax()) return Next(item, rest, out);
        return !structural() || Fail("22039", "jsonpath wildcard array accessor can only be applied to an array");
      case PathOp::kElements:
        return Subscripts(item, step, rest, out);
      case PathOp::kDescendants:
        return Descendants(item, step, rest, out);
      case PathOp::kFilter: {
        if (elements_first) return Elements(item, steps, out);
        const Item outer = std::exchange(current_, item);
        const PathTruth truth = Test(*step.arguments[0]);
        current_ = outer;
        if (hard()) return false;
        return truth != PathTruth::kTrue || Next(item, rest, out);
      }
      case PathOp::kType:
        return Next(Keep("\"" + std::string(JsonKindName(JsonKindOf(item))) + "\""), rest, out);
      case PathOp::kSize:
        if (!array && !lax())
          return !structural() || Fail("22039", "jsonpath item method .size() can only be applied to an array");
        return Next(Keep(std::to_string(array ? JsonLength(item) : 1)), rest, out);
      default:
        if (elements_first) return Elements(item, steps, out);
        return step.op == PathOp::kDouble ? Double(item, rest, out) : Rounding(item, step.op, rest, out);
    }
  }

  bool Elements(Item array, Steps steps, Items& out) {
    for (JsonItems items(array); items.Next();) {
      if (!Step(items.value(), steps, false, out)) return false;
    }
    return true;
  }

  bool Member(Item item, const PathNode& step, Steps steps, bool elements_first, Items& out) {
    if (JsonKindOf(item) == JsonKind::kObject) {
      EvalContext context;
      if (const auto value = JsonMember(item, step.text, context)) return Next(*value, steps.subspan(1), out);
      return !structural() || Fail("2203A", "JSON object does not contain key \"" + step.text + "\"");
    }
    if (elements_first) return Elements(item, steps, out);
    return !structural() || Fail("2203A", "jsonpath member accessor can only be applied to an object");
  }

  // What is missing is an error: in strict mode, save below .**.
  bool structural() const { return path_.strict && !forgiving_; }

  // The values in a container, `level` steps below where it began, down to level `high`.
  bool Descend(Item container, Steps rest, std::uint32_t level, std::uint32_t low, std::uint32_t high, Items& out) {
    for (JsonItems items(container); items.Next();) {
      const bool scalar = IsJsonScalar(items.value());
      const bool leaves = low == PathNode::kLeaves && high == PathNode::kLeaves;
      if ((level >= low || (leaves && scalar)) && !Next(items.value(), rest, out)) return false;
      if (level < high && !scalar && !Descend(items.value(), rest, level + 1, low, high, out)) return false;
    }
    return true;
  }

  bool Descendants(Item item, const PathNode& step, Steps rest, Items& out) {
    const bool forgiving = std::exchange(forgiving_, true);
    bool fine = step.low > 0 || Next(item, rest, out);
    if (fine && !IsJsonScalar(item)) fine = Descend(item, rest, 1, step.low, step.high, out);
    forgiving_ = forgiving;
    return fine;
  }

  bool Subscript(const PathNode& node, std::int64_t& index) {
    Items found;
    if (!Node(node, found)) return false;
    if (found.size() != 1 || JsonKindOf(found[0]) != JsonKind::kNumber)
      return Fail("22033", "jsonpath array subscript is not a single numeric value");
    const auto whole = NumberOf(found[0]).Truncated(0).ToInt64();
    if (!whole || *whole != static_cast<std::int32_t>(*whole))
      return Fail("22033", "jsonpath array subscript is out of integer range");
    index = *whole;
    return true;
  }

  bool Subscripts(Item item, const PathNode& step, Steps rest, Items& out) {
    const bool array = JsonKindOf(item) == JsonKind::kArray;
    if (!array && !lax())
      return !structural() || Fail("22039", "jsonpath array accessor can only be applied to an array");
    Items elements;
    if (array) {
      for (JsonItems items(item); items.Next();) elements.push_back(items.value());
    } else {
      elements.push_back(item);
    }
    const auto size = static_cast<std::int64_t>(elements.size());
    const std::int64_t outer = std::exchange(innermost_, size);
    bool fine = true;
    for (std::size_t i = 0; fine && i < step.arguments.size(); i += 2) {
      std::int64_t low = 0;
      std::int64_t high = 0;
      fine = Subscript(*step.arguments[i], low);
      high = low;
      if (fine && step.arguments[i + 1]) fine = Subscript(*step.arguments[i + 1], high);
      if (fine && structural() && (low < 0 || low > high || high >= size))
        fine = Fail("22033", "jsonpath array subscript is out of bounds");
      for (std::int64_t at = std::max<std::int64_t>(low, 0); fine && at <= std::min(high, size - 1); ++at)
        fine = Next(elements[static_cast<std::size_t>(at)], rest, out);
    }
    innermost_ = outer;
    return fine;
  }

  static Numeric NumberOf(Item item) { return Numeric::Parse(item).value_or(Numeric()); }

  bool Rounding(Item item, PathOp op, Steps rest, Items& out) {
    const char* const name = op == PathOp::kAbs ? "abs" : (op == PathOp::kFloor ? "floor" : "ceiling");
    if (JsonKindOf(item) != JsonKind::kNumber)
      return Fail("22036", "jsonpath item method ." + std::string(name) + "() can only be applied to a numeric value");
    const Numeric number = NumberOf(item);
    const Numeric rounded = op == PathOp::kAbs ? number.Abs() : (op == PathOp::kFloor ? number.Floor() : number.Ceil());
    return Next(Keep(rounded.Text()), rest, out);
  }

  bool Double(Item item, Steps rest, Items& out) {
    const JsonKind kind = JsonKindOf(item);
    if (kind != JsonKind::kNumber && kind != JsonKind::kString)
      return Fail("22036", "jsonpath item method .double() can only be applied to a string or numeric value");
    EvalContext context;
    const Datum value =
        FromText(TypeId::kFloat8, kind == JsonKind::kNumber ? std::string(item) : JsonbUnquoted(item), context);
    if (kind == JsonKind::kNumber) {
      if (value.null || !std::isfinite(value.d))
        return Fail("22036",
                    "numeric argument of jsonpath item method .double() is out of range for type double precision");
      return Next(item, rest, out);
    }
    if (value.null || !std::isfinite(value.d))
      return Fail("22036",
                  "string argument of jsonpath item method .double() is not a valid representation of a double "
                  "precision number");
    return Next(Keep(Numeric::OfDouble(value.d).Text()), rest, out);
  }

  bool Variable(const PathNode& node, Items& out) {
    EvalContext context;
    const auto value = JsonMember(variables_, node.text, context);
    if (!value) return Fail("42704", "could not find jsonpath variable \"" + node.text + "\"", true);
    return Next(*value, node.steps, out);
  }

  // With arrays taken apart in lax mode.
  bool Unwrapped(const PathNode& node, Items& out) {
    Items found;
    if (!Node(node, found)) return false;
    for (const Item item : found) {
      if (!lax() || JsonKindOf(item) != JsonKind::kArray) {
        out.push_back(item);
        continue;
      }
      for (JsonItems items(item); items.Next();) out.push_back(items.value());
    }
    return true;
  }

  bool Sign(const PathNode& node, Items& out) {
    Items operands;
    if (!Unwrapped(*node.arguments[0], operands)) return false;
    const bool minus = node.op == PathOp::kMinus;
    for (const Item operand : operands) {
      if (JsonKindOf(operand) != JsonKind::kNumber)
        return Fail("2203B", std::string("operand of unary jsonpath operator ") + (minus ? "-" : "+") +
                                 " is not a numeric value");
      if (!Next(minus ? Keep(NumberOf(operand).Negated().Text()) : operand, node.steps, out)) return false;
    }
    return true;
  }

  bool IsSingleNumber(const Items& found, const char* side, std::string_view mark) {
    if (found.size() == 1 && JsonKindOf(found[0]) == JsonKind::kNumber) return true;
    return Fail("22038", std::string(side) + " operand of jsonpath operator " + std::string(mark) +
                             " is not a single numeric value");
  }

  bool Arithmetic(const PathNode& node, Items& out) {
    constexpr std::string_view kMarks = "+-*/%";
    const std::string_view mark =
        kMarks.substr(static_cast<std::size_t>(node.op) - static_cast<std::size_t>(PathOp::kAdd), 1);
    Items left;
    Items right;
    if (!Unwrapped(*node.arguments[0], left) || !Unwrapped(*node.arguments[1], right)) return false;
    if (!IsSingleNumber(left, "left", mark) || !IsSingleNumber(right, "right", mark)) return false;
    const Numeric a = NumberOf(left[0]);
    const Numeric b = NumberOf(right[0]);
    const bool divides = node.op == PathOp::kDivide || node.op == PathOp::kModulo;
    if (divides && b.zero()) return Fail("22012", "division by zero");
    std::optional<Numeric> result;
    switch (node.op) {
      case PathOp::kAdd:
        result = sql::Add(a, b);
        break;
      case PathOp::kSubtract:
        result = sql::Subtract(a, b);
        break;
      case PathOp::kMultiply:
        result = sql::Multiply(a, b);
        break;
      case PathOp::kDivide:
        result = sql::Divide(a, b);
        break;
      default:
        result = sql::Modulo(a, b);
    }
    if (!result) return Fail("22003", "value overflows numeric format");
    return Next(Keep(result->Text()), node.steps, out);
  }

  // Of a predicate without its steps. What fails in an operand is unknown.
  PathTruth Test(const PathNode& node) {
    switch (node.op) {
      case PathOp::kAnd: {
        const PathTruth left = Test(*node.arguments[0]);
        if (left == PathTruth::kFalse || hard()) return left;
        const PathTruth right = Test(*node.arguments[1]);
        return right == PathTruth::kTrue ? left : right;
      }
      case PathOp::kOr: {
        const PathTruth left = Test(*node.arguments[0]);
        if (left == PathTruth::kTrue || hard()) return left;
        const PathTruth right = Test(*node.arguments[1]);
        return right == PathTruth::kFalse ? left : right;
      }
      case PathOp::kNot: {
        const PathTruth inner = Test(*node.arguments[0]);
        return inner == PathTruth::kUnknown ? inner
                                            : (inner == PathTruth::kTrue ? PathTruth::kFalse : PathTruth::kTrue);
      }
      case PathOp::kIsUnknown:
        return Test(*node.arguments[0]) == PathTruth::kUnknown ? PathTruth::kTrue : PathTruth::kFalse;
      case PathOp::kExists: {
        Items found;
        const bool fine = Quietly([&] { return Node(*node.arguments[0], found); });
        if (!fine && (path_.strict || found.empty())) return PathTruth::kUnknown;
        return found.empty() ? PathTruth::kFalse : PathTruth::kTrue;
      }
      default:
        return Pairs(node);
    }
  }

  template <class F>
  bool Quietly(F run) {
    if (run()) return true;
    if (!error_.hard) error_ = {};
    return false;
  }

  // Some pair of items from both sides has to satisfy the predicate; in strict mode all have to be comparable.
  PathTruth Pairs(const PathNode& node) {
    Items left;
    Items right = {Item()};
    if (!Quietly([&] { return Unwrapped(*node.arguments[0], left); })) return PathTruth::kUnknown;
    if (node.op != PathOp::kLikeRegex) {
      right.clear();
      const bool whole = node.op == PathOp::kStartsWith;
      if (!Quietly([&] { return whole ? Node(*node.arguments[1], right) : Unwrapped(*node.arguments[1], right); }))
        return PathTruth::kUnknown;
    }
    bool found = false;
    bool unknown = false;
    for (const Item a : left) {
      for (const Item b : right) {
        const PathTruth truth = Holds(node, a, b);
        if (truth == PathTruth::kUnknown) {
          if (path_.strict) return truth;
          unknown = true;
        } else if (truth == PathTruth::kTrue) {
          if (lax()) return truth;
          found = true;
        }
      }
    }
    if (found) return PathTruth::kTrue;
    return unknown ? PathTruth::kUnknown : PathTruth::kFalse;
  }

  static PathTruth Holds(const PathNode& node, Item a, Item b) {
    const auto of = [](bool holds) { return holds ? PathTruth::kTrue : PathTruth::kFalse; };
    if (node.op == PathOp::kLikeRegex) {
      if (JsonKindOf(a) != JsonKind::kString) return PathTruth::kUnknown;
      return of(RE2::PartialMatch(JsonbUnquoted(a), *node.regex));
    }
    const JsonKind kind = JsonKindOf(a);
    if (node.op == PathOp::kStartsWith) {
      if (kind != JsonKind::kString || JsonKindOf(b) != JsonKind::kString) return PathTruth::kUnknown;
      return of(JsonbUnquoted(a).starts_with(JsonbUnquoted(b)));
    }
    if (kind != JsonKindOf(b)) {
      if (kind == JsonKind::kNull || JsonKindOf(b) == JsonKind::kNull) return of(node.op == PathOp::kNotEqual);
      return PathTruth::kUnknown;
    }
    std::strong_ordering order = std::strong_ordering::equal;
    switch (kind) {
      case JsonKind::kNull:
        break;
      case JsonKind::kBool:
        order = (a == "true") <=> (b == "true");
        break;
      case JsonKind::kNumber:
        order = NumberOf(a) <=> NumberOf(b);
        break;
      case JsonKind::kString:
        order = JsonbUnquoted(a) <=> JsonbUnquoted(b);
        break;
      default:
        return PathTruth::kUnknown;
    }
    switch (node.op) {
      case PathOp::kEqual:
        return of(order == 0);
      case PathOp::kNotEqual:
        return of(order != 0);
      case PathOp::kLess:
        return of(order < 0);
      case PathOp::kLessEqual:
        return of(order <= 0);
      case PathOp::kGreater:
        return of(order > 0);
      default:
        return of(order >= 0);
    }
  }

  const JsonPath& path_;
  const Item root_;
  Item current_;
  const Item variables_;
  std::int64_t innermost_ = 0;  // the length of the array whose subscripts are being computed
  bool forgiving_ = false;
  PathError error_;
};

}  // namespace

PathResult RunJsonPath(const JsonPath& path, std::string_view value, std::string_view variables) {
  Run run(path, value, variables);
  Items found;
  PathResult result;
  if (!run.Node(path.root, found)) {
    result.code = run.error().code;
    result.message = run.error().message;
    result.hard = run.error().hard;
  }
  for (const Item item : found) result.items.emplace_back(item);
  return result;
}

}  // namespace headgate::sql
