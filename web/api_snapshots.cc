#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/pipeline/rebuild.h"
#include "core/pipeline/snapshot_desk.h"
#include "web/connect_shapes.h"
#include "web/idempotency.h"
#include "web/page.h"

// /api/v1: snapshots of sources and for sinks while their streams go on, and tables that are added (admin API, 4.1 and
// 4.6). What is asked for goes to the connector, which answers once it is durable.
namespace headgate::web {
namespace {

constexpr const char* kAskAgain = "5";  // seconds
constexpr double kMicroseconds = 1e6;

std::string_view PhaseOf(SnapshotState state) {
  switch (state) {
    case SnapshotState::kPending:
      return "waiting";
    case SnapshotState::kRunning:
      return "reading";
    case SnapshotState::kPaused:
      return "paused";
    default:
      return "ended";
  }
}

Json Text(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// A guess, until it has ended.
std::uint64_t TotalOf(const stored::ChunkedTable& table) {
  const bool known = headgate::StateOf(table) == SnapshotState::kCompleted;
  return known ? table.rows() : std::max<std::uint64_t>(table.rows(), table.rows_estimate());
}

Json TableJson(const stored::ChunkedTable& table) {
  const std::uint64_t total = TotalOf(table);
  const bool known = headgate::StateOf(table) == SnapshotState::kCompleted;
  Json json;
  json["table"] = table.table();
  json["state"] = Name(headgate::StateOf(table));
  json["rows_done"] = table.rows();
  json["rows_total"] = known || table.rows_estimate() > 0 ? Json(total) : Json(nullptr);
  json["estimated"] = !known;
  json["chunks_done"] = table.chunks();
  json["chunks_total"] = known               ? Json(table.chunks())
                         : table.rows() == 0 ? Json(nullptr)
                                             : Json((table.chunks() * total + table.rows() - 1) / table.rows());
  json["low_watermark"] = Text(table.low());
  json["high_watermark"] = Text(table.high());
  json["error"] = Text(table.error());
  return json;
}

Json SnapshotJson(const stored::ChunkedSnapshot& snapshot, std::int64_t now_us) {
  std::uint64_t rows = 0;
  std::uint64_t left = 0;
  bool guessed = true;
  Json tables = Json::array();
  for (const stored::ChunkedTable& table : snapshot.tables()) {
    rows += table.rows();
    if (!HasEnded(headgate::StateOf(table))) {
      left += TotalOf(table) - table.rows();
      guessed = guessed && table.rows_estimate() > 0;
    }
    tables.push_back(TableJson(table));
  }
  const SnapshotState state = headgate::StateOf(snapshot);
  const std::int64_t until = HasEnded(state)                   ? snapshot.ended_us()
                             : snapshot.paused_since_us() != 0 ? snapshot.paused_since_us()
                                                               : now_us;
  const std::int64_t worked = snapshot.started_us() == 0 ? 0 : until - snapshot.started_us() - snapshot.paused_us();
  const double rate = worked > 0 ? static_cast<double>(rows) * kMicroseconds / static_cast<double>(worked) : 0;
  Json json;
  json["id"] = BigJson(snapshot.run());
  json["mode"] = Name(ModeOf(snapshot));
  json["state"] = Name(state);
  const RebuildPhase rebuild = headgate::PhaseOf(snapshot);
  json["phase"] = rebuild == RebuildPhase::kNone ? PhaseOf(state) : Name(rebuild);
  if (!snapshot.error().empty()) json["error"] = snapshot.error();
  if (!snapshot.swapped_at().empty()) {
    json["swapped_at"] = snapshot.swapped_at();
    json["old_until"] = TimeJson(snapshot.due_us());
  }
  json["tables"] = std::move(tables);
  if (!snapshot.where_column().empty()) {
    json["where"]["column"] = snapshot.where_column();
    if (snapshot.has_where_from()) json["where"]["from"] = snapshot.where_from();
    if (snapshot.has_where_to()) json["where"]["to"] = snapshot.where_to();
  }
  json["note"] = Text(snapshot.note());
  json["requested_at"] = TimeJson(snapshot.requested_us());
  json["started_at"] = TimeJson(snapshot.started_us());
  json["ended_at"] = TimeJson(snapshot.ended_us());
  json["rows_done"] = rows;
  json["rate_rows_per_second"] = rate;
  const bool knows = state == SnapshotState::kRunning && guessed && rate > 0;
  json["eta_seconds"] = knows ? Json(static_cast<double>(left) / rate) : Json(nullptr);
  return json;
}

std::optional<Response> IsMissing(Api& api, const Request& request) {
  if (api.control.Find(request.Argument(0)) != nullptr) return std::nullopt;
  return NoConnector(request, request.Argument(0));
}

// The source of the path; else the answer.
std::optional<Response> NotASource(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (record->kind == config::ComponentKind::kSource) return std::nullopt;
  return Fail(request, 409, "Connector " + record->name + " is a sink; tables are captured by sources.");
}

Response NoSnapshot(const Request& request) {
  return Fail(request, 404, "Connector " + request.Argument(0) + " has no snapshot " + request.Argument(1) + ".");
}

Response ListSnapshots(Api& api, const Request& request) {
  if (auto refused = IsMissing(api, request)) return std::move(*refused);
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  const std::string list = "snapshots/" + request.Argument(0);
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor(list, request.query.Get("cursor"));
    const auto run = place ? ParseNumber(*place) : std::nullopt;
    if (!run) return BadCursor(request);
    before = *run;
  }
  const auto ledger = api.control.Snapshots(request.Argument(0)).value_or(stored::ChunkLedger());
  const std::int64_t now_us = api.control.clock().NowUs();
  Json items = Json::array();
  std::string next;
  for (int i = ledger.snapshots_size() - 1; i >= 0; --i) {  // newest first
    const auto& snapshot = ledger.snapshots(i);
    if (snapshot.run() >= before) continue;
    if (items.size() == *limit) {
      next = MakeCursor(list, std::to_string(ledger.snapshots(i + 1).run()));
      break;
    }
    items.push_back(SnapshotJson(snapshot, now_us));
  }
  return PageAnswer(request, std::move(items), next);
}

// Nothing if there is none of that number.
std::optional<Json> Find(Api& api, const std::string& source, std::uint64_t run) {
  const auto ledger = api.control.Snapshots(source);
  if (!ledger) return std::nullopt;
  const auto found = std::ranges::find_if(ledger->snapshots(), [&](const auto& s) { return s.run() == run; });
  if (found == ledger->snapshots().end()) return std::nullopt;
  return SnapshotJson(*found, api.control.clock().NowUs());
}

Response GetSnapshot(Api& api, const Request& request) {
  if (auto refused = IsMissing(api, request)) return std::move(*refused);
  const auto run = ParseNumber(request.Argument(1));
  const auto found = run ? Find(api, request.Argument(0), *run) : std::nullopt;
  return found ? Response::Json(200, Dump(*found)) : NoSnapshot(request);
}

// --- asking for one

std::optional<std::vector<std::string>> Strings(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& item : value) {
    if (!item.is_string() || item.get<std::string>().empty()) return std::nullopt;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

// `at` is the JSON pointer of what is wrong.
Result<SnapshotWhere> ReadWhere(const Json& value, std::string& at) {
  at = "/where";
  SnapshotWhere where;
  if (!value.is_object()) return ConfigError("where must be {\"column\":...,\"from\":...,\"to\":...}.");
  for (const auto& [member, bound] : value.items()) {
    at = "/where/" + member.substr(0, 100);
    if (bound.is_null()) continue;
    if (member == "column" && bound.is_string()) {
      where.column = bound.get<std::string>();
    } else if ((member == "from" || member == "to") && IsScalar(bound)) {
      (member == "from" ? where.from : where.to) = ScalarText(bound);
    } else {
      return ConfigError(member == "column" || member == "from" || member == "to"
                             ? member + " must be " + (member == "column" ? "a name." : "a number or a string.")
                             : "Unknown member \"" + member.substr(0, 100) + "\".");
    }
  }
  at = "/where";
  if (where.column.empty()) return ConfigError("where needs a column.");
  if (!where.from && !where.to) return ConfigError("where needs from (that value too), to (without it), or both.");
  return where;
}

Result<SnapshotRequest> ReadRequest(const Request& request, std::string& at) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object()) return ConfigError("The body must be {\"mode\":\"full\",\"tables\":[...]}.");
  SnapshotRequest asked;
  std::string mode;
  for (const auto& [member, value] : body.items()) {
    at = "/" + member.substr(0, 100);
    if (value.is_null()) continue;
    if (member == "mode" && value.is_string()) {
      mode = value.get<std::string>();
    } else if (member == "note" && value.is_string()) {
      asked.note = value.get<std::string>().substr(0, 1000);
    } else if (member == "tables") {
      auto tables = Strings(value);
      if (!tables || tables->empty()) return ConfigError("tables must be names such as [\"public.orders\"].");
      std::ranges::sort(*tables);
      if (std::ranges::adjacent_find(*tables) != tables->end()) return ConfigError("A table is named twice.");
      asked.tables = std::move(*tables);
    } else if (member == "where") {
      HG_ASSIGN_OR_RETURN(asked.where, ReadWhere(value, at));
    } else {
      return ConfigError(member == "mode" || member == "note" ? member + " must be a string."
                                                              : "Unknown member \"" + member.substr(0, 100) + "\".");
    }
  }
  at = "/mode";
  if (mode != "full" && mode != "partial" && mode != "rebuild")
    return ConfigError("mode must be full, partial or rebuild.");
  asked.mode = mode == "full"      ? SnapshotMode::kFull
               : mode == "partial" ? SnapshotMode::kPartial
                                   : SnapshotMode::kRebuild;
  at = "/where";
  if (asked.mode == SnapshotMode::kPartial && !asked.where)
    return ConfigError("partial needs where: {\"column\":...,\"from\":...,\"to\":...}.");
  if (asked.mode != SnapshotMode::kPartial && asked.where) return ConfigError("With where the mode is partial.");
  return asked;
}

Response Refused(const Request& request, const SnapshotAnswer& answer) {
  switch (answer.kind) {
    case SnapshotAnswer::Kind::kUnknown:
      return NoSnapshot(request);
    case SnapshotAnswer::Kind::kInvalid:
      return Fail(request, 422, answer.text);
    case SnapshotAnswer::Kind::kConflict:
      return Fail(request, 409, answer.text);
    case SnapshotAnswer::Kind::kKeyReused:
      return Fail(request, 422, "This Idempotency-Key was used for another request. Take a new one.",
                  "idempotency-key-reused");
    default:
      return Fail(request, 503, answer.text).With("Retry-After", kAskAgain);
  }
}

// Hands it to the source; `then` makes the answer of what was done, on the API thread.
Response HandIn(Api& api, const Request& request, SnapshotDesk::Command command,
                std::function<Response(const Request&, const SnapshotAnswer&)> then) {
  auto found = api.control.DeskOf(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&found)) {
    Response refused = FromRefusal(request, *refusal);
    if (refusal->status == 503) refused.headers.emplace_back("Retry-After", kAskAgain);
    return refused;
  }
  command.actor = request.actor();
  Later later;
  later.lane = Lane::kHere;
  later.stage = "asking the connector";
  later.start = [desk = std::get<std::shared_ptr<SnapshotDesk>>(std::move(found)), command = std::move(command),
                 outline = Outline(request),
                 then = std::move(then)](const std::function<void(Response)>& done) mutable {
    command.done = [done, outline, then](SnapshotAnswer answer) {
      Response made;
      made.then = [outline, then, answer = std::move(answer)] {
        using Kind = SnapshotAnswer::Kind;
        const bool good = answer.kind == Kind::kDone || answer.kind == Kind::kRepeated;
        return good ? then(outline, answer) : Refused(outline, answer);
      };
      done(std::move(made));
    };
    if (!desk->Offer(std::move(command)))
      done(Fail(outline, 503, "The connector takes nothing at the moment.").With("Retry-After", kAskAgain));
  };
  return Response::Run(std::move(later));
}

std::string PathOf(const Request& request, std::uint64_t run) {
  return "/api/v1/connectors/" + PercentEncode(request.Argument(0)) + "/snapshots/" + std::to_string(run);
}

Response PostSnapshot(Api& api, const Request& request) {
  if (auto refused = IsMissing(api, request)) return std::move(*refused);
  const std::string_view key = request.Header("idempotency-key");
  if (key.size() > kIdempotencyKeyBytesMax)
    return Fail(request, 400, "An Idempotency-Key may not be longer than 255 bytes.");
  std::string at;
  auto asked = ReadRequest(request, at);
  if (!asked.ok()) return Fail(request, 400, asked.error().what, {}, {{at, asked.error().what}});
  asked->key = key;
  if (!key.empty()) asked->fingerprint = request.body;
  SnapshotDesk::Command command;
  command.what = std::move(*asked);
  return HandIn(api, request, std::move(command), [&api](const Request& outline, const SnapshotAnswer& answer) {
    const auto made = Find(api, outline.Argument(0), answer.run);
    if (!made) return NoSnapshot(outline);
    Response response = Response::Json(201, Dump(*made)).With("Location", PathOf(outline, answer.run));
    if (answer.kind == SnapshotAnswer::Kind::kRepeated) response.headers.emplace_back("Idempotent-Replay", "true");
    return response;
  });
}

Response PatchSnapshot(Api& api, const Request& request) {
  if (auto refused = IsMissing(api, request)) return std::move(*refused);
  const auto run = ParseNumber(request.Argument(1));
  if (!run) return NoSnapshot(request);
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  const bool fits = body->is_object() && body->size() == 1 && body->contains("state") && (*body)["state"].is_string();
  const std::string named = fits ? (*body)["state"].get<std::string>() : "";
  const SnapshotState state = ParseSnapshotState(named).value_or(SnapshotState::kPending);
  const bool settable =
      state == SnapshotState::kPaused || state == SnapshotState::kRunning || state == SnapshotState::kCancelled;
  if (!settable) return Fail(request, 400, "The body must be {\"state\":\"paused\"}, or running, or cancelled.");
  SnapshotDesk::Command command;
  command.what = SnapshotChange{*run, state};
  return HandIn(api, request, std::move(command), [&api](const Request& outline, const SnapshotAnswer& answer) {
    const auto made = Find(api, outline.Argument(0), answer.run);
    return made ? Response::Json(200, Dump(*made)) : NoSnapshot(outline);
  });
}

// --- more tables

Result<TablesToAdd> ReadTables(const Request& request, std::string& at) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  constexpr const char* kShape = "The body must be {\"add\":[\"public.orders\"],\"snapshot\":true}.";
  if (!body.is_object()) return ConfigError(kShape);
  TablesToAdd wanted;
  for (const auto& [member, value] : body.items()) {
    at = "/" + member.substr(0, 100);
    if (member == "snapshot" && value.is_boolean()) {
      wanted.snapshot = value.get<bool>();
    } else if (member == "add") {
      auto tables = Strings(value);
      if (!tables || tables->empty()) return ConfigError(kShape);
      wanted.tables = std::move(*tables);
    } else {
      return ConfigError(member == "snapshot" ? "snapshot must be true or false."
                                              : "Unknown member \"" + member.substr(0, 100) + "\".");
    }
  }
  at = "/add";
  if (wanted.tables.empty()) return ConfigError(kShape);
  for (const std::string& table : wanted.tables) {
    if (table.find_first_of("*?,\"\\ \t\n") != std::string::npos)
      return ConfigError(table.substr(0, 100) + ": name one table, as events do. Patterns belong into the config.");
  }
  return wanted;
}

// The settings name the tables from now on; the connector takes the new settings up where it stands.
Response ExtendConfig(Api& api, const Request& request, const TablesToAdd& wanted, const Caller& caller) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  config::FlatConfig config = record->config;
  std::string& tables = config["tables"];
  for (const std::string& table : wanted.tables) tables += (tables.empty() ? "" : ",") + table;
  Json json;
  json["tables"] = tables;
  json["added"] = wanted.tables;
  json["snapshot"] = wanted.snapshot;
  const auto answer = api.control.Replace(record->name, std::move(config), record->version, caller);
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  return Response::Json(202, Dump(json))
      .With("Location", "/api/v1/connectors/" + PercentEncode(record->name) + "/snapshots");
}

Response AddTables(Api& api, const Request& request) {
  if (auto refused = NotASource(api, request)) return std::move(*refused);
  std::string at;
  auto wanted = ReadTables(request, at);
  if (!wanted.ok()) return Fail(request, 400, wanted.error().what, {}, {{at, wanted.error().what}});
  const auto record = api.control.Find(request.Argument(0));
  if (record->from_file)
    return Fail(request, 409,
                "Connector " + record->name + " is declared in the config file: name the tables there, and restart.");
  SnapshotDesk::Command command;
  command.what = *wanted;
  return HandIn(api, request, std::move(command),
                [&api, wanted = *wanted, caller = request.caller()](const Request& outline, const SnapshotAnswer&) {
                  return ExtendConfig(api, outline, wanted, caller);
                });
}

}  // namespace

void AddSnapshotRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/connectors/{c}/snapshots",
       Role::kRead,
       "Snapshots of a source, or for a sink, newest first",
       ListSnapshots,
       {.query = "...Page", .answers = "200 {items: [Snapshot], next_cursor: string?}", .errors = "409"}},
      {"GET",
       "/api/v1/connectors/{c}/snapshots/{id}",
       Role::kRead,
       "How far one is, by table",
       GetSnapshot,
       {.answers = "200 Snapshot", .errors = "409"}},
      {"POST",
       "/api/v1/connectors/{c}/snapshots",
       Role::kOperate,
       "Read tables again, or send a sink the state, while the stream goes on",
       PostSnapshot,
       {.query = "Idempotency-Key: string", .body = "SnapshotRequest", .answers = "201 Snapshot", .errors = "409 422"}},
      {"PATCH",
       "/api/v1/connectors/{c}/snapshots/{id}",
       Role::kOperate,
       "Pause, resume or cancel one",
       PatchSnapshot,
       {.body = "{state: 'paused'|'running'|'cancelled'}", .answers = "200 Snapshot", .errors = "409 422"}},
      {"POST",
       "/api/v1/connectors/{c}/tables",
       Role::kAdmin,
       "Capture more tables",
       AddTables,
       {.body = "{add: [string], snapshot?: bool}",
        .answers = "202 {tables: string, added: [string], snapshot: bool}",
        .errors = "409 412 422"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
