#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace headgate::web {

// Writes metric families in the Prometheus text format, or in OpenMetrics, where a counter's family lacks "_total" and
// the text ends with # EOF. All samples of a family follow its heading.
class MetricsText {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  explicit MetricsText(bool open_metrics) : open_metrics_(open_metrics) {}

  // `type`: gauge, counter, histogram. Written with the family's first sample: an empty family leaves no trace.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Sample(Labels labels, double value);
  // Counts up to each bound and in all, as one histogram. Bounds in milliseconds become seconds.
  void Histogram(Labels labels, std::span<const double> bounds_ms, std::span<const std::uint64_t> cumulative,
                 double sum_ms);
  std::string Finish() &&;

 private:
  void Heading();
  void Line(std::string_view name, std::string_view suffix, Labels labels, std::string_view bound, double value);

  const bool open_metrics_;
  std::string out_;
  std::string name_;
  std::string type_;
  std::string help_;
};

}  // namespace headgate::web
