#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/codec/native.h"
#include "core/codec/proto_schema.h"
#include "core/codec/record_encoder.h"
#include "core/codec/schema_store.h"

namespace headgate::codec {

// Rows in Protobuf: the new row as a message, null for a delete.
//
// With a schema of the user's (ProtobufOptions::schema), its message is filled from columns: those that `fields` names,
// else those of the same name but for case and underscores. The key is native JSON. A null has no form in a field that
// cannot be left unset: it is rejected, not taken for zero.
//
// Without one a schema is made of the table: package <source>.<schema>.<table>, messages Value and Key, a field a
// column, numbered in their order, `optional` where the column allows null:
//
//   bool, int32, int64, uint64, float, double, bytes, string    what their names say
//   timestamptz                                                 google.protobuf.Timestamp
//   arrays                                                      repeated; null, and nulls in them, have no form
//   numeric, dates, times, everything else                      string: what the native rendering shows
//
// Messages, truncates and markers have no form here.
class ProtobufEncoder final : public RecordEncoder {
 public:
  // kConfig: the schema does not compile, or has no such message. With `schemas` every value, and every key that is
  // Protobuf, begins with the registry's header. It must outlive the encoder.
  static Result<std::unique_ptr<ProtobufEncoder>> Make(ProtobufOptions options, SchemaStore* schemas);
  ~ProtobufEncoder() override;

  // kConfig, too: `fields` names a column or a field that is not there.
  Status Encode(const EventContext& event, std::string_view topic, RecordList& out) override;

 private:
  struct Layout;
  struct Shape;
  ProtobufEncoder(ProtobufOptions options, SchemaStore* schemas);

  Result<const Shape*> ShapeOf(const EventContext& event);
  Status EncodeRow(const EventContext& event, const Shape& shape, std::string_view topic, RecordList& out);
  Status AppendKey(std::string& out, const EventContext& event, const Shape& shape, const std::vector<Value>& row,
                   bool previous, std::string_view topic);
  // Fills the message from the row and appends its bytes, behind the header.
  Status AppendMessage(std::string& out, const Shape& shape, const Layout& layout, const std::vector<Value>& row,
                       std::string_view topic, bool of_key);
  Result<std::uint32_t> IdOf(const Layout& layout, std::string_view topic, bool of_key);

  const ProtobufOptions options_;
  SchemaStore* const schemas_;
  std::shared_ptr<const ProtoSchema> given_;  // the user's
  NativeEncoder native_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Shape>> shapes_;  // by stream and schema version
  std::vector<Value> before_;
  std::vector<Value> after_;
  std::string key_;
  std::string previous_key_;
};

}  // namespace headgate::codec
