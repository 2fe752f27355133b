#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sql/eval_context.h"

namespace headgate::sql {

// JSON as text. Values of type json are kept as they were written; those of type jsonb in PostgreSQL's canonical form,
// which is computed with as it stands: object keys sorted by length, then bytes, each once; numbers as numeric prints
// them; one blank behind commas and colons: {"a": 1, "bc": [true, null]}. Functions that take a value expect valid JSON
// of either type without blanks around it, unless they say otherwise.

enum class JsonKind : std::uint8_t { kNull, kString, kNumber, kBool, kArray, kObject };  // jsonb's order of kinds
JsonKind JsonKindOf(std::string_view value);
inline bool IsJsonScalar(std::string_view value) { return JsonKindOf(value) < JsonKind::kArray; }
std::string_view JsonKindName(JsonKind kind);  // as jsonb_typeof has it

// Without the blanks around it.
std::string_view StripJson(std::string_view text);

// Steps through the elements of an array or the members of an object.
class JsonItems {
 public:
  explicit JsonItems(std::string_view container) : text_(container) {}
  bool Next();
  std::string_view key() const { return key_; }  // of a member, quoted
  std::string_view value() const { return value_; }

 private:
  std::string_view text_;
  std::size_t at_ = 1;  // behind the bracket
  std::string_view key_;
  std::string_view value_;
};
std::size_t JsonLength(std::string_view container);

// The text that a quoted string stands for. Nothing if it has an escape for what is no text (\u0000, half a surrogate
// pair), which values of type json may: the context has the error.
std::optional<std::string> JsonUnquoted(std::string_view quoted, EvalContext& context);
// Of a string of type jsonb.
std::string JsonbUnquoted(std::string_view quoted);
void AppendJsonQuoted(std::string& out, std::string_view text);

// Parts of jsonb, put together in its canonical form. Of members with one key the last counts.
using JsonMembers = std::vector<std::pair<std::string, std::string>>;  // key, without quotes, and value
void AppendJsonbObject(std::string& out, JsonMembers members);
class JsonbArray {
 public:
  void Add(std::string_view value) { text_.append(text_.empty() ? "[" : ", ").append(value); }
  std::string Take() { return text_.empty() ? "[]" : std::move(text_ += ']'); }

 private:
  std::string text_;
};

// The member of an object or the element of an array (from 0, negative from the end); of members with one key the last.
std::optional<std::string_view> JsonMember(std::string_view value, std::string_view key, EvalContext& context);
std::optional<std::string_view> JsonElement(std::string_view value, std::int64_t index);

// Checks the text, blanks around it included, and appends its canonical form; false: the context has the error.
bool ReadJsonb(std::string& out, std::string_view text, EvalContext& context);
bool CheckJson(std::string_view text, EvalContext& context);

// Scalars of jsonb: numbers by their value.
bool SameJsonScalar(std::string_view a, std::string_view b);

// key.h for values of type jsonb.
void AppendJsonbKey(std::string& out, std::string_view value);

}  // namespace headgate::sql
