#include "connectors/http/spec.h"

#include "connectors/http/options.h"
#include "connectors/http/source.h"
#include "core/config/option_builders.h"
#include "core/sql/column_list.h"

namespace headgate::http {
namespace {

using config::Choice;
using config::Importance;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;

std::vector<Option> StreamOptions() {
  constexpr std::string_view kGroup = "Stream";
  Option stream =
      Optional("stream", OptionType::kString, kGroup, "Stream",
               "Name of the stream in the log, in topics and in POST /api/v1/streams/NAME/events: one word that "
               "no other source has. Default: the connector's name.");
  stream.derive = [](std::string_view connector) { return std::string(connector); };
  stream.importance = Importance::kHigh;
  stream.example = "readings";
  Option columns =
      Optional("columns", OptionType::kString, kGroup, "Columns",
               "Columns of the stream's rows as in CREATE TABLE: names, types, NOT NULL, DEFAULT constant, "
               "PRIMARY KEY. A change makes a new schema version.");
  columns.required = true;
  columns.importance = Importance::kHigh;
  columns.example = "sensor_id int NOT NULL, temperature float8 NOT NULL, at timestamptz";
  Option source_id = Optional("source_id", OptionType::kString, kGroup, "Source id",
                              "Name of the source in event ids, fixed when it is first started. Default: from the "
                              "connector's name.");
  source_id.example = "readings";
  return {std::move(stream), std::move(columns), std::move(source_id)};
}

std::vector<Option> EventOptions() {
  constexpr std::string_view kGroup = "Events";
  return {
      Choice("format", "json", {"json"}, kGroup, "Format",
             "json: a body is an object, an array of objects, or with application/x-ndjson one object a line."),
      Choice("unknown_fields", "ignore", {"ignore", "reject"}, kGroup, "Unknown fields",
             "What becomes of a field that is no column. ignore: it is left out and counted; reject: its event, and "
             "with it the request, is refused."),
      Number("events_max", "10000", 1, 1'000'000, kGroup, "Events a request",
             "A request with more events is refused (413). All events of one request are one transaction."),
      Number("event_bytes_max", "1048576", 64, 1 << 28, kGroup, "Largest event",
             "Bytes of one event, as JSON and as a row. The body as a whole is limited by "
             "api.limits.body_bytes_max."),
      Number("failed_after_ms", "60000", 0, 86'400'000, kGroup, "Failed after",
             "How long the source may fail before the state shows FAILED. Attempts go on all the same."),
  };
}

std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound) {
  const Options options = MakeOptions(name, bound);
  const auto list = sql::ParseColumns(options.columns);
  if (!list.ok()) return {{"columns", Finding::Level::kError, list.error().what, "", "", "columns"}};
  return {{"columns", Finding::Level::kOk,
           std::to_string(list->columns.size()) + " columns; events go to POST /api/v1/streams/" + options.stream +
               "/events",
           "", "", ""}};
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = [] {
    config::ComponentSpec s{"HttpSource", {"http"}, config::ComponentKind::kSource, StreamOptions()};
    for (Option& option : EventOptions()) s.options.push_back(std::move(option));
    return s;
  }();
  return spec;
}

const SourceFactory& Factory() {
  static const SourceFactory factory = [] {
    SourceFactory f{};
    f.spec = &Spec();
    f.connector = "http";
    f.check = CheckOptions;
    f.create = [](const std::string& name, const config::Bound& bound, const Clock& clock) -> std::unique_ptr<Source> {
      return std::make_unique<HttpSource>(MakeOptions(name, bound), clock);
    };
    f.preflight = Preflight;
    f.durable = [](const SourceProgress& progress) { return progress.last ? progress.last->a : 0; };
    f.offset = [](const SourceProgress& progress) -> SourceOffset {
      if (!progress.last) return {};
      return {{"seq", std::to_string(progress.last->a), true}};
    };
    f.move_note = "Its clients send the events: there is nothing that it could go back to, or skip.";
    f.declared_schema = [](const std::string& name, const config::Bound& bound) -> std::optional<TableSchema> {
      const Options options = MakeOptions(name, bound);
      const auto columns = sql::ParseColumns(options.columns);
      if (!columns.ok()) return std::nullopt;
      return sql::MakeSchema(*columns, options.stream);
    };
    f.pushed_stream = [](const std::string& name, const config::Bound& bound) {
      return MakeOptions(name, bound).stream;
    };
    return f;
  }();
  return factory;
}

}  // namespace headgate::http
