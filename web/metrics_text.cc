#include "web/metrics_text.h"

#include <charconv>
#include <cmath>

namespace headgate::web {
namespace {

void AppendNumber(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf";
    return;
  }
  char text[64];
  const bool whole = std::fabs(value) < 9e15 && value == std::floor(value);
  const auto end = whole ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(value)).ptr
                         : std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

void AppendLabel(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append("=\"");
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

void MetricsText::Family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  type_ = type;
  help_ = help;
}

void MetricsText::Heading() {
  if (help_.empty()) return;
  std::string family = name_;
  if (open_metrics_ && type_ == "counter" && family.ends_with("_total")) family.resize(family.size() - 6);
  out_ += "# HELP " + family + " " + help_ + "\n# TYPE " + family + " " + type_ + "\n";
  help_.clear();
}

void MetricsText::Line(std::string_view name, std::string_view suffix, Labels labels, std::string_view bound,
                       double value) {
  out_.append(name).append(suffix);
  if (labels.size() > 0 || !bound.empty()) {
    char separator = '{';
    for (const auto& [label, text] : labels) {
      out_ += separator;
      AppendLabel(out_, label, text);
      separator = ',';
    }
    if (!bound.empty()) {
      out_ += separator;
      AppendLabel(out_, "le", bound);
    }
    out_ += '}';
  }
  out_ += ' ';
  AppendNumber(out_, value);
  out_ += '\n';
}

void MetricsText::Sample(Labels labels, double value) {
  Heading();
  Line(name_, "", labels, "", value);
}

void MetricsText::Histogram(Labels labels, std::span<const double> bounds_ms, std::span<const std::uint64_t> cumulative,
                            double sum_ms) {
  if (cumulative.size() != bounds_ms.size() + 1) return;
  Heading();
  for (std::size_t i = 0; i < bounds_ms.size(); ++i) {
    std::string bound;
    AppendNumber(bound, bounds_ms[i] / 1000);
    if (bound.find_first_of(".e") == std::string::npos) bound += ".0";
    Line(name_, "_bucket", labels, bound, static_cast<double>(cumulative[i]));
  }
  const auto all = static_cast<double>(cumulative.back());
  Line(name_, "_bucket", labels, "+Inf", all);
  Line(name_, "_sum", labels, "", sum_ms / 1000);
  Line(name_, "_count", labels, "", all);
}

std::string MetricsText::Finish() && {
  if (open_metrics_) out_ += "# EOF\n";
  return std::move(out_);
}

}  // namespace headgate::web
