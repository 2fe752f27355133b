#include "sinks/kafka/router.h"

#include <re2/re2.h>

#include <algorithm>

#include "core/codec/pg_text.h"
#include "core/model/change.h"

namespace headgate::kafka::sink {
namespace {

constexpr std::string_view kColumn = "${column.";

RE2::Options Quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  return options;
}

}  // namespace

std::vector<std::string> ColumnsOf(std::string_view topic) {
  std::vector<std::string> columns;
  for (auto at = topic.find(kColumn); at != std::string_view::npos; at = topic.find(kColumn, at + 1)) {
    const auto end = topic.find('}', at);
    if (end == std::string_view::npos) break;
    columns.emplace_back(topic.substr(at + kColumn.size(), end - at - kColumn.size()));
  }
  return columns;
}

std::string RewriteOf(std::string_view replacement) {
  std::string rewrite(replacement);
  for (std::size_t i = 0; i + 1 < rewrite.size(); ++i) {
    if (rewrite[i] == '$' && rewrite[i + 1] >= '0' && rewrite[i + 1] <= '9') rewrite[i] = '\\';
  }
  return rewrite;
}

std::string WrongWithRoute(std::string_view expression, std::string_view replacement) {
  const RE2 re(expression, Quiet());
  if (!re.ok()) return "is no RE2 expression: " + re.error() + ".";
  std::string wrong;
  if (!re.CheckRewriteString(RewriteOf(replacement), &wrong))
    return "does not have the groups that topic_replacement names: " + wrong + ".";
  return "";
}

TopicRouter::TopicRouter(const Options& options) : options_(options), columns_(ColumnsOf(options.topic)) {
  if (!options.topic_regex.empty()) expression_ = std::make_unique<RE2>(options.topic_regex, Quiet());
}

TopicRouter::~TopicRouter() = default;

Result<std::string_view> TopicRouter::TopicOf(const Event& event) {
  if (!columns_.empty()) {
    HG_ASSIGN_OR_RETURN(topic_, Make(event));
    return std::string_view(topic_);
  }
  std::string& topic = by_stream_[event.change->stream];
  if (topic.empty()) {
    HG_ASSIGN_OR_RETURN(topic, Make(event));
  }
  return std::string_view(topic);
}

Result<std::string> TopicRouter::Make(const Event& event) {
  const bool stream = event.stream != nullptr;
  std::vector<std::pair<std::string, std::string>> values;
  for (const std::string& column : columns_) {
    HG_ASSIGN_OR_RETURN(auto value, ValueOf(event, column));
    if (!value && options_.topic_default.empty())
      return Rejected("the row has no value in column " + column +
                      ", which its topic needs; topic_default would name one for such rows");
    if (!value) return options_.topic_default;
    values.emplace_back(column, *std::move(value));
  }
  std::string topic =
      headgate::kafka::sink::TopicOf(options_, stream ? std::string_view(event.stream->name) : "",
                                     stream ? event.stream->schema : "", stream ? event.stream->table : "", values);
  std::string routed;
  if (expression_ != nullptr && RE2::FullMatch(topic, *expression_) &&
      RE2::Extract(topic, *expression_, RewriteOf(options_.topic_replacement), &routed))
    topic = codec::TopicName(routed);
  if (const std::string_view wrong = WrongWithTopic(topic); !wrong.empty())
    return Rejected("the name that the topic would have " + std::string(wrong));
  return topic;
}

Result<std::optional<std::string>> TopicRouter::ValueOf(const Event& event, const std::string& column) {
  std::optional<std::string> none;
  const Change& change = *event.change;
  if (event.schema == nullptr || (!change.has_after && !change.has_before)) return none;
  const auto& columns = event.schema->columns;
  const auto found = std::ranges::find(columns, column, &Column::name);
  if (found == columns.end()) return none;
  const auto at = static_cast<std::size_t>(found - columns.begin());
  // The new row, or the old one where the new is not told.
  for (const std::string_view row : {change.has_after ? change.after : "", change.has_before ? change.before : ""}) {
    if (row.empty()) continue;
    HG_RETURN_IF_ERROR(ReadRow(row, row_));
    if (at >= row_.size()) return Corrupt("a row does not fit the columns of its stream");
    if (row_[at].is_absent()) continue;
    if (row_[at].is_null()) return none;
    std::string text;
    if (!codec::AppendServerText(text, row_[at], found->type))
      return Corrupt("a value of column " + column + " is malformed");
    return text.empty() ? none : std::optional(std::move(text));
  }
  return none;
}

}  // namespace headgate::kafka::sink
