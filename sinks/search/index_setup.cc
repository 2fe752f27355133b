#include "sinks/search/index_setup.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "sinks/search/bulk.h"

namespace headgate::search {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kFieldLimit = 1'000;  // of the servers
constexpr std::string_view kFieldLimitName = "index.mapping.total_fields.limit";

// A member that has to be an object, or an empty one.
Json ObjectAt(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_object() ? *it : Json::object();
}

// Properties, their sub-fields, and those inside of objects: the server counts them all.
std::size_t CountFields(const Json& mapping) {
  std::size_t count = 0;
  for (const char* const inner : {"properties", "fields"}) {
    const auto found = mapping.find(inner);
    if (found == mapping.end() || !found->is_object()) continue;
    for (const Json& field : *found) count += 1 + (field.is_object() ? CountFields(field) : 0);
  }
  return count;
}

// A setting, however its path is cut into objects; "" if it is not there.
std::string SettingIn(const Json& settings, std::string_view path) {
  if (!settings.is_object()) return {};
  for (const auto& [name, value] : settings.items()) {
    if (path == name) return value.is_string() ? value.get<std::string>() : value.dump();
    if (path.size() <= name.size() || !path.starts_with(name) || path[name.size()] != '.') continue;
    std::string found = SettingIn(value, path.substr(name.size() + 1));
    if (!found.empty()) return found;
  }
  return {};
}

void Flatten(const Json& settings, const std::string& path, Json& flat) {
  for (const auto& [name, value] : settings.items()) {
    const std::string whole = path.empty() ? name : path + "." + name;
    if (value.is_object()) {
      Flatten(value, whole, flat);
    } else {
      flat[whole.starts_with("index.") ? whole : "index." + whole] = value;
    }
  }
}

// With and without `index.` in front.
std::size_t FieldLimitIn(const Json& settings) {
  std::string text = SettingIn(settings, kFieldLimitName);
  if (text.empty()) text = SettingIn(settings, kFieldLimitName.substr(std::string_view("index.").size()));
  std::size_t limit = 0;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit == 0 ? kFieldLimit : limit;
}

}  // namespace

std::string FlatSettings(std::string_view settings) {
  Json flat = Json::object();
  Flatten(Json::parse(settings), "", flat);
  return flat.dump();
}

Error IndexSetup::Refused(std::string_view what, int status, std::string_view body) const {
  const std::string text =
      std::string(what) + " index alias " + alias_ + " got HTTP " + std::to_string(status) + ": " + ReasonOf(body);
  if (status == 429 || status >= 500) return Transient(text);
  if (status == 401 || status == 403)
    return ConfigError(text + ". Give the account of this sink the right to create, describe and write it");
  return ConfigError(text);
}

// The index stays as it is, or the sink stops.
Status IndexSetup::Conflict(std::string text) {
  if (!options_.rebuild_on_change || !generation_.rebuild.empty())
    return ConfigError(text + ". Deliver to another index, or have this one made anew with on_schema_change=rebuild");
  conflict_ = std::move(text);
  step_ = Step::kReady;
  return Ok();
}

Status IndexSetup::Want(const Layout& layout) {
  if (!conflict_.empty()) return Ok();
  if (!key_.empty() && key_ != layout.key_names)
    return ConfigError("The rows of stream " + stream_ + " have another key now, so the ids in index alias " + alias_ +
                       " mean nothing any more. Deliver to another index, or delete this one to have it made anew");
  key_ = layout.key_names;
  for (const auto* fields : {&layout.fields, &layout.others}) {
    for (const Field& field : *fields) {
      const auto [it, added] = wanted_.try_emplace(field.name, FieldOverride{field.type, field.mapping});
      if (!added && it->second.type != field.type)
        return Conflict("Field " + field.name + " of index alias " + alias_ + " is " + it->second.type +
                        " and would be " + field.type + " now: a field cannot change its type");
    }
  }
  if (index_.empty() && step_ == Step::kReady) step_ = Step::kLook;  // only letters had asked for it
  return step_ == Step::kReady ? Settle() : Ok();
}

void IndexSetup::WantOlder(const Layout& layout) {
  for (const auto* fields : {&layout.fields, &layout.others}) {
    for (const Field& field : *fields) {
      const bool added = wanted_.try_emplace(field.name, FieldOverride{field.type, field.mapping}).second;
      if (added && step_ == Step::kReady) step_ = Step::kExtend;
    }
  }
}

void IndexSetup::TakeOver(const IndexSetup& other) {
  key_ = other.key_;
  wanted_ = other.wanted_;
  unknown_types_ = other.unknown_types_;
  index_.clear();
  has_.clear();
  conflict_.clear();
  step_ = Step::kLook;
}

// As the server knows the type.
FieldOverride IndexSetup::Asked(const FieldOverride& wanted) const {
  if (!unknown_types_.contains(wanted.type)) return wanted;
  return InsteadOf(wanted.type).value_or(wanted);
}

Status IndexSetup::CheckLimit() const {
  std::size_t count = field_count_;
  for (const auto& [name, wanted] : wanted_) {
    if (!has_.contains(name)) count += 1 + CountFields(Json::parse(Asked(wanted).mapping));
  }
  if (count <= field_limit_) return Ok();
  return ConfigError(
      "Index alias " + alias_ + " would have " + std::to_string(count) + " fields, and " +
      std::string(kFieldLimitName) + " allows " + std::to_string(field_limit_) +
      ". Leave columns out with include or exclude, or raise the limit: of a new index by index_settings, "
      "of one that is there by its settings");
}

Status IndexSetup::Settle() {
  step_ = Step::kReady;
  if (!options_.manage_index) return Ok();
  for (const auto& [name, wanted] : wanted_) {
    const auto it = has_.find(name);
    if (it == has_.end()) {
      step_ = Step::kExtend;
      continue;
    }
    const auto instead = InsteadOf(wanted.type);
    if (it->second != wanted.type && (!instead || it->second != instead->type))
      return Conflict("Field " + name + " of index alias " + alias_ + " is " + it->second + ", and its column needs " +
                      wanted.type);
  }
  return step_ == Step::kExtend ? CheckLimit() : Ok();
}

Call IndexSetup::Next() {
  if (step_ == Step::kLook) return {"GET", "/" + alias_, ""};
  Json properties = Json::object();
  asked_.clear();
  for (const auto& [name, wanted] : wanted_) {
    if (has_.contains(name)) continue;
    const FieldOverride asked = Asked(wanted);
    properties[name] = Json::parse(asked.mapping);
    asked_[name] = asked.type;
  }
  if (step_ == Step::kExtend)
    return {"PUT", "/" + index_ + "/_mapping", Json({{"properties", std::move(properties)}}).dump()};
  return {"PUT", "/" + generation_.index, CreationBody(properties.dump())};
}

std::string IndexSetup::CreationBody(std::string_view properties) const {
  Json body;
  body["settings"] = Json::parse(options_.index_settings);
  if (!generation_.rebuild.empty()) {  // as long as it is loaded (Q29)
    body["settings"] = Json::parse(FlatSettings(options_.index_settings));
    body["settings"]["index.refresh_interval"] = "-1";
    body["settings"]["index.number_of_replicas"] = 0;
  }
  body["settings"]["index.gc_deletes"] = std::to_string(options_.gc_deletes_ms) + "ms";
  Json& mappings = body["mappings"];
  if (options_.dynamic == "strict") {
    mappings["dynamic"] = "strict";
  } else {
    mappings["dynamic"] = false;
  }
  Json& meta = mappings["_meta"]["headgate"];
  meta = {{"log_id", identity_.log_id},
          {"sink", identity_.sink},
          {"stream", stream_},
          {"key", key_},
          {"generation", generation_.number}};
  if (!generation_.rebuild.empty()) meta["rebuild"] = generation_.rebuild;
  mappings["properties"] = Json::parse(properties);
  body["aliases"][alias_]["is_write_index"] = true;
  return body.dump();
}

Status IndexSetup::CheckIdentity(std::string_view text) const {
  const Json meta = Json::parse(text);
  const auto is = [&](const char* name, const std::string& ours) {
    return meta.contains(name) && meta[name].is_string() && meta[name] == ours;
  };
  const std::string index = "Index " + index_ + " behind alias " + alias_;
  constexpr std::string_view kWayOut = ". Set `index` to another name, or delete the index to have it made anew";
  if (!is("log_id", identity_.log_id) || !is("sink", identity_.sink))
    return ConfigError(
        index + (meta.empty() ? " was not made by Headgate" : " belongs to another sink or another data directory") +
        ": versions of its documents mean nothing here, and nothing is written" + std::string(kWayOut));
  if (!is("stream", stream_))
    return ConfigError(index + " holds the rows of another stream than " + stream_ + std::string(kWayOut));
  if (!key_.empty() && (!meta.contains("key") || meta["key"] != Json(key_)))
    return ConfigError(index + " has ids that are made of other columns than the key of stream " + stream_ +
                       std::string(kWayOut));
  if (!generation_.rebuild.empty() && !is("rebuild", generation_.rebuild))
    return ConfigError(index + " is not the one that this rebuild has made");
  return Ok();
}

// {"<index>":{"mappings":{"_meta":...,"properties":{...}},"settings":{"index":{...}}}}
Status IndexSetup::Found(std::string_view body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object() || answer.empty() || !answer.begin()->is_object())
    return Transient("what index alias " + alias_ + " stands for cannot be read");
  index_ = answer.begin().key();
  if (!options_.manage_index) return Settle();
  if (answer.size() > 1)
    return ConfigError("Index alias " + alias_ + " stands for " + std::to_string(answer.size()) +
                       " indices. Leave it one, or deliver to another index");
  if (index_ == alias_)
    return ConfigError("There is an index named " + alias_ +
                       ", which is no alias and was not made by Headgate. Set `index` to another name, delete it, or "
                       "have it used as it is with manage_index=false");
  const Json mappings = ObjectAt(*answer.begin(), "mappings");
  HG_RETURN_IF_ERROR(CheckIdentity(ObjectAt(ObjectAt(mappings, "_meta"), "headgate").dump()));
  has_.clear();
  field_count_ = CountFields(mappings);
  field_limit_ = FieldLimitIn(ObjectAt(*answer.begin(), "settings"));
  const Json properties = ObjectAt(mappings, "properties");
  for (const auto& [name, field] : properties.items()) {
    const auto type = field.find("type");
    has_[name] = type != field.end() && type->is_string() ? type->get<std::string>() : "object";
  }
  return Settle();
}

// True if the server has no such type as one that it was asked for, and takes another for it.
bool IndexSetup::TookInstead(std::string_view body) {
  for (const auto& [name, type] : asked_) {
    if (body.find("type [" + type + "]") == std::string_view::npos || !InsteadOf(type)) continue;
    if (unknown_types_.insert(type).second) return true;
  }
  return false;
}

// A request to create it that was cut off may have been carried out since it was looked for. What is there for longer
// without the alias is somebody else's.
bool IndexSetup::IsThereAlready(std::string_view body) {
  constexpr int kLooksMax = 3;
  return generation_.rebuild.empty() && ReasonOf(body).starts_with("resource_already_exists_exception") &&
         ++found_late_ <= kLooksMax;
}

Status IndexSetup::Answered(int status, std::string_view body) {
  switch (step_) {
    case Step::kLook:
      if (status == 200) return Found(body);
      if (status != 404) return Refused("reading", status, body);
      if (!options_.manage_index)
        return ConfigError("There is no index or alias " + alias_ +
                           ". Create it, or have it made with manage_index=true");
      if (!generation_.may_make) return ConfigError("the index behind alias " + alias_ + " is gone");
      field_limit_ = FieldLimitIn(Json::parse(options_.index_settings));
      // A letter alone does not say what an index needs: its write will tell that there is none.
      step_ = key_.empty() ? Step::kReady : Step::kCreate;
      return key_.empty() ? Ok() : CheckLimit();
    case Step::kCreate:
    case Step::kExtend: {
      if (status == 400 && TookInstead(body)) return Ok();
      if (step_ == Step::kCreate && status == 400 && IsThereAlready(body)) {
        step_ = Step::kLook;
        return Transient("index " + generation_.index + " has come meanwhile");
      }
      if (status != 200) return Refused(step_ == Step::kCreate ? "creating" : "adding fields to", status, body);
      if (step_ == Step::kCreate) index_ = generation_.index;
      for (const auto& [name, type] : asked_)
        field_count_ += 1 + CountFields(Json::parse(Asked(wanted_.at(name)).mapping));
      has_.merge(asked_);
      return Settle();
    }
    case Step::kReady:
      break;
  }
  return Ok();
}

}  // namespace headgate::search
