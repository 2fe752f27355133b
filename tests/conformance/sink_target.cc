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

bool SinkTarget::Spoil(std::string& bytes) const {
  const std::size_t at = bytes.find("HTTP/1.1 2");
  if (at == std::string::npos) return false;
  bytes.replace(at, 12, "HTTP/1.1 x9y");
  return true;
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

Result<std::unique_ptr<TableTarget>> TableTarget::Start() {
  auto target = std::make_unique<TableTarget>();
  HG_ASSIGN_OR_RETURN(target->warehouse_, TestDatabase::Create());
  HG_RETURN_IF_ERROR(target->Proxy(target->warehouse_->postgres().port()));
  HG_RETURN_IF_ERROR(target->warehouse_->Exec(
      "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''could not extend "
      "file: No space left on device'' USING ERRCODE = ''53100''; END'"));
  return target;
}

ConnectorSettings TableTarget::Settings() const {
  const SharedPostgres& server = warehouse_->postgres();
  return {{"connector.class", "table"},
          {"database", "postgres"},
          {"topics.regex", "shop\\.public\\..*"},
          {"host", "127.0.0.1"},
          {"port", std::to_string(proxy_->port())},
          {"dbname", warehouse_->name()},
          {"username", server.user()},
          {"password", server.password()}};
}

std::vector<std::string> TableTarget::failpoints() const { return {"table.written", "table.committed"}; }

void TableTarget::SetFull(bool full) {
  for (const auto& [table, columns] : kColumns) {
    const Status done =
        warehouse_->Exec(full ? std::string("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON public.") +
                                    table + " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()"
                              : std::string("DROP TRIGGER full_disk ON public.") + table);
    EXPECT_TRUE(done.ok()) << done.error().what;
  }
}

// The type of the server's message.
bool TableTarget::Spoil(std::string& bytes) const {
  if (bytes.empty()) return false;
  bytes[0] = '?';
  return true;
}

std::vector<std::string> TableTarget::WaitForTables(Shop& shop, std::chrono::seconds limit) {
  std::vector<std::string> differs;
  for (const auto& [table, columns] : kColumns) {
    const std::string digest =
        std::string(
            "SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(r::text, '|' ORDER BY id)), '') FROM (SELECT ") +
        columns + " FROM public." + table + ") r";
    const auto of = [&](TestDatabase& database) {
      const auto value = database.Value(digest);
      return value.ok() ? *value : value.error().what;
    };
    const std::string want = of(shop.database());
    if (!WaitFor([&] { return of(*warehouse_) == want; }, limit, std::chrono::milliseconds(200)))
      differs.push_back(std::string(table) + " has " + of(*warehouse_) + ", the source " + want);
  }
  return differs;
}

// Rows tell which transaction wrote them.
std::uint64_t TableTarget::arrived() {
  const auto newest = warehouse_->Value(
      "SELECT greatest((SELECT max(xmin::text::bigint) FROM public.orders), (SELECT max(xmin::text::bigint) FROM "
      "public.customers))");
  return newest.ok() ? std::stoull(*newest) : 0;
}

Result<std::unique_ptr<MysqlTableTarget>> MysqlTableTarget::Start() {
  auto target = std::make_unique<MysqlTableTarget>();
  HG_ASSIGN_OR_RETURN(target->warehouse_, PrivateMysql::Start(MyServer::kMysql));
  HG_RETURN_IF_ERROR(target->warehouse_->Exec("CREATE DATABASE warehouse"));
  HG_RETURN_IF_ERROR(target->Proxy(target->warehouse_->port()));
  return target;
}

ConnectorSettings MysqlTableTarget::Settings() const {
  return {{"connector.class", "table"},
          {"database", "mysql"},
          {"topics.regex", "shop\\.public\\..*"},
          {"host", "127.0.0.1"},
          {"port", std::to_string(proxy_->port())},
          {"dbname", "warehouse"},
          {"username", "hg"},
          {"password", "pw"},
          {"sslmode", "disable"}};
}

void MysqlTableTarget::SetFull(bool full) {
  for (const auto& [table, columns] : kColumns) {
    for (const std::string event : {"INSERT", "UPDATE", "DELETE"}) {
      const std::string trigger = "warehouse.full_" + std::string(table) + event;
      const Status done =
          warehouse_->Exec(full ? "CREATE TRIGGER " + trigger + " BEFORE " + event + " ON warehouse." + table +
                                      " FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = "
                                      "'Disk full; waiting for someone to free some space'"
                                : "DROP TRIGGER " + trigger);
      EXPECT_TRUE(done.ok()) << done.error().what;
    }
  }
}

// The number of the server's packet.
bool MysqlTableTarget::Spoil(std::string& bytes) const {
  if (bytes.size() < 5) return false;
  bytes[3] ^= 0x55;
  return true;
}

std::vector<std::string> MysqlTableTarget::WaitForTables(Shop& shop, std::chrono::seconds limit) {
  // What both databases print alike.
  const auto digest = [](const std::string& table, const std::string& columns) {
    return "SELECT concat(count(*), ' rows, ', coalesce(sum(id), 0), ' ', " + columns + ") FROM " + table;
  };
  constexpr std::pair<const char*, const char*> kSums[] = {
      {"customers", "coalesce(sum(char_length(name)), 0), ' ', count(city), ' ', count(notes)"},
      {"orders", "coalesce(sum(customer), 0), ' ', coalesce(sum(total), 0), ' ', count(state)"}};
  std::vector<std::string> differs;
  for (const auto& [table, sums] : kSums) {
    const auto wanted = shop.database().Value(digest(std::string("public.") + table, sums));
    const auto here = [&] {
      const auto value = warehouse_->Value(digest(std::string("warehouse.") + table, sums));
      return value.ok() ? *value : value.error().what;
    };
    if (!WaitFor([&] { return wanted.ok() && here() == *wanted; }, limit, std::chrono::milliseconds(200)))
      differs.push_back(std::string(table) + " has " + here() + ", the source " +
                        (wanted.ok() ? *wanted : wanted.error().what));
  }
  return differs;
}

// Statements that write rows; each start of the sink has one for the bookkeeping.
std::uint64_t MysqlTableTarget::arrived() {
  auto session = warehouse_->Connect();
  if (!session.ok()) return 0;
  const auto statements = session->Query("SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_delete')");
  const auto starts = session->Value("SELECT coalesce(max(epoch), 0) FROM warehouse.headgate_sinks");
  if (!statements.ok() || !starts.ok()) return 0;
  std::uint64_t count = 0;
  for (const auto& row : *statements) count += std::stoull(row[1].value_or("0"));
  return count - std::stoull(*starts);
}

}  // namespace headgate::test
