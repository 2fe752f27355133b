#include "core/pipeline/rendering_options.h"

#include <span>
#include <utility>

#include "core/config/option_builders.h"
#include "core/config/secrets.h"

namespace headgate {
namespace {

using Named = std::pair<std::string_view, std::string_view>;  // an option and its default

std::vector<config::Option> Debezium(std::span<const Named> named) {
  std::vector<config::Option> out;
  for (const auto& [name, value] : named) {
    config::Option option =
        config::Defaulted(name, config::OptionType::kString, value, "Debezium", "", "Of format=debezium, as there.");
    option.importance = config::Importance::kLow;
    option.relevant_if_key = "format";
    option.relevant_if_value = "debezium";
    out.push_back(std::move(option));
  }
  return out;
}

}  // namespace

std::vector<config::Option> NativeRenderingSpec(std::string_view group) {
  using config::Choice;
  return {
      Choice("decimal", "string", {"string", "number"}, group, "", "How format=native writes numeric and decimal."),
      Choice("json", "embed", {"embed", "text"}, group, "", "How format=native writes json: in place, or as a string."),
      Choice("geometry", "geojson", {"geojson", "wkb"}, group, "", "How format=native writes geometries."),
      Choice("tinyint1", "number", {"number", "boolean"}, group, "", "How format=native writes MySQL's tinyint(1)."),
  };
}

std::vector<config::Option> DebeziumRenderingSpec() {
  static constexpr Named kOptions[] = {
      {"decimal.handling.mode", "precise"},
      {"decimal.format", "BASE64"},
      {"time.precision.mode", "adaptive"},
      {"binary.handling.mode", "bytes"},
      {"hstore.handling.mode", "json"},
      {"bigint.unsigned.handling.mode", "long"},
      {"enable.time.adjuster", "true"},
      {"swap-geometry-coordinates", "false"},
      {"vector-to-json", "false"},
      {"include.schema.comments", "false"},
      {"interval.handling.mode", "numeric"},
      {"money.fraction.digits", "2"},
      {"include.unknown.datatypes", "false"},
      {"unavailable.value.placeholder", "__debezium_unavailable_value"},
      {"field.name.adjustment.mode", "none"},
      {"message.key.columns", ""},
      {"replace.null.with.default", "false"},
      {"compat.nonfinite_decimal", "park"},
      {"compat.tinyint1", "declared"},
      {"compat.ts_ns", "number"},
      {"compat.snapshot_flag", "string"},
      {"compat.message_timestamps", "ms"},
      {"compat.version", HEADGATE_VERSION},
  };
  return Debezium(kOptions);
}

std::vector<config::Option> DebeziumTopicSpec() {
  static constexpr Named kOptions[] = {
      {"schemas.enable", "false"}, {"schema.name.adjustment.mode", "none"},   {"tombstones.on.delete", "true"},
      {"skipped.operations", "t"}, {"provide.transaction.metadata", "false"}, {"extended.headers.enabled", "false"},
  };
  return Debezium(kOptions);
}

void ReadRendering(const config::Bound& bound, codec::NativeOptions& native, codec::DebeziumOptions& debezium,
                   std::vector<config::KeyError>& errors) {
  for (const auto& [key, entry] : bound.All()) {
    if (config::HasPlaceholder(entry.value) || entry.origin == "default") continue;
    const auto of_native = codec::SetOption(native, key, entry.value);
    if (!of_native.ok()) errors.push_back({key, of_native.error().what});
    const auto of_debezium = codec::SetOption(debezium, key, entry.value);
    if (!of_debezium.ok()) errors.push_back({key, of_debezium.error().what});
  }
}

}  // namespace headgate
