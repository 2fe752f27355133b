#include "sinks/webhook/encode.h"

#include <algorithm>
#include <cstring>

#include "core/codec/time_text.h"
#include "core/pipeline/event_context.h"
#include "sinks/webhook/settings_text.h"

namespace headgate::webhook {
namespace {

std::uint64_t Mix(std::uint64_t h) {  // the finalizer of MurmurHash3: every bit counts
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

std::uint64_t HashBytes(std::uint64_t h, std::string_view bytes) {
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    h = Mix(h ^ word) + 0x9e3779b97f4a7c15ULL;
    bytes.remove_prefix(8);
  }
  std::uint64_t word = bytes.size() + 1;
  for (const char c : bytes) word = (word << 8) | static_cast<unsigned char>(c);
  return Mix(h ^ word);
}

// Encoded bytes of the columns up to `last`; false if the row is shorter or malformed.
bool Spans(std::string_view row, std::size_t last, std::vector<std::string_view>& spans) {
  spans.clear();
  ByteReader in(row);
  while (spans.size() <= last) {
    if (in.done()) return false;
    const char* start = in.position();
    ReadValue(in);
    if (in.failed()) return false;
    spans.emplace_back(start, static_cast<std::size_t>(in.position() - start));
  }
  return true;
}

bool IsAbsent(std::string_view value) {
  return !value.empty() && value.front() == static_cast<char>(ValueKind::kAbsent);
}

}  // namespace

std::uint64_t StreamLane(const StreamInfo* stream, SourceNo source) {
  return stream != nullptr ? Mix(stream->number + 0x100000000ULL) : Mix(source + 0x200000000ULL);
}

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

Encoder::Encoder(const Options& options)
    : options_(options),
      native_(options.native),
      debezium_(options.debezium),
      cloud_events_({options.ce_source, options.type_template, options.type_prefix, options.schema_base_url}),
      flat_(options.flat),
      outbox_(options.outbox) {}

Status Encoder::Encode(const Event& event, Rendered& out) {
  out.body.clear();
  out.headers.clear();
  out.record.clear();
  out.record_at = out.record_size = 0;
  out.parts = 1;
  out.error_class = {};
  out.error.clear();
  out.id = EventId(event.source != nullptr ? std::string_view(event.source->id) : std::string_view("unknown"),
                   event.tx->epoch, event.tx->position, event.change->ordinal);
  FindLanes(event, out);
  if (Status status = Render(event, out); !status.ok()) {
    if (status.error().kind == ErrorKind::kCorrupt || status.error().kind == ErrorKind::kConfig) return status;
    out.error_class = "render";
    out.error = status.error().what;
    return Ok();
  }
  if (out.body.size() > options_.event_bytes_max) {
    out.error_class = "too_large";
    out.error = "the event has " + std::to_string(out.body.size()) + " bytes, more than event_bytes_max (" +
                std::to_string(options_.event_bytes_max) + ")";
  }
  return Ok();
}

Status Encoder::Render(const Event& event, Rendered& out) {
  if (!options_.outbox.tables.empty()) {
    if (const codec::EventContext context = ContextOf(event); outbox_.Owns(context)) return RenderMessage(context, out);
  }
  if (options_.format == Format::kRow) return RenderRow(event, out);
  if (options_.format == Format::kDebezium) return RenderDebezium(event, out);
  if (IsCloudEvent(options_.envelope)) return RenderCloudEvent(event, out);
  const bool standard = options_.envelope == Envelope::kStandard;
  if (standard) AppendEnvelopeStart(event, out.body);
  out.record_at = out.body.size();
  HG_RETURN_IF_ERROR(native_.Append(out.body, ContextOf(event)));
  out.record_size = out.body.size() - out.record_at;
  if (standard) out.body.push_back('}');
  return Ok();
}

Status Encoder::RenderCloudEvent(const Event& event, Rendered& out) {
  const codec::EventContext context = ContextOf(event);
  const bool binary = options_.envelope == Envelope::kCloudEventBinary;
  key_.clear();
  HG_RETURN_IF_ERROR(native_.AppendKeyJson(key_, context));
  if (binary) {
    for (const auto& [name, value] : cloud_events_.AttributesOf(context, out.id, key_)) {
      if (name == "datacontenttype") continue;  // it is the Content-Type
      out.headers.append("ce-").append(name).append(": ");
      AppendHeaderValue(out.headers, value);
      out.headers.append("\r\n");
    }
  } else {
    cloud_events_.AppendStart(out.body, context, out.id, key_);
  }
  out.record_at = out.body.size();
  HG_RETURN_IF_ERROR(native_.Append(out.body, context));
  out.record_size = out.body.size() - out.record_at;
  if (!binary) out.body.push_back('}');
  return Ok();
}

// The record of a letter is native whatever is sent, so it is rendered beside.
Status Encoder::RenderDebezium(const Event& event, Rendered& out) {
  const codec::EventContext context = ContextOf(event);
  HG_RETURN_IF_ERROR(native_.Append(out.record, context));
  records_.Clear();
  HG_RETURN_IF_ERROR(debezium_.Render(context, records_));
  out.parts = 0;
  for (const codec::Record& record : records_) {
    if (!record.has_value) continue;
    if (out.parts++ > 0) out.body.push_back('\n');
    const bool standard = options_.envelope == Envelope::kStandard;
    if (standard) AppendEnvelopeStart(event, out.body);
    out.body.append(record.value);
    if (standard) out.body.push_back('}');
  }
  return Ok();
}

Status Encoder::RenderRow(const Event& event, Rendered& out) {
  HG_RETURN_IF_ERROR(native_.Append(out.record, ContextOf(event)));
  Event shown = event;
  Change old;
  const bool rewrites = options_.flat.deletes == codec::FlatOptions::Deletes::kRewrite;
  if (event.change->op == Op::kDelete && rewrites) {
    old = *event.change;
    old.after = old.before;
    old.has_after = old.has_before;
    shown.change = &old;
  }
  const bool standard = options_.envelope == Envelope::kStandard;
  if (standard) AppendEnvelopeStart(event, out.body);
  const std::size_t start = out.body.size();
  HG_RETURN_IF_ERROR(native_.AppendRowJson(out.body, ContextOf(shown)));
  out.parts = out.body.size() > start ? 1 : 0;  // what has no row has no form
  if (out.parts > 0 && !options_.flat.empty()) HG_RETURN_IF_ERROR(flat_.Append(out.body, ContextOf(event)));
  if (standard) out.body.push_back('}');
  return Ok();
}

Status Encoder::RenderMessage(const codec::EventContext& context, Rendered& out) {
  HG_RETURN_IF_ERROR(native_.Append(out.record, context));
  HG_ASSIGN_OR_RETURN(auto message, outbox_.Read(context));
  out.parts = message && message->has_value ? 1 : 0;
  if (out.parts == 0) return Ok();
  const auto add = [&out](std::string_view name, std::string_view value) {
    out.headers.append(name).append(": ");
    AppendHeaderValue(out.headers, value);
    out.headers.append("\r\n");
  };
  out.body = std::move(message->value);
  add("outbox-aggregate-type", message->topic);
  if (message->key) add("outbox-aggregate-id", *message->key);
  for (const auto& [name, value] : message->headers)
    add(name == "id" || name == "type" ? "outbox-" + name : name, value);
  return Ok();
}

// {"type":"orders.updated","timestamp":"2026-03-04T05:06:07.123456Z","data":
void Encoder::AppendEnvelopeStart(const Event& event, std::string& out) {
  const std::uint64_t id = (std::uint64_t{event.change->stream} << 8) | static_cast<std::uint64_t>(event.change->op);
  std::string& start = types_[(id << 16) | (event.tx->source & 0xffff)];
  if (start.empty()) {
    const std::string_view schema =
        event.stream != nullptr ? std::string_view(event.stream->schema) : std::string_view();
    const std::string_view table = event.stream != nullptr ? std::string_view(event.stream->table) : std::string_view();
    const std::string_view source = event.source != nullptr ? std::string_view(event.source->name) : std::string_view();
    start = "{\"type\":\"" + codec::TypeOf(options_.type_template, source, schema, table, event.change->op) +
            "\",\"timestamp\":\"";
  }
  out.append(start);
  codec::AppendUnixUtc(out, event.tx->commit_us);
  out.append("\",\"data\":");
}

const Encoder::Layout& Encoder::LayoutOf(const Event& event) {
  Layout& layout = layouts_[(std::uint64_t{event.change->stream} << 32) | event.change->schema];
  if (layout.known) return layout;
  layout.known = true;
  const auto& columns = event.schema->columns;
  for (const std::string& name : options_.order_by) {
    const auto column = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
    if (column == columns.end()) {
      order_by_missing_ = true;
      layout.columns.clear();
      break;
    }
    layout.columns.push_back(static_cast<std::size_t>(column - columns.begin()));
  }
  if (options_.order_by.empty()) layout.columns = event.schema->EventKey();
  if (options_.order_by.empty() && options_.outbox.Has(*event.schema)) {
    const auto column = std::ranges::find(columns, options_.outbox.aggregate_id, &Column::name);
    if (column != columns.end()) layout.columns = {static_cast<std::size_t>(column - columns.begin())};
  }
  if (!layout.columns.empty()) layout.last = *std::max_element(layout.columns.begin(), layout.columns.end());
  return layout;
}

bool Encoder::HashKey(const Layout& layout, std::string_view row, std::string_view fallback, std::uint64_t seed,
                      std::uint64_t& hash) {
  if (!Spans(row, layout.last, spans_)) return false;
  bool fallback_read = false;
  hash = seed;
  for (const std::size_t column : layout.columns) {
    std::string_view value = spans_[column];
    if (IsAbsent(value)) {
      if (!fallback_read && !Spans(fallback, layout.last, fallback_spans_)) return false;
      fallback_read = true;
      value = fallback_spans_[column];
      if (IsAbsent(value)) return false;
    }
    hash = HashBytes(hash, value);
  }
  return true;
}

void Encoder::FindLanes(const Event& event, Rendered& out) {
  out.lanes = {};
  out.lane_count = 1;
  out.barrier = false;
  const Change& change = *event.change;
  const std::uint64_t stream_lane = StreamLane(event.stream, event.tx->source);
  switch (options_.ordering) {
    case Ordering::kNone:
      out.lane_count = 0;
      return;
    case Ordering::kAll:
      out.lanes[0] = 1;
      return;
    case Ordering::kTable:
      out.lanes[0] = stream_lane;
      return;
    case Ordering::kKey:
      break;
  }
  out.lanes[0] = stream_lane;
  if (event.stream == nullptr) return;
  const auto wait_for_all = [&] {
    out.lane_count = 0;
    out.barrier = true;
  };
  // Truncates, schema versions and snapshot markers say something about every row of the stream.
  if (event.schema == nullptr || (!change.has_before && !change.has_after)) return wait_for_all();
  const Layout& layout = LayoutOf(event);
  if (layout.columns.empty()) return;
  const std::string_view row = change.has_after ? change.after : change.before;
  // A row that does not tell its ordering key (an old row without the column) is kept apart from all others.
  if (!HashKey(layout, row, change.has_before ? change.before : std::string_view(), stream_lane, out.lanes[0]))
    return wait_for_all();
  if (!change.has_before || !change.has_after) return;
  std::uint64_t old_lane = 0;
  if (!HashKey(layout, change.before, change.after, stream_lane, old_lane) || old_lane == out.lanes[0]) return;
  out.lanes[1] = old_lane;
  out.lane_count = 2;
}

}  // namespace headgate::webhook
