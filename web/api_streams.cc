#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/views/stream.h"
#include "core/views/views.h"
#include "web/connect_shapes.h"
#include "web/group_shapes.h"
#include "web/page.h"
#include "web/stream_feed.h"

// /api/v1: streams, their records and tails (admin API, 4.2, 4.8).
namespace headgate::web {
namespace {

Json SchemaColumnsJson(const TableSchema& schema) {
  Json columns = Json::array();
  const std::vector<std::size_t> key = schema.EventKey();
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    Json one;
    one["name"] = column.name;
    one["type"] = column.type.declared;
    one["nullable"] = column.nullable;
    if (const auto place = std::ranges::find(key, i); place != key.end()) one["key"] = place - key.begin() + 1;
    columns.push_back(std::move(one));
  }
  return columns;
}

bool Reads(const views::Definition& view, const std::string& stream) {
  return view.record.kind == views::ObjectKind::kView &&
         std::ranges::any_of(view.inputs, [&](const views::Input& input) {
           return (input.kind == views::Input::Kind::kView ? input.relation->name : input.stream_name) == stream;
         });
}

void AddViewReaders(Api& api, const std::string& stream, Json& readers) {
  const Seq applied = api.control.views().applied();
  const auto names = api.control.views().names();
  for (const auto& [name, definition] : names->definitions) {
    if (!Reads(*definition, stream)) continue;
    readers.push_back({{"kind", "view"}, {"name", name}, {"next_seq", BigJson(applied + 1)}});
  }
}

void AddGroupReaders(Api& api, const std::string& stream, bool count, Json& readers) {
  const auto groups = api.control.groups().groups();
  for (auto it = groups->lower_bound({stream, ""}); it != groups->end() && it->first.stream == stream; ++it) {
    Json one;
    one["kind"] = "group";
    one["name"] = it->first.group;
    one["next_seq"] = BigJson(it->second->record.floor.seq);
    if (count) {
      const GroupLag lag = LagOfGroup(api.control, it->first, *it->second);
      one["pending_records"] = OrNull(lag.records);
      one["lag_seconds"] = lag.seconds.value_or(0);
    }
    readers.push_back(std::move(one));
  }
}

Json ReadersJson(Api& api, const std::string& stream, bool count) {
  Json readers = Json::array();
  AddViewReaders(api, stream, readers);
  AddGroupReaders(api, stream, count, readers);
  const std::int64_t now_us = api.control.clock().NowUs();
  for (const std::string& name : api.control.Names()) {
    const auto record = api.control.Find(name);
    const auto status = api.control.Status(name);
    if (record == nullptr || status == nullptr || record->kind != config::ComponentKind::kSink) continue;
    if (std::find(status->topics.begin(), status->topics.end(), stream) == status->topics.end()) continue;
    Json one;
    one["kind"] = "sink";
    one["name"] = name;
    one["next_seq"] = BigJson(status->next_seq);
    if (const auto cursor = count ? api.control.Cursor(name) : std::nullopt) {
      one["pending_records"] = cursor->counted ? Json(cursor->pending_records) : Json(nullptr);  // of all its streams
      const bool waits = cursor->oldest_pending_commit_us > 0 && now_us > cursor->oldest_pending_commit_us;
      one["lag_seconds"] = waits ? static_cast<double>(now_us - cursor->oldest_pending_commit_us) / 1e6 : 0.0;
    }
    readers.push_back(std::move(one));
  }
  return readers;
}

Json StreamJson(Api& api, const Registry& registry, const StreamInfo& stream, bool whole) {
  const Log& log = api.control.log();
  const StreamStats stats = log.stats(stream.number);
  const std::uint32_t version = registry.LatestVersion(stream.number);
  const TableSchema* schema = version == 0 ? nullptr : registry.Schema(stream.number, version);
  Json key = Json::array();
  if (schema != nullptr) {
    for (std::size_t i : schema->EventKey()) key.push_back(schema->columns[i].name);
  }
  const SourceInfo* source = registry.Source(stream.source);
  const RetentionPolicy retention = api.control.retention();
  Json json;
  json["name"] = stream.name;
  const bool of_view = source != nullptr && source->connector == views::kViewConnector;
  json["kind"] = of_view ? "view" : key.empty() ? "data" : "control";
  json["origin"] = source == nullptr ? Json(nullptr) : Json(of_view ? stream.name : source->name);
  json["key"] = std::move(key);
  if (whole && schema != nullptr)
    json["schema"] = {{"version", std::to_string(version)}, {"columns", SchemaColumnsJson(*schema)}};
  json["retention"] = {{"time_ms", retention.time_ms}, {"bytes", retention.bytes_max}};
  json["first_seq"] = BigJson(stats.first_seq);
  json["last_seq"] = BigJson(stats.last_seq);
  json["records"] = stats.records;
  json["bytes"] = stats.bytes;
  json["last_commit_at"] = TimeJson(stats.last_commit_us);
  json["tags"] = Json::array();
  json["readers"] = ReadersJson(api, stream.name, whole);
  return json;
}

Response ListStreams(Api& api, const Request& request) {
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  std::optional<std::string> after;
  if (request.query.Has("cursor")) {
    after = ReadCursor("streams", request.query.Get("cursor"));
    if (!after) return BadCursor(request);
  }
  const auto registry = api.control.log().registry();
  std::vector<const StreamInfo*> streams;
  for (const auto& stream : registry->streams) {
    if (stream != nullptr && (!after || stream->name > *after)) streams.push_back(stream.get());
  }
  std::sort(streams.begin(), streams.end(), [](const auto* x, const auto* y) { return x->name < y->name; });
  const bool more = streams.size() > *limit;
  if (more) streams.resize(*limit);
  Json items = Json::array();
  for (const StreamInfo* stream : streams) items.push_back(StreamJson(api, *registry, *stream, false));
  return PageAnswer(request, std::move(items), more ? MakeCursor("streams", streams.back()->name) : "");
}

Response NoStream(const Request& request) {
  return Fail(request, 404, "There is no stream " + request.Argument(0) + ". GET /api/v1/streams lists them.");
}

Response GetStream(Api& api, const Request& request) {
  const auto registry = api.control.log().registry();
  const StreamInfo* stream = registry->FindStream(request.Argument(0));
  return stream == nullptr ? NoStream(request) : Response::Json(200, Dump(StreamJson(api, *registry, *stream, true)));
}

// ?q= and ?key= into the filter. Nothing if all is well.
std::optional<Response> AddTerms(const Request& request, RecordFilter& filter) {
  if (request.query.Has("key")) filter.key = std::make_shared<KeyFilter>(request.query.Get("key"));
  if (request.query.Get("q").empty()) return std::nullopt;
  auto parsed = Filter::Parse(request.query.Get("q"));
  if (!parsed.ok()) return Fail(request, 400, parsed.error().what, "bad-filter", {{"/q", parsed.error().what}});
  filter.q = std::make_shared<Filter>(std::move(*parsed));
  return std::nullopt;
}

Response BadPlace(const Request& request, std::string_view parameter) {
  return Fail(
      request, 400,
      std::string(parameter) + " must be beginning, end, a place such as 4711-1, or a time such as 2026-03-04T05:06.",
      "bad-place", {{"/" + std::string(parameter), "not a place"}});
}

std::string RecordsPage(const ScanOutcome& outcome, const std::string& next) {
  std::string body = "{\"items\":[";
  for (std::size_t i = 0; i < outcome.records.size(); ++i) body.append(i == 0 ? "" : ",").append(outcome.records[i]);
  body.append("],\"next_cursor\":").append(next.empty() ? "null" : "\"" + next + "\"");
  return body.append(",\"scanned\":").append(std::to_string(outcome.scanned)).append("}");
}

// Reads on a lane, however long it takes within the limits of a scan.
Response ScanLater(Api& api, const Request& request, ScanRequest scan, std::string list) {
  Later later;
  later.lane = Lane::kRecords;
  later.stage = "reading the log";
  later.work = [log = &api.control.log(), scan = std::move(scan), list = std::move(list),
                request](std::stop_token stop) {
    const auto outcome = Scan(*log, scan, stop);
    if (!outcome.ok()) return Fail(request, 500, outcome.error().what);
    const std::string next = outcome->next ? MakeCursor(list, ToText(*outcome->next)) : "";
    Response response = Response::Json(200, RecordsPage(*outcome, next));
    if (!next.empty()) response.headers.emplace_back("Link", NextLink(request, next));
    return response;
  };
  return Response::Run(std::move(later));
}

Response Records(Api& api, const Request& request) {
  const Log& log = api.control.log();
  const auto registry = log.registry();
  const StreamInfo* stream = registry->FindStream(request.Argument(0));
  if (stream == nullptr) return NoStream(request);
  api.control.views().Follow(stream->name);
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  const std::string order = request.query.Has("order") ? Lower(request.query.Get("order")) : "asc";
  if (order != "asc" && order != "desc")
    return Fail(request, 400, "order must be asc or desc.", {}, {{"/order", "unknown order"}});

  ScanRequest scan;
  scan.filter = OfStream(stream->number);
  scan.limit = *limit;
  scan.descending = order == "desc";
  if (auto bad = AddTerms(request, scan.filter)) return std::move(*bad);
  const auto from = ParsePlace(log, request.query.Has("from") ? request.query.Get("from") : "beginning", true);
  if (!from) return BadPlace(request, "from");
  const auto until = ParsePlace(log, request.query.Has("until") ? request.query.Get("until") : "end", false);
  if (!until) return BadPlace(request, "until");
  scan.low = *from;
  scan.high = *until;
  const std::string list = "records/" + order + "/" + stream->name;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor(list, request.query.Get("cursor"));
    At at;
    if (!place || !ParseAt(*place, at)) return BadCursor(request);
    (scan.descending ? scan.high : scan.low) = at;
  }
  // Nothing of the stream lies outside of these.
  const StreamStats stats = log.stats(stream->number);
  scan.low = std::max(scan.low, At{std::max(stats.first_seq, log.first_seq()), 0});
  scan.high = std::min(scan.high, At{stats.last_seq + 1, 0});
  return ScanLater(api, request, std::move(scan), list);
}

// By `at` or by event id; the latter has no index, so it is searched for, the newest first.
Response GetRecord(Api& api, const Request& request) {
  const Log& log = api.control.log();
  const auto registry = log.registry();
  const StreamInfo* stream = registry->FindStream(request.Argument(0));
  if (stream == nullptr) return NoStream(request);
  const std::string& wanted = request.Argument(1);
  ScanRequest scan;
  scan.filter = OfStream(stream->number);
  scan.limit = 1;
  if (At at; ParseAt(wanted, at)) {
    scan.low = at;
    scan.high = {at.seq, at.ordinal + 1};
  } else if (wanted.find(':') != std::string::npos) {
    scan.descending = true;
    scan.high = {log.last_seq() + 1, 0};
    scan.low = {log.first_seq(), 0};
    scan.filter.wanted = [number = stream->number, wanted](const Registry& names, const LogReader::Block& block,
                                                           const Change& change) {
      const SourceInfo* source = names.Source(block.info->source);
      return change.stream == number && source != nullptr &&
             EventId(source->id, block.info->epoch, block.info->position, change.ordinal) == wanted;
    };
  } else {
    return Fail(request, 400, "A record is addressed by its place (4711-1) or by its event id.");
  }
  Later later;
  later.lane = Lane::kRecords;
  later.stage = "reading the log";
  later.work = [source = &log, scan = std::move(scan), request](std::stop_token stop) {
    const auto outcome = Scan(*source, scan, stop);
    if (!outcome.ok()) return Fail(request, 500, outcome.error().what);
    if (!outcome->records.empty()) return Response::Json(200, outcome->records[0]);
    const std::string cut =
        outcome->next ? " It was searched for 10 s from the newest on; its place (at) finds it at once." : "";
    return Fail(request, 404, "Stream " + request.Argument(0) + " has no record " + request.Argument(1) + "." + cut);
  };
  return Response::Run(std::move(later));
}

Response TailRecords(Api& api, const Request& request, RecordFilter filter) {
  StreamFeedOptions options;
  options.filter = std::move(filter);
  if (auto bad = AddTerms(request, options.filter)) return std::move(*bad);
  const std::string_view mode = request.query.Has("mode") ? request.query.Get("mode") : "sample";
  if (mode != "sample" && mode != "all")
    return Fail(request, 400, "mode must be sample or all.", {}, {{"/mode", "unknown mode"}});
  options.all = mode == "all";
  const std::string_view resume = request.Header("last-event-id");
  const std::string_view from = !resume.empty()             ? resume
                                : request.query.Has("from") ? request.query.Get("from")
                                                            : "end";
  const auto start = ParsePlace(api.control.log(), from, true);
  if (!start) return BadPlace(request, !resume.empty() ? "Last-Event-ID" : "from");
  options.start = *start;
  Response response;
  response.type = "text/event-stream";
  response.feed = MakeStreamFeed(api.control.log(), api.control.clock(), std::move(options));
  return response;
}

Response TailStream(Api& api, const Request& request) {
  const auto registry = api.control.log().registry();
  const StreamInfo* stream = registry->FindStream(request.Argument(0));
  if (stream == nullptr) return NoStream(request);
  api.control.views().Follow(stream->name);
  return TailRecords(api, request, OfStream(stream->number));
}

Response TailConnector(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (record->kind == config::ComponentKind::kSource) return TailRecords(api, request, OfSource(record->name));
  return TailRecords(api, request, OfStreams(StatusOf(api, *record)->topics));
}

}  // namespace

void AddStreamRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/streams",
       Role::kRead,
       "Streams of the shard",
       ListStreams,
       {.query = "...Page", .answers = "200 {items: [Stream], next_cursor: string?}"}},
      {"GET",
       "/api/v1/streams/{s}",
       Role::kRead,
       "One stream with schema and readers",
       GetStream,
       {.answers = "200 Stream"}},
      {"GET",
       "/api/v1/streams/{s}/records",
       Role::kOperate,
       "Records",
       Records,
       {.query = "from: string, until: string, order: 'asc'|'desc', key: string, q: string, ...Page",
        .answers = "200 {items: [Record], next_cursor: string?, scanned: int}"}},
      {"GET",
       "/api/v1/streams/{s}/records/{at}",
       Role::kOperate,
       "One record, by place or event id",
       GetRecord,
       {.answers = "200 Record"}},
      {"GET",
       "/api/v1/streams/{s}/tail",
       Role::kOperate,
       "Follow a stream",
       TailStream,
       {.query = "...Tail, key: string, q: string", .answers = "200 string"},
       Produces::kEvents},
      {"GET",
       "/api/v1/connectors/{c}/tail",
       Role::kOperate,
       "Follow what passes through a connector",
       TailConnector,
       {.query = "...Tail, key: string, q: string", .answers = "200 string"},
       Produces::kEvents},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
