#include "sinks/kafka/letter.h"

#include <nlohmann/json.hpp>

#include "core/base/encoding.h"

namespace headgate::kafka::sink {
namespace {

using Json = nlohmann::ordered_json;

Json JsonOf(std::string_view bytes) {
  if (IsUtf8(bytes)) return std::string(bytes);
  return Json{{"base64", Base64(bytes)}};
}

std::optional<std::string> BytesOf(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || !json.contains("base64") || !json["base64"].is_string()) return std::nullopt;
  return FromBase64(json["base64"].get<std::string>());
}

// False if the member is neither null nor bytes.
bool ReadMember(const Json& json, std::string_view name, bool& has, std::string& out) {
  const auto member = json.find(name);
  if (member == json.end()) return false;
  has = !member->is_null();
  if (!has) return true;
  auto bytes = BytesOf(*member);
  if (bytes) out = *std::move(bytes);
  return bytes.has_value();
}

}  // namespace

void AppendLine(std::string& body, const Batch& batch, const Batch::Packed& record) {
  Json json;
  json["topic"] = batch.topics()[record.topic];
  json["key"] = record.has_key ? JsonOf(batch.KeyOf(record)) : Json();
  json["value"] = record.has_value ? JsonOf(batch.ValueOf(record)) : Json();
  json["headers"] = Json::array();
  std::vector<Batch::Header> headers;
  batch.HeadersOf(record, headers);
  for (const auto& [name, value] : headers) json["headers"].push_back(Json::array({JsonOf(name), JsonOf(value)}));
  json["timestamp"] = record.timestamp_ms;
  body.append(json.dump()).push_back('\n');
}

std::string BodyOf(const Batch& batch, At at) {
  std::string body;
  for (const Batch::Packed& record : batch.records()) {
    if (record.at == at) AppendLine(body, batch, record);
  }
  return body;
}

Status ReadBody(std::string_view body, Batch& out) {
  const auto wrong = [] { return Rejected("the letter does not hold records of a topic: it was changed since"); };
  while (!body.empty()) {
    const auto end = std::min(body.find('\n'), body.size());
    const Json json = Json::parse(body.substr(0, end), nullptr, false);
    body.remove_prefix(std::min(end + 1, body.size()));
    codec::Record record;
    if (!json.is_object() || !json.contains("topic") || !json["topic"].is_string()) return wrong();
    record.topic = json["topic"].get<std::string>();
    if (!ReadMember(json, "key", record.has_key, record.key) ||
        !ReadMember(json, "value", record.has_value, record.value))
      return wrong();
    for (const Json& pair : json.value("headers", Json::array())) {
      if (!pair.is_array() || pair.size() != 2) return wrong();
      auto name = BytesOf(pair[0]);
      auto value = BytesOf(pair[1]);
      if (!name || !value) return wrong();
      record.headers.emplace_back(*std::move(name), *std::move(value));
    }
    if (!json.contains("timestamp") || !json["timestamp"].is_number_integer()) return wrong();
    out.Add(record, "", "", json["timestamp"].get<std::int64_t>(), {});
  }
  return Ok();
}

}  // namespace headgate::kafka::sink
