#include "core/codec/outbox.h"

#include <algorithm>

#include "core/base/wildcard.h"
#include "core/codec/pg_text.h"

namespace headgate::codec {
namespace {

constexpr std::size_t kTopicMax = 249;
constexpr std::string_view kPlace = "${aggregate_type}";

bool MayBeInTopic(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string NameOf(const TableSchema& table) {
  return table.schema.empty() ? table.table : table.schema + "." + table.table;
}

// Bytes as they are, everything else as text; nothing of NULL.
Result<std::optional<std::string>> PlainOf(const Value& value, const Column& column) {
  std::optional<std::string> text;
  if (value.is_null()) return text;
  if (value.is_absent()) return Rejected("column " + column.name + " of the outbox row was not sent by the server");
  text.emplace();
  if (value.kind == ValueKind::kBytes) {
    *text = value.text;
  } else if (!AppendServerText(*text, value, column.type)) {
    return Corrupt("a value of column " + column.name + " of the outbox row is malformed");
  }
  return text;
}

}  // namespace

bool OutboxOptions::Has(const TableSchema& table) const { return MatchesAnyWildcard(tables, NameOf(table)); }

const OutboxReader::Layout& OutboxReader::LayoutOf(const EventContext& event) {
  const auto [place, added] = layouts_.try_emplace((std::uint64_t{event.change->stream} << 32) | event.change->schema);
  Layout& layout = place->second;
  if (!added) return layout;
  layout.owned = options_.Has(*event.schema);
  const auto find = [&](const std::string& name, bool needed) -> std::optional<std::size_t> {
    const auto column = std::ranges::find(event.schema->columns, name, &Column::name);
    if (column != event.schema->columns.end()) return static_cast<std::size_t>(column - event.schema->columns.begin());
    if (needed && layout.missing.empty()) layout.missing = name;
    return std::nullopt;
  };
  layout.id = find(options_.id, false);
  layout.aggregate_type = find(options_.aggregate_type, options_.topic.find(kPlace) != std::string::npos);
  layout.aggregate_id = find(options_.aggregate_id, true);
  layout.type = find(options_.type, false);
  layout.payload = find(options_.payload, true);
  for (const auto& [column, name] : options_.headers) {
    if (const auto at = find(column, true)) layout.headers.emplace_back(*at, name);
  }
  return layout;
}

bool OutboxReader::Owns(const EventContext& event) {
  return !options_.tables.empty() && event.schema != nullptr && LayoutOf(event).owned;
}

Result<std::optional<OutboxMessage>> OutboxReader::Read(const EventContext& event) {
  std::optional<OutboxMessage> none;
  const Change& change = *event.change;
  if (!IsOfRow(change.op) || change.op == Op::kDelete) return none;
  if (change.op == Op::kUpdate) {
    if (options_.updates == OutboxOptions::Updates::kSkip) return none;
    return Rejected("a row of outbox table " + NameOf(*event.schema) +
                    " was updated, but rows of an outbox are only inserted and deleted");
  }
  const Layout& layout = LayoutOf(event);
  if (!layout.missing.empty()) {
    return ConfigError("outbox table " + NameOf(*event.schema) + " has no column " + layout.missing +
                       ": name the right one in the settings outbox_aggregate_type, outbox_aggregate_id, "
                       "outbox_payload or outbox_headers, or take the table out of outbox_tables");
  }
  HG_RETURN_IF_ERROR(ReadRow(change.after, row_));
  if (row_.size() != event.schema->columns.size()) return Corrupt("an outbox row does not fit its table");
  const auto text = [&](std::size_t column) { return PlainOf(row_[column], event.schema->columns[column]); };
  OutboxMessage message;
  message.topic = options_.topic;
  if (const auto at = message.topic.find(kPlace); at != std::string::npos) {
    HG_ASSIGN_OR_RETURN(const auto type, text(*layout.aggregate_type));
    if (!type || type->empty())
      return Rejected("column " + options_.aggregate_type + " of an outbox row is empty, so it has no topic");
    message.topic.replace(at, kPlace.size(), *type);
  }
  std::ranges::replace_if(
      message.topic, [](char c) { return !MayBeInTopic(c); }, '_');
  if (message.topic.size() > kTopicMax)
    return Rejected("column " + options_.aggregate_type +
                    " of an outbox row makes a topic of more than 249 characters");
  HG_ASSIGN_OR_RETURN(message.key, text(*layout.aggregate_id));
  const auto add_header = [&](std::size_t column, std::string name) -> Status {
    HG_ASSIGN_OR_RETURN(auto value, text(column));
    if (value) message.headers.emplace_back(std::move(name), *std::move(value));
    return Ok();
  };
  if (layout.id) HG_RETURN_IF_ERROR(add_header(*layout.id, "id"));
  if (layout.type) HG_RETURN_IF_ERROR(add_header(*layout.type, "type"));
  for (const auto& [column, name] : layout.headers) HG_RETURN_IF_ERROR(add_header(column, name));
  HG_ASSIGN_OR_RETURN(auto value, text(*layout.payload));
  message.has_value = value.has_value();
  if (value) message.value = *std::move(value);
  message.is_json = row_[*layout.payload].kind == ValueKind::kJson;
  return std::optional(std::move(message));
}

}  // namespace headgate::codec
