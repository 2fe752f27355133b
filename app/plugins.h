#pragma once

#include <string>
#include <string_view>

#include "core/pipeline/sink.h"
#include "core/pipeline/source.h"

// The connector classes of this build by what people write for them (KC15): class, alias, either with "Connector"
// appended, behind a dotted prefix.
namespace headgate {

const SourceFactory* FindSource(std::string_view asked);  // nullptr if there is none
const SinkFactory* FindSink(std::string_view asked);

// What to answer where neither is found: begins as Kafka Connect's text does (1.7), and lists the classes.
std::string UnknownClassText(std::string_view asked);

}  // namespace headgate
