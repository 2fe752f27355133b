#include "sinks/table/planner.h"

#include <algorithm>
#include <set>

namespace headgate::table {
namespace {

const TargetColumn* Find(const TargetTable& table, std::string_view name) {
  const auto it = std::ranges::find(table.columns, name, &TargetColumn::name);
  return it == table.columns.end() ? nullptr : &*it;
}

bool IsKey(const Wanted& wanted, std::size_t column) {
  return std::ranges::find(wanted.key, column) != wanted.key.end();
}

Column Added(std::string_view name, TypeKind kind, std::string_view type) {
  Column column;
  column.name = name;
  column.type.kind = kind;
  column.type.declared = type;
  column.type.base = type;
  return column;
}

// "name" type NOT NULL. What is no part of the key may be missing: a column that the source drops gets no more values.
Result<std::string> Definition(const Dialect& dialect, const Wanted& wanted, std::size_t column) {
  const bool key = IsKey(wanted, column);
  HG_ASSIGN_OR_RETURN(const std::string type, dialect.TypeFor(wanted.columns[column], key));
  return dialect.Quote(wanted.columns[column].name) + " " + type + (key ? " NOT NULL" : "");
}

std::string KeyList(const Dialect& dialect, const Wanted& wanted) {
  std::string list;
  for (const std::size_t k : wanted.key) list += (list.empty() ? "" : ", ") + dialect.Quote(wanted.columns[k].name);
  return list;
}

// By its columns, in whatever order.
bool IsUnique(const Wanted& wanted, const std::vector<std::string>& index) {
  std::set<std::string> key;
  for (const std::size_t k : wanted.key) key.insert(wanted.columns[k].name);
  return std::set<std::string>(index.begin(), index.end()) == key;
}

}  // namespace

Result<Wanted> WantedOf(const Options& options, const Event& event) {
  Wanted wanted;
  wanted.stream = event.stream->name;
  wanted.name = {options.schema, TableOf(options, event.stream->name, event.stream->schema, event.stream->table)};
  wanted.columns = event.schema->columns;
  if (options.append) {
    wanted.columns.push_back(Added(kEventIdColumn, TypeKind::kText, "text"));
    wanted.columns.push_back(Added(kOpColumn, TypeKind::kText, "text"));
    wanted.columns.push_back(Added(kCommitColumn, TypeKind::kTimestampTz, "timestamp with time zone"));
    return wanted;
  }
  wanted.key = event.schema->EventKey();
  if (!wanted.key.empty()) return wanted;
  return ConfigError("Stream " + wanted.stream +
                     " has no key, so its changes cannot be told to rows of a table. Give the source's table a primary "
                     "key, deliver a view that has one, or set mode=append");
}

Result<std::string> CreateTable(const Dialect& dialect, const Wanted& wanted) {
  std::string sql = "CREATE TABLE " + dialect.QuoteTable(wanted.name) + " (";
  for (std::size_t i = 0; i < wanted.columns.size(); ++i) {
    HG_ASSIGN_OR_RETURN(const std::string column, Definition(dialect, wanted, i));
    sql += (i > 0 ? ", " : "") + column;
  }
  if (!wanted.key.empty()) sql += ", PRIMARY KEY (" + KeyList(dialect, wanted) + ")";
  return sql + ")";
}

Result<std::string> AddColumns(const Dialect& dialect, const Wanted& wanted, const TargetTable& table) {
  std::string list;
  for (std::size_t i = 0; i < wanted.columns.size(); ++i) {
    if (Find(table, wanted.columns[i].name) != nullptr) continue;
    HG_ASSIGN_OR_RETURN(const std::string column, Definition(dialect, wanted, i));
    list += (list.empty() ? "ADD COLUMN " : ", ADD COLUMN ") + column;
  }
  return list.empty() ? list : "ALTER TABLE " + dialect.QuoteTable(wanted.name) + " " + list;
}

Result<std::shared_ptr<const TablePlan>> PlanFor(const Options& options, const Dialect& dialect, const Wanted& wanted,
                                                 const TargetTable& table) {
  TablePlan plan;
  plan.name = wanted.name;
  plan.append = options.append;
  std::vector<std::string> wrong;
  for (std::size_t i = 0; i < wanted.columns.size(); ++i) {
    const Column& column = wanted.columns[i];
    const TargetColumn* const target = Find(table, column.name);
    if (target == nullptr || target->generated) continue;  // the table makes its value itself
    if (std::string misfit = dialect.Misfit(column, *target, IsKey(wanted, i)); !misfit.empty())
      wrong.push_back(std::move(misfit));
    plan.columns.push_back({column.name, i, column.type, target->base, dialect.LiteralFor(column.type)});
  }
  for (const TargetColumn& target : table.columns) {
    if (target.required && std::ranges::find(wanted.columns, target.name, &Column::name) == wanted.columns.end())
      wrong.push_back("column " + target.name +
                      " there may not be NULL, has no default, and the stream has no such column");
  }
  for (const std::size_t k : wanted.key) {
    const auto it = std::ranges::find(plan.columns, k, &PlannedColumn::source);
    if (it == plan.columns.end()) {
      wrong.push_back("key column " + wanted.columns[k].name + " is generated there");
    } else {
      plan.key.push_back(static_cast<std::size_t>(it - plan.columns.begin()));
    }
  }
  if (!options.append) {
    if (std::ranges::none_of(table.unique, [&](const auto& index) { return IsUnique(wanted, index); })) {
      wrong.push_back("it has no primary key or unique index on (" + KeyList(dialect, wanted) +
                      "), by which the stream tells its rows");
    }
    plan.replaces = options.database != Database::kPostgres && table.unique.size() > 1;
  }
  if (wrong.empty()) return std::make_shared<const TablePlan>(std::move(plan));
  std::string what =
      "Table " + wanted.name.Text() + " on " + options.Place() + " does not fit stream " + wanted.stream + ": ";
  for (const std::string& one : wrong) what += (&one == wrong.data() ? "" : "; ") + one;
  return ConfigError(what + ". Change the table, or set `table` to another name");
}

}  // namespace headgate::table
