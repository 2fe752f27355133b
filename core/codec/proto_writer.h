#pragma once

#include "core/model/schema.h"
#include "core/model/value.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace headgate::codec {

// Sets a field to a value that is neither null nor absent. Returns nullptr, or why the field has no form for it (a
// constant text).
//
//   integers                    integers that fit; a boolean into them as 0 or 1
//   float, double               numbers; a decimal as the nearest one
//   bool                        booleans; 0 and 1
//   string                      text, and of everything else what the native rendering shows
//   bytes                       bytes; text
//   enum                        the name of one of its values, without regard to case and underscores, or its number
//   google.protobuf.Timestamp   timestamps of the years 1 to 9999
//   google.protobuf.Duration    intervals without months
//   google.protobuf.Int64Value  and its like: as what is in it
//   other messages              JSON objects and composites, by the names of their members
//   repeated                    arrays of one dimension that starts at 1, without nulls
const char* SetProtoField(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                          const Value& value, const DataType& type);

}  // namespace headgate::codec
