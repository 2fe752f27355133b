#include "web/group_shapes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "web/page.h"

namespace headgate::web {
namespace {

std::string_view NameOf(GroupSettings::OnLost on_lost) {
  switch (on_lost) {
    case GroupSettings::OnLost::kEarliest:
      return "earliest";
    case GroupSettings::OnLost::kLatest:
      return "latest";
    case GroupSettings::OnLost::kFail:
      break;
  }
  return "fail";
}

}  // namespace

GroupLag LagOfGroup(Control& control, const GroupName& name, const GroupStatus& status) {
  const Log& log = control.log();
  const auto registry = log.registry();
  const StreamInfo* const stream = registry->FindStream(name.stream);
  const At floor = std::max(status.record.floor, At{log.first_seq(), 0});
  if (stream == nullptr || log.stats(stream->number).last_seq < floor.seq) return {0, 0.0};
  const auto before = log.CountsBefore(floor);
  if (!before.ok()) return {};
  const std::size_t i = stream->number - 1;
  const std::uint64_t all = registry->counters[i]->records;
  const std::uint64_t passed = (i < before->streams.size() ? before->streams[i].records : 0) + status.done;
  GroupLag lag;
  lag.records = all - std::min(all, passed);
  lag.seconds = 0.0;
  if (lag.records == 0) return lag;
  const auto commit = log.NextCommit(floor, [&](StreamNo one, SourceNo) { return one == stream->number; });
  if (!commit.ok()) return lag;
  const std::int64_t now_us = control.clock().NowUs();
  if (*commit && **commit < now_us) lag.seconds = static_cast<double>(now_us - **commit) / 1e6;
  return lag;
}

std::string GroupETag(const GroupRecord& record) {
  const GroupSettings& s = record.settings;
  std::string tag = "\"group-" + std::to_string(record.created_us);
  for (const std::int64_t setting : {s.ack_timeout_ms, std::int64_t{s.deliveries_max}, std::int64_t{s.in_flight_max},
                                     static_cast<std::int64_t>(s.ordering), static_cast<std::int64_t>(s.on_lost)})
    tag += "-" + std::to_string(setting);
  return tag + "\"";
}

Json GroupJson(Control& control, const GroupName& name, const GroupStatus& status) {
  const GroupRecord& record = status.record;
  const GroupLag lag = LagOfGroup(control, name, status);
  std::uint64_t letters = 0;
  for (const auto& [state, count] : control.LetterCounts(GroupLetterOwner(name))) letters += count;
  Json json;
  json["stream"] = name.stream;
  json["name"] = name.group;
  json["created_at"] = TimeJson(record.created_us);
  json["ack_timeout_ms"] = record.settings.ack_timeout_ms;
  json["deliveries_max"] = record.settings.deliveries_max;
  json["in_flight_max"] = record.settings.in_flight_max;
  json["ordering"] = record.settings.ordering == GroupSettings::Ordering::kKey ? "key" : "none";
  json["on_lost"] = NameOf(record.settings.on_lost);
  json["position"] = ToText(record.floor);
  json["lag"] = {{"records", OrNull(lag.records)}, {"seconds", OrNull(lag.seconds)}};
  json["in_flight"] = status.in_flight;
  json["waiting"] = status.waiting;
  json["consumers"] = status.consumers;
  json["dead_letters"] = letters;
  json["lost"] = nullptr;
  if (status.loss) {
    json["lost"] = {
        {"from", ToText(status.loss->from)}, {"to", ToText(status.loss->to)}, {"records", status.loss->records}};
  }
  const GroupTotals& totals = record.totals;
  json["totals"] = {{"delivered", totals.delivered},
                    {"redelivered", totals.redelivered},
                    {"acknowledged", totals.acknowledged},
                    {"dead", totals.dead},
                    {"lost", totals.lost}};
  return json;
}

std::string PolledJson(const GroupDesk::Polled& polled) {
  std::string body = "{\"records\":[";
  for (const GroupDesk::Delivered& one : polled.records) {
    if (body.back() == '}') body.push_back(',');
    body.append("{\"delivery\":\"").append(one.token).append("\",\"deliveries\":");
    body.append(std::to_string(one.deliveries)).append(",\"record\":").append(one.record).append("}");
  }
  body.append("],\"reason\":").append(polled.reason.empty() ? "null" : "\"" + polled.reason + "\"");
  return body.append("}");
}

}  // namespace headgate::web
