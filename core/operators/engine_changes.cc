#include <algorithm>
#include <set>
#include <utility>

#include "core/operators/engine_stored.h"

// INSERT, UPDATE, DELETE, TRUNCATE.
namespace headgate::operators {

using sql::Datum;
using sql::Node;
using sql::Statement;

namespace {

Node ColumnRef(const std::string& table, const std::string& column) {
  return Node::Wrap("ColumnRef", {{"fields", Node::List({Node::Wrap("String", {{"sval", Node::Text(table)}}),
                                                         Node::Wrap("String", {{"sval", Node::Text(column)}})})}});
}
Node Target(Node value) { return Node::Wrap("ResTarget", {{"val", std::move(value)}}); }
Node NullConstant() { return Node::Wrap("A_Const", {{"isnull", Node::Flag(true)}}); }

}  // namespace

SqlResult<Engine::Stored*> Engine::Target(const Node& range) const {
  const std::string name = sql::RelationName(range);
  Stored* table = FindStored(name);
  if (table == nullptr) return Failed("42P01", "relation \"" + name + "\" does not exist");
  if (table->is_view)
    return Failed("42809", "\"" + name + "\" is a view: its query decides what is in it",
                  "Change the tables that it reads.");
  return table;
}

SqlStatus Engine::Insert(const Statement& statement, const Node& insert) {
  HG_ASSIGN_OR_RETURN(Stored * table, Target(insert["relation"]));
  if (insert["onConflictClause"] || insert["returningList"])
    return SqlError{"0A000", "ON CONFLICT and RETURNING are not supported", statement.offset, ""};
  std::vector<std::size_t> columns;
  for (const Node& item : insert["cols"].items()) {
    const auto found =
        std::ranges::find(table->relation.columns, item.body()["name"].text(), &sql::RelationColumn::name);
    if (found == table->relation.columns.end() || found->hidden)
      return SqlError{"42703",
                      "column \"" + std::string(item.body()["name"].text()) + "\" of relation \"" +
                          table->relation.name + "\" does not exist",
                      statement.offset + item.body().location(), ""};
    columns.push_back(static_cast<std::size_t>(found - table->relation.columns.begin()));
  }
  if (insert["cols"].items().empty()) {
    for (std::size_t c = 0; c < table->visible; ++c) columns.push_back(c);
  }
  const auto default_of = [&](std::size_t c) {
    return table->defaults[c].empty() ? NullConstant() : table->defaults[c];
  };
  Node select = insert["selectStmt"];
  if (select.empty()) {  // DEFAULT VALUES
    columns.clear();
    select = Node::Wrap("SelectStmt",
                        {{"valuesLists", Node::List({Node::Wrap("List", {{"items", Node::List({NullConstant()})}})})}});
  } else if (select.body()["valuesLists"]) {
    std::vector<Node> rows;
    for (const Node& row : select.body()["valuesLists"].items()) {
      std::vector<Node> items = row.body()["items"].items();
      for (std::size_t i = 0; i < items.size() && i < columns.size(); ++i) {
        if (items[i].Is("SetToDefault")) items[i] = default_of(columns[i]);
      }
      rows.push_back(Node::Wrap("List", {{"items", Node::List(std::move(items))}}));
    }
    select = Node::Wrap("SelectStmt", {{"valuesLists", Node::List(std::move(rows))},
                                       {"sortClause", select.body()["sortClause"]},
                                       {"limitCount", select.body()["limitCount"]}});
  }
  sql::BindOptions options;
  options.clock = true;
  for (const std::size_t c : columns) options.assign.push_back(table->types[c]);
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, select, options));
  if (!columns.empty() && query.visible > columns.size())
    return SqlError{"42601", "INSERT has more expressions than target columns", statement.offset, ""};
  if (!insert["cols"].items().empty() && query.visible < columns.size())
    return SqlError{"42601", "INSERT has more target columns than expressions", statement.offset, ""};
  HG_ASSIGN_OR_RETURN(Outcome values, Run(std::move(query)));
  // Columns that are not named get their defaults.
  std::vector<Datum> defaults(table->visible);
  for (std::size_t c = 0; c < table->visible; ++c) {
    const auto named = std::ranges::find(columns, c);
    if (table->defaults[c].empty() ||
        (named != columns.end() && static_cast<std::size_t>(named - columns.begin()) < values.columns.size()))
      continue;
    sql::BindOptions one;
    one.clock = true;
    one.assign.push_back(table->types[c]);
    const Node of = Node::Wrap("SelectStmt", {{"targetList", Node::List({operators::Target(table->defaults[c])})}});
    HG_ASSIGN_OR_RETURN(sql::BoundQuery default_query, Bind(statement, of, one));
    HG_ASSIGN_OR_RETURN(Outcome value, Run(std::move(default_query)));
    defaults[c] = value.rows.at(0).at(0);
  }
  for (std::vector<Datum>& given : values.rows) {
    std::vector<Datum> row = defaults;
    for (std::size_t i = 0; i < given.size() && i < columns.size(); ++i) row[columns[i]] = std::move(given[i]);
    HG_RETURN_IF_ERROR(Put(*table, std::move(row)));
  }
  return {};
}

SqlStatus Engine::Update(const Statement& statement, const Node& update) {
  HG_ASSIGN_OR_RETURN(Stored * table, Target(update["relation"]));
  if (update["returningList"]) return SqlError{"0A000", "RETURNING is not supported", statement.offset, ""};
  const Node& relation = update["relation"];
  const std::string alias(relation["alias"] ? relation["alias"]["aliasname"].text() : relation["relname"].text());
  std::vector<Node> targets;
  sql::BindOptions options;
  options.clock = true;
  for (const sql::RelationColumn& column : table->relation.columns) {
    targets.push_back(operators::Target(ColumnRef(alias, column.name)));
    options.assign.push_back(column.type);
  }
  std::vector<std::size_t> columns;
  for (const Node& item : update["targetList"].items()) {
    const Node& target = item.body();
    const auto found = std::ranges::find(table->relation.columns, target["name"].text(), &sql::RelationColumn::name);
    if (found == table->relation.columns.end() || found->hidden)
      return SqlError{"42703",
                      "column \"" + std::string(target["name"].text()) + "\" of relation \"" + table->relation.name +
                          "\" does not exist",
                      statement.offset + target.location(), ""};
    if (target["val"].Is("MultiAssignRef"))
      return SqlError{"0A000", "SET (a, b) = ... is not supported", statement.offset, "Set the columns one by one."};
    columns.push_back(static_cast<std::size_t>(found - table->relation.columns.begin()));
    options.assign.push_back(found->type);
    const Node& given = table->defaults[columns.back()];
    targets.push_back(operators::Target(!target["val"].Is("SetToDefault") ? target["val"]
                                                                          : (given.empty() ? NullConstant() : given)));
  }
  std::vector<Node> from = update["fromClause"].items();
  from.insert(from.begin(), Node::Object({{"RangeVar", relation}}));
  const Node select = Node::Wrap("SelectStmt", {{"targetList", Node::List(std::move(targets))},
                                                {"fromClause", Node::List(std::move(from))},
                                                {"whereClause", update["whereClause"]}});
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, select, options));
  HG_ASSIGN_OR_RETURN(Outcome found, Run(std::move(query)));
  const std::size_t width = table->relation.columns.size();
  std::set<std::string> seen;  // a row that the FROM clause finds twice is changed once
  std::vector<std::vector<Datum>> rows;
  for (std::vector<Datum>& row : found.rows) {
    sql::RowBuilder builder(table->types);
    builder.AddDatums(std::span(row).first(width));
    const std::string bytes = sql::EncodeRow(table->types, builder.Take(), 0);
    const std::string key = table->RowKey(std::span(row).first(width), bytes);
    if (!seen.insert(key).second) continue;
    Take(*table, key);
    std::vector<Datum> changed(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table->visible));
    for (std::size_t i = 0; i < columns.size(); ++i) changed[columns[i]] = row[width + i];
    rows.push_back(std::move(changed));
  }
  for (std::vector<Datum>& row : rows) HG_RETURN_IF_ERROR(Put(*table, std::move(row)));
  return {};
}

SqlStatus Engine::Delete(const Statement& statement, const Node& del) {
  HG_ASSIGN_OR_RETURN(Stored * table, Target(del["relation"]));
  if (del["returningList"]) return SqlError{"0A000", "RETURNING is not supported", statement.offset, ""};
  const Node& relation = del["relation"];
  const std::string alias(relation["alias"] ? relation["alias"]["aliasname"].text() : relation["relname"].text());
  std::vector<Node> targets;
  for (const sql::RelationColumn& column : table->relation.columns)
    targets.push_back(operators::Target(ColumnRef(alias, column.name)));
  std::vector<Node> from = del["usingClause"].items();
  from.insert(from.begin(), Node::Object({{"RangeVar", relation}}));
  const Node select = Node::Wrap("SelectStmt", {{"targetList", Node::List(std::move(targets))},
                                                {"fromClause", Node::List(std::move(from))},
                                                {"whereClause", del["whereClause"]}});
  sql::BindOptions options;
  options.clock = true;
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, select, options));
  HG_ASSIGN_OR_RETURN(Outcome found, Run(std::move(query)));
  for (const std::vector<Datum>& row : found.rows) {
    sql::RowBuilder builder(table->types);
    builder.AddDatums(row);
    Take(*table, table->RowKey(row, sql::EncodeRow(table->types, builder.Take(), 0)));
  }
  return {};
}

SqlStatus Engine::Truncate(const Node& truncate) {
  for (const Node& item : truncate["relations"].items()) {
    HG_ASSIGN_OR_RETURN(Stored * table, Target(item.body()));
    std::vector<std::string> keys;
    for (const auto& [key, row] : table->rows) keys.push_back(key);
    for (const std::string& key : keys) Take(*table, key);
  }
  return {};
}

SqlStatus Engine::Put(Stored& table, std::vector<Datum> row) {
  for (std::size_t c = 0; c < table.visible; ++c) {
    if (row[c].null && table.relation.columns[c].not_null)
      return Failed("23502", "null value in column \"" + table.relation.columns[c].name + "\" of relation \"" +
                                 table.relation.name + "\" violates not-null constraint");
  }
  row.resize(table.visible);
  row.push_back(Datum::Of(static_cast<std::int64_t>(seq_ + 1)));
  row.push_back(Datum::Of(static_cast<std::int64_t>(ordinal_ + 1)));
  sql::RowBuilder builder(table.types);
  builder.AddDatums(row);
  const sql::Batch batch = builder.Take();
  for (const Stored::Check& check : table.checks) {
    sql::EvalContext context;
    const sql::Column value = sql::Evaluate(*check.condition, batch, sql::Rows(1), context);
    if (context.failed()) return Failed(context.errors()[0].code, context.errors()[0].message);
    if (!value->IsNull(0) && value->bools[value->Index(0)] == 0)
      return Failed("23514", "new row for relation \"" + table.relation.name + "\" violates check constraint \"" +
                                 check.name + "\"");
  }
  const std::string bytes = sql::EncodeRow(table.types, batch, 0);
  const std::string key = table.RowKey(row, bytes);
  if (!table.relation.key.empty() && table.rows.contains(key))
    return Failed("23505", "duplicate key value violates unique constraint \"" + table.relation.name + "_pkey\"");
  const auto unique_keys = table.UniqueKeys(bytes);
  for (std::size_t i = 0; i < unique_keys.size(); ++i) {
    if (table.unique[i].taken.contains(unique_keys[i]))
      return Failed("23505", "duplicate key value violates unique constraint \"" + table.unique[i].name + "\"");
  }
  Row& stored = table.rows[key];
  stored.bytes = bytes;
  ++stored.weight;
  Log(table, key, bytes, 1);
  return {};
}

std::vector<std::string> Engine::Stored::UniqueKeys(const std::string& bytes) const {
  std::vector<std::string> keys;
  if (unique.empty()) return keys;
  sql::RowBuilder builder(types);
  builder.Add(bytes);
  const sql::Batch row = builder.Take();
  for (const Unique& constraint : unique) {
    std::string& key = keys.emplace_back();
    for (const std::size_t c : constraint.columns) AppendKey(key, types[c], *row.columns[c], 0);
    const bool null = std::ranges::any_of(constraint.columns, [&](std::size_t c) { return row.columns[c]->IsNull(0); });
    if (null) key.clear();
  }
  return keys;
}

void Engine::MarkUnique(Stored& table, const std::string& bytes, bool there) {
  const auto keys = table.UniqueKeys(bytes);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].empty()) continue;
    if (there) {
      table.unique[i].taken.insert(keys[i]);
    } else {
      table.unique[i].taken.erase(keys[i]);
    }
  }
}

void Engine::Take(Stored& table, const std::string& key) {
  const auto found = table.rows.find(key);
  if (found == table.rows.end()) return;
  Log(table, key, found->second.bytes, -1);
  if (--found->second.weight == 0) table.rows.erase(found);
}

void Engine::Log(Stored& table, const std::string& key, const std::string& bytes, std::int64_t weight) {
  changes_.push_back({&table, key, bytes, weight, ++ordinal_});
  MarkUnique(table, bytes, weight > 0);
}

}  // namespace headgate::operators
