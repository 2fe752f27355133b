#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/codec/avro_type.h"
#include "core/codec/record_encoder.h"
#include "core/codec/schema_store.h"

namespace headgate::codec {

// Keys and values in Avro, with schemas made of the table's (avro_type.h). Records are named
// <source>.<schema>.<table>.Key, .Value and .Envelope.
//
// envelope=row: the new row; null for a delete. envelope=native: Envelope, with
//
//   id, op               strings, as in the native envelope; op is insert, update, delete, read or truncate
//   before, after        the rows; a column that the source did not send is null, all but the key's allow it
//   unavailable          names of such columns of `after`, as Avro has them
//   source               source, stream, connector; position: that member of the native envelope, as JSON text; tx,
//   ordinal,
//                        total; commit_ts: timestamp-micros; schema: version of the stream's schema
//
// Messages and markers have no form here.
class AvroEncoder final : public RecordEncoder {
 public:
  // With `schemas` every key and value begins with the registry's header; else they are bare, and whoever reads them
  // has to know the schema (ValueSchema). It must outlive the encoder.
  AvroEncoder(AvroOptions options, bool tombstones, SchemaStore* schemas);
  ~AvroEncoder() override;

  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) override;

  // The schemas of the event's stream, as they are registered. "" if there is no key.
  std::string ValueSchema(const EventContext& event);
  std::string KeySchema(const EventContext& event);

 private:
  struct Shape;
  enum class Image { kBefore, kAfter };

  const Shape& ShapeOf(const EventContext& event);
  Status EncodeRow(const EventContext& event, std::string_view topic, RecordList& out);
  Status ReadRows(const EventContext& event, const Shape& shape);
  Status AppendColumn(std::string& out, const Shape& shape, const AvroColumn& column, const Value& value) const;
  Status AppendRow(std::string& out, const Shape& shape, const std::vector<Value>& row) const;
  Status AppendEnvelope(std::string& out, const EventContext& event, const Shape& shape) const;
  // The key of the row, header included; nothing if nothing identifies it.
  Status AppendKey(std::string& out, const Shape& shape, const std::vector<Value>& row, std::string_view topic);
  Status AppendValue(Record& record, const EventContext& event, const Shape& shape, std::string_view topic);
  // Nothing without a registry.
  Status AppendHeader(std::string& out, const Shape& shape, std::string_view topic, bool of_key);

  const AvroOptions options_;
  const bool tombstones_;
  SchemaStore* const schemas_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Shape>> shapes_;  // by stream and schema version
  const Shape* last_ = nullptr;
  std::uint64_t last_id_ = 0;
  std::vector<Value> before_;
  std::vector<Value> after_;
  std::string key_;
  std::string previous_key_;
};

}  // namespace headgate::codec
