#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "web/api.h"
#include "web/page.h"
#include "web/stream_feed.h"

// /api/v1: events and operations (admin API, 4.11).
namespace headgate::web {
namespace {

constexpr std::size_t kTailBatch = 200;
constexpr std::int64_t kHoleUs = 5'000'000;
constexpr std::int64_t kProgressEveryUs = 450'000;  // at least once a second, whatever the tick of the stream

Json EventJson(const ServiceEvent& event) {
  Json json;
  json["id"] = event.id == 0 ? Json(nullptr) : BigJson(event.id);  // progress is told, not kept
  json["at"] = TimeJson(event.at_us);
  json["kind"] = event.kind;
  json["connector"] = event.connector.empty() ? Json(nullptr) : Json(event.connector);
  json["actor"] = event.actor;
  json["summary"] = event.summary;
  Json details = Json::object();
  for (const auto& [key, value] : event.details) details[key] = value;
  json["details"] = std::move(details);
  return json;
}

struct EventFilter {
  std::string kind;
  std::string connector;
  std::string actor;
  std::int64_t since_us = 0;
  std::int64_t until_us = 0;
  bool operator()(const ServiceEvent& event) const {
    return (kind.empty() || event.kind == kind) && (connector.empty() || event.connector == connector) &&
           (actor.empty() || event.actor == actor) && event.at_us >= since_us &&
           (until_us == 0 || event.at_us < until_us);
  }
};

// Nothing if a time is wrong.
std::optional<EventFilter> ReadEventFilter(const Request& request) {
  EventFilter filter;
  filter.kind = request.query.Get("kind");
  filter.connector = request.query.Get("connector");
  filter.actor = request.query.Get("actor");
  if (request.query.Has("since")) {
    const auto time = ParseTime(request.query.Get("since"));
    if (!time) return std::nullopt;
    filter.since_us = *time;
  }
  if (request.query.Has("until")) {
    const auto time = ParseTime(request.query.Get("until"));
    if (!time) return std::nullopt;
    filter.until_us = *time;
  }
  return filter;
}

Response BadTime(const Request& request) {
  return Fail(request, 400, "since and until must be times such as 2026-03-04T05:06.");
}

Response ListEvents(Api& api, const Request& request) {
  const auto limit = PageLimit(request);
  if (!limit) return BadLimit(request);
  const auto filter = ReadEventFilter(request);
  if (!filter) return BadTime(request);
  std::uint64_t before = 0;
  if (request.query.Has("cursor")) {
    const auto place = ReadCursor("events", request.query.Get("cursor"));
    const auto id = place ? ParseNumber(*place) : std::nullopt;
    if (!id || *id == 0) return BadCursor(request);
    before = *id;
  }
  auto events = api.control.Events(*filter, before, *limit + 1);
  const bool more = events.size() > *limit;
  if (more) events.resize(*limit);
  Json items = Json::array();
  for (const ServiceEvent& event : events) items.push_back(EventJson(event));
  return PageAnswer(request, std::move(items), more ? MakeCursor("events", std::to_string(events.back().id)) : "");
}

// How far the snapshots are that run at the moment: told while it changes, about every kProgressEveryUs.
class SnapshotProgress {
 public:
  std::vector<ServiceEvent> News(const Control& control) {
    std::vector<ServiceEvent> news;
    const std::int64_t now_us = control.clock().NowUs();
    if (now_us - looked_us_ < kProgressEveryUs) return news;
    looked_us_ = now_us;
    for (const std::string& name : control.Names()) {
      const auto status = control.Status(name);
      const SourceTelemetry* source = status == nullptr ? nullptr : status->source.get();
      const auto told = told_.find(name);
      const bool runs = source != nullptr && source->snapshot_tables > source->snapshot_tables_done;
      if (source != nullptr && (runs || told != told_.end())) {
        const Place place{source->snapshot_rows, source->snapshot_tables_done};
        if (told == told_.end() || told->second != place) news.push_back(Tell(name, *source, now_us));
        told_[name] = place;
      }
      if (!runs) told_.erase(name);  // its end is an event of its own
    }
    return news;
  }

 private:
  using Place = std::pair<std::uint64_t, std::uint64_t>;  // rows, tables that are done

  static ServiceEvent Tell(const std::string& name, const SourceTelemetry& source, std::int64_t now_us) {
    ServiceEvent event;
    event.at_us = now_us;
    event.kind = "snapshot_progress";
    event.connector = name;
    event.actor = "service";
    event.details["rows"] = std::to_string(source.snapshot_rows);
    event.details["tables_done"] = std::to_string(source.snapshot_tables_done);
    event.details["tables"] = std::to_string(source.snapshot_tables);
    event.summary = "snapshot: " + event.details["tables_done"] + " of " + event.details["tables"] + " tables, " +
                    event.details["rows"] + " rows";
    return event;
  }

  std::int64_t looked_us_ = 0;
  std::map<std::string, Place> told_;
};

// New events, in the order they were written, and the progress of snapshots between them.
class EventFeed final : public Feed {
 public:
  EventFeed(const Control& control, EventFilter filter, std::uint64_t after)
      : control_(control), filter_(std::move(filter)), after_(after) {}

  Next Pull(std::string& out, std::size_t) override {
    for (const ServiceEvent& event : progress_.News(control_)) {
      if (filter_(event)) AppendEvent(out, "event", "", Dump(EventJson(event)));
    }
    const std::uint64_t last = control_.last_event_id();
    if (last <= after_) return Next::kWait;
    // Read newest first, a bounded piece of ids at a time.
    std::uint64_t upto = std::min(last, after_ + kTailBatch);
    std::vector<ServiceEvent> events;
    static_cast<void>(control_.Events(
        [&](const ServiceEvent& event) {
          if (event.id <= after_) return true;  // ends the reading: it is the one event asked for
          events.push_back(event);
          return false;
        },
        upto + 1, 1));
    std::reverse(events.begin(), events.end());
    upto = WithoutHole(events, upto, last);
    for (const ServiceEvent& event : events) {
      if (event.id <= upto && filter_(event))
        AppendEvent(out, "event", std::to_string(event.id), Dump(EventJson(event)));
    }
    after_ = upto;
    return upto < last && !hole_ ? Next::kMore : Next::kWait;
  }

 private:
  // An id is given before its event is written with what it tells of. So a hole is waited for, a while: it stays one if
  // that write failed. Answers up to where there is none.
  std::uint64_t WithoutHole(const std::vector<ServiceEvent>& events, std::uint64_t upto, std::uint64_t last) {
    const std::int64_t now_us = control_.clock().NowUs();
    std::uint64_t next = after_ + 1;
    for (const ServiceEvent& event : events) {
      const bool fresh = now_us - event.at_us < kHoleUs;
      if (event.id != next && fresh && !Waited(next, now_us)) return next - 1;
      next = event.id + 1;
    }
    if (next <= upto && upto == last && !Waited(next, now_us)) return next - 1;
    hole_.reset();
    return upto;
  }

  bool Waited(std::uint64_t id, std::int64_t now_us) {
    if (!hole_ || hole_->id != id) hole_ = Hole{id, now_us};
    return now_us - hole_->since_us >= kHoleUs;
  }

  struct Hole {
    std::uint64_t id;
    std::int64_t since_us;
  };

  const Control& control_;
  const EventFilter filter_;
  std::uint64_t after_;
  std::optional<Hole> hole_;
  SnapshotProgress progress_;
};

Response TailEvents(Api& api, const Request& request) {
  const auto filter = ReadEventFilter(request);
  if (!filter) return BadTime(request);
  std::uint64_t after = api.control.last_event_id();
  if (const std::string_view resume = request.Header("last-event-id"); !resume.empty()) {
    const auto id = ParseNumber(resume);
    if (!id) return Fail(request, 400, "Last-Event-ID must be the id of an event.");
    after = *id;
  } else if (request.query.Get("from") == "beginning") {
    after = 0;
  } else if (request.query.Has("from") && request.query.Get("from") != "end") {
    return Fail(request, 400, "from must be beginning or end.");
  }
  Response response;
  response.type = "text/event-stream";
  response.feed = std::make_unique<EventFeed>(api.control, *filter, after);
  return response;
}

Response GetOperation(Api& api, const Request& request) {
  const auto operation = api.control.FindOperation(request.Argument(0));
  if (!operation) return Fail(request, 404, "There is no operation " + request.Argument(0) + ", or it ended long ago.");
  Json json;
  json["id"] = operation->id;
  json["state"] = operation->state;
  json["matched"] = operation->matched;
  json["done"] = operation->done;
  json["failed"] = operation->failed;
  json["error"] = operation->error.empty() ? Json(nullptr) : Json(operation->error);
  return Response::Json(200, Dump(json));
}

}  // namespace

void AddEventRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/events",
       Role::kRead,
       "What happened, newest first",
       ListEvents,
       {.query = "...EventFilter, ...Page", .answers = "200 {items: [Event], next_cursor: string?}"}},
      {"GET",
       "/api/v1/events/tail",
       Role::kRead,
       "Follow the events",
       TailEvents,
       {.query = "...EventFilter, from: string, Last-Event-ID: string", .answers = "200 string"},
       Produces::kEvents},
      {"GET",
       "/api/v1/operations/{id}",
       Role::kRead,
       "State of a bulk operation",
       GetOperation,
       {.answers = "200 Operation"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
