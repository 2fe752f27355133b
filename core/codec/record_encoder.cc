#include "core/codec/record_encoder.h"

#include <utility>

#include "core/codec/avro_encoder.h"
#include "core/codec/debezium.h"
#include "core/codec/debezium_avro.h"
#include "core/codec/native.h"
#include "core/codec/proto_encoder.h"

namespace headgate::codec {
namespace {

constexpr std::pair<std::string_view, RecordFormat> kFormats[] = {
    {"native", RecordFormat::kNative},
    {"debezium", RecordFormat::kDebezium},
    {"row", RecordFormat::kRow},
    {"cloudevents", RecordFormat::kCloudEventStructured},
    {"cloudevents-binary", RecordFormat::kCloudEventBinary},
    {"avro", RecordFormat::kAvro},
    {"protobuf", RecordFormat::kProtobuf},
};

void SetKey(Record& record, std::string_view key) {
  record.has_key = !key.empty();
  record.key = key;
}

Record& AddTombstone(RecordList& out, std::string_view topic, std::string_view key) {
  Record& record = out.Add();
  record.topic = topic;
  SetKey(record, key);
  return record;
}

// What formats whose keys are native JSON have in common.
class NativeKeyed : public RecordEncoder {
 public:
  // `with_row`: row_ is wanted.
  NativeKeyed(RecordOptions options, bool with_row)
      : options_(std::move(options)), native_(options_.native), with_row_(with_row) {}

  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) final {
    const std::size_t start = out.size();
    Status status = Append(event, topic, out);
    if (!status.ok()) out.Truncate(start);
    return status;
  }

 protected:
  virtual Status AppendRecords(const EventContext& event, std::string_view topic, RecordList& out) = 0;

  const RecordOptions options_;
  NativeEncoder native_;
  std::string key_;           // "" if nothing identifies the row
  std::string previous_key_;  // "" unless the key changed
  std::string row_;           // the new one as JSON; "" if there is none

 private:
  Status Append(const EventContext& event, std::string_view topic, RecordList& out) {
    key_.clear();
    previous_key_.clear();
    row_.clear();
    HG_RETURN_IF_ERROR(native_.AppendKeysAndRow(key_, previous_key_, with_row_ ? &row_ : nullptr, event));
    return AppendRecords(event, topic, out);
  }

  const bool with_row_;
};

// The whole event, and tombstones behind it.
class EventEncoder : public NativeKeyed {
 public:
  explicit EventEncoder(RecordOptions options) : NativeKeyed(std::move(options), false) {}

 protected:
  virtual Status AppendValue(Record& record, const EventContext& event) { return native_.Append(record.value, event); }

  Status AppendRecords(const EventContext& event, std::string_view topic, RecordList& out) final {
    Record& record = out.Add();
    record.topic = topic;
    SetKey(record, key_);
    record.has_value = true;
    HG_RETURN_IF_ERROR(AppendValue(record, event));
    if (!options_.tombstones) return Ok();
    if (event.change->op == Op::kDelete && !key_.empty()) AddTombstone(out, topic, key_).id_suffix = "-t";
    if (!previous_key_.empty()) AddTombstone(out, topic, previous_key_).id_suffix = "-t";
    return Ok();
  }
};

class CloudEventEncoder final : public EventEncoder {
 public:
  explicit CloudEventEncoder(RecordOptions options)
      : EventEncoder(std::move(options)), cloud_events_(options_.cloud_events) {}

 protected:
  Status AppendValue(Record& record, const EventContext& event) override {
    const std::string id = EventId(event.source_id, event.tx->epoch, event.tx->position, event.change->ordinal);
    if (options_.format == RecordFormat::kCloudEventStructured) {
      record.headers.emplace_back("content-type", "application/cloudevents+json; charset=UTF-8");
      cloud_events_.AppendStart(record.value, event, id, key_);
      HG_RETURN_IF_ERROR(native_.Append(record.value, event));
      record.value.push_back('}');
      return Ok();
    }
    for (const auto& [name, value] : cloud_events_.AttributesOf(event, id, key_)) {
      if (name == "datacontenttype") {
        record.headers.emplace_back("content-type", value);
      } else {
        record.headers.emplace_back("ce_" + std::string(name), value);
      }
    }
    return native_.Append(record.value, event);
  }

 private:
  CloudEvents cloud_events_;
};

class RowEncoder final : public NativeKeyed {
 public:
  explicit RowEncoder(RecordOptions options) : NativeKeyed(std::move(options), true), flat_(options_.flat) {}

 protected:
  Status AppendRecords(const EventContext& event, std::string_view topic, RecordList& out) override {
    const Change& change = *event.change;
    if (change.op == Op::kDelete) {
      const bool rewrites = options_.flat.deletes == FlatOptions::Deletes::kRewrite;
      if (key_.empty() && !rewrites)
        return Rejected(
            "a delete in a stream without key has no form in format row: give the table a primary key, or "
            "choose format native");
      if (rewrites) HG_RETURN_IF_ERROR(AppendOld(event, topic, out));
      if (!rewrites || (options_.tombstones && !key_.empty()))
        AddTombstone(out, topic, key_).id_suffix = rewrites ? "-t" : "";
      return Ok();
    }
    if (!change.has_after) return Ok();
    if (!previous_key_.empty()) AddTombstone(out, topic, previous_key_).id_suffix = "-t";
    Record& record = out.Add();
    record.topic = topic;
    SetKey(record, key_);
    record.has_value = !row_.empty();
    record.value.swap(row_);
    if (!record.has_value) return Rejected("a row change came without the schema of its stream");
    return options_.flat.empty() ? Ok() : flat_.Append(record.value, event);
  }

 private:
  // The row that went, as far as it is told.
  Status AppendOld(const EventContext& event, std::string_view topic, RecordList& out) {
    Change shown = *event.change;
    shown.after = shown.before;
    shown.has_after = shown.has_before;
    EventContext old = event;
    old.change = &shown;
    Record& record = out.Add();
    record.topic = topic;
    SetKey(record, key_);
    HG_RETURN_IF_ERROR(native_.AppendRowJson(record.value, old));
    record.has_value = !record.value.empty();
    if (!record.has_value) return Rejected("a deleted row came without what it was");
    return flat_.Append(record.value, event);
  }

  FlatFields flat_;
};

// Rows of outbox tables are messages, the rest is another encoder's.
class OutboxEncoder final : public RecordEncoder {
 public:
  OutboxEncoder(OutboxOptions options, std::unique_ptr<RecordEncoder> other)
      : reader_(std::move(options)), other_(std::move(other)) {}

  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) override {
    if (!reader_.Owns(event)) return other_->Encode(event, topic, out);
    HG_ASSIGN_OR_RETURN(auto message, reader_.Read(event));
    if (!message) return Ok();
    Record& record = out.Add();
    record.topic = std::move(message->topic);
    record.has_key = message->key.has_value();
    record.key = message->key.value_or("");
    record.has_value = message->has_value;
    record.value = std::move(message->value);
    record.headers = std::move(message->headers);
    return Ok();
  }

 private:
  OutboxReader reader_;
  const std::unique_ptr<RecordEncoder> other_;
};

class UpstreamEncoder final : public RecordEncoder {
 public:
  explicit UpstreamEncoder(RecordOptions options) : debezium_(std::move(options.debezium)) {}

  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) override {
    return debezium_.Render(event, topic, out);
  }

  Status EndTransaction(RecordList& out) override {
    debezium_.EndTransaction(out);
    return Ok();
  }

  Status Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms,
                   RecordList& out) override {
    debezium_.Heartbeat(topic_prefix, source_name, now_ms, out);
    return Ok();
  }

 private:
  DebeziumEncoder debezium_;
};

}  // namespace

Status RecordEncoder::EndTransaction(RecordList&) { return Ok(); }
Status RecordEncoder::Heartbeat(std::string_view, std::string_view, std::int64_t, RecordList&) { return Ok(); }

bool ParseRecordFormat(std::string_view name, RecordFormat& format) {
  for (const auto& [known, value] : kFormats) {
    if (known != name) continue;
    format = value;
    return true;
  }
  return false;
}

Result<std::unique_ptr<RecordEncoder>> MakeRecordEncoder(RecordOptions options) {
  std::unique_ptr<RecordEncoder> encoder;
  OutboxOptions outbox = options.outbox;
  switch (options.format) {
    case RecordFormat::kNative:
      encoder = std::make_unique<EventEncoder>(std::move(options));
      break;
    case RecordFormat::kDebezium:
      encoder = std::make_unique<UpstreamEncoder>(std::move(options));
      break;
    case RecordFormat::kRow:
      encoder = std::make_unique<RowEncoder>(std::move(options));
      break;
    case RecordFormat::kCloudEventStructured:
    case RecordFormat::kCloudEventBinary:
      if (options.cloud_events.type_template.empty()) {
        HG_ASSIGN_OR_RETURN(options.cloud_events.type_template, ParseTypeTemplate("<table>.<verb>"));
      }
      encoder = std::make_unique<CloudEventEncoder>(std::move(options));
      break;
    case RecordFormat::kAvro:
      if (options.avro.envelope == AvroEnvelope::kDebezium) {
        encoder =
            std::make_unique<DebeziumAvroEncoder>(std::move(options.debezium), options.avro.subjects, options.schemas);
        break;
      }
      encoder = std::make_unique<AvroEncoder>(options.avro, options.tombstones, options.schemas);
      break;
    case RecordFormat::kProtobuf: {
      HG_ASSIGN_OR_RETURN(encoder, ProtobufEncoder::Make(std::move(options.protobuf), options.schemas));
      break;
    }
  }
  if (!outbox.tables.empty()) encoder = std::make_unique<OutboxEncoder>(std::move(outbox), std::move(encoder));
  return encoder;
}

}  // namespace headgate::codec
