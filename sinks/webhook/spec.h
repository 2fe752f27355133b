#pragma once

#include "core/pipeline/sink.h"

namespace headgate::webhook {

// Class WebhookSink, alias webhook: the settings of webhooks.md 5.
const config::ComponentSpec& Spec();

// For the registry of sinks.
const SinkFactory& Factory();

}  // namespace headgate::webhook
