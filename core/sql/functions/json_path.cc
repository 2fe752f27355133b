#include "core/sql/json_path.h"

#include "core/sql/array_value.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/json.h"
#include "core/sql/over_datums.h"

// Functions and operators of SQL/JSON paths: value, path, object of variables, whether errors are kept back.
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

// Paths are constants almost always: the last one is kept parsed.
const JsonPath* ParsedPath(std::string_view text, EvalContext& context) {
  thread_local std::string last;
  thread_local std::unique_ptr<JsonPath> parsed;
  if (parsed != nullptr && last == text) return parsed.get();
  parsed = ParseJsonPath(text, context);
  last = text;
  return parsed.get();
}

// Nothing: an error, which the context has unless the call is silent.
std::optional<PathResult> Found(EvalContext& context, Arguments arguments, bool silent) {
  const JsonPath* path = ParsedPath(arguments[1].s, context);
  if (path == nullptr) return std::nullopt;
  const std::string_view variables = arguments.size() > 2 ? std::string_view(arguments[2].s) : "{}";
  if (JsonKindOf(variables) != JsonKind::kObject) {
    context.Fail("22023", "\"vars\" argument is not an object");
    return std::nullopt;
  }
  silent = silent || (arguments.size() > 3 && arguments[3].b);
  PathResult result = RunJsonPath(*path, arguments[0].s, variables);
  if (result.code.empty() || (silent && !result.hard)) return result;
  context.Fail(result.code, result.message);
  return std::nullopt;
}

template <bool kSilent>
Datum Exists(EvalContext& context, const CallSite&, Arguments arguments) {
  const JsonPath* path = ParsedPath(arguments[1].s, context);
  if (path == nullptr) return Datum::Null();
  // In lax mode the first item decides, whatever follows it.
  EvalContext inner;
  const auto result = Found(inner, arguments, true);
  if (result && !path->strict && !result->items.empty()) return Datum::Of(true);
  const bool silent = kSilent || (arguments.size() > 3 && arguments[3].b);
  if (!result) return Refused(context, inner.errors()[0].code, inner.errors()[0].message);
  if (result->code.empty()) return Datum::Of(!result->items.empty());
  return silent ? Datum::Null() : Refused(context, result->code, result->message);
}

template <bool kSilent>
Datum Match(EvalContext& context, const CallSite&, Arguments arguments) {
  const auto result = Found(context, arguments, kSilent);
  if (!result) return Datum::Null();
  if (result->code.empty() && result->items.size() == 1) {
    const JsonKind kind = JsonKindOf(result->items[0]);
    if (kind == JsonKind::kBool) return Datum::Of(result->items[0] == "true");
    if (kind == JsonKind::kNull) return Datum::Null();
  }
  if (kSilent || (arguments.size() > 3 && arguments[3].b)) return Datum::Null();
  return Refused(context, "22038", "single boolean result is expected");
}

Datum Query(EvalContext& context, const CallSite& site, Arguments arguments) {
  const auto result = Found(context, arguments, false);
  if (!result) return Datum::Null();
  std::vector<Datum> rows;
  if (result->code.empty()) {
    for (const std::string& item : result->items) rows.push_back(Datum::Of(item));
  }
  return Datum::Of(ArrayValue::OneDimension(std::move(rows)).Payload(site.result.Element()));
}

Datum QueryArray(EvalContext& context, const CallSite&, Arguments arguments) {
  const auto result = Found(context, arguments, false);
  if (!result) return Datum::Null();
  JsonbArray out;
  if (result->code.empty()) {
    for (const std::string& item : result->items) out.Add(item);
  }
  return Datum::Of(out.Take());
}

Datum QueryFirst(EvalContext& context, const CallSite&, Arguments arguments) {
  const auto result = Found(context, arguments, false);
  if (!result || !result->code.empty() || result->items.empty()) return Datum::Null();
  return Datum::Of(result->items[0]);
}

}  // namespace

std::span<const Function> JsonPathFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all;
    const std::vector<Type> most = {kJsonb, TypeId::kJsonPath, kJsonb, kBool};
    for (std::size_t count = 2; count <= most.size(); ++count) {
      const std::vector<Type> arguments(most.begin(), most.begin() + static_cast<std::ptrdiff_t>(count));
      all.push_back({"jsonb_path_exists", arguments, kBool, kOverDatums<Exists<false>>});
      all.push_back({"jsonb_path_match", arguments, kBool, kOverDatums<Match<false>>});
      all.push_back({"jsonb_path_query_array", arguments, kJsonb, kOverDatums<QueryArray>});
      all.push_back({"jsonb_path_query_first", arguments, kJsonb, kOverDatums<QueryFirst>});
      all.push_back({"jsonb_path_query", arguments, kJsonb, kOverDatums<Query>, false, kImmutable, true});
    }
    all.push_back({"@?", {kJsonb, TypeId::kJsonPath}, kBool, kOverDatums<Exists<true>>});
    all.push_back({"@@", {kJsonb, TypeId::kJsonPath}, kBool, kOverDatums<Match<true>>});
    return all;
  }();
  return table;
}

}  // namespace headgate::sql
