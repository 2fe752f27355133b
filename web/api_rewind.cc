#include <algorithm>
#include <nlohmann/json.hpp>

#include "web/connect_shapes.h"
#include "web/page.h"
#include "web/records.h"

// /api/v1: a sink goes back (or on) to a place of the log (admin API, 4.1).
namespace headgate::web {
namespace {

struct Wanted {
  Rewind rewind;
  bool dry_run = false;
};

constexpr const char* kRewindShape =
    "The body must be {\"to\":\"4711-1\"}, or a time, beginning or end; with streams, key and dry_run if you like.";

Result<std::vector<std::string>> StreamsOf(const Json& value) {
  constexpr const char* kNames = "streams must be a list of names such as [\"shop.public.orders\"].";
  if (!value.is_array() || value.empty()) return ConfigError(kNames);
  std::vector<std::string> streams;
  for (const Json& one : value) {
    if (!one.is_string()) return ConfigError(kNames);
    streams.push_back(one.get<std::string>());
  }
  return streams;
}

// `at` is the JSON pointer of what is wrong.
Result<Wanted> ReadWanted(const Log& log, const Request& request, std::string& at) {
  HG_ASSIGN_OR_RETURN(const Json body, ParseJson(request.body, request.json_depth_max));
  if (!body.is_object()) return ConfigError(kRewindShape);
  Wanted wanted;
  for (const auto& [member, value] : body.items()) {
    at = "/" + member.substr(0, 100);
    if (value.is_null() || member == "to") continue;
    if (member == "dry_run" && value.is_boolean()) {
      wanted.dry_run = value.get<bool>();
    } else if (member == "key" && (value.is_object() || IsScalar(value))) {
      wanted.rewind.key = value.is_object() ? Dump(value) : ScalarText(value);
    } else if (member == "streams") {
      HG_ASSIGN_OR_RETURN(wanted.rewind.streams, StreamsOf(value));
    } else {
      return ConfigError(member == "dry_run" ? "dry_run must be true or false."
                         : member == "key"   ? "key must be an object by column, or the value of a key of one column."
                                             : "Unknown member \"" + member.substr(0, 100) + "\".");
    }
  }
  at = "/to";
  if (!body.contains("to") || !body["to"].is_string()) return ConfigError(kRewindShape);
  HG_ASSIGN_OR_RETURN(wanted.rewind.to, KeptPlace(log, body["to"].get<std::string>()));
  return wanted;
}

std::string List(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none yet" : list;
}

Response DryRun(Api& api, const Request& request, Rewind rewind) {
  Later later;
  later.lane = Lane::kRecords;
  later.stage = "reading the log";
  later.work = [control = &api.control, rewind = std::move(rewind), outline = Outline(request)](std::stop_token stop) {
    const auto answer = control->CountRewind(outline.Argument(0), rewind, stop);
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(outline, *refusal);
    const auto& count = std::get<RewindCount>(answer);
    Json json;
    json["to"] = ToText(rewind.to);
    json["records"] = count.again;
    json["skipped"] = count.skipped;
    json["dead_letters"] = count.letters;
    json["complete"] = count.complete;
    return Response::Json(200, Dump(json));
  };
  return Response::Run(std::move(later));
}

Response SetBack(Api& api, const Request& request, Rewind rewind) {
  Later later;
  later.lane = Lane::kHere;
  later.stage = "waiting for the sink to stop";
  later.start = [&api, rewind = std::move(rewind), outline = Outline(request),
                 caller = request.caller()](const std::function<void(Response)>& done) mutable {
    api.control.SetBack(outline.Argument(0), std::move(rewind), caller, [done, outline](const Answer<Rewound>& answer) {
      if (const auto* refusal = std::get_if<Refusal>(&answer)) return done(FromRefusal(outline, *refusal));
      const auto& rewound = std::get<Rewound>(answer);
      Json json;
      json["before"] = ToText(rewound.before);
      json["after"] = ToText(rewound.after);
      json["dead_letters"] = rewound.letters;
      done(Response::Json(200, Dump(json)));
    });
  };
  return Response::Run(std::move(later));
}

Response PostRewind(Api& api, const Request& request) {
  const auto record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (record->kind == config::ComponentKind::kSource)
    return Fail(request, 409, "Connector " + record->name + " is a source; only sinks have a place in the log.");
  std::string at;
  auto wanted = ReadWanted(api.control.log(), request, at);
  if (!wanted.ok()) {
    const int status = wanted.error().kind == ErrorKind::kRejected ? 422 : 400;
    return Fail(request, status, wanted.error().what, {}, {{at, wanted.error().what}});
  }
  const auto topics = StatusOf(api, *record)->topics;
  for (const std::string& stream : wanted->rewind.streams) {
    if (std::ranges::find(topics, stream) != topics.end()) continue;
    const std::string text =
        record->name + " does not read " + stream.substr(0, 300) + ". It reads: " + List(topics) + ".";
    return Fail(request, 422, text, {}, {{"/streams", text}});
  }
  return wanted->dry_run ? DryRun(api, request, std::move(wanted->rewind))
                         : SetBack(api, request, std::move(wanted->rewind));
}

}  // namespace

void AddRewindRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"POST",
       "/api/v1/connectors/{c}/rewind",
       Role::kAdmin,
       "A sink goes to a place of the log",
       PostRewind,
       {.body = "Rewind", .answers = "200 Rewound", .errors = "409 422"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
