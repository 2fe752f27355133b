#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

// JSON with a schema of Kafka Connect in it, as JsonConverter reads it. Pure.
namespace headgate::testing {

// The payload as it is written in {"schema":...,"payload":...}. kRejected, with where: the schema is none that Connect
// reads, or has its members in another order than JsonConverter's, or the payload does not fit it.
Result<std::string> PayloadOf(std::string_view text);

}  // namespace headgate::testing
