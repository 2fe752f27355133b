#pragma once

#include "core/pipeline/sink.h"

namespace headgate::search {

const config::ComponentSpec& Spec();
const SinkFactory& Factory();

}  // namespace headgate::search
