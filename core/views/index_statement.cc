#include "core/views/index_statement.h"

#include <algorithm>
#include <optional>

#include "core/views/row_indexes.h"

namespace headgate::views {
namespace {

using sql::Node;
using sql::TypeId;

constexpr std::size_t kColumnsMax = 32;  // as in PostgreSQL
constexpr std::size_t kIndexesMax = 64;  // of one view: each change of a row changes all of them

SqlError Refused(const sql::Statement& statement, std::string code, std::string message, std::string hint = "") {
  return {std::move(code), std::move(message), statement.offset, std::move(hint)};
}
SqlError NotSupported(const sql::Statement& statement, const std::string& what, std::string hint) {
  return Refused(statement, "0A000", what + " is not supported", std::move(hint));
}

// What PostgreSQL's grammar takes and an index of a view does not have.
std::optional<SqlError> Unsupported(const sql::Statement& statement, const Node& create) {
  const std::string plain = "Leave it out.";
  if (create["unique"].flag())
    return NotSupported(statement, "CREATE UNIQUE INDEX",
                        "What is unique in a view is its key, which needs no index. Leave UNIQUE out.");
  if (create["concurrent"].flag())
    return NotSupported(statement, "CONCURRENTLY",
                        "Leave it out: while an index is built the view goes on and can be read.");
  const std::string_view method = create["accessMethod"].text();
  if (!method.empty() && method != "btree")
    return NotSupported(statement, "index method \"" + std::string(method) + "\"",
                        "Leave USING out: values are found by = and by bounds.");
  if (!create["indexIncludingParams"].items().empty())
    return NotSupported(statement, "INCLUDE", "Leave it out: an index leads to whole rows.");
  if (create["whereClause"])
    return NotSupported(statement, "an index of some rows (WHERE)",
                        "Leave WHERE out, or make a materialized view with that WHERE and index it.");
  if (!create["options"].items().empty()) return NotSupported(statement, "WITH in CREATE INDEX", plain);
  if (create["tableSpace"]) return NotSupported(statement, "TABLESPACE", plain);
  return std::nullopt;
}

std::optional<SqlError> UnsupportedIn(const sql::Statement& statement, const Node& element) {
  const auto refused = [&](const std::string& what, std::string hint) {
    return NotSupported(statement, what, std::move(hint));
  };
  if (element["expr"])
    return refused("an index of an expression",
                   "Give the view a column of the expression (CREATE OR REPLACE), and index that.");
  if (element["ordering"].text() == "SORTBY_DESC")
    return refused("DESC in an index", "Leave it out: ORDER BY ... DESC orders the result.");
  const std::string_view nulls = element["nulls_ordering"].text();
  if (!nulls.empty() && nulls != "SORTBY_NULLS_DEFAULT")
    return refused("NULLS FIRST or LAST in an index", "Leave it out.");
  if (!element["collation"].items().empty())
    return refused("COLLATE in an index", "Leave it out: the order is that of \"C\".");
  if (!element["opclass"].items().empty()) return refused("an operator class", "Leave it out.");
  return std::nullopt;
}

SqlResult<DefinitionPtr> ViewOf(const sql::Statement& statement, const std::string& name, const NameTable& names) {
  DefinitionPtr view = names.FindDefinition(name);
  if (view != nullptr && view->record.kind == ObjectKind::kView) return view;
  if (view == nullptr && !names.streams.contains(name))
    return Refused(statement, "42P01", "relation \"" + name + "\" does not exist");
  const bool table = view == nullptr ? !names.streams.at(name).events : view->record.kind == ObjectKind::kTable;
  const std::string what = view != nullptr && view->record.kind == ObjectKind::kQuery ? "a query that keeps no rows"
                           : table                                                    ? "a table of a source"
                                                                                      : "a stream of events";
  return Refused(statement, "42809", "\"" + name + "\" is " + what + ": only materialized views can be indexed",
                 "CREATE MATERIALIZED VIEW ... AS SELECT ... FROM " + name + ", and index that.");
}

// As PostgreSQL names them.
std::string MadeUp(const NameTable& names, const IndexStatement& made) {
  std::string base = made.view;
  for (const std::string& column : made.index.columns) base += "_" + column;
  base += "_idx";
  std::string name = base;
  for (int n = 1; FindIndex(names, name) != nullptr; ++n) name = base + std::to_string(n);
  return name;
}

}  // namespace

std::string IndexName(const sql::Statement& statement) { return std::string(statement.tree.body()["idxname"].text()); }

DefinitionPtr FindIndex(const NameTable& names, std::string_view name) {
  for (const auto& [view, definition] : names.definitions) {
    const auto& indexes = definition->record.indexes;
    if (std::ranges::find(indexes, name, &ViewIndex::name) != indexes.end()) return definition;
  }
  return nullptr;
}

std::uint32_t FreeIndexNumber(const ViewRecord& record) {
  auto number = static_cast<std::uint32_t>(record.version % kIndexNumbers);  // each change has another version
  while (std::ranges::find(record.indexes, number, &ViewIndex::number) != record.indexes.end())
    number = (number + 1) % kIndexNumbers;
  return number;
}

SqlResult<IndexStatement> ReadIndex(const sql::Statement& statement, const NameTable& names) {
  const Node& create = statement.tree.body();
  if (auto refused = Unsupported(statement, create)) return *std::move(refused);
  IndexStatement made;
  made.if_not_exists = create["if_not_exists"].flag();
  made.view = sql::RelationName(create["relation"]);
  HG_ASSIGN_OR_RETURN(const DefinitionPtr view, ViewOf(statement, made.view, names));
  const auto& columns = view->relation->columns;
  for (const Node& element : create["indexParams"].items()) {
    if (auto refused = UnsupportedIn(statement, element.body())) return *std::move(refused);
    const std::string name(element.body()["name"].text());
    const auto found = std::ranges::find_if(columns, [&](const auto& c) { return !c.hidden && c.name == name; });
    if (found == columns.end())
      return Refused(statement, "42703", "column \"" + name + "\" of view \"" + made.view + "\" does not exist");
    if (std::ranges::find(made.index.columns, name) != made.index.columns.end())
      return Refused(statement, "42701", "column \"" + name + "\" stands twice in the index", "Name it once.");
    if (found->type.id == TypeId::kJson || found->type.id == TypeId::kJsonPath)
      return Refused(statement, "42704",
                     "values of column \"" + name + "\" have no order: it is " + sql::Name(found->type),
                     "Give the view the column as jsonb or text, and index that.");
    made.index.columns.push_back(name);
  }
  if (made.index.columns.size() > kColumnsMax)
    return Refused(statement, "54011", "an index has at most " + std::to_string(kColumnsMax) + " columns");
  if (view->record.indexes.size() >= kIndexesMax)
    return Refused(statement, "54000",
                   "view \"" + made.view + "\" has " + std::to_string(kIndexesMax) + " indexes already",
                   "DROP INDEX one that is not used.");
  made.index.name = IndexName(statement);
  if (made.index.name.empty()) made.index.name = MadeUp(names, made);
  return made;
}

std::string LacksForIndex(const std::vector<ViewIndex>& indexes, const Definition& made) {
  for (const ViewIndex& index : indexes) {
    const auto places = PlacesOf(index, *made.relation);
    const auto orderless = [&](std::size_t c) { return made.relation->columns[c].type.Is(TypeId::kJson); };
    if (made.record.kind == ObjectKind::kView && places && std::ranges::none_of(*places, orderless)) continue;
    std::string columns;
    for (const std::string& column : index.columns) columns += (columns.empty() ? "" : ", ") + column;
    return "index \"" + index.name + "\" is of its columns (" + columns + "), and the new one cannot have it";
  }
  return "";
}

}  // namespace headgate::views
