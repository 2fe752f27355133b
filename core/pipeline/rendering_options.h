#pragma once

#include <vector>

#include "core/codec/debezium_options.h"
#include "core/codec/native_value.h"
#include "core/config/spec.h"

// The settings of the JSON renderings, which sinks that render share.
namespace headgate {

// decimal, json, geometry, tinyint1.
std::vector<config::Option> NativeRenderingSpec(std::string_view group);
// By the names that its users know (change-events.md 3.2): those that shape a value. Relevant for format=debezium.
std::vector<config::Option> DebeziumRenderingSpec();
// Those that shape which records there are on topics.
std::vector<config::Option> DebeziumTopicSpec();

// What was given of them; the codecs know the values of their own options.
void ReadRendering(const config::Bound& bound, codec::NativeOptions& native, codec::DebeziumOptions& debezium,
                   std::vector<config::KeyError>& errors);

}  // namespace headgate
