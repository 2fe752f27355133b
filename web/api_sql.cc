#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/config/masking.h"
#include "core/sql/column_list.h"
#include "core/views/index_statement.h"
#include "web/api.h"
#include "web/connect_shapes.h"
#include "web/freshness.h"
#include "web/page.h"
#include "web/sql_shapes.h"

// /api/v1: statements and queries (admin API, 4.3; stream-SQL reference, 8.4).
namespace headgate::web {
namespace {

using sql::ConnectorStatement;
using sql::Node;
using sql::Statement;
using views::SqlError;

constexpr std::size_t kQueryRows = 1'000;
constexpr std::size_t kQueryRowsMax = 100'000;

using Outcome = views::SqlResult<Json>;

Json Did(std::string_view what, const std::string& name) {
  Json json;
  json["statement"] = what;
  json["name"] = name;
  return json;
}

SqlError FromControl(const Statement& statement, const Refusal& refusal) {
  SqlError error{"22023", refusal.text, statement.offset, ""};
  if (refusal.status == 409) error.code = "42710";
  if (refusal.status == 404) error.code = "42704";
  return error;
}

std::string JoinedName(const std::vector<std::string>& parts) {
  std::string name;
  for (const std::string& part : parts) name += (name.empty() ? "" : ".") + part;
  return name;
}

// The column list of CREATE SOURCE as the setting `columns` has it.
views::SqlResult<std::string> ColumnsText(const Statement& statement, const std::vector<Node>& columns) {
  for (const Node& node : columns) {
    if (!node.Is("ColumnDef")) continue;
    const auto type = sql::BindType(node.body()["typeName"]);
    if (!type.ok()) return SqlError{"42704", type.error().message, statement.offset + type.error().offset, ""};
  }
  const auto list = sql::ReadColumns(columns);
  if (list.ok()) return sql::ToText(*list);
  return SqlError{"0A000", list.error().message, statement.offset + list.error().offset, list.error().hint};
}

Outcome CreateSinkOfQuery(Control& control, const Statement& statement, config::FlatConfig flat, const Caller& caller) {
  const ConnectorStatement& said = statement.connector;
  const auto made = control.CreateSinkOf(*said.view, said.name, std::move(flat), caller);
  if (const auto* refusal = std::get_if<Refusal>(&made)) return FromControl(statement, *refusal);
  if (const auto* problem = std::get_if<SqlError>(&made)) {
    SqlError error = *problem;
    error.offset = statement.offset + sql::PlaceOfQuery(said, error.offset);
    return error;
  }
  return Did("CREATE SINK", said.name);
}

Outcome CreateConnector(Control& control, const Statement& statement, const Caller& caller) {
  const ConnectorStatement& said = statement.connector;
  if (said.if_not_exists && control.Find(said.name) != nullptr) return Did("CREATE", said.name);
  config::FlatConfig flat(said.options.begin(), said.options.end());
  if (!said.from.empty()) flat["topics"] = JoinedName(said.from);
  if (!said.columns.empty()) {
    HG_ASSIGN_OR_RETURN(flat["columns"], ColumnsText(statement, said.columns));
  }
  const auto found = flat.find("connector.class");
  const config::ComponentSpec* spec = found == flat.end() ? nullptr : control.FindPlugin(found->second);
  const auto wanted = said.sink ? config::ComponentKind::kSink : config::ComponentKind::kSource;
  if (spec != nullptr && spec->kind != wanted)
    return SqlError{"42809", "class " + found->second + " is a " + (said.sink ? "source" : "sink"), statement.offset,
                    said.sink ? "Write CREATE SOURCE." : "Write CREATE SINK ... FROM."};
  if (said.view != nullptr) return CreateSinkOfQuery(control, statement, std::move(flat), caller);
  const auto made = control.Create(said.name, std::move(flat), TargetState::kRunning, caller);
  if (const auto* refusal = std::get_if<Refusal>(&made)) return FromControl(statement, *refusal);
  return Did(said.sink ? "CREATE SINK" : "CREATE SOURCE", said.name);
}

Outcome ShowConnectors(Control& control, const ConnectorStatement& said) {
  Json json;
  json["statement"] = said.sink ? "SHOW SINKS" : "SHOW SOURCES";
  Json items = Json::array();
  for (const std::string& name : control.Names()) {
    const auto record = control.Find(name);
    const auto wanted = said.sink ? config::ComponentKind::kSink : config::ComponentKind::kSource;
    if (record == nullptr || record->kind != wanted || (!said.name.empty() && said.name != name)) continue;
    const auto status = control.Status(name);
    items.push_back({{"name", name},
                     {"class", record->class_name},
                     {"state", status == nullptr ? "UNASSIGNED" : std::string(Name(status->state))}});
  }
  json["items"] = std::move(items);
  return json;
}

Outcome ChangeConnector(Control& control, const Statement& statement, const Caller& caller) {
  const ConnectorStatement& said = statement.connector;
  const char* const kind = said.sink ? "SINK" : "SOURCE";
  const auto record = control.Find(said.name);
  const auto wanted = said.sink ? config::ComponentKind::kSink : config::ComponentKind::kSource;
  if (record == nullptr || record->kind != wanted) {
    if (said.if_exists) return Did(std::string("DROP ") + kind, said.name);
    return SqlError{"42704", std::string(said.sink ? "sink \"" : "source \"") + said.name + "\" does not exist",
                    statement.offset, ""};
  }
  if (said.verb == ConnectorStatement::Verb::kDrop) {
    const auto gone = control.Delete(said.name, false, false, caller);
    if (const auto* refusal = std::get_if<Refusal>(&gone)) return FromControl(statement, *refusal);
    return Did(std::string("DROP ") + kind, said.name);
  }
  config::FlatConfig flat = record->config;
  for (const auto& [key, value] : said.options) flat[key] = value;
  const auto changed = control.Replace(said.name, std::move(flat), std::nullopt, caller);
  if (const auto* refusal = std::get_if<Refusal>(&changed)) return FromControl(statement, *refusal);
  return Did(std::string("ALTER ") + kind, said.name);
}

Outcome CreateIndex(Control& control, const Statement& statement, const Caller& caller) {
  const auto made = control.CreateIndex(statement, caller);
  if (!made.ok()) return made.error();
  Json json = Did("CREATE INDEX", *made == nullptr ? views::IndexName(statement) : (*made)->record.indexes.back().name);
  if (*made != nullptr) json["view"] = (*made)->record.name;
  return json;
}

// Each object of a DROP: its name's parts make a name, which may be missing.
Outcome DropEach(const Statement& statement, std::string_view what,
                 const std::function<std::string(const Node& parts)>& name_of,
                 const std::function<bool(const std::string& name)>& is_there,
                 const std::function<views::SqlResult<views::DefinitionPtr>(const std::string& name)>& drop) {
  const Node& body = statement.tree.body();
  Json names = Json::array();
  for (const Node& object : body["objects"].items()) {
    const std::string name = name_of(object.body()["items"]);
    if (body["missing_ok"].flag() && !is_there(name)) continue;
    const auto dropped = drop(name);
    if (!dropped.ok()) {
      SqlError error = dropped.error();
      error.offset = statement.offset;
      return error;
    }
    names.push_back(name);
  }
  Json json;
  json["statement"] = what;
  json["names"] = std::move(names);
  return json;
}

Outcome DropIndexes(Control& control, const Statement& statement, const Caller& caller) {
  return DropEach(
      statement, "DROP INDEX", [](const Node& parts) { return std::string(parts.items().back().name()); },
      [&](const std::string& name) { return views::FindIndex(*control.views().names(), name) != nullptr; },
      [&](const std::string& name) { return control.DropIndex(name, caller); });
}

Outcome DropViews(Control& control, const Statement& statement, const Caller& caller) {
  const auto joined = [](const Node& parts) {
    std::string name;
    for (const Node& part : parts.items()) name += (name.empty() ? "" : ".") + std::string(part.name());
    return name;
  };
  return DropEach(
      statement, "DROP", joined, [&](const std::string& name) { return control.views().Find(name) != nullptr; },
      [&](const std::string& name) { return control.DropView(name, caller); });
}

Outcome Run(Control& control, const Statement& statement, const Caller& caller) {
  using Verb = ConnectorStatement::Verb;
  switch (statement.connector.verb) {
    case Verb::kCreate:
      return CreateConnector(control, statement, caller);
    case Verb::kAlter:
    case Verb::kDrop:
      return ChangeConnector(control, statement, caller);
    case Verb::kShow:
      return ShowConnectors(control, statement.connector);
    case Verb::kNone:
      break;
  }
  const Node& tree = statement.tree;
  if (tree.Is("CreateTableAsStmt") || tree.Is("ViewStmt") || tree.Is("CreateStmt")) {
    const auto made = control.CreateView(statement, caller);
    if (!made.ok()) return made.error();
    const char* const what = tree.Is("ViewStmt")     ? "CREATE VIEW"
                             : tree.Is("CreateStmt") ? "CREATE TABLE"
                                                     : "CREATE MATERIALIZED VIEW";
    if (*made == nullptr) return Did(what, "");
    return Did(what, (*made)->record.name);
  }
  if (tree.Is("DropStmt") && tree.body()["removeType"].text() == "OBJECT_INDEX")
    return DropIndexes(control, statement, caller);
  if (tree.Is("DropStmt")) return DropViews(control, statement, caller);
  if (tree.Is("IndexStmt")) return CreateIndex(control, statement, caller);
  if (tree.Is("SelectStmt") || tree.Is("ExplainStmt"))
    return SqlError{"0A000", "a query has rows: it is not run here", statement.offset, "Send it to /api/v1/query."};
  return SqlError{"0A000", "this statement is not supported", statement.offset,
                  "Sources, sinks and views are created and dropped here; tables belong to their databases."};
}

// The statements that were done before one failed stay done; the answer names them.
Response RunAll(Api& api, const Request& request) {
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object() || !body->contains("statements") || !(*body)["statements"].is_string())
    return Fail(request, 400, "The body must be an object with \"statements\", a text.");
  const std::string text = (*body)["statements"];
  const auto statements = sql::ReadStatements(text);
  if (!statements.ok())
    return BadSql(request, {"42601", statements.error().message, statements.error().offset, statements.error().hint},
                  text, "/statements");
  Json results = Json::array();
  for (const Statement& statement : *statements) {
    const auto done = Run(api.control, statement, request.caller());
    if (done.ok()) {
      results.push_back(*done);
      continue;
    }
    SqlError error = done.error();
    if (!results.empty())
      error.hint += (error.hint.empty() ? "" : " ") + std::string("The ") + std::to_string(results.size()) +
                    " statements before it are done.";
    return BadSql(request, error, text, "/statements");
  }
  Json answer;
  answer["results"] = std::move(results);
  return Response::Json(200, Dump(answer));
}

Response Sql(Api& api, const Request& request) {
  return api.idempotency.Run(api.control, request, [&] { return RunAll(api, request); });
}

Response TableAnswer(const views::Table& table) {
  std::string body = "{\"columns\":" + Dump(ColumnsJson(table.columns)) + ",\"rows\":[";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    if (row > 0) body.push_back(',');
    AppendRowArray(body, table, row);
  }
  body += "],\"seq\":\"" + std::to_string(table.seq) + "\",\"more\":" + (table.more ? "true" : "false") +
          ",\"scanned\":" + (table.scanned ? "true" : "false") + "}";
  return Response::Json(200, std::move(body)).With("Headgate-Seq", std::to_string(table.seq));
}

struct QueryRequest {
  std::string text;
  views::QueryLimits limits;
  Freshness fresh;
};

Result<QueryRequest> ReadQuery(const Request& request) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object() || !body.contains("sql") || !body["sql"].is_string())
    return ConfigError("The body must be an object with \"sql\", a text.");
  QueryRequest query;
  query.text = body["sql"];
  query.limits.rows = kQueryRows;
  for (const auto& [member, value] : body.items()) {
    if (member == "sql" || value.is_null()) continue;
    HG_ASSIGN_OR_RETURN(const bool taken, SetFreshness(query.fresh, member, value, request.json_depth_max));
    if (taken) continue;
    if (member != "limit")
      return ConfigError("There is no member \"" + member +
                         "\": a query has sql, limit, min_seq, min_position and wait_ms.");
    const auto number = IsScalar(value) ? ParseNumber(ScalarText(value)) : std::nullopt;
    if (!number || *number == 0 || *number > kQueryRowsMax)
      return ConfigError("\"limit\" must be from 1 to " + std::to_string(kQueryRowsMax) + ".");
    query.limits.rows = *number;
  }
  return query;
}

Response RunQuery(const views::Views& views, const Request& request, const QueryRequest& query, const Statement& found,
                  std::stop_token stop) {
  const Node& tree = found.tree;
  if (tree.Is("ExplainStmt")) {
    const auto plan = views::Explain(*views.names(), found, tree.body()["query"]);
    if (!plan.ok()) return BadSql(request, plan.error(), query.text, "/sql");
    Json json;
    json["plan"] = *plan;
    return Response::Json(200, Dump(json));
  }
  const auto table = views.Select(found, tree, query.limits, stop);
  if (table.ok()) return TableAnswer(*table);
  if (table.error().code == "55000") return FailSql(request, table.error()).With("Retry-After", "1");
  return BadSql(request, table.error(), query.text, "/sql");
}

Response RunOne(Api& api, const Request& request) {
  const auto query = ReadQuery(request);
  if (!query.ok()) return Fail(request, 400, query.error().what);
  const auto statements = sql::ReadStatements(query->text);
  if (!statements.ok())
    return BadSql(request, {"42601", statements.error().message, statements.error().offset, statements.error().hint},
                  query->text, "/sql");
  const bool one = statements->size() == 1 && statements->front().connector.verb == ConnectorStatement::Verb::kNone;
  if (!one || (!statements->front().tree.Is("SelectStmt") && !statements->front().tree.Is("ExplainStmt")))
    return BadSql(request, {"0A000", "a query is one SELECT or EXPLAIN", 0, "Other statements go to /api/v1/sql."},
                  query->text, "/sql");
  if (statements->front().emit_changes)
    return BadSql(request, {"0A000", "EMIT CHANGES has no end", 0, "Follow /api/v1/views/{v}/tail."}, query->text,
                  "/sql");
  Later later;
  later.lane = Lane::kRecords;
  later.stage = "running the query";
  later.work = [control = &api.control, request, query = *query, found = statements->front()](std::stop_token stop) {
    views::Views& views = control->views();
    std::set<std::string> sources;
    if (!query.fresh.min_position.empty() && found.tree.Is("SelectStmt")) {
      auto known = views.SourcesOf(found, found.tree);
      if (!known.ok()) return BadSql(request, known.error(), query.text, "/sql");
      sources = std::move(*known);
    }
    if (auto bad = AwaitFresh(views, request, query.fresh, sources, stop)) return std::move(*bad);
    return RunQuery(views, request, query, found, stop);
  };
  return Response::Run(std::move(later));
}

}  // namespace

void AddSqlRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"POST",
       "/api/v1/sql",
       Role::kAdmin,
       "Run statements",
       Sql,
       {.query = "Idempotency-Key: string",
        .body = "{statements: string}",
        .answers = "200 {results: [StatementResult]}",
        .errors = "409 422"}},
      {"POST",
       "/api/v1/query",
       Role::kOperate,
       "Run a SELECT",
       RunOne,
       {.body = "Query", .answers = "200 QueryResult", .errors = "404 409 422"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
