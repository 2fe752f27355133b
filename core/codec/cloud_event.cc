#include "core/codec/cloud_event.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/native.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

// Sorts as text: where the change is in the log.
std::string SequenceOf(At at) {
  char text[40];
  const int size =
      std::snprintf(text, sizeof text, "%020llu-%010u", static_cast<unsigned long long>(at.seq), at.ordinal);
  return {text, static_cast<std::size_t>(size)};
}

std::string TimeOf(std::int64_t unix_us) {
  std::string text;
  AppendUnixUtc(text, unix_us);
  return text;
}

// Where the server has the change: an LSN; a GTID, or file and offset; the number of an event. "" if it is not known.
std::string SourcePositionOf(const EventContext& event) {
  const Position& position = event.tx->position;
  switch (position.kind) {
    case PositionKind::kPgCommit:
    case PositionKind::kPgMessage:
      return LsnText(position.a);
    case PositionKind::kNamed:
      return event.tx->id;
    case PositionKind::kBinlog:
      return PositionText(event.connector, position.a << kBinlogOffsetBits | position.b);
    case PositionKind::kRecords:
      return event.tx->id + "@" + std::to_string(event.change->place);
    case PositionKind::kIngest:
      return std::to_string(position.a);
    case PositionKind::kChunk:
    case PositionKind::kState:
    case PositionKind::kSchema:
    case PositionKind::kGap:
      break;
  }
  return event.tx->consistent_at == 0 ? "" : PositionText(event.connector, event.tx->consistent_at);
}

// Of a key of one column its value, of others all of it.
std::string KeyText(std::string_view key) {
  const auto json = nlohmann::json::parse(key.begin(), key.end(), nullptr, false);
  if (!json.is_object() || json.size() != 1) return std::string(key);
  const auto& value = *json.begin();
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

const CloudEvents::Common& CloudEvents::CommonOf(const EventContext& event) {
  const std::uint64_t op = static_cast<std::uint64_t>(event.change->op);
  Common& common = common_[(std::uint64_t{event.change->stream} << 8 | op) << 16 | (event.tx->source & 0xffff)];
  if (!common.type.empty()) return common;
  common.source = options_.source.empty()
                      ? "/headgate/" + PercentEncode(event.of_view ? event.stream_table : event.source_name)
                      : options_.source;
  common.type =
      TypeOf(options_.type_template, event.source_name, event.stream_schema, event.stream_table, event.change->op);
  if (!options_.type_prefix.empty()) common.type.insert(0, options_.type_prefix + ".");
  if (!event.stream_name.empty()) common.subject = StreamName(event.stream_schema, event.stream_table);
  return common;
}

const std::vector<CloudEventAttribute>& CloudEvents::AttributesOf(const EventContext& event, std::string_view id,
                                                                  std::string_view key) {
  const Common& common = CommonOf(event);
  attributes_.clear();
  const auto add = [this](std::string_view name, std::string_view value) { attributes_.push_back({name, value}); };
  const auto unless_empty = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) add(name, value);
  };
  add("specversion", "1.0");
  add("id", id);
  add("source", common.source);
  add("type", common.type);
  add("time", time_ = TimeOf(event.tx->commit_us));
  unless_empty("subject", common.subject);
  add("datacontenttype", "application/json");
  if (!options_.schema_base_url.empty() && event.schema != nullptr && !event.stream_name.empty()) {
    schema_ =
        options_.schema_base_url + "/" + PercentEncode(event.stream_name) + "/" + std::to_string(event.change->schema);
    add("dataschema", schema_);
  }
  if (!key.empty()) add("partitionkey", key_ = KeyText(key));
  add("sequence", sequence_ = SequenceOf(event.at));
  add("op", Name(event.change->op));
  unless_empty("sourceposition", source_position_ = SourcePositionOf(event));
  if (event.tx->stored_us != 0) add("recordedtime", recorded_time_ = TimeOf(event.tx->stored_us));
  return attributes_;
}

void CloudEvents::AppendStart(std::string& out, const EventContext& event, std::string_view id, std::string_view key) {
  char separator = '{';
  for (const CloudEventAttribute& attribute : AttributesOf(event, id, key)) {
    out.push_back(separator);
    separator = ',';
    out.append("\"").append(attribute.name).append("\":");
    AppendJsonString(out, attribute.value);
  }
  out.append(",\"data\":");
}

}  // namespace headgate::codec
