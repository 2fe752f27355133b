#include <algorithm>
#include <set>

#include "core/operators/engine_stored.h"

// CREATE and DROP.
namespace headgate::operators {

using sql::Node;
using sql::Statement;
using sql::TypeId;

SqlStatus Engine::CreateTable(const Statement& statement, const Node& create) {
  const std::string name = sql::RelationName(create["relation"]);
  if (FindStored(name) != nullptr) {
    if (create["if_not_exists"].flag()) return {};
    return Failed("42P07", "relation \"" + name + "\" already exists");
  }
  auto table = std::make_unique<Stored>();
  table->relation.name = name;
  std::vector<std::pair<const Node*, std::optional<std::size_t>>> constraints;
  for (const Node& element : create["tableElts"].items()) {
    if (element.Is("Constraint")) {
      constraints.emplace_back(&element.body(), std::nullopt);
      continue;
    }
    if (!element.Is("ColumnDef")) return Failed("0A000", "LIKE and inheritance are not supported in CREATE TABLE");
    const Node& column = element.body();
    auto type = sql::BindType(column["typeName"]);
    if (!type.ok()) return Wrong(type.error(), statement, "42704");
    const std::size_t place = table->relation.columns.size();
    table->relation.columns.push_back({std::string(column["colname"].text()), *type, false, false});
    table->defaults.emplace_back();
    for (const Node& constraint : column["constraints"].items()) constraints.emplace_back(&constraint.body(), place);
  }
  table->visible = table->relation.columns.size();
  for (const auto& [hidden, type] : {std::pair{"_seq", TypeId::kInt8}, std::pair{"_ordinal", TypeId::kInt4}})
    table->relation.columns.push_back({hidden, type, true, true});
  for (const sql::RelationColumn& column : table->relation.columns) table->types.push_back(column.type);
  for (const auto& [constraint, column] : constraints) {
    const SqlStatus added = AddConstraint(*table, *constraint, column);
    if (!added.ok()) {
      SqlError error = added.error();
      error.offset += statement.offset;
      return error;
    }
  }
  stored_.emplace(name, std::move(table));
  return {};
}

SqlStatus Engine::AddConstraint(Stored& table, const Node& constraint, std::optional<std::size_t> column) {
  const std::string_view kind = constraint["contype"].text();
  std::vector<std::size_t> columns;
  if (column) columns.push_back(*column);
  for (const Node& key : constraint["keys"].items()) {
    const auto found = std::ranges::find(table.relation.columns, key.name(), &sql::RelationColumn::name);
    if (found == table.relation.columns.end())
      return Failed("42703", "column \"" + std::string(key.name()) + "\" named in key does not exist");
    columns.push_back(static_cast<std::size_t>(found - table.relation.columns.begin()));
  }
  if (kind == "CONSTR_PRIMARY") {
    for (const std::size_t c : columns) table.relation.columns[c].not_null = true;
    table.relation.key = columns;
  } else if (kind == "CONSTR_UNIQUE") {
    std::string name(constraint["conname"].text());
    if (name.empty()) {
      name = table.relation.name;
      for (const std::size_t c : columns) name += "_" + table.relation.columns[c].name;
      name += "_key";
    }
    table.unique.push_back({std::move(name), columns, {}});
  } else if (kind == "CONSTR_NOTNULL") {
    table.relation.columns[*column].not_null = true;
  } else if (kind == "CONSTR_DEFAULT") {
    table.defaults[*column] = constraint["raw_expr"];
  } else if (kind == "CONSTR_CHECK") {
    auto condition = sql::BindOver(constraint["raw_expr"], table.relation, {});
    if (!condition.ok())
      return SqlError{"42804", condition.error().message, condition.error().offset, condition.error().hint};
    std::string name(constraint["conname"].text());
    if (name.empty())
      name = table.relation.name + (column ? "_" + table.relation.columns[*column].name : "") + "_check";
    table.checks.push_back({std::move(name), std::move(*condition)});
  } else if (kind != "CONSTR_NULL" && kind != "CONSTR_FOREIGN") {
    return Failed("0A000", "this kind of constraint is not supported");
  }
  return {};
}

SqlStatus Engine::CreatePlainView(const Statement& statement, const Node& create) {
  const std::string name = sql::RelationName(create["view"]);
  const bool replace = create["replace"].flag();
  if (Stored* old = FindStored(name); old != nullptr && (!replace || old->relation.definition.empty()))
    return Failed("42P07", "relation \"" + name + "\" already exists");
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, create["query"], sql::BindOptions::ForView()));
  auto view = std::make_unique<Stored>();
  view->relation.name = name;
  view->is_view = true;
  const auto& aliases = create["aliases"].items();
  for (std::size_t i = 0; i < query.visible; ++i) {
    const sql::PlanColumn& column = query.plan->columns[i];
    view->relation.columns.push_back(
        {i < aliases.size() ? std::string(aliases[i].name()) : column.name, column.type, false, false});
  }
  view->relation.definition = sql::QueryText(statement);
  view->relation.system_times = statement.system_times;
  stored_[name] = std::move(view);
  return {};
}

// Of a running service there are more; here they change nothing.
SqlStatus Engine::TakeOptions(const Statement& statement, const Node& written, sql::Plan& plan) {
  const auto options = sql::ReadOptions(written);
  if (!options.ok()) return Wrong(options.error(), statement);
  for (const auto& [name, value] : *options) {
    if (name != "on_error" || value == "dead_letter") continue;
    if (value != "null") return Failed("0A000", "on_error is dead_letter or null here", "Stopping needs a service.");
    SetNullOnError(plan);
  }
  return {};
}

SqlStatus Engine::CreateView(const Statement& statement, const Node& create) {
  const Node& into = create["into"];
  const std::string name = sql::RelationName(into["rel"]);
  if (create["objtype"].text() != "OBJECT_MATVIEW")
    return Failed("0A000", "CREATE TABLE AS is not supported", "Use CREATE MATERIALIZED VIEW ... AS.");
  Stored* old = FindStored(name);
  if (old != nullptr && create["if_not_exists"].flag()) return {};
  if (old != nullptr && (!statement.or_replace || old->graph == nullptr))
    return Failed("42P07", "relation \"" + name + "\" already exists");
  if (in_block_ && !changes_.empty())
    return Failed("25001", "CREATE MATERIALIZED VIEW cannot follow changes in a block", "COMMIT first.");
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, create["query"], sql::BindOptions::ForView()));
  std::set<std::string> names;
  auto view = std::make_unique<Stored>();
  view->relation.name = name;
  view->is_view = true;
  const auto& aliases = into["colNames"].items();
  for (std::size_t i = 0; i < query.visible; ++i) {
    const sql::PlanColumn& column = query.plan->columns[i];
    const std::string column_name = i < aliases.size() ? std::string(aliases[i].name()) : column.name;
    if (!names.insert(column_name).second)
      return SqlError{"42701", "column \"" + column_name + "\" specified more than once", statement.offset,
                      "Give one of them another name with AS."};
    view->relation.columns.push_back({column_name, column.type, false, false});
    view->types.push_back(column.type);
  }
  view->visible = query.visible;
  view->relation.append_only = IsAppendOnlyView(*query.plan, view->relation.columns);
  if (query.visible != query.plan->columns.size()) {
    std::vector<std::size_t> columns(query.visible);
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
    query.plan = sql::MakePick(std::move(query.plan), columns);
  }
  const auto keys = KeysOf(*query.plan);
  const auto shortest = std::ranges::min_element(keys, {}, &std::vector<std::size_t>::size);
  if (shortest != keys.end()) view->relation.key = *shortest;
  HG_RETURN_IF_ERROR(TakeOptions(statement, into["options"], *query.plan));
  view->plan = std::move(query.plan);
  Stored* made = view.get();
  view->graph = std::make_unique<Graph>(*view->plan, [made](const Delta& delta) { made->output.push_back(delta); });
  if (old != nullptr) {
    const auto& reads = view->graph->relations();
    if (std::ranges::find(reads, &old->relation) != reads.end())
      return Failed("42P17", "view \"" + name + "\" would read itself", "A view reads tables and other views.");
    for (Stored* other : views_) {
      if (other != old &&
          std::ranges::find(other->graph->relations(), &old->relation) != other->graph->relations().end())
        return Failed("2BP01", "view \"" + other->relation.name + "\" depends on \"" + name + "\"", "Drop it first.");
    }
    std::erase(views_, old);
  }
  stored_[name] = std::move(view);
  views_.push_back(made);
  Backfill(*made);
  return {};
}

SqlStatus Engine::Drop(const Node& drop) {
  for (const Node& object : drop["objects"].items()) {
    if (drop["removeType"].text() == "OBJECT_INDEX") continue;
    std::string name;
    for (const Node& part : object.body()["items"].items())
      name += (name.empty() ? "" : ".") + std::string(part.name());
    Stored* stored = FindStored(name);
    if (stored == nullptr) {
      if (drop["missing_ok"].flag()) continue;
      return Failed("42P01", "relation \"" + name + "\" does not exist");
    }
    for (Stored* view : views_) {
      if (view != stored &&
          std::ranges::find(view->graph->relations(), &stored->relation) != view->graph->relations().end())
        return Failed("2BP01",
                      "cannot drop \"" + name + "\" because view \"" + view->relation.name + "\" depends on it",
                      "Drop the view first.");
    }
    if (std::ranges::find(changes_, stored, &Change::table) != changes_.end())
      return Failed("55006", "cannot drop \"" + name + "\": this block changed it", "COMMIT or ROLLBACK first.");
    std::erase(views_, stored);
    stored_.erase(stored->relation.name);
  }
  return {};
}

}  // namespace headgate::operators
