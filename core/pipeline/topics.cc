#include "core/pipeline/topics.h"

#include <algorithm>
#include <optional>
#include <regex>

#include "core/base/regex.h"

namespace headgate {

struct TopicFilter::Impl {
  std::vector<std::string> names;
  std::optional<std::regex> regex;
};

TopicFilter::TopicFilter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicFilter::TopicFilter(TopicFilter&&) noexcept = default;
TopicFilter& TopicFilter::operator=(TopicFilter&&) noexcept = default;
TopicFilter::~TopicFilter() = default;

Result<TopicFilter> TopicFilter::Make(std::vector<std::string> names, std::string_view regex) {
  auto impl = std::make_unique<Impl>();
  impl->names = std::move(names);
  if (!regex.empty()) {
    try {
      impl->regex = CompileRegex(std::string(regex), std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& e) {
      return ConfigError("topics.regex is not a regular expression: " + std::string(e.what()) +
                         ". Example: shop\\.public\\..*");
    }
  }
  return TopicFilter(std::move(impl));
}

bool TopicFilter::Matches(std::string_view stream) const {
  if (std::ranges::find(impl_->names, stream) != impl_->names.end()) return true;
  if (!impl_->regex) return false;
  try {
    return std::regex_match(stream.begin(), stream.end(), *impl_->regex);
  } catch (const std::regex_error&) {
    return false;  // the expression is too complex for this name
  }
}

bool StreamSelection::Selected(StreamNo stream, SourceNo source, const Registry& registry) {
  if (stream == 0) {
    return std::ranges::any_of(registry.streams, [&](const auto& s) {
      return s != nullptr && s->source == source && Selected(s->number, source, registry);
    });
  }
  if (known_.size() < stream) known_.resize(stream, -1);
  signed char& answer = known_[stream - 1];
  if (answer < 0) {
    const StreamInfo* info = registry.Stream(stream);
    if (info == nullptr) return false;  // not published yet: ask again
    answer = filter_.Matches(info->name) ? 1 : 0;
    if (answer == 1) names_.push_back(info->name);
  }
  return answer == 1;
}

std::vector<std::string> TopicNames::In(const std::shared_ptr<const Registry>& registry) const {
  if (const auto found = found_.Get(); found->registry == registry) return found->names;
  Found found{registry, {}};
  for (const auto& stream : registry->streams) {
    if (stream != nullptr && filter_.Matches(stream->name)) found.names.push_back(stream->name);
  }
  found_.Set(found);
  return found.names;
}

}  // namespace headgate
