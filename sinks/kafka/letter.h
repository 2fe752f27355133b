#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "sinks/kafka/batch.h"

// What a dead letter of this sink holds as its body: its records, as a line of JSON each.
//   {"topic":"shop.orders","key":"7","value":null,"headers":[["event-id","shop:0-..."]],"timestamp":1700000000000}
// Bytes that are not UTF-8 are {"base64":"..."} instead of text. Pure.
namespace headgate::kafka::sink {

// With the line's end.
void AppendLine(std::string& body, const Batch& batch, const Batch::Packed& record);

// The records of one change.
std::string BodyOf(const Batch& batch, At at);

// kRejected if the body is not of that form.
Status ReadBody(std::string_view body, Batch& out);

}  // namespace headgate::kafka::sink
