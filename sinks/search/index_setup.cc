#include "sinks/search/index_setup.h"

#include <nlohmann/json.hpp>

namespace headgate::search {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kReasonShown = 300;

std::string ReasonOf(std::string_view body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object())
    return answer["error"].value("type", "") + ": " + answer["error"].value("reason", "");
  return std::string(body.substr(0, kReasonShown));
}

}  // namespace

Error IndexSetup::Refused(std::string_view what, int status, std::string_view body) const {
  const std::string text =
      std::string(what) + " index alias " + alias_ + " got HTTP " + std::to_string(status) + ": " + ReasonOf(body);
  if (status == 429 || status >= 500) return Transient(text);
  if (status == 401 || status == 403)
    return ConfigError(text + ". Give the account of this sink the right to create, describe and write it");
  return ConfigError(text);
}

Status IndexSetup::Want(const std::vector<Field>& fields) {
  for (const Field& field : fields) {
    const auto [it, added] = wanted_.try_emplace(field.name, Known{field.type, field.mapping});
    if (!added && it->second.type != field.type)
      return ConfigError("Field " + field.name + " of index alias " + alias_ + " is " + it->second.type +
                         " and would be " + field.type +
                         " now: a field cannot change its type. Deliver to another index");
  }
  return step_ == Step::kReady ? Settle() : Ok();
}

Status IndexSetup::Settle() {
  step_ = Step::kReady;
  for (const auto& [name, known] : wanted_) {
    const auto it = has_.find(name);
    if (it == has_.end()) {
      step_ = Step::kExtend;
    } else if (it->second != known.type) {
      return ConfigError("Field " + name + " of index alias " + alias_ + " is " + it->second +
                         ", and its column needs " + known.type + ". Deliver to another index");
    }
  }
  return Ok();
}

Call IndexSetup::Next() {
  Json properties = Json::object();
  asked_.clear();
  for (const auto& [name, known] : wanted_) {
    if (has_.contains(name)) continue;
    properties[name] = Json::parse(known.mapping);
    asked_[name] = known.type;
  }
  if (step_ == Step::kLook) return {"GET", "/" + alias_ + "/_mapping", ""};
  if (step_ == Step::kExtend)
    return {"PUT", "/" + index_ + "/_mapping", Json({{"properties", std::move(properties)}}).dump()};
  Json body;
  body["settings"]["index.gc_deletes"] = std::to_string(options_.gc_deletes_ms) + "ms";
  Json& mappings = body["mappings"];
  if (options_.dynamic == "strict") {
    mappings["dynamic"] = "strict";
  } else {
    mappings["dynamic"] = false;
  }
  mappings["_meta"]["headgate"] = {{"log_id", identity_.log_id}, {"sink", identity_.sink}, {"generation", 1}};
  mappings["properties"] = std::move(properties);
  body["aliases"][alias_]["is_write_index"] = true;
  return {"PUT", "/" + alias_ + "-v1", body.dump()};
}

// {"<index>":{"mappings":{"_meta":...,"properties":{...}}}}
Status IndexSetup::Found(std::string_view body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object() || answer.empty())
    return Transient("the mapping of index alias " + alias_ + " cannot be read");
  if (answer.size() > 1)
    return ConfigError("Index alias " + alias_ + " stands for " + std::to_string(answer.size()) +
                       " indices. Leave it one, or deliver to another index");
  index_ = answer.begin().key();
  if (index_ == alias_)
    return ConfigError("There is an index named " + alias_ +
                       ", which is no alias and was not made by Headgate. Set "
                       "`index` to another name, or delete it");
  const Json mappings = answer.begin()->value("mappings", Json::object());
  const Json meta = mappings.value("/_meta/headgate"_json_pointer, Json::object());
  if (meta.value("log_id", "") != identity_.log_id || meta.value("sink", "") != identity_.sink)
    return ConfigError(
        "Index " + index_ + " behind alias " + alias_ +
        (meta.empty() ? " was not made by Headgate" : " belongs to another sink or another data directory") +
        ": versions of its documents mean nothing here, and nothing is written. Set `index` to another "
        "name, or delete the index to have it made anew");
  has_.clear();
  const Json properties = mappings.value("properties", Json::object());
  for (const auto& [name, field] : properties.items()) has_[name] = field.value("type", "object");
  return Settle();
}

Status IndexSetup::Answered(int status, std::string_view body) {
  switch (step_) {
    case Step::kLook:
      if (status == 200) return Found(body);
      if (status != 404) return Refused("reading", status, body);
      step_ = Step::kCreate;
      return Ok();
    case Step::kCreate:
    case Step::kExtend: {
      if (status != 200) return Refused(step_ == Step::kCreate ? "creating" : "adding fields to", status, body);
      if (step_ == Step::kCreate) index_ = alias_ + "-v1";
      has_.merge(asked_);
      return Settle();
    }
    case Step::kReady:
      break;
  }
  return Ok();
}

}  // namespace headgate::search
