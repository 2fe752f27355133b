#pragma once

#include <memory>
#include <vector>

#include "core/base/result.h"
#include "core/codec/record_decoder.h"

namespace headgate::codec {

// Reads records that are one JSON document (RFC 8259) each. A path goes through the members of objects, whose names it
// has to match exactly; of two members of one name the last counts. #type gives object, array, string, number or
// boolean.
//
// Strings are texts, true and false booleans. A number is an integer if it is written as one of up to 64 bits, else a
// decimal with the digits it has; one of more than 1 000 digits, or places, is its text. Objects and arrays are JSON.
Result<std::unique_ptr<RecordDecoder>> MakeJsonDecoder(const std::vector<FieldPath>& paths);

}  // namespace headgate::codec
