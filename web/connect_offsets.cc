#include <charconv>
#include <nlohmann/json.hpp>

#include "core/log/log_reader.h"
#include "core/pipeline/chunk_ledger.h"
#include "web/connect_shapes.h"

// Kafka Connect's offsets of connectors: shown in every state, altered and reset while one is stopped (admin API, 1.6).
namespace headgate::web {
namespace {

// The transaction id and time of a source's last durable commit at `lsn`, from the log's last entry of its streams.
// After a snapshot, before the first commit, there is only a position.
void AddTransaction(Api& api, std::string_view name, Json& offset) {
  offset["txid"] = nullptr;
  offset["ts_usec"] = nullptr;
  const auto progress = api.control.Progress(name);
  if (!progress || !progress->last) return;
  const auto registry = api.control.log().registry();
  const SourceInfo* source = registry->FindSource(name);
  Seq last = 0;
  for (const auto& stream : registry->streams) {
    if (source != nullptr && stream != nullptr && stream->source == source->number)
      last = std::max(last, api.control.log().stats(stream->number).last_seq);
  }
  if (last == 0) return;
  const auto reader = api.control.log().NewReader();
  reader->Seek(last);
  LogReader::Block block;
  const auto found = reader->Next(block);
  if (!found.ok() || !*found || block.seq != last || !(block.info->position == *progress->last)) return;
  std::uint64_t txid = 0;
  const std::string& id = block.info->id;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), txid);
  if (error == std::errc() && end == id.data() + id.size()) offset["txid"] = txid;
  offset["ts_usec"] = block.info->commit_us;
}

Json MembersJson(const SourceOffset& members) {
  Json json = Json::object();
  for (const OffsetMember& member : members) {
    std::uint64_t number = 0;
    if (member.number) std::from_chars(member.value->data(), member.value->data() + member.value->size(), number);
    json[member.name] = !member.value ? Json(nullptr) : member.number ? Json(number) : Json(*member.value);
  }
  return json;
}

// KC21: the partitions, or the stream, and each table that a snapshot reads at the moment.
Json SourceOffsets(Api& api, const std::string& name) {
  Json list = Json::array();
  const auto partitions = api.control.PartitionOffsets(name);
  for (const OffsetEntry& entry : partitions) {
    list.push_back({{"partition", MembersJson(entry.partition)},
                    {"offset", entry.offset ? MembersJson(*entry.offset) : Json(nullptr)}});
  }
  if (!partitions.empty()) return list;
  Json offset = MembersJson(api.control.OffsetOf(name));
  if (offset.empty()) return list;
  if (offset.contains("lsn")) AddTransaction(api, name, offset);
  list.push_back({{"partition", {{"server", name}}}, {"offset", std::move(offset)}});
  const auto ledger = api.control.Snapshots(name).value_or(stored::ChunkLedger());
  for (const auto& snapshot : ledger.snapshots()) {
    if (headgate::StateOf(snapshot) != SnapshotState::kRunning) continue;
    for (const auto& table : snapshot.tables()) {
      if (HasEnded(headgate::StateOf(table))) continue;
      list.push_back({{"partition", {{"server", name}, {"table", table.table()}}},
                      {"offset", {{"chunks", table.chunks()}, {"rows", table.rows()}}}});
    }
  }
  return list;
}

// KC22.
Json SinkOffsets(Api& api, const std::string& name) {
  Json list = Json::array();
  for (const auto& [stream, seq] : api.control.StreamOffsets(name)) {
    Json partition;
    partition["kafka_topic"] = stream;
    partition["kafka_partition"] = 0;
    list.push_back({{"partition", std::move(partition)}, {"offset", {{"kafka_offset", seq}}}});
  }
  return list;
}

Response GetOffsets(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const bool source = record->kind == config::ComponentKind::kSource;
  Json list = source ? SourceOffsets(api, record->name) : SinkOffsets(api, record->name);
  return Response::Json(200, Dump({{"offsets", std::move(list)}}));
}

Result<SourceOffset> ReadMembers(const Json& json, std::string_view what) {
  if (!json.is_object()) return ConfigError("\"" + std::string(what) + "\" must be an object.");
  SourceOffset members;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_null() && !IsScalar(value))
      return ConfigError("\"" + name.substr(0, 100) + "\" of the " + std::string(what) +
                         " must be a text or a number.");
    members.push_back({name, value.is_null() ? std::nullopt : std::optional(ScalarText(value))});
  }
  return members;
}

Result<std::vector<OffsetEntry>> ReadOffsets(const Request& request) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  constexpr const char* kShape =
      R"(The body must be {"offsets":[{"partition":{...},"offset":{...}}]}, with one entry at least.)";
  const bool fits = body.is_object() && body.size() == 1 && body.contains("offsets") && body["offsets"].is_array();
  if (!fits || body["offsets"].empty()) return ConfigError(kShape);
  std::vector<OffsetEntry> entries;
  for (const Json& one : body["offsets"]) {
    if (!one.is_object() || one.size() != 2 || !one.contains("partition") || !one.contains("offset"))
      return ConfigError(kShape);
    OffsetEntry& entry = entries.emplace_back();
    HG_ASSIGN_OR_RETURN(entry.partition, ReadMembers(one["partition"], "partition"));
    if (one["offset"].is_null()) continue;
    HG_ASSIGN_OR_RETURN(entry.offset, ReadMembers(one["offset"], "offset"));
  }
  return entries;
}

// KC23: the server of a source is asked, off the API thread.
Response Alter(Api& api, const Request& request, std::vector<OffsetEntry> entries) {
  Later later;
  later.lane = Lane::kChecks;
  later.stage = "asking the source's server what it can give";
  later.start = [control = &api.control, entries = std::move(entries), caller = request.caller(),
                 outline = Outline(request)](const std::function<void(Response)>& done) {
    control->AlterOffsets(outline.Argument(0), entries, caller, [outline, done](const Answer<std::string>& answer) {
      if (const auto* refusal = std::get_if<Refusal>(&answer)) return done(FromRefusal(outline, *refusal));
      done(Response::Json(200, Dump({{"message", std::get<std::string>(answer)}})));
    });
  };
  return Response::Run(std::move(later));
}

// Whatever is wrong with the body: of one that runs the way out is to stop it.
std::optional<Response> Runs(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (record->target == TargetState::kStopped) return std::nullopt;
  return Fail(request, 400,
              "Offsets are altered only while a connector is stopped. Stop it first: PUT " +
                  ConnectorPath(record->name) + "/stop");
}

Response PatchOffsets(Api& api, const Request& request) {
  if (auto refused = Runs(api, request)) return std::move(*refused);
  auto entries = ReadOffsets(request);
  return entries.ok() ? Alter(api, request, *std::move(entries)) : Fail(request, 400, entries.error().what);
}

Response DeleteOffsets(Api& api, const Request& request) {
  if (auto refused = Runs(api, request)) return std::move(*refused);
  return Alter(api, request, {});
}

}  // namespace

void AddOffsetRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/connectors/{c}/offsets",
       Role::kRead,
       "Durable position, or the next record of each stream",
       GetOffsets,
       {.answers = "200 Offsets"}},
      {"PATCH",
       "/connectors/{c}/offsets",
       Role::kAdmin,
       "Go on from other places",
       PatchOffsets,
       {.body = "Offsets", .answers = "200 {message: string}", .errors = "409"}},
      {"DELETE",
       "/connectors/{c}/offsets",
       Role::kAdmin,
       "Begin anew",
       DeleteOffsets,
       {.answers = "200 {message: string}", .errors = "409"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
