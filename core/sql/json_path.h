#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/eval_context.h"

namespace re2 {
class RE2;
}

namespace headgate::sql {

// SQL/JSON paths as PostgreSQL 15 has them, save .datetime() and .keyvalue().

enum class PathOp : std::uint8_t {
  // Where a chain starts, or a value.
  kRoot,      // $
  kCurrent,   // @
  kLast,      // last
  kLiteral,   // `text`, a scalar of jsonb
  kVariable,  // $name
  // Arithmetic: of two arguments, of one.
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kPlus,
  kMinus,
  // Predicates.
  kAnd,
  kOr,
  kNot,
  kIsUnknown,
  kExists,
  kStartsWith,
  kLikeRegex,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  // Steps.
  kMember,       // .name
  kAnyMember,    // .*
  kAnyElement,   // [*]
  kElements,     // [1, 2 to last]: pairs of arguments, the second null if there is none
  kDescendants,  // .**{low to high}
  kFilter,       // ?(predicate)
  kType,
  kSize,
  kDouble,
  kAbs,
  kFloor,
  kCeiling,
};

struct PathNode {
  static constexpr std::uint32_t kLeaves = std::numeric_limits<std::uint32_t>::max();  // the level "last"

  PathOp op = PathOp::kRoot;
  std::string text;
  std::vector<std::unique_ptr<PathNode>> arguments;
  std::vector<PathNode> steps;  // that follow
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  std::shared_ptr<const re2::RE2> regex;
};
bool IsPredicate(PathOp op);

struct JsonPath {
  bool strict = false;
  PathNode root;
};

// Null: the context has the error.
std::unique_ptr<JsonPath> ParseJsonPath(std::string_view text, EvalContext& context);

// What the path finds in a value of type jsonb, or the error that it ends with; what was found before stays.
struct PathResult {
  std::vector<std::string> items;
  std::string code;  // empty: no error
  std::string message;
  bool hard = false;  // an error that asking for silence does not keep back
};
PathResult RunJsonPath(const JsonPath& path, std::string_view value, std::string_view variables);

}  // namespace headgate::sql
