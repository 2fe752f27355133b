#include "connectors/http/options.h"

#include "core/sql/column_list.h"

namespace headgate::http {
namespace {

bool HoldsPlaceholder(std::string_view text) { return text.find("${") != std::string_view::npos; }

}  // namespace

Options MakeOptions(const std::string& name, const config::Bound& bound) {
  Options o;
  o.name = name;
  o.stream = bound.Text("stream");
  o.columns = bound.Text("columns");
  o.reject_unknown = bound.Text("unknown_fields") == "reject";
  o.events_max = static_cast<std::size_t>(bound.Int("events_max"));
  o.event_bytes_max = static_cast<std::size_t>(bound.Int("event_bytes_max"));
  return o;
}

std::vector<config::KeyError> CheckOptions(const config::Bound& bound) {
  std::vector<config::KeyError> errors;
  const std::string& stream = bound.Text("stream");
  if (bound.Has("stream") && !HoldsPlaceholder(stream) && !sql::IsStreamName(stream)) {
    errors.push_back({"stream", "'" + stream +
                                    "' cannot be the name of a stream: it is one word of letters, digits, _ and -, at "
                                    "most 63. Without the setting it is the connector's name."});
  }
  if (bound.Has("columns") && !HoldsPlaceholder(bound.Text("columns"))) {
    if (const auto columns = sql::ParseColumns(bound.Text("columns")); !columns.ok())
      errors.push_back({"columns", columns.error().what});
  }
  return errors;
}

}  // namespace headgate::http
