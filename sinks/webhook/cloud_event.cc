#include "sinks/webhook/cloud_event.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/native.h"
#include "core/codec/time_text.h"
#include "core/views/stream.h"
#include "sinks/webhook/encode.h"

namespace headgate::webhook {
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
  codec::AppendUnixUtc(text, unix_us);
  return text;
}

// Where the server has the change: an LSN; a GTID, or file and offset; the number of an event. "" if it is not known.
std::string SourcePositionOf(const Event& event) {
  const Position& position = event.tx->position;
  const std::string_view connector = event.source != nullptr ? std::string_view(event.source->connector) : "";
  switch (position.kind) {
    case PositionKind::kPgCommit:
    case PositionKind::kPgMessage:
      return LsnText(position.a);
    case PositionKind::kNamed:
      return event.tx->id;
    case PositionKind::kBinlog:
      return PositionText(connector, position.a << kBinlogOffsetBits | position.b);
    case PositionKind::kIngest:
      return std::to_string(position.a);
    case PositionKind::kChunk:
    case PositionKind::kState:
    case PositionKind::kSchema:
    case PositionKind::kGap:
      break;
  }
  return event.tx->consistent_at == 0 ? "" : PositionText(connector, event.tx->consistent_at);
}

// Of a key of one column its value, of others all of it.
std::string KeyText(std::string_view key) {
  const auto json = nlohmann::json::parse(key.begin(), key.end(), nullptr, false);
  if (!json.is_object() || json.size() != 1) return std::string(key);
  const auto& value = *json.begin();
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

void AppendHeaderValue(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"' && c != '%') {
      out.push_back(c);
      continue;
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
  }
}

const CloudEventWriter::Common& CloudEventWriter::CommonOf(const Event& event) {
  const std::uint64_t op = static_cast<std::uint64_t>(event.change->op);
  Common& common = common_[(std::uint64_t{event.change->stream} << 8 | op) << 16 | (event.tx->source & 0xffff)];
  if (!common.type.empty()) return common;
  const std::string_view schema = event.stream != nullptr ? std::string_view(event.stream->schema) : "";
  const std::string_view table = event.stream != nullptr ? std::string_view(event.stream->table) : "";
  const std::string_view source = event.source != nullptr ? std::string_view(event.source->name) : "";
  const bool of_view = event.source != nullptr && event.source->connector == views::kViewConnector;
  common.source = options_.ce_source.empty()
                      ? "/headgate/" + PercentEncode(of_view && event.stream != nullptr ? table : source)
                      : options_.ce_source;
  common.type = TypeOf(options_.type_template, source, schema, table, event.change->op);
  if (!options_.type_prefix.empty()) common.type.insert(0, options_.type_prefix + ".");
  if (event.stream != nullptr) common.subject = codec::StreamName(schema, table);
  return common;
}

template <class F>
void CloudEventWriter::ForEach(const Event& event, std::string_view id, std::string_view key, F f) {
  const Common& common = CommonOf(event);
  const auto unless_empty = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) f(name, value);
  };
  f("specversion", "1.0");
  f("id", id);
  f("source", common.source);
  f("type", common.type);
  f("time", TimeOf(event.tx->commit_us));
  unless_empty("subject", common.subject);
  f("datacontenttype", "application/json");
  if (!options_.schema_base_url.empty() && event.schema != nullptr && event.stream != nullptr) {
    f("dataschema",
      options_.schema_base_url + "/" + PercentEncode(event.stream->name) + "/" + std::to_string(event.change->schema));
  }
  if (!key.empty()) f("partitionkey", KeyText(key));
  f("sequence", SequenceOf(event.at));
  f("op", Name(event.change->op));
  unless_empty("sourceposition", SourcePositionOf(event));
  if (event.tx->stored_us != 0) f("recordedtime", TimeOf(event.tx->stored_us));
}

void CloudEventWriter::AppendStart(std::string& out, const Event& event, std::string_view id, std::string_view key) {
  char separator = '{';
  ForEach(event, id, key, [&](std::string_view name, std::string_view value) {
    out.push_back(separator);
    separator = ',';
    out.append("\"").append(name).append("\":");
    codec::AppendJsonString(out, value);
  });
  out.append(",\"data\":");
}

void CloudEventWriter::AppendHeaders(std::string& out, const Event& event, std::string_view id, std::string_view key) {
  ForEach(event, id, key, [&](std::string_view name, std::string_view value) {
    if (name == "datacontenttype") return;
    out.append("ce-").append(name).append(": ");
    AppendHeaderValue(out, value);
    out.append("\r\n");
  });
}

}  // namespace headgate::webhook
