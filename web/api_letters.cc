#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/pipeline/group_desk.h"
#include "core/state/dead_letters.h"
#include "core/views/views.h"
#include "web/connect_shapes.h"
#include "web/page.h"
#include "web/records.h"

// /api/v1: dead letters of sinks, views and consumer groups (admin API, 4.7).
namespace headgate::web {
namespace {

// A stored text that is JSON shows as JSON; anything else as text.
Json Parsed(const std::string& text) {
  if (text.empty()) return nullptr;
  Json json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json(text) : json;
}

Json ItemJson(const DeadLetter& letter) {
  const std::size_t dot = letter.stream.find('.');  // <source>.<schema>.<table>
  Json json;
  json["id"] = BigJson(letter.id);
  json["state"] = Name(letter.state);
  json["stream"] = letter.stream;
  json["key"] = Parsed(letter.key);
  json["at"] = ToText(letter.at);
  json["event_id"] = letter.event_id;
  json["op"] = letter.op;
  json["source"] = {{"position", Parsed(letter.source_position)},
                    {"table", dot == std::string::npos ? letter.stream : letter.stream.substr(dot + 1)}};
  json["error"] = {{"class", letter.error_class},
                   {"status", letter.error_status == 0 ? Json(nullptr) : Json(letter.error_status)},
                   {"message", letter.error_message}};
  json["attempts"] = letter.attempts;
  json["first_failed_at"] = TimeJson(letter.first_failed_us);
  json["last_failed_at"] = TimeJson(letter.last_failed_us);
  json["next_try_at"] = TimeJson(letter.next_try_us);
  return json;
}

std::optional<DeadLetter::State> ParseState(std::string_view text) {
  for (auto state : {DeadLetter::State::kWaiting, DeadLetter::State::kParked, DeadLetter::State::kDead,
                     DeadLetter::State::kRetrying}) {
    if (text == Name(state)) return state;
  }
  return std::nullopt;
}

// As for records: an object by column, or the plain value of a key of one column.
void SetKey(LetterFilter& filter, const std::string& text) {
  filter.key = text;
  filter.key_matches = [key = KeyFilter(text)](std::string_view json) { return key.Matches(json); };
}

// One field of the list's filter, as a query parameter or a member of a bulk request. Config error if it is wrong.
Status SetField(LetterFilter& filter, std::string_view name, const std::string& value) {
  if (name == "state") {
    filter.state = ParseState(value);
    if (!filter.state) return ConfigError("state must be waiting, parked, dead or retrying.");
  } else if (name == "since") {
    const auto time = ParseTime(value);
    if (!time) return ConfigError("since must be a time such as 2026-03-04T05:06.");
    filter.since_us = *time;
  } else if (name == "order") {
    if (value != "newest" && value != "oldest") return ConfigError("order must be newest or oldest.");
    filter.newest_first = value == "newest";
  } else if (name == "key") {
    SetKey(filter, value);
  } else if (name == "error") {
    filter.error = value;
  } else if (name == "stream") {
    filter.stream = value;
  } else {
    return ConfigError("Unknown member \"" + std::string(name.substr(0, 100)) + "\" of the filter.");
  }
  return Ok();
}

bool OfView(const Request& request) { return request.segments.size() > 2 && request.segments[2] == "views"; }

bool OfGroup(const Request& request) { return request.segments.size() > 2 && request.segments[2] == "streams"; }

// Under which the letters of the path are kept.
std::string OwnerOf(const Request& request) {
  if (OfGroup(request)) return GroupLetterOwner({request.Argument(0), request.Argument(1)});
  return OfView(request) ? views::LetterOwner(request.Argument(0)) : request.Argument(0);
}

std::string ShownOwner(const Request& request) {
  if (OfGroup(request)) return "Group " + request.Argument(1) + " of stream " + request.Argument(0);
  return (OfView(request) ? "View " : "Connector ") + request.Argument(0);
}

// The last of the path's parameters.
const std::string& LetterId(const Request& request) { return request.arguments.back(); }

std::optional<Response> HasNone(Api& api, const Request& request) {
  const std::string& name = request.Argument(0);
  const auto view = api.control.views().Find(name);
  if (view == nullptr) return Fail(request, 404, "View " + name + " not found");
  if (view->record.kind != views::ObjectKind::kQuery) return std::nullopt;
  return Fail(request, 409, name + " is a name for a query; only views that are kept in step have dead letters.");
}

// Nothing if the connector, the view or the group of the path may have letters; else the answer.
std::optional<Response> HasNoLetters(Api& api, const Request& request) {
  if (OfGroup(request)) {
    if (api.control.groups().groups()->contains({request.Argument(0), request.Argument(1)})) return std::nullopt;
    return Fail(request, 404, "Stream " + request.Argument(0) + " has no group " + request.Argument(1) + ".");
  }
  if (OfView(request)) return HasNone(api, request);
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (record->kind == config::ComponentKind::kSink) return std::nullopt;
  const config::ComponentSpec* const spec = api.control.FindPlugin(record->class_name);
  if (spec != nullptr && spec->rejects) return std::nullopt;
  return Fail(request, 409, "Connector " + record->name + " is a source of a class that has no dead letters.");
}

// The answer to a wish to try letters of a source again.
std::optional<Response> OfASource(Api& api, const Request& request) {
  const auto record = OfView(request) || OfGroup(request) ? nullptr : api.control.Find(request.Argument(0));
  if (record == nullptr || record->kind == config::ComponentKind::kSink) return std::nullopt;
  return Fail(request, 409,
              "A record that source " + record->name +
                  " could not take stays as it is, however often it is tried: mend the settings, set the source's "
                  "offsets back to it, and discard the letter.");
}

Response NoLetter(const Request& request) {
  return Fail(request, 404, ShownOwner(request) + " has no dead letter " + LetterId(request) + ".");
}

Response ListLetters(Api& api, const Request& request) {
  if (auto refused = HasNoLetters(api, request)) return std::move(*refused);
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  LetterFilter filter;
  for (std::string_view name : {"state", "key", "error", "stream", "since", "order"}) {
    if (!request.query.Has(name)) continue;
    if (const Status set = SetField(filter, name, std::string(request.query.Get(name))); !set.ok()) {
      return Fail(request, 400, set.error().what, {}, {{"/" + std::string(name), set.error().what}});
    }
  }
  const std::string list = std::string("letters/") + (filter.newest_first ? "newest/" : "oldest/") + OwnerOf(request);
  std::uint64_t after = 0;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor(list, request.query.Get("cursor"));
    const auto id = place ? ParseNumber(*place) : std::nullopt;
    if (!id) return BadCursor(request);
    after = *id;
  }
  auto answer = api.control.Letters(OwnerOf(request), filter, after, *limit + 1);
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  auto& letters = std::get<std::vector<DeadLetter>>(answer);
  const bool more = letters.size() > *limit;
  if (more) letters.resize(*limit);
  Json items = Json::array();
  for (const DeadLetter& letter : letters) items.push_back(ItemJson(letter));
  return PageAnswer(request, std::move(items), more ? MakeCursor(list, std::to_string(letters.back().id)) : "");
}

Response GetLetter(Api& api, const Request& request) {
  if (auto refused = HasNoLetters(api, request)) return std::move(*refused);
  const auto id = ParseNumber(LetterId(request));
  if (!id) return NoLetter(request);
  const auto answer = api.control.Letter(OwnerOf(request), *id);
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  const auto& letter = std::get<DeadLetter>(answer);
  Json json = ItemJson(letter);
  json["record"] = Parsed(letter.record);
  Json sent;
  sent["head"] = letter.request;
  sent["content_type"] = letter.content_type;
  sent["body"] = letter.body;
  json["request"] = std::move(sent);
  json["response"] = letter.response.empty() ? Json(nullptr) : Json(letter.response);
  json["history"] = letter.history;
  return Response::Json(200, Dump(json));
}

std::string LetterPath(const Request& request, std::uint64_t id) {
  const std::string owner = OfGroup(request) ? "streams/" + PercentEncode(request.Argument(0)) + "/groups/" +
                                                   PercentEncode(request.Argument(1))
                                             : "connectors/" + PercentEncode(request.Argument(0));
  return "/api/v1/" + owner + "/dead-letters/" + std::to_string(id);
}

// AP16: earlier letters of the key go first.
Response Retry(Api& api, const Request& request) {
  return api.idempotency.Run(api.control, request, [&] {
    if (auto refused = HasNoLetters(api, request)) return std::move(*refused);
    if (auto refused = OfASource(api, request)) return std::move(*refused);
    const auto id = ParseNumber(LetterId(request));
    if (!id) return NoLetter(request);
    const auto answer = api.control.RetryLetter(OwnerOf(request), *id, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    Json ahead = Json::array();
    for (std::uint64_t earlier : std::get<std::vector<std::uint64_t>>(answer)) ahead.push_back(BigJson(earlier));
    Json json;
    json["id"] = BigJson(*id);
    json["state"] = "retrying";
    json["ahead"] = std::move(ahead);
    return Response::Json(202, Dump(json)).With("Location", LetterPath(request, *id));
  });
}

Response Discard(Api& api, const Request& request) {
  return api.idempotency.Run(api.control, request, [&] {
    if (auto refused = HasNoLetters(api, request)) return std::move(*refused);
    const auto id = ParseNumber(LetterId(request));
    if (!id) return NoLetter(request);
    const auto answer = api.control.DiscardLetter(OwnerOf(request), *id, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    return Response::Empty(204);
  });
}

struct BulkRequest {
  LetterFilter filter;
  bool dry_run = false;
};

// An empty filter has to be written {"all":true} (AP17).
// `at` is the JSON pointer of what is wrong.
Result<BulkRequest> ReadBulk(const Request& request, std::string& at) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  at = "/filter";
  if (!body.is_object() || !body.contains("filter") || !body["filter"].is_object()) {
    return ConfigError(
        "The body must be {\"filter\":{...},\"dry_run\":true|false}; for all letters the filter is {\"all\":true}.");
  }
  BulkRequest bulk;
  for (const auto& [member, value] : body.items()) {
    at = "/" + member.substr(0, 100);
    if (member == "dry_run" && value.is_boolean()) {
      bulk.dry_run = value.get<bool>();
    } else if (member != "filter") {
      return ConfigError(member == "dry_run" ? "dry_run must be true or false."
                                             : "Unknown member \"" + member.substr(0, 100) + "\".");
    }
  }
  bool all = false;
  std::size_t fields = 0;
  for (const auto& [name, value] : body["filter"].items()) {
    at = "/filter/" + name.substr(0, 100);
    if (value.is_null()) continue;  // as if it were absent (AP6)
    if (name == "all") {
      if (!value.is_boolean()) return ConfigError("all must be true or false.");
      all = value.get<bool>();
      continue;
    }
    if (!value.is_string()) {
      // A key may be written as the object it is in the list.
      if (name != "key") return ConfigError("The filter's " + name.substr(0, 100) + " must be a string.");
      SetKey(bulk.filter, Dump(value));
    } else {
      HG_RETURN_IF_ERROR(SetField(bulk.filter, name, value.get<std::string>()));
    }
    ++fields;
  }
  at = "/filter";
  if (fields == 0 && !all) return ConfigError("The filter is empty. If all letters are meant, write {\"all\":true}.");
  if (fields > 0 && all) return ConfigError("The filter says all and names fields too; leave one of them out.");
  return bulk;
}

Response Bulk(Api& api, const Request& request, bool discard) {
  return api.idempotency.Run(api.control, request, [&] {
    if (auto refused = HasNoLetters(api, request)) return std::move(*refused);
    if (auto refused = discard ? std::nullopt : OfASource(api, request)) return std::move(*refused);
    std::string at;
    const auto bulk = ReadBulk(request, at);
    if (!bulk.ok()) return Fail(request, 400, bulk.error().what, {}, {{at, bulk.error().what}});
    const auto answer =
        api.control.BulkLetters(OwnerOf(request), bulk->filter, discard, bulk->dry_run, request.caller());
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
    const auto& matched = std::get<Control::Matched>(answer);
    Json json;
    json["matched"] = matched.matched;
    if (bulk->dry_run) {
      Json sample = Json::array();
      for (const DeadLetter& letter : matched.sample) sample.push_back(ItemJson(letter));
      json["sample"] = std::move(sample);
      return Response::Json(200, Dump(json));
    }
    json["operation"] = matched.operation;
    return Response::Json(202, Dump(json)).With("Location", "/api/v1/operations/" + PercentEncode(matched.operation));
  });
}
Response RetryMany(Api& api, const Request& request) { return Bulk(api, request, false); }

Response NoRetry(Api& api, const Request& request) {
  if (auto refused = HasNone(api, request)) return std::move(*refused);
  return Fail(
      request, 409,
      "A row that a view could not take fails again, however often it is tried: change the row at its source, or "
      "the view. The letter tells of it until it is discarded.");
}
Response DiscardMany(Api& api, const Request& request) { return Bulk(api, request, true); }

// --- what goes in and out

constexpr Contract kPageOfLetters = {
    .query = "...LetterFields, ...Page", .answers = "200 {items: [Letter], next_cursor: string?}", .errors = "409"};
constexpr Contract kWholeLetter = {.answers = "200 LetterWhole", .errors = "409"};
constexpr Contract kTriedAgain = {
    .query = "Idempotency-Key: string", .answers = "202 {id: big, state: string, ahead: [big]}", .errors = "409 422"};
constexpr Contract kGivenUp = {.query = "Idempotency-Key: string", .answers = "204", .errors = "409 422"};
constexpr Contract kManyLetters = {
    .query = "Idempotency-Key: string", .body = "Bulk", .answers = "200 Matched; 202 Matched", .errors = "409 422"};
constexpr Contract kRefusedRetry = {.errors = "409"};

}  // namespace

// tidy: long because it is a table
void AddDeadLetterRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET", "/api/v1/connectors/{c}/dead-letters", Role::kOperate, "Dead letters", ListLetters, kPageOfLetters},
      {"GET", "/api/v1/connectors/{c}/dead-letters/{id}", Role::kOperate,
       "One letter with record, request and response", GetLetter, kWholeLetter},
      {"POST", "/api/v1/connectors/{c}/dead-letters/{id}/retry", Role::kOperate, "Try one again now", Retry,
       kTriedAgain},
      {"POST", "/api/v1/connectors/{c}/dead-letters/{id}/discard", Role::kOperate, "Give one up", Discard, kGivenUp},
      {"POST", "/api/v1/connectors/{c}/dead-letters/retry", Role::kOperate, "Try all that match", RetryMany,
       kManyLetters},
      {"POST", "/api/v1/connectors/{c}/dead-letters/discard", Role::kOperate, "Give all up that match", DiscardMany,
       kManyLetters},
      {"GET", "/api/v1/views/{v}/dead-letters", Role::kOperate, "What a view or a declared table could not take",
       ListLetters, kPageOfLetters},
      {"GET", "/api/v1/views/{v}/dead-letters/{id}", Role::kOperate, "One of them with its record", GetLetter,
       kWholeLetter},
      {"POST", "/api/v1/views/{v}/dead-letters/{id}/retry", Role::kOperate, "Refused: it would fail again", NoRetry,
       kRefusedRetry},
      {"POST", "/api/v1/views/{v}/dead-letters/{id}/discard", Role::kOperate, "Forget one", Discard, kGivenUp},
      {"POST", "/api/v1/views/{v}/dead-letters/retry", Role::kOperate, "Refused: they would fail again", NoRetry,
       kRefusedRetry},
      {"POST", "/api/v1/views/{v}/dead-letters/discard", Role::kOperate, "Forget all that match", DiscardMany,
       kManyLetters},
      {"GET", "/api/v1/streams/{s}/groups/{g}/dead-letters", Role::kOperate, "What a group failed at too often",
       ListLetters, kPageOfLetters},
      {"GET", "/api/v1/streams/{s}/groups/{g}/dead-letters/{id}", Role::kOperate, "One of them with its record",
       GetLetter, kWholeLetter},
      {"POST", "/api/v1/streams/{s}/groups/{g}/dead-letters/{id}/retry", Role::kOperate, "Hand one out again", Retry,
       kTriedAgain},
      {"POST", "/api/v1/streams/{s}/groups/{g}/dead-letters/{id}/discard", Role::kOperate, "Give one up", Discard,
       kGivenUp},
      {"POST", "/api/v1/streams/{s}/groups/{g}/dead-letters/retry", Role::kOperate, "Hand all out again that match",
       RetryMany, kManyLetters},
      {"POST", "/api/v1/streams/{s}/groups/{g}/dead-letters/discard", Role::kOperate, "Give all up that match",
       DiscardMany, kManyLetters},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
