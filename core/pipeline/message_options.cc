#include "core/pipeline/message_options.h"

#include <utility>

#include "core/config/option_builders.h"
#include "core/config/secrets.h"

namespace headgate {
namespace {

using config::Choice;
using config::Defaulted;
using config::Optional;
using config::OptionType;
using config::WithExample;

config::KeyError Wrong(std::string_view key, const std::string& text) {
  return {std::string(key), "Setting \"" + std::string(key) + "\" " + text};
}

}  // namespace

std::vector<config::Option> OutboxSpec(OutboxTarget target) {
  constexpr std::string_view kGroup = "Outbox";
  const bool topics = target == OutboxTarget::kTopics;
  std::vector<config::Option> out = {
      WithExample(Optional("outbox_tables", OptionType::kList, kGroup, "Outbox tables",
                           "Tables, schema.table with * and ?, whose inserted rows are messages: each goes out as it "
                           "is, whatever the format. Deletes of their rows are nothing."),
                  "public.outbox"),
      Defaulted("outbox_id", OptionType::kString, "id", kGroup, "Column of the id",
                topics ? "Its value is the header id, if there is such a column."
                       : "Its value is the header outbox-id, if there is such a column."),
      Defaulted("outbox_aggregate_type", OptionType::kString, "aggregatetype", kGroup, "Column of the aggregate's type",
                topics ? "Its value is part of the topic." : "Its value is the header outbox-aggregate-type."),
      Defaulted("outbox_aggregate_id", OptionType::kString, "aggregateid", kGroup, "Column of the aggregate's id",
                topics ? "Its value is the key."
                       : "Its value is the header outbox-aggregate-id, and with ordering=key messages of one go out in "
                         "their order, unless order_by is set."),
      Defaulted("outbox_type", OptionType::kString, "type", kGroup, "Column of the type",
                topics ? "Its value is the header type, if there is such a column."
                       : "Its value is the header outbox-type, if there is such a column."),
      Defaulted("outbox_payload", OptionType::kString, "payload", kGroup, "Column of the payload",
                topics ? "Its value is the value: bytes and text as they are, JSON as its text. NULL is a null value."
                       : "Its value is the body: bytes and text as they are, JSON as its text. With NULL nothing is "
                         "sent."),
      WithExample(Optional("outbox_headers", OptionType::kList, kGroup, "Columns that are headers",
                           "Further columns as headers: column or column:header."),
                  "tenant,trace_id:traceparent"),
      Choice("outbox_updates", "skip", {"skip", "dead_letter"}, kGroup, "Updates",
             "What becomes of a row that was updated, which rows of an outbox should not be."),
  };
  if (topics) {
    out.insert(
        out.begin() + 1,
        WithExample(Defaulted("outbox_topic", OptionType::kString, "outbox.event.${aggregate_type}", kGroup, "Topic",
                              "The topic of messages, with ${aggregate_type} for the value of that column; what "
                              "topics may not have in their names becomes _."),
                    "${aggregate_type}.events"));
  }
  return out;
}

codec::OutboxOptions ReadOutbox(const config::Bound& bound, OutboxTarget target,
                                std::vector<config::KeyError>& errors) {
  codec::OutboxOptions outbox;
  outbox.tables = bound.List("outbox_tables");
  for (const std::string& table : outbox.tables) {
    if (!config::HasPlaceholder(table) && table.find('.') == std::string::npos)
      errors.push_back(Wrong("outbox_tables", "has \"" + table + "\", which is no schema.table."));
  }
  outbox.topic = target == OutboxTarget::kTopics ? bound.Text("outbox_topic") : "${aggregate_type}";
  for (const auto& [key, column] :
       {std::pair("outbox_id", &outbox.id), std::pair("outbox_aggregate_type", &outbox.aggregate_type),
        std::pair("outbox_aggregate_id", &outbox.aggregate_id), std::pair("outbox_type", &outbox.type),
        std::pair("outbox_payload", &outbox.payload)})
    *column = bound.Text(key);
  for (const std::string& item : bound.List("outbox_headers")) {
    const auto colon = item.find(':');
    const std::string name = colon == std::string::npos ? item : item.substr(colon + 1);
    if (colon == 0 || name.empty())
      errors.push_back(Wrong("outbox_headers", "has \"" + item + "\": it must be column or column:header."));
    outbox.headers.emplace_back(item.substr(0, colon), name);
  }
  if (bound.Text("outbox_updates") == "dead_letter") outbox.updates = codec::OutboxOptions::Updates::kReject;
  return outbox;
}

std::vector<config::Option> FlatRowSpec(std::string_view deletes, std::string_view help) {
  constexpr std::string_view kGroup = "Rows";
  std::vector<config::Option> out;
  config::Option fields = Optional("add_fields", OptionType::kList, kGroup, "Added fields",
                                   "Of format=row: members that are added to each row behind its columns.");
  fields.choices = {"id", "op", "source", "schema", "table", "ts_ms", "tx_id"};
  fields.example = "op,ts_ms";
  out.push_back(std::move(fields));
  out.push_back(Defaulted("add_fields_prefix", OptionType::kString, "__", kGroup, "Prefix of added fields",
                          "What the names of added members begin with."));
  out.push_back(Choice("deletes", deletes, {deletes, "rewrite"}, kGroup, "Deletes", help));
  for (config::Option& option : out) {
    option.relevant_if_key = "format";
    option.relevant_if_value = "row";
  }
  return out;
}

codec::FlatOptions ReadFlatRows(const config::Bound& bound, bool rows, std::vector<config::KeyError>& errors) {
  codec::FlatOptions flat;
  for (const std::string& name : bound.List("add_fields")) {
    codec::FlatOptions::Field field{};
    if (codec::ParseFlatField(name, field)) flat.add_fields.push_back(field);
  }
  flat.prefix = bound.Text("add_fields_prefix");
  if (bound.Text("deletes") == "rewrite") flat.deletes = codec::FlatOptions::Deletes::kRewrite;
  if (!rows && !flat.empty())
    errors.push_back(Wrong(flat.add_fields.empty() ? "deletes" : "add_fields", "has a meaning only with format=row."));
  return flat;
}

}  // namespace headgate
