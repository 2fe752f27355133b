// What is wrong with a connector's settings, and with what they name.
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"
#include "core/config/validate.h"
#include "core/pipeline/topics.h"

namespace headgate {
namespace {

// Streams that the sink would read and could not tell the rows of (search.md Q26, F-33), as far as they are known yet.
void AddKeyless(std::vector<config::KeyError>& errors, const config::Bound& bound, const Registry& registry) {
  const auto topics = TopicFilter::Make(bound.List("topics"), bound.Text("topics.regex"));
  if (!topics.ok()) return;
  std::string names;
  for (const auto& stream : registry.streams) {
    if (stream == nullptr || !topics->Matches(stream->name)) continue;
    const TableSchema* const schema = registry.Schema(stream->number, registry.LatestVersion(stream->number));
    if (schema != nullptr && schema->EventKey().empty()) names += (names.empty() ? "" : ", ") + stream->name;
  }
  if (names.empty()) return;
  errors.push_back({bound.Has("topics") ? "topics" : "topics.regex",
                    "These streams have no key, by which this sink tells their rows: " + names +
                        ". Give their tables a primary key, or deliver a view that has a key, or see whether the sink "
                        "can do without (key_columns of search, mode=append of table)."});
}

}  // namespace

std::vector<config::KeyError> Service::BindAndCheck(const config::ComponentSpec& spec, const std::string& name,
                                                    const config::FlatConfig& config, bool live) const {
  // While the service starts, a placeholder that cannot be resolved fails its connector, not the service (7.2).
  auto outcome = config::Bind(spec, config, ready_ ? secrets_.get() : nullptr);
  const SourceFactory* source = FindSource(spec.class_name);
  const SinkFactory* sink = FindSink(spec.class_name);
  auto errors = std::move(outcome.errors);
  config::AddErrors(errors, source != nullptr ? source->check(outcome.bound) : sink->check(outcome.bound));
  if (!errors.empty() || !live) return errors;
  if (sink != nullptr && sink->needs_key != nullptr && sink->needs_key(outcome.bound))
    AddKeyless(errors, outcome.bound, *log_->registry());
  const auto findings =
      source != nullptr ? source->preflight(name, outcome.bound) : sink->preflight(name, outcome.bound, sink_services_);
  for (const Finding& finding : findings) {
    // An endpoint that is down for the moment does not keep a sink from being created, but who asks is told (KC18).
    const bool unreached = sink != nullptr && finding.level == Finding::Level::kWarning;
    if (finding.level != Finding::Level::kError && !unreached) continue;
    std::string text = finding.summary;
    if (!text.ends_with('.')) text += '.';
    if (!finding.hint.empty()) text += " " + finding.hint;
    if (!finding.fix.empty()) text += " " + finding.fix;
    errors.push_back({finding.key.empty() ? (source != nullptr ? "host" : "url") : finding.key, text});
  }
  return errors;
}

std::vector<config::KeyError> Service::Check(const config::ComponentSpec& spec, const std::string& name,
                                             const config::FlatConfig& config, bool live) {
  return BindAndCheck(spec, name, config, live);
}

}  // namespace headgate
