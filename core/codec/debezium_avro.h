#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/codec/debezium.h"
#include "core/codec/record_encoder.h"

namespace headgate::codec {

// Records of the `debezium` rendering in Avro, as upstream with Confluent's AvroConverter writes them. Names become
// Avro's (schema.name.adjustment.mode and field.name.adjustment.mode, avro unless another is chosen). Headers stay
// JSON.
class DebeziumAvroEncoder final : public RecordEncoder {
 public:
  // `schemas` must outlive it; nullptr: values are bare.
  DebeziumAvroEncoder(DebeziumOptions options, SubjectStrategy subjects, SchemaStore* schemas);

  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) override;
  Status EndTransaction(RecordList& out) override;
  Status Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms,
                   RecordList& out) override;

 private:
  Status Convert(RecordList& out, std::size_t start);
  Status Convert(std::string& text, const ConnectSchema& schema, const std::string& topic, bool of_key);
  Result<std::uint32_t> IdOf(const ConnectSchema& schema, const std::string& topic, bool of_key);

  DebeziumEncoder debezium_;
  const SubjectStrategy subjects_;
  SchemaStore* const schemas_;
  std::map<std::pair<const ConnectSchema*, std::string>, std::uint32_t> ids_;
  std::string avro_;
};

}  // namespace headgate::codec
