#pragma once

#include "core/pipeline/sink.h"
#include "sinks/webhook/options.h"

namespace headgate::webhook {

// What a test event is in the envelope of the settings: a body, and lines of headers of its own. Pure.
struct TestBody {
  std::string body;
  std::string headers;
};
TestBody TestBodyOf(const Options& options, const std::string& id, const TestEvent& event, std::int64_t now_us);

// Sends one on a connection of its own, past everything that waits (admin API, AP25). Blocks for up to 10 s.
Result<TestDelivery> SendTest(const config::Bound& bound, const SinkServices& services, const TestEvent& event);

}  // namespace headgate::webhook
