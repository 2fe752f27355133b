#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "web/connect_shapes.h"

// Kafka Connect's resources of connectors and their state (admin API, 1.2).
namespace headgate::web {
namespace {

using Record = std::shared_ptr<const ConnectorRecord>;

Response ConnectorNames(Api& api, const Request& request) {
  const auto names = api.control.Names();
  if (!request.query.Has("expand")) {
    Json list = Json::array();
    for (const std::string& name : names) list.push_back(name);
    return Response::Json(200, Dump(list));
  }
  const auto expand = request.query.All("expand");
  const auto wants = [&](std::string_view what) {
    return std::find(expand.begin(), expand.end(), what) != expand.end();
  };
  Json all = Json::object();
  auto& members = all.get_ref<Json::object_t&>();
  for (const std::string& name : names) {
    const Record record = api.control.Find(name);
    if (record == nullptr) continue;  // deleted meanwhile
    Json one = Json::object();
    if (wants("status")) one["status"] = StateInfo(api, *record);
    if (wants("info")) one["info"] = ConnectorInfo(api, *record);
    members.push_back({name, std::move(one)});
  }
  return Response::Json(200, Dump(all));
}

// Runs `handle` for the connector of the path, or answers 404.
template <class F>
Response WithConnector(Api& api, const Request& request, F handle) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  return handle(*record);
}

Response ConnectorInfo(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    return Response::Json(200, Dump(ConnectorInfo(api, record)));
  });
}

Response GetStatus(Api& api, const Request& request) {
  return WithConnector(
      api, request, [&](const ConnectorRecord& record) { return Response::Json(200, Dump(StateInfo(api, record))); });
}

Response GetTasks(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    Json list = Json::array();
    const auto status = StatusOf(api, record);
    for (const TaskStatus& task : status->tasks) {
      Json one;
      one["id"] = {{"connector", record.name}, {"task", task.id}};
      one["config"] = FlatJson(ShownConfig(api, record));
      list.push_back(std::move(one));
    }
    return Response::Json(200, Dump(list));
  });
}

std::optional<TaskStatus> FindTask(const Api& api, const ConnectorRecord& record, std::string_view number) {
  int id = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  const auto status = StatusOf(api, record);
  for (const TaskStatus& task : status->tasks) {
    if (task.id == id) return task;
  }
  return std::nullopt;
}

Response NoTask(const Request& request) {
  return Fail(request, 404, "Connector " + request.Argument(0) + " has no task " + request.Argument(1));
}

Response GetTaskStatus(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    const auto task = FindTask(api, record, request.Argument(1));
    return task ? Response::Json(200, Dump(TaskInfo(api, *task))) : NoTask(request);
  });
}

Response RestartTask(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    const auto task = FindTask(api, record, request.Argument(1));
    if (!task) return NoTask(request);
    const auto answer = api.control.Restart(record.name, false, false, task->id, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    return Response::Empty(204);
  });
}

// Both flags false or absent is the old call: the instance only, 204. kafka-connect-py sends both always (1.9, 2).
Response RestartConnector(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    const bool include_tasks = request.query.Flag("includeTasks");
    const bool only_failed = request.query.Flag("onlyFailed");
    std::set<int> chosen;
    const auto status = StatusOf(api, record);
    if (!only_failed || status->state == State::kFailed) chosen.insert(-1);
    for (const TaskStatus& task : status->tasks) {
      if (include_tasks && (!only_failed || task.state == State::kFailed)) chosen.insert(task.id);
    }
    const Json shown = StateInfo(api, record, chosen);
    const auto answer = api.control.Restart(record.name, include_tasks, only_failed, -1, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    if (!include_tasks && !only_failed) return Response::Empty(204);
    return Response::Json(202, Dump(shown));
  });
}

Response SetTarget(Api& api, const Request& request, TargetState target, int status) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    const auto answer = api.control.SetTarget(record.name, target, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    return Response::Empty(status);
  });
}
Response PauseConnector(Api& api, const Request& request) { return SetTarget(api, request, TargetState::kPaused, 202); }
Response ResumeConnector(Api& api, const Request& request) {
  return SetTarget(api, request, TargetState::kRunning, 202);
}
Response Stop(Api& api, const Request& request) { return SetTarget(api, request, TargetState::kStopped, 204); }

Response DeleteConnector(Api& api, const Request& request) {
  return WithConnector(api, request, [&](const ConnectorRecord& record) {
    if (!IfMatchHolds(request, &record))
      return Fail(request, 412, "The config of " + record.name + " has changed since it was read.");
    const bool drop_slot = request.query.Flag("drop_slot");
    const bool forget = drop_slot || request.query.Flag("forget");
    const auto answer = api.control.Delete(record.name, forget, drop_slot, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    return Response::Empty(204);
  });
}

// As in Connect, whether there is such a connector or not.
std::optional<Response> NotTracked(const Api& api, const Request& request) {
  if (api.options.topic_tracking) return std::nullopt;
  return Fail(request, 403, "Topic tracking is disabled: api.topic_tracking is false.");
}

// Of an unknown connector an empty list, as in Connect; from memory (1.9, 11).
Response GetTopics(Api& api, const Request& request) {
  if (auto refused = NotTracked(api, request)) return std::move(*refused);
  Json topics = Json::array();
  if (api.control.Find(request.Argument(0)) != nullptr) {
    for (const std::string& topic : api.control.Topics(request.Argument(0))) topics.push_back(topic);
  }
  Json json = Json::object();
  json[request.Argument(0)] = {{"topics", std::move(topics)}};
  return Response::Json(200, Dump(json));
}

Response ResetTopics(Api& api, const Request& request) {
  if (auto refused = NotTracked(api, request)) return std::move(*refused);
  if (api.control.Find(request.Argument(0)) != nullptr) {
    const auto answer = api.control.ResetTopics(request.Argument(0));
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  }
  return Response::Empty(202);
}

}  // namespace

// tidy: long because it is a table
void AddConnectorRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/connectors",
       Role::kRead,
       "Names of all connectors; with expand their status and info",
       ConnectorNames,
       {.query = "expand: [string]", .answers = "200 [string]|{*: {status?: StateInfo, info?: ConnectorInfo}}"}},
      {"GET",
       "/connectors/{c}",
       Role::kRead,
       "A connector's config and tasks",
       ConnectorInfo,
       {.answers = "200 ConnectorInfo"}},
      {"DELETE",
       "/connectors/{c}",
       Role::kAdmin,
       "Stop and remove a connector",
       DeleteConnector,
       {.query = "forget: bool, drop_slot: bool, If-Match: string", .answers = "204", .errors = "409 412"}},
      {"GET",
       "/connectors/{c}/status",
       Role::kRead,
       "State of a connector and its tasks",
       GetStatus,
       {.answers = "200 StateInfo"}},
      {"GET",
       "/connectors/{c}/tasks",
       Role::kRead,
       "Tasks with their config",
       GetTasks,
       {.answers = "200 [{id: TaskId, config: Config}]"}},
      {"GET",
       "/connectors/{c}/tasks/{n}/status",
       Role::kRead,
       "State of one task",
       GetTaskStatus,
       {.answers = "200 TaskInfo"}},
      {"POST",
       "/connectors/{c}/tasks/{n}/restart",
       Role::kOperate,
       "Restart one task",
       RestartTask,
       {.answers = "204", .errors = "409"}},
      {"POST",
       "/connectors/{c}/restart",
       Role::kOperate,
       "Restart",
       RestartConnector,
       {.query = "includeTasks: bool, onlyFailed: bool", .answers = "202 StateInfo; 204", .errors = "409"}},
      {"PUT", "/connectors/{c}/pause", Role::kOperate, "Pause", PauseConnector, {.answers = "202"}},
      {"PUT", "/connectors/{c}/resume", Role::kOperate, "Resume", ResumeConnector, {.answers = "202"}},
      {"PUT", "/connectors/{c}/stop", Role::kOperate, "Stop", Stop, {.answers = "204"}},
      {"GET",
       "/connectors/{c}/topics",
       Role::kRead,
       "Streams written or delivered since the last reset",
       GetTopics,
       {.answers = "200 {*: {topics: [string]}}", .errors = "403"}},
      {"PUT",
       "/connectors/{c}/topics/reset",
       Role::kOperate,
       "Forget the list of streams",
       ResetTopics,
       {.answers = "202"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
