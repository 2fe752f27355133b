#include "app/plugins.h"

#include <algorithm>
#include <vector>

#include "connectors/registry.h"
#include "core/config/text.h"
#include "sinks/registry.h"

namespace headgate {
namespace {

template <class Factories>
auto Find(const Factories& factories, std::string_view asked) {
  const auto it = std::ranges::find_if(
      factories, [&](const auto* factory) { return config::MeansClass(*factory->spec, config::Trim(asked)); });
  return it == factories.end() ? nullptr : *it;
}

}  // namespace

const SourceFactory* FindSource(std::string_view asked) { return Find(Sources(), asked); }
const SinkFactory* FindSink(std::string_view asked) { return Find(Sinks(), asked); }

std::string UnknownClassText(std::string_view asked) {
  std::string list;
  std::vector<std::string_view> names;
  const auto add = [&](const config::ComponentSpec& spec) {
    list.append(list.empty() ? "" : ", ").append(spec.class_name).append(" (").append(spec.aliases.front()).append(")");
    names.push_back(spec.class_name);
    names.insert(names.end(), spec.aliases.begin(), spec.aliases.end());
  };
  for (const SourceFactory* factory : Sources()) add(*factory->spec);
  for (const SinkFactory* factory : Sinks()) add(*factory->spec);
  std::string text = "Failed to find any class that implements Connector and which name matches " +
                     std::string(asked.substr(0, 255)) + ", available connectors are: " + list + ".";
  const std::string_view nearest = config::Nearest(asked, names);
  return nearest.empty() ? text : text + " Did you mean " + std::string(nearest) + "?";
}

}  // namespace headgate
