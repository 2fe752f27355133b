#include "sinks/search/bulk.h"

#include <nlohmann/json.hpp>

#include "core/codec/json_text.h"

namespace headgate::search {
namespace {

using Json = nlohmann::json;

void AppendAction(std::string& body, std::string_view action, std::string_view alias, std::string_view id,
                  std::uint64_t version) {
  body.append("{\"").append(action).append("\":{\"_index\":");
  codec::AppendJsonString(body, alias);
  body.append(",\"_id\":");
  codec::AppendJsonString(body, id);
  body.append(",\"version\":");
  codec::AppendUint(body, version);
  body.append(",\"version_type\":\"external\"}}\n");
}

std::string TextAt(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

void AppendIndex(std::string& body, std::string_view alias, std::string_view id, std::uint64_t version,
                 std::string_view source) {
  AppendAction(body, "index", alias, id, version);
  body.append(source).push_back('\n');
}

void AppendDelete(std::string& body, std::string_view alias, std::string_view id, std::uint64_t version) {
  AppendAction(body, "delete", alias, id, version);
}

std::string AliasIn(std::string_view lines) {
  const Json action = Json::parse(lines.substr(0, lines.find('\n')), nullptr, false);
  if (!action.is_object() || action.size() != 1 || !action.begin()->is_object()) return {};
  return TextAt(*action.begin(), "_index");
}

// By the error's type; the status alone misleads: a full disk is 429 (servers.md 1).
Verdict JudgeItem(const ItemResult& item) {
  if (item.status / 100 == 2) return Verdict::kDone;
  if (item.status == 404 && item.removal && !item.has_error) return Verdict::kDone;
  if (item.status == 409) return Verdict::kStale;
  if (item.type == "cluster_block_exception") return Verdict::kBlocked;
  if (item.type == "index_not_found_exception" || item.type == "index_closed_exception") return Verdict::kConfigure;
  if (item.status == 429) return Verdict::kPressure;
  if (item.status == 400) return Verdict::kData;
  if (item.status == 401 || item.status == 403 || item.status == 404) return Verdict::kConfigure;
  return Verdict::kTransient;
}

std::optional<std::vector<ItemResult>> ParseBulk(std::string_view body, std::size_t items) {
  const Json answer = Json::parse(body, nullptr, false);
  if (!answer.is_object()) return std::nullopt;
  const auto found = answer.find("items");
  if (found == answer.end() || !found->is_array() || found->size() != items) return std::nullopt;
  std::vector<ItemResult> results;
  for (const Json& item : *found) {
    if (!item.is_object() || item.size() != 1 || !item.begin()->is_object()) return std::nullopt;
    const Json& said = *item.begin();
    const auto status = said.find("status");
    if (status == said.end() || !status->is_number_integer()) return std::nullopt;
    ItemResult& result = results.emplace_back();
    result.status = status->get<int>();
    result.removal = item.begin().key() == "delete";
    const auto error = said.find("error");
    if (error == said.end()) continue;
    result.has_error = true;
    if (error->is_object()) {
      result.type = TextAt(*error, "type");
      result.reason = TextAt(*error, "reason");
    }
  }
  return results;
}

RequestVerdict JudgeRequest(int status) {
  if (status == 200) return RequestVerdict::kItems;
  if (status == 400 || status == 413) return RequestVerdict::kSmaller;  // one bad document fails them all
  if (status == 429 || status >= 500) return RequestVerdict::kRetry;
  return RequestVerdict::kConfigure;
}

}  // namespace headgate::search
