#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/config/masking.h"
#include "web/connect_shapes.h"
#include "web/lag.h"
#include "web/page.h"

// /api/v1: connectors and their lag (admin API, 4.1, 4.5).
namespace headgate::web {
namespace {

using Record = std::shared_ptr<const ConnectorRecord>;

Json LetterCountsJson(const std::map<DeadLetter::State, std::uint64_t>& counts) {
  Json json;
  for (DeadLetter::State state : {DeadLetter::State::kWaiting, DeadLetter::State::kParked, DeadLetter::State::kDead,
                                  DeadLetter::State::kRetrying}) {
    const auto found = counts.find(state);
    json[std::string(Name(state))] = found == counts.end() ? 0 : found->second;
  }
  return json;
}

Json CountsJson(Control& control, const ConnectorRecord& record, const ConnectorStatus& status,
                const HealthBook::Report& report) {
  Json json = Json::object();
  if (record.kind == config::ComponentKind::kSource) {
    json["records"] = RecordsOf(*control.log().registry(), record.name);
    if (status.source != nullptr) json["snapshot_rows"] = status.source->snapshot_rows;
    return json;
  }
  if (status.sink != nullptr) {
    json["delivered"] = status.sink->delivered;
    json["filtered"] = status.sink->filtered;
    json["attempts_failed"] = status.sink->attempts_failed;
  }
  json["dead_letters"] = LetterCountsJson(report.letters);
  return json;
}

Json SummaryLag(Control& control, const ConnectorRecord& record, const ConnectorStatus& status) {
  const std::int64_t now_us = control.clock().NowUs();
  Lag lag;
  if (record.kind == config::ComponentKind::kSink) lag = LagOfSink(status, control.log().last_seq(), now_us);
  if (record.kind == config::ComponentKind::kSource) lag = LagOfSource(KnownOf(status), now_us);
  Json json;
  json["seconds"] = lag.seconds ? Json(*lag.seconds) : Json(nullptr);
  if (lag.bytes) json["bytes"] = *lag.bytes;
  if (lag.records) json["records"] = *lag.records;
  json["caught_up"] = lag.caught_up;
  return json;
}

Json Summary(Api& api, const ConnectorRecord& record, const HealthBook::Report& report) {
  const auto status = StatusOf(api, record);
  Json json;
  json["name"] = record.name;
  json["type"] = TypeName(record.kind);
  json["class"] = record.class_name;
  json["state"] = Name(status->state);
  json["target_state"] = Name(record.target);
  json["health"] = report.status;
  json["alarm"] = report.alarm.empty() ? Json(nullptr) : Json(report.alarm);
  json["rogue"] = report.rogue;
  json["lag"] = SummaryLag(api.control, record, *status);
  json["rates"] = {
      {"records_per_second", api.health.RatesOf(record.name, api.control.clock().NowUs()).records_per_second}};
  json["counts"] = CountsJson(api.control, record, *status, report);
  json["streams"] = status->topics;
  return json;
}

struct Ranked {
  std::string place;  // sorts worst first, then by name; names a place in the list
  Record record;
  HealthBook::Report report;
};

std::vector<Ranked> Ranking(Api& api, const Request& request) {
  const std::string type = Lower(request.query.Get("type"));
  const std::string status = Lower(request.query.Get("status"));
  const std::string text = Lower(request.query.Get("q"));
  std::vector<Ranked> list;
  for (const std::string& name : api.control.Names()) {
    const Record record = api.control.Find(name);
    if (record == nullptr || (!type.empty() && type != TypeName(record->kind))) continue;
    if (!text.empty() && Lower(name).find(text) == std::string::npos &&
        Lower(record->class_name).find(text) == std::string::npos)
      continue;
    auto report = api.health.Look(api.control, *record);
    if (!status.empty() && status != report.status) continue;
    // One that is paused and alarms stands where the alarm stands; rogue ones before all.
    const int rank = report.rogue ? 0 : 1 + Rank(report.alarm.empty() ? report.status : report.alarm);
    list.push_back({std::to_string(rank) + name, record, std::move(report)});
  }
  std::sort(list.begin(), list.end(), [](const Ranked& x, const Ranked& y) { return x.place < y.place; });
  return list;
}

// A filter that names nothing would look like an empty service. Nothing if all is well.
std::optional<Response> BadFilter(const Request& request) {
  const std::string type = Lower(request.query.Get("type"));
  if (!type.empty() && type != "source" && type != "sink") {
    return Fail(request, 400, "type must be source or sink.", {}, {{"/type", "unknown type"}});
  }
  const std::string status = Lower(request.query.Get("status"));
  constexpr std::string_view kStatuses[] = {"healthy", "warning", "error", "paused", "stopped", "starting"};
  if (!status.empty() && std::ranges::find(kStatuses, status) == std::end(kStatuses)) {
    return Fail(request, 400, "status must be healthy, warning, error, paused, stopped or starting.", {},
                {{"/status", "unknown status"}});
  }
  return std::nullopt;
}

Response ListConnectors(Api& api, const Request& request) {
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  if (auto bad = BadFilter(request)) return std::move(*bad);
  std::string after;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor("connectors", request.query.Get("cursor"));
    if (!place) return BadCursor(request);
    after = *place;
  }
  Json items = Json::array();
  std::string last;
  bool more = false;
  for (const Ranked& one : Ranking(api, request)) {
    if (!after.empty() && one.place <= after) continue;
    more = items.size() == *limit;
    if (more) break;
    items.push_back(Summary(api, *one.record, one.report));
    last = one.place;
  }
  return PageAnswer(request, std::move(items), more ? MakeCursor("connectors", last) : "");
}

std::string OwnPath(const std::string& name) { return "/api/v1/connectors/" + PercentEncode(name); }

std::string HintOf(const ConnectorStatus& status, const HealthBook::Report& report) {
  if (status.sink != nullptr && !status.sink->last_error_hint.empty()) return status.sink->last_error_hint;
  for (const auto& dated : report.checks) {
    if (dated.check.status == CheckStatus::kError) return dated.check.hint;
  }
  return {};
}

Response GetConnector(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const auto report = api.health.Look(api.control, *record);
  const auto status = StatusOf(api, *record);
  Json json = Summary(api, *record, report);
  Json tasks = Json::array();
  for (const TaskStatus& task : status->tasks) tasks.push_back(TaskInfo(api, task));
  json["tasks"] = std::move(tasks);
  json["since"] = TimeJson(status->since_us);
  json["created_at"] = TimeJson(record->created_us);
  json["changed_at"] = TimeJson(record->changed_us);
  json["from_file"] = record->from_file;
  std::string error = status->last_error;
  if (error.empty() && status->sink != nullptr) error = status->sink->last_error;
  json["last_error"] = error.empty() ? Json(nullptr) : Json{{"text", error}, {"hint", HintOf(*status, report)}};
  json["next_attempt_at"] = TimeJson(status->next_attempt_us);
  json["phase"] = status->source != nullptr ? status->source->phase
                  : status->sink != nullptr ? status->sink->phase
                                            : "";
  Json links;
  const std::string own = OwnPath(record->name);
  links["self"] = own;
  links["health"] = own + "/health";
  links["thresholds"] = own + "/thresholds";
  links["lag"] = own + "/lag";
  links["effective_config"] = own + "/config/effective";
  links["tail"] = own + "/tail";
  if (record->kind == config::ComponentKind::kSink) links["dead_letters"] = own + "/dead-letters";
  links["config"] = ConnectorPath(record->name) + "/config";
  links["status"] = ConnectorPath(record->name) + "/status";
  json["links"] = std::move(links);
  return Response::Json(200, Dump(json)).With("ETag", ETagOf(*record));
}

Response Effective(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const config::ComponentSpec* spec = api.control.FindPlugin(record->class_name);
  if (spec == nullptr)
    return Fail(request, 409, "This build has no plugin " + record->class_name + ", so its settings are not known.");
  const auto outcome = config::Bind(*spec, record->config, nullptr);
  auto values = outcome.bound.All();
  for (const config::Option* option : config::AllOptions(*spec)) {
    values.try_emplace(std::string(option->name), config::Bound::Effective{"", "default"});  // every key (4.1)
  }
  Json items = Json::array();
  for (const auto& [key, effective] : values) {
    const config::Option* option = config::FindOption(*spec, key);
    const bool unset = option != nullptr && !outcome.bound.Has(key);
    Json one;
    one["key"] = key;
    one["value"] = unset ? Json(nullptr)
                   : effective.secret
                       ? Json(config::IsLiteralSecret(effective.value) ? std::string(config::kMask) : effective.value)
                       : Json(outcome.bound.Shown(key));
    const bool known_default = option != nullptr && option->has_default && !option->required;
    const bool secret = option != nullptr && option->type == config::OptionType::kPassword;
    const bool derived = option != nullptr && option->derive != nullptr;
    one["default"] = derived          ? Json(option->derive(record->name))
                     : !known_default ? Json(nullptr)
                     : secret         ? Json(config::kMask)
                                      : Json(option->default_value);
    one["origin"] = record->from_file && effective.origin == "config" ? std::string_view("file") : effective.origin;
    items.push_back(std::move(one));
  }
  return Response::Json(200,
                        Dump({{"connector", record->name}, {"items", std::move(items)}, {"ignored", outcome.ignored}}));
}

Response GetLag(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const auto report = api.health.Look(api.control, *record);
  const auto rates = api.health.RatesOf(record->name, api.control.clock().NowUs());
  return Response::Json(200, Dump(LagJson(api.control, *record, report, rates)));
}

}  // namespace

void AddOverviewRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/connectors",
       Role::kRead,
       "Summaries, worst first",
       ListConnectors,
       {.query = "type: string, status: string, q: string, ...Page",
        .answers = "200 {items: [Summary], next_cursor: string?}"}},
      {"GET",
       "/api/v1/connectors/{c}",
       Role::kRead,
       "One connector with tasks, last error and links",
       GetConnector,
       {.answers = "200 Connector"}},
      {"GET",
       "/api/v1/connectors/{c}/config/effective",
       Role::kRead,
       "Every key with value, default and origin",
       Effective,
       {.answers = "200 Effective", .errors = "409"}},
      {"GET", "/api/v1/connectors/{c}/lag", Role::kRead, "How far behind", GetLag, {.answers = "200 Lag"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
