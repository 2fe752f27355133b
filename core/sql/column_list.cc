#include "core/sql/column_list.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/sql/array_value.h"
#include "core/sql/bind.h"
#include "core/sql/cast.h"
#include "core/sql/column_type.h"
#include "core/sql/eval_context.h"
#include "core/sql/expr.h"
#include "core/sql/function.h"
#include "core/sql/scanner.h"

namespace headgate::sql {
namespace {

constexpr std::string_view kBefore = "CREATE TABLE events (";
constexpr std::size_t kNameMax = 63;       // of an identifier
constexpr std::size_t kColumnsMax = 1600;  // as PostgreSQL

Error Wrong(const std::string& text, Problem problem) {
  problem.offset -= std::min(problem.offset, kBefore.size());
  return ConfigError(Describe(text, problem));
}

bool StartsName(char c) { return IsLetter(c) || c == '_'; }

std::string QuotedColumn(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

// Brackets that close more than was opened would end our CREATE TABLE and begin something else.
Checked StaysInside(const std::string& text) {
  HG_ASSIGN_OR_RETURN(const auto tokens, Scan(text));
  int depth = 0;
  for (const Token& token : tokens) {
    depth += token.IsSymbol("(") ? 1 : token.IsSymbol(")") ? -1 : 0;
    if (depth < 0 || (depth == 0 && token.IsSymbol(";")))
      return Problem{"only a list of columns can stand here", kBefore.size() + token.start, ""};
  }
  return {};
}

// The constant as a value of the column.
Checked SetDefault(InputColumn& column, const Node& expression) {
  HG_ASSIGN_OR_RETURN(const auto bound, BindOver(expression, {}, {}));
  EvalContext context;
  Datum value = EvaluateConstant(*bound, context);
  if (!value.null && !context.failed()) {
    const std::string text = ToText(bound->type, value, "UTC");
    value = FromText(column.type.Bare(), text, context);
    if (!context.failed()) value = ApplyModifier(column.type, std::move(value), false, context);
  }
  if (context.failed()) return Problem{"the default of " + column.name + ": " + context.errors()[0].message, 0, ""};
  column.fallback.clear();
  PutDatum(column.fallback, column.type, value);
  column.has_fallback = !value.null;
  if (value.null) return {};
  std::string text = ToText(column.type, value, "UTC");
  const bool number = CategoryOf(column.type) == Category::kNumeric && IsDigit(text.back());  // and no NaN
  if (number || CategoryOf(column.type) == Category::kBool) {
    column.fallback_text = column.type.Is(TypeId::kBool) ? (value.b ? "true" : "false") : text;
    return {};
  }
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 2) text.insert(at, 1, '\'');
  column.fallback_text = "'" + text + "'::" + Name(column.type);
  return {};
}

Checked AddConstraint(ColumnList& list, const Node& constraint, std::optional<std::size_t> column) {
  const std::string_view kind = constraint["contype"].text();
  const std::size_t place = constraint.location();
  if (kind == "CONSTR_PRIMARY") {
    if (!list.key.empty()) return Problem{"there can be only one PRIMARY KEY", place, ""};
    if (column) list.key.push_back(*column);
    for (const Node& key : constraint["keys"].items()) {
      const auto found = std::ranges::find(list.columns, key.name(), &InputColumn::name);
      if (found == list.columns.end())
        return Problem{"column \"" + std::string(key.name()) + "\" named in key does not exist", place, ""};
      const auto index = static_cast<std::size_t>(found - list.columns.begin());
      if (std::ranges::find(list.key, index) != list.key.end())
        return Problem{"column \"" + found->name + "\" appears twice in the key", place, ""};
      list.key.push_back(index);
    }
    for (const std::size_t index : list.key) list.columns[index].not_null = true;
  } else if (kind == "CONSTR_NOTNULL" && column) {
    list.columns[*column].not_null = true;
  } else if (kind == "CONSTR_DEFAULT" && column) {
    return SetDefault(list.columns[*column], constraint["raw_expr"]);
  } else if (kind != "CONSTR_NULL") {
    return Problem{"this kind of constraint is not possible here", place,
                   "There are NOT NULL, NULL, PRIMARY KEY and DEFAULT."};
  }
  return {};
}

Parsed<ColumnList> Read(const std::string& text) {
  const std::string statement = std::string(kBefore) + text + "\n)";
  HG_RETURN_IF_ERROR(StaysInside(text));
  HG_ASSIGN_OR_RETURN(const Node statements, ParseStatements(statement));
  const Node& create = statements.at(0)["stmt"];
  if (statements.size() != 1 || !create.Is("CreateStmt"))
    return Problem{"only a list of columns can stand here", kBefore.size(), ""};
  return ReadColumns(create.body()["tableElts"].items());
}

}  // namespace

Parsed<ColumnList> ReadColumns(const std::vector<Node>& elements) {
  ColumnList list;
  std::vector<std::pair<const Node*, std::optional<std::size_t>>> constraints;
  for (const Node& element : elements) {
    if (element.Is("Constraint")) {
      constraints.emplace_back(&element.body(), std::nullopt);
      continue;
    }
    const Node& column = element.body();
    if (!element.Is("ColumnDef")) return Problem{"only columns can stand here", column.location(), ""};
    InputColumn made;
    made.name = column["colname"].text();
    HG_ASSIGN_OR_RETURN(made.type, BindType(column["typeName"]));
    if (made.type.Is(TypeId::kJsonPath)) return Problem{"a column cannot be of type jsonpath", column.location(), ""};
    if (std::ranges::find(list.columns, made.name, &InputColumn::name) != list.columns.end())
      return Problem{"column \"" + made.name + "\" specified more than once", column.location(), ""};
    PutNull(made.fallback);
    for (const Node& constraint : column["constraints"].items())
      constraints.emplace_back(&constraint.body(), list.columns.size());
    list.columns.push_back(std::move(made));
  }
  if (list.columns.empty()) return Problem{"there is no column", 0, "Write name type, name type, ..."};
  if (list.columns.size() > kColumnsMax) return Problem{"there are more than 1600 columns", 0, ""};
  for (const auto& [constraint, column] : constraints) HG_RETURN_IF_ERROR(AddConstraint(list, *constraint, column));
  return list;
}

std::string ToText(const ColumnList& list) {
  std::string text;
  for (std::size_t i = 0; i < list.columns.size(); ++i) {
    const InputColumn& column = list.columns[i];
    const bool in_key = std::ranges::find(list.key, i) != list.key.end();
    text += (i == 0 ? "" : ", ") + QuotedColumn(column.name) + " " + Name(column.type);
    if (column.not_null && !in_key) text += " NOT NULL";
    if (column.has_fallback) text += " DEFAULT " + column.fallback_text;
    if (in_key && list.key.size() == 1) text += " PRIMARY KEY";
  }
  if (list.key.size() < 2) return text;
  std::string key;
  for (const std::size_t i : list.key) key += (key.empty() ? "" : ", ") + QuotedColumn(list.columns[i].name);
  return text + ", PRIMARY KEY (" + key + ")";
}

Result<ColumnList> ParseColumns(const std::string& text) {
  auto list = Read(text);
  if (!list.ok()) return Wrong(text, std::move(list).error());
  return *std::move(list);
}

bool IsStreamName(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && StartsName(text.front()) &&
         std::ranges::all_of(text, [](char c) { return StartsName(c) || IsDigit(c) || c == '-'; });
}

TableSchema MakeSchema(const ColumnList& list, std::string_view stream) {
  TableSchema schema;
  schema.table = stream;
  for (const InputColumn& input : list.columns) {
    headgate::Column& column = schema.columns.emplace_back();
    column.name = input.name;
    column.type = ToColumn(input.type);
    column.nullable = !input.not_null;
    if (input.has_fallback) column.default_expression = input.fallback_text;
  }
  for (std::size_t i = 0; i < list.key.size(); ++i) {
    schema.columns[list.key[i]].key_position = static_cast<std::int32_t>(i + 1);
    schema.columns[list.key[i]].identity = true;
  }
  return schema;
}

}  // namespace headgate::sql
