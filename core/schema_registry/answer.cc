#include "core/schema_registry/answer.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace headgate::schema_registry {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kReasonBytesMax = 500;
constexpr int kUnknownId = 40403;

std::string Text(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t Number(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// On one line, not too long.
std::string Shortened(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() <= kReasonBytesMax) return text;
  std::size_t end = kReasonBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

Error NoRegistry(const std::string& what, const std::string& why) {
  return ConfigError(what + ": what answers " + why + ". Check the registry's URL, and the path that its API has");
}

Result<Json> ObjectOf(std::string_view body, const std::string& what) {
  Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return NoRegistry(what, "is no schema registry: its answer is no JSON object");
  return json;
}

}  // namespace

Status Judge(int status, std::string_view body, const std::string& what) {
  if (status >= 200 && status <= 299) return Ok();
  const std::string code = "HTTP " + std::to_string(status);
  const Json json = Json::parse(body, nullptr, false);
  std::string said;
  std::int64_t error_code = 0;
  if (json.is_object()) {
    said = Shortened(Text(json, "message"));
    error_code = Number(json, "error_code");
  }
  const std::string with_reason = said.empty() ? code : code + ", " + said;
  if (status == 401 || status == 403)
    return ConfigError(what + ": the schema registry refuses the account (" + code +
                       "). Check registry_username, registry_password and its rights");
  if (status == 429 || status >= 500)
    return Transient(what + ": the schema registry cannot answer now: " + with_reason);
  if (status == 404 && error_code == kUnknownId)
    return Rejected(what + ": the schema registry knows no schema of that id: " + with_reason);
  if (status == 404 && error_code != 0)
    return ConfigError(what + ": the schema registry has no such subject or version: " + with_reason +
                       ". Register the schema there, or set registry_register=true");
  if (status == 409)
    return ConfigError(what + ": the schema registry refuses the schema as incompatible with those before it: " +
                       with_reason + ". Set another compatibility for the subject, or send to another topic");
  if (status == 422) return ConfigError(what + ": the schema registry refuses the schema as invalid: " + with_reason);
  return NoRegistry(what, "says " + with_reason);
}

Result<std::uint32_t> ReadId(std::string_view body, const std::string& what) {
  HG_ASSIGN_OR_RETURN(const Json json, ObjectOf(body, what));
  const std::int64_t id = Number(json, "id");
  if (id <= 0 || id > std::numeric_limits<std::uint32_t>::max())
    return NoRegistry(what, "is no schema registry: its answer has no id");
  return static_cast<std::uint32_t>(id);
}

Result<Version> ReadVersion(std::string_view body, const std::string& what) {
  HG_ASSIGN_OR_RETURN(const Json json, ObjectOf(body, what));
  Version version;
  const auto schema = json.find("schema");
  if (schema == json.end() || !schema->is_string())
    return NoRegistry(what, "is no schema registry: its answer has no schema");
  version.schema.text = schema->get<std::string>();
  const std::string language = Text(json, "schemaType");
  if (language == "PROTOBUF") {
    version.schema.language = codec::SchemaLanguage::kProtobuf;
  } else if (language == "JSON") {
    version.schema.language = codec::SchemaLanguage::kJson;
  } else if (!language.empty() && language != "AVRO") {
    return Rejected(what + ": the schema is of the type " + Shortened(language) +
                    ", which is none of AVRO, PROTOBUF, JSON");
  }
  const std::int64_t id = Number(json, "id");
  if (id > 0 && id <= std::numeric_limits<std::uint32_t>::max()) version.id = static_cast<std::uint32_t>(id);
  version.version = static_cast<int>(std::clamp<std::int64_t>(Number(json, "version"), 0, 1'000'000'000));
  const auto references = json.find("references");
  if (references == json.end() || !references->is_array()) return version;
  for (const Json& reference : *references) {
    if (!reference.is_object()) return NoRegistry(what, "names a reference that is no object");
    const std::int64_t number = std::clamp<std::int64_t>(Number(reference, "version"), 0, 1'000'000'000);
    version.schema.references.push_back(
        {Text(reference, "name"), Text(reference, "subject"), static_cast<int>(number)});
  }
  return version;
}

Result<Compatibility> ReadCompatibility(std::string_view body, const std::string& what) {
  HG_ASSIGN_OR_RETURN(const Json json, ObjectOf(body, what));
  const auto compatible = json.find("is_compatible");
  if (compatible == json.end() || !compatible->is_boolean())
    return NoRegistry(what, "is no schema registry: its answer does not say is_compatible");
  Compatibility out{compatible->get<bool>(), ""};
  const auto messages = json.find("messages");
  if (messages == json.end() || !messages->is_array()) return out;
  for (const Json& message : *messages) {
    if (!message.is_string()) continue;
    if (!out.reason.empty()) out.reason += "; ";
    out.reason += message.get_ref<const std::string&>();
  }
  out.reason = Shortened(std::move(out.reason));
  return out;
}

std::string SchemaBody(const codec::SchemaText& schema) {
  Json json = {{"schema", schema.text}};
  // Old registries know no schemaType, and no type but AVRO.
  if (schema.language != codec::SchemaLanguage::kAvro) json["schemaType"] = std::string(Name(schema.language));
  for (const codec::SchemaReference& reference : schema.references)
    json["references"].push_back(
        {{"name", reference.name}, {"subject", reference.subject}, {"version", reference.version}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace headgate::schema_registry
