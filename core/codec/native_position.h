#pragma once

#include <string>

#include "core/base/result.h"
#include "core/codec/event.h"

// Where an event stands, as members of the native envelope.
namespace headgate::codec {

// ,"position":{...}
void AppendPosition(std::string& out, const EventContext& event);
// ,"gap":{...}
Status AppendGap(std::string& out, const EventContext& event);

}  // namespace headgate::codec
