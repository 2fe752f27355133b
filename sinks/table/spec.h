#pragma once

#include "core/pipeline/sink.h"

namespace headgate::table {

const config::ComponentSpec& Spec();
const SinkFactory& Factory();

}  // namespace headgate::table
