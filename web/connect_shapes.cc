#include "web/connect_shapes.h"

#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/config/masking.h"

namespace headgate::web {

std::string_view TypeName(config::ComponentKind kind) {
  return kind == config::ComponentKind::kSource ? "source" : "sink";
}

config::FlatConfig ShownConfig(const Api& api, const ConnectorRecord& record) {
  if (!api.options.mask_secrets) return record.config;
  const config::ComponentSpec* spec = api.control.FindPlugin(record.class_name);
  static const config::ComponentSpec kUnknown{};  // of a class that this build does not have: names tell secrets
  return config::MaskSecrets(spec == nullptr ? kUnknown : *spec, record.config);
}

Json FlatJson(const config::FlatConfig& config) {
  Json json = Json::object();
  auto& members = json.get_ref<Json::object_t&>();  // a map's keys are unique: no search for each
  for (const auto& [key, value] : config) members.push_back({key, value});
  return json;
}

std::shared_ptr<const ConnectorStatus> StatusOf(const Api& api, const ConnectorRecord& record) {
  if (auto status = api.control.Status(record.name)) return status;
  auto fresh = std::make_shared<ConnectorStatus>();
  fresh->name = record.name;
  fresh->kind = record.kind;
  fresh->target = record.target;
  fresh->since_us = record.created_us;
  return fresh;
}

Json ConnectorInfo(const Api& api, const ConnectorRecord& record) {
  Json tasks = Json::array();
  const auto status = StatusOf(api, record);
  for (const TaskStatus& task : status->tasks) {
    tasks.push_back({{"connector", record.name}, {"task", task.id}});
  }
  Json json;
  json["name"] = record.name;
  json["config"] = FlatJson(ShownConfig(api, record));
  json["tasks"] = std::move(tasks);
  json["type"] = TypeName(record.kind);
  return json;
}

Json TaskInfo(const Api& api, const TaskStatus& task, bool restarting) {
  Json json;
  json["id"] = task.id;
  json["state"] = Name(restarting ? State::kRestarting : task.state);
  json["worker_id"] = api.worker_id;
  if (!task.trace.empty() && !restarting) json["trace"] = task.trace;
  return json;
}

Json StateInfo(const Api& api, const ConnectorRecord& record, const std::set<int>& restarting) {
  const auto status = StatusOf(api, record);
  Json connector;
  connector["state"] = Name(restarting.contains(-1) ? State::kRestarting : status->state);
  connector["worker_id"] = api.worker_id;
  if (!status->trace.empty() && !restarting.contains(-1)) connector["trace"] = status->trace;
  Json tasks = Json::array();
  for (const TaskStatus& task : status->tasks) tasks.push_back(TaskInfo(api, task, restarting.contains(task.id)));
  Json json;
  json["name"] = record.name;
  json["connector"] = std::move(connector);
  json["tasks"] = std::move(tasks);
  json["type"] = TypeName(record.kind);
  return json;
}

std::string ConnectorPath(std::string_view name) { return "/connectors/" + PercentEncode(name); }

std::string ETagOf(const ConnectorRecord& record) {
  return "\"" + std::to_string(record.version) + "-" + std::to_string(record.created_us) + "\"";
}

bool IfMatchHolds(const Request& request, const ConnectorRecord* record) {
  if (record == nullptr) return request.Header("if-match").empty();
  return IfMatchHolds(request, ETagOf(*record));
}

bool IfMatchHolds(const Request& request, std::string_view current) {
  std::string_view wanted = request.Header("if-match");
  if (wanted.empty()) return true;
  while (!wanted.empty()) {
    const std::size_t comma = std::min(wanted.find(','), wanted.size());
    const std::string_view one = Trim(wanted.substr(0, comma));
    if (one == "*" || one == current) return true;
    wanted.remove_prefix(std::min(comma + 1, wanted.size()));
  }
  return false;
}

}  // namespace headgate::web
