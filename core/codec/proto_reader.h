#pragma once

#include <deque>
#include <string>

#include "core/base/result.h"
#include "core/model/value.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace headgate::codec {

// The value of a field.
//
//   int32, int64, ...; uint32, ...    an integer, signed or not
//   float, double, bool, string       themselves
//   bytes                             bytes
//   enum                              the name of the value; a number if it has none
//   google.protobuf.Timestamp         an instant; beyond what an instant can hold, JSON
//   google.protobuf.Duration          an interval
//   google.protobuf.Int64Value, ...   what is in it
//   other messages, maps              JSON
//   repeated                          an array of one dimension; of messages, JSON
//
// A field that tells whether it is set, and is not, is null. Texts are kept in `kept`, which must outlive the value.
Value ProtoValue(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                 std::deque<std::string>& kept);
// The same of a message as a whole.
Value ProtoValue(const google::protobuf::Message& message, std::deque<std::string>& kept);

}  // namespace headgate::codec
