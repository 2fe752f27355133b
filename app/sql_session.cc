#include "app/sql_session.h"

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/api_client.h"
#include "app/sql_follow.h"
#include "app/sql_table.h"
#include "core/base/encoding.h"

namespace headgate {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRowsMax = 100'000;
volatile std::sig_atomic_t g_interrupted = 0;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string ValueText(const Json& value) {
  if (value.is_null()) return "NULL";
  return value.is_string() ? value.get<std::string>() : Dump(value);
}

bool IsNumeric(const std::string& type) {
  for (const char* known : {"smallint", "integer", "bigint", "real", "double precision"}) {
    if (type == known) return true;
  }
  return type.starts_with("numeric");
}

// Objects of equal members as a table.
TextTable TableOf(const Json& items) {
  TextTable table;
  for (const Json& item : items) {
    auto& row = table.rows.emplace_back();
    for (const auto& [name, value] : item.items()) {
      if (table.rows.size() == 1) table.columns.push_back({name, value.is_number()});
      row.push_back(ValueText(value));
    }
  }
  return table;
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { g_interrupted = 1; };  // without SA_RESTART: a read that waits ends
  sigaction(SIGINT, &action, nullptr);
}
InterruptGuard::~InterruptGuard() { std::signal(SIGINT, SIG_DFL); }
bool InterruptGuard::interrupted() { return g_interrupted != 0; }

void SqlSession::Complain(const std::string& message) {
  if (json_) {
    std::fprintf(stderr, "%s\n", Dump({{"error", message}}).c_str());
  } else {
    std::fprintf(stderr, "ERROR:  %s\n", message.c_str());
  }
}

void SqlSession::ComplainAt(const std::string& text, std::size_t offset, const std::string& message,
                            const std::string& hint) {
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size())), '\n');
  if (json_) {
    Json error = {{"error", message}, {"line", line}};
    if (!file_.empty()) error["file"] = file_;
    if (!hint.empty()) error["hint"] = hint;
    std::fprintf(stderr, "%s\n", Dump(error).c_str());
    return;
  }
  const std::string where = file_.empty() ? "" : file_ + ":" + std::to_string(line) + ": ";
  std::fprintf(stderr, "%sERROR:  %s\n%s", where.c_str(), message.c_str(), Pointed(text, offset).c_str());
  if (!hint.empty()) std::fprintf(stderr, "HINT:  %s\n", hint.c_str());
}

std::optional<std::string> SqlSession::Ask(const std::string& method, const std::string& target,
                                           const std::string& body, const std::string& text, std::size_t offset) {
  const auto answer = AskApi(listen_, method, target, body);
  if (!answer.ok()) {
    Complain(answer.error().what);
    return std::nullopt;
  }
  if (answer->status / 100 == 2) return answer->body;
  const Json problem = Json::parse(answer->body, nullptr, false);
  const bool placed = problem.is_object() && problem.contains("errors") && problem["errors"].is_array() &&
                      !problem["errors"].empty() && problem["errors"][0].contains("line");
  if (!placed) {
    Complain(ProblemText(answer->body));
    return std::nullopt;
  }
  const Json& error = problem["errors"][0];
  const std::size_t place = OffsetOf(text.substr(offset), error["line"], error["column"]);
  ComplainAt(text, offset + place, error.value("detail", ""), error.value("hint", ""));
  return std::nullopt;
}

bool SqlSession::Run(const std::string& text) {
  const auto statements = sql::ReadStatements(text);
  if (!statements.ok()) {
    ComplainAt(text, statements.error().offset, statements.error().message, statements.error().hint);
    return false;
  }
  for (const sql::Statement& statement : *statements) {
    if (!RunOne(text, statement)) return false;
  }
  return true;
}

bool SqlSession::RunOne(const std::string& text, const sql::Statement& statement) {
  const bool plain = statement.connector.verb == sql::ConnectorStatement::Verb::kNone;
  if (plain && statement.tree.Is("SelectStmt") && statement.emit_changes) return Follow(text, statement);
  if (plain && (statement.tree.Is("SelectStmt") || statement.tree.Is("ExplainStmt"))) return RunQuery(text, statement);
  return RunStatement(text, statement);
}

bool SqlSession::RunQuery(const std::string& text, const sql::Statement& statement) {
  const auto body =
      Ask("POST", "/api/v1/query", Dump({{"sql", statement.written}, {"limit", kRowsMax}}), text, statement.offset);
  if (!body) return false;
  if (json_) return Print(*body + "\n"), true;
  const Json answer = Json::parse(*body, nullptr, false);
  if (answer.is_object() && answer.contains("plan")) {
    std::string plan = answer["plan"];
    if (!plan.ends_with('\n')) plan += '\n';
    return Print(plan), true;
  }
  if (!answer.is_object() || !answer.contains("rows")) return Complain("the answer makes no sense: " + *body), false;
  TextTable table;
  for (const Json& column : answer["columns"]) table.columns.push_back({column["name"], IsNumeric(column["type"])});
  for (const Json& row : answer["rows"]) {
    auto& cells = table.rows.emplace_back();
    for (const Json& value : row) cells.push_back(ValueText(value));
  }
  Print(Aligned(table));
  if (answer.value("more", false)) Print("There are more rows than these.\n");
  return true;
}

bool SqlSession::RunStatement(const std::string& text, const sql::Statement& statement) {
  const auto body = Ask("POST", "/api/v1/sql", Dump({{"statements", statement.written}}), text, statement.offset);
  if (!body) return false;
  const Json answer = Json::parse(*body, nullptr, false);
  if (!answer.is_object() || !answer.contains("results")) return Complain("the answer makes no sense: " + *body), false;
  for (const Json& result : answer["results"]) {
    if (json_) {
      Print(Dump(result) + "\n");
    } else if (result.contains("items")) {
      Print(Aligned(TableOf(result["items"])));
    } else {
      Print(result.value("statement", "DONE") + "\n");
    }
  }
  return true;
}

bool SqlSession::Follow(const std::string& text, const sql::Statement& statement) {
  const auto tail = TailOf(statement);
  if (const auto* refused = std::get_if<NotFollowed>(&tail)) {
    ComplainAt(text, statement.offset + refused->offset, refused->message, "");
    return false;
  }
  return FollowTarget(std::get<std::string>(tail));
}

bool SqlSession::FollowTarget(const std::string& target) {
  auto connection = ApiConnection::Open(listen_);
  if (!connection.ok()) return Complain(connection.error().what), false;
  const InterruptGuard guard;
  const auto status = connection->Ask("GET", target, "", {{"Accept", "text/event-stream"}});
  if (!status.ok()) return Complain(status.error().what), false;
  if (*status != 200) return Complain(ProblemText(connection->Body())), false;
  std::string line;
  std::string event;
  while (!InterruptGuard::interrupted() && connection->NextLine(line)) {
    if (line.starts_with("event: ")) event = line.substr(7);
    if (!line.starts_with("data: ")) continue;
    const Json data = Json::parse(line.substr(6), nullptr, false);
    if (json_) {
      Print(Dump({{"event", event}, {"data", data}}) + "\n");
    } else if (event == "snapshot") {
      for (const Json& row : data["rows"]) Print("  " + Dump(row) + "\n");
    } else if (event == "insert") {
      Print("+ " + Dump(data["new"]) + "\n");
    } else if (event == "delete") {
      Print("- " + Dump(data["old"]) + "\n");
    } else if (event == "update") {
      Print("- " + Dump(data["old"]) + "\n+ " + Dump(data["new"]) + "\n");
    } else if (event == "gap" || event == "error" || event == "schema") {
      std::fprintf(stderr, "%s %s\n", event.c_str(), line.c_str() + 6);
    }
    if (event == "error") return false;
    if (event == "end") return Print(json_ ? "" : "The view was dropped, or the service ends.\n"), true;
  }
  if (InterruptGuard::interrupted()) return Print(json_ ? "" : "\n"), true;
  return Complain("the connection broke; the service may have been killed"), false;
}

bool SqlSession::List() {
  const auto views = Ask("GET", "/api/v1/views", "", "", 0);
  if (!views) return false;
  Json items = Json::array();
  const Json all_views = Json::parse(*views, nullptr, false);
  for (const Json& view : all_views["items"])
    items.push_back({{"name", view["name"]},
                     {"kind", view["kind"] == "query" ? "named query" : "view"},
                     {"state", view.value("state", "")},
                     {"rows", view.contains("rows") ? view["rows"] : Json(nullptr)}});
  std::string cursor;
  do {
    const auto streams = Ask("GET", "/api/v1/streams?limit=1000" + cursor, "", "", 0);
    if (!streams) return false;
    const Json page = Json::parse(*streams, nullptr, false);
    for (const Json& stream : page["items"]) {
      if (stream["kind"] == "view" || stream["origin"] == "views") continue;
      items.push_back({{"name", stream["name"]},
                       {"kind", stream["kind"] == "data" ? "stream" : "table"},
                       {"state", ""},
                       {"rows", nullptr}});
    }
    cursor = page["next_cursor"].is_string() ? "&cursor=" + page["next_cursor"].get<std::string>() : "";
  } while (!cursor.empty());
  if (json_) return Print(Dump(items) + "\n"), true;
  TextTable table = TableOf(items);
  if (table.columns.empty()) table.columns = {{"name"}, {"kind"}, {"state"}, {"rows"}};
  Print(Aligned(table));
  return true;
}

bool SqlSession::Describe(const std::string& name) {
  if (name.empty()) return List();
  auto answer = AskApi(listen_, "GET", "/api/v1/views/" + PercentEncode(name));
  if (answer.ok() && answer->status == 404) answer = AskApi(listen_, "GET", "/api/v1/streams/" + PercentEncode(name));
  if (!answer.ok()) return Complain(answer.error().what), false;
  if (answer->status == 404) return Complain("there is no view and no stream \"" + name + "\""), false;
  if (answer->status != 200) return Complain(ProblemText(answer->body)), false;
  if (json_) return Print(answer->body + "\n"), true;
  const Json thing = Json::parse(answer->body, nullptr, false);
  const Json& columns = thing.contains("schema") ? thing["schema"]["columns"] : thing["columns"];
  TextTable table;
  table.columns = {{"column"}, {"type"}, {"key"}};
  for (const Json& column : columns) {
    const auto place = std::ranges::find(thing["key"], column["name"]);
    table.rows.push_back({column["name"], column["type"],
                          place == thing["key"].end() ? "" : std::to_string(place - thing["key"].begin() + 1)});
  }
  Print(Aligned(table));
  if (thing.contains("sql")) Print(thing["sql"].get<std::string>() + "\n");
  if (thing.contains("state")) Print("state: " + thing["state"].get<std::string>() + "\n");
  return true;
}

}  // namespace headgate
