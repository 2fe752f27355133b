#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/time_text.h"
#include "core/config/spec.h"
#include "web/connect_shapes.h"
#include "web/page.h"

// /api/v1: health of a connector, what a person has dismissed, and the limits (admin API, 4.4).
namespace headgate::web {
namespace {

using Record = std::shared_ptr<const ConnectorRecord>;

constexpr double kMany = 1e15;  // no limit of ours is larger
constexpr std::size_t kReasonBytesMax = 1'000;

Response GetHealth(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const auto report = api.health.Look(api.control, *record);
  Json checks = Json::array();
  for (const auto& [check, since_us, checked_us] : report.checks) {
    Json one;
    one["id"] = check.id;
    one["status"] = Name(check.status);
    one["since"] = TimeJson(since_us);
    one["checked_at"] = TimeJson(checked_us);
    one["summary"] = check.summary;
    one["hint"] = check.hint.empty() ? Json(nullptr) : Json(check.hint);
    one["fix"] = check.fix.empty() ? Json(nullptr) : Json(check.fix);
    one["dismissed_until"] = TimeJson(check.dismissed_us);
    checks.push_back(std::move(one));
  }
  Json json;
  json["connector"] = record->name;
  json["status"] = report.status;
  json["since"] = TimeJson(report.since_us);
  json["rogue"] = report.rogue;
  json["alarm"] = report.alarm.empty() ? Json(nullptr) : Json(report.alarm);
  json["checks"] = std::move(checks);
  return Response::Json(200, Dump(json));
}

// --- limits

struct Limit {
  std::string_view name;
  enum class For : std::uint8_t { kBoth, kSource, kSink } kind = For::kBoth;
  double minimum = 1;
  double maximum = kMany;
  bool whole = true;
  std::optional<double> (*get)(const Thresholds&);
  void (*set)(Thresholds&, double);
};

template <auto Member>
constexpr std::optional<double> GetOf(const Thresholds& t) {
  return static_cast<double>(t.*Member);
}
template <auto Member>
constexpr void SetOf(Thresholds& t, double value) {
  using T = std::remove_reference_t<decltype(t.*Member)>;
  t.*Member = static_cast<T>(value);
}

constexpr Limit kLimits[] = {
    {"error_rate", Limit::For::kSink, 0.001, 1, false, GetOf<&Thresholds::error_rate>, SetOf<&Thresholds::error_rate>},
    {"errors_min", Limit::For::kSink, 1, 1e9, true, GetOf<&Thresholds::errors_min>, SetOf<&Thresholds::errors_min>},
    {"error_window_seconds", Limit::For::kSink, 10, Thresholds::kErrorWindowMax, true,
     GetOf<&Thresholds::error_window_seconds>, SetOf<&Thresholds::error_window_seconds>},
    {"lag_seconds", Limit::For::kBoth, 0.001, 1e9, false, [](const Thresholds& t) { return t.lag_seconds; },
     [](Thresholds& t, double value) { t.lag_seconds = value; }},
    {"lag_bytes", Limit::For::kSource, 1, kMany, true,
     [](const Thresholds& t) { return t.lag_bytes ? std::optional(static_cast<double>(*t.lag_bytes)) : std::nullopt; },
     [](Thresholds& t, double value) { t.lag_bytes = static_cast<std::int64_t>(value); }},
    {"no_progress_seconds", Limit::For::kBoth, 1, 1e9, false, GetOf<&Thresholds::no_progress_seconds>,
     SetOf<&Thresholds::no_progress_seconds>},
    {"failures_max", Limit::For::kBoth, 1, 1e9, true, GetOf<&Thresholds::failures_max>,
     SetOf<&Thresholds::failures_max>},
    {"wal_retained_bytes", Limit::For::kSource, 1, kMany, true, GetOf<&Thresholds::wal_retained_bytes>,
     SetOf<&Thresholds::wal_retained_bytes>},
    {"dead_letters", Limit::For::kSink, 1, kMany, true, GetOf<&Thresholds::dead_letters>,
     SetOf<&Thresholds::dead_letters>},
};

bool Applies(const Limit& limit, const ConnectorRecord& record) {
  const bool source = record.kind == config::ComponentKind::kSource;
  return limit.kind == Limit::For::kBoth || (limit.kind == Limit::For::kSource) == source;
}

Json NumberJson(double value) {
  if (value == std::floor(value)) return static_cast<std::int64_t>(value);
  return value;
}

Json MuteJson(const Thresholds& limits, std::int64_t now_us) {
  return limits.mute_until_us > now_us ? TimeJson(limits.mute_until_us) : Json(nullptr);
}

Json ThresholdsJson(const ConnectorRecord& record, std::int64_t now_us) {
  const Thresholds limits = record.thresholds();
  Json json;
  for (const Limit& limit : kLimits) {
    if (!Applies(limit, record)) continue;
    const auto value = limit.get(limits);
    json[std::string(limit.name)] = value ? NumberJson(*value) : Json(nullptr);
  }
  json["mute_until"] = MuteJson(limits, now_us);
  return json;
}

// The version counts from the connector's creation: a later one of the same name never has an ETag of this one.
std::string ThresholdsETag(const ConnectorRecord& record) {
  return "\"limits-" + std::to_string(record.health.version) + "-" + std::to_string(record.created_us) + "\"";
}

Response GetThresholds(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  return Response::Json(200, Dump(ThresholdsJson(*record, api.control.clock().NowUs())))
      .With("ETag", ThresholdsETag(*record));
}

// Errors by member; the first one that is no more than syntax decides on the status.
struct Mistakes {
  int status = 422;
  std::vector<FieldError> errors;
  void Add(int kind, std::string_view member, std::string detail) {
    if (kind == 400) status = 400;
    errors.push_back({member.empty() ? "" : "/" + std::string(member), std::move(detail)});
  }
  Response Answer(const Request& request) const {
    std::string text = errors.size() == 1 ? errors.front().detail : "The body has mistakes:";
    if (errors.size() > 1) {
      for (const FieldError& e : errors) text += "\n" + e.detail;
    }
    return Fail(request, status, text, {}, errors);
  }
};

std::string Unknown(const std::string& member, const std::vector<std::string_view>& known) {
  const std::string shown = member.substr(0, 100);
  std::string text = "Unknown member \"" + shown + "\".";
  if (const auto near = config::Nearest(shown, known); !near.empty())
    return text + " Did you mean \"" + std::string(near) + "\"?";
  text += " Known are";
  for (const std::string_view name : known) text += (name == known.front() ? " " : ", ") + std::string(name);
  return text + ".";
}

std::optional<double> Number(const Json& value) {
  if (value.is_boolean() || value.is_string() || !IsScalar(value)) return std::nullopt;
  const std::string text = ScalarText(value);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// A time to come. Microseconds since 1970; a mistake if it is none.
std::optional<std::int64_t> FutureTime(const Json& value, std::string_view member, std::int64_t now_us,
                                       Mistakes& mistakes) {
  const auto time = value.is_string() ? ParseTime(value.get_ref<const std::string&>()) : std::nullopt;
  if (!time) {
    mistakes.Add(400, member, std::string(member) + " must be a time such as \"2026-03-04T05:06:00Z\".");
  } else if (*time <= now_us) {
    mistakes.Add(422, member, std::string(member) + " is not in the future: " + UtcText(*time) + ".");
  } else {
    return std::min(*time, kForeverUs);
  }
  return std::nullopt;
}

void SetLimit(const Limit& limit, const ConnectorRecord& record, const Json& value, Thresholds& limits,
              Mistakes& mistakes) {
  const std::string name(limit.name);
  const auto number = Number(value);
  if (!number) return mistakes.Add(400, name, name + " must be a number.");
  if (!Applies(limit, record))
    return mistakes.Add(422, name, name + " has no meaning for a " + std::string(TypeName(record.kind)) + ".");
  if (*number < limit.minimum || *number > limit.maximum || (limit.whole && *number != std::floor(*number))) {
    return mistakes.Add(422, name,
                        name + " must be a " + (limit.whole ? "whole " : "") + "number from " +
                            Dump(NumberJson(limit.minimum)) + " to " + Dump(NumberJson(limit.maximum)) + ".");
  }
  limit.set(limits, *number);
}

std::map<std::string, std::string> Difference(const Json& before, const Json& after) {
  std::map<std::string, std::string> details;
  for (const auto& [name, value] : after.items()) {
    if (before[name] == value) continue;
    details["before." + name] = Dump(before[name]);
    details["after." + name] = Dump(value);
  }
  return details;
}

// Replaces as a whole: what is not named has its default again.
Response PutThresholds(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  if (!IfMatchHolds(request, ThresholdsETag(*record))) {
    return Fail(request, 412,
                "The thresholds of " + record->name + " are not those that If-Match names. Read them again.");
  }
  const auto body = ParseJson(request.body);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object()) return Fail(request, 400, "The body must be an object of limits.");
  const std::int64_t now_us = api.control.clock().NowUs();
  std::vector<std::string_view> known;
  for (const Limit& limit : kLimits) {
    if (Applies(limit, *record)) known.push_back(limit.name);
  }
  known.push_back("mute_until");
  Thresholds limits = Thresholds::Default(record->kind);
  Mistakes mistakes;
  for (const auto& [member, value] : body->items()) {
    const auto* const limit = std::find_if(std::begin(kLimits), std::end(kLimits),
                                           [&name = member](const Limit& candidate) { return candidate.name == name; });
    const bool mute = member == "mute_until";
    if (limit == std::end(kLimits) && !mute) {
      mistakes.Add(400, member, Unknown(member, known));
    } else if (value.is_null()) {
      continue;
    } else if (mute) {
      limits.mute_until_us = FutureTime(value, member, now_us, mistakes).value_or(0);
    } else {
      SetLimit(*limit, *record, value, limits, mistakes);
    }
  }
  if (!mistakes.errors.empty()) return mistakes.Answer(request);

  ConnectorRecord changed = *record;
  changed.health.thresholds = limits;
  if (limits != record->thresholds()) {
    ++changed.health.version;
    ServiceEvent event;
    event.kind = "thresholds_changed";
    event.actor = request.actor();
    event.summary = "limits of the health checks changed";
    event.details = Difference(ThresholdsJson(*record, now_us), ThresholdsJson(changed, now_us));
    event.details["request_id"] = request.id;
    const auto answer = api.control.SetHealth(record->name, changed.health, std::move(event));
    if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  }
  return Response::Json(200, Dump(ThresholdsJson(changed, now_us))).With("ETag", ThresholdsETag(changed));
}

// --- dismissals

// {"until"?,"reason"?}; an empty body dismisses until the cause changes.
Mistakes ReadDismissal(const Request& request, std::int64_t now_us, Dismissal& dismissal) {
  Mistakes mistakes;
  if (request.body.empty()) return mistakes;
  const auto body = ParseJson(request.body);
  if (!body.ok() || !body->is_object()) {
    mistakes.Add(400, "", body.ok() ? "The body must be an object with \"until\" and \"reason\"." : body.error().what);
    return mistakes;
  }
  for (const auto& [member, value] : body->items()) {
    if (member == "until") {
      if (value.is_null()) continue;
      dismissal.until_us = FutureTime(value, member, now_us, mistakes).value_or(0);
    } else if (member == "reason") {
      if (value.is_null()) continue;
      if (!value.is_string()) {
        mistakes.Add(400, member, "reason must be a string.");
      } else if (value.get_ref<const std::string&>().size() > kReasonBytesMax) {
        mistakes.Add(422, member, "reason may have " + std::to_string(kReasonBytesMax) + " bytes at most.");
      } else {
        dismissal.reason = value.get<std::string>();
      }
    } else {
      mistakes.Add(400, member, Unknown(member, {"until", "reason"}));
    }
  }
  return mistakes;
}

Response Dismiss(Api& api, const Request& request) {
  const Record record = api.control.Find(request.Argument(0));
  if (record == nullptr) return NoConnector(request, request.Argument(0));
  const std::string& id = request.Argument(1);
  const auto report = api.health.Look(api.control, *record);
  const auto found = std::find_if(report.checks.begin(), report.checks.end(),
                                  [&](const HealthBook::DatedCheck& dated) { return dated.check.id == id; });
  if (found == report.checks.end())
    return Fail(request, 404, "Connector " + record->name + " has no check " + id.substr(0, 100) + " at the moment.");
  Dismissal dismissal;
  dismissal.at_us = api.control.clock().NowUs();
  if (const Mistakes mistakes = ReadDismissal(request, dismissal.at_us, dismissal); !mistakes.errors.empty())
    return mistakes.Answer(request);
  const Check& check = found->check;
  if (check.status == CheckStatus::kHealthy)
    return Fail(request, 409, "Check " + id + " of " + record->name + " is healthy: there is nothing to dismiss.");
  dismissal.cause = check.cause;
  dismissal.status = static_cast<std::uint32_t>(check.status);
  dismissal.actor = request.actor();

  ServiceEvent event;
  event.kind = "check_dismissed";
  event.actor = dismissal.actor;
  event.summary = id + " dismissed: " + check.summary;
  event.details["check"] = id;
  event.details["status"] = Name(check.status);
  if (dismissal.until_us < kForeverUs) event.details["until"] = UtcText(dismissal.until_us);
  if (!dismissal.reason.empty()) event.details["reason"] = dismissal.reason;
  event.details["request_id"] = request.id;
  // Look may have ended others: the record is read again.
  const Record current = api.control.Find(record->name);
  if (current == nullptr) return NoConnector(request, record->name);
  HealthSettings settings = current->health;
  settings.dismissals[id] = dismissal;
  const auto answer = api.control.SetHealth(record->name, std::move(settings), std::move(event));
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  Json json;
  json["check"] = id;
  json["dismissed_until"] = TimeJson(dismissal.until_us);
  json["reason"] = dismissal.reason.empty() ? Json(nullptr) : Json(dismissal.reason);
  return Response::Json(200, Dump(json));
}

}  // namespace

void AddHealthRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET", "/api/v1/connectors/{c}/health", Role::kRead, "Checks with hints", GetHealth, {.answers = "200 Health"}},
      {"POST",
       "/api/v1/connectors/{c}/health/{check}/dismiss",
       Role::kOperate,
       "Silence a check until its cause changes, or a time",
       Dismiss,
       {.body = "{until?: string?, reason?: string?}",
        .answers = "200 {check: string, dismissed_until: time?, reason: string?}",
        .errors = "409 422"}},
      {"GET",
       "/api/v1/connectors/{c}/thresholds",
       Role::kRead,
       "Limits of the health checks",
       GetThresholds,
       {.answers = "200 Thresholds"}},
      {"PUT",
       "/api/v1/connectors/{c}/thresholds",
       Role::kAdmin,
       "Replace the limits as a whole",
       PutThresholds,
       {.query = "If-Match: string", .body = "Thresholds", .answers = "200 Thresholds", .errors = "412 422"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
