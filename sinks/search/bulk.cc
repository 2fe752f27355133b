#include "sinks/search/bulk.h"

#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "core/codec/json_text.h"

namespace headgate::search {
namespace {

using Json = nlohmann::json;
namespace ondemand = simdjson::ondemand;

constexpr std::size_t kReasonShown = 300;
constexpr std::string_view kBlockType = "cluster_block_exception";

std::string TextAt(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// {"index":{"status":400,"error":{"type":"...","reason":"..."}}}
bool ReadItem(ondemand::object item, ItemResult& result) {
  bool found = false;
  for (auto action : item) {
    std::string_view name;
    ondemand::object said;
    if (found || action.unescaped_key().get(name) || action.value().get_object().get(said)) return false;
    result.removal = name == "delete";
    for (auto field : said) {
      std::string_view key;
      std::int64_t status = 0;
      if (field.unescaped_key().get(key)) return false;
      if (key == "status") {
        if (field.value().get_int64().get(status)) return false;
        result.status = static_cast<int>(status);
        found = true;
      } else if (key == "error") {
        result.has_error = true;
        ondemand::object error;
        if (field.value().get_object().get(error)) continue;
        for (auto part : error) {
          std::string_view what;
          std::string_view text;
          if (part.unescaped_key().get(what)) return false;
          if (what != "type" && what != "reason") continue;
          if (part.value().get_string().get(text)) continue;
          (what == "type" ? result.type : result.reason) = text;
        }
      }
    }
  }
  return found;
}

}  // namespace

void AppendWrite(std::string& body, std::string_view alias, std::uint64_t version, const Document& document) {
  body += document.remove ? R"({"delete":{"_index":)" : R"({"index":{"_index":)";
  codec::AppendJsonString(body, alias);
  body += ",\"_id\":";
  codec::AppendJsonString(body, document.id);
  if (!document.routing.empty()) {
    body += ",\"routing\":";
    codec::AppendJsonString(body, document.routing);
  }
  body += ",\"version\":";
  codec::AppendUint(body, version);
  body += ",\"version_type\":\"external\"}}\n";
  if (!document.remove) body.append(document.source).push_back('\n');
}

std::optional<Write> ReadWrite(std::string_view lines) {
  const std::size_t end = lines.find('\n');
  const Json action = Json::parse(lines.substr(0, end), nullptr, false);
  if (end == std::string_view::npos || !action.is_object() || action.size() != 1 || !action.begin()->is_object())
    return std::nullopt;
  Write write;
  const Json& meta = *action.begin();
  write.alias = TextAt(meta, "_index");
  write.document.id = TextAt(meta, "_id");
  write.document.routing = TextAt(meta, "routing");
  write.document.remove = action.begin().key() == "delete";
  const auto version = meta.find("version");
  if (write.alias.empty() || version == meta.end() || !version->is_number_unsigned()) return std::nullopt;
  write.version = version->get<std::uint64_t>();
  if (write.document.remove) return write;
  const std::string_view rest = lines.substr(end + 1);
  write.document.source = rest.substr(0, rest.find('\n'));
  return write;
}

// By the error's type; the status alone misleads: a full disk is 429 (servers.md 1).
Verdict JudgeItem(const ItemResult& item) {
  if (item.status / 100 == 2) return Verdict::kDone;
  if (item.status == 404 && item.removal && !item.has_error) return Verdict::kDone;
  if (item.status == 409) return Verdict::kStale;
  if (item.type == kBlockType) return Verdict::kBlocked;
  if (item.type == "index_not_found_exception" || item.type == "index_closed_exception") return Verdict::kConfigure;
  if (item.status == 429) return Verdict::kPressure;
  if (item.status == 400) return Verdict::kData;
  if (item.status == 401 || item.status == 403 || item.status == 404) return Verdict::kConfigure;
  return Verdict::kTransient;
}

std::optional<std::vector<ItemResult>> ParseBulk(std::string_view body, std::size_t items) {
  const simdjson::padded_string padded(body);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::array found;
  if (parser.iterate(padded).get(document) || document["items"].get_array().get(found)) return std::nullopt;
  std::vector<ItemResult> results;
  results.reserve(items);
  for (auto one : found) {
    ondemand::object item;
    if (results.size() == items || one.get_object().get(item) || !ReadItem(item, results.emplace_back()))
      return std::nullopt;
  }
  if (results.size() != items) return std::nullopt;
  return results;
}

std::string ReasonOf(std::string_view body) {
  const Json answer = Json::parse(body, nullptr, false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_object())
    return TextAt(answer["error"], "type") + ": " + TextAt(answer["error"], "reason");
  return std::string(body.substr(0, kReasonShown));
}

RequestVerdict JudgeRequest(int status, std::string_view body) {
  if (status == 200) return RequestVerdict::kItems;
  if (ReasonOf(body).starts_with(kBlockType)) return RequestVerdict::kBlocked;
  if (status == 400 || status == 413) return RequestVerdict::kSmaller;  // one bad document fails them all
  if (status == 429 || status >= 500) return RequestVerdict::kRetry;
  return RequestVerdict::kConfigure;
}

}  // namespace headgate::search
