#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/views/views.h"
#include "web/api.h"
#include "web/freshness.h"
#include "web/page.h"
#include "web/sql_shapes.h"
#include "web/view_shapes.h"

// /api/v1: views and their rows (admin API, 4.3).
namespace headgate::web {
namespace {

using views::DefinitionPtr;
using views::ObjectKind;
using views::ViewStatus;

Response NoView(const Request& request, std::string_view name) {
  return Fail(request, 404, "View " + std::string(name) + " not found");
}

std::string ViewPath(const std::string& name) { return "/api/v1/views/" + PercentEncode(name); }

Json GateJson(Api& api, const ViewStatus& status) {
  Json gate;
  const Seq last = api.control.log().last_seq();
  const Seq from = status.hold_from != 0 ? status.hold_from : status.held_from;
  gate["transactions_waiting"] = BigJson(last + 1 > from ? last + 1 - from : 0);
  if (status.hold_from != 0) {
    gate["held"] = {{"source", status.held_by}, {"rows_waiting", status.held_rows}};
    gate["reason"] = "no sign of life from the server of source " + status.held_by +
                     " for longer than max_staleness; events wait until its tables are current";
  }
  Json control = Json::array();
  const auto registry = api.control.log().registry();
  for (const ViewStatus::Control& table : status.control) {
    const StreamInfo* stream = registry->FindStream(table.stream);
    const SourceInfo* source = stream == nullptr ? nullptr : registry->Source(stream->source);
    const std::string_view connector = source == nullptr ? "postgresql" : std::string_view(source->connector);
    const auto position = [&](std::uint64_t at) { return at == 0 ? Json(nullptr) : Json(PositionText(connector, at)); };
    Json one;
    one["stream"] = table.stream;
    one["required"] = position(table.required);
    one["reached"] = position(table.reached);
    one["ready"] = table.ready;
    control.push_back(std::move(one));
  }
  gate["control"] = std::move(control);
  return gate;
}

Json RelationJson(const sql::Relation& relation) {
  Json columns = Json::array();
  for (const sql::RelationColumn& column : relation.columns) {
    if (column.hidden) continue;
    Json one;
    one["name"] = column.name;
    one["type"] = sql::Name(column.type);
    columns.push_back(std::move(one));
  }
  return columns;
}

Json KeyJson(const sql::Relation& relation) {
  Json key = Json::array();
  for (const std::size_t column : relation.key) key.push_back(relation.columns[column].name);
  return key;
}

// What was asked for, and whether queries use it: those of a form that is to come in the place of another do not yet.
Json IndexesJson(const views::Definition& view, const ViewStatus* status) {
  Json indexes = Json::array();
  for (const views::ViewIndex& index : view.record.indexes) {
    const bool whole = status != nullptr && status->replacing == nullptr && status->indexes.contains(index.number);
    indexes.push_back({{"name", index.name}, {"columns", index.columns}, {"state", whole ? "ready" : "building"}});
  }
  return indexes;
}

void AddProgress(Api& api, Json& json, const ViewStatus& status, bool whole) {
  json["state"] = status.state;
  if (!status.failure.empty()) json["error"] = status.failure;
  if (!status.paused_by.empty()) json["paused_by"] = status.paused_by;
  if (status.state == "gated") json["gate"] = GateJson(api, status);
  if (status.replacing != nullptr) {
    json["replacing"] = {{"state", status.replacing->state}, {"rows", status.replacing->rows}};
    if (!status.replacing->failure.empty()) json["replacing"]["error"] = status.replacing->failure;
  }
  json["rows"] = status.rows;
  json["errors"] = {{"now", status.errors}, {"ever", status.errors_ever}};
  if (status.forgotten != 0) json["forgotten"] = status.forgotten;
  if (status.expired != 0) json["expired"] = status.expired;
  if (status.waiting != 0) json["waiting"] = status.waiting;
  if (!whole) return;
  const Seq applied = status.behind_from != 0 ? status.behind_from - 1 : api.control.views().applied();
  const Seq last = api.control.log().last_seq();
  json["applied_seq"] = BigJson(applied);
  json["pending_transactions"] = BigJson(last > applied ? last - applied : 0);
  json["lag_seconds"] = api.control.views().LagSeconds(applied);
  json["history_from"] = BigJson(status.held_from);
  if (const std::string trouble = api.control.views().trouble(); !trouble.empty()) json["trouble"] = trouble;
}

Json ViewJson(Api& api, const views::Definition& view, bool whole) {
  Json json;
  json["name"] = view.record.name;
  json["kind"] = view.record.kind == ObjectKind::kView    ? "materialized"
                 : view.record.kind == ObjectKind::kTable ? "table"
                                                          : "query";
  if (view.record.kind == ObjectKind::kView) {
    const auto status = api.control.views().Status(view.record.name);
    ViewStatus begun;
    begun.state = "loading";
    AddProgress(api, json, status == nullptr ? begun : *status, whole);
    if (const auto bytes = api.control.views().StoredBytes(view); whole && bytes.ok()) json["state_bytes"] = *bytes;
    json["health"] = ViewHealthJson(api.control, view);
    json["indexes"] = IndexesJson(view, status.get());
  }
  json["sql"] = view.record.sql;
  Json options = Json::object();
  for (const auto& [name, value] : view.record.options) options[name] = value;
  json["options"] = std::move(options);
  json["inputs"] = view.reads;
  json["key"] = KeyJson(*view.relation);
  json["append_only"] = view.relation->append_only;
  json["columns"] = RelationJson(*view.relation);
  if (view.record.of_sink) json["sink"] = view.record.name;
  json["created_at"] = TimeJson(view.record.created_us);
  if (whole && view.record.kind != ObjectKind::kQuery) {
    std::uint64_t letters = 0;
    for (const auto& [state, count] : api.control.LetterCounts(views::LetterOwner(view.record.name))) letters += count;
    json["dead_letters"] = letters;
  }
  if (whole) json["readers"] = views::ReadersOf(*api.control.views().names(), view.record.name);
  return json;
}

Response ListViews(Api& api, const Request& request) {
  Json items = Json::array();
  const auto names = api.control.views().names();
  for (const auto& [name, definition] : names->definitions) items.push_back(ViewJson(api, *definition, false));
  return PageAnswer(request, std::move(items), "");
}

Response GetView(Api& api, const Request& request) {
  const DefinitionPtr view = api.control.views().Find(request.Argument(0));
  if (view == nullptr) return NoView(request, request.Argument(0));
  return Response::Json(200, Dump(ViewJson(api, *view, true)));
}

// {"name","sql","options"}: a CREATE statement put together, so that both ways mean the same.
struct ViewRequest {
  std::string statement;
  std::size_t prefix = 0;  // bytes in front of the user's SELECT
};

std::string Quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out.push_back(quote);
    out.push_back(c);
  }
  out.push_back(quote);
  return out;
}

Result<ViewRequest> ReadView(const Request& request, std::string name, bool replace) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object()) return ConfigError("The body must be an object with \"name\" and \"sql\".");
  if (name.empty() && body.contains("name") && body["name"].is_string()) name = body["name"];
  if (name.empty()) return ConfigError("\"name\" is missing: the view's name, a text.");
  if (!body.contains("sql") || !body["sql"].is_string())
    return ConfigError("\"sql\" is missing: the SELECT of the view, a text.");
  std::string options;
  if (body.contains("options") && !body["options"].is_null()) {
    if (!body["options"].is_object()) return ConfigError("\"options\" must be an object.");
    for (const auto& [key, value] : body["options"].items()) {
      if (!IsScalar(value)) return ConfigError("Option \"" + key + "\" must be a text, a number or a boolean.");
      options += (options.empty() ? " WITH (" : ", ") + Quoted(key, '"') + " = " + Quoted(ScalarText(value), '\'');
    }
    if (!options.empty()) options += ")";
  }
  ViewRequest made;
  made.statement = std::string("CREATE ") + (replace ? "OR REPLACE " : "") + "MATERIALIZED VIEW " + Quoted(name, '"') +
                   options + " AS\n";
  made.prefix = made.statement.size();
  made.statement += body["sql"].get<std::string>();
  return made;
}

views::SqlError InSelect(views::SqlError error, const ViewRequest& view) {
  error.offset = error.offset > view.prefix ? error.offset - view.prefix : 0;
  return error;
}

// The one statement of the request, or the answer that says why it is none.
std::variant<sql::Statement, Response> ReadOne(const Request& request, const ViewRequest& view) {
  const std::string select = view.statement.substr(view.prefix);
  auto statements = sql::ReadStatements(view.statement);
  if (!statements.ok())
    return BadSql(
        request,
        InSelect({"42601", statements.error().message, statements.error().offset, statements.error().hint}, view),
        select, "/sql");
  if (statements->size() != 1)
    return BadSql(request, {"42601", "the SQL of a view is one SELECT", 0, "Send several statements to /api/v1/sql."},
                  select, "/sql");
  return std::move(statements->front());
}

Response CreateView(Api& api, const Request& request, const std::string& name, bool replace) {
  const auto view = ReadView(request, name, replace);
  if (!view.ok()) return Fail(request, 400, view.error().what);
  auto statement = ReadOne(request, *view);
  if (auto* bad = std::get_if<Response>(&statement)) return std::move(*bad);
  const auto made = api.control.CreateView(std::get<sql::Statement>(statement), request.caller());
  if (!made.ok()) return BadSql(request, InSelect(made.error(), *view), view->statement.substr(view->prefix), "/sql");
  Response response = Response::Json(replace ? 202 : 201, Dump(ViewJson(api, **made, true)));
  response.headers.emplace_back("Location", AbsoluteUrl(request, ViewPath((*made)->record.name)));
  return response;
}

Response Post(Api& api, const Request& request) {
  return api.idempotency.Run(api.control, request, [&] { return CreateView(api, request, "", false); });
}

Response Put(Api& api, const Request& request) {
  if (api.control.views().Find(request.Argument(0)) == nullptr) return NoView(request, request.Argument(0));
  return CreateView(api, request, request.Argument(0), true);
}

Response ValidateView(Api& api, const Request& request) {
  const auto view = ReadView(request, "", false);
  if (!view.ok()) return Fail(request, 400, view.error().what);
  auto statement = ReadOne(request, *view);
  if (auto* bad = std::get_if<Response>(&statement)) return std::move(*bad);
  const auto made = api.control.views().Validate(std::get<sql::Statement>(statement));
  if (!made.ok()) return BadSql(request, InSelect(made.error(), *view), view->statement.substr(view->prefix), "/sql");
  Json json;
  json["inputs"] = made->reads;
  json["key"] = KeyJson(*made->relation);
  json["append_only"] = made->relation->append_only;
  json["columns"] = RelationJson(*made->relation);
  json["plan"] = made->plan == nullptr ? "" : Describe(*made->plan);
  json["warnings"] = Json::array();
  return Response::Json(200, Dump(json));
}

Response DropView(Api& api, const Request& request) {
  if (api.control.views().Find(request.Argument(0)) == nullptr) return NoView(request, request.Argument(0));
  const auto dropped = api.control.DropView(request.Argument(0), request.caller());
  if (!dropped.ok()) return FailSql(request, dropped.error());
  return Response::Empty(204);
}

Response SetPaused(Api& api, const Request& request, bool paused) {
  if (api.control.views().Find(request.Argument(0)) == nullptr) return NoView(request, request.Argument(0));
  const auto done = api.control.PauseView(request.Argument(0), paused, request.caller());
  if (!done.ok() && done.error().code == "42809") return Fail(request, 409, done.error().message + ".");
  if (!done.ok()) return FailSql(request, done.error());
  return Response::Empty(202);
}
Response PauseView(Api& api, const Request& request) { return SetPaused(api, request, true); }
Response ResumeView(Api& api, const Request& request) { return SetPaused(api, request, false); }

Response NotReady(const Request& request, std::string text) {
  return Fail(request, 503, text).With("Retry-After", "1");
}

std::optional<Response> ReadConditions(const Request& request, views::RowsRequest& rows, Freshness& fresh) {
  for (const auto& [name, value] : request.query.items()) {
    if (name.starts_with("key.")) {
      rows.equal.emplace_back(name.substr(4), value);
    } else if (name.starts_with("from.")) {
      rows.from.emplace_back(name.substr(5), value);
    } else if (name.starts_with("to.")) {
      rows.to.emplace_back(name.substr(3), value);
    } else if (name != "count" && name != "limit" && name != "cursor") {
      const auto taken = SetFreshness(fresh, name, Json(value), request.json_depth_max);
      if (!taken.ok()) return Fail(request, 400, taken.error().what);
      if (*taken) continue;
      return Fail(
          request, 400,
          "There is no parameter " + name + ": rows are chosen by key.<column>, from.<column> and to.<column>.");
    }
  }
  rows.count = request.query.Flag("count");
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  rows.limit = *limit;
  return std::nullopt;
}

// All of the key is given: the answer is that row, or 404.
bool IsOneRow(const views::Definition& view, const views::RowsRequest& rows) {
  if (view.relation->key.empty() || rows.count) return false;
  return std::ranges::all_of(view.relation->key, [&](std::size_t column) {
    return std::ranges::any_of(rows.equal,
                               [&](const auto& given) { return given.first == view.relation->columns[column].name; });
  });
}

Response RowsAnswer(const Request& request, const views::Definition& view, const views::RowsRequest& rows,
                    const views::RowsAnswer& answer, const std::string& list) {
  std::string body;
  const views::Table& table = answer.table;
  if (IsOneRow(view, rows)) {
    if (table.rows.empty())
      return Fail(request, 404, "View " + view.record.name + " has no row with that key.")
          .With("Headgate-Seq", std::to_string(table.seq));
    AppendRowObject(body, table, 0);
  } else if (rows.count) {
    body = "{\"count\":" + std::to_string(answer.count) + ",\"scanned\":" + (table.scanned ? "true" : "false") + "}";
  } else {
    body = "{\"items\":[";
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      if (row > 0) body.push_back(',');
      AppendRowObject(body, table, row);
    }
    const std::string next = answer.next_cursor.empty() ? "" : MakeCursor(list, Hex(answer.next_cursor));
    body += "],\"next_cursor\":" + (next.empty() ? std::string("null") : "\"" + next + "\"");
    body += std::string(",\"scanned\":") + (table.scanned ? "true" : "false") + "}";
  }
  return Response::Json(200, std::move(body)).With("Headgate-Seq", std::to_string(table.seq));
}

Response Rows(Api& api, const Request& request) {
  const std::string& name = request.Argument(0);
  const DefinitionPtr view = api.control.views().Find(name);
  if (view == nullptr) return NoView(request, name);
  if (view->record.kind != ObjectKind::kView)
    return Fail(request, 409, name + " is no view: it keeps no rows of its own. Ask it by POST /api/v1/query.");
  views::RowsRequest rows;
  Freshness fresh;
  if (auto bad = ReadConditions(request, rows, fresh)) return std::move(*bad);
  const std::string list = "rows/" + name;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor(list, request.query.Get("cursor"));
    const auto bytes = place ? FromHex(*place) : std::nullopt;
    if (!bytes) return BadCursor(request);
    rows.cursor = *bytes;
  }
  const auto status = api.control.views().Status(name);
  const std::string state = status == nullptr ? "loading" : status->state;
  if (state == "failed") return NotReady(request, "View " + name + " has failed: " + status->failure);
  if (state == "paused") {
    const std::string& by = status->paused_by.empty() ? name : status->paused_by;
    return NotReady(request, "View " + name + " is paused" + (by == name ? "" : ": it reads " + by + ", which is") +
                                 ". PUT /api/v1/views/" + by + "/resume lets it go on.");
  }
  const bool held = status != nullptr && status->hold_from != 0;  // it is whole, but for events that wait
  if (state != "running" && !held)
    return NotReady(request, "View " + name + " is " + state + ": it has no complete content yet.");
  Later later;
  later.lane = Lane::kRecords;
  later.stage = "reading the view";
  later.work = [control = &api.control, request, view, rows, list, fresh](std::stop_token stop) {
    views::Views& all = control->views();
    if (auto bad = AwaitFresh(all, request, fresh, all.SourcesOf(view->inputs), stop)) return std::move(*bad);
    const auto answer = all.Rows(view->record.name, rows, stop);
    if (!answer.ok() && answer.error().code == "55000") return NotReady(request, answer.error().message + ".");
    if (!answer.ok()) return FailSql(request, answer.error());
    return RowsAnswer(request, *view, rows, *answer, list);
  };
  return Response::Run(std::move(later));
}

}  // namespace

void AddViewRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/views",
       Role::kRead,
       "Views of the shard",
       ListViews,
       {.answers = "200 {items: [View], next_cursor: string?}"}},
      {"POST",
       "/api/v1/views",
       Role::kAdmin,
       "Create a view",
       Post,
       {.query = "Idempotency-Key: string", .body = "CreateView", .answers = "201 View", .errors = "409 422"}},
      {"POST",
       "/api/v1/views/validate",
       Role::kAdmin,
       "What a view would be, without creating it",
       ValidateView,
       {.body = "CreateView", .answers = "200 Plan", .errors = "409 422"}},
      {"GET", "/api/v1/views/{v}", Role::kRead, "One view with its state", GetView, {.answers = "200 View"}},
      {"PUT",
       "/api/v1/views/{v}",
       Role::kAdmin,
       "Replace a view's query",
       Put,
       {.body = "{sql: string, options?: {*: Scalar}?}", .answers = "202 View", .errors = "409 422"}},
      {"PUT",
       "/api/v1/views/{v}/pause",
       Role::kOperate,
       "Let a view, and what reads it, stand still",
       PauseView,
       {.answers = "202", .errors = "409 422"}},
      {"PUT",
       "/api/v1/views/{v}/resume",
       Role::kOperate,
       "Let a view go on where it stood",
       ResumeView,
       {.answers = "202", .errors = "409 422"}},
      {"DELETE", "/api/v1/views/{v}", Role::kAdmin, "Drop a view", DropView, {.answers = "204", .errors = "409 422"}},
      {"GET",
       "/api/v1/views/{v}/rows",
       Role::kOperate,
       "Rows, by key, range or all",
       Rows,
       {.query = "...RowChoice, count: bool, ...Freshness, ...Page",
        .answers = "200 {items: [Row], next_cursor: string?, scanned: bool}|{count: int, scanned: bool}|Row",
        .errors = "409 422"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
