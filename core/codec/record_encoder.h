#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/codec/cloud_event.h"
#include "core/codec/debezium_options.h"
#include "core/codec/event.h"
#include "core/codec/flat_row.h"
#include "core/codec/native_value.h"
#include "core/codec/outbox.h"
#include "core/codec/proto_schema.h"
#include "core/codec/record.h"
#include "core/codec/schema_store.h"

namespace headgate::codec {

// What a change is made into.
enum class RecordFormat : std::uint8_t {
  kNative,                // key and event as native JSON
  kDebezium,              // as upstream sends them (change-events contract, 3), without schemas
  kRow,                   // the new row alone as native JSON; null for a delete
  kCloudEventStructured,  // a native event in a CloudEvent (Kafka protocol binding 1.0)
  kCloudEventBinary,      // a native event, the attributes as headers ce_<name>
  kAvro,                  // key and row, or event, in Avro (avro_encoder.h)
  kProtobuf,              // the row in Protobuf (proto_encoder.h)
};

// The name in the setting `format`; false if there is none of that name.
bool ParseRecordFormat(std::string_view name, RecordFormat& format);

enum class AvroEnvelope : std::uint8_t { kRow, kNative, kDebezium };

struct AvroOptions {
  AvroEnvelope envelope = AvroEnvelope::kRow;
  SubjectStrategy subjects = SubjectStrategy::kTopic;
};

struct ProtobufOptions {
  std::string schema;              // text of a .proto file; "": made of the table
  std::vector<ProtoFile> imports;  // what it imports, in any order
  std::string message;             // of `schema`; may be "" if it has only one
  // Field (a path, with dots) and column; empty: by name. Of `schema` alone.
  std::vector<std::pair<std::string, std::string>> fields;
  SubjectStrategy subjects = SubjectStrategy::kTopic;
};

struct RecordOptions {
  RecordFormat format = RecordFormat::kNative;
  // A null value under the key of a row that went, and under the old key of one whose key changed. `debezium` has its
  // own option, `row` has no other way to say it.
  bool tombstones = true;
  NativeOptions native;
  DebeziumOptions debezium;
  CloudEventOptions cloud_events;
  AvroOptions avro;
  ProtobufOptions protobuf;
  FlatOptions flat;      // of kRow
  OutboxOptions outbox;  // its rows are messages in every format
  // Of formats with a schema. It must outlive the encoder. nullptr: values are bare.
  SchemaStore* schemas = nullptr;
};

// Makes the records of a keyed topic out of stored changes: one interface over all formats. Pure but for formats that
// ask a schema registry. For one thread.
//
// Records come in the order in which they must be written. The event id is no part of them: who sends a record adds
// it, with Record::id_suffix behind it.
class RecordEncoder {
 public:
  virtual ~RecordEncoder() = default;

  // Appends the records of the change: none if the format has no form for it (a truncate in `row`), one, or several
  // (a delete and its tombstone; a key change). `topic` is where the sink sends the change; records that belong to a
  // topic of their own (messages, transactions and schema changes of `debezium`) name that one.
  // Errors: kRejected concerns this change alone, which becomes a dead letter; kCorrupt, stored bytes are malformed;
  // others come of the registry. On an error `out` is as before, save that records of the transaction topic stay in it.
  virtual Status Encode(const EventContext& event, std::string_view topic, RecordList& out) = 0;

  // The transaction in hand is over: appends what stands behind one and was not written with its last change, as that
  // is not for this encoder. Of `debezium` with its transaction topic alone.
  virtual Status EndTransaction(RecordList& out);

  // Appends the record that tells that a source's changes were looked at, whether there were any: of `debezium` alone,
  // other formats have none. Its topic is <topic_prefix>.<source>.
  virtual Status Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms,
                           RecordList& out);
};

// kConfig: options that exclude each other, a schema that does not compile.
Result<std::unique_ptr<RecordEncoder>> MakeRecordEncoder(RecordOptions options);

}  // namespace headgate::codec
