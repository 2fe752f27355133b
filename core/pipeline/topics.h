#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/published.h"
#include "core/base/result.h"
#include "core/log/log.h"

namespace headgate {

// Which streams a sink reads: the names of `topics`, or those that `topics.regex` matches as a whole (RE2 syntax is
// not promised; ECMAScript as in std::regex).
class TopicFilter {
 public:
  static Result<TopicFilter> Make(std::vector<std::string> names, std::string_view regex);
  TopicFilter(TopicFilter&&) noexcept;
  TopicFilter& operator=(TopicFilter&&) noexcept;
  ~TopicFilter();

  bool Matches(std::string_view stream) const;

 private:
  struct Impl;
  explicit TopicFilter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The same, answered by number: remembers what it found. For one thread.
class StreamSelection {
 public:
  explicit StreamSelection(const TopicFilter& filter) : filter_(filter) {}

  // Stream 0 (messages, gaps): true if any selected stream belongs to `source`.
  bool Selected(StreamNo stream, SourceNo source, const Registry& registry);
  const std::vector<std::string>& names() const { return names_; }

 private:
  const TopicFilter& filter_;
  std::vector<signed char> known_;  // by stream number - 1: -1 unknown, 0 no, 1 yes
  std::vector<std::string> names_;  // of the selected
};

// The streams that a sink reads, by name, in the order they came. Any thread; looked up anew only when there are
// others.
class TopicNames {
 public:
  explicit TopicNames(TopicFilter filter) : filter_(std::move(filter)) {}
  std::vector<std::string> In(const std::shared_ptr<const Registry>& registry) const;

 private:
  struct Found {
    std::shared_ptr<const Registry> registry;
    std::vector<std::string> names;
  };
  const TopicFilter filter_;
  mutable Published<Found> found_;
};

}  // namespace headgate
