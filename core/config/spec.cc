#include "core/config/spec.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

std::vector<Option> MakeCommon(ComponentKind kind) {
  std::vector<Option> options = {
      {.name = "connector.class",
       .required = true,
       .importance = Importance::kHigh,
       .display_name = "Connector class",
       .help = "The kind of connector: a class or alias that GET /connector-plugins lists."},
      {.name = "name",
       .required = true,
       .importance = Importance::kHigh,
       .display_name = "Name",
       .help = "The name of the connector. Positions and cursors are kept under it."},
      {.name = "tasks.max",
       .type = OptionType::kInt,
       .default_value = "1",
       .has_default = true,
       .importance = Importance::kHigh,
       .display_name = "Tasks, at most",
       .help = "How many tasks may share the work. More than the connector can use is no error.",
       .minimum = 1},
  };
  if (kind == ComponentKind::kSource) return options;
  options.push_back({.name = "topics",
                     .type = OptionType::kList,
                     .importance = Importance::kHigh,
                     .display_name = "Streams",
                     .help = "The streams and views to carry out, separated by commas. Either this or topics.regex.",
                     .example = "shop.public.orders,shop.public.customers"});
  options.push_back({.name = "topics.regex",
                     .importance = Importance::kHigh,
                     .display_name = "Streams by pattern",
                     .help = "A regular expression over whole stream names; follows streams that are created later. "
                             "Either this or topics.",
                     .example = "shop\\.public\\..*"});
  return options;
}

// KC19. A star in the table of the reference is a prefix here.
constexpr std::array<std::string_view, 10> kIgnoredPrefixes = {
    "key.converter", "value.converter",    "header.converter",   "transforms",      "predicates",
    "errors.",       "producer.override.", "consumer.override.", "admin.override.", "topic.creation."};
constexpr std::array<std::string_view, 2> kIgnoredKeys = {"config.action.reload", "tasks.max.enforce"};

bool MeansName(std::string_view text, std::string_view name) {
  constexpr std::string_view kEnding = "Connector";
  if (text == name) return true;
  return text.size() == name.size() + kEnding.size() && text.starts_with(name) && text.ends_with(kEnding);
}

}  // namespace

const std::vector<Option>& CommonOptions(ComponentKind kind) {
  static const std::vector<Option> source = MakeCommon(ComponentKind::kSource);
  static const std::vector<Option> sink = MakeCommon(ComponentKind::kSink);
  return kind == ComponentKind::kSource ? source : sink;
}

std::vector<const Option*> AllOptions(const ComponentSpec& spec) {
  std::vector<const Option*> all;
  for (const Option& common : CommonOptions(spec.kind)) {
    const bool replaced =
        std::any_of(spec.options.begin(), spec.options.end(), [&](const Option& o) { return o.name == common.name; });
    if (!replaced) all.push_back(&common);
  }
  for (const Option& option : spec.options) all.push_back(&option);
  return all;
}

const Option* FindOption(const ComponentSpec& spec, std::string_view key) {
  const auto is_it = [&](const Option& option) { return option.name == key; };
  const auto own = std::find_if(spec.options.begin(), spec.options.end(), is_it);
  if (own != spec.options.end()) return &*own;
  const std::vector<Option>& common = CommonOptions(spec.kind);
  const auto found = std::find_if(common.begin(), common.end(), is_it);
  return found != common.end() ? &*found : nullptr;
}

std::string_view FreePrefixOf(const ComponentSpec& spec, std::string_view key) {
  for (const std::string_view prefix : spec.prefixes) {
    if (key.size() > prefix.size() && key.starts_with(prefix)) return prefix;
  }
  return {};
}

bool IsIgnoredKey(const ComponentSpec& spec, std::string_view key) {
  if (FindOption(spec, key) != nullptr) return false;
  if (std::find(kIgnoredKeys.begin(), kIgnoredKeys.end(), key) != kIgnoredKeys.end()) return true;
  for (const std::string_view prefix : kIgnoredPrefixes) {
    if (!key.starts_with(prefix)) continue;
    // Where the component has free keys (header.converter-id), only Connect's own form is Connect's.
    const bool exact = key.size() == prefix.size() || prefix.ends_with('.') || key[prefix.size()] == '.';
    if (exact || FreePrefixOf(spec, key).empty()) return true;
  }
  return false;
}

bool MeansClass(const ComponentSpec& spec, std::string_view text) {
  const auto dot = text.rfind('.');
  if (dot != std::string_view::npos) text.remove_prefix(dot + 1);
  if (MeansName(text, spec.class_name)) return true;
  return std::any_of(spec.aliases.begin(), spec.aliases.end(), [&](std::string_view a) { return MeansName(text, a); });
}

}  // namespace headgate::config
