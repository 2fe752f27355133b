#include "tests/integration/mysql/source_fixture.h"

#include <set>
#include <stdexcept>

#include "connectors/mysql/spec.h"
#include "core/base/diag.h"
#include "core/codec/native.h"
#include "core/log/log_reader.h"

namespace headgate::test {
namespace {

using Json = nlohmann::json;
constexpr auto kPatience = std::chrono::seconds(60);

void Fold(const Json& event, std::map<std::string, std::pair<Json, int>>& table) {
  const std::string op = event["op"];
  if (op == "truncate") return table.clear();
  const bool keyed = event.contains("key");
  if (!keyed) {
    if (event.contains("before") && op != "insert" && op != "read") {
      const auto found = table.find(event["before"].dump());
      if (found == table.end()) throw std::runtime_error("no such row: " + event.dump());
      if (--found->second.second == 0) table.erase(found);
    }
    if (op == "delete") return;
    auto& entry = table[event["after"].dump()];
    entry.first = event["after"];
    ++entry.second;
    return;
  }
  if (event.contains("previous_key")) table.erase(event["previous_key"].dump());
  const std::string key = event["key"].dump();
  if (op == "delete") {
    table.erase(key);
    return;
  }
  auto& entry = table[key];
  entry.second = 1;
  Json row = event["after"];
  if (event.contains("unavailable")) {
    for (const Json& name : event["unavailable"]) {
      const std::string column = name;
      if (!entry.first.contains(column)) throw std::runtime_error("nothing to take from: " + event.dump());
      row[column] = entry.first[column];
    }
  }
  entry.first = std::move(row);
}

}  // namespace

FoldedTables FoldEvents(const std::vector<Json>& events) {
  FoldedTables tables;
  for (const Json& event : events) {
    if (!event.contains("stream") || event["op"] == "schema" || event["op"] == "snapshot") continue;
    Fold(event, tables[event["stream"].get<std::string>()]);
  }
  std::erase_if(tables, [](const auto& table) { return table.second.empty(); });
  return tables;
}

Result<std::unique_ptr<MysqlScene>> MysqlScene::Make(MyServer kind, std::vector<std::string> server_settings) {
  HG_ASSIGN_OR_RETURN(auto server, PrivateMysql::Start(kind, std::move(server_settings)));
  HG_ASSIGN_OR_RETURN(auto scene, MakeOn(*server));
  scene->own_server_ = std::move(server);
  return scene;
}

Result<std::unique_ptr<MysqlScene>> MysqlScene::MakeOn(PrivateMysql& server) {
  std::unique_ptr<MysqlScene> scene(new MysqlScene(server.kind()));
  scene->server_ = &server;
  HG_ASSIGN_OR_RETURN(scene->store_, Store::Open(scene->dir_.path() + "/data"));
  HG_ASSIGN_OR_RETURN(scene->log_, Log::Open(*scene->store_, SystemClock()));
  return scene;
}

Status MysqlScene::Open(const std::string& name, Settings settings) {
  Drop();
  const SourceFactory& factory = kind_ == MyServer::kMariadb ? mysql::MariadbFactory() : mysql::MysqlFactory();
  settings.insert({{"name", name},
                   {"connector.class", NameOf(kind_)},
                   {"host", server_->host()},
                   {"port", std::to_string(server_->port())},
                   {"username", "hg"},
                   {"password", "pw"},
                   {"heartbeat_interval_ms", "200"}});
  auto outcome = config::Bind(*factory.spec, settings, nullptr);
  for (const auto& error : outcome.errors) return ConfigError(error.key + ": " + error.text);
  for (const auto& error : factory.check(outcome.bound)) return ConfigError(error.key + ": " + error.text);
  HG_ASSIGN_OR_RETURN(writer_, log_->OpenWriter(name, "", factory.connector));
  source_ = factory.create(name, outcome.bound, SystemClock());
  stop_ = std::stop_source();
  Status opened = source_->Open(*writer_, stop_.get_token());
  if (!opened.ok()) diag::Warn("mysql", "not opened", {{"connector", name}, {"error", opened.error().what}});
  return opened;
}

void MysqlScene::Drop() {
  source_.reset();
  writer_.reset();
}

Status MysqlScene::Turn() {
  SourceBatch batch;
  HG_RETURN_IF_ERROR(Take(batch));
  return Keep(batch);
}

Status MysqlScene::Keep(SourceBatch& batch) {
  if (!batch.transactions.empty() || batch.resume) {
    HG_ASSIGN_OR_RETURN(const LogWriter::Outcome appended, writer_->Append(batch.transactions, batch.resume));
    if (appended.duplicates != 0) return Corrupt("the source gave a transaction twice");
  }
  return source_->Acknowledge();
}

Status MysqlScene::CatchUp() {
  HG_ASSIGN_OR_RETURN(MyClient client, server_->Connect());
  auto rows = client.Query("SHOW BINARY LOG STATUS");
  if (!rows.ok()) rows = client.Query("SHOW MASTER STATUS");
  if (!rows.ok()) return std::move(rows).error();
  const std::string file = (*rows)[0][0].value_or("");
  const std::uint64_t place =
      std::stoull(file.substr(file.rfind('.') + 1)) << kBinlogOffsetBits | std::stoull((*rows)[0][1].value_or("0"));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto reading = [&] { return told().snapshot_tables_done < told().snapshot_tables; };
  while (told().phase != "streaming" || reading() || told().read_position < place) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Transient("the source did not reach " + PositionText("mysql", place) + " within a minute, it is at " +
                       PositionText("mysql", told().read_position) + " in phase " + told().phase);
    }
    HG_RETURN_IF_ERROR(Turn());
  }
  return Ok();
}

Result<std::vector<Json>> EventsOf(const Log& log, const std::string& name) {
  const auto registry = log.registry();
  const SourceInfo* source = registry->FindSource(name);
  if (source == nullptr) return Transient("the log has no source " + name);
  const auto reader = log.NewReader();
  reader->Seek(log.first_seq());
  codec::NativeEncoder encoder;
  std::vector<Json> events;
  LogReader::Block block;
  std::set<std::string> ids;
  for (;;) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more) return events;
    if (block.info->source != source->number) continue;
    ChangeReader changes = block.Changes();
    for (Change change; changes.Next(change);) {
      codec::EventContext context;
      context.tx = block.info;
      context.change = &change;
      context.schema = registry->Schema(change.stream, change.schema);
      context.schema_version = change.schema;
      context.source_id = source->id;
      context.source_name = source->name;
      context.connector = source->connector;
      if (const StreamInfo* stream = registry->Stream(change.stream)) {
        context.stream_schema = stream->schema;
        context.stream_table = stream->table;
      }
      std::string text;
      HG_RETURN_IF_ERROR(encoder.Append(text, context));
      Json event = Json::parse(text, nullptr, false);
      if (!event.is_object()) return Corrupt("no JSON: " + text);
      if (!ids.insert(event["id"]).second) return Corrupt("an id came twice: " + text);
      events.push_back(std::move(event));
    }
  }
}

}  // namespace headgate::test
