#pragma once

#include <string>

#include "core/config/spec.h"
#include "sinks/webhook/options.h"
#include "sinks/webhook/spec.h"
#include "tests/unit/sinks/sample_events.h"

namespace headgate::webhook {

// Settings as a person writes them; `url` and `topics` are there unless given.
inline ReadOptions ReadSettings(config::FlatConfig settings) {
  settings.emplace("connector.class", "webhook");
  settings.emplace("name", "hook");
  settings.emplace("url", "http://127.0.0.1:9000/hook");
  if (!settings.contains("topics.regex")) settings.emplace("topics", "shop.public.orders");
  config::BindOutcome bound = config::Bind(Spec(), settings, nullptr);
  ReadOptions read;
  if (bound.errors.empty()) read = Read(bound.bound);
  read.errors.insert(read.errors.begin(), bound.errors.begin(), bound.errors.end());
  return read;
}

}  // namespace headgate::webhook
