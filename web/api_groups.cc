#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/views/views.h"
#include "web/connect_shapes.h"
#include "web/group_requests.h"
#include "web/group_shapes.h"
#include "web/page.h"
#include "web/records.h"

// /api/v1: groups of consumers that fetch records and acknowledge them (docs/adr/0029).
namespace headgate::web {
namespace {

GroupName NameOf(const Request& request) { return {request.Argument(0), request.Argument(1)}; }

Response NoGroup(const Request& request) {
  return Fail(request, 404,
              "Stream " + request.Argument(0) + " has no group " + request.Argument(1) +
                  ". A poll makes it, or a PUT with settings.");
}

// Nothing if the path names a stream.
std::optional<Response> NoStreamOf(Api& api, const Request& request) {
  if (api.control.log().registry()->FindStream(request.Argument(0)) != nullptr) return std::nullopt;
  return Fail(request, 404, "There is no stream " + request.Argument(0) + ". GET /api/v1/streams lists them.");
}

std::shared_ptr<const GroupStatus> Find(Api& api, const Request& request) {
  const auto groups = api.control.groups().groups();
  const auto found = groups->find(NameOf(request));
  return found == groups->end() ? nullptr : found->second;
}

Response BadBody(const Request& request, const Error& error, const std::string& at) {
  const int status = error.kind == ErrorKind::kRejected ? 422 : 400;
  if (at.empty()) return Fail(request, status, error.what);
  return Fail(request, status, error.what, {}, {{at, error.what}});
}

bool HasLost(Control& control, const Request& request) {
  const auto groups = control.groups().groups();
  const auto found = groups->find(NameOf(request));
  return found != groups->end() && found->second->loss;
}

// What the desk refuses.
Response Refused(Control& control, const Request& request, const Error& error) {
  switch (error.kind) {
    case ErrorKind::kConfig:
      return Fail(request, 422, error.what, "bad-delivery");
    case ErrorKind::kRejected:
      return Fail(request, 409, error.what, HasLost(control, request) ? "records-lost" : "");
    case ErrorKind::kCorrupt:
      return Fail(request, 500, error.what);
    case ErrorKind::kTransient:
    case ErrorKind::kStopped:
      break;
  }
  return Fail(request, 503, error.what).With("Retry-After", "1");
}

// Asks the desk, and makes what it answers to a response, on its thread.
template <class T>
Response Ask(Api& api, const Request& request, std::string stage, std::function<void(GroupDesk::Answer<T>)> ask,
             std::function<Response(const Request&, const T&)> show) {
  Later later;
  later.lane = Lane::kHere;
  later.stage = std::move(stage);
  later.start = [ask = std::move(ask), show = std::move(show), control = &api.control,
                 outline = Outline(request)](std::function<void(Response)> done) {
    ask([done = std::move(done), show, control, outline](Result<T> answer) {
      done(answer.ok() ? show(outline, *answer) : Refused(*control, outline, answer.error()));
    });
  };
  return Response::Run(std::move(later));
}

Response ListGroups(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  const std::string list = "groups/" + request.Argument(0);
  std::string after;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor(list, request.query.Get("cursor"));
    if (!place) return BadCursor(request);
    after = *place;
  }
  Json items = Json::array();
  std::string last;
  bool more = false;
  const auto groups = api.control.groups().groups();
  for (auto it = groups->upper_bound({request.Argument(0), after}); it != groups->end(); ++it) {
    if (it->first.stream != request.Argument(0)) break;
    if (more = items.size() == *limit; more) break;
    items.push_back(GroupJson(api.control, it->first, *it->second));
    last = it->first.group;
  }
  return PageAnswer(request, std::move(items), more ? MakeCursor(list, last) : "");
}

Response GetGroup(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  const auto status = Find(api, request);
  if (status == nullptr) return NoGroup(request);
  return Response::Json(200, Dump(GroupJson(api.control, NameOf(request), *status)))
      .With("ETag", GroupETag(status->record));
}

// Where a group starts, or goes to.
Result<At> GroupPlace(const Log& log, const std::string& text) {
  if (!ParsePlace(log, text == "now" ? "end" : text, false))
    return ConfigError("A place is beginning, now, an address such as 4711-1, or a time such as 2026-03-04T05:06.");
  HG_ASSIGN_OR_RETURN(const At place, KeptPlace(log, text == "now" ? "end" : text));
  if (place.seq >= log.first_seq()) return place;
  return Rejected("Retention has dropped what was at " + ToText(place) + ". The oldest place to go to is " +
                  ToText(At{log.first_seq(), 0}) + ": write it, or beginning.");
}

Response ShowMade(Control& control, const Request& request, const GroupDesk::Made& made) {
  Response response = Response::Json(made.created ? 201 : 200, Dump(GroupJson(control, NameOf(request), *made.status)))
                          .With("ETag", GroupETag(made.status->record));
  if (!made.created) return response;
  return std::move(response).With("Location", "/api/v1/streams/" + PercentEncode(request.Argument(0)) + "/groups/" +
                                                  PercentEncode(request.Argument(1)));
}

Response PutGroup(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  const auto known = Find(api, request);
  if (!IfMatchHolds(request, known == nullptr ? "" : GroupETag(known->record)))
    return Fail(
        request, 412,
        "The settings of group " + request.Argument(1) + " are not those that If-Match names. Read them again.");
  std::string at;
  const auto wanted = ReadGroupWanted(request, at);
  if (!wanted.ok()) return BadBody(request, wanted.error(), at);
  const auto start = GroupPlace(api.control.log(), wanted->start);
  if (!start.ok()) return BadBody(request, start.error(), "/start");
  api.control.views().Follow(request.Argument(0));
  return Ask<GroupDesk::Made>(
      api, request, "writing the group",
      [&desk = api.control.groups(), name = NameOf(request), settings = wanted->settings, start = *start,
       caller = request.caller()](auto answer) { desk.Put(name, settings, start, caller, std::move(answer)); },
      [&control = api.control](const Request& outline, const GroupDesk::Made& made) {
        return ShowMade(control, outline, made);
      });
}

Response SeekGroup(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  if (Find(api, request) == nullptr) return NoGroup(request);
  std::string at;
  const auto text = ReadSeek(request, at);
  if (!text.ok()) return BadBody(request, text.error(), at);
  const auto to = GroupPlace(api.control.log(), *text);
  if (!to.ok()) return BadBody(request, to.error(), "/to");
  return Ask<GroupDesk::Made>(
      api, request, "setting the group to its place",
      [&desk = api.control.groups(), name = NameOf(request), to = *to, caller = request.caller()](auto answer) {
        desk.Seek(name, to, caller, std::move(answer));
      },
      [&control = api.control](const Request& outline, const GroupDesk::Made& made) {
        return ShowMade(control, outline, made);
      });
}

Response DeleteGroup(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  if (Find(api, request) == nullptr) return NoGroup(request);
  return Ask<bool>(
      api, request, "deleting the group",
      [&desk = api.control.groups(), name = NameOf(request), caller = request.caller()](auto answer) {
        desk.Delete(name, caller, std::move(answer));
      },
      [](const Request&, const bool&) { return Response::Empty(204); });
}

Response PollGroup(Api& api, const Request& request) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  std::string at;
  auto poll = ReadPoll(request, at);
  if (!poll.ok()) return BadBody(request, poll.error(), at);
  api.control.views().Follow(request.Argument(0));
  poll->name = NameOf(request);
  poll->caller = request.caller();
  return Ask<GroupDesk::Polled>(
      api, request, "waiting for records",
      [&desk = api.control.groups(), poll = *std::move(poll)](auto answer) { desk.Take(poll, std::move(answer)); },
      [](const Request&, const GroupDesk::Polled& polled) { return Response::Json(200, PolledJson(polled)); });
}

// `word`: "acknowledged" or "returned".
Response ShowSettled(const Request& request, const GroupDesk::Settled& settled, const char* word) {
  if (settled.done == 0) {
    return Fail(request, 409,
                std::string("None of the deliveries was ") + word +
                    ": their time was up, and the records were handed out again or are done. A longer ack_timeout_ms "
                    "of the group gives more.",
                "delivery-expired");
  }
  Json json;
  json[word] = settled.done;
  json["expired"] = settled.expired;
  return Response::Json(200, Dump(json));
}

Response AckOrNack(Api& api, const Request& request, bool ack) {
  if (auto missing = NoStreamOf(api, request)) return std::move(*missing);
  if (Find(api, request) == nullptr) return NoGroup(request);
  std::string at;
  const auto wanted = ReadDeliveries(request, !ack, at);
  if (!wanted.ok()) return BadBody(request, wanted.error(), at);
  return Ask<GroupDesk::Settled>(
      api, request, "writing what was acknowledged",
      [&desk = api.control.groups(), name = NameOf(request), wanted = *wanted, ack](auto answer) {
        if (ack) return desk.Ack(name, wanted.tokens, std::move(answer));
        desk.Nack(name, wanted.tokens, wanted.delay, std::move(answer));
      },
      [ack](const Request& outline, const GroupDesk::Settled& settled) {
        return ShowSettled(outline, settled, ack ? "acknowledged" : "returned");
      });
}

Response AckRecords(Api& api, const Request& request) { return AckOrNack(api, request, true); }
Response NackRecords(Api& api, const Request& request) { return AckOrNack(api, request, false); }

// --- what goes in and out

constexpr Contract kGroupList = {.query = "...Page", .answers = "200 {items: [Group], next_cursor: string?}"};
constexpr Contract kOneGroup = {.answers = "200 Group"};
constexpr Contract kSetGroup = {.query = "If-Match: string",
                                .body = "{start?: string?, ...GroupSettings}",
                                .answers = "200 Group; 201 Group",
                                .errors = "409 412 422"};
constexpr Contract kSoughtGroup = {.body = "{to: string}", .answers = "200 Group", .errors = "422"};
constexpr Contract kGoneGroup = {.answers = "204", .errors = "422"};
constexpr Contract kPolled = {
    .body = "{consumer: string, max?: int?, wait_ms?: int?}", .answers = "200 Polled", .errors = "409"};
constexpr Contract kAcked = {
    .body = "{deliveries: [string]}", .answers = "200 {acknowledged: int, expired: [string]}", .errors = "409 422"};
constexpr Contract kNacked = {.body = "{deliveries: [string], delay_ms?: int?}",
                              .answers = "200 {returned: int, expired: [string]}",
                              .errors = "409 422"};

}  // namespace

void AddGroupRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET", "/api/v1/streams/{s}/groups", Role::kRead, "Consumer groups of a stream", ListGroups, kGroupList},
      {"GET", "/api/v1/streams/{s}/groups/{g}", Role::kRead, "One group with position and lag", GetGroup, kOneGroup},
      {"PUT", "/api/v1/streams/{s}/groups/{g}", Role::kAdmin, "Create a group, or set it up anew", PutGroup, kSetGroup},
      {"DELETE", "/api/v1/streams/{s}/groups/{g}", Role::kAdmin, "Delete a group with its dead letters", DeleteGroup,
       kGoneGroup},
      {"POST", "/api/v1/streams/{s}/groups/{g}/seek", Role::kAdmin, "A group goes to a place of the log", SeekGroup,
       kSoughtGroup},
      {"POST", "/api/v1/streams/{s}/groups/{g}/poll", Role::kOperate, "Fetch records", PollGroup, kPolled},
      {"POST", "/api/v1/streams/{s}/groups/{g}/ack", Role::kOperate, "Records are done", AckRecords, kAcked},
      {"POST", "/api/v1/streams/{s}/groups/{g}/nack", Role::kOperate, "Records shall come again", NackRecords, kNacked},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
