#pragma once

#include "core/config/spec.h"

namespace headgate::config {

// One option of each kind that the rules tell apart.
inline const ComponentSpec& SampleSink() {
  static const ComponentSpec spec = {
      .class_name = "SampleSink",
      .aliases = {"sample"},
      .kind = ComponentKind::kSink,
      .options =
          {
              {.name = "url",
               .required = true,
               .group = "Target",
               .help = "Where to.",
               .example = "https://example.org/in"},
              {.name = "batch_bytes_max",
               .type = OptionType::kInt,
               .default_value = "1048576",
               .has_default = true,
               .group = "Batches",
               .minimum = 1,
               .maximum = 1 << 20},
              {.name = "store_bytes_max", .type = OptionType::kLong, .group = "Batches"},
              {.name = "ratio", .type = OptionType::kDouble, .group = "Batches"},
              {.name = "tls_verify",
               .type = OptionType::kBoolean,
               .default_value = "true",
               .has_default = true,
               .group = "Target"},
              {.name = "format",
               .default_value = "native",
               .has_default = true,
               .group = "Target",
               .choices = {"native", "debezium"}},
              {.name = "ops", .type = OptionType::kList, .group = "Target", .choices = {"insert", "update", "delete"}},
              {.name = "auth",
               .default_value = "none",
               .has_default = true,
               .group = "Auth",
               .choices = {"none", "basic", "bearer"}},
              {.name = "auth_password",
               .type = OptionType::kPassword,
               .required = true,
               .group = "Auth",
               .relevant_if_key = "auth",
               .relevant_if_value = "basic,bearer"},
              {.name = "signing_key",
               .type = OptionType::kPassword,
               .default_value = "built-in",
               .has_default = true,
               .group = "Auth"},
              {.name = "tls_ca_file", .group = "Target", .secret_target = true},
              {.name = "parallelism", .type = OptionType::kInt, .group = "Batches", .minimum = 1},
          },
      .prefixes = {"header."},
  };
  return spec;
}

inline const ComponentSpec& SampleSource() {
  static const ComponentSpec spec = {
      .class_name = "SampleSource",
      .aliases = {"sampledb", "otherdb"},
      .kind = ComponentKind::kSource,
      .options =
          {
              {.name = "host", .required = true, .group = "Connection"},
              {.name = "port",
               .type = OptionType::kInt,
               .default_value = "5432",
               .has_default = true,
               .group = "Connection"},
              {.name = "password", .type = OptionType::kPassword, .group = "Connection"},
              {.name = "slot_name", .group = "Replication"},
          },
  };
  return spec;
}

inline FlatConfig SoundSink() {
  return {{"connector.class", "sample"}, {"name", "s"}, {"topics", "shop.public.orders"}, {"url", "http://h/in"}};
}

inline FlatConfig SoundSource() { return {{"connector.class", "sampledb"}, {"name", "shop"}, {"host", "db1"}}; }

inline FlatConfig With(FlatConfig config, const std::string& key, const std::string& value) {
  config[key] = value;
  return config;
}

inline FlatConfig Without(FlatConfig config, const std::string& key) {
  config.erase(key);
  return config;
}

// "key: text", one a line.
inline std::string Lines(const std::vector<KeyError>& errors) {
  std::string lines;
  for (const KeyError& error : errors) lines += (lines.empty() ? "" : "\n") + error.key + ": " + error.text;
  return lines;
}

}  // namespace headgate::config
