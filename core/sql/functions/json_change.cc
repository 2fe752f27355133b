#include <algorithm>
#include <limits>

#include "core/sql/array_value.h"
#include "core/sql/functions/json_steps.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/json.h"
#include "core/sql/lift.h"

// Functions and operators that make JSON of JSON: parts set, inserted, deleted, put together.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using View = std::string_view;

constexpr const char* kInvalid = "22023";
constexpr const char* kWrongSubscripts = "wrong number of array subscripts";

View NoJson(EvalContext& context, std::string_view code, std::string message) {
  context.Fail(code, std::move(message));
  return {};
}

// Copies of everything that `keep` says true to, by key or value.
template <class F>
std::string Filtered(View container, F keep) {
  std::string out;
  JsonbArray array;
  out.push_back('{');
  const bool object = JsonKindOf(container) == JsonKind::kObject;
  for (JsonItems items(container); items.Next();) {
    if (!keep(items)) continue;
    if (!object) {
      array.Add(items.value());
      continue;
    }
    if (out.size() > 1) out += ", ";
    out.append(items.key()).append(": ").append(items.value());
  }
  return object ? out + "}" : array.Take();
}

std::string Concatenated(View a, View b) {
  const bool a_object = JsonKindOf(a) == JsonKind::kObject;
  const bool b_object = JsonKindOf(b) == JsonKind::kObject;
  if (a_object && b_object) {
    JsonMembers members;
    for (const View part : {a, b}) {
      for (JsonItems items(part); items.Next();) members.emplace_back(JsonbUnquoted(items.key()), items.value());
    }
    std::string out;
    AppendJsonbObject(out, std::move(members));
    return out;
  }
  JsonbArray out;
  for (const View part : {a, b}) {
    if (JsonKindOf(part) != JsonKind::kArray) {
      out.Add(part);
      continue;
    }
    for (JsonItems items(part); items.Next();) out.Add(items.value());
  }
  return out.Take();
}

std::string DeleteKeys(EvalContext& context, View value, std::span<const Datum> keys) {
  if (IsJsonScalar(value)) return std::string(NoJson(context, kInvalid, "cannot delete from scalar"));
  std::vector<std::string> quoted;
  for (const Datum& key : keys) {
    if (!key.null) AppendJsonQuoted(quoted.emplace_back(), key.s);
  }
  const bool object = JsonKindOf(value) == JsonKind::kObject;
  return Filtered(value, [&](const JsonItems& items) {
    const View name = object ? items.key() : items.value();
    return std::ranges::find(quoted, name) == quoted.end();
  });
}
std::string DeleteKey(EvalContext& context, View value, View key) {
  const Datum one[] = {Datum::Of(std::string(key))};
  return DeleteKeys(context, value, one);
}
std::string DeleteListed(EvalContext& context, View value, View keys) {
  const ArrayValue array = ArrayValue::Read(keys, TypeId::kText);
  if (array.dimensions.size() > 1) return std::string(NoJson(context, "2202E", kWrongSubscripts));
  return DeleteKeys(context, value, array.elements);
}
std::string DeleteElement(EvalContext& context, View value, I index) {
  if (IsJsonScalar(value)) return std::string(NoJson(context, kInvalid, "cannot delete from scalar"));
  if (JsonKindOf(value) == JsonKind::kObject)
    return std::string(NoJson(context, kInvalid, "cannot delete from object using integer index"));
  if (index < 0) index += static_cast<I>(JsonLength(value));
  return Filtered(value, [&](const JsonItems&) { return index-- != 0; });
}

enum class Change : std::uint8_t { kReplace, kReplaceOrAdd, kInsertBefore, kInsertAfter, kDelete };

// Writes a value with a change at the end of a path. Below a step that leads nowhere nothing changes, save that the
// last step may add.
class Changer {
 public:
  Changer(EvalContext& context, Change change, View value, const std::vector<Datum>& path)
      : context_(context), change_(change), value_(value), path_(path) {}

  std::string At(View at, std::size_t level) {
    if (context_.failed() || IsJsonScalar(at) || level >= path_.size()) return std::string(at);
    if (path_[level].null) {
      context_.Fail("22004", "path element at position " + std::to_string(level + 1) + " is null");
      return "";
    }
    return JsonKindOf(at) == JsonKind::kObject ? Object(at, level) : Array(at, level);
  }

 private:
  bool Adds() const { return change_ != Change::kReplace && change_ != Change::kDelete; }
  bool Inserts() const { return change_ == Change::kInsertBefore || change_ == Change::kInsertAfter; }
  bool Last(std::size_t level) const { return level + 1 == path_.size(); }

  std::string Object(View at, std::size_t level) {
    JsonMembers members;
    bool found = false;
    for (JsonItems items(at); items.Next();) {
      std::string key = JsonbUnquoted(items.key());
      if (key != path_[level].s) {
        members.emplace_back(std::move(key), items.value());
        continue;
      }
      found = true;
      if (!Last(level)) {
        members.emplace_back(std::move(key), At(items.value(), level + 1));
      } else if (Inserts()) {
        context_.Fail(kInvalid, "cannot replace existing key");
      } else if (change_ != Change::kDelete) {
        members.emplace_back(std::move(key), value_);
      }
    }
    if (!found && Last(level) && Adds()) members.emplace_back(path_[level].s, value_);
    std::string out;
    AppendJsonbObject(out, std::move(members));
    return out;
  }

  std::string Array(View at, std::size_t level) {
    const auto number = ElementNumber(path_[level].s);
    if (!number) {
      context_.Fail("22P02", "path element at position " + std::to_string(level + 1) + " is not an integer: \"" +
                                 path_[level].s + "\"");
      return "";
    }
    const auto length = static_cast<I>(JsonLength(at));
    const I index = *number < 0 ? *number + length : std::min(*number, length);
    JsonbArray out;
    bool done = false;
    if ((index < 0 || length == 0) && Last(level) && Adds()) {
      out.Add(value_);
      done = true;
    }
    I place = 0;
    for (JsonItems items(at); items.Next(); ++place) {
      if (place != index) {
        out.Add(items.value());
        continue;
      }
      done = true;
      if (!Last(level)) {
        out.Add(At(items.value(), level + 1));
        continue;
      }
      if (change_ == Change::kInsertBefore || change_ == Change::kReplaceOrAdd || change_ == Change::kReplace)
        out.Add(value_);
      if (Inserts()) out.Add(items.value());
      if (change_ == Change::kInsertAfter) out.Add(value_);
    }
    if (!done && Last(level) && Adds()) out.Add(value_);
    return out.Take();
  }

  EvalContext& context_;
  const Change change_;
  const View value_;
  const std::vector<Datum>& path_;
};

std::string Changed(EvalContext& context, View target, View path, View value, Change change) {
  const ArrayValue steps = ArrayValue::Read(path, TypeId::kText);
  if (steps.dimensions.size() > 1) return std::string(NoJson(context, "2202E", kWrongSubscripts));
  if (IsJsonScalar(target)) {
    const char* const doing = change == Change::kDelete ? "cannot delete path in scalar" : "cannot set path in scalar";
    return std::string(NoJson(context, kInvalid, doing));
  }
  EvalContext inner;
  std::string out = Changer(inner, change, value, steps.elements).At(target, 0);
  if (inner.failed()) context.Fail(inner.errors()[0].code, inner.errors()[0].message);
  return out;
}

std::string Set(EvalContext& context, View target, View path, View value, bool create) {
  if (!create && !IsJsonScalar(target) && JsonLength(target) == 0) return std::string(target);
  return Changed(context, target, path, value, create ? Change::kReplaceOrAdd : Change::kReplace);
}
std::string SetOrAdd(EvalContext& context, View target, View path, View value) {
  return Set(context, target, path, value, true);
}
std::string Insert(EvalContext& context, View target, View path, View value, bool after) {
  return Changed(context, target, path, value, after ? Change::kInsertAfter : Change::kInsertBefore);
}
std::string InsertBefore(EvalContext& context, View target, View path, View value) {
  return Insert(context, target, path, value, false);
}
std::string DeletePath(EvalContext& context, View target, View path) {
  if (!IsJsonScalar(target) && JsonLength(target) == 0) return std::string(target);
  return Changed(context, target, path, "", Change::kDelete);
}

// Members that are null leave out; elements stay. json is written without blanks.
void AppendWithoutNulls(std::string& out, View value, View comma, View colon) {
  if (IsJsonScalar(value)) {
    out += value;
    return;
  }
  const bool object = JsonKindOf(value) == JsonKind::kObject;
  out.push_back(object ? '{' : '[');
  bool first = true;
  for (JsonItems items(value); items.Next();) {
    if (object && JsonKindOf(items.value()) == JsonKind::kNull) continue;
    if (!first) out += comma;
    first = false;
    if (object) out.append(items.key()).append(colon);
    AppendWithoutNulls(out, items.value(), comma, colon);
  }
  out.push_back(object ? '}' : ']');
}
std::string StripNullsOfJsonb(View value) {
  std::string out;
  AppendWithoutNulls(out, value, ", ", ": ");
  return out;
}
std::string StripNullsOfJson(View value) {
  std::string out;
  AppendWithoutNulls(out, StripJson(value), ",", ":");
  return out;
}

void AppendPretty(std::string& out, View value, std::size_t indent) {
  if (IsJsonScalar(value)) {
    out += value;
    return;
  }
  const bool object = JsonKindOf(value) == JsonKind::kObject;
  out.push_back(object ? '{' : '[');
  bool first = true;
  for (JsonItems items(value); items.Next();) {
    out += first ? "\n" : ",\n";
    first = false;
    out.append((indent + 1) * 4, ' ');
    if (object) out.append(items.key()).append(": ");
    AppendPretty(out, items.value(), indent + 1);
  }
  out.append("\n").append(indent * 4, ' ');
  out.push_back(object ? '}' : ']');
}
std::string Pretty(View value) {
  std::string out;
  AppendPretty(out, value, 0);
  return out;
}

const Function kJsonChangeFunctions[] = {
    {"||", {kJsonb, kJsonb}, kJsonb, kLift<Concatenated>},
    {"-", {kJsonb, kText}, kJsonb, kLift<DeleteKey>},
    {"-", {kJsonb, kI4}, kJsonb, kLift<DeleteElement>},
    {"-", {kJsonb, kTexts}, kJsonb, kLift<DeleteListed>},
    {"#-", {kJsonb, kTexts}, kJsonb, kLift<DeletePath>},
    {"jsonb_set", {kJsonb, kTexts, kJsonb}, kJsonb, kLift<SetOrAdd>},
    {"jsonb_set", {kJsonb, kTexts, kJsonb, kBool}, kJsonb, kLift<Set>},
    {"jsonb_insert", {kJsonb, kTexts, kJsonb}, kJsonb, kLift<InsertBefore>},
    {"jsonb_insert", {kJsonb, kTexts, kJsonb, kBool}, kJsonb, kLift<Insert>},
    {"jsonb_strip_nulls", {kJsonb}, kJsonb, kLift<StripNullsOfJsonb>},
    {"json_strip_nulls", {kJson}, kJson, kLift<StripNullsOfJson>},
    {"jsonb_pretty", {kJsonb}, kText, kLift<Pretty>},
};

}  // namespace

std::span<const Function> JsonChangeFunctions() { return kJsonChangeFunctions; }

}  // namespace headgate::sql
