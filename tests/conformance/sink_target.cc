#include "tests/conformance/sink_target.h"

#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

// What a search server is compared by: how instants are written differs.
constexpr std::pair<const char*, const char*> kColumns[] = {{"customers", "id, name, city, vip, notes"},
                                                            {"orders", "id, customer, total, tags, state, weight"}};

}  // namespace

Status SinkTarget::Proxy(int port) {
  HG_ASSIGN_OR_RETURN(proxy_, FaultProxy::Start("127.0.0.1", port));
  return Ok();
}

Result<std::unique_ptr<WebhookTarget>> WebhookTarget::Start() {
  auto target = std::make_unique<WebhookTarget>();
  HG_RETURN_IF_ERROR(target->Proxy(target->receiver_.http().port()));
  return target;
}

ConnectorSettings WebhookTarget::Settings() const {
  ConnectorSettings settings = Shop::Hook(ProxyUrl() + "/hook");
  settings["batch_events_max"] = "500";
  settings["breaker_open_ms_max"] = "1000";
  settings["timeout_ms"] = "5000";
  return settings;
}

void WebhookTarget::SetFull(bool full) {
  receiver_.SetPolicy([full](const CountingReceiver::Request&) {
    return full ? CountingReceiver::Reply::Status(507) : CountingReceiver::Reply::Status(200);
  });
}

std::vector<std::string> WebhookTarget::WaitForTables(Shop& shop, std::chrono::seconds limit) {
  auto differs = receiver_.WaitForTables(shop.database().session(), shop.tables(), limit);
  const auto violations = receiver_.Violations();
  differs.insert(differs.end(), violations.begin(), violations.end());
  return differs;
}

Result<std::unique_ptr<SearchTarget>> SearchTarget::Start() {
  static std::unique_ptr<PrivateSearch> server;
  if (server == nullptr) {
    HG_ASSIGN_OR_RETURN(server, PrivateSearch::Start());
  }
  std::unique_ptr<SearchTarget> target(new SearchTarget(*server));
  HG_RETURN_IF_ERROR(target->Proxy(server->port()));
  return target;
}

SearchTarget::SearchTarget(PrivateSearch& server) : server_(server) {
  static int made = 0;
  prefix_ = "c" + std::to_string(++made) + "-";
}

ConnectorSettings SearchTarget::Settings() const {
  return {{"connector.class", "search"},   {"topics.regex", "shop\\.public\\..*"}, {"url", ProxyUrl()},
          {"index", prefix_ + "${table}"}, {"batch_delay_ms_max", "20"},           {"timeout_ms", "5000"}};
}

// As a server does whose disk is past the flood stage.
void SearchTarget::SetFull(bool full) {
  const nlohmann::json setting = full ? nlohmann::json(true) : nlohmann::json(nullptr);
  const nlohmann::json body = {{"index.blocks.read_only_allow_delete", setting}};
  const auto set = server_.Json("PUT", "/" + prefix_ + "*/_settings", body.dump());
  EXPECT_TRUE(set.ok()) << set.error().what;
}

SearchTarget::Documents SearchTarget::Indexed(const std::string& table) {
  Documents documents;
  const std::string index = "/" + prefix_ + table;
  if (!server_.Json("POST", index + "/_refresh").ok()) return documents;
  const auto found = server_.Json("GET", index + "/_search?size=10000", R"({"sort":["_doc"]})");
  if (!found.ok()) return documents;
  for (const auto& hit : (*found)["hits"]["hits"]) {
    nlohmann::json source = hit["_source"];
    source.erase("placed_at");
    documents[hit["_id"]] = std::move(source);
  }
  return documents;
}

SearchTarget::Documents SearchTarget::Rows(Shop& shop, const std::string& table) {
  Documents rows;
  std::string columns;
  for (const auto& [name, list] : kColumns) {
    if (table == name) columns = list;
  }
  const auto found = shop.database().Query("SELECT id::text, json_strip_nulls(row_to_json(r))::text FROM (SELECT " +
                                           columns + " FROM public." + table + ") r");
  EXPECT_TRUE(found.ok()) << found.error().what;
  if (!found.ok()) return rows;
  for (const auto& row : *found) rows[row[0].value_or("")] = nlohmann::json::parse(row[1].value_or("{}"));
  return rows;
}

std::vector<std::string> SearchTarget::WaitForTables(Shop& shop, std::chrono::seconds limit) {
  std::vector<std::string> differs;
  for (const auto& [name, columns] : kColumns) {
    const std::string table = name;
    const Documents rows = Rows(shop, table);
    const auto value = shop.database().Value("SELECT count(*) FROM public." + table);
    const std::string count = value.ok() ? *value : "0";
    const auto counted = [&] {
      const auto answer = server_.Json("GET", "/" + prefix_ + table + "/_count");
      return answer.ok() ? std::to_string((*answer)["count"].get<std::int64_t>()) : std::string("no index");
    };
    const bool many = std::stoll(count) > 10'000;  // more than a search gives: they are counted
    const auto same = [&] {
      if (!many) return Indexed(table) == rows;
      return server_.Json("POST", "/" + prefix_ + table + "/_refresh").ok() && counted() == count;
    };
    if (WaitFor(same, limit, std::chrono::milliseconds(200))) continue;
    differs.push_back("index of " + table + " has " + counted() + " documents, the table " + count +
                      " rows, or some differ");
  }
  return differs;
}

std::uint64_t SearchTarget::arrived() {
  const auto answer = server_.Json("GET", "/" + prefix_ + "*/_stats/indexing");
  if (!answer.ok()) return 0;
  const auto& indexing = (*answer)["_all"]["primaries"]["indexing"];
  return indexing.is_object() ? indexing["index_total"].get<std::uint64_t>() : 0;
}

}  // namespace headgate::test
